"""The mailboxes in the store: messages, drafts, threads."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass

from workflow.rehearsal import ids
from workflow.rehearsal.gmail.mime import Mail, thread_subject


@dataclass(frozen=True)
class Message:
    """A message of one account. `at_ms` is Gmail's internalDate, in epoch milliseconds.

    `serial` counts all messages of the rehearsal and stands in for Gmail's historyId.
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
    """A draft; its message changes its id whenever the draft is edited."""

    id: str
    message: Message


class Mailbox:
    """One account's mail, inside one transaction."""

    def __init__(self, db: sqlite3.Connection, account: str) -> None:
        self._db = db
        self._account = account

    def add(self, mail: Mail, labels: Iterable[str], at_ms: int, thread_id: str) -> Message:
        """Keeps a message; an empty `thread_id` starts a thread."""
        message_id = ids.gmail_id()
        self._db.execute(
            "INSERT INTO messages (id, account, thread_id, labels, at_ms, subject, message_id, raw)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                message_id,
                self._account,
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
            (self._account, message_id),
        ).fetchone()
        return message_of(row) if row else None

    def messages(self) -> list[Message]:
        """All messages, the newest first."""
        rows = self._db.execute(
            "SELECT rowid, * FROM messages WHERE account = ? ORDER BY at_ms DESC, rowid DESC",
            (self._account,),
        )
        return [message_of(row) for row in rows]

    def remove(self, message: Message) -> None:
        """Deletes a message that no draft holds any more."""
        self._db.execute("DELETE FROM messages WHERE id = ?", (message.id,))

    def add_draft(self, message: Message) -> Draft:
        """Makes a draft of a message."""
        draft = Draft(ids.draft_id(), message)
        self._db.execute(
            "INSERT INTO drafts (id, account, message_id) VALUES (?, ?, ?)",
            (draft.id, self._account, message.id),
        )
        return draft

    def draft(self, draft_id: str) -> Draft | None:
        """A draft by id; None once it was sent or deleted."""
        row = self._db.execute(
            "SELECT message_id FROM drafts WHERE account = ? AND id = ?", (self._account, draft_id)
        ).fetchone()
        message = self.message(row["message_id"]) if row else None
        return Draft(draft_id, message) if message else None

    def drafts(self) -> list[Draft]:
        """All drafts, the newest first."""
        rows = self._db.execute(
            "SELECT drafts.id AS draft_id, messages.rowid, messages.* FROM drafts"
            " JOIN messages ON messages.id = drafts.message_id WHERE drafts.account = ?"
            " ORDER BY at_ms DESC, messages.rowid DESC",
            (self._account,),
        )
        return [Draft(row["draft_id"], message_of(row)) for row in rows]

    def replace_draft(self, draft: Draft, message: Message) -> Draft:
        """Puts another message into a draft; the draft keeps its id."""
        self._db.execute("UPDATE drafts SET message_id = ? WHERE id = ?", (message.id, draft.id))
        self.remove(draft.message)
        return Draft(draft.id, message)

    def remove_draft(self, draft: Draft) -> None:
        """Deletes a draft and its message."""
        self._db.execute("DELETE FROM drafts WHERE id = ?", (draft.id,))
        self.remove(draft.message)

    def thread_exists(self, thread_id: str) -> bool:
        """Whether a message of the account lies in this thread."""
        found = self._db.execute(
            "SELECT 1 FROM messages WHERE account = ? AND thread_id = ? LIMIT 1",
            (self._account, thread_id),
        )
        return found.fetchone() is not None

    def thread_for(self, mail: Mail) -> str:
        """The thread of a message that this one refers to and whose subject it shares."""
        for reference in mail.references:
            row = self._db.execute(
                "SELECT thread_id, subject FROM messages WHERE account = ? AND message_id = ?",
                (self._account, reference),
            ).fetchone()
            if row and thread_subject(row["subject"]) == thread_subject(mail.subject):
                return str(row["thread_id"])
        return ""

    def sent_at(self, nth_last: int, since_ms: int) -> int | None:
        """When the n-th last message was sent, in epoch milliseconds; None if before `since_ms`."""
        row = self._db.execute(
            "SELECT at_ms FROM messages WHERE account = ? AND at_ms > ?"
            " AND labels LIKE '%\"SENT\"%' ORDER BY at_ms DESC LIMIT 1 OFFSET ?",
            (self._account, since_ms, nth_last - 1),
        ).fetchone()
        return int(row["at_ms"]) if row else None

    def counts(self) -> tuple[int, int]:
        """How many messages and how many threads there are."""
        row = self._db.execute(
            "SELECT count(*) AS messages, count(DISTINCT thread_id) AS threads FROM messages"
            " WHERE account = ?",
            (self._account,),
        ).fetchone()
        return int(row["messages"]), int(row["threads"])


def message_of(row: sqlite3.Row) -> Message:
    """A message from its row, which has the `rowid`."""
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
