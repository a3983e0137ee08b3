"""Opening the ledger: a file of SQLite by default, PostgreSQL for a team.

A transaction is one of three kinds. `write()` keeps all other writers out from its start, so that
what was read inside it is still true when it commits; `share()` lets others of its kind work beside
it; `read()` sees one moment and never blocks a writer.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import sqlalchemy
from sqlalchemy.engine import URL, Connection, Engine
from sqlalchemy.exc import ArgumentError

from workflow.ledger import migrate, moves, postgres, sqlite
from workflow.ledger.faults import LedgerAddressBad, LedgerMoved
from workflow.ledger.moves import Moved
from workflow.ledger.sentences import in_words
from workflow.ledger.transactions import OPTION, Kind


class Ledger:
    """An open ledger. Safe to use from several threads and several processes.

    `place` is where it is, for people: without a password. `moved` is where its rows had gone when
    it was opened, if they had: a ledger that was moved is only read.
    """

    def __init__(
        self, engine: Engine, place: str, clock: postgres.ServerClock, moved: Moved | None
    ) -> None:
        self._engine = engine
        self._clock = clock
        self.place = place
        self.moved = moved

    @contextlib.contextmanager
    def write(self) -> Iterator[Connection]:
        """One transaction that may change rows, committed at the end or not at all.

        No other may change any meanwhile. Raises `LedgerUnavailable` when the disk is full, the
        ledger stays locked or its database can't be reached, and `LedgerMoved`.
        """
        with self._transaction(Kind.ALONE) as connection:
            yield connection

    @contextlib.contextmanager
    def share(self) -> Iterator[Connection]:
        """One transaction like that of `write`, beside others that share.

        Only for statements that are right whatever those do at the same time. On SQLite, which has
        one writer, it is `write`.
        """
        with self._transaction(Kind.SHARED) as connection:
            yield connection

    @contextlib.contextmanager
    def read(self) -> Iterator[Connection]:
        """One consistent look at the ledger."""
        with self._transaction(Kind.LOOK) as connection:
            yield connection

    @contextlib.contextmanager
    def _transaction(self, kind: Kind) -> Iterator[Connection]:
        with (
            in_words(self.place),
            self._engine.connect() as plain,
            plain.execution_options(**{OPTION: kind}).begin() as transaction,
        ):
            if kind is not Kind.LOOK:
                # Asked each time, under the lock: it may have moved while a worker waited.
                _refuse_where_moved(moves.moved(transaction.connection))
            yield transaction.connection

    def clock(self, here: datetime) -> datetime:
        """What time it is by the clock that all who use the ledger share.

        `here` is what this machine's clock shows. A ledger in a file is used by this machine alone;
        of machines that share one, each may be wrong, so the database's clock counts.
        """
        return self._clock.at(here)

    def close(self) -> None:
        """Let go of every file and socket; a transaction after that opens its own anew."""
        self._engine.dispose()


def open_ledger(url: str) -> Ledger:
    """Open the ledger at `sqlite:///path` or `postgresql://…`, making or migrating its tables.

    Raises `LedgerAddressBad` for a URL that names none, else `LedgerUnavailable` for a ledger that
    a newer version wrote, one that is damaged, or one that can't be reached.
    """
    clock = postgres.ServerClock()
    engine, place = _open(url, clock)
    with in_words(place):
        migrate.bring_up_to_date(engine, place)
        with engine.connect() as connection:
            moved = moves.moved(connection)
    return Ledger(engine, place, clock, moved)


def _refuse_where_moved(moved: Moved | None) -> None:
    if moved is not None:
        raise LedgerMoved(
            f"This ledger was moved to {moved.place} on {moved.at:%Y-%m-%d}; here it "
            "can only be read. Set POSTMORTEM_DATABASE_URL to where it is now."
        )


def sqlite_url(path: Path) -> str:
    """The URL of a ledger file."""
    return sqlite.url_of(path)


def _names_a_file(address: URL) -> bool:
    """Whether it is a file of SQLite: a ledger in memory would be forgotten with the command."""
    in_memory = address.database == ":memory:" or address.query.get("mode") == "memory"
    is_kept = bool(address.database) and not in_memory
    return address.drivername in {"sqlite", "sqlite+pysqlite"} and is_kept


def _open(url: str, clock: postgres.ServerClock) -> tuple[Engine, str]:
    if url.startswith("postgres"):
        return postgres.make_engine(url, clock, os.environ), postgres.place_of(url)
    try:
        address = sqlalchemy.make_url(url)
    except (ArgumentError, ValueError):
        address = None
    if address is None or not _names_a_file(address):
        raise LedgerAddressBad(
            "POSTMORTEM_DATABASE_URL names no ledger. It begins with postgresql:// for a database "
            "that a team shares, or with sqlite:/// for a file; unset, the ledger is a file in "
            "POSTMORTEM_HOME."
        )
    return sqlite.make_engine(address), address.render_as_string()
