"""A simulation of a million mails from twenty mailboxes, on a clock that does not wait.

It runs the program's own sender: its loop, its pace and its daily count, with a real ledger that
has a row for each of the million mails. Only Gmail and time are simulated, see
`bench.virtual_gmail`. Mailboxes share only the ledger, so one mailbox per case is simulated, for
two days; the other mailboxes and the later days would be the same. The cost of the loop and the
ledger is measured in processor seconds on this machine.

`python -m bench.simulate` prints the table alone.
"""

from __future__ import annotations

import random
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from unittest import mock

from bench.measuring import Table, machine
from bench.virtual_gmail import Clock, Faults, VirtualCalls, VirtualGmail
from workflow.ledger import incidents, notices, plans
from workflow.ledger.claims import WINDOW_SECONDS
from workflow.ledger.databases.storage import Ledger, open_ledger, sqlite_url
from workflow.ledger.notices import Notice
from workflow.ledger.plans import PlannedMail
from workflow.model import Incident, Stage
from workflow.sending import sender
from workflow.sending.hands import Limits, Pacing
from workflow.sending.sender import Ending, Sender

_BEGAN = datetime(2026, 11, 24, 13, 0, tzinfo=UTC)
_NO_LIMIT = 10**9
_TIMEOUT_SECONDS = 30.0
# How long after the daily limit allows mails again somebody, or a timer, runs `resume`.
_RESUMED_AFTER = timedelta(minutes=5)
_HOUR = 3600.0
_MARKDOWN = "Hello,\n\nsome invoices show wrong amounts. We are looking into it.\n" * 4


@dataclass(frozen=True)
class Size:
    """The size of the job (`recipients` from `senders`), and how much of it is simulated."""

    recipients: int = 1_000_000
    senders: int = 20
    daily_limit: int = 2_000
    replayed_senders: int = 1
    replayed_days: int = 2
    replayed_mails: int = 400


@dataclass(frozen=True)
class Case:
    """The limits of each mailbox.

    `mails` ends a simulation early: without a daily limit nothing else does.
    """

    name: str
    units_per_minute: int
    daily_limit: int
    in_flight: int
    mails: int = _NO_LIMIT


@dataclass
class Replayed:
    """The result for one mailbox: mails, seconds on the clock and of the processor, errors.

    `pauses` are the clock's seconds between the end of a day's mails and the next `resume`.
    """

    mails: int
    mails_a_second: float
    seconds: float
    pauses: float
    cpu_seconds: float
    duplicates: int
    overdrawn: int
    faults: int

    @property
    def share_of_a_core(self) -> float:
        """The share of a processor that one mailbox needs while it sends."""
        return self.cpu_seconds / (self.seconds - self.pauses)


def cases(size: Size) -> list[Case]:
    """The limits that a mailbox can have, from Google's lowest to none."""
    day, some = size.daily_limit, size.replayed_mails
    return [
        Case(f"6,000 units a minute, {day:,} a day", 6_000, day, 5),
        Case("6,000 units a minute, no limit of a day", 6_000, _NO_LIMIT, 5, some),
        Case("15,000 units a minute, no limit of a day", 15_000, _NO_LIMIT, 5, 2 * some),
        Case("no limit but 64 calls at a time", _NO_LIMIT, _NO_LIMIT, 64, 4 * some),
    ]


def tables(folder: Path, size: Size) -> list[Table]:
    """How long each case takes, and which limit decides that."""
    rows, kept = [], True
    planned = time.process_time()
    with closing(_ledger(folder / "ledger.sqlite3", size)) as ledger:
        planned = time.process_time() - planned
        for number, case in enumerate(cases(size)):
            found = [_replay(ledger, case, size, _mailbox(number, at)) for at in _mailboxes(size)]
            kept = kept and not any(each.duplicates for each in found)
            rows.append(_row(case, found, size))
    return [
        Table(
            f"{size.recipients:,} customers from {size.senders} mailboxes, simulated",
            (
                *("limits of each mailbox", "mails a minute", "takes", "cores busy"),
                *("binds", "mails replayed", "faults met", "mailed twice", "over a limit"),
            ),
            rows,
            kept,
            note=f"writing the plan took {planned:.0f} s of processor; asked: nobody twice; over a "
            "limit: calls that Gmail turned away, which end the day or wait, and lose nothing",
        )
    ]


def _mailboxes(size: Size) -> range:
    return range(min(size.replayed_senders, size.senders))


def _row(case: Case, found: list[Replayed], size: Size) -> tuple[str, ...]:
    """The whole case: the simulated mailboxes' results, scaled to all mailboxes."""
    mails = sum(each.mails for each in found)
    cores = size.senders * sum(each.share_of_a_core for each in found) / len(found)
    rate = size.senders * sum(each.mails_a_second for each in found) / len(found)
    bound = _bound(case, cores)
    if bound == _MACHINE:
        rate /= cores
    return (
        case.name,
        f"{rate * 60:,.1f}",
        _span(size.recipients / rate),
        f"{cores:.2f}",
        bound,
        f"{mails:,}",
        f"{sum(each.faults for each in found):,}",
        str(sum(each.duplicates for each in found)),
        str(sum(each.overdrawn for each in found)),
    )


