"""What every request is made of: resolve its places, then insert, delete and change.

A request names tabs, segments, paragraphs and ranges; those are its places. Each edit keeps the
invariants of a Google Doc: paragraphs end with a newline, a segment and a cell end with a
paragraph, a table has a paragraph before it, no surrogate pair is split, and named ranges follow
their content. Indexes and offsets are in UTF-16 code units; spans are (start, end) pairs, the end
exclusive.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from google_rehearsal.docs import world
from google_rehearsal.docs.errors import OneofError, RequestError
from google_rehearsal.docs.world import (
    Block,
    BoundaryInserts,
    DocumentModel,
    FetchedPicture,
    Json,
    NamedRange,
    Paragraph,
    Piece,
    Run,
    SectionBreak,
    Segment,
    Tab,
    Table,
    TableOfContents,
    copied_segment,
)

# --- Places ---------------------------------------------------------------------------------------

OUTSIDE_PARAGRAPHS = (
    "The insertion index must be inside the bounds of an existing paragraph. "
    "You can still create new paragraphs by inserting newlines."
)


@dataclass(frozen=True, slots=True)
class Spot:
    """A paragraph and its place: its list of blocks, its position there, its first index."""

    siblings: list[Block]
    position: int
    start: int
    paragraph: Paragraph
    in_table: bool = False

    @property
    def end(self) -> int:
        """The index after its newline."""
        return self.start + self.paragraph.length

    def current(self) -> Paragraph:
        """The paragraph that is here now, after edits to this place."""
        block = self.siblings[self.position]
        if not isinstance(block, Paragraph):
            raise TypeError("a paragraph never becomes another block")
        return block

    def put(self, paragraph: Paragraph) -> None:
        """Replace the paragraph."""
        self.siblings[self.position] = paragraph


@dataclass(frozen=True, slots=True)
class Point:
    """An index in a segment of a tab."""

    tab: Tab
    segment: Segment
    index: int


@dataclass(frozen=True, slots=True)
class Extent:
    """A range in a segment of a tab: not empty, within the segment."""

    tab: Tab
    segment: Segment
    start: int
    end: int


def tab_of(doc: DocumentModel, tab_id: str | None) -> Tab:
    """The tab with that id, the first tab when none is named (API reference, Location.tabId)."""
    if not tab_id:
        return doc.tabs[0]
    for tab in doc.all_tabs():
        if tab.id == tab_id:
            return tab
    raise RequestError(f"Tab with ID {tab_id} does not exist.")


def tabs_of(doc: DocumentModel, criteria: Json | None) -> list[Tab]:
    """The tabs that a `TabsCriteria` selects; all of them when there is none."""
    if criteria is None:
        return list(doc.all_tabs())
    return [tab_of(doc, tab_id) for tab_id in criteria.get("tabIds", [])]


def segment_of(doc: DocumentModel, place: Json) -> tuple[Tab, Segment]:
    """The tab and segment that a `Location`, `EndOfSegmentLocation` or `Range` names."""
    tab = tab_of(doc, place.get("tabId"))
    segment = tab.segment(place.get("segmentId", ""))
    if segment is None:
        raise RequestError(f"Segment with ID {place['segmentId']} was not found.")
    return tab, segment


def point_of(doc: DocumentModel, request: Json) -> Point:
    """The point of a request with `location` or `endOfSegmentLocation`.

    The end of a segment is "immediately before the last newline" (API reference). The index is
    within the segment, but not yet known to be in a paragraph.
    """
    if "location" in request and "endOfSegmentLocation" in request:
        raise OneofError("insertion_location", "endOfSegmentLocation")
    if "endOfSegmentLocation" in request:
        tab, segment = segment_of(doc, request["endOfSegmentLocation"])
        return Point(tab, segment, segment.end - 1)
    if "location" not in request:
        raise RequestError("No insertion location set.")
    tab, segment = segment_of(doc, request["location"])
    # An int32 that is left out is zero.
    index = request["location"].get("index", 0)
    _check_index(index, segment)
    return Point(tab, segment, index)


def extent_of(doc: DocumentModel, request: Json) -> Extent:
    """The range of a request, checked: both ends given, in order, not empty, in the segment."""
    if "range" not in request:
        raise RequestError("A range must be specified.")
    tab, segment = segment_of(doc, request["range"])
    start, end = request["range"].get("startIndex"), request["range"].get("endIndex")
    if start is None or end is None:
        raise RequestError("Invalid range: must contain a start and end index")
    if end < start:
        raise RequestError("Invalid range: end index cannot be less than start index")
    _check_index(start, segment)
    if end > segment.end:
        raise RequestError(_past_the_end(end, segment))
    if start == end:
        raise RequestError("The range should not be empty.")
    if segment.kind == "body" and start == 0:
        raise RequestError("Cannot operate on the first section break in the document.")
    return Extent(tab, segment, start, end)


def text_extent_of(doc: DocumentModel, request: Json) -> Extent:
    """A request's range of text: as `extent_of`, and no character is split."""
    extent = extent_of(doc, request)
    for index in (extent.start, extent.end):
        spot = _find(extent.segment.content, 0, index, in_table=False)
        if spot is not None and world.splits_pair(spot.paragraph.text, index - spot.start):
            raise RequestError("The range cannot start or end inside a surrogate pair.")
    return extent


