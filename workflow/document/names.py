"""The names of the named ranges by which this program finds its own words again in a doc.

A name says what the range is and, where that is needed later, what was written: entries carry
their instants, so that colleagues' entries sort too; replaceable text carries a fingerprint, so
that any machine can tell whether a person has changed it. Named ranges are visible to all who
can open the doc (reference, NamedRange): no name holds anything that the doc does not show.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from urllib.parse import unquote
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from workflow.document.text import fingerprint, utf16_length
from workflow.incident import Incident, TimelineEntry

PREFIX = "postmortem/"
SECTION, FIELD, HINT, ENTRY, DAY = "section", "field", "hint", "entry", "day"
TEXT, NOTICE, FACTS = "text", "notice", "facts"
CORRECTION = "correction"
STATED = "stated"
COMMUNICATIONS, COMMUNICATIONS_FACTS = "communications", "communications-facts"
INCIDENT = "incident"

_LONGEST = 256  # UTF-16 code units (reference, CreateNamedRangeRequest)


@dataclass(frozen=True)
class OwnName:
    """A name taken apart: `postmortem/<kind>/<key>/<notes…>`."""

    kind: str
    key: str
    notes: tuple[str, ...]


@dataclass(frozen=True, order=True)
class EntryTime:
    """What a timeline sorts by: when it happened, then when it was said. Both in UTC."""

    at: datetime
    recorded_at: datetime


@dataclass(frozen=True)
class Identity:
    """Which incident a doc is of, as the doc itself says it. `time_zone` is an IANA name."""

    incident_id: str
    started_at: datetime
    time_zone: str


def incident_name(incident: Incident) -> str:
    """Over the doc's first words: by it a colleague's machine knows which incident this is."""
    zone = incident.time_zone.replace("/", "%2F")
    return _name(INCIDENT, incident.id, _instant(incident.started_at), zone)


def section_name(key: str) -> str:
    """Over a section's heading."""
    return _name(SECTION, key)


def field_name(key: str, value: str) -> str:
    """Over the value of a header line."""
    return _name(FIELD, key, fingerprint(value))


def hint_name(key: str, paragraphs: tuple[str, ...]) -> str:
    """Over a section's hint, which may be several paragraphs."""
    return _name(HINT, key, str(len(paragraphs)), fingerprint("\n".join(paragraphs)))


def stated_name(key: str, paragraphs: tuple[str, ...]) -> str:
    """Over a statement, such as the impact, that is one or more paragraphs of their own."""
    return _name(STATED, key, str(len(paragraphs)), fingerprint("\n".join(paragraphs)))


def entry_name(entry: TimelineEntry) -> str:
    """Over the time stamp of a timeline entry."""
    return _name(ENTRY, entry.id, _instant(entry.at), _instant(entry.recorded_at))


def day_name(day: date) -> str:
    """Over the date line that comes before a day's first entry."""
    return _name(DAY, day.isoformat())


def text_name(change_id: str, section: str) -> str:
    """Over the start of a text that filled the section of that key."""
    return _name(TEXT, change_id, section)


def correction_name(change_id: str) -> str:
    """Over the time stamp of an entry that was corrected: its words may be changed again."""
    return _name(CORRECTION, change_id)


def notice_name(notice_id: str) -> str:
    """Over the heading of a notice's copy."""
    return _name(NOTICE, notice_id)


def facts_name(notice_id: str, facts: str) -> str:
    """Over the paragraph that says when a notice was sent and how many accepted it."""
    return _name(FACTS, notice_id, fingerprint(facts))


def communications_name(incident_id: str) -> str:
    """Over the heading of the summary of all that customers were told."""
    return _name(COMMUNICATIONS, incident_id)


def communications_facts_name(incident_id: str, facts: str) -> str:
    """Over the paragraph of that summary."""
    return _name(COMMUNICATIONS_FACTS, incident_id, fingerprint(facts))


def parse_name(name: str) -> OwnName | None:
    """The parts of one of our own names; None for anybody else's."""
    if not name.startswith(PREFIX):
        return None
    kind, _, rest = name.removeprefix(PREFIX).partition("/")
    key, *notes = rest.split("/")
    return OwnName(kind, unquote(key), tuple(notes))


def identity_of(name: OwnName) -> Identity | None:
    """The incident that a name tells of; None for a name that doesn't."""
    if name.kind != INCIDENT or len(name.notes) != 2:
        return None
    try:
        started_at = datetime.fromisoformat(name.notes[0])
        zone = ZoneInfo(unquote(name.notes[1]))
    except (ValueError, ZoneInfoNotFoundError, OSError):  # a folder of zones, like America
        return None
    return Identity(name.key, started_at, zone.key) if started_at.tzinfo else None


def entry_time(name: OwnName) -> EntryTime | None:
    """When the entry of that name happened and was recorded; None if the name does not say."""
    try:
        at, recorded_at = (datetime.fromisoformat(note) for note in name.notes)
    except ValueError:
        return None
    if at.tzinfo is None or recorded_at.tzinfo is None:
        return None
    return EntryTime(at, recorded_at)


def time_of(entry: TimelineEntry) -> EntryTime:
    """What an entry sorts by, before it is in a doc."""
    return EntryTime(entry.at.astimezone(UTC), entry.recorded_at.astimezone(UTC))


def _name(kind: str, key: str, *notes: str) -> str:
    key = key.replace("%", "%25").replace("/", "%2F")
    name = "/".join((f"{PREFIX}{kind}", key, *notes))
    if utf16_length(name) > _LONGEST:
        raise ValueError(f"the id {key[:40]}… is too long to be found again in a doc")
    return name


def _instant(at: datetime) -> str:
    at = at.astimezone(UTC)
    return f"{at.year:04}{at:%m%dT%H%M%S.%f}Z"
