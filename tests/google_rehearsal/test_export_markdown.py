"""A Google Doc exported as Markdown."""

from __future__ import annotations

import json
import string
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from google_rehearsal.export import to_markdown

RECORDED = Path(__file__).parents[1] / "fixtures" / "docs"
GITHUB = MarkdownIt("commonmark").enable(["table", "strikethrough"])

Doc = dict[str, Any]


def recorded(name: str) -> Doc:
    doc: Doc = json.loads((RECORDED / f"{name}.json").read_text(encoding="utf-8"))
    return doc


def doc(*paragraphs: Doc, **fields: Any) -> Doc:
    content = [{"sectionBreak": {}}, *paragraphs]
    return {"title": "Doc", "body": {"content": content}, **fields}


def paragraph(*elements: Doc | str, style: str = "NORMAL_TEXT", **fields: Any) -> Doc:
    runs = [run(element) if isinstance(element, str) else element for element in elements]
    return {
        "paragraph": {
            "elements": [*runs, run("\n")],
            "paragraphStyle": {"namedStyleType": style},
            **fields,
        }
    }


def run(text: str, **style: Any) -> Doc:
    return {"textRun": {"content": text, "textStyle": style}}


def table(*rows: list[str]) -> Doc:
    cells = [
        {"tableCells": [{"content": [paragraph(text)]} for text in row], "tableRowStyle": {}}
        for row in rows
    ]
    return {"table": {"rows": len(rows), "columns": len(rows[0]), "tableRows": cells}}


def rendered_text(tokens: list[Token]) -> str:
    """The text that a reader of the rendered Markdown sees; U+000B is a line break."""
    parts = {"hardbreak": "\v", "softbreak": "\n"}
    text = ""
    for token in tokens:
        if token.type == "inline":
            text += rendered_text(token.children or [])
        elif token.type == "html_inline" and token.content == "<br>":
            text += "\v"
        else:
            text += parts.get(token.type, token.content)
    return text


def as_seen(text: str) -> str:
    """A paragraph's text without the invisible white space at the end of its lines."""
    return "\v".join(line.rstrip() for line in text.split("\v")).rstrip()


# Text that a Google Doc can hold: it strips most control and private use characters.
any_text = st.text(
    st.one_of(
        st.sampled_from(string.punctuation + string.digits + " \t\vab"),
        st.characters(exclude_categories=("Cs", "Co", "Cc")),
    ),
    max_size=40,
)

awkward = pytest.mark.parametrize(
    "text",
    [
        "# not a heading",
        "1. not a list",
        "12) nor this",
        "- nor this",
        "+ nor this",
        "a\v---",
        "a\v===",
        "a | b\v:-- | --",
        "> not a quote",
        "<b>not bold</b>",
        "<!-- not a comment -->",
        "{{ not a variable }}",
        "[x](y)",
        "[x]: y",
        "![x](y)",
        "`code` and ``more``",
        "*stars* and _lines_ and ~~waves~~",
        "snake_case_name",
        "AT&amp;T &#35; &copy",
        "back\\slash \\* \\",
        "C:\\new\\",
        "    four spaces",
        "\ttab",
        "tail   ",
        "🧯👩‍👩‍👧 e\u0301 a\u20dd",
        "שלום (עולם) 14:39",
        "first\v\vthird",
        "$5 and $6",
        "# #",
        "#",
        "a | b",
    ],
)


@awkward
def test_a_paragraph_renders_to_the_letter(text: str) -> None:
    assert rendered_text(GITHUB.parse(to_markdown(doc(paragraph(text))))) == as_seen(text)


@awkward
@pytest.mark.parametrize("style", ["TITLE", "HEADING_1", "HEADING_6"])
def test_a_heading_renders_to_the_letter(text: str, style: str) -> None:
    tokens = GITHUB.parse(to_markdown(doc(paragraph(text, style=style))))
    assert [t.type for t in tokens] == ["heading_open", "inline", "heading_close"]
    assert rendered_text(tokens) == as_seen(text)


@settings(max_examples=400, deadline=None)
@given(any_text)
def test_any_paragraph_renders_to_the_letter(text: str) -> None:
    tokens = GITHUB.parse(to_markdown(doc(paragraph(text))))
    assert {t.type for t in tokens} <= {"paragraph_open", "inline", "paragraph_close"}
    assert rendered_text(tokens) == as_seen(text)


