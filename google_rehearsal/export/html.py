"""A Google Doc as HTML: the whole file that Drive exports, and the body of a page.

Its styles become CSS: text, paragraphs and cells.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from markupsafe import Markup, escape

from google_rehearsal.export.reading import (
    Block,
    Cell,
    Item,
    Kind,
    Mark,
    PageBreak,
    Paragraph,
    Piece,
    Resource,
    Row,
    Rule,
    Suggestion,
    Tab,
    Table,
    is_own_picture,
    is_safe_address,
    read_tabs,
    without_suggestions,
)

_ALIGNMENTS = {"START": "start", "CENTER": "center", "END": "end", "JUSTIFIED": "justify"}
_OFFSETS = {"SUPERSCRIPT": "super", "SUBSCRIPT": "sub"}
_FONT_NAME = re.compile(r"[\w -]{1,60}")
_MONOSPACED = re.compile(r"mono|code|consolas|courier|menlo", re.IGNORECASE)


class StyleSheet:
    """Collect each style once, under a short class name.

    Classes instead of `style` attributes: so a page can forbid inline styles.
    """

    def __init__(self) -> None:
        self._names: dict[str, str] = {}

    def class_of(self, declarations: str) -> str:
        """The class for these declarations; empty for none."""
        if not declarations:
            return ""
        return self._names.setdefault(declarations, f"c{len(self._names)}")

    def css(self) -> Markup:
        """The rules for all classes so far, for a `style` element.

        Escaping would break them; each value in them is a number, a colour or a checked name.
        """
        rule = Markup(".{}{{{}}}")
        return Markup("\n").join(
            rule.format(name, Markup(rules))  # noqa: S704 - made by this module alone
            for rules, name in self._names.items()
        )


def text_css(style: Resource) -> str:
    """Declarations for a Docs `TextStyle`; bold, italic and the like have their own elements."""
    return ";".join(_text_declarations(style))


def _text_declarations(style: Resource) -> Iterator[str]:
    # A link has the page's colour, so that it looks like a link in every theme.
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
    """Declarations for a paragraph's indent; a list item gets it from its level instead."""
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


_TRAITS = {"bold": "strong", "italic": "em", "strikethrough": "s", "underline": "u"}
_LIST_TYPES = {"ALPHA": "a", "UPPER_ALPHA": "A", "ROMAN": "i", "UPPER_ROMAN": "I"}
_POINTS_PER_PIXEL = 0.75
_SUGGESTED = {Suggestion.INSERTION: "ins", Suggestion.DELETION: "del"}
_BASE_CSS = Markup("""\
body{font:11pt/1.5 Arial,sans-serif;max-width:42em;margin:2em auto;padding:0 1em}
p,li,h1,h2,h3,h4,h5,h6{white-space:pre-wrap;overflow-wrap:anywhere}
table{border-collapse:collapse}td,th{border:1px solid #999;padding:.3em .6em;text-align:start}
li.check,li.skipped{list-style:none}img{max-width:100%;height:auto}""")


@dataclass(frozen=True)
class Heading:
    """A heading for an outline: its anchor, its text, and its level (a title has 0)."""

    id: str
    text: str
    level: int


def to_html(document: Resource) -> str:
    """The doc as one HTML file with no script and nothing to fetch."""
    tabs = without_suggestions(read_tabs(document))
    sheet = StyleSheet()
    titled = len(tabs) > 1
    bodies = [body_html(tab, sheet) for tab in tabs]
    titles = [Markup("<h1>{}</h1>").format(tab.title) if titled else Markup() for tab in tabs]
    content = Markup("\n").join(
        part for pair in zip(titles, bodies, strict=True) for part in pair if part
    )
    page = Markup(
        '<!DOCTYPE html>\n<html><head><meta charset="utf-8"><title>{title}</title>\n'
        "<style>{css}</style></head>\n<body>{content}</body></html>\n"
    )
    css = Markup("\n").join([_BASE_CSS, sheet.css()])
    return str(page.format(title=document.get("title", ""), css=css, content=content))


def body_html(tab: Tab, sheet: StyleSheet, *, in_steps: bool = False) -> Markup:
    """A tab's content as HTML, pending suggestions marked as `ins` and `del`.

    Styles go into `sheet`; everything else uses class names (`chip person`, `check`, `suggested`).
    A title is an `h1`; heading 1 is an `h2`, and so on. With `in_steps`, a heading is at most one
    level below the previous one: screen reader users step through them.
    """
    writer = _Writer(sheet, in_steps=in_steps)
    return Markup("\n").join([writer.blocks(tab.blocks), *writer.footnotes(tab)])


