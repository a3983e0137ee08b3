"""The mailboxes in the store: messages, drafts, threads.

Drafts and mails change through API calls or through a person in Gmail's window. Mail also arrives
from outside: a customer's reply, or any made-up message.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from email import policy
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid

from google_rehearsal import store
from google_rehearsal.gmail import mime
from google_rehearsal.gmail.errors import MailRefused
from google_rehearsal.gmail.mime import Mail, fails, failure_report, thread_subject
from google_rehearsal.store import Settings
from google_rehearsal.wire.admission import DAY_SECONDS, retry_after
from google_rehearsal.wire.errors import invalid_argument


@dataclass(frozen=True)
class Message:
    """A message of one account. `at_ms` is Gmail's internalDate, in epoch milliseconds.

    `serial` counts all messages of the rehearsal and serves as Gmail's historyId.
    """

    serial: int
    id: str
    account: str
    thread_id: str
    labels: tuple[str, ...]
    at_ms: int
    subject: str
    raw: bytes


@dataclass(frozen=True)
class Draft:
    """A draft; every edit gives its message a new id."""

    id: str
    message: Message

    @property
    def was_sent(self) -> bool:
        """Whether a person sent the draft: only its id is left, and it leads to the sent mail."""
        return "DRAFT" not in self.message.labels


class Mailbox:
    """One account's mail, inside one transaction."""

    def __init__(self, db: sqlite3.Connection, account: str) -> None:
        self._db = db
        self.account = account

    def add(self, mail: Mail, labels: Iterable[str], at_ms: int, thread_id: str) -> Message:
        """Store a message; an empty `thread_id` starts a thread."""
        message_id = store.gmail_id()
        self._db.execute(
            "INSERT INTO messages (id, account, thread_id, labels, at_ms, subject, message_id, raw)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                message_id,
                self.account,
                thread_id or message_id,
                json.dumps(list(labels)),
                at_ms,
                mail.subject,
                mail.message_id,
                mail.raw,
            ),
        )
        message = self.message(message_id)
        if message is None:
            raise LookupError(message_id)
        return message

    def message(self, message_id: str) -> Message | None:
        """A message by id."""
        row = self._db.execute(
            "SELECT rowid, * FROM messages WHERE account = ? AND id = ?",
            (self.account, message_id),
        ).fetchone()
        return message_of(row) if row else None

    def messages(self) -> list[Message]:
        """All messages, the newest first."""
        rows = self._db.execute(
            "SELECT rowid, * FROM messages WHERE account = ? ORDER BY at_ms DESC, rowid DESC",
            (self.account,),
        )
        return [message_of(row) for row in rows]

    def remove(self, message: Message) -> None:
        """Delete a message that no draft holds any more."""
        self._db.execute("DELETE FROM messages WHERE id = ?", (message.id,))

    def add_draft(self, message: Message) -> Draft:
        """Make a draft of a message."""
        draft = Draft(store.draft_id(), message)
        self._db.execute(
            "INSERT INTO drafts (id, account, message_id) VALUES (?, ?, ?)",
            (draft.id, self.account, message.id),
        )
        return draft

    def draft(self, draft_id: str) -> Draft | None:
        """A draft by id, or the mail that its id leads to (`was_sent`); None if it is gone."""
        row = self._db.execute(
            "SELECT message_id FROM drafts WHERE account = ? AND id = ?", (self.account, draft_id)
        ).fetchone()
        message = self.message(row["message_id"]) if row else None
        return Draft(draft_id, message) if message else None

    def drafts(self) -> list[Draft]:
        """All drafts, the newest first."""
        rows = self._db.execute(
            "SELECT drafts.id AS draft_id, messages.rowid, messages.* FROM drafts"
            " JOIN messages ON messages.id = drafts.message_id WHERE drafts.account = ?"
            " AND messages.labels LIKE '%\"DRAFT\"%'"
            " ORDER BY at_ms DESC, messages.rowid DESC",
            (self.account,),
        )
        return [Draft(row["draft_id"], message_of(row)) for row in rows]

    def replace_draft(self, draft: Draft, message: Message) -> Draft:
        """Replace a draft's message; the draft keeps its id."""
        self._db.execute("UPDATE drafts SET message_id = ? WHERE id = ?", (message.id, draft.id))
        self.remove(draft.message)
        return Draft(draft.id, message)

    def remove_draft(self, draft: Draft) -> None:
        """Delete a draft and its message: even a sent mail, if the id leads to it.

        The recipient still has that mail, so the rehearsal keeps a copy (`erased`).
        """
        self._db.execute("DELETE FROM drafts WHERE id = ?", (draft.id,))
        if draft.was_sent:
            self._db.execute(
                "INSERT INTO erased (id, account, raw) VALUES (?, ?, ?)",
                (draft.message.id, self.account, draft.message.raw),
            )
        self.remove(draft.message)

    def leave_orphan(self, draft: Draft, sent: Message) -> None:
        """Let a sent draft's id lead to the sent mail."""
        self._db.execute("UPDATE drafts SET message_id = ? WHERE id = ?", (sent.id, draft.id))
        self.remove(draft.message)

    def thread_exists(self, thread_id: str) -> bool:
        """Whether the account has a message in this thread."""
        found = self._db.execute(
            "SELECT 1 FROM messages WHERE account = ? AND thread_id = ? LIMIT 1",
            (self.account, thread_id),
        )
        return found.fetchone() is not None

    def thread_for(self, mail: Mail) -> str:
        """The thread of a message that this one refers to and whose subject it shares."""
        for reference in mail.references:
            row = self._db.execute(
                "SELECT thread_id, subject FROM messages WHERE account = ? AND message_id = ?",
                (self.account, reference),
            ).fetchone()
            if row and thread_subject(row["subject"]) == thread_subject(mail.subject):
                return str(row["thread_id"])
        return ""

    def sent_at(self, nth_last: int, since_ms: int) -> int | None:
        """When the n-th last message was sent, in epoch milliseconds; None if before `since_ms`."""
        row = self._db.execute(
            "SELECT at_ms FROM messages WHERE account = ? AND at_ms > ?"
            " AND labels LIKE '%\"SENT\"%' ORDER BY at_ms DESC LIMIT 1 OFFSET ?",
            (self.account, since_ms, nth_last - 1),
        ).fetchone()
        return int(row["at_ms"]) if row else None

    def counts(self) -> tuple[int, int]:
        """The numbers of messages and threads."""
        row = self._db.execute(
            "SELECT count(*) AS messages, count(DISTINCT thread_id) AS threads FROM messages"
            " WHERE account = ?",
            (self.account,),
        ).fetchone()
        return int(row["messages"]), int(row["threads"])


