"""The rehearsal counts as Google does: rebuilt documents have the recorded indexes.

tests/fixtures/docs/SOURCES.md names the source of each document.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from google_rehearsal.docs import DocumentModel, blank_document, render_document, world
from google_rehearsal.docs.world import (
    Block,
    Cell,
    Inline,
    Paragraph,
    Piece,
    Row,
    Run,
    SectionBreak,
    Table,
)
from tests.google_rehearsal.docs_page import (
    Json,
    Page,
    bullets,
    delete,
    id_counter,
    insert,
    name,
    table,
)

FOLDER = Path(__file__).parent.parent / "fixtures" / "docs"
RECORDED = sorted(path.stem for path in FOLDER.glob("*.json"))
# Edited by hand at the source, with the indexes of the earlier text.
RETOUCHED = {"links", "texts"}


def recorded(stem: str) -> Json:
    return dict(json.loads((FOLDER / f"{stem}.json").read_text(encoding="utf-8")))


def built(resource: Json) -> DocumentModel:
    """A document with the body of a recorded one, without its indexes."""
    doc = blank_document(resource["documentId"], resource["title"], id_counter())
    doc.tabs[0].body.content = [block(each) for each in resource["body"]["content"]]
    return doc


def block(shown: Json) -> Block:
    if "sectionBreak" in shown:
        return SectionBreak(shown["sectionBreak"]["sectionStyle"])
    if "table" in shown:
        rows = [
            Row(
                [
                    Cell([block(each) for each in cell["content"]], cell["tableCellStyle"])
                    for cell in row["tableCells"]
                ],
                row["tableRowStyle"],
            )
            for row in shown["table"]["tableRows"]
        ]
        return Table(rows, shown["table"]["tableStyle"])
    paragraph = shown["paragraph"]
    pieces = tuple(piece(element) for element in paragraph["elements"])
    return Paragraph(pieces, paragraph["paragraphStyle"], paragraph.get("bullet"))


def piece(element: Json) -> Piece:
    (kind,) = element.keys() - {"startIndex", "endIndex"}
    body = dict(element[kind])
    look = body.pop("textStyle", {})
    if kind != "textRun":
        return Inline(kind, body, look)
    return Run(world.to_units(body["content"]), look)


@pytest.mark.parametrize("stem", sorted(set(RECORDED) - RETOUCHED))
def test_a_recorded_body_comes_out_as_it_was_recorded(stem: str) -> None:
    resource = recorded(stem)
    shown = render_document(built(resource), suggestions_view_mode="", include_tabs_content=False)
    assert shown["body"] == resource["body"]


@pytest.mark.parametrize("stem", RECORDED)
def test_a_recorded_document_can_be_edited_everywhere_that_it_has_a_paragraph(stem: str) -> None:
    page = Page()
    page.doc = built(recorded(stem))
    starts = [each["startIndex"] for each in page.blocks() if "paragraph" in each]
    page.send(*(insert("+", at=start) for start in reversed(starts)))
    assert page.text().count("+") >= len(starts)


def test_a_document_of_a_thousand_entries_is_edited_in_one_batch() -> None:
    page = Page("".join(f"2:{i % 60:02} PM entry {i}\n" for i in range(1000)))
    starts = [each["startIndex"] for each in page.blocks()[:1000]]
    page.send(*(name(f"entry/{i}", start, start + 7) for i, start in enumerate(starts)))
    page.send(bullets(1, starts[-1] + 1), table(2, 2, at=starts[500]), delete(1, starts[10]))
    held = page.named_ranges()
    assert len(held) == 990
    content = page.text()
    assert content.startswith("2:10 PM entry 10\n")
    assert held["entry/10"] == [(1, 8)]


def styles_in_cells(resource: Json) -> list[Json]:
    """The paragraph style of each cell of the first table."""
    (found, *_) = [each["table"] for each in resource["body"]["content"] if "table" in each]
    cells = [cell for row in found["tableRows"] for cell in row["tableCells"]]
    return [cell["content"][0]["paragraph"]["paragraphStyle"] for cell in cells]


def test_a_new_cell_has_the_paragraph_style_that_was_recorded() -> None:
    page = Page("x")
    page.send(table(1, 2, at=1))
    corner = {"tableStartLocation": {"index": 2}, "rowIndex": 0, "columnIndex": 0}
    page.send({"insertTableRow": {"tableCellLocation": corner}})
    page.send({"insertTableColumn": {"tableCellLocation": corner}})
    shown = styles_in_cells(page.resource())
    assert shown == styles_in_cells(recorded("tables"))[:1] * 6
