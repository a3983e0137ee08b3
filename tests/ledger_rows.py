"""Looking into a person's ledger, and changing it behind their back, wherever it is."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import Any

import psycopg
from psycopg import sql

from tests.command_line import Postmortem
from workflow.ledger.postgres import LOCK


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
    """All that is kept in the person's ledger, to look for what must not be there."""
    url = postmortem.environment.get("POSTMORTEM_DATABASE_URL", "")
    if not url:
        return b"".join(path.read_bytes() for path in postmortem.home.rglob("ledger.sqlite3*"))
    query = sql.SQL("SELECT kept::text FROM {} AS kept")
    with psycopg.connect(url, connect_timeout=10) as ledger:
        tables = ledger.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        rows = [ledger.execute(query.format(sql.Identifier(*name))) for name in tables.fetchall()]
        return "\n".join(text for each in rows for (text,) in each).encode()


def somebody_writes(postmortem: Postmortem) -> bool:
    """Whether a transaction that writes is under way in the person's ledger."""
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
