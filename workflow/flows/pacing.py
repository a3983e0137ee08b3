"""The sender's pace: units a minute, calls at a time, mails a day; and what Gmail says of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.engine import Connection

from workflow.flows.delivery_steps import Call
from workflow.google.faults import SlowDown
from workflow.incident import MailTransport
from workflow.ledger import deliveries, pace

# A day, and a minute for mails that reach Gmail a little later than they were counted here.
DAY = timedelta(hours=24, minutes=1)
_REPORT_EVERY = timedelta(seconds=0.5)
# Counting looks at every row of a notice (0.1 µs each). In a list of a million, twice a second for
# each of twenty mailboxes, it took more than all else together (measured).
_REPORT_EVERY_EACH = timedelta(microseconds=20)
# What is sent by others for the same account is read anew this often.
_DAY_COUNTED_EVERY = timedelta(seconds=5)
# Who says "later" so often without taking a single call in between means more than seconds.
_ASKED_IN_VAIN = 6
_LONG_PAUSE = timedelta(minutes=15)


@dataclass(frozen=True)
class Limits:
    """What the account may do. Units are Gmail's quota units per minute, or a relay's mails."""

    units_per_minute: int
    daily_limit: int
    in_flight: int
    # What a draft costs more than its own units: reading the mail that it answers.
    units_to_read_a_thread: int = 0


class Pacing:
    """One sender's share of its account's pace, kept together with all others in the ledger."""

    # A wait that a person at a terminal sits out; a longer one is told, and `resume` goes on.
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
        # What a mailbox may do through Gmail has nothing to do with what a relay takes of it.
        own = transport is MailTransport.GMAIL
        self._sender = sender if own else f"{transport} {sender}"
        self._limits = limits
        self._now = now
        self._in_flight_now = limits.in_flight
        self._slow_downs = 0
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
        """How many calls may be under way at the most."""
        return self._limits.in_flight

    @property
    def in_flight_now(self) -> int:
        """How many calls may be under way now; 0 while Gmail asked to wait."""
        if self._paused_until is not None and self._paused_until > self._now():
            return 0
        return self._in_flight_now

    @property
    def day_is_full(self) -> bool:
        """Whether the account has sent all that it may in 24 hours."""
        return self._sends_left <= 0

    def look(self, connection: Connection) -> None:
        """Read what all processes of this sender have spent; none of them spends meanwhile."""
        pace.hold(connection, self._sender)
        now = self._now()
        self._paused_until = pace.paused_until(connection, self._sender)
        self._units_free = pace.units_free(
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
        """Take a call's units if they are there. A draft also needs room for its sending."""
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
        """Write down what was taken since the last time, before the calls are made."""
        units, self._units_taken = self._units_taken, 0
        if units:
            pace.spend_units(connection, self._sender, units, second=_second(self._now()))

    def slow_down(self, connection: Connection, fault: SlowDown) -> datetime:
        """Gmail asked to slow down: all senders of the account wait. Returns until when.

        Calls that were under way together are turned away together: that is asking once.
        """
        now = self._now()
        if self.in_flight_now:
            self._slow_downs += 1
            self._in_vain += 1
            self._well = 0
            self._in_flight_now = max(1, self._in_flight_now // 2)
            self._paused_until = now + timedelta(seconds=min(2.0**self._slow_downs, 60.0))
        until = self._paused_until or now
        if fault.until is not None and fault.until > now:  # clocks differ: one may have passed
            until = fault.until
        elif self._in_vain > _ASKED_IN_VAIN:
            until = now + _LONG_PAUSE
        pace.pause_sender(connection, self._sender, until=until, reason=fault.sentence)
        self._paused_until = until
        return until

    def long_pause(self, connection: Connection) -> SlowDown | None:
        """What Gmail asked of the account earlier, where it is too long to sit out; else None."""
        until = self._paused_until
        if until is None or until - self._now() <= self.longest_wait:
            return None
        return SlowDown(pace.pause_reason(connection, self._sender), until=until)

    def went_well(self) -> None:
        """After a good while without complaint, one more call at a time."""
        self._well += 1
        self._in_vain = 0
        if self._well >= 20:
            self._well = self._slow_downs = 0
            self._in_flight_now = min(self._limits.in_flight, self._in_flight_now + 1)

    def day_free_at(self, connection: Connection) -> datetime | None:
        """When the first of the last 24 hours' mails drops out of the count."""
        oldest = deliveries.oldest_sent_since(
            connection, self._mailbox, self._now() - DAY, transport=self._transport
        )
        return None if oldest is None else oldest + DAY

    def report_is_due(self, recipients: int) -> bool:
        """Whether a person should be shown the counts of so many recipients again."""
        now = self._now()
        every = max(_REPORT_EVERY, recipients * _REPORT_EVERY_EACH)
        if self._reported_at is not None and now - self._reported_at < every:
            return False
        self._reported_at = now
        return True


def _second(now: datetime) -> int:
    return int(now.timestamp())
