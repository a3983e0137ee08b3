"""Tables in the rehearsal's Google Docs."""

from __future__ import annotations

from typing import Any

from tests.google_rehearsal.docs_page import (
    Page,
    append,
    bullets,
    cell,
    delete,
    insert,
    name,
    shape,
    style,
    table,
)


def spans(page: Page) -> list[tuple[str, int, int]]:
    """Kind, start and end of each block and, for a table, of its rows and cells."""
    result = []
    for block in page.blocks():
        kind = "table" if "table" in block else "paragraph"
        result.append((kind, block["startIndex"], block["endIndex"]))
        for row in block.get("table", {}).get("tableRows", []):
            result.append(("row", row["startIndex"], row["endIndex"]))
            result.extend(("cell", c["startIndex"], c["endIndex"]) for c in row["tableCells"])
    return result


def cells(page: Page) -> list[list[str]]:
    """The text of each cell of the first table."""
    (found, *_) = [block["table"] for block in page.blocks() if "table" in block]
    return [
        [
            "".join(
                element["textRun"]["content"]
                for block in each["content"]
                for element in block["paragraph"]["elements"]
            )
            for each in row["tableCells"]
        ]
        for row in found["tableRows"]
    ]


def at_cell(kind: str, row: int = 0, column: int = 0, **more: Any) -> dict[str, Any]:
    return {kind: {"tableCellLocation": cell(2, row, column), **more}}


def filled() -> Page:
    """A table of two rows and two columns that starts at index 2."""
    page = Page()
    page.send(table(2, 2, at=1))
    page.send(insert("d", at=12), insert("c", at=10), insert("b", at=7), insert("a", at=5))
    return page


def test_a_newline_goes_before_a_table_which_starts_one_after_the_index() -> None:
    page = Page("ab")
    page.send(table(2, 2, at=2))
    assert spans(page) == [
        ("paragraph", 1, 3),
        ("table", 3, 15),
        ("row", 4, 9),
        ("cell", 5, 7),
        ("cell", 7, 9),
        ("row", 9, 14),
        ("cell", 10, 12),
        ("cell", 12, 14),
        ("paragraph", 15, 17),
    ]
    assert page.text() == "a\n\n\n\n\nb\n"


def test_a_table_goes_to_the_end_of_the_body_before_a_last_empty_paragraph() -> None:
    page = Page("ab")
    page.send({"insertTable": {"rows": 1, "columns": 1, "endOfSegmentLocation": {}}})
    assert [kind for kind, *_ in spans(page)] == ["paragraph", "table", "row", "cell", "paragraph"]


def test_the_paragraph_before_a_table_copies_style_and_bullet_and_its_cells_are_plain() -> None:
    page = Page("item")
    page.send(shape(1, 2, "namedStyleType", namedStyleType="HEADING_1"), bullets(1, 2))
    page.send(table(1, 1, at=1))
    assert page.named_styles() == ["HEADING_1", "HEADING_1"]
    assert page.bullets() == [0, 0]
    inner = page.blocks()[1]["table"]["tableRows"][0]["tableCells"][0]["content"][0]["paragraph"]
    assert inner["paragraphStyle"]["namedStyleType"] == "NORMAL_TEXT"
    assert "bullet" not in inner


def test_new_cells_take_the_text_style_at_the_point() -> None:
    page = Page("bold")
    page.send(style(1, 5, "bold", bold=True), table(1, 1, at=1), insert("x", at=5))
    inner = page.blocks()[1]["table"]["tableRows"][0]["tableCells"][0]["content"][0]["paragraph"]
    assert inner["elements"][0]["textRun"] == {"content": "x\n", "textStyle": {"bold": True}}


def test_text_goes_into_cells() -> None:
    assert cells(filled()) == [["a\n", "b\n"], ["c\n", "d\n"]]


def test_text_is_deleted_within_a_cell() -> None:
    page = filled()
    page.send(delete(5, 6))
    assert cells(page) == [["\n", "b\n"], ["c\n", "d\n"]]


