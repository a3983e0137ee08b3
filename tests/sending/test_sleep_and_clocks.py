"""A process that sleeps past its lease, and changed clocks: nobody gets a mail twice."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta

import pytest

from tests.both_ledgers import on_both_ledgers
from tests.command_line import CustomerList, Postmortem, one_each, running
from tests.google_world import GoogleWorld
from tests.ledger_rows import run_sql
from tests.plug import comes_to, go_on, sleeping_in, stand_still, wait_until
from workflow.config import Sending
from workflow.ledger.deliveries import LONGEST_LEASE
from workflow.sending.sender import lease_length
from workflow.times.clocks import Lease, Reading, passed

Customers = Callable[[int], CustomerList]
CREATE, SEND = "gmail.users.drafts.create", "gmail.users.drafts.send"
ONE_STEP = "gmail.users.messages.send"

# Leases depend on the time-outs: these last 4.8 seconds.
CONFIG = """
time_zone = "Europe/Berlin"
[sending]
units_per_minute = 10000000
daily_limit = 100000
timeout_seconds = 0.4
"""
LEASE_SECONDS = lease_length(0.4).total_seconds()
IN_FLIGHT = Sending().in_flight


@pytest.fixture(autouse=True)
def an_incident(postmortem: Postmortem) -> None:
    postmortem("start", "Wrong amounts")
    postmortem.configure(CONFIG)


def counts(postmortem: Postmortem) -> dict[str, int]:
    (shown,) = postmortem.json("show")["notices"]
    return {state: count for state, count in shown["counts"].items() if count}


def sending(
    postmortem: Postmortem,
    google: GoogleWorld,
    listed: CustomerList,
    method: str,
    *more: str,
    calls: int = 2,
) -> AbstractContextManager[subprocess.Popen[str]]:
    """A process that sends a notice, after that many calls of the method."""
    google.forget_calls()
    return comes_to(
        lambda: google.calls().get(method, 0) >= calls,
        postmortem.start_process,
        *("notify", str(listed), "--send", "--confirm", str(len(listed.addresses)), *more),
        again=("resume",),
    )


# Sleeping past the lease


@on_both_ledgers
@pytest.mark.parametrize("method", [CREATE, SEND])
def test_who_sleeps_past_their_lease_with_calls_under_way_doubles_nothing_alone(
    postmortem: Postmortem, google: GoogleWorld, customers: Customers, method: str
) -> None:
    listed = customers(12)
    google.set(latency_seconds=0.15)
    with sending(postmortem, google, listed, method) as sleeper:
        stand_still(sleeper, postmortem)
        time.sleep(LEASE_SECONDS + 0.5)
        go_on(sleeper)
        assert sleeper.wait(timeout=60) == 0
    assert google.copies_per_recipient() == one_each(listed)
    assert counts(postmortem) == {"sent": 12}


@on_both_ledgers
@pytest.mark.parametrize("method", [CREATE, SEND])
def test_who_sleeps_past_their_lease_and_finds_that_others_went_on_doubles_nothing(
    postmortem: Postmortem, google: GoogleWorld, customers: Customers, method: str
) -> None:
    listed = customers(12)
    google.set(latency_seconds=0.15)
    with sending(postmortem, google, listed, method) as sleeper:
        stand_still(sleeper, postmortem)
        with running(postmortem.start_process("resume")) as other:
            wait_until(lambda: google.calls().get(SEND, 0) >= 6, seconds=30)
            go_on(sleeper)
            assert [other.wait(timeout=60), sleeper.wait(timeout=60)] == [0, 0]
    assert google.copies_per_recipient() == one_each(listed)
    assert counts(postmortem) == {"sent": 12}
    assert google.drafts() == []


def test_who_slept_over_a_mail_in_one_step_learns_that_it_left(
    postmortem: Postmortem, google: GoogleWorld, customers: Customers
) -> None:
    listed = customers(6)
    google.set(latency_seconds=0.15)
    with sending(postmortem, google, listed, ONE_STEP, "--one-step") as sleeper:
        stand_still(sleeper, postmortem)
        time.sleep(LEASE_SECONDS + 0.5)
        # A mail that was being sent is unknown to the process that resumes…
        assert postmortem("resume", expect=None).code in {0, 6}
        go_on(sleeper)
        assert sleeper.wait(timeout=60) in {0, 6}
    # …until the answers are read that had arrived. Mails that were never requested stay unsent.
    copies, known = google.copies_per_recipient(), counts(postmortem)
    assert set(copies.values()) == {1}
    assert known["sent"] == len(copies)
    assert known.get("unknown", 0) == 6 - len(copies)


def test_who_sleeps_while_drafts_are_taken_back_takes_back_nothing_that_others_sent(
    postmortem: Postmortem, google: GoogleWorld, customers: Customers
) -> None:
    listed = customers(8)
    postmortem("notify", str(listed), "--send", "--confirm", "8", "--draft-only")
    google.set(latency_seconds=0.15)
    words = ("resume", "--discard")
    with comes_to(
        lambda: google.calls().get("gmail.users.drafts.delete", 0) >= 1,
        postmortem.start_process,
        *words,
        again=words,
    ) as sleeper:
        stand_still(sleeper, postmortem)
        time.sleep(LEASE_SECONDS + 0.5)
        done = postmortem("resume", "--confirm", "8", expect=None)
        assert done.code in {0, 3, 6}
        go_on(sleeper)
        assert sleeper.wait(timeout=60) in {0, 6}
    copies, known = google.copies_per_recipient(), counts(postmortem)
    assert set(copies.values()) <= {1}
    assert known.get("sent", 0) == len(copies)
    assert known["failed"] == 8 - len(copies) > 0
    assert google.drafts() == []


def test_a_sleeper_that_others_finished_for_calls_nothing_more(
    postmortem: Postmortem, google: GoogleWorld, customers: Customers
) -> None:
    listed = customers(8 * IN_FLIGHT)
    google.set(latency_seconds=0.15)
    with sending(postmortem, google, listed, SEND, calls=1) as sleeper:
        stand_still(sleeper, postmortem)
        time.sleep(0.5)
        postmortem("resume")
        google.forget_calls()
        go_on(sleeper)
        assert sleeper.wait(timeout=60) == 0
    # Threads that were about to call did not, because their lease was over. A thread between its
    # last check and its first byte can't know: each of the callers may have stood there, once.
    # Requests of which half was out are refused (400).
    assert google.calls_that_worked(CREATE, SEND) <= IN_FLIGHT
    assert google.copies_per_recipient() == one_each(listed)


def test_ctrl_z_and_fg_again_and_again_only_make_it_slower(
    postmortem: Postmortem, google: GoogleWorld, customers: Customers
) -> None:
    listed = customers(30)
    google.set(latency_seconds=0.1)
    with sending(postmortem, google, listed, CREATE, calls=0) as process:
        for _ in range(2):
            time.sleep(0.6)
            if process.poll() is None:
                os.kill(process.pid, signal.SIGSTOP)
                time.sleep(LEASE_SECONDS + 0.2)
                os.kill(process.pid, signal.SIGCONT)
        assert process.wait(timeout=60) == 0
    assert google.copies_per_recipient() == one_each(listed)


@pytest.mark.parametrize(
    "where",
    [
        ("workflow.doc.create", "_IncidentDoc.create"),
        ("workflow.google.client", "Docs.batch_update"),
        ("workflow.publication.doc", "_PublicDocToMake.create"),
    ],
    ids=["a doc is made", "it is filled", "the public version is made"],
)
def test_who_sleeps_before_making_a_doc_that_others_made_since_makes_no_second_one(
    postmortem: Postmortem, google: GoogleWorld, where: tuple[str, str]
) -> None:
    postmortem("section", "summary", "Invoices had wrong totals.")
    publishes = "publication" in where[0]
    words = ("publish", "--doc") if publishes else ("start", "Late invoices")
    before = {each["id"] for each in google.documents()}
    again = words if publishes else ("sync",)
    with sleeping_in(where, postmortem, *words, again=again) as sleeper:
        time.sleep(1)  # longer than it may call for
        postmortem(*again)
        texts = {each["id"]: google.text(each["id"]) for each in google.documents()}
        go_on(sleeper)
        assert sleeper.wait(timeout=30) == 0
    assert len(set(texts) - before) == 1
    assert {each["id"]: google.text(each["id"]) for each in google.documents()} == texts


@pytest.mark.parametrize("when", ["before", "after"])
def test_who_sleeps_while_the_doc_is_told_of_a_notice_that_others_send_goes_on_with_it(
    postmortem: Postmortem, google: GoogleWorld, customers: Customers, when: str
) -> None:
    listed = customers(3)
    where = ("workflow.doc.notices", "_write")
    words = ("notify", str(listed), "--send", "--confirm", "3")
    with sleeping_in(where, postmortem, *words, when=when, again=("resume",)) as sleeper:
        postmortem("resume")
        go_on(sleeper)
        assert sleeper.wait(timeout=30) == 0
    assert google.copies_per_recipient() == one_each(listed)
    assert counts(postmortem) == {"sent": 3}
    assert "Not in the doc" not in google.text(postmortem.json("show")["doc_id"])


# Changed clocks


def test_a_doc_that_was_asked_for_by_a_clock_set_back_since_is_not_waited_for(
    postmortem: Postmortem, google: GoogleWorld
) -> None:
    google.misbehave("close_before", "drive.files.create", times=1)
    postmortem("start", "Late invoices", expect=5)
    run_sql(postmortem, "UPDATE incidents SET doc_called_at = doc_called_at + 18000000")
    began = time.monotonic()
    postmortem("sync")
    assert time.monotonic() - began < 10
    assert len(google.documents()) == 2


def set_ledger_times(postmortem: Postmortem, ahead: timedelta) -> None:
    """Set all that is under way as if written by a clock that far ahead."""
    milliseconds = round(ahead.total_seconds() * 1000)
    run_sql(
        postmortem,
        f"UPDATE deliveries SET claimed_until = claimed_until + {milliseconds}, "
        f"called_at = called_at + {milliseconds} WHERE claimed_by != ''",
    )


@on_both_ledgers
def test_a_lease_of_a_clock_that_was_set_back_since_keeps_nobody_waiting(
    postmortem: Postmortem, google: GoogleWorld, customers: Customers
) -> None:
    listed = customers(8)
    google.set(latency_seconds=0.15)
    with sending(postmortem, google, listed, SEND) as killed:
        killed.kill()
        killed.wait(timeout=20)
    # As if the process ran on another machine: nobody here knows that it has ended.
    run_sql(postmortem, "UPDATE deliveries SET claimed_by = 'else/1/x' WHERE claimed_by != ''")
    set_ledger_times(postmortem, timedelta(hours=5))
    google.set(latency_seconds=0.0)
    began = time.monotonic()
    postmortem("resume")
    assert time.monotonic() - began < 30
    assert google.copies_per_recipient() == one_each(listed)
    assert counts(postmortem) == {"sent": 8}


def test_the_wait_for_somebody_elses_lease_is_told(
    postmortem: Postmortem, google: GoogleWorld, customers: Customers
) -> None:
    google.misbehave("token_expired", SEND)
    postmortem("notify", str(customers(2)), "--send", "--confirm", "2", expect=4)
    google.behave()
    until = datetime.now(UTC) + timedelta(seconds=9)
    run_sql(
        postmortem,
        "UPDATE deliveries SET claimed_by = 'else/1/x', "
        f"claimed_until = {round(until.timestamp() * 1000)}",
    )
    said = postmortem("resume").err
    assert "Another process is sending the rest of this notice" in said
    assert counts(postmortem) == {"sent": 2}


# The clocks themselves


class Machine:
    """A machine's two clocks, moved by the test."""

    def __init__(self) -> None:
        self.since_boot, self.wall = 100.0, 1_800_000_000.0

    def read(self) -> Reading:
        return Reading(self.since_boot, self.wall)


