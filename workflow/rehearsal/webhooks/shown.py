"""A message as a person sees it in the chat: its marks as marks, its links as links."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from html import unescape

_PARTS = re.compile(r"<(?P<inner>[^<>\n]+)>|\*(?P<bold>[^*\n]+)\*", re.DOTALL)
# What calls people: Slack's special mentions and users, Google Chat's users.
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
    """Whom a message would ring for: `channel`, `users/all`. Nobody, as it is meant to be."""
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
