"""Delivering a notice from the ledger: who sends it, the mails, and what is left over."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from email import message_from_bytes, policy
from hashlib import sha256

from markdown_it.token import Token

from workflow.flows.pacing import Limits, Pacing
from workflow.flows.sending import Ending, Sender, Sent
from workflow.flows.workspace import Workspace
from workflow.google.drive import Account
from workflow.google.faults import GoogleFault, Refused, SignInNeeded, Undecided, Unreachable
from workflow.incident import DeliveryCounts
from workflow.ledger import deliveries, notices
from workflow.ledger.deliveries import Delivery
from workflow.ledger.notices import AttachedFile, Notice
from workflow.mail.faces import html_face, parse_body, picture_names, text_face
from workflow.mail.message import Attachment, build_message

# Gmail's quota since May 2026; five before.
_UNITS_OF_MESSAGES_GET = 20


@dataclass(frozen=True)
class Watcher:
    """How a person follows a long job and ends it: `report` gets the counts, `stop` ends it.

    `at_work` is set as long as `stop` is heeded; at any other time the job can simply be broken
    off.
    """

    report: Callable[[DeliveryCounts], None]
    stop: threading.Event
    at_work: threading.Event


def deliver(workspace: Workspace, notice: Notice, watcher: Watcher) -> Sent:
    """Send what the notice still has to send. Never raises for Google: the answer says why not."""
    sending = workspace.settings.config.sending
    try:
        notice = _with_sender(workspace, notice)
    except GoogleFault as fault:
        return Sent(_ending_of(fault), fault)
    with workspace.ledger.read() as connection:
        files = notices.attachments_of(connection, notice.id)
    limits = Limits(
        sending.units_per_minute,
        sending.daily_limit,
        sending.in_flight,
        units_to_read_a_thread=_UNITS_OF_MESSAGES_GET if sending.read_threads else 0,
    )
    sender = Sender(
        workspace.ledger,
        notice,
        workspace.google.gmail,
        _Writer(workspace, notice, files).write,
        Pacing(notice.sender, limits, workspace.wall),
        workspace.wall,
        timeout_seconds=sending.timeout_seconds,
        stop=watcher.stop,
        report=watcher.report,
    )
    watcher.at_work.set()
    try:
        sent = sender.run()
    finally:
        watcher.at_work.clear()
    if watcher.stop.is_set():
        return Sent(Ending.STOPPED)
    if sent.ending is Ending.DONE:
        _clean_up(workspace, notice)
    return sent


def _ending_of(fault: GoogleFault) -> Ending:
    return Ending.SIGN_IN if isinstance(fault, SignInNeeded) else Ending.UNREACHABLE


def _with_sender(workspace: Workspace, notice: Notice) -> Notice:
    """The notice with the account that sends it, which it keeps from the first mail on.

    Only that account's mailbox can say what became of a draft: in another one every draft is gone,
    which would look like sent. Raises `SignInNeeded` for another account.
    """
    account = _account(workspace)
    if notice.sender:
        if account.email.casefold() != notice.sender.casefold():
            raise SignInNeeded(
                f"This notice is sent by {notice.sender}, and {account.email} is signed in. "
                f"Sign in as {notice.sender} to go on with it.",
                reason="otherAccount",
            )
        return notice
    name = workspace.settings.config.sender_name or account.name
    with workspace.ledger.write() as connection:
        notices.set_sender(connection, notice.id, account.email, name)
        return notices.notice_by_id(connection, notice.id)


def _account(workspace: Workspace) -> Account:
    """Who is signed in. A sign-in without Drive can still ask Gmail."""
    try:
        return workspace.google.drive.account()
    except (Refused, SignInNeeded) as no_drive:
        try:
            return Account(workspace.google.gmail.address(), "")
        except (Refused, SignInNeeded):
            raise no_drive from None


class _Writer:
    """Writes a notice's mails; goes on in each customer's thread where that can be read.

    Other mailboxes thread by the real Message-ID, which only Gmail knows and only a scope that
    reads gives away: without it the thread is Gmail's own alone.
    """

    def __init__(self, workspace: Workspace, notice: Notice, files: list[AttachedFile]) -> None:
        self._workspace = workspace
        self._notice = notice
        self._files = files
        self._can_read = workspace.settings.config.sending.read_threads

    def write(self, delivery: Delivery) -> bytes:
        """One recipient's message. Safe for many threads."""
        references = self._references(delivery)
        return write_mail(self._notice, delivery, self._files, self._workspace, references)

    def _references(self, delivery: Delivery) -> tuple[str, ...]:
        if not (self._can_read and delivery.reply_to_message and delivery.thread_id):
            return ()
        gmail = self._workspace.google.gmail
        try:
            header = gmail.message_id_header(delivery.reply_to_message)
        except SignInNeeded:
            self._can_read = False
            return ()
        except Refused:
            return ()
        return (header,) if header else ()