def outline(tab: Tab) -> list[Heading]:
    """The tab's headings that have an anchor and a text, from top to bottom."""
    paragraphs = (block for block in tab.blocks if isinstance(block, Paragraph))
    return [
        Heading(anchor, text, paragraph.heading_level)
        for paragraph in paragraphs
        if (paragraph.heading_level or paragraph.named_style == "TITLE")
        and (anchor := str(paragraph.style.get("headingId", "")))
        and (text := " ".join(paragraph.text.split()))
    ]


class _Writer:
    """Write blocks as HTML and collect their styles in a style sheet."""

    def __init__(self, sheet: StyleSheet, *, in_steps: bool = False) -> None:
        self._sheet = sheet
        self._in_steps = in_steps
        self._last_level = 1
        self._tables = 0

    def blocks(self, blocks: Sequence[Block]) -> Markup:
        return Markup("\n").join(self._chunks(blocks))

    def footnotes(self, tab: Tab) -> Iterator[Markup]:
        for number, blocks in tab.footnotes:
            yield Markup('<aside class="footnote"><b>{}</b> {}</aside>').format(
                number, self.blocks(blocks)
            )

    def _chunks(self, blocks: Sequence[Block]) -> Iterator[Markup]:
        for is_list, group in groupby(blocks, key=_is_item):
            if is_list:
                yield self._list([block for block in group if isinstance(block, Paragraph)])
            else:
                yield from map(self._block, group)

    def _block(self, block: Block) -> Markup:
        if isinstance(block, Paragraph):
            return self._paragraph(block)
        if isinstance(block, Table):
            return self._table(block)
        return Markup("<hr>") if isinstance(block, Rule) else _page_break(block)

    def _paragraph(self, paragraph: Paragraph) -> Markup:
        css = ";".join(filter(None, (paragraph_css(paragraph.style), indent_css(paragraph.style))))
        kind = paragraph.named_style.lower() if paragraph.named_style in _NAMED else ""
        classes = " ".join(filter(None, (kind, self._sheet.class_of(css))))
        attributes = {
            "class": classes,
            "id": paragraph.style.get("headingId", ""),
            "dir": _direction(paragraph),
        }
        content = self.pieces(paragraph.pieces) or Markup("<br>")
        return _element(self._tag(paragraph), attributes, content)

    def _tag(self, paragraph: Paragraph) -> str:
        tag = _tag(paragraph)
        if not self._in_steps or tag == "p":
            return tag
        self._last_level = min(int(tag[1:]), self._last_level + 1)
        return f"h{self._last_level}"

    def pieces(self, pieces: Sequence[Piece]) -> Markup:
        return Markup().join(map(self._piece, pieces))

    def _piece(self, piece: Piece) -> Markup:
        if piece.kind is Kind.TEXT:
            html = self._text(piece)
        elif piece.kind is Kind.FOOTNOTE:
            html = _element("sup", {"class": "footnote-mark"}, escape(piece.text))
        elif piece.kind is Kind.IMAGE:
            html = _image(piece)
        else:
            html = self._chip(piece)
        suggested = _SUGGESTED.get(piece.suggestion)
        return _element(suggested, {"class": "suggested"}, html) if suggested else html

    def _text(self, piece: Piece) -> Markup:
        html = Markup("<br>").join(escape(line) for line in piece.text.split("\v"))
        for trait, tag in _TRAITS.items():
            if piece.has(trait) and not (tag == "u" and piece.href):
                html = _element(tag, {}, html)
        if name := self._sheet.class_of(text_css(piece.style)):
            html = _element("span", {"class": name}, html)
        return _element("a", _link(piece.href), html) if piece.href else html

    def _chip(self, piece: Piece) -> Markup:
        name = self._sheet.class_of(text_css(piece.style))
        classes = " ".join(filter(None, ("chip", str(piece.kind), name)))
        attributes = {"class": classes, "title": piece.target}
        if piece.kind is Kind.PERSON:
            attributes["data-initial"] = piece.text[:1].upper()
        if piece.kind is Kind.FILE and piece.href:
            return _element("a", attributes | _link(piece.href), escape(piece.text))
        return _element("span", attributes, escape(piece.text))

    def _list(self, items: Sequence[Paragraph]) -> Markup:
        """Nested lists from flat items; a skipped level gets an item without a mark."""
        out: list[Markup] = []
        open_lists: list[tuple[str, Item]] = []
        for paragraph in items:
            item = paragraph.item
            if item is None:
                continue
            while len(open_lists) > item.level + 1 or (
                len(open_lists) == item.level + 1 and not _same_list(open_lists[-1][1], item)
            ):
                out.append(Markup("</li>") + _close(open_lists.pop()[0]))
            if len(open_lists) == item.level + 1:
                out.append(Markup("</li>"))
            while len(open_lists) <= item.level:
                tag = "ol" if item.mark is Mark.NUMBER else "ul"
                open_lists.append((tag, item))
                out.append(_open(tag, _list_attributes(item)))
                if len(open_lists) <= item.level:
                    out.append(Markup('<li class="skipped">'))
            out.append(self._item(paragraph, item))
        out += [Markup("</li>") + _close(tag) for tag, _ in reversed(open_lists)]
        return Markup().join(out)

    def _item(self, paragraph: Paragraph, item: Item) -> Markup:
        attributes = {"dir": _direction(paragraph)}
        # A border would be between the mark and the text; Docs draws it left of the mark.
        layout = {name: look for name, look in paragraph.style.items() if name != "borderLeft"}
        attributes["class"] = self._sheet.class_of(paragraph_css(layout))
        box = Markup()
        if item.mark is Mark.CHECK:
            attributes["class"] = f"check {attributes['class']}".strip()
            box = Markup('<span class="box" role="img" aria-label="To do:"></span>')
        if item.mark is Mark.NUMBER:
            attributes["value"] = str(item.number)
        return _open("li", attributes) + box + self.pieces(paragraph.pieces)

    def _table(self, table: Table) -> Markup:
        rows = Markup("\n").join(self._row(row, table.columns) for row in table.rows)
        self._tables += 1  # two regions with one name sound the same
        scroller = Markup(
            '<div class="table" role="region" aria-label="Table {}" tabindex="0">'
        ).format(self._tables)
        return scroller + _element("table", {}, rows) + Markup("</div>")

    def _row(self, row: Row, columns: int) -> Markup:
        tag = "th" if row.is_header else "td"
        is_merged = len(row.cells) < columns
        cells = (self._cell(cell, tag, _span(cell) if is_merged else "") for cell in row.cells)
        return _element("tr", {}, Markup().join(cells))

    def _cell(self, cell: Cell, tag: str, span: str) -> Markup:
        name = self._sheet.class_of(cell_css(cell.style))
        scope = "col" if tag == "th" else ""
        attributes = {"class": name, "scope": scope, "colspan": span}
        return _element(tag, attributes, self.blocks(cell.blocks))


