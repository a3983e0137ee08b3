"""Notices: one mail to many, with its progress.

Also the promises that notices made, the bad rows that a person left out of a list, and the counts
for a report: how a notice's mails were accepted over time, and figures per incident.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from difflib import SequenceMatcher
from functools import partial
from typing import Any

from sqlalchemy import Row, func, insert, or_, select, update
from sqlalchemy.engine import Connection

from workflow.ledger.deliveries import STILL_TO_SEND, count_withdrawn
from workflow.ledger.faults import LedgerUnavailable
from workflow.ledger.tables import deliveries, incidents, known, notices, rows_left_out
from workflow.model import DeliveryCounts, DeliveryState, MailTransport, Shortfall, Stage

"""A variable of a notice: the doc names customers who replied, instead of only counting them."""

# Gmail makes no draft later than this after it was asked for one.
LONGEST_DRAFTING = timedelta(minutes=10)


@dataclass(frozen=True)
class Notice:
    """One mail to many, as it was approved.

    `sender` is the sending account, "" until it is known (the first of several mailboxes);
    `from_address` is what customers see, "" for the account itself. `steps` is 2 for
    draft-then-send, 1 for sending at once. `list_headers` is the header of the list, word by word;
    `bounces_accepted` is the number of bounces that a person accepted. `place` is the Google that
    the notice began at, and `began_in` the mark of the ledger's file, "" where that was not
    recorded; `names_repliers`: the doc names who replied.
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
    orphans_until: datetime | None = None
    held: bool = False
    approved_by: str = ""
    transport: MailTransport = MailTransport.GMAIL
    list_headers: list[str] = field(default_factory=list)
    bounces_accepted: int = 0
    place: str = ""
    began_in: str = ""
    names_repliers: bool = False


def set_sender(connection: Connection, notice_id: str, sender: str, sender_name: str) -> None:
    """Record the account that sends the notice, once Google has said who is signed in."""
    connection.execute(
        update(notices)
        .where(notices.c.id == notice_id)
        .values(sender=sender, sender_name=sender_name)
    )


def notices_of(connection: Connection, incident_id: str, *, mode: str = "send") -> list[Notice]:
    """The incident's notices in the order they were sent."""
    query = (
        select(notices)
        .where(notices.c.incident_id == incident_id, notices.c.mode == mode)
        .order_by(notices.c.created_at, notices.c.id)
    )
    return [_notice(row) for row in connection.execute(query)]


def notice_by_id(connection: Connection, notice_id: str) -> Notice:
    """One notice. Raises `NoResultFound` for an unknown id."""
    return _notice(connection.execute(select(notices).where(notices.c.id == notice_id)).one())


def notices_by_prefix(connection: Connection, prefix: str, *, profile: str) -> list[Notice]:
    """The notices and tests whose id begins with this; an exact match stands alone."""
    query = (
        select(notices)
        .join(incidents, incidents.c.id == notices.c.incident_id)
        .where(
            notices.c.id.startswith(prefix, autoescape=True),
            incidents.c.profile == profile,
        )
    )
    found = [_notice(row) for row in connection.execute(query.limit(9))]
    return [notice for notice in found if notice.id == prefix] or found


def last_sender(connection: Connection, *, profile: str) -> str:
    """The account that sent last, "" if none has."""
    query = (
        select(notices.c.sender)
        .join(incidents, incidents.c.id == notices.c.incident_id)
        .where(notices.c.sender != "", incidents.c.profile == profile)
        .order_by(notices.c.created_at.desc())
    )
    return str(connection.execute(query).scalar() or "")


def unfinished_notices(connection: Connection, *, profile: str, mode: str = "send") -> list[Notice]:
    """Notices that still have mails to send, the oldest first."""
    open_ones = select(deliveries.c.notice_id).where(deliveries.c.state.in_(_PENDING))
    query = (
        select(notices)
        .join(incidents, incidents.c.id == notices.c.incident_id)
        .where(notices.c.id.in_(open_ones), notices.c.mode == mode, incidents.c.profile == profile)
        .order_by(notices.c.created_at)
    )
    return [_notice(row) for row in connection.execute(query)]


