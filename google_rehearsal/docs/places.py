"""Resolve a request's tabs, segments, paragraphs and ranges; move named ranges.

Indexes are UTF-16 code units. Spans are (start, end) pairs, the end exclusive.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from google_rehearsal.docs import world
from google_rehearsal.docs.errors import OneofError, RequestError
from google_rehearsal.docs.world import (
    Block,
    BoundaryInserts,
    DocumentModel,
    Json,
    NamedRange,
    Paragraph,
    Segment,
    Tab,
    Table,
)

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


def note_insertion(
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
