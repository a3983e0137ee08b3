"""Text in the rehearsal's Google Docs: inserted, deleted, found and replaced."""

from __future__ import annotations

import pytest

from tests.google_rehearsal.docs_page import Page, append, bullets, delete, insert, shape, style


def found(text: str, **criteria: bool) -> dict[str, object]:
    return {"text": text, **criteria}


def replace_all(old: str, new: str, **criteria: bool) -> dict[str, object]:
    return {"replaceAllText": {"containsText": found(old, **criteria), "replaceText": new}}


def test_a_blank_document_is_one_empty_paragraph_after_a_section_break() -> None:
    content = Page().resource()["body"]["content"]
    assert content[0]["endIndex"] == 1
    assert "sectionBreak" in content[0]
    assert "startIndex" not in content[0]
    assert (content[1]["startIndex"], content[1]["endIndex"]) == (1, 2)
    assert content[1]["paragraph"]["elements"][0]["textRun"]["content"] == "\n"


def test_indexes_count_utf_16_code_units() -> None:
    page = Page("a😀b")
    assert page.blocks()[0]["endIndex"] == 6
    page.send(insert("!", at=4))
    assert page.text() == "a😀!b\n"


def test_text_goes_to_the_end_of_the_segment_before_its_last_newline() -> None:
    page = Page("one")
    page.send(append(" two"))
    assert page.text() == "one two\n"


def test_control_and_private_use_characters_are_stripped() -> None:
    page = Page("a\x00\x08\x0c\r\x1f\ue000\uf8ffb\tc\x0bd")
    assert page.text() == "ab\tc\x0bd\n"


def test_text_of_nothing_but_stripped_characters_changes_nothing() -> None:
    page = Page()
    revision = page.doc.revision
    page.send(insert("\ue907", at=1))
    assert page.doc.revision == revision


def test_a_newline_makes_a_paragraph_that_copies_style_and_bullet() -> None:
    page = Page("title")
    page.send(shape(1, 2, "namedStyleType", namedStyleType="HEADING_2"), bullets(1, 2))
    page.send(insert("\nmore", at=6))
    assert page.text() == "title\nmore\n"
    assert page.named_styles() == ["HEADING_2", "HEADING_2"]
    assert page.bullets() == [0, 0]


@pytest.mark.parametrize(("at", "kept"), [(1, 1), (3, 0), (6, 0)])
def test_a_split_heading_keeps_its_id_where_its_old_text_stays(at: int, kept: int) -> None:
    page = Page("title")
    page.send(shape(1, 2, "namedStyleType", namedStyleType="HEADING_1"))
    old = page.paragraphs()[0]["paragraphStyle"]["headingId"]
    page.send(insert("\n", at=at))
    ids = [each["paragraphStyle"]["headingId"] for each in page.paragraphs()]
    assert ids[kept] == old
    assert len(set(ids)) == 2


def test_inserted_text_looks_like_the_text_before_it() -> None:
    page = Page("bold plain")
    page.send(style(1, 5, "bold", bold=True))
    page.send(insert("er", at=5))
    assert page.runs() == [("bolder", {"bold": True}), (" plain\n", {})]


def test_text_inserted_at_a_paragraphs_start_looks_like_the_text_after_it() -> None:
    page = Page("first\nsecond")
    page.send(style(7, 13, "italic", italic=True))
    page.send(insert(">", at=7))
    assert page.runs()[1] == (">second\n", {"italic": True})


def test_a_link_does_not_grow_at_its_ends_but_within() -> None:
    page = Page("see here now")
    page.send(style(5, 9, "link", link={"url": "https://example.com"}))
    page.send(insert("!", at=9))
    page.send(insert("x", at=6))
    assert [(text, "link" in look) for text, look in page.runs()] == [
        ("see ", False),
        ("hxere", True),
        ("! now\n", False),
    ]
    assert page.runs()[2][1] == {}


def test_deleted_text_is_gone() -> None:
    page = Page("one two three")
    page.send(delete(4, 8))
    assert page.text() == "one three\n"


def test_a_deleted_newline_merges_two_paragraphs_under_the_first_ones_style() -> None:
    page = Page("title\nbody")
    page.send(shape(1, 2, "namedStyleType", namedStyleType="HEADING_1"))
    page.send(delete(6, 7))
    assert page.text() == "titlebody\n"
    assert page.named_styles() == ["HEADING_1"]


def test_a_paragraph_deleted_whole_leaves_the_next_one_as_it_is() -> None:
    page = Page("title\nbody")
    page.send(shape(1, 2, "namedStyleType", namedStyleType="HEADING_1"))
    page.send(delete(1, 7))
    assert page.text() == "body\n"
    assert page.named_styles() == ["NORMAL_TEXT"]


def test_all_but_the_last_newline_can_be_deleted() -> None:
    page = Page("one\ntwo\nthree")
    page.send(delete(1, 14))
    assert page.text() == "\n"


def test_a_surrogate_pair_is_deleted_whole() -> None:
    page = Page("a😀b")
    page.send(delete(2, 4))
    assert page.text() == "ab\n"


def test_replace_all_counts_what_it_changed() -> None:
    page = Page("Cat cat CAT")
    assert page.send(replace_all("cat", "dog")) == [{"replaceAllText": {"occurrencesChanged": 3}}]
    assert page.text() == "dog dog dog\n"


def test_replace_all_can_respect_case() -> None:
    page = Page("Cat cat")
    page.send(replace_all("cat", "dog", matchCase=True))
    assert page.text() == "Cat dog\n"


def test_replace_all_says_nothing_of_zero_changes() -> None:
    page = Page("cat")
    assert page.send(replace_all("dog", "cow")) == [{"replaceAllText": {}}]


def test_replace_all_takes_regular_expressions_only_when_asked() -> None:
    page = Page("a.c abc 😀")
    page.send(replace_all("a.c", "x"))
    assert page.text() == "x abc 😀\n"
    page.send(replace_all(".", "-", searchByRegex=True))
    assert page.text() == "-------\n"


def test_replaced_text_keeps_the_look_of_what_it_replaces() -> None:
    page = Page("a {{x}} b")
    page.send(style(3, 8, "bold", bold=True))
    page.send(replace_all("{{x}}", "value"))
    assert page.runs() == [("a ", {}), ("value", {"bold": True}), (" b\n", {})]


def test_replacing_with_newlines_makes_paragraphs() -> None:
    page = Page("x and x")
    page.send(replace_all("x", "1\n2"))
    assert page.text() == "1\n2 and 1\n2\n"


def test_a_batch_answers_each_request_in_order_with_the_revision_after_it() -> None:
    page = Page("abc")
    answer = page.batch(insert("x", at=1), replace_all("x", "y"))
    assert answer["documentId"] == "doc-1"
    assert answer["replies"] == [{}, {"replaceAllText": {"occurrencesChanged": 1}}]
    revision = answer["writeControl"]["requiredRevisionId"]
    assert revision == page.doc.revision
    assert len(revision) > 100


def test_the_next_batch_may_require_the_revision_that_the_last_one_gave() -> None:
    page = Page("abc")
    answer = page.batch(insert("x", at=1))
    page.batch(insert("y", at=1), **answer["writeControl"])
    assert page.text() == "yxabc\n"


def test_a_recent_revision_does_as_a_target() -> None:
    page = Page("abc")
    read = page.doc.revision
    page.send(insert("x", at=1))
    page.send(insert("y", at=1), targetRevisionId=read)
    assert page.text() == "yxabc\n"
