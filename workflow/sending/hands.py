"""The deliveries that a sender holds: claimed, renewed, released when others take them.

The sender's view of a row counts only while its lease holds and its last transaction was certainly
committed. After a sleep, or a ledger lost midway, the rows are read back before anything else
happens.

`LedgerWait` waits for an unreachable ledger: it says so once, retries, and says when it is back.
"""

from __future__ import annotations

import random
import threading
import time
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TypeVar

from sqlalchemy.engine import Connection

from workflow.google.gmail import DraftRead
from workflow.ledger import claims, deliveries, edited_drafts, notices
from workflow.ledger.claims import holder_name, is_gone
from workflow.ledger.databases.storage import Ledger
from workflow.ledger.deliveries import Delivery, Transition
from workflow.ledger.faults import LedgerOutOfReach
from workflow.model import DeliveryState
from workflow.sending.delivery_steps import Call, Move, may_have_left_a_draft, proof_of
from workflow.sending.mailbox import Answered
from workflow.times.clocks import Lease, Reading

# States that end a hold: decided, or waiting for a person's decision.
_LET_GO = frozenset(
    {
        DeliveryState.SENT,
        DeliveryState.FAILED,
        DeliveryState.UNKNOWN,
        DeliveryState.EDITED,
    }
)
# A draft that waited longer than this (for the pace or a pause) is checked before it is sent.
_FRESH = timedelta(seconds=30)
# How often to check whether other processes on this machine still live.
_LOOK_FOR_GONE = timedelta(seconds=1)


@dataclass
class Held:
    """A delivery that we hold. `due` is when its next call may be made; `calling`: one is out.

    `made_at` is when we made its draft ourselves, None for an older one.
    """

    delivery: Delivery
    due: datetime
    calling: bool = False
    faults: int = 0
    made_at: datetime | None = None

    def is_fresh(self, now: datetime) -> bool:
        """Whether we made its draft so recently that nobody can have edited it."""
        if self.made_at is None:
            return False
        return timedelta() <= now - self.made_at < _FRESH


@dataclass
class _Waiting:
    """A move that is about to be written, and the answer that led to it, if any."""

    transition: Transition
    answered: Answered | None = None


