"""A mail as bytes for Gmail: RFC 5322, 7-bit clean, to exactly one recipient.

Headers are written here, not with the standard library's folding: it decodes display names before
it folds them, and has put customers' commas into address lists that way. The same mail always gives
the same bytes.
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

from workflow.errors import BadInput
from workflow.mail.escape import NAME_LIMIT, one_line
from workflow.mail.list_columns import plain_address

# Gmail's limit for a sent or drafted message, from its discovery document (maxSize).
MESSAGE_LIMIT_BYTES = 36_700_160

_LINE = 76
_WORD = 75  # RFC 2047: an encoded word is no longer
_ATOMS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~ -]*")
_ENVELOPED = re.compile(r"(?P<name>[^<>]*)<(?P<address>[^<>]*)>")
_MEDIA_TYPE = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]{0,60}/[a-z0-9][a-z0-9!#$&^_.+-]{0,60}")
_PLAIN_NAME = re.compile(r"[A-Za-z0-9 ._()+,=@~-]{1,60}")
_LONGEST = 998  # RFC 5322: no line is longer
_MESSAGE_ID = re.compile(r"<[\x21-\x3b\x3d\x3f-\x7e]+>")


class HeaderBad(BadInput):
    """A value that can't go into a header. The message says which and why."""


class MessageTooBig(BadInput):
    """A mail over Gmail's limit for one message."""


@dataclass(frozen=True)
class Attachment:
    """A file attached to the mail; `media_type` such as `application/pdf`.

    With a `content_id` it is a picture in the HTML, which refers to it by `cid:CONTENT_ID`.
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
    address alone, and a message that is attached, may exceed a line, never 998.

    Raises:
        HeaderBad: an address, a media type or a Message-ID that isn't exactly one of its kind.
        MessageTooBig: more than 35 MiB.
    """
    headers = header_lines(
        to=to,
        to_name=to_name,
        subject=subject,
        from_address=from_address,
        from_name=from_name,
        reply_to=reply_to,
        date=date,
        message_id=message_id,
        references=references,
    )
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


def header_lines(
    *,
    to: str,
    to_name: str,
    subject: str,
    from_address: str,
    from_name: str = "",
    reply_to: str = "",
    date: datetime | None = None,
    message_id: str = "",
    references: Sequence[str] = (),
) -> list[bytes]:
    """A message's own headers, folded. Options and errors as in `build_message`."""
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
    return headers


def _header(name: str, pieces: Sequence[str]) -> bytes:
    """`Name: pieces`, folded between pieces if the line would be too long."""
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


@lru_cache(maxsize=16)  # the same in every mail of a notice
def _reply_to(value: str) -> tuple[str, ...]:
    *firsts, last = (
        _mailbox("Reply-To", each.address, each.name) for each in mailboxes("Reply-To", value)
    )
    pieces = [piece for first in firsts for piece in (*first[:-1], f"{first[-1]},")]
    return (*pieces, *last)


@dataclass(frozen=True)
class Mailbox:
    """An address in a header, with the name before it, or ""."""

    name: str
    address: str


def mailboxes(header: str, value: str) -> list[Mailbox]:
    """The mailboxes of a header's value: `a@b.example`, `Help <a@b.example>, "B, C" <c@d.example>`.

    Raises:
        HeaderBad: nothing there, or an address that can't stand in the header.
    """
    found = []
    for part in filter(str.strip, _apart(value)):
        named = _ENVELOPED.fullmatch(part.strip())
        name, address = (named["name"], named["address"]) if named else ("", part)
        name = name.strip()
        if len(name) > 1 and name[0] == name[-1] == '"':
            name = re.sub(r"\\(.)", r"\1", name[1:-1])
        ascii_address(header, address.strip())
        found.append(Mailbox(name, address.strip()))
    if not found:
        raise HeaderBad(f"{header}: there is no address in `{one_line(value, 80)}`.")
    return found


def _apart(value: str) -> list[str]:
    """Split a value at its commas and semicolons, except in quotes or in a name."""
    parts, quoted, escaped = [""], False, False
    for char in value:
        if char == '"' and not escaped:
            quoted = not quoted
        if char in ",;" and not quoted and ("@" in parts[-1] or not parts[-1].strip()):
            parts.append("")
        else:
            parts[-1] += char
        escaped = char == "\\" and not escaped
    return parts


