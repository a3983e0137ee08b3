"""Text styles, paragraph styles and bullets in the rehearsal's Google Docs."""

from __future__ import annotations

from tests.google_rehearsal.docs_page import Page, bullets, insert, shape, span, style

RED = {"color": {"rgbColor": {"red": 1}}}
URL = {"url": "https://example.com/"}


def unbullet(start: int, end: int) -> dict[str, object]:
    return {"deleteParagraphBullets": {"range": span(start, end)}}


def test_style_covers_its_range_and_no_more() -> None:
    page = Page("abcdef")
    page.send(style(3, 5, "bold,foregroundColor", bold=True, foregroundColor=RED))
    assert page.runs() == [
        ("ab", {}),
        ("cd", {"bold": True, "foregroundColor": RED}),
        ("ef\n", {}),
    ]


def test_the_newline_goes_with_a_paragraph_whose_text_is_styled_whole() -> None:
    page = Page("abc\ndef")
    page.send(style(1, 4, "bold", bold=True))
    assert page.runs() == [("abc\n", {"bold": True}), ("def\n", {})]


def test_equal_neighbours_are_one_run() -> None:
    page = Page("abcdef")
    page.send(style(1, 4, "bold", bold=True), style(4, 7, "bold", bold=True))
    assert page.runs() == [("abcdef", {"bold": True}), ("\n", {})]


def test_a_field_that_is_listed_and_unset_is_reset() -> None:
    page = Page("abc")
    page.send(style(1, 4, "bold,italic", bold=True, italic=True))
    page.send(style(1, 4, "bold"))
    assert page.runs() == [("abc\n", {"italic": True})]


def test_a_star_resets_all_that_is_not_given() -> None:
    page = Page("abc")
    page.send(style(1, 4, "bold,link", bold=True, link=URL))
    page.send(style(1, 4, "*", italic=True))
    assert page.runs() == [("abc\n", {"italic": True})]


def test_a_value_that_is_the_parents_is_inherited() -> None:
    page = Page("abc")
    page.send(style(1, 4, "bold,italic", bold=False, italic=True))
    assert page.runs() == [("abc\n", {"italic": True})]


def test_a_nested_path_changes_that_part_alone() -> None:
    page = Page("abc")
    font = {"fontFamily": "Roboto Mono", "weight": 400}
    page.send(style(1, 4, "weightedFontFamily", weightedFontFamily=font))
    page.send(
        style(
            1, 4, "weightedFontFamily.weight", weightedFontFamily={"fontFamily": "x", "weight": 700}
        )
    )
    assert page.runs()[0][1] == {"weightedFontFamily": {"fontFamily": "Roboto Mono", "weight": 700}}


def test_a_link_brings_its_colour_and_line_and_leaves_the_newline_alone() -> None:
    page = Page("abc\n123")
    page.send(style(1, 8, "link", link=URL))
    runs = page.runs()
    assert [text for text, _ in runs] == ["abc", "\n", "123", "\n"]
    assert runs[0][1]["link"] == URL
    assert runs[0][1]["underline"] is True
    assert "foregroundColor" in runs[0][1]
    assert runs[1][1] == {}


def test_a_links_own_look_wins_over_the_default() -> None:
    page = Page("abc")
    page.send(style(1, 4, "link,foregroundColor,underline", link=URL, foregroundColor=RED))
    assert page.runs()[0][1] == {"link": URL, "foregroundColor": RED}


def test_a_new_address_goes_to_the_whole_of_a_link() -> None:
    page = Page("abcdef")
    page.send(style(1, 7, "link", link=URL))
    page.send(style(3, 4, "link", link={"url": "https://example.org/"}))
    assert [text for text, _ in page.runs()] == ["abcdef", "\n"]
    assert page.runs()[0][1]["link"] == {"url": "https://example.org/"}


def test_text_whose_link_is_removed_looks_like_the_text_before_it() -> None:
    page = Page("abc def")
    page.send(style(1, 5, "bold", bold=True), style(5, 8, "link", link=URL))
    page.send(style(5, 8, "link"))
    assert page.runs() == [("abc def", {"bold": True}), ("\n", {})]


def test_a_bullet_takes_the_style_of_a_paragraph_that_is_covered_whole() -> None:
    page = Page("abc\ndef")
    page.send(bullets(1, 8), style(1, 4, "bold", bold=True), style(5, 6, "bold", bold=True))
    assert [each["bullet"]["textStyle"] for each in page.paragraphs()] == [{"bold": True}, {}]


