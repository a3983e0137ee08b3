"""Closing the loop."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.engine import Connection

from workflow.flows.doc import Brought, bring_to_doc
from workflow.flows.faults import BadInput
from workflow.flows.log import new_entry, record_entry, record_field
from workflow.flows.workspace import Workspace
from workflow.incident import Incident, Status, duration_text, moment_text
from workflow.ledger import incidents, notices


@dataclass(frozen=True)
class Closed:
    """What `close` found and did. `open_ends` are sentences about what is left undone."""

    brought: Brought
    duration: str
    open_ends: tuple[str, ...]


def close(workspace: Workspace, *, at: datetime | None = None) -> Closed:
    """Set the final status, the duration and the closing entry. Raises `BadInput`."""
    incident = workspace.incident()
    if incident.closed_at is not None:
        raise BadInput(
            f"This incident was closed at {moment_text(incident.closed_at, incident.zone)} already."
        )
    entry = new_entry(workspace, incident, "Closed the loop", at=at, earliest=incident.started_at)
    duration = duration_text((entry.at - incident.started_at).total_seconds())
    with workspace.ledger.write() as connection:
        open_ends = tuple(_open_ends(connection, incident))
        incidents.set_closed(connection, incident.id, entry.at)
        if incident.status is not Status.RESOLVED:
            record_field(connection, incident, "status", Status.RESOLVED.label, entry.recorded_at)
        record_field(connection, incident, "duration", duration, entry.recorded_at)
        record_entry(connection, incident, entry)
    return Closed(bring_to_doc(workspace, incident.id), duration, open_ends)


def _open_ends(connection: Connection, incident: Incident) -> list[str]:
    """What a person should still see to, each as a sentence with the command that does it."""
    found: list[str] = []
    for notice in notices.notices_of(connection, incident.id):
        counts = notices.count_deliveries(connection, notice)
        name = f"The {notice.stage.value} notice"
        if counts.pending:
            found.append(
                f"{name} still has {counts.pending} to send: postmortem resume {notice.id}"
            )
        if counts.failed:
            found.append(f"{name} failed for {counts.failed}: postmortem show names them")
        if counts.unknown:
            found.append(f"{name} is unknown for {counts.unknown}: postmortem show names them")
    return found
