"""The timeline: entries with their time and author, and the status that follows from them.

The current status is the one with the latest time, not the one typed last: a status that is added
for an earlier time is history. A wrong entry gets a new text or is struck through; nothing is
deleted.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy.engine import Connection

from workflow.doc.push import Brought, bring_to_doc, look_while_recording
from workflow.errors import BadInput
from workflow.ledger import changes, incidents
from workflow.ledger.changes import RecordedChange
from workflow.model import Incident, Status, TimelineEntry, moment_text
from workflow.same_command import record_run
from workflow.workspace import Workspace, new_id


@dataclass(frozen=True)
class StatusAt:
    """A status and its time; `said_at` is when somebody recorded it."""

    status: Status
    at: datetime
    said_at: datetime


@dataclass(frozen=True)
class StatusNow:
    """The current status, its last time, and since when it holds."""

    status: Status
    at: datetime
    since: datetime


_LINK = re.compile(r"(?:https?://[^\s/?#]|mailto:)\S*$")
_BEGINNING = datetime.min.replace(tzinfo=UTC)
_AT_THE_START = StatusNow(Status.INVESTIGATING, _BEGINNING, _BEGINNING)


def latest(told: list[StatusAt]) -> StatusNow | None:
    """The status with the latest time; within one minute, the one recorded last. None for none.

    People type minutes, so 2:39 PM is not before 2:39:40 PM.
    """
    ordered = sorted(told, key=lambda one: (_minute(one.at), one.said_at))
    if not ordered:
        return None
    last = ordered[-1]
    since = last.at
    for one in reversed(ordered):
        if one.status is not last.status:
            break
        since = min(since, one.at)
    return StatusNow(last.status, last.at, since)


def settle(connection: Connection, incident_id: str) -> Status:
    """Store the current status in the incident's row, and return it.

    It stays if no status was ever set, or if the incident was closed since. If all entries that set
    one are struck, it is investigating, as at the start.
    """
    incident = incidents.incident_by_id(connection, incident_id)
    told, was_set = _told(connection, incident)
    now = latest(told) or (_AT_THE_START if was_set else None)
    if now is None:
        return incident.status
    if incident.closed_at is not None and _minute(now.at) <= _minute(incident.closed_at):
        return incident.status
    incidents.set_status(connection, incident.id, now.status, now.since)
    return now.status


def statuses_told(connection: Connection, incident: Incident) -> list[StatusAt]:
    """Every status that was set and not withdrawn, by its time."""
    told, _ = _told(connection, incident)
    return sorted(told, key=lambda one: (_minute(one.at), one.said_at))


def _told(connection: Connection, incident: Incident) -> tuple[list[StatusAt], bool]:
    """Every status set by an unstruck entry; and whether any was set at all."""
    entries = incidents.timeline(connection, incident.id)
    told, was_set = [], False
    for change in changes.changes_of_kind(connection, incident.id, "field"):
        if change.payload["name"] != "status":
            continue
        entry = next((each for each in entries if _tells(each, change)), None)
        was_set = was_set or entry is not None
        if entry is not None and entry.struck_at is None:
            status = Status(change.payload["value"].lower())
            told.append(StatusAt(status, entry.at, entry.recorded_at))
    return told, was_set


def _tells(entry: TimelineEntry, change: RecordedChange) -> bool:
    """Whether an entry set a status. Old rows have no entry id: compare text and instant."""
    if "entry" in change.payload:
        return bool(entry.id == change.payload["entry"])
    return entry.recorded_at == change.said_at and entry.text.startswith("Status: ")


def _minute(at: datetime) -> datetime:
    return at - timedelta(seconds=at.second, microseconds=at.microsecond)


_STARTED_EARLIER = (
    "If you mean another day, add the date. If the incident began earlier: "
    "postmortem edit --started TIME"
)
_LABELS = "|".join(status.label for status in Status)
BEFORE_START = "If that is right, add --before-start. If you mean another day, add the date."
_STATUS_WORDS = re.compile(rf"Status: ({_LABELS})(?: – (.+))?\Z", re.DOTALL)


@dataclass(frozen=True)
class Logged:
    """A recorded entry, and the state of the doc."""

    entry: TimelineEntry
    brought: Brought


def log(
    workspace: Workspace,
    incident: Incident,
    text: str,
    *,
    at: datetime | None = None,
    by: str = "",
    link: str = "",
    earliest: datetime | None = None,
    plain: bool = False,
) -> Logged:
    """Record a timeline entry and bring it to the doc. `at` is when it happened; None: now.

    With `plain` the doc shows the text unformatted, Markdown included. Raises `BadInput` for an
    empty entry, or one from before the incident.
    """
    entry = new_entry(
        workspace, incident, text, at=at, by=by, link=link, earliest=earliest, remedy=BEFORE_START
    )
    with workspace.ledger.write() as connection:
        record_entry(connection, incident, entry, markdown=not plain)
        record_run(connection, workspace, incident.id, entries=[entry.id])
        waiting = look_while_recording(connection, workspace, incident.id)
    return Logged(entry, bring_to_doc(workspace, incident.id, waiting))


def set_status(
    workspace: Workspace,
    incident: Incident,
    status: Status,
    note: str = "",
    *,
    at: datetime | None = None,
) -> Logged:
    """Record the incident's status, log it, and bring both to the doc."""
    words = f"Status: {status.label}"
    if note.strip():
        words += f" – {note.strip()}"
    entry = new_entry(
        workspace, incident, words, at=at, earliest=incident.started_at, remedy=_STARTED_EARLIER
    )
    with workspace.ledger.write() as connection:
        record_entry(connection, incident, entry, markdown=True)
        record_field(
            connection, incident, "status", status.label, entry.recorded_at, entry=entry.id
        )
        settle(connection, incident.id)
        record_run(connection, workspace, incident.id, entries=[entry.id])
        waiting = look_while_recording(connection, workspace, incident.id)
    return Logged(entry, bring_to_doc(workspace, incident.id, waiting))


