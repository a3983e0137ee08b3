"""The relay's sockets: a thread for each connection, and a drill's faults."""

from __future__ import annotations

import contextlib
import logging
import socket
import socketserver
import ssl
import sys
from dataclasses import replace
from datetime import UTC, datetime
from threading import Lock
from typing import Any

from google_rehearsal.peers import is_of_somebody_else
from google_rehearsal.smtp.conversation import (
    MAX_BYTES,
    Conversation,
    Envelope,
    RelayedMail,
    Rules,
    refusal,
)
from google_rehearsal.wire.faults import (
    AFTER_BY_CONNECTION,
    BEFORE_BY_CONNECTION,
    SMTP_REPLIES,
    Fault,
)
from google_rehearsal.wire.pipeline import Pipeline

_LOG = logging.getLogger("google_rehearsal")
_IDLE_SECONDS = 120
_LONGEST_READ = 1 << 16
_METHODS = {"MAIL": "smtp.mail", "RCPT": "smtp.rcpt", "DATA": "smtp.data", "AUTH": "smtp.auth"}


class RelayServer(socketserver.ThreadingTCPServer):
    """Accept mail on loopback. `context` is for STARTTLS, if `rules` offer it.

    It shares the pipeline's faults, settings, clock and log with the rest of the rehearsal; its
    methods there are `smtp.connect`, `smtp.auth`, `smtp.mail`, `smtp.rcpt`, `smtp.data`, and
    `smtp.message` for the whole mail.
    """

    daemon_threads = True
    request_queue_size = 64
    allow_reuse_address = sys.platform != "win32"

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
        self._lock = Lock()
        self._connections: set[socket.socket] = set()

    @property
    def port(self) -> int:
        """The port that it listens on."""
        return int(self.server_address[1])

    def stop(self) -> None:
        """Stop listening and close every connection."""
        self.shutdown()
        self.server_close()
        with self._lock:
            for connection in self._connections:
                _shut(connection)

    def verify_request(self, request: Any, client_address: Any) -> bool:
        """Reject other users of this machine."""
        del client_address
        return not is_of_somebody_else(request)

    def opened(self, connection: socket.socket) -> None:
        """Remember a connection, to close it at the end."""
        with self._lock:
            self._connections.add(connection)

    def closed(self, connection: socket.socket) -> None:
        """Forget a connection."""
        with self._lock:
            self._connections.discard(connection)

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
        _shut(self.connection)
        raise _Severed

    def _note(self, method: str | None, reply: str, account: str = "") -> None:
        if method is not None:
            self.server.pipeline.log.add(method, reply[:3], account)


def _said(fault: Fault | None) -> str:
    """A fault's reply instead of the work, "" if its kind has none."""
    return SMTP_REPLIES.get(fault.kind, "") if fault is not None else ""


def _shut(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
