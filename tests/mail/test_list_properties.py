"""For any list, every row is returned once, and correctly classified."""

from __future__ import annotations

import csv
import io
import re
import time
import tracemalloc
import unicodedata

import pytest
from email_validator import SPECIAL_USE_DOMAIN_NAMES, EmailNotValidError, validate_email
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.mail.strategies import any_text
from workflow.mail.list_columns import AddressBad, read_address, variable_name
from workflow.mail.list_decoding import ListUnreadable
from workflow.mail.list_recipients import BadRow, FirstRows, Recipient, open_list, read_recipients

cells = any_text.map(lambda text: text.replace("\0", "").replace("\ud800", ""))
addresses = st.integers(0, 30).map(lambda number: f"Person{number}@Customer{number % 7}.example")


@settings(max_examples=120, deadline=None)
@given(
    rows=st.lists(st.tuples(st.one_of(addresses, cells), cells), max_size=8),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"]),
    delimiter=st.sampled_from(",;\t|"),
    line_end=st.sampled_from(["\n", "\r\n"]),
)
def test_a_written_list_reads_back_row_by_row(
    rows: list[tuple[str, str]], encoding: str, delimiter: str, line_end: str
) -> None:
    page = io.StringIO()
    writer = csv.writer(page, delimiter=delimiter, lineterminator=line_end, quoting=csv.QUOTE_ALL)
    writer.writerows([("email", "note"), *rows])
    found = read_recipients(page.getvalue().encode(encoding))

    blank = {at for at, row in enumerate(rows, 2) if not any(cell.strip() for cell in row)}
    told = [each.row for each in found.recipients] + [each.row for each in found.bad_rows]
    told += [row for row, _ in found.duplicates]
    assert sorted(told) == [at for at in range(2, len(rows) + 2) if at not in blank]
    assert len({each.key for each in found.recipients}) == len(found.recipients)
    for each in found.recipients:
        assert each.columns["note"] == as_seen(rows[each.row - 2][1])
    assert found.delimiter == delimiter


def as_seen(cell: str) -> str:
    """A cell without invisible characters, see `mail.list_columns`."""
    text = cell.strip()
    if re.match(r"'+(?:[\s\x00-\x1f;]*[=+\-@＝＋－＠]|[\t\r\n;]|[0-9]+$)", text):
        text = text[1:].strip()
    if found := re.fullmatch(r'=\s*"((?:[^"]|"")*)"', text):
        text = found[1].replace('""', '"').strip()
    unseen = {"Zs", "Zl", "Zp", "Cc", "Cf", "Mn"}
    fillers = "\u115f\u1160\u3164\uffa0\u2800"
    if not text.isascii():
        if all(unicodedata.category(char) in unseen or char in fillers for char in text):
            return ""
        text = text.strip("\u200b\u2060\ufeff\u00ad").strip()
    return text


@settings(max_examples=200, deadline=None)
@given(content=st.one_of(st.binary(max_size=200), cells.map(str.encode)))
def test_any_bytes_are_a_list_or_refused_with_a_sentence(content: bytes) -> None:
    for raw in (content, b"email\n" + content):
        try:
            read_recipients(raw)
        except ListUnreadable as refused:
            assert str(refused).endswith(".")  # noqa: PT017 - either outcome is right


ENDS = [f".{name}" for name in SPECIAL_USE_DOMAIN_NAMES]
local = st.text("abcXYZ019._+-", min_size=1, max_size=66)
domain = st.text("abcX0-.", min_size=1, max_size=70)


@settings(max_examples=400, deadline=None)
@given(local=local, domain=domain, end=st.sampled_from([".com", ".example", ".DE", "", *ENDS]))
def test_the_quick_reading_of_an_address_agrees_with_the_validator(
    local: str, domain: str, end: str
) -> None:
    address = f"{local}@{domain}{end}"
    try:
        valid = validate_email(
            address, check_deliverability=False, test_environment=True, strict=True
        )
    except EmailNotValidError:
        with pytest.raises(AddressBad):
            read_address(address)
    else:
        assert read_address(address).email == valid.ascii_email


@settings(max_examples=60, deadline=None)
@given(keys=st.lists(st.text(max_size=3), max_size=60))
def test_the_table_of_first_rows_is_a_dictionary(keys: list[str]) -> None:
    table, meant = FirstRows(), dict[str, int]()
    for row, key in enumerate(keys, 1):
        assert table.first(key, row) == meant.setdefault(key, row)


def test_the_table_of_first_rows_grows() -> None:
    table = FirstRows()
    for row in range(1, 5001):
        assert table.first(f"{row}@x.example", row) == row
    assert table.first("17@x.example", 9999) == 17


@given(header=st.text(max_size=30))
def test_a_variable_name_is_one_that_a_template_can_write(header: str) -> None:
    name = variable_name(header)
    assert name == "" or name.isidentifier()
    assert variable_name(name) == name


@pytest.mark.parametrize("header", ["Column {}", "x", "Spalte_ä {}"])
def test_a_wide_list_takes_no_longer_than_its_columns(header: str) -> None:
    headers = ",".join(header.format(at) for at in range(4_000))
    content = f"email,{headers}\na@customer.example,{',1' * 3_999}\n".encode()
    began_at = time.process_time()
    (row,) = open_list(content)
    assert time.process_time() - began_at < 5  # a minute, if each is compared with all
    assert isinstance(row, Recipient)


def test_a_long_list_is_read_as_a_stream() -> None:
    tracemalloc.start()
    content = b"email,name\n" + b"c@customer.example,Name of a customer\n" * 20_000
    reading = open_list(content)
    next(iter(reading))
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert held - len(content) < len(content) / 2  # neither all rows nor all text are held
    rows = b"".join(b"c%d@customer.example,Name %d\n" % (at, at) for at in range(20_000))
    reading = open_list(b"email,name\n" + rows + b"bad,row\n")
    first = next(iter(reading))
    assert isinstance(first, Recipient)
    assert first.row == 2
    *_, last = reading
    assert isinstance(last, BadRow)
    assert last.row == 20_002
