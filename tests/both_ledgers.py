"""Marks for tests of what has to hold wherever the ledger is, and of a ledger in a file alone."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pytest

from tests.postgres_server import NoPostgres, PostgresServer, running_postgres

on_both_ledgers = pytest.mark.parametrize("ledger_url", ["sqlite", "postgres"], indirect=True)
in_a_file = pytest.mark.parametrize("ledger_url", ["sqlite"], indirect=True)


@contextlib.contextmanager
def postgres_or_skip() -> Iterator[PostgresServer]:
    """A PostgreSQL for tests, which are skipped where there is none."""
    try:
        # Clients and servers are killed in these tests, never the machine.
        with running_postgres("fsync=off") as server:
            yield server
    except NoPostgres as absent:
        pytest.skip(f"no PostgreSQL here: {absent}")
