"""A doc as files: Markdown and HTML with all typed text, none of it taken as markup."""

from __future__ import annotations

import json
import re
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from google_rehearsal.docs import FetchedPicture
from tests.document.page import Page, an_entry, an_incident
from workflow.document.blocks import Block, BlockKind, InlinePicture, Span
from workflow.document.edits.action_items import file_blocks
from workflow.document.edits.changes import FillSection, PutNotice
from workflow.document.exports import blocks_to_markdown, to_html, to_markdown
from workflow.document.parse import blocks_from_markdown
from workflow.document.requests import LINE_BREAK, NON_TEXT
from workflow.document.view import read_document

PICTURE = InlinePicture("https://a.example/g.png", 40, 20)
RECORDED = sorted((Path(__file__).parents[1] / "fixtures" / "docs").glob("*.json"))

GITHUB = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])

AWKWARD = (
    *("# a", "1. a", "12) a", "- a", "+ a", "> a", "a | b", "<b>x</b>", "[x](y)", "![x](y)"),
    *("{{ title }}", "*a*", "_a_", "~~a~~", "`a`", "&lt;", "&#65;", "\\*", "a\\", "===", "---"),
    *("    code", "\tcode", "a  ", "$x$", "[x]: y", "```", "<!-- -->", "http://a.example", "a*b*c"),
    *("🎉", "e\u0301", "שלום", "\u00a0x\u00a0", "\u3000", "!", ":--", "|---|", "[ ] a", "# #"),
)
CHARACTERS = st.characters(exclude_categories=["C", "Zl", "Zp"])
TEXT = st.one_of(st.sampled_from(AWKWARD), st.text(CHARACTERS, min_size=1, max_size=12))
SPAN = st.builds(
    Span, TEXT, bold=st.booleans(), italic=st.booleans(), strike=st.booleans(), code=st.booleans()
)


def seen(markdown: str) -> str:
    """The text that a reader of the rendered Markdown sees, line by line."""
    rendered = re.sub(r"<br ?/?>\n?|</(p|li|h\d|td|th)>", "\n", GITHUB.render(markdown))
    return unescape(re.sub(r"<[^>]*>", "", rendered))


def letters(text: str) -> str:
    return re.sub(r"\s", "", text)


@given(lines=st.lists(TEXT, min_size=1, max_size=4))
@settings(max_examples=300, deadline=None)
def test_any_text_renders_as_itself(lines: list[str]) -> None:
    text = "\n".join(line.rstrip() for line in lines).strip("\n")
    assume(text)
    block = Block(BlockKind.NORMAL, (Span(LINE_BREAK.join(lines)),))
    rendered = GITHUB.render(blocks_to_markdown([block]))
    inside = re.fullmatch(r"<p>(.*)</p>\n", rendered, re.DOTALL)
    assert inside is not None, rendered
    assert unescape(inside[1].replace("<br />", "")) == text


@given(spans=st.lists(SPAN, min_size=1, max_size=4), kind=st.sampled_from(list(BlockKind)[:11]))
@settings(max_examples=300, deadline=None)
def test_styled_words_of_any_kind_keep_their_letters(spans: list[Span], kind: BlockKind) -> None:
    block = Block(kind, tuple(spans))
    box = "[]" if kind is BlockKind.CHECK else ""
    assert letters(seen(blocks_to_markdown([block]))) == box + letters(block.text)


@given(rows=st.lists(st.lists(SPAN.map(lambda span: (span,)), min_size=2, max_size=2), min_size=2))
@settings(max_examples=50, deadline=None)
def test_cells_of_a_table_keep_their_letters(rows: list[Any]) -> None:
    table = Block(BlockKind.TABLE, rows=tuple(map(tuple, rows)))
    text = "".join(cell[0].text for row in rows for cell in row)
    assert letters(seen(blocks_to_markdown([table]))) == letters(text)


