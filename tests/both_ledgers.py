"""A mark for tests of what has to hold wherever the ledger is."""

from __future__ import annotations

import pytest

on_both_ledgers = pytest.mark.parametrize("ledger_url", ["sqlite", "postgres"], indirect=True)
