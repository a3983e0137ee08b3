"""Pieces of an edit in the doc's coordinates, and their batch.

Each piece has its place in the doc that was read. The batch works from the end of a tab to its
start, so that no piece moves another; ranges are named last, at the final indexes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum

from workflow.document.blocks import Chip, Mark, Span, place_chips, select_status
from workflow.document.requests import (
    Request,
    create_range,
    delete_content,
    delete_range,
    inner_length,
    insert_row,
    insert_text,
    update_text,
    utf16_length,
)
from workflow.document.styling import Laid, style_spans
from workflow.document.view import Range
from workflow.model import Status


class Join(IntEnum):
    """How new text joins the existing text. At one index the lower value comes first."""

    BEFORE = 0
    """Paragraphs at another's start, each with its newline after it."""
    INSTEAD = 1
    """In place of deleted text; the newline after it stays."""
    AFTER = 2
    """Paragraphs before another's newline, each with its newline before it."""


@dataclass(frozen=True)
class Spot:
    """A place in the doc that was read. The text from `delete_from` up to `at` is deleted.

    `cell` is the table cell, 0 for the body itself.
    """

    tab_id: str
    at: int
    join: Join
    delete_from: int
    cell: int = 0

    @property
    def behind(self) -> Spot:
        """The place directly after the paragraphs that are inserted here."""
        if self.join is not Join.INSTEAD:
            return self
        return Spot(self.tab_id, self.at, Join.AFTER, self.at, self.cell)


@dataclass(frozen=True)
class Paragraphs:
    """New paragraphs for a spot."""

    spot: Spot
    laid: Laid

    @property
    def growth(self) -> int:
        """The growth of the tab in code units."""
        joint = self.spot.join is not Join.INSTEAD
        return self.laid.length + joint - (self.spot.at - self.spot.delete_from)

    @property
    def marks(self) -> tuple[Mark, ...]:
        """The ranges to name, counted from `delete_from`."""
        lead = int(self.spot.join is Join.AFTER)
        return tuple(Mark(m.name, m.start + lead, m.end + lead) for m in self.laid.marks)

    def requests(self) -> Iterator[Request]:
        """Insert, delete the old text, then style every paragraph."""
        tab_id, at, old = self.spot.tab_id, self.spot.at, self.spot.delete_from
        before = "\n" if self.spot.join is Join.AFTER else ""
        behind = "\n" if self.spot.join is Join.BEFORE else ""
        yield insert_text(tab_id, at, before + self.laid.text + behind)
        if old < at:
            yield delete_content(tab_id, old, at)
        # Only outside tables: pageBreakBefore is refused inside (reference, ParagraphStyle).
        anywhere = () if self.spot.cell else ("pageBreakBefore",)
        yield from self.laid.requests(tab_id, old + len(before), anywhere)


@dataclass(frozen=True)
class Words:
    """A new value within one paragraph, in place of an old one or of nothing.

    It looks like the old value, or like plain text. `lead` and `trail` separate it from the text
    around it; the range `name`, if any, covers the value alone. A `chip` replaces a value that is
    its placeholder. With `spans`, the value has their style in any case.
    """

    spot: Spot
    value: str
    name: str = ""
    lead: str = ""
    trail: str = ""
    chip: Chip | None = None
    spans: tuple[Span, ...] = ()

    @property
    def text(self) -> str:
        """The inserted text."""
        return f"{self.lead}{self.value}{self.trail}"

    @property
    def growth(self) -> int:
        """The growth of the tab in code units."""
        return utf16_length(self.text) - (self.spot.at - self.spot.delete_from)

    @property
    def marks(self) -> tuple[Mark, ...]:
        """The range to name, counted from `delete_from`."""
        if not self.name:
            return ()
        start = utf16_length(self.lead)
        return (Mark(self.name, start, start + utf16_length(self.value)),)

    def requests(self) -> Iterator[Request]:
        """Insert, then delete the old text: the paragraph is never empty in between."""
        tab_id, at, old = self.spot.tab_id, self.spot.at, self.spot.delete_from
        if self.text:
            yield insert_text(tab_id, at, self.text)
        if old < at:
            yield delete_content(tab_id, old, at)
        if old == at or self.spans:
            yield update_text(tab_id, old, old + utf16_length(self.text), {}, "*")
        yield from style_spans(tab_id, old + utf16_length(self.lead), self.spans)
        if self.chip is not None:
            value = Span(self.value, chip=self.chip)
            yield from place_chips(tab_id, old + utf16_length(self.lead), [value])


