"""The search language of `files.list`: `q`, parsed into a test for one file.

Source: Drive's guide "Search query terms and operators". `and` and `or` are evaluated from left to
right; `name contains` matches only the beginnings of words.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from google_rehearsal import store
from google_rehearsal.drive.world import DriveFile
from google_rehearsal.wire.admission import Caller

Test = Callable[[DriveFile, Caller], bool]

_TOKEN = re.compile(r"\s*(?:('(?:\\.|[^'\\])*')|(<=|>=|!=|[<>=(){}])|([A-Za-z]+))")
_COMPARE: dict[str, Callable[[float, float], bool]] = {
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    "=": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}
_TEXTS: dict[str, Callable[[DriveFile], str]] = {
    "name": lambda file: file.name,
    "mimeType": lambda file: file.mime_type,
    "fullText": lambda file: f"{file.name} {file.description}",
}
_TIMES: dict[str, Callable[[DriveFile], float]] = {
    "createdTime": lambda file: file.created_at,
    "modifiedTime": lambda file: file.modified_at,
}
_FLAGS: dict[str, Callable[[DriveFile, Caller], bool]] = {
    "trashed": lambda file, _caller: file.trashed,
    "starred": lambda file, _caller: file.starred,
    "sharedWithMe": lambda file, caller: file.owner != caller.account,
}
_ROLES = {"owners": "owner", "writers": "writer", "readers": "reader"}


class BadQuery(ValueError):
    """A `q` that cannot be read."""


def parse_query(text: str) -> Test:
    """The test for a `q`. Raises `BadQuery`."""
    parser = _Parser(_tokens(text))
    test = parser.expression()
    if parser.next is not None:
        raise BadQuery(text)
    return test


def searches_text(q: str) -> bool:
    """Whether a readable `q` has a term on `fullText`; quoted text is none."""
    return any(token == _Token("word", "fullText") for token in _tokens(q))


@dataclass(frozen=True)
class _Token:
    kind: str  # "text", "sign" or "word"
    value: str


def _tokens(text: str) -> list[_Token]:
    tokens, position, end = [], 0, len(text.rstrip())
    while position < end:
        found = _TOKEN.match(text, position)
        if not found:
            raise BadQuery(text)
        quoted, sign, word = found.groups()
        if quoted is not None:
            tokens.append(_Token("text", re.sub(r"\\(.)", r"\1", quoted[1:-1], flags=re.DOTALL)))
        else:
            tokens.append(_Token("sign", sign) if sign else _Token("word", word))
        position = found.end()
    return tokens


class _Parser:
    def __init__(self, tokens: list[_Token]) -> None:
        self._tokens = iter(tokens)
        self.next: _Token | None = next(self._tokens, None)

    def expression(self) -> Test:
        test = self._term()
        while self.next in {_Token("word", "and"), _Token("word", "or")}:
            test = _joined(self._take().value, test, self._term())
        return test

    def _term(self) -> Test:
        token = self._take()
        if token == _Token("word", "not"):
            inner = self._term()
            return lambda file, caller: not inner(file, caller)
        if token == _Token("sign", "("):
            inner = self.expression()
            self._expect("sign", ")")
            return inner
        if token.kind == "text":
            return self._membership(token.value)
        if token.kind == "word":
            return self._comparison(token.value)
        raise BadQuery(token.value)

    def _membership(self, value: str) -> Test:
        self._expect("word", "in")
        field = self._take().value
        if field == "parents":
            return lambda file, caller: file.parent == _folder(value, caller)
        if field in _ROLES:
            return lambda file, _caller: _has_role(file, value, _ROLES[field])
        raise BadQuery(field)

    def _comparison(self, field: str) -> Test:
        if field in {"properties", "appProperties"}:
            return self._property(field)
        operator = self._take().value
        if field in _FLAGS:
            return self._flag(field, operator)
        value = self._kind("text")
        if field in _TEXTS:
            return _text_test(field, operator, value)
        if field in _TIMES and operator in _COMPARE:
            return _time_test(field, operator, value)
        raise BadQuery(field)

    def _flag(self, field: str, operator: str) -> Test:
        word = self._kind("word")
        if operator not in {"=", "!="} or word not in {"true", "false"}:
            raise BadQuery(field)
        wanted = (word == "true") == (operator == "=")
        return lambda file, caller: _FLAGS[field](file, caller) == wanted

    def _property(self, field: str) -> Test:
        self._expect("word", "has")
        self._expect("sign", "{")
        self._expect("word", "key")
        self._expect("sign", "=")
        key = self._kind("text")
        self._expect("word", "and")
        self._expect("word", "value")
        self._expect("sign", "=")
        value = self._kind("text")
        self._expect("sign", "}")
        if field == "properties":
            return lambda file, _caller: file.properties.get(key) == value
        return lambda file, caller: file.app_properties.get(caller.client, {}).get(key) == value

    def _take(self) -> _Token:
        token = self.next
        if token is None:
            raise BadQuery("it ends too early")
        self.next = next(self._tokens, None)
        return token

    def _kind(self, kind: str) -> str:
        token = self._take()
        if token.kind != kind:
            raise BadQuery(token.value)
        return token.value

    def _expect(self, kind: str, value: str) -> None:
        if self._take() != _Token(kind, value):
            raise BadQuery(value)


def _joined(word: str, one: Test, other: Test) -> Test:
    if word == "and":
        return lambda file, caller: one(file, caller) and other(file, caller)
    return lambda file, caller: one(file, caller) or other(file, caller)


def _folder(value: str, caller: Caller) -> str:
    return store.root_folder_id(caller.account) if value == "root" else value


def _has_role(file: DriveFile, who: str, role: str) -> bool:
    return any(
        permission["role"] == role and permission.get("emailAddress", "").lower() == who.lower()
        for permission in file.permissions
    )


def _text_test(field: str, operator: str, value: str) -> Test:
    read = _TEXTS[field]
    wanted = value.casefold()
    if operator == "contains":
        beginning = re.compile(rf"(?<!\w){re.escape(wanted)}")
        if field == "mimeType":
            return lambda file, _caller: read(file).casefold().startswith(wanted)
        return lambda file, _caller: beginning.search(read(file).casefold()) is not None
    if field == "fullText" or operator not in {"=", "!="}:
        raise BadQuery(field)
    equal = operator == "="
    return lambda file, _caller: (read(file) == value) == equal


def _time_test(field: str, operator: str, value: str) -> Test:
    try:
        moment = datetime.fromisoformat(value)
    except ValueError as error:
        raise BadQuery(value) from error
    # "The default timezone is UTC": the guide on search terms.
    at = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    read, compare = _TIMES[field], _COMPARE[operator]
    return lambda file, _caller: compare(round(read(file), 3), at)