@settings(max_examples=200, deadline=None)
@given(any_text)
def test_any_heading_renders_to_the_letter(text: str) -> None:
    tokens = GITHUB.parse(to_markdown(doc(paragraph(text, style="HEADING_2"))))
    assert rendered_text(tokens) == as_seen(text)


@settings(max_examples=200, deadline=None)
@given(st.lists(any_text, min_size=2, max_size=4))
def test_any_cell_renders_to_the_letter(texts: list[str]) -> None:
    tokens = GITHUB.parse(to_markdown(doc(table(texts, texts))))
    cells = [rendered_text([t]) for t in tokens if t.type == "inline"]
    assert [c.strip() for c in cells] == [as_seen(t).strip() for t in texts * 2]


looks = st.fixed_dictionaries(
    {},
    optional={
        "bold": st.just(True),
        "italic": st.just(True),
        "strikethrough": st.just(True),
        "link": st.just({"url": "https://example.com/a_(b)?c=d&copy=1"}),
    },
)
_OPENS = {"strong_open": "bold", "em_open": "italic", "s_open": "strikethrough"}
_CLOSES = {"strong_close": "bold", "em_close": "italic", "s_close": "strikethrough"}


def styled_characters(tokens: list[Token]) -> list[tuple[str, frozenset[str], str]]:
    """Each visible character of one rendered paragraph with the traits and the link it has."""
    traits: set[str] = set()
    href = ""
    seen = []
    for token in (child for t in tokens if t.type == "inline" for child in t.children or []):
        if token.type in _OPENS:
            traits.add(_OPENS[token.type])
        traits.discard(_CLOSES.get(token.type, ""))
        if token.type == "link_open":
            href = str(token.attrs["href"])
        if token.type == "link_close":
            href = ""
        seen += [(c, frozenset(traits), href) for c in token.content if not c.isspace()]
    return seen


@settings(max_examples=500, deadline=None)
@given(st.lists(st.tuples(any_text, looks), max_size=5))
def test_any_mix_of_looks_renders_with_each_character_as_it_was(
    runs: list[tuple[str, dict[str, Any]]],
) -> None:
    elements = [run(text, **look) for text, look in runs if text]
    expected = [
        (c, frozenset(look) - {"link"}, look.get("link", {}).get("url", ""))
        for text, look in runs
        for c in text
        if not c.isspace()
    ]
    tokens = GITHUB.parse(to_markdown(doc(paragraph(*elements))))
    found = [
        (c, t, h.replace("%28", "(").replace("%29", ")")) for c, t, h in styled_characters(tokens)
    ]
    assert found == expected


def test_a_bold_label_stays_readable() -> None:
    line = paragraph(run("2:39 PM CET ", bold=True), "Recognized ", run("something", italic=True))
    assert to_markdown(doc(line)) == "**2:39 PM CET** Recognized _something_\n"


def test_headings_lists_and_nesting_read_back_as_in_the_recorded_doc() -> None:
    assert to_markdown(recorded("lists")).startswith(
        "- List **item** 1\n"
        "  1. Sublist item 1\n"
        "  2. Sublist item 2\n"
        "  3. Sublist item 3\n"
        "- List item 2\n"
        "- List item 3\n"
        "  1. Sub list item 1\n"
        "     - Sub sub list item 1\n"
    )


def test_a_recorded_table_has_pipes_and_a_header() -> None:
    assert to_markdown(recorded("tables")) == (
        "| Col 1 | Col 2 | Col 3 |\n"
        "| --- | --- | --- |\n"
        "| Col 1 line 1 | Col 2 line 1 | Col 3 line 1 |\n"
        "| Col 1 line 2 | Col 2 line 2 | Col 3 line 2 |\n"
    )


def test_a_recorded_horizontal_rule_stands_between_its_paragraphs() -> None:
    assert to_markdown(recorded("horizontal-rule")) == (
        "Text followed by horizontal rule\n\n---\n\nand some other text\n"
    )


def test_recorded_footnotes_stand_at_the_end() -> None:
    text = to_markdown(recorded("footnotes"))
    assert text.startswith("Text with a footnote[^1] and an other one[^2]\n\n[^1]: Footnote 1")


def listed(text: str, list_id: str, level: int = 0) -> Doc:
    return paragraph(text, bullet={"listId": list_id, "nestingLevel": level})


