"""email-validator's own lists of addresses, read as cells of a customer list."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from workflow.mail.list_columns import AddressBad, read_address

LISTS = json.loads(
    (Path(__file__).parents[1] / "fixtures" / "addresses" / "email_validator.json").read_text(
        encoding="utf-8"
    )
)
# A cell may hold a name beside the address, and white space around it; an address may not.
SAME_IN_A_CELL = {"my@example.com", "me@example.com"}


@pytest.mark.parametrize("cell", LISTS["valid"])
def test_a_good_address_is_taken_or_refused_for_a_reason_of_ours(cell: str) -> None:
    said = refusal(cell)
    local = cell.rpartition("@")[0]
    if '"' not in local and local.isascii():
        assert said == ""
    assert said == "" or "quoting" in said or "letters outside ASCII" in said


@pytest.mark.parametrize("cell", LISTS["invalid"])
def test_a_bad_address_is_refused_with_a_sentence(cell: str) -> None:
    said = refusal(cell)
    if not said:
        assert read_address(cell).email in SAME_IN_A_CELL
        assert read_address(cell).email in cell
    assert "\n" not in said


def refusal(cell: str) -> str:
    """Why a cell is not an address, "" if it is one."""
    try:
        assert read_address(cell).email.isascii()
    except AddressBad as bad:
        return str(bad)
    return ""