def test_a_table_is_deleted_whole_with_text_around_it() -> None:
    page = filled()
    page.send(append("after"))
    page.send(delete(1, 19))
    assert page.text() == "fter\n"


def test_a_table_is_deleted_between_two_paragraphs_that_stay() -> None:
    page = filled()
    page.send(delete(2, 18))
    assert spans(page) == [("paragraph", 1, 2), ("paragraph", 2, 3)]


def test_deleting_the_newline_of_the_paragraph_before_joins_it_to_the_one_above_a_table() -> None:
    page = Page("title\nafter")
    page.send(shape(1, 2, "namedStyleType", namedStyleType="HEADING_1"), table(1, 1, at=7))
    page.send(delete(6, 7))
    assert [kind for kind, *_ in spans(page)] == ["paragraph", "table", "row", "cell", "paragraph"]
    assert page.named_styles() == ["HEADING_1", "NORMAL_TEXT"]


def test_a_row_goes_below_or_above_the_row_of_a_cell() -> None:
    page = filled()
    page.send(at_cell("insertTableRow", insertBelow=True), at_cell("insertTableRow"))
    assert cells(page) == [["\n", "\n"], ["a\n", "b\n"], ["\n", "\n"], ["c\n", "d\n"]]


def test_a_column_goes_right_or_left_of_the_column_of_a_cell() -> None:
    page = filled()
    page.send(at_cell("insertTableColumn", insertRight=True), at_cell("insertTableColumn"))
    assert cells(page) == [["\n", "a\n", "\n", "b\n"], ["\n", "c\n", "\n", "d\n"]]
    assert page.blocks()[1]["table"]["columns"] == 4


def test_rows_and_columns_are_deleted() -> None:
    page = filled()
    page.send(at_cell("deleteTableRow", row=1), at_cell("deleteTableColumn", column=1))
    assert cells(page) == [["a\n"]]


def test_without_its_last_row_or_column_a_table_is_gone() -> None:
    for kind in ("deleteTableRow", "deleteTableColumn"):
        page = Page("x")
        page.send(table(1, 1, at=1), at_cell(kind))
        assert spans(page) == [("paragraph", 1, 2), ("paragraph", 2, 4)]


def test_named_ranges_keep_to_their_cells() -> None:
    page = filled()
    page.send(name("b", 8, 9), name("d", 15, 16), name("after", 18, 19))
    page.send(at_cell("insertTableRow"), at_cell("insertTableColumn", row=1))
    held = page.named_ranges()
    assert held == {"b": [(17, 18)], "d": [(26, 27)], "after": [(29, 30)]}
    page.send(at_cell("deleteTableRow", row=2))
    assert set(page.named_ranges()) == {"b", "after"}


def test_cells_are_coloured_in_a_rectangle_or_all() -> None:
    page = filled()
    red = {"color": {"rgbColor": {"red": 1}}}
    change = {"tableCellStyle": {"backgroundColor": red}, "fields": "backgroundColor"}
    extent = {"tableCellLocation": cell(2, 0, 1), "rowSpan": 2, "columnSpan": 1}
    page.send({"updateTableCellStyle": {"tableRange": extent, **change}})
    rows = page.blocks()[1]["table"]["tableRows"]
    shown = [[c["tableCellStyle"]["backgroundColor"] for c in row["tableCells"]] for row in rows]
    assert shown == [[{}, red], [{}, red]]
    page.send({"updateTableCellStyle": {"tableStartLocation": {"index": 2}, **change}})
    rows = page.blocks()[1]["table"]["tableRows"]
    assert all(c["tableCellStyle"]["backgroundColor"] == red for r in rows for c in r["tableCells"])


def test_a_table_may_stand_in_a_cell() -> None:
    page = filled()
    page.send(table(1, 1, at=5))
    page.send(insert("inner", at=9))
    assert "inner" in page.text()
    page.send({"deleteTableRow": {"tableCellLocation": cell(6)}})
    assert "inner" not in page.text()
