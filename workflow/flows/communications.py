"""The summary of all that customers were told, as the doc has it once the loop is closed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy.engine import Connection

from workflow.document.changes import PutCommunications
from workflow.flows import closing_checks
from workflow.flows.next_word import promise_words, promises
from workflow.flows.notice_words import returned_words, rows_not_told
from workflow.flows.workspace import new_id
from workflow.incident import (
    DeliveryCounts,
    Incident,
    MailTransport,
    duration_text,
    moment_text,
)
from workflow.ledger import bounces, changes, incidents, notices
from workflow.ledger.changes import SUMMARY, RecordedChange
from workflow.ledger.notices import Notice
from workflow.ledger.promises import words_given

_HEADING = "Communications summary"


def record_summary(
    connection: Connection, incident: Incident, at: datetime, facts: Mapping[str, Any]
) -> None:
    """Write down that the doc is to show the summary as it is now; `facts` are kept beside it.

    Where no customer was written to there is nothing to show, and nothing waits.
    """
    lines = _lines(connection, incident)
    change = RecordedChange(f"{SUMMARY}-{new_id(10)}", SUMMARY, {"lines": lines, **facts}, at)
    changes.record_change(connection, incident.id, change)
    if not lines:
        changes.changes_done(connection, [change.id], at=at)


def refresh_summary(connection: Connection, incident_id: str, at: datetime) -> None:
    """Bring a summary that was written up to date, where anything in it has changed."""
    earlier = changes.changes_of_kind(connection, incident_id, SUMMARY)
    incident = incidents.incident_by_id(connection, incident_id)
    if earlier and earlier[-1].payload["lines"] != _lines(connection, incident):
        record_summary(connection, incident, at, {})


def wanted_summary(connection: Connection, incident: Incident) -> PutCommunications:
    """The last summary that was written down, and those before it."""
    written = [
        tuple(change.payload["lines"])
        for change in changes.changes_of_kind(connection, incident.id, SUMMARY)
    ]
    *earlier, last = [lines for lines in written if lines]
    return PutCommunications(incident.id, _HEADING, last, tuple(earlier))


def _lines(connection: Connection, incident: Incident) -> list[str]:
    """A line for the whole and one for each notice; none where no customer was written to."""
    listed = notices.notices_of(connection, incident.id)
    if not listed:
        return []
    reached = closing_checks.look(connection, incident).reached
    promised = {
        promise.notice_id: promise_words(promise, incident.zone)
        for promise in promises(words_given(connection, incident.id))
    }
    lines = [_first_word(incident, reached.first_word)]
    lines.append(f"Told: {_people(reached.told)}; told of the end: {reached.of_the_end:,}")
    for notice in listed:
        lines.append(_of_notice(connection, incident, notice))
        if notice.id in promised:
            lines.append(promised[notice.id])
        lines += rows_not_told(connection, notice)
    if incident.close_reason:
        lines.append(f"Closed with something left open: {incident.close_reason}")
    return lines


def _first_word(incident: Incident, at: datetime | None) -> str:
    if at is None:
        return "First word to customers: none that stands"
    return (
        f"First word to customers: {moment_text(at, incident.zone)}, "
        f"{time_to(incident, at)} after the start"
    )


def time_to(incident: Incident, at: datetime) -> str:
    """How long after the incident's start something was, in words."""
    return duration_text(max(0.0, (at - incident.started_at).total_seconds()))


def _of_notice(connection: Connection, incident: Incident, notice: Notice) -> str:
    when = moment_text(notice.said_at, incident.zone)
    counts = _counted(notices.count_deliveries(connection, notice), notice.transport)
    returned = returned_words(
        len(bounces.bounces_of(connection, notice.id)), bounces.replies_to(connection, notice.id)
    )
    return f"{notice.stage.value.capitalize()}, {when}: {', '.join([counts, *returned])}"


def _counted(counts: DeliveryCounts, by: MailTransport) -> str:
    words = [f"{counts.sent:,} of {counts.total:,} accepted by {by.label}"]
    words += [f"{counts.failed:,} failed", f"{counts.unknown:,} unknown"]
    if counts.pending:
        words.append(f"{counts.pending:,} never sent")
    return ", ".join(words)


def _people(count: int) -> str:
    return "1 customer" if count == 1 else f"{count:,} customers"
