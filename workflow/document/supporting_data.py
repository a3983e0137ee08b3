"""A file as the doc shows it: a line that links to it, and a small one's content below."""

from __future__ import annotations

import csv
import io
from collections.abc import Collection

from workflow.document.blocks import Block, Kind, Span
from workflow.document.chips import NativePart, as_chip, link_chip
from workflow.document.pictures import InlinePicture
from workflow.document.text import clean_text

_MOST_ROWS, _MOST_COLUMNS, _LONGEST_CELL = 30, 8, 200
_MOST_LINES, _LONGEST_LOG = 60, 6_000  # lines, characters
_TABLES = {".csv": ",;\t", ".tsv": "\t"}
_LOGS = (".log", ".txt", ".json", ".sql", ".yaml", ".yml", ".md", ".diff")


def file_blocks(
    name: str,
    caption: str,
    url: str,
    content: bytes,
    parts: Collection[NativePart] = frozenset(),
    picture: InlinePicture | None = None,
) -> list[Block]:
    """A caption with a link, then the picture, a small CSV as a table or a short text as code.

    Anything larger, and a picture that is not public, is the link alone: Docs fetches what it
    shows without signing in (reference, InsertInlineImageRequest).
    """
    link = as_chip(Span(clean_text(name), link=url), link_chip(url), parts)
    words = clean_text(caption.strip())
    line = (Span(f"{words} ("), link, Span(")")) if words else (link,)
    shown = [picture.block] if picture else _inside(name, content)
    return [Block(Kind.NORMAL, line), *shown]


def _inside(name: str, content: bytes) -> list[Block]:
    ending = f".{name.rpartition('.')[2].lower()}"
    if ending not in _TABLES and ending not in _LOGS:
        return []
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return []
    if ending in _TABLES:
        return _table(text, _TABLES[ending])
    is_short = len(text) <= _LONGEST_LOG and text.count("\n") <= _MOST_LINES
    words = clean_text(text.rstrip())
    return [Block(Kind.CODE, (Span(words, code=True),))] if words.strip() and is_short else []


def _table(text: str, delimiters: str) -> list[Block]:
    first_line = text.partition("\n")[0]
    delimiter = max(delimiters, key=first_line.count)
    try:
        rows = [row for row in csv.reader(io.StringIO(text), delimiter=delimiter) if any(row)]
    except csv.Error:
        return []
    width = max(map(len, rows), default=0)
    fits = 0 < len(rows) <= _MOST_ROWS and width <= _MOST_COLUMNS
    if not fits or any(len(cell) > _LONGEST_CELL for row in rows for cell in row):
        return []
    padded = (row + [""] * (width - len(row)) for row in rows)
    cells = tuple(tuple((Span(clean_text(cell)),) for cell in row) for row in padded)
    return [Block(Kind.TABLE, rows=cells)]
