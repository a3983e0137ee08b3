"""Direct access to a person's ledger, in a file or a database."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from tests.command_line import Postmortem
from workflow.ledger.databases.storage import LOCK


def run_sql(postmortem: Postmortem, statement: str) -> list[tuple[Any, ...]]:
    """Run one statement in the person's ledger; its rows, if it gives any."""
    url = postmortem.environment.get("POSTMORTEM_DATABASE_URL", "")
    if url:
        with psycopg.connect(url, connect_timeout=10) as ledger:
            cursor = ledger.execute(statement)
            return cursor.fetchall() if cursor.description else []
    with closing(sqlite3.connect(postmortem.home / "ledger.sqlite3", timeout=20)) as file, file:
        return file.execute(statement).fetchall()


def everything_in(postmortem: Postmortem) -> bytes:
    """All contents of the person's ledger, to search for text that must not be there."""
    url = postmortem.environment.get("POSTMORTEM_DATABASE_URL", "")
    if not url:
        return b"".join(path.read_bytes() for path in postmortem.home.rglob("ledger.sqlite3*"))
    query = sql.SQL("SELECT kept::text FROM {} AS kept")
    with psycopg.connect(url, connect_timeout=10) as ledger:
        tables = ledger.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        rows = [ledger.execute(query.format(sql.Identifier(*name))) for name in tables.fetchall()]
        return "\n".join(text for each in rows for (text,) in each).encode()


def somebody_writes(postmortem: Postmortem) -> bool:
    """Whether a write transaction is under way in the person's ledger."""
    url = postmortem.environment.get("POSTMORTEM_DATABASE_URL", "")
    if url:
        with psycopg.connect(url, connect_timeout=10) as ledger:
            free = ledger.execute("SELECT pg_try_advisory_xact_lock(%s)", [LOCK]).fetchall()
            return free == [(False,)]
    with closing(sqlite3.connect(postmortem.home / "ledger.sqlite3", timeout=0.1)) as file:
        try:
            file.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            return True
    return False


def restore(postmortem: Postmortem, backup: Path) -> None:
    """Put an older ledger back after moving the damaged one away, as the program advises."""
    for number, each in enumerate(postmortem.home.glob("ledger.sqlite3*")):
        each.rename(postmortem.home / f"damaged-{number}")
    shutil.copy(backup, postmortem.home / "ledger.sqlite3")


def back_up(postmortem: Postmortem) -> Path:
    """Copy the ledger's file, as a backup does."""
    with closing(sqlite3.connect(postmortem.home / "ledger.sqlite3")) as ledger:
        ledger.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return Path(shutil.copy(postmortem.home / "ledger.sqlite3", postmortem.home / "backup"))
