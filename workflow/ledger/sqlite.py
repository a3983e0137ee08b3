"""A ledger in a file of this machine."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

import sqlalchemy
from sqlalchemy.engine import URL, Connection, Engine

from workflow.ledger.faults import LedgerUnavailable
from workflow.ledger.transactions import OPTION, Kind

_BUSY_SECONDS = 30.0
# SQLite has one writer at a time, whatever the writers would allow each other.
_BEGIN = {Kind.LOOK: "BEGIN", Kind.ALONE: "BEGIN IMMEDIATE", Kind.SHARED: "BEGIN IMMEDIATE"}


def url_of(path: Path) -> str:
    """The URL of a ledger file."""
    return f"sqlite:///{path}"


def make_engine(address: URL) -> Engine:
    """An engine for the file. Raises `LedgerUnavailable` where it can't be made."""
    if address.database:
        _make_private_file(Path(address.database))
    engine = sqlalchemy.create_engine(
        address, connect_args={"timeout": _BUSY_SECONDS, "check_same_thread": False}
    )
    sqlalchemy.event.listen(engine, "connect", _prepare)
    sqlalchemy.event.listen(engine, "begin", _begin)
    return engine


def _make_private_file(path: Path) -> None:
    """The ledger names every impacted customer: only its owner may read it."""
    try:
        for folder in reversed(path.parents):  # `parents` of mkdir would open those to others
            if not folder.exists():
                folder.mkdir(mode=0o700, exist_ok=True)
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    except OSError as fault:
        raise LedgerUnavailable(
            f"The ledger {path} can't be opened ({fault.strerror}). "
            "Check the folder's rights, or point POSTMORTEM_HOME somewhere else."
        ) from fault


def _prepare(connection: sqlite3.Connection, _record: object) -> None:
    """WAL with a sync at each commit: a state that was committed survives a power cut."""
    # The driver must not begin transactions by itself: `_begin` chooses the kind.
    connection.isolation_level = None
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql(_BEGIN[connection.get_execution_options().get(OPTION, Kind.LOOK)])
