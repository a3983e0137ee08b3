"""Where an edit goes in a doc that people have edited, and the pieces that go there.

Each piece has its place in the doc that was read. The batch works from the end of a tab to its
start, so that no piece moves another; ranges are named last, at the final indexes.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum

from workflow.document.blocks import (
    Block,
    Chip,
    Mark,
    Span,
    heading_kind,
    place_chips,
    select_status,
)
from workflow.document.requests import (
    COMMUNICATIONS,
    COMMUNICATIONS_FACTS,
    DAY,
    ENTRY,
    FACTS,
    HINT,
    NOTICE,
    PROPOSAL,
    PROPOSAL_FACTS,
    SECTION,
    TEXT,
    Request,
    clean_text,
    create_range,
    delete_content,
    delete_range,
    hint_name,
    inner_length,
    insert_row,
    insert_text,
    section_name,
    update_text,
    utf16_length,
)
from workflow.document.styling import Laid, style_spans
from workflow.document.template import Section, bare_title
from workflow.document.view import DocView, OwnRange, Paragraph, Range
from workflow.model import Status

# --- The pieces -----------------------------------------------------------------------------------


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
class NewValue:
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


Piece = Paragraphs | NewValue | Struck | Selected | TableRow


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


# --- The place ------------------------------------------------------------------------------------

TIMELINE = "timeline"
CUSTOMER_FACING_RESPONSE = "customer_facing_response"
SUPPORTING_DATA = "supporting_data"

_KINDS_INSIDE = {
    TIMELINE: (DAY, ENTRY),
    CUSTOMER_FACING_RESPONSE: (
        *(NOTICE, FACTS, COMMUNICATIONS, COMMUNICATIONS_FACTS),
        *(PROPOSAL, PROPOSAL_FACTS),
    ),
}


@dataclass(frozen=True)
class Place:
    """A section in the doc: its heading, its content, and its end.

    `inside` holds all paragraphs up to the end, also those in tables. `stop` is the first paragraph
    of the next section, None at the end of the body or cell.
    """

    section: Section
    heading: Paragraph
    inside: tuple[Paragraph, ...]
    stop: Paragraph | None
    found_by_range: bool

    @property
    def is_cell(self) -> bool:
        """Whether it is a table cell without a heading: then `heading` is its first line."""
        return bool(self.heading.cell) and not self.heading.heading_level

    @property
    def lines(self) -> tuple[Paragraph, ...]:
        """The content, below its heading or in its cell."""
        if not self.is_cell:
            return self.inside
        return (self.heading, *self.inside) if self.heading.text.strip() else self.inside

    @property
    def end(self) -> Spot:
        """After the section's last text; empty lines at its end stay after what is added."""
        if self.stop is not None and not self.stop.follows_paragraph:
            return _at_start(self.stop)
        beside = [one for one in self.inside if one.cell == self.heading.cell]
        last = _last_with_words([self.heading, *beside])
        following = next((one for one in beside if one.start == last.end), self.stop)
        return _behind(last, following)


@dataclass(frozen=True)
class Hint:
    """A section's unchanged hint, and its range if that is left."""

    paragraphs: tuple[Paragraph, ...]
    ranges: tuple[Range, ...]

    @property
    def spot(self) -> Spot:
        """The hint's place."""
        first, last = self.paragraphs[0], self.paragraphs[-1]
        return Spot(first.tab_id, last.end - 1, Join.INSTEAD, first.start, first.cell)


def heading_of(section: Section) -> Block:
    """A section's heading for the doc, with its named range."""
    heading = Block(heading_kind(section.level), (Span(clean_text(section.title)),))
    return heading.marked(section_name(section.key))


def after(paragraph: Paragraph) -> Spot:
    """Directly after a paragraph, before its newline, so that no range has its edge there."""
    at = paragraph.end - 1
    return Spot(paragraph.tab_id, at, Join.AFTER, at, paragraph.cell)


def before(doc: DocView, paragraph: Paragraph) -> Spot:
    """Directly before a paragraph: after the previous one if there is one."""
    if not paragraph.follows_paragraph:
        return _at_start(paragraph)
    return _behind(doc.in_tab(paragraph.tab_id)[doc.index_of(paragraph) - 1], paragraph)


def end_behind(doc: DocView, paragraph: Paragraph, level: int) -> Spot:
    """The end of a paragraph's section: up to the next heading of that level or a higher one."""
    section = Section("", "", level=level)
    position = doc.index_of(paragraph)
    return _place(doc, section, paragraph.tab_id, position, found_by_range=True).end


