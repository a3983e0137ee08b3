"""The customers of an incident, each with every mail to them."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from sqlalchemy import exists, select
from sqlalchemy.engine import Connection

from workflow.customers import Customer, Word
from workflow.incident import DeliveryState, Stage
from workflow.ledger.tables import bounces, deliveries, notices


def customers_of(connection: Connection, incident_id: str) -> Iterator[Customer]:
    """Everybody whom a notice of the incident was planned for, streamed; tests are left out."""
    query = (
        select(
            deliveries.c.recipient_key,
            deliveries.c.email,
            deliveries.c.name,
            deliveries.c.state,
            notices.c.id,
            notices.c.stage,
            notices.c.said_at,
            exists().where(bounces.c.delivery_id == deliveries.c.id).label("bounced"),
        )
        .join(notices, notices.c.id == deliveries.c.notice_id)
        .where(notices.c.incident_id == incident_id, notices.c.mode == "send")
        .order_by(deliveries.c.recipient_key, notices.c.created_at, notices.c.id)
    )
    rows = connection.execute(query, execution_options={"yield_per": 500})
    for key, mails in groupby(rows, key=lambda row: row.recipient_key):
        listed = list(mails)
        words = tuple(
            Word(row.id, Stage(row.stage), row.said_at, DeliveryState(row.state), bool(row.bounced))
            for row in listed
        )
        name = next((row.name for row in reversed(listed) if row.name), "")
        yield Customer(key, listed[-1].email, name, words)
