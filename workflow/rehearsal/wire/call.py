"""One call as a method's handler gets it: checked, signed in, ready to be answered."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from workflow.rehearsal.settings import Settings
from workflow.rehearsal.wire.discovery import Method
from workflow.rehearsal.wire.errors import GoogleError, invalid_argument
from workflow.rehearsal.wire.fields import Mask
from workflow.rehearsal.wire.schema import snake
from workflow.rehearsal.wire.signin import Caller


@dataclass(frozen=True)
class Media:
    """Bytes that are not JSON: an upload, an export or a download."""

    content: bytes
    content_type: str


@dataclass(frozen=True)
class Call:
    """What a handler knows of a request.

    `db` is inside the transaction that is committed when the handler returns and undone when it
    raises. `query` holds checked values as texts. `mask` is the `fields` tree, empty for all.
    `now` is in epoch seconds; `base_url` is the server's address without a last slash.
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
        """A query parameter that is true or false; false when it is absent."""
        return self.text(name, "false") == "true"

    def number(self, name: str, default: int) -> int:
        """A query parameter that is a whole number."""
        return int(self.text(name, str(default)))


Answer = dict[str, Any] | Media | None
Handler = Callable[[Call], Answer]


@dataclass(frozen=True)
class Api:
    """The methods that a service rehearses, and what each shows when no `fields` are asked for."""

    handlers: Mapping[str, Handler]
    default_fields: Mapping[str, str] = field(default_factory=dict)


def check_query(method: Method, query: Mapping[str, list[str]], path: Mapping[str, str]) -> None:
    """Raises the 400 for a query parameter that the method does not have or cannot read."""
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
        return value.isascii() and value.isdigit() and _in_range(parameter, int(value))
    return True


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
