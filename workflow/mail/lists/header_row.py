"""Find a list's header row and delimiter, and read its rows.

Row numbers are those of a spreadsheet: a cell with line breaks is one row, blank rows count. A row
that can't be read has a fault.
"""

from __future__ import annotations

import csv
import io
import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import TextIO

from workflow.mail.lists.columns import Columns, find_columns
from workflow.mail.lists.decoding import ListUnreadable
from workflow.model import Finding

_CELL_LIMIT = csv.field_size_limit()  # 131,072 code points


@dataclass(frozen=True)
class Record:
    """One row of the CSV; `fault` says why its cells can't be trusted.

    The only cell of a row with a fault is its whole text.
    """

    row: int
    cells: tuple[str, ...]
    fault: str = ""

    @property
    def filled(self) -> bool:
        """Whether the row holds anything."""
        return bool(self.fault) or any(cell.strip() for cell in self.cells)

    @property
    def has_words(self) -> bool:
        """Whether the row holds a letter or a digit."""
        return bool(self.fault) or any(char.isalnum() for cell in self.cells for char in cell)


class _Lines:
    """The lines of a stream, and those read since the last `forget`."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._read: list[str] = []

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = next(self._stream)
        self._read.append(line)
        return line

    def forget(self) -> None:
        self._read.clear()

    @property
    def text(self) -> str:
        return "".join(self._read).rstrip("\r\n")


def read_records(stream: TextIO, delimiter: str, *, whole_rows: bool = False) -> Iterator[Record]:
    """The rows of a CSV. `whole_rows`: each row stands in quotes as a whole, and is taken out.

    Raises:
        ListUnreadable: a quotation mark that never closes, a cell over 131,072 characters.
    """
    lines = _Lines(stream)
    # Strict, because a misplaced quotation mark otherwise swallows rows silently.
    reader = csv.reader(lines, delimiter=delimiter, strict=True, skipinitialspace=delimiter != "\t")
    for row in itertools.count(1):
        line = reader.line_num + 1
        lines.forget()
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            fault = _fault(str(error), row, line, reader.line_num)
            yield Record(row, (lines.text,), fault)
            continue
        yield _unquoted(row, cells, delimiter) if whole_rows else Record(row, tuple(cells))


def _unquoted(row: int, cells: list[str], delimiter: str) -> Record:
    """Unpack a row whose only cell is a row itself."""
    if len([cell for cell in cells if cell]) != 1 or delimiter not in cells[0]:
        return Record(row, tuple(cells))
    inner = list(read_records(io.StringIO(cells[0], newline=""), delimiter))
    if len(inner) != 1:
        return Record(row, (cells[0],), "the row holds several rows in one pair of quotes.")
    return Record(row, inner[0].cells, inner[0].fault)


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


_DELIMITERS = ",;\t|"
# Those of databases and of a few programs, where no other leads to a column of addresses: the
# separators of ASCII, Hive's, and marks that names and amounts don't have.
_RARE_DELIMITERS = "\x1f\x1e\x01^~¦§:"
# The last columns of the lists that this program writes, to recognize them.
OUR_COLUMNS = ("notice", "stage", "row", "reason")
_TITLE_ROWS = 30  # a report's title, its filters and its date
_SAMPLE_ROWS = 20
# Excel's own first line: `sep=;`, in quotes and with empty cells after it if a program saved it as
# a row.
_SEP = re.compile(
    r"\ufeff?\s*\"?\s*sep\s*=\s*\"?(?P<mark>\\t|tab|[^\w\"'\s]|\t)\"?[,;|\t\" ]*\r?\n?",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Header:
    """The header of a list: its row, its columns, its delimiter.

    `title` are the rows with text above it; `whole_rows`: each row is in one pair of quotes;
    `is_ours`: this program wrote the list.
    """

    row: int
    columns: Columns
    delimiter: str
    title: tuple[str, ...] = ()
    whole_rows: bool = False

    @property
    def is_ours(self) -> bool:
        """Whether the list ends with the columns that this program writes."""
        return self.columns.headers[-len(OUR_COLUMNS) :] == OUR_COLUMNS

    def is_row_within(self, cells: Sequence[str]) -> bool:
        """Whether the one filled cell of a row holds all cells of a row, with an address."""
        held = [cell for cell in cells if cell]
        if len(held) != 1 or "@" not in held[0]:
            return False
        return held[0].count(self.delimiter) >= len(self.columns.headers) - 1

    def notes(self) -> Iterator[Finding]:
        """Warnings about how the header was found."""
        if self.title:
            above = "; ".join(f"`{line[:60]}`" for line in self.title[:3])
            yield Finding(
                "warning",
                "title_rows",
                f"row {self.row}",
                f"this row was read as the header; above it is {above}.",
            )
        if self.whole_rows:
            yield Finding(
                "warning",
                "whole_rows_quoted",
                "list",
                "each whole row was in quotes; they were removed. Check the mail below.",
            )


def announced_delimiter(stream: TextIO) -> str:
    """The delimiter that a first line such as `sep=;` names; no spreadsheet shows it as a row."""
    start = stream.tell()
    found = _SEP.fullmatch(stream.readline(64))
    if found is None:
        stream.seek(start)
        return ""
    mark = found["mark"].lower()
    return "\t" if mark in {"\\t", "tab"} else mark


def read_header(
    stream: TextIO,
    announced: str,
    email_column: str | None,
    columns: Mapping[str, str] | None,
) -> Header:
    """The header by the delimiter that makes most sense of it. Reads on from where `stream` is.

    Raises:
        ListUnreadable: no header, or one that doesn't say where the addresses are.
    """
    start = stream.tell()
    found: list[Header] = []
    for delimiter in dict.fromkeys((announced or ",", *_DELIMITERS)):
        for whole_rows in (False, True):
            stream.seek(start)
            header = _header(stream, delimiter, email_column, columns, whole_rows=whole_rows)
            if header is not None:
                found.append(header)
    if not any(header.columns.candidates for header in found):
        found += _by_rare_delimiters(stream, start, email_column, columns)
    if not found:
        raise ListUnreadable(
            "the list has no header. Its first line names the columns, one of them `email`."
        )
    header = max(found, key=lambda each: (each.columns.rank[0], *_rank(each, announced)))
    _check(stream, start, header)
    return header


def _by_rare_delimiters(
    stream: TextIO, start: int, email_column: str | None, columns: Mapping[str, str] | None
) -> Iterator[Header]:
    """Headers by delimiters that few lists have, where the rows below have as many cells."""
    for delimiter in _RARE_DELIMITERS:
        stream.seek(start)
        header = _header(stream, delimiter, email_column, columns, whole_rows=False)
        if header is None or not header.columns.candidates or len(header.columns.headers) < 2:
            continue
        stream.seek(start)
        rows = islice(_readable(read_records(stream, delimiter)), header.row + _SAMPLE_ROWS)
        below = [each.cells for each in rows if each.row > header.row and each.filled]
        at = header.columns.email_at
        if below and all(len(row) > at and "@" in row[at] for row in below):
            yield header


def _rank(header: Header, announced: str) -> tuple[bool, bool, int, int]:
    """Prefer Excel's named delimiter, then rows without outer quotes, then the first header."""
    return (
        bool(announced) and header.delimiter == announced,
        not header.whole_rows,
        -len(header.title),
        header.columns.rank[1],
    )


