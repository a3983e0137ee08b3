"""Opening the ledger: SQLite by default, any SQLAlchemy URL for a team.

A transaction is one of two kinds. `write()` takes the write lock at its start, so that what was
read inside it is still true when it commits; `read()` never blocks a writer.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import sqlalchemy
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.exc import DatabaseError, OperationalError

from workflow.ledger import migrate
from workflow.ledger.faults import LedgerUnavailable

_BUSY_SECONDS = 30.0


class Ledger:
    """An open ledger. Safe to use from several threads and several processes."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @contextlib.contextmanager
    def write(self) -> Iterator[Connection]:
        """One transaction that may change rows, committed at the end or not at all.

        Raises `LedgerUnavailable` when the disk is full or the ledger stays locked.
        """
        with (
            _in_words(self._engine),
            self._engine.connect() as plain,
            plain.execution_options(ledger_writes=True).begin() as transaction,
        ):
            yield transaction.connection

    @contextlib.contextmanager
    def read(self) -> Iterator[Connection]:
        """One consistent look at the ledger."""
        with _in_words(self._engine), self._engine.connect() as connection, connection.begin():
            yield connection

    def close(self) -> None:
        """Let go of every file and socket."""
        self._engine.dispose()


def open_ledger(url: str) -> Ledger:
    """Open the ledger at a SQLAlchemy URL, making or migrating its tables as needed.

    Raises `LedgerUnavailable` for a ledger that a newer version wrote, or one that is damaged.
    """
    engine = _engine(url)
    with _in_words(engine):
        migrate.bring_up_to_date(engine)
    return Ledger(engine)


def sqlite_url(path: Path) -> str:
    """The URL of a ledger file."""
    return f"sqlite:///{path}"


def _engine(url: str) -> Engine:
    address = sqlalchemy.make_url(url)
    if address.get_backend_name() != "sqlite":
        try:
            return sqlalchemy.create_engine(address, pool_pre_ping=True)
        except ModuleNotFoundError as missing:
            raise LedgerUnavailable(
                f"The ledger's database needs the Python package {missing.name}, which is not "
                "installed here. Install it, or leave POSTMORTEM_DATABASE_URL unset."
            ) from missing
    if address.database:
        _make_private_file(Path(address.database))
    engine = sqlalchemy.create_engine(
        address, connect_args={"timeout": _BUSY_SECONDS, "check_same_thread": False}
    )
    sqlalchemy.event.listen(engine, "connect", _prepare_sqlite)
    sqlalchemy.event.listen(engine, "begin", _begin_sqlite)
    return engine


def _make_private_file(path: Path) -> None:
    """The ledger names every impacted customer: only its owner may read it."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    except OSError as fault:
        raise LedgerUnavailable(
            f"The ledger {path} can't be opened ({fault.strerror}). "
            "Check the folder's rights, or point POSTMORTEM_HOME somewhere else."
        ) from fault


def _prepare_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    """WAL with a sync at each commit: a state that was committed survives a power cut."""
    # The driver must not begin transactions by itself: `_begin_sqlite` chooses the kind.
    connection.isolation_level = None
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get("ledger_writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


@contextlib.contextmanager
def _in_words(engine: Engine) -> Iterator[None]:
    """Turn what the database says into a sentence; a defect of ours stays a traceback."""
    try:
        yield
    except (OperationalError, DatabaseError) as fault:
        sentence = _sentence(str(fault.orig), engine.url.render_as_string(hide_password=True))
        if not sentence:
            raise
        raise LedgerUnavailable(sentence) from fault


_SENTENCES: tuple[tuple[str, str], ...] = (
    ("database is locked", "The ledger {url} is locked by another program. Try again in a moment."),
    ("disk is full", "The disk is full: the ledger {url} can't be written. Make room, try again."),
    ("disk i/o error", "The ledger {url} can't be written (disk error). Check the disk."),
    ("readonly database", "The ledger {url} is read-only. Check the file's rights."),
    ("unable to open", "The ledger {url} can't be opened. Check the folder's rights."),
    ("not a database", "{url} is not a ledger. Move the file away, or point to another."),
    ("malformed", "The ledger {url} is damaged. Bring it back from a backup."),
    ("connection", "The ledger's database {url} can't be reached. Try again, or ask its owner."),
)


def _sentence(said: str, url: str) -> str:
    lower = said.lower()
    return next((words.format(url=url) for sign, words in _SENTENCES if sign in lower), "")
