"""`ledger rebuild`: notices come from the doc, recipients from the Sent folder."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.command_line import CustomerList, Postmortem
from tests.conftest import CONFIG
from tests.google_world import ACCOUNT, GoogleWorld
from tests.ledger_rows import back_up, restore

Customers = Callable[[int], CustomerList]
READS = f'google_url_token = "rehearsal:{ACCOUNT}:drive.file,documents,gmail.modify"\n' + CONFIG


@pytest.fixture
def ledger_url() -> str:
    """A file that can be lost."""
    return ""


def send(listed: CustomerList, *more: str) -> tuple[str, ...]:
    count = str(len(listed.addresses))
    return ("notify", str(listed), "--send", "--confirm", count, *more)


def test_a_lost_ledger_learns_from_the_sent_folder_who_was_written_to(
    postmortem: Postmortem, google: GoogleWorld, customers: Customers
) -> None:
    postmortem.configure(READS)
    url = postmortem.json("start", "Wrong amounts", "--impact", "x")["doc_url"]
    postmortem(*send(customers(3), "--subject", "For {{ name }}: wrong amounts"))
    google.receive(b"From: a@x.example\r\nSubject: For Person 1: wrong amounts\r\n\r\nHi")
    for number, each in enumerate(postmortem.home.glob("ledger.sqlite3*")):
        each.rename(postmortem.home / f"lost-{number}")
    postmortem("join", url)
    postmortem("notify", str(customers(5)), "--send", "--confirm", "5", expect=3)

    rebuilt = postmortem.json("ledger", "rebuild")
    (found,) = rebuilt["notices"]
    assert (found["found"], found["new"], found["accepted"]) == (3, 3, 3)
    assert rebuilt["other_ledgers"]["notices"] == []
    (notice,) = postmortem.json("show")["notices"]
    assert (notice["notice"], notice["counts"]["sent"]) == (found["notice"], 3)
    (told,) = postmortem.json("told", customers(3).addresses[0])["notices"]
    assert (told["state"], told["evidence"]) == ("sent", "found in Sent")
    assert "This ledger has every notice" in postmortem("ledger", "rebuild").out or (
        postmortem.json("ledger", "rebuild")["notices"][0]["new"] == 0
    )


def test_a_restored_ledger_learns_what_was_sent_since(
    postmortem: Postmortem, google: GoogleWorld, customers: Customers
) -> None:
    postmortem.configure(READS)
    postmortem("start", "Wrong amounts", "--impact", "x")
    google.misbehave("token_expired", "gmail.users.drafts.create", skip=1)
    postmortem(*send(customers(4)), expect=4)
    google.behave()
    backup = back_up(postmortem)
    postmortem("resume")
    restore(postmortem, backup)
    postmortem("resume", expect=3)
    rebuilt = postmortem("ledger", "rebuild")
    assert "found the mails to" in rebuilt.out
    assert postmortem.json("show")["notices"][0]["counts"]["sent"] == 4
    postmortem("resume")
    assert google.copies_per_recipient() == dict.fromkeys(customers(4).addresses, 1)
    postmortem("close", "--force", "a test")


def test_a_stage_that_was_found_in_the_sent_folder_is_not_sent_again_unasked(
    postmortem: Postmortem, google: GoogleWorld, customers: Customers
) -> None:
    postmortem.configure(READS)
    postmortem("start", "Wrong amounts", "--impact", "x")
    postmortem(*send(customers(3)))
    backup = back_up(postmortem)
    postmortem("status", "resolved")
    postmortem(*send(customers(3)))
    restore(postmortem, backup)
    postmortem("ledger", "rebuild")
    postmortem("status", "resolved")
    sheet = postmortem("notify", str(customers(3)))
    how = "already got the “resolved” notice, with text that this ledger does not know"
    assert f"3 of 3 {how}" in sheet.err
    assert how in postmortem(*send(customers(3)), expect=3).err
    assert google.copies_per_recipient() == dict.fromkeys(customers(3).addresses, 2)
    # Only who did not get it gets it.
    listed = customers(5)
    assert how in postmortem(*send(listed), expect=3).err
    postmortem("notify", str(listed), "--send", "--only-new", "--confirm", "2")
    copies = google.copies_per_recipient()
    assert [copies[each] for each in listed.addresses] == [2, 2, 2, 1, 1]
    postmortem("close", "--force", "a test")


def test_without_the_right_to_read_it_says_so(postmortem: Postmortem, customers: Customers) -> None:
    scopes = "drive.file,documents,gmail.compose"
    postmortem.configure(f'google_url_token = "rehearsal:{ACCOUNT}:{scopes}"\n' + CONFIG)
    postmortem("start", "Wrong amounts", "--impact", "x")
    refused = postmortem("ledger", "rebuild", expect=4)
    assert "postmortem auth login --scope read" in refused.err
