"""A Google Doc exported as plain text."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from google_rehearsal.export import to_plain_text
from google_rehearsal.export.reading import numeral

RECORDED = Path(__file__).parents[1] / "fixtures" / "docs"


def exported(name: str) -> list[str]:
    text = to_plain_text(json.loads((RECORDED / f"{name}.json").read_text(encoding="utf-8")))
    return text.split("\r\n")


def doc(*texts: str) -> dict[str, Any]:
    content = [
        {"paragraph": {"elements": [{"textRun": {"content": f"{text}\n"}}]}} for text in texts
    ]
    return {"tabs": [{"documentTab": {"body": {"content": content}}}]}


def test_it_begins_with_a_byte_order_mark_as_drive_has_it() -> None:
    assert to_plain_text(doc("one", "two\vlines")) == "\ufeffone\r\ntwo\r\nlines"


def test_list_items_have_their_marks_and_their_depth() -> None:
    assert exported("lists")[1:11] == [
        "* List item 1",
        "   a. Sublist item 1",
        "   b. Sublist item 2",
        "   c. Sublist item 3",
        "* List item 2",
        "* List item 3",
        "   a. Sub list item 1",
        "      * Sub sub list item 1",
        "      * Sub sub list item 2 with image",
        "   b. Sub list item 2",
    ]


def test_a_rule_is_a_line_and_footnotes_stand_at_the_end() -> None:
    assert exported("horizontal-rule")[1] == "_" * 16
    assert exported("footnotes")[0] == "\ufeffText with a footnote[1] and an other one[2]"
    assert exported("footnotes")[-1] == "[2] Footnote 2 description"


def test_a_table_is_read_cell_by_cell() -> None:
    assert exported("tables")[1:4] == ["Col 1", "Col 2", "Col 3"]


@given(st.lists(st.text(st.characters(exclude_categories=("Cs", "Co", "Cc"))), min_size=1))
def test_any_text_stays_to_the_letter(texts: list[str]) -> None:
    assert to_plain_text(doc(*texts)) == "\ufeff" + "\r\n".join(texts)


@pytest.mark.parametrize(
    ("number", "glyph_type", "shown"),
    [
        (4, "DECIMAL", "4"),
        (4, "ZERO_DECIMAL", "04"),
        (4, "ALPHA", "d"),
        (27, "UPPER_ALPHA", "AA"),
        (703, "ALPHA", "aaa"),
        (4, "ROMAN", "iv"),
        (1994, "UPPER_ROMAN", "MCMXCIV"),
        (9, "", "9"),
    ],
)
def test_numbers_are_shown_in_the_list_s_own_way(number: int, glyph_type: str, shown: str) -> None:
    assert numeral(number, glyph_type) == shown