def still_words(stands: Status) -> str:
    """A sentence that a status set for an earlier time isn't the current one."""
    return f"The incident is still {stands.value}: a later status is already recorded."


def status_told(entry: TimelineEntry) -> tuple[Status, str] | None:
    """The status and note in an entry of `set_status`; None for others."""
    found = _STATUS_WORDS.match(entry.text)
    return (Status(found[1].lower()), found[2] or "") if found else None


def new_entry(
    workspace: Workspace,
    incident: Incident,
    text: str,
    *,
    at: datetime | None = None,
    by: str = "",
    link: str = "",
    earliest: datetime | None = None,
    remedy: str = "If you mean another day, add the date.",
) -> TimelineEntry:
    """A new entry with the exact text.

    Raises `BadInput` for empty text, a bad link, or a time before the minute of `earliest`: people
    only see and type minutes. `remedy` says what else the command accepts.
    """
    if _shows_nothing(text):
        raise BadInput('There is nothing to log. Add the text: postmortem log "…"')
    if link and _LINK.match(link) is None:
        raise BadInput(
            f"--link {link}: a link starts with https:// or http:// and a host, and has no spaces."
        )
    now = workspace.now()
    if at is not None and earliest is not None and at < _whole_minute(earliest):
        began = moment_text(incident.started_at, incident.zone)
        raise BadInput(
            f"{moment_text(at, incident.zone)} is before the incident began ({began}). {remedy}"
        )
    return TimelineEntry(
        id=new_id(10), at=at or now, text=text.rstrip("\n"), recorded_at=now, by=by, link=link
    )


def _whole_minute(at: datetime) -> datetime:
    return at.replace(second=0, microsecond=0)


def record_entry(
    connection: Connection, incident: Incident, entry: TimelineEntry, *, markdown: bool = False
) -> None:
    """Record an entry and its change for the doc; `markdown` if a person typed it."""
    incidents.add_entry(connection, incident.id, entry)
    payload = {"entry": entry.id, "markdown": markdown}
    change = RecordedChange(f"entry-{entry.id}", "entry", payload, entry.recorded_at)
    changes.record_change(connection, incident.id, change)