def test_a_heading_gets_an_id_and_loses_it_with_the_style() -> None:
    page = Page("abc")
    page.send(shape(1, 2, "namedStyleType", namedStyleType="HEADING_3"))
    assert page.paragraphs()[0]["paragraphStyle"]["headingId"].startswith("h.")
    page.send(shape(1, 2, "namedStyleType", namedStyleType="NORMAL_TEXT"))
    assert page.paragraphs()[0]["paragraphStyle"] == {
        "namedStyleType": "NORMAL_TEXT",
        "direction": "LEFT_TO_RIGHT",
    }


def test_every_paragraph_that_a_range_overlaps_is_styled() -> None:
    page = Page("one\ntwo\nthree\nfour")
    page.send(shape(3, 6, "alignment", alignment="CENTER"))
    assert [each["paragraphStyle"].get("alignment") for each in page.paragraphs()] == [
        "CENTER",
        "CENTER",
        None,
        None,
    ]


def test_the_named_style_is_applied_before_the_other_properties() -> None:
    page = Page("abc")
    page.send(shape(1, 2, "alignment", alignment="CENTER"))
    page.send(
        shape(1, 2, "spaceAbove,namedStyleType", namedStyleType="TITLE", spaceAbove={"unit": "PT"})
    )
    assert page.paragraphs()[0]["paragraphStyle"] == {
        "namedStyleType": "TITLE",
        "direction": "LEFT_TO_RIGHT",
        "spaceAbove": {"unit": "PT"},
    }


def test_a_named_style_resets_the_look_that_all_of_the_text_has_and_keeps_the_rest() -> None:
    page = Page("all bold")
    page.send(style(1, 10, "bold", bold=True), style(5, 9, "italic", italic=True))
    page.send(shape(1, 2, "namedStyleType", namedStyleType="HEADING_1"))
    assert page.runs() == [("all ", {}), ("bold", {"italic": True}), ("\n", {})]


def test_list_items_are_indented_and_belong_to_one_list() -> None:
    page = Page("one\ntwo")
    page.send(bullets(1, 8))
    first, second = page.paragraphs()
    assert first["bullet"]["listId"] == second["bullet"]["listId"]
    assert first["paragraphStyle"]["indentStart"] == {"magnitude": 36, "unit": "PT"}
    levels = page.resource()["lists"][first["bullet"]["listId"]]["listProperties"]["nestingLevels"]
    assert [level["glyphSymbol"] for level in levels[:4]] == ["●", "○", "■", "●"]
    assert len(levels) == 9


def test_leading_tabs_become_nesting_and_are_removed() -> None:
    page = Page("one\n\ttwo\n\t\tthree\nfour")
    page.send(bullets(1, 20))
    assert page.text() == "one\ntwo\nthree\nfour\n"
    assert page.bullets() == [0, 1, 2, 0]
    assert page.blocks()[-1]["endIndex"] == 20


def test_a_list_goes_on_from_the_paragraph_before_when_the_preset_is_the_same() -> None:
    page = Page("one\ntwo\nthree")
    page.send(bullets(1, 2), bullets(5, 6), bullets(9, 10, "NUMBERED_DECIMAL_NESTED"))
    ids = [each["bullet"]["listId"] for each in page.paragraphs()]
    assert ids[0] == ids[1] != ids[2]


def test_numbered_lists_nest_their_numbers() -> None:
    page = Page("one")
    page.send(bullets(1, 2, "NUMBERED_DECIMAL_NESTED"))
    levels = next(iter(page.resource()["lists"].values()))["listProperties"]["nestingLevels"]
    assert [level["glyphFormat"] for level in levels[:3]] == ["%0.", "%0.%1.", "%0.%1.%2."]


def test_a_checklist_has_checkboxes_without_a_glyph_of_their_own() -> None:
    page = Page("one")
    page.send(bullets(1, 2, "BULLET_CHECKBOX"))
    levels = next(iter(page.resource()["lists"].values()))["listProperties"]["nestingLevels"]
    assert levels[0]["glyphType"] == "GLYPH_TYPE_UNSPECIFIED"
    assert "glyphSymbol" not in levels[0]


def test_without_its_bullet_a_nested_item_stays_indented() -> None:
    page = Page("one\n\ttwo")
    page.send(bullets(1, 9), unbullet(1, 8))
    assert page.bullets() == [None, None]
    first, second = (each["paragraphStyle"] for each in page.paragraphs())
    assert "indentStart" not in first
    assert second["indentStart"] == {"magnitude": 36, "unit": "PT"}


def test_text_after_a_list_can_leave_it() -> None:
    page = Page("one")
    page.send(bullets(1, 2), insert("\nafter", at=4), unbullet(5, 6))
    assert page.bullets() == [0, None]
