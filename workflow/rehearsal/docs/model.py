"""A Google Doc as plain values: tabs of segments, segments of blocks, paragraphs of pieces.

Paragraphs and pieces never change; an edit puts a new one in the place of the old. So a copy of a
document shares all its text, and a batch can be tried on a copy at almost no cost. The JSON objects
inside (styles, bullets, properties) are shared as well: they are replaced, never changed in place.

Every length and index is in UTF-16 code units; text is held as `units.to_units` makes it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Literal

Json = dict[str, Any]
BoundaryInserts = Literal["outside", "inside"]
SegmentKind = Literal["body", "header", "footer", "footnote"]


@dataclass(frozen=True, slots=True)
class Run:
    """Text of one style. The newline that ends a paragraph is the last unit of its last run."""

    text: str
    style: Json = field(default_factory=dict)
    insertions: tuple[str, ...] = ()
    deletions: tuple[str, ...] = ()

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

    @property
    def length(self) -> int:
        """Always one code unit."""
        return 1

    @property
    def text(self) -> str:
        """U+E907, the character with which the API stands for a non-text element."""
        return "\ue907"


Piece = Run | Inline


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Pieces that end with a newline, with one paragraph style and at most one bullet."""

    pieces: tuple[Piece, ...]
    style: Json
    bullet: Json | None = None
    length: int = field(init=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "length", sum(piece.length for piece in self.pieces))

    @property
    def text(self) -> str:
        """All its units, the newline included, U+E907 for each non-text element."""
        return "".join(piece.text for piece in self.pieces)


@dataclass(slots=True)
class Cell:
    """A table cell; its content is one paragraph at least."""

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
    """A table; the paragraph that it always has before it is not a part of it."""

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
    """A picture that was fetched for a document. `key` names the copy that is kept of it.

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

    `boundary_inserts` decides what the API reference leaves open: whether text that is inserted
    exactly at the start or the end of a named range becomes a part of it.
    `recent_revisions` are the revisions that still do as a `targetRevisionId`, the latest last.
    """

    id: str
    title: str
    tabs: list[Tab]
    revision: str
    recent_revisions: list[str] = field(default_factory=list)
    boundary_inserts: BoundaryInserts = "outside"

    def all_tabs(self) -> Iterator[Tab]:
        """Every tab, a parent before its children, in the order of the tab list."""
        for tab in self.tabs:
            yield from _with_children(tab)


def copied(doc: DocumentModel) -> DocumentModel:
    """A copy that can be edited without a trace on the original; text and styles are shared."""
    return replace(
        doc,
        tabs=[_copied_tab(tab) for tab in doc.tabs],
        recent_revisions=list(doc.recent_revisions),
    )


def own(value: Any) -> Any:
    """A copy of some JSON, so that nobody who changes what they gave or got changes a document."""
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
    """A copy that can be edited without a trace on the original."""
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
