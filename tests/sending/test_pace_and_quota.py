"""Pace and stops: Gmail's requests to slow down, the daily limit, and Ctrl-C."""

from __future__ import annotations

import re
import signal
import time
from collections.abc import Callable

import pytest

from tests.both_ledgers import on_both_ledgers
from tests.command_line import CustomerList, Postmortem, one_each, running
from tests.google_world import GoogleWorld
from tests.ledger_rows import run_sql
from tests.plug import wait_until

Customers = Callable[[int], CustomerList]

SEND = "gmail.users.drafts.send"
CREATE = "gmail.users.drafts.create"


def configure(postmortem: Postmortem, **sending: float) -> None:
    values = {"units_per_minute": 10_000_000, "daily_limit": 100_000, "timeout_seconds": 5}
    lines = [f"{name} = {value}" for name, value in (values | sending).items()]
    postmortem.configure("\n".join(["[sending]", *lines]))


@pytest.fixture(autouse=True)
def an_incident(postmortem: Postmortem) -> None:
    configure(postmortem)
    postmortem("start", "Wrong amounts")


def counts(postmortem: Postmortem) -> dict[str, int]:
    (notice,) = postmortem.json("show")["notices"]
    return {name: number for name, number in notice["counts"].items() if number}


# Gmail's requests to slow down


@pytest.mark.parametrize("method", [CREATE, SEND])
def test_an_instant_that_is_near_is_waited_for(
    postmortem: Postmortem, google: GoogleWorld, customers: Customers, method: str
) -> None:
    listed = customers(3)
    google.misbehave("429", method, times=1, seconds=1.5)
    before = time.monotonic()
    postmortem("notify", str(listed), "--send", "--confirm", "3")
    assert time.monotonic() - before > 1.0
    assert google.copies_per_recipient() == one_each(listed)


@pytest.mark.parametrize("kind", ["429", "daily_sends"])
def test_an_instant_that_is_far_is_told_and_the_plan_is_kept(
    postmortem: Postmortem, google: GoogleWorld, customers: Customers, kind: str
) -> None:
    listed = customers(6)
    google.misbehave(kind, SEND, seconds=3600, skip=2)
    stopped = postmortem("notify", str(listed), "--send", "--confirm", "6", expect=5)
    assert "2 sent, 4 still to send. To continue" in stopped.err
    assert re.search(
        r"To continue from \d{4}-\d\d-\d\d \d\d:\d\d on: postmortem resume", stopped.err
    )
    assert counts(postmortem) == {"sent": 2, "pending": 4}


def test_resuming_before_that_instant_says_so_at_once_and_asks_gmail_for_nothing(
    postmortem: Postmortem, google: GoogleWorld, customers: Customers
) -> None:
    listed = customers(4)
    google.misbehave("429", SEND, seconds=3600)
    postmortem("notify", str(listed), "--send", "--confirm", "4", expect=5)
    google.behave()
    google.forget_calls()
    before = time.monotonic()
    again = postmortem("resume", expect=5)
    assert time.monotonic() - before < 20
    assert "Try again after" in again.err
    assert "To continue from" in again.err
    assert not {CREATE, SEND} & google.calls().keys()

    pause_is_over(postmortem)
    postmortem("resume")
    assert google.copies_per_recipient() == one_each(listed)


def pause_is_over(postmortem: Postmortem) -> None:
    """End the pause that Gmail asked for."""
    run_sql(postmortem, "UPDATE sender_pauses SET until = 1")


def test_too_many_calls_at_once_makes_it_slower_and_loses_nothing(
    postmortem: Postmortem, google: GoogleWorld, customers: Customers
) -> None:
    configure(postmortem, in_flight=4)
    google.set(gmail_concurrency=1, latency_seconds=0.05)
    listed = customers(5)
    postmortem("notify", str(listed), "--send", "--confirm", "5")
    assert google.copies_per_recipient() == one_each(listed)


def test_a_403_about_the_rate_is_no_failure(
    postmortem: Postmortem, google: GoogleWorld, customers: Customers
) -> None:
    listed = customers(3)
    google.misbehave("403_rate", SEND, times=1)
    google.misbehave("403_rate", CREATE, times=1)
    postmortem("notify", str(listed), "--send", "--confirm", "3")
    assert google.copies_per_recipient() == one_each(listed)


@on_both_ledgers
def test_within_the_minutes_budget_gmail_has_nothing_to_say(
    postmortem: Postmortem, google: GoogleWorld, customers: Customers
) -> None:
    configure(postmortem, units_per_minute=1100)
    google.set(gmail_units_per_minute=1100)
    listed = customers(10)
    postmortem("notify", str(listed), "--send", "--confirm", "10")
    google.set(gmail_units_per_minute=0)  # looking at the mailbox costs units too
    assert google.copies_per_recipient() == one_each(listed)
    ((spent,),) = run_sql(postmortem, "SELECT sum(units) FROM units_spent")
    assert run_sql(postmortem, "SELECT count(*) FROM sender_pauses") == [(0,)]
    assert spent == 10 * 110


# The daily limit


