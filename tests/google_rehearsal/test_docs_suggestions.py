"""Suggested edits in the rehearsal's Google Docs, and the three views of them."""

from __future__ import annotations

import json

import pytest

from google_rehearsal.docs.world import Json, from_json, to_json
from tests.google_rehearsal.docs_page import (
    Page,
    bullets,
    delete,
    insert,
    name,
    shape,
    span,
    style,
    table,
)

ACCEPTED, WITHOUT = "PREVIEW_SUGGESTIONS_ACCEPTED", "PREVIEW_WITHOUT_SUGGESTIONS"


def suggested() -> Page:
    """`one [two ]-three-` with [two ] suggested and -three- suggested for deletion."""
    page = Page("one three")
    page.send(insert("two ", at=5), writeMode="SUGGEST")
    page.send(delete(9, 14), writeMode="SUGGEST")
    return page


def test_suggestions_stand_in_the_text_with_their_ids() -> None:
    page = suggested()
    assert page.text() == "one two three\n"
    elements = [element["textRun"] for element in page.paragraphs()[0]["elements"]]
    assert [each["content"] for each in elements] == ["one ", "two ", "three", "\n"]
    assert elements[1]["suggestedInsertionIds"][0].startswith("suggest.")
    assert elements[2]["suggestedDeletionIds"][0].startswith("suggest.")


@pytest.mark.parametrize("extent", [(1, 9), (5, 7), (9, 14), (13, 14)])
def test_text_with_a_suggestion_cannot_be_deleted(extent: tuple[int, int]) -> None:
    """Live Docs answers 500, and nothing of the batch is done."""
    page = suggested()
    assert page.refused(insert("x", at=1), delete(extent[0] + 1, extent[1] + 1)) == {
        "code": 500,
        "message": "Internal error encountered.",
        "status": "INTERNAL",
    }
    page.send(delete(1, 5))  # beside it, all is as ever
    assert page.text() == "two three\n"


def test_the_answer_names_the_suggestion_that_each_request_made() -> None:
    page = Page("one")
    answer = page.batch(insert("x", at=1), writeMode="SUGGEST")
    (made,) = answer["suggestionResponses"]
    (element, *_) = page.paragraphs()[0]["elements"]
    assert element["textRun"]["suggestedInsertionIds"] == made["createdSuggestionIds"]


def test_accepted_suggestions_are_as_if_done() -> None:
    page = suggested()
    assert page.text(ACCEPTED) == "one two \n"
    assert page.resource(ACCEPTED)["suggestionsViewMode"] == ACCEPTED
    (element,) = page.blocks(ACCEPTED)[0]["paragraph"]["elements"]
    assert element["textRun"] == {"content": "one two \n", "textStyle": {}}


def test_without_suggestions_the_text_is_as_before() -> None:
    assert suggested().text(WITHOUT) == "one three\n"


def test_indexes_and_ranges_are_those_of_the_view() -> None:
    page = suggested()
    page.send(name("mark", 9, 14))
    ranges = page.resource(WITHOUT)["namedRanges"]["mark"]["namedRanges"][0]["ranges"]
    assert (ranges[0]["startIndex"], ranges[0]["endIndex"]) == (5, 10)
    assert "namedRanges" not in page.resource(ACCEPTED)
    assert page.named_ranges() == {"mark": [(9, 14)]}


def test_a_suggested_paragraph_is_none_without_it() -> None:
    page = Page("one\ntwo")
    page.send(insert("\nnew", at=4), writeMode="SUGGEST")
    assert page.text() == "one\nnew\ntwo\n"
    assert page.text(WITHOUT) == "one\ntwo\n"
    assert page.text(ACCEPTED) == "one\nnew\ntwo\n"


def test_a_whole_table_may_be_suggested_for_deletion() -> None:
    page = Page("ab")
    page.send(table(1, 1, at=2))
    page.send(delete(3, 8), writeMode="SUGGEST")
    assert page.blocks()[1]["table"]["suggestedDeletionIds"]
    assert page.text(ACCEPTED) == "a\nb\n"
    assert page.text(WITHOUT) == "a\n\nb\n"


