"""Markdown as blocks: the text of a mail or a template, without its marks."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workflow.document.blocks import Block, BlockKind, Span, blocks_from_text, plain
from workflow.document.parse import blocks_from_markdown
from workflow.document.requests import clean_text, inner_length, text_from, utf16_length


def shapes(markdown: str) -> list[tuple[BlockKind, str, int, int]]:
    return [(b.kind, b.text, b.level, b.quote) for b in blocks_from_markdown(markdown)]


def test_words_keep_their_looks() -> None:
    (block,) = blocks_from_markdown("a **b** *c* ~~d~~ `e` [f](https://x.example)")
    styled = [span for span in block.spans if span.text.strip() and span.text != "a "]
    assert styled == [
        Span("b", bold=True),
        Span("c", italic=True),
        Span("d", strike=True),
        Span("e", code=True),
        Span("f", link="https://x.example"),
    ]


def test_lists_nest_and_what_belongs_to_an_item_is_set_in() -> None:
    assert shapes("- a\n  1. b\n\n     c\n- d") == [
        (BlockKind.BULLET, "a", 0, 0),
        (BlockKind.NUMBER, "b", 1, 0),
        (BlockKind.NORMAL, "c", 2, 0),
        (BlockKind.BULLET, "d", 0, 0),
    ]


@pytest.mark.parametrize(
    ("markdown", "shown"),
    [
        ("1. a\n2. b", ["a", "b"]),
        ("1. a\n   - x\n2. b", ["a", "x", "b"]),
        ("3. a\n4. b", ["3. a", "4. b"]),
        ("1. a\n\n```\nx\n```\n\n2. b", ["a", "x", "2. b"]),
        ("1. a\n\n   x\n2. b", ["1. a", "x", "2. b"]),
        ("1. a\n   - x\n\n     y\n2. b", ["1. a", "x", "y", "2. b"]),
        ("1.\n2. b", ["1.", "2. b"]),
        ("1. a\n2) b", ["a", "2. b"]),
        ("> 2. a", ["2. a"]),
    ],
)
def test_a_number_that_docs_would_count_otherwise_is_text(markdown: str, shown: list[str]) -> None:
    blocks = blocks_from_markdown(markdown)
    assert [block.text for block in blocks] == shown
    counted = [block for block in blocks if block.kind is BlockKind.NUMBER]
    assert [block.text for block in counted] == [text for text in shown if text in {"a", "b"}]


@pytest.mark.parametrize(
    ("markdown", "words", "link"),
    [
        ("<https://x.example/a%20b>", "https://x.example/a%20b", "https://x.example/a%20b"),
        ("[words](javascript:x)", "words", "javascript:x"),  # `style_spans` links no such address
        ("[](https://x.example/q)", "https://x.example/q", "https://x.example/q"),
        ("[ ](mailto:a@x.example)", "a@x.example", "mailto:a@x.example"),
        ("[![alt](p.png)](https://x.example)", "alt", "https://x.example"),
    ],
)
def test_a_link_has_the_words_and_the_address_that_it_has_in_the_mail(
    markdown: str, words: str, link: str
) -> None:
    (block,) = blocks_from_markdown(markdown)
    assert block.spans == (Span(words, link=link),)


def test_tasks_are_checks() -> None:
    blocks = blocks_from_markdown("- [ ] a\n- [x] *b*\n- [y] c")
    assert [(b.kind, b.text, b.checked) for b in blocks] == [
        (BlockKind.CHECK, "a", False),
        (BlockKind.CHECK, "b", True),
        (BlockKind.BULLET, "[y] c", False),
    ]


def test_quotations_code_tables_and_rules() -> None:
    assert shapes("> a\n> > b\n\n```\nc\n\nd\n```\n\n| e |\n|---|\n| f |\n\n---") == [
        (BlockKind.NORMAL, "a", 0, 1),
        (BlockKind.NORMAL, "b", 0, 2),
        (BlockKind.CODE, "c\v\vd", 0, 0),
        (BlockKind.TABLE, "", 0, 0),
        (BlockKind.NORMAL, "⁂", 0, 0),
    ]


def test_html_is_text_and_a_hard_break_a_new_line() -> None:
    assert shapes("<b>a</b>  \nb\nc") == [(BlockKind.NORMAL, "<b>a</b>\vb c", 0, 0)]


def test_typed_text_is_taken_to_the_letter() -> None:
    assert blocks_from_text("# a\r\n*b*\n\n \n c ") == [plain("# a\n*b*"), plain("c ")]


@given(markdown=st.text() | st.lists(st.sampled_from("-*_`[]()#>|\n\t 1.a\ud800~")).map("".join))
@settings(max_examples=200, deadline=None)
def test_any_markdown_gives_blocks_that_are_not_empty_and_are_clean(markdown: str) -> None:
    for block in blocks_from_markdown(markdown):
        assert block.text or block.rows
        assert clean_text(block.text) == block.text


@pytest.mark.parametrize(
    ("given_text", "kept"),
    [
        ("a\r\nb\rc\nd\u2028e", "a\vb\vc\vd\ve"),
        ("\x00\x08\x0c\x1f\ue000\uf8ff\ud800", "\ufffd" * 7),
        ("\t\u00a0🎉é", "\t\u00a0🎉é"),
    ],
)
def test_what_docs_would_strip_is_made_visible(given_text: str, kept: str) -> None:
    assert clean_text(given_text) == kept


@given(text=st.text())
def test_clean_text_stays_as_it_is_and_is_measured_as_docs_does(text: str) -> None:
    clean = clean_text(text)
    assert clean_text(clean) == clean
    assert utf16_length(clean) == sum(2 if ord(char) > 0xFFFF else 1 for char in clean)
    assert text_from(clean, inner_length(clean)) in (clean[-1:], "")


def test_direction_follows_the_first_letter() -> None:
    assert plain("12 שלום a").right_to_left
    assert not plain("12 a שלום").right_to_left
    assert not Block(BlockKind.NORMAL).right_to_left