@dataclass
class Hands:
    """The deliveries that one sender holds of a notice in one mailbox.

    `states` are the states that it works on. Every method with a connection belongs to one turn,
    and counts once that is committed: after a failed turn, `restore` what `snapshot` gave before
    it.
    """

    notice_id: str
    mailbox: str
    states: tuple[DeliveryState, ...]
    lease: Lease
    holder: str = field(default_factory=holder_name)
    held: dict[int, Held] = field(default_factory=dict)
    open_elsewhere: bool = True
    orphans_possible: bool = False
    _waiting: list[_Waiting] = field(default_factory=list)
    _out: set[str] = field(default_factory=set)
    _planned_calls: dict[str, Call] = field(default_factory=dict)
    _must_read_back: bool = False
    _renewed: Reading | None = None
    _looked_for_gone_at: datetime | None = None
    _gone: list[str] = field(default_factory=list)
    _calls: int = 0
    _series: str = field(default_factory=lambda: uuid.uuid4().hex[:8])

    # A turn that fails

    def snapshot(self) -> dict[int, Held]:
        """The value for `restore` if the turn that begins now fails."""
        return {key: replace(each) for key, each in self.held.items()}

    def restore(self, before: dict[int, Held]) -> None:
        """Undo a failed or unknown turn."""
        self.held, self._waiting, self._renewed = before, [], None
        self._must_read_back = True

    # Calls

    @property
    def calls_out(self) -> int:
        """The number of calls under way, including those whose delivery others have taken."""
        return len(self._out)

    def new_call(self, call: Call) -> str:
        """An id for a call that is about to be written down."""
        self._calls += 1
        call_id = f"{self._series}{self._calls:x}"
        self._planned_calls[call_id] = call
        return call_id

    def committed(self, answers: Iterable[Answered], calls: Iterable[str]) -> None:
        """Note a committed turn: these answers are recorded, and these calls go out now."""
        self._out -= {answered.delivery.call_id for answered in answers}
        self._out |= set(calls)
        self._planned_calls.clear()
        if self._renewed is not None:
            self.lease.renew(self._renewed)
            self._renewed = None

    def holding(self, answered: Answered) -> Held | None:
        """The delivery of an answer, if its call is still the last one that we know of."""
        held = self.held.get(answered.delivery.id)
        if held is None or held.delivery.call_id != answered.delivery.call_id:
            return None
        return held

    # Leases

    def keep(self, connection: Connection, now: datetime) -> dict[int, Call]:
        """Renew our lease when due, and drop deliveries that others have taken over.

        Returns the calls that were written down in an interrupted turn and certainly never made, by
        the delivery's id.
        """
        if not (self._must_read_back or self.lease.is_due()):
            return {}
        self._renewed = self.lease.reading()
        count = claims.renew_claims(
            connection, self.notice_id, holder=self.holder, until=now + self.lease.length
        )
        if self._must_read_back or count != len(self.held):
            return self._read_back(connection, now)
        return {}

    def _read_back(self, connection: Connection, now: datetime) -> dict[int, Call]:
        before, self.held = self.held, {}
        never_made: dict[int, Call] = {}
        for delivery in claims.held_by(connection, self.notice_id, holder=self.holder):
            known = before.get(delivery.id)
            held = Held(
                delivery,
                known.due if known else now,
                calling=delivery.call_id in self._out,
                faults=known.faults if known else 0,
            )
            self.held[delivery.id] = held
            if delivery.call_id in self._planned_calls:
                never_made[delivery.id] = self._planned_calls[delivery.call_id]
        self._must_read_back = False
        return never_made

    def claim(
        self, connection: Connection, *, limit: int, now: datetime, until: datetime
    ) -> list[Delivery]:
        """Take up to `limit` deliveries that nobody works on."""
        taken = claims.claim(
            connection,
            self.notice_id,
            sender=self.mailbox,
            holder=self.holder,
            gone=self._holders_gone(connection, now),
            limit=limit,
            now=now,
            until=until,
            states=self.states,
        )
        for delivery in taken:
            self.held[delivery.id] = Held(delivery, now)
        if not taken and not self.held:
            waiting = deliveries.count_in(
                connection, self.notice_id, self.states, sender=self.mailbox
            )
            self.open_elsewhere = waiting > 0
        return taken

    def _holders_gone(self, connection: Connection, now: datetime) -> list[str]:
        """Holders on this machine whose process is gone: their leases needn't run out first."""
        last = self._looked_for_gone_at
        if last is None or (not self.held and now - last > _LOOK_FOR_GONE):
            self._looked_for_gone_at = now
            holders = claims.claim_holders(connection, self.notice_id)
            self._gone = [holder for holder in holders if is_gone(holder)]
        return self._gone

    def release(self, connection: Connection) -> None:
        """Release the rest to the next process."""
        claims.release_claims(connection, self.notice_id, holder=self.holder)

    # Moves

    def move(
        self, held: Held, move: Move, *, rests: bool = False, answered: Answered | None = None
    ) -> None:
        """Move a delivery; `write_moves` writes it with the others of this turn.

        One that `rests`, or is decided, is no longer held.
        """
        delivery = held.delivery
        facts = move.facts | ({"claimed_by": "", "claimed_until": None} if rests else {})
        transition = Transition(
            delivery.id, delivery.state, move.after, facts, call_id=delivery.call_id
        )
        self._waiting.append(_Waiting(transition, answered))
        held.delivery = replace(delivery, state=move.after, **move.facts)
        if rests or move.after in _LET_GO:
            self.held.pop(delivery.id, None)

    def write_moves(self, connection: Connection) -> None:
        """Write all moves together: that costs least.

        A refused row belongs to another process by now: our lease ran out while the machine slept.
        """
        waiting, self._waiting = self._waiting, []
        refused = deliveries.move_all(
            connection, [each.transition for each in waiting], holder=self.holder
        )
        for each in waiting:
            if each.transition.delivery_id in refused:
                self.held.pop(each.transition.delivery_id, None)
                if each.answered is not None:
                    self.note_late(connection, each.answered)
            elif each.transition.after is DeliveryState.EDITED and each.answered is not None:
                _note_edit(connection, each.answered)

    def note_late(self, connection: Connection, answered: Answered) -> None:
        """Use the part of an answer that is true for any holder of the row.

        A mail that Gmail has accepted is sent. A draft that was made has no row.
        """
        proven = proof_of(answered.delivery, answered.answer)
        if proven is not None:
            deliveries.prove_sent(
                connection,
                answered.delivery.id,
                answered_call=answered.delivery.call_id,
                sent_draft=answered.delivery.draft_id,
                facts=proven.facts,
            )
        if may_have_left_a_draft(answered.answer):
            self.note_orphan(connection)

    def note_orphan(self, connection: Connection) -> None:
        """Write down that a draft without a row may exist, to look for it at the end."""
        notices.set_orphans_possible(connection, self.notice_id)
        self.orphans_possible = True


