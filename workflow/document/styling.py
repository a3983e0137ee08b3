"""Lay out blocks in order, and style them.

`lay_out` gives their text, length and requests; `style_paragraphs` styles paragraphs whose text is
already in the doc.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any
from urllib.parse import urlsplit

from workflow.document.blocks import Block, BlockKind, Mark, Span, place_chips, plain
from workflow.document.requests import (
    Request,
    create_bullets,
    delete_bullets,
    inner_length,
    insert_table,
    insert_text,
    update_paragraphs,
    update_text,
    utf16_length,
)

PRESETS = {
    BlockKind.BULLET: "BULLET_DISC_CIRCLE_SQUARE",
    BlockKind.NUMBER: "NUMBERED_DECIMAL_ALPHA_ROMAN",
    BlockKind.CHECK: "BULLET_CHECKBOX",
}

# A new paragraph copies the style of the one it was split from, so reset all of it.
_RESET = (
    "namedStyleType,alignment,direction,lineSpacing,spacingMode,spaceAbove,spaceBelow,"
    "indentStart,indentFirstLine,indentEnd,borderTop,borderBottom,borderLeft,borderRight,"
    "borderBetween,shading,keepWithNext,keepLinesTogether,avoidWidowAndOrphan"
)
_LINK_SCHEMES = ("http", "https", "mailto", "tel")
_GREY = {"color": {"rgbColor": {"red": 0.45, "green": 0.45, "blue": 0.45}}}
_PALE = {"color": {"rgbColor": {"red": 0.95, "green": 0.95, "blue": 0.95}}}
_STEP = 18  # points of indent for a quotation
_GAP = 8  # points between its paragraphs, as a mail shows them
# Points below other paragraphs: entries and facts are separate, but stay together.
_BELOW = {BlockKind.NORMAL: 4, BlockKind.CODE: 8}


@dataclass(frozen=True)
class Placed:
    """A block and the start of its text, before the tabs that nest a list item are removed."""

    block: Block
    start: int

    @property
    def end(self) -> int:
        """The index of the paragraph's newline."""
        return self.start + utf16_length(raw_text(self.block))


def raw_text(block: Block) -> str:
    """The inserted text of a block: list items with a tab for each level, as Docs needs."""
    return "\t" * block.level + block.text if block.kind.in_list else block.text


def style_paragraphs(
    tab_id: str, placed: Sequence[Placed], *, anywhere: Sequence[str] = ()
) -> Iterator[Request]:
    """Style paragraphs without their neighbours'; lists are made by `bullets`.

    `anywhere` names further paragraph fields to reset. The last newline is left alone: it may be
    the last of the body.
    """
    start, end = placed[0].start, placed[-1].end
    # Removing bullets leaves an indent in their place (reference), so do it before the reset.
    yield delete_bullets(tab_id, start, end)
    fields = ",".join((_RESET, *anywhere))
    yield update_paragraphs(tab_id, start, end, {"namedStyleType": "NORMAL_TEXT"}, fields)
    yield update_text(tab_id, start, end, {}, "*")
    for style, run in _runs(placed):
        yield update_paragraphs(tab_id, run[0].start, run[-1].end, style, ",".join(style))
    for one in placed:
        yield from style_spans(
            tab_id, one.end - utf16_length(one.block.text), _paragraph_spans(one)
        )


def bullets(tab_id: str, placed: Sequence[Placed]) -> Iterator[tuple[int, list[Request]]]:
    """The start and requests of each list, first to last. Issue those of the last list first.

    Making a list removes its items' leading tabs, which shifts everything after it.
    """
    for in_list, members in groupby(placed, key=lambda one: one.block.kind.in_list):
        if in_list:
            for run in _lists(list(members)):
                yield run[0].start, list(_list_requests(tab_id, run))


def _lists(run: list[Placed]) -> Iterator[list[Placed]]:
    """Split list items into runs for one request: of one kind, or numbered around deeper ones."""
    first = run[0].block
    end = next((at for at, one in enumerate(run) if not _goes_with(first, one.block)), len(run))
    last = max(at for at in range(end) if run[at].block.kind is first.kind)
    is_counted = first.kind is BlockKind.NUMBER and any(
        one.block.level == first.level for one in run[1:end]
    )
    if not is_counted:  # no numbers have to continue after another kind
        last = next((at for at, one in enumerate(run) if one.block.kind is not first.kind), end) - 1
    yield run[: last + 1]
    if run[last + 1 :]:
        yield from _lists(run[last + 1 :])


def _goes_with(first: Block, other: Block) -> bool:
    """Whether an item belongs to the list that `first` starts, or is nested in it."""
    return other.level > first.level or (other.level, other.kind) == (first.level, first.kind)


