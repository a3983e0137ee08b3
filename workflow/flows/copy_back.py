"""The copy-back: what was sent, to how many, and to whom it did not go, in the doc."""

from __future__ import annotations

from sqlalchemy.engine import Connection

from workflow.flows.doc import Brought, bring_to_doc
from workflow.flows.log import record_entry, record_field
from workflow.flows.notice_words import notice_facts
from workflow.flows.workspace import Workspace, new_id
from workflow.incident import TimelineEntry
from workflow.ledger import changes, incidents, notices
from workflow.ledger.changes import RecordedChange
from workflow.ledger.notices import Notice


def copy_back(workspace: Workspace, notice: Notice) -> Brought:
    """Record that the doc is to show the notice as it now stands, and bring it there."""
    record_copy(workspace, notice)
    return bring_to_doc(workspace, notice.incident_id)


def record_copy(workspace: Workspace, notice: Notice) -> None:
    """Record that the doc is to show the notice as it now stands: the next command brings it."""
    with workspace.ledger.write() as connection:
        _record(connection, workspace, notice)


def _record(connection: Connection, workspace: Workspace, notice: Notice) -> None:
    incident = incidents.incident_by_id(connection, notice.incident_id)
    notice = notices.notice_by_id(connection, notice.id)
    counts = notices.count_deliveries(connection, notice)
    if notice.mode != "send" or counts.total == counts.pending:
        return
    now = workspace.now()
    copies = [
        change
        for change in changes.changes_of_kind(connection, incident.id, "notice")
        if change.payload["notice"] == notice.id
    ]
    if not copies:
        record_entry(connection, incident, _entry(notice))
    pending = copies and not changes.is_done(connection, copies[-1].id)
    if not pending and notice.facts_written != notice_facts(connection, incident, notice):
        change = RecordedChange(
            f"notice-{notice.id}-{new_id(4)}", "notice", {"notice": notice.id}, now
        )
        changes.record_change(connection, incident.id, change)
        customers = notices.count_customers(connection, incident.id)
        record_field(connection, incident, "customers", f"{customers:,} told by mail", now)


def _entry(notice: Notice) -> TimelineEntry:
    who = "1 customer" if notice.recipients == 1 else f"{notice.recipients:,} customers"
    return TimelineEntry(
        id=f"notice{notice.id}",
        at=notice.said_at,
        text=f"Wrote to {who}: “{notice.subject}”",
        recorded_at=notice.said_at,
    )
