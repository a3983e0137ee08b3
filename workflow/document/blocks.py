"""A doc's paragraphs as plain values: written by the edits, read by the exports."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import groupby
from typing import TYPE_CHECKING

from workflow.document.requests import clean_text, inner_length

if TYPE_CHECKING:
    from workflow.document.chips import Chip, InlinePicture


class Kind(StrEnum):
    """The kind of a paragraph."""

    TITLE = "title"
    HEADING_1 = "heading_1"
    HEADING_2 = "heading_2"
    HEADING_3 = "heading_3"
    HEADING_4 = "heading_4"
    HEADING_5 = "heading_5"
    HEADING_6 = "heading_6"
    NORMAL = "normal"
    BULLET = "bullet"
    NUMBER = "number"
    CHECK = "check"
    CODE = "code"
    TABLE = "table"
    RULE = "rule"

    @property
    def heading_level(self) -> int:
        """1 to 6 for a heading, 0 for anything else."""
        return int(self.value[-1]) if self.value.startswith("heading_") else 0

    @property
    def in_list(self) -> bool:
        """Whether the paragraph has a list glyph in front."""
        return self in (Kind.BULLET, Kind.NUMBER, Kind.CHECK)


@dataclass(frozen=True)
class Span:
    """A piece of a paragraph with one style throughout. `faint` is grey.

    `suggested` is "ins" or "del" if somebody only suggests to insert or delete it: read, never
    written. `is_picture`: the text is a picture's description, and `link` is its address. A `chip`,
    or a picture, replaces `text`, a placeholder of one code unit.
    """

    text: str
    bold: bool = False
    italic: bool = False
    strike: bool = False
    code: bool = False
    link: str = ""
    faint: bool = False
    chip: Chip | InlinePicture | None = None
    suggested: str = ""
    is_picture: bool = False


def joined(spans: Iterable[Span]) -> tuple[Span, ...]:
    """The spans with equal neighbours merged and empty ones removed."""
    runs = groupby((span for span in spans if span.text), key=lambda span: replace(span, text=""))
    return tuple(replace(style, text="".join(span.text for span in run)) for style, run in runs)


@dataclass(frozen=True)
class Mark:
    """A named range over part of a block, in UTF-16 code units from the block's start."""

    name: str
    start: int
    end: int


@dataclass(frozen=True)
class Block:
    """One paragraph, or one table.

    `level` is the nesting in a list, from 0. `quote` is the depth of quotations around it.
    `checked` belongs to CHECK. A RULE, a line across the page, is only read, never written. A TABLE
    has `rows` of cells, each a tuple of spans, and no spans of its own; `cell_names` are named
    ranges over the text of its cells, each as row, column and name.
    """

    kind: Kind
    spans: tuple[Span, ...] = ()
    level: int = 0
    quote: int = 0
    checked: bool = False
    marks: tuple[Mark, ...] = ()
    rows: tuple[tuple[tuple[Span, ...], ...], ...] = ()
    cell_names: tuple[tuple[int, int, str], ...] = ()

    @property
    def text(self) -> str:
        """The paragraph's text, without its newline."""
        return "".join(span.text for span in self.spans)

    @property
    def right_to_left(self) -> bool:
        """Whether the first letter with a direction runs from right to left."""
        for char in self.text:
            direction = unicodedata.bidirectional(char)
            if direction in ("L", "R", "AL"):
                return direction != "L"
        return False

    def marked(self, name: str) -> Block:
        """The same block with a named range, to find it again."""
        return replace(self, marks=(*self.marks, Mark(name, 0, inner_length(self.text))))


def plain(text: str, kind: Kind = Kind.NORMAL) -> Block:
    """One paragraph of unstyled text, unchanged."""
    return Block(kind, (Span(clean_text(text)),))


def blocks_from_text(text: str) -> list[Block]:
    """Typed text, unchanged: an empty line separates paragraphs, other line ends stay in them."""
    paragraphs = re.split(r"\n[ \t]*\n\s*", re.sub("\r\n?", "\n", text))
    return [plain(paragraph.strip("\n")) for paragraph in paragraphs if paragraph.strip()]


def heading_kind(level: int) -> Kind:
    """The kind of a heading; levels are limited to 1 to 6."""
    return Kind(f"heading_{min(max(level, 1), 6)}")
