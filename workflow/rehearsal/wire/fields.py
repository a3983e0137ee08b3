"""Partial responses: the `fields` parameter, `a,b/c,d(e,f),*`.

A mask is a tree: a dict of the names that are asked for, each with the mask of what lies below it;
an empty mask asks for everything below. The name `*` stands for all names.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from workflow.rehearsal.wire.schema import Schemas

Mask = dict[str, Any]

_TOKENS = re.compile(r"[\w$@:-]+|\*|[/.(),]")


class BadMask(ValueError):
    """A mask that cannot be read, or asks for a name that the answer never has.

    `path` is the whole path (`files.bogus`), `name` its last part.
    """

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.path = path
        self.name = re.split(r"[./]", path)[-1]


def parse_mask(text: str) -> Mask:
    """The tree of a `fields` text. Raises `BadMask` for a text that cannot be read."""
    tokens = _TOKENS.findall(text)
    if not tokens or "".join(tokens) != re.sub(r"\s+", "", text):
        raise BadMask(text)
    stream = _Tokens(tokens, text)
    mask = stream.selection()
    if stream.next is not None:
        raise BadMask(text)
    return mask


def check_mask(mask: Mask, schemas: Schemas, name: str) -> None:
    """Raises `BadMask` for the first path that the schema `name` does not have."""
    _check(mask, schemas, {"$ref": name}, ())


def apply_mask(mask: Mask, value: Any) -> Any:
    """The part of a JSON value that the mask asks for."""
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

    def selection(self) -> Mask:
        mask: Mask = {}
        self._path(mask)
        while self.next == ",":
            self._advance()
            self._path(mask)
        return mask

    def _path(self, mask: Mask) -> None:
        name = self._name()
        seen = mask.get(name)
        below: Mask = {}
        if self.next in {"/", "."}:
            self._advance()
            self._path(below)
        elif self.next == "(":
            self._advance()
            below = self.selection()
            self._expect(")")
        # Asking for a whole thing and for a part of it asks for the whole.
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
    # Below `*` a name need only exist in some of the members.
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
