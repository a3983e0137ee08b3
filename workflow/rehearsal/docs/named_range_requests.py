"""createNamedRange, deleteNamedRange, replaceNamedRangeContent."""

from __future__ import annotations

from typing import Final

from . import editing, ranges, units
from .editing import Edit
from .errors import OneofError, RequestError
from .model import Json, NamedRange, Tab
from .pieces import cut
from .places import OUTSIDE_PARAGRAPHS, Point, spots_within, tabs_of, text_extent_of
from .text_requests import stored_text

_LONGEST_NAME: Final = 256  # UTF-16 code units; API reference, CreateNamedRangeRequest.name


def create_named_range(edit: Edit, request: Json) -> Json:
    """Name a range. Names need not be unique."""
    name = units.to_units(request.get("name", ""))
    if not 1 <= len(name) <= _LONGEST_NAME:
        raise RequestError(
            "Named range names must be at least 1 character and no more than 256 characters."
        )
    extent = text_extent_of(edit.doc, request)
    span = (extent.start, extent.end)
    named_range = NamedRange(edit.fresh_id("kix."), request["name"], extent.segment.id, (span,))
    extent.tab.named_ranges.append(named_range)
    return {"createNamedRange": {"namedRangeId": named_range.id}}


def delete_named_range(edit: Edit, request: Json) -> Json:
    """Forget one named range by its id, or all of a name; the content stays."""
    for tab, named_range in _selected(edit, request, "name"):
        tab.named_ranges.remove(named_range)
    return {}


def replace_named_range_content(edit: Edit, request: Json) -> Json:
    """Replace what a named range, or each one of a name, holds.

    Of several spans of one range the first gets the text and the others are deleted with their
    content (API reference).
    """
    text = stored_text(request.get("text", ""))
    for _, chosen in _selected(edit, request, "namedRangeName"):
        _replace_content(edit, chosen.id, text)
    return {}


def _selected(edit: Edit, request: Json, name_field: str) -> list[tuple[Tab, NamedRange]]:
    if name_field in request and "namedRangeId" in request:
        raise OneofError("named_range_reference", name_field)
    wanted_id, wanted_name = request.get("namedRangeId"), request.get(name_field)
    if not wanted_id and not wanted_name:
        # Seen live for deleteNamedRange.
        raise RequestError("ID or name for named range must be set")
    tabs = tabs_of(edit.doc, request.get("tabsCriteria"))
    found = [
        (tab, each)
        for tab in tabs
        for each in tab.named_ranges
        if (each.id == wanted_id if wanted_id else each.name == wanted_name)
    ]
    if wanted_id and not found:
        raise RequestError(f"Named range with ID {wanted_id} was not found.")
    return found


def _replace_content(edit: Edit, range_id: str, text: str) -> None:
    tab, named_range = _present(edit, range_id)
    if named_range is None:
        return
    segment = tab.segment(named_range.segment_id)
    if segment is None:
        raise RequestError(f"Segment with ID {named_range.segment_id} was not found.")
    first, *others = named_range.spans
    for start, end in reversed(others):
        editing.delete(tab, segment, start, end)
    start, end = first
    spots = list(spots_within(segment, start, end))
    if not spots:
        raise RequestError(OUTSIDE_PARAGRAPHS)
    style = cut(spots[0].paragraph.pieces, max(start - spots[0].start, 0))[1][0].style
    editing.take_out(segment, start, end)
    if not text:
        ranges.note_deletion(tab, segment.id, start, end)
        return
    kept = tab.named_ranges
    tab.named_ranges = []
    editing.insert_pieces(edit, Point(tab, segment, start), editing.text_pieces(edit, text, style))
    tab.named_ranges = kept
    ranges.note_replacement(tab, segment.id, start, end, len(text))


def _present(edit: Edit, range_id: str) -> tuple[Tab, NamedRange | None]:
    for tab in edit.doc.all_tabs():
        for each in tab.named_ranges:
            if each.id == range_id:
                return tab, each
    return edit.doc.tabs[0], None
