"""What a sender holds: deliveries, claimed, renewed and released; and its share of the pace.

The sender's view of a row counts only while its lease holds and its last transaction was certainly
committed. After a sleep, or a ledger lost midway, the rows are read back before anything else
happens.

`LedgerWait` waits for an unreachable ledger: it says so once, retries, and says when it is back.

Also what may still be sent today, and from which mailboxes.
"""

from __future__ import annotations

import math
import random
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TypeVar

from sqlalchemy.engine import Connection

from workflow.google.faults import SlowDown, Undecided
from workflow.google.gmail import DraftRead
from workflow.ledger import claims, deliveries, edited_drafts, notices
from workflow.ledger.claims import holder_name, is_gone
from workflow.ledger.databases.storage import Ledger
from workflow.ledger.deliveries import Delivery, Transition
from workflow.ledger.faults import LedgerOutOfReach
from workflow.model import DeliveryState, MailTransport
from workflow.sending.delivery_steps import Answer, Call, Move, may_have_left_a_draft, proof_of
from workflow.sending.mailbox import Answered
from workflow.times.clocks import Lease, Reading
from workflow.workspace import Workspace

# --- Deliveries -----------------------------------------------------------------------------------

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

    `states` are the states that it works on; a call has had its effect `settle` after it was made.
    Every method with a connection belongs to one turn, and counts once that is committed: after a
    failed turn, `restore` what `snapshot` gave before it.
    """

    notice_id: str
    mailbox: str
    states: tuple[DeliveryState, ...]
    lease: Lease
    settle: timedelta
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

        A mail that Gmail has accepted, or that was seen sent, is sent; one whose draft Gmail has
        deleted is not. A draft that was made has no row.
        """
        asked = answered.delivery
        proven = proof_of(asked, answered.answer)
        if proven is not None and proven.after is DeliveryState.SENT:
            deliveries.prove_sent(
                connection,
                asked.id,
                answered_call=asked.call_id,
                sent_draft=asked.draft_id,
                facts=proven.facts,
            )
        elif proven is not None:
            deliveries.prove_deleted(
                connection, asked.id, deleted_draft=asked.draft_id, facts=proven.facts
            )
        if may_have_left_a_draft(answered.answer):
            self.note_orphan(connection, answered.answer)

    def note_orphan(self, connection: Connection, answer: Answer) -> None:
        """Write down that a draft without a row may exist, or may still be made."""
        if isinstance(answer.fault, Undecided):
            self.note_abandoned(connection, answer.began_at)
        else:
            self._note_orphan_until(connection, answer.began_at)

    def note_abandoned(self, connection: Connection, called_at: datetime) -> None:
        """Write down the same of a call whose answer nobody has: Gmail may still carry it out."""
        until = called_at + min(self.settle, notices.LONGEST_DRAFTING)
        self._note_orphan_until(connection, until)

    def _note_orphan_until(self, connection: Connection, until: datetime) -> None:
        notices.set_orphans_possible(connection, self.notice_id, until)
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


# A connection that was cut while the database stays: try again this soon, and say nothing.
_UNNOTICED_SECONDS = (0.1, 0.2, 0.4, 0.8)


def rerun(job: Callable[[], _T], until_reached: Callable[[LedgerOutOfReach], None]) -> _T:
    """Run a job that may be run again, and rerun it each time the ledger is lost and back."""
    while True:
        try:
            return job()
        except LedgerOutOfReach as fault:
            until_reached(fault)


class LedgerWait:
    """Wait for a ledger. Safe to use from several threads: one waits and speaks for all.

    `say` shows a person a line. Ctrl-C ends the wait. So do `longest` seconds, over all waits until
    the ledger was there for a minute.
    """

    def __init__(
        self, ledger: Ledger, say: Callable[[str], None], longest: float = math.inf
    ) -> None:
        self._ledger = ledger
        self._say = say
        self._longest = longest
        self._given_up = False
        self._lock = threading.Lock()
        self._times = 0
        self._tries = 0
        self._waited = 0.0
        self._back_at = 0.0

    def through(self, job: Callable[[], _T]) -> _T:
        """Run a job, and rerun it each time the ledger is lost."""
        return rerun(job, self.until_reached)

    def until_reached(self, fault: LedgerOutOfReach) -> None:
        """Wait until the ledger can be written. Raises `LedgerUnavailable` if it never can.

        That is a ledger that was moved, or that no longer lets us in. Raises `fault` if the wait
        takes too long.
        """
        times = self._times
        with self._lock:
            if times != self._times:  # another thread has waited for all meanwhile
                return
            if self._given_up:
                raise fault
            lost_at = time.monotonic()
            if lost_at - self._back_at > _SOUND_SECONDS:
                self._tries, self._waited = 0, 0.0
            if not self._is_back_at_once():
                self._wait_aloud(fault, lost_at)
            self._back_at = time.monotonic()
            self._waited += self._back_at - lost_at
            self._times += 1

    def _is_back_at_once(self) -> bool:
        for seconds in _UNNOTICED_SECONDS:
            time.sleep(seconds)
            if self._is_reached():
                return self._waited < self._longest
        return False

    def _wait_aloud(self, fault: LedgerOutOfReach, lost_at: float) -> None:
        limited = self._longest < math.inf
        until = f"for up to {self._longest:.0f} s" if limited else "until it is back"
        self._say(f"{fault.what}; trying again {until}.")
        is_reached = False
        while not is_reached:
            pause = pause_seconds(self._tries, random.random())  # noqa: S311 - no secret
            left = lost_at + self._longest - self._waited - time.monotonic()
            if left <= 0:
                self._given_up = True
                raise fault
            time.sleep(min(pause, left))
            self._tries += 1
            is_reached = self._is_reached()
        self._say(f"The ledger is there again after {time.monotonic() - lost_at:,.0f} s. Going on.")

    def _is_reached(self) -> bool:
        # Old connections are dead, perhaps without a notification: using one would take much longer
        # than opening a new one.
        self._ledger.close()
        try:
            with self._ledger.share():
                return True
        except LedgerOutOfReach:
            return False