def test_what_cannot_be_deleted_cannot_be_suggested_for_deletion() -> None:
    page = Page("ab")
    answer = page.refused(delete(1, 4), writeMode="SUGGEST")
    assert answer["message"] == (
        "Invalid requests[0].deleteContentRange: "
        "The range cannot include the newline character at the end of the segment."
    )


def restyled(change: Json) -> tuple[Page, str]:
    """`one two` and a suggested change of its style, with the suggestion's id."""
    page = Page("one two\nnext")
    answer = page.batch(change, writeMode="SUGGEST")
    (made,) = answer["suggestionResponses"]
    return page, made["createdSuggestionIds"][0]


def test_a_suggested_text_style_stands_beside_the_style() -> None:
    page, suggestion = restyled(style(5, 8, "bold,strikethrough", bold=True, strikethrough=True))
    assert page.text() == "one two\nnext\n"
    one, two, _ = page.paragraphs()[0]["elements"]
    assert one["textRun"] == {"content": "one ", "textStyle": {}}
    assert two["textRun"]["textStyle"] == {}
    assert two["textRun"]["suggestedTextStyleChanges"] == {
        suggestion: {
            "textStyle": {"bold": True, "strikethrough": True},
            "textStyleSuggestionState": {"boldSuggested": True, "strikethroughSuggested": True},
        }
    }
    (_, accepted, *_) = page.blocks(ACCEPTED)[0]["paragraph"]["elements"]
    assert accepted["textRun"]["textStyle"] == {"bold": True, "strikethrough": True}
    (without,) = page.blocks(WITHOUT)[0]["paragraph"]["elements"]
    assert without["textRun"] == {"content": "one two\n", "textStyle": {}}


def test_a_suggested_heading_stands_beside_the_style() -> None:
    page, suggestion = restyled(shape(1, 3, "namedStyleType", namedStyleType="HEADING_1"))
    first = page.paragraphs()[0]
    assert first["paragraphStyle"]["namedStyleType"] == "NORMAL_TEXT"
    change = first["suggestedParagraphStyleChanges"][suggestion]
    assert change["paragraphStyle"] == {"namedStyleType": "HEADING_1"}
    assert change["paragraphStyleSuggestionState"] == {"namedStyleTypeSuggested": True}
    accepted = page.blocks(ACCEPTED)[0]["paragraph"]
    assert accepted["paragraphStyle"]["namedStyleType"] == "HEADING_1"
    assert page.blocks(WITHOUT)[0]["paragraph"]["paragraphStyle"] == first["paragraphStyle"]


def test_a_suggested_list_stands_beside_the_bullet() -> None:
    page, suggestion = restyled(bullets(1, 3))
    first = page.paragraphs()[0]
    assert "bullet" not in first
    change = first["suggestedBulletChanges"][suggestion]
    assert change["bulletSuggestionState"] == {"listIdSuggested": True}
    assert page.resource()["lists"][change["bullet"]["listId"]]["suggestedInsertionId"]
    assert "bullet" in page.blocks(ACCEPTED)[0]["paragraph"]
    assert "bullet" not in page.blocks(WITHOUT)[0]["paragraph"]


def test_a_list_may_be_suggested_to_end() -> None:
    page = Page("one")
    page.send(bullets(1, 3))
    page.send({"deleteParagraphBullets": {"range": span(1, 3)}}, writeMode="SUGGEST")
    assert "bullet" in page.paragraphs()[0]
    assert "bullet" not in page.blocks(ACCEPTED)[0]["paragraph"]


@pytest.mark.parametrize(
    "change",
    [
        style(5, 8, "bold", bold=True),
        shape(1, 3, "namedStyleType", namedStyleType="HEADING_1"),
        bullets(1, 3),
    ],
)
def test_text_with_a_suggested_style_cannot_be_deleted(change: Json) -> None:
    page, _ = restyled(change)
    assert page.refused(delete(5, 7))["code"] == 500
    assert from_json(json.loads(json.dumps(to_json(page.doc)))) == page.doc


def test_an_unknown_view_is_no_view() -> None:
    with pytest.raises(ValueError, match="unknown suggestions view mode 'SIDEWAYS'"):
        Page().resource("SIDEWAYS")


def test_the_default_view_is_an_editors() -> None:
    assert suggested().resource("DEFAULT_FOR_CURRENT_ACCESS")["suggestionsViewMode"] == (
        "SUGGESTIONS_INLINE"
    )
