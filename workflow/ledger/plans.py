"""The plan of a notice: proposed, and frozen with every mail and file before any is sent.

Also what customers already have of an incident, or wait for, when another notice is planned.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from itertools import islice
from typing import Any

from sqlalchemy import ColumnElement, Row, delete, exists, func, insert, not_, or_, select, update
from sqlalchemy.engine import Connection

from workflow.ledger.deliveries import STILL_TO_SEND, count_waiting
from workflow.ledger.forgetting import FORGOTTEN
from workflow.ledger.notices import Notice, count_deliveries, notice_by_id, row_of
from workflow.ledger.tables import (
    attachments,
    deliveries,
    incidents,
    known,
    metadata,
    notices,
    proposals,
    suppressions,
)
from workflow.model import DeliveryState, Stage, Status

# --- Frozen plans ---------------------------------------------------------------------------------

# Rows written at a time: a plan of a million never fills memory.
_PLAN_BATCH = 1000


@dataclass(frozen=True)
class PlannedMail:
    """One recipient's mail as it was approved. `row` is the row in the list's file.

    `thread_id` and `reply_to_message` are Gmail's ids of the thread and mail that it continues;
    after a mail by SMTP, `reply_to_message` is that mail's Message-ID, in its angle brackets.
    `sender` is its mailbox, "" for the notice's own. `lang` is the language of the text; `cells`
    the original row; `files` the positions of this customer's own attachments, and `files_hash` a
    hash of their contents; `waits`: sent only once somebody has checked the first ones;
    `content_key` identifies the customer's text, "" for that of the notice.
    """

    row: int
    email: str
    recipient_key: str
    name: str
    subject: str
    markdown: str
    thread_id: str = ""
    reply_to_message: str = ""
    sender: str = ""
    lang: str = ""
    cells: Sequence[str] = ()
    files: Sequence[int] = ()
    files_hash: str = ""
    waits: bool = False
    content_key: str = ""


@dataclass(frozen=True)
class AttachedFile:
    """A file attached to the mails of a notice, as it was when the plan was made.

    `position` is set for a file that only some customers get, None for one in every mail.
    """

    filename: str
    media_type: str
    content: bytes
    position: int | None = None


@dataclass(frozen=True)
class ToldBefore:
    """What a recipient was sent of an incident before: the stages in order, and the last mail.

    `sender` is the mailbox of the thread, "" without a thread; `subject` is that of the thread's
    first mail.
    """

    stages: tuple[str, ...]
    thread_id: str
    message_id: str
    sender: str = ""
    subject: str = ""


def add_notice(connection: Connection, notice: Notice, mails: Iterable[PlannedMail]) -> int:
    """Write the plan and its rows. Returns how many mails were planned.

    A recipient who already has a row for the same text (another list, another spelling of the
    address, a colleague a moment earlier) is left out, and the notice's counts say so.
    """
    connection.execute(insert(notices).values(row_of(notice)))
    planned = sum(_add_mails(connection, notice, batch) for batch in _batches(mails))
    connection.execute(
        update(notices)
        .where(notices.c.id == notice.id)
        .values(recipients=planned, skipped=notice.skipped + notice.recipients - planned)
    )
    return planned


def drop_notice(connection: Connection, notice_id: str) -> bool:
    """Delete a plan without any progress; False if it has some: then it stays."""
    begun = select(deliveries.c.id).where(
        deliveries.c.notice_id == notice_id,
        or_(deliveries.c.state != DeliveryState.PLANNED.value, deliveries.c.claimed_by != ""),
    )
    if connection.execute(begun.limit(1)).first() is not None:
        return False
    for table in reversed(metadata.sorted_tables):
        for column in table.columns:
            if any(key.column is notices.c.id for key in column.foreign_keys):
                connection.execute(delete(table).where(column == notice_id))
    connection.execute(delete(notices).where(notices.c.id == notice_id))
    return True


def add_attachments(connection: Connection, notice_id: str, files: Iterable[AttachedFile]) -> None:
    """Freeze the files with the plan."""
    for position, file in enumerate(files):
        connection.execute(
            insert(attachments).values(
                notice_id=notice_id,
                position=position if file.position is None else file.position,
                is_shared=file.position is None,
                filename=file.filename,
                media_type=file.media_type,
                content=file.content,
            )
        )


def rewrite_planned(connection: Connection, notice_id: str, *, subject: str, markdown: str) -> bool:
    """Change the text of every mail of a plan; False, with no change, once one was begun."""
    begun = select(deliveries.c.id).where(
        deliveries.c.notice_id == notice_id, deliveries.c.state != DeliveryState.PLANNED.value
    )
    if connection.execute(begun.limit(1)).first() is not None:
        return False
    connection.execute(
        update(deliveries)
        .where(deliveries.c.notice_id == notice_id)
        .values(subject=subject, markdown=markdown)
    )
    connection.execute(
        update(notices)
        .where(notices.c.id == notice_id)
        .values(subject=subject, copy_markdown=markdown)
    )
    return True


def attachments_of(connection: Connection, notice_id: str) -> list[AttachedFile]:
    """The files attached to every mail of a notice."""
    query = select(attachments).where(
        attachments.c.notice_id == notice_id, attachments.c.is_shared.is_(True)
    )
    return [
        AttachedFile(row.filename, row.media_type, row.content)
        for row in connection.execute(query.order_by(attachments.c.position))
    ]


def own_attachments(
    connection: Connection, notice_id: str, positions: Sequence[int]
) -> list[AttachedFile]:
    """The files of a notice at these positions: those of one customer."""
    query = select(attachments).where(
        attachments.c.notice_id == notice_id, attachments.c.position.in_(list(positions))
    )
    return [
        AttachedFile(row.filename, row.media_type, row.content, row.position)
        for row in connection.execute(query.order_by(attachments.c.position))
    ]


def already_planned(connection: Connection, keys: list[str]) -> dict[tuple[str, str], str]:
    """The notices that these recipients have or will get, by recipient and text.

    Failed mails are left out: nobody got them.
    """
    query = select(
        deliveries.c.recipient_key, deliveries.c.content_key, deliveries.c.notice_id
    ).where(deliveries.c.recipient_key.in_(keys), deliveries.c.state != DeliveryState.FAILED.value)
    return {(key, words): notice_id for key, words, notice_id in connection.execute(query)}


def told_before(connection: Connection, incident_id: str, keys: list[str]) -> dict[str, ToldBefore]:
    """What each of these recipients was sent of this incident; without those sent nothing."""
    query = (
        select(
            deliveries.c.recipient_key,
            notices.c.stage,
            deliveries.c.thread_id,
            deliveries.c.message_id,
            func.coalesce(func.nullif(deliveries.c.sender, ""), notices.c.sender),
            deliveries.c.subject,
        )
        .join(notices, notices.c.id == deliveries.c.notice_id)
        .where(
            notices.c.incident_id == incident_id,
            notices.c.mode == "send",
            deliveries.c.state == DeliveryState.SENT.value,
            deliveries.c.recipient_key.in_(keys),
        )
        .order_by(notices.c.created_at)
    )
    told: dict[str, ToldBefore] = {}
    for key, stage, thread_id, message_id, sender, subject in connection.execute(query):
        earlier = told.get(key, ToldBefore((), "", ""))
        told[key] = ToldBefore(
            (*earlier.stages, stage),
            thread_id or earlier.thread_id,
            message_id or earlier.message_id,
            sender if thread_id else earlier.sender,
            earlier.subject
            if thread_id in {earlier.thread_id, ""} and earlier.subject
            else subject,
        )
    return told


def _add_mails(connection: Connection, notice: Notice, batch: list[PlannedMail]) -> int:
    told = already_planned(connection, [mail.recipient_key for mail in batch])
    rows = [
        {
            "notice_id": notice.id,
            "content_key": mail.content_key or notice.content_key,
            "row": mail.row,
            "email": mail.email,
            "recipient_key": mail.recipient_key,
            "name": mail.name,
            "subject": mail.subject,
            "markdown": mail.markdown,
            "thread_id": mail.thread_id,
            "reply_to_message": mail.reply_to_message,
            "sender": mail.sender,
            "lang": mail.lang,
            "cells": list(mail.cells),
            "files": list(mail.files),
            "waits": mail.waits,
            "state": DeliveryState.PLANNED.value,
        }
        for mail in batch
        if (mail.recipient_key, mail.content_key or notice.content_key) not in told
    ]
    if rows:
        connection.execute(insert(deliveries), rows)
    return len(rows)


def _batches(mails: Iterable[PlannedMail]) -> Iterator[list[PlannedMail]]:
    iterator = iter(mails)
    while batch := list(islice(iterator, _PLAN_BATCH)):
        yield batch


_FAILED = DeliveryState.FAILED.value
_WAITING = tuple(state.value for state in STILL_TO_SEND)


@dataclass(frozen=True)
class StageHad:
    """A customer's last mail of a stage, and when its notice was sent.

    `waits`: it is planned or drafted, and not sent yet.
    """

    notice_id: str
    subject: str
    markdown: str
    said_at: datetime
    promised: datetime | None
    waits: bool


@dataclass(frozen=True)
class UnfinishedNotice:
    """A notice of any incident that still has mails to send, and the incident's title.

    `status` is the incident's. `pending` counts the unsent mails, to any customer; `waiting` those
    among them that wait for somebody to check the first ones.
    """

    notice: Notice
    incident_title: str
    status: Status
    pending: int
    waiting: int


def stage_had(
    connection: Connection,
    incident_id: str,
    stage: Stage,
    keys: list[str],
    *,
    undone_by: Collection[Stage] = (),
    ended_by: Collection[Stage] = (),
) -> tuple[dict[str, StageHad], dict[str, str]]:
    """Each of these recipients' last mail of a stage, without failed ones and tests.

    Also without one that was followed by a mail of a stage in `undone_by`: the incident went back,
    so the stage is news when it comes again. Those recipients are in the second mapping, with the
    notice that followed. So are those who got a mail of a stage in `ended_by` since: the incident
    was reopened.
    """
    query = (
        select(
            deliveries.c.recipient_key,
            deliveries.c.notice_id,
            deliveries.c.subject,
            deliveries.c.markdown,
            notices.c.said_at,
            notices.c.next_update,
            deliveries.c.state,
            notices.c.stage,
        )
        .join(notices, notices.c.id == deliveries.c.notice_id)
        .where(
            notices.c.incident_id == incident_id,
            notices.c.mode == "send",
            notices.c.stage.in_([each.value for each in (stage, *undone_by, *ended_by)]),
            deliveries.c.state != _FAILED,
            deliveries.c.recipient_key.in_(keys),
        )
        .order_by(notices.c.created_at)
    )
    had: dict[str, StageHad] = {}
    undone: dict[str, str] = {}
    for key, notice_id, subject, markdown, at, promised, state, told in connection.execute(query):
        if told == stage:
            had[key] = StageHad(notice_id, subject, markdown, at, promised, state in _WAITING)
            undone.pop(key, None)
        elif state == DeliveryState.SENT and key in had:
            undone[key] = notice_id
            if told in undone_by:
                del had[key]
    return had, undone


def waiting_in(
    connection: Connection, keys: list[str], *, profile: str
) -> dict[str, tuple[str, ...]]:
    """The notices with an unsent mail to each of these recipients, by their ids.

    Covers all incidents of the profile; without tests, and without recipients that have none.
    """
    query = (
        select(deliveries.c.recipient_key, deliveries.c.notice_id)
        .join(notices, notices.c.id == deliveries.c.notice_id)
        .join(incidents, incidents.c.id == notices.c.incident_id)
        .where(
            incidents.c.profile == profile,
            notices.c.mode == "send",
            deliveries.c.state.in_(_WAITING),
            deliveries.c.recipient_key.in_(keys),
        )
        .order_by(notices.c.created_at)
    )
    found: dict[str, tuple[str, ...]] = {}
    for key, notice_id in connection.execute(query):
        found[key] = (*found.get(key, ()), notice_id)
    return found


def waiting_for_suppressed(connection: Connection, notice: Notice) -> list[str]:
    """The addresses of the notice's unsent mails that were suppressed after it was planned."""
    query = select(deliveries.c.email).where(
        deliveries.c.notice_id == notice.id,
        deliveries.c.state.in_(_WAITING),
        is_suppressed(notice),
    )
    return [str(email) for email in connection.scalars(query.order_by(deliveries.c.row))]


