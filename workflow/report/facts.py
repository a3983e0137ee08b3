"""A report's data as plain values, the milestones, and shared causes.

Every datetime is aware and shown in `zone`. Each milestone comes from what somebody logged or this
program did, or is unknown: nothing is guessed silently, each says its source.

Causes are compared only by the words that people wrote (pure, and careful). Two incidents share a
cause if both have the same `cause`, and perhaps if the words of their root causes are largely the
same.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from workflow.model import DeliveryCounts, Incident, Shortfall, Status, TimelineEntry


@dataclass(frozen=True)
class Milestone:
    """A milestone of the incident. `known_from` says how it is known, or why not.

    `at` is None if it is unknown or has not happened; then `absent` says which.
    """

    key: str
    label: str
    at: datetime | None
    known_from: str
    absent: str = "not known"


@dataclass(frozen=True)
class Phase:
    """The incident's status from `start` up to `end`."""

    status: Status
    start: datetime
    end: datetime


@dataclass(frozen=True)
class AcceptedCount:
    """`count` mails of a notice had been accepted by `at`."""

    at: datetime
    count: int


@dataclass(frozen=True)
class NoticeFacts:
    """A notice as it was sent. `number` counts from 1 in the order of the incident.

    `body_html` is the text as HTML; everything else is text. `reasons` says how many deliveries
    have each reason; `shortfalls` names them, and is empty unless names were requested. `bounced`
    and the replies are what was found in the mailbox so far. `promise` is "" for none. `edited`
    says how many mails were sent with other text, and which text if names were requested.
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
    edited: tuple[str, ...] = ()
    steps: tuple[AcceptedCount, ...] = ()


@dataclass(frozen=True)
class PromiseFacts:
    """A promised update: when it was due, when it came, and whether it was on time."""

    due_at: datetime
    given_at: datetime | None
    words: str
    state: str  # kept, late, open


@dataclass(frozen=True)
class ActionFacts:
    """An action item, and whether it names an owner and a date."""

    text: str
    is_done: bool
    has_owner: bool
    has_date: bool


@dataclass(frozen=True)
class IncidentFacts:
    """Everything in the report of one incident. `actions` is None if the doc was not read.

    `notes` are sentences about what is missing in the report, and why.
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
        """The time zone of the report."""
        return self.incident.zone

    def milestone(self, key: str) -> Milestone | None:
        """One milestone by its key."""
        return next((each for each in self.milestones if each.key == key), None)


@dataclass(frozen=True)
class IncidentRow:
    """One incident of many. Durations are in seconds, None if an end is unknown."""

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
    overdue_actions: int = 0


@dataclass(frozen=True)
class LedgerFacts:
    """All incidents of a ledger, the newest first, and what is missing."""

    rows: tuple[IncidentRow, ...]
    made_at: datetime
    zone: ZoneInfo
    notes: tuple[str, ...] = ()


# Words of an entry about the first sign. English and German.
_NOTICED = re.compile(
    r"\b(?:notic\w+|detect\w+|discover\w+|spotted|alert\w*|alarm\w*|page[dr]\b|report(?:s|ed|ing)?"
    r"|complain\w*|saw|sees|seen|found out|bemerk\w+|entdeck\w+|gemeldet|meldet|alarmiert)\b",
    re.IGNORECASE,
)
_FIRST = Status.INVESTIGATING
_OVER = frozenset({"resolved", "postmortem"})
_LONGEST_QUOTE = 60


@dataclass(frozen=True)
class StatusChange:
    """The incident's status from an instant on."""

    at: datetime
    status: Status


@dataclass(frozen=True)
class WordToCustomers:
    """A notice that reached somebody: its first mail's time, and its stage."""

    at: datetime
    stage: str


def milestones(
    incident: Incident,
    entries: Sequence[TimelineEntry],
    changes: Sequence[StatusChange],
    words: Sequence[WordToCustomers],
    colleagues_told: datetime | None,
) -> tuple[Milestone, ...]:
    """The milestones in their usual order. All sequences are ordered by time."""
    found = [
        Milestone("began", "Began", incident.started_at, "as it was said at the start"),
        _detected(incident, entries, changes),
        _first_word(words),
        _fixed(incident, changes),
        _response(words),
        _closed(incident),
    ]
    if colleagues_told is not None:
        told = Milestone("colleagues", "Colleagues told", colleagues_told, "the first announcement")
        found.insert(2, told)
    return tuple(found)


def phases(incident: Incident, changes: Sequence[StatusChange], end: datetime) -> list[Phase]:
    """The incident's statuses, without a gap from its beginning to `end`."""
    turns = [StatusChange(incident.started_at, Status.INVESTIGATING)]
    turns += sorted(changes, key=lambda change: change.at)
    ends = [*(turn.at for turn in turns[1:]), end]
    return [
        Phase(turn.status, max(turn.at, incident.started_at), until)
        for turn, until in zip(turns, ends, strict=True)
        if until > max(turn.at, incident.started_at)
    ]


