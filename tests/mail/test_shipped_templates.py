"""The shipped mail templates: each reads well with all values, and with none."""

from __future__ import annotations

import re

import pytest

from tests.mail.letters import EVERYTHING, TEMPLATES, shipped
from workflow.mail.faces import html_face, parse_body, text_face
from workflow.mail.word_rules import check_words
from workflow.model import Stage

DOC = "https://docs.google.com/document/d/1aBcDeFgHiJkLmNoP/edit"
STAGES = [stage.value for stage in Stage]
LANGUAGES = ("de", "fr", "es")


def text_of(stage: str, given: dict[str, str], columns: dict[str, str]) -> str:
    return text_face(parse_body(shipped(stage, given).render(columns).markdown))


def test_there_is_a_template_for_every_stage() -> None:
    stems = {path.stem for path in TEMPLATES.glob("*.md")}
    assert {stem for stem in stems if "." not in stem} == {*STAGES, "sign-off"}
    for language in LANGUAGES:
        assert {f"{name}.{language}" for name in (*STAGES, "sign-off")} <= stems


@pytest.mark.parametrize("stage", STAGES)
def test_an_incident_and_a_list_of_addresses_are_enough(stage: str) -> None:
    rendered = shipped(stage).render({"email": "ann@one.example"})
    text = text_face(parse_body(rendered.markdown))
    assert "Messages to customers were not delivered" in rendered.subject
    assert "Messages to customers were not delivered" in text
    assert "24 Nov 2026, 2:39 PM CET" in text
    assert text.startswith("Hello,\n")
    assert "sorry" in text
    assert "Reply to this mail" in text
    assert not re.search(r"\*\*|:\s*$|\bNone\b|  |\n\n\n|\(\)|\{|‹|: \.", text, re.MULTILINE)


@pytest.mark.parametrize("stage", STAGES)
def test_with_everything_known_nothing_is_left_to_ask(stage: str) -> None:
    renderer = shipped(stage, EVERYTHING)
    rendered = renderer.render({"email": "ann@one.example", "name": "Ann"})
    text = text_face(parse_body(rendered.markdown))
    assert text.startswith("Hello Ann,\n")
    assert EVERYTHING["what_happened"] in text
    assert EVERYTHING["support"] in text
    assert text.endswith("Jo Lind, Acme\n")
    assert "reaches the people" not in text
    assert check_words(rendered, stage=Stage(stage), doc_url=DOC) == []


@pytest.mark.parametrize(
    ("stage", "said"),
    [
        ("investigating", "who_is_hit still_works what_we_do next_update"),
        ("identified", "cause who_is_hit still_works what_we_do next_update"),
        ("update", "who_is_hit still_works what_we_do next_update"),
        ("monitoring", "who_is_hit still_works what_we_do next_update"),
        ("resolved", "cause prevention who_is_hit still_works what_we_do next_update resolved_at"),
        ("postmortem", "cause prevention who_is_hit still_works what_we_do next_update"),
        ("correction", "wrong_text who_is_hit still_works what_we_do next_update"),
    ],
)
def test_what_the_team_says_is_in_the_mail(stage: str, said: str) -> None:
    text = text_of(stage, EVERYTHING, {"email": "ann@one.example"})
    assert [name for name in said.split() if EVERYTHING[name] not in text] == []


@pytest.mark.parametrize("stage", STAGES)
def test_the_docs_copy_shows_columns_by_name(stage: str) -> None:
    copy = shipped(stage).render({"email": "‹email›", "name": "‹name›"})
    assert text_face(parse_body(copy.markdown)).startswith("Hello ‹name›,\n")


@pytest.mark.parametrize("stage", STAGES)
def test_the_html_loads_nothing_and_runs_nothing(stage: str) -> None:
    rendered = shipped(stage, EVERYTHING).render({"email": "ann@one.example"})
    page = html_face(parse_body(rendered.markdown), subject=rendered.subject, lang="en")
    assert not re.search(r"<(?:img|script|link|iframe|form|object)\b|\bsrc=|url\(|@import", page)
    assert '<html lang="en" dir="auto">' in page


def test_a_paragraph_from_the_team_stays_a_paragraph() -> None:
    text = text_of(
        "resolved", {"what_happened": "First.\n\nSecond.\nThird."}, {"email": "a@b.example"}
    )
    assert "What happened: First.\n\nSecond.\nThird.\n\n" in text
