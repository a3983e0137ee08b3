"""Field masks of the update requests: which fields of a style are set, and which are reset."""

from __future__ import annotations

import re
from typing import Any, Final

from .errors import RequestError
from .model import Json

Fields = dict[str, Any]

_COLOR: Final[Fields] = {"color": {"rgbColor": {"red": {}, "green": {}, "blue": {}}}}
_DIMENSION: Final[Fields] = {"magnitude": {}, "unit": {}}
_BORDER: Final[Fields] = {"color": _COLOR, "width": _DIMENSION, "dashStyle": {}}
_PARAGRAPH_BORDER: Final[Fields] = {**_BORDER, "padding": _DIMENSION}

TEXT_STYLE: Final[Fields] = {
    "backgroundColor": _COLOR,
    "baselineOffset": {},
    "bold": {},
    "fontSize": _DIMENSION,
    "foregroundColor": _COLOR,
    "italic": {},
    "link": {
        "bookmark": {"id": {}, "tabId": {}},
        "bookmarkId": {},
        "heading": {"id": {}, "tabId": {}},
        "headingId": {},
        "tabId": {},
        "url": {},
    },
    "smallCaps": {},
    "strikethrough": {},
    "underline": {},
    "weightedFontFamily": {"fontFamily": {}, "weight": {}},
}

PARAGRAPH_STYLE: Final[Fields] = {
    "alignment": {},
    "avoidWidowAndOrphan": {},
    "borderBetween": _PARAGRAPH_BORDER,
    "borderBottom": _PARAGRAPH_BORDER,
    "borderLeft": _PARAGRAPH_BORDER,
    "borderRight": _PARAGRAPH_BORDER,
    "borderTop": _PARAGRAPH_BORDER,
    "direction": {},
    "indentEnd": _DIMENSION,
    "indentFirstLine": _DIMENSION,
    "indentStart": _DIMENSION,
    "keepLinesTogether": {},
    "keepWithNext": {},
    "lineSpacing": {},
    "namedStyleType": {},
    "pageBreakBefore": {},
    "shading": {"backgroundColor": _COLOR},
    "spaceAbove": _DIMENSION,
    "spaceBelow": _DIMENSION,
    "spacingMode": {},
}

CELL_STYLE: Final[Fields] = {
    "backgroundColor": _COLOR,
    "borderBottom": _BORDER,
    "borderLeft": _BORDER,
    "borderRight": _BORDER,
    "borderTop": _BORDER,
    "contentAlignment": {},
    "paddingBottom": _DIMENSION,
    "paddingLeft": _DIMENSION,
    "paddingRight": _DIMENSION,
    "paddingTop": _DIMENSION,
}

# Fields that a resource shows and no request may set (API reference: "This property is read-only").
_READ_ONLY: Final = {"headingId", "tabStops", "columnSpan", "rowSpan"}


def paths(mask: str | None, fields: Fields) -> list[tuple[str, ...]]:
    """The paths that a mask lists, `*` spelled out. Raises `RequestError` for an unknown field."""
    names = [name.strip() for name in (mask or "").split(",") if name.strip()]
    if not names:
        raise RequestError(
            "At least one field must be listed in 'fields'. (Use '*' to indicate all fields.)"
        )
    if names == ["*"]:
        return [(name,) for name in fields]
    return [_path(name, fields) for name in names]


def merged(old: Json, new: Json, listed: list[tuple[str, ...]]) -> Json:
    """`old` with each listed path as in `new`; a path that `new` leaves unset is reset."""
    result = old
    for path in listed:
        result = _with_path(result, new, path)
    return result


def _path(name: str, fields: Fields) -> tuple[str, ...]:
    path = tuple(_camel(part) for part in name.split("."))
    if path[0] in _READ_ONLY and path[0] not in fields:
        raise RequestError(f"Unallowed field: {name}")
    known = fields
    for part in path:
        if part not in known:
            raise RequestError(f"Invalid field: {name}")
        known = known[part]
    return path


def _camel(name: str) -> str:
    # Protocol buffer names are taken as well as their JSON names.
    return re.sub("_([a-z])", lambda found: found[1].upper(), name)


def _with_path(old: Json, new: Json, path: tuple[str, ...]) -> Json:
    first, *rest = path
    without = {key: value for key, value in old.items() if key != first}
    if first not in new:
        if not rest or first not in old:
            return without
        return {**without, first: _with_path(old[first], {}, tuple(rest))}
    if not rest:
        return {**without, first: new[first]}
    return {**without, first: _with_path(old.get(first, {}), new[first], tuple(rest))}
