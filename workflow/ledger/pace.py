"""How fast a sender may go, shared by all processes that send for the same account.

Gmail counts units per user over a minute. What was spent is kept by the second, and no more than
the budget is spent in any `WINDOW_SECONDS`: a fresh notice to a few customers leaves at once, a
long one settles at the budget's rate, and neither a fixed nor a sliding minute at Gmail's end is
ever overdrawn.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import bindparam, delete, func, insert, select, update
from sqlalchemy.engine import Connection

from workflow.ledger.tables import sender_pauses, units_spent

# A minute, one second for the second in which a unit was spent, and one for calls that reach
# Gmail a little later than they were counted here.
WINDOW_SECONDS = 62


# Asked at every turn of the sender, so made once: building a statement costs more than running it.
_UNITS_SINCE = select(func.coalesce(func.sum(units_spent.c.units), 0)).where(
    units_spent.c.sender == bindparam("sender"),
    units_spent.c.second > bindparam("since"),
    # What was spent in a far future was spent by a clock that has been set back since.
    units_spent.c.second < bindparam("until"),
)
_PAUSED_UNTIL = select(sender_pauses.c.until).where(sender_pauses.c.sender == bindparam("sender"))


def hold(connection: Connection, sender: str) -> None:
    """Let nobody else count this account's units until the transaction ends.

    SQLite's one writer is alone anyhow; in PostgreSQL two could see the same units free.
    """
    if connection.dialect.name == "postgresql":
        # Two keys are apart from the one that orders the ledger's writers.
        connection.execute(select(func.pg_advisory_xact_lock(1, func.hashtext(sender))))


def units_free(connection: Connection, sender: str, *, second: int, budget: int) -> int:
    """How many units may be spent now. `second` is whole seconds since 1970."""
    window = {
        "sender": sender,
        "since": second - WINDOW_SECONDS,
        "until": second + WINDOW_SECONDS,
    }
    return budget - int(connection.execute(_UNITS_SINCE, window).scalar_one())


def spend_units(connection: Connection, sender: str, units: int, *, second: int) -> None:
    """Count units before the calls that cost them are made; drop what no window reaches.

    The caller holds the account, see `hold`.
    """
    mine = units_spent.c.sender == sender
    found = connection.execute(
        update(units_spent)
        .where(mine, units_spent.c.second == second)
        .values(units=units_spent.c.units + units)
    )
    if found.rowcount:
        return
    connection.execute(insert(units_spent).values(sender=sender, second=second, units=units))
    connection.execute(
        delete(units_spent).where(mine, units_spent.c.second <= second - 2 * WINDOW_SECONDS)
    )


def seconds_until_free(
    connection: Connection, sender: str, units: int, *, second: int, budget: int
) -> int:
    """How many seconds until `units` may be spent; 0 when they may be now."""
    missing = units - units_free(connection, sender, second=second, budget=budget)
    if missing <= 0:
        return 0
    query = (
        select(units_spent)
        .where(units_spent.c.sender == sender, units_spent.c.second > second - WINDOW_SECONDS)
        .order_by(units_spent.c.second)
    )
    for row in connection.execute(query):
        missing -= row.units
        if missing <= 0:
            return int(row.second) + WINDOW_SECONDS - second
    return WINDOW_SECONDS


def pause_sender(connection: Connection, sender: str, *, until: datetime, reason: str) -> None:
    """Gmail asked this account to wait: every process that sends for it does."""
    hold(connection, sender)
    values = {"until": until, "reason": reason}
    found = connection.execute(
        update(sender_pauses).where(sender_pauses.c.sender == sender).values(**values)
    )
    if not found.rowcount:
        connection.execute(insert(sender_pauses).values(sender=sender, **values))


def paused_until(connection: Connection, sender: str) -> datetime | None:
    """Until when this account was asked to wait; may lie in the past."""
    until: datetime | None = connection.execute(_PAUSED_UNTIL, {"sender": sender}).scalar()
    return until


def pause_reason(connection: Connection, sender: str) -> str:
    """Why this account was asked to wait, in the words that the person saw."""
    query = select(sender_pauses.c.reason).where(sender_pauses.c.sender == sender)
    return str(connection.execute(query).scalar() or "")
