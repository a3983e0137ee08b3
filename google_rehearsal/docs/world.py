"""The rehearsal's documents: plain values, stored and read back.

A document has tabs of segments, segments of blocks, paragraphs of pieces. Paragraphs and pieces are
immutable; an edit replaces them. So a copy of a document shares all its text, and a batch can be
tried on a copy at almost no cost. The JSON objects inside (styles, bullets, properties) are shared
too: they are replaced, never changed in place.

Every length and index is in UTF-16 code units, the unit of a Google Doc. Inside the engine a string
holds one character per code unit: a character outside the Basic Multilingual Plane is stored as its
two surrogates. So `len`, slicing and searching count as Google does, and no index is ever
converted. `to_units` and `from_units` convert the text.

`to_json` and `from_json` store a document without loss.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal

Json = dict[str, Any]
BoundaryInserts = Literal["outside", "inside"]
SuggestedDeletes = Literal["fail", "work"]
# Suggested changes of a style by their suggestion: the field of the resource, the suggestion's id,
# and the value that the API shows there. A field is `suggestedTextStyleChanges` and the like.
Changes = tuple[tuple[str, str, Json], ...]
SegmentKind = Literal["body", "header", "footer", "footnote"]


@dataclass(frozen=True, slots=True)
class Run:
    """Text of one style. The newline that ends a paragraph is the last unit of its last run."""

    text: str
    style: Json = field(default_factory=dict)
    insertions: tuple[str, ...] = ()
    deletions: tuple[str, ...] = ()
    changes: Changes = ()

    @property
    def length(self) -> int:
        """In code units."""
        return len(self.text)


@dataclass(frozen=True, slots=True)
class Inline:
    """A non-text element inside a paragraph: a person, date, rich link, dropdown, page break…

    `kind` is its field in `ParagraphElement` (`person`, `dateElement`, `richLink`, `dropdown`,
    `pageBreak`, `horizontalRule`, `inlineObjectElement`, `footnoteReference`); `body` is that
    field's JSON without its text style. It takes one index.
    """

    kind: str
    body: Json
    style: Json = field(default_factory=dict)
    insertions: tuple[str, ...] = ()
    deletions: tuple[str, ...] = ()
    changes: Changes = ()

    @property
    def length(self) -> int:
        """Always one code unit."""
        return 1

    @property
    def text(self) -> str:
        """U+E907, the API's character for a non-text element."""
        return "\ue907"


