"""Workers whose PostgreSQL ledger fails: they say so, wait for it, and continue."""

from __future__ import annotations

import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.engine import Connection

from tests.both_ledgers import postgres_or_skip
from tests.command_line import CustomerList, Postmortem, one_each, running
from tests.google_world import GoogleWorld
from tests.ledger_rows import run_sql
from tests.plug import go_on, stand_still, wait_until
from tests.postgres_server import PostgresServer
from workflow.doc import push
from workflow.doc.push import PendingWork
from workflow.ledger.databases.storage import open_ledger
from workflow.sending.hands import LedgerWait, pause_seconds

Customers = Callable[[int], CustomerList]

CONFIG = """
time_zone = "Europe/Berlin"
[sending]
units_per_minute = 10000000
daily_limit = 100000
timeout_seconds = 1
in_flight = 3
"""
SEND = "gmail.users.drafts.send"
AWAY = "can't be reached; trying again until it is back."
BACK = "The ledger is there again after "


@pytest.fixture(scope="module")
def mortal() -> Iterator[PostgresServer]:
    """A PostgreSQL that these tests may stop."""
    with postgres_or_skip() as server:
        yield server


@pytest.fixture
def ledger_url(mortal: PostgresServer) -> Iterator[str]:
    yield mortal.new_ledger()
    if mortal.process.poll() is not None:
        mortal.start_again()


@pytest.fixture(autouse=True)
def an_incident(postmortem: Postmortem) -> None:
    postmortem("start", "Wrong amounts")
    postmortem.configure(CONFIG)