@dataclass(frozen=True)
class Struck:
    """Text from `spot.at` up to `end` that is struck through, otherwise unchanged.

    `end` is its end after the pieces that come later in the doc.
    """

    spot: Spot
    end: int
    growth: int = 0
    marks: tuple[Mark, ...] = ()

    def requests(self) -> Iterator[Request]:
        """One request, for the style only."""
        style = {"strikethrough": True}
        yield update_text(self.spot.tab_id, self.spot.at, self.end, style, "strikethrough")


@dataclass(frozen=True)
class Selected:
    """A status chosen in the existing dropdown at `spot`."""

    spot: Spot
    dropdown_id: str
    status: Status
    growth: int = 0
    marks: tuple[Mark, ...] = ()

    def requests(self) -> Iterator[Request]:
        """One request, for the choice only."""
        yield select_status(self.spot.tab_id, self.dropdown_id, self.status)


@dataclass(frozen=True)
class TableRow:
    """A new row below row number `below` of a table; `spot` is that row's end.

    `cells` are the texts of its columns; `mark` is a range over the text of column `marked`.
    """

    spot: Spot
    table_start: int
    below: int
    cells: tuple[tuple[Span, ...], ...]
    name: str
    marked: int

    @property
    def growth(self) -> int:
        """The growth of the tab in code units: the row, two for each cell, and the text."""
        return 1 + sum(2 + _length(cell) for cell in self.cells)

    @property
    def marks(self) -> tuple[Mark, ...]:
        """The range to name, counted from the row's start."""
        start = self._start_of(self.marked) + sum(map(_length, self.cells[: self.marked]))
        words = "".join(span.text for span in self.cells[self.marked])
        return (Mark(self.name, start, start + inner_length(words)),)

    def requests(self) -> Iterator[Request]:
        """Insert the row, then fill it from its last cell to its first."""
        tab_id = self.spot.tab_id
        yield insert_row(tab_id, self.table_start, self.below)
        for column in reversed(range(len(self.cells))):
            cell = self.cells[column]
            if cell:
                at = self.spot.at + self._start_of(column)
                yield insert_text(tab_id, at, "".join(span.text for span in cell))
                yield update_text(tab_id, at, at + _length(cell), {}, "*")
                yield from style_spans(tab_id, at, cell)

    @staticmethod
    def _start_of(column: int) -> int:
        """The start of a cell in an empty row: after the row's unit, the earlier cells, its own
        unit.
        """
        return 1 + 2 * column + 1


def _length(spans: Iterable[Span]) -> int:
    return sum(utf16_length(span.text) for span in spans)


Piece = Paragraphs | Words | Struck | Selected | TableRow


def batch(
    pieces: Sequence[Piece], *, forget: Iterable[Range], name: Iterable[Range]
) -> list[Request]:
    """The requests for all pieces, in the order that `batchUpdate` needs.

    Pieces at one index end up in the order given. Ranges to `forget` go first, by their ids, and
    ranges to `name` come last; both are in the coordinates of the doc that was read.
    """
    ordered = [piece for _, piece in sorted(enumerate(pieces), key=_rank)]
    named: list[Request] = []
    growth: dict[str, int] = {}
    for piece in ordered:
        tab_id = piece.spot.tab_id
        base = piece.spot.delete_from + growth.get(tab_id, 0)
        named += [create_range(tab_id, base + m.start, base + m.end, m.name) for m in piece.marks]
        growth[tab_id] = growth.get(tab_id, 0) + piece.growth
    for kept in name:
        moved = kept.start + sum(piece.growth for piece in ordered if _is_before(piece.spot, kept))
        named.append(create_range(kept.tab_id, moved, moved + kept.end - kept.start, kept.name))
    return [
        *(delete_range(range_id) for range_id in dict.fromkeys(gone.id for gone in forget)),
        *(request for piece in reversed(ordered) for request in piece.requests()),
        *named,
    ]


def _rank(numbered: tuple[int, Piece]) -> tuple[str, int, Join, int]:
    number, piece = numbered
    return piece.spot.tab_id, piece.spot.at, piece.spot.join, number


def _is_before(spot: Spot, kept: Range) -> bool:
    if spot.tab_id != kept.tab_id:
        return False
    return spot.at <= kept.start if spot.join is Join.BEFORE else spot.at < kept.start
