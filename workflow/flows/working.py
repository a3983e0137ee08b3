"""A worker: takes part in any notice that is under way, on any number of machines.

It begins nothing: what it works on was agreed to by somebody, and drafts that wait for a second
pair of eyes it leaves alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from workflow.flows.delivering import Watcher
from workflow.flows.notify import Notified, finish
from workflow.flows.sending import Ending, Sent
from workflow.flows.workspace import Workspace
from workflow.ledger import notices
from workflow.ledger.faults import LedgerOutOfReach
from workflow.ledger.notices import Notice

# How often the ledger is looked at for work.
LOOK_EVERY = timedelta(seconds=2)
# After which a notice that could not be gone on with is tried again, where no instant was named.
_TRY_AGAIN = timedelta(seconds=60)
_DAY_IS_FULL = "its sender has sent all that it may in 24 hours"


@dataclass(frozen=True)
class Orders:
    """What a worker is to do: `notice` alone, or "" for any; `until_idle` ends with the work."""

    notice: str = ""
    until_idle: bool = False


@dataclass(frozen=True)
class Waits:
    """There is nothing to do at the moment; `words` say what is waited for."""

    words: str


@dataclass(frozen=True)
class _PutOff:
    """A notice is not to be touched before `until`, and why."""

    until: datetime
    why: str


class Worker:
    """Looks for work, takes part in it, and remembers what has to wait."""

    def __init__(self, workspace: Workspace, orders: Orders) -> None:
        self._workspace = workspace
        self._orders = orders
        self._put_off: dict[str, _PutOff] = {}

    def next_job(self) -> Notice | Waits | None:
        """The notice to take part in now; or what is waited for; or None: the orders are done."""
        waiting = self._under_way()
        now = self._workspace.wall()
        for notice in waiting:
            put_off = self._put_off.get(notice.id)
            if not notice.held and (put_off is None or put_off.until <= now):
                return notice
        if self._is_over(waiting):
            return None
        return Waits(self._words(waiting))

    def take_part(self, notice: Notice, watcher: Watcher) -> Notified:
        """Send what is still to be sent, beside all others, until it is done or has to wait."""
        try:
            notified = finish(self._workspace, notice, watcher)
        except LedgerOutOfReach:
            if watcher.stop.is_set():  # whoever pressed Ctrl-C does not wait for a ledger
                raise KeyboardInterrupt from None
            raise
        if notified.standing.counts.pending:
            self._put_off[notice.id] = _put_off(notified.sent, self._workspace.wall())
        return notified

    def _under_way(self) -> list[Notice]:
        """Notices with mails that are not decided, the oldest first."""
        profile = self._workspace.settings.profile
        with self._workspace.ledger.read() as connection:
            unfinished = notices.unfinished_notices(connection, profile=profile)
        return [each for each in unfinished if self._orders.notice in {"", each.id}]

    def _is_over(self, waiting: list[Notice]) -> bool:
        if self._orders.notice:
            return not waiting
        return self._orders.until_idle and all(notice.held for notice in waiting)

    def _words(self, waiting: list[Notice]) -> str:
        if not waiting:
            return "Waiting for a notice to take part in."
        first = next((each for each in waiting if not each.held), waiting[0])
        if first.held:
            return f"Notice {first.id} waits for somebody to agree to its drafts."
        put_off = self._put_off[first.id]
        when = put_off.until.astimezone()
        return f"Notice {first.id} goes on at {when:%Y-%m-%d %H:%M:%S}: {put_off.why}"


def _put_off(sent: Sent, now: datetime) -> _PutOff:
    until = sent.resume_at or now + _TRY_AGAIN
    why = sent.fault.sentence if sent.fault else _DAY_IS_FULL
    if sent.ending is Ending.DONE:  # more was planned meanwhile
        until, why = now, ""
    return _PutOff(max(until, now + LOOK_EVERY), f"{sent.sender}: {why}" if sent.sender else why)
