"""Drafts that people edited in Gmail: each version seen, and the decision.

`decide` is the only way from one decision to another, and refuses what `ALLOWED` doesn't hold. A
content is identified by its message id in Gmail, which every edit changes.

`add_sent` restores deliveries from the Sent folder, for a ledger that has lost them or never had
them. A mail in the Sent folder is proof: whatever the ledger believed of that delivery, it was
sent.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, and_, func, insert, or_, select, update
from sqlalchemy.engine import Connection

from workflow.ledger.deliveries import Delivery, delivery_of
from workflow.ledger.faults import MoveRefused
from workflow.ledger.forgetting import FORGOTTEN
from workflow.ledger.notices import Notice, row_of
from workflow.ledger.tables import deliveries, edited_drafts, notices
from workflow.model import DeliveryState, DraftDecision

_D = DraftDecision

ALLOWED: dict[DraftDecision, frozenset[DraftDecision]] = {
    # Until it is carried out, a person may decide again.
    _D.OPEN: frozenset({_D.AS_EDITED, _D.RESTORE, _D.LEAVE_OUT, _D.OVERTAKEN}),
    _D.AS_EDITED: frozenset({_D.RESTORE, _D.LEAVE_OUT, _D.OVERTAKEN}),
    _D.RESTORE: frozenset({_D.AS_EDITED, _D.LEAVE_OUT, _D.OVERTAKEN}),
    _D.LEAVE_OUT: frozenset({_D.AS_EDITED, _D.RESTORE, _D.OVERTAKEN}),
    # It was the draft's content before, and may be again: the person undid a later edit.
    _D.OVERTAKEN: frozenset({_D.OPEN}),
    _D.BY_HAND: frozenset(),
    _D.UNCHANGED: frozenset(),
}

_TO_DECIDE = tuple(each for each in ALLOWED if _D.OVERTAKEN in ALLOWED[each])


@dataclass(frozen=True)
class EditedContent:
    """A draft's content that isn't ours. `raw` is None if it could not be read any more."""

    delivery_id: int
    message_id: str
    raw: bytes | None
    found_at: datetime
    decision: DraftDecision


def note_content(
    connection: Connection, delivery_id: int, message_id: str, raw: bytes, *, at: datetime
) -> None:
    """Record a draft's current content; the previous one is overtaken."""
    overtake(connection, [delivery_id], but=message_id)
    known = content(connection, delivery_id, message_id)
    if known is None:
        _add(connection, delivery_id, message_id, raw, at, _D.OPEN)
    elif known.decision is _D.OVERTAKEN:
        decide(connection, delivery_id, message_id, _D.OPEN)


def note_sent_by_hand(
    connection: Connection,
    delivery_id: int,
    message_id: str,
    raw: bytes | None,
    *,
    at: datetime,
    unchanged: bool = False,
) -> None:
    """Record the content of a mail that a person sent in Gmail; None if it is unknown.

    `unchanged`: it is what we wrote.
    """
    overtake(connection, [delivery_id], but="")
    if content(connection, delivery_id, message_id) is None:
        decision = _D.UNCHANGED if unchanged else _D.BY_HAND
        _add(connection, delivery_id, message_id, raw, at, decision)


def _add(
    connection: Connection,
    delivery_id: int,
    message_id: str,
    raw: bytes | None,
    at: datetime,
    decision: DraftDecision,
) -> None:
    connection.execute(
        insert(edited_drafts).values(
            delivery_id=delivery_id,
            message_id=message_id,
            raw=raw,
            found_at=at,
            decision=decision.value,
        )
    )


def decide(
    connection: Connection, delivery_id: int, message_id: str, decision: DraftDecision
) -> None:
    """Record the decision about a content. Raises `MoveRefused`."""
    before = content(connection, delivery_id, message_id)
    if before is None or decision not in ALLOWED[before.decision] | {before.decision}:
        was = "unknown" if before is None else before.decision
        raise MoveRefused(f"an edited draft that is {was} does not become {decision}")
    connection.execute(
        update(edited_drafts)
        .where(edited_drafts.c.delivery_id == delivery_id, edited_drafts.c.message_id == message_id)
        .values(decision=decision.value)
    )


def overtake(connection: Connection, delivery_ids: Iterable[int], *, but: str) -> None:
    """Mark all contents of these drafts as overtaken except `but`."""
    ends = [each.value for each in _TO_DECIDE]
    connection.execute(
        update(edited_drafts)
        .where(
            edited_drafts.c.delivery_id.in_(list(delivery_ids)),
            edited_drafts.c.message_id != but,
            edited_drafts.c.decision.in_(ends),
        )
        .values(decision=_D.OVERTAKEN.value)
    )


def content(connection: Connection, delivery_id: int, message_id: str) -> EditedContent | None:
    """One content of a draft, if it was seen."""
    row = connection.execute(
        select(edited_drafts).where(
            edited_drafts.c.delivery_id == delivery_id, edited_drafts.c.message_id == message_id
        )
    ).first()
    return None if row is None else _content(row)


def waiting(connection: Connection, notice_id: str) -> list[tuple[Delivery, EditedContent]]:
    """A notice's edited drafts with their contents, by row of the list."""
    query = (
        select(deliveries, edited_drafts)
        .join(edited_drafts, edited_drafts.c.delivery_id == deliveries.c.id)
        .where(
            deliveries.c.notice_id == notice_id,
            deliveries.c.state == DeliveryState.EDITED.value,
            edited_drafts.c.decision.in_([each.value for each in _TO_DECIDE]),
        )
        .order_by(deliveries.c.row)
    )
    return [(delivery_of(row), _joined(row)) for row in connection.execute(query)]