# --- Pace -----------------------------------------------------------------------------------------

# A day, and a minute for mails that reach Gmail a little later than they were counted here.
DAY = timedelta(hours=24, minutes=1)
_REPORT_EVERY = timedelta(seconds=0.5)
# Counting looks at every row of a notice (0.1 µs each). In a list of a million, twice a second for
# each of twenty mailboxes, it took more than all else together (measured).
_REPORT_EVERY_EACH = timedelta(microseconds=20)
# Read other processes' sends for the same account this often.
_DAY_COUNTED_EVERY = timedelta(seconds=5)
# A 429 among calls that succeed: fewer concurrent calls from now on, and a short pause.
_SHORT_PAUSE = timedelta(seconds=0.25)
_PAUSE_AT_MOST_SECONDS = 60.0
# This many 429s in a row without a success: pause for 15 minutes.
_ASKED_IN_VAIN = 6
_LONG_PAUSE = timedelta(minutes=15)


@dataclass(frozen=True)
class Limits:
    """The account's limits. Units are Gmail's quota units per minute, or a relay's mails."""

    units_per_minute: int
    daily_limit: int
    in_flight: int
    # A draft's extra cost: reading the mail that it answers.
    units_to_read_a_thread: int = 0


class Pacing:
    """One sender's share of its account's pace, shared with all others through the ledger."""

    # A short wait for a person at a terminal; a longer one is reported, and `resume` continues.
    longest_wait = timedelta(seconds=90)

    def __init__(
        self,
        sender: str,
        limits: Limits,
        now: Callable[[], datetime],
        transport: MailTransport = MailTransport.GMAIL,
    ) -> None:
        self._mailbox = sender
        self._transport = transport
        # A mailbox's quota at Gmail and a relay's are independent.
        own = transport is MailTransport.GMAIL
        self._sender = sender if own else f"{transport} {sender}"
        self._limits = limits
        self._now = now
        self._in_flight_now = limits.in_flight
        self._slowed_at: datetime | None = None
        self._in_vain = 0
        self._well = 0
        self._paused_until: datetime | None = None
        self._units_free = 0
        self._units_taken = 0
        self._sends_left = limits.daily_limit
        self._day_counted_at: datetime | None = None
        self._reported_at: datetime | None = None
        self.seconds_until_free = 0.0

    @property
    def in_flight(self) -> int:
        """The largest number of calls that may be under way."""
        return self._limits.in_flight

    @property
    def in_flight_now(self) -> int:
        """How many calls may be under way now; 0 while Gmail asked to wait."""
        if self._paused_until is not None and self._paused_until > self._now():
            return 0
        return self._in_flight_now

    @property
    def day_is_full(self) -> bool:
        """Whether the account has sent its limit of mails in 24 hours."""
        return self._sends_left <= 0

    def look(self, connection: Connection) -> None:
        """Read what all processes of this sender have spent, and lock it meanwhile."""
        claims.hold_units(connection, self._sender)
        now = self._now()
        self._paused_until = claims.paused_until(connection, self._sender)
        self._units_free = claims.units_free(
            connection, self._sender, second=_second(now), budget=self._limits.units_per_minute
        )
        self.seconds_until_free = 0.0
        if self._day_counted_at is None or now - self._day_counted_at > _DAY_COUNTED_EVERY:
            self._day_counted_at = now
            sent = deliveries.count_sent_since(
                connection, self._mailbox, now - DAY, transport=self._transport
            )
            self._sends_left = self._limits.daily_limit - sent

    def take(self, call: Call) -> bool:
        """Take a call's units if available. A draft also needs room for its sending."""
        is_draft = call is Call.CREATE_DRAFT
        cost = call.units + (self._limits.units_to_read_a_thread if is_draft else 0)
        needed = cost + (Call.SEND_DRAFT.units if is_draft else 0)
        if (call.sends or is_draft) and self._sends_left <= 0:
            return False
        if needed > self._units_free:
            self.seconds_until_free = 0.25
            return False
        if call.sends:
            self._sends_left -= 1
        self._units_free -= cost
        self._units_taken += cost
        return True

    def spend(self, connection: Connection) -> None:
        """Write down the units taken since the last time, before the calls are made."""
        units, self._units_taken = self._units_taken, 0
        if units:
            claims.spend_units(connection, self._sender, units, second=_second(self._now()))

    def slow_down(self, connection: Connection, fault: SlowDown, began_at: datetime) -> datetime:
        """Make all senders of the account wait, as Gmail asked. Returns until when.

        The pace falls and rises as TCP's does (RFC 5681): half as many concurrent calls after a
        429, one more after each round that succeeds. The pause grows only while no call succeeds.
        Calls that were under way together are rejected together: that counts once; `began_at` is
        when this one was made.
        """
        now = self._now()
        if self.in_flight_now and (self._slowed_at is None or began_at >= self._slowed_at):
            self._slowed_at = now
            self._in_vain += 1
            self._well = 0
            self._in_flight_now = max(1, self._in_flight_now // 2)
            self._paused_until = now + self._pause()
        until = self._paused_until or now
        if fault.until is not None and fault.until > now:  # clocks differ: the time may have passed
            until = fault.until
        elif self._in_vain > _ASKED_IN_VAIN:
            until = now + _LONG_PAUSE
        claims.pause_sender(connection, self._sender, until=until, reason=fault.sentence)
        self._paused_until = until
        return until

    def _pause(self) -> timedelta:
        """How long to wait after a 429: longer each time while no call succeeds."""
        if self._in_vain == 1:
            return _SHORT_PAUSE
        return timedelta(seconds=min(2.0**self._in_vain, _PAUSE_AT_MOST_SECONDS))

    def long_pause(self, connection: Connection) -> SlowDown | None:
        """Gmail's earlier request to wait, if it is too long to sit out; else None."""
        until = self._paused_until
        if until is None or until - self._now() <= self.longest_wait:
            return None
        return SlowDown(claims.pause_reason(connection, self._sender), until=until)

    def went_well(self) -> None:
        """Allow one more concurrent call after a round that succeeded."""
        self._well += 1
        self._in_vain = 0
        if self._well >= self._in_flight_now:
            self._well = 0
            self._in_flight_now = min(self._limits.in_flight, self._in_flight_now + 1)

    def day_free_at(self, connection: Connection) -> datetime | None:
        """When the first of the last 24 hours' mails drops out of the count."""
        oldest = deliveries.oldest_sent_since(
            connection, self._mailbox, self._now() - DAY, transport=self._transport
        )
        return None if oldest is None else oldest + DAY

    def report_is_due(self, recipients: int) -> bool:
        """Whether to show the counts of this many recipients again."""
        now = self._now()
        every = max(_REPORT_EVERY, recipients * _REPORT_EVERY_EACH)
        if self._reported_at is not None and now - self._reported_at < every:
            return False
        self._reported_at = now
        return True


def _second(now: datetime) -> int:
    return int(now.timestamp())


@dataclass(frozen=True)
class Today:
    """What all mailboxes of a plan sent in the last 24 hours, and may send in that time."""

    sent: int
    limit: int

    @property
    def left(self) -> int:
        """How many mails may still be sent today."""
        return max(0, self.limit - self.sent)


def senders_of(workspace: Workspace, transport: MailTransport) -> tuple[str, ...]:
    """The mailboxes among which a list is divided, in lower case; none if there is only one."""
    if transport is not MailTransport.GMAIL:
        return ()
    return tuple(each.lower() for each in workspace.settings.config.senders)


def left_today(workspace: Workspace, senders: tuple[str, ...]) -> dict[str, int]:
    """What each of these mailboxes may still send through Gmail today."""
    limit = workspace.settings.config.sending.daily_limit
    since = workspace.wall() - DAY
    with workspace.ledger.read() as connection:
        return {
            sender: max(0, limit - deliveries.count_sent_since(connection, sender, since))
            for sender in senders
        }


def today(
    workspace: Workspace, transport: MailTransport, left: Mapping[str, int], from_address: str
) -> Today:
    """The use of today's limit. `left` is each mailbox's room; empty for the one that sent last.

    A relay counts by the address in From.
    """
    config = workspace.settings.config
    if left:
        limit = config.sending.daily_limit * len(left)
        return Today(limit - sum(left.values()), limit)
    relays = transport is MailTransport.SMTP_RELAY
    limit = config.smtp.daily_limit if relays else config.sending.daily_limit
    since = workspace.wall() - DAY
    with workspace.ledger.read() as connection:
        sender = notices.last_sender(connection, profile=workspace.settings.profile)
        if relays and from_address:
            sender = from_address
        if not sender:
            return Today(0, limit)
        sent = deliveries.count_sent_since(connection, sender, since, transport=transport)
        return Today(sent, limit)
