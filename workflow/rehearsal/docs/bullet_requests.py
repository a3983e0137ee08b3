"""createParagraphBullets, deleteParagraphBullets."""

from __future__ import annotations

from typing import Final

from .editing import Edit
from .errors import RequestError
from .model import Block, Json, Paragraph, Tab
from .named_styles import points
from .pieces import cut, rebuilt
from .places import Extent, Spot, spots_within, text_extent_of
from .ranges import note_deletion

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
    """Make list items of the paragraphs that a range overlaps; leading tabs become nesting."""
    extent = text_extent_of(edit.doc, request)
    preset = request.get("bulletPreset", "BULLET_GLYPH_PRESET_UNSPECIFIED")
    if preset not in _SYMBOLS and preset not in _NUMBERS:
        raise RequestError("A bullet preset must be specified.")
    spots = list(spots_within(extent.segment, extent.start, extent.end))
    list_id = _list_before(extent.tab, spots[0], preset) if spots else None
    if list_id is None:
        list_id = edit.fresh_id("kix.")
        extent.tab.lists[list_id] = {"listProperties": _properties(preset)}
    # From the last to the first: the tabs that go away move only what is already done.
    for spot in reversed(spots):
        _make_item(extent, spot, list_id)
    return {}


def delete_paragraph_bullets(edit: Edit, request: Json) -> Json:
    """Take the bullets off the paragraphs that a range overlaps; nested ones stay indented."""
    extent = text_extent_of(edit.doc, request)
    for spot in spots_within(extent.segment, extent.start, extent.end):
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
    spot.put(rebuilt(Paragraph((), style, bullet), cut(paragraph.pieces, tabs)[1]))
    if tabs:
        note_deletion(extent.tab, extent.segment.id, spot.start, spot.start + tabs)


def _unbulleted(paragraph: Paragraph, bullet: Json) -> Paragraph:
    kept = {k: v for k, v in paragraph.style.items() if k not in ("indentFirstLine", "indentStart")}
    if level := bullet.get("nestingLevel", 0):
        kept |= {"indentFirstLine": points(36 * level), "indentStart": points(36 * level)}
    return Paragraph(paragraph.pieces, kept)


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
