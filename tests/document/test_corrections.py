"""Corrections computed for docs that people have worked on: ours is mended, theirs stays."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.document.page import SMALL, Boundary, Page, an_entry
from workflow.document.changes import AddEntry, RewordEntry, StrikeEntry
from workflow.document.text import clean_text

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
