"""Moves of incidents and whole ledgers: row by row, verified, noted on both sides.

An incident moves to another ledger with its deliveries. The giver's copy sends nothing more, until
it takes the incident back or the transfer is cancelled. A table belongs to an incident if its rows
refer to one, or to a row that does. Numbers that a ledger gives itself (a delivery's, an entry's
place in the journal) are new where they arrive.

A whole ledger moves into any other database, and the rows are compared afterwards. Of two ledgers
with the same rows only one may send: the other becomes read-only.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from hashlib import sha256
from itertools import chain
from typing import Any

from sqlalchemy import (
    Column,
    Integer,
    LargeBinary,
    Table,
    and_,
    delete,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.engine import Connection, Row
from sqlalchemy.exc import DataError, IntegrityError, StatementError

from workflow.errors import BadInput
from workflow.ledger.changes import STATEMENT
from workflow.ledger.faults import CopyDiffers, MoveRefused
from workflow.ledger.tables import (
    Instant,
    changes,
    current_incidents,
    doc_comparisons,
    incidents,
    ledger_place,
    metadata,
    moved_to,
    notices,
    runs,
    transfers,
)


class TransferState(StrEnum):
    """What this ledger did with an incident's transfer."""

    GIVEN = "given"
    CANCELLED = "cancelled"
    TAKEN = "taken"


ALLOWED: dict[TransferState | None, frozenset[TransferState]] = {
    None: frozenset({TransferState.GIVEN, TransferState.TAKEN}),
    TransferState.GIVEN: frozenset({TransferState.CANCELLED}),
    TransferState.CANCELLED: frozenset(),
    TransferState.TAKEN: frozenset(),
}


@dataclass(frozen=True)
class Transfer:
    """One move of an incident. `other_ledger` is the giver's id if it was taken.

    `file` is the name of the file that was written or read, for people.
    """

    id: str
    incident_id: str
    state: TransferState
    at: datetime
    other_ledger: str = ""
    file: str = ""


def transfers_of(connection: Connection, incident_id: str) -> dict[str, Transfer]:
    """Every transfer of an incident that involved this ledger, by id, the oldest first."""
    query = select(transfers).where(transfers.c.incident_id == incident_id)
    rows = connection.execute(query.order_by(transfers.c.at, transfers.c.id))
    return {
        row.id: Transfer(
            row.id, row.incident_id, TransferState(row.state), row.at, row.other_ledger, row.file
        )
        for row in rows
    }


def set_transfer(connection: Connection, now: Transfer) -> None:
    """Record a transfer, or move it. Raises `MoveRefused` for a move not in `ALLOWED`."""
    before = transfers_of(connection, now.incident_id).get(now.id)
    if now.state not in ALLOWED[before.state if before else None]:
        raise MoveRefused(f"a transfer does not go from {before} to {now.state}")
    values = {
        "incident_id": now.incident_id,
        "state": now.state.value,
        "at": now.at,
        "other_ledger": now.other_ledger,
        "file": now.file,
    }
    if before is None:
        connection.execute(insert(transfers).values(id=now.id, **values))
    else:
        connection.execute(update(transfers).where(transfers.c.id == now.id).values(**values))


def given_away(connection: Connection, incident_id: str) -> Transfer | None:
    """The transfer that moved an incident away from this ledger, unless it was moved back."""
    last = None
    for each in transfers_of(connection, incident_id).values():
        if each.state is not TransferState.CANCELLED:
            last = each
    return last if last is not None and last.state is TransferState.GIVEN else None


# Tables that others refer to come first. The ledger's own place isn't among the copied rows.
_OF_THE_PLACE = (moved_to, ledger_place)
TABLES = tuple(table for table in metadata.sorted_tables if table not in _OF_THE_PLACE)
_ROWS_AT_A_TIME = 500


