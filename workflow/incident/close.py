"""Close an incident, and reopen it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from sqlalchemy.engine import Connection

from workflow.doc import sharing as locking
from workflow.doc.push import Brought, bring_to_doc
from workflow.errors import BadInput
from workflow.files import write_new_list
from workflow.incident.many_entries import logged_by
from workflow.incident.timeline import Logged, new_entry, record_entry, record_field
from workflow.ledger import changes, incidents
from workflow.ledger.changes import Run
from workflow.ledger.elsewhere import Compared, NoticeElsewhere
from workflow.model import Incident, Status, TimelineEntry, length_text, moment_text
from workflow.same_command import record_run
from workflow.standing import closing_checks, notice_words, other_ledgers
from workflow.standing.closing_checks import Findings, OpenEnd
from workflow.workspace import Workspace


@dataclass(frozen=True)
class CloseRequest:
    """How to close. `reason`: why, if something is open; `lock`: lock the doc.

    `not_in_this_ledger`: a person knows of the notices that other ledgers sent.
    """

    at: datetime | None = None
    reason: str = ""
    lock: bool = False
    not_in_this_ledger: bool = False


@dataclass(frozen=True)
class Closed:
    """The result of `close`. `findings` are as of the closing; `doc_ends` is what the doc lacks.

    `duration` is the incident's length, in words.
    """

    brought: Brought
    duration: str
    findings: Findings
    doc_ends: tuple[OpenEnd, ...]
    lock_refused: bool


def check(workspace: Workspace, compared: Compared | None = None) -> Findings:
    """Find what is still open in the ledger, and in the doc's notes about other ledgers.

    `compared` is the result of a comparison just made; None: compare now.
    """
    incident = workspace.incident()
    compared = compared or other_ledgers.look(workspace, incident).compared
    not_compared = _not_compared(workspace, incident, compared)
    with workspace.ledger.read() as connection:
        findings = closing_checks.look(connection, incident)
    return replace(findings, open_ends=(*findings.open_ends, *not_compared))


def close(workspace: Workspace, request: CloseRequest) -> Closed:
    """Close: set the final status, duration, closing entry and summary of notices.

    Raises `BadInput` for an incident that is closed already, unless its doc should be locked now,
    and for one with something open that stops it, unless a reason is given.
    """
    incident = workspace.incident()
    if incident.closed_at is not None:
        return _lock_later(workspace, incident, request)
    seen = other_ledgers.look(workspace, incident).compared  # a question may have taken a while
    not_compared = _not_compared(workspace, incident, seen)
    entry = new_entry(
        workspace, incident, "Closed the incident", at=request.at, earliest=incident.started_at
    )
    with workspace.ledger.write() as connection:
        incident = incidents.incident_by_id(connection, incident.id)
        if incident.closed_at is not None:
            raise BadInput(_closed_already(incident))
        findings = closing_checks.look(connection, incident)
        findings = replace(findings, open_ends=(*findings.open_ends, *not_compared))
        if findings.elsewhere and not request.not_in_this_ledger:
            known = " ".join(f"{each.words}." for each in findings.elsewhere)
            raise BadInput(f"The incident was not closed: {known}\n{other_ledgers.WAYS}")
        if findings.stopping and not request.reason:
            raise BadInput(
                "The incident was not closed: "
                + "; ".join(each.words for each in findings.stopping)
                + "."
            )
        entry = replace(entry, text=_entry_text(findings, request.reason))
        _record(connection, incident, entry, request.reason)
        if request.lock:
            locking.wish_to_lock_or_unlock(connection, workspace, incident.id, locking.LOCK)
        record_run(connection, workspace, incident.id)
    return _closed(workspace, incident.id, findings, request)


def refuse_other_count(
    found: Sequence[NoticeElsewhere], incident: Incident, typed: int | None
) -> None:
    """Raise `BadInput` unless the number of customers of other ledgers was typed."""
    count = other_ledgers.customers_elsewhere(found)
    if typed != count:
        known = other_ledgers.all_words(found, incident)
        raise BadInput(
            f"The incident was not closed: {known} If those customers know it is resolved, add "
            f"{other_ledgers.OPTION} --confirm {count}."
        )


def closed_by(workspace: Workspace, run: Run, request: CloseRequest) -> Closed:
    """Finish an earlier run of `close`: update the doc if needed."""
    with workspace.ledger.read() as connection:
        incident = incidents.incident_by_id(connection, run.incident_id)
        findings = closing_checks.look(connection, incident)
    return _closed(workspace, incident.id, findings, request)


def write_not_told(workspace: Workspace, path: Path) -> int:
    """Write a list for `notify`: customers who were notified but not told it is resolved.

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
    """Reopen a closed incident with its last status, and unlock its doc.

    Raises `BadInput` for an incident that is not closed.
    """
    incident = workspace.incident()
    if incident.closed_at is None:
        raise BadInput("This incident is not closed; there is nothing to reopen.")
    words = f"Reopened: {reason.strip()}" if reason.strip() else "Reopened"
    entry = new_entry(workspace, incident, words)
    with workspace.ledger.write() as connection:
        status = _status_before(connection, incident)
        incidents.set_reopened(connection, incident.id, status)
        if status is not incident.status:
            record_field(connection, incident, "status", status.label, entry.recorded_at)
        record_field(connection, incident, "duration", "", entry.recorded_at)
        record_entry(connection, incident, entry)
        if incident.locked_at or locking.lock_was_wished(connection, incident.id):
            locking.wish_to_lock_or_unlock(connection, workspace, incident.id, locking.UNLOCK)
        record_run(connection, workspace, incident.id, entries=[entry.id])
    return Logged(entry, bring_to_doc(workspace, incident.id))


