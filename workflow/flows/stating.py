"""The impact and the severity: said at the start, and said anew as more is known."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.engine import Connection

from workflow.flows.doc import Brought, bring_to_doc
from workflow.flows.doc_statements import statements_of
from workflow.flows.faults import BadInput
from workflow.flows.log import new_entry, record_entry
from workflow.flows.workspace import Workspace, new_id
from workflow.incident import Incident, Statement, TimelineEntry
from workflow.ledger import changes, incidents
from workflow.ledger.changes import RecordedChange

# A header line holds one, and so does the subject of what colleagues are told.
_LONGEST_SEVERITY = 60


@dataclass(frozen=True)
class Said:
    """What is said now of an incident, "" for nothing, and since when (its time, not the doc's)."""

    incident: Incident
    value: str
    said_at: datetime


@dataclass(frozen=True)
class Stated:
    """A value that holds from now on. `entry` tells of it; None where it held already."""

    value: str
    entry: TimelineEntry | None
    brought: Brought


def what_is_said(workspace: Workspace, statement: Statement) -> Said:
    """The impact or the severity as it was last said, and when."""
    incident = workspace.incident()
    with workspace.ledger.read() as connection:
        recorded = statements_of(connection, incident.id, statement)
        said_at = _happened_at(connection, recorded[-1]) if recorded else None
        began = incidents.said_at(connection, incident.id)
    return Said(incident, value_of(incident, statement), said_at or began)


def state(
    workspace: Workspace, statement: Statement, text: str, *, at: datetime | None = None
) -> Stated:
    """Record what is said anew, log it, and bring both to the doc. The timeline keeps the earlier.

    `at` is since when it is known; None: now. Saying what holds already records nothing and brings
    over what waits. Raises `BadInput` for no words, a severity of many, or a time before the start.
    """
    value = _worded(statement, text)
    asked = workspace.incident()
    words = f"{statement.value.capitalize()}: {value}"
    entry = new_entry(workspace, asked, words, at=at, earliest=asked.started_at)
    with workspace.ledger.write() as connection:
        incident = incidents.incident_by_id(connection, asked.id)
        was = value_of(incident, statement)
        if was != value:
            incidents.set_statement(connection, incident, statement, value)
            payload = {
                "statement": statement.value,
                "was": was,
                "value": value,
                "entry": entry.id,
            }
            change = RecordedChange(
                f"statement-{new_id(10)}", changes.STATEMENT, payload, entry.recorded_at
            )
            changes.record_change(connection, incident.id, change)
            record_entry(connection, incident, entry)
    brought = bring_to_doc(workspace, asked.id)
    return Stated(value, entry if was != value else None, brought)


def value_of(incident: Incident, statement: Statement) -> str:
    """What holds now; `start --set impact=…` goes before `--impact`, as in the doc."""
    column = {Statement.IMPACT: incident.impact, Statement.SEVERITY: incident.severity}
    return incident.variables.get(statement.value, column[statement])


def _happened_at(connection: Connection, change: RecordedChange) -> datetime:
    return incidents.entry_by_id(connection, change.payload["entry"]).at


def _worded(statement: Statement, text: str) -> str:
    if statement is Statement.SEVERITY:
        text = " ".join(text.split())
        if len(text) > _LONGEST_SEVERITY:
            raise BadInput(
                f"A severity has at most {_LONGEST_SEVERITY} characters, such as SEV1. What else "
                'there is to say: postmortem log "…". Nothing was changed.'
            )
    if not text.strip():
        raise BadInput(
            f"There are no words for the {statement.value}. Say it: postmortem "
            f'{statement.value} "…". Nothing was changed.'
        )
    return text.strip()
