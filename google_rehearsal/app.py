"""The rehearsal Google as a WSGI app, and the HTTP/1.1 server for it.

The app has Google's paths, the control API and the web pages. Werkzeug's own server closes the
connection after each answer, but Google keeps it open. This server does too, sends an answer in one
piece, and can break it on the way if a drill asks for that.
"""

from __future__ import annotations

import logging
import re
import secrets
import sys
import time
from collections.abc import Callable, Iterable
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from flask import Flask, Response, request
from werkzeug.exceptions import InternalServerError

from google_rehearsal import admin, page_views, webhooks
from google_rehearsal.docs.methods import Documents
from google_rehearsal.drive.methods import Drive
from google_rehearsal.gmail.methods import gmail_api
from google_rehearsal.lifecycle import make_private
from google_rehearsal.oauth.grants import Grants
from google_rehearsal.oauth.views import blueprint as oauth_blueprint
from google_rehearsal.page_views import StoredWorld
from google_rehearsal.people import People
from google_rehearsal.store import Settings, Store, read_settings
from google_rehearsal.visitors import admit_by_secret, ensure_secret
from google_rehearsal.wire.admission import invalid_credentials
from google_rehearsal.wire.connections import OwnConnections, shut
from google_rehearsal.wire.errors import GoogleError, internal, not_rehearsed
from google_rehearsal.wire.pipeline import Pipeline, WireAnswer, WireRequest, as_json

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication


# The server acts on these headers and doesn't send them.
SEVER_HEADER = "X-Rehearsal-Sever"
SECONDS_HEADER = "X-Rehearsal-Seconds"
_EXTENSION = "rehearsal"
_VERBS = ["GET", "POST", "PUT", "PATCH", "DELETE"]
_HOSTS = {"127.0.0.1", "localhost", "[::1]"}
_MAX_BODY_BYTES = 64 * 1024 * 1024


def create_app(
    folder: Path,
    settings: Settings | None = None,
    *,
    key: str = "",
    asks_for_secret: bool = False,
) -> Flask:
    """The app over the store in `folder`, which is created if missing.

    Without `settings`, the folder's `settings.json` counts. `key` opens the control API; by default
    a random one. `asks_for_secret`: every caller must show the folder's secret, see `visitors`.
    Raises `ValueError` for invalid settings.
    """
    make_private(folder)
    store = Store(folder)
    documents = Documents()
    pipeline = Pipeline(
        store,
        {"docs": documents.api(), "drive": Drive(documents).api(), "gmail": gmail_api()},
        settings or read_settings(folder),
    )
    grants = Grants(store, pipeline.clock)
    pipeline.holder_of = grants.holder_of
    app = Flask("google_rehearsal", static_folder=None)
    app.url_map.merge_slashes = False
    app.config["MAX_CONTENT_LENGTH"] = _MAX_BODY_BYTES
    app.extensions[_EXTENSION] = pipeline
    app.before_request(_check_host)
    admit_by_secret(
        app,
        ensure_secret(folder),
        asks=asks_for_secret,
        is_issued=lambda token: grants.holder_of(token) is not None,
        refused=lambda: _response(_refusal(invalid_credentials())),
    )
    app.register_blueprint(admin.blueprint(pipeline, documents, key or secrets.token_urlsafe(24)))
    app.register_blueprint(
        page_views.blueprint(
            StoredWorld(store, documents),
            People(pipeline),
            lambda: pipeline.settings.drafts_sent_by_hand,
        )
    )
    app.register_blueprint(oauth_blueprint(pipeline, grants, folder))
    app.register_blueprint(webhooks.blueprint(pipeline))
    _serve_google(app, pipeline)
    return app


def pipeline_of(app: Flask) -> Pipeline:
    """The pipeline behind an app that `create_app` made."""
    pipeline = app.extensions[_EXTENSION]
    assert isinstance(pipeline, Pipeline)  # noqa: S101 - set above, and only there
    return pipeline


