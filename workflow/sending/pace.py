"""The sender's pace: units a minute, concurrent calls, mails a day, and Gmail's limits.

Also what may still be sent today, and from which mailboxes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.engine import Connection

from workflow.google.faults import SlowDown
from workflow.ledger import claims, deliveries, notices
from workflow.model import MailTransport
from workflow.sending.delivery_steps import Call
from workflow.workspace import Workspace

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
