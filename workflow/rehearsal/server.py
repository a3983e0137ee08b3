"""The HTTP/1.1 server that holds the rehearsal's sockets.

Werkzeug's own server closes the connection after each answer; a client of Google's keeps it open.
This one does so too, writes an answer in one piece, and can spoil it on the way as a drill asks.
"""

from __future__ import annotations

import logging
import socket
import sys
import time
from collections.abc import Callable, Iterable
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from threading import Lock
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from workflow.rehearsal.app import SECONDS_HEADER, SEVER_HEADER
from workflow.rehearsal.wire.pipeline import Pipeline

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication

_LOG = logging.getLogger("workflow.rehearsal")
_MAX_BODY_BYTES = 64 * 1024 * 1024
_IDLE_CONNECTION_SECONDS = 120
_NOT_HTTP = b"\x15\x03\x01 this is not HTTP\r\n\r\n"


class RehearsalServer(ThreadingHTTPServer):
    """Serves the app over a pipeline on loopback, a thread to a connection.

    The pipeline's `closing` is set when the server stops; whoever sleeps for a drill waits on it.
    """

    daemon_threads = True
    request_queue_size = 128
    allow_reuse_address = sys.platform != "win32"

    def __init__(self, app: WSGIApplication, pipeline: Pipeline, port: int) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.app = app
        self.pipeline = pipeline
        self._lock = Lock()
        self._connections: set[socket.socket] = set()
        self._busy = 0
        self._last_work = time.monotonic()

    @property
    def port(self) -> int:
        """The port that it listens on."""
        return int(self.server_address[1])

    def is_idle(self) -> bool:
        """Whether nothing has been asked for as long as the settings allow."""
        limit = self.pipeline.settings.idle_seconds
        with self._lock:
            waited = 0.0 if self._busy else time.monotonic() - self._last_work
        return 0 < limit < waited

    def stop(self) -> None:
        """Stops listening and closes every connection."""
        self.pipeline.closing.set()
        self.shutdown()
        self.server_close()
        with self._lock:
            for connection in self._connections:
                _shut(connection)

    def opened(self, connection: socket.socket) -> None:
        """Remembers a connection that is to be closed at the end."""
        with self._lock:
            self._connections.add(connection)

    def closed(self, connection: socket.socket) -> None:
        """Forgets a connection."""
        with self._lock:
            self._connections.discard(connection)

    def began(self) -> None:
        """Notes that a request is being answered."""
        with self._lock:
            self._busy += 1

    def finished(self) -> None:
        """Notes that a request was answered."""
        with self._lock:
            self._busy -= 1
            self._last_work = time.monotonic()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Logs; a client that went away is no news."""
        if not isinstance(sys.exc_info()[1], ConnectionError | TimeoutError):
            _LOG.exception("A connection failed.")


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = _IDLE_CONNECTION_SECONDS
    # Else the last small packet of an answer waits 40 ms for the client's acknowledgement.
    disable_nagle_algorithm = True
    server: RehearsalServer

    def setup(self) -> None:
        super().setup()
        self.server.opened(self.connection)

    def finish(self) -> None:
        self.server.closed(self.connection)
        super().finish()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        """Silent: the pipeline logs, and it knows what must not be in a log."""

    def _serve(self) -> None:
        self.server.began()
        try:
            self._answer()
        finally:
            self.server.finished()

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = do_OPTIONS = _serve  # noqa: N815

    def _answer(self) -> None:
        body = self._read_body()
        if body is None:
            return
        status, headers, content = _call(self.server.app, self._environ(body))
        sever = headers[SEVER_HEADER]
        if sever:
            self._sever(sever, float(headers[SECONDS_HEADER]), status, headers, content)
            return
        self.wfile.write(self._head(status, headers, len(content)) + content)

    def _read_body(self) -> bytes | None:
        length = self.headers.get("Content-Length", "0")
        if "Transfer-Encoding" in self.headers or not length.isdigit():
            self.close_connection = True
            self.send_error(411)
            return None
        if int(length) > _MAX_BODY_BYTES:
            self.close_connection = True
            self.send_error(413)
            return None
        return self.rfile.read(int(length))

    def _sever(
        self, how: str, seconds: float, status: str, headers: Message, content: bytes
    ) -> None:
        self.close_connection = True
        if how == "hang":
            self.server.pipeline.closing.wait(seconds)
        if how == "half":
            head = self._head(status, headers, len(content))
            self.wfile.write(head + content[: len(content) // 2])
        if how == "garbage":
            self.wfile.write(_NOT_HTTP)
        _shut(self.connection)

    def _head(self, status: str, headers: Message, length: int) -> bytes:
        lines = [f"HTTP/1.1 {status}", f"Date: {self.date_time_string()}"]
        lines += [f"{name}: {value}" for name, value in headers.items() if name not in _OURS]
        if not status.startswith("204"):
            lines.append(f"Content-Length: {length}")
        if self.close_connection:
            lines.append("Connection: close")
        return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n"

    def _environ(self, body: bytes) -> dict[str, Any]:
        path, _, query = self.path.partition("?")
        environ: dict[str, Any] = {
            "REQUEST_METHOD": self.command,
            "SCRIPT_NAME": "",
            "PATH_INFO": unquote(path, "latin-1"),
            "QUERY_STRING": query,
            "SERVER_NAME": "127.0.0.1",
            "SERVER_PORT": str(self.server.port),
            "SERVER_PROTOCOL": self.request_version,
            "REMOTE_ADDR": self.client_address[0],
            "CONTENT_LENGTH": str(len(body)),
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "http",
            "wsgi.input": BytesIO(body),
            "wsgi.errors": sys.stderr,
            "wsgi.multithread": True,
            "wsgi.multiprocess": False,
            "wsgi.run_once": False,
        }
        for name, value in self.headers.items():
            environ[f"HTTP_{name.upper().replace('-', '_')}"] = value
        return environ


_OURS = {SEVER_HEADER, SECONDS_HEADER, "Content-Length", "Connection", "Date"}


def _call(app: WSGIApplication, environ: dict[str, Any]) -> tuple[str, Message, bytes]:
    started: list[str] = []
    headers = Message()

    def start_response(
        status: str, listed: list[tuple[str, str]], _error: object = None
    ) -> Callable[[bytes], object]:
        started.append(status)
        for name, value in listed:
            headers[name] = value
        return lambda _data: None

    chunks = app(environ, _typed(start_response))
    try:
        content = b"".join(chunks)
    finally:
        _close(chunks)
    return started[-1], headers, content


def _typed(start_response: Any) -> StartResponse:
    typed: StartResponse = start_response
    return typed


def _close(chunks: Iterable[bytes]) -> None:
    close = getattr(chunks, "close", None)
    if close:
        close()


def _shut(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        return  # the client was faster
