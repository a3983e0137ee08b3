"""Whatever people do to the doc, every entry is kept, once and in order."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.document.page import SMALL, Boundary, Page, an_entry, entries_in
from workflow.document.blocks import NativePart, blocks_from_text
from workflow.document.edits.changes import (
    NOT_KNOWN,
    AddEntry,
    Change,
    FillSection,
    PutNotice,
    SetField,
    field_value,
)
from workflow.document.edits.new_document import incident_values
from workflow.document.parse import blocks_from_markdown
from workflow.document.requests import LINE_BREAK, NON_TEXT, clean_text
from workflow.document.typed import blocks_from_typed
from workflow.document.view import Paragraph
from workflow.model import Status

AWKWARD = st.sampled_from(
    [
        *(
            "",
            " ",
            "{{ title }}",
            "*a* _b_ `c`",
            "# no heading",
            "<b>",
            "a\nb\n\nc",
            "\r\n",
            "\t\tx",
        ),
        *(
            "🎉👩‍👩‍👧",
            "e\u0301",
            "שלום עולם",
            "مرحبا",
            "\ue907\ue000",
            "\x00\x07\x0c",
            "\ud800",
            "a\u2028b",
        ),
        *("Timeline", "2:39 PM CET", "Status: x", " · ", "- a\n  - b\n1. c", "| a |\n|---|\n| b |"),
        *("> q\n> r", "```\ncode\n\nx\n```", "x" * 3000),
    ]
)
WORDS = st.one_of(AWKWARD, st.text(max_size=20))
STATES = st.sampled_from([status.label for status in Status])
FRACTION = st.floats(0, 1, exclude_max=True)
SECTIONS = st.sampled_from(["Timeline", "Summary", "Next", "customer_facing_response", "Notes 📝"])


ENTRY = st.builds(
    lambda number, minutes, after, text, by, markdown: replace(
        an_entry(f"e{number}", minutes, text, said_after=after, by=by), markdown=markdown
    ),
    st.integers(0, 30),
    st.integers(0, 60 * 30),
    st.sampled_from([0, 5, 11, 500]),
    WORDS,
    st.sampled_from(["", "Ann", "ann@team.example"]),
    st.booleans(),
)
FIELD = st.builds(SetField, st.sampled_from(["status", "duration", "room"]), WORDS | STATES)
FILL = st.builds(
    lambda number, section, blocks: FillSection(f"f{number}", section, tuple(blocks)),
    st.integers(0, 20),
    SECTIONS,
    WORDS.map(blocks_from_text) | WORDS.map(blocks_from_markdown) | WORDS.map(blocks_from_typed),
)
NOTICE = st.builds(
    lambda number, facts, body: PutNotice(
        f"n{number}", "Update sent", tuple(facts), tuple(blocks_from_markdown(body))
    ),
    st.integers(0, 2),
    st.lists(WORDS, max_size=2),
    WORDS,
)
COMMAND = st.lists(st.one_of(ENTRY, ENTRY, FIELD, FILL, NOTICE), min_size=1, max_size=4)

Hand = Callable[[Page], None]
_typed = re.compile("⟦[0-9]+⟧")


def _pick(page: Page, fraction: float) -> Paragraph:
    """A line; half of the time one that has a range of the program's."""
    view = page.view()
    ours = [one for one in map(view.paragraph_of, view.ranges) if one is not None]
    either = ours if ours and fraction < 0.5 else view.paragraphs
    return either[int(2 * fraction * len(either)) % len(either)]


def _index_in(paragraph: Paragraph, fraction: float) -> int:
    """An index between two characters of a paragraph, never inside one."""
    before = paragraph.text[: int(fraction * (len(paragraph.text) + 1))]
    return paragraph.start + len(before.encode("utf-16-le")) // 2


def _type(where: float, offset: float, text: str) -> Hand:
    def by_hand(page: Page) -> None:
        token = f"⟦{len(_typed.findall(page.text)) + 1000 * len(page.deleted)}⟧"
        words = "".join(char for char in text if char.isprintable() or char == "\n")
        page.type_at(_index_in(_pick(page, where), offset), f"{token}{words}")

    return by_hand


def _cut(where: float, start: float, end: float) -> Hand:
    def by_hand(page: Page) -> None:
        paragraph = _pick(page, where)
        low, high = sorted((_index_in(paragraph, start), _index_in(paragraph, end)))
        if low < high:
            page.delete(low, high)

    return by_hand


def _cut_line(where: float) -> Hand:
    def by_hand(page: Page) -> None:
        paragraphs = page.view().paragraphs
        at = int(where * len(paragraphs))
        is_free = at + 1 < len(paragraphs) and paragraphs[at + 1].follows_paragraph
        if is_free and paragraphs[at].follows_paragraph:
            page.delete(paragraphs[at].start, paragraphs[at].end)

    return by_hand


def _restyle(where: float, style: str) -> Hand:
    def by_hand(page: Page) -> None:
        paragraph = _pick(page, where)
        within = {"startIndex": paragraph.start, "endIndex": paragraph.end}
        paragraph_style = {"namedStyleType": style}
        request = {"range": within, "paragraphStyle": paragraph_style, "fields": "namedStyleType"}
        page.by_hand({"updateParagraphStyle": request})

    return by_hand