@lru_cache(maxsize=64)  # the sender's own is in every mail of a notice
def ascii_address(header: str, address: str) -> str:
    """One address with its domain in ASCII, as it is sent over the wire. Raises HeaderBad.

    The standard library accepts any character in an address; the validator checks RFC 5321's
    grammar, which allows no space, comma or line break.
    """
    if plain := plain_address(address):
        return plain
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
    """A display name: unchanged, in quotation marks, or in encoded words."""
    if not name.isascii() or "=?" in name or len(name) > 60:
        return _encoded_words(name, used)
    if _ATOMS.fullmatch(name):
        return [name]
    quoted = name.replace("\\", "\\\\").replace('"', '\\"')
    return [f'"{quoted}"']


def _phrases(text: str, used: int) -> list[str]:
    """Free text of a header: its words if they are ASCII and short, else encoded words."""
    words = text.split(" ")
    if text.isascii() and "=?" not in text and all(len(word) < 60 for word in words):
        return words
    return _encoded_words(text, used)


def _encoded_words(text: str, used: int) -> list[str]:
    """RFC 2047 encoded words that never split a character. `used` columns of line one are taken."""
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
    media_type, encoding, body = _encoded_file(media_type, file.content)
    headers = [
        b"Content-Type: " + media_type.encode(),
        b"Content-Transfer-Encoding: " + encoding,
        _header("Content-Disposition", _disposition(file)),
    ]
    if file.content_id:
        headers.append(_header("Content-ID", [_message_id(f"<{file.content_id}>")]))
    return b"\r\n".join([*headers, b"", body])


def _encoded_file(media_type: str, content: bytes) -> tuple[str, bytes, bytes]:
    """A file's media type, transfer encoding and body, as sent.

    A message within a mail may be neither base64 nor quoted-printable (RFC 2046, 5.2.1; for
    multipart RFC 2045, 6.4): one of ASCII lines is sent unchanged, any other as bytes without a
    type.
    """
    if not media_type.startswith(("message/", "multipart/")):
        return media_type, b"base64", _base64_lines(content)
    lines = content.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
    is_plain = content.isascii() and b"\0" not in content and max(map(len, lines)) <= _LONGEST
    if media_type == "message/rfc822" and is_plain and content.strip():
        return media_type, b"7bit", b"\r\n".join(lines)
    return "application/octet-stream", b"base64", _base64_lines(content)


def _disposition(file: Attachment) -> list[str]:
    """The header that shows the file, with its own name, never its folder.

    An ASCII name is also written plain, for programs without RFC 2231.
    """
    kind = "inline;" if file.content_id else "attachment;"
    name = one_line(re.split(r"[/\\]", file.filename)[-1], 150) or "attachment"
    coded = quote(name.encode("utf-8", "replace"), safe="")
    pieces = re.findall(r"(?:%..|[^%]){1,18}", coded)
    plain = [f'filename="{name}";'] if _PLAIN_NAME.fullmatch(name) else []
    if len(pieces) == 1:
        return [kind, *plain, f"filename*=utf-8''{coded}"]
    pieces[0] = f"utf-8''{pieces[0]}"
    named = [f"filename*{at}*={piece}" for at, piece in enumerate(pieces)]
    return [kind, *plain, *(f"{each};" for each in named[:-1]), named[-1]]


def _base64_lines(content: bytes) -> bytes:
    return b"\r\n".join(
        binascii.b2a_base64(content[at : at + 57], newline=False)
        for at in range(0, len(content), 57)
    )


def _multipart(subtype: str, parts: Sequence[bytes]) -> bytes:
    """A multipart body with its header.

    Its boundary is a hash of its content, so it can't occur inside, and the same mail has the same
    bytes.
    """
    boundary = b"=_" + sha256(b"\0".join(parts)).hexdigest()[:40].encode()
    content_type = [f"multipart/{subtype};", f'boundary="{boundary.decode()}"']
    lines = [_header("Content-Type", content_type), b""]
    for part in parts:
        lines += [b"--" + boundary, part]
    return b"\r\n".join([*lines, b"--" + boundary + b"--", b""])