@dataclass
class TableSum:
    """A table's checksum: the number of rows, and a hash over all of them in any order."""

    rows: int = 0
    hash: int = field(default=0, repr=False)

    def add(self, row: Row[Any]) -> None:
        """Add a row."""
        written = json.dumps([_plain(value) for value in row], sort_keys=True)
        digest = int.from_bytes(sha256(written.encode("ascii")).digest())
        self.rows += 1
        self.hash = (self.hash + digest) % 2**256


def count_rows(connection: Connection) -> dict[str, int]:
    """The number of rows in each table."""
    return {
        table.name: int(connection.execute(select(func.count()).select_from(table)).scalar_one())
        for table in TABLES
    }


def copy_rows(
    source: Connection, target: Connection, report: Callable[[int], None]
) -> dict[str, TableSum]:
    """Write every row of `source` into the empty tables of `target`, and read them back.

    `report` gets the number of rows written since its last call. Returns each table's checksum.
    Raises `CopyDiffers` if a table reads differently than it was written; the caller rolls back.
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
    """Let PostgreSQL number the next row after the copied ones."""
    key = list(table.primary_key.columns)
    if target.dialect.name != "postgresql" or len(key) != 1 or not isinstance(key[0].type, Integer):
        return
    last = target.execute(select(func.max(key[0]))).scalar()
    if last is not None:
        sequence = func.pg_get_serial_sequence(table.name, key[0].name)
        target.execute(select(func.setval(sequence, last)))


def _plain(value: Any) -> Any:
    """A value in JSON, the same for every database."""
    if isinstance(value, bytes):
        return sha256(value).hexdigest()
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, str):
        return value.replace("\0", "")  # PostgreSQL can't store it
    return value


Rows = dict[str, list[dict[str, Any]]]

# Rows that concern one person or this ledger only.
_OF_THIS_LEDGER = (current_incidents, doc_comparisons, ledger_place, runs, transfers)
# A claim belongs to a process, and a process to a machine.
_LEFT_BEHIND = {"claimed_by": "", "claimed_until": None}
_AT_A_TIME = 500


class RowsUnreadable(BadInput):
    """Rows that don't fit this version's tables. `str()` says why."""


def rows_of_incident(connection: Connection, incident_id: str) -> Rows:
    """Every row of an incident, as values of JSON, by table."""
    found: Rows = {}
    for table in _tables():
        rows = []
        for batch in _keys(found, table, incident_id):
            query = select(table).where(batch).order_by(*table.primary_key.columns)
            rows += [_plain_row(table, row._mapping) for row in connection.execute(query)]
        found[table.name] = rows
    return found


def add_rows_of_incident(connection: Connection, rows: Rows, *, replace: bool) -> None:
    """Write the rows of an incident. Raises `RowsUnreadable` if they don't fit.

    They replace this ledger's rows of the same notices. For everything else it keeps its own rows,
    unless `replace`: then the arriving ones are newer. Of values that people update, such as the
    title, the newer one counts.
    """
    values = {table: [_row(table, row) for row in rows.get(table.name, [])] for table in _tables()}
    unknown = rows.keys() - {table.name for table in values}
    if unknown:
        raise RowsUnreadable(f"it holds {', '.join(sorted(unknown))}, which is not known here")
    (incident,) = values[incidents]
    arriving = [row["id"] for row in values[notices]]
    said_there = list(values[changes])
    _clear(connection, values, arriving, replace=replace)
    _put_incident(connection, incident, said_there, replace=replace)
    numbers: dict[tuple[str, Any], Any] = {}
    try:
        for table, new in values.items():
            if table is not incidents:
                _insert(connection, table, new, numbers)
    except (IntegrityError, DataError, StatementError) as bad:
        raise RowsUnreadable("its rows do not belong together") from bad


def _tables() -> list[Table]:
    """The tables of an incident, those that others refer to first."""
    found = [incidents]
    for table in metadata.sorted_tables:
        if table not in found and table not in _OF_THIS_LEDGER and _parent(table, found):
            found.append(table)
    return found


def _parent(table: Table, among: Iterable[Table]) -> tuple[Column[Any], Column[Any]] | None:
    """A table's column that refers to one of these tables, and the column that it refers to."""
    known = set(among)
    for column in table.columns:
        for key in column.foreign_keys:
            if key.column.table in known:
                return column, key.column
    return None


