"""`postmortem ledger copy`: every row is copied and verified; one ledger stays open."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from sqlalchemy import select, update
from sqlalchemy.engine import Connection

from tests.command_line import CustomerList, Postmortem, running
from tests.google_world import GoogleWorld
from tests.plug import wait_until
from tests.postgres_server import PostgresServer
from workflow.cli.terminal import Speaker
from workflow.ledger.databases import transfers
from workflow.ledger.databases.storage import open_ledger, sqlite_url
from workflow.ledger.faults import LedgerMoved
from workflow.ledger.tables import deliveries

Customers = Callable[[int], CustomerList]
SEND = "gmail.users.drafts.send"
_SECONDS = 20


@pytest.fixture
def ledger_url() -> str:
    """Copies start from a file here, whatever other tests run on; each test names the target."""
    return ""


@pytest.fixture
def told(postmortem: Postmortem, customers: Customers) -> Postmortem:
    """A person with an incident that has something of each kind in it."""
    postmortem("start", "Wrong amounts 🧯", "--share", "team@rehearsal.example")
    postmortem("log", "Seen by us")
    attached = postmortem.home / "details.txt"
    attached.write_bytes(b"details\n")
    listed = customers(7).path
    listed.write_text(listed.read_text(encoding="utf-8") + "nobody,Nobody\n", encoding="utf-8")
    told = ("--send", "--confirm", "7", "--attach", str(attached), "--skip-bad")
    postmortem("notify", str(listed), *told)
    return postmortem


def rows(url: str) -> dict[str, list[dict[str, Any]]]:
    ledger = open_ledger(url)
    try:
        with ledger.read() as connection:
            return {
                table.name: [
                    dict(row._mapping)
                    for row in connection.execute(
                        select(table).order_by(*table.primary_key.columns)
                    )
                ]
                for table in transfers.TABLES
            }
    finally:
        ledger.close()


def file_url(postmortem: Postmortem) -> str:
    return sqlite_url(postmortem.home / "ledger.sqlite3")


def test_a_ledger_moves_to_postgres_and_work_goes_on_there(
    told: Postmortem, google: GoogleWorld, customers: Customers, postgres: PostgresServer
) -> None:
    url = postgres.new_database()
    before = told.json("show")
    result = told("ledger", "copy", "--to", url)
    assert "and verified each." in result.out
    assert "Next: set POSTMORTEM_DATABASE_URL" in result.out
    assert told.json("show", POSTMORTEM_DATABASE_URL=url) == before

    told.environment["POSTMORTEM_DATABASE_URL"] = url
    told("log", "Said in the team's ledger")
    told("notify", str(customers(9)), "--send", "--confirm", "2")  # seven of nine have it
    told("close", "--force", "a test")
    assert set(google.copies_per_recipient().values()) == {1}
    assert len(google.copies_per_recipient()) == 9


def test_every_row_arrives_as_it_was_and_comes_back(
    told: Postmortem, postgres: PostgresServer, tmp_path: Path
) -> None:
    told("log", "-", typed="Cut off\0 here\n")  # PostgreSQL has no such character, nor have docs
    before = rows(file_url(told))
    url = postgres.new_database()
    document = told.json("ledger", "copy", "--to", url)
    assert document["verified"] is True
    assert document["tables"] == {name: len(each) for name, each in before.items()}
    assert document["rows"] == sum(document["tables"].values()) > 15
    assert [each["value"] for each in before["rows_left_out"]] == ["nobody"]
    in_postgres = rows(url)
    assert json.dumps(in_postgres, default=str) == json.dumps(before, default=str).replace(
        "\\u0000", ""
    )

    back = sqlite_url(tmp_path / "back.sqlite3")
    told("ledger", "copy", "--to", back, POSTMORTEM_DATABASE_URL=url)
    assert rows(back) == in_postgres
    told("log", "At home again", POSTMORTEM_DATABASE_URL=back)


def test_a_ledger_that_was_moved_is_only_read(told: Postmortem, postgres: PostgresServer) -> None:
    url = postgres.new_database()
    told("ledger", "copy", "--to", url)
    assert told.json("show")["title"] == "Wrong amounts 🧯"
    for words in (["log", "x"], ["start", "y"], ["ledger", "copy", "--to", url, "--restore"]):
        refused = told(*words, expect=None)
        assert refused.code in {3, 4}
    refused = told("log", "x", expect=4)
    assert refused.err.startswith("This ledger was moved to postgresql:///ledger")
    assert "Set POSTMORTEM_DATABASE_URL to where it is now." in refused.err
    again = told("ledger", "copy", "--to", postgres.new_database(), expect=3)
    assert "only if that one is lost, copy this one with --restore" in again.err
    told("ledger", "copy", "--to", postgres.new_database(), "--restore")


def test_a_backup_is_only_read_and_the_ledger_stays_in_use(
    told: Postmortem, tmp_path: Path
) -> None:
    backup, restored = (sqlite_url(tmp_path / name) for name in ("backup", "restored"))
    told("ledger", "copy", "--to", backup, "--backup")
    told("log", "Life goes on")
    assert told.json("show", POSTMORTEM_DATABASE_URL=backup)["title"] == "Wrong amounts 🧯"
    told("log", "x", POSTMORTEM_DATABASE_URL=backup, expect=4)
    told("ledger", "copy", "--to", restored, "--restore", POSTMORTEM_DATABASE_URL=backup)
    told("log", "Here too", POSTMORTEM_DATABASE_URL=restored)
    refused = told("ledger", "copy", "--to", sqlite_url(tmp_path / "x"), "--restore", expect=3)
    assert "is in use" in refused.err


def test_what_is_there_already_is_not_touched(told: Postmortem, postgres: PostgresServer) -> None:
    theirs = postgres.new_database()
    told("start", "Theirs", POSTMORTEM_DATABASE_URL=theirs)
    before = rows(theirs)
    result = told("ledger", "copy", "--to", theirs, expect=3)
    assert "is a ledger with rows of its own (" in result.err
    assert "incidents 1," in result.err
    assert "Nothing was copied" in result.err
    itself = told("ledger", "copy", "--to", file_url(told), expect=3)
    assert "with rows of its own" in itself.err
    assert rows(theirs) == before
    told("log", "and this one stays open")


def test_a_row_that_does_not_arrive_as_it_was_takes_all_back(
    told: Postmortem, postgres: PostgresServer
) -> None:
    url = postgres.new_database()
    go_on_counting = transfers._go_on_counting

    def damage(table: Any, target: Connection) -> None:
        go_on_counting(table, target)
        target.execute(update(deliveries).where(deliveries.c.id == 3).values(email="x@y.example"))

    with mock.patch.object(transfers, "_go_on_counting", damage):
        result = told("ledger", "copy", "--to", url, expect=4)
    assert "The table deliveries did not arrive as it was sent. Nothing was copied." in result.err
    assert not any(rows(url).values())
    told("log", "and this one stays open")
    told("ledger", "copy", "--to", url)


def test_while_a_notice_is_being_sent_nothing_is_copied(
    postmortem: Postmortem, google: GoogleWorld, customers: Customers, tmp_path: Path
) -> None:
    postmortem("start", "Wrong amounts")
    google.set(latency_seconds=0.1)
    to = sqlite_url(tmp_path / "copy.sqlite3")
    words = ("notify", str(customers(40)), "--send", "--confirm", "40")
    with running(postmortem.start_process(*words)) as sender:
        wait_until(lambda: google.calls().get(SEND, 0) >= 2)
        result = postmortem("ledger", "copy", "--to", to, expect=3)
        assert "A notice is being sent now (" in result.err
        sender.kill()
        sender.wait(timeout=20)
    assert not (tmp_path / "copy.sqlite3").exists()
    # The killed process holds nothing any more, and the copy knows the unsent mails.
    postmortem("ledger", "copy", "--to", to)
    google.set(latency_seconds=0)
    postmortem.configure("[sending]\nunits_per_minute = 1000000\ntimeout_seconds = 1")
    postmortem("resume", expect=4)
    postmortem("resume", POSTMORTEM_DATABASE_URL=to)
    assert sorted(google.copies_per_recipient().values()) == [1] * 40


def test_who_had_the_ledger_open_when_it_moved_sends_nothing_from_it(
    postmortem: Postmortem, google: GoogleWorld, customers: Customers, tmp_path: Path
) -> None:
    postmortem("start", "Wrong amounts", "--customer-title", "Wrong amounts")
    to = sqlite_url(tmp_path / "copy.sqlite3")
    words = ("notify", str(customers(3)), "--send")

    def moved_meanwhile(_self: Speaker, _question: str, **_options: object) -> str:
        with running(postmortem.start_process("ledger", "copy", "--to", to)) as other:
            assert other.wait(timeout=_SECONDS) == 0
        return "3"

    with (
        mock.patch.object(Speaker, "is_interactive", True),
        mock.patch.object(Speaker, "ask", moved_meanwhile),
    ):
        refused = postmortem(*words, expect=4)
    assert "This ledger was moved to sqlite:///" in refused.err
    assert google.copies_per_recipient() == {}
    postmortem(*words, "--confirm", "3", POSTMORTEM_DATABASE_URL=to)
    assert set(google.copies_per_recipient().values()) == {1}


def test_of_two_moves_at_once_only_the_first_is_made(told: Postmortem, tmp_path: Path) -> None:
    first, second = (tmp_path / name for name in ("first.sqlite3", "second.sqlite3"))
    source = open_ledger(file_url(told))
    told("ledger", "copy", "--to", sqlite_url(first))
    try:
        with pytest.raises(LedgerMoved), source.write():
            pytest.fail("a second copy would be open too")
    finally:
        source.close()
    told("ledger", "copy", "--to", sqlite_url(second), expect=3)


@pytest.mark.parametrize(
    "url",
    [
        "/a/hunter2",
        "hunter2.sqlite3",
        "",
        "mysql://ann:hunter2@db/x",
        "ann:hunter2@db/x",
        "postgresql://a:hunter2/@db/x",
        "postgresql+asyncpg://a:hunter2@db/x",
        "sqlite://",
        "sqlite:///",
        "sqlite:///:memory:",
        "sqlite:///file:hunter2?mode=memory&uri=true",
    ],
)
def test_what_names_no_ledger_is_bad_input_with_an_example_and_is_not_repeated(
    told: Postmortem, url: str
) -> None:
    result = told("ledger", "copy", "--to", url, expect=3)
    assert result.err == (
        "--to names no ledger. Write sqlite:////home/ann/ledger.sqlite3 for a file, or "
        "postgresql://db.example/postmortem for a database. Nothing was copied.\n"
    )
    assert told.json("ledger", "copy", "--to", url, expect=3)["exit_code"] == 3
    told("log", "and this one stays open")


def test_a_database_that_can_not_be_reached_is_no_slip_of_the_keyboard(told: Postmortem) -> None:
    nobody = "postgresql://127.0.0.1:1/postmortem"
    assert "127.0.0.1" in told("ledger", "copy", "--to", nobody, expect=4).err


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:"])
def test_a_ledger_that_would_be_forgotten_at_the_end_of_the_command_is_refused(
    postmortem: Postmortem, url: str
) -> None:
    result = postmortem("start", "Wrong amounts", expect=4, POSTMORTEM_DATABASE_URL=url)
    assert "POSTMORTEM_DATABASE_URL names no ledger." in result.err
