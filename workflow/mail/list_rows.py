"""The rows of a list: below the header row of a text, or of a workbook turned into one.

Row numbers are those of a spreadsheet: a cell with line breaks is one row, blank rows count. A row
that can't be read has a fault. The cells of a workbook are values without their format: a number
has no currency and a date is `2026-11-24`, so columns with such cells are named.
"""

from __future__ import annotations

import csv
import io
import itertools
import re
import zipfile
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from html import unescape
from itertools import islice
from typing import TYPE_CHECKING, Any, TextIO

from workflow.mail.list_columns import Columns, find_columns, is_address, variable_name
from workflow.mail.list_decoding import ListUnreadable
from workflow.model import Finding

if TYPE_CHECKING:
    from python_calamine import CalamineWorkbook


# --- From text ------------------------------------------------------------------------------------

_CELL_LIMIT = csv.field_size_limit()  # 131,072 code points


# `-----+------`, `|:---|---|`, `├────┼────┤`; the end of a block of code, and of a file of DOS.
_BARS = r"[\s|+:┌┬┐├┼┤└┴┘╔╦╗╠╬╣╚╩╝]"
_DRAWN = re.compile(rf"{_BARS}*[-=─━═]{{3,}}(?:{_BARS}+[-=─━═]{{3,}})*{_BARS}*|```|~~~|\x1a")


@dataclass(frozen=True)
class Record:
    """One row of the CSV; `fault` says why its cells can't be trusted.

    The only cell of a row with a fault is its whole text.
    """

    row: int
    cells: tuple[str, ...]
    fault: str = ""

    @property
    def is_filled(self) -> bool:
        """Whether the row holds anything but a line that is drawn, as in a pasted table."""
        if self.fault or self.has_words:
            return True
        text = "|".join(cell.strip() for cell in self.cells)
        return bool(text.strip("|")) and _DRAWN.fullmatch(text) is None

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


def read_records(
    stream: TextIO, delimiter: str, *, whole_rows: bool = False, quote: str = '"'
) -> Iterator[Record]:
    """The rows of a CSV. `whole_rows`: each row stands in quotes as a whole, and is taken out.

    `quote` is the mark around its cells.

    Raises:
        ListUnreadable: a quotation mark that never closes, a cell over 131,072 characters.
    """
    lines = _Lines(stream)
    # Strict, because a misplaced quotation mark otherwise swallows rows silently.
    reader = csv.reader(
        lines,
        delimiter=delimiter,
        quotechar=quote,
        strict=True,
        skipinitialspace=delimiter != "\t",
    )
    for row in itertools.count(1):
        line = reader.line_num + 1
        lines.forget()
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            fault = _fault(str(error), row, line, reader.line_num, quote)
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


def _fault(error: str, row: int, line: int, last_line: int, quote: str) -> str:
    if "unexpected end of data" in error:
        raise ListUnreadable(
            f"row {row} (line {line}) opens a quotation mark ({quote}) that never closes, so the "
            "rows after it can't be told apart. Close it, or double it if it belongs to the text."
        )
    if "field larger" in error:
        raise ListUnreadable(
            f"row {row} (line {line}) has a cell of more than {_CELL_LIMIT:,} characters. "
            "Shorten it, or look for a quotation mark that doesn't close."
        )
    lines = f"line {line} has" if line == last_line else f"lines {line} to {last_line} have"
    return (
        f"{lines} a quotation mark in the wrong place, so the cells can't be told apart. "
        f"Double it ({quote * 2}) if it belongs to the text."
    )


