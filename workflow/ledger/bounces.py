"""Bounces and customers' replies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, and_, case, func, insert, select, union_all, update
from sqlalchemy.engine import Connection

from workflow.ledger.tables import bounces, deliveries, notices, replies
from workflow.model import DeliveryState

# An unknown mail may have been sent, and so it may bounce.
_MAY_HAVE_LEFT = (DeliveryState.SENT.value, DeliveryState.UNKNOWN.value)


@dataclass(frozen=True)
class MailOut:
    """A mail that was or may have been sent, with Gmail's ids in the sender's mailbox."""

    delivery_id: int
    notice_id: str
    email: str
    recipient_key: str
    message_id: str
    thread_id: str
    sent_at: datetime | None


@dataclass(frozen=True)
class Bounce:
    """A customer whose mail bounced. `status` is a code of RFC 3463, like 5.1.1, or ""."""

    email: str
    row: int
    notice_id: str
    status: str
    reason: str
    received_at: datetime


@dataclass(frozen=True)
class Replies:
    """The number of replies to a notice, from people and from machines."""

    people: int = 0
    automatic: int = 0


@dataclass(frozen=True)
class ReplyContent:
    """The content of a reply and its place: the mailbox and Gmail's thread.

    `excerpt` has the first lines of their own text; `asks_to_stop`: they seem to want no more mail.
    """

    sender: str = ""
    excerpt: str = ""
    mailbox: str = ""
    thread_id: str = ""
    asks_to_stop: bool = False


@dataclass(frozen=True)
class Reply:
    """A reply to a mail of a notice.

    `answered_at` is when a colleague wrote in the thread after it; None: nobody has, as far as the
    mailbox was checked.
    """

    message_id: str
    notice_id: str
    stage: str
    email: str
    row: int
    automatic: bool
    received_at: datetime
    answer: ReplyContent
    answered_at: datetime | None

    @property
    def waits(self) -> bool:
        """Whether a person wrote and nobody has answered."""
        return not self.automatic and self.answered_at is None

    @property
    def state(self) -> str:
        """`automatic`, `not answered` or `answered`."""
        if self.automatic:
            return "automatic"
        return "not answered" if self.waits else "answered"


NO_REPLIES = Replies()


@dataclass(frozen=True)
class MailPeriod:
    """When a mailbox sent the first and the last mail of an incident."""

    first: datetime
    last: datetime


def span_of_mails(connection: Connection, incident_id: str, sender: str) -> MailPeriod | None:
    """When this mailbox sent an incident's mails; None if it sent none."""
    query = (
        select(func.min(deliveries.c.sent_at), func.max(deliveries.c.sent_at))
        .join(notices, notices.c.id == deliveries.c.notice_id)
        .where(_of_incident(incident_id), _left_from(sender))
    )
    first, last = connection.execute(query).one()
    return MailPeriod(first, last) if first is not None else None


def other_mailboxes(connection: Connection, incident_id: str, sender: str) -> list[str]:
    """The other mailboxes that sent mails of the incident."""
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
    """Which of these messages are recorded already, as a bounce or a reply."""
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
    """Record a bounce of this mail; `message_id` is the report's. A repeated report counts once."""
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
    answer: ReplyContent | None = None,
) -> None:
    """Record a reply to this mail. A repeated message counts once."""
    if known_messages(connection, [message_id]):
        return
    connection.execute(
        insert(replies).values(
            message_id=message_id,
            delivery_id=mail.delivery_id,
            automatic=automatic,
            received_at=received_at,
            **vars(answer or ReplyContent()),
        )
    )


def bounces_of(connection: Connection, notice_id: str) -> list[Bounce]:
    """The bounces of a notice, by row of the list; the first of several reports."""
    found = _first_bounces(connection, deliveries.c.notice_id == notice_id)
    return sorted(found.values(), key=lambda bounce: bounce.row)


def bounces_of_deliveries(connection: Connection, delivery_ids: Sequence[int]) -> dict[int, Bounce]:
    """The first bounce report of each of these deliveries."""
    return _first_bounces(connection, deliveries.c.id.in_(list(delivery_ids)))


def replies_to(connection: Connection, notice_id: str) -> Replies:
    """The number of replies to a notice."""
    return _counted(connection, deliveries.c.notice_id == notice_id)


def replies_to_delivery(connection: Connection, delivery_id: int) -> Replies:
    """The number of replies to one mail."""
    return _counted(connection, deliveries.c.id == delivery_id)


def replies_of(connection: Connection, incident_id: str) -> list[Reply]:
    """All replies to an incident's notices, the oldest first."""
    query = (
        select(replies, deliveries.c.email, deliveries.c.row, notices.c.id, notices.c.stage)
        .join(deliveries, deliveries.c.id == replies.c.delivery_id)
        .join(notices, notices.c.id == deliveries.c.notice_id)
        .where(notices.c.incident_id == incident_id, notices.c.mode == "send")
        .order_by(replies.c.received_at, replies.c.message_id)
    )
    return [
        Reply(
            message_id=row.message_id,
            notice_id=row.id,
            stage=row.stage,
            email=row.email,
            row=row.row,
            automatic=bool(row.automatic),
            received_at=row.received_at,
            answer=ReplyContent(
                row.sender, row.excerpt, row.mailbox, row.thread_id, bool(row.asks_to_stop)
            ),
            answered_at=row.answered_at,
        )
        for row in connection.execute(query)
    ]


def set_answered(connection: Connection, message_id: str, at: datetime) -> None:
    """Record that a colleague wrote in the thread after this reply."""
    connection.execute(
        update(replies).where(replies.c.message_id == message_id).values(answered_at=at)
    )


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
