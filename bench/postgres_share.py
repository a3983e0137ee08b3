"""What the ledger costs in a file and in PostgreSQL, with one and with four senders.

The senders' calls are answered at once, so the cost is that of the ledger and the sender's loop.
The server is on this machine; over a network each round trip takes longer.
"""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from pathlib import Path

import sqlalchemy
from sqlalchemy.engine import Connection

from bench.measuring import Table
from tests.postgres_server import PostgresServer, running_postgres
from workflow.google.gmail import AcceptedMail, Draft
from workflow.ledger import incidents, plans
from workflow.ledger.databases.storage import Ledger, open_ledger, sqlite_url
from workflow.ledger.deliveries import Delivery
from workflow.ledger.notices import Notice
from workflow.ledger.plans import PlannedMail
from workflow.model import Incident, MailTransport, Stage
from workflow.sending.delivery_steps import Call
from workflow.sending.hands import Limits, Pacing
from workflow.sending.sender import Sender

_MAILS = 1000
_IN_FLIGHT = 5
_TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")


@dataclass
class Spent:
    """What one sender spent in the ledger. `trips` are statements and commits."""

    turns: int = 0
    trips: int = 0
    wall_seconds: float = 0.0
    cpu_seconds: float = 0.0

    def __add__(self, other: Spent) -> Spent:
        return Spent(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(Spent)))


def run(folder: Path) -> Table:
    """The ledger's share of the time per mail; the calls to Gmail take seconds."""
    with running_postgres() as server:
        rows = [
            _row("file, 1 sender", sqlite_url(folder / "one"), [""], None),
            _row("file, 4 senders, a mailbox each", sqlite_url(folder / "four"), _FOUR, None),
            _row("PostgreSQL, 1 sender", server.new_database(), [""], server),
            _row("PostgreSQL, 4 senders, one mailbox", server.new_database(), [""] * 4, server),
            _row("PostgreSQL, 4 senders, a mailbox each", server.new_database(), _FOUR, server),
            _row(
                *("PostgreSQL, as before, one writer at a time", server.new_database(), _FOUR),
                server,
                share=Ledger.write,
            ),
        ]
    return Table(
        f"The ledger's share of a mail: {_MAILS:,} mails in two steps, {_IN_FLIGHT} at a time, "
        "calls that take no time",
        ("ledger", "mails/s", "turns/mail", "trips/turn", "wall ms/mail", "CPU ms/mail", "server"),
        rows,
        kept=True,
        note="wall and CPU: of the senders, inside the ledger's transactions; server: CPU ms/mail",
    )


_FOUR = ["a@x.example", "b@x.example", "c@x.example", "d@x.example"]
_Transaction = Callable[[Ledger], AbstractContextManager[Connection]]


def _row(
    how: str,
    url: str,
    mailboxes: Sequence[str],
    server: PostgresServer | None,
    share: _Transaction = Ledger.share,
) -> tuple[str, ...]:
    notice = _plan(url, sorted(set(mailboxes)))
    before = _cpu_of(server)
    began = time.perf_counter()
    spent = sum(_side_by_side(url, notice, mailboxes, share), Spent())
    took = time.perf_counter() - began
    return (
        how,
        f"{_MAILS / took:,.0f}",
        f"{spent.turns / _MAILS:.2f}",
        f"{spent.trips / spent.turns:.1f}",
        f"{spent.wall_seconds / _MAILS * 1000:.2f}",
        f"{spent.cpu_seconds / _MAILS * 1000:.2f}",
        f"{(_cpu_of(server) - before) / _MAILS * 1000:.2f}" if server else "",
    )