def notices_with_orphans(connection: Connection, *, profile: str) -> list[Notice]:
    """The notices that may have drafts without a row, the oldest first."""
    query = (
        select(notices)
        .join(incidents, incidents.c.id == notices.c.incident_id)
        .where(notices.c.orphans_possible, incidents.c.profile == profile)
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
    """The number of a notice's recipients in each state.

    Raises `LedgerUnavailable` for a state that this version doesn't know: a customer missing from
    the counts would be overlooked.
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
    failed = by_state.get(DeliveryState.FAILED.value, 0)
    return DeliveryCounts(
        sent=by_state.get(DeliveryState.SENT.value, 0),
        failed=failed,
        unknown=by_state.get(DeliveryState.UNKNOWN.value, 0),
        pending=sum(by_state.get(state, 0) for state in _PENDING),
        skipped=notice.skipped,
        edited=by_state.get(DeliveryState.EDITED.value, 0),
        withdrawn=count_withdrawn(connection, notice.id) if failed else 0,
    )


def shortfalls(connection: Connection, notice_id: str) -> list[Shortfall]:
    """The failed and unknown recipients with the reason, by row of the list."""
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


def still_to_send(connection: Connection, notice_id: str) -> list[Shortfall]:
    """The recipients whose mail was not sent yet, with what it waits for, by row of the list."""
    query = (
        select(deliveries.c.email, deliveries.c.row, deliveries.c.state)
        .where(deliveries.c.notice_id == notice_id, deliveries.c.state.in_(_PENDING))
        .order_by(deliveries.c.row)
    )
    return [
        Shortfall(email, row, _WAITS_FOR.get(state, "still to send"))
        for email, row, state in connection.execute(query)
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
    """Store a notice's lines as they are in the doc, so that only they are ever replaced."""
    connection.execute(update(notices).where(notices.c.id == notice_id).values(facts_written=facts))


def forget_facts_written(connection: Connection, incident_id: str) -> None:
    """Forget the notices' lines in the doc: it was replaced."""
    connection.execute(
        update(notices).where(notices.c.incident_id == incident_id).values(facts_written=[])
    )


def name_repliers(connection: Connection, notice_id: str) -> None:
    """Let the doc name the customers who replied to a notice."""
    connection.execute(update(notices).where(notices.c.id == notice_id).values(names_repliers=True))


def release_hold(connection: Connection, notice_id: str, *, said_at: datetime) -> None:
    """Release the drafts after a review: they are sent now."""
    connection.execute(
        update(notices).where(notices.c.id == notice_id).values(held=False, said_at=said_at)
    )


def end_hold(connection: Connection, notice_id: str) -> None:
    """End the review: no draft of a notice waits for it any more."""
    connection.execute(update(notices).where(notices.c.id == notice_id).values(held=False))


def set_approved(connection: Connection, notice_id: str, approved_by: str) -> None:
    """Record the approver of the plan."""
    connection.execute(
        update(notices).where(notices.c.id == notice_id).values(approved_by=approved_by)
    )


def accept_bounces(connection: Connection, notice_id: str, count: int) -> None:
    """Record the number of bounces that a person accepted to let the rest be sent."""
    connection.execute(
        update(notices).where(notices.c.id == notice_id).values(bounces_accepted=count)
    )


def set_orphans_possible(connection: Connection, notice_id: str, until: datetime) -> None:
    """Record a possible draft without a row, which Gmail may still make `until` then."""
    mine = update(notices).where(notices.c.id == notice_id)
    connection.execute(mine.values(orphans_possible=True))
    is_later = or_(notices.c.orphans_until.is_(None), notices.c.orphans_until < until)
    connection.execute(mine.where(is_later).values(orphans_until=until))


def clear_orphans_possible(connection: Connection, notice_id: str, searched_at: datetime) -> None:
    """Record that the mailbox was searched from `searched_at` on, if nothing can come later.

    A time far ahead is of a clock that was set back since: it is no reason to search for ever.
    """
    until = notices.c.orphans_until
    is_over = or_(until.is_(None), until <= searched_at, until > searched_at + LONGEST_DRAFTING)
    connection.execute(
        update(notices)
        .where(notices.c.id == notice_id, is_over)
        .values(orphans_possible=False, orphans_until=None)
    )


def _notice(row: Row[Any]) -> Notice:
    values = {name: getattr(row, name) for name in _COLUMNS}
    read = {
        "stage": known(Stage, row.stage, f"The stage of notice {row.id}"),
        "transport": known(MailTransport, row.transport, f"The way of notice {row.id}"),
    }
    return Notice(**(values | read))


def row_of(notice: Notice) -> dict[str, Any]:
    """A notice as a row of the notices table."""
    values = {name: getattr(notice, name) for name in _COLUMNS}
    return values | {"stage": notice.stage.value, "transport": notice.transport.value}


_COLUMNS = tuple(Notice.__dataclass_fields__)
_PENDING = tuple(state.value for state in STILL_TO_SEND)
_WAITS_FOR = {
    DeliveryState.DRAFTED.value: "still to send: its draft waits in Gmail",
    DeliveryState.EDITED.value: "still to send: its draft was edited in Gmail",
}


@dataclass(frozen=True)
class WordGiven:
    """A notice of which at least one mail was accepted.

    `said_at` and `promised` are instants of the incident's story; `planned_at` and `accepted_at`
    are by the wall clock, which differs in a rehearsal. `promised` is None for no promise. The same
    `words` never reach a customer twice: two notices that share them went to different ones.
    `customers` counts its accepted mails.
    """

    notice_id: str
    said_at: datetime
    planned_at: datetime
    accepted_at: datetime
    promised: datetime | None
    words: str
    customers: int = 1


def words_given(connection: Connection, incident_id: str) -> list[WordGiven]:
    """The incident's notices that reached anybody, in order; tests are left out."""
    query = (
        select(
            notices.c.id,
            notices.c.said_at,
            notices.c.created_at,
            func.min(deliveries.c.sent_at).label("accepted_at"),
            notices.c.next_update,
            notices.c.content_key,
            func.count(),
        )
        .join(deliveries, deliveries.c.notice_id == notices.c.id)
        .where(
            notices.c.incident_id == incident_id,
            notices.c.mode == "send",
            deliveries.c.state == DeliveryState.SENT.value,
            deliveries.c.sent_at.is_not(None),
        )
        .group_by(
            notices.c.id,
            notices.c.said_at,
            notices.c.created_at,
            notices.c.next_update,
            notices.c.content_key,
        )
        .order_by(notices.c.created_at, notices.c.id)
    )
    return [WordGiven(*row) for row in connection.execute(query)]


@dataclass(frozen=True)
class RowLeftOut:
    """A row of a notice's list that got no mail, by its number in the file.

    `value` is the whole cell in place of the address, "" for nothing; `reason` is why no mail was
    sent, as a sentence. `cells` is the original row, if known.
    """

    row: int
    value: str
    reason: str
    cells: Sequence[str] = ()

    @property
    def is_bad(self) -> bool:
        """Whether the row itself was wrong, and not its customer's mail held back or redirected."""
        return not self.reason.startswith((SUPPRESSED, WENT_ELSEWHERE))


# How the reason begins for a suppressed customer, and for one whose mail a person redirected.
SUPPRESSED = "suppressed: "
WENT_ELSEWHERE = "the draft was edited in Gmail and went to "


def add_rows_left_out(connection: Connection, notice_id: str, rows: Iterable[RowLeftOut]) -> None:
    """Freeze the left-out rows with their plan."""
    values = [{"notice_id": notice_id, **vars(row), "cells": list(row.cells)} for row in rows]
    if values:
        connection.execute(insert(rows_left_out), values)


def rows_left_out_of(connection: Connection, notice_id: str) -> list[RowLeftOut]:
    """The left-out rows of a notice, in the order of its list."""
    query = (
        select(
            rows_left_out.c.row,
            rows_left_out.c.value,
            rows_left_out.c.reason,
            rows_left_out.c.cells,
        )
        .where(rows_left_out.c.notice_id == notice_id)
        .order_by(rows_left_out.c.row)
    )
    return [RowLeftOut(*row) for row in connection.execute(query)]


def still_left_out(connection: Connection, incident_id: str) -> list[tuple[str, RowLeftOut]]:
    """The rows of the incident's lists that are still left out, each once with its list.

    If a list was sent again with the same text, its last sending says what is still bad.
    """
    query = (
        select(notices.c.id, notices.c.list_name, notices.c.content_key)
        .where(notices.c.incident_id == incident_id, notices.c.mode == "send")
        .order_by(notices.c.created_at, notices.c.id)
    )
    last = {(name, key): notice_id for notice_id, name, key in connection.execute(query)}
    found = {
        (name, each.row, each.value): (name, each, notice_id)
        for (name, _), notice_id in last.items()
        for each in rows_left_out_of(connection, notice_id)
    }
    sent = _SentRows(connection, incident_id) if found else None
    return [
        (name, row)
        for name, row, notice_id in found.values()
        if sent is None or not sent.has_fixed(row, notice_id)
    ]


class _SentRows:
    """The rows of an incident's lists that got a mail, to recognize a row that was bad before."""

    def __init__(self, connection: Connection, incident_id: str) -> None:
        query = (
            select(deliveries.c.notice_id, deliveries.c.email, deliveries.c.cells)
            .join(notices, notices.c.id == deliveries.c.notice_id)
            .where(
                notices.c.incident_id == incident_id,
                notices.c.mode == "send",
                deliveries.c.state == DeliveryState.SENT.value,
            )
        )
        self._rows = [
            (each.notice_id, each.email, each.cells) for each in connection.execute(query)
        ]

    def has_fixed(self, left_out: RowLeftOut, notice_id: str) -> bool:
        """Whether another notice was sent to the row, with its bad cell fixed.

        All other cells must be equal, and belong to nobody in the notice that left the row out, so
        that two contacts of one account aren't confused. In a list with addresses alone, a row is
        recognized by a nearly equal address.
        """
        bad = list(left_out.cells)
        if not any(cell.strip() and cell != left_out.value for cell in bad):
            close = partial(SequenceMatcher, None, left_out.value.casefold())
            return any(
                notice != notice_id and close(email.casefold()).ratio() >= _NEARLY
                for notice, email, _ in self._rows
                if left_out.value
            )
        like = [notice for notice, _, cells in self._rows if _differ_in_one(bad, cells)]
        return bool(like) and notice_id not in like


_NEARLY = 0.85


def _differ_in_one(one: Sequence[str], other: Sequence[str]) -> bool:
    pairs = list(zip(one, other, strict=False))
    return len(one) == len(other) and sum(a.strip() != b.strip() for a, b in pairs) == 1


def accepted_over_time(
    connection: Connection, notice_id: str, most: int
) -> Iterator[tuple[datetime, int]]:
    """How many mails of a notice had been accepted by when, by the wall clock, in order.

    At most about `most` instants, evenly over the mails, including the first and the last.
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
