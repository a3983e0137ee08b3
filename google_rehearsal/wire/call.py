"""One call as a method's handler gets it: checked, signed in, ready to be answered.

Its body is JSON, media, or both as multipart/related. A partial response is requested by the
`fields` parameter, `a,b/c,d(e,f),*`: a mask is a tree, a dict of the requested names, each with the
mask below it; an empty mask means everything below. The name `*` means all names.
"""

from __future__ import annotations

import base64
import json
import math
import re
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from email.message import Message
from typing import Any, NoReturn

from google_rehearsal.store import Settings
from google_rehearsal.wire.admission import Caller
from google_rehearsal.wire.errors import (
    GoogleError,
    Match,
    Method,
    Schemas,
    invalid_argument,
    not_rehearsed,
    request_violations,
    schemas,
    snake,
)

Mask = dict[str, Any]

# How deep a body may be nested: the limit of Google's own parser (protobuf, json_stream_parser.cc).
# That a mask has the same limit is a guess.
DEEPEST = 100

_TOKENS = re.compile(r"[\w$@:-]+|\*|[/.(),]")


class BadMask(ValueError):
    """An invalid mask, or one with a name that the answer never has.

    `path` is the whole path (`files.bogus`), `name` its last part.
    """

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.path = path
        self.name = re.split(r"[./]", path)[-1]


def parse_mask(text: str) -> Mask:
    """The tree of a `fields` text. Raises `BadMask` for invalid syntax."""
    tokens = _TOKENS.findall(text)
    if not tokens or "".join(tokens) != re.sub(r"\s+", "", text):
        raise BadMask(text)
    stream = _Tokens(tokens, text)
    mask = stream.selection()
    if stream.next is not None:
        raise BadMask(text)
    return mask


def check_mask(mask: Mask, schemas: Schemas, name: str) -> None:
    """Raise `BadMask` for the first path that the schema `name` does not have."""
    _check(mask, schemas, {"$ref": name}, ())


def apply_mask(mask: Mask, value: Any) -> Any:
    """The part of a JSON value that the mask selects."""
    if not mask:
        return value
    if isinstance(value, list):
        kept = [apply_mask(mask, item) for item in value]
        return [item for item in kept if item is not None]
    if not isinstance(value, dict):
        return None
    return dict(_members(mask, value))


