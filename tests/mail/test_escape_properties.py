"""Any value of a variable is shown as those characters in each part of a mail, and as no markup."""

from __future__ import annotations

import re
from functools import cache
from html.parser import HTMLParser

import pytest
from hypothesis import assume, given, settings

from tests.mail.strategies import any_text
from workflow.mail.escape import clean
from workflow.mail.faces import html_face, link_addresses, parse_body, text_face
from workflow.mail.template import MailRenderer, RenderedMail, parse_template

PLACES = {
    "alone": "Before.\n\n{{ x }}\n\nAfter.",
    "in a sentence": "Dear {{ x }}, hello.",
    "at the end of a line": "Before {{ x }}\nafter",
    "at the start of a line": "Before\n{{ x }}. After",
    "twice in a row": "{{ x }}{{ x }}",
    "behind a label": "**Label:** {{ x }}",
    "in emphasis": "Before **{{ x }}** after.",
    "in a link": "[{{ x }}](https://ok.example/)",
    "in a heading": "# {{ x }}\n\nAfter.",
    "in a list": "- one\n- {{ x }}\n- three",
    "in a numbered list": "1. {{ x }}\n2. two",
    "in a nested list": "- one\n  - {{ x }}\n- two",
    "in a quotation": "> {{ x }}\n\nAfter.",
    "in a table": "| a | b |\n|---|---|\n| {{ x }} | c |",
}


@cache
def renderer(place: str) -> MailRenderer:
    template = parse_template("mail.md", f"---\nsubject: About {{{{ x }}}}\n---\n{PLACES[place]}")
    return MailRenderer(template, {}, lambda _: None)


def render(place: str, value: str) -> RenderedMail:
    return renderer(place).render({"x": value, "email": "a@b.example"})


class Visible(HTMLParser):
    """The visible text of the HTML, and its elements."""

    def __init__(self, document: str) -> None:
        super().__init__()
        self.words: list[str] = []
        self.tags: list[str] = []
        self._body = False
        self.feed(document)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._body = self._body or tag == "body"
        self.tags.append(tag)
        if tag in {"br", "p", "div", "td", "th", "li"}:
            self.words.append(" ")

    def handle_data(self, data: str) -> None:
        if self._body:
            self.words.append(data)


def squeezed(text: str) -> str:
    """Text without spaces and line breaks: a mail's parts may differ only in those."""
    return re.sub(r"\s+", "", text)


def expected(place: str, value: str) -> str:
    """The template's own text with the value's characters in its place."""
    source = re.sub(r"^(# |> |\d\. |\|[-|]+$|\s*- )", "", PLACES[place], flags=re.MULTILINE)
    source = re.sub(r"\[(.*)\]\(.*\)", r"\1", source).replace("**", "").replace("|", "")
    return squeezed(source.replace("{{ x }}", clean(value)))


@pytest.mark.parametrize("place", PLACES)
@settings(max_examples=40, deadline=None)
@given(value=any_text)
def test_a_value_is_shown_letter_by_letter_in_every_face(place: str, value: str) -> None:
    assume(clean(value).strip() or place not in {"in emphasis", "in a link"})
    tokens = parse_body(render(place, value).markdown)
    page = Visible(html_face(tokens, subject="s"))
    assert squeezed("".join(page.words)) == expected(place, value)
    marks = "(?m)^> ?" if place == "in a quotation" else "$^"
    text = squeezed(re.sub(marks, "", text_face(tokens)))
    assert all(squeezed(line) in text for line in clean(value).split("\n"))
    if place not in {"in a table", "in a quotation", "in a link"} and "list" not in place:
        assert text == expected(place, value)


@pytest.mark.parametrize("place", PLACES)
@settings(max_examples=25, deadline=None)
@given(value=any_text)
def test_a_value_adds_no_link_and_no_element_but_line_breaks(place: str, value: str) -> None:
    assume(clean(value).strip())  # an empty `- ` is up to the template
    plain = parse_body(render(place, "word").markdown)
    tokens = parse_body(render(place, value).markdown)
    assert set(link_addresses(tokens)) <= set(link_addresses(plain))
    added = set(Visible(html_face(tokens, subject="s")).tags)
    known = set(Visible(html_face(plain, subject="s")).tags)
    assert added - known <= {"br", "p"}


@settings(max_examples=200, deadline=None)
@given(value=any_text)
def test_a_subject_is_one_clean_line(value: str) -> None:
    subject = render("alone", value).subject
    assert subject.startswith("About")
    assert len(subject) <= 200
    assert not re.search(
        "[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]", subject
    )
