"""Style requests: text, paragraphs, bullets, and their field masks.

updateTextStyle, updateParagraphStyle, createParagraphBullets, deleteParagraphBullets. A field mask
says which fields of a style are set, and which are reset.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Any, Final

from google_rehearsal.docs.editing import (
    Edit,
    Extent,
    Spot,
    cut,
    note_deletion,
    rebuilt,
    restyled,
    spots_within,
    text_extent_of,
)
from google_rehearsal.docs.errors import RequestError
from google_rehearsal.docs.new_documents import LINK_COLOR, inherited_text_style, points
from google_rehearsal.docs.suggested_styles import (
    suggest_bullet,
    suggest_paragraph_style,
    suggest_text_style,
)
from google_rehearsal.docs.world import Block, Json, Paragraph, Piece, Run, Tab

# API reference, BulletGlyphPreset. Symbols for the first three levels, repeated below those.
_SYMBOLS: Final = {
    "BULLET_DISC_CIRCLE_SQUARE": "●○■",
    "BULLET_DIAMONDX_ARROW3D_SQUARE": "❖➢■",
    "BULLET_CHECKBOX": "☐☐☐",
    "BULLET_ARROW_DIAMOND_DISC": "➔◆●",
    "BULLET_STAR_CIRCLE_SQUARE": "★○■",
    "BULLET_ARROW3D_CIRCLE_SQUARE": "➢○■",
    "BULLET_LEFTTRIANGLE_DIAMOND_DISC": "◄◆●",
    "BULLET_DIAMONDX_HOLLOWDIAMOND_SQUARE": "❖◇■",
    "BULLET_DIAMOND_CIRCLE_SQUARE": "◆○■",
}
# Glyph types for the first three levels, repeated below those, and what follows the number.
_NUMBERS: Final = {
    "NUMBERED_DECIMAL_ALPHA_ROMAN": (("DECIMAL", "ALPHA", "ROMAN"), "."),
    "NUMBERED_DECIMAL_ALPHA_ROMAN_PARENS": (("DECIMAL", "ALPHA", "ROMAN"), ")"),
    "NUMBERED_DECIMAL_NESTED": (("DECIMAL", "DECIMAL", "DECIMAL"), "."),
    "NUMBERED_UPPERALPHA_ALPHA_ROMAN": (("UPPER_ALPHA", "ALPHA", "ROMAN"), "."),
    "NUMBERED_UPPERROMAN_UPPERALPHA_DECIMAL": (("UPPER_ROMAN", "UPPER_ALPHA", "DECIMAL"), "."),
    "NUMBERED_ZERODECIMAL_ALPHA_ROMAN": (("ZERO_DECIMAL", "ALPHA", "ROMAN"), "."),
}
_LEVELS: Final = 9  # API reference, ListProperties: "A list has at most 9 levels of nesting"


def create_paragraph_bullets(edit: Edit, request: Json) -> Json:
    """Turn the paragraphs in a range into list items; leading tabs become nesting."""
    extent = text_extent_of(edit.doc, request)
    preset = request.get("bulletPreset", "BULLET_GLYPH_PRESET_UNSPECIFIED")
    if preset not in _SYMBOLS and preset not in _NUMBERS:
        raise RequestError("A bullet preset must be specified.")
    spots = list(spots_within(extent.segment, extent.start, extent.end))
    list_id = _list_before(extent.tab, spots[0], preset) if spots else None
    if list_id is None:
        list_id = edit.fresh_id("kix.")
        new = {"suggestedInsertionId": edit.suggestion} if edit.suggestion else {}
        extent.tab.lists[list_id] = {"listProperties": _properties(preset), **new}
    if edit.suggestion:
        suggest_bullet(edit, spots, {"listId": list_id})
        return {}
    # From the last to the first: the removed tabs only move paragraphs that are done.
    for spot in reversed(spots):
        _make_item(extent, spot, list_id)
    return {}


def delete_paragraph_bullets(edit: Edit, request: Json) -> Json:
    """Remove the bullets of the paragraphs in a range; nested ones stay indented."""
    extent = text_extent_of(edit.doc, request)
    spots = list(spots_within(extent.segment, extent.start, extent.end))
    if edit.suggestion:
        suggest_bullet(edit, [each for each in spots if each.paragraph.bullet is not None], {})
        return {}
    for spot in spots:
        if spot.paragraph.bullet is not None:
            spot.put(_unbulleted(spot.paragraph, spot.paragraph.bullet))
    return {}


def _make_item(extent: Extent, spot: Spot, list_id: str) -> None:
    paragraph = spot.paragraph
    text = paragraph.text
    tabs = len(text) - len(text.lstrip("\t"))
    old = paragraph.bullet or {}
    level = min(tabs or old.get("nestingLevel", 0), _LEVELS - 1)
    bullet: Json = {"listId": list_id, "textStyle": old.get("textStyle", {})}
    if level:
        bullet["nestingLevel"] = level
    style = {
        **paragraph.style,
        "indentFirstLine": points(18 + 36 * level),
        "indentStart": points(36 + 36 * level),
    }
    item = replace(paragraph, style=style, bullet=bullet)
    spot.put(rebuilt(item, cut(paragraph.pieces, tabs)[1]))
    if tabs:
        note_deletion(extent.tab, extent.segment.id, spot.start, spot.start + tabs)


def _unbulleted(paragraph: Paragraph, bullet: Json) -> Paragraph:
    kept = {k: v for k, v in paragraph.style.items() if k not in ("indentFirstLine", "indentStart")}
    if level := bullet.get("nestingLevel", 0):
        kept |= {"indentFirstLine": points(36 * level), "indentStart": points(36 * level)}
    return replace(paragraph, style=kept, bullet=None)


def _list_before(tab: Tab, spot: Spot, preset: str) -> str | None:
    """The list that the paragraph before belongs to, when it has the same preset."""
    before: Block | None = spot.siblings[spot.position - 1] if spot.position else None
    if not isinstance(before, Paragraph) or before.bullet is None:
        return None
    list_id: str = before.bullet["listId"]
    same = tab.lists[list_id]["listProperties"] == _properties(preset)
    return list_id if same else None


def _properties(preset: str) -> Json:
    level = _symbol_level if preset in _SYMBOLS else _number_level
    return {"nestingLevels": [level(preset, depth) for depth in range(_LEVELS)]}


def _symbol_level(preset: str, depth: int) -> Json:
    symbols = _SYMBOLS[preset]
    # A checkbox has no glyph of its own in the API: its type is unspecified.
    if preset == "BULLET_CHECKBOX":
        return _level(depth, f"%{depth}", {"glyphType": "GLYPH_TYPE_UNSPECIFIED"})
    return _level(depth, f"%{depth}", {"glyphSymbol": symbols[depth % len(symbols)]})


def _number_level(preset: str, depth: int) -> Json:
    types, suffix = _NUMBERS[preset]
    nested = preset == "NUMBERED_DECIMAL_NESTED"
    levels = range(depth + 1) if nested else (depth,)
    form = ".".join(f"%{level}" for level in levels) + suffix
    return _level(depth, form, {"glyphType": types[depth % len(types)], "startNumber": 1})


def _level(depth: int, form: str, glyph: Json) -> Json:
    return {
        "bulletAlignment": "START",
        **glyph,
        "glyphFormat": form,
        "indentFirstLine": points(18 + 36 * depth),
        "indentStart": points(36 + 36 * depth),
        "textStyle": {"underline": False},
    }


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

# Read-only fields of a resource (API reference: "This property is read-only").
_READ_ONLY: Final = {"headingId", "tabStops", "columnSpan", "rowSpan"}
_NO_UNIT: Final = "UNIT_UNSPECIFIED"


def mask_paths(mask: str | None, fields: Fields) -> list[tuple[str, ...]]:
    """The paths in a mask, with `*` expanded. Raises `RequestError` for an unknown field."""
    names = [name.strip() for name in (mask or "").split(",") if name.strip()]
    if not names:
        raise RequestError(
            "At least one field must be listed in 'fields'. (Use '*' to indicate all fields.)"
        )
    if names == ["*"]:
        return [(name,) for name in fields]
    return [_path(name, fields) for name in names]


def merged_style(old: Json, new: Json, listed: list[tuple[str, ...]]) -> Json:
    """`old` with each listed path as in `new`; a path that `new` leaves unset is reset."""
    result = old
    for path in listed:
        result = _with_path(result, new, path)
    return result


def check_borders(style: Json, listed: list[tuple[str, ...]], lengths: tuple[str, ...]) -> None:
    """Refuse a border that isn't whole; `lengths` are the parts that need a unit.

    "Borders cannot be partially updated … must be specified in its entirety" (API reference). A
    length that is missing is reported as the unit that it lacks.
    """
    for name, *part in listed:
        if not name.startswith("border"):
            continue
        if part:
            raise RequestError(f"The border {name} cannot be partially updated.")
        border = style.get(name)
        if border is not None and any(
            border.get(length, {}).get("unit", _NO_UNIT) == _NO_UNIT for length in lengths
        ):
            raise RequestError(f"Unsupported dimension unit: {_NO_UNIT}")


def check_values(style: Json, listed: list[tuple[str, ...]]) -> None:
    """Refuse a length without a unit, and colours and weights that the API reference rules out.

    The words about a unit are known from borders alone; the others are ours.
    """
    for name in {path[0] for path in listed} & set(style):
        for each in _objects(style[name]):
            if "magnitude" in each and each.get("unit", _NO_UNIT) == _NO_UNIT:
                raise RequestError(f"Unsupported dimension unit: {_NO_UNIT}")
            if any(not 0 <= each.get(part, 0) <= 1 for part in ("red", "green", "blue")):
                raise RequestError("A component of a color must be from 0.0 to 1.0.")
            if (each.get("weight") or 400) not in range(100, 1000, 100):
                raise RequestError("The weight of a font must be a multiple of 100, up to 900.")


def _objects(value: Any) -> Iterator[Json]:
    """A value's objects at every depth, itself the first."""
    if isinstance(value, dict):
        yield value
        for member in value.values():
            yield from _objects(member)


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
    # Protocol buffer names are accepted as well as JSON names.
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


