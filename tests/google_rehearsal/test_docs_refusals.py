"""The rehearsal's Google Docs: the error of each refused request.

A page of these tests holds `abc😀def` in its first paragraph (indexes 1 to 10, the pair at 4), a
table of one row and two columns from index 10, and an empty paragraph at its end.
"""

from __future__ import annotations

from typing import Any

import pytest

from google_rehearsal.docs.world import Segment, TableOfContents, blank_paragraph
from tests.google_rehearsal.docs_page import (
    Json,
    Page,
    append,
    bad,
    bullets,
    cell,
    delete,
    insert,
    name,
    shape,
    span,
    style,
    table,
)

TABLE = 10
END = 18
OUTSIDE = (
    "The insertion index must be inside the bounds of an existing paragraph. "
    "You can still create new paragraphs by inserting newlines."
)
UNDELETABLE = "Invalid deletion range. Cannot delete the requested range."
NO_FIELDS = "At least one field must be listed in 'fields'. (Use '*' to indicate all fields.)"


def page_with_table() -> Page:
    page = Page("abc😀def")
    page.send(table(1, 2, at=9))
    assert page.blocks()[-1]["endIndex"] == END
    return page


def past_the_end(index: int) -> str:
    return f"Index {index} must be less than the end index of the referenced segment, {END}."


def no_tab(tab_id: str = "t.none") -> str:
    return f"Tab with ID {tab_id} does not exist."


def bare(kind: str, **fields: Any) -> Json:
    return {kind: fields}


HERE = {"location": {"index": 1}}
AT_TABLE = {"location": {"index": TABLE}}
POINT = {"magnitude": 1, "unit": "PT"}
DATE = {"timestamp": "2026-11-24T14:39:00Z"}
DRIVE_FILE = {"uri": "https://docs.google.com/document/d/1abc/edit"}

