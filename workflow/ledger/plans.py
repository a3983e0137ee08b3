"""The plan of a notice: every mail and file, frozen before any is sent.

Also what customers already have of an incident, or wait for, when another notice is planned.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from sqlalchemy import ColumnElement, delete, exists, func, insert, or_, select, update
from sqlalchemy.engine import Connection

from workflow.ledger.deliveries import ORDER_OF_WORK
from workflow.ledger.forgetting import FORGOTTEN
from workflow.ledger.notices import Notice, count_deliveries, notice_by_id, row_of
from workflow.ledger.tables import attachments, deliveries, incidents, metadata, notices
from workflow.model import DeliveryState, Stage

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
_WAITING = tuple(state.value for state in ORDER_OF_WORK)


@dataclass(frozen=True)
class StageHad:
    """A customer's last mail of a stage. `waits`: it is planned or drafted, and not sent yet."""

    notice_id: str
    subject: str
    markdown: str
    promised: datetime | None
    waits: bool


@dataclass(frozen=True)
class UnfinishedNotice:
    """A notice of any incident that still has mails to send, and the incident's title.

    `pending` counts its unsent mails, to any customer.
    """

    notice: Notice
    incident_title: str
    pending: int


def stage_had(
    connection: Connection,
    incident_id: str,
    stage: Stage,
    keys: list[str],
    *,
    undone_by: Collection[Stage] = (),
) -> dict[str, StageHad]:
    """Each of these recipients' last mail of a stage, without failed ones and tests.

    Also without one that was followed by a mail of a stage in `undone_by`: the incident went back,
    so the stage is news when it comes again.
    """
    query = (
        select(
            deliveries.c.recipient_key,
            deliveries.c.notice_id,
            deliveries.c.subject,
            deliveries.c.markdown,
            notices.c.next_update,
            deliveries.c.state,
            notices.c.stage,
        )
        .join(notices, notices.c.id == deliveries.c.notice_id)
        .where(
            notices.c.incident_id == incident_id,
            notices.c.mode == "send",
            notices.c.stage.in_([each.value for each in (stage, *undone_by)]),
            deliveries.c.state != _FAILED,
            deliveries.c.recipient_key.in_(keys),
        )
        .order_by(notices.c.created_at)
    )
    had: dict[str, StageHad] = {}
    for key, notice_id, subject, markdown, promised, state, told in connection.execute(query):
        if told == stage:
            had[key] = StageHad(notice_id, subject, markdown, promised, state in _WAITING)
        elif state == DeliveryState.SENT:
            had.pop(key, None)
    return had


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


def unfinished_notice(connection: Connection, notice_id: str) -> UnfinishedNotice:
    """A notice by its id, with its incident's title."""
    notice = notice_by_id(connection, notice_id)
    query = select(incidents.c.title).where(incidents.c.id == notice.incident_id)
    title = str(connection.execute(query).scalar_one())
    return UnfinishedNotice(notice, title, count_deliveries(connection, notice).pending)


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


def count_settled(connection: Connection, notice: Notice, states: Sequence[DeliveryState]) -> int:
    """How many of a notice's deliveries in these states another notice covers."""
    query = select(func.count()).where(
        deliveries.c.notice_id == notice.id,
        deliveries.c.state.in_([state.value for state in states]),
        or_(settled_by_another_notice(notice), deliveries.c.email == FORGOTTEN),
    )
    return int(connection.execute(query).scalar_one())