def erased(db: sqlite3.Connection) -> list[tuple[str, bytes]]:
    """Account and bytes of every permanently deleted sent mail, over all accounts."""
    rows = db.execute("SELECT account, raw FROM erased ORDER BY rowid")
    return [(str(row["account"]), bytes(row["raw"])) for row in rows]


def message_of(row: sqlite3.Row) -> Message:
    """A message from its row, including the `rowid`."""
    return Message(
        serial=row["rowid"],
        id=row["id"],
        account=row["account"],
        thread_id=row["thread_id"],
        labels=tuple(json.loads(row["labels"])),
        at_ms=row["at_ms"],
        subject=row["subject"],
        raw=bytes(row["raw"]),
    )


def edit_draft(mailbox: Mailbox, draft: Draft, mail: Mail, now: float, thread: str = "") -> Draft:
    """Replace a draft's mail: the draft keeps its id, its message gets a new one.

    `thread` is the thread of the mail's references. Without one, the draft stays in its thread as
    long as its subject stays (github.com/taylorwilsdon/google_workspace_mcp, PR 943).
    """
    same = mime.thread_subject(mail.subject) == mime.thread_subject(draft.message.subject)
    message = mailbox.add(
        mail, ["DRAFT"], int(now * 1000), thread or (draft.message.thread_id if same else "")
    )
    return mailbox.replace_draft(draft, message)


def send_mail(mailbox: Mailbox, mail: Mail, thread: str, settings: Settings, now: float) -> Message:
    """Send a mail of this mailbox; bounce reports arrive in the same thread.

    Raises `GoogleError`: 400 for a mail that can't be sent, 429 above the daily limit.
    """
    try:
        outgoing = mime.sendable(mail, store.message_id_header())
    except MailRefused as error:
        raise invalid_argument(str(error)) from error
    _check_daily_limit(mailbox, settings, now)
    to_oneself = mailbox.account.lower() in {each.lower() for each in outgoing.recipients}
    labels = ["UNREAD", "SENT", "INBOX"] if to_oneself else ["SENT"]
    message = mailbox.add(outgoing, labels, int(now * 1000), thread)
    for recipient in outgoing.recipients:
        if fails(recipient, settings):
            moment = datetime.fromtimestamp(now, UTC)
            report = failure_report(outgoing, recipient, mailbox.account, moment)
            mailbox.add(mime.read(report), ["INBOX", "UNREAD"], int(now * 1000), message.thread_id)
    return message


def _check_daily_limit(mailbox: Mailbox, settings: Settings, now: float) -> None:
    limit = settings.daily_sends
    day = DAY_SECONDS / settings.time_scale
    if not limit:
        return
    first_of_the_day = mailbox.sent_at(limit, since_ms=int((now - day) * 1000))
    if first_of_the_day is not None:
        raise retry_after(first_of_the_day / 1000 + day, "Mail sending")


_LABELS = ("INBOX", "UNREAD")


@dataclass(frozen=True)
class Reply:
    """A customer's reply to the last mail they got. `automatic`: an out-of-office note."""

    sender: str
    text: str
    automatic: bool = False


def reply(db: sqlite3.Connection, account: str, given: Reply, now: float) -> Message:
    """Put a customer's reply into the account's mailbox, in the thread of the mail it answers.

    Raises `LookupError` if the account has written nothing to that address.
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
    """Put any message into the account's mailbox; it joins a thread by Gmail's rules."""
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
