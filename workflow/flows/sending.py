"""Sending a notice from one mailbox: from the plan in the ledger to a decision for everyone.

One loop owns the ledger; threads make the calls. Each turn of the loop is one transaction: what the
answers mean, and what is about to be called, are committed before any further call is made. Stop
it anywhere, and the ledger says for each mail what is known and what has to be asked.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy.engine import Connection

from workflow.flows import delivery_steps as steps
from workflow.flows.callers import Answered, Callers
from workflow.flows.carriers import Carrier
from workflow.flows.delivery_steps import Answer, Call, Move
from workflow.flows.holders import holder_name, is_gone
from workflow.flows.pacing import Pacing
from workflow.google.faults import GoogleFault, SignInNeeded, SlowDown, Undecided, Unreachable
from workflow.incident import DeliveryCounts, DeliveryState
from workflow.ledger import claims, deliveries, notices
from workflow.ledger.deliveries import Delivery, Transition
from workflow.ledger.faults import LedgerOutOfReach
from workflow.ledger.notices import Notice
from workflow.ledger.storage import Ledger

# How long a claim holds without being renewed, beyond the time a call may take.
_LEASE = timedelta(seconds=30)
# How long Ctrl-C waits for answers that are just coming.
_GRACE_SECONDS = 0.4
# Faults in a row, with nothing done in between, after which Google counts as out of reach; and how
# many of them each mail in hand may have had, when there are only a few.
_PATIENCE = 12
_PATIENCE_EACH = 4


def give_up(fault: LedgerOutOfReach) -> None:
    """Wait for no ledger."""
    raise fault


class Ending(StrEnum):
    """Why the sender stopped."""

    DONE = "done"
    DRAFTED = "drafted"
    STOPPED = "stopped"
    SIGN_IN = "sign-in"
    SLOW_DOWN = "slow down"
    DAILY_LIMIT = "daily limit"
    UNREACHABLE = "unreachable"


@dataclass(frozen=True)
class Sent:
    """How the sender ended: why, on which fault, and when it makes sense to go on.

    `sender` is the mailbox that it is about, "" where there is only one.
    """

    ending: Ending
    fault: GoogleFault | None = None
    resume_at: datetime | None = None
    sender: str = ""


@dataclass
class _Held:
    """A delivery in our hands. `due` is when its next call may be made; `calling`: one is out."""

    delivery: Delivery
    due: datetime
    calling: bool = False
    faults: int = 0


class Sender:
    """Sends what a notice still has to send from one mailbox, together with all others that do.

    `mailbox` is as in the ledger: "" for the notice's own. `until_reached` waits for a ledger that
    can't be reached, or raises the fault that it is given.
    """

    def __init__(
        self,
        ledger: Ledger,
        notice: Notice,
        carrier: Carrier,
        pacing: Pacing,
        now: Callable[[], datetime],
        *,
        mailbox: str = "",
        timeout_seconds: float,
        stop: threading.Event,
        report: Callable[[DeliveryCounts], None],
        until_reached: Callable[[LedgerOutOfReach], None] = give_up,
    ) -> None:
        self._ledger = ledger
        self._notice = notice
        self._mailbox = mailbox
        self._carrier = carrier
        self._pacing = pacing
        self._now = now
        # Twice the client's time-out: it counts from the last byte, and a server may be slower.
        self._settle = timedelta(seconds=2 * timeout_seconds + 1)
        self._lease = timedelta(seconds=2 * timeout_seconds) + _LEASE
        self._stop = stop
        self._report = report
        self._until_reached = until_reached
        self._holder = holder_name()
        self._held: dict[int, _Held] = {}
        self._moves: list[Transition] = []
        self._unwritten: list[Answered] = []
        self._is_reached = True
        self._callers = Callers(carrier.carry, now, threads=pacing.in_flight)
        self._faults_in_a_row = 0
        self._ended: Sent | None = None
        self._claims_renewed_at = now()
        self._looked_for_gone_at: datetime | None = None
        self._gone: list[str] = []
        self._open_elsewhere = True
        # A held notice stops at its drafts, for a second pair of eyes.
        self._states = _UP_TO_DRAFTS if notice.held else deliveries.ORDER_OF_WORK

    def run(self) -> Sent:
        """Send until every recipient is decided, or until there is a reason to stop."""
        try:
            while True:
                for delivery, call in self._turn_once_reached():
                    self._callers.ask(delivery, call)
                if self._over():
                    break
                self._unwritten = self._callers.answers(self._seconds_to_wait())
                if self._stop.is_set():
                    self._ended = Sent(Ending.STOPPED)
        finally:
            if self._is_reached:  # else the claims run out by themselves
                self._leave()
            self._callers.dismiss()
        return self._ended or Sent(Ending.DRAFTED if self._notice.held else Ending.DONE)

    def _over(self) -> bool:
        calling = any(held.calling for held in self._held.values())
        if self._ended is not None:
            return not calling or self._ended.ending is Ending.STOPPED
        return not self._held and not self._open_elsewhere

    def _leave(self) -> None:
        """Write down what still comes in, and leave the rest to whoever comes next."""
        waited = [] if self._ended is None else self._callers.answers(_GRACE_SECONDS)
        with self._ledger.share() as connection:
            self._record(connection, waited)
            claims.release_claims(connection, self._notice.id, holder=self._holder)
            counts = notices.count_deliveries(connection, self._notice)
        self._report(counts)

    def _turn_once_reached(self) -> list[tuple[Delivery, Call]]:
        """A turn; where the ledger is lost in it, the same one again once it can be reached.

        It may have been committed before its answer was lost: then the same moves are refused, and
        what they were about is taken up anew when our claim on it has run out.
        """
        tries = 0
        while True:
            held = {key: replace(each) for key, each in self._held.items()}
            faults, renewed_at = self._faults_in_a_row, self._claims_renewed_at
            try:
                calls = self._turn()
            except LedgerOutOfReach as fault:
                self._is_reached = False
                self._held, self._moves = held, []
                self._faults_in_a_row, self._claims_renewed_at = faults, renewed_at
                if tries:  # else only our connection may be lost: the next try makes a new one
                    self._until_reached(fault)
                tries += 1
            else:
                self._is_reached = True
                return calls

    def _turn(self) -> list[tuple[Delivery, Call]]:
        with self._ledger.share() as connection:
            self._record(connection, self._unwritten)
            calls: list[tuple[Delivery, Call]] = []
            if self._ended is None:
                self._claim(connection)
                calls = self._begin(connection)
            self._renew(connection)
            counts = self._counts_if_due(connection)
        self._unwritten = []
        if counts is not None:
            self._report(counts)
        return calls

    # What the answers mean

    def _record(self, connection: Connection, answers: list[Answered]) -> None:
        for answered in answers:
            held = self._held.get(answered.delivery.id)
            if held is None:
                continue
            held.calling = False
            if answered.defect is not None:
                raise answered.defect
            self._note_fault(connection, held, answered.answer.fault)
            move = steps.after_answer(held.delivery, answered.answer, settle=self._settle)
            if answered.answer.fault is None and not _only_looked(answered.answer, move):
                held.faults = self._faults_in_a_row = 0
            if move is None:
                again = steps.look_again_at(held.delivery, answered.answer, self._settle)
                held.due = max(held.due, again)
            else:
                self._move(held, move)
            if answered.answer.call is Call.CREATE_DRAFT and isinstance(
                answered.answer.fault, Undecided
            ):
                notices.set_orphans_possible(connection, self._notice.id)
        self._write_moves(connection)

    def _note_fault(self, connection: Connection, held: _Held, fault: GoogleFault | None) -> None:
        now = self._now()
        if fault is None:
            held.due = now
            self._pacing.went_well()
        elif isinstance(fault, SignInNeeded):
            self._end(Sent(Ending.SIGN_IN, fault))
        elif isinstance(fault, SlowDown):
            self._slow_down(connection, fault)
        elif isinstance(fault, (Undecided, Unreachable)):
            held.faults += 1
            self._faults_in_a_row += 1
            held.due = now + _backoff(held.faults)
            if self._out_of_patience():
                self._end(Sent(Ending.UNREACHABLE, fault))

    def _out_of_patience(self) -> bool:
        many = self._faults_in_a_row >= max(_PATIENCE, 3 * self._pacing.in_flight)
        return many or all(held.faults >= _PATIENCE_EACH for held in self._held.values())

    def _slow_down(self, connection: Connection, fault: SlowDown) -> None:
        if fault.daily:
            self._end(Sent(Ending.DAILY_LIMIT, fault, fault.until))
            return
        until = self._pacing.slow_down(connection, fault)
        if until - self._now() > self._pacing.longest_wait:
            self._end(Sent(Ending.SLOW_DOWN, fault, until))

    def _end(self, ending: Sent) -> None:
        self._ended = self._ended or replace(ending, sender=self._mailbox)

    def _move(self, held: _Held, move: Move) -> None:
        delivery = held.delivery
        rests = self._notice.held and move.after is DeliveryState.DRAFTED
        facts = move.facts | ({"claimed_by": "", "claimed_until": None} if rests else {})
        self._moves.append(Transition(delivery.id, delivery.state, move.after, facts))
        held.delivery = replace(delivery, state=move.after, **move.facts)
        if rests or move.after in _DECIDED:
            self._held.pop(delivery.id, None)

    def _write_moves(self, connection: Connection) -> None:
        """Write the moves down: together, for then a turn costs least.

        What is refused belongs to somebody else by now: our lease ran out while the machine slept.
        A draft that came of it is one that no row knows.
        """
        moves, self._moves = self._moves, []
        theirs = deliveries.move_all(connection, moves, holder=self._holder)
        for move in moves:
            if move.delivery_id not in theirs:
                continue
            self._held.pop(move.delivery_id, None)
            if move.before is DeliveryState.DRAFTING and move.after is DeliveryState.DRAFTED:
                notices.set_orphans_possible(connection, self._notice.id)

    # What is to be called next

    def _claim(self, connection: Connection) -> None:
        wanted = 2 * self._pacing.in_flight - len(self._held)
        if wanted < self._pacing.in_flight and self._held:
            return
        now = self._now()
        taken = claims.claim(
            connection,
            self._notice.id,
            sender=self._mailbox,
            holder=self._holder,
            gone=self._holders_gone(connection, now),
            limit=wanted,
            now=now,
            until=now + self._lease,
            states=self._states,
        )
        for delivery in taken:
            held = self._held[delivery.id] = _Held(delivery, now)
            taken_up = steps.take_up(delivery, steps=self._notice.steps, by=self._carrier.transport)
            if taken_up.orphan_possible:
                notices.set_orphans_possible(connection, self._notice.id)
            for move in taken_up.moves:
                self._move(held, move)
        self._write_moves(connection)
        if not taken and not self._held:
            waiting = deliveries.count_in(
                connection, self._notice.id, self._states, sender=self._mailbox
            )
            self._open_elsewhere = waiting > 0

    def _holders_gone(self, connection: Connection, now: datetime) -> list[str]:
        """Holders on this machine whose process is gone: no need to wait for their lease."""
        last = self._looked_for_gone_at
        if last is None or (not self._held and now - last > timedelta(seconds=1)):
            self._looked_for_gone_at = now
            holders = claims.claim_holders(connection, self._notice.id)
            self._gone = [holder for holder in holders if is_gone(holder)]
        return self._gone

    def _begin(self, connection: Connection) -> list[tuple[Delivery, Call]]:
        now = self._now()
        self._pacing.look(connection)
        free = self._pacing.in_flight_now - sum(held.calling for held in self._held.values())
        calling: list[tuple[_Held, Call]] = []
        for held in sorted(self._held.values(), key=_most_advanced_first):
            if len(calling) >= free:
                break
            if held.calling or held.due > now:
                continue
            step = self._next_call(held.delivery, now)
            if step.due > now or not self._pacing.take(step.call):
                continue
            for move in step.before:
                self._move(held, move)
            held.calling = True
            calling.append((held, step.call))
        self._write_moves(connection)
        self._pacing.spend(connection)
        waiting = bool(self._held) and not any(held.calling for held in self._held.values())
        if waiting:
            self._end_if_waiting_is_pointless(connection)
        return [(held.delivery, call) for held, call in calling if held.delivery.id in self._held]

    def _next_call(self, delivery: Delivery, now: datetime) -> steps.NextCall:
        return steps.next_call(
            delivery,
            steps=self._notice.steps,
            now=now,
            settle=self._settle,
            by=self._carrier.transport,
            message_id=self._carrier.message_id(delivery),
        )

    def _end_if_waiting_is_pointless(self, connection: Connection) -> None:
        if self._pacing.day_is_full:
            self._end(Sent(Ending.DAILY_LIMIT, resume_at=self._pacing.day_free_at(connection)))
        elif (pause := self._pacing.long_pause(connection)) is not None:
            self._end(Sent(Ending.SLOW_DOWN, pause, pause.until))

    def _renew(self, connection: Connection) -> None:
        now = self._now()
        if now - self._claims_renewed_at > self._lease / 4 and self._held:
            self._claims_renewed_at = now
            claims.renew_claims(
                connection, list(self._held), holder=self._holder, until=now + self._lease
            )

    def _seconds_to_wait(self) -> float:
        """Until the next call is due; short, so that Ctrl-C is felt at once."""
        if self._ended is not None:
            return _GRACE_SECONDS
        calling = sum(held.calling for held in self._held.values())
        if calling >= self._pacing.in_flight_now > 0:
            return 0.25  # no thread is free, whatever is due: only an answer changes anything
        now = self._now()
        dues = [held.due for held in self._held.values() if not held.calling]
        wait = min([(due - now).total_seconds() for due in dues], default=0.25)
        return min(max(wait, self._pacing.seconds_until_free, 0.01), 0.25)

    def _counts_if_due(self, connection: Connection) -> DeliveryCounts | None:
        if not self._pacing.report_is_due(self._notice.recipients):
            return None
        return notices.count_deliveries(connection, self._notice)


_UP_TO_DRAFTS = (DeliveryState.DRAFTING, DeliveryState.PLANNED)
_DECIDED = frozenset({DeliveryState.SENT, DeliveryState.FAILED, DeliveryState.UNKNOWN})
_PROGRESS = {
    DeliveryState.SENDING: 0,
    DeliveryState.DRAFTED: 1,
    DeliveryState.DRAFTING: 2,
    DeliveryState.PLANNED: 3,
}


def _most_advanced_first(held: _Held) -> tuple[int, int]:
    return _PROGRESS[held.delivery.state], held.delivery.id


def _only_looked(answer: Answer, move: Move | None) -> bool:
    """Whether Gmail only said that a draft is still there, which gets nobody any further."""
    return answer.call is Call.LOOK and (move is None or move.after is not DeliveryState.SENT)


def _backoff(faults: int) -> timedelta:
    """Longer after each fault in a row, with a share of chance so that many do not come at once."""
    seconds = min(0.25 * 2**faults, 20.0)
    return timedelta(seconds=seconds * random.uniform(0.5, 1.0))  # noqa: S311 - not a secret
