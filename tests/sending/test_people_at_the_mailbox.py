"""Drafts that people send or delete in Gmail between two commands: the record is true."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.command_line import CustomerList, Postmortem
from tests.google_world import GoogleWorld
from tests.ledger_rows import run_sql
from tests.plug import make_draft
from workflow.google.gmail import Gmail

Customers = Callable[[int], CustomerList]
CREATE, SEND = "gmail.users.drafts.create", "gmail.users.drafts.send"
GET, DELETE = "gmail.users.drafts.get", "gmail.users.drafts.delete"
CONFIG = """
time_zone = "Europe/Berlin"
[sending]
units_per_minute = 10000000
daily_limit = 100000
timeout_seconds = 1.5
"""
ANN, BEN, CEM = (f"person{number}@customer.example" for number in (1, 2, 3))
both_ways = pytest.mark.parametrize("leaves", ["gone", "orphan"])


@pytest.fixture(autouse=True)
def an_incident(postmortem: Postmortem) -> None:
    postmortem("start", "Wrong amounts")
    postmortem.configure(CONFIG)


def drafted(postmortem: Postmortem, listed: CustomerList) -> str:
    """Drafts that wait for a second person's check; returns the notice's id."""
    count = str(len(listed.addresses))
    words = ("notify", str(listed), "--send", "--confirm", count, "--draft-only")
    return str(postmortem.json(*words)["notice"])


def states(postmortem: Postmortem) -> dict[str, int]:
    (shown,) = postmortem.json("show")["notices"]
    return {state: count for state, count in shown["counts"].items() if count}


def all_copies(google: GoogleWorld) -> dict[str, int]:
    """The number of mails to each address, including those since deleted from the mailbox."""
    copies = dict(google.copies_per_recipient())
    for mail in google.erased():
        to = str(mail["To"])
        address = next(each for each in (ANN, BEN, CEM) if each in to)
        copies[address] = copies.get(address, 0) + 1
    return copies


# Withdrawing


@both_ways
def test_a_mail_that_a_person_sent_is_not_called_withdrawn_and_is_not_erased(
    postmortem: Postmortem, google: GoogleWorld, customers: Customers, leaves: str
) -> None:
    notice = drafted(postmortem, customers(3))
    google.person.sends_draft(ANN, leaves=leaves)
    done = postmortem("resume", notice, "--discard", expect=None)
    assert google.copies_per_recipient() == {ANN: 1}
    assert google.erased() == []
    assert google.drafts() == []
    assert "Withdrawn: 2 customers will not get this mail." in done.out
    assert "Nothing was sent" not in done.out
    known = "sent" if leaves == "orphan" else "unknown"
    assert done.code == {"sent": 0, "unknown": 6}[known]
    assert states(postmortem) == {"failed": 2, known: 1}

    # Advised earlier, this mailed Ann again; it is only for those who certainly got nothing.
    asked = postmortem("resume", notice, "--retry-failed", expect=3)
    assert "this would send to 2 customers. To confirm, add --confirm 2." in asked.err
    postmortem("resume", notice, "--retry-failed", "--confirm", "2", expect=None)
    assert google.copies_per_recipient() == {ANN: 1, BEN: 1, CEM: 1}


def test_a_draft_that_a_person_deleted_is_not_called_withdrawn_either(
    postmortem: Postmortem, google: GoogleWorld, customers: Customers
) -> None:
    notice = drafted(postmortem, customers(3))
    google.person.deletes_draft(BEN)
    shown = postmortem.json("resume", notice, "--discard", expect=6)
    assert shown["counts"]["failed"] == 2
    assert shown["counts"]["unknown"] == 1
    (unknown,) = [each for each in shown["failures"] if "unknown" in each["reason"]]
    assert unknown["email"] == BEN
    assert "somebody may have sent it in Gmail" in unknown["reason"]


def test_what_was_withdrawn_can_be_sent_again_by_the_same_notice(
    postmortem: Postmortem, google: GoogleWorld, customers: Customers
) -> None:
    notice = drafted(postmortem, customers(3))
    postmortem("resume", notice, "--discard")
    assert google.drafts() == []
    assert states(postmortem) == {"failed": 3}


@pytest.mark.parametrize("kind", ["close_before", "close_after", "500", "hang"])
def test_a_withdrawal_whose_answers_are_lost_calls_nobody_withdrawn_who_may_have_the_mail(
    postmortem: Postmortem, google: GoogleWorld, customers: Customers, kind: str
) -> None:
    notice = drafted(postmortem, customers(3))
    google.misbehave(kind, DELETE, times=2, seconds=2)
    shown = postmortem.json("resume", notice, "--discard", expect=None)
    assert google.drafts() == []
    assert google.copies_per_recipient() == {}
    assert shown["counts"]["failed"] + shown["counts"]["unknown"] == 3
    assert shown["counts"]["failed"] >= 1


def test_a_withdrawal_that_google_cuts_short_is_finished_by_the_same_command(
    postmortem: Postmortem, google: GoogleWorld, customers: Customers
) -> None:
    notice = drafted(postmortem, customers(3))
    google.misbehave("token_expired", DELETE, skip=1)
    stopped = postmortem("resume", notice, "--discard", expect=4)
    assert "still to withdraw" in stopped.err
    assert f"postmortem resume {notice} --discard" in stopped.err
    google.behave()
    postmortem("resume", notice, "--discard")
    assert google.drafts() == []
    assert states(postmortem) == {"failed": 3}


# Sending


@both_ways
def test_a_draft_that_a_person_sent_is_not_sent_again(
    postmortem: Postmortem, google: GoogleWorld, customers: Customers, leaves: str
) -> None:
    notice = drafted(postmortem, customers(3))
    google.person.sends_draft(ANN, leaves=leaves)
    postmortem("resume", notice, "--confirm", "3", expect=None)
    assert google.copies_per_recipient() == {ANN: 1, BEN: 1, CEM: 1}
    expected = {"sent": 3} if leaves == "orphan" else {"sent": 2, "unknown": 1}
    assert states(postmortem) == expected
    # However often it is resumed, even by option: its mail is known to be sent.
    postmortem("resume", notice, expect=None)
    if leaves == "orphan":
        postmortem("resume", notice, "--resend-unknown", expect=None)
        assert google.copies_per_recipient() == {ANN: 1, BEN: 1, CEM: 1}
    assert google.erased() == []


@pytest.mark.parametrize("person", ["deletes", "sends"])
def test_what_a_look_had_found_and_a_person_took_away_since_is_not_called_sent(
    postmortem: Postmortem, google: GoogleWorld, customers: Customers, person: str
) -> None:
    """A send is lost, a look finds the draft, the daily limit stops it; then a person acts."""
    listed = customers(1)
    google.misbehave("close_before", SEND, times=1)
    google.misbehave("403_daily_limit", SEND)
    postmortem("notify", str(listed), "--send", "--confirm", "1", expect=5)
    assert len(google.drafts()) == 1
    google.behave()
    if person == "deletes":
        google.person.deletes_draft(ANN)
    else:
        google.person.sends_draft(ANN)
    postmortem("resume", expect=6)
    assert states(postmortem) == {"unknown": 1}
    assert google.copies_per_recipient() == ({} if person == "deletes" else {ANN: 1})


@pytest.mark.parametrize("method", [GET, SEND])
@pytest.mark.parametrize("times", [1, 2])
def test_a_false_404_decides_nothing(
    postmortem: Postmortem, google: GoogleWorld, customers: Customers, method: str, times: int
) -> None:
    listed = customers(3)
    google.misbehave("close_before", SEND, times=2)
    google.misbehave("false_404", method, times=times)
    postmortem("notify", str(listed), "--send", "--confirm", "3", expect=None)
    google.behave()
    postmortem("resume", expect=None)
    assert google.copies_per_recipient() == {ANN: 1, BEN: 1, CEM: 1}
    assert states(postmortem) == {"sent": 3}


@pytest.mark.parametrize("seed", range(3))
def test_false_404s_all_day_long_call_nothing_sent_that_was_not(
    postmortem: Postmortem, google: GoogleWorld, customers: Customers, seed: int
) -> None:
    listed = customers(8)
    google.misbehave("close_before", SEND, probability=0.4, seed=seed)
    google.misbehave("false_404", GET, probability=0.5, seed=seed)
    google.misbehave("false_404", SEND, probability=0.3, seed=seed)
    postmortem("notify", str(listed), "--send", "--confirm", "8", expect=None)
    sent = states(postmortem).get("sent", 0)
    assert sent == len(google.copies_per_recipient())
    google.behave()
    postmortem("resume", expect=None)
    assert google.copies_per_recipient() == dict.fromkeys(listed.addresses, 1)
    assert states(postmortem) == {"sent": 8}


def test_a_404_for_a_mail_that_was_sent_all_the_same_is_unknown(
    postmortem: Postmortem, google: GoogleWorld, customers: Customers
) -> None:
    google.misbehave("404_after", SEND, times=1)
    postmortem("notify", str(customers(3)), "--send", "--confirm", "3", expect=6)
    assert google.copies_per_recipient() == {ANN: 1, BEN: 1, CEM: 1}
    assert states(postmortem) == {"sent": 2, "unknown": 1}


def test_a_draft_whose_sending_is_refused_does_not_lie_there_for_somebody_to_send(
    postmortem: Postmortem, google: GoogleWorld, customers: Customers
) -> None:
    google.misbehave("400_invalid_to", SEND, times=1)
    shown = postmortem.json(*("notify", str(customers(3)), "--send", "--confirm", "3"), expect=6)
    assert shown["counts"]["failed"] == 1
    assert google.drafts() == []
    postmortem("resume", shown["notice"], "--retry-failed", "--confirm", "1")
    assert google.copies_per_recipient() == {ANN: 1, BEN: 1, CEM: 1}


def test_a_refusal_of_a_mail_that_left_all_the_same_is_no_failure(
    postmortem: Postmortem, google: GoogleWorld, customers: Customers
) -> None:
    google.misbehave("share_mail_failed", SEND, times=1)  # a 400, and the mail is sent
    postmortem("notify", str(customers(3)), "--send", "--confirm", "3", expect=6)
    assert google.copies_per_recipient() == {ANN: 1, BEN: 1, CEM: 1}
    assert states(postmortem) == {"sent": 2, "unknown": 1}


def test_a_mail_that_is_sent_again_carries_the_date_of_that_day(
    postmortem: Postmortem, google: GoogleWorld, customers: Customers
) -> None:
    google.misbehave("close_before", "gmail.users.messages.send", times=1)
    words = ("notify", str(customers(1)), "--send", "--confirm", "1", "--one-step")
    notice = postmortem.json(*words, expect=6)["notice"]
    from_then = "UPDATE deliveries SET called_at = 1000000000000, sent_at = 1000000000000"
    run_sql(postmortem, from_then)
    postmortem("resume", notice, "--resend-unknown", "--confirm", "1")
    (mail,) = google.sent()
    assert "2001" not in str(mail["Date"])
    ((called_at, sent_at),) = run_sql(postmortem, "SELECT called_at, sent_at FROM deliveries")
    assert min(called_at, sent_at) > 1_700_000_000_000


# Drafts without a row


@pytest.fixture
def read_whole(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The ids of the drafts that are read with their bodies."""
    ids: list[str] = []
    read = Gmail.get_draft_raw

    def reading(gmail: Gmail, draft_id: str) -> bytes:
        ids.append(draft_id)
        return read(gmail, draft_id)

    monkeypatch.setattr(Gmail, "get_draft_raw", reading)
    return ids


