"""The words that customers were given, each with the next one that it promised."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.engine import Connection

from workflow.incident import DeliveryState
from workflow.ledger.tables import deliveries, notices


@dataclass(frozen=True)
class WordGiven:
    """A notice of which at least one mail was accepted.

    `said_at` and `promised` are instants of the incident's story; `planned_at` and `accepted_at`
    are the wall clock's, which in a rehearsal is another. `promised` is None for no promise. The
    same `words` never reach a customer twice: two notices that share them went to different ones.
    `customers` is how many of its mails were accepted.
    """

    notice_id: str
    said_at: datetime
    planned_at: datetime
    accepted_at: datetime
    promised: datetime | None
    words: str
    customers: int = 1


def words_given(connection: Connection, incident_id: str) -> list[WordGiven]:
    """The incident's notices that reached anybody, in order; tests are left out."""
    query = (
        select(
            notices.c.id,
            notices.c.said_at,
            notices.c.created_at,
            func.min(deliveries.c.sent_at).label("accepted_at"),
            notices.c.next_update,
            notices.c.content_key,
            func.count(),
        )
        .join(deliveries, deliveries.c.notice_id == notices.c.id)
        .where(
            notices.c.incident_id == incident_id,
            notices.c.mode == "send",
            deliveries.c.state == DeliveryState.SENT.value,
            deliveries.c.sent_at.is_not(None),
        )
        .group_by(
            notices.c.id,
            notices.c.said_at,
            notices.c.created_at,
            notices.c.next_update,
            notices.c.content_key,
        )
        .order_by(notices.c.created_at, notices.c.id)
    )
    return [WordGiven(*row) for row in connection.execute(query)]
