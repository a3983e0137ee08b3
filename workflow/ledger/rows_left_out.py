"""The bad rows of a list that a person left out of a notice: customers whom nobody told by it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import insert, select
from sqlalchemy.engine import Connection

from workflow.ledger.tables import notices, rows_left_out


@dataclass(frozen=True)
class RowLeftOut:
    """A row of a notice's list, by its number in the file, that nothing could be sent to.

    `value` is what stood where the address is to be, whole, "" for nothing; `reason` is why no
    mail went there, as a sentence.
    """

    row: int
    value: str
    reason: str


def add_rows(connection: Connection, notice_id: str, rows: Iterable[RowLeftOut]) -> None:
    """Freeze the rows with the plan from which they were left out."""
    values = [{"notice_id": notice_id, **vars(row)} for row in rows]
    if values:
        connection.execute(insert(rows_left_out), values)


def rows_of(connection: Connection, notice_id: str) -> list[RowLeftOut]:
    """The rows that were left out of a notice, in the order of its list."""
    query = (
        select(rows_left_out.c.row, rows_left_out.c.value, rows_left_out.c.reason)
        .where(rows_left_out.c.notice_id == notice_id)
        .order_by(rows_left_out.c.row)
    )
    return [RowLeftOut(*row) for row in connection.execute(query)]


def count_still_left_out(connection: Connection, incident_id: str) -> int:
    """How many rows of the incident's lists are left out to this day, each counted once.

    Where a list was sent again with the same words, its last sending says what is still bad.
    """
    query = (
        select(notices.c.id, notices.c.list_name, notices.c.content_key)
        .where(notices.c.incident_id == incident_id, notices.c.mode == "send")
        .order_by(notices.c.created_at, notices.c.id)
    )
    last = {(name, key): notice_id for notice_id, name, key in connection.execute(query)}
    return len(
        {
            (name, each.row, each.value)
            for (name, _), notice_id in last.items()
            for each in rows_of(connection, notice_id)
        }
    )