def _list_requests(tab_id: str, run: Sequence[Placed]) -> Iterator[Request]:
    """Make a list, then separate lists of nested items of another kind.

    So the numbers continue after them. The first request has removed the tabs that nest; those of
    the inner lists are inserted again, because Docs nests reliably only by tabs (reference).
    """
    kind = run[0].block.kind
    yield create_bullets(tab_id, run[0].start, run[-1].end, PRESETS[kind])
    gone = 0
    bare: list[Placed] = []
    for one in run:
        bare.append(Placed(one.block, one.start - gone))
        gone += one.block.level
    inner = [
        list(each) for same, each in groupby(bare, lambda one: one.block.kind is kind) if not same
    ]
    for others in reversed(inner):
        nested: list[Placed] = []
        for one in others:
            nested.append(Placed(one.block, nested[-1].end + 1 if nested else one.start))
        for one in reversed(others):
            yield insert_text(tab_id, one.start, "\t" * one.block.level)
        for _, requests in reversed(list(bullets(tab_id, nested))):
            yield from requests


def span_style(span: Span) -> dict[str, Any]:
    """The `TextStyle` of a span; empty for plain text."""
    style: dict[str, Any] = {}
    if span.bold:
        style["bold"] = True
    if span.italic:
        style["italic"] = True
    if span.strike:
        style["strikethrough"] = True
    if span.code:
        style["weightedFontFamily"] = {"fontFamily": "Roboto Mono", "weight": 400}
    if span.faint:
        style["foregroundColor"] = _GREY
    if is_link(span.link):
        style["link"] = {"url": span.link}
    return style


def is_link(address: str) -> bool:
    """Whether an address may be a link: its scheme is allowed, every character printable."""
    try:
        scheme = urlsplit(address).scheme.lower()
    except ValueError:
        return False
    return scheme in _LINK_SCHEMES and address.isprintable() and " " not in address


def style_spans(tab_id: str, at: int, spans: Iterable[Span]) -> Iterator[Request]:
    """Style the spans of a text that starts at `at`."""
    for span in spans:
        end = at + utf16_length(span.text)
        style = span_style(span)
        if style:
            yield update_text(tab_id, at, end, style, ",".join(style))
        at = end


def _paragraph_spans(placed: Placed) -> Iterator[Span]:
    """A paragraph's spans; a checked box is shown by striking it through, as Docs does.

    No request ticks a box.
    """
    for span in placed.block.spans:
        yield replace(span, strike=span.strike or placed.block.checked)


def _runs(placed: Sequence[Placed]) -> Iterator[tuple[dict[str, Any], list[Placed]]]:
    following = (*(one.block.kind.in_list for one in placed[1:]), False)
    styled = [
        (_paragraph_style(one.block, ends_list=one.block.kind.in_list and not goes_on), one)
        for one, goes_on in zip(placed, following, strict=True)
    ]
    for style, members in groupby(styled, key=lambda each: each[0]):
        if style:
            yield style, [one for _, one in members]


def _paragraph_style(block: Block, *, ends_list: bool) -> dict[str, Any]:
    style: dict[str, Any] = {}
    if block.kind is BlockKind.TITLE or block.kind.heading_level:
        style["namedStyleType"] = block.kind.value.upper()
    if block.right_to_left:
        style["direction"] = "RIGHT_TO_LEFT"
    indent = _STEP * (block.quote + 2 * block.level)
    if indent and not block.kind.in_list:
        style["indentStart"] = style["indentFirstLine"] = {"magnitude": indent, "unit": "PT"}
    below = _GAP if block.quote else _BELOW.get(block.kind, 0)
    below = below or (_BELOW[BlockKind.NORMAL] if ends_list else 0)
    if below and (ends_list or not block.kind.in_list):
        style["spaceBelow"] = {"magnitude": below, "unit": "PT"}
    if block.quote:
        style["borderLeft"] = {
            "color": _GREY,
            "width": {"magnitude": 2, "unit": "PT"},
            "padding": {"magnitude": 8, "unit": "PT"},
            "dashStyle": "SOLID",
        }
    if block.kind is BlockKind.CODE:
        style["shading"] = {"backgroundColor": _PALE}
    return style


LEAD = plain("\u00a0")
"""A line that only looks empty: a table needs a paragraph before it, a range a character."""


@dataclass(frozen=True)
class StyledParagraph:
    """A paragraph, and the table after it, if any."""

    block: Block
    table: Block | None = None


