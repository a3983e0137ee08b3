"""The sums of a series."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field


@dataclass
class Tally:
    """What came of a series of runs.

    `duplicates` are mails beyond the first to one address, `lost` addresses without a mail that the
    ledger does not name as undecided, `unknown` those that it does; `wrong` is anything else.
    `kills` are processes that were killed, `cut_off` how often the database was taken from all.
    """

    runs: int = 0
    mails: int = 0
    duplicates: int = 0
    lost: int = 0
    unknown: int = 0
    unknown_allowed: bool = False
    kills: int = 0
    cut_off: int = 0
    wrong: list[str] = field(default_factory=list)

    @property
    def kept(self) -> bool:
        """Whether every promise was kept."""
        undecided = self.unknown and not self.unknown_allowed
        return not (self.duplicates or self.lost or undecided or self.wrong)

    def count(self, expected: int, copies: Counter[str], states: Counter[str]) -> None:
        """Add one run: what the mailbox has against what the ledger says."""
        self.runs += 1
        self.mails += copies.total()
        self.duplicates += sum(each - 1 for each in copies.values())
        self.unknown += states["unknown"]
        self.lost += max(0, expected - len(copies) - states["unknown"])
        if states["sent"] + states["unknown"] != expected:
            self.wrong.append(f"run {self.runs}: the ledger has {dict(states)}")

    def __str__(self) -> str:
        words = (
            f"runs {self.runs}, mails {self.mails}, duplicates {self.duplicates}, "
            f"lost {self.lost}, unknown {self.unknown}"
        )
        if self.kills or self.cut_off:
            words += f", kills {self.kills}, cut off {self.cut_off}"
        return f"{words}; WRONG: {self.wrong[:5]}" if self.wrong else words
