"""What a report counts: how a notice's mails were accepted over time, and figures per incident."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.engine import Connection

from workflow.incident import DeliveryState
from workflow.ledger.tables import deliveries


def accepted_over_time(
    connection: Connection, notice_id: str, most: int
) -> Iterator[tuple[datetime, int]]:
    """When how many mails of a notice had been accepted, by the wall clock, in order.

    At most about `most` instants, evenly over the mails, the first and the last among them.
    """
    accepted = (
        deliveries.c.notice_id == notice_id,
        deliveries.c.state == DeliveryState.SENT.value,
        deliveries.c.sent_at.is_not(None),
    )
    total = int(connection.execute(select(func.count()).where(*accepted)).scalar_one())
    stride = max(1, total // most)
    query = select(deliveries.c.sent_at).where(*accepted).order_by(deliveries.c.sent_at)
    rows = connection.execution_options(yield_per=1000).execute(query)
    for count, at in enumerate(rows.scalars(), 1):
        if count in (1, total) or count % stride == 0:
            yield at, count
