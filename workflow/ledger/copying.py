"""A whole ledger, row by row, into another: the same rows, proved, whatever database each is in."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from itertools import chain
from typing import Any

from sqlalchemy import Integer, LargeBinary, Table, func, insert, select
from sqlalchemy.engine import Connection, Row

from workflow.ledger.faults import CopyDiffers
from workflow.ledger.tables import metadata, moved_to

# Whoever is referred to comes before who refers. Where a ledger moved is not of its rows.
TABLES = tuple(table for table in metadata.sorted_tables if table is not moved_to)
_ROWS_AT_A_TIME = 500


@dataclass
class TableSum:
    """What a table comes to: how many rows, and a hash over all of them in any order."""

    rows: int = 0
    hash: int = field(default=0, repr=False)

    def add(self, row: Row[Any]) -> None:
        """Count a row in."""
        written = json.dumps([_plain(value) for value in row], sort_keys=True)
        digest = int.from_bytes(sha256(written.encode("ascii")).digest())
        self.rows += 1
        self.hash = (self.hash + digest) % 2**256


def count_rows(connection: Connection) -> dict[str, int]:
    """How many rows each table has."""
    return {
        table.name: int(connection.execute(select(func.count()).select_from(table)).scalar_one())
        for table in TABLES
    }


def copy_rows(
    source: Connection, target: Connection, report: Callable[[int], None]
) -> dict[str, TableSum]:
    """Write every row of `source` into the empty tables of `target`, and read them back.

    `report` gets how many rows were written since it was last called. Returns what each table came
    to. Raises `CopyDiffers` when one reads otherwise than it was written; the caller takes the
    transaction back.
    """
    written = {table.name: _copy_table(table, source, target, report) for table in TABLES}
    for table in TABLES:
        _go_on_counting(table, target)
        if _sum(table, target) != written[table.name]:
            raise CopyDiffers(
                f"The table {table.name} did not arrive as it was sent. Nothing was copied."
            )
    return written


def _copy_table(
    table: Table, source: Connection, target: Connection, report: Callable[[int], None]
) -> TableSum:
    total = TableSum()
    for rows in _batches(table, source):
        target.execute(insert(table), [dict(row._mapping) for row in rows])
        for row in rows:
            total.add(row)
        report(len(rows))
    return total


def _sum(table: Table, connection: Connection) -> TableSum:
    total = TableSum()
    for row in chain.from_iterable(_batches(table, connection)):
        total.add(row)
    return total


def _batches(table: Table, connection: Connection) -> Iterator[list[Row[Any]]]:
    """The rows, a few at a time; files, which may be large, one by one."""
    has_files = any(isinstance(column.type, LargeBinary) for column in table.columns)
    size = 1 if has_files else _ROWS_AT_A_TIME
    query = select(table).order_by(*table.primary_key.columns)
    result = connection.execute(query, execution_options={"yield_per": size})
    return (list(rows) for rows in result.partitions())


def _go_on_counting(table: Table, target: Connection) -> None:
    """Let PostgreSQL number the next row after those that brought their numbers along."""
    key = list(table.primary_key.columns)
    if target.dialect.name != "postgresql" or len(key) != 1 or not isinstance(key[0].type, Integer):
        return
    last = target.execute(select(func.max(key[0]))).scalar()
    if last is not None:
        sequence = func.pg_get_serial_sequence(table.name, key[0].name)
        target.execute(select(func.setval(sequence, last)))


def _plain(value: Any) -> Any:
    """A value as JSON has it, the same whichever database it comes from."""
    if isinstance(value, bytes):
        return sha256(value).hexdigest()
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, str):
        return value.replace("\0", "")  # which PostgreSQL can't keep
    return value
