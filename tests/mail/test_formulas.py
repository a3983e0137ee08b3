"""A list that this program writes runs no formula in a spreadsheet, and reads back unchanged."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from workflow.mail.list_columns import as_it_stood, inert

BEGINNINGS = [*"=+-@＝－\t;", "\t=", "\r=", "\n=", ";=", " =", "\x00=", "'="]
_BEGINS = re.compile(r"[\s\x00-\x1f;]*[=+\-@＝＋－＠]|[\t\r\n;]")


@pytest.mark.parametrize("beginning", BEGINNINGS)
def test_no_cell_begins_as_a_formula_does(beginning: str) -> None:
    cell = f"{beginning}cmd|' /C calc'!A0"
    assert not _BEGINS.match(inert(cell))
    assert as_it_stood(inert(cell), within=True) == cell


@pytest.mark.parametrize("separator", [";", "\t"])
def test_no_part_of_a_cell_begins_so_where_the_separator_is_another(separator: str) -> None:
    cell = f'Smith{separator}=HYPERLINK("http://evil.example"){separator} -2+3'
    for part in inert(cell).split(separator):
        assert not _BEGINS.match(part)
    assert as_it_stood(inert(cell), within=True) == cell


@given(st.text("ab'=+-@;\t\r\n \"1", max_size=12))
@example("'123")
@example("''=1")
@example(";'=1")
def test_every_cell_reads_back_as_it_stood(cell: str) -> None:
    assert as_it_stood(inert(cell), within=True) == cell
    for part in re.split("[;\t]", inert(cell)):
        assert not re.match(r"\s*[=+\-@]", part)


@pytest.mark.parametrize("cell", ["O'Neil", "Ann", "3,50", "", "a;b", "'90s Store", "don't;'x'"])
def test_other_cells_are_left_alone(cell: str) -> None:
    assert inert(cell) == cell
    assert as_it_stood(cell, within=True) == cell