REFUSALS: list[tuple[Json, str]] = [
    # Text
    (insert("", at=1), "Insert text requests must specify text to insert."),
    (bare("insertText", text="x"), "No insertion location set."),
    (insert("x", at=0), OUTSIDE),
    (bare("insertText", text="x", location={}), OUTSIDE),
    (insert("x", at=-1), "Index -1 must be greater than or equal to 0."),
    (insert("x", at=END), past_the_end(END)),
    (insert("x", at=999), past_the_end(999)),
    (insert("x", at=TABLE), OUTSIDE),
    (insert("x", at=TABLE + 1), OUTSIDE),
    (insert("x", at=TABLE + 2), OUTSIDE),
    (insert("x", at=TABLE + 6), OUTSIDE),
    (insert("x", at=5), "The insertion index cannot be inside a surrogate pair."),
    (insert("\ud83d", at=1), "The text cannot contain an unpaired surrogate."),
    (insert("x", at=1, tabId="t.none"), no_tab()),
    (insert("x", at=1, segmentId="kix.none"), "Segment with ID kix.none was not found."),
    (append("x", segmentId="kix.none"), "Segment with ID kix.none was not found."),
    # Deletion
    (bare("deleteContentRange"), "A range must be specified."),
    (
        bare("deleteContentRange", range={"startIndex": 1}),
        "Invalid range: must contain a start and end index",
    ),
    (
        bare("deleteContentRange", range={"tabId": "t.0"}),
        "Invalid range: must contain a start and end index",
    ),
    (delete(3, 2), "Invalid range: end index cannot be less than start index"),
    (delete(2, 2), "The range should not be empty."),
    (delete(-1, 2), "Index -1 must be greater than or equal to 0."),
    (delete(1, END + 1), past_the_end(END + 1)),
    (delete(END, END + 1), past_the_end(END)),
    (delete(0, 2), "Cannot operate on the first section break in the document."),
    (
        delete(17, END),
        "The range cannot include the newline character at the end of the segment.",
    ),
    (delete(1, 5), UNDELETABLE),
    (delete(5, 7), UNDELETABLE),
    (delete(9, 10), UNDELETABLE),  # the newline before the table
    (delete(1, 10), UNDELETABLE),
    (delete(10, 12), UNDELETABLE),  # the table's start
    (delete(12, 13), UNDELETABLE),  # a cell's last newline
    (delete(12, 15), UNDELETABLE),  # from one cell into the next
    (delete(11, 16), UNDELETABLE),  # a row
    (delete(14, 17), UNDELETABLE),  # the table's end
    (delete(1, 2, tabId="t.none"), no_tab()),
    # Replacement
    (bare("replaceAllText", replaceText="x"), "The text to find cannot be empty."),
    (
        bare("replaceAllText", containsText={"text": "(", "searchByRegex": True}),
        "Invalid regular expression: missing ), unterminated subpattern at position 0",
    ),
    (
        bare("replaceAllText", containsText={"text": "a"}, tabsCriteria={"tabIds": ["t.none"]}),
        no_tab(),
    ),
    # Text style
    (style(1, 2, ""), NO_FIELDS),
    (style(1, 2, "colour"), "Invalid field: colour"),
    (style(1, 2, "bold,textStyle.italic"), "Invalid field: textStyle.italic"),
    (style(1, 2, "link.address"), "Invalid field: link.address"),
    (style(1, 2, "link", link={}), "Links must include at least one type."),
    (style(1, 2, "link", link={"url": ""}), "Links must include at least one type."),
    (
        style(1, 2, "weightedFontFamily", weightedFontFamily={"weight": 700}),
        "The font family must be set with a non-empty value.",
    ),
    (
        style(1, 2, "weightedFontFamily", weightedFontFamily={"fontFamily": "Lato", "weight": 450}),
        "The weight of a font must be a multiple of 100, up to 900.",
    ),
    (
        style(1, 2, "foregroundColor", foregroundColor={"color": {"rgbColor": {"red": 255}}}),
        "A component of a color must be from 0.0 to 1.0.",
    ),
    (
        style(1, 2, "fontSize", fontSize={"magnitude": 12}),
        "Unsupported dimension unit: UNIT_UNSPECIFIED",
    ),
    (style(2, 2, "bold", bold=True), "The range should not be empty."),
    (style(1, 5, "bold"), "The range cannot start or end inside a surrogate pair."),
    (style(5, 7, "bold"), "The range cannot start or end inside a surrogate pair."),
    (style(1, 500, "bold", bold=True), past_the_end(500)),
    # Paragraph style
    (shape(1, 2, ""), NO_FIELDS),
    (shape(1, 2, "bogus"), "Invalid field: bogus"),
    (shape(1, 2, "headingId", headingId="h.1"), "Unallowed field: headingId"),
    (shape(1, 2, "tabStops"), "Unallowed field: tabStops"),
    (
        shape(13, 14, "pageBreakBefore", pageBreakBefore=True),
        "Cannot update page-break-before when the range contains paragraphs in a table.",
    ),
    (
        shape(1, 2, "spaceAbove", spaceAbove={"magnitude": 6}),
        "Unsupported dimension unit: UNIT_UNSPECIFIED",
    ),
    (
        shape(1, 2, "borderLeft", borderLeft={"dashStyle": "SOLID", "padding": POINT}),
        "Unsupported dimension unit: UNIT_UNSPECIFIED",
    ),
    (
        shape(1, 2, "borderTop", borderTop={"width": POINT, "color": {}}),
        "Unsupported dimension unit: UNIT_UNSPECIFIED",
    ),
    (
        shape(1, 2, "*", borderTop={"width": {"magnitude": 1}, "padding": POINT}),
        "Unsupported dimension unit: UNIT_UNSPECIFIED",
    ),
    (
        shape(1, 2, "borderLeft.width", borderLeft={"width": POINT}),
        "The border borderLeft cannot be partially updated.",
    ),
    (
        shape(13, 14, "alignment,pageBreakBefore", alignment="CENTER"),
        "Cannot update page-break-before when the range contains paragraphs in a table.",
    ),
    (
        shape(0, 2, "alignment", alignment="CENTER"),
        "Cannot operate on the first section break in the document.",
    ),
    # Bullets
    (bare("createParagraphBullets", range=span(1, 2)), "A bullet preset must be specified."),
    (
        bullets(1, 2, "BULLET_GLYPH_PRESET_UNSPECIFIED"),
        "A bullet preset must be specified.",
    ),
    (bullets(500, 501), past_the_end(500)),
    (
        bare("deleteParagraphBullets", range=span(4, 1)),
        ("Invalid range: end index cannot be less than start index"),
    ),
    # Named ranges
    (
        name("", 1, 2),
        "Named range names must be at least 1 character and no more than 256 characters.",
    ),
    (
        name("😀" * 128 + "x", 1, 2),
        "Named range names must be at least 1 character and no more than 256 characters.",
    ),
    (name("mark", 2, 2), "The range should not be empty."),
    (name("mark", 2, 5), "The range cannot start or end inside a surrogate pair."),
    (name("mark", 1, 900), past_the_end(900)),
    (bare("deleteNamedRange"), "ID or name for named range must be set"),
    (
        bare("deleteNamedRange", namedRangeId="kix.none"),
        "Named range with ID kix.none was not found.",
    ),
    (
        bare("replaceNamedRangeContent", text="x", namedRangeId="kix.none"),
        "Named range with ID kix.none was not found.",
    ),
    # Tables
    (table(0, 1, at=1), "The number of rows and columns must be at least 1."),
    (table(1, 0, at=1), "The number of rows and columns must be at least 1."),
    (table(2**31 - 1, 1, at=1), "The table is too large for a document."),
    (table(800, 800, at=1), "The table is too large for a document."),
    (table(1, 1, at=TABLE), OUTSIDE),
    (
        bare("insertTableRow", tableCellLocation=cell(1)),
        "The provided table start location is invalid.",
    ),
    (bare("insertTableRow"), "The provided table start location is invalid."),
    (
        bare("deleteTableRow", tableCellLocation=cell(TABLE, 1)),
        "Row index 1 is outside of the table.",
    ),
    (
        bare("insertTableColumn", tableCellLocation=cell(TABLE, 0, 2)),
        "Column index 2 is outside of the table.",
    ),
    (
        bare("updateTableCellStyle", tableStartLocation={"index": TABLE}, fields="rowSpan"),
        "Unallowed field: rowSpan",
    ),
    (
        bare(
            "updateTableCellStyle",
            tableStartLocation={"index": TABLE},
            tableCellStyle={"borderTop": {"dashStyle": "SOLID"}},
            fields="borderTop",
        ),
        "Unsupported dimension unit: UNIT_UNSPECIFIED",
    ),
    (
        bare("updateTableCellStyle", tableStartLocation={"index": TABLE}, fields="borderTop.width"),
        "The border borderTop cannot be partially updated.",
    ),
    (
        bare(
            "updateTableCellStyle",
            tableRange={"tableCellLocation": cell(TABLE), "rowSpan": 2, "columnSpan": 1},
            fields="*",
        ),
        "The table range is outside of the table.",
    ),
    # Chips
    (
        bare("insertPerson", personProperties={"name": "Ann"}, **HERE),
        "The email address of the person is invalid.",
    ),
    (bare("insertPerson", personProperties={"email": "a@b.c"}, **AT_TABLE), OUTSIDE),
    (bare("insertDate", dateElementProperties={}, **HERE), "The timestamp of the date is invalid."),
    *(
        (
            bare("insertDate", dateElementProperties={**DATE, **far}, **HERE),
            "The timestamp of the date is invalid.",
        )
        for far in (
            {"timestamp": "0001-01-01T00:00:00Z", "timeZoneId": "America/Los_Angeles"},
            {"timestamp": "9999-12-31T23:59:59Z", "timeZoneId": "Pacific/Kiritimati"},
            {"timestamp": "9999-12-31T23:59:59-12:00", "timeZoneId": "etc/UTC"},
        )
    ),
    (
        bare("insertDate", dateElementProperties={**DATE, "timeZoneId": "Mars/Base"}, **HERE),
        "The time zone Mars/Base is invalid.",
    ),
    (
        bare("insertDate", dateElementProperties={**DATE, "locale": "tlh"}, **HERE),
        "The locale tlh is not supported.",
    ),
    (
        bare(
            "insertDate", dateElementProperties={**DATE, "dateFormat": "DATE_FORMAT_CUSTOM"}, **HERE
        ),
        "The date format DATE_FORMAT_CUSTOM is output only.",
    ),
    (
        bare("insertRichLink", richLinkProperties={"uri": "https://example.com"}, **HERE),
        "The URL is invalid.",
    ),
    (bare("insertRichLink", richLinkProperties=DRIVE_FILE), "No insertion location set."),
    (
        bare("insertDropdown", dropdownDefinitionId="kix.none", **HERE),
        "Dropdown definition with ID kix.none was not found.",
    ),
    (
        bare("updateDropdownProperties", dropdownId="kix.none", fields="selectedOptionId"),
        "Dropdown with ID kix.none was not found.",
    ),
    (
        bare("insertPageBreak", location={"index": TABLE + 3}),
        "Page breaks cannot be inserted inside a table.",
    ),
    # Tabs and segments
    (
        bare("addDocumentTab", tabProperties={"tabId": "t.mine"}),
        "Tab ID should not be specified in the properties when adding a tab.",
    ),
    (bare("addDocumentTab", tabProperties={"title": "Tab 1"}), "Tab title must be unique"),
    (bare("addDocumentTab", tabProperties={"index": 2}), "Tab index 2 is out of bounds."),
    (bare("addDocumentTab", tabProperties={"parentTabId": "t.none"}), no_tab()),
    (bare("deleteTab"), "The tab ID must be specified."),
    (bare("deleteTab", tabId="t.0"), "Cannot delete the last tab in the document."),
    (
        bare("updateDocumentTabProperties", tabProperties={"title": "x"}, fields="title"),
        "The tab ID must be specified.",
    ),
    (bare("createHeader"), "Header type not specified"),
    (bare("deleteFooter", footerId="kix.none"), "Footer with ID kix.none was not found."),
]


