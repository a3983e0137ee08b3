"""Incidents, timeline entries, notices, findings of a check: plain values and their rules.

Nothing here uses a network, a clock or a disk. Every `datetime` is aware.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Literal
from zoneinfo import ZoneInfo


class Status(StrEnum):
    """The status of an incident."""

    INVESTIGATING = "investigating"
    IDENTIFIED = "identified"
    MONITORING = "monitoring"
    RESOLVED = "resolved"

    @property
    def label(self) -> str:
        """The word as the doc shows it: `Investigating`."""
        return self.value.capitalize()


class Stage(StrEnum):
    """The stage that a notice reports to customers."""

    INVESTIGATING = "investigating"
    IDENTIFIED = "identified"
    UPDATE = "update"
    MONITORING = "monitoring"
    RESOLVED = "resolved"
    POSTMORTEM = "postmortem"
    CORRECTION = "correction"


# `update` fits every status before resolved; a correction fits any.
STATUSES_OF_STAGE = {
    Stage.INVESTIGATING: (Status.INVESTIGATING,),
    Stage.IDENTIFIED: (Status.IDENTIFIED,),
    Stage.UPDATE: (Status.INVESTIGATING, Status.IDENTIFIED, Status.MONITORING),
    Stage.MONITORING: (Status.MONITORING,),
    Stage.RESOLVED: (Status.RESOLVED,),
    Stage.POSTMORTEM: (Status.RESOLVED,),
}


class Statement(StrEnum):
    """A statement about an incident that is often wrong at first and can be updated."""

    IMPACT = "impact"
    SEVERITY = "severity"
    TITLE = "title"
    STARTED = "started"
    OWNER = "owner"
    LINKS = "links"


class MailTransport(StrEnum):
    """The way that a notice's mails take to the customers' mail servers."""

    GMAIL = "gmail"
    SMTP_RELAY = "smtp-relay"

    @property
    def label(self) -> str:
        """What has accepted a mail: `accepted by Gmail`, `accepted by the SMTP relay`."""
        return "Gmail" if self is MailTransport.GMAIL else "the SMTP relay"


class DeliveryState(StrEnum):
    """The known state of one recipient's mail. `workflow.ledger` holds the table of allowed moves.

    EDITED is a draft that a person changed in Gmail, until somebody decides about it.
    """

    PLANNED = "planned"
    DRAFTING = "drafting"
    DRAFTED = "drafted"
    EDITED = "edited"
    SENDING = "sending"
    SENT = "sent"
    FAILED = "failed"
    UNKNOWN = "unknown"


class DraftDecision(StrEnum):
    """The decision about a draft that a person changed in Gmail.

    `workflow.ledger.edited_drafts` holds the table of allowed moves. A decision is about the
    content that was shown; OVERTAKEN means that the draft has changed again. BY_HAND and UNCHANGED
    are mails that a person sent in Gmail, with other content than ours or with ours: nothing to
    decide.
    """

    OPEN = "open"
    AS_EDITED = "as edited"
    RESTORE = "restore"
    LEAVE_OUT = "leave out"
    OVERTAKEN = "overtaken"
    BY_HAND = "by hand"
    UNCHANGED = "unchanged"


@dataclass(frozen=True)
class Incident:
    """One customer-facing incident, from its first sign until it is closed.

    `started_at`, `resolved_at`, `closed_at` and `locked_at` are instants; people see them in
    `time_zone` (an IANA name). `doc_id` and `doc_url` are empty until the Google Doc exists.
    `close_reason` is why it was closed with something left open; `locked_at` is when the doc was
    locked against edits. `title` and `impact` are for colleagues; customers read `customer_title`
    and `customer_impact` instead, "" for the same.
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
    customer_title: str = ""
    customer_impact: str = ""

    @property
    def for_customers(self) -> Incident:
        """The incident with the title and impact that customers read."""
        return replace(
            self,
            title=self.customer_title or self.title,
            impact=self.customer_impact or self.impact,
        )

    @property
    def zone(self) -> ZoneInfo:
        """The zone in which people read this incident's times."""
        return ZoneInfo(self.time_zone)

    @property
    def ended_at(self) -> datetime | None:
        """When it ended: resolved, or closed if nobody set it to resolved."""
        return self.resolved_at or self.closed_at


