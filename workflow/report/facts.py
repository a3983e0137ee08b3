"""What a report tells, as plain values. Every datetime is aware; people read it in `zone`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from workflow.incident import DeliveryCounts, Incident, Shortfall, Status, TimelineEntry


@dataclass(frozen=True)
class Milestone:
    """A turn of the incident. `known_from` says how it is known, or why not.

    `at` is None where it is not known or has not come yet; then `absent` says which.
    """

    key: str
    label: str
    at: datetime | None
    known_from: str
    absent: str = "not known"


@dataclass(frozen=True)
class Phase:
    """How the incident stood from `start` up to `end`."""

    status: Status
    start: datetime
    end: datetime


@dataclass(frozen=True)
class Step:
    """By `at`, `count` mails of a notice had been accepted."""

    at: datetime
    count: int


@dataclass(frozen=True)
class NoticeFacts:
    """A notice as it was sent. `number` counts from 1 in the order of the incident.

    `body_html` is the words, already HTML; everything else is text. `reasons` says for how many
    each reason holds; `shortfalls` names them, and is empty unless names were asked for. `bounced`
    and the replies are what was looked up in the mailbox so far. `promise` is "" for none.
    """

    number: int
    id: str
    stage: str
    subject: str
    sender: str
    carrier: str
    said_at: datetime
    counts: DeliveryCounts
    body_html: str
    bounced: int = 0
    replies: int = 0
    automatic_replies: int = 0
    promise: str = ""
    reasons: tuple[tuple[str, int], ...] = ()
    shortfalls: tuple[Shortfall, ...] = ()
    steps: tuple[Step, ...] = ()


@dataclass(frozen=True)
class PromiseFacts:
    """A next word: when it was due, when it came, and whether it was kept."""

    due_at: datetime
    given_at: datetime | None
    words: str
    state: str  # kept, late, open


@dataclass(frozen=True)
class ActionFacts:
    """What will be done next time, and whether its line says who does it and by when."""

    text: str
    is_done: bool
    has_owner: bool
    has_date: bool


@dataclass(frozen=True)
class IncidentFacts:
    """All that the report of one incident tells. `actions` is None where the doc was not read.

    `notes` are sentences about what is missing from the report, and why.
    """

    incident: Incident
    made_at: datetime
    milestones: tuple[Milestone, ...]
    phases: tuple[Phase, ...]
    entries: tuple[TimelineEntry, ...]
    notices: tuple[NoticeFacts, ...]
    promises: tuple[PromiseFacts, ...]
    customers: int
    root_cause: str = ""
    actions: tuple[ActionFacts, ...] | None = None
    notes: tuple[str, ...] = ()

    @property
    def zone(self) -> ZoneInfo:
        """The zone in which the report is read."""
        return self.incident.zone

    def milestone(self, key: str) -> Milestone | None:
        """One turn by its key."""
        return next((each for each in self.milestones if each.key == key), None)


@dataclass(frozen=True)
class IncidentRow:
    """One incident of many. Lengths are in seconds, None where an end is not known yet."""

    id: str
    title: str
    severity: str
    status: str
    started_at: datetime
    first_word_seconds: float | None
    duration_seconds: float | None
    customers: int
    promises_kept: int
    promises_due: int
    cause: str
    root_cause: str
    open_actions: tuple[str, ...] | None


@dataclass(frozen=True)
class LedgerFacts:
    """All incidents of a ledger, the newest first, and what is missing."""

    rows: tuple[IncidentRow, ...]
    made_at: datetime
    zone: ZoneInfo
    notes: tuple[str, ...] = ()