Piece = Run | Inline


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Pieces that end with a newline, with one paragraph style and at most one bullet."""

    pieces: tuple[Piece, ...]
    style: Json
    bullet: Json | None = None
    changes: Changes = ()
    length: int = field(init=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "length", sum(piece.length for piece in self.pieces))

    @property
    def text(self) -> str:
        """All its units, the newline included, U+E907 for each non-text element."""
        return "".join(piece.text for piece in self.pieces)


@dataclass(slots=True)
class Cell:
    """A table cell, with at least one paragraph."""

    content: list[Block]
    style: Json = field(default_factory=dict)

    @property
    def length(self) -> int:
        """In code units; the cell itself takes one."""
        return 1 + sum(block.length for block in self.content)


@dataclass(slots=True)
class Row:
    """A table row."""

    cells: list[Cell]
    style: Json = field(default_factory=dict)

    @property
    def length(self) -> int:
        """In code units; the row itself takes one."""
        return 1 + sum(cell.length for cell in self.cells)


@dataclass(slots=True)
class Table:
    """A table; the paragraph that always precedes it is not a part of it."""

    rows: list[Row]
    style: Json = field(default_factory=dict)
    deletions: tuple[str, ...] = ()

    @property
    def length(self) -> int:
        """In code units; the table takes one at its start and one at its end."""
        return 2 + sum(row.length for row in self.rows)

    @property
    def columns(self) -> int:
        """The number of columns. Cells are never merged here, so every row has as many."""
        return len(self.rows[0].cells)


@dataclass(slots=True)
class TableOfContents:
    """A table of contents: its text is generated, so it is deleted whole or not at all."""

    content: list[Block]

    @property
    def length(self) -> int:
        """In code units; it takes one at its start and one at its end."""
        return 2 + sum(block.length for block in self.content)


@dataclass(frozen=True, slots=True)
class SectionBreak:
    """The start of a section; the body always begins with one. It takes one index."""

    style: Json

    @property
    def length(self) -> int:
        """Always one code unit."""
        return 1


@dataclass(frozen=True, slots=True)
class FetchedPicture:
    """A picture fetched for a document. `key` names the kept copy.

    Width and height are in pixels.
    """

    key: str
    width: int
    height: int


Block = Paragraph | Table | TableOfContents | SectionBreak


@dataclass(slots=True)
class Segment:
    """The body (its id is empty), a header, footer or footnote: each has its own indexes."""

    id: str
    kind: SegmentKind
    content: list[Block]

    @property
    def end(self) -> int:
        """The index after its last newline, in code units."""
        return sum(block.length for block in self.content)


@dataclass(frozen=True, slots=True)
class NamedRange:
    """A name for some content. `spans` are (start, end) pairs, sorted, none of them empty."""

    id: str
    name: str
    segment_id: str
    spans: tuple[tuple[int, int], ...]


@dataclass(slots=True)
class Tab:
    """One tab: a body, its further segments, and what they refer to."""

    id: str
    title: str
    body: Segment
    icon: str = ""
    segments: dict[str, Segment] = field(default_factory=dict)
    named_ranges: list[NamedRange] = field(default_factory=list)
    lists: dict[str, Json] = field(default_factory=dict)
    dropdowns: dict[str, Json] = field(default_factory=dict)
    inline_objects: dict[str, Json] = field(default_factory=dict)
    style: Json = field(default_factory=dict)
    children: list[Tab] = field(default_factory=list)

    def segment(self, segment_id: str) -> Segment | None:
        """The body for an empty id, else the header, footer or footnote with that id."""
        return self.segments.get(segment_id) if segment_id else self.body

    def all_segments(self) -> Iterator[Segment]:
        """The body, then headers, footers and footnotes."""
        yield self.body
        yield from self.segments.values()


@dataclass(slots=True)
class DocumentModel:
    """A whole document.

    `boundary_inserts` decides what the API reference leaves open: whether text inserted exactly at
    the start or end of a named range becomes part of it. `suggested_deletes` is the result of a
    deleteContentRange over text with a suggestion: Google answers 500 (report hermes 181).
    `suggested_by` is the author of each suggestion, by its id. `recent_revisions` are the revisions
    still accepted as a `targetRevisionId`, the latest last.
    """

    id: str
    title: str
    tabs: list[Tab]
    revision: str
    recent_revisions: list[str] = field(default_factory=list)
    boundary_inserts: BoundaryInserts = "outside"
    suggested_deletes: SuggestedDeletes = "fail"
    suggested_by: dict[str, str] = field(default_factory=dict)

    def all_tabs(self) -> Iterator[Tab]:
        """Every tab, a parent before its children, in the order of the tab list."""
        for tab in self.tabs:
            yield from _with_children(tab)


def copied(doc: DocumentModel) -> DocumentModel:
    """An independently editable copy; text and styles are shared."""
    return replace(
        doc,
        tabs=[_copied_tab(tab) for tab in doc.tabs],
        recent_revisions=list(doc.recent_revisions),
        suggested_by=dict(doc.suggested_by),
    )


def own(value: Any) -> Any:
    """A copy of some JSON, so that changes outside never change a document."""
    if isinstance(value, dict):
        return {key: own(each) for key, each in value.items()}
    return [own(each) for each in value] if isinstance(value, list) else value


def blank_paragraph(text_style: Json | None = None) -> Paragraph:
    """An empty paragraph of normal text."""
    style = {"namedStyleType": "NORMAL_TEXT", "direction": "LEFT_TO_RIGHT"}
    return Paragraph((Run("\n", text_style or {}),), style)


def _with_children(tab: Tab) -> Iterator[Tab]:
    yield tab
    for child in tab.children:
        yield from _with_children(child)


def _copied_tab(tab: Tab) -> Tab:
    return replace(
        tab,
        body=copied_segment(tab.body),
        segments={key: copied_segment(segment) for key, segment in tab.segments.items()},
        named_ranges=list(tab.named_ranges),
        lists=dict(tab.lists),
        dropdowns=dict(tab.dropdowns),
        inline_objects=dict(tab.inline_objects),
        children=[_copied_tab(child) for child in tab.children],
    )


def copied_segment(segment: Segment) -> Segment:
    """An independently editable copy."""
    return replace(segment, content=_copied_blocks(segment.content))


def _copied_blocks(blocks: list[Block]) -> list[Block]:
    return [_copied_table(block) if isinstance(block, Table) else block for block in blocks]


def _copied_table(table: Table) -> Table:
    rows = [
        replace(
            row, cells=[replace(cell, content=_copied_blocks(cell.content)) for cell in row.cells]
        )
        for row in table.rows
    ]
    return replace(table, rows=rows)


_ASTRAL: Final = re.compile("[\U00010000-\U0010ffff]")
_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_UNPAIRED: Final = re.compile(
    "[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]"
)
# Docs API reference, InsertTextRequest.text: these are stripped from inserted text.
_STRIPPED: Final = re.compile("[\u0000-\u0008\u000c-\u001f\ue000-\uf8ff]")


def to_units(text: str) -> str:
    """The text with one character per UTF-16 code unit."""
    if _ASTRAL.search(text) is None:
        return text
    return "".join(_pair(c) if c > "\uffff" else c for c in text)


def from_units(units: str) -> str:
    """The text of these code units; an unpaired surrogate stays."""
    if _SURROGATE.search(units) is None:
        return units
    return units.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")


def has_unpaired_surrogate(units: str) -> bool:
    """Whether there is an unpaired surrogate, which no valid text has."""
    return _SURROGATE.search(units) is not None and _UNPAIRED.search(units) is not None


def splits_pair(units: str, at: int) -> bool:
    """Whether a cut before the unit at `at` (code units) would split a surrogate pair."""
    return (
        0 < at < len(units)
        and "\ud800" <= units[at - 1] <= "\udbff"
        and "\udc00" <= units[at] <= "\udfff"
    )


def insertable(units: str) -> str:
    """The text as Google stores it: control and private use characters are dropped."""
    return _STRIPPED.sub("", units)


def _pair(character: str) -> str:
    offset = ord(character) - 0x10000
    return chr(0xD800 + (offset >> 10)) + chr(0xDC00 + (offset & 0x3FF))


def to_json(doc: DocumentModel) -> Json:
    """The document as JSON, which shares objects with it: write it, don't change it."""
    return {
        "id": doc.id,
        "title": doc.title,
        "revision": doc.revision,
        "recentRevisions": doc.recent_revisions,
        "boundaryInserts": doc.boundary_inserts,
        "suggestedDeletes": doc.suggested_deletes,
        "suggestedBy": doc.suggested_by,
        "tabs": [_from_tab(tab) for tab in doc.tabs],
    }