def _note_edit(connection: Connection, answered: Answered) -> None:
    """Keep a person's edit of a draft, to ask about it."""
    read: DraftRead = answered.answer.result
    edited_drafts.note_content(
        connection,
        answered.delivery.id,
        read.seen.message_id,
        read.raw,
        at=answered.answer.began_at,
    )


_T = TypeVar("_T")

_FIRST_SECONDS, _LONGEST_SECONDS = 1.0, 30.0
# A ledger that was back for less than this still has the same failure.
_SOUND_SECONDS = 60.0


def pause_seconds(tries: int, chance: float) -> float:
    """How long to wait after this many failed tries: doubled each time, up to half a minute.

    `chance`, from 0 to 1, takes away up to half of it, so that many workers don't come at once.
    """
    longest = min(_FIRST_SECONDS * 2.0 ** min(tries, 10), _LONGEST_SECONDS)
    return longest * (1 - chance / 2)


class LedgerWait:
    """Wait for a ledger. Safe to use from several threads: one waits and speaks for all.

    `say` shows a person a line. Ctrl-C ends the wait.
    """

    def __init__(self, ledger: Ledger, say: Callable[[str], None]) -> None:
        self._ledger = ledger
        self._say = say
        self._lock = threading.Lock()
        self._times = 0
        self._tries = 0
        self._back_at = 0.0

    def through(self, job: Callable[[], _T]) -> _T:
        """Run a job, and rerun it each time the ledger is lost."""
        while True:
            try:
                return job()
            except LedgerOutOfReach as fault:
                self.until_reached(fault)

    def until_reached(self, fault: LedgerOutOfReach) -> None:
        """Wait until the ledger can be written. Raises `LedgerUnavailable` if it never can.

        That is a ledger that was moved, or that no longer lets us in.
        """
        times = self._times
        with self._lock:
            if times != self._times:  # another thread has waited for all meanwhile
                return
            self._say(f"{fault.what}; trying again until it is back.")
            lost_at = time.monotonic()
            if lost_at - self._back_at > _SOUND_SECONDS:
                self._tries = 0
            while True:
                time.sleep(pause_seconds(self._tries, random.random()))  # noqa: S311 - no secret
                self._tries += 1
                if self._is_reached():
                    break
            self._back_at = time.monotonic()
            self._times += 1
            seconds = round(self._back_at - lost_at)
            self._say(f"The ledger is there again after {seconds:,} s. Going on.")

    def _is_reached(self) -> bool:
        # Old connections are dead, perhaps without a notification: using one would take much longer
        # than opening a new one.
        self._ledger.close()
        try:
            with self._ledger.share():
                return True
        except LedgerOutOfReach:
            return False
