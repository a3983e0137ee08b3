"""Workers: `resume --watch` on any number of machines joins the work under way."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Callable

import pytest

from tests.command_line import CustomerList, Postmortem, one_each, running
from tests.google_world import GoogleWorld
from tests.ledger_rows import run_sql
from tests.plug import wait_until

Customers = Callable[[int], CustomerList]

CONFIG = """
time_zone = "Europe/Berlin"
[sending]
units_per_minute = 10000000
daily_limit = {daily_limit}
timeout_seconds = 2
in_flight = 2
"""
SEND = "gmail.users.drafts.send"


@pytest.fixture(autouse=True)
def an_incident(postmortem: Postmortem) -> None:
    postmortem("start", "Wrong amounts")
    postmortem.configure(CONFIG.format(daily_limit=100_000))


def sending(listed: CustomerList, *more: str) -> tuple[str, ...]:
    return ("notify", str(listed), "--send", "--confirm", str(len(listed.addresses)), *more)


def holders(postmortem: Postmortem) -> int:
    """The number of processes that held a claim and hold one now."""
    query = "SELECT count(DISTINCT claimed_by) FROM deliveries WHERE claimed_by != ''"
    return int(run_sql(postmortem, query)[0][0])


def states(postmortem: Postmortem) -> set[str]:
    return {state for (state,) in run_sql(postmortem, "SELECT DISTINCT state FROM deliveries")}


def interrupted(process: subprocess.Popen[str]) -> str:
    """Press Ctrl-C; the worker must end at once with 130; returns its output."""
    pressed = time.monotonic()
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=20)
    assert process.returncode == 130, err
    assert time.monotonic() - pressed < 8  # at once, plus extra on a busy machine
    assert "Interrupted. Everything so far is recorded." in err
    assert "Traceback" not in err
    return out


def test_two_workers_on_one_ledger_take_part_and_each_recipient_gets_one(
    postmortem: Postmortem, google: GoogleWorld, customers: Customers
) -> None:
    listed = customers(30)
    google.set(latency_seconds=0.3)
    with (
        running(postmortem.start_process(*sending(listed))) as sender,
        running(postmortem.start_process("resume", "--watch", "--until-idle")) as one,
        running(postmortem.start_process("resume", "--watch")) as two,
    ):
        wait_until(lambda: holders(postmortem) >= 2, seconds=40)
        assert sender.wait(timeout=60) == 0
        assert one.wait(timeout=60) == 0
        # It checks continuously whether the notice is done, and says so when it is.
        assert two.stdout is not None
        assert any("accepted by Gmail 30 of 30" in line for line in two.stdout)
        interrupted(two)
    assert google.copies_per_recipient() == one_each(listed)


def test_a_worker_finishes_what_a_killed_sender_left_and_brings_it_into_the_doc(
    postmortem: Postmortem, google: GoogleWorld, customers: Customers
) -> None:
    listed = customers(8)
    google.set(latency_seconds=0.1)
    with running(postmortem.start_process(*sending(listed))) as sender:
        wait_until(lambda: google.calls().get(SEND, 0) >= 2)
        sender.kill()
        sender.wait(timeout=20)
    shown = postmortem.json("resume", "--watch", "--until-idle")
    (notice,) = shown["notices"]
    assert notice["counts"]["sent"] == 8
    assert notice["copied_back"]
    assert google.copies_per_recipient() == one_each(listed)


def test_a_worker_waits_for_work_and_ctrl_c_ends_it_at_once(
    postmortem: Postmortem, google: GoogleWorld, customers: Customers
) -> None:
    listed = customers(3)
    with running(postmortem.start_process("resume", "--watch")) as worker:
        assert worker.stdout is not None
        assert "Helping to send unfinished notices." in worker.stdout.readline()
        assert "Waiting for a notice to send." in worker.stdout.readline()
        google.misbehave("token_expired", SEND, times=1)
        postmortem(*sending(listed), expect=None)
        wait_until(lambda: states(postmortem) == {"sent"})
        interrupted(worker)
    assert google.copies_per_recipient() == one_each(listed)


def test_ctrl_c_in_the_middle_of_sending_leaves_the_rest_to_others(
    postmortem: Postmortem, google: GoogleWorld, customers: Customers
) -> None:
    listed = customers(20)
    google.misbehave("token_expired", SEND, times=1)
    postmortem(*sending(listed), expect=4)
    google.behave()
    google.set(latency_seconds=0.2)
    google.forget_calls()
    with running(postmortem.start_process("resume", "--watch")) as worker:
        wait_until(lambda: google.calls().get(SEND, 0) >= 2)
        interrupted(worker)
    google.set(latency_seconds=0.0)
    postmortem("resume")
    assert google.copies_per_recipient() == one_each(listed)


def test_a_worker_never_begins_what_waits_for_a_second_pair_of_eyes(
    postmortem: Postmortem, google: GoogleWorld, customers: Customers
) -> None:
    listed = customers(2)
    held = postmortem.json(*sending(listed, "--draft-only"))["notice"]
    said = postmortem("resume", "--watch", "--until-idle")
    assert "All notices are finished." in said.out
    assert google.copies_per_recipient() == {}
    with running(postmortem.start_process("resume", held, "--watch")) as worker:
        assert worker.stdout is not None
        worker.stdout.readline()
        waits = worker.stdout.readline()
        assert f"Notice {held} waits for approval of its drafts." in waits
        postmortem("resume", held, "--confirm", "2")
        assert worker.wait(timeout=30) == 0
    assert google.copies_per_recipient() == one_each(listed)


def test_watching_one_notice_ends_with_it_and_says_how_it_went(
    postmortem: Postmortem, google: GoogleWorld, customers: Customers
) -> None:
    google.misbehave("share_mail_failed", "gmail.users.drafts.create", times=1)
    google.misbehave("token_expired", SEND, times=1)
    notice = postmortem.json(*sending(customers(4)), expect=None)["notice"]
    shown = postmortem.json("resume", notice, "--watch", expect=6)
    assert shown["notice"] == notice
    assert (shown["counts"]["sent"], shown["counts"]["failed"]) == (3, 1)
    again = postmortem("resume", notice, "--watch", expect=6)
    assert f"postmortem resume {notice} --retry-failed" in again.out


def test_a_day_that_is_full_is_waited_for_and_said_to_be(
    postmortem: Postmortem, google: GoogleWorld, customers: Customers
) -> None:
    postmortem.configure(CONFIG.format(daily_limit=2))
    notice = postmortem(*sending(customers(3)), expect=5)
    assert "2 sent, 1 still to send" in notice.err
    google.forget_calls()
    with running(postmortem.start_process("resume", "--watch")) as worker:
        assert worker.stdout is not None
        said = ""
        while "goes on at" not in said:
            said = worker.stdout.readline()
            assert said
        assert "its sender has reached the limit of mails in 24 hours" in said
        interrupted(worker)
    assert SEND not in google.calls()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--watch", "--retry-failed"), "--watch works only with --until-idle"),
        (("--watch", "--confirm", "3"), "--watch works only with --until-idle"),
        (("--until-idle",), "--until-idle works only with --watch."),
        (("nosuch", "--watch"), "There is no notice 'nosuch'"),
    ],
)
def test_what_a_worker_can_not_be_asked_for(
    postmortem: Postmortem, words: tuple[str, ...], says: str
) -> None:
    assert says in postmortem("resume", *words, expect=3).err