def end_of_tab(doc: DocView, tab_id: str) -> Spot:
    """After the last text of a tab. An empty tab's only paragraph is replaced."""
    body = [one for one in doc.in_tab(tab_id) if not one.cell]
    last = _last_with_words(body)
    if not last.text and last.start == body[0].start:
        return Spot(tab_id, last.start, Join.INSTEAD, last.start)
    return after(last)


def find_place(doc: DocView, section: Section, sections: Iterable[Section]) -> Place | None:
    """Find a section in any tab: by its range, its heading's text, or its content.

    A retyped heading has lost its range. What this program wrote below it still identifies the
    section, unless the heading is that of another of `sections`, which are read only in this case.
    """
    for own in doc.own_ranges(SECTION, section.key):
        position = _heading_position(doc, own.range, section.title)
        if position is not None:
            return _place(doc, section, own.range.tab_id, position, found_by_range=True)
    if section.in_cell:
        labelled = _labelled(doc, section)
        return labelled and _place(doc, section, *labelled, found_by_range=False)
    for naming in (folded, bare_title):
        found = _headed(doc, naming, naming(section.title))
        if found is not None:
            return _place(doc, section, *found, found_by_range=False)
    return _renamed(doc, section, sections)


def section_in_doc(doc: DocView, key: str) -> Section | None:
    """The section with that key, from the doc alone: without its hint, with the doc's title.

    None if the section's range is lost, or covers more than one heading.
    """
    for own in doc.own_ranges(SECTION, key)[:1]:
        over = _paragraphs_over(doc, own.range)
        if len(over) == 1 and over[0].heading_level:
            return Section(key, over[0].text)
    return None


def untouched_hint(doc: DocView, place: Place) -> Hint | None:
    """The hint, if nobody has changed it."""
    for own in doc.own_ranges(HINT, place.section.key):
        paragraphs = paragraphs_as_written(doc, own, hint_name)
        if paragraphs and paragraphs[0] in place.inside:
            return Hint(paragraphs, (own.range,))
    # A cut and pasted section may have lost the hint's range; its text identifies it too.
    words = tuple(block.text for block in place.section.hint)
    paragraphs = place.inside[: len(words)]
    if words and tuple(one.text for one in paragraphs) == words and stand_together(paragraphs):
        return Hint(paragraphs, ())
    return None


def folded(title: str) -> str:
    """A heading's text without case, spaces and colons, which people change in passing."""
    text = unicodedata.normalize("NFKC", title).casefold()
    return " ".join(text.split()).strip(" :.")


def _at_start(paragraph: Paragraph) -> Spot:
    """At a paragraph's start, for one after a table or at the very top."""
    at = paragraph.start
    return Spot(paragraph.tab_id, at, Join.BEFORE, at, paragraph.cell)


def _behind(paragraph: Paragraph, following: Paragraph | None) -> Spot:
    """After a paragraph, so that the new text stays separate.

    A suggested line may be rejected: text before its newline would then be joined to the following
    line. At the start of the following line it has its own newline.
    """
    if not paragraph.is_suggested or following is None or following.start != paragraph.end:
        return after(paragraph)
    return _at_start(following)


def _heading_position(doc: DocView, given: Range, title: str) -> int | None:
    """The heading under a range, which may have grown over text inserted right above it."""
    first = doc.position_of(given)
    if first is None:
        return None
    over = list(enumerate(_paragraphs_over(doc, given), start=first))
    named = (position for position, one in over if folded(one.text) == folded(title))
    headings = (position for position, one in over if one.heading_level)
    return next(named, next(headings, first))


def _paragraphs_over(doc: DocView, given: Range) -> tuple[Paragraph, ...]:
    """The paragraphs that a range covers at least in part."""
    first = doc.position_of(given)
    if first is None:
        return ()
    tab = doc.in_tab(given.tab_id)
    end = first + 1
    while end < len(tab) and tab[end].start < given.end:
        end += 1
    return tab[first:end]


def _headed(doc: DocView, naming: Callable[[str], str], wanted: str) -> tuple[str, int] | None:
    """The tab and position of the first heading with this text."""
    for tab in doc.tabs:
        for position, paragraph in enumerate(doc.in_tab(tab.id)):
            is_heading = paragraph.named_style.startswith("HEADING_")
            if wanted and is_heading and naming(paragraph.text) == wanted:
                return tab.id, position
    return None


