"""A list in an Excel or OpenDocument workbook, converted to CSV.

Row numbers stay those of the spreadsheet. Cells are values without their format: a number has no
currency and a date is `2026-11-24`, so columns with such cells are named.
"""

from __future__ import annotations

import csv
import io
import re
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from html import unescape
from typing import TYPE_CHECKING, Any

from workflow.mail.lists.columns import variable_name
from workflow.mail.lists.decoding import ListUnreadable

try:
    import python_calamine as calamine
except ImportError:  # it comes with the extra `sheets`
    calamine = None  # type: ignore[assignment]

if TYPE_CHECKING:
    from python_calamine import CalamineWorkbook


_STARTS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")  # a zip, and an old Excel's compound file
_LARGEST_BYTES = 2_000_000_000  # unpacked
_HIDDEN_ROW = re.compile(rb"<row [^>]*\bhidden=\"(?:1|true)\"")
_WHOLE = 2.0**53  # above it a float has no units
_EXACT = 1e15  # a spreadsheet keeps 15 digits of a number
_SHOWN_SHEETS = 12


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
        ListUnreadable: no workbook that can be read, no such sheet, several and none named; or the
            extra `sheets` is not installed.
    """
    workbook = _open(content)
    chosen = _choose(workbook, sheet)
    # Include the empty rows above the first one: a row's number is the one that the person sees.
    rows = workbook.get_sheet_by_name(chosen).to_python(skip_empty_area=False)
    page = io.StringIO()
    csv.writer(page, lineterminator="\n").writerows([_text(cell) for cell in row] for row in rows)
    hidden = _hidden_rows(content, chosen)
    return WorkbookList(page.getvalue().encode(), chosen, _unformatted(rows), hidden)


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
        raise ListUnreadable(
            f"the workbook has {len(filled)} sheets: {_shown(filled)}. "
            f'Choose one: --sheet "{filled[-1] if filled else "NAME"}".'
        )
    return filled[0]


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


def _unformatted(rows: Iterable[Sequence[Any]]) -> dict[str, str]:
    """The columns with numbers that have a fraction, with dates or with times."""
    found: dict[str, str] = {}
    header: Sequence[Any] = ()
    for row in rows:
        if not header:
            header = row if sum(isinstance(cell, str) and bool(cell) for cell in row) > 1 else ()
            continue
        for title, cell in zip(header, row, strict=False):
            name = variable_name(str(title))
            is_shown_otherwise = isinstance(cell, date | time | timedelta) or (
                isinstance(cell, float) and (not cell.is_integer() or abs(cell) >= _EXACT)
            )
            if name and name not in found and is_shown_otherwise:
                found[name] = _text(cell)
    return found


def _hidden_rows(content: bytes, name: str) -> int:
    """The number of hidden rows in an .xlsx sheet; 0 for other kinds, which can't be checked."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            part = _part_of(packed, name)
            return len(_HIDDEN_ROW.findall(packed.read(part))) if part else 0
    except (zipfile.BadZipFile, KeyError, OSError, ValueError):
        return 0


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