def unfinished_notice(connection: Connection, notice_id: str) -> UnfinishedNotice:
    """A notice by its id, with its incident's title."""
    notice = notice_by_id(connection, notice_id)
    query = select(incidents.c.title, incidents.c.status).where(
        incidents.c.id == notice.incident_id
    )
    title, status = connection.execute(query).one()
    pending = count_deliveries(connection, notice).pending
    waiting = count_waiting(connection, notice_id)
    return UnfinishedNotice(notice, str(title), Status(status), pending, waiting)


def settled_by_another_notice(notice: Notice) -> ColumnElement[bool]:
    """A condition: the delivery's customer already has the same text, or a later notice.

    A later notice that failed doesn't count. A waiting or unknown one does: it may reach the
    customer, who would then get the older text after the newer one.
    """
    other = deliveries.alias("other_delivery")
    its_notice = notices.alias("other_notice")
    return exists(
        select(other.c.id)
        .join(its_notice, its_notice.c.id == other.c.notice_id)
        .where(
            other.c.recipient_key == deliveries.c.recipient_key,
            other.c.notice_id != notice.id,
            other.c.state != _FAILED,
            its_notice.c.mode == "send",
            its_notice.c.incident_id == notice.incident_id,
            or_(
                other.c.content_key == deliveries.c.content_key,
                its_notice.c.created_at > notice.created_at,
            ),
        )
    )