def spot_at(segment: Segment, index: int) -> Spot:
    """The paragraph for an insertion at an index."""
    spot = _find(segment.content, 0, index, in_table=False)
    if spot is None:
        raise RequestError(OUTSIDE_PARAGRAPHS)
    if world.splits_pair(spot.paragraph.text, index - spot.start):
        raise RequestError("The insertion index cannot be inside a surrogate pair.")
    return spot


def spots_within(segment: Segment, start: int, end: int) -> Iterator[Spot]:
    """The paragraphs that overlap a range, also in table cells, from the first to the last.

    A paragraph may be replaced by its `Spot.put` meanwhile, if its length stays.
    """
    return _overlapping(segment.content, 0, start, end, in_table=False)


def all_spots(segment: Segment) -> Iterator[Spot]:
    """Every paragraph of a segment."""
    return spots_within(segment, 0, segment.end)


def cell_contents(table: Table, start: int) -> Iterator[tuple[list[Block], int]]:
    """Each cell's blocks with the index at which they begin, for a table that begins at `start`."""
    index = start + 1
    for row in table.rows:
        index += 1
        for cell in row.cells:
            yield cell.content, index + 1
            index += cell.length


def _find(blocks: list[Block], index_of_first: int, wanted: int, *, in_table: bool) -> Spot | None:
    index = index_of_first
    for position, block in enumerate(blocks):
        after = index + block.length
        if wanted >= after:
            index = after
            continue
        if isinstance(block, Paragraph) and wanted >= index:
            return Spot(blocks, position, index, block, in_table)
        return _find_in_cells(block, index, wanted) if isinstance(block, Table) else None
    return None


def _find_in_cells(table: Table, start: int, wanted: int) -> Spot | None:
    for content, first in cell_contents(table, start):
        if first <= wanted < first + sum(block.length for block in content):
            return _find(content, first, wanted, in_table=True)
    return None


def _overlapping(
    blocks: list[Block], index_of_first: int, start: int, end: int, *, in_table: bool
) -> Iterator[Spot]:
    index = index_of_first
    for position, block in enumerate(blocks):
        if index >= end:
            return
        after = index + block.length
        if after > start and isinstance(block, Paragraph):
            yield Spot(blocks, position, index, block, in_table)
        elif after > start and isinstance(block, Table):
            for content, first in cell_contents(block, index):
                yield from _overlapping(content, first, start, end, in_table=True)
        index = after


def _check_index(index: int, segment: Segment) -> None:
    if index < 0:
        raise RequestError(f"Index {index} must be greater than or equal to 0.")
    if index >= segment.end:
        raise RequestError(_past_the_end(index, segment))


def _past_the_end(index: int, segment: Segment) -> str:
    return (
        f"Index {index} must be less than the end index of the referenced segment, {segment.end}."
    )


