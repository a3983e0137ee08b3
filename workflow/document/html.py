"""A doc as one HTML file that needs nothing else: for a phone, in the dark, and in print."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from itertools import groupby
from typing import Any

from workflow.document.blocks import Block, Kind, Span
from workflow.document.reading import TabBlocks, read_tabs
from workflow.document.styling import is_link
from workflow.document.text import LINE_BREAK

_STYLE = """
:root { color-scheme: light dark; }
body { font: 16px/1.6 system-ui, sans-serif; max-width: 46rem; margin: 2rem auto; padding: 0 1rem;
  overflow-wrap: anywhere; }
h1, h2, h3, h4, h5, h6 { line-height: 1.25; margin: 1.8em 0 .5em; }
h1 { font-size: 1.9rem; } h2 { font-size: 1.35rem; } h3 { font-size: 1.1rem; }
p { margin: .4em 0; }
blockquote { margin: .6em 0; padding-left: 1rem; border-left: 3px solid #8888; }
pre, code { font: .9em ui-monospace, monospace; background: #8882; border-radius: 4px; }
pre { padding: .7em; white-space: pre-wrap; } code { padding: .1em .3em; }
pre code { padding: 0; background: none; }
table { border-collapse: collapse; margin: .8em 0; }
td { border: 1px solid #8888; padding: .3em .6em; vertical-align: top; }
li.task { list-style: none; } li.task > input { margin-left: -1.4em; }
""".strip()


def to_html(document: Mapping[str, Any]) -> str:
    """The whole of a `Document` resource, fetched without a mask, as a page of its own."""
    tabs = read_tabs(document)
    body = "\n".join(part for tab in tabs for part in _tab(tab, is_only=len(tabs) == 1))
    return page_of(str(document.get("title", "")), body)


def page_of(title: str, body: str) -> str:
    """A page that stands by itself. `body` is HTML, `title` is text."""
    return (
        '<!doctype html>\n<html><head><meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>\n{_STYLE}\n</style></head>\n"
        f"<body>\n{body}\n</body></html>\n"
    )


def _tab(tab: TabBlocks, *, is_only: bool) -> Iterator[str]:
    if not is_only:
        yield f'<h1 dir="auto">{escape(tab.title)}</h1>'
    yield from blocks_to_html(tab.blocks)


def blocks_to_html(blocks: Sequence[Block]) -> Iterator[str]:
    """The elements of blocks, in order."""
    for (quote, in_list), group in groupby(blocks, key=lambda one: (one.quote, one.kind.in_list)):
        members = list(group)
        inner = [_list(members, 0)] if in_list else [_block(block) for block in members]
        yield "<blockquote>" * quote + "\n".join(inner) + "</blockquote>" * quote


def _block(block: Block) -> str:
    match block.kind:
        case Kind.RULE:
            return "<hr>"
        case Kind.TABLE:
            return _table(block)
        case Kind.CODE:
            return f"<pre><code>{escape(block.text.replace(LINE_BREAK, chr(10)))}</code></pre>"
        case _:
            tag = _tag(block.kind)
            return f'<{tag} dir="auto">{_inline(block.spans)}</{tag}>'


def _tag(kind: Kind) -> str:
    if kind is Kind.TITLE:
        return "h1"
    return f"h{min(kind.heading_level + 1, 6)}" if kind.heading_level else "p"


def _list(blocks: Sequence[Block], level: int) -> str:
    """One level of a list: the deeper items behind an item go into it as a list of their own."""
    parts: list[str] = []
    for is_numbered, group in groupby(_heads(blocks, level), key=lambda one: one[1] is Kind.NUMBER):
        tag = "ol" if is_numbered else "ul"
        parts.append(f"<{tag}>{''.join(_item(members, level) for members, _ in group)}</{tag}>")
    return "".join(parts)


def _heads(blocks: Sequence[Block], level: int) -> Iterator[tuple[list[Block], Kind]]:
    """Each item of a level with the deeper ones behind it."""
    members: list[Block] = []
    for block in blocks:
        if members and block.level <= level:
            yield members, members[0].kind
            members = []
        members.append(block)
    if members:
        yield members, members[0].kind


def _item(members: Sequence[Block], level: int) -> str:
    first, *deeper = members
    if first.level > level:  # A list that starts deeper than it should.
        return f"<li>{_list(members, level + 1)}</li>"
    inner = _inline(first.spans) + (_list(deeper, level + 1) if deeper else "")
    if first.kind is not Kind.CHECK:
        return f'<li dir="auto">{inner}</li>'
    ticked = " checked" if first.checked else ""
    return f'<li class="task" dir="auto"><input type="checkbox" disabled{ticked}> {inner}</li>'


def _table(block: Block) -> str:
    rows = ("".join(f'<td dir="auto">{_inline(cell)}</td>' for cell in row) for row in block.rows)
    return f"<table>{''.join(f'<tr>{row}</tr>' for row in rows)}</table>"


def _inline(spans: Sequence[Span]) -> str:
    return "".join(map(_span, spans))


def _span(span: Span) -> str:
    text = escape(span.text).replace(LINE_BREAK, "<br>")
    if span.is_picture:
        text = f"({text})"  # shown from elsewhere, it would tell that place who reads this
    tags = (("code", span.code), ("del", span.strike), ("em", span.italic), ("strong", span.bold))
    for tag, is_on in tags:
        if is_on:
            text = f"<{tag}>{text}</{tag}>"
    if is_link(span.link):
        text = f'<a href="{escape(span.link)}">{text}</a>'
    return f"<{span.suggested}>{text}</{span.suggested}>" if span.suggested else text
