"""Send a notice from one mailbox: from the plan to a result for everyone.

One loop owns the ledger; threads make the calls. Each turn of the loop is one transaction: the
meaning of the answers, and the calls about to be made, are committed before any further call is
made. Stop it anywhere, and the ledger says for each mail what is known and what has to be asked.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy.engine import Connection

from workflow.google.faults import (
    GoogleFault,
    NotCalled,
    Refused,
    SignInNeeded,
    SlowDown,
    Undecided,
    Unreachable,
)
from workflow.ledger import claims, deliveries, notices
from workflow.ledger.databases.storage import Ledger
from workflow.ledger.deliveries import Delivery
from workflow.ledger.faults import LedgerOutOfReach
from workflow.ledger.notices import Notice
from workflow.model import DeliveryCounts, DeliveryState
from workflow.sending import delivery_steps as steps
from workflow.sending.delivery_steps import Answer, Call, Move
from workflow.sending.hands import Hands, Held, Pacing
from workflow.sending.mailbox import Answered, Callers, Carrier
from workflow.times.clocks import Lease

# How long Ctrl-C waits for answers that are about to arrive.
_GRACE_SECONDS = 0.4
# Google counts as out of reach after this many failures in a row, with nothing done in between.
# With only a few mails in hand, this many for each.
_PATIENCE = 12
_PATIENCE_EACH = 4
# Report a wait for others that is longer than this.
_SILENT = timedelta(seconds=5)


def lease_length(timeout_seconds: float) -> timedelta:
    """How long a claim holds without being renewed; it is renewed every quarter of that.

    Longer than a call takes, and always shorter than `deliveries.LONGEST_LEASE`.
    """
    return timedelta(seconds=2 * min(timeout_seconds, 120) + min(30, 10 * timeout_seconds))


def give_up(fault: LedgerOutOfReach) -> None:
    """Don't wait for a ledger."""
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
class SenderEnd:
    """How the sender ended: why, on which failure, and when to continue.

    `sender` is the mailbox concerned, "" if there is only one. `orphans_possible`: a draft without
    a row may exist.
    """

    ending: Ending
    fault: GoogleFault | None = None
    resume_at: datetime | None = None
    sender: str = ""
    orphans_possible: bool = False


class Order(StrEnum):
    """What to do with a notice's mails."""

    SEND = "send"
    WITHDRAW = "withdraw"


