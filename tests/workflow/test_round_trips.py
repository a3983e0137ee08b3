"""How often each job calls Google, counted at the server."""

from __future__ import annotations

from collections.abc import Callable

from tests.command_line import CustomerList, Postmortem
from tests.google_world import GoogleWorld


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
        ["section", "solution", "It was loaded anew"],
    ):
        google.forget_calls()
        postmortem(*command)
        assert google.calls() == {"docs.documents.get": 1, "docs.documents.batchUpdate": 1}


def test_a_close_reads_once_more_to_say_what_the_doc_lacks(
    postmortem: Postmortem, google: GoogleWorld
) -> None:
    postmortem("start", "Wrong amounts")
    google.forget_calls()
    postmortem("close")
    assert google.calls() == {"docs.documents.get": 2, "docs.documents.batchUpdate": 1}


def test_a_notice_calls_twice_for_each_recipient_and_three_times_more(
    postmortem: Postmortem, google: GoogleWorld, customers: Callable[[int], CustomerList]
) -> None:
    postmortem("start", "Wrong amounts")
    google.forget_calls()
    postmortem("notify", str(customers(10)), "--send", "--confirm", "10")
    assert google.calls() == {
        "drive.about.get": 1,
        "gmail.users.drafts.create": 10,
        "gmail.users.drafts.send": 10,
        "docs.documents.get": 1,
        "docs.documents.batchUpdate": 1,
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
