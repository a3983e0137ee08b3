"""Pieces of an edit in the doc's own coordinates, and the one batch that carries them all out.

Each piece says where it goes in the doc as it was read. The batch works from the end of a tab
to its start, so that no piece moves another; ranges are named last, at the final indexes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum

from workflow.document.blocks import Mark, Span
from workflow.document.chips import Chip, place_chips, select_status
from workflow.document.paragraphs import Laid
from workflow.document.requests import (
    Request,
    create_range,
    delete_content,
    delete_range,
    insert_text,
    update_text,
)
from workflow.document.text import utf16_length
from workflow.document.view import Range
from workflow.incident import Status


class Join(IntEnum):
    """How new text meets what is there. At one index the lower comes first in the doc."""

    BEFORE = 0
    """Paragraphs at another's start, each with its newline behind."""
    INSTEAD = 1
    """In the place of text that goes; the newline behind it stays."""
    AFTER = 2
    """Paragraphs before another's newline, each with its newline in front."""


@dataclass(frozen=True)
class Spot:
    """A place in the doc as it was read. The text from `delete_from` up to `at` is taken out.

    `cell` is the table cell, 0 for the body itself.
    """

    tab_id: str
    at: int
    join: Join
    delete_from: int
    cell: int = 0

    @property
    def behind(self) -> Spot:
        """The place for what comes directly behind the paragraphs that go here."""
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
        """By how many code units the tab grows."""
        joint = self.spot.join is not Join.INSTEAD
        return self.laid.length + joint - (self.spot.at - self.spot.delete_from)

    @property
    def marks(self) -> tuple[Mark, ...]:
        """Ranges to be named, counted from `delete_from`."""
        lead = int(self.spot.join is Join.AFTER)
        return tuple(Mark(m.name, m.start + lead, m.end + lead) for m in self.laid.marks)

    def requests(self) -> Iterator[Request]:
        """Insert, take out the old, then give every paragraph its own look."""
        tab_id, at, old = self.spot.tab_id, self.spot.at, self.spot.delete_from
        before = "\n" if self.spot.join is Join.AFTER else ""
        behind = "\n" if self.spot.join is Join.BEFORE else ""
        yield insert_text(tab_id, at, before + self.laid.text + behind)
        if old < at:
            yield delete_content(tab_id, old, at)
        # Outside of tables only: pageBreakBefore is refused there (reference, ParagraphStyle).
        anywhere = () if self.spot.cell else ("pageBreakBefore",)
        yield from self.laid.requests(tab_id, old + len(before), anywhere)


@dataclass(frozen=True)
class Words:
    """A new value within one paragraph, for a spot that is INSTEAD of an old one or of none.

    In the place of an old value it looks like the old; where none goes, it looks like plain text.
    `lead` and `trail` part it from what is around it; the range `name`, if it has one, is over the
    value alone. A `chip` comes in the place of a value that is its stand-in.
    """

    spot: Spot
    value: str
    name: str = ""
    lead: str = ""
    trail: str = ""
    chip: Chip | None = None

    @property
    def text(self) -> str:
        """What is inserted."""
        return f"{self.lead}{self.value}{self.trail}"

    @property
    def growth(self) -> int:
        """By how many code units the tab grows."""
        return utf16_length(self.text) - (self.spot.at - self.spot.delete_from)

    @property
    def marks(self) -> tuple[Mark, ...]:
        """The range to be named, counted from `delete_from`."""
        if not self.name:
            return ()
        start = utf16_length(self.lead)
        return (Mark(self.name, start, start + utf16_length(self.value)),)

    def requests(self) -> Iterator[Request]:
        """Insert, then take out the old: the paragraph is never empty in between."""
        tab_id, at, old = self.spot.tab_id, self.spot.at, self.spot.delete_from
        if self.text:
            yield insert_text(tab_id, at, self.text)
        if old < at:
            yield delete_content(tab_id, old, at)
        else:
            yield update_text(tab_id, at, at + utf16_length(self.text), {}, "*")
        if self.chip is not None:
            value = Span(self.value, chip=self.chip)
            yield from place_chips(tab_id, old + utf16_length(self.lead), [value])


@dataclass(frozen=True)
class Struck:
    """Text from `spot.at` up to `end` that is struck through; not a letter of it changes.

    `end` is where it ends once the pieces behind `spot` are in.
    """

    spot: Spot
    end: int
    growth: int = 0
    marks: tuple[Mark, ...] = ()

    def requests(self) -> Iterator[Request]:
        """One request for the style alone."""
        style = {"strikethrough": True}
        yield update_text(self.spot.tab_id, self.spot.at, self.end, style, "strikethrough")


@dataclass(frozen=True)
class Selected:
    """A status chosen in the dropdown at `spot`, which stays where it is."""

    spot: Spot
    dropdown_id: str
    status: Status
    growth: int = 0
    marks: tuple[Mark, ...] = ()

    def requests(self) -> Iterator[Request]:
        """One request for the choice alone."""
        yield select_status(self.spot.tab_id, self.dropdown_id, self.status)


Piece = Paragraphs | Words | Struck | Selected


def batch(
    pieces: Sequence[Piece], *, forget: Iterable[Range], name: Iterable[Range]
) -> list[Request]:
    """The requests that carry out all pieces, in the order that `batchUpdate` must have them.

    Pieces at one index end up in the order given. Ranges to `forget` go first, by their ids, and
    ranges to `name` come last; both are in the coordinates of the doc as it was read.
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
