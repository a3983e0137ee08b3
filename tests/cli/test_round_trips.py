"""How often each job calls Google, counted at the server, and how often it uses the ledger."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import event
from sqlalchemy.engine import Engine

from tests.command_line import CustomerList, Postmortem, write_customers
from tests.google_world import GoogleWorld


@pytest.fixture
def begun() -> Iterator[list[object]]:
    """One item for each transaction that any ledger begins."""
    found: list[object] = []

    def note(connection: object) -> None:
        found.append(connection)

    event.listen(Engine, "begin", note)
    yield found
    event.remove(Engine, "begin", note)


def test_start_calls_twice_and_once_for_each_share(
    postmortem: Postmortem, google: GoogleWorld
) -> None:
    postmortem("start", "Wrong amounts", "--share", "a@team.example", "--share", "team.example")
    assert google.calls() == {
        "drive.files.create": 1,
        "docs.documents.batchUpdate": 1,
        "drive.permissions.create": 2,
    }


def test_an_entry_a_status_and_a_section_cost_one_read_and_one_write_each(
    postmortem: Postmortem, google: GoogleWorld
) -> None:
    postmortem("start", "Wrong amounts")
    for command in (
        ["log", "Something was seen"],
        ["status", "identified", "A stale price list"],
        ["section", "solution", "It was loaded again"],
    ):
        google.forget_calls()
        postmortem(*command)
        assert google.calls() == {"docs.documents.get": 1, "docs.documents.batchUpdate": 1}


def test_a_close_reads_to_see_other_ledgers_before_and_after_its_questions_and_what_is_lacking(
    postmortem: Postmortem, google: GoogleWorld
) -> None:
    postmortem("start", "Wrong amounts")
    google.forget_calls()
    postmortem("close")
    assert google.calls() == {
        "drive.files.get": 1,  # whether the doc is in the trash
        "docs.documents.get": 4,
        "docs.documents.batchUpdate": 1,
    }


def test_a_notice_calls_twice_for_each_recipient_and_six_times_more(
    postmortem: Postmortem, google: GoogleWorld, customers: Callable[[int], CustomerList]
) -> None:
    postmortem("start", "Wrong amounts")
    google.forget_calls()
    postmortem("notify", str(customers(10)), "--send", "--confirm", "10")
    assert google.calls() == {
        "drive.about.get": 1,
        "gmail.users.drafts.create": 10,
        "gmail.users.drafts.send": 10,
        # Before the question, to see other ledgers; noted before the first mail; the copy after it.
        "docs.documents.get": 3,
        "docs.documents.batchUpdate": 2,
    }


def test_looking_and_checking_call_nobody(
    postmortem: Postmortem, google: GoogleWorld, customers: Callable[[int], CustomerList]
) -> None:
    postmortem("start", "Wrong amounts")
    google.forget_calls()
    postmortem("notify", str(customers(10)))
    postmortem("show")
    postmortem("list")
    postmortem("told", "person1@customer.example")
    assert google.calls() == {}


def test_an_entry_and_a_status_cost_five_transactions_each(
    postmortem: Postmortem, begun: list[object]
) -> None:
    postmortem("start", "Wrong amounts")
    for command in (["log", "Something was seen"], ["status", "identified", "A stale price list"]):
        begun.clear()
        postmortem(*command)
        # Opened, read, recorded, written to the doc, marked as told.
        assert len(begun) == 5


def test_a_notice_to_three_costs_at_most_twenty_transactions(
    postmortem: Postmortem, google: GoogleWorld, tmp_path: Path, begun: list[object]
) -> None:
    postmortem("start", "Wrong amounts")
    spent: list[int] = []
    sent_to: list[str] = []
    for number in range(3):
        listed = write_customers(tmp_path / f"{number}.csv", 3, domain=f"shop{number}.example")
        begun.clear()
        postmortem("notify", str(listed), "--send", "--confirm", "3")
        spent.append(len(begun))
        sent_to += listed.addresses
    # Answers that arrive together are written together, which is random.
    assert min(spent) <= 20
    assert google.copies_per_recipient() == dict.fromkeys(sent_to, 1)