def test_a_finished_doc_reads_as_markdown_as_it_does_in_docs() -> None:
    page = Page(incident=an_incident("Wrong *prices*", impact="Three customers"))
    page.edit(
        an_entry("a", 0, "seen", by="Ann", link="https://chat.example/x"),
        FillSection("1", "next_time", tuple(blocks_from_markdown("- [ ] add a test\n- [x] rest"))),
        FillSection(
            "2",
            "solution",
            tuple(
                blocks_from_markdown(
                    "1. **stop**\n   - deep\n2. go\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n`x`"
                )
            ),
        ),
        PutNotice(
            "n", "Update", ("sent", "3 accepted"), tuple(blocks_from_markdown("Dear\n\n> q"))
        ),
    )
    markdown = to_markdown(page.document())
    assert markdown.startswith("# Wrong \\*prices\\*\n\n**Status:** Investigating\n\n")
    for part in (
        "## Impact\n\nThree customers\n\n## Root cause",
        "**2:39 PM CET**  seen ([chat.example](<https://chat.example/x>)) — Ann",
        "- [ ] add a test\n- [x] rest",
        "1. **stop**\n   - deep\n2. go",
        "| **a** | **b** |\n| --- | --- |\n| 1 | 2 |",
        "\n\n`x`\n\n",
        "#### Update\n\nsent\\\n3 accepted\n\n> Dear\n\n> > q\n",
    ):
        assert part in markdown
    html = to_html(page.document())
    for part in (
        '<h1 dir="auto">Wrong *prices*</h1>',
        '<input type="checkbox" disabled checked> rest',
        '<ol><li dir="auto"><strong>stop</strong><ul><li dir="auto">deep</li></ul></li>',
        '<a href="https://chat.example/x">chat.example</a>',
        "<blockquote><blockquote>",
    ):
        assert part in html


def test_chips_come_out_as_their_text() -> None:
    elements = [
        {"person": {"personProperties": {"name": "Ann", "email": "ann@example.com"}}},
        {"dateElement": {"dateElementProperties": {"displayText": "Nov 24, 2026"}}},
        {"dropdown": {"dropdownProperties": {"displayValue": "Resolved"}}},
        {
            "richLink": {
                "richLinkProperties": {"title": "Graph", "uri": "https://drive.google.com/x"}
            }
        },
        {"textRun": {"content": "\n"}},
    ]
    document = {"body": {"content": [{"paragraph": {"elements": elements}}]}}
    expected = (
        "[Ann](<mailto:ann@example.com>)Nov 24, 2026Resolved[Graph](<https://drive.google.com/x>)\n"
    )
    assert to_markdown(document) == expected


def test_what_is_in_every_tab_is_exported_under_its_title() -> None:
    page = Page()
    page.by_hand({"addDocumentTab": {"tabProperties": {"title": "Notes"}}})
    tab = page.view().tabs[-1].id
    page.by_hand({"insertText": {"location": {"index": 1, "tabId": tab}, "text": "typed there"}})
    assert "# Notes\n\ntyped there\n" in to_markdown(page.document())
    assert "typed there" in to_html(page.document())


@pytest.mark.parametrize("path", RECORDED, ids=lambda path: path.stem)
def test_recorded_documents_are_read_with_all_their_words(path: Path) -> None:
    document = json.loads(path.read_text(encoding="utf-8"))
    in_markdown = letters(seen(to_markdown(document)))
    in_html = letters(unescape(re.sub(r"<[^>]*>", "", to_html(document))))
    for paragraph in read_document(document).paragraphs:
        text = letters(paragraph.text.split(NON_TEXT)[0])
        assert text in in_markdown
        assert text in in_html


def test_what_is_only_suggested_is_shown_as_that() -> None:
    page = Page()
    page.edit(an_entry("a", 0, "stopped the run"))
    page.suggest_line_below("stopped the run", "restarted *it*")
    line = page.line("stopped the run")
    start = line.start + line.text.index("the run")
    gone = {"range": {"startIndex": start, "endIndex": start + len("the run")}}
    page.suggest({"deleteContentRange": gone})
    markdown, html = to_markdown(page.document()), to_html(page.document())
    assert "stopped <del>the run</del>" in markdown
    assert "<ins>restarted \\*it\\*</ins>" in markdown
    assert "stopped <del>the run</del>" in html
    assert "<ins>restarted *it*</ins>" in html


def test_a_picture_is_shown_by_markdown_and_named_by_html() -> None:
    page = Page()
    page.pictures["https://a.example/g.png"] = FetchedPicture("key", 40, 20)
    file = file_blocks("g.png", "Graph", "https://a.example/g.png", b"", (), PICTURE)
    page.edit(FillSection("f", "supporting_data", tuple(file)))
    assert "![picture](<https://a.example/g.png>)" in to_markdown(page.document())
    assert '<a href="https://a.example/g.png">(picture)</a>' in to_html(page.document())
    assert "<img" not in to_html(page.document())
