"""Updates of impact and severity: every place shows them, and people's text stays."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.document.page import Page, an_incident
from tests.document.test_edit_properties import WORDS
from workflow.document.blocks import blocks_from_text
from workflow.document.edits.changes import Edit, FillSection, Restate
from workflow.document.requests import clean_text
from workflow.document.template import parse_template
from workflow.model import Statement

FIRST = "about 200 customers 🧾"
NEXT = "about 340 customers, all in Germany"
LAST = "351 customers 🇩🇪"

SCATTERED = parse_template("""
# {{ title }} ({{ severity }})

**Severity:** {{ severity }}

Hit: {{ impact }}, since {{ started }}.

{{ impact }}

## What is broken

- {{ impact }}

| Who | How bad |
|-----|---------|
| {{ impact }} | {{ severity }} |

## Timeline
""")


def say(page: Page, statement: Statement, value: str, *earlier: str) -> Edit:
    return page.edit(Restate(statement, value, earlier, page.template))


def impact(page: Page, value: str, *earlier: str) -> Edit:
    return say(page, Statement.IMPACT, value, *earlier)


def hit(first: str = FIRST) -> Page:
    return Page(incident=an_incident(impact=first))


def test_the_new_impact_stands_in_the_place_of_the_first() -> None:
    page = hit()
    assert not impact(page, NEXT, FIRST).notices_to_user
    assert page.under("Impact") == [NEXT]
    impact(page, LAST, FIRST, NEXT)
    assert page.under("Impact") == [LAST]


def test_where_none_was_said_the_sections_hint_makes_room_for_it() -> None:
    page = hit("")
    assert not impact(page, NEXT, "").notices_to_user
    assert page.under("Impact") == [NEXT]


def test_an_impact_of_several_paragraphs_is_replaced_as_a_whole_and_only_once() -> None:
    page = hit("one\n\ntwo")
    impact(page, "three\n\nfour\n\nfive", "one\n\ntwo")
    assert page.under("Impact") == ["three", "four", "five"]
    assert not impact(page, "three\n\nfour\n\nfive", "one\n\ntwo").requests
    impact(page, "six", "one\n\ntwo", "three\n\nfour\n\nfive")
    assert page.under("Impact") == ["six"]


def test_what_a_person_made_of_it_stays_and_the_new_words_stand_below() -> None:
    page = hit()
    page.replace("200 customers", "200 customers, mostly shops")
    edit = impact(page, NEXT, FIRST)
    assert page.under("Impact") == ["about 200 customers, mostly shops 🧾", NEXT]
    assert edit.notices_to_user == (
        "The impact in the doc was edited by hand. The new text was added below it.",
    )
    assert not impact(page, LAST, FIRST, NEXT).notices_to_user
    assert page.under("Impact") == ["about 200 customers, mostly shops 🧾", LAST]


def test_words_are_known_by_themselves_where_their_range_is_lost() -> None:
    page = hit()
    page.forget_ranges("postmortem/stated/")
    page.type_line_below(FIRST, f"Sales says {FIRST}")
    impact(page, NEXT, FIRST)
    assert page.under("Impact") == [NEXT, f"Sales says {FIRST}"]


def test_a_colleagues_machine_knows_them_by_the_doc_alone() -> None:
    page = hit()
    page.edit(Restate(Statement.IMPACT, NEXT, ("",), parse_template("# Timeline\n")))
    assert page.under("Impact") == [NEXT]


def test_what_a_person_wrote_around_it_stays_where_it_is() -> None:
    page = hit()
    page.type_line_above(FIRST, "above")
    page.type_line_below(FIRST, "below")
    page.edit(
        Restate(Statement.IMPACT, NEXT, (FIRST,), page.template),
        FillSection("f1", "impact", tuple(blocks_from_text("more"))),
    )
    assert page.under("Impact") == ["above", NEXT, "below", "more"]


def test_every_place_of_a_template_shows_it() -> None:
    page = Page(incident=an_incident("Wrong", impact=FIRST), template=SCATTERED)
    say(page, Statement.SEVERITY, "S1", "S2")
    impact(page, NEXT, FIRST)
    assert page.lines[:4] == [
        "Wrong (S1)",
        "Severity: S1",
        f"Hit: {NEXT}, since 24 Nov 2026, 2:39 PM CET.",
        NEXT,
    ]
    assert [line for line in page.under("What is broken") if line.strip()] == [
        NEXT,
        "Who",
        "How bad",
        NEXT,
        "S1",
    ]
    assert not impact(page, NEXT, FIRST).requests
    assert not say(page, Statement.SEVERITY, "S1", "S2").requests


def test_a_header_line_that_was_changed_by_hand_keeps_what_was_typed() -> None:
    page = Page()
    page.replace("S2", "S2 (Bob)")
    say(page, Statement.SEVERITY, "S1", "S2")
    assert page.line("Severity").text == "Severity: S1 · S2 (Bob)"


def test_a_doc_without_a_place_for_it_is_left_alone() -> None:
    page = Page(template=parse_template("# {{ title }}\n\n## Timeline\n\n## Solution\n"))
    before = page.lines
    edit = impact(page, NEXT, "")
    assert edit.notices_to_user == ("The doc has no place for the impact. It is in the timeline.",)
    assert page.lines == before


SAID = WORDS.map(lambda text: text.strip()).filter(lambda text: bool(text.strip()))


@settings(max_examples=120, deadline=None)
@given(
    st.sampled_from(["shipped", "scattered"]),
    st.lists(SAID, min_size=2, max_size=4),
    st.sampled_from(["outside", "inside"]),
    st.lists(st.tuples(st.floats(0, 1, exclude_max=True), WORDS), max_size=2),
)
def test_whatever_is_said_and_typed_the_last_word_is_there_and_nothing_typed_is_lost(
    kind: str, said: list[str], boundary: str, typed: list[tuple[float, str]]
) -> None:
    incident = replace(an_incident(impact=said[0]), severity=clean_text(said[0]))
    page = Page(boundary=boundary, incident=incident)  # type: ignore[arg-type]
    if kind == "scattered":
        page = Page(boundary=boundary, incident=incident, template=SCATTERED)  # type: ignore[arg-type]
    for number, value in enumerate(said[1:], start=1):
        for at, words in typed:
            lines = page.view().paragraphs
            line = lines[int(at * len(lines))]
            page.type_at(line.end - 1, f"‹{number}{clean_text(words)}›")
        before = page.deleted.copy()
        impact(page, value, *said[:number])
        taken_out = "".join(page.deleted[len(before) :])
        assert "‹" not in taken_out.replace(clean_text(value), "")
        shown = "\n".join(page.lines)
        assert "\n".join(one.text for one in blocks_from_text(value)) in shown or (
            clean_text(value) in shown
        )
        assert not impact(page, value, *said[:number]).requests