def is_suppressed(notice: Notice) -> ColumnElement[bool]:
    """A condition: the delivery's address is suppressed by now."""
    profile = select(incidents.c.profile).where(incidents.c.id == notice.incident_id)
    return exists(
        select(suppressions.c.recipient_key).where(
            suppressions.c.profile == profile.scalar_subquery(),
            suppressions.c.recipient_key == deliveries.c.recipient_key,
        )
    )


@dataclass(frozen=True)
class NotSentAgain:
    """How many deliveries another notice covers, and how many others are suppressed."""

    settled: int
    suppressed: int


def count_not_sent_again(
    connection: Connection, notice: Notice, states: Sequence[DeliveryState]
) -> NotSentAgain:
    """Count the notice's deliveries in these states that are not sent again."""
    is_settled = or_(settled_by_another_notice(notice), deliveries.c.email == FORGOTTEN)
    mine = select(func.count()).where(
        deliveries.c.notice_id == notice.id,
        deliveries.c.state.in_([state.value for state in states]),
    )
    suppressed = mine.where(not_(is_settled), is_suppressed(notice))
    return NotSentAgain(
        int(connection.execute(mine.where(is_settled)).scalar_one()),
        int(connection.execute(suppressed).scalar_one()),
    )


# --- Proposed plans -------------------------------------------------------------------------------


