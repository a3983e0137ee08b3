"""Claims: which process works on which deliveries, so that no customer gets two mails.

Only the holder of its claim works on an undecided delivery. A claim is a lease: others take it when
it has expired or its holder is gone. `deliveries.is_free` is the rule in Python. A holder is a
process, and its name shows whether it still lives.

This module also keeps the pace of a sender, shared by all processes that send for the same account.
Gmail counts units per user over a minute. Spent units are stored by the second, and no more than
the budget is spent in any `WINDOW_SECONDS`: a new notice to a few customers goes at once, a long
one settles at the budget's rate, and neither a fixed nor a sliding minute at Gmail is ever
overdrawn.
"""

from __future__ import annotations

import functools
import os
import socket
import uuid
from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256
from pathlib import Path

from sqlalchemy import ColumnElement, and_, bindparam, delete, func, insert, or_, select, update
from sqlalchemy.engine import Connection

from workflow.ledger.deliveries import LONGEST_LEASE, ORDER_OF_WORK, Delivery, delivery_of
from workflow.ledger.tables import deliveries, sender_pauses, units_spent
from workflow.model import DeliveryState


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

    `deliveries.is_free` defines which ones; `gone` are holders that have ended. The ones furthest
    along come first.
    """
    free = free_for(holder, gone, now)
    taken: list[Delivery] = []
    for state in states:
        query = (
            select(deliveries)
            .where(
                deliveries.c.notice_id == notice_id,
                deliveries.c.state == state.value,
                deliveries.c.sender == sender,
                deliveries.c.waits.is_(False),
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


def free_for(holder: str, gone: Sequence[str], now: datetime) -> ColumnElement[bool]:
    """`deliveries.is_free` in SQL."""
    until = deliveries.c.claimed_until
    return and_(
        deliveries.c.claimed_by != holder,
        or_(
            deliveries.c.claimed_by == "",
            until.is_(None),
            deliveries.c.claimed_by.in_(list(gone)),
            until < now,
            until > now + LONGEST_LEASE,
        ),
    )


def renew_claims(connection: Connection, notice_id: str, *, holder: str, until: datetime) -> int:
    """Extend this holder's claims. Returns how many deliveries that is."""
    found = connection.execute(
        update(deliveries)
        .where(deliveries.c.notice_id == notice_id, deliveries.c.claimed_by == holder)
        .values(claimed_until=until)
    )
    return int(found.rowcount)


def renew_claim(connection: Connection, delivery_id: int, *, holder: str, until: datetime) -> bool:
    """Extend this holder's claim on one delivery; whether it still had it."""
    found = connection.execute(
        update(deliveries)
        .where(deliveries.c.id == delivery_id, deliveries.c.claimed_by == holder)
        .values(claimed_until=until)
    )
    return bool(found.rowcount == 1)


def held_by(connection: Connection, notice_id: str, *, holder: str) -> list[Delivery]:
    """The deliveries of a notice that a holder has."""
    query = select(deliveries).where(
        deliveries.c.notice_id == notice_id, deliveries.c.claimed_by == holder
    )
    return [delivery_of(row) for row in connection.execute(query)]


def release_claims(connection: Connection, notice_id: str, *, holder: str) -> None:
    """Release the rest to the next process."""
    connection.execute(
        update(deliveries)
        .where(deliveries.c.notice_id == notice_id, deliveries.c.claimed_by == holder)
        .values(claimed_by="", claimed_until=None)
    )


def claim_holders(connection: Connection, notice_id: str) -> list[str]:
    """The holders of claims on undecided deliveries of a notice."""
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
    """The holders of unexpired claims on undecided deliveries of any notice."""
    query = select(deliveries.c.claimed_by).where(
        deliveries.c.state.in_([state.value for state in ORDER_OF_WORK]),
        deliveries.c.claimed_by != "",
        deliveries.c.claimed_until >= now,
    )
    return list(connection.execute(query.distinct()).scalars())


def last_claim(connection: Connection, notice_id: str, *, now: datetime) -> datetime | None:
    """The latest end of a claim on a notice, None if there is none."""
    query = select(func.max(deliveries.c.claimed_until)).where(
        deliveries.c.notice_id == notice_id,
        deliveries.c.state.in_([state.value for state in ORDER_OF_WORK]),
        deliveries.c.claimed_by != "",
        deliveries.c.claimed_until.between(now, now + LONGEST_LEASE),
    )
    until: datetime | None = connection.execute(query).scalar()
    return until


def holder_name() -> str:
    """A unique name for this process: its host, process id and a random part."""
    return f"{_here()}/{os.getpid()}/{uuid.uuid4().hex[:8]}"


def is_gone(holder: str) -> bool:
    """Whether a holder has certainly ended: a process of this machine that no longer runs.

    Nothing is known about other machines' processes, or about a process id that belongs to another
    program by now: their lease decides.
    """
    where, _, rest = holder.partition("/")
    pid = rest.partition("/")[0]
    if where != _here() or not pid.isdigit() or os.name != "posix":
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False


@functools.cache
def _here() -> str:
    """The scope of a process id: this host, since its last start, and this container.

    A host's name alone is not enough: a team's laptops and containers may have the same one.
    """
    boot, space = _read(Path("/proc/sys/kernel/random/boot_id")), _link(Path("/proc/self/ns/pid"))
    signs = [boot or str(uuid.getnode()), space]
    return f"{socket.gethostname()}-{sha256(' '.join(signs).encode()).hexdigest()[:8]}"


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii").strip()
    except OSError:
        return ""


def _link(path: Path) -> str:
    try:
        return str(path.readlink())
    except OSError:
        return ""


# A minute, plus one second for the second in which a unit was spent, plus one for calls that reach
# Gmail a little later than they were counted here.
WINDOW_SECONDS = 62


# Built once for every turn of the sender: building a statement costs more than running it.
_UNITS_SINCE = select(func.coalesce(func.sum(units_spent.c.units), 0)).where(
    units_spent.c.sender == bindparam("sender"),
    units_spent.c.second > bindparam("since"),
    # Units spent in the far future come from a clock that has been set back since.
    units_spent.c.second < bindparam("until"),
)
_PAUSED_UNTIL = select(sender_pauses.c.until).where(sender_pauses.c.sender == bindparam("sender"))


def hold_units(connection: Connection, sender: str) -> None:
    """Keep others from counting this account's units until the transaction ends.

    SQLite has one writer anyway; in PostgreSQL two could see the same units free.
    """
    if connection.dialect.name == "postgresql":
        # Two keys, so as not to collide with the lock that orders the ledger's writers.
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
    """Count units before their calls are made; drop those outside of every window.

    The caller holds the account, see `hold_units`.
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
    """Pause every process that sends for this account, as Gmail asked."""
    hold_units(connection, sender)
    values = {"until": until, "reason": reason}
    found = connection.execute(
        update(sender_pauses).where(sender_pauses.c.sender == sender).values(**values)
    )
    if not found.rowcount:
        connection.execute(insert(sender_pauses).values(sender=sender, **values))


def paused_until(connection: Connection, sender: str) -> datetime | None:
    """Until when this account was asked to wait; may be in the past."""
    until: datetime | None = connection.execute(_PAUSED_UNTIL, {"sender": sender}).scalar()
    return until


def pause_reason(connection: Connection, sender: str) -> str:
    """Why this account was asked to wait, in the text that the person saw."""
    query = select(sender_pauses.c.reason).where(sender_pauses.c.sender == sender)
    return str(connection.execute(query).scalar() or "")
