"""The browser's way back: a listener on this machine for the answer of the consent page."""

from __future__ import annotations

import hmac
import queue
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self
from urllib.parse import parse_qsl, urlsplit

from workflow.google.faults import SignInNeeded

_PAGE = """<!doctype html><html lang="en"><meta charset="utf-8">
<meta name="viewport" content="width=device-width"><title>postmortem</title>
<style>body{font:1.1rem/1.5 system-ui;margin:15vh auto;max-width:28rem;padding:0 1rem;
color-scheme:light dark}</style>
<p>That's all here. Close this window and go back to the terminal.</p></html>"""


class RedirectListener:
    """Listens on 127.0.0.1 until the right answer comes; what else comes is turned away.

    A browser asks for a favicon, a port scan for nothing: neither may eat the answer, nor hold
    up the one that brings it. `port` 0 takes a free one. Raises SignInNeeded for a taken port.
    """

    def __init__(self, port: int) -> None:
        answers: queue.Queue[dict[str, str]] = queue.Queue()

        class Handler(BaseHTTPRequestHandler):
            timeout = 10

            def do_GET(self) -> None:
                query = dict(parse_qsl(urlsplit(self.path).query))
                if "state" not in query:
                    self.send_error(404)
                    return
                page = _PAGE.encode()
                self.send_response(200)
                self.send_header("Content-Type", "text/html; charset=utf-8")
                self.send_header("Content-Length", str(len(page)))
                self.send_header("Cache-Control", "no-store")
                self.end_headers()
                self.wfile.write(page)
                answers.put(query)

            def log_message(self, *_: object) -> None:
                """Say nothing: the line would hold the one-time code."""

        try:
            self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        except OSError as fault:
            raise SignInNeeded(
                f"Port {port} is taken by another program. Choose another one.",
                detail=repr(fault),
            ) from fault
        self._answers = answers

    @property
    def redirect_uri(self) -> str:
        """Where Google is to send the browser. A desktop client may name any port."""
        return f"http://127.0.0.1:{self._server.server_port}/"

    def wait(self, state: str, timeout_seconds: float) -> dict[str, str]:
        """The answer that carries `state`: a `code`, or an `error`. Raises SignInNeeded."""
        deadline = time.monotonic() + timeout_seconds
        while True:
            try:
                answer = self._answers.get(timeout=max(0, deadline - time.monotonic()))
            except queue.Empty as fault:
                raise SignInNeeded(
                    "Nobody finished the sign-in in the browser in time."
                    " Run `postmortem auth login` again."
                ) from fault
            if hmac.compare_digest(answer["state"].encode(), state.encode()):
                return answer

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
