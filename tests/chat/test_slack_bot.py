"""A bot's token is sent to its own host only, once, whatever the host answers."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from workflow.chat.posting import PostState
from workflow.chat.slack import post_message

TOKEN = "xoxb-rehearsal"
OK = b'{"ok": true, "ts": "1.2"}'


@dataclass
class Host:
    """A server that records its requests, and gives the same answer to all."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = OK
    asked: list[str] = field(default_factory=list)
    url: str = ""


@contextmanager
def answering(host: Host) -> Iterator[Host]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", "0")))
            host.asked.append(f"{self.command} {self.path} {self.headers.get('Authorization')}")
            self.send_response(host.status)
            for name, value in host.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(host.body)))
            self.end_headers()
            self.wfile.write(host.body)

        do_GET = do_POST  # noqa: N815 - the name that http.server looks for

        def log_message(self, *_: object) -> None:
            """Print nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    host.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield host
    finally:
        server.shutdown()
        server.server_close()
        thread.join(timeout=10)


def outcome(host: Host) -> PostState:
    api_url = f"{host.url}/api/"
    return post_message(TOKEN, "#c", "x", api_url=api_url, timeout_seconds=5).outcome


@pytest.fixture
def other() -> Iterator[Host]:
    """A host that must not get the token."""
    with answering(Host()) as host:
        yield host


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_takes_the_token_nowhere(status: int, other: Host) -> None:
    with answering(Host(status, {"Location": f"{other.url}/elsewhere"}, b"")) as slack:
        assert outcome(slack) is PostState.UNKNOWN
    assert slack.asked == [f"POST /api/chat.postMessage Bearer {TOKEN}"]
    assert other.asked == []


def test_a_stand_in_on_this_machine_is_told_without_a_proxy(
    other: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy"):
        monkeypatch.setenv(name, other.url)
    with answering(Host()) as slack:
        assert outcome(slack) is PostState.TOLD
    assert other.asked == []


@pytest.mark.parametrize("status", [200, 400, 503])
@pytest.mark.parametrize("body", [b"", b"[]", b"null", b"\xff", b"<html>", b"[" * 100_000])
def test_an_answer_that_is_not_slacks_leaves_it_unknown(status: int, body: bytes) -> None:
    headers = {"Content-Type": "application/json; charset=no-such"}
    with answering(Host(status, headers, body)) as slack:
        assert outcome(slack) is PostState.UNKNOWN
    assert len(slack.asked) == 1


def test_a_plain_no_of_slack_is_a_refusal() -> None:
    with answering(Host(200, {}, b'{"ok": false, "error": "not_in_channel"}')) as slack:
        assert outcome(slack) is PostState.REFUSED
    with answering(Host(429, {"Retry-After": "7"}, b"")) as slack:
        assert outcome(slack) is PostState.NOT_NOW
