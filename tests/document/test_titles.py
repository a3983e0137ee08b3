"""Headings of teams' own templates: numbered, decorated, in capitals, named by a placeholder."""

from __future__ import annotations

import pytest

from tests.document.page import Boundary, Page, an_entry
from tests.document.test_edits import a_text
from workflow.document.blocks import plain
from workflow.document.edits.batch import section_text
from workflow.document.edits.changes import FillSection
from workflow.document.exports import read_tabs
from workflow.document.template import bare_title, find_section, parse_template
from workflow.document.typed import blocks_from_typed


@pytest.mark.parametrize(
    ("heading", "words"),
    [
        ("4. Timeline (UTC)", "timeline"),
        ("⏱ Timeline", "timeline"),
        ("⏱️ TIMELINE (UTC)", "timeline"),
        ("## 3) Root-cause", "root cause"),
        ("1. ROOT CAUSE", "root cause"),
        ("IV. Root cause:", "root cause"),
        ("2.1 Solution", "solution"),
        ("a) Impact", "impact"),
        ("3 – Impact", "impact"),
        ("🔥 What we learned 🔥", "what we learned"),
        ("Why {{ root_cause }}", "why"),
        ("I saw", "i saw"),
        ("Zeitachse", "zeitachse"),
        ("(x)", "x"),
    ],
)
def test_a_headings_own_words(heading: str, words: str) -> None:
    assert bare_title(heading) == words


NUMBERED = """
# {{ title }}

## 1. Summary

## 2. ROOT CAUSE (5 whys)

*Ask why.*

## ⏱ 4. Timeline (UTC)

## ACTION ITEMS

## 6. Notes
"""


def test_numbered_and_decorated_headings_have_the_keys_that_the_commands_know() -> None:
    template = parse_template(NUMBERED)
    assert [section.key for section in template.sections] == [
        *("summary", "root_cause", "timeline", "next_time", "notes"),
    ]
    for name in ("root", "Root cause", "root-cause", "2. ROOT CAUSE (5 whys)"):
        found = find_section(template.sections, name)
        assert found is not None
        assert found.key == "root_cause"


def test_entries_and_texts_go_under_those_headings_even_when_people_renumber_them() -> None:
    page = Page(template=parse_template(NUMBERED))
    page.edit(an_entry("a", 1, "first"), FillSection("f", "root_cause", (plain("A stale list"),)))
    page.replace("⏱ 4. Timeline (UTC)", "5) Timeline – UTC".replace(" – UTC", ""))
    page.forget_ranges("postmortem/section/")
    page.edit(an_entry("b", 2, "second"), FillSection("g", "root_cause", (plain("and more"),)))
    assert page.under("5) Timeline")[1:3] == ["2:40 PM CET  first", "2:41 PM CET  second"]
    assert page.under("2. ROOT CAUSE (5 whys)")[:2] == ["A stale list", "and more"]
    assert page.lines.count("5) Timeline") == 1


def test_a_placeholder_names_the_section_that_it_stands_in() -> None:
    template = parse_template(
        "# T\n\n## Why\n\n{{ root_cause }}\n\n## {{ solution }} How it was fixed\n\n## Notes\n\n"
        "{{ learned }}\n\n{{ next_time }}\n\n## Timeline\n"
    )
    assert [(each.key, each.also) for each in template.sections] == [
        ("root_cause", ()),
        ("solution", ()),
        ("learned", ("next_time",)),
        ("timeline", ()),
    ]
    named = [find_section(template.sections, name) for name in ("root", "why", "next_time")]
    assert [section.title for section in named if section] == ["Why", "Why", "Notes"]


FORM = """
# {{ title }}

| Summary | {{ summary }} |
|---|---|
| 2. Why | {{ root_cause }} |
| Status | {{ status }} |

| Learned | To do |
|---|---|
| {{ learned }} | {{ next_time }} |

## Timeline
"""


def cells(page: Page) -> list[list[str]]:
    (tab,) = read_tabs(page.document())
    return [
        ["".join(span.text for span in cell).strip() for cell in row]
        for block in tab.blocks
        for row in block.rows
    ]


@pytest.mark.parametrize("boundary", ["outside", "inside"])
def test_a_cell_that_is_a_placeholder_is_the_section(boundary: Boundary) -> None:
    page = Page(boundary, template=parse_template(FORM), values={"summary": "All at once."})
    sections = page.template.sections
    assert [(each.key, each.title) for each in sections if each.in_cell] == [
        ("summary", "Summary"),
        ("root_cause", "2. Why"),
        ("learned", "Learned"),
        ("next_time", "To do"),
    ]
    page.edit(a_text("f", "root_cause", "A stale list"), a_text("h", "summary", "It is over."))
    page.edit(FillSection("g", "root_cause", tuple(blocks_from_typed("and:\n- more"))))
    page.edit(FillSection("i", "next_time", tuple(blocks_from_typed("- [ ] Name it — Ann"))))
    page.edit(an_entry("a", 1, "seen"))
    assert cells(page) == [
        ["Summary", "All at once.\vIt is over."],
        ["2. Why", "A stale list\vand:\vmore"],
        ["Status", "Investigating"],
        ["Learned", "To do"],
        ["", "Name it — Ann"],
    ]
    assert section_text(page.view(), "root_cause", sections) == "A stale list\nand:\nmore"
    assert section_text(page.view(), "learned", sections) == ""
    assert page.edit(a_text("f", "root_cause", "A stale list")).requests == []
    page.replace("A stale list", "A very stale list")
    page.edit(a_text("j", "root_cause", "last"))
    assert cells(page)[1] == ["2. Why", "A very stale list\vand:\vmore\vlast"]


def test_a_section_that_has_its_own_heading_keeps_its_key() -> None:
    notes = "# T\n\n## Notes\n\n{{ timeline }}\n\n"
    template = parse_template(f"{notes}## Timeline\n\n## 2. Timeline\n")
    assert [each.key for each in template.sections] == ["notes", "timeline", "timeline_2"]
    assert template.sections[0].also == ("timeline",)
