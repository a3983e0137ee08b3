"""The part of Gmail's search language that the rehearsal knows: `q` of `messages.list`.

Terms are joined by "and"; `-` turns a term round. Source: Gmail's help on search operators. What
Gmail knows and the rehearsal does not (`OR`, braces, other operators) is refused with 501: taken
for a word to look for, it would find nothing and hide the gap.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime

from workflow.rehearsal.gmail.mailbox import Message
from workflow.rehearsal.gmail.mime import header_text, parse
from workflow.rehearsal.gmail.resource import snippet
from workflow.rehearsal.wire.errors import not_rehearsed

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
    """The test that a `q` stands for; `now` in epoch seconds. What is no operator is a word.

    Raises the 501 for a part of the language that is not rehearsed.
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
