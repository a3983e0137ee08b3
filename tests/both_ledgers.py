"""Marks for tests of what has to hold wherever the ledger is, and of a ledger in a file alone."""

from __future__ import annotations

import pytest

on_both_ledgers = pytest.mark.parametrize("ledger_url", ["sqlite", "postgres"], indirect=True)
in_a_file = pytest.mark.parametrize("ledger_url", ["sqlite"], indirect=True)