class ProposalState(StrEnum):
    """The state of a plan. `ALLOWED` has the moves."""

    PROPOSED = "proposed"
    APPROVED = "approved"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"
    SENT = "sent"


_S = ProposalState
ALLOWED: Mapping[ProposalState, frozenset[ProposalState]] = {
    _S.PROPOSED: frozenset({_S.APPROVED, _S.REFUSED, _S.WITHDRAWN}),
    _S.APPROVED: frozenset({_S.REFUSED, _S.WITHDRAWN, _S.SENT}),
    _S.REFUSED: frozenset(),
    _S.WITHDRAWN: frozenset(),
    _S.SENT: frozenset(),
}
# In these states nothing more is sent, so the customers' data is removed.
_OVER = frozenset({_S.REFUSED, _S.WITHDRAWN, _S.SENT})


@dataclass(frozen=True)
class Proposal:
    """A plan as it was proposed.

    `request` is what was asked for and `content` every mail, both packed; None once it is over.
    `copy_markdown` has the wordings with each column as its name. `facts_written` are its lines in
    the doc.
    """

    id: str
    incident_id: str
    plan_hash: str
    stage: Stage
    subject: str
    recipients: int
    copy_markdown: str
    proposed_by: str
    proposed_at: datetime
    state: ProposalState = _S.PROPOSED
    request: bytes | None = field(default=None, repr=False)
    content: bytes | None = field(default=None, repr=False)
    decided_by: str = ""
    decided_at: datetime | None = None
    reason: str = ""
    notice_id: str = ""
    sent_by: str = ""
    sent_at: datetime | None = None
    facts_written: list[str] = field(default_factory=list)

    @property
    def short(self) -> str:
        """The start of the hash, as people read it out: `ab12cd34`."""
        return self.plan_hash[:8]


