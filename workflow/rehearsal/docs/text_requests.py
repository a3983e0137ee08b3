"""insertText, deleteContentRange, replaceAllText."""

from __future__ import annotations

import re
from dataclasses import replace

from . import editing, ranges, units
from .editing import Edit
from .errors import RequestError
from .model import Json, Piece, Segment, Tab, Table
from .pieces import cut, lines, rebuilt, restyled, style_for_insertion
from .places import Spot, all_spots, extent_of, point_of, spot_at, spots_within, tabs_of


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
        editing.delete(extent.tab, extent.segment, extent.start, extent.end)
    return {}


def replace_all_text(edit: Edit, request: Json) -> Json:
    """Replace every match within a paragraph, in all segments of the tabs selected."""
    pattern = _pattern(request.get("containsText", {}))
    text = stored_text(request.get("replaceText", ""))
    changed = sum(
        _replace_in(edit, tab, segment, pattern, text)
        for tab in tabs_of(edit.doc, request.get("tabsCriteria"))
        for segment in tab.all_segments()
    )
    return {"replaceAllText": {"occurrencesChanged": changed} if changed else {}}


def stored_text(text: str) -> str:
    """The code units that Google stores for a text. Refuses half a surrogate pair."""
    stored = units.insertable(units.to_units(text))
    if units.has_unpaired_surrogate(stored):
        raise RequestError("The text cannot contain an unpaired surrogate.")
    return stored


def _pattern(criteria: Json) -> re.Pattern[str]:
    text = units.to_units(criteria.get("text", ""))
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
    # From the last to the first, so that the places of those still to come stay true.
    for spot, start, end in reversed(found):
        _replace_once(edit, spot, slice(start, end), text)
        ranges.note_replacement(tab, segment.id, spot.start + start, spot.start + end, len(text))
    return len(found)


def _replace_once(edit: Edit, spot: Spot, offsets: slice, text: str) -> None:
    """Put `text` in the place of a part of one paragraph, in the style of the first unit there."""
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
    """Start and end of each match that is not empty and holds text alone, whole characters only."""
    spans = dict.fromkeys(
        (
            match.start() - units.splits_pair(text, match.start()),
            match.end() + units.splits_pair(text, match.end()),
        )
        for match in pattern.finditer(text)
        if match.end() > match.start()
    )
    return [span for span in spans if "\ue907" not in text[slice(*span)]]


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
