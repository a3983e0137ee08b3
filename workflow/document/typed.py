"""Typed text of a section or timeline entry as blocks: Markdown only where it is clear.

Lists, numbered lists, check boxes, tables, code and headings from `##` on become parts of the doc;
what only looks like Markdown stays as typed. Line ends are kept, unlike in a mail. No character may
be lost, so a part is used only if all of it can be shown: a fence that is never closed is text, and
so is a list whose numbers Docs would count differently.

Every visible character is kept in the blocks, in order, except the marks: those before a list item,
box and heading, a fence's two lines, a table's bars and its second row, and the marks of words (see
`parse`). A link keeps its address as the link's own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from workflow.document import parse
from workflow.document.blocks import Block, BlockKind, Span, blocks_from_text, heading_kind
from workflow.document.requests import LINE_BREAK, clean_text
from workflow.document.styling import LEAD

# Most texts have none of these, and need no parser (0.03 s of processor time, measured).
_MAY_HAVE_MARKS = re.compile(
    r"[*_`\[|@]|~~|://|www\.|^[ \t]*(?:[-+]|\d+[.)]|#{2,6}|~{3})[ \t]*",
    re.MULTILINE | re.IGNORECASE,
)
_FENCE = re.compile(r"([ \t]*)(`{3,}|~{3,})[ \t]*((?:[A-Za-z][A-Za-z0-9+#._-]{0,19})?)[ \t]*")
_ITEM = re.compile(r"[ \t]*([-*+]|[0-9]{1,9}[.)])[ \t]+(\S.*)")
_INSET = re.compile(r"[ \t]*")
_BOX = re.compile(r"\[([ xX])\][ \t]+(?=\S)")
_HEADING = re.compile(r" {0,3}(#{2,6})[ \t]+(\S.*?)(?:[ \t]+#+)?[ \t]*")
_DELIMITERS = re.compile(r"[ \t]*\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)*\|?[ \t]*")
_BAR = re.compile(r"(?<!\\)\|")
_MOST_COLUMNS, _MOST_ROWS = 20, 200
_DEEPEST = 8  # a list of Docs has nine levels (reference, ListProperties)
_NESTED_BY = 2  # least columns of indent for a nested item


def blocks_from_typed(text: str) -> list[Block]:
    """Typed text as blocks; without Markdown exactly what `blocks_from_text` gives."""
    if not _MAY_HAVE_MARKS.search(text):
        return blocks_from_text(text)
    lines = [clean_text(line) for line in re.sub("\r\n?", "\n", text).split("\n")]
    return list(_Reader(lines).blocks())


def spans_from_typed(text: str) -> tuple[Span, ...]:
    """The spans of one paragraph's text."""
    if not _MAY_HAVE_MARKS.search(text):
        return (Span(clean_text(text)),)
    # Rarely needed to add an entry, and not free.

    return parse.typed_spans(text)


@dataclass(frozen=True)
class _Item:
    """A typed list block; `number` is 0 except for a numbered item."""

    block: Block
    number: int = 0
    mark: str = ""