_MACHINE = "the machine: one process, one core"


def _bound(case: Case, cores: float) -> str:
    if cores > 1:
        return _MACHINE
    if case.daily_limit < _NO_LIMIT:
        return "the day's limit"
    return "units a minute" if case.units_per_minute < _NO_LIMIT else "calls at a time"


def _span(seconds: float) -> str:
    if seconds < 2 * _HOUR:
        return f"{seconds / 60:.0f} minutes"
    return (
        f"{seconds / _HOUR:.1f} hours" if seconds < 48 * _HOUR else f"{seconds / 86_400:.1f} days"
    )


def _replay(ledger: Ledger, case: Case, size: Size, mailbox: str) -> Replayed:
    """Simulate one mailbox until its mails or its days have run out."""
    clock = Clock(_BEGAN)
    gmail = VirtualGmail(
        clock, case.units_per_minute, case.daily_limit, Faults(), random.Random(mailbox)
    )
    with ledger.read() as connection:
        notice = notices.notice_by_id(connection, _NOTICE.id)
    until = _BEGAN + timedelta(days=size.replayed_days)
    pauses, began = 0.0, time.process_time()
    stop = threading.Event()
    with mock.patch.object(sender, "Callers", VirtualCalls):
        while clock() < until and not stop.is_set():
            sent = _sender(ledger, notice, case, gmail, mailbox, stop).run()
            if sent.ending is not Ending.DAILY_LIMIT:
                break
            paused_at = clock()
            clock.move_to((sent.resume_at or clock()) + _RESUMED_AFTER)
            pauses += (clock() - paused_at).total_seconds()
    return Replayed(
        mails=gmail.copies.total(),
        mails_a_second=_rate(case, gmail),
        seconds=(clock() - _BEGAN).total_seconds(),
        pauses=pauses,
        cpu_seconds=time.process_time() - began,
        duplicates=gmail.copies.total() - len(gmail.copies),
        overdrawn=gmail.overdrawn,
        faults=gmail.faults_met.total(),
    )


def _rate(case: Case, gmail: VirtualGmail) -> float:
    """Mails a second over days, or after the first minute's burst."""
    seconds = (gmail.clock() - _BEGAN).total_seconds()
    burst = WINDOW_SECONDS if case.daily_limit == _NO_LIMIT and seconds > 2 * WINDOW_SECONDS else 0
    since = _BEGAN.timestamp() + burst
    mails = sum(at >= since for at in gmail.sent_at) if burst else gmail.copies.total()
    return mails / (seconds - burst)


def _sender(
    ledger: Ledger,
    notice: Notice,
    case: Case,
    gmail: VirtualGmail,
    mailbox: str,
    stop: threading.Event,
) -> Sender:
    def report(_counts: object) -> None:
        if gmail.copies.total() >= case.mails:
            stop.set()

    limits = Limits(case.units_per_minute, case.daily_limit, case.in_flight)
    return Sender(
        ledger,
        notice,
        gmail,
        Pacing(mailbox, limits, gmail.clock),
        gmail.clock,
        mailbox=mailbox,
        timeout_seconds=_TIMEOUT_SECONDS,
        stop=stop,
        report=report,
    )


def _ledger(path: Path, size: Size) -> Ledger:
    """A ledger with one planned notice, and a row for each customer.

    Each case has its own mailboxes in it, because the ledger counts what each mailbox has sent.
    """
    ledger = open_ledger(sqlite_url(path))
    incident = Incident("sim", "Wrong amounts", _BEGAN, "UTC")
    with ledger.write() as connection:
        incidents.add_incident(
            connection,
            incident,
            profile="google",
            template_name="",
            template_source="",
            folder="",
            wanted=[],
            created_at=_BEGAN,
        )
        plans.add_notice(connection, _NOTICE, _mails(size))
    return ledger


def _mailbox(case: int, at: int) -> str:
    return f"sender{at + 1}@team{case + 1}.example"


def _mails(size: Size) -> Iterator[PlannedMail]:
    mailboxes = [
        _mailbox(case, at) for case in range(len(cases(size))) for at in range(size.senders)
    ]
    for number in range(size.recipients):
        address = f"person{number}@customer.example"
        yield PlannedMail(
            row=number + 2,
            email=address,
            recipient_key=address,
            name=f"Person {number}",
            subject="We are looking into a problem",
            markdown=_MARKDOWN,
            sender=mailboxes[number % len(mailboxes)],
        )


_NOTICE = Notice(
    id="notice",
    incident_id="sim",
    mode="send",
    stage=Stage.INVESTIGATING,
    content_key="words",
    plan_hash="",
    template_name="",
    template_source="",
    subject="We are looking into a problem",
    copy_markdown="",
    sender="you@team.example",
    recipients=0,
    said_at=_BEGAN,
    created_at=_BEGAN,
)


def main() -> None:
    """Print the machine and the table."""
    print(machine(), flush=True)
    with tempfile.TemporaryDirectory(prefix="bench-simulate-") as folder:
        for table in tables(Path(folder), Size()):
            print(table)


if __name__ == "__main__":
    main()