class Sender:
    """Send what a notice still has to send from one mailbox, together with other senders.

    `mailbox` is as in the ledger: "" for the notice's own. `order` can withdraw the mails instead.
    `until_reached` waits for an unreachable ledger, or raises the failure that it gets; `say` shows
    a person a line during a long wait.
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
        order: Order = Order.SEND,
        timeout_seconds: float,
        stop: threading.Event,
        report: Callable[[DeliveryCounts], None],
        until_reached: Callable[[LedgerOutOfReach], None] = give_up,
        say: Callable[[str], None] = lambda _line: None,
    ) -> None:
        self._ledger = ledger
        self._notice = notice
        self._mailbox = mailbox
        self._order = order
        self._carrier = carrier
        self._pacing = pacing
        self._now = now
        # Twice the client's time-out: that counts from the last byte, and a server may be slower.
        self._settle = timedelta(seconds=2 * timeout_seconds + 1)
        self._stop = stop
        self._report = report
        self._until_reached = until_reached
        self._say = say
        # A held notice stops at its drafts, so that somebody can review them.
        self._rests = notice.held and order is Order.SEND
        self._hands = Hands(
            notice.id,
            mailbox,
            states=_UP_TO_DRAFTS if self._rests else deliveries.ORDER_OF_WORK,
            lease=Lease(lease_length(timeout_seconds)),
            settle=self._settle,
        )
        self._unwritten: list[Answered] = []
        self._is_reached = True
        self._callers = Callers(
            carrier.carry, now, threads=pacing.in_flight, may_call=self._hands.lease.holds
        )
        self._faults_in_a_row = 0
        self._ended: SenderEnd | None = None
        self._waiting_since: datetime | None = None
        self._told_of_wait = False

    def run(self) -> SenderEnd:
        """Work until every recipient is decided, or until there is a reason to stop."""
        try:
            while True:
                for delivery, call in self._turn_once_reached():
                    self._callers.ask(delivery, call)
                if self._over():
                    break
                self._unwritten = self._callers.answers(self._seconds_to_wait())
                if self._stop.is_set():
                    self._ended = SenderEnd(Ending.STOPPED)
        finally:
            if self._is_reached:  # else the claims expire by themselves
                self._leave()
            self._callers.dismiss()
        ended = self._ended or SenderEnd(Ending.DRAFTED if self._rests else Ending.DONE)
        return replace(ended, orphans_possible=self._hands.orphans_possible)

    def _over(self) -> bool:
        calling = self._hands.calls_out > 0
        if self._ended is not None:
            return not calling or self._ended.ending is Ending.STOPPED
        return not calling and not self._hands.held and not self._hands.open_elsewhere

    def _leave(self) -> None:
        """Record the answers that still arrive, and release the rest to the next process."""
        waited = [] if self._ended is None else self._callers.answers(_GRACE_SECONDS)
        with self._ledger.share() as connection:
            self._record(connection, waited)
            self._hands.release(connection)
            counts = notices.count_deliveries(connection, self._notice)
        self._report(counts)

    def _turn_once_reached(self) -> list[tuple[Delivery, Call]]:
        """Run a turn; if the ledger is lost, run the same turn again once it is reachable.

        It may have been committed before its answer was lost: so the rows are read back first.
        """
        tries = 0
        while True:
            held, faults = self._hands.snapshot(), self._faults_in_a_row
            try:
                calls = self._turn()
            except LedgerOutOfReach as fault:
                self._is_reached = False
                self._hands.restore(held)
                self._faults_in_a_row = faults
                if tries:  # else perhaps only our connection is lost: the next try makes a new one
                    self._until_reached(fault)
                tries += 1
            else:
                self._is_reached = True
                self._hands.committed(self._unwritten, (each.call_id for each, _call in calls))
                self._unwritten = []
                return calls

    def _turn(self) -> list[tuple[Delivery, Call]]:
        with self._ledger.share() as connection:
            for delivery_id, call in self._hands.keep(connection, self._now()).items():
                self._note_never_made(self._hands.held[delivery_id], call)
            self._record(connection, self._unwritten)
            calls: list[tuple[Delivery, Call]] = []
            if self._ended is None:
                self._claim(connection)
                calls = self._begin(connection)
            counts = self._counts_if_due(connection)
        if counts is not None:
            self._report(counts)
        return calls

    # What the answers mean

    def _note_never_made(self, held: Held, call: Call) -> None:
        """A call that was recorded before the ledger was lost: it was certainly not made."""
        fault = NotCalled("The ledger was lost before the call was made.")
        self._take_in(held, Answer(call, self._now(), fault=fault), None)

    def _record(self, connection: Connection, answers: list[Answered]) -> None:
        for answered in answers:
            if answered.defect is not None:
                raise answered.defect
            held = self._hands.holding(answered)
            if held is None:
                self._note_fault(connection, None, answered.answer)
                self._hands.note_late(connection, answered)
                continue
            self._note_fault(connection, held, answered.answer)
            self._take_in(held, answered.answer, answered)
            if answered.answer.fault is not None and steps.may_have_left_a_draft(answered.answer):
                self._hands.note_orphan(connection, answered.answer)
        self._hands.write_moves(connection)

    def _take_in(self, held: Held, answer: Answer, answered: Answered | None) -> None:
        """Move a delivery by the answer to its call; its call is over from then on."""
        held.calling = False
        if answer.call is Call.CREATE_DRAFT and answer.fault is None:
            held.made_at = answer.began_at
        move = steps.after_answer(held.delivery, answer, settle=self._settle)
        if answer.fault is None and not _only_looked(answer, move):
            held.faults = self._faults_in_a_row = 0
        if move is None:
            again = steps.look_again_at(held.delivery, answer, self._settle)
            held.due = max(held.due, again)
            move = Move(held.delivery.state)
        self._move(held, Move(move.after, {**move.facts, "call_id": ""}), answered)

    def _note_fault(self, connection: Connection, held: Held | None, answer: Answer) -> None:
        now, fault = self._now(), answer.fault
        if fault is None:
            self._pacing.went_well()
            if held is not None:
                held.due = now
        elif isinstance(fault, SignInNeeded):
            self._end(SenderEnd(Ending.SIGN_IN, fault))
        elif isinstance(fault, SlowDown):
            self._slow_down(connection, fault, answer.began_at)
        elif isinstance(fault, NotCalled) or held is None:
            pass  # our own choice, or somebody else's row by now: it says nothing about Google
        elif isinstance(fault, (Undecided, Unreachable)) or _keeps_its_draft(answer):
            held.faults += 1
            self._faults_in_a_row += 1
            held.due = now + _backoff(held.faults)
            if self._out_of_patience():
                self._end(SenderEnd(Ending.UNREACHABLE, fault))

    def _out_of_patience(self) -> bool:
        many = self._faults_in_a_row >= max(_PATIENCE, 3 * self._pacing.in_flight)
        return many or all(held.faults >= _PATIENCE_EACH for held in self._hands.held.values())

    def _slow_down(self, connection: Connection, fault: SlowDown, began_at: datetime) -> None:
        if fault.daily:
            self._end(SenderEnd(Ending.DAILY_LIMIT, fault, fault.until))
            return
        until = self._pacing.slow_down(connection, fault, began_at)
        if until - self._now() > self._pacing.longest_wait:
            self._end(SenderEnd(Ending.SLOW_DOWN, fault, until))

    def _end(self, ending: SenderEnd) -> None:
        self._ended = self._ended or replace(ending, sender=self._mailbox)

    def _move(self, held: Held, move: Move, answered: Answered | None = None) -> None:
        rests = self._rests and move.after is DeliveryState.DRAFTED
        self._hands.move(held, move, rests=rests, answered=answered)

    # Choose the next call

    def _claim(self, connection: Connection) -> None:
        wanted = 2 * self._pacing.in_flight - len(self._hands.held)
        if wanted < self._pacing.in_flight and self._hands.held:
            return
        now = self._now()
        taken = self._hands.claim(
            connection, limit=wanted, now=now, until=now + self._hands.lease.length
        )
        for delivery in taken:
            held = self._hands.held[delivery.id]
            taken_up = steps.take_up(
                delivery, steps=self._notice.steps, now=now, by=self._carrier.transport
            )
            if taken_up.orphan_possible:
                self._hands.note_abandoned(connection, min(delivery.called_at or now, now))
            for move in taken_up.moves:
                self._move(held, move)
        self._hands.write_moves(connection)
        self._tell_of_a_long_wait(connection, now)

    def _tell_of_a_long_wait(self, connection: Connection, now: datetime) -> None:
        """Say once which process we wait for, if there is nothing else to do."""
        if self._hands.held or not self._hands.open_elsewhere:
            self._waiting_since = None
            return
        self._waiting_since = self._waiting_since or now
        if self._told_of_wait or now - self._waiting_since <= _SILENT:
            return
        until = claims.last_claim(connection, self._notice.id, now=now)
        if until is not None:
            self._told_of_wait = True
            self._say(
                "Another process is sending the rest of this notice. If it stops, this one takes "
                f"over within {max(1, round((until - now).total_seconds())):,} s."
            )

    def _begin(self, connection: Connection) -> list[tuple[Delivery, Call]]:
        now = self._now()
        self._pacing.look(connection)
        free = self._pacing.in_flight_now - self._hands.calls_out + len(self._unwritten)
        calling: list[tuple[Held, Call]] = []
        for held in sorted(self._hands.held.values(), key=_most_advanced_first):
            if len(calling) >= free:
                break
            if held.calling or held.due > now or self._is_withdrawn(held):
                continue
            step = self._next_call(held, now)
            if step.due > now:
                held.due = step.due
                continue
            if not self._pacing.take(step.call):
                continue
            call_id = self._hands.new_call(step.call)
            for move in step.before:
                self._move(held, Move(move.after, {**move.facts, "call_id": call_id}))
            held.calling = True
            calling.append((held, step.call))
        self._hands.write_moves(connection)
        self._pacing.spend(connection)
        waiting = bool(self._hands.held) and not self._any_calling()
        if waiting:
            self._end_if_waiting_is_pointless(connection)
        held_ids = self._hands.held
        return [(held.delivery, call) for held, call in calling if held.delivery.id in held_ids]

    def _is_withdrawn(self, held: Held) -> bool:
        """Withdraw a delivery that has nothing in the mailbox; False if it has something."""
        if self._order is not Order.WITHDRAW:
            return False
        move = steps.withdrawn_without_a_call(held.delivery)
        if move is not None:
            self._move(held, move)
        return move is not None

    def _next_call(self, held: Held, now: datetime) -> steps.NextCall:
        delivery = held.delivery
        return steps.next_call(
            delivery,
            steps=self._notice.steps,
            now=now,
            by=self._carrier.transport,
            message_id=self._carrier.message_id(delivery),
            withdraw=self._order is Order.WITHDRAW,
            fresh=held.is_fresh(now),
        )

    def _any_calling(self) -> bool:
        return any(held.calling for held in self._hands.held.values())

    def _end_if_waiting_is_pointless(self, connection: Connection) -> None:
        if self._pacing.day_is_full and self._order is Order.SEND:
            self._end(SenderEnd(Ending.DAILY_LIMIT, resume_at=self._pacing.day_free_at(connection)))
        elif (pause := self._pacing.long_pause(connection)) is not None:
            self._end(SenderEnd(Ending.SLOW_DOWN, pause, pause.until))

    def _seconds_to_wait(self) -> float:
        """Until the next call is due; short, so that Ctrl-C is felt at once."""
        if self._ended is not None:
            return _GRACE_SECONDS
        if self._hands.calls_out >= self._pacing.in_flight_now > 0:
            return 0.25  # no thread is free: only an answer changes anything
        now = self._now()
        dues = [held.due for held in self._hands.held.values() if not held.calling]
        wait = min([(due - now).total_seconds() for due in dues], default=0.25)
        return min(max(wait, self._pacing.seconds_until_free, 0.01), 0.25)

    def _counts_if_due(self, connection: Connection) -> DeliveryCounts | None:
        if not self._pacing.report_is_due(self._notice.recipients):
            return None
        return notices.count_deliveries(connection, self._notice)


_UP_TO_DRAFTS = (DeliveryState.DRAFTING, DeliveryState.PLANNED)
_PROGRESS = {
    DeliveryState.SENDING: 0,
    DeliveryState.DRAFTED: 1,
    DeliveryState.DRAFTING: 2,
    DeliveryState.PLANNED: 3,
}


def _most_advanced_first(held: Held) -> tuple[int, int]:
    return _PROGRESS[held.delivery.state], held.delivery.id


def _only_looked(answer: Answer, move: Move | None) -> bool:
    """Whether Gmail only said that a draft still exists, which decides nothing."""
    looks = answer.call in {Call.LOOK, Call.CONFIRM}
    return looks and (move is None or move.after is not DeliveryState.SENT)


def _keeps_its_draft(answer: Answer) -> bool:
    """Whether Gmail refused a retried call: the draft may exist anyway."""
    if not isinstance(answer.fault, Refused):
        return False
    return answer.call in {Call.SEND_DRAFT, Call.WITHDRAW, Call.REPLACE}


def _backoff(faults: int) -> timedelta:
    """Longer after each failure in a row, with some randomness so that many don't come at once."""
    seconds = min(0.25 * 2**faults, 20.0)
    return timedelta(seconds=seconds * random.uniform(0.5, 1.0))  # noqa: S311 - not a secret
