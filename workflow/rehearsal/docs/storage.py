"""A document as plain JSON for a store, and back; nothing is lost on the way."""

from __future__ import annotations

from typing import Any

from . import units
from .model import (
    Block,
    Cell,
    DocumentModel,
    Inline,
    Json,
    NamedRange,
    Paragraph,
    Piece,
    Row,
    Run,
    SectionBreak,
    Segment,
    Tab,
    Table,
    TableOfContents,
)


def to_json(doc: DocumentModel) -> Json:
    """The document as JSON, which shares objects with it: write it out, do not change it."""
    return {
        "id": doc.id,
        "title": doc.title,
        "revision": doc.revision,
        "recentRevisions": doc.recent_revisions,
        "boundaryInserts": doc.boundary_inserts,
        "tabs": [_from_tab(tab) for tab in doc.tabs],
    }


def from_json(stored: Json) -> DocumentModel:
    """The document that `to_json` wrote."""
    return DocumentModel(
        id=stored["id"],
        title=stored["title"],
        tabs=[_to_tab(tab) for tab in stored["tabs"]],
        revision=stored["revision"],
        recent_revisions=list(stored["recentRevisions"]),
        boundary_inserts=stored["boundaryInserts"],
    )


def _from_tab(tab: Tab) -> Json:
    return {
        "id": tab.id,
        "title": tab.title,
        "icon": tab.icon,
        "body": _from_segment(tab.body),
        "segments": [_from_segment(segment) for segment in tab.segments.values()],
        "namedRanges": [
            {
                "id": each.id,
                "name": each.name,
                "segmentId": each.segment_id,
                "spans": [list(span) for span in each.spans],
            }
            for each in tab.named_ranges
        ],
        "lists": tab.lists,
        "dropdowns": tab.dropdowns,
        "inlineObjects": tab.inline_objects,
        "style": tab.style,
        "children": [_from_tab(child) for child in tab.children],
    }


def _to_tab(stored: Json) -> Tab:
    segments = [_to_segment(segment) for segment in stored["segments"]]
    return Tab(
        id=stored["id"],
        title=stored["title"],
        icon=stored["icon"],
        body=_to_segment(stored["body"]),
        segments={segment.id: segment for segment in segments},
        named_ranges=[
            NamedRange(
                each["id"],
                each["name"],
                each["segmentId"],
                tuple((start, end) for start, end in each["spans"]),
            )
            for each in stored["namedRanges"]
        ],
        lists=stored["lists"],
        dropdowns=stored["dropdowns"],
        inline_objects=stored.get("inlineObjects", {}),
        style=stored["style"],
        children=[_to_tab(child) for child in stored["children"]],
    )


def _from_segment(segment: Segment) -> Json:
    content = [_from_block(block) for block in segment.content]
    return {"id": segment.id, "kind": segment.kind, "content": content}


def _to_segment(stored: Json) -> Segment:
    return Segment(stored["id"], stored["kind"], [_to_block(block) for block in stored["content"]])


def _from_block(block: Block) -> Json:
    if isinstance(block, Paragraph):
        pieces = [_from_piece(piece) for piece in block.pieces]
        return {"pieces": pieces, "style": block.style, "bullet": block.bullet}
    if isinstance(block, Table):
        rows = [_from_row(row) for row in block.rows]
        return {"rows": rows, "style": block.style, "deletions": list(block.deletions)}
    if isinstance(block, TableOfContents):
        return {"contents": [_from_block(each) for each in block.content]}
    return {"section": block.style}


def _to_block(stored: Json) -> Block:
    if "pieces" in stored:
        pieces = tuple(_to_piece(piece) for piece in stored["pieces"])
        return Paragraph(pieces, stored["style"], stored["bullet"])
    if "rows" in stored:
        rows = [_to_row(row) for row in stored["rows"]]
        return Table(rows, stored["style"], tuple(stored["deletions"]))
    if "contents" in stored:
        return TableOfContents([_to_block(each) for each in stored["contents"]])
    return SectionBreak(stored["section"])


def _from_row(row: Row) -> Json:
    cells = [
        {"content": [_from_block(block) for block in cell.content], "style": cell.style}
        for cell in row.cells
    ]
    return {"cells": cells, "style": row.style}


def _to_row(stored: Json) -> Row:
    cells = [
        Cell([_to_block(block) for block in cell["content"]], cell["style"])
        for cell in stored["cells"]
    ]
    return Row(cells, stored["style"])


def _from_piece(piece: Piece) -> list[Any]:
    # A list, as most of a document is pieces: [text or kind, style, insertions, deletions, body].
    marks = [list(piece.insertions), list(piece.deletions)]
    if isinstance(piece, Run):
        return [units.from_units(piece.text), piece.style, *marks]
    return [piece.kind, piece.style, *marks, piece.body]


def _to_piece(stored: list[Any]) -> Piece:
    text, style, insertions, deletions, *body = stored
    marks = (tuple(insertions), tuple(deletions))
    if body:
        return Inline(text, body[0], style, *marks)
    return Run(units.to_units(text), style, *marks)
