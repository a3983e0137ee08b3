"""Reads a fetched Google Doc into blocks: a Docs v1 `Document` in, plain values out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from workflow.rehearsal.export.blocks import (
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
)


def read_tabs(document: Resource) -> list[Tab]:
    """All tabs of a `Document` in reading order, children after their parent.

    A document in the legacy form (no `tabs`) reads as one tab without a title.
    """
    if document.get("tabs"):
        return [_read_tab(tab, level) for tab, level in _walk_tabs(document["tabs"], 0)]
    return [_read_tab({"documentTab": document}, 0)]


def _walk_tabs(tabs: Sequence[Resource], level: int) -> Iterator[tuple[Resource, int]]:
    for tab in tabs:
        yield tab, level
        yield from _walk_tabs(tab.get("childTabs", []), level + 1)


def _read_tab(tab: Resource, level: int) -> Tab:
    content = tab.get("documentTab", {})
    properties = tab.get("tabProperties", {})
    reader = _Reader(content)
    blocks = reader.blocks(content.get("body", {}).get("content", []))
    footnotes = tuple(
        (number, reader.blocks(content.get("footnotes", {}).get(key, {}).get("content", [])))
        for number, key in reader.footnote_ids.items()
    )
    return Tab(
        id=properties.get("tabId", ""),
        title=properties.get("title", ""),
        level=level,
        blocks=blocks,
        footnotes=footnotes,
    )


class _Reader:
    """Reads the content of one tab; counts the numbers of its lists on the way."""

    def __init__(self, content: Resource) -> None:
        self._lists: Resource = content.get("lists", {})
        self._objects: Resource = content.get("inlineObjects", {})
        self._dropdowns: Resource = content.get("dropdownDefinitions", {})
        self._counters: dict[str, dict[int, int]] = {}
        self.footnote_ids: dict[str, str] = {}

    def blocks(self, content: Sequence[Resource]) -> tuple[Block, ...]:
        return tuple(block for element in content for block in self._structural(element))

    def _structural(self, element: Resource) -> Iterator[Block]:
        if "paragraph" in element:
            yield from self._paragraph(element["paragraph"])
        elif "table" in element:
            yield self._table(element["table"])
        elif "tableOfContents" in element:
            yield from self.blocks(element["tableOfContents"].get("content", []))

    def _table(self, table: Resource) -> Table:
        rows = tuple(
            Row(
                cells=tuple(
                    Cell(self.blocks(cell.get("content", [])), cell.get("tableCellStyle", {}))
                    for cell in row.get("tableCells", [])
                ),
                is_header=bool(row.get("tableRowStyle", {}).get("tableHeader")),
            )
            for row in table.get("tableRows", [])
        )
        return Table(rows, int(table.get("columns", 0)))

    def _paragraph(self, paragraph: Resource) -> Iterator[Block]:
        style = paragraph.get("paragraphStyle", {})
        item = self._item(paragraph["bullet"]) if "bullet" in paragraph else None
        pieces: list[Piece] = []
        was_cut = False
        for element in paragraph.get("elements", []):
            if "horizontalRule" in element or "pageBreak" in element:
                if pieces:
                    yield Paragraph(tuple(pieces), style, item)
                yield Rule() if "horizontalRule" in element else PageBreak()
                pieces, was_cut = [], True
            elif piece := self._piece(element):
                pieces.append(piece)
        rest = _without_last_newline(pieces)
        if rest or not was_cut:
            yield Paragraph(rest, style, item)

    def _item(self, bullet: Resource) -> Item:
        list_id, level = bullet.get("listId", ""), int(bullet.get("nestingLevel", 0))
        levels = self._lists.get(list_id, {}).get("listProperties", {}).get("nestingLevels", [])
        look: Resource = levels[level] if level < len(levels) else {}
        mark = _mark(look)
        seen = self._counters.setdefault(list_id, {})
        for deeper in [known for known in seen if known > level]:
            del seen[deeper]
        if mark is not Mark.NUMBER:
            return Item(list_id, level, mark)
        seen[level] = seen[level] + 1 if level in seen else int(look.get("startNumber") or 1)
        return Item(list_id, level, mark, seen[level], str(look.get("glyphType", "")))

    def _piece(self, element: Resource) -> Piece | None:
        for name, read in _PIECE_READERS.items():
            if name in element:
                source: Resource = element[name]
                piece = read(self, source)
                return replace(piece, suggestion=_suggestion(source))
        return None

    def _text(self, run: Resource) -> Piece:
        # The API leaves U+E907 in the text for an element that it does not show.
        text = str(run.get("content", "")).replace("\ue907", "")
        return Piece(text, style=run.get("textStyle", {}))

    def _person(self, person: Resource) -> Piece:
        properties = person.get("personProperties", {})
        email = str(properties.get("email", ""))
        text = str(properties.get("name") or email)
        return Piece(text, Kind.PERSON, person.get("textStyle", {}), email)

    def _date(self, date: Resource) -> Piece:
        properties = date.get("dateElementProperties", {})
        text = str(properties.get("displayText") or properties.get("timestamp", ""))
        return Piece(text, Kind.DATE, date.get("textStyle", {}))

    def _rich_link(self, link: Resource) -> Piece:
        properties = link.get("richLinkProperties", {})
        uri = str(properties.get("uri", ""))
        return Piece(str(properties.get("title") or uri), Kind.FILE, {}, uri)

    def _dropdown(self, dropdown: Resource) -> Piece:
        properties = dropdown.get("dropdownProperties", {})
        definition = self._dropdowns.get(properties.get("dropdownDefinitionId", ""), {})
        options = definition.get("dropdownDefinitionProperties", {}).get("options", [])
        chosen = properties.get("selectedOptionId")
        option: Resource = next((o for o in options if o.get("optionId") == chosen), {})
        text = str(properties.get("displayValue") or option.get("displayValue", ""))
        return Piece(text, Kind.DROPDOWN, option.get("textStyle", {}))

    def _image(self, element: Resource) -> Piece:
        found = self._objects.get(element.get("inlineObjectId", ""), {})
        embedded = found.get("inlineObjectProperties", {}).get("embeddedObject", {})
        words = (embedded.get("title", ""), embedded.get("description", ""))
        uri = str(embedded.get("imageProperties", {}).get("contentUri", ""))
        size = embedded.get("size", {})
        width, height = (size.get(side, {}).get("magnitude", 0.0) for side in ("width", "height"))
        text = " ".join(filter(None, words)) or "image"
        return Piece(text, Kind.IMAGE, {}, uri, (width, height))

    def _footnote(self, reference: Resource) -> Piece:
        number = str(reference.get("footnoteNumber", ""))
        self.footnote_ids[number] = str(reference.get("footnoteId", ""))
        return Piece(number, Kind.FOOTNOTE, {}, number)


# A checklist reads back with neither a symbol nor a type of number at its levels.
_CHECK_GLYPHS = frozenset({"", "☐", "☑"})

_PIECE_READERS = {
    "textRun": _Reader._text,
    "person": _Reader._person,
    "dateElement": _Reader._date,
    "richLink": _Reader._rich_link,
    "dropdown": _Reader._dropdown,
    "inlineObjectElement": _Reader._image,
    "footnoteReference": _Reader._footnote,
}


def _suggestion(source: Resource) -> Suggestion:
    if source.get("suggestedDeletionIds"):
        return Suggestion.DELETION
    if source.get("suggestedInsertionIds"):
        return Suggestion.INSERTION
    return Suggestion.NONE


def _mark(look: Resource) -> Mark:
    if not look or look.get("glyphSymbol", "") not in _CHECK_GLYPHS:
        return Mark.BULLET
    kind = look.get("glyphType", "GLYPH_TYPE_UNSPECIFIED")
    if kind == "GLYPH_TYPE_UNSPECIFIED":
        return Mark.CHECK
    return Mark.BULLET if kind == "NONE" else Mark.NUMBER


def _without_last_newline(pieces: list[Piece]) -> tuple[Piece, ...]:
    if pieces and pieces[-1].kind is Kind.TEXT:
        pieces = [*pieces[:-1], replace(pieces[-1], text=pieces[-1].text.removesuffix("\n"))]
    return tuple(piece for piece in pieces if piece.text)