@pytest.mark.parametrize(
    ("request_body", "why"), REFUSALS, ids=[f"{next(iter(r))}-{why[:40]}" for r, why in REFUSALS]
)
def test_a_request_that_breaks_a_rule_is_refused_with_its_reason(
    request_body: Json, why: str
) -> None:
    kind = next(iter(request_body))
    assert page_with_table().refused(request_body) == bad(f"Invalid requests[0].{kind}: {why}")


def test_a_batch_with_one_bad_request_changes_nothing_and_names_that_request() -> None:
    page = page_with_table()
    error = page.refused(
        insert("x", at=1),
        table(3, 3, at=2),
        name("mark", 1, 2),
        bullets(1, 2),
        insert("y", at=999),
    )
    assert error["message"].startswith("Invalid requests[4].insertText: Index 999 must be less")


def test_a_stale_required_revision_is_refused() -> None:
    page = Page("abc")
    read = page.doc.revision
    page.send(insert("x", at=1))
    assert page.refused(insert("y", at=1), requiredRevisionId=read) == bad(
        f"The required revision ID '{read}' does not match the latest revision.",
        "FAILED_PRECONDITION",
    )


def test_a_target_revision_that_nobody_remembers_is_refused() -> None:
    page = Page("abc")
    read = page.doc.revision
    for _ in range(20):
        page.send(insert("x", at=1))
    assert page.refused(insert("y", at=1), targetRevisionId=read) == bad(
        f"The target revision ID '{read}' is too far behind the latest revision."
    )


