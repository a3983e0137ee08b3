"""The customer list: every row is a recipient, a bad row or a duplicate.

Row numbers are those of a spreadsheet: the header is row 1, a cell with line breaks is still one
row, blank rows count. `FirstRows` finds duplicates in lists of any length with little memory.
"""

from __future__ import annotations

import itertools
from array import array
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import TextIO, cast

from workflow.mail.list_columns import AddressBad, read_address, read_cells
from workflow.mail.list_decoding import ListUnreadable, open_text
from workflow.mail.list_rows import (
    Header,
    Record,
    announced_delimiter,
    read_header,
)
from workflow.model import Finding

_WORDS = 3  # per slot: two halves of the digest, the row
_FIRST_SIZE = 1 << 10


class FirstRows:
    """A table from identity to the first row that had it; about 50 bytes per row.

    An open-addressing hash table over 128-bit digests: a dict of strings would take ten times as
    much for a million rows, and two different addresses never collide in 128 bits.
    """

    def __init__(self) -> None:
        self._slots = array("Q", bytes(8 * _WORDS * _FIRST_SIZE))
        self._size = _FIRST_SIZE
        self._used = 0

    def first(self, key: str, row: int) -> int:
        """The row (from 1) that had `key` first: `row` itself if none did."""
        digest = blake2b(key.encode("utf-8", "surrogatepass"), digest_size=16).digest()
        high = int.from_bytes(digest[:8], "little")
        low = int.from_bytes(digest[8:], "little")
        if self._used * 2 >= self._size:
            self._grow()
        at = self._find(high, low)
        if self._slots[at + 2]:
            return self._slots[at + 2]
        self._slots[at], self._slots[at + 1], self._slots[at + 2] = high, low, row
        self._used += 1
        return row

    def _find(self, high: int, low: int) -> int:
        """The place of this digest, or where it would go."""
        slots, size = self._slots, self._size
        slot = high & (size - 1)
        while slots[slot * _WORDS + 2]:
            at = slot * _WORDS
            if slots[at] == high and slots[at + 1] == low:
                return at
            slot = (slot + 1) & (size - 1)
        return slot * _WORDS

    def _grow(self) -> None:
        old = self._slots
        self._size *= 2
        self._slots = array("Q", bytes(8 * _WORDS * self._size))
        for at in range(0, len(old), _WORDS):
            if old[at + 2]:
                to = self._find(old[at], old[at + 1])
                self._slots[to : to + _WORDS] = old[at : at + _WORDS]


@dataclass(frozen=True)
class Recipient:
    """One customer to write to.

    `email` is for the header (its domain in ASCII); `key` is the same for the same person in any
    spelling. `columns` has every cell under its variable's name (`Account Name` → `account_name`)
    and under the header as written; `email`, and a `name` that came with the address, are always
    there. `cells` is the original row. `has_remark`: columns without a header, right of the others,
    hold something in this row; they are left out of `columns` and `cells`.
    """

    row: int
    email: str
    key: str
    columns: dict[str, str]
    cells: tuple[str, ...] = ()
    has_remark: bool = False


@dataclass(frozen=True)
class BadRow:
    """A row that can't get a mail, and why, as a sentence for the list's owner.

    `value` is the cell in place of the address, or the whole row's text if its cells can't be
    split. `cells` is the original row.
    """

    row: int
    column: str
    value: str
    reason: str
    cells: tuple[str, ...] = ()


@dataclass(frozen=True)
class Duplicate:
    """A row whose address an earlier row already has, in this or another spelling."""

    row: int
    first_row: int
    recipient: Recipient


@dataclass(frozen=True)
class RecipientList:
    """A whole list in memory. `columns` are variable names, `headers` the words in the file."""

    recipients: tuple[Recipient, ...]
    bad_rows: tuple[BadRow, ...]
    duplicates: tuple[tuple[int, int], ...]
    columns: tuple[str, ...]
    encoding: str
    delimiter: str
    headers: tuple[str, ...] = ()
    is_guessed: bool = False
    rival: str = ""


@dataclass
class ListReading:
    """Read a list row by row, in memory that doesn't grow with its cells.

    Iterating gives each row once, in order; a second iteration continues where the first stopped.
    `columns` are a row's variables, `headers` the words in the file. `notes` are for the person,
    about how the list was read; `name_beside` is another column of names than `name`. `is_guessed`
    and `rival` are about the encoding: see `list_decoding.OpenedText`. `joined` are the variables
    made of several columns, each with those; `repeated` those whose header several columns have,
    each with the variable of the second.
    """

    columns: tuple[str, ...]
    headers: tuple[str, ...]
    encoding: str
    delimiter: str
    notes: tuple[Finding, ...]
    is_guessed: bool
    rival: str
    name_beside: str
    joined: Mapping[str, tuple[str, ...]]
    repeated: Mapping[str, str]
    _rows: Iterator[Recipient | BadRow | Duplicate] = field(repr=False)

    def __iter__(self) -> Iterator[Recipient | BadRow | Duplicate]:
        return self._rows


