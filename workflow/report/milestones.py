"""The turns of an incident: each from what somebody said or this program did, or not known.

Nothing is guessed silently: each turn says what it was taken from.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from workflow.incident import Incident, Status, TimelineEntry
from workflow.report.facts import Milestone, Phase

# An entry that tells of the first sign speaks so. English and German.
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
    """How the incident stood from an instant on."""

    at: datetime
    status: Status


@dataclass(frozen=True)
class WordToCustomers:
    """A notice that reached somebody: when the first mail did, and its stage."""

    at: datetime
    stage: str


def milestones(
    incident: Incident,
    entries: Sequence[TimelineEntry],
    changes: Sequence[StatusChange],
    words: Sequence[WordToCustomers],
    colleagues_told: datetime | None,
) -> tuple[Milestone, ...]:
    """The turns in the order in which they usually come. All sequences are by time."""
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
    """How the incident stood, without a gap from its beginning to `end`."""
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
    """The first entry that speaks of a sign, before anybody knew the cause."""
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
    return Milestone("detected", "Detected", None, f"no entry says who noticed it, or when{said}")


def _first_word(words: Sequence[WordToCustomers]) -> Milestone:
    label = "Customers told"
    if not words:
        return Milestone("first_word", label, None, "no notice has reached anybody")
    first = min(words, key=lambda word: word.at)
    return Milestone("first_word", label, first.at, f"the first mail accepted ({first.stage})")


def _fixed(incident: Incident, changes: Sequence[StatusChange]) -> Milestone:
    """When it last was repaired: what was repaired and broke again was not."""
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
    label = "Told of the end"
    last = next((word for word in words if word.stage in _OVER), None)
    if last is None:
        why = "no resolved or postmortem notice has reached anybody"
        return Milestone("response", label, None, why)
    return Milestone("response", label, last.at, f"the first {last.stage} notice")


def _closed(incident: Incident) -> Milestone:
    if incident.closed_at is None:
        return Milestone("closed", "Closed", None, "the incident is open", absent="not yet")
    return Milestone("closed", "Closed", incident.closed_at, "the loop was closed")


def _quoted(text: str) -> str:
    words = " ".join(text.split())
    short = words if len(words) <= _LONGEST_QUOTE else f"{words[: _LONGEST_QUOTE - 1]}…"
    return f"“{short}”"
