"""The ledger's schema versions.

A new ledger is made whole from `tables` and stamped; an older one is brought up step by step by
Alembic; a newer one is refused, for writing to it could damage what that version keeps there.
Alembic takes half a second to import, so it is loaded only when there is a step to take.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import sqlalchemy
from sqlalchemy.engine import Connection, Engine

from workflow.ledger.faults import LedgerUnavailable, NewerLedger
from workflow.ledger.tables import metadata
from workflow.ledger.transactions import OPTION, Kind

# The revisions in order; each has a file of its name in `migrations/versions`.
REVISIONS = ("0001", "0002", "0003", "0004", "0005", "0006")
# Where Alembic finds them.
SCRIPTS = Path(__file__).parent / "migrations"


def bring_up_to_date(engine: Engine, place: str) -> None:
    """Make the tables, or migrate them to the newest revision: wholly, or not at all.

    `place` is where the ledger is, for people. Raises `NewerLedger`, and `LedgerUnavailable` for a
    database that holds something else.
    """
    with engine.connect() as connection:
        found = _revision(connection)
    if found == REVISIONS[-1]:
        return
    if found and found not in REVISIONS:
        raise NewerLedger(
            f"This ledger was written by a newer postmortem (schema {found}, this one knows "
            f"{REVISIONS[-1]}). Nothing was changed. Update postmortem on this machine."
        )
    with (
        engine.connect() as plain,
        _references_unchecked(plain),
        plain.execution_options(**{OPTION: Kind.ALONE}).begin() as transaction,
    ):
        connection = transaction.connection
        found = _revision(connection)  # another process may have been quicker
        if not found:
            _refuse_foreign(connection, place)
            metadata.create_all(connection)
            _stamp(connection)
        elif found != REVISIONS[-1]:
            _upgrade(connection)


@contextlib.contextmanager
def _references_unchecked(connection: Connection) -> Iterator[None]:
    """Let SQLite write a table anew although others refer to it; a step keeps every row's key.

    It heeds this only outside of a transaction: https://www.sqlite.org/lang_altertable.html
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


def _revision(connection: Connection) -> str:
    """The ledger's revision, or "" for a ledger that has no tables yet."""
    if not sqlalchemy.inspect(connection).has_table("alembic_version"):
        return ""
    row = connection.exec_driver_sql("SELECT version_num FROM alembic_version").first()
    return str(row[0]) if row else ""


def _refuse_foreign(connection: Connection, place: str) -> None:
    """Another program's database is not to be filled with our tables."""
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
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(SCRIPTS).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