@dataclass(frozen=True)
class Laid:
    """Blocks ready for a doc, without a newline before or after. At least one line."""

    lines: tuple[StyledParagraph, ...]

    @property
    def text(self) -> str:
        """The text inserted first: all paragraphs, without the tables."""
        return "\n".join(raw_text(line.block) for line in self.lines)

    @property
    def length(self) -> int:
        """The final length, tables included, in UTF-16 code units."""
        return sum(_line_length(line) for line in self.lines) + len(self.lines) - 1

    @property
    def marks(self) -> tuple[Mark, ...]:
        """The blocks' final ranges, counted from the first paragraph's start."""
        marks: list[Mark] = []
        start = 0
        for line in self.lines:
            marks += [Mark(m.name, start + m.start, start + m.end) for m in line.block.marks]
            if line.table is not None:
                marks += _cell_marks(line.table, start + utf16_length(line.block.text))
            start += _line_length(line) + 1
        return tuple(marks)

    @property
    def paragraphs(self) -> tuple[str, ...]:
        """The final texts of all paragraphs: also a table's cells, and the line after it."""
        texts: list[str] = []
        for line in self.lines:
            texts.append(line.block.text)
            if line.table is not None:
                texts += [_cell_text(cell) for row in line.table.rows for cell in row]
                texts.append("")
        return tuple(texts)

    def requests(self, tab_id: str, start: int, anywhere: Sequence[str] = ()) -> Iterator[Request]:
        """Style the text inserted at `start`, then make its lists and tables.

        Both change lengths, tables by their content and lists by the removed tabs: so work from the
        end to the start.
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
                later += bullets(tab_id, together)
                later.append((one.end, list(_table(tab_id, one.end, line))))
                together = []
        later += bullets(tab_id, together)
        for _, requests in sorted(later, key=lambda step: step[0], reverse=True):
            yield from requests


def lay_out(blocks: Sequence[Block]) -> Laid:
    """Lay out blocks; there must be at least one."""
    lines: list[StyledParagraph] = []
    for block in blocks:
        if block.kind is not BlockKind.TABLE:
            lines.append(StyledParagraph(block))
            continue
        if not lines or lines[-1].table is not None:
            lines.append(StyledParagraph(LEAD))
        lines[-1] = replace(lines[-1], table=block)
    return Laid(tuple(lines))


def _place(lines: Sequence[StyledParagraph], start: int) -> list[Placed]:
    placed: list[Placed] = []
    for line in lines:
        placed.append(Placed(line.block, start))
        start = placed[-1].end + 1
    return placed


def _line_length(line: StyledParagraph) -> int:
    length = utf16_length(line.block.text)
    if line.table is None:
        return length
    # A table's newline, its start and end, and its content.
    words = sum(utf16_length(_cell_text(cell)) for row in line.table.rows for cell in row)
    return length + 1 + 2 + len(line.table.rows) * _row_length(line.table) + words


def _row_length(table: Block) -> int:
    """An empty row: one unit for it, two for each cell (the cell and its newline)."""
    return 1 + 2 * len(table.rows[0])


def _cell_marks(table: Block, at: int) -> Iterator[Mark]:
    """The ranges over cells of a table after the paragraph that ends at `at`."""
    for row, column, name in table.cell_names:
        before = [cell for each in table.rows[:row] for cell in each] + [*table.rows[row][:column]]
        words = sum(utf16_length(_cell_text(cell)) for cell in before)
        start = _inside(table, at, row, column) + words
        yield Mark(name, start, start + inner_length(_cell_text(table.rows[row][column])))


def _inside(table: Block, at: int, row: int, column: int) -> int:
    """The start of a cell in an empty table after the paragraph that ends at `at`."""
    # The newline, the table's start, whole rows, this row's start, whole cells, the cell.
    return at + 1 + 1 + row * _row_length(table) + 1 + 2 * column + 1


def _table(tab_id: str, at: int, line: StyledParagraph) -> Iterator[Request]:
    """Insert a line's table after its paragraph, which ends at `at`; fill it from its last cell.

    It splits the paragraph: an empty one of the same style is left below the table. Below code or
    a heading that would show, so it becomes plain.
    """
    table = line.table
    assert table is not None  # noqa: S101 - for lines with a table only
    yield insert_table(tab_id, at, len(table.rows), len(table.rows[0]))
    if line.block.kind is not BlockKind.NORMAL:
        below = at + 1 + 2 + len(table.rows) * _row_length(table)
        yield update_paragraphs(tab_id, below, below + 1, {"namedStyleType": "NORMAL_TEXT"}, _RESET)
    for row in reversed(range(len(table.rows))):
        for column in reversed(range(len(table.rows[0]))):
            inside = _inside(table, at, row, column)
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
