"""A lenient Gmail, for benches in which the strict one would be the bottleneck.

It answers drafts create, get and send, messages send, about.get and the two Docs calls for a
notice's copy, each after a fixed latency, and counts. It checks nothing: no schema, quota, fault or
token; a doc is always the same empty one, and writes to it are dropped. It only reads a mail's
`To`, to count the mails for each address.
"""

from __future__ import annotations

import asyncio
import base64
import json
import re
import resource
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import requests

Answer = tuple[int, dict[str, Any]]

_IDS = re.compile(r"/(r-\d+|doc1)\b")
_USER = re.compile(r"/users/[^/]+/")
_TO = re.compile(rb"^To: (?:[^\r\n]|\r\n[ \t])*", re.MULTILINE)
_ADDRESS = re.compile(rb"[^\s<>]+@[^\s<>]+")
# Enough of a mail's base64 to include its headers; whole groups of four.
_HEAD = 4096


@dataclass
class LightGoogle:
    """The mailbox: drafts by id, and how many mails each address has."""

    latency_seconds: float = 0.0
    drafts: dict[str, bytes] = field(default_factory=dict)
    mails: Counter[bytes] = field(default_factory=Counter)
    calls: Counter[str] = field(default_factory=Counter)
    in_flight: int = 0
    most_in_flight: int = 0
    sent_between: list[float] = field(default_factory=list)

    def answer(self, verb: str, path: str, body: bytes) -> Answer:
        """Status and JSON for one request."""
        name = f"{verb} {_USER.sub('/users/me/', _IDS.sub('/ID', path))}"
        self.calls[name] += 1
        reply = _REPLIES.get(name)
        if reply is None:
            return 501, {"error": {"code": 501, "message": f"the light Google lacks {name}"}}
        return reply(self, path, body)

    def about(self, _path: str, _body: bytes) -> Answer:
        """Drive's about.get."""
        return 200, {"user": {"emailAddress": "you@light.example", "displayName": "You"}}

    def create_draft(self, _path: str, body: bytes) -> Answer:
        """Gmail's drafts.create."""
        number = self.calls["POST /gmail/v1/users/me/drafts"]
        draft = f"r-{number}"
        self.drafts[draft] = _recipient(json.loads(body)["message"]["raw"])
        return 200, {"id": draft, "message": {"id": f"m{number}", "threadId": f"t{number}"}}

    def send_draft(self, _path: str, body: bytes) -> Answer:
        """Gmail's drafts.send: a sent draft is gone."""
        recipient = self.drafts.pop(json.loads(body)["id"], None)
        return _GONE if recipient is None else self._sent(recipient)

    def get_draft(self, path: str, _body: bytes) -> Answer:
        """Gmail's drafts.get."""
        draft = path.rpartition("/")[2]
        return (200, {"id": draft}) if draft in self.drafts else _GONE

    def send_message(self, _path: str, body: bytes) -> Answer:
        """Gmail's messages.send."""
        return self._sent(_recipient(json.loads(body)["raw"]))

    def create_file(self, _path: str, _body: bytes) -> Answer:
        """Drive's files.create."""
        return 200, {"id": "doc1", "webViewLink": "https://docs.google.com/document/d/doc1/edit"}

    def get_document(self, _path: str, _body: bytes) -> Answer:
        """Docs' documents.get: one tab with one empty paragraph."""
        paragraph = {"elements": [{"startIndex": 1, "endIndex": 2, "textRun": {"content": "\n"}}]}
        content = [{"startIndex": 1, "endIndex": 2, "paragraph": paragraph}]
        tab = {"tabProperties": {"tabId": "t.0"}, "documentTab": {"body": {"content": content}}}
        return 200, {"documentId": "doc1", "revisionId": "1", "tabs": [tab]}

    def update_document(self, _path: str, body: bytes) -> Answer:
        """Docs' documents.batchUpdate, which is dropped."""
        replies: list[dict[str, Any]] = [{} for _ in json.loads(body)["requests"]]
        return 200, {"replies": replies, "writeControl": {"requiredRevisionId": "1"}}

    def counts(self, _path: str, _body: bytes) -> Answer:
        """The counts for the bench."""
        used = resource.getrusage(resource.RUSAGE_SELF)
        return 200, {
            "mails": self.mails.total(),
            "duplicates": self.mails.total() - len(self.mails),
            "calls": dict(self.calls),
            "most_in_flight": self.most_in_flight,
            "sending_seconds": self.sent_between[-1] - self.sent_between[0]
            if self.sent_between
            else 0.0,
            "cpu_seconds": used.ru_utime + used.ru_stime,
        }

    def _sent(self, recipient: bytes) -> Answer:
        self.mails[recipient] += 1
        self.sent_between = [*self.sent_between[:1], time.monotonic()]
        number = sum(self.calls[name] for name in _SENDS)
        return 200, {"id": f"s{number}", "threadId": f"t{number}", "labelIds": ["SENT"]}

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, kept open as long as the client wants."""
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                await self._serve_one(head, reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        finally:
            writer.close()

    async def _serve_one(
        self, head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        verb, target, _ = head.split(b"\r\n", 1)[0].decode("ascii").split(" ")
        # A GET with too long an address comes as a POST.
        verb = "GET" if b"-method-override: get\r\n" in head.lower() else verb
        length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
        body = await reader.readexactly(int(length[1])) if length else b""
        path = target.partition("?")[0]
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        if self.latency_seconds and not path.startswith("/light/"):
            await asyncio.sleep(self.latency_seconds)
        self.in_flight -= 1
        status, answer = self.answer(verb, path, body)
        content = json.dumps(answer).encode()
        writer.write(
            b"HTTP/1.1 %d -\r\nContent-Type: application/json; charset=UTF-8\r\n"
            b"Content-Length: %d\r\n\r\n" % (status, len(content)) + content
        )
        await writer.drain()


_SENDS = ("POST /gmail/v1/users/me/drafts/send", "POST /gmail/v1/users/me/messages/send")
_GONE: Answer = (
    404,
    {"error": {"code": 404, "message": "Requested entity was not found.", "status": "NOT_FOUND"}},
)
_REPLIES = {
    "GET /drive/v3/about": LightGoogle.about,
    "POST /drive/v3/files": LightGoogle.create_file,
    "POST /gmail/v1/users/me/drafts": LightGoogle.create_draft,
    "POST /gmail/v1/users/me/drafts/send": LightGoogle.send_draft,
    "GET /gmail/v1/users/me/drafts/ID": LightGoogle.get_draft,
    "POST /gmail/v1/users/me/messages/send": LightGoogle.send_message,
    "GET /v1/documents/ID": LightGoogle.get_document,
    "POST /v1/documents/ID:batchUpdate": LightGoogle.update_document,
    "GET /light/counts": LightGoogle.counts,
}


def _recipient(raw: str) -> bytes:
    head = base64.urlsafe_b64decode(raw[:_HEAD])
    to = _TO.search(head)
    addresses = _ADDRESS.findall(to[0]) if to else []
    return addresses[-1] if addresses else b"nobody"


@dataclass(frozen=True)
class RunningLightGoogle:
    """A light Google in its own process."""

    url: str

    def counts(self) -> dict[str, Any]:
        """`mails`, `duplicates`, `calls`, `most_in_flight`, `sending_seconds`, `cpu_seconds`."""
        found: dict[str, Any] = requests.get(f"{self.url}/light/counts", timeout=10).json()
        return found


@contextmanager
def light_google(latency_seconds: float = 0.0) -> Iterator[RunningLightGoogle]:
    """A light Google while the block runs."""
    command = [sys.executable, "-m", "bench.light_google", str(latency_seconds)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            yield RunningLightGoogle(server.stdout.readline().strip())
        finally:
            server.terminate()


async def _main(latency_seconds: float) -> None:
    google = LightGoogle(latency_seconds)
    server = await asyncio.start_server(google.serve, "127.0.0.1", 0, limit=2**20)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_main(float(sys.argv[1])))
