"""Gmail's `Message` resource in its four formats, and the search language.

`q` of `messages.list` is supported in part: terms are joined by "and"; `-` negates a term. Source:
Gmail's help on search operators. Parts that the rehearsal lacks (`OR`, braces, other operators) are
refused with 501: as plain words they would find nothing and hide the gap.
"""

from __future__ import annotations

import base64
import html
import re
from collections.abc import Callable, Collection
from datetime import UTC, datetime
from email.message import EmailMessage, MIMEPart
from typing import Any

from google_rehearsal.gmail.mime import FAULTS_OF_PARSING, header_text, parse, readable
from google_rehearsal.gmail.world import Message
from google_rehearsal.wire.errors import not_rehearsed

_SNIPPET_CHARS = 200
_TAGS = re.compile(r"<(style|script|head)\b.*?</\1>|<[^>]+>", re.DOTALL | re.IGNORECASE)


def brief(message: Message) -> dict[str, Any]:
    """The answer of methods that write: ids and labels."""
    return {"id": message.id, "threadId": message.thread_id, "labelIds": list(message.labels)}


def resource(message: Message, form: str, metadata_headers: Collection[str] = ()) -> dict[str, Any]:
    """The message in a format: `minimal`, `full`, `raw` or `metadata`.

    `metadata_headers` limits the headers of `metadata`, in any case; none means all.
    """
    parsed = parse(message.raw)
    answer = brief(message) | {
        "snippet": snippet(parsed),
        "historyId": str(message.serial),
        "internalDate": str(message.at_ms),
        "sizeEstimate": len(message.raw),
    }
    if form == "raw":
        answer["raw"] = base64.urlsafe_b64encode(message.raw).decode()
    if form == "full":
        answer["payload"] = _part(parsed, "")
    if form == "metadata":
        wanted = {name.lower() for name in metadata_headers}
        kept = [
            header for header in _headers(parsed) if not wanted or header["name"].lower() in wanted
        ]
        answer["payload"] = {"mimeType": parsed.get_content_type(), "headers": kept}
    return answer


def snippet(message: EmailMessage) -> str:
    """The first words of the text, escaped for HTML as in Gmail."""
    body = message.get_body(("plain", "html"))
    if body is None:
        return ""
    text = _text(body)
    if body.get_content_type() == "text/html":
        text = html.unescape(_TAGS.sub(" ", text))
    return html.escape(" ".join(text.split())[:_SNIPPET_CHARS], quote=True)


def _text(part: MIMEPart) -> str:
    content = _decoded(part)
    try:
        return content.decode(part.get_content_charset("utf-8"), "replace")
    except (LookupError, ValueError):
        return content.decode("utf-8", "replace")


def _part(part: EmailMessage, part_id: str) -> dict[str, Any]:
    answer: dict[str, Any] = {
        "partId": part_id,
        "mimeType": part.get_content_type(),
        "filename": readable(part.get_filename() or ""),
        "headers": _headers(part),
    }
    below = _below(part)
    if below:
        prefix = f"{part_id}." if part_id else ""
        answer["body"] = {"size": 0}
        answer["parts"] = [_part(each, f"{prefix}{n}") for n, each in enumerate(below)]
    else:
        content = _decoded(part)
        data = base64.urlsafe_b64encode(content).decode()
        answer["body"] = {"size": len(content), "data": data}
    return answer


def _below(part: EmailMessage) -> list[EmailMessage]:
    payload = part.get_payload()
    if not isinstance(payload, list):
        return []
    return [each for each in payload if isinstance(each, EmailMessage)]


def _headers(part: EmailMessage) -> list[dict[str, str]]:
    return [
        {"name": name, "value": _shown(part, name, str(value))} for name, value in part.raw_items()
    ]


def _shown(part: EmailMessage, name: str, value: str) -> str:
    """A header's value as Gmail gives it: unfolded, its encoded words decoded."""
    text = readable(_unfolded(value))
    if "=?" not in text:
        return text
    try:
        return readable(str(part.policy.header_fetch_parse(name, value)))
    except FAULTS_OF_PARSING:
        return text


def _unfolded(value: str) -> str:
    return re.sub(r"\r?\n(?=[ \t])", "", value).strip()