_DELIMITERS = ",;\t|"
# Those of databases and of a few programs, where no other leads to a column of addresses: the
# separators of ASCII, Hive's, marks that names and amounts don't have, the lines of a table drawn
# in a terminal, and the commas and semicolons of Chinese, Japanese and Arabic.
_RARE_DELIMITERS = "\x1f\x1e\x01^~¦§:│┃║，；、،؛"
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
    `quote` is the mark around cells; `is_ours`: this program wrote the list.
    """

    row: int
    columns: Columns
    delimiter: str
    title: tuple[str, ...] = ()
    whole_rows: bool = False
    quote: str = '"'

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
        for code, where, said in self.columns.notes():
            yield Finding("warning", code, where, said)
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
        if self.quote == "'":
            yield Finding(
                "warning",
                "single_quotes",
                "list",
                "cells were in single quotes, which were removed. Check the mail below.",
            )

    def records(self, stream: TextIO) -> Iterator[Record]:
        """The rows of the list, from the first."""
        return read_records(stream, self.delimiter, whole_rows=self.whole_rows, quote=self.quote)


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
        stream.seek(start)
        first = next((row for row in read_records(stream, ",") if row.has_words), None)
        if first is not None and first.fault:
            raise ListUnreadable(f"the header can't be read: {first.fault}")
        raise ListUnreadable(
            "the list has no header. Its first line names the columns, one of them `email`."
        )
    header = max(found, key=lambda each: (each.columns.rank[0], *_rank(each, announced)))
    if _is_in_single_quotes(stream, start, header):
        stream.seek(start)
        again = _header(stream, header.delimiter, email_column, columns, quote="'")
        header = again or header
    return _checked(stream, start, header)


def _is_in_single_quotes(stream: TextIO, start: int, header: Header) -> bool:
    """Whether the header, or each of the first rows, has single quotes around its cells.

    SQL and Python write them so. A comma between them may divide a cell here, so only the ends of a
    row are looked at. `'t Hart` has none at its end.
    """
    stream.seek(start)
    rows = islice(_readable(header.records(stream)), header.row - 1, header.row + _SAMPLE_ROWS)
    quoted = [
        row.cells[0].lstrip()[:1] == "'" and row.cells[-1].rstrip()[-1:] == "'"
        for row in rows
        if row.has_words and not row.fault
    ]
    return bool(quoted) and (quoted[0] or (len(quoted) > 1 and all(quoted[1:])))


def _by_rare_delimiters(
    stream: TextIO, start: int, email_column: str | None, columns: Mapping[str, str] | None
) -> Iterator[Header]:
    """Headers by delimiters that few lists have, where the rows below have as many cells."""
    for delimiter in _RARE_DELIMITERS:
        stream.seek(start)
        header = _header(stream, delimiter, email_column, columns)
        if header is None or not header.columns.candidates or len(header.columns.headers) < 2:
            continue
        stream.seek(start)
        rows = islice(_readable(read_records(stream, delimiter)), header.row + _SAMPLE_ROWS)
        below = [each.cells for each in rows if each.row > header.row and each.has_words]
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
    whole_rows: bool = False,
    quote: str = '"',
) -> Header | None:
    """The first row with a column of addresses.

    Without one, the row with text right above the first customer, if it names more columns than the
    first row with text, which is then a title; else that first row.
    """
    first: Header | None = None
    above: Header | None = None
    title: list[str] = []
    records = _readable(read_records(stream, delimiter, whole_rows=whole_rows, quote=quote))
    for record in islice(records, _TITLE_ROWS):
        if not record.has_words:
            continue
        if record.fault:
            break
        found = find_columns(record.cells, email_column, columns)
        header = Header(record.row, found, delimiter, tuple(title), whole_rows, quote)
        if found.candidates:
            return _lowest(header, records, email_column, columns)
        first = first or header
        if any("@" in cell for cell in record.cells) and not _is_title(record.cells):
            # A customer's row: no header follows.
            if above is not None and above.columns.named_count > first.columns.named_count:
                first = above
            break
        above = replace(header, title=())  # it is refused: no title stands against it
        title.append(", ".join(cell.strip() for cell in record.cells if cell.strip()))
    return None if whole_rows else first


_LABEL = re.compile(r"[^\W\d][\w ]{0,30}:\s")
_MOST_TITLE_CELLS = 2


def _is_title(cells: Sequence[str]) -> bool:
    """Whether a line with an address is a sentence: `Exported by ann@team.example`, `From: Ann`."""
    filled = [cell.strip() for cell in cells if cell.strip()]
    return len(filled) <= _MOST_TITLE_CELLS and (
        _LABEL.match(filled[0]) is not None or not any(map(is_address, filled))
    )


def _lowest(
    header: Header,
    below: Iterator[Record],
    email_column: str | None,
    columns: Mapping[str, str] | None,
) -> Header:
    """The last row of a header over several rows: each has the header of the addresses again.

    Cells that are merged over the rows of a header are the same in each.
    """
    at = header.columns.email_at
    for record in below:
        cells = record.cells
        if record.fault or len(cells) <= at or cells[at].strip() != header.columns.email_header:
            break
        title = (*header.title, ", ".join(filter(None, header.columns.headers)))
        lower = find_columns(cells, email_column, columns)
        header = replace(header, row=record.row, columns=lower, title=title)
    return header


def _readable(records: Iterator[Record]) -> Iterator[Record]:
    """The rows up to one that stops the reading; it is reported when rows are read."""
    try:
        yield from records
    except ListUnreadable:
        return


def _checked(stream: TextIO, start: int, header: Header) -> Header:
    """The header with what its first rows show. Raises `ListUnreadable`."""
    stream.seek(start)
    records = _readable(header.records(stream))
    sample = islice(records, header.row, header.row + _SAMPLE_ROWS)
    rows = [record.cells for record in sample if record.has_words and not record.fault]
    columns = header.columns.with_filled(rows)
    columns.check()
    return replace(header, columns=columns)


# --- From a workbook ------------------------------------------------------------------------------

try:
    import python_calamine as calamine
except ImportError:  # it comes with the extra `sheets`
    calamine = None  # type: ignore[assignment]


_STARTS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")  # a zip, and an old Excel's compound file
_LARGEST_BYTES = 2_000_000_000  # unpacked
_HIDDEN_ROW = re.compile(
    rb"<(?:\w+:)?row\s[^>]*\bhidden=\"(?:1|true)\"[^>/]*>(.*?)</(?:\w+:)?row>", re.S
)
_FILLED = re.compile(rb"<(?:\w+:)?(?:v|is)>")
_ODS_HIDDEN = re.compile(rb"\btable:visibility=\"(?:collapse|filter)\"")
_ODS_REPEATED = re.compile(rb"\btable:number-rows-repeated=\"(\d+)\"")
_ODS_ROW_OR_CELL = re.compile(
    rb"<table:(?:table-|covered-table-)(?P<kind>row|cell)(?=[\s/>])(?P<more>(?:[^>\"]|\"[^\"]*\")*)>"
)
_ODS_TIMES = re.compile(rb"\btable:number-(?:rows|columns)-repeated=\"(\d+)\"")
_ODS_SPANNED = re.compile(rb"\btable:number-rows-spanned=\"([2-9]|[1-9]\d+)\"")
# The first and the last row and column of merged cells, from 0.
_Merged = tuple[tuple[int, int], tuple[int, int]]
# A cell with a formula and no value: no program has worked it out. An empty text is a value, and
# the type of its cell is `str`.
_FORMULA_ALONE = re.compile(
    rb"<(?:\w+:)?c\s(?![^>]*\bt=\"str\")[^>]*>\s*"
    rb"<(?:\w+:)?f\b(?:[^>]*/>|[^>]*>[^<]*</(?:\w+:)?f>)\s*"
    rb"(?:<(?:\w+:)?v\s*/>|<(?:\w+:)?v>\s*</(?:\w+:)?v>)?\s*</(?:\w+:)?c>"
)
_ODS_FORMULA_ALONE = re.compile(
    rb"<table:table-cell\s(?=[^>]*\btable:formula=)(?![^>]*\boffice:[a-z-]*value(?:-type)?=)"
    rb"[^>]*(?:/>|>\s*</table:table-cell>)"
)
_XLSX_CELL = re.compile(rb"<(?:\w+:)?c\s([^>]*[^>/])>")
_XLSX_NUMBER = re.compile(
    rb"(?!.*\bt=\"(?!n\"))(?=.*\br=\"(?P<column>[A-Z]+))(?=.*\bs=\"(?P<style>\d+)\")", re.S
)
# Room of a letter's width, a letter that fills, a colour, quotation marks around nothing.
_NO_PART_OF_A_FORMAT = re.compile(r"_.|\*.|\[[^\]]*\]|\"\"|\s")
_ODS_VALUE = re.compile(rb"\boffice:value=\"(-?\d+)\"")
_ODS_SHOWN = re.compile(rb"\s*<text:p[^>]*>([^<]*)</text:p>")
_REFERENCE = re.compile(rb"\br=\"([A-Z]+[0-9]+)\"")
_WHOLE = 2.0**53  # above it a float has no units
_EXACT = 1e15  # a spreadsheet keeps 15 digits of a number
_SHOWN_SHEETS = 12
_SHOWN_OPTIONS = 3
_SHEET_SAMPLE_ROWS = 50


@dataclass(frozen=True)
class WorkbookList:
    """One sheet of a workbook.

    `unformatted` are the variables whose cells look different in the sheet, each with its first
    value as a mail would have it. `hidden_rows` counts the rows hidden by a filter or a person.
    """

    content: bytes
    sheet: str
    unformatted: dict[str, str]
    hidden_rows: int = 0


def is_workbook(content: bytes) -> bool:
    """Whether a file is a workbook, by its first bytes and not its name."""
    return content.startswith(_STARTS)


def read_workbook(content: bytes, sheet: str = "") -> WorkbookList:
    """The sheet of that name, or the only one that holds anything.

    Raises:
        ListUnreadable: no workbook that can be read, no such sheet, several and none named, a
            formula without its value; or the extra `sheets` is not installed.
    """
    workbook = _open(content)
    chosen = _choose(workbook, sheet)
    # Include the empty rows above the first one: a row's number is the one that the person sees.
    read = workbook.get_sheet_by_name(chosen)
    rows = read.to_python(skip_empty_area=False)
    source = _source(content, chosen)
    _refuse_unknown_values(source)
    _fill_merged(rows, read.merged_cell_ranges or list(_ods_merged(source)))
    shown_otherwise = _unformatted(rows, _formatted_columns(content, source))
    return WorkbookList(_as_csv(rows), chosen, shown_otherwise, _hidden_rows(source))


def _fill_merged(rows: Sequence[list[Any]], merged: Sequence[_Merged]) -> None:
    """Give a merged cell's value to each row that it covers, as a person sees it.

    A row with nothing else is no customer and stays blank.
    """
    is_blank = [all(cell == "" for cell in row) for row in rows] if merged else []
    for (top, left), (bottom, _) in merged:
        for at in range(top + 1, min(bottom + 1, len(rows))):
            if not is_blank[at] and left < len(rows[at]):
                rows[at][left] = rows[top][left]


def _ods_merged(source: bytes) -> Iterator[_Merged]:
    """The cells of an .ods sheet that cover several rows."""
    if not _ODS_SPANNED.search(source):
        return
    row = column = next_row = 0
    for found in _ODS_ROW_OR_CELL.finditer(source):
        times = _ODS_TIMES.search(found["more"])
        count = int(times[1]) if times else 1
        if found["kind"] == b"row":
            row, column, next_row = next_row, 0, next_row + count
            continue
        spanned = _ODS_SPANNED.search(found["more"])
        if spanned:
            yield (row, column), (row + int(spanned[1]) - 1, column)
        column += count


def hidden_rows(content: bytes, sheet: str) -> int:
    """How many rows with a value are hidden in a sheet, by a filter or a person. Needs no extra."""
    return _hidden_rows(_source(content, sheet))


def read_sheets(content: bytes) -> Iterator[bytes]:
    """Every sheet as CSV, hidden ones too. Raises `ListUnreadable` as `read_workbook`."""
    workbook = _open(content)
    for name in workbook.sheet_names:
        yield _as_csv(workbook.get_sheet_by_name(name).to_python())


def _as_csv(rows: Iterable[Sequence[Any]]) -> bytes:
    page = io.StringIO()
    csv.writer(page).writerows([_text(cell) for cell in row] for row in rows)
    return page.getvalue().encode("utf-8", "replace")


def tab_names(content: bytes) -> list[str]:
    """The sheets of an .xlsx in their order; empty for anything else. Needs no extra."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            return [_attribute(tag, "name") for tag in _sheet_tags(packed)]
    except (zipfile.BadZipFile, KeyError, OSError, ValueError):
        return []


