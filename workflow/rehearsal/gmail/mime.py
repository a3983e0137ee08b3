"""What Gmail does to a message that it is given: checks its addresses, rewrites some headers.

The header block is edited line by line and the body's bytes are never touched, so that what was
given can be read back to the letter.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from email import policy
from email.errors import HeaderParseError, InvalidHeaderDefect
from email.headerregistry import Address
from email.message import EmailMessage
from email.parser import BytesParser
from email.utils import format_datetime, formataddr

MAX_BYTES = 36_700_160  # 35 MiB: `maxSize` of the upload in the discovery document
MAX_RECIPIENTS = 100  # per message through the API: support.google.com/a/answer/166852
_RECIPIENT_HEADERS = ("To", "Cc", "Bcc")
_LOCAL = r"(?:\"(?:[^\"\\\r\n]|\\.)+\"|[^\s\"(),:;<>@\[\]\\]+)"
_LABEL = r"[^\W_](?:[\w-]*[^\W_])?"
_ADDRESS = re.compile(rf"{_LOCAL}@(?:{_LABEL}\.)+{_LABEL}")
_LINE = re.compile(rb"([^\r\n]*)(?:\r\n|\r|\n|$)")
_HEADER = re.compile(r"[!-9;-~]+:")
_REPLY = re.compile(r"^\s*(?:re|fwd?|aw|wg)\s*:\s*", re.IGNORECASE)
_FAULTS_OF_PARSING = (HeaderParseError, ValueError, IndexError, AttributeError, TypeError)


class MailRefused(ValueError):
    """A message that Gmail does not take; the text is what its error says."""


@dataclass(frozen=True)
class Mail:
    """A message as it is kept, with what is needed to find and to thread it.

    `recipients` are the bare addresses of To, Cc and Bcc. `subject` is decoded. `message_id` and
    `references` have their angle brackets.
    """

    raw: bytes
    recipients: tuple[str, ...]
    subject: str
    message_id: str
    references: tuple[str, ...]


@dataclass(frozen=True)
class Sender:
    """The account, its name, and the addresses that it may also send from."""

    account: str
    display_name: str
    aliases: tuple[str, ...] = ()

    def owns(self, address: str) -> bool:
        """Whether mail may go out from this address."""
        return address.lower() in {self.account, *(alias.lower() for alias in self.aliases)}


def prepared(raw: bytes, sender: Sender, *, message_id: str, now: datetime) -> Mail:
    """A message as Gmail keeps it as a draft: From, Date and Message-ID are its own.

    A From that is not the account's or an alias's address is replaced without a word; a Date is
    added where there is none; any Message-ID gives way to `message_id`. Raises `MailRefused`.
    """
    if len(raw) > MAX_BYTES:
        raise MailRefused(f"Message is larger than {MAX_BYTES} bytes.")
    lines, body = _split(raw)
    message = _header_of(lines)
    recipients = _recipients(message)
    lines = _without(lines, {"message-id"})
    sent_from = _from(message, sender)
    if sent_from:
        lines = [*_without(lines, {"from"}), f"From: {sent_from}"]
    if message["Date"] is None:
        lines.append(f"Date: {format_datetime(now.astimezone(UTC))}")
    lines.insert(0, f"Message-ID: {message_id}")
    return Mail(
        raw=_joined(lines, body),
        recipients=recipients,
        subject=header_text(message, "Subject"),
        message_id=message_id,
        references=_references(message),
    )


def sendable(mail: Mail, message_id: str) -> Mail:
    """The message as it goes out: with a Message-ID of its own and no Bcc. Raises `MailRefused`."""
    if not mail.recipients:
        raise MailRefused("Recipient address required")
    if len(mail.recipients) > MAX_RECIPIENTS:
        raise MailRefused("Too many recipients")
    lines, body = _split(mail.raw)
    lines = _without(lines, {"message-id", "bcc"})
    lines.insert(0, f"Message-ID: {message_id}")
    return Mail(_joined(lines, body), mail.recipients, mail.subject, message_id, mail.references)


def read(raw: bytes) -> Mail:
    """A stored message, taken apart again."""
    message = _header_of(_split(raw)[0])
    return Mail(
        raw=raw,
        recipients=_recipients(message),
        subject=header_text(message, "Subject"),
        message_id=header_text(message, "Message-ID"),
        references=_references(message),
    )


def received(raw: bytes) -> Mail:
    """A message from outside, which may be anything; whom it says it is to counts for nothing."""
    message = _header_of(_split(raw)[0])
    return Mail(
        raw=raw,
        recipients=(),
        subject=header_text(message, "Subject"),
        message_id=header_text(message, "Message-ID"),
        references=_references(message),
    )


def parse(raw: bytes) -> EmailMessage:
    """The message as the standard library reads it; it never raises."""
    message = BytesParser(policy=policy.default).parsebytes(raw)
    assert isinstance(message, EmailMessage)  # noqa: S101 - what policy.default makes
    return message


def _header_of(lines: list[str]) -> EmailMessage:
    # The header alone: reading all the parts would take most of a call's time.
    block = _joined(lines, b"")
    message = BytesParser(policy=policy.default).parsebytes(block, headersonly=True)
    assert isinstance(message, EmailMessage)  # noqa: S101 - as above
    return message


def header_text(message: EmailMessage, name: str) -> str:
    """A header, unfolded and decoded; empty where there is none or it cannot be read."""
    try:
        value = message[name]
    except _FAULTS_OF_PARSING:
        return ""
    return "" if value is None else readable(str(value))


def readable(text: str) -> str:
    """A text from a message with a replacement sign for each byte that is no character."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def thread_subject(subject: str) -> str:
    """The subject as threads compare it: without `Re:` and the like, case and spaces."""
    while _REPLY.match(subject):
        subject = _REPLY.sub("", subject, count=1)
    return " ".join(subject.split()).casefold()