def _itemize(where: float) -> Hand:
    def by_hand(page: Page) -> None:
        paragraph = _pick(page, where)
        within = {"startIndex": paragraph.start, "endIndex": paragraph.end}
        preset = "BULLET_DISC_CIRCLE_SQUARE"
        page.by_hand({"createParagraphBullets": {"range": within, "bulletPreset": preset}})

    return by_hand


def _forget(where: float) -> Hand:
    def by_hand(page: Page) -> None:
        ranges = page.view().ranges
        if ranges:
            gone = ranges[int(where * len(ranges))]
            page.by_hand({"deleteNamedRange": {"namedRangeId": gone.id}})

    return by_hand


def _suggest_cut(where: float, start: float, end: float) -> Hand:
    def by_hand(page: Page) -> None:
        paragraph = _pick(page, where)
        low, high = sorted((_index_in(paragraph, start), _index_in(paragraph, end)))
        if low < high:
            gone = {"startIndex": low, "endIndex": high}
            page.suggest({"deleteContentRange": {"range": gone}})

    return by_hand


def _suggest(where: float, offset: float) -> Hand:
    return lambda page: page.suggest_at(_index_in(_pick(page, where), offset), "‹perhaps›")


def _tabulate(where: float, *, below: bool) -> Hand:
    def by_hand(page: Page) -> None:
        paragraph = _pick(page, where)
        at = {"index": paragraph.start if below else paragraph.end - 1}
        if not paragraph.cell:
            page.by_hand({"insertTable": {"rows": 2, "columns": 1, "location": at}})

    return by_hand


STYLES = st.sampled_from(["NORMAL_TEXT", "HEADING_1", "HEADING_2", "HEADING_6", "TITLE"])
GENTLE: list[st.SearchStrategy[Hand]] = [
    st.builds(_type, FRACTION, FRACTION, WORDS),
    st.builds(_type, FRACTION, st.just(0.0), st.just("\n")),
    st.builds(_cut, FRACTION, FRACTION, FRACTION),
    st.builds(_restyle, FRACTION, STYLES),
    st.builds(_itemize, FRACTION),
    st.builds(_forget, FRACTION),
    st.builds(_tabulate, FRACTION, below=st.booleans()),
]
ROUGH = [
    *GENTLE,
    st.builds(_cut_line, FRACTION),
    st.builds(_suggest, FRACTION, FRACTION),
    st.builds(_suggest_cut, FRACTION, FRACTION, FRACTION),
]


@pytest.mark.parametrize("parts", [frozenset(), frozenset(NativePart)], ids=["text", "chips"])
@pytest.mark.parametrize("boundary", ["outside", "inside"])
@given(steps=st.lists(st.one_of(COMMAND, COMMAND, *ROUGH), min_size=2, max_size=10))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_nothing_is_refused_lost_or_doubled_whatever_people_do(
    boundary: Boundary, parts: frozenset[NativePart], steps: list[Any]
) -> None:
    page = Page(boundary=boundary, template=SMALL, parts=parts)
    written = _written_at_the_start(page)
    for step in steps:
        if callable(step):
            step(page)
            continue
        written |= _written_by(step)
        before = Counter(_typed.findall(page.text))
        there = set(page.entry_ids)
        page.edit(*step)
        assert Counter(_typed.findall(page.text)) == before
        assert set(page.deleted) <= written
        wanted = {change.entry.id for change in step if isinstance(change, AddEntry)}
        assert Counter(page.entry_ids) == Counter(there | wanted)
        assert page.edit(*step).requests == []


@pytest.mark.parametrize("boundary", ["outside", "inside"])
@given(steps=st.lists(st.one_of(COMMAND, *GENTLE), min_size=2, max_size=10))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_entries_stand_in_the_order_of_time_however_late_they_come(
    boundary: Boundary, steps: list[Any]
) -> None:
    page = Page(boundary=boundary, template=SMALL)
    for step in steps:
        if callable(step):
            step(page)
            continue
        page.edit(*step)
        times = [entry.time for entry in entries_in(page.view()) if entry.time]
        assert times == sorted(times)


@given(text=WORDS, title=WORDS)
@settings(max_examples=60, deadline=None)
def test_what_is_said_stands_in_the_doc_to_the_letter(text: str, title: str) -> None:
    page = Page()
    page.edit(an_entry("e1", 0, text), SetField("status", title))
    assert clean_text(text) in page.line("2:39 PM CET  ").text
    assert page.line("Status: ").text == f"Status: {field_value(title)}"


def _written_at_the_start(page: Page) -> set[str]:
    hints = {"\n".join(block.text for block in section.hint) for section in SMALL.sections}
    return hints | set(incident_values(page.incident).values()) | {NOT_KNOWN, NON_TEXT}


def _written_by(changes: list[Change]) -> set[str]:
    fields = {field_value(one.value) for one in changes if isinstance(one, SetField)}
    notices = [one for one in changes if isinstance(one, PutNotice)]
    return fields | {LINE_BREAK.join(map(clean_text, one.facts)) for one in notices}
