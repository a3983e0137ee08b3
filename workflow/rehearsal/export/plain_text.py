"""A Google Doc as plain text, in the form in which Drive exports it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from workflow.rehearsal.export.blocks import (
    Block,
    Item,
    Kind,
    Mark,
    Paragraph,
    Piece,
    Resource,
    Rule,
    Tab,
    Table,
    without_suggestions,
)
from workflow.rehearsal.export.numerals import numeral
from workflow.rehearsal.export.reading import read_tabs

BYTE_ORDER_MARK = "\ufeff"
_RULE = "_" * 16


def to_plain_text(document: Resource) -> str:
    """The doc's text, a line for each paragraph, `* ` and `1. ` before list items.

    It begins with a byte order mark and its lines end with CR LF, as Drive's own export does
    (googleapis/google-api-nodejs-client issue 2404 shows the mark).
    """
    tabs = without_suggestions(read_tabs(document))
    titled = len(tabs) > 1
    lines = [line for tab in tabs for line in _tab_lines(tab, [tab.title] if titled else [])]
    return BYTE_ORDER_MARK + "\r\n".join(lines)


def _tab_lines(tab: Tab, title: Sequence[str]) -> Iterator[str]:
    yield from title
    yield from _lines(tab.blocks)
    for number, blocks in tab.footnotes:
        yield f"[{number}] {' '.join(_lines(blocks)).strip()}"


def _lines(blocks: Sequence[Block]) -> Iterator[str]:
    for block in blocks:
        if isinstance(block, Paragraph):
            yield from _paragraph_lines(block)
        elif isinstance(block, Table):
            yield from (line for row in block.rows for c in row.cells for line in _lines(c.blocks))
        elif isinstance(block, Rule):
            yield _RULE


def _paragraph_lines(paragraph: Paragraph) -> Iterator[str]:
    prefix = "" if paragraph.item is None else _prefix(paragraph.item)
    text = "".join(map(_text, paragraph.pieces))
    first, *others = text.split("\v")
    yield prefix + first
    yield from others


def _prefix(item: Item) -> str:
    indent = " " * 3 * item.level
    if item.mark is Mark.NUMBER:
        return f"{indent}{numeral(item.number, item.glyph_type)}. "
    return f"{indent}* {'[ ] ' if item.mark is Mark.CHECK else ''}"


def _text(piece: Piece) -> str:
    if piece.kind is Kind.FOOTNOTE:
        return f"[{piece.text}]"
    return "" if piece.kind is Kind.IMAGE else piece.text