def read_recipients(content: bytes, *, email_column: str | None = None) -> RecipientList:
    """The whole list. `email_column` names the column of addresses, by header or variable name.

    Raises:
        ListUnreadable: not a CSV, no header, no column or two that could be the addresses, a
            quotation mark that never closes, a cell over 131,072 characters.
    """
    reading = open_list(content, email_column=email_column)
    recipients: list[Recipient] = []
    bad_rows: list[BadRow] = []
    duplicates: list[tuple[int, int]] = []
    for row in reading:
        match row:
            case Recipient():
                recipients.append(row)
            case BadRow():
                bad_rows.append(row)
            case Duplicate(number, first, _):
                duplicates.append((number, first))
    return RecipientList(
        recipients=tuple(recipients),
        bad_rows=tuple(bad_rows),
        duplicates=tuple(duplicates),
        columns=reading.columns,
        encoding=reading.encoding,
        delimiter=reading.delimiter,
        headers=reading.headers,
        is_guessed=reading.is_guessed,
        rival=reading.rival,
    )


def open_list(
    content: bytes,
    *,
    email_column: str | None = None,
    columns: Mapping[str, str] | None = None,
    encoding: str = "",
) -> ListReading:
    """The list, to be read row by row. The header is read and checked at once.

    `columns` gives variables the column of a header, `encoding` is the one that a person names.

    Raises:
        ListUnreadable: as `read_recipients`; what is wrong further down is raised on the way.
    """
    opened = open_text(content, encoding)
    stream = cast(TextIO, opened.stream)
    announced = announced_delimiter(stream)
    start = stream.tell()
    try:
        header = read_header(stream, announced, email_column, columns)
    except ListUnreadable as unreadable:
        if opened.is_guessed and not str(unreadable).isascii():
            raise ListUnreadable(f"{unreadable} {_OTHER_LETTERS}") from None
        raise
    stream.seek(start)
    rest = itertools.dropwhile(lambda record: record.row <= header.row, header.records(stream))
    return ListReading(
        columns=header.columns.variables,
        headers=header.columns.headers,
        encoding=opened.encoding,
        delimiter=header.delimiter,
        notes=tuple(header.notes()),
        is_guessed=opened.is_guessed,
        rival=opened.rival,
        name_beside=header.columns.name_beside,
        joined=header.columns.joined,
        repeated=header.columns.repeated,
        _rows=_sort_rows(rest, header),
    )


_OTHER_LETTERS = (
    "If letters look wrong here, name the encoding of the list, such as --encoding cp1250 or "
    "--encoding shift_jis."
)


def _sort_rows(
    records: Iterator[Record], header: Header
) -> Iterator[Recipient | BadRow | Duplicate]:
    first_rows = FirstRows()
    other_header = 0
    for record in records:
        if record.is_filled:
            sorted_row = _read_row(record, header)
            if isinstance(sorted_row, BadRow) and header.columns.has_other_order(record.cells):
                other_header = record.row
            if other_header:
                yield _below_other(record, header, other_header)
                continue
            if isinstance(sorted_row, Recipient):
                first = first_rows.first(sorted_row.key, sorted_row.row)
                if first != sorted_row.row:
                    yield Duplicate(sorted_row.row, first, sorted_row)
                    continue
            yield sorted_row


def _below_other(record: Record, header: Header, other_header: int) -> BadRow:
    """A row of a second table, whose columns are not those of the list's header."""
    shown = ", ".join(cell.strip() for cell in record.cells if cell.strip())
    reason = (
        f"row {other_header} is the header of a second table with other columns, to which this row "
        "belongs. Give it a list of its own."
    )
    return BadRow(record.row, header.columns.email_header, shown, reason, record.cells)


_ONLY_A_REMARK = "only a column without a header is filled in this row. Remove the row."


_HEADER_AGAIN = " This row is the header again, as where two lists were joined. Remove the row."


def _read_row(record: Record, header: Header) -> Recipient | BadRow:
    columns = header.columns
    column = columns.email_header
    if record.fault:
        return BadRow(record.row, column, "", record.fault, record.cells)
    cells = read_cells(record.cells, is_ours=header.is_ours)
    width = len(columns.headers)
    original, has_remark = record.cells, False
    if columns.remarks and len(cells) == width + columns.remarks:
        has_remark = any(cells[width:])
        if has_remark and not any(cells[:width]):
            shown = ", ".join(filter(None, cells))
            return BadRow(record.row, column, shown, _ONLY_A_REMARK, original)
        cells, original = cells[:width], original[:width]
    if len(cells) < width or any(cells[width:]):
        reason = (
            "the whole row stands in one pair of quotes. Remove them, or export the list again."
            if header.is_row_within(cells)
            else f"cells in this row: {len(cells)}, in the header: {width}. "
            "One is missing, or holds a separator and isn't quoted."
        )
        shown = ", ".join(filter(None, cells))
        return BadRow(record.row, column, shown, reason, original)
    value = cells[columns.email_at]
    try:
        address = read_address(value)
    except AddressBad as error:
        again = _HEADER_AGAIN if columns.is_header(cells) else ""
        return BadRow(record.row, column, value, f"{error}{again}", original)
    named = columns.named(cells, address)
    return Recipient(record.row, address.email, address.key, named, original, has_remark)
