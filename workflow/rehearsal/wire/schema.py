"""Checking JSON values against the schemas of a discovery document.

What comes in is checked as Google's front end parses it: every fault is found and worded as Google
words it. What goes out is checked without mercy: a wrong answer is a defect of the rehearsal.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

Schemas = Mapping[str, Mapping[str, Any]]

_INTEGERS = {"int32": (-(2**31), 2**31 - 1), "uint32": (0, 2**32 - 1)}
_LONGS = {"int64": (-(2**63), 2**63 - 1), "uint64": (0, 2**64 - 1)}
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")
_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_CAPITAL = re.compile(r"(?<!^)(?=[A-Z])")


@dataclass(frozen=True)
class Violation:
    """One fault of a request: the field's path as Google writes it, and the sentence about it."""

    field: str
    description: str


def request_violations(schemas: Schemas, name: str, value: Any, root: str = "") -> list[Violation]:
    """All faults of a request body; `root` is the name of the body in paths, often empty."""
    found: list[Violation] = []
    _Check(schemas, found.append).reference(name, value, root)
    return found


def answer_fault(schemas: Schemas, name: str, value: Any) -> str:
    """A sentence about the first fault of an answer, or an empty text."""
    found: list[Violation] = []
    _Check(schemas, found.append).reference(name, value, "")
    return f"{name}: {found[0].description}" if found else ""


def snake(name: str) -> str:
    """`insertText` as Google's errors write it: `insert_text`."""
    return _CAPITAL.sub("_", name).lower()


def decoded_bytes(text: str) -> bytes | None:
    """The bytes of a base64 text, in either alphabet, padded or not; None when it is neither."""
    standard = text.replace("-", "+").replace("_", "/").rstrip("=")
    if re.search(r"[^A-Za-z0-9+/]", standard):
        return None
    try:
        return base64.b64decode(standard + "=" * (-len(standard) % 4), validate=True)
    except binascii.Error:
        return None


class _Check:
    def __init__(self, schemas: Schemas, report: Callable[[Violation], None]) -> None:
        self.schemas = schemas
        self.report = report

    def reference(self, name: str, value: Any, path: str) -> None:
        if not isinstance(value, dict):
            self._invalid(path, name, value)
            return
        self._members(self.schemas[name], value, path)

    def value(self, schema: Mapping[str, Any], value: Any, path: str) -> None:
        if value is None:  # JSON's null leaves a field unset
            return
        if "$ref" in schema:
            if isinstance(value, list):
                self._not_repeating(path)
                return
            self.reference(schema["$ref"], value, path)
            return
        kind = schema.get("type", "any")
        if isinstance(value, list) and kind not in {"array", "any"}:
            self._not_repeating(path)
            return
        _KINDS[kind](self, schema, value, path)

    def _members(self, schema: Mapping[str, Any], value: dict[str, Any], path: str) -> None:
        properties = schema.get("properties", {})
        extra = schema.get("additionalProperties")
        for name, member in value.items():
            inside = f"{path}.{snake(name)}" if path else snake(name)
            if name in properties:
                self.value(properties[name], member, inside)
            elif extra is not None:
                self.value(extra, member, f"{path}.{name}")
            else:
                self._unknown(name, path, "Cannot find field.")

    def object(self, schema: Mapping[str, Any], value: Any, path: str) -> None:
        if isinstance(value, dict):
            self._members(schema, value, path)
        else:
            self._invalid(path, "Map", value)

    def array(self, schema: Mapping[str, Any], value: Any, path: str) -> None:
        if not isinstance(value, list):
            self._invalid(path, "List", value)
            return
        for position, item in enumerate(value):
            if item is None:
                self._invalid(f"{path}[{position}]", "Item", item)
            self.value(schema["items"], item, f"{path}[{position}]")

    def string(self, schema: Mapping[str, Any], value: Any, path: str) -> None:
        form = schema.get("format", "")
        if form in _LONGS:
            self._long(form, value, path)
        elif not isinstance(value, str):
            self._invalid(path, "TYPE_STRING", value)
        elif "enum" in schema and value not in schema["enum"]:
            self._invalid(path, "TYPE_ENUM", value)
        elif form == "byte" and decoded_bytes(value) is None:
            self._sentence(path, f"(TYPE_BYTES), Base64 decoding failed for {_shown(value)}")
        elif form in {"date-time", "google-datetime"} and not _INSTANT.fullmatch(value):
            self._sentence(
                path, f"(type.googleapis.com/google.protobuf.Timestamp), {_shown(value)}"
            )
        elif form == "date" and not _DATE.fullmatch(value):
            self._invalid(path, "TYPE_STRING", value)

    def integer(self, schema: Mapping[str, Any], value: Any, path: str) -> None:
        form = schema.get("format", "int32")
        low, high = _INTEGERS[form]
        whole = isinstance(value, int) or (isinstance(value, float) and value.is_integer())
        if isinstance(value, bool) or not whole or not low <= value <= high:
            self._invalid(path, f"TYPE_{form.upper()}", value)

    def number(self, schema: Mapping[str, Any], value: Any, path: str) -> None:
        if isinstance(value, bool) or not isinstance(value, int | float):
            self._invalid(path, f"TYPE_{schema.get('format', 'double').upper()}", value)

    def boolean(self, _schema: Mapping[str, Any], value: Any, path: str) -> None:
        if not isinstance(value, bool):
            self._invalid(path, "TYPE_BOOL", value)

    def anything(self, _schema: Mapping[str, Any], _value: Any, _path: str) -> None:
        pass

    def _long(self, form: str, value: Any, path: str) -> None:
        low, high = _LONGS[form]
        digits = isinstance(value, str) and re.fullmatch(r"-?\d{1,20}", value)
        if not digits or not low <= int(value) <= high:
            self._invalid(path, f"TYPE_{form.upper()}", value)

    def _unknown(self, name: str, path: str, why: str) -> None:
        place = f" at '{path}'" if path else ""
        self.report(
            Violation(path, f'Invalid JSON payload received. Unknown name "{name}"{place}: {why}')
        )

    def _not_repeating(self, path: str) -> None:
        above, _, name = path.rpartition(".")
        self._unknown(name, above, "Proto field is not repeating, cannot start list.")

    def _invalid(self, path: str, kind: str, value: Any) -> None:
        self._sentence(path, f"({kind}), {_shown(value)}")

    def _sentence(self, path: str, rest: str) -> None:
        self.report(Violation(path, f"Invalid value at '{path}' {rest}"))


_KINDS: dict[str, Callable[[_Check, Mapping[str, Any], Any, str], None]] = {
    "object": _Check.object,
    "array": _Check.array,
    "string": _Check.string,
    "integer": _Check.integer,
    "number": _Check.number,
    "boolean": _Check.boolean,
    "any": _Check.anything,
}


def _shown(value: Any) -> str:
    if isinstance(value, str):
        return f'"{value[:100]}"'
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    return str(value)[:100]
