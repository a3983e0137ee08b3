"""Notices: each one mail to many, and how far it has come."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Row, func, select, update
from sqlalchemy.engine import Connection

from workflow.incident import DeliveryCounts, DeliveryState, MailTransport, Shortfall, Stage
from workflow.ledger.faults import LedgerUnavailable
from workflow.ledger.tables import deliveries, incidents, notices


@dataclass(frozen=True)
class Notice:
    """One mail to many, as it was agreed to.

    `sender` is the account that sends, "" until it is known (of several mailboxes the first);
    `from_address` what customers see, "" for the account itself. `steps` is 2 for
    draft-then-send, 1 for sending at once.
    """

    id: str
    incident_id: str
    mode: str
    stage: Stage
    content_key: str
    plan_hash: str
    template_name: str
    template_source: str
    subject: str
    copy_markdown: str
    sender: str
    recipients: int
    said_at: datetime
    created_at: datetime
    from_address: str = ""
    sender_name: str = ""
    reply_to: str = ""
    next_update: datetime | None = None
    steps: int = 2
    list_name: str = ""
    skipped: int = 0
    variables: dict[str, Any] = field(default_factory=dict)
    facts_written: list[str] = field(default_factory=list)
    orphans_possible: bool = False
    held: bool = False
    approved_by: str = ""
    transport: MailTransport = MailTransport.GMAIL


def set_sender(connection: Connection, notice_id: str, sender: str, sender_name: str) -> None:
    """Which account sends the notice, once Google has said who is signed in."""
    connection.execute(
        update(notices)
        .where(notices.c.id == notice_id)
        .values(sender=sender, sender_name=sender_name)
    )


def notices_of(connection: Connection, incident_id: str, *, mode: str = "send") -> list[Notice]:
    """The incident's notices in the order in which they were sent."""
    query = (
        select(notices)
        .where(notices.c.incident_id == incident_id, notices.c.mode == mode)
        .order_by(notices.c.created_at, notices.c.id)
    )
    return [_notice(row) for row in connection.execute(query)]


def notice_by_id(connection: Connection, notice_id: str) -> Notice:
    """One notice. Raises `NoResultFound` for an id that is not there."""
    return _notice(connection.execute(select(notices).where(notices.c.id == notice_id)).one())


def latest_with_words(connection: Connection, content_key: str) -> Notice | None:
    """The last notice that was sent with these words, if there is one."""
    query = select(notices).where(notices.c.content_key == content_key, notices.c.mode == "send")
    row = connection.execute(query.order_by(notices.c.created_at.desc())).first()
    return None if row is None else _notice(row)


def notices_by_prefix(connection: Connection, prefix: str, *, profile: str) -> list[Notice]:
    """The notices whose id begins so; one with exactly that id stands alone."""
    query = (
        select(notices)
        .join(incidents, incidents.c.id == notices.c.incident_id)
        .where(
            notices.c.id.startswith(prefix, autoescape=True),
            notices.c.mode == "send",
            incidents.c.profile == profile,
        )
    )
    found = [_notice(row) for row in connection.execute(query.limit(9))]
    return [notice for notice in found if notice.id == prefix] or found


def last_sender(connection: Connection, *, profile: str) -> str:
    """The account that sent last, "" when none has."""
    query = (
        select(notices.c.sender)
        .join(incidents, incidents.c.id == notices.c.incident_id)
        .where(notices.c.sender != "", incidents.c.profile == profile)
        .order_by(notices.c.created_at.desc())
    )
    return str(connection.execute(query).scalar() or "")


def unfinished_notices(connection: Connection, *, profile: str) -> list[Notice]:
    """Notices that still have mails to send, the oldest first."""
    open_ones = select(deliveries.c.notice_id).where(deliveries.c.state.in_(_PENDING))
    query = (
        select(notices)
        .join(incidents, incidents.c.id == notices.c.incident_id)
        .where(
            notices.c.id.in_(open_ones), notices.c.mode == "send", incidents.c.profile == profile
        )
        .order_by(notices.c.created_at)
    )
    return [_notice(row) for row in connection.execute(query)]


def notices_with(
    connection: Connection, incident_id: str, states: Sequence[DeliveryState]
) -> list[Notice]:
    """The incident's notices that have a delivery in one of these states, the oldest first."""
    having = select(deliveries.c.notice_id).where(
        deliveries.c.state.in_([state.value for state in states])
    )
    query = (
        select(notices)
        .where(
            notices.c.incident_id == incident_id, notices.c.mode == "send", notices.c.id.in_(having)
        )
        .order_by(notices.c.created_at)
    )
    return [_notice(row) for row in connection.execute(query)]


