"""What came back: mails that bounced, and what customers answered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, and_, case, func, insert, select, union_all
from sqlalchemy.engine import Connection

from workflow.incident import DeliveryState
from workflow.ledger.tables import bounces, deliveries, notices, replies

# A mail that nobody knows the fate of may have left, and then it may come back.
_MAY_HAVE_LEFT = (DeliveryState.SENT.value, DeliveryState.UNKNOWN.value)


@dataclass(frozen=True)
class MailOut:
    """A mail that left, or may have, by what tells it in the sender's mailbox (Gmail's ids)."""

    delivery_id: int
    notice_id: str
    email: str
    recipient_key: str
    message_id: str
    thread_id: str
    sent_at: datetime | None


@dataclass(frozen=True)
class Bounce:
    """A customer whose mail came back. `status` is that of RFC 3463, like 5.1.1, or ""."""

    email: str
    row: int
    notice_id: str
    status: str
    reason: str
    received_at: datetime


@dataclass(frozen=True)
class Replies:
    """How many messages came in answer to a notice: of people, and of machines."""

    people: int = 0
    automatic: int = 0


NO_REPLIES = Replies()


@dataclass(frozen=True)
class Span:
    """When the first and the last mail of an incident left a mailbox."""

    first: datetime
    last: datetime


def span_of_mails(connection: Connection, incident_id: str, sender: str) -> Span | None:
    """When an incident's mails left this mailbox; None when none did."""
    query = (
        select(func.min(deliveries.c.sent_at), func.max(deliveries.c.sent_at))
        .join(notices, notices.c.id == deliveries.c.notice_id)
        .where(_of_incident(incident_id), _left_from(sender))
    )
    first, last = connection.execute(query).one()
    return Span(first, last) if first is not None else None


def other_mailboxes(connection: Connection, incident_id: str, sender: str) -> list[str]:
    """The other mailboxes from which mails of the incident left."""
    query = (
        select(_mailbox())
        .distinct()
        .join(notices, notices.c.id == deliveries.c.notice_id)
        .where(_of_incident(incident_id), ~_left_from(sender))
    )
    return sorted(connection.execute(query).scalars())


def mails_in_threads(
    connection: Connection, incident_id: str, sender: str, thread_ids: Sequence[str]
) -> dict[str, list[MailOut]]:
    """The incident's mails from this mailbox by Gmail's thread, each thread's in order."""
    found: dict[str, list[MailOut]] = {}
    wanted = deliveries.c.thread_id.in_([each for each in thread_ids if each])
    for mail in _mails_out(connection, incident_id, sender, wanted):
        found.setdefault(mail.thread_id, []).append(mail)
    return found


def mails_by_id(
    connection: Connection, incident_id: str, sender: str, message_ids: Sequence[str]
) -> list[MailOut]:
    """The incident's mails from this mailbox that have one of these ids."""
    wanted = deliveries.c.message_id.in_([each for each in message_ids if each])
    return _mails_out(connection, incident_id, sender, wanted)


def known_messages(connection: Connection, message_ids: Sequence[str]) -> set[str]:
    """Which of these messages are written down already, as a bounce or a reply."""
    ids = list(message_ids)
    query = union_all(
        select(bounces.c.message_id).where(bounces.c.message_id.in_(ids)),
        select(replies.c.message_id).where(replies.c.message_id.in_(ids)),
    )
    return set(connection.execute(query).scalars())


def add_bounce(
    connection: Connection,
    mail: MailOut,
    *,
    message_id: str,
    status: str,
    reason: str,
    received_at: datetime,
    recorded_at: datetime,
) -> None:
    """A report says that this mail came back; `message_id` is the report's. Told twice: once."""
    if known_messages(connection, [message_id]):
        return
    connection.execute(
        insert(bounces).values(
            message_id=message_id,
            delivery_id=mail.delivery_id,
            status=status[:20],
            reason=reason,
            received_at=received_at,
            recorded_at=recorded_at,
        )
    )


def add_reply(
    connection: Connection,
    mail: MailOut,
    *,
    message_id: str,
    automatic: bool,
    received_at: datetime,
) -> None:
    """A message came in answer to this mail. Told twice: once."""
    if known_messages(connection, [message_id]):
        return
    connection.execute(
        insert(replies).values(
            message_id=message_id,
            delivery_id=mail.delivery_id,
            automatic=automatic,
            received_at=received_at,
        )
    )


def bounces_of(connection: Connection, notice_id: str) -> list[Bounce]:
    """Whose mail of a notice came back, by row of the list; of several reports the first."""
    found = _first_bounces(connection, deliveries.c.notice_id == notice_id)
    return sorted(found.values(), key=lambda bounce: bounce.row)


def bounces_of_deliveries(connection: Connection, delivery_ids: Sequence[int]) -> dict[int, Bounce]:
    """The first report on each of these deliveries that came back."""
    return _first_bounces(connection, deliveries.c.id.in_(list(delivery_ids)))


def replies_to(connection: Connection, notice_id: str) -> Replies:
    """How many answered a notice."""
    return _counted(connection, deliveries.c.notice_id == notice_id)


def replies_to_delivery(connection: Connection, delivery_id: int) -> Replies:
    """How many messages came in answer to one mail."""
    return _counted(connection, deliveries.c.id == delivery_id)


def _mailbox() -> ColumnElement[str]:
    own = deliveries.c.sender
    return func.lower(case((own != "", own), else_=notices.c.sender))


def _left_from(sender: str) -> ColumnElement[bool]:
    return _mailbox() == sender.lower()


def _of_incident(incident_id: str) -> ColumnElement[bool]:
    return and_(
        notices.c.incident_id == incident_id,
        notices.c.mode == "send",
        deliveries.c.state.in_(_MAY_HAVE_LEFT),
    )


def _mails_out(
    connection: Connection, incident_id: str, sender: str, wanted: ColumnElement[bool]
) -> list[MailOut]:
    query = (
        select(
            deliveries.c.id,
            deliveries.c.notice_id,
            deliveries.c.email,
            deliveries.c.recipient_key,
            deliveries.c.message_id,
            deliveries.c.thread_id,
            deliveries.c.sent_at,
        )
        .join(notices, notices.c.id == deliveries.c.notice_id)
        .where(_of_incident(incident_id), _left_from(sender), wanted)
        .order_by(notices.c.created_at, deliveries.c.id)
    )
    return [MailOut(*row) for row in connection.execute(query)]


def _first_bounces(connection: Connection, wanted: ColumnElement[bool]) -> dict[int, Bounce]:
    query = (
        select(deliveries, bounces.c.status, bounces.c.reason.label("why"), bounces.c.received_at)
        .join(deliveries, deliveries.c.id == bounces.c.delivery_id)
        .where(wanted)
        .order_by(bounces.c.received_at, bounces.c.message_id)
    )
    found: dict[int, Bounce] = {}
    for row in connection.execute(query):
        bounce = Bounce(row.email, row.row, row.notice_id, row.status, row.why, row.received_at)
        found.setdefault(row.id, bounce)
    return found


def _counted(connection: Connection, condition: ColumnElement[bool]) -> Replies:
    query = (
        select(replies.c.automatic, func.count())
        .join(deliveries, deliveries.c.id == replies.c.delivery_id)
        .where(condition)
        .group_by(replies.c.automatic)
    )
    counts = {bool(automatic): count for automatic, count in connection.execute(query)}
    return Replies(counts.get(False, 0), counts.get(True, 0))
