"""Gmail's handling of a message: check addresses, rewrite headers, report bounces.

The header block is edited line by line and the body's bytes are never changed, so the original can
be read back exactly. Bounce reports have the form of RFC 3464; their words, headers and order of
parts are those of real Gmail reports.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable
from copy import copy
from dataclasses import dataclass
from datetime import UTC, datetime
from email import policy
from email.errors import HeaderParseError, InvalidHeaderDefect
from email.headerregistry import Address
from email.message import EmailMessage, MIMEPart
from email.parser import BytesParser
from email.utils import format_datetime, formataddr, make_msgid

from google_rehearsal import store
from google_rehearsal.gmail.errors import MailRefused
from google_rehearsal.store import Settings

MAX_BYTES = 36_700_160  # 35 MiB: `maxSize` of the upload in the discovery document
MAX_RECIPIENTS = 100  # per message through the API: support.google.com/a/answer/166852
_RECIPIENT_HEADERS = ("To", "Cc", "Bcc")
_LOCAL = r"(?:\"(?:[^\"\\\r\n]|\\.)+\"|[^\s\"(),:;<>@\[\]\\]+)"
_LABEL = r"[^\W_](?:[\w-]*[^\W_])?"
_ADDRESS = re.compile(rf"{_LOCAL}@(?:{_LABEL}\.)+{_LABEL}")
_LINE = re.compile(rb"([^\r\n]*)(?:\r\n|\r|\n|$)")
_HEADER = re.compile(r"[!-9;-~]+:")
_TOKEN = re.compile(r"\"[^\"]*\"|[^\s\"<>,;:()]+|\s+|.")
_REPLY = re.compile(r"^\s*(?:re|fwd?|aw|wg)\s*:\s*", re.IGNORECASE)
# `RecursionError`: comments within comments, a thousand deep.
FAULTS_OF_PARSING = (
    *(HeaderParseError, ValueError, IndexError, AttributeError, TypeError),
    RecursionError,
)


@dataclass(frozen=True)
class Mail:
    """A stored message, with what is needed to find and thread it.

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
    """The account, its name, and its aliases."""

    account: str
    display_name: str
    aliases: tuple[str, ...] = ()

    def owns(self, address: str) -> bool:
        """Whether mail may be sent from this address."""
        return address.lower() in {self.account, *(alias.lower() for alias in self.aliases)}


def prepared(raw: bytes, sender: Sender, *, message_id: str, now: datetime) -> Mail:
    """A message as Gmail stores it as a draft: with its own From, Date and Message-ID.

    A From that is not the account's or an alias's is silently replaced; a missing Date is added;
    any Message-ID is replaced by `message_id`; raw bytes above 127 in a header are read as Latin-1,
    which spoils UTF-8, and encoded. Raises `MailRefused`.
    """
    if len(raw) > MAX_BYTES:
        raise MailRefused(f"Message is larger than {MAX_BYTES} bytes.")
    lines, body = _split(raw)
    lines = [_seven_bit(line) for line in _without(lines, {"message-id"})]
    message = _header_of(lines)
    recipients = _recipients(message)
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
    """The message as it is sent: with a new Message-ID and no Bcc. Raises `MailRefused`."""
    if not mail.recipients:
        raise MailRefused("Recipient address required")
    if len(mail.recipients) > MAX_RECIPIENTS:
        raise MailRefused("Too many recipients")
    lines, body = _split(mail.raw)
    lines = _without(lines, {"message-id", "bcc"})
    lines.insert(0, f"Message-ID: {message_id}")
    return Mail(_joined(lines, body), mail.recipients, mail.subject, message_id, mail.references)


def read(raw: bytes) -> Mail:
    """A stored message, parsed again; recipients that can't be read are none.

    A draft's can: `prepared` refuses others. A mail from outside or from the relay may be anything.
    """
    message = _header_of(_split(raw)[0])
    try:
        recipients = _recipients(message)
    except MailRefused:
        recipients = ()
    return Mail(
        raw=raw,
        recipients=recipients,
        subject=header_text(message, "Subject"),
        message_id=header_text(message, "Message-ID"),
        references=_references(message),
    )


def received(raw: bytes) -> Mail:
    """A message from outside, which may be anything; its stated recipients don't count."""
    message = _header_of(_split(raw)[0])
    return Mail(
        raw=raw,
        recipients=(),
        subject=header_text(message, "Subject"),
        message_id=header_text(message, "Message-ID"),
        references=_references(message),
    )


def parse(raw: bytes) -> EmailMessage:
    """The message as the standard library parses it; never raises."""
    message = BytesParser(policy=policy.default).parsebytes(raw)
    assert isinstance(message, EmailMessage)  # noqa: S101 - what policy.default makes
    return message


def part_content(part: MIMEPart) -> bytes:
    """The bytes of a part without their transfer encoding; none for a part that has parts."""
    try:
        content = part.get_payload(decode=True)
    except ValueError:  # its charset is a codec of Python's that is for no text, such as `idna`
        without_charset = copy(part)
        del without_charset["Content-Type"]
        content = without_charset.get_payload(decode=True)
    return content if isinstance(content, bytes) else b""


def part_text(part: MIMEPart) -> str:
    """A part's text, in UTF-8 where its charset is unknown."""
    content = part_content(part)
    try:
        return content.decode(part.get_content_charset("utf-8"), "replace")
    except (LookupError, ValueError):
        return content.decode("utf-8", "replace")


def _header_of(lines: list[str]) -> EmailMessage:
    # Only the header: parsing all parts would take most of a call's time.
    block = _joined(lines, b"")
    message = BytesParser(policy=policy.default).parsebytes(block, headersonly=True)
    assert isinstance(message, EmailMessage)  # noqa: S101 - as above
    return message