def add(connection: Connection, proposal: Proposal) -> None:
    """Record a proposed plan."""
    values = {name: getattr(proposal, name) for name in _COLUMNS}
    words = {"stage": proposal.stage.value, "state": proposal.state.value}
    connection.execute(insert(proposals).values(values | words))


def by_hash(connection: Connection, prefix: str, *, profile: str) -> list[Proposal]:
    """The plans whose hash begins with this, the newest first."""
    query = (
        select(proposals)
        .join(incidents, incidents.c.id == proposals.c.incident_id)
        .where(
            proposals.c.plan_hash.startswith(prefix.lower(), autoescape=True),
            incidents.c.profile == profile,
        )
        .order_by(proposals.c.proposed_at.desc(), proposals.c.id)
    )
    return [_proposal(row) for row in connection.execute(query)]


def by_id(connection: Connection, proposal_id: str) -> Proposal:
    """One plan by its id."""
    query = select(proposals).where(proposals.c.id == proposal_id)
    return _proposal(connection.execute(query).one())


def of_notice(connection: Connection, notice_id: str) -> Proposal | None:
    """The plan of a notice; None if nobody proposed it."""
    query = select(proposals).where(proposals.c.notice_id == notice_id)
    row = connection.execute(query).first()
    return None if row is None else _proposal(row)


def of_incident(connection: Connection, incident_id: str) -> list[Proposal]:
    """The incident's plans, the oldest first."""
    query = select(proposals).where(proposals.c.incident_id == incident_id)
    rows = connection.execute(query.order_by(proposals.c.proposed_at, proposals.c.id))
    return [_proposal(row) for row in rows]


def open_ones(connection: Connection) -> list[Proposal]:
    """Every plan that still holds its mails."""
    query = select(proposals).where(proposals.c.content.is_not(None))
    return [_proposal(row) for row in connection.execute(query)]


def move(connection: Connection, proposal_id: str, to: ProposalState, **facts: object) -> bool:
    """Move a plan; False if its state doesn't allow it: another process moved it first."""
    origins = [state.value for state, onward in ALLOWED.items() if to in onward]
    emptied = {"request": None, "content": None} if to in _OVER else {}
    moved = connection.execute(
        update(proposals)
        .where(proposals.c.id == proposal_id, proposals.c.state.in_(origins))
        .values(state=to.value, **emptied, **facts)
    )
    return bool(moved.rowcount == 1)


def take_back(connection: Connection, proposal: Proposal, notice_id: str) -> None:
    """Let an approved plan be sent again whose notice was undone before its first mail.

    `proposal` is the plan as it was before, with its mails.
    """
    undone = (proposals.c.notice_id == notice_id) & (proposals.c.state == _S.SENT.value)
    connection.execute(
        update(proposals)
        .where(proposals.c.id == proposal.id, undone)
        .values(
            state=_S.APPROVED.value,
            request=proposal.request,
            content=proposal.content,
            notice_id="",
            sent_by="",
            sent_at=None,
        )
    )


def set_facts_written(connection: Connection, proposal_id: str, facts: list[str]) -> None:
    """Store a plan's lines as they are in the doc."""
    connection.execute(
        update(proposals).where(proposals.c.id == proposal_id).values(facts_written=facts)
    )


_COLUMNS = tuple(Proposal.__dataclass_fields__)


def _proposal(row: Row[Any]) -> Proposal:
    values = {name: getattr(row, name) for name in _COLUMNS}
    read = {
        "stage": known(Stage, row.stage, f"The stage of plan {row.id}"),
        "state": known(ProposalState, row.state, f"Plan {row.id}"),
    }
    return Proposal(**(values | read))