def _is_of_a_notice(table: Table) -> bool:
    parent = _parent(table, [each for each in _tables() if each is not incidents])
    return parent is not None and (parent[1].table is notices or _is_of_a_notice(parent[1].table))


def _keys(found: Rows, table: Table, incident_id: str) -> Iterator[Any]:
    """Conditions that pick the rows of the incident, in batches that a database takes."""
    if table is incidents:
        yield incidents.c.id == incident_id
        return
    known = [each for each in _tables() if each.name in found and each is not table]
    parent = _parent(table, [each for each in known if each is not incidents]) or _parent(
        table, known
    )
    assert parent is not None  # noqa: S101 - `_tables` holds only tables that refer to one of them
    column, referred = parent
    ids = [row[referred.name] for row in found[referred.table.name]]
    for start in range(0, len(ids), _AT_A_TIME):
        yield column.in_(ids[start : start + _AT_A_TIME])


def _clear(
    connection: Connection,
    values: Mapping[Table, list[dict[str, Any]]],
    arriving: list[str],
    *,
    replace: bool,
) -> None:
    """Delete the rows to replace, and remove from `values` those that stay as they are here."""
    for table, rows in reversed(list(values.items())):
        if table is incidents:
            continue
        if table is notices or _is_of_a_notice(table):
            for batch in _batches_of_ids(arriving):
                connection.execute(delete(table).where(_of_notices(table, batch)))
            continue
        key = _natural_key(table)
        if replace:
            for row in rows:
                same = and_(*(column == row[column.name] for column in key))
                connection.execute(delete(table).where(same))
            continue
        there = {tuple(found) for found in connection.execute(select(*key))}
        rows[:] = [row for row in rows if tuple(row[each.name] for each in key) not in there]


def _of_notices(table: Table, ids: list[str]) -> Any:
    if table is notices:
        return notices.c.id.in_(ids)
    parent = _parent(table, [each for each in _tables() if each is not incidents])
    assert parent is not None  # noqa: S101 - asked for tables of notices alone
    column, referred = parent
    if referred.table is notices:
        return column.in_(ids)
    return column.in_(select(referred).where(_of_notices(referred.table, ids)))


def _natural_key(table: Table) -> list[Column[Any]]:
    """The columns that identify a row in every ledger: `id`, if the table numbers its rows."""
    if _own_number(table) is not None and "id" in table.c:
        return [table.c.id]
    return list(table.primary_key.columns)


def _own_number(table: Table) -> Column[Any] | None:
    """The column that a ledger numbers by itself, if the table has one."""
    key = list(table.primary_key.columns)
    if len(key) == 1 and isinstance(key[0].type, Integer) and not key[0].foreign_keys:
        return key[0]
    return None


def _put_incident(
    connection: Connection,
    incident: dict[str, Any],
    said_there: Sequence[Mapping[str, Any]],
    *,
    replace: bool,
) -> None:
    mine = incidents.c.id == incident["id"]
    known = connection.execute(select(incidents).where(mine)).first()
    if known is None:
        connection.execute(insert(incidents).values(incident))
        return
    here = known._mapping
    stays = {"id", "profile", "joined_at", "doc_id", "doc_url", "doc_state", "created_at"}
    newer_there = _said_later_there(connection, incident["id"], said_there)
    if here["closed_at"] is None:
        newer_there |= {"status", "resolved_at"}
    taken = {
        name: value
        for name, value in incident.items()
        if name not in stays
        and (
            replace
            or name in _FROM_THE_STARTER
            or not here[name]
            or (name in newer_there and value)
        )
    }
    connection.execute(update(incidents).where(mine).values(taken))


# Values that a doc doesn't give to those who join by it, known in the ledger that began it.
_FROM_THE_STARTER = {"variables", "template_name", "template_source", "folder"}
# Columns that a person updates, each with the name of the statement.
_STATED = {
    "title": "title",
    "impact": "impact",
    "severity": "severity",
    "owner": "owner",
    "started_at": "started",
}