def header_text(message: EmailMessage, name: str) -> str:
    """A header, unfolded and decoded; empty if it is missing or unreadable."""
    try:
        value = message[name]
    except FAULTS_OF_PARSING:
        return ""
    return "" if value is None else readable(str(value))


def readable(text: str) -> str:
    """A message's text with a replacement sign for each invalid byte."""
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
        # `a@b.example; c@d.example` parses as its first address only: don't lose the other.
        broken = any(
            isinstance(defect, InvalidHeaderDefect)
            for header in headers
            for defect in header.defects
        )
        specs = [address.addr_spec for address in found]
    except FAULTS_OF_PARSING as error:
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
    except FAULTS_OF_PARSING:
        address, shown = "", ""
    if address and sender.owns(address):
        return ""
    # An encoded name may hold a line break; it must not become a new header.
    name = "".join(char if char.isprintable() else " " for char in readable(shown))
    return formataddr((name.strip() or sender.display_name, sender.account))


def _references(message: EmailMessage) -> tuple[str, ...]:
    text = f"{header_text(message, 'References')} {header_text(message, 'In-Reply-To')}"
    return tuple(dict.fromkeys(re.findall(r"<[^<>\s]+>", text)))


def _split(raw: bytes) -> tuple[list[str], bytes]:
    """The header's lines, each with its folds, and the body after them."""
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


def _seven_bit(line: str) -> str:
    """A header line whose raw bytes, read as Latin-1, are encoded words (RFC 2047)."""
    if line.isascii():
        return line
    tokens: list[str] = []
    for token in _TOKEN.findall(line):
        if token.isascii():
            tokens.append(token)
            continue
        words = token.strip('"')
        if len(tokens) > 1 and tokens[-1].isspace() and not tokens[-2].isascii():
            # The space between two encoded words is not shown, so it has to be within one.
            tokens[-2:] = [f"{tokens[-2]} {words}"]
        else:
            tokens.append(words)
    return "".join(token if token.isascii() else _encoded_word(token) for token in tokens)


def _encoded_word(text: str) -> str:
    return f"=?UTF-8?B?{base64.b64encode(text.encode()).decode()}?="


def _without(lines: list[str], names: set[str]) -> list[str]:
    return [line for line in lines if line.partition(":")[0].strip().lower() not in names]


def _joined(lines: list[str], body: bytes) -> bytes:
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


_EXPLAINED = "https://support.google.com/mail/?p=NoSuchUser"
_NO_SUCH_USER = (
    "The email account that you tried to reach does not exist. Please try double-checking the "
    "recipient's email address for typos or unnecessary spaces."
)


def fails(recipient: str, settings: Settings) -> bool:
    """Whether mail to this address bounces, by the settings."""
    address = recipient.lower()
    known = {each.lower() for each in settings.bouncing}
    return bool({address, "@" + address.rpartition("@")[2]} & known)


def failure_report(mail: Mail, recipient: str, account: str, now: datetime) -> bytes:
    """The bounce report for an address that does not exist: three parts, the last is the mail.

    `mail` is the sent version, with its own Message-ID; `account` is the sender.
    """
    boundary = store.element_id().replace("-", "").replace("_", "")
    domain = recipient.rpartition("@")[2]
    lines = [
        "Return-Path: <>",
        f"X-Failed-Recipients: {recipient}",
        "Auto-Submitted: auto-replied",
        "From: Mail Delivery Subsystem <mailer-daemon@googlemail.com>",
        f"To: {account}",
        "Subject: Delivery Status Notification (Failure)",
        f"References: {mail.message_id}",
        f"In-Reply-To: {mail.message_id}",
        f"Message-ID: {make_msgid(domain='mx.google.com')}",
        f"Date: {format_datetime(now.astimezone(UTC))}",
        "MIME-Version: 1.0",
        f'Content-Type: multipart/report; boundary="{boundary}"; report-type=delivery-status',
        "",
        f"--{boundary}",
        'Content-Type: text/plain; charset="UTF-8"',
        "",
        "",
        "** Address not found **",
        "",
        f"Your message wasn't delivered to {recipient} because the address couldn't be found, or "
        "is unable to receive mail.",
        "",
        f"Learn more here: {_EXPLAINED}",
        "",
        f"The response was: 550 5.1.1 {_NO_SUCH_USER} Learn more at {_EXPLAINED}",
        "",
        f"--{boundary}",
        "Content-Type: message/delivery-status",
        "",
        "Reporting-MTA: dns; googlemail.com",
        f"Received-From-MTA: dns; {account}",
        f"Arrival-Date: {format_datetime(now.astimezone(UTC))}",
        f"X-Original-Message-ID: {mail.message_id}",
        "",
        f"Final-Recipient: rfc822; {recipient}",
        "Action: failed",
        "Status: 5.1.1",
        f"Remote-MTA: dns; mx.{domain}. (127.0.0.1, the server for the domain {domain}.)",
        "Diagnostic-Code: smtp; 550-5.1.1 The email account that you tried to reach does not",
        " exist. Please try 550-5.1.1 double-checking the recipient's email address for typos or",
        f" 550-5.1.1 unnecessary spaces. Learn more at 550 5.1.1 {_EXPLAINED}",
        f"Last-Attempt-Date: {format_datetime(now.astimezone(UTC))}",
        "",
        f"--{boundary}",
        "Content-Type: message/rfc822",
        "",
    ]
    head = "\r\n".join(lines).encode()
    return b"".join((head, b"\r\n", mail.raw, b"\r\n", f"--{boundary}--\r\n".encode()))
