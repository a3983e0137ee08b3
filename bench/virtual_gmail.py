"""A simulated Gmail mailbox, with a clock that jumps and calls that are answered by it.

They replace Google, time and threads, so that the sender's own loop, pace and ledger can run
through weeks in minutes.
"""

from __future__ import annotations

import heapq
import random
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from google_rehearsal.wire.admission import DAY_SECONDS, MINUTE_SECONDS, SlidingWindow
from workflow.google.faults import GoogleFault, Refused, SlowDown, Undecided
from workflow.google.gmail import AcceptedMail, Draft, DraftSeen
from workflow.ledger.deliveries import Delivery
from workflow.model import MailTransport
from workflow.sending.delivery_steps import Answer, Call, TakenBack
from workflow.sending.mailbox import Answered

LATENCY_SECONDS = (0.25, 0.6)
_SLOWED_SECONDS = 20.0


@dataclass
class Clock:
    """A clock that stands still until it is moved."""

    at: datetime

    def __call__(self) -> datetime:
        """The time."""
        return self.at

    def move_to(self, instant: datetime) -> None:
        """Jump forward to an instant; never back."""
        self.at = max(self.at, instant)


class VirtualCalls:
    """A replacement for the sender's threads: a call is made when its answer is due."""

    def __init__(
        self,
        carry: Callable[[Delivery, Call], object],
        now: Clock,
        *,
        threads: int,
        may_call: Callable[[], bool],
    ) -> None:
        del may_call  # its clock does not sleep
        self._carry = carry
        self._clock = now
        self._dice = random.Random(threads)
        self._under_way: list[tuple[datetime, int, datetime, Delivery, Call]] = []
        self._asked = 0

    def ask(self, delivery: Delivery, call: Call) -> None:
        """Begin a call; its duration is random."""
        began_at = self._clock()
        seconds = self._dice.uniform(*LATENCY_SECONDS)
        self._asked += 1
        due = (began_at + timedelta(seconds=seconds), self._asked, began_at, delivery, call)
        heapq.heappush(self._under_way, due)

    def answers(self, wait_seconds: float) -> list[Answered]:
        """The answers that are due; moves the clock to the first one, or by the whole wait."""
        until = self._clock() + timedelta(seconds=max(wait_seconds, 0))
        first = self._under_way[0][0] if self._under_way else until
        self._clock.move_to(min(first, until))
        found = []
        while self._under_way and self._under_way[0][0] <= self._clock():
            _, _, began_at, delivery, call = heapq.heappop(self._under_way)
            found.append(self._answered(delivery, call, began_at))
        return found

    def dismiss(self) -> None:
        """There are no threads to end."""

    def _answered(self, delivery: Delivery, call: Call, began_at: datetime) -> Answered:
        try:
            result = self._carry(delivery, call)
        except GoogleFault as fault:
            return Answered(delivery, Answer(call, began_at, fault=fault))
        return Answered(delivery, Answer(call, began_at, result))


@dataclass(frozen=True)
class Faults:
    """How often each fault happens: shares of calls, and for `refused` of drafts."""

    lost: float = 0.005
    slowed: float = 0.0005
    refused: float = 0.001


@dataclass
class VirtualGmail:
    """One mailbox. It refuses and counts calls over its units a minute or its mails a day.

    `copies` has the number of mails of each delivery, `overdrawn` how often the sender asked for
    more than its account may, `faults_met` the faults that happened, `sent_at` the last day's mails
    in seconds since 1970.
    """

    clock: Clock
    units_per_minute: int
    daily_limit: int
    faults: Faults
    dice: random.Random
    transport: MailTransport = MailTransport.GMAIL
    copies: Counter[int] = field(default_factory=Counter)
    overdrawn: int = 0
    faults_met: Counter[str] = field(default_factory=Counter)
    sent_at: deque[float] = field(default_factory=deque)
    _drafts: set[str] = field(default_factory=set)
    _units: SlidingWindow = field(default_factory=SlidingWindow)
    _made: int = 0

    def message_id(self, _delivery: Delivery) -> str:
        """Empty: Gmail sets the id itself when it sends."""
        return ""

    def carry(self, delivery: Delivery, call: Call) -> object:
        """Make a call. Raises GoogleFault."""
        now = self.clock().timestamp()
        self._charge(call, now)
        if call.sends:
            self._count_the_day(now)
        if self.dice.random() < self.faults.slowed:
            self.faults_met["asked to slow down"] += 1
            raise SlowDown("Slow down.", until=self._in(_SLOWED_SECONDS))
        if call is Call.CREATE_DRAFT and self.dice.random() < self.faults.refused:
            self.faults_met["refused"] += 1
            raise Refused("No such mailbox.", status=400)
        result = self._do(delivery, call)
        if call.sends:
            self.sent_at.append(now)
        if self.dice.random() < self.faults.lost:
            self.faults_met["answer lost"] += 1
            raise Undecided("The answer was lost.")
        return result

    def _do(self, delivery: Delivery, call: Call) -> object:
        if call in {Call.LOOK, Call.CONFIRM}:
            there = delivery.draft_id in self._drafts
            return DraftSeen("", "", frozenset({"DRAFT"})) if there else None
        if call in {Call.WITHDRAW, Call.REPLACE}:
            there = delivery.draft_id in self._drafts
            self._drafts.discard(delivery.draft_id)
            return TakenBack.DELETED if there else None
        self._made += 1
        name = f"{self._made:x}"
        if call is Call.CREATE_DRAFT:
            self._drafts.add(f"r{name}")
            return Draft(f"r{name}", f"m{name}", f"t{name}")
        if call is Call.SEND_DRAFT:
            if delivery.draft_id not in self._drafts:
                raise Refused("Gone.", status=404)
            self._drafts.remove(delivery.draft_id)
        self.copies[delivery.id] += 1
        return AcceptedMail(f"s{name}", delivery.thread_id)

    def _charge(self, call: Call, now: float) -> None:
        limit = self.units_per_minute
        room_at = self._units.charge(
            "units", call.units, limit=limit, seconds=MINUTE_SECONDS, now=now
        )
        if room_at:
            self.overdrawn += 1
            raise SlowDown("Too many units.", until=self._in(room_at - now))

    def _count_the_day(self, now: float) -> None:
        while self.sent_at and self.sent_at[0] <= now - DAY_SECONDS:
            self.sent_at.popleft()
        if len(self.sent_at) >= self.daily_limit:
            self.overdrawn += 1
            raise SlowDown("Too many mails today.", daily=True)

    def _in(self, seconds: float) -> datetime:
        return self.clock() + timedelta(seconds=seconds)