def _decoded(part: MIMEPart) -> bytes:
    content = part.get_payload(decode=True)
    return content if isinstance(content, bytes) else b""


Test = Callable[[Message], bool]

_TERM = re.compile(r'(-?)(?:(\w+):)?(?:"([^"]*)"|(\S+))')
_BETWEEN_TERMS = re.compile(r"[(){}|]|^\+|^(?:OR|AND|AROUND)$")
_AGE = re.compile(r"(\d+)([hdmy])")
_SECONDS = {"h": 3600, "d": 86_400, "m": 30 * 86_400, "y": 365 * 86_400}
_PLACES = {
    "sent": "SENT",
    "inbox": "INBOX",
    "draft": "DRAFT",
    "drafts": "DRAFT",
    "unread": "UNREAD",
}


def parse_search(text: str, now: float) -> Test:
    """The test for a `q`; `now` in epoch seconds. Anything that isn't an operator is a word.

    Raises the 501 for a part of the language that the rehearsal lacks.
    """
    tests = [_term(found, now) for found in _TERM.finditer(text)]
    return lambda message: all(test(message) for test in tests)


def _term(found: re.Match[str], now: float) -> Test:
    minus, operator, quoted, bare = found.groups()
    if bare is not None and _BETWEEN_TERMS.search(bare):
        raise not_rehearsed(f"The search {found[0]!r}")
    test = _positive(operator, quoted if bare is None else bare, now)
    if minus:
        return lambda message: not test(message)
    return test


def _positive(operator: str | None, value: str, now: float) -> Test:
    if operator is None:
        return lambda message: value.casefold() in _words(message)
    make = _OPERATORS.get(operator.lower())
    test = make(operator.lower(), value, now) if make else None
    if test is None:
        raise not_rehearsed(f"The search {operator}:{value}")
    return test


def _header(operator: str, value: str, _now: float) -> Test:
    return lambda message: value.casefold() in header_text(parse(message.raw), operator).casefold()


def _message_id(_operator: str, value: str, _now: float) -> Test:
    wanted = value.strip("<>")
    return lambda message: (
        header_text(parse(message.raw), "Message-ID").strip().strip("<>") == wanted
    )


def _place(_operator: str, value: str, _now: float) -> Test:
    if value.lower() == "anywhere":
        return lambda _message: True
    label = _PLACES.get(value.lower(), value.upper())
    return lambda message: label in message.labels


def _age(operator: str, value: str, now: float) -> Test | None:
    age = _AGE.fullmatch(value.lower())
    if not age:
        return None
    limit = now - int(age[1]) * _SECONDS[age[2]]
    return _beside(limit, "after" if operator == "newer_than" else "before")


def _date(operator: str, value: str, _now: float) -> Test | None:
    at = _instant(value)
    side = "after" if operator in {"after", "newer"} else "before"
    return None if at is None else _beside(at, side)


def _has(_operator: str, value: str, _now: float) -> Test | None:
    if value.lower() != "attachment":
        return None
    return lambda message: next(iter(parse(message.raw).iter_attachments()), None) is not None


def _beside(limit: float, side: str) -> Test:
    if side == "after":
        return lambda message: message.at_ms >= limit * 1000
    return lambda message: message.at_ms < limit * 1000


_OPERATORS: dict[str, Callable[[str, str, float], Test | None]] = {
    **dict.fromkeys(("from", "to", "cc", "subject"), _header),
    "rfc822msgid": _message_id,
    **dict.fromkeys(("in", "label", "is"), _place),
    **dict.fromkeys(("newer_than", "older_than"), _age),
    **dict.fromkeys(("after", "newer", "before", "older"), _date),
    "has": _has,
}


def _instant(text: str) -> float | None:
    if text.isascii() and text.isdigit():
        return float(text)
    try:
        year, month, day = (int(part) for part in re.split("[/-]", text))
        return datetime(year, month, day, tzinfo=UTC).timestamp()
    except ValueError:
        return None


def _words(message: Message) -> str:
    parsed = parse(message.raw)
    headers = " ".join(header_text(parsed, name) for name in ("From", "To", "Cc", "Subject"))
    return f"{headers} {snippet(parsed)}".casefold()
