"""Export a doc, read as blocks with styles and chips, as Markdown and as one HTML file.

The Markdown renders on GitHub as the doc reads; text is escaped, so it stays text. The HTML file
needs nothing else, and works on a phone, in dark mode and in print.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from html import escape
from itertools import groupby
from typing import Any

from workflow.document.blocks import Block, BlockKind, Span, heading_kind, joined
from workflow.document.requests import LINE_BREAK
from workflow.document.styling import is_link

# --- Reading a doc for them -----------------------------------------------------------------------

Json = Mapping[str, Any]

_MONOSPACE = {"Consolas", "Courier", "Courier New", "Roboto Mono", "Source Code Pro", "Ubuntu Mono"}
_QUOTE_STEP = 18  # points, as quotations are written


@dataclass(frozen=True)
class TabBlocks:
    """A tab's title and content, from its header to its footnotes."""

    title: str
    blocks: tuple[Block, ...]


def read_tabs(document: Json) -> list[TabBlocks]:
    """All tabs of a whole `Document` resource, children after their parent.

    Also takes the older form without tabs. Chips become their text, a picture its description.
    Suggestions are marked. Empty lines and a table of contents are left out.
    """
    if "tabs" not in document:
        return [TabBlocks(document.get("title", ""), tuple(_TabReader(document).blocks()))]
    return [
        TabBlocks(
            tab.get("tabProperties", {}).get("title", ""),
            tuple(_TabReader(tab.get("documentTab", {})).blocks()),
        )
        for tab in _flat(document["tabs"])
    ]


def _flat(tabs: Sequence[Json]) -> Iterator[Json]:
    for tab in tabs:
        yield tab
        yield from _flat(tab.get("childTabs", ()))


class _TabReader:
    """Read one tab; its lists, footnotes and pictures are stored apart from its body."""

    def __init__(self, tab: Json) -> None:
        self.tab = tab

    def blocks(self) -> Iterator[Block]:
        for header in self.tab.get("headers", {}).values():
            yield from self._content(header.get("content", ()))
        yield from self._content(self.tab.get("body", {}).get("content", ()))
        for number, note in enumerate(self.tab.get("footnotes", {}).values(), start=1):
            for block in self._content(note.get("content", ())):
                yield replace(block, spans=(Span(f"[{number}] "), *block.spans))
        for footer in self.tab.get("footers", {}).values():
            yield from self._content(footer.get("content", ()))

    def _content(self, content: Sequence[Json]) -> Iterator[Block]:
        for element in content:
            if "paragraph" in element:
                yield from self._paragraph(element["paragraph"])
            elif "table" in element:
                yield self._table(element["table"])

    def _paragraph(self, paragraph: Json) -> Iterator[Block]:
        elements = paragraph.get("elements", ())
        if any("horizontalRule" in element for element in elements):
            yield Block(BlockKind.RULE)
        spans = joined(
            replace(span, suggested=_suggested(element))
            for element in elements
            for span in self._element(element)
        )
        if not any(span.text for span in spans):
            return
        style = paragraph.get("paragraphStyle", {})
        bullet = paragraph.get("bullet")
        if bullet is not None:
            yield self._item(bullet, spans, style)
            return
        yield Block(_kind(style, spans), spans, quote=_quote(style))

    def _item(self, bullet: Json, spans: tuple[Span, ...], style: Json) -> Block:
        level = bullet.get("nestingLevel", 0)
        kind = self._list_kind(bullet.get("listId", ""), level)
        checked = kind is BlockKind.CHECK and all(span.strike for span in spans)
        if checked:
            spans = tuple(replace(span, strike=False) for span in spans)
        return Block(kind, spans, level=level, checked=checked, quote=_quote(style))

    def _list_kind(self, list_id: str, level: int) -> BlockKind:
        properties = self.tab.get("lists", {}).get(list_id, {}).get("listProperties", {})
        levels = properties.get("nestingLevels", ())
        glyph = levels[level] if level < len(levels) else {}
        if glyph.get("glyphSymbol"):
            return BlockKind.BULLET
        # A checkbox has neither a symbol nor a type (recorded answers).
        unspecified = glyph.get("glyphType") in (None, "GLYPH_TYPE_UNSPECIFIED")
        if unspecified and levels:
            return BlockKind.CHECK
        return BlockKind.BULLET if unspecified or glyph["glyphType"] == "NONE" else BlockKind.NUMBER

    def _table(self, table: Json) -> Block:
        rows = tuple(
            tuple(self._cell(cell) for cell in row.get("tableCells", ()))
            for row in table.get("tableRows", ())
        )
        return Block(BlockKind.TABLE, rows=rows)

    def _cell(self, cell: Json) -> tuple[Span, ...]:
        """A cell's paragraphs as lines of one; a nested table as lines of its cells."""
        spans: list[Span] = []
        for block in self._content(cell.get("content", ())):
            for line in [block.spans, *(inner for row in block.rows for inner in row)]:
                if line:
                    spans += [Span(LINE_BREAK), *line] if spans else line
        return joined(spans)

    def _element(self, element: Json) -> Iterator[Span]:
        if "textRun" in element:
            run = element["textRun"]
            yield _styled(run.get("content", "").removesuffix("\n"), run.get("textStyle", {}))
        elif "person" in element:
            person = element["person"].get("personProperties", {})
            address = person.get("email", "")
            yield Span(person.get("name") or address, link=f"mailto:{address}" if address else "")
        elif "richLink" in element:
            link = element["richLink"].get("richLinkProperties", {})
            yield Span(link.get("title") or link.get("uri", ""), link=link.get("uri", ""))
        elif "dateElement" in element:
            date = element["dateElement"].get("dateElementProperties", {})
            yield Span(date.get("displayText") or date.get("timestamp", ""))
        elif "dropdown" in element:
            yield Span(element["dropdown"].get("dropdownProperties", {}).get("displayValue", ""))
        elif "footnoteReference" in element:
            yield Span(f"[{element['footnoteReference'].get('footnoteNumber', '')}]")
        elif "inlineObjectElement" in element:
            yield self._picture(element["inlineObjectElement"].get("inlineObjectId", ""))
        elif "equation" in element:
            yield Span("(equation)")

    def _picture(self, object_id: str) -> Span:
        given = self.tab.get("inlineObjects", {}).get(object_id, {})
        properties = given.get("inlineObjectProperties", {}).get("embeddedObject", {})
        words = properties.get("title") or properties.get("description") or ""
        source = properties.get("imageProperties", {}).get("sourceUri", "")
        return Span(words or "picture", link=source, is_picture=True)