def _plan(url: str, mailboxes: Sequence[str]) -> Notice:
    """A notice whose mails are divided among the mailboxes."""
    now = datetime.now(UTC)
    incident = Incident(id="bench", title="Bench", started_at=now, time_zone="UTC")
    notice = Notice(
        *("notice", "bench", "send", Stage.UPDATE, "key", "hash", "update", "", "Subject", ""),
        sender="you@x.example",
        recipients=_MAILS,
        said_at=now,
        created_at=now,
    )
    mails = (
        PlannedMail(
            row=number + 2,
            email=f"person{number}@customer.example",
            recipient_key=f"person{number}@customer.example",
            name=f"Person {number}",
            subject="We have found the cause",
            markdown="Hello, we have found the cause. " * 20,
            sender=mailboxes[number % len(mailboxes)],
        )
        for number in range(_MAILS)
    )
    ledger = open_ledger(url)
    with ledger.write() as connection:
        incidents.add_incident(
            connection,
            incident,
            profile="google",
            template_name="t",
            template_source="",
            folder="",
            wanted=[],
            created_at=now,
        )
        plans.add_notice(connection, notice, mails)
    ledger.close()
    return notice


def _side_by_side(
    url: str, notice: Notice, mailboxes: Sequence[str], share: _Transaction
) -> Iterator[Spent]:
    """Run one process per mailbox, all at once."""
    pipes = []
    for mailbox in mailboxes:
        reading, writing = os.pipe()
        pid = os.fork()
        if not pid:
            try:
                spent = _send(url, notice, mailbox, share)
                os.write(writing, json.dumps(vars(spent)).encode())
            finally:
                os._exit(0)
        os.close(writing)
        pipes.append((pid, reading))
    for pid, reading in pipes:
        with os.fdopen(reading, "rb") as pipe:
            said = pipe.read()
        os.waitpid(pid, 0)
        yield Spent(**json.loads(said))


def _send(url: str, notice: Notice, mailbox: str, share: _Transaction) -> Spent:
    spent = Spent()
    Ledger.share = _measured(share, spent)  # type: ignore[method-assign, assignment]
    ledger = open_ledger(url)

    def count(*_: object) -> None:
        spent.trips += 1

    for event in ("before_cursor_execute", "begin", "commit"):
        sqlalchemy.event.listen(sqlalchemy.Engine, event, count)

    def now() -> datetime:
        return ledger.clock(datetime.now(UTC))

    limits = Limits(units_per_minute=10**9, daily_limit=10**9, in_flight=_IN_FLIGHT)
    Sender(
        ledger,
        notice,
        _Instant(),
        Pacing(mailbox or notice.sender, limits, now),
        now,
        mailbox=mailbox,
        timeout_seconds=30,
        stop=threading.Event(),
        report=lambda _counts: None,
    ).run()
    ledger.close()
    return spent


class _Instant:
    """A sender's calls that succeed at once and send nothing."""

    transport = MailTransport.GMAIL

    def message_id(self, _delivery: Delivery) -> str:
        return ""

    def carry(self, delivery: Delivery, call: Call) -> object:
        name = f"r{delivery.id}"
        return Draft(name, name, name) if call is Call.CREATE_DRAFT else AcceptedMail(name, name)


def _measured(transaction: _Transaction, spent: Spent) -> _Transaction:
    @contextmanager
    def measured(self: Ledger) -> Iterator[Connection]:
        wall, cpu = time.perf_counter(), time.thread_time()
        with transaction(self) as connection:
            yield connection
        spent.turns += 1
        spent.wall_seconds += time.perf_counter() - wall
        spent.cpu_seconds += time.thread_time() - cpu

    return measured


def _cpu_of(server: PostgresServer | None) -> float:
    """Seconds of processor time that a server's processes have used, the ended ones too."""
    if server is None:
        return 0.0
    total = 0
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            values = (folder / "stat").read_text().rpartition(")")[2].split()
        except OSError:  # it has just ended
            continue
        own, waited_for = sum(map(int, values[11:13])), sum(map(int, values[13:15]))
        if folder.name == str(server.process.pid):
            total += own + waited_for
        elif values[1] == str(server.process.pid):
            total += own
    return total / _TICKS_A_SECOND
