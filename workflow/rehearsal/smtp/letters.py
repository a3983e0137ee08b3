"""Whether a mail may pass, and where it is kept: as a relay sees it, beside every Gmail mailbox."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

from workflow.rehearsal.gmail import mime
from workflow.rehearsal.gmail.mailbox import Mailbox
from workflow.rehearsal.gmail.reports import fails, failure_report
from workflow.rehearsal.settings import Settings
from workflow.rehearsal.smtp.conversation import Envelope
from workflow.rehearsal.store import Store

# No caller of Gmail's can have it: what a relay carries lies in nobody's Sent folder.
ACCOUNT = "the SMTP relay"
_LONGEST_LINE = 998  # RFC 5321, 4.5.3.1.6, without CRLF
_ENVELOPES = """
CREATE TABLE IF NOT EXISTS smtp_envelopes (
    message_id TEXT PRIMARY KEY,
    sender TEXT NOT NULL,
    recipients TEXT NOT NULL
)
"""


def refusal(envelope: Envelope) -> str:
    """The reply to a mail that does not pass; "" for one that does."""
    content = envelope.content
    bare = content.replace(b"\r\n", b"")
    if b"\r" in bare or b"\n" in bare:
        return "550 5.6.11 A line ends with CRLF, never with CR or LF alone"
    lines = content.split(b"\r\n")
    if any(len(line) > _LONGEST_LINE for line in lines):
        return "500 5.5.2 A line has more than 998 characters"
    if not all(line.isascii() for line in lines):
        return "554 5.6.1 8-bit content without BODY=8BITMIME"
    header = mime.parse(content)
    for name in ("From", "Message-ID", "Date"):
        if len(header.get_all(name, [])) != 1:
            return f"550 5.7.1 Messages with multiple or no {name} headers are not accepted"
    if not mime.read(content).message_id.startswith("<"):
        return "550 5.7.1 Messages missing a valid messageId header are not accepted"
    return ""


class RelayedMail:
    """What the relay has taken, in the rehearsal's store."""

    def __init__(self, store: Store) -> None:
        self._store = store
        with store.transaction() as db:
            db.execute(_ENVELOPES)

    def keep(self, envelope: Envelope, settings: Settings, now: datetime) -> str:
        """Keep a mail, with the relay's trace above it. Returns the id that its reply names.

        One to an address that fails comes back to the sender's own mailbox.
        """
        trace = (
            f"Return-Path: <{envelope.sender}>\r\n"
            "Received: by smtp-relay.rehearsal.example (rehearsal) with ESMTP;\r\n"
            f" {format_datetime(now.astimezone(UTC))}\r\n"
        )
        mail = mime.read(trace.encode("ascii") + envelope.content)
        at_ms = int(now.timestamp() * 1000)
        with self._store.transaction() as db:
            message = Mailbox(db, ACCOUNT).add(mail, ["SENT"], at_ms, "")
            db.execute(
                "INSERT INTO smtp_envelopes VALUES (?, ?, ?)",
                (message.id, envelope.sender, " ".join(envelope.recipients)),
            )
            _let_bounce(db, envelope, mail, settings, now)
        return message.id

    def as_json(self) -> list[dict[str, Any]]:
        """Every envelope with its mail, the oldest first; `raw` is the mail as Latin-1 text."""
        with self._store.transaction() as db:
            rows = db.execute(
                "SELECT sender, recipients, raw FROM smtp_envelopes JOIN messages"
                " ON messages.id = smtp_envelopes.message_id ORDER BY messages.rowid"
            ).fetchall()
        return [
            {
                "from": row["sender"],
                "to": row["recipients"].split(),
                "raw": bytes(row["raw"]).decode("latin-1"),
            }
            for row in rows
        ]


def _let_bounce(
    db: sqlite3.Connection, envelope: Envelope, mail: mime.Mail, settings: Settings, now: datetime
) -> None:
    for recipient in envelope.recipients:
        if fails(recipient, settings) and envelope.sender:
            report = failure_report(mail, recipient, envelope.sender, now)
            Mailbox(db, envelope.sender.lower()).add(
                mime.read(report), ["INBOX", "UNREAD"], int(now.timestamp() * 1000), ""
            )
