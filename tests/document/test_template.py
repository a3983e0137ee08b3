"""A template filled into a new doc: every value is inserted as plain text."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.document.page import SMALL, Page, an_incident, shipped_template
from workflow.document.blocks import BlockKind
from workflow.document.edits.new_document import leftovers
from workflow.document.requests import clean_text
from workflow.document.template import DocTemplateBad, find_section, parse_template

SECTIONS = [
    "Summary",
    "Impact",
    "Root cause",
    "Timeline",
    "Solution",
    "Customer-facing response",
    "What we learned",
    "What we will do next time",
    "Supporting data",
    "How to contact support",
]


def test_a_new_doc_has_the_header_and_every_section_in_order() -> None:
    page = Page(incident=an_incident(impact="Three customers paid twice."))
    assert page.lines[:8] == [
        "Wrong prices in the October mail",
        "Status: Investigating",
        "Severity: S2",
        "Started: 24 Nov 2026, 2:39 PM CET",
        *("Duration: not known yet", "Owner: not known yet"),
        *("Customers affected: not known yet", "Links: not known yet"),
    ]
    paragraphs = page.view().paragraphs
    assert [one.text for one in paragraphs if one.named_style == "HEADING_1"] == SECTIONS
    assert paragraphs[0].named_style == "TITLE"


def test_an_empty_section_shows_in_grey_italics_what_belongs_there() -> None:
    page = Page()
    hint = page.under("Solution")[0]
    (style,) = (run for run in page.styles_of(hint) if run)
    assert style["italic"]
    assert "foregroundColor" in style


def test_a_section_with_a_value_starts_with_it_and_without_its_hint() -> None:
    page = Page(incident=an_incident(impact="Three *customers*.\n\n# Not a heading {{ title }}"))
    assert page.under("Impact") == ["Three *customers*.", "# Not a heading {{ title }}"]


@given(title=st.text(min_size=1, max_size=30), value=st.text(max_size=30))
@settings(max_examples=50, deadline=None)
def test_any_title_and_value_come_out_to_the_letter(title: str, value: str) -> None:
    template = parse_template(
        "# {{ title }}\n\n**Room:** {{ room }}\n\n## Timeline\n\nSee {{ room }}."
    )
    page = Page(incident=an_incident(f"T{title}"), template=template, values={"room": value})
    assert page.lines[0] == f"T{clean_text(title)}"
    assert page.lines[1] == f"Room: {clean_text(value.strip()) or 'not known yet'}"
    assert page.lines[3] == f"See {clean_text(value)}."


def test_a_title_of_3000_characters_is_no_trouble() -> None:
    page = Page(incident=an_incident("🎉" * 3000))
    assert page.lines[0] == "🎉" * 3000


def test_a_value_reaches_the_address_of_a_link() -> None:
    template = parse_template("## Links\n\n[the chat](<https://chat.example/{{ room }}>)")
    page = Page(template=template, values={"room": "ops-1"})
    assert {"link": {"url": "https://chat.example/ops-1"}} in [
        {"link": style.get("link")} for style in page.styles_of("the chat")
    ]


def test_placeholders_that_nothing_fills_are_reported_and_stay() -> None:
    template = parse_template("# {{ title }}\n\n{{ nmae }}\n\n## Timeline\n\n*{{ hnit }}*")
    assert leftovers(template, an_incident(), {}) == ("nmae", "hnit")
    assert "{{ nmae }}" in Page(template=template).lines
    assert leftovers(shipped_template(), an_incident(), {}) == ()


def test_front_matter_gives_a_template_in_another_language_its_keys() -> None:
    template = parse_template("---\ntimeline: Chronologie\n---\n# {{ title }}\n\n## Chronologie\n")
    assert [section.key for section in template.sections] == ["timeline"]


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("root_cause", "root_cause"),
        ("Root cause", "root_cause"),
        ("root-cause", "root_cause"),
        ("What we learned", "learned"),
        ("solu", "solution"),
        ("support", "support"),
    ],
)
def test_a_section_is_meant_by_its_key_its_title_or_their_start(name: str, key: str) -> None:
    found = find_section(shipped_template().sections, name)
    assert found is not None
    assert found.key == key


@pytest.mark.parametrize("name", ["s", "what we", "nothing", "", "🎉"])
def test_a_name_that_could_be_several_sections_or_none_is_none(name: str) -> None:
    assert find_section(shipped_template().sections, name) is None


@pytest.mark.parametrize(
    ("markdown", "message"),
    [
        ("no headings at all", "the template has no sections"),
        ("---\ntimeline\n---\n## Timeline", "line 2 of the template is not “key: Title”"),
        ("---\nTime Line: Timeline\n---\n## Timeline", "line 2 of the template"),
        (
            "---\nimpact: Impact\n---\n## Timeline",
            "names headings that are not in the template: impact",
        ),
    ],
)
def test_a_template_that_cannot_be_used_says_why(markdown: str, message: str) -> None:
    with pytest.raises(DocTemplateBad, match=message):
        parse_template(markdown)


def test_the_template_of_a_team_may_have_its_sections_at_any_level() -> None:
    template = parse_template("# Timeline\n\n## Night\n\n# Impact")
    assert [section.title for section in template.sections] == ["Timeline", "Impact"]
    assert [block.kind for block in template.sections[0].standing] == [BlockKind.HEADING_2]
    assert SMALL.opening[0].kind is BlockKind.TITLE