Span = tuple[int, int]


def move_for_insertion(
    tab: Tab, segment_id: str, at: int, length: int, boundary_inserts: BoundaryInserts
) -> None:
    """Move the tab's ranges for content inserted at an index.

    Strictly inside a range, the range grows (API reference, NamedRange: "content inserted inside a
    named range generally expands that range"). The reference doesn't say what happens at its ends,
    so `boundary_inserts` decides.
    """
    inside = boundary_inserts == "inside"

    def moved(span: Span) -> Span:
        start, end = span
        pushed = start > at or (start == at and not inside)
        grown = end > at or (end == at and inside)
        return start + length * pushed, end + length * grown

    _remap(tab, segment_id, moved)


def note_deletion(tab: Tab, segment_id: str, start: int, end: int) -> None:
    """Shrink the tab's ranges for content deleted between two indexes; drop emptied ones."""

    def moved(span: Span) -> Span:
        return _after_deletion(span[0], start, end), _after_deletion(span[1], start, end)

    _remap(tab, segment_id, moved)


def note_replacement(tab: Tab, segment_id: str, start: int, end: int, length: int) -> None:
    """Move the tab's ranges for content replaced by `length` units.

    A range that held all of the old content holds all of the new; one that ended or began within
    the old content keeps only its part outside.
    """
    if length == 0:
        note_deletion(tab, segment_id, start, end)
        return
    growth = length - (end - start)

    def moved(span: Span) -> Span:
        first, last = span
        if first > start:
            first = first + growth if first >= end else start + length
        if last > start:
            last = last + growth if last >= end else start
        return first, last

    _remap(tab, segment_id, moved)


def _after_deletion(index: int, start: int, end: int) -> int:
    return index if index <= start else max(index - (end - start), start)


def _remap(tab: Tab, segment_id: str, moved: Callable[[Span], Span]) -> None:
    kept = (_remapped(each, segment_id, moved) for each in tab.named_ranges)
    tab.named_ranges = [each for each in kept if each.spans]


def _remapped(
    named_range: NamedRange, segment_id: str, moved: Callable[[Span], Span]
) -> NamedRange:
    if named_range.segment_id != segment_id:
        return named_range
    spans = tuple(span for span in map(moved, named_range.spans) if span[0] < span[1])
    return named_range if spans == named_range.spans else replace(named_range, spans=spans)


# --- Edits ----------------------------------------------------------------------------------------

Pieces = tuple[Piece, ...]


def cut(pieces: Pieces, at: int) -> tuple[Pieces, Pieces]:
    """The pieces before and after the offset `at`."""
    left: list[Piece] = []
    for position, piece in enumerate(pieces):
        if at >= piece.length:
            left.append(piece)
            at -= piece.length
            continue
        if at == 0:
            return tuple(left), pieces[position:]
        before, after = _halves(piece, at)
        return (*left, before), (after, *pieces[position + 1 :])
    return tuple(left), ()


def joined(pieces: Iterable[Piece]) -> Pieces:
    """The pieces as the API shows them: no empty runs, neighbours of equal style merged."""
    result: list[Piece] = []
    for piece in pieces:
        if not piece.length:
            continue
        last = result[-1] if result else None
        if isinstance(piece, Run) and isinstance(last, Run) and _alike(last, piece):
            result[-1] = replace(last, text=last.text + piece.text)
        else:
            result.append(piece)
    return tuple(result)


def rebuilt(paragraph: Paragraph, pieces: Iterable[Piece]) -> Paragraph:
    """The paragraph with other pieces, its style and bullet kept."""
    return replace(paragraph, pieces=joined(pieces))


def restyled(
    paragraph: Paragraph, start: int, end: int, change: Callable[[Piece], Piece]
) -> Paragraph:
    """The paragraph with `change` applied between two offsets."""
    before, rest = cut(paragraph.pieces, max(start, 0))
    inside, after = cut(rest, min(end, paragraph.length) - max(start, 0))
    return rebuilt(paragraph, (*before, *(change(piece) for piece in inside), *after))


