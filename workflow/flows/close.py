"""Closing the loop, and opening it again."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from sqlalchemy.engine import Connection

from workflow.flows import closing_checks, communications, locking
from workflow.flows.closing_checks import Findings, OpenEnd
from workflow.flows.doc import Brought, bring_to_doc
from workflow.flows.faults import BadInput
from workflow.flows.list_writing import write_new_list
from workflow.flows.log import Logged, new_entry, record_entry, record_field
from workflow.flows.workspace import Workspace
from workflow.incident import Incident, Status, TimelineEntry, duration_text, moment_text
from workflow.ledger import changes, closings, incidents


@dataclass(frozen=True)
class CloseRequest:
    """How to close. `reason` is why although something is left open; `lock`: the doc too."""

    at: datetime | None = None
    reason: str = ""
    lock: bool = False


@dataclass(frozen=True)
class Closed:
    """What `close` did. `findings` are as of the closing; `doc_ends` is what the doc lacks."""

    brought: Brought
    duration: str
    findings: Findings
    doc_ends: tuple[OpenEnd, ...]
    lock_refused: bool


def check(workspace: Workspace) -> Findings:
    """What the ledger says is left undone; nothing is changed, and Google is not asked."""
    incident = workspace.incident()
    with workspace.ledger.read() as connection:
        return closing_checks.look(connection, incident)


def close(workspace: Workspace, request: CloseRequest) -> Closed:
    """Set the final status, the duration, the closing entry and the summary of what was told.

    Raises `BadInput` for an incident that is closed already, unless its doc is to be locked now,
    and for one with something left open that should stop it, unless a reason is given.
    """
    incident = workspace.incident()
    if incident.closed_at is not None:
        return _lock_later(workspace, incident, request)
    entry = new_entry(
        workspace, incident, "Closed the loop", at=request.at, earliest=incident.started_at
    )
    with workspace.ledger.write() as connection:
        incident = incidents.incident_by_id(connection, incident.id)
        if incident.closed_at is not None:
            raise BadInput(_closed_already(incident))
        findings = closing_checks.look(connection, incident)
        if findings.stopping and not request.reason:
            raise BadInput(
                "It was not closed: " + "; ".join(each.words for each in findings.stopping) + "."
            )
        entry = replace(entry, text=_entry_text(findings, request.reason))
        _record(connection, incident, entry, request.reason)
        if request.lock:
            locking.record_wish(connection, workspace, incident.id, locking.LOCK)
    return _closed(workspace, incident.id, findings, request)


def write_not_told(workspace: Workspace, path: Path) -> int:
    """Write the customers who were told of the incident and not of its end, as a list for `notify`.

    Returns how many; for nobody no file is written. Raises `BadInput` for a path that is taken.
    """
    incident = workspace.incident()
    with workspace.ledger.read() as connection:
        found = closing_checks.customers_not_told(connection, incident)
    rows = [["email", "name", "told", "last_told"]]
    for customer in found:
        stages = " ".join(word.stage.value for word in customer.told)
        when = customer.told[-1].said_at.astimezone(incident.zone).isoformat(timespec="minutes")
        rows.append([customer.email, customer.name, stages, when])
    if found:
        write_new_list(path, rows)
    return len(found)


def reopen(workspace: Workspace, reason: str = "") -> Logged:
    """Let a closed incident go on as it stood before, and take the lock off that we put on its doc.

    Raises `BadInput` for an incident that is not closed.
    """
    incident = workspace.incident()
    if incident.closed_at is None:
        raise BadInput("This incident is not closed; there is nothing to reopen.")
    words = f"Reopened: {reason.strip()}" if reason.strip() else "Reopened"
    entry = new_entry(workspace, incident, words)
    with workspace.ledger.write() as connection:
        status = _status_before(connection, incident)
        closings.set_reopened(connection, incident.id, status)
        if status is not incident.status:
            record_field(connection, incident, "status", status.label, entry.recorded_at)
        record_field(connection, incident, "duration", "", entry.recorded_at)
        record_entry(connection, incident, entry)
        if incident.locked_at or locking.lock_was_wished(connection, incident.id):
            locking.record_wish(connection, workspace, incident.id, locking.UNLOCK)
    return Logged(entry, bring_to_doc(workspace, incident.id))


def _record(connection: Connection, incident: Incident, entry: TimelineEntry, reason: str) -> None:
    duration = _duration(incident, entry.at)
    closings.set_closed(connection, incident.id, entry.at, reason=reason)
    if incident.status is not Status.RESOLVED:
        record_field(connection, incident, "status", Status.RESOLVED.label, entry.recorded_at)
    record_field(connection, incident, "duration", duration, entry.recorded_at)
    record_entry(connection, incident, entry)
    closed = incidents.incident_by_id(connection, incident.id)
    before = {"status_before": incident.status.value}
    communications.record_summary(connection, closed, entry.recorded_at, before)


def _closed(
    workspace: Workspace, incident_id: str, findings: Findings, request: CloseRequest
) -> Closed:
    brought = bring_to_doc(workspace, incident_id)
    incident = brought.incident
    doc_ends = (
        closing_checks.look_at_doc(workspace, incident)
        if brought.synced
        else (closing_checks.doc_not_checked("does not show everything yet"),)
    )
    refused = request.lock and brought.synced and incident.locked_at is None
    at = incident.closed_at or incident.started_at
    return Closed(brought, _duration(incident, at), findings, doc_ends, refused)


def _lock_later(workspace: Workspace, incident: Incident, request: CloseRequest) -> Closed:
    if not request.lock or incident.locked_at is not None:
        raise BadInput(_closed_already(incident))
    with workspace.ledger.write() as connection:
        findings = closing_checks.look(connection, incident)
        locking.record_wish(connection, workspace, incident.id, locking.LOCK)
    return _closed(workspace, incident.id, findings, request)


def _entry_text(findings: Findings, reason: str) -> str:
    if not reason:
        return "Closed the loop"
    left = "; ".join(each.words for each in findings.stopping) or "nothing"
    return f"Closed the loop. Left open: {left}. Why: {reason}"


def _closed_already(incident: Incident) -> str:
    assert incident.closed_at is not None  # noqa: S101 - asked for closed ones alone
    when = moment_text(incident.closed_at, incident.zone)
    locked = ", and its doc is locked" if incident.locked_at else ""
    return f"This incident was closed at {when} already{locked}. To go on: postmortem reopen"


def _status_before(connection: Connection, incident: Incident) -> Status:
    """How the incident stood before it was last closed."""
    recorded = changes.changes_of_kind(connection, incident.id, changes.SUMMARY)
    told = [each.payload["status_before"] for each in recorded if "status_before" in each.payload]
    return Status(told[-1]) if told else incident.status


def _duration(incident: Incident, at: datetime) -> str:
    return duration_text((at - incident.started_at).total_seconds())
