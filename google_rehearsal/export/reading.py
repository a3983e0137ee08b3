"""Read a fetched Google Doc into plain values: tabs, blocks and pieces.

Every export of the doc (Markdown, HTML, plain text, the page in the browser) is made from these.
Indexes, named ranges and revisions are dropped. The numbers of a numbered list are computed as a
reader sees them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any
from urllib.parse import urlsplit

Resource = Mapping[str, Any]

SAFE_SCHEMES = frozenset({"http", "https", "mailto"})


class Kind(StrEnum):
    """The kind of a piece of a paragraph."""

    TEXT = "text"
    PERSON = "person"
    DATE = "date"
    FILE = "file"
    DROPDOWN = "dropdown"
    IMAGE = "image"
    FOOTNOTE = "footnote"


class Suggestion(StrEnum):
    """Whether a piece is permanent or only suggested."""

    NONE = ""
    INSERTION = "insertion"
    DELETION = "deletion"


class Mark(StrEnum):
    """The mark before a list item."""

    BULLET = "bullet"
    NUMBER = "number"
    CHECK = "check"


@dataclass(frozen=True)
class Piece:
    """A part of a paragraph with one style.

    `text` is what a reader sees (a soft line break is U+000B), `style` a Docs `TextStyle`, `target`
    the address of a chip, an image or a footnote's number, `size_points` an image's width and
    height.
    """

    text: str
    kind: Kind = Kind.TEXT
    style: Resource = field(default_factory=dict)
    target: str = ""
    size_points: tuple[float, float] = (0.0, 0.0)
    suggestion: Suggestion = Suggestion.NONE

    def has(self, trait: str) -> bool:
        """Whether a boolean property of `TextStyle`, such as `bold`, is set."""
        return bool(self.style.get(trait))

    @property
    def href(self) -> str:
        """The link's address: http, https, mailto or `#heading`; else empty."""
        link = self.style.get("link", {})
        heading = link.get("headingId") or link.get("heading", {}).get("id")
        if heading:
            return f"#{heading}"
        address = link.get("url", "")
        if self.kind is Kind.FILE:
            address = self.target
        if self.kind is Kind.PERSON:
            address = f"mailto:{self.target}"
        return address if is_safe_address(address) else ""


@dataclass(frozen=True)
class Item:
    """A paragraph's place in a list. `level` counts from 0, `number` is the shown number."""

    list_id: str
    level: int
    mark: Mark
    number: int = 1
    glyph_type: str = ""


@dataclass(frozen=True)
class Paragraph:
    """One paragraph without its last newline. `style` is a Docs `ParagraphStyle`."""

    pieces: tuple[Piece, ...]
    style: Resource = field(default_factory=dict)
    item: Item | None = None

    @property
    def text(self) -> str:
        """The visible text, without styles."""
        return "".join(piece.text for piece in self.pieces)

    @property
    def named_style(self) -> str:
        """`NORMAL_TEXT`, `TITLE`, `HEADING_2`…"""
        return str(self.style.get("namedStyleType", "NORMAL_TEXT"))

    @property
    def heading_level(self) -> int:
        """1 to 6 for a heading, 0 for anything else."""
        _, is_heading, level = self.named_style.partition("HEADING_")
        return int(level) if is_heading else 0


@dataclass(frozen=True)
class Cell:
    """A cell of a table. `style` is a Docs `TableCellStyle`."""

    blocks: tuple[Block, ...]
    style: Resource = field(default_factory=dict)


@dataclass(frozen=True)
class Row:
    """A row of a table; `is_header` if the doc pins it."""

    cells: tuple[Cell, ...]
    is_header: bool = False


@dataclass(frozen=True)
class Table:
    """Rows from top to bottom; a merged row may have fewer cells than `columns`."""

    rows: tuple[Row, ...]
    columns: int


@dataclass(frozen=True)
class Rule:
    """A horizontal line."""


@dataclass(frozen=True)
class PageBreak:
    """A page break."""


Block = Paragraph | Table | Rule | PageBreak


@dataclass(frozen=True)
class Tab:
    """One tab of a doc. `level` counts from 0; `footnotes` are (number, blocks) in order."""

    id: str
    title: str
    level: int
    blocks: tuple[Block, ...]
    footnotes: tuple[tuple[str, tuple[Block, ...]], ...] = ()


def is_safe_address(address: str) -> bool:
    """Whether a link may be followed: http, https or mailto, never script or data."""
    try:
        return urlsplit(address).scheme.lower() in SAFE_SCHEMES
    except ValueError:
        return False


def is_own_picture(address: str) -> bool:
    """Whether an image's address is the document's own copy, so nothing is fetched elsewhere."""
    return address.startswith("data:image/") or (
        address.startswith("/") and not address.startswith("//")
    )


def without_suggestions(tabs: Iterable[Tab]) -> list[Tab]:
    """The tabs without pending suggestions."""
    return [
        replace(
            tab,
            blocks=_settled(tab.blocks),
            footnotes=tuple((number, _settled(blocks)) for number, blocks in tab.footnotes),
        )
        for tab in tabs
    ]


def _settled(blocks: Sequence[Block]) -> tuple[Block, ...]:
    return tuple(_settled_block(block) for block in blocks)


def _settled_block(block: Block) -> Block:
    if isinstance(block, Paragraph):
        kept = (p for p in block.pieces if p.suggestion is not Suggestion.INSERTION)
        return replace(block, pieces=tuple(replace(p, suggestion=Suggestion.NONE) for p in kept))
    if isinstance(block, Table):
        rows = (
            replace(row, cells=tuple(replace(c, blocks=_settled(c.blocks)) for c in row.cells))
            for row in block.rows
        )
        return replace(block, rows=tuple(rows))
    return block


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
    """Read the content of one tab, and count the numbers of its lists."""

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


# A checklist reads back with neither a symbol nor a number type at its levels.
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


_ROMAN = (
    (1000, "m"),
    (900, "cm"),
    (500, "d"),
    (400, "cd"),
    (100, "c"),
    (90, "xc"),
    (50, "l"),
    (40, "xl"),
    (10, "x"),
    (9, "ix"),
    (5, "v"),
    (4, "iv"),
    (1, "i"),
)


def numeral(number: int, glyph_type: str) -> str:
    """A list's number in its glyph type: 4 is `4`, `04`, `d`, `D`, `iv` or `IV`.

    `glyph_type` is one of the Docs API's `GlyphType`s; an unknown one counts in decimals.
    """
    if glyph_type == "ZERO_DECIMAL":
        return f"{number:02}"
    if glyph_type.endswith("ALPHA"):
        return _cased(_letters(number), glyph_type)
    if glyph_type.endswith("ROMAN"):
        return _cased(_roman(number), glyph_type)
    return str(number)


def _cased(text: str, glyph_type: str) -> str:
    return text.upper() if glyph_type.startswith("UPPER") else text


def _letters(number: int) -> str:
    text = ""
    while number > 0:
        number, letter = divmod(number - 1, 26)
        text = chr(ord("a") + letter) + text
    return text


def _roman(number: int) -> str:
    text = ""
    for value, sign in _ROMAN:
        count, number = divmod(number, value)
        text += sign * count
    return text
