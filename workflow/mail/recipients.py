"""The list of impacted customers: every row is a recipient, a bad row or a duplicate, never lost.

Row numbers are those of a spreadsheet: the header is row 1, a cell that holds line breaks is
still one row, blank rows count.
"""

from __future__ import annotations

import csv
import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import TextIO, cast

from workflow.mail.addresses import AddressBad, read_address
from workflow.mail.columns import Columns, find_columns
from workflow.mail.decoding import ListUnreadable, open_text
from workflow.mail.seen import FirstRows

__all__ = [
    "BadRow",
    "Duplicate",
    "ListReading",
    "ListUnreadable",
    "Recipient",
    "RecipientList",
    "open_list",
    "read_recipients",
]

_DELIMITERS = ",;\t|"
_CELL_LIMIT = csv.field_size_limit()  # 131,072 code points


@dataclass(frozen=True)
class Recipient:
    """One customer to write to.

    `email` is what goes in the header (its domain in ASCII); `key` is the same for the same
    person in any spelling. `columns` has every cell under its variable's name
    (`Account Name` → `account_name`) and under the header as written; `email`, and a `name` that
    came with the address, are always there.
    """

    row: int
    email: str
    key: str
    columns: dict[str, str]


@dataclass(frozen=True)
class BadRow:
    """A row that nothing can be sent to, and why, as a sentence for the list's owner."""

    row: int
    column: str
    value: str
    reason: str


@dataclass(frozen=True)
class Duplicate:
    """A row whose address an earlier row has already, in this or another spelling."""

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


@dataclass
class ListReading:
    """A list being read row by row, in memory that doesn't grow with its cells.

    Iterating gives each row once, in order; a second iteration goes on where the first stopped.
    """

    columns: tuple[str, ...]
    headers: tuple[str, ...]
    encoding: str
    delimiter: str
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
    )


def open_list(content: bytes, *, email_column: str | None = None) -> ListReading:
    """The list, to be read row by row. The header is read and checked at once.

    Raises:
        ListUnreadable: as `read_recipients`; what is wrong further down is raised on the way.
    """
    text, encoding = open_text(content)
    stream = cast(TextIO, text)
    delimiter = _announced_delimiter(stream)
    start = stream.tell()
    header_row, columns, delimiter = _read_header(stream, start, delimiter, email_column)
    stream.seek(start)
    records = _records(stream, delimiter)
    rest = itertools.dropwhile(lambda record: record.row <= header_row, records)
    return ListReading(
        columns=columns.names,
        headers=columns.headers,
        encoding=encoding,
        delimiter=delimiter,
        _rows=_sort_rows(rest, columns),
    )


def _announced_delimiter(stream: TextIO) -> str:
    """Excel's own first line, `sep=;`, which no spreadsheet shows as a row."""
    start = stream.tell()
    line = stream.readline(16).rstrip("\r\n")
    if len(line) == 5 and line[:4].lower() == "sep=":
        return line[4]
    stream.seek(start)
    return ""


def _read_header(
    stream: TextIO, start: int, announced: str, email_column: str | None
) -> tuple[int, Columns, str]:
    """The row of the header, its columns, and the delimiter that makes most sense of it."""
    found: list[tuple[int, Columns, str]] = []
    for delimiter in announced or _DELIMITERS:
        stream.seek(start)
        header = next((each for each in _records(stream, delimiter) if each.has_words), None)
        if header is not None and not header.fault:
            found.append((header.row, find_columns(header.cells, email_column), delimiter))
    if not found:
        raise ListUnreadable(
            "the list has no header. Its first line names the columns, one of them `email`."
        )
    row, columns, delimiter = max(found, key=lambda each: each[1].rank)
    columns.check()
    return row, columns, delimiter


@dataclass(frozen=True)
class _Record:
    """One row of the file as the CSV has it; `fault` says why its cells can't be trusted."""

    row: int
    cells: list[str]
    fault: str = ""

    @property
    def filled(self) -> bool:
        return bool(self.fault) or any(cell.strip() for cell in self.cells)

    @property
    def has_words(self) -> bool:
        return bool(self.fault) or any(char.isalnum() for cell in self.cells for char in cell)


def _records(stream: TextIO, delimiter: str) -> Iterator[_Record]:
    # Strict, because a quotation mark in the wrong place otherwise swallows rows unseen.
    reader = csv.reader(
        stream, delimiter=delimiter, strict=True, skipinitialspace=delimiter != "\t"
    )
    for row in itertools.count(1):
        line = reader.line_num + 1
        try:
            yield _Record(row, next(reader))
        except StopIteration:
            return
        except csv.Error as error:
            yield _Record(row, [], _fault(str(error), row, line, reader.line_num))


def _fault(error: str, row: int, line: int, last_line: int) -> str:
    if "unexpected end of data" in error:
        raise ListUnreadable(
            f'row {row} (line {line}) opens a quotation mark (") that never closes, so the rows '
            "after it can't be told apart. Close it, or double it if it belongs to the text."
        )
    if "field larger" in error:
        raise ListUnreadable(
            f"row {row} (line {line}) has a cell of more than {_CELL_LIMIT:,} characters. "
            "Shorten it, or look for a quotation mark that doesn't close."
        )
    lines = f"line {line} has" if line == last_line else f"lines {line} to {last_line} have"
    return (
        f"{lines} a quotation mark in the wrong place, so the cells can't be told apart. "
        'Double it ("") if it belongs to the text.'
    )


def _sort_rows(
    records: Iterator[_Record], columns: Columns
) -> Iterator[Recipient | BadRow | Duplicate]:
    first_rows = FirstRows()
    for record in records:
        if record.filled:
            sorted_row = _read_row(record, columns)
            if isinstance(sorted_row, Recipient):
                first = first_rows.first(sorted_row.key, sorted_row.row)
                if first != sorted_row.row:
                    yield Duplicate(sorted_row.row, first, sorted_row)
                    continue
            yield sorted_row


def _read_row(record: _Record, columns: Columns) -> Recipient | BadRow:
    bad = BadRow(record.row, columns.email_header, "", record.fault)
    if record.fault:
        return bad
    cells = [cell.strip() for cell in record.cells]
    width = len(columns.headers)
    value = cells[columns.email_at] if columns.email_at < len(cells) else ""
    if len(cells) < width or any(cells[width:]):
        return replace(
            bad,
            value=value,
            reason=f"cells in this row: {len(cells)}, in the header: {width}. "
            "One is missing, or holds a separator and isn't quoted.",
        )
    try:
        address = read_address(value)
    except AddressBad as error:
        return replace(bad, value=value, reason=str(error))
    return Recipient(record.row, address.email, address.key, columns.named(cells, address))
