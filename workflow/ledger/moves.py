"""Where a ledger was moved to. Of two with the same rows only one may send: the other is read."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import insert, select
from sqlalchemy.engine import Connection

from workflow.ledger.tables import moved_to


@dataclass(frozen=True)
class Moved:
    """Where the ledger is now, as people see it, and since when."""

    place: str
    at: datetime


def note_moved(connection: Connection, place: str, *, at: datetime) -> None:
    """From now on nobody writes to this ledger."""
    connection.execute(insert(moved_to).values(place=place, at=at))


def moved(connection: Connection) -> Moved | None:
    """Where this ledger was moved to, if it was."""
    row = connection.execute(select(moved_to)).first()
    return None if row is None else Moved(row.place, row.at)
