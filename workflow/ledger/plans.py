"""The plan of a mail to many: every mail and file as agreed to, frozen before any is sent."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

from sqlalchemy import func, insert, select, update
from sqlalchemy.engine import Connection

from workflow.incident import DeliveryState
from workflow.ledger.notices import Notice, row_of
from workflow.ledger.tables import attachments, deliveries, notices

# Rows written at a time: a plan of a million never stands in memory.
_PLAN_BATCH = 1000


@dataclass(frozen=True)
class PlannedMail:
    """One recipient's mail as it was agreed to. `row` is the row in the list's file.

    `thread_id` and `reply_to_message` are Gmail's ids of the thread and mail that it goes on with;
    after a mail by SMTP `reply_to_message` is that mail's Message-ID, in its angle brackets.
    `sender` is the mailbox that it leaves from, "" for the notice's own.
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


@dataclass(frozen=True)
class AttachedFile:
    """A file that goes with every mail of a notice, as it was when the plan was made."""

    filename: str
    media_type: str
    content: bytes


@dataclass(frozen=True)
class ToldBefore:
    """What a recipient was sent of an incident before: the stages in order, and the last mail.

    `sender` is the mailbox in which the thread lies, "" without a thread.
    """

    stages: tuple[str, ...]
    thread_id: str
    message_id: str
    sender: str = ""


def add_notice(connection: Connection, notice: Notice, mails: Iterable[PlannedMail]) -> int:
    """Write the plan and its rows. Returns how many mails were planned.

    A recipient who already has a row for the same words (another list, another spelling of the
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


def add_attachments(connection: Connection, notice_id: str, files: list[AttachedFile]) -> None:
    """Freeze the files with the plan."""
    for position, file in enumerate(files):
        connection.execute(
            insert(attachments).values(
                notice_id=notice_id,
                position=position,
                filename=file.filename,
                media_type=file.media_type,
                content=file.content,
            )
        )


def attachments_of(connection: Connection, notice_id: str) -> list[AttachedFile]:
    """The files that go with every mail of a notice."""
    query = select(attachments).where(attachments.c.notice_id == notice_id)
    return [
        AttachedFile(row.filename, row.media_type, row.content)
        for row in connection.execute(query.order_by(attachments.c.position))
    ]


def already_planned(connection: Connection, content_key: str, keys: list[str]) -> set[str]:
    """Which of these recipients have a row for the same words already."""
    query = select(deliveries.c.recipient_key).where(
        deliveries.c.content_key == content_key, deliveries.c.recipient_key.in_(keys)
    )
    return set(connection.execute(query).scalars())


def told_before(connection: Connection, incident_id: str, keys: list[str]) -> dict[str, ToldBefore]:
    """What each of these recipients was sent of this incident; who was sent nothing is left out."""
    query = (
        select(
            deliveries.c.recipient_key,
            notices.c.stage,
            deliveries.c.thread_id,
            deliveries.c.message_id,
            func.coalesce(func.nullif(deliveries.c.sender, ""), notices.c.sender),
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
    for key, stage, thread_id, message_id, sender in connection.execute(query):
        earlier = told.get(key, ToldBefore((), "", ""))
        told[key] = ToldBefore(
            (*earlier.stages, stage),
            thread_id or earlier.thread_id,
            message_id or earlier.message_id,
            sender if thread_id else earlier.sender,
        )
    return told


def _add_mails(connection: Connection, notice: Notice, batch: list[PlannedMail]) -> int:
    told = already_planned(connection, notice.content_key, [mail.recipient_key for mail in batch])
    rows = [
        {
            "notice_id": notice.id,
            "content_key": notice.content_key,
            "row": mail.row,
            "email": mail.email,
            "recipient_key": mail.recipient_key,
            "name": mail.name,
            "subject": mail.subject,
            "markdown": mail.markdown,
            "thread_id": mail.thread_id,
            "reply_to_message": mail.reply_to_message,
            "sender": mail.sender,
            "state": DeliveryState.PLANNED.value,
        }
        for mail in batch
        if mail.recipient_key not in told
    ]
    if rows:
        connection.execute(insert(deliveries), rows)
    return len(rows)


def _batches(mails: Iterable[PlannedMail]) -> Iterator[list[PlannedMail]]:
    iterator = iter(mails)
    while batch := list(islice(iterator, _PLAN_BATCH)):
        yield batch
