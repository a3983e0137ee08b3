"""The shipped templates in German, French and Spanish: complete, and in their language alone."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest

from tests.mail.letters import EVERYTHING, INCIDENT, STARTED, TEMPLATES
from tests.mail.test_escape_properties import Visible
from workflow.document.parse import blocks_from_markdown
from workflow.mail.faces import html_face, parse_body, text_face
from workflow.mail.sandbox import MomentText
from workflow.mail.template import MailRenderer, RenderedMail, parse_template, shared_variables
from workflow.mail.word_rules import check_words
from workflow.model import Stage
from workflow.templates import TemplateText, include

LANGUAGES = ("de", "fr", "es")
STAGES = [stage.value for stage in Stage]
MOMENTS = {"de": "24. Nov. 2026, 14:39 MEZ", "fr": "24 nov. 2026, 14:39 CET"} | {
    "es": "24 nov 2026, 14:39 CET"
}
# English words that a translation may not contain.
ENGLISH = re.compile(
    r"\b(?:the|what|and|you|this|(?<!E-)mail|with|update|since|who|is)\b", re.IGNORECASE
)


def renderer(stage: str, language: str, given: dict[str, str] | None = None) -> MailRenderer:
    name = f"{stage}.{language}" if language != "en" else stage
    source = (TEMPLATES / f"{name}.md").read_text(encoding="utf-8")
    text = TemplateText(name, source, (TEMPLATES,))
    shared = shared_variables(INCIDENT, now=STARTED, given=given)
    return MailRenderer(parse_template(name, source), shared, lambda each: include(text, each))


def mail(stage: str, language: str, given: dict[str, str] | None = None) -> RenderedMail:
    return renderer(stage, language, given).render({"email": "ann@one.example", "name": "Ann"})


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("stage", STAGES)
def test_nothing_of_it_is_english(stage: str, language: str) -> None:
    rendered = mail(stage, language)
    text = text_face(parse_body(rendered.markdown)).replace(INCIDENT.title, "X")
    assert not ENGLISH.findall(text)
    below = text.partition("\n")[2]  # a Spanish greeting ends in a colon
    assert not re.search(r"\*\*|:\s*$|\bNone\b|  |\n\n\n|\(\)|\{|‹|: \.", below, re.MULTILINE)
    assert MOMENTS[language] in text
    assert rendered.lang == language
    page = html_face(parse_body(rendered.markdown), subject=rendered.subject, lang=rendered.lang)
    assert f'<html lang="{language}"' in page
    assert page.count(f'lang="{language}"') == 2


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("stage", STAGES)
def test_with_everything_known_nothing_is_left_to_ask(stage: str, language: str) -> None:
    rendered = mail(stage, language, EVERYTHING)
    text = text_face(parse_body(rendered.markdown))
    assert EVERYTHING["what_happened"] in text
    assert text.endswith("Jo Lind, Acme\n")
    assert check_words(rendered, stage=Stage(stage), doc_url="") == []


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("stage", STAGES)
def test_it_says_as_much_as_the_english_one(stage: str, language: str) -> None:
    assert renderer(stage, language).variables == renderer(stage, "en").variables
    for given in ({}, EVERYTHING):
        ours, theirs = mail(stage, language, given), mail(stage, "en", given)
        kinds = [token.type for token in parse_body(ours.markdown)]
        assert kinds == [token.type for token in parse_body(theirs.markdown)]
        assert ours.subject.startswith(INCIDENT.title)
        assert theirs.subject.startswith(INCIDENT.title)


@pytest.mark.parametrize("language", ["en", *LANGUAGES])
@pytest.mark.parametrize("stage", STAGES)
def test_text_html_and_doc_say_the_same(stage: str, language: str) -> None:
    for given in ({}, EVERYTHING, {"what_happened": "A *star*, a <b>.\n\n- 1 & 2\nlast"}):
        rendered = mail(stage, language, given)
        tokens = parse_body(rendered.markdown)
        page = html_face(tokens, subject=rendered.subject, lang=rendered.lang)
        text = _letters(text_face(tokens))
        assert len(text) > 100
        assert _letters("".join(Visible(page).words)) == text
        blocks = blocks_from_markdown(rendered.markdown)
        assert _letters("".join(block.text for block in blocks)) == text


def _letters(text: str) -> str:
    """The words without layout: each face has its own marks for lists, headings and paragraphs."""
    return "".join(char for char in text if char.isalnum() or char in "&<>.,?!()@")


def test_until_it_is_resolved_every_mail_has_the_same_subject() -> None:
    for language in ("en", *LANGUAGES):
        open_stages = ("investigating", "identified", "update", "monitoring")
        assert {mail(stage, language).subject for stage in open_stages} == {INCIDENT.title}
    assert mail("resolved", "en").subject == f"{INCIDENT.title} – resolved"
    assert mail("resolved", "de").subject == f"{INCIDENT.title} – behoben"


@pytest.mark.parametrize(
    ("zone", "language", "said"),
    [
        ("", "en", "24 Nov 2026, 7:00 PM CET"),
        ("America/New_York", "en", "24 Nov 2026, 1:00 PM EST"),
        ("america/new_york", "en", "24 Nov 2026, 1:00 PM EST"),
        ("america_slash_new_york", "en", "24 Nov 2026, 1:00 PM EST"),  # HubSpot's spelling
        ("Tokyo", "en", "25 Nov 2026, 3:00 AM JST"),  # Zendesk's
        ("Asia/Kolkata", "en", "24 Nov 2026, 11:30 PM IST"),
        ("nowhere", "en", "24 Nov 2026, 7:00 PM CET"),
        ("America/New_York", "de", "24. Nov. 2026, 13:00 EST"),
        ("Europe/Berlin", "de", "24. Nov. 2026, 19:00 MEZ"),
    ],
)
def test_a_customer_reads_times_in_their_own_zone(zone: str, language: str, said: str) -> None:
    at = datetime(2026, 11, 24, 18, tzinfo=UTC)
    given = {"next_update": MomentText(at, INCIDENT.zone)}
    rendered = renderer("update", language, {**given}).render(
        {"email": "ann@one.example", "timezone": zone}
    )
    assert said in rendered.markdown.replace("\\", "")


def test_a_time_that_a_person_typed_stays_as_it_is() -> None:
    rendered = renderer("update", "en", {"next_update": "tomorrow, 5 PM CET"}).render(
        {"email": "ann@one.example", "timezone": "America/New_York"}
    )
    assert "tomorrow, 5 PM CET" in rendered.markdown
