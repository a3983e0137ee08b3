"""Serving the preview on this machine alone, at an address that can't be guessed."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

from workflow.preview.app import create_app
from workflow.preview.source import PreviewSource

_LOOPBACK = "127.0.0.1"
# The socket's own queue is enough for one person's browser; this is how soon a stop is noticed.
_POLL_SECONDS = 0.1


class _Quiet(WSGIRequestHandler):
    def log(self, type: str, message: str, *args: object) -> None:  # noqa: A002 - werkzeug's name
        """Says nothing: its lines would carry the secret address into the terminal's history."""


@dataclass(frozen=True)
class PreviewServer:
    """A server that listens already; its pages answer once `serve` runs."""

    address: str
    _server: BaseWSGIServer

    def serve(self) -> None:
        """Answer until Ctrl-C or `stop`."""
        self._server.serve_forever(_POLL_SECONDS)

    def stop(self) -> None:
        """End `serve`, which runs in another thread."""
        self._server.shutdown()


@contextmanager
def preview_server(source: PreviewSource) -> Iterator[PreviewServer]:
    """A server for these pages on a free port of the loopback, closed at the end."""
    token = secrets.token_urlsafe(32)
    server = make_server(
        _LOOPBACK, 0, create_app(source, token), threaded=True, request_handler=_Quiet
    )
    try:
        yield PreviewServer(f"http://{_LOOPBACK}:{server.port}/{token}/", server)
    finally:
        server.server_close()
