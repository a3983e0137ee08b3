"""Reports of mail that could not be delivered, read as RFC 3464 and Gmail write them.

Anybody can send anything, so a report is only a claim: it says which address failed and which
message it quotes. Whether that is a mail of ours is for the caller to find out.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.errors import HeaderParseError
from email.header import decode_header, make_header
from email.message import Message
from itertools import islice

from workflow.mail.addresses import AddressBad, read_address

_DAEMON = re.compile(r"(?:mailer-daemon|postmaster)@", re.IGNORECASE)
_STATUS = re.compile(r"\b([245]\.\d{1,3}\.\d{1,3})\b")
_QUOTED_ID = re.compile(r"<[\w.+=/@$~!#%&'*^?-]{3,250}>")
_REPLY_CODE = re.compile(r"^(?:[245]\d\d[ -])?(?:[245]\.\d{1,3}\.\d{1,3}\s+)?")
# A report has one recipient, ours at least; more than this is no honest report.
_MOST_RECIPIENTS = 100
_MOST_QUOTED = 20
_MOST_PARTS = 100
_LONGEST_REASON = 200
# What anybody may send is cut before it is looked at: some of it takes the square of its length.
_LONGEST_FIELD = 4_000

_BY_MACHINES = frozenset({"auto_reply", "bulk", "junk", "list"})  # RFC 3834; `auto_reply` is usual


@dataclass(frozen=True)
class Failure:
    """One address that a report says could not be reached for good.

    `keys` are the spellings-free forms of the address that it names, as `read_address` gives them:
    the one that failed, and the one that was written to where that is another. `status` is that of
    RFC 3463, "" where none is given.
    """

    keys: tuple[str, ...]
    status: str
    reason: str


@dataclass(frozen=True)
class Report:
    """A report: what failed (nothing in a report of a delay), and the Message-IDs it quotes."""

    failures: tuple[Failure, ...]
    quoted: tuple[str, ...]


def is_report(headers: Mapping[str, str]) -> bool:
    """Whether a message is a report by its headers (names in lower case)."""
    kind = headers.get("content-type", "").lower()
    daemon = _DAEMON.search(headers.get("from", "")) is not None
    return ("multipart/report" in kind and "disposition-notification" not in kind) or (
        daemon and "x-failed-recipients" in headers
    )


def is_automatic(headers: Mapping[str, str]) -> bool:
    """Whether a machine wrote a message by itself, by its headers (names in lower case).

    RFC 3834, section 5, and what was usual before it.
    """
    submitted = headers.get("auto-submitted", "no").partition(";")[0].strip().lower()
    return (
        submitted not in {"no", ""}
        or headers.get("precedence", "").strip().lower() in _BY_MACHINES
        or "x-autoreply" in headers
        or "x-autorespond" in headers
        or "multipart/report" in headers.get("content-type", "").lower()
    )


def read_report(raw: bytes) -> Report:
    """A report's claims. Never raises: what can't be read claims nothing."""
    try:
        message = message_from_bytes(raw, policy=policy.compat32)
        parts = list(islice(message.walk(), _MOST_PARTS))
    except (RecursionError, TypeError):  # parts within parts without end; a boundary in odd pieces
        return Report((), ())
    failures = [failure for part in parts for failure in _failures(part)]
    if not any(part.get_content_type() == "message/delivery-status" for part in parts):
        failures = _by_header(message)
    quoted = [found for part in parts for found in _quoted(part)]
    return Report(tuple(failures[:_MOST_RECIPIENTS]), tuple(dict.fromkeys(quoted))[:_MOST_QUOTED])


def _failures(part: Message) -> Iterator[Failure]:
    """The recipients that a `message/delivery-status` part says failed, a group of fields each."""
    if part.get_content_type() != "message/delivery-status" or not part.is_multipart():
        return
    for fields in part.get_payload():
        if not isinstance(fields, Message) or not _failed(fields):
            continue
        named = (_address(fields, name) for name in ("Final-Recipient", "Original-Recipient"))
        keys = tuple(dict.fromkeys(key for key in named if key))
        if keys:
            yield Failure(keys, _status(fields), _reason(fields))


def _failed(fields: Message) -> bool:
    """Whether it failed for good: a delay or a success is a report too (RFC 3464, 2.3.3)."""
    action = _text(fields, "Action").strip().lower()
    return action == "failed" or (not action and _text(fields, "Status").strip().startswith("5"))


def _by_header(message: Message) -> list[Failure]:
    """What the oldest form of Gmail's reports says: the address in a header, the rest in words."""
    if not _DAEMON.search(_text(message, "From")):
        return []
    named = _text(message, "X-Failed-Recipients").split(",")[:_MOST_RECIPIENTS]
    keys = [key for key in map(_key, named) if key]
    return [Failure((key,), "", "the mail came back") for key in keys]


def _address(fields: Message, name: str) -> str:
    """The address of a recipient field, `rfc822; ann@example.com`, as its key; "" for none."""
    kind, separator, address = _text(fields, name).partition(";")
    return _key(re.sub(r"\(.*\)", "", address if separator else kind))


def _key(text: str) -> str:
    try:
        return read_address(text).key
    except AddressBad:
        return ""


def _status(fields: Message) -> str:
    found = _STATUS.search(_text(fields, "Status"))
    return found[1] if found else ""


def _reason(fields: Message) -> str:
    """What the other side said, on one line, without the codes that a person does not read."""
    kind, separator, said = _text(fields, "Diagnostic-Code").partition(";")
    words = " ".join((said if separator else kind).split())
    # A reply of several lines repeats its code before each (RFC 5321, 4.2.1).
    words = re.sub(r"\b[245]\d\d[ -][245]\.\d{1,3}\.\d{1,3}\s", "", words)
    words = _REPLY_CODE.sub("", words).strip() or "the mail came back"
    return words if len(words) <= _LONGEST_REASON else words[: _LONGEST_REASON - 1] + "…"


def _quoted(part: Message) -> Iterator[str]:
    """The Message-IDs that a part names as the message it is about."""
    if part.get_content_type() == "text/rfc822-headers":
        part = message_from_bytes(_content(part), policy=policy.compat32)
    for name in ("In-Reply-To", "References", "X-Original-Message-ID", "Message-ID"):
        yield from _QUOTED_ID.findall(_text(part, name))


def _content(part: Message) -> bytes:
    content = part.get_payload(decode=True)
    return content if isinstance(content, bytes) else b""


def _text(part: Message, name: str) -> str:
    """A header, unfolded and decoded, without anything that is not text; "" for none."""
    value = str(part.get(name, ""))[:_LONGEST_FIELD]
    with contextlib.suppress(ValueError, LookupError, HeaderParseError):  # a word that is none
        value = str(make_header(decode_header(value)))
    printable = "".join(char if char.isprintable() else " " for char in value)
    return printable.encode("utf-8", "replace").decode("utf-8")
