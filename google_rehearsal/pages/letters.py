"""A stored mail as its reader sees it: headers, the two texts, attachments.

Also times, sizes and roles in words for the pages.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from email import message_from_bytes
from email.header import decode_header, make_header
from email.message import EmailMessage, Message, MIMEPart
from email.parser import BytesHeaderParser
from email.policy import compat32, default
from functools import lru_cache
from typing import Any

SHOWN_HEADERS = ("From", "To", "Cc", "Bcc", "Reply-To", "Subject", "Date")

_BLANK_LINE = re.compile(rb"\r?\n\r?\n")
_CHARACTERS_PER_LINE = 48
_LINE_HEIGHT_PX = 26


@dataclass(frozen=True)
class Summary:
    """A mail's line in a list: its recipient and its subject."""

    to: str
    subject: str

    def matches(self, query: str) -> bool:
        """Whether every word of the query is in the address or the subject, in any case."""
        text = f"{self.to} {self.subject}".casefold()
        return all(word in text for word in query.casefold().split())


@dataclass(frozen=True)
class Attachment:
    """An attached file; `size` is in bytes, decoded."""

    name: str
    content_type: str
    size: int


@dataclass(frozen=True)
class Letter:
    """A whole mail, decoded. `html` and `text` are empty if the mail has no such part."""

    headers: tuple[tuple[str, str], ...]
    text: str
    html: str
    attachments: tuple[Attachment, ...]
    source: str

    @property
    def subject(self) -> str:
        """The decoded subject, empty if there is none."""
        return self.header("Subject")

    def header(self, name: str) -> str:
        """A decoded header, empty if there is none."""
        return dict(self.headers).get(name, "")

    @property
    def height_px(self) -> int:
        """The estimated height of the HTML part on a phone in CSS pixels, within limits.

        Estimated from the plain text: a page without scripts can't measure its frame.
        """
        lines = sum(1 + len(line) // _CHARACTERS_PER_LINE for line in self.text.splitlines())
        return min(max(160 + lines * _LINE_HEIGHT_PX, 240), 960)


@lru_cache(maxsize=4096)
def summarize(raw: bytes) -> Summary:
    """Address and subject of an RFC 5322 message; reads no further than its headers."""
    headers = _headers(raw)
    return Summary(_decoded(headers["To"]), _decoded(headers["Subject"]))


def read_letter(raw: bytes) -> Letter:
    """The decoded message. Never raises: malformed parts are shown as far as they can be read."""
    message = message_from_bytes(raw, policy=default)
    found = _headers(raw)
    headers = ((name, _decoded(found[name])) for name in SHOWN_HEADERS)
    return Letter(
        headers=tuple((name, value) for name, value in headers if value),
        text=_body(message, "plain"),
        html=_body(message, "html"),
        attachments=tuple(_attachments(message)),
        source=raw.decode("utf-8", "replace"),
    )


def _headers(raw: bytes) -> Message:
    # The old policy accepts what the new one fails on, in a tenth of the time: a search in the list
    # reads every mail of the mailbox.
    head = _BLANK_LINE.split(raw, maxsplit=1)[0]
    return BytesHeaderParser(policy=compat32).parsebytes(head)


def _decoded(value: object) -> str:
    if value is None:
        return ""
    text = str(value)
    with suppress(LookupError, ValueError):
        text = str(make_header(decode_header(text)))
    return " ".join(text.split())


def _body(message: EmailMessage, kind: str) -> str:
    part = message.get_body((kind,))
    return "" if part is None else _text(part)


def _text(part: MIMEPart) -> str:
    content = _bytes(part)
    try:
        return content.decode(part.get_content_charset("utf-8"), "replace")
    except LookupError:
        return content.decode("utf-8", "replace")


def _bytes(part: MIMEPart) -> bytes:
    payload = part.get_payload(decode=True)
    return payload if isinstance(payload, bytes) else b""


def _attachments(message: EmailMessage) -> Iterator[Attachment]:
    for part in message.walk():
        if part.get_content_disposition() == "attachment" or part.get_filename():
            name = _decoded(part.get_filename()) or "attachment"
            yield Attachment(name, part.get_content_type(), len(_bytes(part)))


_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_ROLES = {
    "owner": "owner",
    "organizer": "manager",
    "fileOrganizer": "content manager",
    "writer": "editor",
    "commenter": "commenter",
    "reader": "viewer",
}


def moment(at: datetime) -> str:
    """An aware time to the minute, on the clock of this machine: `24 Nov 2026, 14:39 CET`."""
    local = at.astimezone()
    return f"{local.day} {_MONTHS[local.month - 1]} {local.year}, {local:%H:%M} {local.tzname()}"


def parsed_moment(text: str) -> datetime | None:
    """An RFC 3339 time as Drive writes it; None if it is missing or invalid."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def size(size_bytes: int) -> str:
    """A size for people: `512 bytes`, `34 kB`, `2.1 MB`."""
    if size_bytes < 1000:
        return f"{size_bytes} bytes"
    if size_bytes < 1_000_000:
        return f"{size_bytes / 1000:.0f} kB"
    return f"{size_bytes / 1_000_000:.1f} MB"


def grantee(permission: Mapping[str, Any]) -> str:
    """The grantee of a Drive `Permission`: an address, a domain, or anyone with the link."""
    if permission.get("type") == "anyone":
        return "anyone with the link"
    if permission.get("type") == "domain":
        return f"everyone at {permission.get('domain', '')}"
    return str(permission.get("emailAddress") or permission.get("displayName") or "someone")


def role(permission: Mapping[str, Any]) -> str:
    """The role of a Drive `Permission` in Docs' words: `editor`, `viewer`…"""
    return _ROLES.get(str(permission.get("role")), "viewer")