def _serve_google(app: Flask, pipeline: Pipeline) -> None:
    @app.route("/batch", methods=_VERBS, defaults={"rest": ""})
    @app.route("/batch/<path:rest>", methods=_VERBS)
    def batch(rest: str) -> Response:
        return _response(_refusal(not_rehearsed(f"The batch endpoint /batch/{rest}")))

    @app.route("/<path:rest>", methods=_VERBS)
    def google(rest: str) -> Response:
        return _response(pipeline.answer(_wire_request(rest)))

    @app.errorhandler(InternalServerError)
    def defect(error: InternalServerError) -> Response:
        cause = error.original_exception
        sentence = f"Defect of the rehearsal Google: {type(cause).__name__} at {request.path}"
        pipeline.log.add_defect(sentence)
        return _response(_refusal(internal(sentence)))


def _wire_request(rest: str) -> WireRequest:
    return WireRequest(
        verb=request.method,
        path=f"/{rest}",
        query=request.args.to_dict(flat=False),
        body=request.get_data(),
        content_type=request.headers.get("Content-Type", ""),
        authorization=request.headers.get("Authorization", ""),
        verb_override=request.headers.get("X-HTTP-Method-Override", ""),
        base_url=request.host_url.rstrip("/"),
        target=request.full_path.removesuffix("?"),
    )


def _check_host() -> Response | None:
    # A page on the internet may point its own domain at 127.0.0.1, so check the Host header.
    host = request.host
    name = host if host.endswith("]") else host.rpartition(":")[0] or host
    if name in _HOSTS:
        return None
    return _response(as_json({"error": "This server answers only as 127.0.0.1."}, 403))


def _refusal(error: GoogleError) -> WireAnswer:
    return as_json(error.body("gmail"), error.code)


def _response(answer: WireAnswer) -> Response:
    response = Response(answer.body, answer.status, dict(answer.headers))
    if answer.sever:
        response.headers[SEVER_HEADER] = answer.sever
        response.headers[SECONDS_HEADER] = str(answer.hang_seconds)
    return response


_LOG = logging.getLogger("google_rehearsal")

_IDLE_CONNECTION_SECONDS = 120
_LENGTH = re.compile("[0-9]{1,20}")
_NOT_HTTP = b"\x15\x03\x01 this is not HTTP\r\n\r\n"


class RehearsalServer(OwnConnections, ThreadingHTTPServer):
    """Serve the app over a pipeline on loopback, with a thread for each connection.

    The pipeline's `closing` is set when the server stops; a sleeping call waits on it.
    """

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, app: WSGIApplication, pipeline: Pipeline, port: int) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.app = app
        self.pipeline = pipeline
        self._busy = 0
        self._last_work = time.monotonic()

    def is_idle(self) -> bool:
        """Whether there was no request for as long as the settings allow."""
        limit = self.pipeline.settings.idle_seconds
        with self._lock:
            waited = 0.0 if self._busy else time.monotonic() - self._last_work
        return 0 < limit < waited

    def stop(self) -> None:
        """Stop listening and close every connection."""
        self.pipeline.closing.set()
        super().stop()

    def began(self) -> None:
        """Note that a request is being answered."""
        with self._lock:
            self._busy += 1

    def finished(self) -> None:
        """Note that a request was answered."""
        with self._lock:
            self._busy -= 1
            self._last_work = time.monotonic()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Log the error; a client that disconnected is not logged."""
        if not isinstance(sys.exc_info()[1], ConnectionError | TimeoutError):
            _LOG.exception("A connection failed.")


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = _IDLE_CONNECTION_SECONDS
    # Otherwise the last small packet of an answer waits 40 ms for the client's acknowledgement.
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
        if "Transfer-Encoding" in self.headers or not _LENGTH.fullmatch(length):
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
        shut(self.connection)

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