def _open(content: bytes) -> CalamineWorkbook:
    if calamine is None:
        raise ListUnreadable(
            "the list is a workbook, and reading one needs the extra: "
            "pip install 'postmortem-workflow[sheets]'. Or save the list as CSV."
        )
    _refuse_huge(content)
    try:
        return calamine.CalamineWorkbook.from_filelike(io.BytesIO(content))
    except calamine.PasswordError:
        raise ListUnreadable(
            "the workbook has a password. Save it without one, or save the list as CSV."
        ) from None
    except (calamine.CalamineError, OSError, ValueError):
        raise ListUnreadable(
            "the list is neither a CSV nor a workbook that can be read (.xlsx, .xls, .xlsb, .ods). "
            "Save it as CSV and try again."
        ) from None


def _refuse_huge(content: bytes) -> None:
    """Refuse a zip that would fill the memory when unpacked."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            size = sum(each.file_size for each in packed.infolist())
    except (zipfile.BadZipFile, OSError, ValueError):
        return  # an old Excel file, or one that can't be read: reported later
    if size > _LARGEST_BYTES:
        raise ListUnreadable(
            f"the workbook has {size / 1e9:.0f} GB unpacked. Save the list as CSV and try again."
        )


def _choose(workbook: CalamineWorkbook, wanted: str) -> str:
    names = _visible(workbook)
    if wanted:
        found = [name for name in workbook.sheet_names if name.strip() == wanted.strip()] or [
            name for name in names if name.strip().casefold() == wanted.strip().casefold()
        ]
        if not found:
            raise ListUnreadable(f"the workbook has no sheet `{wanted}`; it has {_shown(names)}.")
        return found[0]
    filled = [name for name in names if workbook.get_sheet_by_name(name).height] or names
    if len(filled) != 1:
        likely = [name for name in filled if _has_addresses(workbook, name)] or filled
        raise ListUnreadable(
            f"the workbook has {len(filled)} sheets: {_shown(filled)}. "
            f"Choose one: {sheet_options(likely)}."
        )
    return filled[0]


def sheets_with_addresses(content: bytes) -> list[str]:
    """The visible sheets with an address near their top; none if no workbook can be read."""
    try:
        workbook = _open(content)
    except ListUnreadable:  # the extra `sheets` is not installed
        return []
    return [name for name in _visible(workbook) if _has_addresses(workbook, name)]


def sheet_options(names: Sequence[str]) -> str:
    """What a person can type: `--sheet "Customers" or --sheet "Old"`."""
    return " or ".join(f'--sheet "{name}"' for name in names[:_SHOWN_OPTIONS]) or "--sheet NAME"


def _has_addresses(workbook: CalamineWorkbook, name: str) -> bool:
    rows = workbook.get_sheet_by_name(name).to_python(nrows=_SHEET_SAMPLE_ROWS)
    return any(isinstance(cell, str) and "@" in cell for row in rows for cell in row)


def _visible(workbook: CalamineWorkbook) -> list[str]:
    return [
        each.name
        for each in workbook.sheets_metadata
        if str(each.visible).endswith(".Visible") and str(each.typ).endswith(".WorkSheet")
    ]


def _shown(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN_SHEETS} more" if len(names) > _SHOWN_SHEETS else ""
    return ", ".join(f"`{name[:60]}`" for name in names[:_SHOWN_SHEETS]) + more


def _text(cell: Any) -> str:
    """A cell's value as text: whole numbers without a fraction, dates as ISO 8601."""
    if isinstance(cell, bool):
        return str(cell).upper()
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < _WHOLE:
        return str(int(cell))
    return _time_text(cell) if isinstance(cell, date | time | timedelta) else str(cell)