# `/document/d/ID/edit`, `/document/u/0/d/ID?tab=t.0`, `/a/DOMAIN/document/d/ID`, `/open?id=ID`.
_DOC_ID = re.compile(
    r"(?:https?://)?[\w.:-]+/(?:a/[^/]+/)?"
    r"(?:document/(?:u/\d+/)?d/|open\?(?:[^#]*&)?id=)([\w-]+)"
)


def doc_id_in(text: str) -> str:
    """The id in the address of a Google Doc; "" for a name, a path or any other address."""
    found = _DOC_ID.match(text)
    return found[1] if found else ""


def address_of_doc(doc_id: str) -> str:
    """The address that opens a Google Doc in a browser."""
    return f"https://docs.google.com/document/d/{doc_id}/edit"


# The prefix of the id of a notice's entry. Random ids have no vowels, so they never match.
OF_A_NOTICE = "notice"


@dataclass(frozen=True)
class TimelineEntry:
    """One timeline entry, in the words of the person who logged it.

    `at` is when it happened, `recorded_at` when it was logged. `text` is kept exactly. `struck_at`
    is when somebody withdrew it: it stays, struck through.
    """

    id: str
    at: datetime
    text: str
    recorded_at: datetime
    by: str = ""
    link: str = ""
    struck_at: datetime | None = None

    @property
    def is_of_a_notice(self) -> bool:
        """Whether this program wrote the entry itself, for a notice to customers."""
        return self.id.startswith(OF_A_NOTICE)


@dataclass(frozen=True)
class DeliveryCounts:
    """The number of a notice's recipients in each state. `pending` is everything undecided.

    `edited` counts the pending deliveries whose drafts a person changed in Gmail and that wait for
    a decision. `withdrawn` counts the failed deliveries that a person withdrew.
    """

    sent: int = 0
    failed: int = 0
    unknown: int = 0
    pending: int = 0
    skipped: int = 0
    edited: int = 0
    withdrawn: int = 0

    @property
    def refused(self) -> int:
        """The failed deliveries that nobody withdrew."""
        return self.failed - self.withdrawn

    @property
    def rest(self) -> tuple[tuple[int, str], ...]:
        """How many recipients have no accepted mail, and why; without those skipped."""
        every = (
            (self.refused, "failed"),
            (self.withdrawn, "withdrawn"),
            (self.unknown, "unknown"),
            (self.pending, "still to send"),
        )
        return tuple((count, words) for count, words in every if count)

    @property
    def rest_and_skipped(self) -> tuple[tuple[int, str], ...]:
        """The same, and those who already had the mail."""
        skipped = ((self.skipped, "skipped (already had it)"),) if self.skipped else ()
        return (*self.rest, *skipped)

    @property
    def total(self) -> int:
        """All recipients of the plan, without those skipped."""
        return self.sent + self.failed + self.unknown + self.pending


@dataclass(frozen=True)
class Shortfall:
    """A failed or unknown recipient, with the reason. `row` is the row in the list's file."""

    email: str
    row: int
    reason: str


def clock_text(at: datetime, zone: ZoneInfo) -> str:
    """A time of day with its zone, as people write it: `2:39 PM CET`, `2:39 PM UTC+03`."""
    local = at.astimezone(zone)
    half = "AM" if local.hour < 12 else "PM"
    return f"{local.hour % 12 or 12}:{local:%M} {half} {zone_text(local)}"


def date_text(at: datetime, zone: ZoneInfo) -> str:
    """A date that reads the same in every country: `24 Nov 2026`."""
    local = at.astimezone(zone)
    return f"{local.day} {_MONTHS[local.month - 1]} {local.year}"


