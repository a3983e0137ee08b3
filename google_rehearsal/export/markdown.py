"""A Google Doc as Markdown and as plain text.

CommonMark with GitHub's tables, strikethrough, tasks and footnotes. A paragraph's Markdown renders
to the same text, whatever it contains; only white space at the end of a line, which no reader sees,
is dropped. The plain text has the form of Drive's export.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from urllib.parse import quote

from google_rehearsal.export.reading import (
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
    numeral,
    read_tabs,
    without_suggestions,
)

_ALWAYS = re.compile(r"[\\`*_\[\]<~|$]|&(?=[#A-Za-z0-9])")
_LINE_START = re.compile(r"(?P<lead>\d{0,9})(?P<hazard>(?<=\d)[.)](?=\s|$)|(?<!\d)[#+\-=>:])")
_CLOSING_HASHES = re.compile(r"(?<=\s)#+$")
_LINE_BREAK = re.compile(r"[\v\r\n]")
_EDGES = re.compile(r"(\s*)(.*?)(\s*)", re.DOTALL)
_PUNCTUATION = frozenset("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~")

BOLD, ITALIC, STRUCK = "**", "_", "~~"


@dataclass(frozen=True)
class Span:
    """Text with its markers (`BOLD`, `ITALIC`, `STRUCK`) and its link.

    `is_markdown` text (an image, a footnote's reference) is written unchanged.
    """

    text: str
    markers: frozenset[str] = frozenset()
    href: str = ""
    is_markdown: bool = False


def markdown_lines(spans: Sequence[Span]) -> list[str]:
    """The paragraph's lines as Markdown, split at soft line breaks; empty ones at the end dropped.

    The caller joins them: with a backslash and a newline in a paragraph, with `<br>` in a cell.
    """
    lines = [_line(line) for line in _split_at_breaks(spans)]
    while lines and not lines[-1]:
        lines.pop()
    return lines


def heading_line(lines: Sequence[str]) -> str:
    """A heading's lines in one, with a `#` at its end kept as text."""
    joined = "<br>".join(lines)
    return _CLOSING_HASHES.sub(lambda m: m[0].replace("#", r"\#"), joined)


def link_target(address: str) -> str:
    """An address for the parentheses of a Markdown link."""
    return quote(address, safe="/:?#@!$&'*+,;=%~-._").replace("&", "&amp;")


def _split_at_breaks(spans: Sequence[Span]) -> list[list[Span]]:
    lines: list[list[Span]] = [[]]
    for span in spans:
        first, *others = _LINE_BREAK.split(span.text)
        lines[-1].append(replace(span, text=first))
        lines.extend([replace(span, text=text)] for text in others)
    return lines


def _line(spans: Sequence[Span]) -> str:
    return _Writer(_tidy(spans)).written()


def _tidy(spans: Sequence[Span]) -> list[Span]:
    """The line's spans with white space at their edges separated: a marker never touches a space.

    A space between two words keeps their common markers and link, but none where a link begins or
    ends.
    """
    parts = [part for span in spans for part in _parts(span)]
    while parts and parts[-1].text.isspace():
        parts.pop()
    for at, part in enumerate(parts):
        if part.text.isspace():
            before = next((p for p in reversed(parts[:at]) if not p.text.isspace()), Span(""))
            after = next(p for p in parts[at:] if not p.text.isspace())
            parts[at] = _space_between(part.text, before, after)
    return _merged(parts)


def _space_between(space: str, before: Span, after: Span) -> Span:
    if before.href != after.href:
        return Span(space)
    return Span(space, before.markers & after.markers, before.href)


def _parts(span: Span) -> list[Span]:
    if span.is_markdown:
        return [span]
    edges = _EDGES.fullmatch(span.text)
    texts = edges.groups() if edges else (span.text,)
    return [replace(span, text=text) for text in texts if text]


def _merged(parts: Sequence[Span]) -> list[Span]:
    def look(part: Span) -> tuple[frozenset[str], str, bool, bool]:
        return part.markers, part.href, part.is_markdown, part.text.isspace()

    groups = (list(group) for _, group in groupby(parts, key=look))
    return [replace(group[0], text="".join(part.text for part in group)) for group in groups]


class _Writer:
    """Write one line, opening and closing markers by CommonMark's flanking rules.

    If a letter beside a marker would disable it, the letter is written as a character reference:
    its `&` or `;` counts as punctuation, and the text stays the same.
    """

    def __init__(self, spans: Sequence[Span]) -> None:
        self._spans = spans
        self._out: list[str] = []
        self._open: list[str] = []
        self._href = ""
        self._encode_next = False
        self._last_is_source = False

    def written(self) -> str:
        hazard = _hazard("".join(span.text for span in self._spans))
        position = 0
        for span in self._spans:
            self._turn_to(span)
            self._write(span, hazard - position)
            position += len(span.text)
        self._turn_to(Span(""))
        return "".join(self._out)

    def _turn_to(self, span: Span) -> None:
        stays_in_link = span.href == self._href
        following = span.text[:1] if stays_in_link else "]" if self._href else "["
        kept = 0
        while stays_in_link and kept < len(self._open) and self._open[kept] in span.markers:
            kept += 1
        for marker in reversed(self._open[kept:]):
            self._close(marker, following)
        del self._open[kept:]
        if self._href and not stays_in_link:
            self._put(f"]({link_target(self._href)})")
            self._href = ""
        if not span.text.isspace():
            self._begin(span)

    def _begin(self, span: Span) -> None:
        if span.href and not self._href:
            self._put("[")
            self._href = span.href
        fresh = [m for m in (BOLD, ITALIC, STRUCK) if m in span.markers and m not in self._open]
        for marker, following in zip(fresh, [*fresh[1:], span.text[:1]], strict=False):
            self._start(marker, following)
        self._open += fresh

    def _start(self, marker: str, following: str) -> None:
        previous = self._last
        works_inside_word = marker != ITALIC and previous.isalnum() and following.isalnum()
        if self._last_is_source and not (_is_gap(previous) or works_inside_word):
            self._out[-1] = f"{self._out[-1][:-1]}&#{ord(previous)};"
        self._put(marker)

    def _close(self, marker: str, following: str) -> None:
        works_inside_word = marker != ITALIC and self._last.isalnum() and following.isalnum()
        if following and not (_is_gap(following) or works_inside_word):
            self._encode_next = True
        self._put(marker)

    def _put(self, syntax: str) -> None:
        self._out.append(syntax)
        self._last_is_source = False

    @property
    def _last(self) -> str:
        return self._out[-1][-1] if self._out else ""

    def _write(self, span: Span, hazard: int) -> None:
        text = span.text
        if not text:
            return
        if span.is_markdown:
            self._put(text)
            return
        if not self._out and text.isspace():
            self._put("".join(f"&#{ord(space)};" for space in text))
            return
        encoded = ""
        if self._encode_next and not text.isspace():
            encoded, text, hazard = f"&#{ord(text[0])};", text[1:], hazard - 1
        self._encode_next = False
        self._out.append(encoded + _escaped(text, hazard))
        self._last_is_source = bool(text)


def _is_gap(character: str) -> bool:
    return not character or character.isspace() or character in _PUNCTUATION


def _hazard(line: str) -> int:
    """The position where the line's start would read as a list, a heading or a quote; else -1."""
    found = _LINE_START.match(line)
    return found.start("hazard") if found else -1


def _escaped(text: str, hazard: int) -> str:
    if 0 <= hazard < len(text):
        before, sign, after = text[:hazard], text[hazard], text[hazard + 1 :]
        return f"{before}\\{sign}{_escaped(after, -1)}"
    return _ALWAYS.sub(_backslash, text)


def _backslash(found: re.Match[str]) -> str:
    return f"\\{found[0]}"


_TRAITS = {"bold": BOLD, "italic": ITALIC, "strikethrough": STRUCK}
_CELL_MARKS = {Mark.BULLET: "• ", Mark.CHECK: "☐ "}


def to_markdown(document: Resource) -> str:
    """The doc as Markdown that renders to the text a reader of the doc sees.

    If a doc has several tabs, each begins with its title as a heading. A checklist's boxes are
    written unticked: the Docs API does not say which are ticked. Ends with one newline.
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
    # Docs begins each footnote with an extra space.
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
    # A link to a heading can't be kept: every renderer names headings differently.
    href = "" if piece.href.startswith("#") else piece.href
    return Span(piece.text, markers, href)


def _dropdown_span(piece: Piece) -> Span:
    return Span(piece.text)


def _image_span(piece: Piece) -> Span:
    words = "".join(markdown_lines([Span(piece.text)]))
    # Google embeds its own copy in the text, as base64.
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
    """An open level of a list: where its items' text begins, and their mark."""

    indent: int
    list_id: str
    mark: Mark
    variant: int


@dataclass
class _ListWriter:
    """Write consecutive list items; neighbouring lists get different markers."""

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
        # CommonMark: a list that doesn't start with 1 can't follow text directly.
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
    """A cell's blocks on one line: a Markdown cell can't hold blocks."""
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