def _said_later_there(
    connection: Connection, incident_id: str, said_there: Sequence[Mapping[str, Any]]
) -> set[str]:
    """The updated columns whose arriving value is newer.

    A value that nobody updated here was read from the doc when this ledger joined.
    """
    is_statement = and_(changes.c.incident_id == incident_id, changes.c.kind == STATEMENT)
    rows = connection.execute(select(changes.c.payload, changes.c.said_at).where(is_statement))
    here = _last_said((payload, said_at) for payload, said_at in rows)
    arriving = (row for row in said_there if row["kind"] == STATEMENT)
    there = _last_said((row["payload"], row["said_at"]) for row in arriving)
    return {
        column
        for column, name in _STATED.items()
        if name not in here or (name in there and here[name] < there[name])
    }


def _last_said(statements: Iterable[tuple[Any, datetime]]) -> dict[str, datetime]:
    """When each statement was last updated."""
    said: dict[str, datetime] = {}
    for payload, said_at in statements:
        name = str(payload["statement"])
        said[name] = max(said.get(name, said_at), said_at)
    return said


def _insert(
    connection: Connection,
    table: Table,
    rows: list[dict[str, Any]],
    numbers: dict[tuple[str, Any], Any],
) -> None:
    for row in rows:
        for column in table.columns:
            for key in column.foreign_keys:
                old = (key.column.table.name, row.get(column.name))
                row[column.name] = numbers.get(old, row.get(column.name))
    number = _own_number(table)
    if number is None:
        if rows:
            connection.execute(insert(table), rows)
        return
    is_referred_to = any(_parent(each, [table]) for each in _tables() if each is not table)
    old_numbers = [row.pop(number.name) for row in rows]
    if not is_referred_to:
        if rows:
            connection.execute(insert(table), rows)
        return
    for old, row in zip(old_numbers, rows, strict=True):
        inserted = connection.execute(insert(table).values(row)).inserted_primary_key
        if inserted is not None:
            numbers[table.name, old] = inserted[0]


def _plain_row(table: Table, row: Mapping[Any, Any]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for column in table.columns:
        value = _LEFT_BEHIND.get(column.name, row[column.name])
        if isinstance(value, datetime):
            value = value.isoformat()
        elif isinstance(value, bytes):
            value = base64.b64encode(value).decode("ascii")
        values[column.name] = value
    return values


def _row(table: Table, given: Mapping[str, Any]) -> dict[str, Any]:
    """A row for the table; a column that an older version lacked gets its default."""
    unknown = given.keys() - set(table.c.keys())
    if unknown:
        raise RowsUnreadable(f"{table.name} has {', '.join(sorted(unknown))}")
    values = dict(given)
    for column in table.columns:
        value = values.get(column.name)
        if value is None:
            continue
        try:
            if isinstance(column.type, Instant):
                values[column.name] = datetime.fromisoformat(value)
            elif isinstance(column.type, LargeBinary):
                values[column.name] = base64.b64decode(value, validate=True)
        except (TypeError, ValueError) as bad:
            raise RowsUnreadable(f"{table.name}.{column.name} is not what it has to be") from bad
    return values


def _batches_of_ids(ids: list[str]) -> Iterator[list[str]]:
    for start in range(0, len(ids), _AT_A_TIME):
        yield ids[start : start + _AT_A_TIME]


@dataclass(frozen=True)
class Moved:
    """The ledger's new place, as people see it, and since when."""

    place: str
    at: datetime


def note_moved(connection: Connection, place: str, *, at: datetime) -> None:
    """Make this ledger read-only: it has moved to another place."""
    connection.execute(insert(moved_to).values(place=place, at=at))


def moved(connection: Connection) -> Moved | None:
    """Where this ledger was moved to, if it was."""
    row = connection.execute(select(moved_to)).first()
    return None if row is None else Moved(row.place, row.at)