def lines(pieces: Iterable[Piece]) -> list[list[Piece]]:
    """The pieces split after each newline; the last line is what follows the last newline."""
    result: list[list[Piece]] = [[]]
    for piece in pieces:
        if not isinstance(piece, Run):
            result[-1].append(piece)
            continue
        first, *others = piece.text.split("\n")
        result[-1].append(replace(piece, text=first))
        for text in others:
            result[-1].append(replace(piece, text="\n"))
            result.append([replace(piece, text=text)])
    return result


def style_for_insertion(paragraph: Paragraph, at: int) -> Json:
    """The text style of text inserted at the offset `at`.

    It is that of the text immediately before, at a paragraph's start that of the text after (API
    reference, InsertTextRequest.text). A link continues only if both neighbours have it: links do
    not grow at their ends.
    """
    before, after = cut(paragraph.pieces, at)
    if not before:
        return _without_link(after[0].style)
    style = before[-1].style
    if "link" not in style or (after and after[0].style.get("link") == style["link"]):
        return style
    return _without_link(style)


def _halves(piece: Piece, at: int) -> tuple[Piece, Piece]:
    if not isinstance(piece, Run):
        raise TypeError("an element of one unit cannot be cut")
    return replace(piece, text=piece.text[:at]), replace(piece, text=piece.text[at:])


def _without_link(style: Json) -> Json:
    if "link" not in style:
        return style
    # The colour and underline belong to the link, so they don't continue either.
    return {k: v for k, v in style.items() if k not in ("link", "foregroundColor", "underline")}


def _alike(one: Run, other: Run) -> bool:
    return (
        one.style == other.style
        and one.insertions == other.insertions
        and one.deletions == other.deletions
        and one.changes == other.changes
    )


FetchPicture = Callable[[str], FetchedPicture | None]

UNDELETABLE = "Invalid deletion range. Cannot delete the requested range."


@dataclass(frozen=True, slots=True)
class Edit:
    """A batch at work on its own copy of a document.

    `new_id` gives a fresh random token at each call. `suggestion` is the suggestion id of the
    present request, empty for a plain edit. `fetch` returns the picture at an address, None if
    there is none.
    """

    doc: DocumentModel
    new_id: Callable[[], str]
    suggestion: str = ""
    fetch: FetchPicture = lambda _address: None

    def fresh_id(self, prefix: str) -> str:
        """An id of Google's look: the prefix and at most twelve letters and digits."""
        return prefix + (re.sub("[^A-Za-z0-9]", "", self.new_id())[-12:].lower() or "0")


def insert_pieces(edit: Edit, point: Point, pieces: Sequence[Piece]) -> None:
    """Insert pieces at a point; each newline in them makes a paragraph.

    The new paragraphs copy style and bullet of the surrounding one (API reference,
    InsertTextRequest.text). A heading's id stays with the part that holds the heading's old text.
    """
    spot = spot_at(point.segment, point.index)
    offset = point.index - spot.start
    left, right = cut(spot.paragraph.pieces, offset)
    rows = lines(pieces)
    rows[0][:0] = left
    rows[-1].extend(right)
    keeper = 0 if offset else len(rows) - 1
    spot.siblings[spot.position : spot.position + 1] = [
        rebuilt(spot.paragraph if i == keeper else like(edit, spot.paragraph), row)
        for i, row in enumerate(rows)
    ]
    note_insertion(edit, point, sum(piece.length for piece in pieces))


def note_insertion(edit: Edit, point: Point, length: int) -> None:
    """Move the named ranges for an insertion of `length` units at a point."""
    move_for_insertion(point.tab, point.segment.id, point.index, length, edit.doc.boundary_inserts)


def like(edit: Edit, paragraph: Paragraph) -> Paragraph:
    """A paragraph of the same kind; a heading gets a new heading id.

    A suggested style stays with the paragraph that it is about.
    """
    paragraph = replace(paragraph, changes=())
    if "headingId" not in paragraph.style:
        return paragraph
    style = {**paragraph.style, "headingId": edit.fresh_id("h.")}
    return replace(paragraph, style=style)


