"""A doc as Markdown that renders on GitHub as the doc reads. Text stays text: it is escaped."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from typing import Any

from workflow.document.blocks import Block, Kind, Span, joined
from workflow.document.reading import read_tabs
from workflow.document.styling import is_link
from workflow.document.text import LINE_BREAK

_PUNCTUATION = re.compile(r"[\\`*_{}\[\]<>#|~&!$]")
_AT_LINE_START = re.compile(r"[-+=:]|[0-9]{1,9}(?=[.)])")
_TAGS = {"**": "strong", "*": "em", "~~": "del"}
_INDENT = re.compile(r"\A\s+")


def to_markdown(document: Mapping[str, Any]) -> str:
    """The whole of a `Document` resource, fetched without a mask, as GitHub's Markdown.

    A title is a heading of level 1, HEADING_1 one of level 2, and so on. Of several tabs each
    starts with a heading of its own.
    """
    tabs = read_tabs(document)
    if len(tabs) == 1:
        return blocks_to_markdown(tabs[0].blocks)
    titled = ((Block(Kind.TITLE, (Span(tab.title),)), *tab.blocks) for tab in tabs)
    return "\n".join(map(blocks_to_markdown, titled))


def blocks_to_markdown(blocks: Sequence[Block]) -> str:
    """Blocks as Markdown, with a newline at the end; empty for no blocks."""
    parts: list[str] = []
    for (in_list, quote), group in groupby(blocks, key=lambda one: (one.kind.in_list, one.quote)):
        members = list(group)
        texts = ["\n".join(_items(members))] if in_list else list(_paragraphs(members))
        mark = "> " * quote
        body = "\n\n".join(text for text in texts if text.strip())
        if body:
            parts.append("\n".join(f"{mark}{line}".rstrip(" ") for line in body.split("\n")))
    return "\n\n".join(parts) + "\n" if parts else ""


def _paragraphs(blocks: Sequence[Block]) -> Iterator[str]:
    for is_code, group in groupby(blocks, key=lambda one: one.kind is Kind.CODE):
        members = list(group)
        if is_code:
            yield _code("\n".join(block.text for block in members))
        else:
            yield from map(_paragraph, members)


def _paragraph(block: Block) -> str:
    if block.kind is Kind.RULE:
        return "---"
    if block.kind is Kind.TABLE:
        return _table(block)
    level = 1 if block.kind is Kind.TITLE else block.kind.heading_level + 1
    if block.kind is Kind.TITLE or block.kind.heading_level:
        return f"{'#' * min(level, 6)} {_one_line(block.spans, ' ')}".rstrip()
    return "\\\n".join(_lines(block.spans))


def _items(blocks: Sequence[Block]) -> Iterator[str]:
    """Each item set in by the width of the marks that it is under."""
    widths: list[int] = []
    numbers: list[int] = []
    for block in blocks:
        depth = min(block.level, len(widths))
        deeper = numbers[depth] if depth < len(numbers) else 0
        number = deeper + 1 if block.kind is Kind.NUMBER else 0
        glyph = f"{number}. " if number else "- "
        box = f"[{'x' if block.checked else ' '}] " if block.kind is Kind.CHECK else ""
        indent = " " * sum(widths[:depth])
        widths[depth:] = [len(glyph)]
        numbers[depth:] = [number]
        inner = f"\\\n{indent}{' ' * len(glyph)}"
        yield f"{indent}{glyph}{box}{inner.join(_lines(block.spans))}"


def _table(block: Block) -> str:
    columns = max((len(row) for row in block.rows), default=0)
    if not columns:
        return ""
    rows = [[_cell(cell) for cell in row] + [""] * (columns - len(row)) for row in block.rows]
    rows.insert(1, ["---"] * columns)
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _cell(spans: Sequence[Span]) -> str:
    # A bar ends a cell even within code (GitHub's specification of tables).
    spans = [replace(s, text=s.text.replace("|", r"\|")) if s.code else s for s in spans]
    return _one_line(spans, "<br>")


def _code(text: str) -> str:
    text = text.replace(LINE_BREAK, "\n")
    fence = _longer_than_any("```", text)
    return f"{fence}\n{text}\n{fence}"


def _lines(spans: Sequence[Span]) -> list[str]:
    """A paragraph's lines, empty ones at its edges left out: there is no Markdown for them."""
    lines = [_line(line) for line in _split(spans)]
    while lines and not lines[-1]:
        lines.pop()
    while lines and not lines[0]:
        lines.pop(0)
    return lines


