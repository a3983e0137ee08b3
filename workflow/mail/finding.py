"""The findings of a check before sending, and the rows they are about."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Level = Literal["error", "warning"]


@dataclass(frozen=True)
class Finding:
    """One finding: an error stops the notice, a warning asks.

    `code` is the rule's name, the same for all its findings; `where` says where to look (`subject`,
    `text, line 4`, `row 12`); `message` is a sentence. If only some rows of a list have it, `row`
    is the first of them and `rows` their number.
    """

    level: Level
    code: str
    where: str
    message: str
    row: int = 0
    rows: int = 0


SHOWN_ROWS = 10


@dataclass
class RowNumbers:
    """The rows of a rule's finding: the first ones, and the count."""

    shown: list[int] = field(default_factory=list)
    count: int = 0

    def add(self, row: int) -> None:
        """Count one more row."""
        self.count += 1
        if len(self.shown) < SHOWN_ROWS:
            self.shown.append(row)

    def add_all(self, others: RowNumbers) -> None:
        """Count other rows too."""
        self.count += others.count
        self.shown = sorted({*self.shown, *others.shown})[:SHOWN_ROWS]

    @property
    def first_and_count(self) -> str:
        """`row 3`, `row 3 and 11 more rows`."""
        more = self.count - 1
        rest = f" and {more:,} more {'row' if more == 1 else 'rows'}" if more else ""
        return f"row {min(self.shown)}{rest}"

    def __str__(self) -> str:
        """`row 3`, `rows 3, 8, 9`, `rows 3, 8, … and 40 more`."""
        more = f" and {self.count - SHOWN_ROWS} more" if self.count > SHOWN_ROWS else ""
        rows = ", ".join(map(str, self.shown))
        return f"{'row' if self.count == 1 else 'rows'} {rows}{more}"
