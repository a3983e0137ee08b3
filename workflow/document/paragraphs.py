"""Blocks laid out one behind the other: their text, their length and the requests they take."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from workflow.document.blocks import Block, Kind, Mark, Span, plain
from workflow.document.chips import place_chips
from workflow.document.requests import Request, insert_table, insert_text, update_text
from workflow.document.styling import Placed, bullets, raw_text, span_style, style_paragraphs
from workflow.document.text import utf16_length

LEAD = plain("\u00a0")
"""What looks empty and is not: a table goes in behind a paragraph, a range over a character."""


@dataclass(frozen=True)
class Line:
    """A paragraph, and the table that comes behind it, if one does."""

    block: Block
    table: Block | None = None


@dataclass(frozen=True)
class Laid:
    """Blocks ready to go into a doc, without a newline in front or behind. At least one line."""

    lines: tuple[Line, ...]

    @property
    def text(self) -> str:
        """What is inserted first: all paragraphs, without the tables."""
        return "\n".join(raw_text(line.block) for line in self.lines)

    @property
    def length(self) -> int:
        """What is there at last, tables included, in UTF-16 code units."""
        return sum(_line_length(line) for line in self.lines) + len(self.lines) - 1

    @property
    def marks(self) -> tuple[Mark, ...]:
        """The blocks' ranges as they are at last, counted from the first paragraph's start."""
        marks: list[Mark] = []
        start = 0
        for line in self.lines:
            marks += [Mark(m.name, start + m.start, start + m.end) for m in line.block.marks]
            start += _line_length(line) + 1
        return tuple(marks)

    def requests(self, tab_id: str, start: int, anywhere: Sequence[str] = ()) -> Iterator[Request]:
        """Style what was inserted at `start`, then make its lists and tables.

        Both change lengths, tables by what they hold and lists by the tabs that go: they are made
        from the end to the start.
        """
        placed = _place(self.lines, start)
        yield from style_paragraphs(tab_id, placed, anywhere=anywhere)
        for one in placed:
            at = one.end - utf16_length(one.block.text)
            yield from place_chips(tab_id, at, one.block.spans)
        later: list[tuple[int, list[Request]]] = []
        together: list[Placed] = []
        for line, one in zip(self.lines, placed, strict=True):
            together.append(one)
            if line.table is not None:
                later += [(at, [request]) for at, request in bullets(tab_id, together)]
                later.append((one.end, list(_table(tab_id, one.end, line.table))))
                together = []
        later += [(at, [request]) for at, request in bullets(tab_id, together)]
        for _, requests in sorted(later, key=lambda step: step[0], reverse=True):
            yield from requests


def lay_out(blocks: Sequence[Block]) -> Laid:
    """Lay out blocks, of which there must be at least one."""
    lines: list[Line] = []
    for block in blocks:
        if block.kind is not Kind.TABLE:
            lines.append(Line(block))
            continue
        if not lines or lines[-1].table is not None:
            lines.append(Line(LEAD))
        lines[-1] = replace(lines[-1], table=block)
    return Laid(tuple(lines))


def _place(lines: Sequence[Line], start: int) -> list[Placed]:
    placed: list[Placed] = []
    for line in lines:
        placed.append(Placed(line.block, start))
        start = placed[-1].end + 1
    return placed


def _line_length(line: Line) -> int:
    length = utf16_length(line.block.text)
    if line.table is None:
        return length
    # The newline that comes with a table, its start and end, and what it holds.
    words = sum(utf16_length(_cell_text(cell)) for row in line.table.rows for cell in row)
    return length + 1 + 2 + len(line.table.rows) * _row_length(line.table) + words


def _row_length(table: Block) -> int:
    """An empty row: one unit for it, two for each cell (the cell and its newline)."""
    return 1 + 2 * len(table.rows[0])


def _table(tab_id: str, at: int, table: Block) -> Iterator[Request]:
    """Insert a table behind the paragraph that ends at `at`; fill it from its last cell."""
    yield insert_table(tab_id, at, len(table.rows), len(table.rows[0]))
    for row in reversed(range(len(table.rows))):
        for column in reversed(range(len(table.rows[0]))):
            # The newline, the table's start, whole rows, this row's start, whole cells, the cell.
            inside = at + 1 + 1 + row * _row_length(table) + 1 + 2 * column + 1
            yield from _cell(tab_id, inside, table.rows[row][column], is_head=row == 0)


def _cell(tab_id: str, start: int, spans: Sequence[Span], *, is_head: bool) -> Iterator[Request]:
    text = _cell_text(spans)
    if not text:
        return
    yield insert_text(tab_id, start, text)
    yield update_text(tab_id, start, start + utf16_length(text), {}, "*")
    for span in spans:
        end = start + utf16_length(span.text)
        style = span_style(replace(span, bold=span.bold or is_head))
        if style:
            yield update_text(tab_id, start, end, style, ",".join(style))
        start = end


def _cell_text(spans: Sequence[Span]) -> str:
    return "".join(span.text for span in spans)