def write_mail(
    notice: Notice,
    delivery: Delivery,
    files: list[AttachedFile],
    workspace: Workspace,
    references: tuple[str, ...] = (),
) -> bytes:
    """One recipient's message, all of it from the frozen plan."""
    tokens = parse_body(delivery.markdown)
    shown = picture_ids(tokens, files)
    addresses = {name: f"cid:{content_id}" for name, content_id in shown.items()}
    return build_message(
        to=delivery.email,
        to_name=delivery.name,
        subject=delivery.subject,
        text=text_face(tokens),
        html=html_face(tokens, subject=delivery.subject, pictures=addresses),
        from_address=notice.from_address or notice.sender,
        from_name=notice.sender_name,
        reply_to=notice.reply_to,
        date=delivery.sent_at or workspace.now(),
        references=references,
        attachments=[
            Attachment(file.filename, file.media_type, file.content, shown.get(file.filename, ""))
            for file in files
        ],
    )


def picture_ids(tokens: Sequence[Token], files: Sequence[AttachedFile]) -> dict[str, str]:
    """The files that a mail shows as pictures, each with the id by which its HTML names it."""
    wanted = picture_names(tokens)
    names = [file.filename for file in files if file.filename in wanted]
    return {name: f"{sha256(name.encode()).hexdigest()[:16]}@postmortem" for name in names}


def _clean_up(workspace: Workspace, notice: Notice) -> None:
    """Delete drafts that no row knows: their making was asked for and the answer lost.

    Only a draft that is to the letter what this program wrote, to somebody of this notice, is
    deleted. It is harmless where it lies, so a fault here is no reason to bother anybody.
    """
    with workspace.ledger.read() as connection:
        notice = notices.notice_by_id(connection, notice.id)
        known = deliveries.known_draft_ids(connection, notice.id)
    if not notice.orphans_possible:
        return
    gmail = workspace.google.gmail
    try:
        for draft in gmail.list_drafts():
            if draft.id not in known and _is_ours(workspace, notice, gmail.get_draft_raw(draft.id)):
                gmail.delete_draft(draft.id)
    except (Refused, SignInNeeded, Undecided, Unreachable):
        return
    with workspace.ledger.write() as connection:
        notices.clear_orphans_possible(connection, notice.id)


def _is_ours(workspace: Workspace, notice: Notice, raw: bytes) -> bool:
    message = message_from_bytes(raw, policy=policy.default)
    addresses = list(getattr(message.get("To"), "addresses", ()))
    body = message.get_body(("plain",))
    if len(addresses) != 1 or body is None:
        return False
    with workspace.ledger.read() as connection:
        mine = deliveries.delivery_to(connection, notice.id, addresses[0].addr_spec)
    if mine is None or str(message.get("Subject", "")) != mine.subject:
        return False
    written = text_face(parse_body(mine.markdown))
    return str(body.get_content()).split() == written.split()