def _labelled(doc: DocView, section: Section) -> tuple[str, int] | None:
    """The tab and first line of the cell beside or below the one with a section's title."""
    wanted = folded(section.title)
    for table in doc.tables:
        for row, following in zip(table.rows, (*table.rows[1:], None), strict=True):
            for column, number in enumerate(row.cells):
                label = " ".join(one.text for one in doc.in_cell(table.tab_id, number))
                beside, below = (
                    row.cells[column + 1 :],
                    following.cells[column:] if following else (),
                )
                cell = beside if section.in_cell == "beside" else below
                if cell and folded(label) == wanted:
                    first = doc.in_cell(table.tab_id, cell[0])[0]
                    return table.tab_id, doc.index_of(first)
    return None


def _renamed(doc: DocView, section: Section, sections: Iterable[Section]) -> Place | None:
    titles: frozenset[str] | None = None
    for given in _ranges_inside(doc, section.key):
        position = doc.position_of(given)
        tab = doc.in_tab(given.tab_id)
        above = range(position, -1, -1) if position is not None else ()
        heading = next((at for at in above if 0 < tab[at].heading_level <= section.level), None)
        if heading is None or not tab[heading].named_style.startswith("HEADING_"):
            continue
        if tab[heading].start in _section_starts(doc, given.tab_id):
            continue
        titles = titles or frozenset(folded(other.title) for other in sections)
        if folded(tab[heading].text) not in titles:
            return _place(doc, section, given.tab_id, heading, found_by_range=False)
    return None


def _ranges_inside(doc: DocView, key: str) -> Iterator[Range]:
    """Our ranges inside the section with that key."""
    for own in doc.own_ranges(HINT, key):
        yield own.range
    for kind in _KINDS_INSIDE.get(key, ()):
        for ranges in doc.own.get(kind, {}).values():
            yield from (own.range for own in ranges)
    for ranges in doc.own.get(TEXT, {}).values():
        yield from (own.range for own in ranges if own.name.notes == (key,))


def _place(
    doc: DocView, section: Section, tab_id: str, position: int, *, found_by_range: bool
) -> Place:
    tab = doc.in_tab(tab_id)
    heading = tab[position]
    level = heading.heading_level or section.level
    others = _section_starts(doc, tab_id) - {heading.start}
    inside: list[Paragraph] = []
    stop = None
    for paragraph in tab[position + 1 :]:
        if paragraph.cell == heading.cell and _ends(paragraph, level, others):
            stop = paragraph
            break
        if heading.cell in (0, paragraph.cell):
            inside.append(paragraph)
    return Place(section, heading, tuple(inside), stop, found_by_range)


def _ends(paragraph: Paragraph, level: int, starts: frozenset[int]) -> bool:
    """Whether a section of that level ends before this paragraph."""
    if paragraph.heading_level:
        return paragraph.heading_level <= level
    return paragraph.start in starts  # A section's heading that a person turned into plain text.


def _section_starts(doc: DocView, tab_id: str) -> frozenset[int]:
    ranges = (own.range for key in doc.own.get(SECTION, {}).values() for own in key)
    found = (_heading_position(doc, one, "") for one in ranges if one.tab_id == tab_id)
    return frozenset(doc.in_tab(tab_id)[at].start for at in found if at is not None)


def paragraphs_as_written(
    doc: DocView, own: OwnRange, naming: Callable[[str, tuple[str, ...]], str]
) -> tuple[Paragraph, ...]:
    """The paragraphs under a range of ours, if nobody has changed them.

    `naming` gives the range's name from its key and their texts.
    """
    first = doc.position_of(own.range)
    count = int(own.name.notes[0]) if own.name.notes and own.name.notes[0].isdecimal() else 0
    if first is None or not count:
        return ()
    paragraphs = doc.in_tab(own.range.tab_id)[first : first + count]
    written = naming(own.name.key, tuple(one.text for one in paragraphs))
    return paragraphs if written == own.range.name and stand_together(paragraphs) else ()


def stand_together(paragraphs: Sequence[Paragraph]) -> bool:
    """Whether these paragraphs have nothing between them."""
    return all(one.follows_paragraph for one in paragraphs[1:])


def _last_with_words(paragraphs: Sequence[Paragraph]) -> Paragraph:
    """The last paragraph that isn't empty; the empty one required after a table is kept."""
    last = len(paragraphs) - 1
    while last > 0 and not paragraphs[last].text and paragraphs[last].follows_paragraph:
        last -= 1
    return paragraphs[last]
