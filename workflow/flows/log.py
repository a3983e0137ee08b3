"""The timeline: what happened, when, as somebody said it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy.engine import Connection

from workflow.flows.doc import Brought, bring_to_doc
from workflow.flows.faults import BadInput
from workflow.flows.workspace import Workspace, new_id
from workflow.incident import Incident, Status, TimelineEntry, moment_text
from workflow.ledger import changes, incidents
from workflow.ledger.changes import RecordedChange

if TYPE_CHECKING:
    from workflow.pasted import PastedEntry

_LABELS = "|".join(status.label for status in Status)
_STATUS_WORDS = re.compile(rf"Status: ({_LABELS})(?: – (.+))?\Z", re.DOTALL)


@dataclass(frozen=True)
class Logged:
    """An entry that was recorded, and how far the doc has come."""

    entry: TimelineEntry
    brought: Brought


def log(
    workspace: Workspace,
    text: str,
    *,
    at: datetime | None = None,
    by: str = "",
    link: str = "",
    earliest: datetime | None = None,
) -> Logged:
    """Record a timeline entry and bring it to the doc. `at` is when it happened; None: now.

    Raises `BadInput` for an entry without words, or one from before the incident.
    """
    incident = workspace.incident()
    entry = new_entry(workspace, incident, text, at=at, by=by, link=link, earliest=earliest)
    with workspace.ledger.write() as connection:
        record_entry(connection, incident, entry)
    return Logged(entry, bring_to_doc(workspace, incident.id))


@dataclass(frozen=True)
class LoggedMany:
    """The entries of a paste, in its order, and how far the doc has come."""

    entries: tuple[TimelineEntry, ...]
    brought: Brought


def log_pasted(
    workspace: Workspace,
    pasted: Sequence[PastedEntry],
    *,
    by: str = "",
    link: str = "",
    earliest: datetime | None = None,
) -> LoggedMany:
    """Record every entry of a paste, or none, and bring them to the doc together.

    `by` is who said what the paste names nobody for. Raises `BadInput` as `log` does, with the
    line.
    """
    incident = workspace.incident()
    entries: list[TimelineEntry] = []
    for each in pasted:
        try:
            entries.append(
                new_entry(
                    workspace,
                    incident,
                    each.text,
                    at=each.at,
                    by=each.by or by,
                    link=link,
                    earliest=earliest,
                )
            )
        except BadInput as bad:
            raise BadInput(f"Line {each.line}: {bad} Nothing was recorded.") from bad
    with workspace.ledger.write() as connection:
        for entry in entries:
            record_entry(connection, incident, entry)
    return LoggedMany(tuple(entries), bring_to_doc(workspace, incident.id))


def set_status(
    workspace: Workspace, status: Status, note: str = "", *, at: datetime | None = None
) -> Logged:
    """Record where the incident stands, log it, and bring both to the doc."""
    incident = workspace.incident()
    words = f"Status: {status.label}"
    if note.strip():
        words += f" – {note.strip()}"
    entry = new_entry(workspace, incident, words, at=at, earliest=incident.started_at)
    with workspace.ledger.write() as connection:
        incidents.set_status(connection, incident.id, status, entry.at)
        record_field(connection, incident, "status", status.label, entry.recorded_at)
        record_entry(connection, incident, entry)
    return Logged(entry, bring_to_doc(workspace, incident.id))


def status_told(entry: TimelineEntry) -> tuple[Status, str] | None:
    """The status that an entry of `set_status` tells of, and the note with it; None for others."""
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
) -> TimelineEntry:
    """An entry with what was said kept to the letter.

    Raises `BadInput` for no words, a bad link, or a time before `earliest`.
    """
    if not text.strip():
        raise BadInput('There is nothing to log. Say what happened: postmortem log "…"')
    if link and not link.startswith(("https://", "http://", "mailto:")):
        raise BadInput(f"--link {link}: a link starts with https:// or http://.")
    now = workspace.now()
    if at is not None and earliest is not None and at < earliest:
        raise BadInput(
            f"{moment_text(at, incident.zone)} is before the incident began "
            f"({moment_text(incident.started_at, incident.zone)}). If it is meant, say so with "
            "--before-start; if another day is meant, give the date too."
        )
    return TimelineEntry(
        id=new_id(10), at=at or now, text=text.rstrip("\n"), recorded_at=now, by=by, link=link
    )


def record_entry(connection: Connection, incident: Incident, entry: TimelineEntry) -> None:
    """Write an entry down, and that the doc is to show it."""
    incidents.add_entry(connection, incident.id, entry)
    change = RecordedChange(f"entry-{entry.id}", "entry", {"entry": entry.id}, entry.recorded_at)
    changes.record_change(connection, incident.id, change)


def record_field(
    connection: Connection, incident: Incident, name: str, value: str, said_at: datetime
) -> None:
    """Write down that the doc's header is to show a value."""
    change = RecordedChange(f"field-{new_id(10)}", "field", {"name": name, "value": value}, said_at)
    changes.record_change(connection, incident.id, change)
