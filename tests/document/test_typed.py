"""Typed text: Markdown where it clearly is, and every other character is kept."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import count, groupby

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.document.page import SMALL, Boundary, Page, an_entry
from workflow.document.blocks import Block, BlockKind, Span, blocks_from_text, joined
from workflow.document.edits.changes import AddEntry, FillSection
from workflow.document.exports import blocks_to_markdown, read_tabs
from workflow.document.requests import LINE_BREAK, clean_text
from workflow.document.styling import LEAD
from workflow.document.typed import blocks_from_typed

SHARDS = "| shard | rows |\n|---|---:|\n| eu-1 | 1 204 |\n| eu-2 | 88 |"


def shapes(text: str) -> list[tuple[str, str, int]]:
    return [(block.kind.value, block.text, block.level) for block in blocks_from_typed(text)]


def looks(text: str) -> list[tuple[str, str, str]]:
    """Each span of the first paragraph: its text, its looks, its link."""
    return [
        (
            span.text,
            "".join(
                letter
                for letter, is_on in zip(
                    "bisc", (span.bold, span.italic, span.strike, span.code), strict=True
                )
                if is_on
            ),
            span.link,
        )
        for span in blocks_from_typed(text)[0].spans
    ]


def test_lists_nest_by_two_columns_whatever_their_marks() -> None:
    assert shapes(
        "Plan:\n- a\n  - b\n    - c\n  - d\n- e\n1. f\n  * g\n2. h\n\t1) i\nand so on"
    ) == [
        ("normal", "Plan:", 0),
        ("bullet", "a", 0),
        ("bullet", "b", 1),
        ("bullet", "c", 2),
        ("bullet", "d", 1),
        ("bullet", "e", 0),
        ("number", "f", 0),
        ("bullet", "g", 1),
        ("number", "h", 0),
        ("number", "i", 1),
        ("normal", "and so on", 0),
    ]


def test_boxes_are_checks_and_ticked_where_they_were() -> None:
    blocks = blocks_from_typed("- [ ] Name the list — Ann — 2026-12-10\n- [x] Tell Bob\n- [y] z")
    assert [(one.kind, one.text, one.checked) for one in blocks] == [
        (BlockKind.CHECK, "Name the list — Ann — 2026-12-10", False),
        (BlockKind.CHECK, "Tell Bob", True),
        (BlockKind.BULLET, "[y] z", False),
    ]


def test_a_table_has_its_cells_and_none_is_cut() -> None:
    (table,) = blocks_from_typed(f"{SHARDS}\n| a \\| b | `c` | more |")
    assert [["".join(s.text for s in cell) for cell in row] for row in table.rows] == [
        ["shard", "rows", ""],
        ["eu-1", "1 204", ""],
        ["eu-2", "88", ""],
        ["a | b", "c", "more"],
    ]
    assert table.rows[3][1] == (Span("c", code=True),)


def test_code_between_fences_keeps_its_lines_and_their_inset() -> None:
    assert shapes("Run:\n```sql\nSELECT *\n  FROM a -- *b*\n\n~~~\n```\nthen") == [
        ("normal", "Run:", 0),
        ("code", f"SELECT *{LINE_BREAK}  FROM a -- *b*{LINE_BREAK}{LINE_BREAK}~~~", 0),
        ("normal", "then", 0),
    ]


def test_words_have_their_looks_and_links() -> None:
    assert looks("**a** *b* _c_ ~~d~~ `e_f` ***g*** **h *i* j**") == [
        ("a", "b", ""),
        (" ", "", ""),
        ("b", "i", ""),
        (" ", "", ""),
        ("c", "i", ""),
        (" ", "", ""),
        ("d", "s", ""),
        (" ", "", ""),
        ("e_f", "c", ""),
        (" ", "", ""),
        ("g", "bi", ""),
        (" ", "", ""),
        ("h ", "b", ""),
        ("i", "bi", ""),
        (" j", "b", ""),
    ]


@pytest.mark.parametrize(
    ("typed", "words", "address"),
    [
        (
            "[plan](https://wiki.example/Plan_(2026))",
            "plan",
            "https://wiki.example/Plan_(2026)",
        ),
        ("[a b](<https://x.example/a(b>)", "a b", "https://x.example/a(b"),
        ("[mail](mailto:a@x.example)", "mail", "mailto:a@x.example"),
        ("https://x.example/a_(b)_*c*?d=[e]", "", "https://x.example/a_(b)_*c*?d=[e]"),
        ("(https://x.example/a).", "https://x.example/a", "https://x.example/a"),
        ("see https://x.example, then", "https://x.example", "https://x.example"),
        ("**https://x.example/a**", "https://x.example/a", "https://x.example/a"),
        ("<https://x.example/a>", "https://x.example/a", "https://x.example/a"),
        ("www.x.example/a!", "www.x.example/a", "http://www.x.example/a"),
        ("ask ann@x.example.", "ann@x.example", "mailto:ann@x.example"),
        ("![graph](https://x.example/a.png)", "graph", "https://x.example/a.png"),
        ("[](https://x.example/)", "https://x.example/", "https://x.example/"),
    ],
)
def test_links_and_bare_addresses(typed: str, words: str, address: str) -> None:
    linked = [(text, link) for text, _, link in looks(typed) if link]
    assert linked == [(words or typed, address)]


@pytest.mark.parametrize(
    "typed",
    [
        "2*3*4 = 24, 5 * 3 * 2",
        "SELECT *, a.* FROM t; rm *.log *.txt",
        "*/5 * * * * /bin/job",
        "* * * * * /bin/job",
        "snake_case_name and __init__.py and __main__",
        "f(*args, **kwargs) and g(*a)",
        "C:\\logs\\*new*\\_x_ and \\*this\\*",
        "`a' and `b'",
        "unpaired ** and ` and [ and ~~",
        "[not](a link), array[0](x), [a](javascript:x), [a](b.md)",
        '[a](x "y")',
        "# systemctl restart mail",
        "#1 priority, #incident",
        "<b>bold</b> &amp; &copy;",
        "a | b\nc | d",
        "Title\n---",
        "---",
        "- - -",
        "-5 degrees",
        "- ",
        "14. November war es",
        "3. third\n4. fourth",
        "1. a\n\n1. b\n3. c".replace("\n\n", "\n"),
        "0. zero",
        "```\nnever closed",
        "```not a language: words\nx\n```",
        "> 5000 errors\n> and more",
        "[1]: https",
        "    set in\n        further",
        "~5 min ~10",
        "1.5. x",
        ":) 8) *",
    ],
)
def test_what_only_looks_like_markdown_stays_to_the_letter(typed: str) -> None:
    blocks = blocks_from_typed(typed)
    shown = "\n".join(block.text.replace(LINE_BREAK, "\n") for block in blocks)
    assert shown == typed
    assert {block.kind for block in blocks} == {BlockKind.NORMAL}
    assert not any(span.bold or span.italic or span.code for b in blocks for span in b.spans)


def test_a_number_in_a_list_is_the_number_typed() -> None:
    assert shapes("1. a\n2. b\n\n1. c") == [
        ("number", "a", 0),
        ("number", "b", 0),
        ("normal", LEAD.text, 0),
        ("number", "c", 0),
    ]
    assert [kind for kind, *_ in shapes("1. a\n1. b\n1. c")] == ["number"] * 3
    with_code = "1. a\n\n   ```\n   x\n   ```\n2. b"  # Docs would count the second list from 1
    assert shapes(with_code) == [("normal", "1. a", 0), ("code", "x", 1), ("normal", "2. b", 0)]


PIECES = st.sampled_from(
    [
        *("**", "*", "_", "__", "~~", "`", "```", "\n", "\n\n", " ", "  ", "- ", "1. ", "2) "),
        *("- [ ] ", "- [x] ", "|", "\n|---|---|\n", "\n```\n", "\n```sql\n", "[", "](", ")"),
        *("\\", "## ", "# ", "> ", "<", ">", "!", "\t", "a", "b c", "é🧯", "שלום", "粗", "\u2028"),
        *("www.", "@x.example", "\n- ", "\n  - ", "\n1. ", "\n\t", "\x00\ue907", "'", "."),
    ]
)
LINK = "[w](address)"


def _numbered(pieces: list[str]) -> str:
    """Each link with a different address: neighbours with the same one would be one link."""
    numbers = count()
    return "".join(
        f"[w](https://x.example/k{next(numbers)})" if piece == LINK else piece for piece in pieces
    )


TYPED = st.lists(PIECES | st.just(LINK) | st.text(max_size=4), max_size=25).map(_numbered)
MARKS = set("-*+_~`|#>[]()!:.\\<")


def visible(text: str) -> str:
    """A text without spaces, and without the invisible characters that Docs strips."""
    return "".join(clean_text(text).split()).replace(LEAD.text, "").replace("\ufffd", "")


def shown(blocks: Sequence[Block]) -> Iterator[str]:
    """The visible text of the blocks, with the addresses of links that differ from their text."""
    for block in blocks:
        for spans in (block.spans, *(cell for row in block.rows for cell in row)):
            for link, run in groupby(spans, key=lambda span: span.link):
                words = "".join(span.text for span in run)
                yield words
                if link and link.removeprefix("mailto:").removeprefix("http://") != words:
                    yield link if link != words else ""


def left_over(typed: str, kept: str) -> str:
    """The characters of `typed` that `kept` lacks; the others must come in their order."""
    gone = []
    waiting = iter(kept)
    following = next(waiting, "")
    for char in typed:
        if char == following:
            following = next(waiting, "")
        else:
            gone.append(char)
    assert not following, f"{following!r} was not typed there"
    return "".join(gone)


@given(text=TYPED)
@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_every_visible_character_is_kept_but_for_the_marks(text: str) -> None:
    blocks = blocks_from_typed(text)
    gone = left_over(visible(text), visible("".join(shown(blocks))))
    letters = sum(char.isalpha() for char in gone)
    digits = sum(char.isdecimal() for char in gone)
    codes = sum(block.kind is BlockKind.CODE for block in blocks)  # each may have a language
    assert letters <= sum(block.checked for block in blocks) + 20 * codes
    assert digits <= 9 * sum(block.kind is BlockKind.NUMBER for block in blocks) + 20 * codes
    assert {char for char in gone if not char.isalnum()} <= MARKS


PLAIN = st.text(st.characters(exclude_characters="*_`[|@~:-+#.)w", exclude_categories=["Nd"]))


@given(text=PLAIN)
@settings(max_examples=200, deadline=None)
def test_a_text_without_marks_is_what_it_was_before_markdown(text: str) -> None:
    assert blocks_from_typed(text) == blocks_from_text(text)


WORD = st.sampled_from(["stop the import", "eu 1", "é🧯 x", "שלום"])
LOOKS = st.sampled_from(
    [{}, {"bold": True}, {"italic": True}, {"code": True}, {"link": "https://x.example/a_(b)"}]
)
WORDS = st.lists(st.builds(lambda text, look: Span(text, **look), WORD, LOOKS), min_size=1).map(
    lambda spans: tuple(
        piece
        for number, span in enumerate(spans)
        for piece in ([Span(" ")] * bool(number)) + [span]
    )
)


@st.composite
def lists(draw: st.DrawFn) -> list[Block]:
    """A list as a person types it: each item at most one level deeper than the one above."""
    made: list[Block] = []
    for _ in range(draw(st.integers(1, 7))):
        level = draw(st.integers(0, made[-1].level + 1 if made else 0))
        kind = draw(st.sampled_from([BlockKind.BULLET, BlockKind.NUMBER, BlockKind.CHECK]))
        checked = kind is BlockKind.CHECK and draw(st.booleans())
        made.append(Block(kind, draw(WORDS), level=min(level, 4), checked=checked))
    return made


TABLES = st.integers(1, 4).flatmap(
    lambda columns: st.lists(
        st.tuples(*[WORD.map(lambda text: (Span(text),))] * columns), min_size=1, max_size=4
    ).map(lambda rows: [Block(BlockKind.TABLE, rows=tuple(rows))])
)
CODES = st.lists(st.sampled_from(["x = 1", "  y", "", "# *z*"]), min_size=1).map(
    lambda lines: [Block(BlockKind.CODE, (Span(LINE_BREAK.join(["a", *lines, "b"]), code=True),))]
)
PARTS = st.one_of(lists(), TABLES, CODES, WORDS.map(lambda words: [Block(BlockKind.NORMAL, words)]))
PAGES = st.lists(PARTS, min_size=1, max_size=4).map(
    # With a line between them; otherwise two lists or two paragraphs would be one.
    lambda parts: [
        block for part in parts for block in (Block(BlockKind.NORMAL, (Span("And then"),)), *part)
    ]
)


def seen(blocks: Sequence[Block]) -> list[object]:
    """The doc as a reader sees it. Spaces at the edges of a style are not part of it."""
    return [
        (
            block.kind,
            block.level if block.kind.in_list else 0,
            block.checked,
            [span for span in block.spans if span.text.strip()],
            [["".join(span.text for span in cell) for cell in row] for row in block.rows],
        )
        for block in blocks
        if block.text.strip() or block.rows
    ]


@given(blocks=PAGES)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_what_markdown_says_is_read_as_that(blocks: list[Block]) -> None:
    wanted = [Block(b.kind, joined(b.spans), b.level, 0, b.checked, (), b.rows) for b in blocks]
    read = blocks_from_typed(_typed(blocks))
    literal = {b.text for b in read if b.kind is BlockKind.NORMAL} - {b.text for b in wanted}
    if not any(re.match(r"\d+[.)] ", text) for text in literal):  # numbers that Docs can't count
        assert seen(read) == seen(wanted)


def _typed(blocks: Sequence[Block]) -> str:
    return blocks_to_markdown(blocks).replace("\\#", "#").replace("(<", "(").replace(">)", ")")


@pytest.mark.parametrize("boundary", ["outside", "inside"])
@given(blocks=PAGES, number=st.integers(0, 3))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_the_doc_shows_the_parts_as_they_were_read(
    boundary: Boundary, blocks: list[Block], number: int
) -> None:
    page = Page(boundary, template=SMALL)
    page.edit(an_entry("e0", 0, "before"), an_entry("e9", 50, "behind"))
    text = _typed(blocks)
    read = blocks_from_typed(text)
    section = ["Summary", "Next", "Timeline", "Customer-facing response"][number]
    page.edit(FillSection("f1", section, tuple(read)))
    page.edit(AddEntry(an_entry("e1", 5, f"Said:\n\n{text}").entry, an_entry("x", 0).zone, True))
    (tab,) = read_tabs(page.document())
    everything = seen(tab.blocks)
    assert _times_held(everything, seen(read)) >= 2, "once in the section, once in the timeline"
    assert page.entry_ids == ["e0", "e1", "e9"]
    assert page.edit(FillSection("f1", section, tuple(read))).requests == []


def _times_held(everything: list[object], part: list[object]) -> int:
    places = range(len(everything) - len(part) + 1)
    return sum(everything[at : at + len(part)] == part for at in places)
