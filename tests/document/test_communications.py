"""The summary of the notices in the doc: one block, kept up to date beside people's text."""

from __future__ import annotations

import pytest

from tests.document.page import Page, shipped_template
from workflow.document.blocks import blocks_from_text
from workflow.document.edits import action_items
from workflow.document.edits.changes import FillSection, PutCommunications

RESPONSE = "Customer-facing response"
HEADING = "Communications summary"
SECTIONS = shipped_template().sections


@pytest.fixture(params=["outside", "inside"])
def page(request: pytest.FixtureRequest) -> Page:
    return Page(boundary=request.param)


def summary(*lines: str, before: tuple[str, ...] = ()) -> PutCommunications:
    return PutCommunications("inc1", HEADING, lines, (before,) if before else ())


def fill(section: str, words: str) -> FillSection:
    return FillSection(section, section, tuple(blocks_from_text(words)))


def test_it_is_written_once_and_then_brought_up_to_date(page: Page) -> None:
    page.edit(summary("Told: 2 customers", "Resolved: 2 of 2"))
    assert page.edit(summary("Told: 2 customers", "Resolved: 2 of 2")).requests == []
    page.edit(summary("Told: 3 customers"))
    assert page.under(RESPONSE) == [HEADING, "Told: 3 customers"]
    names = [each.name for each in page.view().ranges if "communications" in each.name]
    assert names[0] == "postmortem/communications/inc1"
    assert len(names) == 2


def test_what_a_person_made_of_it_stays_and_the_new_lines_come_below(page: Page) -> None:
    page.edit(summary("Told: 2 customers"))
    page.replace("2 customers", by="nearly everybody")
    edit = page.edit(summary("Told: 3 customers"))
    assert page.under(RESPONSE) == [HEADING, "Told: nearly everybody", "Told: 3 customers"]
    assert "edited by hand" in edit.notices_to_user[0]


def test_without_its_range_it_is_known_by_its_words(page: Page) -> None:
    page.edit(summary("Told: 2 customers"))
    page.forget_ranges("postmortem/communications-facts")
    page.edit(summary("Told: 3 customers", before=("Told: 2 customers",)))
    assert page.under(RESPONSE) == [HEADING, "Told: 3 customers"]


def test_a_section_counts_as_empty_while_its_hint_is_all_that_it_has(page: Page) -> None:
    titles = [section.title for section in SECTIONS]
    empty = action_items.empty_sections(page.view(), SECTIONS)
    assert set(titles) - set(empty) >= {"Supporting data", RESPONSE}
    page.edit(fill("summary", "Amounts were wrong."), fill("next_time", "Look twice"))
    now = action_items.empty_sections(page.view(), SECTIONS)
    assert set(empty) - set(now) == {"Summary", "What we will do next time"}


def test_placeholders_are_named_once_each(page: Page) -> None:
    page.edit(fill("summary", "For {{ who }} and {{ who }}.\n\nTODO: ask TBD. No TODOS here."))
    assert action_items.placeholders_left(page.view()) == ["{{ who }}", "TODO", "TBD"]


def test_each_line_of_what_is_done_next_time_is_an_action(page: Page) -> None:
    assert action_items.actions(page.view(), SECTIONS) == []
    page.edit(fill("next_time", "We will:\nLook twice — Sam — 30 Nov\n\nLook again"))
    first, second = action_items.actions(page.view(), SECTIONS)
    assert (first.has_owner, first.has_date) == (True, True)
    assert (second.text, second.has_owner, second.has_date) == ("Look again", False, False)