def _suggested(element: Json) -> str:
    for part in element.values():
        if isinstance(part, Mapping):
            for name, suggested in (
                ("suggestedDeletionIds", "del"),
                ("suggestedInsertionIds", "ins"),
            ):
                if part.get(name):
                    return suggested
    return ""


def _styled(text: str, style: Json) -> Span:
    link = style.get("link", {}).get("url", "")
    return Span(
        text,
        bold=bool(style.get("bold")),
        italic=bool(style.get("italic")),
        strike=bool(style.get("strikethrough")),
        code=style.get("weightedFontFamily", {}).get("fontFamily") in _MONOSPACE,
        link=link,
    )


def _kind(style: Json, spans: Sequence[Span]) -> BlockKind:
    named = style.get("namedStyleType", "NORMAL_TEXT")
    if named == "TITLE":
        return BlockKind.TITLE
    if named.startswith("HEADING_"):
        return heading_kind(int(named[-1]))
    is_shaded = bool(style.get("shading", {}).get("backgroundColor", {}).get("color"))
    return BlockKind.CODE if is_shaded and all(span.code for span in spans) else BlockKind.NORMAL


def _quote(style: Json) -> int:
    if not style.get("borderLeft", {}).get("width", {}).get("magnitude"):
        return 0
    indent = style.get("indentStart", {}).get("magnitude", _QUOTE_STEP)
    return max(1, int(indent // _QUOTE_STEP))


# --- The exports ----------------------------------------------------------------------------------

_PUNCTUATION = re.compile(r"[\\`*_{}\[\]<>#|~&!$]")
_AT_LINE_START = re.compile(r"[-+=:]|[0-9]{1,9}(?=[.)])")
_TAGS = {"**": "strong", "*": "em", "~~": "del"}
_INDENT = re.compile(r"\A\s+")


def to_markdown(document: Mapping[str, Any]) -> str:
    """A whole `Document` resource, fetched without a mask, as GitHub's Markdown.

    A title is a heading of level 1, HEADING_1 one of level 2, and so on. If there are several tabs,
    each starts with its own heading.
    """
    tabs = read_tabs(document)
    if len(tabs) == 1:
        return blocks_to_markdown(tabs[0].blocks)
    titled = ((Block(BlockKind.TITLE, (Span(tab.title),)), *tab.blocks) for tab in tabs)
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
    for is_code, group in groupby(blocks, key=lambda one: one.kind is BlockKind.CODE):
        members = list(group)
        if is_code:
            yield _code("\n".join(block.text for block in members))
        else:
            yield from map(_paragraph, members)


def _paragraph(block: Block) -> str:
    if block.kind is BlockKind.RULE:
        return "---"
    if block.kind is BlockKind.TABLE:
        return _table(block)
    level = 1 if block.kind is BlockKind.TITLE else block.kind.heading_level + 1
    if block.kind is BlockKind.TITLE or block.kind.heading_level:
        return f"{'#' * min(level, 6)} {_one_line(block.spans, ' ')}".rstrip()
    return "\\\n".join(_lines(block.spans))


def _items(blocks: Sequence[Block]) -> Iterator[str]:
    """Each item, indented by the width of the marks above it."""
    widths: list[int] = []
    numbers: list[int] = []
    for block in blocks:
        depth = min(block.level, len(widths))
        deeper = numbers[depth] if depth < len(numbers) else 0
        number = deeper + 1 if block.kind is BlockKind.NUMBER else 0
        glyph = f"{number}. " if number else "- "
        box = f"[{'x' if block.checked else ' '}] " if block.kind is BlockKind.CHECK else ""
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
    # A bar ends a cell even in code (GitHub's specification of tables).
    spans = [replace(s, text=s.text.replace("|", r"\|")) if s.code else s for s in spans]
    return _one_line(spans, "<br>")


def _code(text: str) -> str:
    text = text.replace(LINE_BREAK, "\n")
    fence = _longer_than_any("```", text)
    return f"{fence}\n{text}\n{fence}"


def _lines(spans: Sequence[Span]) -> list[str]:
    """A paragraph's lines without empty ones at the edges: Markdown has no way to write those."""
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
    """One line of a paragraph; leading spaces are kept, and marks at its start are escaped."""
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
    """A span's text with its marks: Markdown's only if every parser reads them."""
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
    # GitHub shows both tags; the text itself has no angle brackets left.
    return f"<{span.suggested}>{text}</{span.suggested}>" if span.suggested else text


def _emphasis(inner: str, marks: Sequence[str], outside: tuple[str, str]) -> str:
    # CommonMark reads marks by the characters around them. Use them only in the plain case.
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
    # Markdown removes one space at each edge.
    pad = " " if text.strip() and (text[0] in "` " or text[-1] in "` ") else ""
    return f"{fence}{pad}{text}{pad}{fence}"


def _longer_than_any(fence: str, text: str) -> str:
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    return "`" * max(len(fence), longest + 1 if longest >= len(fence) else 0)


def _escaped(text: str) -> str:
    return _PUNCTUATION.sub(r"\\\g<0>", text)


def _as_entities(text: str) -> str:
    return "".join(f"&#{ord(char)};" for char in text)


_STYLE = """
:root { color-scheme: light dark; }
a { color: #1d4fae; }
html { background: #fff; color: #1b2130; }
@media screen and (prefers-color-scheme: dark) {
  html { background: #12151b; color: #e9ecf2; } a { color: #9bbdfb; }
}
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
li.task { list-style: none; } li.task > label > input { margin-left: -1.4em; }
""".strip()


def to_html(document: Mapping[str, Any]) -> str:
    """A whole `Document` resource, fetched without a mask, as a standalone page."""
    tabs = read_tabs(document)
    title = str(document.get("title", ""))
    if len(tabs) == 1:
        return page_of(title, "\n".join(blocks_to_html(_with_title(tabs[0].blocks, title))))
    return page_of(title, "\n".join(part for tab in tabs for part in _tab(tab)))


def page_of(title: str, body: str, *, lang: str = "en") -> str:
    """A standalone page. `body` is HTML, `title` is text, `lang` a language tag."""
    return (
        f'<!doctype html>\n<html lang="{escape(lang)}"><head><meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>\n{_STYLE}\n</style></head>\n"
        f"<body>\n<main>\n{body}\n</main>\n</body></html>\n"
    )


def _with_title(blocks: Sequence[Block], title: str) -> Sequence[Block]:
    """Add a top heading if somebody deleted the doc's: a page needs one."""
    if any(block.kind is BlockKind.TITLE and block.text.strip() for block in blocks):
        return blocks
    return [Block(BlockKind.TITLE, (Span(title or "Postmortem"),)), *blocks]


def _tab(tab: TabBlocks) -> Iterator[str]:
    yield f'<h1 dir="auto">{escape(tab.title)}</h1>'
    yield from blocks_to_html(tab.blocks)


def blocks_to_html(blocks: Sequence[Block]) -> Iterator[str]:
    """The HTML elements of blocks, in order.

    A heading is at most one level below the previous one, so that readers can step through them.
    """
    yield from _elements(list(_level_headings(blocks)))


def _level_headings(blocks: Sequence[Block]) -> Iterator[Block]:
    last = 0
    for block in blocks:
        level = block.kind.heading_level
        if level and not block.text.strip():
            yield replace(block, kind=BlockKind.NORMAL)  # nobody can step to an empty heading
            continue
        if level:
            last = min(level, last + 1)
        yield replace(block, kind=heading_kind(last)) if level else block


def _elements(blocks: Sequence[Block]) -> Iterator[str]:
    for (quote, in_list), group in groupby(blocks, key=lambda one: (one.quote, one.kind.in_list)):
        members = list(group)
        inner = [_list(members, 0)] if in_list else [_block(block) for block in members]
        yield "<blockquote>" * quote + "\n".join(inner) + "</blockquote>" * quote


def _block(block: Block) -> str:
    match block.kind:
        case BlockKind.RULE:
            return "<hr>"
        case BlockKind.TABLE:
            return _html_table(block)
        case BlockKind.CODE:
            return f"<pre><code>{escape(block.text.replace(LINE_BREAK, chr(10)))}</code></pre>"
        case _:
            tag = _tag(block.kind)
            return f'<{tag} dir="auto">{_inline(block.spans)}</{tag}>'


def _tag(kind: BlockKind) -> str:
    if kind is BlockKind.TITLE:
        return "h1"
    return f"h{min(kind.heading_level + 1, 6)}" if kind.heading_level else "p"


def _list(blocks: Sequence[Block], level: int) -> str:
    """One level of a list; deeper items become a list inside the previous item."""
    parts: list[str] = []
    for is_numbered, group in groupby(
        _heads(blocks, level), key=lambda one: one[1] is BlockKind.NUMBER
    ):
        tag = "ol" if is_numbered else "ul"
        parts.append(f"<{tag}>{''.join(_item(members, level) for members, _ in group)}</{tag}>")
    return "".join(parts)


def _heads(blocks: Sequence[Block], level: int) -> Iterator[tuple[list[Block], BlockKind]]:
    """Each item of a level with the deeper ones after it."""
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
    if first.level > level:  # a list that starts deeper than it should
        return f"<li>{_list(members, level + 1)}</li>"
    words, below = _inline(first.spans), _list(deeper, level + 1) if deeper else ""
    if first.kind is not BlockKind.CHECK:
        return f'<li dir="auto">{words}{below}</li>'
    ticked = " checked" if first.checked else ""
    box = f'<input type="checkbox" disabled{ticked}>'
    return f'<li class="task" dir="auto"><label>{box} {words or "To do"}</label>{below}</li>'


def _html_table(block: Block) -> str:
    rows = ("".join(f'<td dir="auto">{_inline(cell)}</td>' for cell in row) for row in block.rows)
    return f"<table>{''.join(f'<tr>{row}</tr>' for row in rows)}</table>"


def _inline(spans: Sequence[Span]) -> str:
    return "".join(map(_span, spans))


def _span(span: Span) -> str:
    text = escape(span.text).replace(LINE_BREAK, "<br>")
    if span.is_picture:
        text = f"({text})"  # loading it would tell its server who reads this
    tags = (("code", span.code), ("del", span.strike), ("em", span.italic), ("strong", span.bold))
    for tag, is_on in tags:
        if is_on:
            text = f"<{tag}>{text}</{tag}>"
    if is_link(span.link):
        text = f'<a href="{escape(span.link)}">{text}</a>'
    return f"<{span.suggested}>{text}</{span.suggested}>" if span.suggested else text