def _header(
    stream: TextIO,
    delimiter: str,
    email_column: str | None,
    columns: Mapping[str, str] | None,
    *,
    whole_rows: bool,
) -> Header | None:
    """The first row with a column of addresses.

    Without one, the row with text right above the first customer, if it names more columns than the
    first row with text, which is then a title; else that first row.
    """
    first: Header | None = None
    above: Header | None = None
    title: list[str] = []
    records = _readable(read_records(stream, delimiter, whole_rows=whole_rows))
    for record in islice(records, _TITLE_ROWS):
        if not record.has_words:
            continue
        if record.fault:
            break
        found = find_columns(record.cells, email_column, columns)
        header = Header(record.row, found, delimiter, tuple(title), whole_rows)
        if found.candidates:
            return header
        first = first or header
        if any("@" in cell for cell in record.cells):
            # A customer's row: no header follows.
            if above is not None and above.columns.named_count > first.columns.named_count:
                first = above
            break
        above = replace(header, title=())  # it is refused: no title stands against it
        title.append(", ".join(cell.strip() for cell in record.cells if cell.strip()))
    return None if whole_rows else first


def _readable(records: Iterator[Record]) -> Iterator[Record]:
    """The rows up to one that stops the reading; it is reported when rows are read."""
    try:
        yield from records
    except ListUnreadable:
        return


def _check(stream: TextIO, start: int, header: Header) -> None:
    if header.columns.candidates:
        header.columns.check()
        return
    stream.seek(start)
    records = _readable(read_records(stream, header.delimiter))
    sample: list[Sequence[str]] = [
        record.cells for record in islice(records, header.row + _SAMPLE_ROWS)
    ]
    header.columns.with_filled(sample[header.row :]).check()
