"""Requests on text and named ranges.

insertText, deleteContentRange, replaceAllText, createNamedRange, deleteNamedRange,
replaceNamedRangeContent.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Final

from google_rehearsal.docs import editing, world
from google_rehearsal.docs.editing import (
    OUTSIDE_PARAGRAPHS,
    Edit,
    Point,
    Spot,
    all_spots,
    cut,
    extent_of,
    lines,
    point_of,
    rebuilt,
    restyled,
    spot_at,
    spots_within,
    style_for_insertion,
    tabs_of,
    text_extent_of,
)
from google_rehearsal.docs.errors import DocsError, OneofError, RequestError
from google_rehearsal.docs.world import Json, NamedRange, Piece, Segment, Tab, Table


def insert_text(edit: Edit, request: Json) -> Json:
    """Insert text at a location or at the end of a segment."""
    text = stored_text(request.get("text", ""))
    if not request.get("text"):
        raise RequestError("Insert text requests must specify text to insert.")
    point = point_of(edit.doc, request)
    spot = spot_at(point.segment, point.index)
    style = style_for_insertion(spot.paragraph, point.index - spot.start)
    if text:
        editing.insert_pieces(edit, point, editing.text_pieces(edit, text, style))
    return {}


def delete_content_range(edit: Edit, request: Json) -> Json:
    """Delete a range, or mark it as suggested for deletion."""
    extent = extent_of(edit.doc, request)
    if edit.suggestion:
        editing.check_deletable(extent.segment, extent.start, extent.end)
        _suggest_deletion(edit, extent.segment, extent.start, extent.end)
    else:
        if edit.doc.suggested_deletes == "fail":
            _refuse_suggested(extent.segment, extent.start, extent.end)
        editing.delete(extent.tab, extent.segment, extent.start, extent.end)
    return {}


def replace_all_text(edit: Edit, request: Json) -> Json:
    """Replace every match within a paragraph, in all segments of the selected tabs."""
    pattern = _pattern(request.get("containsText", {}))
    text = stored_text(request.get("replaceText", ""))
    changed = sum(
        _replace_in(edit, tab, segment, pattern, text)
        for tab in tabs_of(edit.doc, request.get("tabsCriteria"))
        for segment in tab.all_segments()
    )
    return {"replaceAllText": {"occurrencesChanged": changed} if changed else {}}


def stored_text(text: str) -> str:
    """The code units that Google stores for a text. Refuses an unpaired surrogate."""
    stored = world.insertable(world.to_units(text))
    if world.has_unpaired_surrogate(stored):
        raise RequestError("The text cannot contain an unpaired surrogate.")
    return stored


def _pattern(criteria: Json) -> re.Pattern[str]:
    text = world.to_units(criteria.get("text", ""))
    if not text:
        raise RequestError("The text to find cannot be empty.")
    flags = re.NOFLAG if criteria.get("matchCase") else re.IGNORECASE
    try:
        return re.compile(text if criteria.get("searchByRegex") else re.escape(text), flags)
    except re.error as fault:
        raise RequestError(f"Invalid regular expression: {fault}") from fault


def _replace_in(edit: Edit, tab: Tab, segment: Segment, pattern: re.Pattern[str], text: str) -> int:
    found = [
        (spot, start, end)
        for spot in all_spots(segment)
        for start, end in _matches(pattern, spot.paragraph.text[:-1])
    ]
    # From the last to the first, so that the remaining places stay valid.
    for spot, start, end in reversed(found):
        _replace_once(edit, spot, slice(start, end), text)
        editing.note_replacement(tab, segment.id, spot.start + start, spot.start + end, len(text))
    return len(found)


def _replace_once(edit: Edit, spot: Spot, offsets: slice, text: str) -> None:
    """Replace a part of one paragraph by `text`, in the style of the first replaced unit."""
    paragraph = spot.current()
    before, rest = cut(paragraph.pieces, offsets.start)
    old, after = cut(rest, offsets.stop - offsets.start)
    # Nothing follows the paragraph's own newline, so the last line is empty.
    *rows, _ = lines((*before, *editing.text_pieces(edit, text, old[0].style), *after))
    spot.siblings[spot.position : spot.position + 1] = [
        rebuilt(paragraph if i == 0 else editing.like(edit, paragraph), row)
        for i, row in enumerate(rows)
    ]


def _matches(pattern: re.Pattern[str], text: str) -> list[tuple[int, int]]:
    """Start and end of each non-empty match of text alone, in whole characters."""
    spans = dict.fromkeys(
        (
            match.start() - world.splits_pair(text, match.start()),
            match.end() + world.splits_pair(text, match.end()),
        )
        for match in pattern.finditer(text)
        if match.end() > match.start()
    )
    return [span for span in spans if "\ue907" not in text[slice(*span)]]


def _refuse_suggested(segment: Segment, start: int, end: int) -> None:
    """Fail as Google does on text with a suggestion (report hermes 181)."""
    for spot in all_spots(segment):
        index = spot.start
        for piece in spot.paragraph.pieces:
            overlaps = index < end and start < index + piece.length
            if overlaps and (piece.insertions or piece.deletions):
                raise DocsError(500, "Internal error encountered.", "INTERNAL")
            index += piece.length


def _suggest_deletion(edit: Edit, segment: Segment, start: int, end: int) -> None:
    def marked(piece: Piece) -> Piece:
        return replace(piece, deletions=(*piece.deletions, edit.suggestion))

    for spot in spots_within(segment, start, end):
        spot.put(restyled(spot.paragraph, start - spot.start, end - spot.start, marked))
    _mark_tables(edit, segment, start, end)


def _mark_tables(edit: Edit, segment: Segment, start: int, end: int) -> None:
    index = 0
    for block in segment.content:
        if isinstance(block, Table) and start <= index and index + block.length <= end:
            block.deletions = (*block.deletions, edit.suggestion)
        index += block.length


_LONGEST_NAME: Final = 256  # UTF-16 code units; API reference, CreateNamedRangeRequest.name


def create_named_range(edit: Edit, request: Json) -> Json:
    """Name a range. Names need not be unique."""
    name = world.to_units(request.get("name", ""))
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
    """Delete one named range by its id, or all with a name; the content stays."""
    for tab, named_range in _selected(edit, request, "name"):
        tab.named_ranges.remove(named_range)
    return {}


def replace_named_range_content(edit: Edit, request: Json) -> Json:
    """Replace the content of a named range, or of each one with a name.

    If a range has several spans, the first gets the text, and the others are deleted with their
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
        editing.note_deletion(tab, segment.id, start, end)
        return
    kept = tab.named_ranges
    tab.named_ranges = []
    editing.insert_pieces(edit, Point(tab, segment, start), editing.text_pieces(edit, text, style))
    tab.named_ranges = kept
    editing.note_replacement(tab, segment.id, start, end, len(text))


def _present(edit: Edit, range_id: str) -> tuple[Tab, NamedRange | None]:
    for tab in edit.doc.all_tabs():
        for each in tab.named_ranges:
            if each.id == range_id:
                return tab, each
    return edit.doc.tabs[0], None