def _recipients(message: EmailMessage) -> tuple[str, ...]:
    found: list[str] = []
    for name in _RECIPIENT_HEADERS:
        found += _addresses(message, name)
    return tuple(found)


def _addresses(message: EmailMessage, name: str) -> list[str]:
    try:
        headers = message.get_all(name, [])
        found: list[Address] = [each for header in headers for each in header.addresses]
        groups = [group for header in headers for group in header.groups]
        # `a@b.example; c@d.example` parses as its first address alone: nobody may be lost so.
        broken = any(
            isinstance(defect, InvalidHeaderDefect)
            for header in headers
            for defect in header.defects
        )
        specs = [address.addr_spec for address in found]
    except _FAULTS_OF_PARSING as error:
        raise MailRefused(f"Invalid {name} header") from error
    wrong = [spec for spec in specs if not _ADDRESS.fullmatch(spec)]
    unread = any(str(header).strip() for header in headers) and not groups
    if wrong or unread or broken:
        raise MailRefused(f"Invalid {name} header")
    return specs


def _from(message: EmailMessage, sender: Sender) -> str:
    try:
        header = message["From"]
        found: Iterable[Address] = header.addresses if header is not None else ()
        first = next(iter(found), None)
        address = first.addr_spec if first else ""
        shown = first.display_name if first else ""
    except _FAULTS_OF_PARSING:
        address, shown = "", ""
    if address and sender.owns(address):
        return ""
    # An encoded name may hold a line break; it must not become a header of its own.
    name = "".join(char if char.isprintable() else " " for char in readable(shown))
    return formataddr((name.strip() or sender.display_name, sender.account))


def _references(message: EmailMessage) -> tuple[str, ...]:
    text = f"{header_text(message, 'References')} {header_text(message, 'In-Reply-To')}"
    return tuple(dict.fromkeys(re.findall(r"<[^<>\s]+>", text)))


def _split(raw: bytes) -> tuple[list[str], bytes]:
    """The header's lines, each with its folds, and the body, which begins where no header is."""
    lines: list[str] = []
    position = 0
    for found in _LINE.finditer(raw):
        # Latin-1 carries every byte through and back, whatever a client wrote.
        line = found[1].decode("latin-1")
        if not line:
            return lines, raw[found.end() :]
        if line[0] in " \t" and lines:
            lines[-1] += f"\r\n{line}"
        elif _HEADER.match(line):
            lines.append(line)
        else:
            break
        position = found.end()
    return lines, raw[position:]


def _without(lines: list[str], names: set[str]) -> list[str]:
    return [line for line in lines if line.partition(":")[0].strip().lower() not in names]


def _joined(lines: list[str], body: bytes) -> bytes:
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body
