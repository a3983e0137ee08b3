"""Mail that comes in from outside: a customer's answer, or any message that somebody made up."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from datetime import UTC, datetime
from email import policy
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid

from workflow.rehearsal.gmail import mime
from workflow.rehearsal.gmail.mailbox import Mailbox, Message

_LABELS = ("INBOX", "UNREAD")


@dataclass(frozen=True)
class Reply:
    """What a customer answers to the last mail they had. `automatic`: an out-of-office note."""

    sender: str
    text: str
    automatic: bool = False


def reply(db: sqlite3.Connection, account: str, given: Reply, now: float) -> Message:
    """Put a customer's answer into the account's mailbox, in the thread of what it answers.

    Raises `LookupError` where the account has written nothing to that address.
    """
    mailbox = Mailbox(db, account)
    wanted = given.sender.lower()
    for message in mailbox.messages():
        sent = mime.read(message.raw)
        if "SENT" in message.labels and wanted in {each.lower() for each in sent.recipients}:
            raw = _answer(given, sent, account, datetime.fromtimestamp(now, UTC))
            return _keep(mailbox, raw, now, message.thread_id)
    raise LookupError(f"{account} has written nothing to {given.sender}.")


def arrive(db: sqlite3.Connection, account: str, raw: bytes, now: float) -> Message:
    """Put any message into the account's mailbox; it joins a thread as Gmail lets it."""
    return _keep(Mailbox(db, account), raw, now, "")


def _keep(mailbox: Mailbox, raw: bytes, now: float, thread_id: str) -> Message:
    mail = mime.received(raw)
    thread_id = thread_id or mailbox.thread_for(mail)
    return mailbox.add(mail, _LABELS, int(now * 1000), thread_id)


def _answer(given: Reply, sent: mime.Mail, account: str, now: datetime) -> bytes:
    message = EmailMessage()
    message["From"] = given.sender
    message["To"] = account
    message["Subject"] = f"{'Automatic reply' if given.automatic else 'Re'}: {sent.subject}"
    message["Date"] = format_datetime(now)
    message["Message-ID"] = make_msgid(domain=given.sender.rpartition("@")[2])
    message["In-Reply-To"] = sent.message_id
    message["References"] = sent.message_id
    if given.automatic:
        message["Auto-Submitted"] = "auto-replied"  # RFC 3834, section 5
        message["Precedence"] = "auto_reply"
    message.set_content(given.text)
    return message.as_bytes(policy=policy.SMTP)
