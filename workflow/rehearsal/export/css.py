"""The looks of a Google Doc as CSS: text, paragraphs and cells."""

from __future__ import annotations

import re
from collections.abc import Iterator

from markupsafe import Markup

from workflow.rehearsal.export.blocks import Resource

_ALIGNMENTS = {"START": "start", "CENTER": "center", "END": "end", "JUSTIFIED": "justify"}
_OFFSETS = {"SUPERSCRIPT": "super", "SUBSCRIPT": "sub"}
_FONT_NAME = re.compile(r"[\w -]{1,60}")
_MONOSPACED = re.compile(r"mono|code|consolas|courier|menlo", re.IGNORECASE)


class StyleSheet:
    """Gathers each look once, under a short class name.

    Classes rather than `style` attributes: a page can then forbid inline styles altogether.
    """

    def __init__(self) -> None:
        self._names: dict[str, str] = {}

    def class_of(self, declarations: str) -> str:
        """The class that stands for these declarations; empty for none."""
        if not declarations:
            return ""
        return self._names.setdefault(declarations, f"c{len(self._names)}")

    def css(self) -> Markup:
        """The rules for all classes given out so far, for a `style` element.

        Escaping would break them; each value in them is a number, a colour or a checked name.
        """
        rule = Markup(".{}{{{}}}")
        return Markup("\n").join(
            rule.format(name, Markup(rules))  # noqa: S704 - made by this module alone
            for rules, name in self._names.items()
        )


def text_css(style: Resource) -> str:
    """Declarations for a Docs `TextStyle`; bold, italic and the like are left to their elements."""
    return ";".join(_text_declarations(style))


def _text_declarations(style: Resource) -> Iterator[str]:
    # A link has the page's own colour, so that it looks like a link in every theme.
    if "link" not in style and (color := _color(style.get("foregroundColor", {}))):
        yield f"color:{color}"
    if color := _color(style.get("backgroundColor", {})):
        yield f"background-color:{color}"
    if size := _points(style.get("fontSize", {})):
        yield f"font-size:{size}"
    font = style.get("weightedFontFamily", {}).get("fontFamily", "")
    if font and _FONT_NAME.fullmatch(font):
        fallback = "monospace" if _MONOSPACED.search(font) else "Arial,sans-serif"
        yield f'font-family:"{font}",{fallback}'
    if offset := _OFFSETS.get(style.get("baselineOffset", "")):
        yield f"vertical-align:{offset};font-size:.7em"
    if style.get("smallCaps"):
        yield "font-variant-caps:small-caps"


def paragraph_css(style: Resource) -> str:
    """Declarations for a Docs `ParagraphStyle`: alignment, space, indents, border, shade."""
    return ";".join(_paragraph_declarations(style))


def _paragraph_declarations(style: Resource) -> Iterator[str]:
    if alignment := _ALIGNMENTS.get(style.get("alignment", "")):
        yield f"text-align:{alignment}"
    if space := _points(style.get("spaceAbove", {})):
        yield f"margin-top:{space}"
    if space := _points(style.get("spaceBelow", {})):
        yield f"margin-bottom:{space}"
    if indent := _points(style.get("indentEnd", {})):
        yield f"margin-inline-end:{indent}"
    if color := _color(style.get("shading", {}).get("backgroundColor", {})):
        yield f"background-color:{color}"
    border = style.get("borderLeft", {})
    if width := _points(border.get("width", {})):
        color = _color(border.get("color", {})) or "#000000"
        padding = _points(border.get("padding", {})) or "0"
        yield f"border-left:{width} solid {color};padding-left:{padding}"


def indent_css(style: Resource) -> str:
    """Declarations for a paragraph's indent; a list item takes its own from its level instead."""
    start, first = (style.get(name, {}).get("magnitude", 0) for name in _INDENTS)
    if start <= 0 and first <= 0:
        return ""
    return f"margin-inline-start:{start:g}pt;text-indent:{first - start:g}pt"


_INDENTS = ("indentStart", "indentFirstLine")


def cell_css(style: Resource) -> str:
    """Declarations for a Docs `TableCellStyle`: its background."""
    color = _color(style.get("backgroundColor", {}))
    return f"background-color:{color}" if color else ""


def _points(dimension: Resource) -> str:
    magnitude = dimension.get("magnitude", 0)
    return f"{magnitude:g}pt" if magnitude > 0 else ""


def _color(optional: Resource) -> str:
    """`#rrggbb` for an `OptionalColor`; empty for a transparent one."""
    if "color" not in optional or "rgbColor" not in optional["color"]:
        return ""
    shares = optional["color"]["rgbColor"]
    channels = (shares.get(name, 0) for name in ("red", "green", "blue"))
    return "#" + "".join(f"{round(min(max(share, 0), 1) * 255):02x}" for share in channels)
