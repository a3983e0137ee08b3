"""Lists of customers on disk, as spreadsheets and `notify` read them."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from workflow.flows.faults import BadInput


def csv_bytes(rows: Iterable[Sequence[str]]) -> bytes:
    """Rows as CSV in UTF-8. A cell that a spreadsheet would run as a formula is shown as text."""
    text = io.StringIO()
    csv.writer(text).writerows([[_no_formula(cell) for cell in row] for row in rows])
    return text.getvalue().encode("utf-8", "replace")


def write_new_list(path: Path, rows: Iterable[Sequence[str]]) -> None:
    """Write a new list, to be read by its owner only. Raises `BadInput`, for a taken path too."""
    content = b"\xef\xbb\xbf" + csv_bytes(rows)  # Excel takes it for UTF-8 by its mark alone
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
    except FileExistsError as fault:
        raise BadInput(f"{path} exists already. Name a new file; nothing was written.") from fault
    except OSError as fault:
        raise BadInput(f"{path} can't be written: {fault.strerror}.") from fault


def _no_formula(cell: str) -> str:
    return f"'{cell}" if cell[:1] in {"=", "+", "@", "\t", "\r"} or cell[:2] == "-=" else cell
