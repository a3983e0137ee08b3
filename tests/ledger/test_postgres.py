"""A shared ledger: waiting for each other, its clock, and lost connections."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from itertools import chain

import pytest
from sqlalchemy import insert, select
from sqlalchemy.engine import Connection

from tests.plug import wait_until
from tests.postgres_server import PostgresServer
from workflow.ledger import claims
from workflow.ledger.databases import storage
from workflow.ledger.databases.storage import Ledger, open_ledger
from workflow.ledger.faults import LedgerUnavailable
from workflow.ledger.tables import deliveries as deliveries_table
from workflow.ledger.tables import incidents, notices

_NOW = datetime(2026, 11, 24, 13, 39, tzinfo=UTC)
_SECONDS = 20


@pytest.fixture
def url(postgres: PostgresServer) -> str:
    return postgres.new_database()


@pytest.fixture
def ledger(url: str) -> Iterator[Ledger]:
    """A ledger with one notice to ten customers."""
    ledger = open_ledger(url)
    with ledger.write() as connection:
        plan_a_notice(connection, count=10)
    yield ledger
    ledger.close()


def plan_a_notice(connection: Connection, count: int) -> None:
    incident = {"id": "i", "profile": "google", "title": "t", "status": "investigating"}
    moments = {"started_at": _NOW, "created_at": _NOW, "time_zone": "UTC"}
    template = {"template_name": "t", "template_source": ""}
    connection.execute(insert(incidents).values(**incident, **moments, **template))
    words = {"content_key": "k", "plan_hash": "h", "variables": {}, "subject": "s"}
    people = {"copy_markdown": "", "sender": "", "recipients": count}
    when = {"said_at": _NOW, "created_at": _NOW}
    notice = {"id": "n", "incident_id": "i", "mode": "send", "stage": "update"}
    connection.execute(insert(notices).values(**notice, **words, **people, **when, **template))
    for row in range(1, count + 1):
        address = {"email": f"{row}@customer.example", "recipient_key": f"{row}@customer.example"}
        mail = {"notice_id": "n", "content_key": "k", "row": row, "subject": "s", "markdown": "m"}
        connection.execute(insert(deliveries_table).values(**mail, **address))


def claim(connection: Connection, holder: str, limit: int) -> list[int]:
    taken = claims.claim(
        connection,
        "n",
        holder=holder,
        gone=(),
        limit=limit,
        now=_NOW,
        until=_NOW + timedelta(minutes=1),
    )
    return [delivery.id for delivery in taken]


def in_background(pool: ThreadPoolExecutor, job: Callable[[], None]) -> threading.Event:
    """Run a job; the event is set once it is done."""
    done = threading.Event()

    def run() -> None:
        job()
        done.set()

    pool.submit(run)
    return done


# Waiting for each other


def test_senders_claim_side_by_side_and_never_the_same_mail(ledger: Ledger) -> None:
    with ledger.share() as one, ledger.share() as two, ledger.share() as three:
        taken = [claim(one, "a/1/x", 4), claim(two, "b/1/y", 4), claim(three, "c/1/z", 4)]
    assert [len(each) for each in taken] == [4, 4, 2]
    assert sorted(chain(*taken)) == list(range(1, 11))


def test_who_writes_alone_waits_for_all_others_and_they_for_it(ledger: Ledger) -> None:
    def share() -> None:
        with ledger.share():
            pass

    with ThreadPoolExecutor() as pool:
        with ledger.share():
            waits = in_background(pool, lambda: write(ledger))
            assert not waits.wait(0.3)
        assert waits.wait(_SECONDS)
        with ledger.write():
            wait_too = [in_background(pool, lambda: write(ledger)), in_background(pool, share)]
            assert not any(each.wait(0.15) for each in wait_too)
            with ledger.read() as looking:  # reading never waits
                assert looking.execute(select(incidents.c.id)).scalars().all() == ["i"]
        assert all(each.wait(_SECONDS) for each in wait_too)


def test_what_was_read_in_a_write_is_still_true_when_it_commits(ledger: Ledger, url: str) -> None:
    """Several machines add one to a number that each has read."""

    def add_one(_number: int) -> None:
        mine = open_ledger(url)
        with mine.write() as connection:
            read = connection.execute(select(notices.c.skipped)).scalar_one()
            connection.execute(notices.update().values(skipped=read + 1))
        mine.close()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(add_one, range(24), timeout=_SECONDS))
    with ledger.read() as connection:
        assert connection.execute(select(notices.c.skipped)).scalar_one() == 24


def test_a_look_sees_one_moment(ledger: Ledger) -> None:
    with ledger.read() as looking:
        assert looking.execute(select(notices.c.skipped)).scalar_one() == 0
        with ledger.write() as writing:
            writing.execute(notices.update().values(skipped=5))
        assert looking.execute(select(notices.c.skipped)).scalar_one() == 0


def test_no_two_senders_of_one_account_spend_the_same_units(ledger: Ledger, url: str) -> None:
    def spend(_number: int) -> int:
        mine = open_ledger(url)
        spent = 0
        for _ in range(5):
            with mine.share() as connection:
                claims.hold_units(connection, "s@x.example")
                free = claims.units_free(connection, "s@x.example", second=100, budget=1000)
                if free >= 110:
                    claims.spend_units(connection, "s@x.example", 110, second=100)
                    spent += 110
        mine.close()
        return spent

    with ThreadPoolExecutor(6) as pool:
        assert sum(pool.map(spend, range(6), timeout=_SECONDS)) == 990


def test_two_who_open_a_new_ledger_at_once_make_it_once(postgres: PostgresServer) -> None:
    url = postgres.new_database()
    together = threading.Barrier(6, timeout=_SECONDS)

    def open_it(_number: int) -> None:
        together.wait()
        open_ledger(url).close()

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(open_it, range(6), timeout=_SECONDS))


# Lost connections


def short_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        storage,
        "_SESSION",
        "SET lock_timeout = '300ms'; SET idle_in_transaction_session_timeout = '5s'",
    )


def test_a_lock_that_is_not_let_go_is_told_and_a_laptop_that_was_shut_is_put_out(
    ledger: Ledger, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    short_patience(monkeypatch)
    shut, colleague = open_ledger(url), open_ledger(url)

    def sleep_in_a_transaction() -> None:
        with shut.write() as asleep:
            with pytest.raises(LedgerUnavailable, match=r"locked by another program\. Try again"):
                write(colleague)
            wait_until(lambda: can_write(colleague))  # the server has ended the sleeper's session
            asleep.execute(select(notices))

    with pytest.raises(LedgerUnavailable, match="can't be reached"):
        sleep_in_a_transaction()
    with shut.write():  # awake again, it continues
        pass
    shut.close()
    colleague.close()


def write(ledger: Ledger) -> None:
    with ledger.write():
        pass


def can_write(ledger: Ledger) -> bool:
    try:
        write(ledger)
    except LedgerUnavailable:
        return False
    return True


def test_a_server_that_went_down_and_is_back_is_not_noticed_by_the_next_transaction(
    ledger: Ledger, url: str, postgres: PostgresServer
) -> None:
    for opened in (ledger.read, ledger.write, ledger.share):
        postgres.cut_off(url)
        with opened():
            pass


def test_a_connection_that_is_lost_in_a_transaction_is_told_and_nothing_of_it_is_kept(
    ledger: Ledger, url: str, postgres: PostgresServer
) -> None:
    def lose_the_connection(opened: Callable[[], AbstractContextManager[Connection]]) -> None:
        with opened() as connection:
            connection.execute(notices.update().values(skipped=7))
            postgres.cut_off(url)

    for opened in (ledger.write, ledger.share):
        with pytest.raises(LedgerUnavailable, match="can't be reached"):
            lose_the_connection(opened)
    with ledger.read() as connection:
        assert connection.execute(select(notices.c.skipped)).scalar_one() == 0


# Clocks


def test_the_ledgers_clock_is_the_servers_however_wrong_a_machine_is(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = timedelta(hours=3)
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() - wrong.total_seconds())
    with ledger.read():
        pass
    here = datetime.now(UTC) - wrong
    assert abs(ledger.clock(here) - datetime.now(UTC)) < timedelta(seconds=2)


def test_a_holder_elsewhere_is_never_taken_for_gone_by_its_process_id() -> None:
    mine = claims.holder_name()
    where, _, word = mine.split("/")
    host, _, space = where.rpartition("-")
    assert not claims.is_gone(mine)
    assert claims.is_gone(f"{where}/{2**22 + 1}/{word}")  # no process has such an id
    for elsewhere in (f"{host}-00000000", f"other-{space}", host):
        assert not claims.is_gone(f"{elsewhere}/{2**22 + 1}/{word}")


# Values that can be written


def test_a_text_is_kept_however_long_it_is(ledger: Ledger) -> None:
    long = "x" * 5000
    with ledger.write() as connection:
        connection.execute(incidents.update().values(doc_id=long, severity=f"a\0{long}"))
    with ledger.read() as connection:
        row = connection.execute(select(incidents.c.doc_id, incidents.c.severity)).one()
    assert row == (long, f"a{long}")