def moment_text(at: datetime, zone: ZoneInfo) -> str:
    """A date and time with its zone: `24 Nov 2026, 2:39 PM CET`."""
    return f"{date_text(at, zone)}, {clock_text(at, zone)}"


def zone_text(local: datetime) -> str:
    """The zone's abbreviation if it consists of letters, else `UTC+03`."""
    name = local.tzname() or "UTC"
    return f"UTC{name}" if name[:1] in "+-" else name


def duration_text(seconds: float) -> str:
    """A length of time in words, to the minute: `4 h 6 min`, `2 d 3 h`, `less than a minute`."""
    minutes = int(seconds // 60)
    if minutes < 1:
        return "less than a minute"
    days, rest = divmod(minutes, 24 * 60)
    hours, minutes = divmod(rest, 60)
    parts = [(days, "d"), (hours, "h"), (minutes if not days else 0, "min")]
    return " ".join(f"{count} {unit}" for count, unit in parts if count)


def with_full_stop(words: str) -> str:
    """A sentence with its full stop, unless it ends with a quotation that has its own."""
    return words if words.endswith((".”", "!”", "?”", "…”")) else f"{words}."


def counted(number: int, one: str, many: str = "") -> str:
    """A number with its noun, singular or plural: `1 customer`, `2,000 entries`."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def people(count: int) -> str:
    """A number of customers: `1 customer`, `1,200 customers`."""
    return counted(count, "customer")


def between_text(begun: datetime, ended: datetime) -> str:
    """The duration between two moments, as a reader counts it from the shown minutes.

    2:39:50 PM to 6:45:10 PM is `4 h 6 min`. An end before the beginning counts as the same minute.
    """
    return duration_text(60.0 * max(0, minutes_between(begun, ended)))


def length_text(incident: Incident, until: datetime | None = None) -> str:
    """The duration of an incident, the same on every page.

    While it is open, its duration until `until`; "" if no `until` is given.
    """
    ended = incident.ended_at or until
    return between_text(incident.started_at, ended) if ended else ""


def minutes_between(begun: datetime, ended: datetime) -> int:
    """The minutes between two moments, both cut to the minute as pages show them."""
    return int(ended.timestamp() // 60) - int(begun.timestamp() // 60)


# Not strftime's %b: that follows the machine's locale, and a doc has readers in many.
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


# --- Findings of a check before sending -----------------------------------------------------------

Level = Literal["error", "warning"]


@dataclass(frozen=True)
class Finding:
    """One finding: an error stops the notice, a warning asks.

    `code` is the rule's name, the same for all its findings; `where` says where to look (`subject`,
    `text, line 4`, `row 12`); `message` is a sentence. If only some rows of a list have it, `row`
    is the first of them and `rows` their number.
    """

    level: Level
    code: str
    where: str
    message: str
    row: int = 0
    rows: int = 0


SHOWN_ROWS = 10


@dataclass
class RowNumbers:
    """The rows of a rule's finding: the first ones, and the count."""

    shown: list[int] = field(default_factory=list)
    count: int = 0

    def add(self, row: int) -> None:
        """Count one more row."""
        self.count += 1
        if len(self.shown) < SHOWN_ROWS:
            self.shown.append(row)

    def add_all(self, others: RowNumbers) -> None:
        """Count other rows too."""
        self.count += others.count
        self.shown = sorted({*self.shown, *others.shown})[:SHOWN_ROWS]

    @property
    def first_and_count(self) -> str:
        """`row 3`, `row 3 and 11 more rows`."""
        more = self.count - 1
        rest = f" and {more:,} more {'row' if more == 1 else 'rows'}" if more else ""
        return f"row {min(self.shown)}{rest}"

    def __str__(self) -> str:
        """`row 3`, `rows 3, 8, 9`, `rows 3, 8, … and 40 more`."""
        more = f" and {self.count - SHOWN_ROWS} more" if self.count > SHOWN_ROWS else ""
        rows = ", ".join(map(str, self.shown))
        return f"{'row' if self.count == 1 else 'rows'} {rows}{more}"
