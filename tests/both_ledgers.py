"""Marks for tests that run with both kinds of ledger, or only with a file."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pytest

from tests.postgres_server import NoPostgres, PostgresServer, running_postgres

on_both_ledgers = pytest.mark.parametrize("ledger_url", ["sqlite", "postgres"], indirect=True)
in_a_file = pytest.mark.parametrize("ledger_url", ["sqlite"], indirect=True)


@contextlib.contextmanager
def postgres_or_skip() -> Iterator[PostgresServer]:
    """A PostgreSQL for tests; they are skipped if there is none."""
    try:
        # These tests kill clients and servers, never the machine.
        with running_postgres("fsync=off") as server:
            yield server
    except NoPostgres as absent:
        pytest.skip(f"no PostgreSQL here: {absent}")
