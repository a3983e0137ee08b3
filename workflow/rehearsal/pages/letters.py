"""A stored mail as its reader sees it: headers, the two texts, attachments."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from email import message_from_bytes
from email.header import decode_header, make_header
from email.message import EmailMessage, Message, MIMEPart
from email.parser import BytesHeaderParser
from email.policy import compat32, default
from functools import lru_cache

SHOWN_HEADERS = ("From", "To", "Cc", "Bcc", "Reply-To", "Subject", "Date")

_BLANK_LINE = re.compile(rb"\r?\n\r?\n")
_CHARACTERS_PER_LINE = 48
_LINE_HEIGHT_PX = 26


@dataclass(frozen=True)
class Summary:
    """A mail's line in a list: who it went to, and what about."""

    to: str
    subject: str

    def matches(self, query: str) -> bool:
        """Whether every word of the query is in the address or the subject, in any case."""
        text = f"{self.to} {self.subject}".casefold()
        return all(word in text for word in query.casefold().split())


@dataclass(frozen=True)
class Attachment:
    """A file that came with a mail; `size` is in bytes, decoded."""

    name: str
    content_type: str
    size: int


@dataclass(frozen=True)
class Letter:
    """A whole mail, decoded. `html` and `text` are empty where the mail has no such part."""

    headers: tuple[tuple[str, str], ...]
    text: str
    html: str
    attachments: tuple[Attachment, ...]
    source: str

    @property
    def subject(self) -> str:
        """The decoded subject, empty where there is none."""
        return dict(self.headers).get("Subject", "")

    @property
    def height_px(self) -> int:
        """About as many CSS pixels as the HTML part needs on a phone, within reason.

        A guess from the plain text: a page without scripts can't measure what is in its frame.
        """
        lines = sum(1 + len(line) // _CHARACTERS_PER_LINE for line in self.text.splitlines())
        return min(max(160 + lines * _LINE_HEIGHT_PX, 240), 960)


@lru_cache(maxsize=4096)
def summarize(raw: bytes) -> Summary:
    """Address and subject of an RFC 5322 message; reads no further than its headers."""
    headers = _headers(raw)
    return Summary(_decoded(headers["To"]), _decoded(headers["Subject"]))


def read_letter(raw: bytes) -> Letter:
    """The decoded message. Never raises: what is malformed is shown as far as it can be read."""
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
    # The old policy reads what the new one stumbles over, in a tenth of the time: a search in the
    # list reads every mail of the mailbox.
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
