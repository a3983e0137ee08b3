"""The copy-back: what was sent, to how many, and to whom it did not go, in the doc."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.engine import Connection

from workflow.flows.communications import refresh_summary
from workflow.flows.doc import Brought, bring_to_doc
from workflow.flows.log import record_entry, record_field
from workflow.flows.notice_words import notice_facts
from workflow.flows.workspace import Workspace, new_id
from workflow.incident import Incident, TimelineEntry
from workflow.ledger import changes, incidents, notices
from workflow.ledger.changes import RecordedChange
from workflow.ledger.notices import Notice

# No id that is made up by chance begins like this: those have no vowels.
_ENTRY = "notice"


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
    if not _copies(connection, notice):
        record_entry(connection, incident, _entry(notice))
    if _record_facts(connection, incident, notice, now):
        customers = notices.count_customers(connection, incident.id)
        record_field(connection, incident, "customers", f"{customers:,} told by mail", now)
    for earlier in notices.notices_of(connection, incident.id):
        # What it promised may have been kept by this one.
        if earlier.next_update and earlier.id != notice.id and earlier.facts_written:
            _record_facts(connection, incident, earlier, now)
    refresh_summary(connection, incident.id, now)


def _record_facts(
    connection: Connection, incident: Incident, notice: Notice, now: datetime
) -> bool:
    """Record that the doc is to say how the notice stands, unless it does or is about to."""
    copies = _copies(connection, notice)
    pending = copies and not changes.is_done(connection, copies[-1].id)
    if pending or notice.facts_written == notice_facts(connection, incident, notice):
        return False
    change = RecordedChange(f"notice-{notice.id}-{new_id(4)}", "notice", {"notice": notice.id}, now)
    changes.record_change(connection, incident.id, change)
    return True


def _copies(connection: Connection, notice: Notice) -> list[RecordedChange]:
    return [
        change
        for change in changes.changes_of_kind(connection, notice.incident_id, "notice")
        if change.payload["notice"] == notice.id
    ]


def is_of_a_notice(entry: TimelineEntry) -> bool:
    """Whether this program wrote the entry itself, when it wrote to customers."""
    return entry.id.startswith(_ENTRY)


def _entry(notice: Notice) -> TimelineEntry:
    who = "1 customer" if notice.recipients == 1 else f"{notice.recipients:,} customers"
    return TimelineEntry(
        id=f"{_ENTRY}{notice.id}",
        at=notice.said_at,
        text=f"Wrote to {who}: “{notice.subject}”",
        recorded_at=notice.said_at,
    )