def contents_sent(connection: Connection, delivery_ids: Sequence[int]) -> dict[int, EditedContent]:
    """The text of each sent mail that differs from ours, by the delivery's id."""
    query = select(edited_drafts).join(deliveries, deliveries.c.id == edited_drafts.c.delivery_id)
    rows = connection.execute(query.where(deliveries.c.id.in_(list(delivery_ids)), _LEFT))
    return {row.delivery_id: _content(row) for row in rows}


def edited_and_sent(connection: Connection, notice_id: str) -> list[tuple[Delivery, EditedContent]]:
    """A notice's sent mails that differ from ours, by row of the list."""
    query = (
        select(deliveries, edited_drafts)
        .join(edited_drafts, edited_drafts.c.delivery_id == deliveries.c.id)
        .where(deliveries.c.notice_id == notice_id, _LEFT)
        .order_by(deliveries.c.row)
    )
    return [(delivery_of(row), _joined(row)) for row in connection.execute(query)]


def unread_sent_by_hand(
    connection: Connection, notice_id: str, evidence: Sequence[str]
) -> list[Delivery]:
    """Mails with such evidence whose content nobody has read yet.

    Without those to forgotten customers: reading one would bring their data back.
    """
    read = select(edited_drafts.c.delivery_id).where(
        edited_drafts.c.decision.in_((_D.BY_HAND.value, _D.UNCHANGED.value))
    )
    query = select(deliveries).where(
        deliveries.c.notice_id == notice_id,
        deliveries.c.state == DeliveryState.SENT.value,
        deliveries.c.evidence.in_(list(evidence)),
        deliveries.c.email != FORGOTTEN,
        deliveries.c.id.not_in(read),
    )
    return [delivery_of(row) for row in connection.execute(query.order_by(deliveries.c.row))]


def count_waiting(connection: Connection, notice_id: str) -> int:
    """How many edited drafts of a notice wait for a decision, or to have it carried out."""
    query = select(func.count()).where(
        deliveries.c.notice_id == notice_id, deliveries.c.state == DeliveryState.EDITED.value
    )
    return int(connection.execute(query).scalar_one())


_LEFT = and_(
    deliveries.c.state == DeliveryState.SENT.value,
    or_(
        edited_drafts.c.decision == _D.BY_HAND.value,
        and_(
            edited_drafts.c.decision == _D.AS_EDITED.value,
            # The content that was approved is the one that the draft had when it was sent.
            edited_drafts.c.message_id == deliveries.c.draft_message_id,
        ),
    ),
)


def _content(row: Row[Any]) -> EditedContent:
    return EditedContent(
        row.delivery_id,
        row.message_id,
        None if row.raw is None else bytes(row.raw),
        row.found_at,
        DraftDecision(row.decision),
    )


def _joined(row: Row[Any]) -> EditedContent:
    values = row._mapping  # both tables have a message_id
    return EditedContent(
        values[edited_drafts.c.delivery_id],
        values[edited_drafts.c.message_id],
        None if values[edited_drafts.c.raw] is None else bytes(values[edited_drafts.c.raw]),
        values[edited_drafts.c.found_at],
        DraftDecision(values[edited_drafts.c.decision]),
    )


FOUND_IN_SENT = "found in Sent"
"""The evidence of a delivery that was found in the Sent folder."""


@dataclass(frozen=True)
class SentMail:
    """A mail in the Sent folder, to one recipient. `key` is the same for every spelling of them."""

    message_id: str
    thread_id: str
    email: str
    key: str
    name: str
    subject: str
    sent_at: datetime


def known_messages(connection: Connection, incident_id: str) -> set[str]:
    """Gmail's ids of the incident's mails that this ledger knows as sent."""
    query = (
        select(deliveries.c.message_id)
        .join(notices, notices.c.id == deliveries.c.notice_id)
        .where(
            notices.c.incident_id == incident_id,
            deliveries.c.state == DeliveryState.SENT.value,
            deliveries.c.message_id != "",
        )
    )
    return set(connection.execute(query).scalars())


def add_sent(connection: Connection, notice: Notice, mails: Sequence[SentMail]) -> int:
    """Record that these mails of a notice were sent; how many are new.

    A notice that this ledger lacks is added, as the doc describes it.
    """
    known = connection.execute(select(notices.c.id).where(notices.c.id == notice.id)).first()
    if known is None:
        connection.execute(insert(notices).values(row_of(notice)))
    news = sum(_add_found(connection, notice, mail) for mail in mails)
    if known is None:
        connection.execute(update(notices).where(notices.c.id == notice.id).values(recipients=news))
    return news


def _add_found(connection: Connection, notice: Notice, mail: SentMail) -> bool:
    facts = {
        "state": DeliveryState.SENT.value,
        "message_id": mail.message_id,
        "thread_id": mail.thread_id,
        "evidence": FOUND_IN_SENT,
        "reason": "",
        "sent_at": mail.sent_at,
        "claimed_by": "",
        "claimed_until": None,
    }
    mine = (deliveries.c.notice_id == notice.id) & (deliveries.c.recipient_key == mail.key)
    states = list(connection.execute(select(deliveries.c.state).where(mine)).scalars())
    if DeliveryState.SENT.value in states:
        return False
    if states:
        connection.execute(update(deliveries).where(mine).values(facts))
        return True
    last = select(func.coalesce(func.max(deliveries.c.row), 1))
    row = connection.execute(last.where(deliveries.c.notice_id == notice.id)).scalar_one()
    connection.execute(
        insert(deliveries).values(
            notice_id=notice.id,
            content_key=notice.content_key,
            row=row + 1,
            email=mail.email,
            recipient_key=mail.key,
            name=mail.name,
            subject=mail.subject,
            markdown="",
            **facts,
        )
    )
    return True