class Heard:
    """The lines of a process's stdout and stderr, as they come."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.lines: list[str] = []
        for stream in (process.stdout, process.stderr):
            threading.Thread(target=self._listen, args=(stream,), daemon=True).start()

    def _listen(self, stream: Iterator[str]) -> None:
        self.lines.extend(line.rstrip("\n") for line in stream)

    def count(self, words: str) -> int:
        return sum(words in line for line in list(self.lines))

    def wait_for(self, words: str, *, times: int = 1) -> None:
        wait_until(lambda: self.count(words) >= times)


def begun(postmortem: Postmortem, google: GoogleWorld, listed: CustomerList, *more: str) -> None:
    """A notice without any sent mail yet, which any process may resume."""
    method = "gmail.users.messages.send" if more else SEND
    google.misbehave("token_expired", method, times=1)
    send = ("--send", "--confirm", str(len(listed.addresses)))
    postmortem.configure(CONFIG.replace("timeout_seconds = 1\n", "timeout_seconds = 10\n"))
    postmortem("notify", str(listed), *send, *more, expect=4)
    postmortem.configure(CONFIG)
    google.behave()
    google.set(latency_seconds=0.3)
    google.forget_calls()


@pytest.mark.parametrize("trouble", ["cut off", "refused"])
def test_what_could_not_be_recorded_is_never_called_recorded(
    postmortem: Postmortem,
    google: GoogleWorld,
    mortal: PostgresServer,
    monkeypatch: pytest.MonkeyPatch,
    trouble: str,
) -> None:
    """The ledger fails in the look that is taken while something is written down."""
    url = postmortem.environment["POSTMORTEM_DATABASE_URL"]
    look = push.look

    def looking(connection: Connection, *given: Any, **more: Any) -> PendingWork:
        if trouble == "cut off":
            mortal.cut_off(url)
        else:
            connection.execute(text("SET LOCAL statement_timeout = 1"))
            connection.execute(text("SELECT pg_sleep(1)"))
        return look(connection, *given, **more)

    with monkeypatch.context() as failing:
        failing.setattr(push, "look", looking)
        said = postmortem("log", "Seen at last", expect=4).err
    assert "can't be reached" in said or "took too long" in said
    assert postmortem.json("show")["timeline"] == []
    postmortem("log", "Seen at last")
    (entry,) = postmortem.json("show")["timeline"]
    assert entry["text"] == "Seen at last"


def test_a_worker_that_waits_for_work_says_that_the_ledger_is_away_and_when_it_is_back(
    postmortem: Postmortem, google: GoogleWorld, customers: Customers, mortal: PostgresServer
) -> None:
    listed = customers(3)
    with running(postmortem.start_process("resume", "--watch")) as worker:
        heard = Heard(worker)
        heard.wait_for("Waiting for a notice")
        mortal.stop()
        heard.wait_for(AWAY)
        time.sleep(0.5)  # however often it tries
        assert heard.count(AWAY) == 1
        assert heard.count(BACK) == 0
        mortal.start_again()
        heard.wait_for(BACK)
        stand_still(worker, postmortem)
        begun(postmortem, google, listed)
        google.set(latency_seconds=0)
        go_on(worker)
        heard.wait_for("accepted by Gmail 3 of 3")
        worker.send_signal(signal.SIGINT)
        assert worker.wait(timeout=10) == 130
    assert google.copies_per_recipient() == one_each(listed)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGQUIT], ids=["stopped", "crashed"])
def test_a_database_that_is_stopped_while_a_worker_sends_doubles_no_mail_and_loses_none(
    postmortem: Postmortem,
    google: GoogleWorld,
    customers: Customers,
    mortal: PostgresServer,
    how: signal.Signals,
) -> None:
    listed = customers(15)
    begun(postmortem, google, listed)
    worker = postmortem.start_process("resume", "--watch", "--until-idle")
    with running(worker):
        heard = Heard(worker)
        wait_until(lambda: google.calls().get(SEND, 0) >= 4)
        mortal.stop(how)
        google.set(latency_seconds=0)
        heard.wait_for(AWAY)
        mortal.start_again()
        assert worker.wait(timeout=60) == 0, heard.lines
        heard.wait_for("All notices are finished.")
    assert heard.count(BACK) == heard.count(AWAY) == 1
    assert heard.count("accepted by Gmail 15 of 15") == 1
    assert google.copies_per_recipient() == one_each(listed)
    (doc,) = google.documents()
    assert google.text(doc["id"]).count("Emailed 15 customers") == 1


def test_what_gmail_answered_while_the_ledger_was_away_is_written_down_afterwards(
    postmortem: Postmortem, google: GoogleWorld, customers: Customers, mortal: PostgresServer
) -> None:
    """In one step nothing can be asked afterwards: a forgotten answer is never known."""
    listed = customers(12)
    begun(postmortem, google, listed, "--one-step")
    # A call that a busy machine answers too late would be unknown for ever.
    postmortem.configure(CONFIG.replace("timeout_seconds = 1\n", "timeout_seconds = 10\n"))
    worker = postmortem.start_process("resume", "--watch", "--until-idle")
    with running(worker):
        heard = Heard(worker)
        wait_until(lambda: google.calls().get("gmail.users.messages.send", 0) >= 4)
        mortal.stop()
        google.set(latency_seconds=0)
        heard.wait_for(AWAY)
        mortal.start_again()
        assert worker.wait(timeout=60) == 0, heard.lines
    assert google.copies_per_recipient() == one_each(listed)
    assert run_sql(postmortem, "SELECT DISTINCT state, evidence FROM deliveries") == [
        ("sent", "accepted by Gmail")
    ]


@contextmanager
def sends(
    postmortem: Postmortem, google: GoogleWorld, listed: CustomerList, *, after: int
) -> Iterator[tuple[subprocess.Popen[str], Heard]]:
    """A `notify --send` with some mails sent. At the end it must have sent one to each customer."""
    google.set(latency_seconds=0.3)
    words = ("notify", str(listed), "--send", "--confirm", str(len(listed.addresses)))
    with running(postmortem.start_process(*words)) as sender:
        heard = Heard(sender)
        wait_until(lambda: google.calls().get(SEND, 0) >= after)
        yield sender, heard
        assert sender.wait(timeout=60) == 0, heard.lines
    assert google.copies_per_recipient() == one_each(listed)


def test_a_connection_that_is_cut_while_the_database_is_there_is_not_even_noticed(
    postmortem: Postmortem, google: GoogleWorld, customers: Customers, mortal: PostgresServer
) -> None:
    with sends(postmortem, google, customers(12), after=2):
        mortal.cut_off(postmortem.environment["POSTMORTEM_DATABASE_URL"])
        for count in (5, 8):
            wait_until(lambda count=count: google.calls().get(SEND, 0) >= count)  # type: ignore[misc]
            mortal.cut_off(postmortem.environment["POSTMORTEM_DATABASE_URL"])


def test_connections_that_are_cut_again_and_again_stop_no_sender(
    postmortem: Postmortem, google: GoogleWorld, customers: Customers, mortal: PostgresServer
) -> None:
    with sends(postmortem, google, customers(20), after=1) as (sender, _):
        for _ in range(60):  # in the middle of sending, of the copy in the doc, of the last look
            mortal.cut_off(postmortem.environment["POSTMORTEM_DATABASE_URL"])
            if sender.poll() is None:
                time.sleep(0.05)
    assert postmortem.json("show")["pending_sync"] == 0


def test_a_sender_waits_for_a_database_that_starts_again(
    postmortem: Postmortem, google: GoogleWorld, customers: Customers, mortal: PostgresServer
) -> None:
    with sends(postmortem, google, customers(12), after=2) as (_, heard):
        mortal.stop()
        heard.wait_for("can't be reached; trying again for up to 20 s.")
        mortal.start_again()


@pytest.mark.parametrize("is_sending", [True, False], ids=["sending", "waiting"])
def test_ctrl_c_ends_a_worker_at_once_whose_ledger_is_away(
    postmortem: Postmortem,
    google: GoogleWorld,
    customers: Customers,
    mortal: PostgresServer,
    is_sending: bool,
) -> None:
    listed = customers(12)
    if is_sending:
        begun(postmortem, google, listed)
    with running(postmortem.start_process("resume", "--watch")) as worker:
        heard = Heard(worker)
        if is_sending:  # a worker whose call is not answered in time tries again after a pause
            wait_until(lambda: google.calls().get(SEND, 0) >= 3, seconds=90)
        else:
            heard.wait_for("Waiting for a notice")
        mortal.stop()
        heard.wait_for(AWAY)
        pressed = time.monotonic()
        worker.send_signal(signal.SIGINT)
        assert worker.wait(timeout=20) == 130
        assert time.monotonic() - pressed < 8  # at once, and what a busy machine adds
        heard.wait_for("Interrupted. Everything so far is recorded.")
        assert heard.count("Traceback") == 0
    mortal.start_again()
    if is_sending:
        google.set(latency_seconds=0)
        postmortem("resume")
        assert google.copies_per_recipient() == one_each(listed)


def test_a_ledger_that_is_not_there_at_the_beginning_is_not_waited_for(
    postmortem: Postmortem, mortal: PostgresServer
) -> None:
    mortal.stop()
    said = postmortem("resume", "--watch", expect=4).err
    assert "can't be reached. What was recorded before is safe" in said


def test_a_ledger_that_is_gone_for_good_is_said_to_be_and_not_waited_for(
    postmortem: Postmortem, mortal: PostgresServer
) -> None:
    url = postmortem.environment["POSTMORTEM_DATABASE_URL"]
    name = url.removeprefix("postgresql:///").partition("?")[0]
    with running(postmortem.start_process("resume", "--watch")) as worker:
        heard = Heard(worker)
        heard.wait_for("Waiting for a notice")
        mortal("DROP DATABASE {} WITH (FORCE)", name)
        assert worker.wait(timeout=20) == 4
        heard.wait_for(f"There is no database postgresql:///{name}.")


def test_senders_that_lose_the_ledger_together_wait_and_speak_once(
    ledger_url: str, mortal: PostgresServer
) -> None:
    ledger, said = open_ledger(ledger_url), list[str]()
    waits = LedgerWait(ledger, said.append)

    def write() -> int:
        with ledger.share() as connection:
            return int(connection.execute(text("SELECT 1")).scalar_one())

    mortal.stop()
    with ThreadPoolExecutor(4) as senders:
        written = [senders.submit(waits.through, write) for _ in range(4)]
        wait_until(lambda: len(said) == 1)
        mortal.start_again()
        assert [each.result(timeout=20) for each in written] == [1] * 4
    ledger.close()
    assert [AWAY in said[0], BACK in said[1], len(said)] == [True, True, 2]


@given(st.integers(0, 10_000), st.floats(0, 1))
def test_the_pauses_grow_to_half_a_minute_and_never_vanish(tries: int, chance: float) -> None:
    assert 0.5 <= pause_seconds(tries, chance) <= 30
    longest = [pause_seconds(each, 0) for each in range(12)]
    assert all(one <= two for one, two in pairwise(longest))
    assert longest[:6] == [1, 2, 4, 8, 16, 30]
