"""One client's SMTP conversation: allowed commands and replies (RFC 5321); and accepted mails.

The conversation is pure. An accepted mail is stored separately from every Gmail mailbox.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import re
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

from google_rehearsal.gmail import mime
from google_rehearsal.gmail.mime import fails, failure_report
from google_rehearsal.gmail.world import Mailbox
from google_rehearsal.store import Settings, Store

MAX_BYTES = 35_882_577  # what Google's servers announce as SIZE
_MAX_RECIPIENTS = 100  # per transaction: Google's help page on the SMTP relay's errors
_MAX_COMMAND = 2048  # RFC 5321, 4.5.3.1.4 has 512; extensions add to it
_LOCAL = r"(?:[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]+|\"(?:[ !#-\[\]-~]|\\[ -~])*\")"
_DOMAIN = r"(?:[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?\.)*[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
_PATH = rf"<(?P<address>{_LOCAL}@{_DOMAIN}|)>(?P<more>(?: [A-Z0-9-]+(?:=[!-<>-~]+)?)*)"
_FROM = re.compile(rf"FROM:{_PATH}", re.IGNORECASE)
_TO = re.compile(rf"TO:{_PATH}", re.IGNORECASE)
_HELLO = re.compile(rf"{_DOMAIN}|\[[0-9A-Za-z.:]+\]")


@dataclass(frozen=True)
class Rules:
    """The server's rules for a client. Without `user` nobody has to sign in.

    `offers_tls`: STARTTLS is announced, and mail is accepted only over it.
    """

    user: str = ""
    password: str = ""
    offers_tls: bool = False


@dataclass(frozen=True)
class Envelope:
    """A mail as it was handed over: the return path, the recipients, and the content after DATA."""

    sender: str
    recipients: tuple[str, ...]
    content: bytes


@dataclass
class Conversation:
    """The state of a conversation. `answer` takes one line and returns the reply's lines."""

    rules: Rules
    greeted: bool = False
    is_encrypted: bool = False
    signed_in: bool = False
    sender: str | None = None
    recipients: list[str] = field(default_factory=list)
    _awaits: Callable[[bytes], str] | None = None
    _name: str = ""

    def answer(self, line: bytes) -> str:
        """The reply to a command, without its last line end. 354 asks for the mail, 221 ends it."""
        if not line.endswith(b"\r\n") or b"\r" in line[:-2] or len(line) > _MAX_COMMAND:
            return "500 5.5.2 A command is one line that ends with CRLF"
        if self._awaits is not None:
            awaits, self._awaits = self._awaits, None
            return awaits(line[:-2])
        if not line.isascii():
            return "501 5.5.4 This server speaks ASCII: SMTPUTF8 is not offered"
        word, _, rest = line[:-2].decode("ascii").partition(" ")
        command = _COMMANDS.get(word.upper())
        return command(self, rest) if command else "502 5.5.1 Unrecognized command"

    def taken(self) -> Envelope:
        """Reset the envelope after a mail was accepted."""
        envelope = Envelope(self.sender or "", tuple(self.recipients), b"")
        self.sender, self.recipients = None, []
        return envelope

    def encrypted(self) -> None:
        """TLS has started: forget everything said before it (RFC 3207, 4.2)."""
        self.is_encrypted, self.greeted, self.signed_in = True, False, False
        self.taken()

    def _ehlo(self, rest: str) -> str:
        if not _HELLO.fullmatch(rest):
            return "501 5.5.4 EHLO needs a host name or an address literal"
        self.greeted = True
        self.taken()
        offers = [f"SIZE {MAX_BYTES}", "8BITMIME", "ENHANCEDSTATUSCODES"]
        if self.rules.offers_tls and not self.is_encrypted:
            offers.append("STARTTLS")
        if self.rules.user and self._is_safe():
            offers.append("AUTH PLAIN LOGIN")
        lines = ["smtp-relay.rehearsal.example at your service", *offers]
        return "\r\n".join([*(f"250-{each}" for each in lines[:-1]), f"250 {lines[-1]}"])

    def _helo(self, rest: str) -> str:
        answer = self._ehlo(rest)
        return answer if answer.startswith("5") else "250 smtp-relay.rehearsal.example"

    def _starttls(self, rest: str) -> str:
        if not self.rules.offers_tls or self.is_encrypted:
            return "502 5.5.1 Unrecognized command"
        return "501 5.5.4 STARTTLS takes no argument" if rest else "220 2.0.0 Ready to start TLS"

    def _auth(self, rest: str) -> str:
        method, _, initial = rest.partition(" ")
        if not (self.greeted and self.rules.user and self._is_safe()):
            return "503 5.5.1 AUTH is not offered here and now"
        if self.signed_in:
            return "503 5.5.1 Signed in already"
        ways = {"PLAIN": (self._plain, ""), "LOGIN": (self._login_name, "VXNlcm5hbWU6")}
        if method.upper() not in ways:
            return "504 5.5.4 Unrecognized Authentication Type"
        said, prompt = ways[method.upper()]
        if initial:
            return said(initial.encode("ascii"))
        self._awaits = said
        return f"334 {prompt}"

    def _plain(self, line: bytes) -> str:
        parts = _decoded(line).split("\0")
        return self._check(parts[1], parts[2]) if len(parts) == 3 else "501 5.5.2 Cannot decode"

    def _login_name(self, line: bytes) -> str:
        self._name = _decoded(line)
        self._awaits = self._login_password
        return "334 UGFzc3dvcmQ6"

    def _login_password(self, line: bytes) -> str:
        return self._check(self._name, _decoded(line))

    def _check(self, user: str, password: str) -> str:
        same = hmac.compare_digest(password.encode(), self.rules.password.encode())
        if user != self.rules.user or not same:
            return "535 5.7.8 Username and Password not accepted"
        self.signed_in = True
        return "235 2.7.0 Accepted"

    def _mail(self, rest: str) -> str:
        found = _FROM.fullmatch(rest)
        if not self.greeted:
            return "503 5.5.1 EHLO/HELO first"
        if not self._is_safe():
            return "530 5.7.0 Must issue a STARTTLS command first"
        if self.rules.user and not self.signed_in:
            return "530 5.7.0 Authentication Required"
        if self.sender is not None:
            return "503 5.5.1 A mail is under way: RSET first"
        if found is None:
            return "555 5.5.2 Syntax error"
        problem = _problem_with(found["more"].upper().split())
        if not problem:
            self.sender = found["address"]
        return problem or "250 2.1.0 OK"

    def _rcpt(self, rest: str) -> str:
        found = _TO.fullmatch(rest)
        if self.sender is None:
            return "503 5.5.1 MAIL first"
        if found is None or not found["address"] or found["more"]:
            return "553 5.1.2 We weren't able to find the recipient domain"
        if len(self.recipients) >= _MAX_RECIPIENTS:
            return "452 4.5.3 Your message has too many recipients"
        self.recipients.append(found["address"])
        return "250 2.1.5 OK"

    def _data(self, rest: str) -> str:
        if self.sender is None:
            return "503 5.5.1 MAIL first"
        if not self.recipients:
            return "503 5.5.1 RCPT first"
        return "501 5.5.4 DATA takes no argument" if rest else "354 Go ahead"

    def _rset(self, _rest: str) -> str:
        self.taken()
        return "250 2.1.5 Flushed"

    def _noop(self, _rest: str) -> str:
        return "250 2.0.0 OK"

    def _quit(self, _rest: str) -> str:
        return "221 2.0.0 closing connection"

    def _is_safe(self) -> bool:
        return self.is_encrypted or not self.rules.offers_tls