def _members(mask: Mask, value: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, member in value.items():
        below = mask.get(name, mask.get("*"))
        if below is None:
            continue
        kept = apply_mask(below, member)
        if kept is not None:
            yield name, kept


class _Tokens:
    def __init__(self, tokens: list[str], text: str) -> None:
        self._tokens = iter(tokens)
        self._text = text
        self.next = next(self._tokens, None)

    def selection(self, depth: int = 0) -> Mask:
        mask: Mask = {}
        self._path(mask, depth)
        while self.next == ",":
            self._advance()
            self._path(mask, depth)
        return mask

    def _path(self, mask: Mask, depth: int) -> None:
        if depth > DEEPEST:
            raise BadMask(self._text)
        name = self._name()
        seen = mask.get(name)
        below: Mask = {}
        if self.next in {"/", "."}:
            self._advance()
            self._path(below, depth + 1)
        elif self.next == "(":
            self._advance()
            below = self.selection(depth + 1)
            self._expect(")")
        # A whole thing together with a part of it means the whole.
        mask[name] = below if seen is None else _union(seen, below)

    def _name(self) -> str:
        name = self.next
        if name is None or name in {"/", ".", "(", ")", ","}:
            raise BadMask(self._text)
        self._advance()
        return name

    def _expect(self, token: str) -> None:
        if self.next != token:
            raise BadMask(self._text)
        self._advance()

    def _advance(self) -> None:
        self.next = next(self._tokens, None)


def _union(one: Mask, other: Mask) -> Mask:
    if not one or not other:
        return {}
    return {
        name: _union(one[name], other[name])
        if name in one and name in other
        else one.get(name, other.get(name))
        for name in {**one, **other}
    }


def _check(mask: Mask, schemas: Schemas, schema: Mapping[str, Any], path: tuple[str, ...]) -> None:
    schema = _resolved(schema, schemas)
    for name, below in mask.items():
        inside = _inside(schema, name)
        if not inside:
            raise BadMask(".".join((*path, name)))
        for each in inside:
            _check_below(below, schemas, each, (*path, name))


def _check_below(
    mask: Mask, schemas: Schemas, schema: Mapping[str, Any], path: tuple[str, ...]
) -> None:
    # Below `*`, a name must exist in at least one member.
    if path[-1] == "*" and mask:
        return
    if mask:
        _check(mask, schemas, schema, path)


def _inside(schema: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    properties = schema.get("properties", {})
    if name == "*":
        return list(properties.values()) or [{}]
    if name in properties:
        return [properties[name]]
    extra = schema.get("additionalProperties")
    return [extra] if extra is not None else []


def _resolved(schema: Mapping[str, Any], schemas: Schemas) -> Mapping[str, Any]:
    while True:
        if "$ref" in schema:
            schema = schemas[schema["$ref"]]
        elif "items" in schema:
            schema = schema["items"]
        else:
            return schema


@dataclass(frozen=True)
class Media:
    """Bytes that are not JSON: an upload, an export or a download."""

    content: bytes
    content_type: str


@dataclass(frozen=True)
class Call:
    """A request as its handler sees it.

    `db` is inside the transaction that is committed when the handler returns and rolled back when
    it raises. `query` holds checked values as texts. `mask` is the `fields` tree, empty for all.
    `now` is in epoch seconds; `base_url` is the server's address without a final slash.
    """

    db: sqlite3.Connection
    method: Method
    caller: Caller
    path: Mapping[str, str]
    query: Mapping[str, list[str]]
    body: Mapping[str, Any]
    mask: Mask
    now: float
    base_url: str
    settings: Settings
    media: Media | None = None

    def text(self, name: str, default: str = "") -> str:
        """A query parameter as a text."""
        return self.query.get(name, [default])[-1]

    def flag(self, name: str) -> bool:
        """A boolean query parameter; false if it is absent."""
        return self.text(name, "false") == "true"

    def number(self, name: str, default: int) -> int:
        """A query parameter that is a whole number."""
        return int(self.text(name, str(default)))


Answer = dict[str, Any] | Media | None
Handler = Callable[[Call], Answer]


@dataclass(frozen=True)
class Api:
    """A service's methods in the rehearsal, and what each shows without `fields`."""

    handlers: Mapping[str, Handler]
    default_fields: Mapping[str, str] = field(default_factory=dict)


def check_query(method: Method, query: Mapping[str, list[str]], path: Mapping[str, str]) -> None:
    """Raise the 400 for an unknown or invalid query parameter."""
    for name, values in query.items():
        parameter = method.parameters.get(name)
        if parameter is None or name in path:
            raise _unknown_parameter(method, name)
        for value in values:
            if not _readable(parameter, value):
                raise _bad_parameter(method, name, parameter, value)
        if len(values) > 1 and not parameter.get("repeated"):
            raise _bad_parameter(method, name, parameter, values[-1])


def _readable(parameter: Mapping[str, Any], value: str) -> bool:
    if "enum" in parameter:
        return value in parameter["enum"]
    if parameter.get("type") == "boolean":
        return value in {"true", "false"}
    if parameter.get("type") == "integer":
        return bool(_WHOLE.fullmatch(value)) and _in_range(parameter, int(value))
    return True


# No parameter has more digits, and Python reads at most 4,300 of them.
_WHOLE = re.compile("[0-9]{1,20}")


def _in_range(parameter: Mapping[str, Any], value: int) -> bool:
    low, high = int(parameter.get("minimum", 0)), int(parameter.get("maximum", 2**32 - 1))
    return low <= value <= high


def _unknown_parameter(method: Method, name: str) -> GoogleError:
    text = (
        f'Invalid JSON payload received. Unknown name "{name}": Cannot bind query parameter. '
        f"Field '{name}' could not be found in request message."
    )
    return invalid_argument(text, ("", text))


def _bad_parameter(
    method: Method, name: str, parameter: Mapping[str, Any], value: str
) -> GoogleError:
    if method.service == "drive":
        return invalid_parameter(name, f"Invalid value '{value}'.")
    kind = "TYPE_ENUM" if "enum" in parameter else f"TYPE_{parameter.get('type', 'string').upper()}"
    text = f"Invalid value at '{snake(name)}' ({kind}), \"{value}\""
    return invalid_argument(text, (snake(name), text))


def invalid_parameter(
    name: str, message: str = "Invalid Value", reason: str = "invalid"
) -> GoogleError:
    """Drive's 400 about one query parameter."""
    return GoogleError(400, message, reason=reason, location=name, location_type="parameter")


def page_token(*parts: int | str) -> str:
    """An opaque `nextPageToken`; the first part is where the page starts."""
    return base64.urlsafe_b64encode(json.dumps(parts).encode()).decode()


def read_page_token(token: str, *context: str) -> int:
    """Where the page starts: 0 without a token. Raises `ValueError` for a token of no such list."""
    if not token:
        return 0
    try:
        start, *others = json.loads(base64.urlsafe_b64decode(token))
    except (ValueError, TypeError, RecursionError) as error:
        raise ValueError(token) from error
    if type(start) is not int or start < 0 or others != list(context):
        raise ValueError(token)
    return start


# For these, Google treats a missing body as an empty object.
_BODY_OPTIONAL = re.compile(r"drive\..*|docs\.documents\.create")
_EXACT = 2**53  # below it, every whole number is exact as a double
_UNSENDABLE = re.compile("[\ud800-\udfff]")


def read_payload(
    match: Match, content_type: str, body: bytes, upload_type: str
) -> tuple[dict[str, Any], Media | None]:
    """The checked JSON of a request, and its media. Raises Google's 400s."""
    method = match.method
    if match.upload == "resumable" or upload_type == "resumable":
        raise not_rehearsed("A resumable upload")
    if not match.upload:
        return _json_body(method, content_type, body), None
    if upload_type == "media":
        return {}, Media(body, content_type or "application/octet-stream")
    if upload_type != "multipart":
        raise invalid_argument(f"Invalid upload type: {upload_type or 'none'}.")
    parts = _related(content_type, body)
    if len(parts) != 2:
        raise invalid_argument("Multipart upload must have exactly two parts: metadata and media.")
    metadata, media = parts
    return _json_body(method, metadata.content_type, metadata.content), media


def _json_body(method: Method, content_type: str, body: bytes) -> dict[str, Any]:
    if not method.request:
        if body.strip():
            raise invalid_argument("This method takes no request body.")
        return {}
    if not body.strip():
        if _BODY_OPTIONAL.fullmatch(method.id):
            return {}
        raise invalid_argument("Request body is missing.")
    if content_type.partition(";")[0].strip().lower() != "application/json":
        raise GoogleError(
            400,
            f"Unsupported content with type: {content_type or 'none'}",
            reason="badContent",
            status="INVALID_ARGUMENT",
        )
    value = _loaded(body)
    root = snake(method.request) if method.id in _NAMED_BODIES else ""
    violations = request_violations(schemas(method.service), method.request, value, root)
    if violations:
        raise invalid_argument(
            "\n".join(each.description for each in violations),
            *((each.field, each.description) for each in violations),
        )
    kept = {
        name: member
        for name, member in value.items()
        if method.service == "drive" and name in _CLEARED_BY_NULL
    }
    checked: dict[str, Any] = _without_nulls(value) | kept
    return checked


# What Drive clears by null: its guide on partial updates, the reference on `properties`. Elsewhere
# null means absent; for the other fields of Drive that is a guess.
_CLEARED_BY_NULL = {"appProperties", "description", "properties"}
_NAMED_BODIES = {
    "docs.documents.create",
    "gmail.users.drafts.create",
    "gmail.users.drafts.send",
    "gmail.users.drafts.update",
    "gmail.users.messages.send",
}


def _loaded(body: bytes) -> Any:
    try:
        text = body.decode("utf-8")
        value = json.loads(text, parse_constant=_refuse_constant, parse_float=_number)
    except (ValueError, RecursionError) as error:
        raise _not_json(body) from error
    _check_depth(value)
    if "\\u" in text and _UNSENDABLE.search(json.dumps(value, ensure_ascii=False)):
        raise _not_json(body)
    return value


def _check_depth(value: Any) -> None:
    """Raise Google's 400 for a body that is nested too deep."""
    level = _nested([("", [value])])
    for _ in range(DEEPEST):
        if not level:
            return
        level = _nested(level)
    if level:
        key = level[0][0]
        raise invalid_argument(f"Message too deep. Max recursion depth reached for key '{key}'")


def _nested(level: list[tuple[str, Any]]) -> list[tuple[str, Any]]:
    """The objects and lists within those of a level, each with the key that it is at."""
    members = [
        pair
        for key, value in level
        for pair in (value.items() if isinstance(value, dict) else ((key, each) for each in value))
    ]
    return [(key, value) for key, value in members if isinstance(value, dict | list)]


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(name)


def _number(text: str) -> float:
    """A number; a whole one as `int`: `3.0` is a valid int32 (JSON mapping of protocol buffers)."""
    number = float(text)
    if math.isinf(number):
        raise ValueError(text)
    return int(number) if number.is_integer() and abs(number) < _EXACT else number


def _not_json(body: bytes) -> GoogleError:
    shown = body[:60].decode("utf-8", "replace")
    text = f"Invalid JSON payload received. Unexpected token.\n{shown}\n^"
    return invalid_argument(text, ("", text))


def _without_nulls(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {
            name: _without_nulls(member) for name, member in value.items() if member is not None
        }
    if isinstance(value, list):
        return [_without_nulls(item) for item in value]
    return value


def _related(content_type: str, body: bytes) -> list[Media]:
    header = Message()
    header["Content-Type"] = content_type
    boundary = header.get_param("boundary")
    if header.get_content_maintype() != "multipart" or not isinstance(boundary, str):
        raise invalid_argument("Missing multipart boundary.")
    # Lines between parts may end with a bare newline, as googleapiclient sends them.
    delimiter = rb"(?:^|\r?\n)--" + re.escape(boundary.encode("latin-1"))
    pieces = re.split(delimiter, body)
    return [_part(piece) for piece in pieces[1:] if not piece.startswith(b"--")]


def _part(piece: bytes) -> Media:
    found = re.search(rb"\r?\n\r?\n", piece)
    if not found:
        raise invalid_argument("A part of the multipart body has no header.")
    kind = re.search(rb"(?im)^content-type:\s*([^\r\n]+)", piece[: found.start()])
    name = kind[1].decode("latin-1").strip() if kind else "application/octet-stream"
    return Media(piece[found.end() :], name)