def record_field(
    connection: Connection,
    incident: Incident,
    name: str,
    value: str,
    said_at: datetime,
    *,
    entry: str = "",
) -> None:
    """Record a header value for the doc; `entry` is the entry that reports it."""
    payload = {"name": name, "value": value, **({"entry": entry} if entry else {})}
    change = RecordedChange(f"field-{new_id(10)}", "field", payload, said_at)
    changes.record_change(connection, incident.id, change)


def reword(workspace: Workspace, reference: str, text: str, *, plain: bool = False) -> Logged:
    """Replace an entry's text, in the ledger and in the doc. The journal keeps both.

    `reference` is the entry's id or the start of it; `plain` is as for `log`. Raises `BadInput` for
    empty text, for an entry that was struck or records a notice, and `UnknownIncident` for no such
    entry.
    """
    incident = workspace.incident()
    words = text.rstrip("\n")
    if _shows_nothing(words):
        raise BadInput(
            f"The new text is empty. To strike the entry: postmortem log --strike {reference}"
        )
    with workspace.ledger.write() as connection:
        entry = incidents.find_entry(connection, incident.id, reference)
        _refuse_notice(entry)
        if entry.struck_at is not None:
            raise BadInput(f"Entry {entry.id} is struck through. Log what is right as a new one.")
        if words != entry.text:
            record_rewording(
                connection, incident, entry, words, workspace.now(), markdown=not plain
            )
        entry = incidents.entry_by_id(connection, entry.id)
    return Logged(entry, bring_to_doc(workspace, incident.id))


def strike(workspace: Workspace, reference: str) -> Logged:
    """Withdraw an entry: it stays, struck through. Repeating it changes nothing.

    `reference` is as for `reword`. Raises `BadInput` for an entry that records a notice, and
    `UnknownIncident` for no such entry.
    """
    incident = workspace.incident()
    with workspace.ledger.write() as connection:
        entry = incidents.find_entry(connection, incident.id, reference)
        _refuse_notice(entry)
        if entry.struck_at is None:
            record_strike(connection, incident, entry, workspace.now())
        entry = incidents.entry_by_id(connection, entry.id)
    return Logged(entry, bring_to_doc(workspace, incident.id))


def record_rewording(
    connection: Connection,
    incident: Incident,
    entry: TimelineEntry,
    words: str,
    at: datetime,
    *,
    markdown: bool,
    source: str = "",
) -> None:
    """Record an entry's new text and its change for the doc.

    `source` is where it was changed: `slack`, or "" for here.
    """
    payload = {"entry": entry.id, "was": entry.text, "text": words, "markdown": markdown}
    if source:
        payload["source"] = source
    change = RecordedChange(f"reword-{new_id(10)}", "reword", payload, at)
    incidents.reword_entry(connection, entry.id, words)
    changes.record_change(connection, incident.id, change)
    # If Docs refused the old text, it may accept the new one.
    changes.retry(connection, f"entry-{entry.id}")


def record_strike(
    connection: Connection, incident: Incident, entry: TimelineEntry, at: datetime
) -> None:
    """Record that an entry is withdrawn, and the strike-through for the doc."""
    change = RecordedChange(f"strike-{entry.id}", "strike", {"entry": entry.id}, at)
    incidents.strike_entry(connection, entry.id, at=at)
    changes.record_change(connection, incident.id, change)
    _settle_status(connection, incident, at)
    if changes.drop(connection, f"entry-{entry.id}"):
        # Docs refused the entry: the doc has nothing to strike through.
        changes.changes_done(connection, [change.id], at=at)


def _settle_status(connection: Connection, incident: Incident, now: datetime) -> None:
    """If the entry had set the status, restore the previous one."""
    status = settle(connection, incident.id)
    if status is not incident.status:
        record_field(connection, incident, "status", status.label, now)


def _refuse_notice(entry: TimelineEntry) -> None:
    """Refuse to change an entry about a notice: customers did get it."""
    if entry.is_of_a_notice:
        raise BadInput(
            f"Entry {entry.id} records a notice to customers and can't be changed. Log a "
            'correction as a new entry: postmortem log "…"'
        )


def _shows_nothing(text: str) -> bool:
    """Whether a text has no visible character, such as a zero-width space alone."""
    return not any(char.isprintable() and not char.isspace() for char in text)