def test_only_one_revision_can_be_given() -> None:
    page = Page("abc")
    now = page.doc.revision
    assert page.refused(insert("y", at=1), requiredRevisionId=now, targetRevisionId=now) == bad(
        "Invalid value at 'write_control' (oneof), oneof field 'control' is already set. "
        "Cannot set 'targetRevisionId'"
    )


def test_an_empty_batch_is_refused() -> None:
    assert Page().refused() == bad("Must specify at least one request.")


def test_a_request_with_no_kind_is_refused() -> None:
    assert Page().refused({}) == bad("Invalid requests[0]: No request set.")


def test_a_request_of_two_kinds_is_refused() -> None:
    assert Page("abc").refused({**insert("x", at=1), **delete(1, 2)}) == bad(
        "Invalid value at 'requests[0]' (oneof), oneof field 'request' is already set. "
        "Cannot set 'deleteContentRange'"
    )


def test_a_request_with_two_locations_is_refused() -> None:
    both = {"text": "x", "location": {"index": 1}, "endOfSegmentLocation": {}}
    assert Page("abc").refused({"insertText": both}) == bad(
        "Invalid value at 'requests[0].insert_text' (oneof), "
        "oneof field 'insertion_location' is already set. Cannot set 'endOfSegmentLocation'"
    )


