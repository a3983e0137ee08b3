"""Public collections of awkward files and addresses, read through the front door."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from workflow.mail.list_columns import Address, AddressBad, read_address
from workflow.mail.list_recipients import read_recipients

LISTS = Path(__file__).parent.parent / "fixtures" / "lists"

# What each cell of the csv-spectrum files is, by the suite's own JSON.
SPECTRUM: dict[str, dict[str, list[str]]] = {
    "comma_in_quotes": {"first": ["John"], "address": ["120 any st."], "city": ["Anytown, WW"]},
    "empty": {"a": ["1", "2"], "b": ["", "3"], "c": ["", "4"]},
    "empty_crlf": {"a": ["1", "2"], "b": ["", "3"], "c": ["", "4"]},
    "escaped_quotes": {"a": ["1", "3"], "b": ['ha "ha" ha', "4"]},
    "json": {"key": ["1"], "val": ['{"type": "Point", "coordinates": [102.0, 0.5]}']},
    "location_coordinates": {
        "Contact Phone Number": ["2095257564"],
        "Location Coordinates": ["37\ufffd36'37.8\"N 121\ufffd2'17.9\"W"],
        "Counties": ["Stanislaus"],
    },
    "newlines": {"a": ["1", "Once upon \na time", "7"], "c": ["3", "6", "9"]},
    "newlines_crlf": {"a": ["1", "Once upon \r\na time", "7"], "c": ["3", "6", "9"]},
    "quotes_and_newlines": {"a": ["1", "3"], "b": ['ha \n"ha" \nha', "4"]},
    "simple": {"a": ["1"], "b": ["2"], "c": ["3"]},
    "simple_crlf": {"a": ["1"], "b": ["2"], "c": ["3"]},
    "utf8": {"a": ["1", "4"], "b": ["2", "5"], "c": ["3", "ʤ"]},
}


@pytest.mark.parametrize("name", SPECTRUM)
def test_the_cells_of_csv_spectrum_are_read_as_the_suite_says(name: str) -> None:
    content = (LISTS / "csv_spectrum" / f"{name}.csv").read_bytes()
    for header, cells in SPECTRUM[name].items():
        found = read_recipients(content, email_column=header)
        assert found.recipients == ()
        assert [bad.value for bad in found.bad_rows] == cells
        assert [bad.row for bad in found.bad_rows] == list(range(2, len(cells) + 2))


def isemail_cases() -> list[tuple[str, str, str]]:
    """Identity, address and category; U+2400 to U+2420 stand for control characters."""
    tree = ET.parse(LISTS / "isemail_tests.xml")
    cases = []
    for test in tree.getroot().iter("test"):
        address = test.findtext("address") or ""
        address = re.sub("[\u2400-\u2420]", lambda found: chr(ord(found[0]) - 0x2400), address)
        cases.append((test.attrib["id"], address, test.findtext("category") or ""))
    return cases


def address_or_none(cell: str) -> Address | None:
    try:
        return read_address(cell)
    except AddressBad:
        return None


@pytest.mark.parametrize(("number", "address", "category"), isemail_cases())
def test_isemails_addresses_are_taken_only_when_they_are_one_plain_address(
    number: str, address: str, category: str
) -> None:
    taken = address_or_none(address)
    if taken is None:
        unusual = re.search(r'["\[\]()]|^[^.]*@[^.]*$|@[^@]*--|\.\d+$|@.*\.(arpa|local)$', address)
        assert unusual or category not in {"ISEMAIL_VALID_CATEGORY", "ISEMAIL_DNSWARN"}
    else:
        assert re.fullmatch(
            r"[\w.!#$%&'*+/=?^`{|}~-]{1,64}@[A-Za-z0-9.-]+\.[A-Za-z0-9-]+", taken.email
        )
        assert taken.email.isascii()
        assert category != "ISEMAIL_ERR" or taken.email == address.strip().strip(",;")
