"""The end of an incident in the ledger: closed, opened again, its doc locked or not."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy.engine import Connection

from workflow.incident import Status
from workflow.ledger.incidents import update_incident


def set_closed(connection: Connection, incident_id: str, at: datetime, *, reason: str) -> None:
    """The loop was closed at `at`; `reason` is why although something was left open, or ""."""
    update_incident(
        connection,
        incident_id,
        status=Status.RESOLVED.value,
        closed_at=at,
        close_reason=reason,
    )


def set_reopened(connection: Connection, incident_id: str, status: Status) -> None:
    """The incident goes on, as it stood before it was closed."""
    values: dict[str, Any] = {"status": status.value, "closed_at": None, "close_reason": ""}
    if status is not Status.RESOLVED:
        values["resolved_at"] = None
    update_incident(connection, incident_id, **values)


def set_locked(connection: Connection, incident_id: str, at: datetime | None) -> None:
    """Since when the doc is locked against edits; None: it is not."""
    update_incident(connection, incident_id, locked_at=at)