def test_a_lease_runs_out_by_whichever_clock_says_so() -> None:
    for boot, wall, holds in (
        (10, 10, True),
        (61, 61, False),
        (0, 61, False),  # a virtual machine that was paused
        (61, -3600, False),  # somebody set the clock back meanwhile
        (10, -3600, True),
    ):
        machine = Machine()
        lease = Lease(timedelta(seconds=60), machine.read)
        machine.since_boot += boot
        machine.wall += wall
        assert lease.holds() is holds, (boot, wall)


def test_a_lease_is_renewed_from_before_its_transaction_began() -> None:
    machine = Machine()
    lease = Lease(timedelta(seconds=60), machine.read)
    machine.since_boot += 50
    before = lease.reading()
    machine.since_boot += 30  # the ledger was busy for so long
    assert not lease.holds()
    lease.renew(before)
    assert lease.holds()
    assert lease.is_due()
    machine.since_boot += 30
    assert not lease.holds()


def test_time_never_runs_backwards() -> None:
    assert passed(Reading(100.0, 100.0), Reading(100.0, 50.0)) == timedelta()


@pytest.mark.parametrize("timeout_seconds", [0.1, 0.7, 5, 30, 60, 3600, 86_400])
def test_no_lease_is_so_long_that_others_would_not_believe_it(timeout_seconds: float) -> None:
    assert timedelta() < lease_length(timeout_seconds) < LONGEST_LEASE
