"""Named ranges in the rehearsal's Google Docs: how they follow the text under them."""

from __future__ import annotations

import pytest

from google_rehearsal.docs.world import BoundaryInserts, NamedRange
from tests.google_rehearsal.docs_page import Page, append, bullets, delete, insert, name, style


def named(text: str, start: int, end: int) -> Page:
    page = Page(text)
    page.send(name("mark", start, end))
    return page


def fill(text: str, **which: str) -> dict[str, object]:
    return {"replaceNamedRangeContent": {"text": text, **which}}


def test_a_range_is_found_by_its_name_with_its_id() -> None:
    page = Page("one two")
    (reply,) = page.send(name("mark", 1, 4))
    group = page.resource()["namedRanges"]["mark"]
    assert group["name"] == "mark"
    assert group["namedRanges"] == [
        {
            "namedRangeId": reply["createNamedRange"]["namedRangeId"],
            "name": "mark",
            "ranges": [{"startIndex": 1, "endIndex": 4}],
        }
    ]


def test_ranges_of_one_name_are_grouped() -> None:
    page = Page("one two")
    page.send(name("mark", 1, 4), name("mark", 5, 8), name("other", 1, 8))
    assert page.named_ranges() == {"mark": [(1, 4), (5, 8)], "other": [(1, 8)]}


def test_a_name_may_have_256_code_units() -> None:
    page = Page("x")
    page.send(name("😀" * 128, 1, 2))
    assert list(page.named_ranges()) == ["😀" * 128]


@pytest.mark.parametrize(
    ("at", "outside", "inside"),
    [(1, (4, 6), (4, 6)), (3, (4, 6), (3, 6)), (4, (3, 6), (3, 6)), (5, (3, 5), (3, 6))],
)
def test_text_strictly_inside_always_joins_and_text_at_an_end_as_the_switch_says(
    at: int, outside: tuple[int, int], inside: tuple[int, int]
) -> None:
    expected: dict[BoundaryInserts, tuple[int, int]] = {"outside": outside, "inside": inside}
    for boundary, where in expected.items():
        page = named("abcdef", 3, 5)
        page.doc.boundary_inserts = boundary
        page.send(insert("x", at=at))
        assert page.named_ranges() == {"mark": [where]}


def test_text_at_the_very_end_of_the_document_stays_outside() -> None:
    page = named("abc", 1, 4)
    page.send(append("d"))
    assert page.named_ranges() == {"mark": [(1, 4)]}


@pytest.mark.parametrize(
    ("start", "end", "left"),
    [
        (1, 2, (2, 4)),  # before it
        (6, 7, (3, 5)),  # after it
        (4, 6, (3, 4)),  # its end
        (2, 4, (2, 3)),  # its start
        (1, 4, (1, 2)),
    ],
)
def test_a_cut_shrinks_or_moves_a_range(start: int, end: int, left: tuple[int, int]) -> None:
    page = named("abcdefg", 3, 5)
    page.send(delete(start, end))
    assert page.named_ranges() == {"mark": [left]}


def test_a_cut_through_the_middle_leaves_one_range() -> None:
    page = named("abcdefg", 2, 7)
    page.send(delete(4, 5))
    assert page.named_ranges() == {"mark": [(2, 6)]}


def test_a_range_without_content_is_gone() -> None:
    page = named("abcdefg", 3, 5)
    page.send(delete(2, 6))
    assert page.named_ranges() == {}


def test_tabs_that_become_nesting_leave_the_range() -> None:
    page = named("\t\tabc", 1, 6)
    page.send(bullets(1, 2))
    assert page.named_ranges() == {"mark": [(1, 4)]}


def test_a_range_is_deleted_by_its_id_and_its_text_stays() -> None:
    page = Page("abc")
    (reply, _) = page.send(name("mark", 1, 2), name("mark", 2, 3))
    range_id = reply["createNamedRange"]["namedRangeId"]
    page.send({"deleteNamedRange": {"namedRangeId": range_id}})
    assert page.named_ranges() == {"mark": [(2, 3)]}
    assert page.text() == "abc\n"


def test_all_ranges_of_a_name_are_deleted_together() -> None:
    page = Page("abc")
    page.send(name("mark", 1, 2), name("mark", 2, 3), name("other", 1, 2))
    page.send({"deleteNamedRange": {"name": "mark"}})
    assert page.named_ranges() == {"other": [(1, 2)]}


def test_a_name_that_nobody_has_is_passed_over_in_silence() -> None:
    page = Page("abc")
    revision = page.doc.revision
    page.send({"deleteNamedRange": {"name": "none"}}, fill("x", namedRangeName="none"))
    assert page.text() == "abc\n"
    assert page.doc.revision == revision


def test_the_content_of_a_range_is_replaced_and_the_range_holds_the_new() -> None:
    page = named("see old here", 5, 8)
    page.send(style(5, 8, "bold", bold=True))
    page.send(fill("new text", namedRangeName="mark"))
    assert page.runs() == [("see ", {}), ("new text", {"bold": True}), (" here\n", {})]
    assert page.named_ranges() == {"mark": [(5, 13)]}


def test_each_range_of_a_name_is_replaced() -> None:
    page = Page("a b c")
    page.send(name("mark", 1, 2), name("mark", 5, 6), name("all", 1, 6))
    page.send(fill("xyz", namedRangeName="mark"))
    assert page.text() == "xyz b xyz\n"
    assert page.named_ranges() == {"mark": [(1, 4), (7, 10)], "all": [(1, 10)]}


def test_replacing_with_nothing_removes_content_and_range() -> None:
    page = named("see old here", 4, 8)
    page.send(fill("", namedRangeName="mark"))
    assert page.text() == "see here\n"
    assert page.named_ranges() == {}


def test_of_a_range_in_pieces_the_first_gets_the_text_and_the_others_go() -> None:
    page = Page("abcdefgh")
    page.doc.tabs[0].named_ranges.append(NamedRange("kix.1", "mark", "", ((2, 3), (5, 7))))
    page.send(fill("XY", namedRangeId="kix.1"))
    assert page.text() == "aXYcdgh\n"
    assert page.named_ranges() == {"mark": [(2, 4)]}


def test_text_that_is_found_and_replaced_stays_in_its_range() -> None:
    page = named("see {{x}} here", 5, 10)
    page.send({"replaceAllText": {"containsText": {"text": "{{x}}"}, "replaceText": "value!"}})
    assert page.text() == "see value! here\n"
    assert page.named_ranges() == {"mark": [(5, 11)]}
