"""A Google Doc as Markdown: CommonMark with GitHub's tables, strikethrough, tasks and footnotes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby

from workflow.rehearsal.export.blocks import (
    Block,
    Cell,
    Item,
    Kind,
    Mark,
    Paragraph,
    Piece,
    Resource,
    Rule,
    Tab,
    Table,
    is_safe_address,
    without_suggestions,
)
from workflow.rehearsal.export.markdown_text import (
    BOLD,
    ITALIC,
    STRUCK,
    Span,
    heading_line,
    link_target,
    markdown_lines,
)
from workflow.rehearsal.export.reading import read_tabs

_TRAITS = {"bold": BOLD, "italic": ITALIC, "strikethrough": STRUCK}
_CELL_MARKS = {Mark.BULLET: "• ", Mark.CHECK: "☐ "}


def to_markdown(document: Resource) -> str:
    """The doc as Markdown that renders to the text a reader of the doc sees.

    Where a doc has several tabs, each begins with its title as a heading. A checklist's boxes are
    written open: the Docs API does not tell which are ticked. Ends with one newline.
    """
    tabs = without_suggestions(read_tabs(document))
    write = _tab_with_title if len(tabs) > 1 else _tab
    return "\n\n".join(filter(None, map(write, tabs))) + "\n"


def _tab_with_title(tab: Tab) -> str:
    title = heading_line(markdown_lines([Span(tab.title)]))
    return "\n\n".join(filter(None, [f"# {title}", _tab(tab)]))


def _tab(tab: Tab) -> str:
    notes = (f"[^{number}]: {_footnote(blocks)}" for number, blocks in tab.footnotes)
    return "\n\n".join([*_chunks(tab.blocks), *notes])


def _footnote(blocks: Sequence[Block]) -> str:
    # Docs begins each footnote with a space of its own.
    return _cell_text(blocks).removeprefix("&#32;")


def _chunks(blocks: Sequence[Block]) -> Iterator[str]:
    for is_list, group in groupby(blocks, key=_is_item):
        if is_list:
            items = [block for block in group if isinstance(block, Paragraph)]
            yield _list(items)
        else:
            yield from filter(None, map(_chunk, group))


def _is_item(block: Block) -> bool:
    return isinstance(block, Paragraph) and block.item is not None and bool(block.text.strip())


def _chunk(block: Block) -> str:
    if isinstance(block, Paragraph):
        return _paragraph(block)
    if isinstance(block, Table):
        return _table(block)
    return "---" if isinstance(block, Rule) else ""


def _paragraph(paragraph: Paragraph) -> str:
    lines = markdown_lines(_spans(paragraph))
    if not lines:
        return ""
    level = 1 if paragraph.named_style == "TITLE" else paragraph.heading_level
    return f"{'#' * level} {heading_line(lines)}" if level else "\\\n".join(lines)


def _spans(paragraph: Paragraph) -> list[Span]:
    return [_SPANS.get(piece.kind, _text_span)(piece) for piece in paragraph.pieces]


def _text_span(piece: Piece) -> Span:
    markers = frozenset(marker for trait, marker in _TRAITS.items() if piece.has(trait))
    # A link to a heading has no counterpart: every renderer names headings in its own way.
    href = "" if piece.href.startswith("#") else piece.href
    return Span(piece.text, markers, href)


def _dropdown_span(piece: Piece) -> Span:
    return Span(piece.text)


def _image_span(piece: Piece) -> Span:
    words = "".join(markdown_lines([Span(piece.text)]))
    # Google writes its own copy into the text, as base64.
    if not is_safe_address(piece.target) and not piece.target.startswith("data:image/"):
        return Span(piece.text)
    return Span(f"![{words}]({link_target(piece.target)})", is_markdown=True)


def _footnote_span(piece: Piece) -> Span:
    return Span(f"[^{piece.target}]", is_markdown=True)


_SPANS: dict[Kind, Callable[[Piece], Span]] = {
    Kind.DROPDOWN: _dropdown_span,
    Kind.IMAGE: _image_span,
    Kind.FOOTNOTE: _footnote_span,
}


@dataclass
class _Level:
    """An open level of a list: where its items' text begins, and how they are marked."""

    indent: int
    list_id: str
    mark: Mark
    variant: int


@dataclass
class _ListWriter:
    """Writes consecutive list items; neighbours of different lists get different markers."""

    lines: list[str] = field(default_factory=list)
    levels: list[_Level] = field(default_factory=list)

    def add(self, item: Item, text_lines: Sequence[str]) -> None:
        depth = min(item.level, len(self.levels))
        neighbour = self.levels[depth] if depth < len(self.levels) else None
        continues = neighbour is not None and (neighbour.list_id, neighbour.mark) == (
            item.list_id,
            item.mark,
        )
        variant = 0 if neighbour is None else neighbour.variant ^ (not continues)
        del self.levels[depth:]
        padding = " " * (self.levels[-1].indent if self.levels else 0)
        marker = _marker(item, variant)
        # CommonMark: a list that starts with another number than 1 can't follow text directly.
        if self.lines and not continues and item.mark is Mark.NUMBER and item.number != 1:
            self.lines.append("")
        indent = len(padding) + marker.index(" ") + 1
        self.levels.append(_Level(indent, item.list_id, item.mark, variant))
        self.lines.append(padding + marker + ("\\\n" + " " * indent).join(text_lines))


def _marker(item: Item, variant: int) -> str:
    if item.mark is Mark.NUMBER:
        return f"{item.number}{').'[variant == 0]} "
    box = "[ ] " if item.mark is Mark.CHECK else ""
    return f"{'-*'[variant]} {box}"


def _list(items: Sequence[Paragraph]) -> str:
    writer = _ListWriter()
    for paragraph in items:
        if paragraph.item is not None:
            writer.add(paragraph.item, markdown_lines(_spans(paragraph)))
    return "\n".join(writer.lines)


def _table(table: Table) -> str:
    width = max([table.columns, *(len(row.cells) for row in table.rows)])
    if not table.rows or not width:
        return ""
    rows = [_table_row(row.cells, width) for row in table.rows]
    return "\n".join([rows[0], "| " + " | ".join(["---"] * width) + " |", *rows[1:]])


def _table_row(cells: Sequence[Cell], width: int) -> str:
    texts = [_cell_text(cell.blocks) for cell in cells]
    return "| " + " | ".join(texts + [""] * (width - len(texts))) + " |"


def _cell_text(blocks: Sequence[Block]) -> str:
    """A cell's blocks on one line: a cell of a Markdown table can't hold blocks."""
    return "<br>".join(filter(None, map(_line_of, blocks)))


def _line_of(block: Block) -> str:
    if isinstance(block, Table):
        return "<br>".join(_cell_text(cell.blocks) for row in block.rows for cell in row.cells)
    if not isinstance(block, Paragraph):
        return ""
    text = "<br>".join(markdown_lines(_spans(block)))
    if block.item is None or not text:
        return text
    return _CELL_MARKS.get(block.item.mark, f"{block.item.number}. ") + text
