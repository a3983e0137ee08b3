"""Deliveries: one recipient's mail, from the plan to what Gmail said.

`move` is the only way from one state to another, and refuses what `ALLOWED` does not hold. Who may
move a delivery is a matter of its claim.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, bindparam, func, or_, select, update
from sqlalchemy.engine import Connection

from workflow.incident import DeliveryState, MailTransport
from workflow.ledger.faults import MoveRefused
from workflow.ledger.tables import deliveries, notices

_S = DeliveryState

ALLOWED: dict[DeliveryState, frozenset[DeliveryState]] = {
    _S.PLANNED: frozenset({_S.DRAFTING, _S.SENDING, _S.FAILED}),
    _S.DRAFTING: frozenset({_S.DRAFTED, _S.PLANNED, _S.FAILED}),
    _S.DRAFTED: frozenset({_S.SENDING, _S.FAILED}),
    _S.SENDING: frozenset({_S.SENT, _S.FAILED, _S.UNKNOWN, _S.DRAFTED, _S.PLANNED}),
    _S.FAILED: frozenset({_S.PLANNED}),
    _S.UNKNOWN: frozenset({_S.PLANNED}),
    _S.SENT: frozenset(),
}

# What is furthest along first: a draft that may be on its way is decided before a new one is made.
ORDER_OF_WORK = (_S.SENDING, _S.DRAFTED, _S.DRAFTING, _S.PLANNED)


@dataclass(frozen=True)
class Delivery:
    """One recipient's mail and what is known of it.

    `sender` is the mailbox that it leaves from; "" is the notice's own. `asked` counts how often
    Gmail was asked to send the present draft without a clear answer that it did not; `called_at`
    is when it was last called.
    """

    id: int
    notice_id: str
    row: int
    email: str
    name: str
    subject: str
    markdown: str
    state: DeliveryState
    reply_to_message: str
    draft_id: str
    message_id: str
    thread_id: str
    reason: str
    evidence: str
    asked: int
    called_at: datetime | None
    sent_at: datetime | None
    sender: str = ""


def count_in(
    connection: Connection, notice_id: str, states: Sequence[DeliveryState], *, sender: str = ""
) -> int:
    """How many of a sender's deliveries of a notice are in these states."""
    query = select(func.count()).where(
        deliveries.c.notice_id == notice_id,
        deliveries.c.sender == sender,
        deliveries.c.state.in_([state.value for state in states]),
    )
    return int(connection.execute(query).scalar_one())


def senders_of(connection: Connection, notice_id: str) -> list[str]:
    """The mailboxes that a notice leaves from, in order; "" is the notice's own."""
    query = select(deliveries.c.sender).where(deliveries.c.notice_id == notice_id).distinct()
    return sorted(connection.execute(query).scalars())


def senders_with_work(connection: Connection, notice_id: str) -> list[str]:
    """The mailboxes from which mails of a notice still have to leave, in order."""
    query = select(deliveries.c.sender).where(
        deliveries.c.notice_id == notice_id,
        deliveries.c.state.in_([state.value for state in ORDER_OF_WORK]),
    )
    return sorted(connection.execute(query.distinct()).scalars())


@dataclass(frozen=True)
class Transition:
    """A claimed delivery's way from one state to another, and what is written with it.

    Raises `MoveRefused` for a way that `ALLOWED` does not hold.
    """

    delivery_id: int
    before: DeliveryState
    after: DeliveryState
    facts: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.after not in ALLOWED[self.before]:
            raise MoveRefused(f"a delivery does not go from {self.before} to {self.after}")


def move(
    connection: Connection,
    delivery_id: int,
    before: DeliveryState,
    after: DeliveryState,
    *,
    holder: str,
    **facts: Any,
) -> None:
    """Move a claimed delivery from one state to another and write what is now known of it.

    A decided delivery gives its claim back. Raises `MoveRefused` when the move is not allowed, or
    when the delivery is no longer where, or whose, the caller believed.
    """
    transition = Transition(delivery_id, before, after, facts)
    if move_all(connection, [transition], holder=holder):
        raise MoveRefused(f"delivery {delivery_id} is no longer {before} in these hands")


def move_all(
    connection: Connection, transitions: Sequence[Transition], *, holder: str
) -> frozenset[int]:
    """Move each of these deliveries, which are all different.

    Returns the ids of those that are no longer where, or whose, the caller believed: they stay as
    they are. Decided deliveries give their claims back.
    """
    alike: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for transition in transitions:
        values = _values(transition)
        bound = {"moved": transition.delivery_id, "from_state": transition.before.value}
        alike.setdefault(tuple(values), []).append(values | bound | {"by_holder": holder})
    return frozenset().union(*(_move_alike(connection, rows) for rows in alike.values()))


