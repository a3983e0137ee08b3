"""The journal: every change that the doc is to show, written here before Google hears of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, insert, or_, select, update
from sqlalchemy.engine import Connection

from workflow.ledger.tables import changes, incidents, shares

SUMMARY = "summary"
"""The kind of a change that shows all that customers were told."""

STATEMENT = "statement"
"""The kind of a change that shows the impact or the severity as it is said now."""


@dataclass(frozen=True)
class RecordedChange:
    """A change that somebody said, waiting for the doc or already in it.

    `kind` is entry, reword, strike, field, statement, section, file, notice or summary, or one
    that is about the doc and not in it: lock, unlock, unpublish. `payload` holds what that kind
    needs.
    """

    id: str
    kind: str
    payload: dict[str, Any]
    said_at: datetime


def record_change(connection: Connection, incident_id: str, change: RecordedChange) -> None:
    """Write a change down. It stays pending until `changes_done` names it."""
    connection.execute(
        insert(changes).values(
            id=change.id,
            incident_id=incident_id,
            kind=change.kind,
            payload=change.payload,
            said_at=change.said_at,
        )
    )


def set_payload(connection: Connection, change_id: str, payload: dict[str, Any]) -> None:
    """What else is known now of a change that still waits."""
    connection.execute(update(changes).where(changes.c.id == change_id).values(payload=payload))


def payload_of(connection: Connection, change_id: str) -> dict[str, Any]:
    """What a change needs, as it is kept now."""
    query = select(changes.c.payload).where(changes.c.id == change_id)
    found: dict[str, Any] = connection.execute(query).scalar_one()
    return found


def pending_changes(connection: Connection, incident_id: str) -> list[RecordedChange]:
    """What the doc does not show yet, in the order in which it was said."""
    query = (
        select(changes)
        .where(changes.c.incident_id == incident_id, changes.c.done_at.is_(None))
        .order_by(changes.c.seq)
    )
    return [
        RecordedChange(row.id, row.kind, row.payload, row.said_at)
        for row in connection.execute(query)
    ]


def changes_of_kind(connection: Connection, incident_id: str, kind: str) -> list[RecordedChange]:
    """Every change of one kind, in the doc or not, in the order in which it was said."""
    query = (
        select(changes)
        .where(changes.c.incident_id == incident_id, changes.c.kind == kind)
        .order_by(changes.c.seq)
    )
    return [
        RecordedChange(row.id, row.kind, row.payload, row.said_at)
        for row in connection.execute(query)
    ]


def count_pending(connection: Connection, incident_id: str) -> int:
    """How many changes the doc does not show yet."""
    query = select(func.count()).where(
        changes.c.incident_id == incident_id, changes.c.done_at.is_(None)
    )
    return int(connection.execute(query).scalar_one())


def is_done(connection: Connection, change_id: str) -> bool:
    """Whether the doc shows a change."""
    query = select(changes.c.done_at).where(changes.c.id == change_id)
    return connection.execute(query).scalar() is not None


def changes_done(connection: Connection, change_ids: list[str], *, at: datetime) -> None:
    """The doc shows these now."""
    connection.execute(update(changes).where(changes.c.id.in_(change_ids)).values(done_at=at))


def incidents_waiting(connection: Connection, *, profile: str) -> list[str]:
    """The incidents whose doc lags behind or is not made or shared yet, the oldest first."""
    lagging = select(changes.c.incident_id).where(changes.c.done_at.is_(None))
    unshared = select(shares.c.incident_id).where(shares.c.state.in_(("pending", "asked")))
    query = (
        select(incidents.c.id)
        .where(
            incidents.c.profile == profile,
            or_(
                incidents.c.doc_state != "filled",
                incidents.c.id.in_(lagging),
                incidents.c.id.in_(unshared),
            ),
        )
        .order_by(incidents.c.created_at)
    )
    return list(connection.execute(query).scalars())
