"""An SMTP server that only counts the mails of each address; it can fail on purpose.

It takes mail in clear text without a login. `refuse` answers this many mails, after `skip` that
went well, with 421 and hangs up, as Gmail does after too many; `drop_after` takes a mail and hangs
up without a reply.
"""

from __future__ import annotations

import contextlib
import re
import socketserver
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

_TO = re.compile(rb"(?i)^RCPT TO:\s*<([^>]+)>")
_SECONDS_IDLE = 60


@dataclass
class SmtpSink:
    """The received mails, and how to treat the next ones."""

    port: int
    latency_seconds: float
    copies: Counter[str] = field(default_factory=Counter)
    skip: int = 0
    refuse: int = 0
    drop_after: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def break_after(self, skip: int, *, refuse: int = 0, drop_after: int = 0) -> None:
        """After `skip` more mails, refuse this many, or take them without a reply."""
        with self._lock:
            self.skip, self.refuse, self.drop_after = skip, refuse, drop_after

    def take(self, recipients: list[str]) -> bytes:
        """The reply to a mail's last line; empty if the answer is lost."""
        time.sleep(self.latency_seconds)
        with self._lock:
            if self.skip:
                self.skip -= 1
            elif self.refuse:
                self.refuse -= 1
                return b"421 4.7.0 Too many mails, try again later\r\n"
            elif self.drop_after:
                self.drop_after -= 1
                self.copies.update(recipients)
                return b""
            self.copies.update(recipients)
        return b"250 2.0.0 OK\r\n"


@contextmanager
def smtp_sink(latency_seconds: float) -> Iterator[SmtpSink]:
    """A sink on a free port of this machine, while the block runs."""
    with _Server(("127.0.0.1", 0), _Conversation) as server:
        server.sink = SmtpSink(server.server_address[1], latency_seconds)
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield server.sink
        finally:
            server.shutdown()


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False
    sink: SmtpSink


class _Conversation(socketserver.StreamRequestHandler):
    timeout = _SECONDS_IDLE
    server: _Server

    def handle(self) -> None:
        """A conversation, until either side hangs up or is killed."""
        with contextlib.suppress(OSError):
            self._converse()

    def _converse(self) -> None:
        recipients: list[str] = []
        self.wfile.write(b"220 sink.example ESMTP\r\n")
        while line := self.rfile.readline(2048):
            verb = line[:4].upper()
            if verb == b"DATA":
                self.wfile.write(b"354 Go on\r\n")
                answer = self._take(recipients)
                self.wfile.write(answer)
                if not answer.startswith(b"250"):
                    return
                recipients = []
                continue
            found = _TO.match(line)
            if found:
                recipients.append(found[1].decode("ascii", "replace"))
            self.wfile.write(b"221 Bye\r\n" if verb == b"QUIT" else b"250 sink.example\r\n")
            if verb == b"QUIT":
                return

    def _take(self, recipients: list[str]) -> bytes:
        while line := self.rfile.readline():
            if line == b".\r\n":
                return self.server.sink.take(recipients)
        return b""
