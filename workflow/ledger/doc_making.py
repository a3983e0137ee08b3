"""The making of an incident's doc: what Google is about to be asked, and what came of it.

Each step is written down before and after its call, so that a lost answer makes no second doc.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import update
from sqlalchemy.engine import Connection

from workflow.ledger.incidents import DocRecord, update_incident
from workflow.ledger.tables import incidents


def doc_asked_for(
    connection: Connection, incident_id: str, seen: DocRecord, *, at: datetime
) -> bool:
    """Drive is about to be asked to make the doc; False when somebody was quicker than `seen`."""
    return _move_doc(connection, incident_id, seen, "creating", at)


def doc_not_made(connection: Connection, incident_id: str) -> None:
    """Drive said plainly that it made no doc."""
    _back(connection, incident_id, "creating", "none")


def doc_made(connection: Connection, incident_id: str, *, doc_id: str, doc_url: str) -> None:
    """Drive made the doc; it is still empty. Whoever says so second changes nothing."""
    connection.execute(
        update(incidents)
        .where(incidents.c.id == incident_id, incidents.c.doc_state == "creating")
        .values(doc_state="created", doc_id=doc_id, doc_url=doc_url)
    )


def doc_fill_asked_for(
    connection: Connection, incident_id: str, seen: DocRecord, *, at: datetime
) -> bool:
    """Docs is about to be asked to fill the doc; False when somebody was quicker than `seen`."""
    return _move_doc(connection, incident_id, seen, "filling", at)


def doc_not_filled(connection: Connection, incident_id: str) -> None:
    """Docs said plainly that it wrote nothing."""
    _back(connection, incident_id, "filling", "created")


def doc_filled(connection: Connection, incident_id: str) -> None:
    """The doc holds its sections."""
    update_incident(connection, incident_id, doc_state="filled")


def doc_joined(connection: Connection, incident_id: str, *, doc_id: str, doc_url: str) -> None:
    """The doc is a colleague's: it was made and filled on another machine."""
    update_incident(connection, incident_id, doc_state="filled", doc_id=doc_id, doc_url=doc_url)


def set_template(connection: Connection, incident_id: str, name: str, source: str) -> None:
    """From what the doc is made, once that is known."""
    update_incident(connection, incident_id, template_name=name, template_source=source)


def _move_doc(
    connection: Connection, incident_id: str, seen: DocRecord, after: str, at: datetime
) -> bool:
    found = connection.execute(
        update(incidents)
        .where(
            incidents.c.id == incident_id,
            incidents.c.doc_state == seen.state,
            incidents.c.doc_called_at.is_not_distinct_from(seen.called_at),
        )
        .values(doc_state=after, doc_called_at=at)
    )
    return bool(found.rowcount == 1)


def _back(connection: Connection, incident_id: str, before: str, after: str) -> None:
    connection.execute(
        update(incidents)
        .where(incidents.c.id == incident_id, incidents.c.doc_state == before)
        .values(doc_state=after)
    )
