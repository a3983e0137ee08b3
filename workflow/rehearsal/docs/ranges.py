"""What becomes of named ranges when the content under them changes.

Indexes are UTF-16 code units. Spans are (start, end) pairs, the end exclusive.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from .model import BoundaryInserts, NamedRange, Tab

Span = tuple[int, int]


def note_insertion(
    tab: Tab, segment_id: str, at: int, length: int, boundary_inserts: BoundaryInserts
) -> None:
    """Move the tab's ranges for content inserted at an index.

    Strictly inside a range the range grows (API reference, NamedRange: "content inserted inside a
    named range generally expands that range"). At its two ends the reference is silent, so
    `boundary_inserts` says.
    """
    inside = boundary_inserts == "inside"

    def moved(span: Span) -> Span:
        start, end = span
        pushed = start > at or (start == at and not inside)
        grown = end > at or (end == at and inside)
        return start + length * pushed, end + length * grown

    _remap(tab, segment_id, moved)


def note_deletion(tab: Tab, segment_id: str, start: int, end: int) -> None:
    """Shrink the tab's ranges for content deleted between two indexes; an emptied one is gone."""

    def moved(span: Span) -> Span:
        return _after_deletion(span[0], start, end), _after_deletion(span[1], start, end)

    _remap(tab, segment_id, moved)


def note_replacement(tab: Tab, segment_id: str, start: int, end: int, length: int) -> None:
    """Move the tab's ranges for content replaced by `length` units.

    A range that held all of the old content holds all of the new; one that ended or began within
    the old content keeps only what it has outside of it.
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