def _time_text(cell: date | time | timedelta) -> str:
    if isinstance(cell, timedelta):
        minutes = int(cell.total_seconds()) // 60
        return f"{minutes // 60}:{minutes % 60:02}"
    if isinstance(cell, time):
        return f"{cell:%H:%M}"
    if isinstance(cell, datetime) and cell.time() != time():
        return f"{cell:%Y-%m-%d %H:%M}"
    return f"{cell:%Y-%m-%d}"


def _formatted_columns(content: bytes, source: bytes) -> frozenset[int]:
    """The columns, from 0, with a number in a format that changes it: `00042`, `100%`."""
    if b"<table:table-cell" in source:
        return frozenset(_ods_formatted(source))
    styles = _formatted_styles(content)
    if not styles:
        return frozenset()
    found = (_XLSX_NUMBER.match(each[1]) for each in _XLSX_CELL.finditer(source))
    return frozenset(
        _column_number(each["column"]) for each in found if each and int(each["style"]) in styles
    )


def _formatted_styles(content: bytes) -> frozenset[int]:
    """The styles of an .xlsx whose number format shows more than a whole number's digits."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            sheet = packed.read("xl/styles.xml").decode("utf-8", "replace")
    except (zipfile.BadZipFile, KeyError, OSError, ValueError):
        return frozenset()
    plain = {"", "0", "1", "49"}  # general, `0` and text (ECMA-376, 18.8.30)
    for tag in re.findall(r"<(?:\w+:)?numFmt\b[^>]*>", sheet):
        code = _NO_PART_OF_A_FORMAT.sub("", _attribute(tag, "formatCode").partition(";")[0])
        if code.lower() in {"", "general", "0", "#", "@"}:
            plain.add(_attribute(tag, "numFmtId"))
    cells = sheet.partition("cellXfs")[2].partition("cellXfs>")[0]
    used = [_attribute(tag, "numFmtId") for tag in re.findall(r"<(?:\w+:)?xf\b[^>]*>", cells)]
    return frozenset(at for at, number in enumerate(used) if number not in plain)


def _column_number(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + letter - ord("A") + 1
    return number - 1


def _ods_formatted(source: bytes) -> Iterator[int]:
    """The columns of an .ods sheet with a whole number that is shown in another way."""
    column = 0
    for found in _ODS_ROW_OR_CELL.finditer(source):
        if found["kind"] == b"row":
            column = 0
            continue
        value = _ODS_VALUE.search(found["more"])
        shown = _ODS_SHOWN.match(source, found.end()) if value else None
        if value and shown and shown[1] != value[1]:
            yield column
        times = _ODS_TIMES.search(found["more"])
        column += int(times[1]) if times else 1


def _unformatted(rows: Iterable[Sequence[Any]], formatted: Collection[int]) -> dict[str, str]:
    """The columns with numbers that have a fraction or a format, with dates or with times."""
    found: dict[str, str] = {}
    header: Sequence[Any] = ()
    for row in rows:
        if not header:
            header = row if sum(isinstance(cell, str) and bool(cell) for cell in row) > 1 else ()
            continue
        for at, (title, cell) in enumerate(zip(header, row, strict=False)):
            name = variable_name(str(title))
            is_shown_otherwise = isinstance(cell, date | time | timedelta) or (
                isinstance(cell, float)
                and (not cell.is_integer() or abs(cell) >= _EXACT or at in formatted)
            )
            if name and name not in found and is_shown_otherwise:
                found[name] = _text(cell)
    return found


def _source(content: bytes, name: str) -> bytes:
    """A sheet's XML in an .xlsx or .ods file; empty for other kinds, which can't be checked."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            if "content.xml" in packed.namelist():
                return _table_of(packed.read("content.xml"), name)
            part = _part_of(packed, name)
            return packed.read(part) if part else b""
    except (zipfile.BadZipFile, KeyError, OSError, ValueError):
        return b""


