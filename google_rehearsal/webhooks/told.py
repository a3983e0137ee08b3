"""Messages in the chats, kept in the rehearsal's store.

`parts_of` splits a message as a person sees it in the chat: formatting and links.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from html import unescape
from typing import Any

from google_rehearsal.store import Store

_SCHEMA = """
CREATE TABLE IF NOT EXISTS told (
    id INTEGER PRIMARY KEY,
    at REAL NOT NULL,
    service TEXT NOT NULL,
    channel TEXT NOT NULL,
    body TEXT NOT NULL
)
"""


@dataclass(frozen=True)
class Told:
    """One message. `service` is slack or google_chat, `at` in epoch seconds, `body` unchanged."""

    id: int
    at: float
    service: str
    channel: str
    body: dict[str, Any]

    @property
    def text(self) -> str:
        """The message's text, in the service's own format."""
        return str(self.body.get("text", ""))

    @property
    def slack_ts(self) -> str:
        """Slack's id of it: the second, and the message's number."""
        return f"{int(self.at)}.{self.id:06}"


class ToldBoard:
    """All messages, over all channels."""

    def __init__(self, store: Store) -> None:
        self._store = store
        with store.transaction() as db:
            db.execute(_SCHEMA)

    def add(self, service: str, channel: str, body: dict[str, Any], at: float) -> int:
        """Store a message; returns its number."""
        with self._store.transaction() as db:
            row = db.execute(
                "INSERT INTO told (at, service, channel, body) VALUES (?, ?, ?, ?)",
                (at, service, channel, json.dumps(body)),
            )
            return int(row.lastrowid or 0)

    def all(self) -> list[Told]:
        """Every message, the oldest first."""
        with self._store.transaction() as db:
            rows = db.execute("SELECT * FROM told ORDER BY id").fetchall()
        return [
            Told(row["id"], row["at"], row["service"], row["channel"], json.loads(row["body"]))
            for row in rows
        ]


_PARTS = re.compile(r"<(?P<inner>[^<>\n]+)>|\*(?P<bold>[^*\n]+)\*", re.DOTALL)
# Mentions that notify people: Slack's special mentions and users, Google Chat's users.
_CALLS = re.compile(r"!(?:channel|here|everyone)\b.*|!subteam\^.*|@[UW]\w+.*|users/.*")
_ADDRESS = re.compile(r"(?:https?://|mailto:)\S+")


@dataclass(frozen=True)
class Part:
    """A piece of a message. `kind` is text, bold, link or call; `url` is a link's address."""

    kind: str
    text: str
    url: str = ""


def parts_of(service: str, text: str) -> list[Part]:
    """The pieces of a message in the format of slack or google_chat."""
    decode = unescape if service == "slack" else str
    return list(_parts(text, decode_entities=decode is unescape))


def calls(service: str, text: str) -> list[str]:
    """The mentions in a message that would notify people: `channel`, `users/all`. There should be
    none.
    """
    return [part.text for part in parts_of(service, text) if part.kind == "call"]


def _parts(text: str, *, decode_entities: bool) -> Iterator[Part]:
    at = 0
    for found in _PARTS.finditer(text):
        part = _part(found, decode_entities=decode_entities)
        if part is None:
            continue
        if found.start() > at:
            yield Part("text", _decoded(text[at : found.start()], decode_entities=decode_entities))
        yield part
        at = found.end()
    if at < len(text):
        yield Part("text", _decoded(text[at:], decode_entities=decode_entities))


def _part(found: re.Match[str], *, decode_entities: bool) -> Part | None:
    if found["bold"] is not None:
        return Part("bold", _decoded(found["bold"], decode_entities=decode_entities))
    inner = _decoded(found["inner"], decode_entities=decode_entities)
    if _CALLS.fullmatch(inner):
        return Part("call", inner.partition("|")[0].lstrip("!@"))
    address, _, words = inner.partition("|")
    return Part("link", words or address, address) if _ADDRESS.fullmatch(address) else None


def _decoded(text: str, *, decode_entities: bool) -> str:
    return unescape(text) if decode_entities else text