def from_json(stored: Json) -> DocumentModel:
    """The document that `to_json` wrote."""
    return DocumentModel(
        id=stored["id"],
        title=stored["title"],
        tabs=[_to_tab(tab) for tab in stored["tabs"]],
        revision=stored["revision"],
        recent_revisions=list(stored["recentRevisions"]),
        boundary_inserts=stored["boundaryInserts"],
        suggested_deletes=stored.get("suggestedDeletes", "fail"),
        suggested_by=dict(stored.get("suggestedBy", {})),
    )


def _from_tab(tab: Tab) -> Json:
    return {
        "id": tab.id,
        "title": tab.title,
        "icon": tab.icon,
        "body": _from_segment(tab.body),
        "segments": [_from_segment(segment) for segment in tab.segments.values()],
        "namedRanges": [
            {
                "id": each.id,
                "name": each.name,
                "segmentId": each.segment_id,
                "spans": [list(span) for span in each.spans],
            }
            for each in tab.named_ranges
        ],
        "lists": tab.lists,
        "dropdowns": tab.dropdowns,
        "inlineObjects": tab.inline_objects,
        "style": tab.style,
        "children": [_from_tab(child) for child in tab.children],
    }


def _to_tab(stored: Json) -> Tab:
    segments = [_to_segment(segment) for segment in stored["segments"]]
    return Tab(
        id=stored["id"],
        title=stored["title"],
        icon=stored["icon"],
        body=_to_segment(stored["body"]),
        segments={segment.id: segment for segment in segments},
        named_ranges=[
            NamedRange(
                each["id"],
                each["name"],
                each["segmentId"],
                tuple((start, end) for start, end in each["spans"]),
            )
            for each in stored["namedRanges"]
        ],
        lists=stored["lists"],
        dropdowns=stored["dropdowns"],
        inline_objects=stored.get("inlineObjects", {}),
        style=stored["style"],
        children=[_to_tab(child) for child in stored["children"]],
    )


