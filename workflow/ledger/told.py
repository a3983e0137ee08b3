"""What one customer was told, over all incidents."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.engine import Connection

from workflow.incident import Incident
from workflow.ledger import bounces
from workflow.ledger.bounces import Bounce, Replies
from workflow.ledger.deliveries import Delivery, delivery_of
from workflow.ledger.incidents import incident_by_id
from workflow.ledger.notices import Notice, notice_by_id
from workflow.ledger.tables import deliveries, incidents, notices


@dataclass(frozen=True)
class Told:
    """One mail to the customer, of which notice and incident, and what came back of it."""

    incident: Incident
    notice: Notice
    delivery: Delivery
    bounce: Bounce | None
    replies: Replies


def told(connection: Connection, recipient_key: str, *, profile: str) -> list[Told]:
    """Every mail that was planned for a customer, the oldest first; tests are left out."""
    query = (
        select(deliveries)
        .join(notices, notices.c.id == deliveries.c.notice_id)
        .join(incidents, incidents.c.id == notices.c.incident_id)
        .where(
            deliveries.c.recipient_key == recipient_key,
            notices.c.mode == "send",
            incidents.c.profile == profile,
        )
        .order_by(notices.c.created_at, deliveries.c.id)
    )
    mails = [delivery_of(row) for row in connection.execute(query)]
    bounced = bounces.bounces_of_deliveries(connection, [mail.id for mail in mails])
    found = []
    for mail in mails:
        notice = notice_by_id(connection, mail.notice_id)
        incident = incident_by_id(connection, notice.incident_id)
        replies = bounces.replies_to_delivery(connection, mail.id)
        found.append(Told(incident, notice, mail, bounced.get(mail.id), replies))
    return found