class _Reader:
    """Read lines in order; `at` is the next."""

    def __init__(self, lines: Sequence[str]) -> None:
        self.lines = lines
        self.at = 0

    def blocks(self) -> Iterator[Block]:
        held: list[str] = []
        last: Block | None = None
        while self.at < len(self.lines):
            found = self._part(follows_text=bool(held))
            if found is None and self.lines[self.at].strip():
                held.append(self.lines[self.at])
                self.at += 1
                continue
            part = found or []
            if found is None:
                self.at += 1
            elif not held and last and last.kind is part[0].kind is BlockKind.NUMBER:
                part = [
                    LEAD,
                    *part,
                ]  # else it continues the first one's numbers
            part = [*_paragraph(held), *part]
            held.clear()
            yield from part
            last = part[-1] if part else last
        yield from _paragraph(held)

    def _part(self, *, follows_text: bool) -> list[Block] | None:
        """The part of the doc that starts at this line, None if it is text; advances."""
        code = self._code(level=0)
        if code is not None:
            return [code]
        return self._table() or self._heading() or self._list(follows_text=follows_text)

    def _code(self, *, level: int) -> Block | None:
        opening = _FENCE.fullmatch(self.lines[self.at])
        if opening is None:
            return None
        fence = re.compile(rf"[ \t]*{re.escape(opening[2][0])}{{{len(opening[2])},}}[ \t]*")
        for end in range(self.at + 1, len(self.lines)):
            if fence.fullmatch(self.lines[end]):
                inner = self.lines[self.at + 1 : end]
                break
        else:
            return None
        if not any(line.strip() for line in inner):
            return None
        self.at = end + 1
        inset = re.compile(rf"[ \t]{{0,{len(opening[1])}}}")
        code = LINE_BREAK.join(inset.sub("", line, count=1) for line in inner)
        return Block(BlockKind.CODE, (Span(code, code=True),), level=level)

    def _table(self) -> list[Block] | None:
        head = self.lines[self.at]
        rule = self.lines[self.at + 1] if self.at + 1 < len(self.lines) else ""
        if "|" not in head or "|" not in rule or not _DELIMITERS.fullmatch(rule):
            return None
        if len(_cells(head)) != len(_cells(rule)):
            return None
        end = self.at + 2
        while end < len(self.lines) and "|" in self.lines[end]:
            end += 1
        rows = [_cells(line) for line in (head, *self.lines[self.at + 2 : end])]
        columns = max(map(len, rows))
        if columns > _MOST_COLUMNS or len(rows) > _MOST_ROWS or not any(map(any, rows)):
            return None
        self.at = end
        padded = (row + [""] * (columns - len(row)) for row in rows)
        cells = tuple(tuple(map(spans_from_typed, row)) for row in padded)
        return [Block(BlockKind.TABLE, rows=cells)]

    def _heading(self) -> list[Block] | None:
        found = _HEADING.fullmatch(self.lines[self.at])
        if found is None:
            return None
        self.at += 1
        return [Block(heading_kind(len(found[1])), spans_from_typed(found[2]))]

    def _list(self, *, follows_text: bool) -> list[Block] | None:
        first = _item(self.lines[self.at])
        if first is None or first.column > 3 or (follows_text and first.number > 1):
            return None
        items = list(self._items())
        if _counts_as_typed(items):
            return [item.block for item in items]
        return [_as_text(item) for item in items]

    def _items(self) -> Iterator[_Item]:
        """The items of a list with their indented blocks, up to the first other line."""
        columns: list[int] = []
        while self.at < len(self.lines):
            line = self.lines[self.at]
            if not line.strip():
                if not self._goes_on(columns):
                    return
                self.at += 1
                continue
            given = _item(line)
            if given is not None:
                if given.number == 1 and self._starts_over(columns, given.column):
                    return
                yield self._typed_item(given, _nested(columns, given.column), columns[-1])
            elif columns and _column(line) >= columns[-1] + _NESTED_BY:
                yield self._set_in(len(columns))
            else:
                return

    def _goes_on(self, columns: Sequence[int]) -> bool:
        """Whether the list continues after empty lines."""
        following = next((line for line in self.lines[self.at :] if line.strip()), "")
        is_set_in = _column(following) >= columns[-1] + _NESTED_BY
        return bool(following) and (is_set_in or _item(following) is not None)

    def _starts_over(self, columns: Sequence[int], column: int) -> bool:
        """Whether a 1 after an empty line starts another list."""
        is_outermost = bool(columns) and column < columns[0] + _NESTED_BY
        return is_outermost and not self.lines[self.at - 1].strip()

    def _typed_item(self, given: _Given, level: int, column: int) -> _Item:
        """A list item with its continuation lines."""
        self.at += 1
        lines = [given.words, *self._lines_from(column + _NESTED_BY)]
        spans = spans_from_typed("\n".join(lines))
        return _Item(
            Block(given.kind, spans, level, checked=given.checked), given.number, given.mark
        )

    def _set_in(self, depth: int) -> _Item:
        """Code or a paragraph inside an item."""
        level = min(depth, _DEEPEST)
        code = self._code(level=level)
        if code is not None:
            return _Item(code)
        first = self.lines[self.at].strip(" \t")
        self.at += 1
        spans = spans_from_typed("\n".join((first, *self._lines_from(1))))
        return _Item(Block(BlockKind.NORMAL, spans, level))

    def _lines_from(self, column: int) -> list[str]:
        """The continuation lines of an item's paragraph: indented to `column`, and text."""
        lines: list[str] = []
        while self.at < len(self.lines):
            line = self.lines[self.at]
            is_text = line.strip() and _column(line) >= column
            if not is_text or _item(line) or _FENCE.fullmatch(line):
                break
            lines.append(line.strip(" \t"))
            self.at += 1
        return lines