def delete(tab: Tab, segment: Segment, start: int, end: int) -> None:
    """Delete the content between two indexes. Raises `RequestError` if Google would refuse."""
    take_out(segment, start, end)
    note_deletion(tab, segment.id, start, end)


def take_out(segment: Segment, start: int, end: int) -> None:
    """Delete, without the effect on named ranges."""
    siblings, first = _holder(segment.content, 0, start, end)
    if end >= first + sum(block.length for block in siblings):
        if siblings is segment.content:
            raise RequestError(
                "The range cannot include the newline character at the end of the segment."
            )
        raise RequestError(UNDELETABLE)
    _take_out_of(siblings, first, start, end)


def check_deletable(segment: Segment, start: int, end: int) -> None:
    """Raise what `delete` would raise, without changing anything."""
    take_out(copied_segment(segment), start, end)


def _holder(
    blocks: list[Block], index_of_first: int, start: int, end: int
) -> tuple[list[Block], int]:
    """The innermost list of blocks with the whole range, and its first index."""
    index = index_of_first
    for block in blocks:
        after = index + block.length
        if start < after:
            break
        index = after
    if isinstance(block, Table) and end < after:
        for content, first in cell_contents(block, index):
            if first <= start and end <= first + sum(each.length for each in content):
                return _holder(content, first, start, end)
    return blocks, index_of_first


def _take_out_of(siblings: list[Block], index_of_first: int, start: int, end: int) -> None:
    touched = [
        (position, index, block)
        for position, index, block in _indexed(siblings, index_of_first)
        if index < end and index + block.length > start
    ]
    _check_whole(touched, start, end)
    first_position, first_index, first = touched[0]
    last_position, last_index, last = touched[-1]
    _check_newline_before(siblings, last_position, last_index + last.length, end)
    head = cut(first.pieces, start - first_index)[0] if isinstance(first, Paragraph) else ()
    tail_position = last_position + (last_index + last.length == end)
    tail = siblings[tail_position]
    rest: tuple[Piece, ...] = ()
    if tail_position == last_position and isinstance(last, Paragraph):
        rest = cut(last.pieces, end - last_index)[1]
    elif head and isinstance(tail, Paragraph):
        rest = tail.pieces
    if not head and tail_position > last_position:
        siblings[first_position:tail_position] = []
        return
    if not isinstance(tail, Paragraph):
        raise RequestError(UNDELETABLE)
    # The paragraph with remaining text decides; if the first has none, the last does.
    model = first if head and isinstance(first, Paragraph) else tail
    siblings[first_position : tail_position + 1] = [rebuilt(model, (*head, *rest))]


def _indexed(blocks: list[Block], index_of_first: int) -> Iterator[tuple[int, int, Block]]:
    index = index_of_first
    for position, block in enumerate(blocks):
        yield position, index, block
        index += block.length


def _check_whole(touched: list[tuple[int, int, Block]], start: int, end: int) -> None:
    """Require whole tables, tables of contents and section breaks, and unsplit surrogate pairs."""
    for _, index, block in touched:
        if isinstance(block, Paragraph):
            text = block.text
            if world.splits_pair(text, start - index) or world.splits_pair(text, end - index):
                raise RequestError(UNDELETABLE)
        elif start > index or end < index + block.length:
            raise RequestError(UNDELETABLE)


def _check_newline_before(
    siblings: list[Block], last_position: int, last_end: int, end: int
) -> None:
    """The newline before a table, table of contents or section break is only deleted with it."""
    following = siblings[last_position + 1] if last_end == end else None
    if isinstance(following, Table | TableOfContents | SectionBreak):
        raise RequestError(UNDELETABLE)


def text_pieces(edit: Edit, text: str, style: Json) -> tuple[Run, ...]:
    """A run of text, marked as a suggested insertion where the batch suggests."""
    marks = (edit.suggestion,) if edit.suggestion else ()
    return (Run(text, style, insertions=marks),)
