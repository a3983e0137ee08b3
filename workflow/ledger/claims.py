"""Claims: who works on which deliveries, so that no two write to the same customer.

A delivery that is not decided yet is worked on by whoever holds its claim. A claim is a lease:
others take it over when it has run out or its holder is gone.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import or_, select, update
from sqlalchemy.engine import Connection

from workflow.incident import DeliveryState
from workflow.ledger.deliveries import ORDER_OF_WORK, Delivery, delivery_of
from workflow.ledger.tables import deliveries


def claim(
    connection: Connection,
    notice_id: str,
    *,
    sender: str = "",
    holder: str,
    gone: Sequence[str],
    limit: int,
    now: datetime,
    until: datetime,
    states: Sequence[DeliveryState] = ORDER_OF_WORK,
) -> list[Delivery]:
    """Take up to `limit` of a sender's deliveries that nobody works on, until `until`.

    A claim is free when nobody has it, when it ran out before `now`, or when its holder is among
    `gone`. Those furthest along come first.
    """
    free = or_(
        deliveries.c.claimed_by == "",
        deliveries.c.claimed_until < now,
        deliveries.c.claimed_by.in_(list(gone)),
    )
    taken: list[Delivery] = []
    for state in states:
        query = (
            select(deliveries)
            .where(
                deliveries.c.notice_id == notice_id,
                deliveries.c.state == state.value,
                deliveries.c.sender == sender,
                free,
            )
            .order_by(deliveries.c.id)
            .limit(limit - len(taken))
            .with_for_update(skip_locked=True)
        )
        taken += [delivery_of(row) for row in connection.execute(query)]
        if len(taken) >= limit:
            break
    if taken:
        connection.execute(
            update(deliveries)
            .where(deliveries.c.id.in_([delivery.id for delivery in taken]))
            .values(claimed_by=holder, claimed_until=until)
        )
    return taken


def renew_claims(
    connection: Connection, delivery_ids: Sequence[int], *, holder: str, until: datetime
) -> None:
    """Keep what this holder works on for longer."""
    connection.execute(
        update(deliveries)
        .where(deliveries.c.id.in_(list(delivery_ids)), deliveries.c.claimed_by == holder)
        .values(claimed_until=until)
    )


def release_claims(connection: Connection, notice_id: str, *, holder: str) -> None:
    """Leave the rest to whoever comes next."""
    connection.execute(
        update(deliveries)
        .where(deliveries.c.notice_id == notice_id, deliveries.c.claimed_by == holder)
        .values(claimed_by="", claimed_until=None)
    )


def claim_holders(connection: Connection, notice_id: str) -> list[str]:
    """Who holds claims on undecided deliveries of a notice."""
    query = (
        select(deliveries.c.claimed_by)
        .where(
            deliveries.c.notice_id == notice_id,
            deliveries.c.state.in_([state.value for state in ORDER_OF_WORK]),
            deliveries.c.claimed_by != "",
        )
        .distinct()
    )
    return list(connection.execute(query).scalars())


def holders_at_work(connection: Connection, *, now: datetime) -> list[str]:
    """Who holds a claim on an undecided delivery of any notice that has not run out."""
    query = select(deliveries.c.claimed_by).where(
        deliveries.c.state.in_([state.value for state in ORDER_OF_WORK]),
        deliveries.c.claimed_by != "",
        deliveries.c.claimed_until >= now,
    )
    return list(connection.execute(query.distinct()).scalars())
