"""The rehearsal's mail relay: an SMTP server on this machine that forwards nothing.

As strict as RFC 5321 and Google's relay: the order of the commands, their grammar, the header. The
conversation is pure. An accepted mail is stored separately from every Gmail mailbox.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import hmac
import logging
import re
import socketserver
import sqlite3
import ssl
import sys
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

from google_rehearsal.gmail import mime
from google_rehearsal.gmail.mime import fails, failure_report
from google_rehearsal.gmail.world import Mailbox
from google_rehearsal.store import Settings, Store
from google_rehearsal.wire.connections import OwnConnections, shut
from google_rehearsal.wire.faults import (
    AFTER_BY_CONNECTION,
    BEFORE_BY_CONNECTION,
    SMTP_REPLIES,
    Fault,
)
from google_rehearsal.wire.pipeline import Pipeline

# --- The conversation -----------------------------------------------------------------------------

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


# --- The sockets ----------------------------------------------------------------------------------

_LOG = logging.getLogger("google_rehearsal")
_IDLE_SECONDS = 120
_LONGEST_READ = 1 << 16
_METHODS = {"MAIL": "smtp.mail", "RCPT": "smtp.rcpt", "DATA": "smtp.data", "AUTH": "smtp.auth"}


class RelayServer(OwnConnections, socketserver.ThreadingTCPServer):
    """Accept mail on loopback. `context` is for STARTTLS, if `rules` offer it.

    It shares the pipeline's faults, settings, clock and log with the rest of the rehearsal; its
    methods there are `smtp.connect`, `smtp.auth`, `smtp.mail`, `smtp.rcpt`, `smtp.data`, and
    `smtp.message` for the whole mail.
    """

    daemon_threads = True
    request_queue_size = 64

    def __init__(
        self,
        pipeline: Pipeline,
        rules: Rules | None = None,
        *,
        context: ssl.SSLContext | None = None,
        port: int = 0,
    ) -> None:
        super().__init__(("127.0.0.1", port), _Client)
        self.pipeline = pipeline
        self.rules = rules or Rules()
        self.context = context
        self.relayed = RelayedMail(pipeline.store)

    def handle_error(self, request: object, client_address: object) -> None:
        """Log the error; a client that disconnected is not logged."""
        del request, client_address
        if not isinstance(sys.exc_info()[1], OSError | _Severed):
            _LOG.exception("A connection of the relay failed.")


class _Severed(Exception):
    """A drill has broken the connection."""


class _Client(socketserver.StreamRequestHandler):
    timeout = _IDLE_SECONDS
    disable_nagle_algorithm = True
    server: RelayServer

    def setup(self) -> None:
        super().setup()
        self.server.opened(self.connection)

    def finish(self) -> None:
        self.server.closed(self.connection)
        with contextlib.suppress(OSError):
            super().finish()
            self.connection.close()

    def handle(self) -> None:
        self._conversation = Conversation(self.server.rules)
        with contextlib.suppress(_Severed, TimeoutError):
            fault = self._fault("smtp.connect")
            greeting = _said(fault) or "220 smtp-relay.rehearsal.example ESMTP rehearsal"
            self._note("smtp.connect", greeting)
            self._reply(greeting, fault)
            goes_on = greeting.startswith("220")
            while goes_on:
                goes_on = self._answer(self.rfile.readline(_LONGEST_READ))

    def _answer(self, line: bytes) -> bool:
        """Answer one line; False if the conversation ends."""
        if not line:
            return False
        word = line[:4].decode("latin-1").upper()
        fault = self._fault(_METHODS[word]) if word in _METHODS else None
        reply = _said(fault) or self._conversation.answer(line)
        self._note(_METHODS.get(word), reply)
        self._reply(reply, fault)
        if reply.startswith("354"):
            return self._take_mail()
        if word == "STAR" and reply.startswith("220"):
            self._encrypt()
        return not reply.startswith(("221", "421"))

    def _take_mail(self) -> bool:
        content = self._read_mail()
        envelope = replace(self._conversation.taken(), content=content)
        fault = self._fault("smtp.message", at_the_end=True)
        reply = _said(fault) or self._judged(envelope)
        self._note("smtp.message", reply, envelope.sender)
        self._reply(reply, fault)
        return not reply.startswith("421")

    def _judged(self, envelope: Envelope) -> str:
        if len(envelope.content) > MAX_BYTES:
            return "552 5.3.4 Your message exceeded Google's message size limits"
        if problem := refusal(envelope):
            return problem
        pipeline = self.server.pipeline
        now = datetime.fromtimestamp(pipeline.clock(), UTC)
        kept = self.server.relayed.keep(envelope, pipeline.settings, now)
        return f"250 2.0.0 OK {int(now.timestamp())} {kept} - gsmtp"

    def _read_mail(self) -> bytes:
        """The content after DATA, with its dots unstuffed (RFC 5321, 4.5.2)."""
        lines: list[bytes] = []
        size = 0
        while (line := self.rfile.readline(_LONGEST_READ)) != b".\r\n":
            if not line:
                raise _Severed
            size += len(line)
            if size <= MAX_BYTES + _LONGEST_READ:
                lines.append(line[1:] if line.startswith(b".") else line)
        return b"".join(lines)

    def _encrypt(self) -> None:
        assert self.server.context is not None  # noqa: S101 - a server that offers TLS has one
        self.server.closed(self.connection)
        self.connection = self.server.context.wrap_socket(self.connection, server_side=True)
        self.server.opened(self.connection)
        self.rfile = self.connection.makefile("rb")
        self.wfile = socketserver._SocketWriter(self.connection)  # type: ignore[attr-defined]
        self._conversation.encrypted()

    # Faults

    def _fault(self, method: str, *, at_the_end: bool = False) -> Fault | None:
        """The fault for this step. One that comes before the work is carried out at once."""
        pipeline = self.server.pipeline
        fault = pipeline.faults.take(method)
        delay = pipeline.settings.latency_seconds if at_the_end else 0.0
        if fault is not None and fault.kind == "slow":
            delay += fault.seconds
        if delay:
            pipeline.closing.wait(delay)
        if fault is not None and fault.kind in BEFORE_BY_CONNECTION:
            self._note(method, fault.kind)
            self._sever(BEFORE_BY_CONNECTION[fault.kind], fault, "")
        return fault

    def _reply(self, reply: str, fault: Fault | None) -> None:
        if fault is not None and fault.kind in AFTER_BY_CONNECTION:
            self._sever(AFTER_BY_CONNECTION[fault.kind], fault, reply)
        self.wfile.write(f"{reply}\r\n".encode())

    def _sever(self, how: str, fault: Fault, reply: str) -> None:
        if how == "hang":
            self.server.pipeline.closing.wait(fault.seconds)
        if how == "half":
            self.wfile.write(reply[:2].encode())
        if how == "garbage":
            self.wfile.write(b"\x15\x03\x01 this is not SMTP\r\n")
        shut(self.connection)
        raise _Severed

    def _note(self, method: str | None, reply: str, account: str = "") -> None:
        if method is not None:
            self.server.pipeline.log.add(method, reply[:3], account)


def _said(fault: Fault | None) -> str:
    """A fault's reply instead of the work, "" if its kind has none."""
    return SMTP_REPLIES.get(fault.kind, "") if fault is not None else ""


__all__ = ["RelayServer", "Rules"]