def _detected(
    incident: Incident, entries: Sequence[TimelineEntry], changes: Sequence[StatusChange]
) -> Milestone:
    """The first entry about a sign, before the cause was known."""
    known_at = next((each.at for each in changes if each.status is not _FIRST), None)
    told = incident.variables.get("detected", "")
    standing = [entry for entry in entries if entry.struck_at is None]
    signs = [
        entry
        for entry in standing
        if incident.started_at <= entry.at
        and (known_at is None or entry.at <= known_at)
        and _NOTICED.search(entry.text)
    ]
    if signs:
        quote = _quoted(signs[0].text)
        return Milestone("detected", "Detected", signs[0].at, f"the entry {quote}")
    said = f"; --set detected says {told}" if told else ""
    return Milestone("detected", "Detected", None, f"no entry says who noticed it or when{said}")


def _first_word(words: Sequence[WordToCustomers]) -> Milestone:
    label = "Customers notified"
    if not words:
        return Milestone("first_word", label, None, "no notice was accepted")
    first = min(words, key=lambda word: word.at)
    return Milestone("first_word", label, first.at, f"the first mail accepted ({first.stage})")


def _fixed(incident: Incident, changes: Sequence[StatusChange]) -> Milestone:
    """When it was last fixed: a fix that broke again doesn't count."""
    since: StatusChange | None = None
    for change in changes:
        is_fixed = change.status in (Status.MONITORING, Status.RESOLVED)
        since = (since or change) if is_fixed else None
    if since is not None:
        return Milestone("fixed", "Fixed", since.at, f"the status “{since.status.label}”")
    if incident.resolved_at is not None:
        return Milestone("fixed", "Fixed", incident.resolved_at, "the status “Resolved”")
    why = "nobody set the status to monitoring or resolved"
    return Milestone("fixed", "Fixed", None, why)


def _response(words: Sequence[WordToCustomers]) -> Milestone:
    label = "Customers told it is resolved"
    last = next((word for word in words if word.stage in _OVER), None)
    if last is None:
        why = "no resolved or postmortem notice was accepted"
        return Milestone("response", label, None, why)
    return Milestone("response", label, last.at, f"the first {last.stage} notice")


def _closed(incident: Incident) -> Milestone:
    if incident.closed_at is None:
        return Milestone("closed", "Closed", None, "the incident is open", absent="not yet")
    return Milestone("closed", "Closed", incident.closed_at, "the incident was closed")


def _quoted(text: str) -> str:
    words = " ".join(text.split())
    short = words if len(words) <= _LONGEST_QUOTE else f"{words[: _LONGEST_QUOTE - 1]}…"
    return f"“{short}”"


_ALIKE = 0.4
_FEWEST_SHARED = 3
_SHORTEST_WORD = 4
_SAID_ANYWHERE = frozenset(
    """about after again also been before being because could does doing done down from have into
    just made more most much only other over same should since some such than that their them then
    there these they this those through under until very were what when where which while will with
    without would your caused cause root incident problem error wrong failed failure customer
    customers""".split()  # noqa: SIM905 - a list of words is read as words
)


@dataclass(frozen=True)
class SharedCause:
    """Incidents with a common cause. `basis` says how that is known."""

    words: str
    basis: str
    rows: tuple[IncidentRow, ...]


def shared_causes(rows: Sequence[IncidentRow]) -> list[SharedCause]:
    """Causes of two or more incidents, the most frequent first."""
    by_name: dict[str, list[IncidentRow]] = {}
    for row in rows:
        if row.cause.strip():
            by_name.setdefault(_folded(row.cause), []).append(row)
    found = [
        SharedCause(same[0].cause.strip(), "the same cause was given (--set cause=…)", tuple(same))
        for same in by_name.values()
        if len(same) > 1
    ]
    named = {row.id for cause in found for row in cause.rows}
    found += _alike([row for row in rows if row.id not in named])
    return sorted(found, key=lambda cause: -len(cause.rows))


def _alike(rows: Sequence[IncidentRow]) -> list[SharedCause]:
    """Groups around their first incident; an incident is in one group at most."""
    left = [(row, _telling(f"{row.root_cause} {row.cause}")) for row in rows]
    found: list[SharedCause] = []
    while left:
        (first, words), *others = left
        near = [(row, theirs) for row, theirs in others if _are_alike(words, theirs)]
        left = [one for one in others if one not in near]
        if near:
            shared = frozenset.intersection(words, *(theirs for _, theirs in near))
            shown = ", ".join(sorted(shared or (words & near[0][1])))
            basis = "perhaps: their root causes are worded alike"
            found.append(SharedCause(shown, basis, (first, *(row for row, _ in near))))
    return found


def _are_alike(one: frozenset[str], other: frozenset[str]) -> bool:
    shared = len(one & other)
    return shared >= _FEWEST_SHARED and shared / min(len(one), len(other)) >= _ALIKE


def _telling(text: str) -> frozenset[str]:
    words = re.findall(r"[^\W\d_]+", _folded(text))
    return frozenset(
        word for word in words if len(word) >= _SHORTEST_WORD and word not in _SAID_ANYWHERE
    )


def _folded(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())
