"""The batchUpdate requests of the edits, one function for each. Indexes are UTF-16.

`tab_id` is empty for a doc read in the form without tabs; such a request goes to the first tab.
`clean_text` gives text as Google Docs keeps it.
"""

from __future__ import annotations

import hashlib
import re
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
    """Style all overlapping paragraphs; a field in `fields` but not in `style` is reset."""
    return {
        "updateParagraphStyle": {
            "range": span(tab_id, start, end),
            "paragraphStyle": style,
            "fields": fields,
        }
    }


def update_text(tab_id: str, start: int, end: int, style: dict[str, Any], fields: str) -> Request:
    """Style text; a field in `fields` but not in `style` is reset."""
    return {
        "updateTextStyle": {
            "range": span(tab_id, start, end),
            "textStyle": style,
            "fields": fields,
        }
    }


def create_bullets(tab_id: str, start: int, end: int, preset: str) -> Request:
    """Make a list of all overlapping paragraphs; leading tabs nest and are removed."""
    request = {"range": span(tab_id, start, end), "bulletPreset": preset}
    return {"createParagraphBullets": request}


def delete_bullets(tab_id: str, start: int, end: int) -> Request:
    """Remove all overlapping paragraphs from their lists."""
    return {"deleteParagraphBullets": {"range": span(tab_id, start, end)}}


def insert_table(tab_id: str, at: int, rows: int, columns: int) -> Request:
    """Insert a newline at `at` and an empty table after it."""
    return {
        "insertTable": {"rows": rows, "columns": columns, "location": location(tab_id, at)},
    }


def insert_row(tab_id: str, table_start: int, row: int) -> Request:
    """Insert an empty row below a row of the table that starts at `table_start`."""
    cell = {
        "tableStartLocation": location(tab_id, table_start),
        "rowIndex": row,
        "columnIndex": 0,
    }
    return {"insertTableRow": {"tableCellLocation": cell, "insertBelow": True}}


def insert_picture(tab_id: str, at: int, uri: str, size: dict[str, float]) -> Request:
    """Insert the picture at a public address; `size` may have `width` and `height` in points."""
    sides = {name: {"magnitude": side, "unit": "PT"} for name, side in size.items()}
    request = {"uri": uri, "location": location(tab_id, at)}
    return {"insertInlineImage": request | ({"objectSize": sides} if sides else {})}


def create_range(tab_id: str, start: int, end: int, name: str) -> Request:
    """Name a range."""
    return {"createNamedRange": {"name": name, "range": span(tab_id, start, end)}}


def delete_range(range_id: str) -> Request:
    """Delete one named range; its text stays."""
    return {"deleteNamedRange": {"namedRangeId": range_id}}


def location(tab_id: str, at: int) -> dict[str, Any]:
    """A `Location` in a tab's body."""
    return {"index": at} | ({"tabId": tab_id} if tab_id else {})


def span(tab_id: str, start: int, end: int) -> dict[str, Any]:
    """A `Range` in a tab's body."""
    return {"startIndex": start, "endIndex": end} | ({"tabId": tab_id} if tab_id else {})


LINE_BREAK = "\v"
"""U+000B, a new line inside one paragraph."""

NON_TEXT = "\ue907"
"""The character in a paragraph's text for each unit of a chip, picture or other non-text element.
"""

# Stripped from an insert: U+0000-0008, U+000C-001F, U+E000-F8FF (reference, InsertTextRequest).
# Lone surrogates are no text at all. Carriage returns are line ends and are dealt with before.
_LOST = re.compile("[\x00-\x08\x0c\x0e-\x1f\ud800-\udfff\ue000-\uf8ff]")
_LINE_END = re.compile("\r\n|[\n\r\v\x85\u2028\u2029]")


def clean_text(text: str) -> str:
    """The text of one paragraph, exactly as Docs will keep it.

    Each character that Docs would strip becomes U+FFFD, so that lengths are known before the text
    is sent; each kind of line end becomes U+000B, so that it stays one paragraph.
    """
    return _LOST.sub("\ufffd", _LINE_END.sub(LINE_BREAK, text))


def utf16_length(text: str) -> int:
    """The length in UTF-16 code units, the unit of every index in a doc."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def inner_length(text: str) -> int:
    """The length of a text without its last character, or of a single one.

    A range of that length excludes the end of its paragraph: text that is inserted there later is
    not at the range's edge, where Docs doesn't document whether a range grows.
    """
    return utf16_length(text[:-1] or text)


def text_from(text: str, offset: int) -> str:
    """The rest of `text` from `offset`, in UTF-16 code units."""
    return text.encode("utf-16-le", "surrogatepass")[2 * offset :].decode("utf-16-le", "replace")


def text_until(text: str, offset: int) -> str:
    """The part of `text` before `offset`, in UTF-16 code units."""
    return text.encode("utf-16-le", "surrogatepass")[: 2 * offset].decode("utf-16-le", "replace")


def fingerprint(text: str) -> str:
    """Sixteen hex digits to check later whether a text is unchanged."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]