def test_a_range_is_chosen_by_its_id_or_by_its_name_not_by_both() -> None:
    both = {"name": "mark", "namedRangeId": "kix.1"}
    assert Page("abc").refused({"deleteNamedRange": both}) == bad(
        "Invalid value at 'requests[0].delete_named_range' (oneof), "
        "oneof field 'named_range_reference' is already set. Cannot set 'name'"
    )


@pytest.mark.parametrize("kind", ["mergeTableCells", "insertSectionBreak", "insertComment"])
def test_a_request_that_the_rehearsal_lacks_is_answered_loudly(kind: str) -> None:
    assert Page().refused({kind: {}}) == {
        "code": 501,
        "message": f"requests[0]: {kind} is not part of the rehearsal Google.",
        "status": "UNIMPLEMENTED",
    }


@pytest.mark.parametrize("place", [{}, {"index": 0}, {"index": 5}, {"tabId": "t.0"}])
def test_a_header_with_a_location_is_googles_own_error(place: Json) -> None:
    asked = {"type": "DEFAULT", "sectionBreakLocation": place}
    assert Page("abcdef").refused({"createHeader": asked}) == {
        "code": 500,
        "message": "Internal error encountered.",
        "status": "INTERNAL",
    }


@pytest.mark.parametrize(
    "request_body", [name("mark", 1, 2), bare("deleteNamedRange"), bare("deleteHeader")]
)
def test_what_is_no_text_or_style_cannot_be_suggested(request_body: Json) -> None:
    kind = next(iter(request_body))
    assert Page("abc").refused(request_body, writeMode="SUGGEST") == bad(
        f"Invalid requests[0].{kind}: Request does not support application as suggestion."
    )


def test_a_second_default_header_is_refused() -> None:
    page = Page()
    page.send({"createHeader": {"type": "DEFAULT"}})
    assert page.refused({"createHeader": {"type": "DEFAULT"}}) == bad(
        "Invalid requests[0].createHeader: Default header already exists."
    )


def test_a_header_keeps_its_last_newline_and_takes_no_page_break() -> None:
    page = Page()
    (reply,) = page.send({"createHeader": {"type": "DEFAULT"}})
    header_id = reply["createHeader"]["headerId"]
    assert page.refused(insert("x", at=1, segmentId=header_id)) == bad(
        "Invalid requests[0].insertText: "
        "Index 1 must be less than the end index of the referenced segment, 1."
    )
    assert page.refused(delete(0, 1, segmentId=header_id)) == bad(
        "Invalid requests[0].deleteContentRange: "
        "The range cannot include the newline character at the end of the segment."
    )
    place = {"endOfSegmentLocation": {"segmentId": header_id}}
    assert page.refused({"insertPageBreak": place}) == bad(
        "Invalid requests[0].insertPageBreak: "
        "Page breaks cannot be inserted inside a header, footer or footnote."
    )


def test_a_footnote_takes_no_table() -> None:
    page = Page("abc")
    page.doc.tabs[0].segments["kix.f"] = Segment("kix.f", "footnote", [blank_paragraph()])
    place = {"segmentId": "kix.f", "index": 0}
    assert page.refused({"insertTable": {"rows": 1, "columns": 1, "location": place}}) == bad(
        "Invalid requests[0].insertTable: Tables cannot be inserted inside a footnote."
    )


def test_a_table_of_contents_goes_whole_or_not_at_all() -> None:
    page = Page("abc")
    page.doc.tabs[0].body.content[2:] = [TableOfContents([blank_paragraph()]), blank_paragraph()]
    for start, end in [(4, 5), (5, 7), (6, 8)]:
        assert page.refused(delete(start, end))["message"].endswith(UNDELETABLE)
    assert page.refused(insert("x", at=6))["message"].endswith(OUTSIDE)
    page.send(delete(4, 8))
    assert page.text() == "abc\n"


def test_the_content_of_a_range_that_cannot_go_is_not_replaced() -> None:
    page = page_with_table()
    page.send(name("mark", 1, 10))
    change = {"namedRangeName": "mark", "text": "x"}
    assert page.refused({"replaceNamedRangeContent": change}) == bad(
        f"Invalid requests[0].replaceNamedRangeContent: {UNDELETABLE}"
    )
