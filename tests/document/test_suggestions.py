"""The program's text beside people's suggestions, whatever is decided about those later."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.document.page import SMALL, Boundary, Page, an_entry, an_incident
from tests.document.test_edits import a_notice, a_text, page
from workflow.document.edits.changes import Restate, RewordEntry, SetField, StrikeEntry
from workflow.model import Statement

__all__ = ["page"]  # a fixture


def timeline(lines: list[str]) -> list[str]:
    """The text under the timeline's heading, without the times."""
    start = lines.index("Timeline") + 2  # the heading, the day
    return [line.split("  ")[-1] for line in lines[start : lines.index("Solution")] if line]


def with_a_suggestion(page: Page, *, above: str = "", below: str = "") -> Page:
    page.edit(an_entry("a", 0, "first"), an_entry("c", 9, "third"))
    if above:
        page.suggest_line_above(above, "suggested")
    else:
        page.suggest_line_below(below, "suggested")
    return page


def test_an_entry_goes_under_a_line_suggested_above_the_next_one(page: Page) -> None:
    with_a_suggestion(page, above="third").edit(an_entry("b", 4, "second"))
    assert timeline(page.lines) == ["first", "suggested", "second", "third"]
    assert timeline(page.lines_once("accepted")) == ["first", "suggested", "second", "third"]
    assert timeline(page.lines_once("turned down")) == ["first", "second", "third"]


def test_an_entry_goes_under_a_line_suggested_below_the_one_before(page: Page) -> None:
    with_a_suggestion(page, below="first").edit(an_entry("b", 4, "second"))
    assert timeline(page.lines_once("accepted")) == ["first", "suggested", "second", "third"]
    assert timeline(page.lines_once("turned down")) == ["first", "second", "third"]


def test_an_entry_under_a_line_suggested_below_the_last_one(page: Page) -> None:
    with_a_suggestion(page, below="third").edit(an_entry("d", 12, "fourth"))
    assert timeline(page.lines_once("accepted")) == ["first", "third", "suggested", "fourth"]
    assert timeline(page.lines_once("turned down")) == ["first", "third", "fourth"]


def test_an_entry_and_a_line_suggested_above_the_next_heading(page: Page) -> None:
    with_a_suggestion(page, above="Solution").edit(an_entry("d", 12, "fourth"))
    # A line inserted at a heading's start would be a heading, and belong to the next section.
    assert timeline(page.lines_once("accepted")) == ["first", "third", "fourth", "suggested"]
    assert timeline(page.lines_once("turned down")) == ["first", "third", "fourth"]
    assert page.line("Solution").named_style == "HEADING_1"
    assert page.line("fourth").named_style == "NORMAL_TEXT"


def test_an_entry_with_a_line_suggested_above_it_can_still_be_found(page: Page) -> None:
    with_a_suggestion(page, above="third").edit(an_entry("d", 12, "fourth"))
    assert page.edit(an_entry("c", 9, "third")).requests == []
    assert timeline(page.lines_once("turned down")) == ["first", "third", "fourth"]


def test_text_and_notice_go_under_what_is_suggested_at_the_end_of_their_section(
    page: Page,
) -> None:
    page.edit(a_text("t1", "summary", "Begun."), a_notice("2 PM: 5 customers"))
    page.suggest_line_above("Impact", "suggested")
    page.suggest_line_above("What we learned", "suggested too")
    page.edit(a_text("t2", "summary", "Went on."), a_notice("3 PM: 7", notice_id="n2"))
    turned_down = page.lines_once("turned down")
    for lines in (turned_down, page.lines_once("accepted")):
        assert "Went on." in lines
        assert {"Impact", "What we learned"} <= set(lines)
    assert "suggested" not in "\n".join(turned_down)


def test_what_is_suggested_into_a_hint_or_a_value_is_kept(page: Page) -> None:
    page.suggest_at(page.line("Status: ").end - 1, " (said Ann)")
    page.edit(SetField("status", "Resolved"))
    assert "(said Ann)" in page.text


def test_a_hint_that_somebody_suggests_to_change_stays_and_the_text_comes_below(
    page: Page,
) -> None:
    hint = page.under("Summary")[0]
    page.suggest_without(hint[:12])
    edit = page.edit(a_text("t1", "summary", "Begun."))
    assert page.under("Summary")[:2] == [hint, "Begun."]
    assert [left.text for left in edit.left_alone] == [hint]
    assert len(edit.left_alone[0].suggestion_ids) == 1


def test_a_value_that_somebody_suggests_to_change_stays_behind_the_new_one(page: Page) -> None:
    page.suggest_without("Investigating")
    assert page.edit(SetField("status", "Identified")).left_alone
    assert page.line("Status").text == "Status: Identified · Investigating"
    assert not page.edit(SetField("status", "Resolved")).left_alone
    assert page.line("Status").text == "Status: Resolved · Investigating"


