"""A Google Doc exported as HTML."""

from __future__ import annotations

import json
import string
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from google_rehearsal.export import to_html

RECORDED = Path(__file__).parents[1] / "fixtures" / "docs"
VOID = {"meta", "br", "hr"}

Doc = dict[str, Any]


class Reader(HTMLParser):
    """A strict reader of a page: its body's text, its tags, every element closed in order."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.text = ""
        self.tags: list[str] = []
        self.links: list[str | None] = []
        self._open: list[str] = []
        self.feed(page)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [value for name, value in attrs if name == "href"]
        if tag == "br":
            self.text += "\v"
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "body" in self._open:
            self.text += data


def recorded(name: str) -> Doc:
    doc: Doc = json.loads((RECORDED / f"{name}.json").read_text(encoding="utf-8"))
    return doc


def doc(*content: Doc, **fields: Any) -> Doc:
    return {"title": "Doc", "body": {"content": list(content)}, **fields}


def run(text: str, **style: Any) -> Doc:
    return {"textRun": {"content": text, "textStyle": style}}


def paragraph(*elements: Doc | str, **fields: Any) -> Doc:
    runs = [run(element) if isinstance(element, str) else element for element in elements]
    return {"paragraph": {"elements": [*runs, run("\n")], **fields}}


def body(*content: Doc, **fields: Any) -> str:
    return to_html(doc(*content, **fields)).partition("<body>")[2].partition("</body>")[0]


any_text = st.text(
    st.one_of(
        st.sampled_from(string.punctuation + " \vab"),
        st.characters(exclude_categories=("Cs", "Co", "Cc")),
    ),
    min_size=1,
    max_size=40,
)


@settings(max_examples=200, deadline=None)
@given(any_text, st.sampled_from(["NORMAL_TEXT", "TITLE", "HEADING_3"]))
def test_any_text_reads_back_to_the_letter(text: str, style: str) -> None:
    page = Reader(to_html(doc(paragraph(text, paragraphStyle={"namedStyleType": style}))))
    assert page.text.strip("\n") == text


@settings(max_examples=100, deadline=None)
@given(any_text)
def test_no_title_address_or_style_of_a_doc_gets_out_of_its_place(text: str) -> None:
    sly = run(
        "x", link={"url": f"https://a.example/{text}"}, weightedFontFamily={"fontFamily": text}
    )
    page = Reader(to_html(doc(paragraph(sly), title=text)))
    assert set(page.tags) <= {"html", "head", "meta", "title", "style", "body", "p", "a", "span"}
    assert page.text == "x"


@pytest.mark.parametrize("name", sorted(path.stem for path in RECORDED.glob("*.json")))
def test_every_recorded_doc_is_well_formed(name: str) -> None:
    page = to_html(recorded(name))
    assert page.startswith("<!DOCTYPE html>")
    assert "script" not in Reader(page).tags


def test_looks_have_their_elements_and_share_classes() -> None:
    red = {"foregroundColor": {"color": {"rgbColor": {"red": 1}}}}
    line = paragraph(
        run("a", bold=True, italic=True),
        run("b", **red),
        run("c", strikethrough=True, **red),
        run("d", underline=True, link={"url": "https://a.example/?a=1&b=2"}),
    )
    assert body(line) == (
        '<p dir="auto"><em><strong>a</strong></em><span class="c0">b</span>'
        '<span class="c0"><s>c</s></span>'
        '<a href="https://a.example/?a=1&amp;b=2" rel="noopener noreferrer">d</a></p>'
    )
    assert ".c0{color:#ff0000}" in to_html(doc(line))


@pytest.mark.parametrize("address", ["javascript:alert(1)", "data:text/html,x", "//a.example", "["])
def test_an_address_that_is_not_of_the_web_is_no_link(address: str) -> None:
    assert body(paragraph(run("x", link={"url": address}))) == '<p dir="auto">x</p>'


def test_a_link_to_a_heading_leads_to_it() -> None:
    heading = paragraph("Here", paragraphStyle={"namedStyleType": "HEADING_1", "headingId": "h.1"})
    link = paragraph(run("there", link={"heading": {"id": "h.1", "tabId": "t.0"}}))
    assert body(heading, link) == (
        '<h2 id="h.1" dir="auto">Here</h2>\n<p dir="auto"><a href="#h.1">there</a></p>'
    )


def test_a_list_that_skips_a_level_stays_well_formed() -> None:
    lists = {"l": {"listProperties": {"nestingLevels": [{"glyphSymbol": "●"}] * 3}}}
    items = [
        paragraph(text, bullet={"listId": "l", "nestingLevel": level})
        for text, level in [("deep", 2), ("top", 0), ("deep again", 2)]
    ]
    assert Reader(to_html(doc(*items, lists=lists))).text.split("\n")[0] == "deeptopdeep again"
    assert body(*items, lists=lists).count('<li class="skipped">') == 3


def test_pending_suggestions_are_not_accepted() -> None:
    line = paragraph(
        {"textRun": {"content": "new", "suggestedInsertionIds": ["suggest.1"]}},
        {"textRun": {"content": "old", "suggestedDeletionIds": ["suggest.2"]}},
    )
    assert body(line) == '<p dir="auto">old</p>'


def test_a_paragraph_from_right_to_left_says_so() -> None:
    line = paragraph("שלום", paragraphStyle={"direction": "RIGHT_TO_LEFT"})
    assert body(line) == '<p dir="rtl">שלום</p>'
