"""Read a fetched doc for export: its content as blocks, with styles and chips."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from workflow.document.blocks import Block, Kind, Span, heading_kind, joined
from workflow.document.requests import LINE_BREAK

Json = Mapping[str, Any]

_MONOSPACE = {"Consolas", "Courier", "Courier New", "Roboto Mono", "Source Code Pro", "Ubuntu Mono"}
_QUOTE_STEP = 18  # points, as quotations are written


@dataclass(frozen=True)
class TabBlocks:
    """A tab's title and content, from its header to its footnotes."""

    title: str
    blocks: tuple[Block, ...]


def read_tabs(document: Json) -> list[TabBlocks]:
    """All tabs of a whole `Document` resource, children after their parent.

    Also takes the older form without tabs. Chips become their text, a picture its description.
    Suggestions are marked. Empty lines and a table of contents are left out.
    """
    if "tabs" not in document:
        return [TabBlocks(document.get("title", ""), tuple(_TabReader(document).blocks()))]
    return [
        TabBlocks(
            tab.get("tabProperties", {}).get("title", ""),
            tuple(_TabReader(tab.get("documentTab", {})).blocks()),
        )
        for tab in _flat(document["tabs"])
    ]


def _flat(tabs: Sequence[Json]) -> Iterator[Json]:
    for tab in tabs:
        yield tab
        yield from _flat(tab.get("childTabs", ()))


class _TabReader:
    """Read one tab; its lists, footnotes and pictures are stored apart from its body."""

    def __init__(self, tab: Json) -> None:
        self.tab = tab

    def blocks(self) -> Iterator[Block]:
        for header in self.tab.get("headers", {}).values():
            yield from self._content(header.get("content", ()))
        yield from self._content(self.tab.get("body", {}).get("content", ()))
        for number, note in enumerate(self.tab.get("footnotes", {}).values(), start=1):
            for block in self._content(note.get("content", ())):
                yield replace(block, spans=(Span(f"[{number}] "), *block.spans))
        for footer in self.tab.get("footers", {}).values():
            yield from self._content(footer.get("content", ()))

    def _content(self, content: Sequence[Json]) -> Iterator[Block]:
        for element in content:
            if "paragraph" in element:
                yield from self._paragraph(element["paragraph"])
            elif "table" in element:
                yield self._table(element["table"])

    def _paragraph(self, paragraph: Json) -> Iterator[Block]:
        elements = paragraph.get("elements", ())
        if any("horizontalRule" in element for element in elements):
            yield Block(Kind.RULE)
        spans = joined(
            replace(span, suggested=_suggested(element))
            for element in elements
            for span in self._element(element)
        )
        if not any(span.text for span in spans):
            return
        style = paragraph.get("paragraphStyle", {})
        bullet = paragraph.get("bullet")
        if bullet is not None:
            yield self._item(bullet, spans, style)
            return
        yield Block(_kind(style, spans), spans, quote=_quote(style))

    def _item(self, bullet: Json, spans: tuple[Span, ...], style: Json) -> Block:
        level = bullet.get("nestingLevel", 0)
        kind = self._list_kind(bullet.get("listId", ""), level)
        checked = kind is Kind.CHECK and all(span.strike for span in spans)
        if checked:
            spans = tuple(replace(span, strike=False) for span in spans)
        return Block(kind, spans, level=level, checked=checked, quote=_quote(style))

    def _list_kind(self, list_id: str, level: int) -> Kind:
        properties = self.tab.get("lists", {}).get(list_id, {}).get("listProperties", {})
        levels = properties.get("nestingLevels", ())
        glyph = levels[level] if level < len(levels) else {}
        if glyph.get("glyphSymbol"):
            return Kind.BULLET
        # A checkbox has neither a symbol nor a type (recorded answers).
        unspecified = glyph.get("glyphType") in (None, "GLYPH_TYPE_UNSPECIFIED")
        if unspecified and levels:
            return Kind.CHECK
        return Kind.BULLET if unspecified or glyph["glyphType"] == "NONE" else Kind.NUMBER

    def _table(self, table: Json) -> Block:
        rows = tuple(
            tuple(self._cell(cell) for cell in row.get("tableCells", ()))
            for row in table.get("tableRows", ())
        )
        return Block(Kind.TABLE, rows=rows)

    def _cell(self, cell: Json) -> tuple[Span, ...]:
        """A cell's paragraphs as lines of one; a nested table as lines of its cells."""
        spans: list[Span] = []
        for block in self._content(cell.get("content", ())):
            for line in [block.spans, *(inner for row in block.rows for inner in row)]:
                if line:
                    spans += [Span(LINE_BREAK), *line] if spans else line
        return joined(spans)

    def _element(self, element: Json) -> Iterator[Span]:
        if "textRun" in element:
            run = element["textRun"]
            yield _styled(run.get("content", "").removesuffix("\n"), run.get("textStyle", {}))
        elif "person" in element:
            person = element["person"].get("personProperties", {})
            address = person.get("email", "")
            yield Span(person.get("name") or address, link=f"mailto:{address}" if address else "")
        elif "richLink" in element:
            link = element["richLink"].get("richLinkProperties", {})
            yield Span(link.get("title") or link.get("uri", ""), link=link.get("uri", ""))
        elif "dateElement" in element:
            date = element["dateElement"].get("dateElementProperties", {})
            yield Span(date.get("displayText") or date.get("timestamp", ""))
        elif "dropdown" in element:
            yield Span(element["dropdown"].get("dropdownProperties", {}).get("displayValue", ""))
        elif "footnoteReference" in element:
            yield Span(f"[{element['footnoteReference'].get('footnoteNumber', '')}]")
        elif "inlineObjectElement" in element:
            yield self._picture(element["inlineObjectElement"].get("inlineObjectId", ""))
        elif "equation" in element:
            yield Span("(equation)")

    def _picture(self, object_id: str) -> Span:
        given = self.tab.get("inlineObjects", {}).get(object_id, {})
        properties = given.get("inlineObjectProperties", {}).get("embeddedObject", {})
        words = properties.get("title") or properties.get("description") or ""
        source = properties.get("imageProperties", {}).get("sourceUri", "")
        return Span(words or "picture", link=source, is_picture=True)


def _suggested(element: Json) -> str:
    for part in element.values():
        if isinstance(part, Mapping):
            for name, suggested in (
                ("suggestedDeletionIds", "del"),
                ("suggestedInsertionIds", "ins"),
            ):
                if part.get(name):
                    return suggested
    return ""


def _styled(text: str, style: Json) -> Span:
    link = style.get("link", {}).get("url", "")
    return Span(
        text,
        bold=bool(style.get("bold")),
        italic=bool(style.get("italic")),
        strike=bool(style.get("strikethrough")),
        code=style.get("weightedFontFamily", {}).get("fontFamily") in _MONOSPACE,
        link=link,
    )


def _kind(style: Json, spans: Sequence[Span]) -> Kind:
    named = style.get("namedStyleType", "NORMAL_TEXT")
    if named == "TITLE":
        return Kind.TITLE
    if named.startswith("HEADING_"):
        return heading_kind(int(named[-1]))
    is_shaded = bool(style.get("shading", {}).get("backgroundColor", {}).get("color"))
    return Kind.CODE if is_shaded and all(span.code for span in spans) else Kind.NORMAL


def _quote(style: Json) -> int:
    if not style.get("borderLeft", {}).get("width", {}).get("magnitude"):
        return 0
    indent = style.get("indentStart", {}).get("magnitude", _QUOTE_STEP)
    return max(1, int(indent // _QUOTE_STEP))