def reopened_by(workspace: Workspace, run: Run) -> Logged:
    """Finish an earlier run of `reopen`: update the doc if needed."""
    logged = logged_by(workspace, run)
    return Logged(logged.entries[0], logged.brought)


def _not_compared(
    workspace: Workspace, incident: Incident, compared: Compared
) -> tuple[OpenEnd, ...]:
    """The open item if the doc could not be compared and another ledger may exist."""
    problem = compared.problem.rstrip(".")
    if not problem or other_ledgers.is_the_only_one(workspace, incident):
        return ()
    words = f"Whether another ledger wrote to customers is not known: {problem}"
    return (OpenEnd(closing_checks.NOT_COMPARED, words),)


def _record(connection: Connection, incident: Incident, entry: TimelineEntry, reason: str) -> None:
    incidents.set_closed(connection, incident.id, entry.at, reason=reason)
    if incident.status is not Status.RESOLVED:
        record_field(connection, incident, "status", Status.RESOLVED.label, entry.recorded_at)
    closed = incidents.incident_by_id(connection, incident.id)
    record_field(connection, incident, "duration", length_text(closed), entry.recorded_at)
    record_entry(connection, incident, entry)
    before = {"status_before": incident.status.value}
    notice_words.record_summary(connection, closed, entry.recorded_at, before)


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
    return Closed(brought, length_text(incident), findings, doc_ends, refused)


def _lock_later(workspace: Workspace, incident: Incident, request: CloseRequest) -> Closed:
    if not request.lock or incident.locked_at is not None:
        raise BadInput(_closed_already(incident))
    with workspace.ledger.write() as connection:
        findings = closing_checks.look(connection, incident)
        locking.wish_to_lock_or_unlock(connection, workspace, incident.id, locking.LOCK)
    return _closed(workspace, incident.id, findings, request)


def _entry_text(findings: Findings, reason: str) -> str:
    if not reason and not findings.elsewhere:
        return "Closed the incident"
    if not reason:
        known = " ".join(f"{each.words}." for each in findings.elsewhere)
        return f"Closed the incident, though not all of it is in one ledger: {known}"
    ends = (*findings.elsewhere, *findings.stopping)
    left = "; ".join(each.recorded_words for each in ends) or "nothing"
    return f"Closed the incident. Still open: {left}. Reason: {reason}"


def _closed_already(incident: Incident) -> str:
    assert incident.closed_at is not None  # noqa: S101 - asked for closed ones alone
    when = moment_text(incident.closed_at, incident.zone)
    locked = ", and its doc is locked" if incident.locked_at else ""
    return f"This incident was already closed at {when}{locked}. To reopen it: postmortem reopen"


def _status_before(connection: Connection, incident: Incident) -> Status:
    """The incident's status before it was last closed."""
    recorded = changes.changes_of_kind(connection, incident.id, changes.SUMMARY)
    told = [each.payload["status_before"] for each in recorded if "status_before" in each.payload]
    return Status(told[-1]) if told else incident.status
