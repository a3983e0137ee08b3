"""The impact or the severity as the doc is to have it, from all that was ever said of it."""

from __future__ import annotations

from sqlalchemy.engine import Connection

from workflow.document.changes import Restate
from workflow.document.template import parse_template
from workflow.incident import Incident, Statement
from workflow.ledger import changes
from workflow.ledger.changes import RecordedChange


def wanted_statement(
    connection: Connection, incident: Incident, change: RecordedChange, template_source: str
) -> Restate:
    """The last value wins, wherever this change stands in the journal; the others tell our words.

    `template_source` is the Markdown of the template that the doc was made of.
    """
    statement = Statement(change.payload["statement"])
    recorded = statements_of(connection, incident.id, statement)
    earlier = [value for each in recorded for value in (each.payload["was"], each.payload["value"])]
    last = recorded[-1].payload["value"]
    return Restate(statement, last, tuple(dict.fromkeys(earlier)), parse_template(template_source))


def statements_of(
    connection: Connection, incident_id: str, statement: Statement
) -> list[RecordedChange]:
    """Every time that it was said anew, in the order in which it was said."""
    return [
        each
        for each in changes.changes_of_kind(connection, incident_id, changes.STATEMENT)
        if each.payload["statement"] == statement.value
    ]
