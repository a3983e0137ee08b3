"""Corrections in docs that people have edited: our text is fixed, theirs stays."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.document.page import SMALL, Boundary, Page, an_entry
from workflow.document.blocks import NativePart
from workflow.document.edits.changes import AddEntry, RewordEntry, StrikeEntry
from workflow.document.requests import clean_text

TEXTS = st.text(
    st.characters(exclude_categories=["Cs", "Cc"]) | st.sampled_from("🧯\n.*( —\ue907"), min_size=1
).filter(lambda text: text.strip())
BOUNDARIES = st.sampled_from(["outside", "inside"])


def reworded(change: AddEntry, number: int, text: str, *earlier: str) -> RewordEntry:
    return RewordEntry(f"w{number}", replace(change.entry, text=text), change.zone, earlier)


@settings(max_examples=60, deadline=None)
@given(st.lists(TEXTS, min_size=2, max_size=4), BOUNDARIES, st.booleans())
def test_the_last_wording_stands_alone_whatever_the_words(
    texts: list[str], boundary: Boundary, strike: bool
) -> None:
    page = Page(boundary, template=SMALL)
    entry = an_entry("a", 3, texts[0], by="Ann (—)", link="https://x.example/?(")
    page.edit(an_entry("before", 1, "earlier"), entry, an_entry("z", 9, "later"))
    others = [line for line in page.lines if clean_text(texts[0]) not in line]
    for number, text in enumerate(texts[1:], start=1):
        page.edit(reworded(entry, number, text, *texts[:number]))
    if strike:
        page.edit(StrikeEntry("s", replace(entry.entry, text=texts[-1]), entry.zone, (*texts,)))
    wanted = f"2:42 PM CET  {clean_text(texts[-1])} (x.example) — Ann (—)"
    assert wanted in page.lines
    assert set(others) <= set(page.lines)
    assert page.entry_ids == ["before", "a", "z"]


@settings(max_examples=60, deadline=None)
@given(st.data(), TEXTS, BOUNDARIES)
def test_no_letter_that_a_person_typed_is_lost_by_a_correction(
    data: st.DataObject, text: str, boundary: Boundary
) -> None:
    page = Page(boundary, template=SMALL)
    entry = an_entry("a", 3, "something was seen")
    page.edit(entry)
    page.deleted.clear()
    line = page.line("something was seen")
    page.type_at(data.draw(st.integers(line.start + 1, line.end - 1)), "‹typed›")
    page.edit(
        reworded(entry, 1, text, "something was seen"),
        StrikeEntry("s", replace(entry.entry, text=text), entry.zone, ("something was seen",)),
    )
    assert "‹typed›" in page.text
    assert clean_text(text) in page.text
    assert page.deleted == []


def test_the_same_correction_again_changes_nothing() -> None:
    page = Page(template=SMALL)
    entry = an_entry("a", 3, "first")
    page.edit(entry)
    change = reworded(entry, 1, "second", "first")
    page.edit(change)
    page.replace("second", "by hand")
    assert page.edit(change).requests == []
    assert page.edit(change).already_there == {"w1"}


def test_the_line_through_an_entry_ends_where_a_persons_words_begin() -> None:
    page = Page(template=SMALL)
    entry = an_entry("a", 3, "first")
    page.edit(entry)
    page.type_at(page.line("first").end - 1, ", and more")
    page.edit(StrikeEntry("s", entry.entry, entry.zone))
    struck = [bool(style.get("strikethrough")) for style in page.styles_of("first")]
    assert struck[0]
    assert not struck[-1]


PARTS = st.sampled_from(
    [
        *("first", "**second** and `third`", "a [link](https://x.example/a_(b))"),
        *("- x\n  - y\n- z", "Now:\n1. x\n   - y\n2. z", "| p | q |\n|---|---|\n| r | |"),
        *("See\n```\nx = 1\n\ty\n```\nand", "- [ ] Name it — Ann — 2026-12-10\n- [x] done"),
        *("a\n\nb", "Rows\n\n| p |\n|---|\n| r |\n\n| s |\n|---|\n| 🧯 |", "## Head\nbody"),
    ]
)


@settings(max_examples=80, deadline=None)
@given(
    st.lists(st.tuples(PARTS, st.booleans()), min_size=2, max_size=5),
    BOUNDARIES,
    st.booleans(),
    st.sampled_from([frozenset(), frozenset(NativePart)]),
    st.booleans(),
)
def test_an_entry_with_lists_and_tables_is_replaced_as_a_whole(
    said: list[tuple[str, bool]],
    boundary: Boundary,
    strike: bool,
    parts: frozenset[NativePart],
    is_last: bool,
) -> None:
    texts = [text for text, _ in said]
    page = Page(boundary, template=SMALL, parts=parts)
    first = an_entry("a", 3, texts[0], by="Ann", said_after=20)
    others = [an_entry("before", 1, "earlier"), an_entry("late", 5, "said before")]
    page.edit(*(others[:1] if is_last else others), replace(first, markdown=said[0][1]))
    page.type_at(page.line("earlier").end - 1, " ‹typed›")
    wanted = Page(boundary, template=SMALL, parts=parts)
    last = replace(first.entry, text=texts[-1])
    for number, (text, markdown) in enumerate(said[1:], start=1):
        change = reworded(first, number, text, *texts[:number])
        page.edit(replace(change, markdown=markdown))
        assert page.edit(replace(change, markdown=markdown)).requests == []
    if strike:
        struck = StrikeEntry("s", replace(last, struck_at=last.at), first.zone, tuple(texts))
        page.edit(struck)
        assert page.edit(struck).requests == []
    wanted.edit(
        *(others[:1] if is_last else others), AddEntry(last, first.zone, markdown=said[-1][1])
    )
    same_words = len(set(texts)) == 1  # then nothing has to be written again
    if not same_words and texts[-1] != texts[-2]:
        assert [line.removesuffix(" ‹typed›") for line in page.lines] == wanted.lines
    assert page.entry_ids == wanted.entry_ids
    assert "‹typed›" in page.text


def test_words_put_into_an_entrys_list_stay_and_the_correction_stands_beside() -> None:
    page = Page(template=SMALL)
    entry = replace(an_entry("a", 3, "Plan:\n- rows\n- yards"), markdown=True)
    page.edit(entry)
    page.type_at(page.line("yards").end - 1, " and ‹typed›")
    page.deleted.clear()
    change = reworded(entry, 1, "Plan:\n- z", "Plan:\n- rows\n- yards")
    said = page.edit(replace(change, markdown=True)).notices_to_user
    assert "‹typed›" in page.text
    assert page.deleted == []
    assert "edited by hand" in said[0]
    assert "(corrected: Plan:" in page.line("Plan:").text


def test_the_line_goes_through_all_of_an_entry() -> None:
    page = Page(template=SMALL)
    entry = replace(an_entry("a", 3, "Plan:\n- rows\n- yards"), markdown=True)
    page.edit(entry, an_entry("b", 5, "later"))
    page.edit(StrikeEntry("s", entry.entry, entry.zone))
    for words, is_struck in (("Plan:", True), ("rows", True), ("yards", True), ("later", False)):
        styles = page.styles_of(words)
        assert {bool(style.get("strikethrough")) for style in styles} >= {is_struck}
