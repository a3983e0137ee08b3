"""The batchUpdate requests that the edits are made of, one function for each. Indexes are UTF-16.

`tab_id` is empty for a doc read in the form without tabs; such a request goes to the first tab.
"""

from __future__ import annotations

from typing import Any

Request = dict[str, Any]
"""One `Request` of the reference: an object with exactly one key."""


def insert_text(tab_id: str, at: int, text: str) -> Request:
    """Insert text, which must be clean, before the unit at `at`."""
    return {"insertText": {"location": location(tab_id, at), "text": text}}


def delete_content(tab_id: str, start: int, end: int) -> Request:
    """Delete from `start` up to `end`."""
    return {"deleteContentRange": {"range": span(tab_id, start, end)}}


def update_paragraphs(
    tab_id: str, start: int, end: int, style: dict[str, Any], fields: str
) -> Request:
    """Style all paragraphs that overlap; a field that is listed and not in `style` is reset."""
    return {
        "updateParagraphStyle": {
            "range": span(tab_id, start, end),
            "paragraphStyle": style,
            "fields": fields,
        }
    }


def update_text(tab_id: str, start: int, end: int, style: dict[str, Any], fields: str) -> Request:
    """Style text; a field that is listed and not in `style` is reset."""
    return {
        "updateTextStyle": {
            "range": span(tab_id, start, end),
            "textStyle": style,
            "fields": fields,
        }
    }


def create_bullets(tab_id: str, start: int, end: int, preset: str) -> Request:
    """Make a list of all paragraphs that overlap; leading tabs nest and are removed."""
    request = {"range": span(tab_id, start, end), "bulletPreset": preset}
    return {"createParagraphBullets": request}


def delete_bullets(tab_id: str, start: int, end: int) -> Request:
    """Take all paragraphs that overlap out of their lists."""
    return {"deleteParagraphBullets": {"range": span(tab_id, start, end)}}


def insert_table(tab_id: str, at: int, rows: int, columns: int) -> Request:
    """Insert a newline at `at` and an empty table behind it."""
    return {
        "insertTable": {"rows": rows, "columns": columns, "location": location(tab_id, at)},
    }


def insert_picture(tab_id: str, at: int, uri: str, size: dict[str, float]) -> Request:
    """Insert the picture at a public address; `size` has its `width` and `height` in points."""
    sides = {name: {"magnitude": side, "unit": "PT"} for name, side in size.items()}
    request = {"uri": uri, "location": location(tab_id, at)}
    return {"insertInlineImage": request | ({"objectSize": sides} if sides else {})}


def create_range(tab_id: str, start: int, end: int, name: str) -> Request:
    """Name a range."""
    return {"createNamedRange": {"name": name, "range": span(tab_id, start, end)}}


def delete_range(range_id: str) -> Request:
    """Forget one named range; its text stays."""
    return {"deleteNamedRange": {"namedRangeId": range_id}}


def location(tab_id: str, at: int) -> dict[str, Any]:
    """A `Location` in a tab's body."""
    return {"index": at} | ({"tabId": tab_id} if tab_id else {})


def span(tab_id: str, start: int, end: int) -> dict[str, Any]:
    """A `Range` in a tab's body."""
    return {"startIndex": start, "endIndex": end} | ({"tabId": tab_id} if tab_id else {})
