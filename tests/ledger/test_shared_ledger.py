"""Two people on two machines with one ledger in PostgreSQL: one incident and one record."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.command_line import CustomerList, Postmortem, running
from tests.conftest import CONFIG
from tests.google_world import GoogleWorld
from tests.ledger_rows import run_sql
from tests.plug import wait_until
from tests.postgres_server import PostgresServer

Customers = Callable[[int], CustomerList]
SEND = "gmail.users.drafts.send"


@pytest.fixture
def url(postgres: PostgresServer) -> str:
    return postgres.new_database()


@pytest.fixture
def person(tmp_path: Path, google: GoogleWorld, url: str) -> Callable[[str], Postmortem]:
    """People by name, each with the home folder of a different machine and the same ledger."""

    def make(name: str) -> Postmortem:
        home = tmp_path / name
        home.mkdir(mode=0o700)
        environment = {"POSTMORTEM_GOOGLE_URL": google.url, "POSTMORTEM_DATABASE_URL": url}
        person = Postmortem(home, {**environment, "LOGNAME": name})
        person.configure(CONFIG)
        return person

    return make


@pytest.fixture
def ann(person: Callable[[str], Postmortem]) -> Postmortem:
    return person("ann")


@pytest.fixture
def ben(person: Callable[[str], Postmortem]) -> Postmortem:
    return person("ben")


def once_each(listed: CustomerList) -> dict[str, int]:
    return dict.fromkeys(listed.addresses, 1)


def test_a_day_of_two_people_is_one_record(
    ann: Postmortem, ben: Postmortem, google: GoogleWorld, customers: Customers, tmp_path: Path
) -> None:
    started = ann.json("start", "Wrong amounts 🧯", "--impact", "Invoices show wrong amounts")
    ben("log", "Seen by support")
    ann("log", "A stale price list", "--by", "Ann")
    ben("status", "identified")
    listed = customers(5)
    sent = ann.json("notify", str(listed), "--send", "--confirm", "5")
    assert sent["counts"]["sent"] == 5
    again = ben.json("notify", str(listed), "--send", "--confirm", "5", expect=None)
    assert again.get("counts", {}).get("sent", 5) == 5  # the same notice, not another one
    assert google.copies_per_recipient() == once_each(listed)
    assert "We have found the cause" in ben("told", "person3@customer.example", "--full").out
    ben("section", "Root cause", "A stale price list")
    ben("status", "resolved")
    ben("notify", str(listed), "--stage", "resolved", "--send", "--confirm", "5")
    ann("close")
    assert ann.json("show") == ben.json("show")
    assert ben.json("show")["pending_sync"] == 0
    text = google.text(started["doc_id"])
    assert (
        text.count("Seen by support") == text.count("Emailed 5 customers: “Wrong amounts 🧯”") == 1
    )
    ben("export", str(tmp_path / "record"))
    assert "postgresql, can be written" in ann("doctor", expect=None).out


def test_many_log_at_once_and_every_word_is_in_the_doc_once(
    ann: Postmortem, ben: Postmortem, google: GoogleWorld
) -> None:
    doc_id = ann.json("start", "Wrong amounts")["doc_id"]
    words = [f"word {number} of many" for number in range(4)]
    at_once = [(ann, ben)[at % 2].start_process("log", word) for at, word in enumerate(words)]
    for process in at_once:
        with running(process):
            assert process.wait(timeout=60) in {0, 5}
    ann("sync")
    text = google.text(doc_id)
    assert [text.count(word) for word in words] == [1] * len(words)


def test_of_two_who_press_send_together_the_second_is_told_and_nobody_gets_two(
    ann: Postmortem, ben: Postmortem, google: GoogleWorld, customers: Customers
) -> None:
    ann("start", "Wrong amounts")
    listed = customers(9)
    words = ("notify", str(listed), "--send", "--confirm", "9")
    with running(ann.start_process(*words)) as one, running(ben.start_process(*words)) as two:
        ended = [(process.communicate(timeout=60), process.returncode) for process in (one, two)]
    assert sorted(code for _, code in ended)[0] == 0
    for (_, said), code in ended:
        assert "Traceback" not in said
        assert "defect" not in said
        if code == 3:
            assert "a colleague started to send to customers of this list a moment ago" in said
    ann("resume")
    assert google.copies_per_recipient() == once_each(listed)


def test_what_one_machine_was_killed_over_another_finishes(
    ann: Postmortem, ben: Postmortem, google: GoogleWorld, customers: Customers
) -> None:
    ann("start", "Wrong amounts")
    listed = customers(12)
    google.set(latency_seconds=0.1)
    words = ("notify", str(listed), "--send", "--confirm", "12")
    with running(ann.start_process(*words)) as sender:
        wait_until(lambda: google.calls().get(SEND, 0) >= 3)
        sender.kill()
        sender.wait(timeout=20)
    google.set(latency_seconds=0)
    ben.configure(CONFIG.replace("timeout_seconds = 5", "timeout_seconds = 2"))
    ben("resume")
    assert google.copies_per_recipient() == once_each(listed)
    assert ann.json("show")["notices"][0]["counts"]["sent"] == 12


def test_a_database_that_goes_away_while_mails_leave_doubles_none_of_them(
    ann: Postmortem,
    ben: Postmortem,
    google: GoogleWorld,
    customers: Customers,
    postgres: PostgresServer,
    url: str,
) -> None:
    ann("start", "Wrong amounts")
    listed = customers(16)
    google.set(latency_seconds=0.3)
    words = ("notify", str(listed), "--send", "--confirm", "16")
    name = url.removeprefix("postgresql:///").partition("?")[0]
    with running(ann.start_process(*words)) as sender:
        wait_until(lambda: google.calls().get(SEND, 0) >= 3)
        postgres("ALTER DATABASE {} ALLOW_CONNECTIONS false", name)
        postgres.cut_off(url)
        _, said = sender.communicate(timeout=90)
    assert sender.returncode == 4, said
    assert "can't be reached. What was recorded before is safe" in said
    assert "Traceback" not in said
    postgres("ALTER DATABASE {} ALLOW_CONNECTIONS true", name)

    # Requested from Gmail, but its answer was not recorded: `resume` finds out.
    states = {state for (state,) in run_sql(ann, "SELECT DISTINCT state FROM deliveries")}
    assert states & {"sending", "drafted", "drafting"}
    google.set(latency_seconds=0)
    for who in (ann, ben):
        who.configure(CONFIG.replace("timeout_seconds = 5", "timeout_seconds = 2"))
    ben("resume")
    assert google.copies_per_recipient() == once_each(listed)


def test_out_of_reach_of_the_ledger_nothing_is_asked_of_google(
    ann: Postmortem, google: GoogleWorld, postgres: PostgresServer, url: str
) -> None:
    ann("start", "Wrong amounts")
    google.forget_calls()
    name = url.removeprefix("postgresql:///").partition("?")[0]
    postgres("ALTER DATABASE {} ALLOW_CONNECTIONS false", name)
    for command in (("log", "x"), ("start", "y"), ("show",), ("resume",), ("close",)):
        result = ann(*command, expect=4)
        assert "The ledger's database postgresql:///" in result.err
        assert len(result.err.strip().splitlines()) <= 2
    assert google.calls() == {}


def test_an_interrupted_send_leaves_the_rest_to_a_colleague_at_once(
    ann: Postmortem, ben: Postmortem, google: GoogleWorld, customers: Customers
) -> None:
    ann("start", "Wrong amounts")
    listed = customers(12)
    google.set(latency_seconds=0.1)
    words = ("notify", str(listed), "--send", "--confirm", "12")
    with running(ann.start_process(*words)) as sender:
        wait_until(lambda: google.calls().get(SEND, 0) >= 2)
        sender.send_signal(signal.SIGINT)
        assert sender.wait(timeout=30) == 130
    assert run_sql(ann, "SELECT count(*) FROM deliveries WHERE claimed_by <> ''") == [(0,)]
    google.set(latency_seconds=0)
    ben.configure(CONFIG.replace("timeout_seconds = 5", "timeout_seconds = 2"))
    ben("resume")
    assert google.copies_per_recipient() == once_each(listed)