def _table_of(document: bytes, name: str) -> bytes:
    """The XML of the table with this name in an .ods file."""
    for found in re.finditer(rb"<table:table\s[^>]*>", document):
        if _attribute(found[0].decode("utf-8", "replace"), "table:name") == name:
            end = document.find(b"</table:table>", found.end())
            return document[found.end() : end]
    return b""


def _hidden_rows(source: bytes) -> int:
    """The hidden rows in a sheet's XML."""
    hidden = sum(bool(_FILLED.search(cells)) for cells in _HIDDEN_ROW.findall(source))
    for row in source.split(b"<table:table-row ")[1:]:
        own, _, cells = row.partition(b"</table:table-row>")[0].partition(b">")
        if _ODS_HIDDEN.search(own) and b"<text:p" in cells:
            times = _ODS_REPEATED.search(own)  # one element may stand for many equal rows
            hidden += int(times[1]) if times else 1
    return hidden


def _refuse_unknown_values(source: bytes) -> None:
    """Refuse a sheet with a formula that has no value yet: it would be read as an empty cell."""
    found = _FORMULA_ALONE.search(source) or _ODS_FORMULA_ALONE.search(source)
    if found:
        named = _REFERENCE.search(found[0])
        cell = f"cell {named[1].decode()}" if named else "a cell"
        raise ListUnreadable(
            f"{cell} of the workbook has a formula without its value. Open the workbook in a "
            "spreadsheet program, save it, and try again."
        )


def _part_of(packed: zipfile.ZipFile, name: str) -> str:
    """The file of a sheet within an .xlsx, through the workbook's list of sheets."""
    links = packed.read("xl/_rels/workbook.xml.rels").decode("utf-8", "replace")
    wanted = next(
        (
            _attribute(tag, r"\w+:id")
            for tag in _sheet_tags(packed)
            if _attribute(tag, "name") == name
        ),
        "",
    )
    for link in re.findall(r"<Relationship\b[^>]*>", links):
        if wanted and _attribute(link, "Id") == wanted:
            target = _attribute(link, "Target")
            return target.lstrip("/") if target.startswith("/") else f"xl/{target}"
    return ""


def _sheet_tags(packed: zipfile.ZipFile) -> list[str]:
    book = packed.read("xl/workbook.xml").decode("utf-8", "replace")
    return re.findall(r"<(?:\w+:)?sheet\b[^>]*>", book)


def _attribute(tag: str, name: str) -> str:
    found = re.search(rf"\s{name}=\"([^\"]*)\"", tag)
    return unescape(found[1]) if found else ""