def _one_line(spans: Sequence[Span], joint: str) -> str:
    return joint.join(_line(line) for line in _split(spans)).strip()


def _split(spans: Sequence[Span]) -> list[list[Span]]:
    lines: list[list[Span]] = [[]]
    for span in joined(spans):
        for number, text in enumerate(span.text.split(LINE_BREAK)):
            if number:
                lines.append([])
            if text:
                lines[-1].append(replace(span, text=text))
    return lines


def _line(spans: Sequence[Span]) -> str:
    """One line of a paragraph; spaces in front are kept, and no mark is read at its start."""
    written = ""
    for number, span in enumerate(spans):
        text = span.text if span.code else _escaped(span.text)
        following = spans[number + 1].text[:1] if number + 1 < len(spans) else ""
        written += _marked(span, text, before=written[-1:], behind=following)
    start = _AT_LINE_START.match(written)
    if start is not None:
        at = start.end() if start[0].isdecimal() else 0
        written = f"{written[:at]}\\{written[at:]}"
    return _INDENT.sub(lambda indent: _as_entities(indent[0]), written.rstrip())


def _marked(span: Span, text: str, *, before: str, behind: str) -> str:
    """A span's text within its marks: Markdown's where they are sure to be read as such."""
    if span.code:
        text = _code_span(text)
    marks = [
        mark
        for mark, is_on in (("**", span.bold), ("*", span.italic), ("~~", span.strike))
        if is_on
    ]
    if marks and text.strip():
        left, right = text[: len(text) - len(text.lstrip())], text[len(text.rstrip()) :]
        inner = text.strip()
        outside = (left[-1:] or before, right[:1] or behind)
        text = left + _emphasis(inner, marks, outside) + right
    if span.link and is_link(span.link):
        address = re.sub(r"[\\<>]", lambda char: f"%{ord(char[0]):02X}", span.link)
        text = f"{'!' if span.is_picture else ''}[{text}](<{address}>)"
    elif span.is_picture:
        text = f"({text})"
    # GitHub shows both tags; text has no angle brackets of its own left.
    return f"<{span.suggested}>{text}</{span.suggested}>" if span.suggested else text


def _emphasis(inner: str, marks: Sequence[str], outside: tuple[str, str]) -> str:
    # CommonMark reads marks by what is on either side of them. Only the plain case is written so.
    before, behind = outside
    is_plain = (not before or before.isspace() or before == "(") and (
        not behind or behind.isspace() or behind in ",.;:)"
    )
    if is_plain:
        return "".join((*marks, inner, *reversed(marks)))
    opening = "".join(f"<{_TAGS[mark]}>" for mark in marks)
    closing = "".join(f"</{_TAGS[mark]}>" for mark in reversed(marks))
    return f"{opening}{inner}{closing}"


def _code_span(text: str) -> str:
    fence = _longer_than_any("`", text)
    # One space at each edge is taken off again by whoever reads it.
    pad = " " if text.strip() and (text[0] in "` " or text[-1] in "` ") else ""
    return f"{fence}{pad}{text}{pad}{fence}"


def _longer_than_any(fence: str, text: str) -> str:
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    return "`" * max(len(fence), longest + 1 if longest >= len(fence) else 0)


def _escaped(text: str) -> str:
    return _PUNCTUATION.sub(r"\\\g<0>", text)


def _as_entities(text: str) -> str:
    return "".join(f"&#{ord(char)};" for char in text)