Paths = list[tuple[str, ...]]


def update_text_style(edit: Edit, request: Json) -> Json:
    """Set or reset text style over a range, including bullets of fully covered list items."""
    extent = text_extent_of(edit.doc, request)
    style = request.get("textStyle", {})
    listed = mask_paths(request.get("fields"), TEXT_STYLE)
    _check_text_style(style, listed)
    check_values(style, listed)
    if edit.suggestion:
        suggest_text_style(edit, extent, style, listed)
        return {}
    for spot in spots_within(extent.segment, extent.start, extent.end):
        spot.put(_with_text_style(spot, extent, style, listed))
    return {}


def update_paragraph_style(edit: Edit, request: Json) -> Json:
    """Set or reset the style of every paragraph in a range."""
    extent = text_extent_of(edit.doc, request)
    style = request.get("paragraphStyle", {})
    listed = mask_paths(request.get("fields"), PARAGRAPH_STYLE)
    check_borders(style, listed, ("width", "padding"))
    check_values(style, listed)
    for spot in spots_within(extent.segment, extent.start, extent.end):
        _check_page_break_before(spot, extent, listed)
        if edit.suggestion:
            suggest_paragraph_style(edit, spot, style, listed)
        else:
            spot.put(_with_paragraph_style(edit, spot.paragraph, style, listed))
    return {}