def test_a_list_that_is_longer_than_a_day_is_said_to_be_before_anything_leaves(
    postmortem: Postmortem, customers: Customers
) -> None:
    configure(postmortem, daily_limit=3, units_per_minute=200)
    assert "over 3 days" in postmortem("notify", str(customers(7))).out
    assert "over 2 days" in postmortem("notify", str(customers(6))).out
    assert "days" not in postmortem("notify", str(customers(3))).out


def test_the_days_limit_stops_the_notice_and_says_when_it_goes_on(
    postmortem: Postmortem, google: GoogleWorld, customers: Customers
) -> None:
    configure(postmortem, daily_limit=4)
    listed = customers(6)
    stopped = postmortem("notify", str(listed), "--send", "--confirm", "6", expect=5)
    assert "This account has reached its limit of mails in 24 hours." in stopped.err
    assert "4 sent, 2 still to send" in stopped.err
    assert "To continue from" in stopped.err
    assert sum(google.copies_per_recipient().values()) == 4

    again = postmortem("resume", expect=5)  # the same day: no more mails
    assert "4 sent, 2 still to send" in again.err
    assert sum(google.copies_per_recipient().values()) == 4

    configure(postmortem, daily_limit=100)
    postmortem("resume")
    assert google.copies_per_recipient() == one_each(listed)


def test_tests_and_other_notices_of_the_day_count_too(
    postmortem: Postmortem, google: GoogleWorld, customers: Customers
) -> None:
    configure(postmortem, daily_limit=4)
    listed = customers(2)
    postmortem("notify", str(listed), "--test", "me@team.example")
    postmortem("notify", str(listed), "--send", "--confirm", "2")
    more = ("notify", str(listed), "--stage", "update", "--send", "--confirm", "2")
    stopped = postmortem(*more, expect=5)
    assert "1 sent, 1 still to send" in stopped.err
    assert len(google.sent()) == 4


def test_gmails_own_limit_of_the_day_stops_it_too(
    postmortem: Postmortem, google: GoogleWorld, customers: Customers
) -> None:
    google.set(daily_sends=3)
    stopped = postmortem("notify", str(customers(5)), "--send", "--confirm", "5", expect=5)
    assert "3 sent, 2 still to send. To continue" in stopped.err
    assert counts(postmortem) == {"sent": 3, "pending": 2}


# Ctrl-C


def interrupt(postmortem: Postmortem, *words: str, when: Callable[[], bool]) -> str:
    """Press Ctrl-C in a running command, which must end within a second; returns its output."""
    with running(postmortem.start_process(*words)) as process:
        wait_until(when)
        pressed = time.monotonic()
        process.send_signal(signal.SIGINT)
        code = process.wait(timeout=20)
        took = time.monotonic() - pressed
        assert process.stderr is not None
        said = process.stderr.read()
    assert code == 130, said
    assert took < 8, took  # a second, plus extra on a busy machine; the calls take far longer
    assert "Interrupted. Everything so far is recorded." in said
    assert said.endswith("\nNext: postmortem resume\n")
    assert "Traceback" not in said
    return said


def states(postmortem: Postmortem) -> list[str]:
    return [state for (state,) in run_sql(postmortem, "SELECT state FROM deliveries")]


@pytest.mark.parametrize("kind", ["hang", "hang_before"])
def test_ctrl_c_does_not_wait_for_a_call_that_hangs_and_resume_finishes(
    postmortem: Postmortem, google: GoogleWorld, customers: Customers, kind: str
) -> None:
    listed = customers(6)
    configure(postmortem, timeout_seconds=30, in_flight=2)
    google.misbehave(kind, SEND, seconds=60, skip=2)
    words = ("notify", str(listed), "--send", "--confirm", "6")
    interrupt(postmortem, *words, when=lambda: "sending" in states(postmortem)[2:])
    assert set(states(postmortem)) <= {"sent", "sending", "drafted", "planned", "drafting"}
    google.behave()
    configure(postmortem, timeout_seconds=1.5)
    postmortem("resume")
    assert google.copies_per_recipient() == one_each(listed)


def test_ctrl_c_before_the_first_mail_keeps_the_plan(
    postmortem: Postmortem, google: GoogleWorld, customers: Customers
) -> None:
    listed = customers(2)
    google.misbehave("slow", "drive.about.get", seconds=20)
    words = ("notify", str(listed), "--send", "--confirm", "2")
    interrupt(postmortem, *words, when=lambda: is_planned(postmortem))
    assert counts(postmortem) == {"pending": 2}
    google.behave()
    postmortem("resume")
    assert google.copies_per_recipient() == one_each(listed)


def is_planned(postmortem: Postmortem) -> bool:
    return states(postmortem) == ["planned", "planned"]


def test_ctrl_c_while_the_doc_is_slow_leaves_the_copy_to_resume(
    postmortem: Postmortem, google: GoogleWorld, customers: Customers
) -> None:
    google.misbehave("slow", "docs.*", seconds=20)
    words = ("notify", str(customers(1)), "--send", "--confirm", "1")
    interrupt(postmortem, *words, when=lambda: states(postmortem) == ["sent"])
    google.behave()
    assert postmortem.json("resume")["copied_back"]