def test_after_a_lost_draft_no_words_but_our_own_are_read(
    postmortem: Postmortem, google: GoogleWorld, customers: Customers, read_whole: list[str]
) -> None:
    listed = customers(3)
    own = [make_draft(google, f"friend{at}@team.example", "My own, of today") for at in range(3)]
    own.append(make_draft(google, listed.addresses[0], "My own, to a customer"))
    google.misbehave("close_after", CREATE, times=2)
    google.forget_calls()
    postmortem("notify", str(listed), "--send", "--confirm", "3")
    assert units_spent(postmortem) >= cost_of(google.calls())
    assert google.copies_per_recipient() == dict.fromkeys(listed.addresses, 1)
    assert {draft["id"] for draft in google.drafts()} == set(own)
    assert google.erased() == []
    assert len(read_whole) == 2
    assert not {*read_whole} & {*own}


def test_a_lost_draft_stays_where_the_pace_has_no_room_and_goes_with_the_next_resume(
    postmortem: Postmortem, google: GoogleWorld, customers: Customers, read_whole: list[str]
) -> None:
    # A mail costs 110 units and the lost draft 10: room for a list of drafts, and for no more.
    postmortem.configure("[sending]\nunits_per_minute = 125\ntimeout_seconds = 1\n")
    google.misbehave("close_after", CREATE, times=1)
    google.forget_calls()
    shown = postmortem.json("notify", str(customers(1)), "--send", "--confirm", "1")
    assert shown["counts"]["sent"] == 1
    assert cost_of(google.calls()) <= 125
    assert len(google.drafts()) == 1
    assert read_whole == []
    postmortem.configure("[sending]\nunits_per_minute = 10000\n")
    postmortem("resume", shown["notice"])
    assert google.drafts() == []
    assert google.copies_per_recipient() == {ANN: 1}


def units_spent(postmortem: Postmortem) -> int:
    """What the ledger has counted of Gmail's units."""
    ((units,),) = run_sql(postmortem, "SELECT sum(units) FROM units_spent")
    return int(units)


def cost_of(calls: dict[str, int]) -> int:
    """What Gmail counts for the calls about drafts, by its reference's quota table."""
    units = {"create": 10, "send": 100, "get": 5, "list": 5, "delete": 10}
    return sum(units[name] * calls.get(f"gmail.users.drafts.{name}", 0) for name in units)
