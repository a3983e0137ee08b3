"""A worker: helps to send unfinished notices, on any number of machines.

It starts no notice: a person agreed to everything it works on. It leaves drafts under review alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from workflow.ledger import deliveries, notices
from workflow.ledger.faults import LedgerOutOfReach
from workflow.ledger.notices import Notice
from workflow.notice.send import Notified, as_it_stands, finish
from workflow.sending.deliver import Watcher
from workflow.sending.sender import Ending, SenderEnd
from workflow.standing.other_ledgers import Overlooked
from workflow.workspace import Workspace

# How often to look for work in the ledger.
LOOK_EVERY = timedelta(seconds=2)
# The pause before a stopped notice is retried, if no instant was given.
_TRY_AGAIN = timedelta(seconds=60)
_DAY_IS_FULL = "its sender has reached the limit of mails in 24 hours"


@dataclass(frozen=True)
class Orders:
    """A worker's orders: only `notice`, or "" for any; `until_idle` ends when no work is left."""

    notice: str = ""
    until_idle: bool = False


@dataclass(frozen=True)
class Waits:
    """There is nothing to do now; `words` say what the worker waits for."""

    words: str


@dataclass(frozen=True)
class _PutOff:
    """A notice to leave alone before `until`, and why."""

    until: datetime
    why: str


class Worker:
    """Look for work, help with it, and remember which notices have to wait."""

    def __init__(self, workspace: Workspace, orders: Orders) -> None:
        self._workspace = workspace
        self._orders = orders
        self._put_off: dict[str, _PutOff] = {}

    def next_job(self) -> Notice | Waits | None:
        """The next notice to work on; or what to wait for; or None if the orders are done."""
        waiting = self._under_way()
        now = self._workspace.wall()
        for notice in waiting:
            put_off = self._put_off.get(notice.id)
            if not self._waits_for_a_person(notice) and (put_off is None or put_off.until <= now):
                return notice
        if self._is_over(waiting):
            return None
        return Waits(self._words(waiting))

    def take_part(self, notice: Notice, watcher: Watcher) -> Notified:
        """Send unsent mails, beside other workers, until the notice is done or has to wait."""
        try:
            notified = finish(self._workspace, notice, watcher)
        except LedgerOutOfReach:
            if watcher.stop.is_set():  # after Ctrl-C a person doesn't wait for a ledger
                raise KeyboardInterrupt from None
            raise
        except Overlooked as refused:  # a person has to decide; the others continue meanwhile
            until = self._workspace.wall() + _TRY_AGAIN
            self._put_off[notice.id] = _PutOff(until, str(refused).partition("\n")[0])
            return as_it_stands(self._workspace, notice.id)
        if notified.standing.counts.pending:
            self._put_off[notice.id] = _put_off(notified.sent, self._workspace.wall())
        return notified

    def _under_way(self) -> list[Notice]:
        """Notices with undecided mails, the oldest first."""
        profile = self._workspace.settings.profile
        with self._workspace.ledger.read() as connection:
            unfinished = notices.unfinished_notices(connection, profile=profile)
            # Skip a notice that waits for somebody to check its first mails.
            unfinished = [
                each
                for each in unfinished
                if each.held or deliveries.senders_with_work(connection, each.id)
            ]
        return [each for each in unfinished if self._orders.notice in {"", each.id}]

    def _is_over(self, waiting: list[Notice]) -> bool:
        if self._orders.notice:
            return not waiting
        return self._orders.until_idle and all(map(self._waits_for_a_person, waiting))

    def _waits_for_a_person(self, notice: Notice) -> bool:
        """Whether the notice waits for approval of its drafts or a decision about edited ones."""
        if notice.held:
            return True
        with self._workspace.ledger.read() as connection:
            counts = notices.count_deliveries(connection, notice)
        return counts.edited == counts.pending > 0

    def _words(self, waiting: list[Notice]) -> str:
        if not waiting:
            return "Waiting for a notice to send."
        at_work = (each for each in waiting if not self._waits_for_a_person(each))
        first = next(at_work, waiting[0])
        if first.held:
            return f"Notice {first.id} waits for approval of its drafts."
        if self._waits_for_a_person(first):
            return f"Notice {first.id} waits for a decision about edited drafts."
        put_off = self._put_off[first.id]
        when = put_off.until.astimezone()
        return f"Notice {first.id} goes on at {when:%Y-%m-%d %H:%M:%S}: {put_off.why}"


def _put_off(sent: SenderEnd, now: datetime) -> _PutOff:
    until = sent.resume_at or now + _TRY_AGAIN
    why = sent.fault.sentence_in(None) if sent.fault else _DAY_IS_FULL
    if sent.ending is Ending.DONE:  # more mails were planned meanwhile
        until, why = now, ""
    return _PutOff(max(until, now + LOOK_EVERY), f"{sent.sender}: {why}" if sent.sender else why)