def test_a_correction_stands_beside_words_that_somebody_suggests_to_change(page: Page) -> None:
    for markdown, words in ((False, "the first words"), (True, "Plan:\n- rows\n- yards")):
        entry = replace(an_entry(f"a{markdown}", 3 + markdown, words), markdown=markdown)
        page.edit(entry)
        page.suggest_without("first" if not markdown else "yards")
        page.deleted.clear()
        change = RewordEntry(
            f"w{markdown}", replace(entry.entry, text="Better"), entry.zone, (words,), markdown
        )
        edit = page.edit(change, StrikeEntry(f"s{markdown}", entry.entry, entry.zone, (words,)))
        assert edit.left_alone
        assert not edit.notices_to_user
        assert page.deleted == []
        assert "(corrected: Better)" in page.line(words.split("\n")[0]).text


def test_facts_and_statements_under_a_suggestion_stay(page: Page) -> None:
    page.edit(a_notice("2 PM: 5 customers"))
    page.suggest_without("5 customers")
    assert page.edit(a_notice("2 PM: 7 customers")).left_alone
    assert {"2 PM: 5 customers", "2 PM: 7 customers"} <= set(page.lines)
    stated = Page(template=page.template, incident=an_incident(impact="nobody"))
    stated.suggest_without("nobody")
    restate = Restate(Statement.IMPACT, "everybody", ("nobody",), stated.template)
    assert stated.edit(restate).left_alone
    assert stated.under("Impact")[:2] == ["nobody", "everybody"]


@dataclass
class PageWithStyles(Page):
    """A doc in which somebody suggests another style for words, or for their paragraph."""

    words: str = ""
    kind: str = ""

    def document(self) -> dict[str, Any]:
        found = super().document()
        for element in found["tabs"][0]["documentTab"]["body"]["content"]:
            paragraph = element.get("paragraph", {})
            runs = [each["textRun"] for each in paragraph.get("elements", ()) if "textRun" in each]
            for run in runs:
                if self.words and self.words in run["content"]:
                    styled = run if self.kind == "suggestedTextStyleChanges" else paragraph
                    styled[self.kind] = {"suggest.style": {}}
        return found


@pytest.mark.parametrize(
    "kind",
    ["suggestedTextStyleChanges", "suggestedParagraphStyleChanges", "suggestedBulletChanges"],
)
def test_text_with_a_suggested_style_is_not_deleted(kind: str) -> None:
    page = PageWithStyles(kind=kind)
    entry = an_entry("a", 3, "the first words")
    page.edit(entry)
    page.words = "the first words"
    page.deleted.clear()
    edit = page.edit(
        RewordEntry("w", replace(entry.entry, text="Better"), entry.zone, ("the first words",))
    )
    assert [each.suggestion_ids for each in edit.left_alone] == [("suggest.style",)]
    assert page.deleted == []
    assert "(corrected: Better)" in page.line("the first words").text
    page.words = "Investigating"
    assert page.edit(SetField("status", "Identified")).left_alone
    assert page.deleted == []


LINES = re.compile(r"e\d+")


@pytest.mark.parametrize("boundary", ["outside", "inside"])
@given(
    steps=st.lists(
        st.tuples(
            st.integers(min_value=0, max_value=40),
            st.floats(min_value=0, max_value=1, exclude_max=True),
            st.booleans(),
            st.sampled_from(["suggested", "", "suggested\nand more"]),
        ),
        min_size=2,
        max_size=12,
    )
)
@settings(max_examples=60, deadline=None)
def test_every_entry_keeps_a_line_of_its_own_whatever_is_decided(
    boundary: Boundary, steps: list[tuple[int, float, bool, str]]
) -> None:
    made = Page(boundary=boundary, template=SMALL)
    for number, (minutes, where, is_above, words) in enumerate(steps):
        made.edit(an_entry(f"e{number}", minutes, f"e{number}"))
        paragraphs = [one for one in made.view().paragraphs if not one.cell]
        chosen = paragraphs[int(where * len(paragraphs))]
        if is_above:
            made.suggest_at(chosen.start, f"{words}\n")
        else:
            made.suggest_at(chosen.end - 1, f"\n{words}")
    said = [minutes for minutes, *_ in steps]
    in_order = sorted(range(len(steps)), key=lambda number: (said[number], number))
    for lines in (made.lines_once("accepted"), made.lines_once("turned down")):
        own = [line for line in lines if LINES.search(line)]
        assert [LINES.findall(line) for line in own] == [[f"e{number}"] for number in in_order]
        assert {"Summary", "Timeline", "Next"} <= set(lines)