_NAMED = frozenset({"TITLE", "SUBTITLE"})


def _is_item(block: Block) -> bool:
    return isinstance(block, Paragraph) and block.item is not None


def _same_list(one: Item, other: Item) -> bool:
    return (one.list_id, one.mark) == (other.list_id, other.mark)


def _list_attributes(item: Item) -> dict[str, str]:
    if item.mark is Mark.NUMBER:
        return {"type": _LIST_TYPES.get(item.glyph_type, "")}
    return {"class": "checklist"} if item.mark is Mark.CHECK else {}


def _tag(paragraph: Paragraph) -> str:
    if not paragraph.text.strip():
        return "p"
    if paragraph.named_style == "TITLE":
        return "h1"
    level = paragraph.heading_level
    return f"h{min(level + 1, 6)}" if level else "p"


def _direction(paragraph: Paragraph) -> str:
    """Right to left if the doc says so, else as the text runs."""
    return "rtl" if paragraph.style.get("direction") == "RIGHT_TO_LEFT" else "auto"


def _span(cell: Cell) -> str:
    columns = int(cell.style.get("columnSpan", 1))
    return str(columns) if columns > 1 else ""


def _page_break(_: PageBreak) -> Markup:
    return Markup('<div class="page-break"></div>')


def _image(piece: Piece) -> Markup:
    """The image if the doc has its own copy; else its description, so that nothing is fetched."""
    if is_own_picture(piece.target):
        width, height = (f"{points / _POINTS_PER_PIXEL:.0f}" for points in piece.size_points)
        picture = {"src": piece.target, "width": width, "height": height}
        return _open("img", {**picture, "alt": piece.text})
    attributes = {"class": "chip image"}
    if is_safe_address(piece.target):
        return _element("a", attributes | _link(piece.target), escape(piece.text))
    return _element("span", attributes, escape(piece.text))


def _link(address: str) -> dict[str, str]:
    return {"href": address, "rel": "" if address.startswith("#") else "noopener noreferrer"}


def _element(tag: str, attributes: dict[str, str], content: Markup) -> Markup:
    return _open(tag, attributes) + content + _close(tag)


def _open(tag: str, attributes: dict[str, str]) -> Markup:
    given = (Markup(' {}="{}"').format(name, value) for name, value in attributes.items() if value)
    return Markup("<{}{}>").format(tag, Markup().join(given))


def _close(tag: str) -> Markup:
    return Markup("</{}>").format(tag)
