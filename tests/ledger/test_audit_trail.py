"""The audit trail: each change with its person; it only grows, and nobody can rewrite it."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from tests.both_ledgers import in_a_file, on_both_ledgers
from tests.command_line import CustomerList, Postmortem
from tests.ledger_rows import run_sql

Customers = Callable[[int], CustomerList]


@on_both_ledgers
def test_every_change_is_in_the_log_with_the_person_who_made_it(
    postmortem: Postmortem, customers: Customers, tmp_path: Path
) -> None:
    postmortem("start", "Wrong amounts", LOGNAME="ann")
    postmortem("log", "Seen by support", LOGNAME="ben")
    postmortem("notify", str(customers(2)), "--send", "--confirm", "2", LOGNAME="ann")
    postmortem("suppress", "person9@customer.example", "--why", "asked", LOGNAME="ben")
    found = postmortem.json("show", "--log")
    assert found["sound"]
    steps = [(each["command"], each["person"].partition("@")[0]) for each in found["log"]]
    assert list(dict.fromkeys(steps)) == [
        ("start", "ann"),
        ("log", "ben"),
        ("notify", "ann"),
        ("suppress", "ben"),
    ]
    words = " ".join(each["words"] for each in found["log"])
    assert "added 1 timeline entry" in words
    assert "added 1 suppressed address" in words
    assert "2 emails" in words
    assert "person1@customer.example" not in json.dumps(found)
    assert "ben" in postmortem("show", "--log").out
    postmortem("export", str(tmp_path / "record"))
    record = json.loads((tmp_path / "record" / "record.json").read_text(encoding="utf-8"))
    assert record["log"][: len(found["log"])] == found["log"]
    assert record["log_is_sound"]


def test_what_was_done_to_a_notice_is_in_its_own_incidents_log_alone(
    postmortem: Postmortem, customers: Customers
) -> None:
    postmortem("start", "Wrong amounts")
    words = ("notify", str(customers(2)), "--send", "--confirm", "2", "--draft-only")
    notice = postmortem.json(*words)["notice"]
    postmortem("start", "Late invoices")
    postmortem("resume", notice, "--discard")
    of = {
        title: [
            each["command"] for each in postmortem.json("show", "--incident", title, "--log")["log"]
        ]
        for title in ("Wrong amounts", "Late invoices")
    }
    assert "resume" in of["Wrong amounts"]
    assert "resume" not in of["Late invoices"]


@on_both_ledgers
@pytest.mark.parametrize(
    "statement", ["UPDATE audit_log SET person='eve'", "DELETE FROM audit_log"]
)
def test_a_row_of_the_log_is_neither_changed_nor_removed(
    postmortem: Postmortem, statement: str
) -> None:
    postmortem("start", "Wrong amounts")
    with pytest.raises((sqlite3.IntegrityError, psycopg.Error), match="only added"):
        run_sql(postmortem, statement)
    assert postmortem.json("show", "--log")["sound"]


@in_a_file
def test_a_row_that_was_changed_with_force_is_found_out(postmortem: Postmortem) -> None:
    postmortem("start", "Wrong amounts")
    postmortem("log", "Seen by support")
    with closing(sqlite3.connect(postmortem.home / "ledger.sqlite3")) as ledger, ledger:
        ledger.execute("DROP TRIGGER audit_log_no_update")
        ledger.execute("UPDATE audit_log SET person = 'eve@elsewhere' WHERE seq = 2")
    assert not postmortem.json("show", "--log")["sound"]
    assert "changed outside of this program" in postmortem("show", "--log").err
