"""The ledger's schema versions, and ledgers that can only be read.

A new ledger is created from `tables` and stamped; an older one is migrated step by step by Alembic;
a newer one is refused, because writing to it could damage that version's data. Alembic takes half a
second to import, so it is loaded only for a migration.

A ledger that can't be written, on a full or read-only disk or as another person's file, is still
read: in place if SQLite can do that, else from a private copy, which has room for SQLite's extra
files and for migrating.
"""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import sqlalchemy
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.pool import QueuePool

from workflow.ledger.databases import OPTION, TransactionKind, storage, transfers
from workflow.ledger.databases.transfers import Moved
from workflow.ledger.faults import LedgerUnavailable, NewerLedger, in_words
from workflow.ledger.tables import metadata

# The revisions in order; each has a file of its name in `migrations/versions`.
REVISIONS = ("0001", "0002", "0003", "0004", "0005", "0006", "0007")
# The folder with the migrations, for Alembic.
SCRIPTS = Path(__file__).parent.parent / "migrations"


def bring_up_to_date(engine: Engine, place: str) -> Moved | None:
    """Create the tables, or migrate them to the newest revision: completely, or not at all.

    `place` is where the ledger is, for people. Returns where it was moved to, if it was: usually
    one look is enough. Raises `NewerLedger`, and `LedgerUnavailable` for a database that holds
    something else.
    """
    with engine.connect() as connection:
        found = revision_of(connection)
        if found == REVISIONS[-1]:
            return transfers.moved(connection)
    if found and found not in REVISIONS:
        raise NewerLedger(
            f"This ledger was written by a newer postmortem (schema {found}, this one knows "
            f"{REVISIONS[-1]}). Nothing was changed. Update postmortem on this machine."
        )
    with (
        engine.connect() as plain,
        _references_unchecked(plain),
        plain.execution_options(**{OPTION: TransactionKind.ALONE}).begin() as transaction,
    ):
        connection = transaction.connection
        found = revision_of(connection)  # another process may have migrated it first
        if not found:
            _refuse_foreign(connection, place)
            metadata.create_all(connection)
            _stamp(connection)
        elif found != REVISIONS[-1]:
            _upgrade(connection)
        return transfers.moved(connection)


@contextlib.contextmanager
def _references_unchecked(connection: Connection) -> Iterator[None]:
    """Let SQLite rebuild a table that others refer to; each step keeps every row's key.

    The setting works only outside a transaction: https://www.sqlite.org/lang_altertable.html
    """
    if connection.dialect.name != "sqlite":
        yield
        return
    driver: Any = connection.connection.driver_connection
    driver.execute("PRAGMA foreign_keys=OFF")
    try:
        yield
    finally:
        driver.execute("PRAGMA foreign_keys=ON")


def revision_of(connection: Connection) -> str:
    """The ledger's revision, or "" for a ledger without tables."""
    if not sqlalchemy.inspect(connection).has_table("alembic_version"):
        return ""
    row = connection.exec_driver_sql("SELECT version_num FROM alembic_version").first()
    return str(row[0]) if row else ""


def _refuse_foreign(connection: Connection, place: str) -> None:
    """Refuse another program's database: don't add our tables to it."""
    if sqlalchemy.inspect(connection).get_table_names():
        raise LedgerUnavailable(
            f"{place} holds another program's tables. "
            "Nothing was changed. Give postmortem a database of its own."
        )


def _stamp(connection: Connection) -> None:
    connection.exec_driver_sql(
        "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL, "
        "CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num))"
    )
    connection.execute(
        sqlalchemy.text("INSERT INTO alembic_version (version_num) VALUES (:revision)"),
        {"revision": REVISIONS[-1]},
    )


def _upgrade(connection: Connection) -> None:
    import alembic.config  # noqa: PLC0415 - 0.4 s of CPU; for a ledger of an older version alone

    config = alembic.config.Config()
    config.set_main_option("script_location", str(SCRIPTS).replace("%", "%%"))
    config.attributes["connection"] = connection
    alembic.command.upgrade(config, "head")


_SECONDS = 30.0
# SQLite's files beside a database, with commits that aren't in the file itself yet.
_JOURNALS = ("-wal", "-journal")


class ReadOnlyFile:
    """A ledger's file, opened read-only. `engine` refuses every write."""

    def __init__(self, path: Path, place: str) -> None:
        """Open it. Raises `LedgerUnavailable` if it can't be read at all."""
        self._copy: tempfile.TemporaryDirectory[str] | None = None
        in_place = None if _has_journal(path) else _engine(path)
        if in_place is not None and _is_current(in_place):
            self.engine = in_place
            return
        self._copy = tempfile.TemporaryDirectory(prefix="postmortem-")
        copied = Path(self._copy.name) / path.name
        for name in ("", *_JOURNALS):
            source = path.with_name(path.name + name)
            if source.exists():
                shutil.copyfile(source, copied.with_name(copied.name + name))
        copied.chmod(0o600)
        engine = storage.make_engine(sqlalchemy.make_url(storage.url_of(copied)))
        with in_words(place):
            bring_up_to_date(engine, place)
        self.engine = engine

    def close(self) -> None:
        """Delete the copy, if one was made."""
        if self._copy is not None:
            self._copy.cleanup()


def _has_journal(path: Path) -> bool:
    journals = (path.with_name(path.name + name) for name in _JOURNALS)
    return any(each.exists() and each.stat().st_size for each in journals)


def _engine(path: Path) -> Engine:
    """An engine for a file that nobody writes to now: nothing is locked or created beside it."""
    address = f"file:{quote(str(path.absolute()))}?mode=ro&immutable=1"

    def connect() -> sqlite3.Connection:
        connection = sqlite3.connect(address, uri=True, timeout=_SECONDS, check_same_thread=False)
        connection.isolation_level = None
        return connection

    engine = sqlalchemy.create_engine("sqlite://", creator=connect, poolclass=QueuePool)
    sqlalchemy.event.listen(engine, "begin", _begin)
    return engine


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN")


def _is_current(engine: Engine) -> bool:
    try:
        with engine.connect() as connection:
            return revision_of(connection) == REVISIONS[-1]
    except sqlalchemy.exc.DBAPIError:
        return False