def _values(transition: Transition) -> dict[str, Any]:
    values = {"state": transition.after.value, **transition.facts}
    decided = transition.after not in ORDER_OF_WORK
    return values | ({"claimed_by": "", "claimed_until": None} if decided else {})


# Made once: building a statement costs more than running it.
_MOVE = update(deliveries).where(
    deliveries.c.id == bindparam("moved"),
    deliveries.c.state == bindparam("from_state"),
    deliveries.c.claimed_by == bindparam("by_holder"),
)


def _move_alike(connection: Connection, rows: list[dict[str, Any]]) -> frozenset[int]:
    """Move rows that are written in the same columns, together; the ids of those refused.

    A count that falls short (a lease ran out while the machine slept) does not tell whose row it
    was: then all are taken back, and each is tried by itself.
    """
    if len(rows) == 1:
        found = connection.execute(_MOVE, rows[0])
        return frozenset() if found.rowcount == 1 else frozenset({rows[0]["moved"]})
    with connection.begin_nested() as together:
        if connection.execute(_MOVE, rows).rowcount == len(rows):
            return frozenset()
        together.rollback()
    return frozenset().union(*(_move_alike(connection, [row]) for row in rows))


def plan_again(connection: Connection, notice_id: str, state: DeliveryState) -> int:
    """Plan anew what failed, or what is unknown and a person decided to send again.

    Returns how many. The caller has asked the person by name before.
    """
    if _S.PLANNED not in ALLOWED[state]:
        raise MoveRefused(f"a delivery does not go from {state} to planned")
    found = connection.execute(
        update(deliveries)
        .where(deliveries.c.notice_id == notice_id, deliveries.c.state == state.value)
        .values(state=_S.PLANNED.value, draft_id="", reason="", evidence="", asked=0)
    )
    return int(found.rowcount)


def deliveries_of(
    connection: Connection, notice_id: str, state: DeliveryState | None = None
) -> Iterator[Delivery]:
    """A notice's deliveries by row of the list, streamed."""
    query = select(deliveries).where(deliveries.c.notice_id == notice_id)
    if state is not None:
        query = query.where(deliveries.c.state == state.value)
    # For this statement alone: a connection that streams runs nothing but queries on PostgreSQL.
    rows = connection.execute(
        query.order_by(deliveries.c.row), execution_options={"yield_per": 500}
    )
    return (delivery_of(row) for row in rows)


def known_draft_ids(connection: Connection, notice_id: str) -> set[str]:
    """The drafts that some row of the notice knows, in whichever mailbox."""
    query = select(deliveries.c.draft_id).where(
        deliveries.c.notice_id == notice_id, deliveries.c.draft_id != ""
    )
    return set(connection.execute(query).scalars())


def delivery_to(connection: Connection, notice_id: str, email: str) -> Delivery | None:
    """The notice's delivery to an address as it stands in the mail, if there is one."""
    query = select(deliveries).where(
        deliveries.c.notice_id == notice_id, deliveries.c.email == email
    )
    row = connection.execute(query).first()
    return None if row is None else delivery_of(row)


def count_sent_since(
    connection: Connection,
    sender: str,
    since: datetime,
    *,
    transport: MailTransport = MailTransport.GMAIL,
) -> int:
    """How many mails this sender may have sent by a transport since then, tests included."""
    query = (
        select(func.count())
        .select_from(deliveries.join(notices, notices.c.id == deliveries.c.notice_id))
        .where(deliveries.c.sent_at > since, _left_from(sender, transport))
    )
    return int(connection.execute(query).scalar_one())


def oldest_sent_since(
    connection: Connection,
    sender: str,
    since: datetime,
    *,
    transport: MailTransport = MailTransport.GMAIL,
) -> datetime | None:
    """When this sender sent the first of its mails by a transport since then."""
    query = (
        select(deliveries.c.sent_at)
        .select_from(deliveries.join(notices, notices.c.id == deliveries.c.notice_id))
        .where(deliveries.c.sent_at > since, _left_from(sender, transport))
        .order_by(deliveries.c.sent_at)
    )
    oldest: datetime | None = connection.execute(query).scalar()
    return oldest


def _left_from(sender: str, transport: MailTransport) -> ColumnElement[bool]:
    """Whose mails a limit counts: a mailbox's own, by what carried them."""
    own = and_(deliveries.c.sender == "", notices.c.sender == sender)
    return and_(notices.c.transport == transport.value, or_(own, deliveries.c.sender == sender))


def delivery_of(row: Row[Any]) -> Delivery:
    """A row of the deliveries table as a plain value."""
    values = {name: getattr(row, name) for name in _COLUMNS}
    return Delivery(**(values | {"state": DeliveryState(row.state)}))


_COLUMNS = tuple(Delivery.__dataclass_fields__)