def _from_segment(segment: Segment) -> Json:
    content = [_from_block(block) for block in segment.content]
    return {"id": segment.id, "kind": segment.kind, "content": content}


def _to_segment(stored: Json) -> Segment:
    return Segment(stored["id"], stored["kind"], [_to_block(block) for block in stored["content"]])


def _from_block(block: Block) -> Json:
    if isinstance(block, Paragraph):
        pieces = [_from_piece(piece) for piece in block.pieces]
        stored = {"pieces": pieces, "style": block.style, "bullet": block.bullet}
        return stored | {"changes": block.changes} if block.changes else stored
    if isinstance(block, Table):
        rows = [_from_row(row) for row in block.rows]
        return {"rows": rows, "style": block.style, "deletions": list(block.deletions)}
    if isinstance(block, TableOfContents):
        return {"contents": [_from_block(each) for each in block.content]}
    return {"section": block.style}


def _to_block(stored: Json) -> Block:
    if "pieces" in stored:
        pieces = tuple(_to_piece(piece) for piece in stored["pieces"])
        changes = _to_changes(stored.get("changes", ()))
        return Paragraph(pieces, stored["style"], stored["bullet"], changes)
    if "rows" in stored:
        rows = [_to_row(row) for row in stored["rows"]]
        return Table(rows, stored["style"], tuple(stored["deletions"]))
    if "contents" in stored:
        return TableOfContents([_to_block(each) for each in stored["contents"]])
    return SectionBreak(stored["section"])


def _from_row(row: Row) -> Json:
    cells = [
        {"content": [_from_block(block) for block in cell.content], "style": cell.style}
        for cell in row.cells
    ]
    return {"cells": cells, "style": row.style}


def _to_row(stored: Json) -> Row:
    cells = [
        Cell([_to_block(block) for block in cell["content"]], cell["style"])
        for cell in stored["cells"]
    ]
    return Row(cells, stored["style"])


def _from_piece(piece: Piece) -> list[Any]:
    # A list, because most of a document is pieces: [text or kind, style, insertions, deletions,
    # body, changes], without the last two where there are none.
    body = None if isinstance(piece, Run) else piece.body
    last = [body, piece.changes] if piece.changes else [body] if body is not None else []
    text = from_units(piece.text) if isinstance(piece, Run) else piece.kind
    return [text, piece.style, list(piece.insertions), list(piece.deletions), *last]


def _to_piece(stored: list[Any]) -> Piece:
    text, style, insertions, deletions, *last = stored
    body = last[0] if last else None
    changes = last[1] if len(last) > 1 else ()
    marks = (tuple(insertions), tuple(deletions), _to_changes(changes))
    if body is not None:
        return Inline(text, body, style, *marks)
    return Run(to_units(text), style, *marks)


def _to_changes(stored: Any) -> Changes:
    return tuple((kind, suggestion, value) for kind, suggestion, value in stored)