def _check_text_style(style: Json, listed: Paths) -> None:
    names = {path[0] for path in listed}
    # Seen live: "Links must include at least one type."
    if "link" in names and "link" in style and not any(style["link"].values()):
        raise RequestError("Links must include at least one type.")
    font = style.get("weightedFontFamily")
    if "weightedFontFamily" in names and font is not None and not font.get("fontFamily"):
        raise RequestError("The font family must be set with a non-empty value.")


def _with_text_style(spot: Spot, extent: Extent, style: Json, listed: Paths) -> Paragraph:
    paragraph = spot.paragraph
    start, end = extent.start - spot.start, extent.end - spot.start
    whole = start <= 0 and end >= paragraph.length - 1
    if whole:
        end = paragraph.length  # "The range may be extended to include adjacent newlines."
    if any(path[0] == "link" for path in listed):
        start, end = _over_whole_links(paragraph, max(start, 0), end, style, listed)
    inherited = inherited_text_style(paragraph.style["namedStyleType"])
    before = _style_before(paragraph, start)
    change = partial(_piece_with_style, style, listed, inherited, before)
    result = restyled(_newline_apart(paragraph), start, end, change)
    if not whole or paragraph.bullet is None:
        return result
    unlinked = [path for path in listed if path[0] != "link"]
    own = merged_style(paragraph.bullet.get("textStyle", {}), style, unlinked)
    return replace(result, bullet={**paragraph.bullet, "textStyle": own})


