"""A Google Doc for tests: send requests, read the errors and the contents."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import pytest

from google_rehearsal.docs import (
    DocsError,
    DocumentModel,
    FetchedPicture,
    apply_batch,
    blank_document,
    render_document,
    to_json,
)

Json = dict[str, Any]


def id_counter() -> Callable[[], str]:
    """Ids that are different each time and the same in each run."""
    numbers = itertools.count(1)
    return lambda: f"{next(numbers):012x}"


class Page:
    """One document, its requests and its resource."""

    def __init__(self, text: str = "") -> None:
        self.new_id = id_counter()
        self.pictures: dict[str, FetchedPicture] = {}
        self.doc: DocumentModel = blank_document("doc-1", "A page", self.new_id)
        if text:
            self.send(insert(text, at=1))

    def send(self, *requests: Json, **control: str) -> list[Json]:
        """The replies to one batch."""
        return list(self.batch(*requests, **control)["replies"])

    def batch(self, *requests: Json, **control: str) -> Json:
        """The whole answer to one batch; `control` is its `writeControl`."""
        body = {"requests": list(requests), "writeControl": control}
        return apply_batch(self.doc, body, new_id=self.new_id, fetch=self.pictures.get)

    def refused(self, *requests: Json, **control: str) -> Json:
        """The error of a batch that is refused, which leaves the document as it was."""
        before = to_json(self.doc)
        with pytest.raises(DocsError) as caught:
            self.batch(*requests, **control)
        assert to_json(self.doc) == before
        error = caught.value
        return {"code": error.code, "message": error.message, "status": error.status}

    def resource(self, view: str = "SUGGESTIONS_INLINE") -> Json:
        """The `Document` resource, the first tab's content in it."""
        return render_document(self.doc, suggestions_view_mode=view, include_tabs_content=False)

    def tabs(self) -> list[Json]:
        """The `tabs` of the resource."""
        shown = render_document(self.doc, suggestions_view_mode="", include_tabs_content=True)
        return list(shown["tabs"])

    def blocks(self, view: str = "SUGGESTIONS_INLINE") -> list[Json]:
        """The structural elements of the body, the section break left out."""
        return list(self.resource(view)["body"]["content"][1:])

    def text(self, view: str = "SUGGESTIONS_INLINE") -> str:
        """All text of the body, tables' too, U+E907 for each non-text element."""
        return text_of(self.blocks(view))

    def paragraphs(self) -> list[Json]:
        """The body's paragraphs that are not in a table."""
        return [block["paragraph"] for block in self.blocks() if "paragraph" in block]

    def named_styles(self) -> list[str]:
        """The named style of each paragraph."""
        return [each["paragraphStyle"]["namedStyleType"] for each in self.paragraphs()]

    def bullets(self) -> list[int | None]:
        """The nesting level of each paragraph, None where it is no list item."""
        return [
            each["bullet"].get("nestingLevel", 0) if "bullet" in each else None
            for each in self.paragraphs()
        ]

    def runs(self) -> list[tuple[str, Json]]:
        """Text and style of each run of the body."""
        return [
            (element["textRun"]["content"], element["textRun"]["textStyle"])
            for paragraph in self.paragraphs()
            for element in paragraph["elements"]
            if "textRun" in element
        ]

    def named_ranges(self) -> dict[str, list[tuple[int, int]]]:
        """The spans of all ranges, by name."""
        return {
            name: [
                (span["startIndex"], span["endIndex"])
                for each in group["namedRanges"]
                for span in each["ranges"]
            ]
            for name, group in self.resource().get("namedRanges", {}).items()
        }


def text_of(blocks: list[Json]) -> str:
    """The text of some structural elements."""
    parts = []
    for block in blocks:
        for element in block.get("paragraph", {}).get("elements", []):
            parts.append(element["textRun"]["content"] if "textRun" in element else "\ue907")
        for row in block.get("table", {}).get("tableRows", []):
            parts.extend(text_of(cell["content"]) for cell in row["tableCells"])
    return "".join(parts)


def bad(message: str, status: str = "INVALID_ARGUMENT") -> Json:
    """The error object with this message."""
    return {"code": 400, "message": message, "status": status}


def insert(text: str, *, at: int, **place: str) -> Json:
    """insertText at an index."""
    return {"insertText": {"text": text, "location": {"index": at, **place}}}


def append(text: str, **place: str) -> Json:
    """insertText at the end of a segment."""
    return {"insertText": {"text": text, "endOfSegmentLocation": place}}


def span(start: int, end: int, **place: str) -> Json:
    """A `Range`."""
    return {"startIndex": start, "endIndex": end, **place}


def delete(start: int, end: int, **place: str) -> Json:
    """deleteContentRange."""
    return {"deleteContentRange": {"range": span(start, end, **place)}}


def style(start: int, end: int, fields: str, **text_style: Any) -> Json:
    """updateTextStyle."""
    return {
        "updateTextStyle": {
            "range": span(start, end),
            "textStyle": text_style,
            "fields": fields,
        }
    }


def shape(start: int, end: int, fields: str, **paragraph_style: Any) -> Json:
    """updateParagraphStyle."""
    return {
        "updateParagraphStyle": {
            "range": span(start, end),
            "paragraphStyle": paragraph_style,
            "fields": fields,
        }
    }


def bullets(start: int, end: int, preset: str = "BULLET_DISC_CIRCLE_SQUARE") -> Json:
    """createParagraphBullets."""
    return {"createParagraphBullets": {"range": span(start, end), "bulletPreset": preset}}


def name(what: str, start: int, end: int, **place: str) -> Json:
    """createNamedRange."""
    return {"createNamedRange": {"name": what, "range": span(start, end, **place)}}


def table(rows: int, columns: int, *, at: int) -> Json:
    """insertTable."""
    return {"insertTable": {"rows": rows, "columns": columns, "location": {"index": at}}}


def cell(table_start: int, row: int = 0, column: int = 0) -> Json:
    """A `TableCellLocation`."""
    return {
        "tableStartLocation": {"index": table_start},
        "rowIndex": row,
        "columnIndex": column,
    }
