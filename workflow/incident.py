"""Incidents, their timeline and their notices: plain values and the rules that hold for them.

Nothing here knows a network, a clock or a disk. Every `datetime` is aware.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from zoneinfo import ZoneInfo


class Status(StrEnum):
    """Where an incident stands."""

    INVESTIGATING = "investigating"
    IDENTIFIED = "identified"
    MONITORING = "monitoring"
    RESOLVED = "resolved"

    @property
    def label(self) -> str:
        """The word as the doc shows it: `Investigating`."""
        return self.value.capitalize()


class Stage(StrEnum):
    """What a notice tells the customers."""

    INVESTIGATING = "investigating"
    IDENTIFIED = "identified"
    UPDATE = "update"
    MONITORING = "monitoring"
    RESOLVED = "resolved"
    POSTMORTEM = "postmortem"
    CORRECTION = "correction"


class Statement(StrEnum):
    """What is said of an incident at its start and is often wrong: it can be said anew."""

    IMPACT = "impact"
    SEVERITY = "severity"


class MailTransport(StrEnum):
    """What carries the mails of a notice to the customers' mail servers."""

    GMAIL = "gmail"
    SMTP_RELAY = "smtp-relay"

    @property
    def label(self) -> str:
        """What has accepted a mail: `accepted by Gmail`, `accepted by the SMTP relay`."""
        return "Gmail" if self is MailTransport.GMAIL else "the SMTP relay"


class DeliveryState(StrEnum):
    """What is known of one recipient's mail. `workflow.ledger` holds the table of allowed moves."""

    PLANNED = "planned"
    DRAFTING = "drafting"
    DRAFTED = "drafted"
    SENDING = "sending"
    SENT = "sent"
    FAILED = "failed"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Incident:
    """One customer-facing mistake, from the first sign of it to the closed loop.

    `started_at`, `resolved_at`, `closed_at` and `locked_at` are instants; people see them in
    `time_zone` (an IANA name). `doc_id` and `doc_url` are empty until the Google Doc exists.
    `close_reason` is why it was closed although something was left open; `locked_at` since when
    the doc is locked against edits.
    """

    id: str
    title: str
    started_at: datetime
    time_zone: str
    status: Status = Status.INVESTIGATING
    impact: str = ""
    severity: str = ""
    owner: str = ""
    resolved_at: datetime | None = None
    closed_at: datetime | None = None
    doc_id: str = ""
    doc_url: str = ""
    variables: dict[str, str] = field(default_factory=dict)
    close_reason: str = ""
    locked_at: datetime | None = None

    @property
    def zone(self) -> ZoneInfo:
        """The zone in which people read this incident's times."""
        return ZoneInfo(self.time_zone)


@dataclass(frozen=True)
class TimelineEntry:
    """One thing that happened, as a person said it.

    `at` is when it happened, `recorded_at` when it was said. `text` is kept to the letter.
    `struck_at` is when somebody took it back: it stays, struck through.
    """

    id: str
    at: datetime
    text: str
    recorded_at: datetime
    by: str = ""
    link: str = ""
    struck_at: datetime | None = None


@dataclass(frozen=True)
class DeliveryCounts:
    """How many recipients of a notice stand where. `pending` is everything not yet decided."""

    sent: int = 0
    failed: int = 0
    unknown: int = 0
    pending: int = 0
    skipped: int = 0

    @property
    def total(self) -> int:
        """All recipients of the plan, those skipped left out."""
        return self.sent + self.failed + self.unknown + self.pending


@dataclass(frozen=True)
class Shortfall:
    """A recipient who did not surely get the mail, and why. `row` is the row in the list's file."""

    email: str
    row: int
    reason: str


def clock_text(at: datetime, zone: ZoneInfo) -> str:
    """A time of day as people write it, with its zone: `2:39 PM CET`, `2:39 PM UTC+03`."""
    local = at.astimezone(zone)
    half = "AM" if local.hour < 12 else "PM"
    return f"{local.hour % 12 or 12}:{local:%M} {half} {zone_text(local)}"


def date_text(at: datetime, zone: ZoneInfo) -> str:
    """A date that no country misreads: `24 Nov 2026`."""
    local = at.astimezone(zone)
    return f"{local.day} {_MONTHS[local.month - 1]} {local.year}"


def moment_text(at: datetime, zone: ZoneInfo) -> str:
    """A date and time with its zone: `24 Nov 2026, 2:39 PM CET`."""
    return f"{date_text(at, zone)}, {clock_text(at, zone)}"


def zone_text(local: datetime) -> str:
    """The zone's abbreviation where it has one in letters, else `UTC+03`."""
    name = local.tzname() or "UTC"
    return f"UTC{name}" if name[:1] in "+-" else name


def duration_text(seconds: float) -> str:
    """A length of time in words, to the minute: `4 h 6 min`, `2 d 3 h`, `under a minute`."""
    minutes = int(seconds // 60)
    if minutes < 1:
        return "under a minute"
    days, rest = divmod(minutes, 24 * 60)
    hours, minutes = divmod(rest, 60)
    parts = [(days, "d"), (hours, "h"), (minutes if not days else 0, "min")]
    return " ".join(f"{count} {unit}" for count, unit in parts if count)


# Not strftime's %b: that follows the machine's locale, and a doc is read by people of many.
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