def count_deliveries(connection: Connection, notice: Notice) -> DeliveryCounts:
    """How many of a notice's recipients stand where.

    Raises `LedgerUnavailable` for a state that this version does not know: a customer who is
    counted nowhere would be missed by nobody.
    """
    query = (
        select(deliveries.c.state, func.count())
        .where(deliveries.c.notice_id == notice.id)
        .group_by(deliveries.c.state)
    )
    by_state = {row[0]: row[1] for row in connection.execute(query)}
    if strange := sorted(by_state.keys() - set(DeliveryState)):
        raise LedgerUnavailable(
            f"In notice {notice.id} the state of {sum(by_state[each] for each in strange)} of "
            f"{sum(by_state.values())} deliveries is one that this postmortem does not know: "
            f"{', '.join(strange)}. Update postmortem on "
            "this machine, or ask who changed the ledger by hand."
        )
    return DeliveryCounts(
        sent=by_state.get(DeliveryState.SENT.value, 0),
        failed=by_state.get(DeliveryState.FAILED.value, 0),
        unknown=by_state.get(DeliveryState.UNKNOWN.value, 0),
        pending=sum(by_state.get(state, 0) for state in _PENDING),
        skipped=notice.skipped,
    )


def shortfalls(connection: Connection, notice_id: str) -> list[Shortfall]:
    """Who did not surely get the mail, and why, by row of the list."""
    undecided = (DeliveryState.FAILED.value, DeliveryState.UNKNOWN.value)
    query = (
        select(deliveries.c.email, deliveries.c.row, deliveries.c.state, deliveries.c.reason)
        .where(deliveries.c.notice_id == notice_id, deliveries.c.state.in_(undecided))
        .order_by(deliveries.c.row)
    )
    return [
        Shortfall(email, row, reason if state == "failed" else f"unknown: {reason}")
        for email, row, state, reason in connection.execute(query)
    ]


def count_customers(connection: Connection, incident_id: str) -> int:
    """How many different customers were sent anything of this incident."""
    query = (
        select(func.count(func.distinct(deliveries.c.recipient_key)))
        .join(notices, notices.c.id == deliveries.c.notice_id)
        .where(
            notices.c.incident_id == incident_id,
            notices.c.mode == "send",
            deliveries.c.state == DeliveryState.SENT.value,
        )
    )
    return int(connection.execute(query).scalar_one())


def set_facts_written(connection: Connection, notice_id: str, facts: list[str]) -> None:
    """The lines about a notice as they stand in the doc, so that only they are ever replaced."""
    connection.execute(update(notices).where(notices.c.id == notice_id).values(facts_written=facts))


def release_hold(connection: Connection, notice_id: str, *, said_at: datetime) -> None:
    """Somebody has looked at the drafts: they may be sent, and it is now that they are."""
    connection.execute(
        update(notices).where(notices.c.id == notice_id).values(held=False, said_at=said_at)
    )


def set_approved(connection: Connection, notice_id: str, approved_by: str) -> None:
    """Who agreed to the plan."""
    connection.execute(
        update(notices).where(notices.c.id == notice_id).values(approved_by=approved_by)
    )


def set_orphans_possible(connection: Connection, notice_id: str) -> None:
    """An answer to a new draft was lost: a draft may lie in the mailbox that no row knows."""
    connection.execute(
        update(notices).where(notices.c.id == notice_id).values(orphans_possible=True)
    )


def clear_orphans_possible(connection: Connection, notice_id: str) -> None:
    """The mailbox was searched for drafts that no row knows."""
    connection.execute(
        update(notices).where(notices.c.id == notice_id).values(orphans_possible=False)
    )


def _notice(row: Row[Any]) -> Notice:
    values = {name: getattr(row, name) for name in _COLUMNS}
    read = {"stage": Stage(row.stage), "transport": MailTransport(row.transport)}
    return Notice(**(values | read))


def row_of(notice: Notice) -> dict[str, Any]:
    """A notice as a row of the notices table."""
    values = {name: getattr(notice, name) for name in _COLUMNS}
    return values | {"stage": notice.stage.value, "transport": notice.transport.value}


_COLUMNS = tuple(Notice.__dataclass_fields__)
_PENDING = tuple(
    state.value
    for state in (
        DeliveryState.PLANNED,
        DeliveryState.DRAFTING,
        DeliveryState.DRAFTED,
        DeliveryState.SENDING,
    )
)