@dataclass(frozen=True)
class _Given:
    """The parsed first line of an item. `column` is the position of its mark."""

    column: int
    kind: BlockKind
    number: int
    mark: str
    checked: bool
    words: str


def _item(line: str) -> _Given | None:
    """The item that a line starts, None if it is text, such as `* * * * * /bin/job`."""
    found = _ITEM.fullmatch(line)
    if found is None:
        return None
    mark, words = found[1], found[2]
    number = int(mark[:-1] or 0)
    is_zeroth = bool(mark[:-1]) and not number
    if is_zeroth or _ITEM.fullmatch(words) or not words.strip("-*+_ \t"):
        return None
    box = _BOX.match(words) if not number else None
    kind = BlockKind.NUMBER if number else BlockKind.CHECK if box else BlockKind.BULLET
    words = words[box.end() :] if box else words
    return _Given(_column(line), kind, number, mark, bool(box and box[1] != " "), words)


def _nested(columns: list[int], column: int) -> int:
    """The level of an item at a column; updates `columns`, those of the items around it.

    One column more or less is a slip, two are a level, whatever the width of the mark above.
    """
    while len(columns) > 1 and column < columns[-1] - 1:
        columns.pop()
    if not columns or (column >= columns[-1] + _NESTED_BY and len(columns) <= _DEEPEST):
        columns.append(column)
    return len(columns) - 1


def _column(line: str) -> int:
    inset = _INSET.match(line)
    return len(inset[0].expandtabs(4)) if inset else 0


def _paragraph(lines: Sequence[str]) -> Iterator[Block]:
    if lines:
        yield Block(BlockKind.NORMAL, spans_from_typed("\n".join(lines)))


def _cells(line: str) -> list[str]:
    """The cells of a table's line; an escaped bar is text."""
    inner = line.strip(" \t").removeprefix("|")
    if inner.endswith("|") and not inner.endswith("\\|"):
        inner = inner[:-1]
    return [cell.strip(" \t").replace("\\|", "|") for cell in _BAR.split(inner)]


def _counts_as_typed(items: Sequence[_Item]) -> bool:
    """Whether Docs would show the typed numbers, or each was a 1, as Markdown allows.

    A list in Docs starts at 1, and starts over after other content.
    """
    counts: list[int] = []
    typed: dict[int, list[tuple[int, int]]] = {}
    run = 0
    for item in items:
        block = item.block
        if not block.kind.in_list:
            counts, run = [], run + 1
            continue
        del counts[block.level + 1 :]
        counts += [0] * (block.level + 1 - len(counts))
        counts[block.level] = counts[block.level] + 1 if item.number else 0
        if item.number:
            if counts[block.level] == 1:
                run += 1
            typed.setdefault(run * 10 + block.level, []).append((item.number, counts[block.level]))
    return all(
        all(number == shown for number, shown in pairs)
        or (len(pairs) > 1 and all(number == 1 for number, _ in pairs))
        for pairs in typed.values()
    )


def _as_text(item: _Item) -> Block:
    """A numbered item as text with its number in front; any other unchanged."""
    if not item.number:
        return item.block
    spans = (Span(f"{item.mark} "), *item.block.spans)
    return replace(item.block, kind=BlockKind.NORMAL, spans=spans)
