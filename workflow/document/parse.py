"""Markdown as blocks: the one parser for a mail's body and a template."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache

from markdown_it import MarkdownIt
from markdown_it.tree import SyntaxTreeNode

from workflow.document.blocks import Block, Kind, Span, heading_kind, joined
from workflow.document.requests import LINE_BREAK, clean_text

_TASK = re.compile(r"\[([ xX])\][ \t]+")
_RULE = "⁂"  # Docs has no request for a horizontal line.


def blocks_from_markdown(markdown: str) -> list[Block]:
    """CommonMark with tables, strikethrough and task lists; HTML is taken as text.

    No block is empty. A picture becomes its description, linked to its address.
    """
    root = SyntaxTreeNode(_parser().parse(_without_nul(markdown)))
    return list(_blocks(root.children, _Place()))


@cache
def _parser() -> MarkdownIt:
    return MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])


def _without_nul(markdown: str) -> str:
    # A lone surrogate would make the parser's address normalising fail.
    return markdown.encode("utf-8", "replace").decode("utf-8")


@dataclass(frozen=True)
class _Place:
    """The position of a paragraph in the tree."""

    quote: int = 0
    depth: int = 0  # lists around it


def _blocks(nodes: Sequence[SyntaxTreeNode], place: _Place) -> Iterator[Block]:
    for node in nodes:
        match node.type:
            case "heading":
                yield from _paragraph(node, heading_kind(int(node.tag[1])), place)
            case "blockquote":
                yield from _blocks(node.children, replace(place, quote=place.quote + 1))
            case "bullet_list" | "ordered_list":
                kind = Kind.BULLET if node.type == "bullet_list" else Kind.NUMBER
                for item in node.children:
                    yield from _item(item, kind, place)
            case "fence" | "code_block":
                yield from _code(node, place)
            case "table":
                yield _table(node, place)
            case "hr":
                yield Block(Kind.NORMAL, (Span(_RULE),), quote=place.quote)
            case _:
                yield from _paragraph(node, Kind.NORMAL, place)


def _paragraph(node: SyntaxTreeNode, kind: Kind, place: _Place) -> Iterator[Block]:
    spans = _spans(node)
    if spans:
        yield Block(kind, spans, level=place.depth, quote=place.quote)


def _item(item: SyntaxTreeNode, kind: Kind, place: _Place) -> Iterator[Block]:
    """The item's first paragraph carries the glyph; its other blocks are indented."""
    rest = list(item.children)
    if rest and rest[0].type == "paragraph":
        for block in _paragraph(rest.pop(0), kind, place):
            yield _as_task(block)
    yield from _blocks(rest, replace(place, depth=place.depth + 1))


def _as_task(block: Block) -> Block:
    first, *others = block.spans
    box = _TASK.match(first.text)
    if box is None or (box.end() == len(first.text) and not others):
        return block
    rest = replace(first, text=first.text[box.end() :])
    spans = (rest, *others) if rest.text else tuple(others)
    return replace(block, kind=Kind.CHECK, spans=spans, checked=box[1] != " ")


def _code(node: SyntaxTreeNode, place: _Place) -> Iterator[Block]:
    text = clean_text(node.content.removesuffix("\n"))
    if text:
        spans = (Span(text, code=True),)
        yield Block(Kind.CODE, spans, level=place.depth, quote=place.quote)


def _table(node: SyntaxTreeNode, place: _Place) -> Block:
    rows = tuple(
        tuple(_spans(cell) for cell in row.children)
        for part in node.children
        for row in part.children
    )
    return Block(Kind.TABLE, quote=place.quote, rows=rows)


def _spans(node: SyntaxTreeNode) -> tuple[Span, ...]:
    """The text under a node, with equal neighbours merged."""
    return joined(span for child in node.children for span in _inline(child, Span("")))


def _inline(node: SyntaxTreeNode, style: Span) -> Iterator[Span]:
    match node.type:
        case "strong":
            style = replace(style, bold=True)
        case "em":
            style = replace(style, italic=True)
        case "s":
            style = replace(style, strike=True)
        case "code_inline":
            style = replace(style, code=True)
        case "link":
            style = replace(style, link=str(node.attrs["href"]))
        case "image":
            style = replace(style, link=str(node.attrs["src"]))
        case _:
            pass
    if not node.children:
        yield replace(style, text=_leaf_text(node))
    for child in node.children:
        yield from _inline(child, style)


def _leaf_text(node: SyntaxTreeNode) -> str:
    match node.type:
        case "softbreak":
            return " "
        case "hardbreak":
            return LINE_BREAK
        case "image":
            return str(node.attrs["src"])
        case _:
            return clean_text(node.content)