LISTS = {
    name: {"listProperties": {"nestingLevels": [look] * 3}}
    for name, look in {
        "dots": {"glyphSymbol": "●"},
        "more dots": {"glyphSymbol": "●"},
        "boxes": {"glyphType": "GLYPH_TYPE_UNSPECIFIED"},
        "numbers": {"glyphType": "DECIMAL"},
        "more numbers": {"glyphType": "DECIMAL"},
        "from three": {"glyphType": "DECIMAL", "startNumber": 3},
    }.items()
}


def test_a_checklist_has_open_boxes() -> None:
    items = [listed("Alert on queue age", "boxes"), listed("Ann, 1 Dec", "boxes", 1)]
    assert to_markdown(doc(*items, lists=LISTS)) == (
        "- [ ] Alert on queue age\n  - [ ] Ann, 1 Dec\n"
    )


def test_a_numbered_list_goes_on_after_a_paragraph_between() -> None:
    items = [listed("one", "numbers"), paragraph("between"), listed("two", "numbers")]
    assert to_markdown(doc(*items, lists=LISTS)) == "1. one\n\nbetween\n\n2. two\n"


@pytest.mark.parametrize("second", ["more dots", "more numbers", "from three", "boxes"])
@pytest.mark.parametrize("first", ["dots", "numbers"])
def test_two_lists_that_follow_each_other_stay_two(first: str, second: str) -> None:
    items = [listed("a", first), listed("b", first), listed("c", second), listed("d", second)]
    kinds = [t.type for t in GITHUB.parse(to_markdown(doc(*items, lists=LISTS)))]
    assert sum(kind in {"bullet_list_open", "ordered_list_open"} for kind in kinds) == 2
    assert kinds.count("list_item_open") == 4


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.tuples(any_text.filter(str.strip), st.sampled_from(sorted(LISTS)), st.integers(0, 2)),
        min_size=1,
        max_size=6,
    )
)
def test_any_list_keeps_every_item_to_the_letter(items: list[tuple[str, str, int]]) -> None:
    paragraphs = [listed(text, name, level) for text, name, level in items]
    tokens = GITHUB.parse(to_markdown(doc(*paragraphs, lists=LISTS)))
    texts = [rendered_text([t]).removeprefix("[ ] ") for t in tokens if t.type == "inline"]
    assert texts == [as_seen(text) for text, _, _ in items]


def test_chips_read_as_their_text() -> None:
    line = paragraph(
        {"person": {"personProperties": {"name": "Ann", "email": "ann@example.com"}}},
        " on ",
        {"dateElement": {"dateElementProperties": {"displayText": "24 Nov 2026"}}},
        ": ",
        {"dropdown": {"dropdownProperties": {"displayValue": "Resolved"}}},
        ", see ",
        {
            "richLink": {
                "richLinkProperties": {"title": "Graph", "uri": "https://drive.google.com/x"}
            }
        },
    )
    assert to_markdown(doc(line)) == (
        "[Ann](mailto:ann@example.com) on 24 Nov 2026: Resolved,"
        " see [Graph](https://drive.google.com/x)\n"
    )


def test_pending_suggestions_are_not_accepted() -> None:
    line = paragraph(
        "kept",
        {"textRun": {"content": " added", "suggestedInsertionIds": ["suggest.1"]}},
        {"textRun": {"content": " removed", "suggestedDeletionIds": ["suggest.2"]}},
    )
    assert to_markdown(doc(line)) == "kept removed\n"


def test_a_link_that_runs_a_script_is_only_text() -> None:
    assert to_markdown(doc(paragraph(run("x", link={"url": "javascript:alert(1)"})))) == "x\n"


def test_several_tabs_each_begin_with_their_title() -> None:
    tabs = [
        {
            "tabProperties": {"tabId": "t.0", "title": "Postmortem"},
            "documentTab": {"body": {"content": [paragraph("first")]}},
            "childTabs": [
                {
                    "tabProperties": {"tabId": "t.1", "title": "Raw # notes #"},
                    "documentTab": {"body": {"content": [paragraph("second")]}},
                }
            ],
        }
    ]
    assert to_markdown({"tabs": tabs}) == ("# Postmortem\n\nfirst\n\n# Raw # notes \\#\n\nsecond\n")


def test_an_empty_doc_is_one_newline() -> None:
    assert to_markdown(doc(paragraph(""))) == "\n"
