"""Locking an incident's doc against edits, and opening it again.

The wish is a change like any other, written down before Drive is asked: a lock comes after
everything that the doc is to show, an unlock before it.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.engine import Connection

from workflow.flows.workspace import Workspace, new_id
from workflow.google.faults import GoogleFault, Refused, Undecided
from workflow.incident import Incident, moment_text
from workflow.ledger import changes, closings, incidents
from workflow.ledger.changes import RecordedChange

LOCK, UNLOCK = "lock", "unlock"
KINDS = frozenset({LOCK, UNLOCK})

# How Docs answers an edit of a locked doc (nodejs client, issue 3437: for a sheet).
_NO_EDIT = (403, "docs.documents.batchUpdate")


def record_wish(connection: Connection, workspace: Workspace, incident_id: str, kind: str) -> None:
    """Write down that the doc is to be locked, or opened; what was wished before is done with."""
    now = workspace.now()
    changes.changes_done(connection, [each.id for each in _wishes(connection, incident_id)], at=now)
    change = RecordedChange(f"{kind}-{new_id(10)}", kind, {}, now)
    changes.record_change(connection, incident_id, change)


def lock_was_wished(connection: Connection, incident_id: str) -> bool:
    """Whether the doc waits to be locked."""
    return any(wish.kind == LOCK for wish in _wishes(connection, incident_id))


def carry_out(workspace: Workspace, incident_id: str, kind: str, said: list[str]) -> None:
    """Lock or open the doc where that was wished and is not done.

    What Drive plainly refuses is told and not tried again. Raises other kinds of `GoogleFault`,
    and then the wish stays.
    """
    with workspace.ledger.read() as connection:
        wishes = [each for each in _wishes(connection, incident_id) if each.kind == kind]
        incident = incidents.incident_by_id(connection, incident_id)
    if not wishes:
        return
    try:
        (_lock if kind == LOCK else _unlock)(workspace, incident)
    except Refused as refused:
        said.append(_REFUSED[kind].format(why=refused.sentence))
    with workspace.ledger.write() as connection:
        changes.changes_done(connection, [wish.id for wish in wishes], at=workspace.now())


def _lock(workspace: Workspace, incident: Incident) -> None:
    """Lock the doc. It counts as locked from before the call on: an answer may be lost."""
    _remember(workspace, incident, workspace.now())
    try:
        workspace.google.drive.lock(incident.doc_id, _reason(incident))
    except Undecided:
        raise
    except GoogleFault:
        _remember(workspace, incident, None)
        raise


def _unlock(workspace: Workspace, incident: Incident) -> None:
    workspace.google.drive.unlock(incident.doc_id)
    _remember(workspace, incident, None)


def _remember(workspace: Workspace, incident: Incident, locked_at: datetime | None) -> None:
    with workspace.ledger.write() as connection:
        closings.set_locked(connection, incident.id, locked_at)


def told_of_lock(fault: GoogleFault, before: Incident, now: Incident) -> GoogleFault:
    """A fault in words that fit a doc that we locked, where Docs says only that it may not be
    edited. `before` is the incident when the command began."""
    if not isinstance(fault, Refused) or (fault.status, fault.method) != _NO_EDIT:
        return fault
    if now.locked_at is not None:
        when = moment_text(now.locked_at, now.zone)
        words = f"The doc was locked at {when}; postmortem reopen takes the lock off."
    elif before.locked_at is not None:
        words = "The lock was taken off just now, and Google may need some minutes to notice."
    else:
        return fault
    return Refused(
        words, status=fault.status, reason=fault.reason, detail=fault.detail, method=fault.method
    )


def _wishes(connection: Connection, incident_id: str) -> list[RecordedChange]:
    pending = changes.pending_changes(connection, incident_id)
    return [change for change in pending if change.kind in KINDS]


def _reason(incident: Incident) -> str:
    when = incident.closed_at
    closed = f" on {moment_text(when, incident.zone)}" if when else ""
    return f"The incident was closed{closed}. postmortem reopen takes this lock off."


_REFUSED = {
    LOCK: "The doc is not locked: {why} Its owner can do it, or try again: postmortem close --lock",
    UNLOCK: "The doc's lock could not be taken off: {why} Its owner can do that in Google Docs.",
}
