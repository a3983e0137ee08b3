"""email-validator's own lists of addresses, read as cells of a customer list."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from workflow.mail.addresses import AddressBad, read_address

LISTS = json.loads(
    (Path(__file__).parents[1] / "fixtures" / "addresses" / "email_validator.json").read_text(
        encoding="utf-8"
    )
)
# A cell may hold a name beside the address, and white space around it; an address may not.
SAME_IN_A_CELL = {"my@example.com", "me@example.com"}


@pytest.mark.parametrize("cell", LISTS["valid"])
def test_a_good_address_is_taken_or_refused_for_a_reason_of_ours(cell: str) -> None:
    local = cell.rpartition("@")[0]
    if '"' in local or not local.isascii():
        with pytest.raises(AddressBad, match="quoting|letters outside ASCII"):
            read_address(cell)
    else:
        assert read_address(cell).email.isascii()


@pytest.mark.parametrize("cell", LISTS["invalid"])
def test_a_bad_address_is_refused_with_a_sentence(cell: str) -> None:
    try:
        read = read_address(cell)
    except AddressBad as bad:
        assert len(str(bad)) > 10
        assert "\n" not in str(bad)
    else:
        assert read.email in SAME_IN_A_CELL
        assert read.email in cell