def _piece_with_style(
    style: Json, listed: Paths, inherited: Json, before: Json, piece: Piece
) -> Piece:
    is_newline = isinstance(piece, Run) and piece.text == "\n"
    effective = [path for path in listed if path[0] != "link" or not is_newline]
    names = {path[0] for path in effective}
    base = piece.style
    if "link" in names and "link" in style:
        base = {**base, "foregroundColor": LINK_COLOR, "underline": True}
    elif "link" in names and "link" in base:
        base = before
    result = merged_style(base, style, effective)
    # "If the value for a particular style matches that of the parent, that style will be set to
    # inherit." (UpdateTextStyleRequest)
    kept = {k: v for k, v in result.items() if k not in names or v != inherited.get(k, _UNLIKE)}
    return replace(piece, style=kept)


_UNLIKE = object()


def _style_before(paragraph: Paragraph, start: int) -> Json:
    """The style of text whose link is removed: that of the text before, unless it is a link too."""
    before = cut(paragraph.pieces, max(start, 0))[0]
    return before[-1].style if before and "link" not in before[-1].style else {}


def _newline_apart(paragraph: Paragraph) -> Paragraph:
    """The paragraph with its newline as a separate run, so that it can stay without a link."""
    text, newline = cut(paragraph.pieces, paragraph.length - 1)
    return replace(paragraph, pieces=(*text, *newline))


def _over_whole_links(
    paragraph: Paragraph, start: int, end: int, style: Json, listed: Paths
) -> tuple[int, int]:
    """The range extended over links that it cuts: a new address applies to the whole link."""
    if "link" not in style or ("link",) not in listed:
        return start, end
    index = 0
    for piece in paragraph.pieces:
        after = index + piece.length
        if "link" in piece.style and index < end and after > start:
            start, end = min(start, index), max(end, after)
        index = after
    return start, end


def _check_page_break_before(spot: Spot, extent: Extent, listed: Paths) -> None:
    unsupported = spot.in_table or extent.segment.kind != "body"
    if unsupported and ("pageBreakBefore",) in listed:  # seen live, even if it is only listed
        raise RequestError(
            "Cannot update page-break-before when the range contains paragraphs in a table."
            if spot.in_table
            else "Page break before cannot be set in headers, footers or footnotes."
        )


def _with_paragraph_style(
    edit: Edit, paragraph: Paragraph, style: Json, listed: Paths
) -> Paragraph:
    result = paragraph
    if ("namedStyleType",) in listed:
        kind = style.get("namedStyleType", "NORMAL_TEXT")
        result = _with_named_style(edit, paragraph, kind)
    others = [path for path in listed if path != ("namedStyleType",)]
    return replace(result, style=merged_style(result.style, style, others))


def _with_named_style(edit: Edit, paragraph: Paragraph, kind: str) -> Paragraph:
    """The paragraph with another named style, which is applied before everything else.

    As in the editor, the named style replaces the paragraph's own properties (except the indent of
    a list item), and text properties that all of its text has. Users of the API report that text
    properties are reset; it is not documented.
    """
    if kind == "NAMED_STYLE_TYPE_UNSPECIFIED":
        raise RequestError("Named style type is required.")
    kept = {"direction"} | ({"indentStart", "indentFirstLine"} if paragraph.bullet else set())
    style = {"namedStyleType": kind}
    style |= {key: value for key, value in paragraph.style.items() if key in kept}
    if kind.startswith("HEADING_"):
        style["headingId"] = paragraph.style.get("headingId") or edit.fresh_id("h.")
    return rebuilt(replace(paragraph, style=style), _without_common(paragraph))


def _without_common(paragraph: Paragraph) -> tuple[Piece, ...]:
    first, *others = (piece.style for piece in paragraph.pieces)
    common = {
        key
        for key, value in first.items()
        if key != "link" and "link" not in first and all(s.get(key) == value for s in others)
    }
    if not common:
        return paragraph.pieces
    return tuple(
        replace(piece, style={k: v for k, v in piece.style.items() if k not in common})
        for piece in paragraph.pieces
    )
