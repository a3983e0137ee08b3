"""A mail as the bytes that Gmail takes: RFC 5322, 7-bit clean, to exactly one recipient.

Headers are written here and not by the standard library's folding, which decodes display names
before it folds them and has put customers' commas into address lists that way. The same mail
gives the same bytes every time.
"""

from __future__ import annotations

import base64
import binascii
import quopri
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime
from functools import lru_cache
from hashlib import sha256
from urllib.parse import quote

from email_validator import EmailNotValidError, validate_email

from workflow.mail.oneline import NAME_LIMIT, one_line

# Gmail's limit for a sent or drafted message, from its discovery document (maxSize).
MESSAGE_LIMIT_BYTES = 36_700_160

_LINE = 76
_WORD = 75  # RFC 2047: an encoded word is no longer
_ATOMS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~ -]*")
_ENVELOPED = re.compile(r"(?P<name>[^<>]*)<(?P<address>[^<>]*)>")
_MEDIA_TYPE = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]{0,60}/[a-z0-9][a-z0-9!#$&^_.+-]{0,60}")
_MESSAGE_ID = re.compile(r"<[\x21-\x3b\x3d\x3f-\x7e]+>")


class HeaderBad(ValueError):
    """A value that can't go into a header. The message says which and why."""


class MessageTooBig(ValueError):
    """A mail over Gmail's limit for one message."""


@dataclass(frozen=True)
class Attachment:
    """A file that goes with the mail; `media_type` such as `application/pdf`.

    With a `content_id` it is a picture within the HTML, which shows it by `cid:CONTENT_ID`.
    """

    filename: str
    media_type: str
    content: bytes
    content_id: str = ""


def build_message(
    *,
    to: str,
    to_name: str,
    subject: str,
    text: str,
    html: str,
    from_address: str,
    from_name: str = "",
    reply_to: str = "",
    date: datetime | None = None,
    attachments: Sequence[Attachment] = (),
    message_id: str = "",
    references: Sequence[str] = (),
) -> bytes:
    """The whole message with CRLF line ends, every line at most 76 ASCII characters.

    Names and subject may hold anything: they are put on one line and encoded. Without `date` there
    is no Date header; Gmail sets Date and Message-ID when it accepts the mail. `message_id` is for
    a relay, which keeps the one given. `references` are Message-IDs of the thread, oldest first. An
    address alone may exceed a line, never 998.

    Raises:
        HeaderBad: an address, a media type or a Message-ID that isn't exactly one of its kind.
        MessageTooBig: more than 35 MiB.
    """
    headers = [
        _header("From", _mailbox("From", from_address, from_name)),
        _header("To", _mailbox("To", to, to_name)),
    ]
    if reply_to:
        headers.append(_header("Reply-To", _reply_to(reply_to)))
    headers.append(_header("Subject", _phrases(one_line(subject), len("Subject: "))))
    if date is not None:
        headers.append(_header("Date", [format_datetime(date)]))
    if message_id:
        headers.append(_header("Message-ID", [_message_id(message_id)]))
    if references:
        ids = [_message_id(each) for each in references]
        headers += [_header("In-Reply-To", ids[-1:]), _header("References", ids)]
    shown = [_file_part(file) for file in attachments if file.content_id]
    attached = [_file_part(file) for file in attachments if not file.content_id]
    html_part = _text_part("html", html)
    if shown:
        html_part = _multipart("related", [html_part, *shown])
    body = _multipart("alternative", [_text_part("plain", text), html_part])
    if attached:
        body = _multipart("mixed", [body, *attached])
    message = b"\r\n".join([*headers, b"MIME-Version: 1.0", body])
    if len(message) > MESSAGE_LIMIT_BYTES:
        raise MessageTooBig(
            f"the mail has {len(message) / 2**20:.0f} MiB with its attachments; Gmail takes 35. "
            "Put the files in Drive and link them."
        )
    return message


def _header(name: str, pieces: Sequence[str]) -> bytes:
    """`Name: pieces`, folded between pieces where the line would be too long."""
    lines = [f"{name}:"]
    for piece in pieces:
        if len(lines[-1]) + 1 + len(piece) > _LINE and lines[-1].strip():
            lines.append("")
        lines[-1] += f" {piece}"
    return "\r\n".join(lines).encode("ascii")


def _mailbox(header: str, address: str, name: str) -> list[str]:
    checked = f"<{ascii_address(header, address)}>"
    shown = one_line(name, NAME_LIMIT)
    if not shown:
        return [checked[1:-1]]
    return [*_name_phrase(shown, len(header) + 2), checked]


def _reply_to(value: str) -> list[str]:
    named = _ENVELOPED.fullmatch(value.strip())
    if named is None:
        return _mailbox("Reply-To", value.strip(), "")
    return _mailbox("Reply-To", named["address"].strip(), named["name"].strip().strip('"'))


@lru_cache(maxsize=16)  # the sender's own stands in every mail of a notice
def ascii_address(header: str, address: str) -> str:
    """One address with its domain in ASCII, as it goes over the wire. Raises HeaderBad.

    The standard library reads any character as part of an address; RFC 5321's grammar is what the
    validator holds, and it has no place for a space, a comma or a line break.
    """
    try:
        valid = validate_email(
            address, check_deliverability=False, test_environment=True, strict=True
        )
    except EmailNotValidError as error:
        shown = one_line(address, 80)
        raise HeaderBad(f"{header}: `{shown}` isn't one mail address: {error}") from None
    if valid.ascii_email is None:
        raise HeaderBad(
            f"{header}: the part before the @ of `{address}` has letters outside ASCII; "
            "Gmail's API can't be relied on to send there."
        )
    return valid.ascii_email


def _message_id(value: str) -> str:
    if not _MESSAGE_ID.fullmatch(value) or len(value) > 900:
        raise HeaderBad(f"References: `{one_line(value, 80)}` isn't a Message-ID.")
    return value


def _name_phrase(name: str, used: int) -> list[str]:
    """A display name: as it is, in quotation marks, or in encoded words."""
    if not name.isascii() or "=?" in name or len(name) > 60:
        return _encoded_words(name, used)
    if _ATOMS.fullmatch(name):
        return [name]
    quoted = name.replace("\\", "\\\\").replace('"', '\\"')
    return [f'"{quoted}"']


def _phrases(text: str, used: int) -> list[str]:
    """Free text of a header: its words where they are ASCII and short, else encoded words."""
    words = text.split(" ")
    if text.isascii() and "=?" not in text and all(len(word) < 60 for word in words):
        return words
    return _encoded_words(text, used)


def _encoded_words(text: str, used: int) -> list[str]:
    """RFC 2047 encoded words, none with half a character. `used` columns are taken on line one."""
    room = (_WORD - len("=?utf-8?b??=")) // 4 * 3
    first_room = max((_LINE - used - 1 - len("=?utf-8?b??=")) // 4 * 3, 12)
    pieces: list[bytes] = [b""]
    for char in text:
        encoded = char.encode("utf-8", "replace")
        limit = min(room, first_room) if len(pieces) == 1 else room
        if len(pieces[-1]) + len(encoded) > limit:
            pieces.append(b"")
        pieces[-1] += encoded
    return [f"=?utf-8?b?{base64.b64encode(piece).decode()}?=" for piece in pieces]


def _text_part(subtype: str, text: str) -> bytes:
    """A text part in quoted-printable or base64, whichever is shorter."""
    content = text.replace("\r\n", "\n").replace("\r", "\n").encode("utf-8", "replace")
    printable = quopri.encodestring(content).replace(b"=\n", b"=\r\n")
    printable = re.sub(rb"(?<!\r)\n", b"\r\n", printable)
    packed = _base64_lines(content.replace(b"\n", b"\r\n"))
    encoding, body = min(
        (b"quoted-printable", printable), (b"base64", packed), key=lambda each: len(each[1])
    )
    return b"\r\n".join(
        [
            b"Content-Type: text/" + subtype.encode() + b'; charset="utf-8"',
            b"Content-Transfer-Encoding: " + encoding,
            b"",
            body,
        ]
    )


def _file_part(file: Attachment) -> bytes:
    media_type = file.media_type.lower()
    if not _MEDIA_TYPE.fullmatch(media_type):
        raise HeaderBad(f"`{one_line(file.media_type, 80)}` isn't a media type.")
    headers = [
        b"Content-Type: " + media_type.encode(),
        b"Content-Transfer-Encoding: base64",
        _header("Content-Disposition", _disposition(file)),
    ]
    if file.content_id:
        headers.append(_header("Content-ID", [_message_id(f"<{file.content_id}>")]))
    return b"\r\n".join([*headers, b"", _base64_lines(file.content)])


def _disposition(file: Attachment) -> list[str]:
    """How the file is shown, with its own name, never its folder, in RFC 2231 pieces."""
    kind = "inline;" if file.content_id else "attachment;"
    name = one_line(re.split(r"[/\\]", file.filename)[-1], 150) or "attachment"
    coded = quote(name.encode("utf-8", "replace"), safe="")
    pieces = re.findall(r"(?:%..|[^%]){1,18}", coded)
    if len(pieces) == 1:
        return [kind, f"filename*=utf-8''{coded}"]
    pieces[0] = f"utf-8''{pieces[0]}"
    named = [f"filename*{at}*={piece}" for at, piece in enumerate(pieces)]
    return [kind, *(f"{each};" for each in named[:-1]), named[-1]]


def _base64_lines(content: bytes) -> bytes:
    return b"\r\n".join(
        binascii.b2a_base64(content[at : at + 57], newline=False)
        for at in range(0, len(content), 57)
    )


def _multipart(subtype: str, parts: Sequence[bytes]) -> bytes:
    """A multipart body with its header. Its boundary is a hash of what it holds, so it can't occur
    inside, and the same mail has the same bytes."""
    boundary = b"=_" + sha256(b"\0".join(parts)).hexdigest()[:40].encode()
    content_type = [f"multipart/{subtype};", f'boundary="{boundary.decode()}"']
    lines = [_header("Content-Type", content_type), b""]
    for part in parts:
        lines += [b"--" + boundary, part]
    return b"\r\n".join([*lines, b"--" + boundary + b"--", b""])