def _problem_with(parameters: list[str]) -> str:
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name == "SIZE" and value.isdecimal():
            if int(value) > MAX_BYTES:
                return "552 5.3.4 Your message exceeded Google's message size limits"
        elif name != "BODY" or value not in {"7BIT", "8BITMIME"}:
            return "555 5.5.4 Unsupported parameter"
    return ""


def _decoded(line: bytes) -> str:
    try:
        return base64.b64decode(line, validate=True).decode("utf-8")
    except (binascii.Error, UnicodeDecodeError):
        return ""


_COMMANDS: dict[str, Callable[[Conversation, str], str]] = {
    "EHLO": Conversation._ehlo,
    "HELO": Conversation._helo,
    "STARTTLS": Conversation._starttls,
    "AUTH": Conversation._auth,
    "MAIL": Conversation._mail,
    "RCPT": Conversation._rcpt,
    "DATA": Conversation._data,
    "RSET": Conversation._rset,
    "NOOP": Conversation._noop,
    "QUIT": Conversation._quit,
}


# No Gmail account can have this name: a relay's mails are in no Sent folder.
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
    """The reply to a refused mail; "" if it is accepted."""
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
    """The mails that the relay accepted, in the rehearsal's store."""

    def __init__(self, store: Store) -> None:
        self._store = store
        with store.transaction() as db:
            db.execute(_ENVELOPES)

    def keep(self, envelope: Envelope, settings: Settings, now: datetime) -> str:
        """Store a mail, with the relay's trace above it. Returns the id that its reply names.

        A mail to a failing address bounces to the sender's own mailbox.
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
