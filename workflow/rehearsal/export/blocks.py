"""What a reader sees of a Google Doc, as plain values: tabs, blocks and pieces.

Every face of the doc (Markdown, HTML, plain text, the page in the browser) is made from these.
Indexes, named ranges and revisions are left behind.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any
from urllib.parse import urlsplit

Resource = Mapping[str, Any]

SAFE_SCHEMES = frozenset({"http", "https", "mailto"})


class Kind(StrEnum):
    """What a piece of a paragraph is."""

    TEXT = "text"
    PERSON = "person"
    DATE = "date"
    FILE = "file"
    DROPDOWN = "dropdown"
    IMAGE = "image"
    FOOTNOTE = "footnote"


class Suggestion(StrEnum):
    """Whether a piece is there for good, or only proposed."""

    NONE = ""
    INSERTION = "insertion"
    DELETION = "deletion"


class Mark(StrEnum):
    """What stands before a list item."""

    BULLET = "bullet"
    NUMBER = "number"
    CHECK = "check"


@dataclass(frozen=True)
class Piece:
    """A stretch of a paragraph with one look.

    `text` is what a reader sees (a soft line break is U+000B), `style` a Docs `TextStyle`,
    `target` the address behind a chip, an image or a footnote's number, `size_points` an image's
    width and height.
    """

    text: str
    kind: Kind = Kind.TEXT
    style: Resource = field(default_factory=dict)
    target: str = ""
    size_points: tuple[float, float] = (0.0, 0.0)
    suggestion: Suggestion = Suggestion.NONE

    def has(self, trait: str) -> bool:
        """Whether a yes-or-no trait of `TextStyle`, such as `bold`, is set."""
        return bool(self.style.get(trait))

    @property
    def href(self) -> str:
        """The address that a click leads to: http, https, mailto or `#heading`; else empty."""
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
    """A paragraph's place in a list. `level` counts from 0, `number` is what a reader sees."""

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
        """What a reader sees, styles left out."""
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
    """A row of a table; `is_header` when the doc pins it as one."""

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
    """Where a printed page ends."""


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
    """Whether an image's address is the document's own copy: nothing is fetched from elsewhere."""
    return address.startswith("data:image/") or (
        address.startswith("/") and not address.startswith("//")
    )


def without_suggestions(tabs: Iterable[Tab]) -> list[Tab]:
    """The tabs as they stand while nobody has accepted the pending suggestions."""
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
