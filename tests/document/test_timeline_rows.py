"""A timeline that is a table gets rows: in order, in its own columns and zone, once."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.document.page import Boundary, Page, an_entry
from workflow.document.edits.changes import AddEntry, RewordEntry, StrikeEntry
from workflow.document.exports import read_tabs
from workflow.document.template import parse_template

TEMPLATE = """
# {{ title }}

## 4. TIMELINE (UTC)

Use the table.

| Time (UTC) | Event | Who |
|---|---|---|
|  |  |  |

## 5. Notes
"""
HEAD = ["Time (UTC)", "Event", "Who"]


def rows(page: Page) -> list[list[str]]:
    (tab,) = read_tabs(page.document())
    (table,) = (block for block in tab.blocks if block.rows)
    return [["".join(span.text for span in cell) for cell in row] for row in table.rows]


@pytest.fixture(params=["outside", "inside"])
def page(request: pytest.FixtureRequest) -> Page:
    return Page(request.param, template=parse_template(TEMPLATE))


def test_entries_fill_the_empty_row_and_then_rows_of_their_own_in_order(page: Page) -> None:
    page.edit(an_entry("b", 10, "second", by="Ben"))
    page.edit(an_entry("c", 24 * 60, "the day after"), an_entry("a", 1, "first 🧯"))
    page.edit(an_entry("d", 12, "third", link="https://x.example/y"))
    assert rows(page) == [
        HEAD,
        ["1:40 PM UTC", "first 🧯", ""],
        ["1:49 PM UTC", "second", "Ben"],
        ["1:51 PM UTC", "third (https://x.example/y)", ""],
        ["25 Nov 2026, 1:39 PM UTC", "the day after", ""],
    ]
    assert page.edit(an_entry("b", 10, "second", by="Ben")).requests == []
    assert page.entry_ids == ["a", "b", "d", "c"]
    assert page.lines.count("4. TIMELINE (UTC)") == 1
    assert not any("first" in line for line in page.under("5. Notes"))


def test_words_have_their_looks_and_a_row_that_a_person_filled_stays(page: Page) -> None:
    page.type_at(page.line("Who").end + 2, "before")  # into the first cell of the empty row
    page.edit(replace(an_entry("a", 1, "saw **it** in `log`"), markdown=True))
    assert rows(page)[1:] == [["before", "", ""], ["1:40 PM UTC", "saw it in log", ""]]


def test_an_entry_is_corrected_and_struck_in_its_own_cell(page: Page) -> None:
    entry = an_entry("a", 1, "first", by="Ann")
    page.edit(entry, an_entry("b", 5, "later"))
    change = RewordEntry("w", replace(entry.entry, text="better"), entry.zone, ("first",))
    page.edit(change, StrikeEntry("s", entry.entry, entry.zone, ("first",)))
    assert rows(page)[1:] == [["1:40 PM UTC", "better", "Ann"], ["1:44 PM UTC", "later", ""]]
    assert page.edit(change).requests == []
    page.type_at(page.line("better").end - 1, ", says ‹typed›")
    again = RewordEntry("w2", replace(entry.entry, text="best"), entry.zone, ("first", "better"))
    said = page.edit(again).notices_to_user
    assert rows(page)[1][1] == "better, says ‹typed› (corrected: best)"
    assert "edited by hand" in said[0]


def test_a_table_of_something_else_gets_no_rows() -> None:
    made = Page(template=parse_template(TEMPLATE.replace("Time (UTC)", "Shard")))
    made.edit(an_entry("a", 1, "first"))
    assert len(rows(made)) == 2
    assert "2:40 PM CET  first" in made.lines


@pytest.mark.parametrize("boundary", ["outside", "inside"])
@given(
    minutes=st.lists(st.integers(0, 3000), min_size=1, max_size=8, unique=True),
    batches=st.integers(1, 4),
    typed=st.lists(st.floats(0, 1, exclude_max=True), max_size=4),
)
@settings(max_examples=40, deadline=None)
def test_rows_stand_in_the_order_of_time_and_nothing_typed_is_lost(
    boundary: Boundary, minutes: list[int], batches: int, typed: list[float]
) -> None:
    made = Page(boundary, template=parse_template(TEMPLATE))
    changes: list[AddEntry] = [
        an_entry(f"e{number}", at, f"entry {number}") for number, at in enumerate(minutes)
    ]
    for start in range(batches):
        made.edit(*changes[start::batches])
        for number, where in enumerate(typed):
            paragraphs = made.view().paragraphs
            chosen = paragraphs[int(where * len(paragraphs))]
            made.type_at(chosen.end - 1, f"⟦{start}.{number}⟧")
    order = sorted(range(len(minutes)), key=lambda number: (minutes[number], number))
    assert made.entry_ids == [f"e{number}" for number in order]
    for start in range(batches):
        for number in range(len(typed)):
            assert f"⟦{start}.{number}⟧" in made.text
