"""Markdown as blocks: the one parser for a mail's body and a template; marks in typed text.

Marks in typed text are read with stricter rules than a mail's. CommonMark finds marks in
`__init__`, `SELECT *, a.*` and `2*3*4`; here a mark counts only at a word's edge, and every
character that is no mark is kept.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache

from markdown_it import MarkdownIt
from markdown_it.helpers import parseLinkDestination, parseLinkLabel
from markdown_it.rules_inline import StateInline
from markdown_it.rules_inline.state_inline import Delimiter
from markdown_it.token import Token
from markdown_it.tree import SyntaxTreeNode

from workflow.document.blocks import Block, BlockKind, Span, heading_kind, joined
from workflow.document.requests import LINE_BREAK, clean_text
from workflow.document.styling import is_link

# --- Markdown as blocks ---------------------------------------------------------------------------

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
    parser = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])
    # As in a mail: a refused link leaves its words, see `is_link`, and an address is unchanged.
    parser.validateLink = lambda url: True  # type: ignore[method-assign]
    parser.normalizeLinkText = lambda link: link  # type: ignore[method-assign]
    return parser


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
            case "bullet_list":
                for item in node.children:
                    yield from _item(item, BlockKind.BULLET, place)
            case "ordered_list":
                yield from _numbered(node, place)
            case "fence" | "code_block":
                yield from _code(node, place)
            case "table":
                yield _table(node, place)
            case "hr":
                yield Block(BlockKind.NORMAL, (Span(_RULE),), quote=place.quote)
            case _:
                yield from _paragraph(node, BlockKind.NORMAL, place)


def _paragraph(node: SyntaxTreeNode, kind: BlockKind, place: _Place) -> Iterator[Block]:
    spans = _spans(node)
    if spans:
        yield Block(kind, spans, level=place.depth, quote=place.quote)


def _item(item: SyntaxTreeNode, kind: BlockKind, place: _Place) -> Iterator[Block]:
    """The item's first paragraph carries the glyph; its other blocks are indented."""
    rest = list(item.children)
    if rest and rest[0].type == "paragraph":
        for block in _paragraph(rest.pop(0), kind, place):
            yield _as_task(block)
    yield from _blocks(rest, replace(place, depth=place.depth + 1))


def _numbered(node: SyntaxTreeNode, place: _Place) -> Iterator[Block]:
    """A numbered list. Where Docs would show other numbers than the mail, they are text."""
    first = int(node.attrs.get("start", 1))
    if first == 1 and _is_counted_on(node):
        for item in node.children:
            yield from _item(item, BlockKind.NUMBER, place)
        return
    for number, item in enumerate(node.children, first):
        rest = list(item.children)
        words = _spans(rest.pop(0)) if rest and rest[0].type == "paragraph" else ()
        spans = joined((Span(f"{number}. " if words else f"{number}."), *words))
        yield Block(BlockKind.NORMAL, spans, level=place.depth, quote=place.quote)
        yield from _blocks(rest, replace(place, depth=place.depth + 1))


def _is_counted_on(node: SyntaxTreeNode) -> bool:
    """Whether Docs counts a list on from 1: each item has words, and no two are apart.

    A list in Docs starts over after anything but its own and deeper items, and goes on in the next
    list.
    """
    before = node.previous_sibling
    return (
        all(_begins_with_words(item) for item in node.children)
        and all(_holds_only_lists(item) for item in node.children[:-1])
        and (before is None or before.type != "ordered_list")
    )


def _begins_with_words(item: SyntaxTreeNode) -> bool:
    return bool(item.children) and item.children[0].type == "paragraph"


def _holds_only_lists(item: SyntaxTreeNode) -> bool:
    """Whether an item has no other blocks than its first paragraph and lists of such items."""
    below = [each for inner in item.children[1:] for each in inner.children]
    return all(each.type.endswith("_list") for each in item.children[1:]) and all(
        _begins_with_words(each) and _holds_only_lists(each) for each in below
    )


def _as_task(block: Block) -> Block:
    first, *others = block.spans
    box = _TASK.match(first.text)
    if box is None or (box.end() == len(first.text) and not others):
        return block
    rest = replace(first, text=first.text[box.end() :])
    spans = (rest, *others) if rest.text else tuple(others)
    return replace(block, kind=BlockKind.CHECK, spans=spans, checked=box[1] != " ")


def _code(node: SyntaxTreeNode, place: _Place) -> Iterator[Block]:
    text = clean_text(node.content.removesuffix("\n"))
    if text:
        spans = (Span(text, code=True),)
        yield Block(BlockKind.CODE, spans, level=place.depth, quote=place.quote)


def _table(node: SyntaxTreeNode, place: _Place) -> Block:
    rows = tuple(
        tuple(_spans(cell) for cell in row.children)
        for part in node.children
        for row in part.children
    )
    return Block(BlockKind.TABLE, quote=place.quote, rows=rows)


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
            if is_link(style.link) and not "".join(_words(node)).strip():
                yield replace(style, text=clean_text(re.sub("^(?:mailto|tel):", "", style.link)))
                return
        case "image":
            style = replace(style, link=style.link or str(node.attrs["src"]))
        case _:
            pass
    if not node.children:
        yield replace(style, text=_leaf_text(node))
    for child in node.children:
        yield from _inline(child, style)


def _words(node: SyntaxTreeNode) -> Iterator[str]:
    """The text under a node, piece by piece."""
    if not node.children:
        yield _leaf_text(node)
    for child in node.children:
        yield from _words(child)


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


# --- Marks in typed text --------------------------------------------------------------------------

_LONGEST = 20_000  # characters of one paragraph to search for marks

_ADDRESS = re.compile(r"[^\s<>\"`|\\^{}\x00-\x1f]+")
_SCHEME = re.compile(r"(?<![^\W_])(?:https?)\Z", re.IGNORECASE)
_CODE = re.compile(r"(`+)(?!`)([^\n]+?)(?<!`)\1(?!`)")
_DUNDER = re.compile(r"__\w+?__(?!\w)")
# Text after a mail address or `www.` belongs to it unless it ends the sentence.
_UNSCHEMED = re.compile(
    r"(?<![\w@./+-])(?:www\.[^\s<>\"`|\\^{}]+|[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+)",
    re.IGNORECASE,
)
_ENDS_SENTENCE = ".,;:!?'\"*_~…"
_BRACKETS = {")": "(", "]": "["}
_OPENS = "([{"
_LOOKS = {"strong": "bold", "em": "italic", "s": "strike"}


def typed_spans(text: str) -> tuple[Span, ...]:
    """The spans of one paragraph; its line ends stay line ends."""
    if len(text) > _LONGEST:
        return (Span(clean_text(text)),)
    token = _typed_parser().parseInline(text)[0]
    return joined(_typed_spans(token.children or []))


@cache
def _typed_parser() -> MarkdownIt:
    parser = MarkdownIt("zero")
    ruler = parser.inline.ruler
    ruler.at("newline", _line_end)
    ruler.at("escape", _backslash)
    ruler.at("backticks", _typed_code)
    ruler.at("emphasis", _mark)
    ruler.at("link", _link)
    ruler.at("linkify", _address)
    ruler.enableOnly(["text", "newline", "escape", "backticks", "emphasis", "link", "linkify"])
    parser.inline.ruler2.enableOnly(
        ["balance_pairs", "strikethrough", "emphasis", "fragments_join"]
    )
    return parser


def _typed_spans(tokens: list[Token]) -> Iterator[Span]:
    looks = [Span("")]
    for token in tokens:
        if token.nesting == 1:
            looks.append(_styled(looks[-1], token))
        elif token.nesting == -1:
            looks.pop()
        elif token.type == "softbreak":
            yield replace(looks[-1], text=LINE_BREAK)
        elif token.type == "code_inline":
            yield replace(looks[-1], text=clean_text(token.content), code=True)
        elif looks[-1].link:
            yield replace(looks[-1], text=clean_text(token.content))
        else:
            yield from _with_addresses(replace(looks[-1], text=clean_text(token.content)))


def _styled(look: Span, token: Token) -> Span:
    if token.type == "link_open":
        return replace(look, link=str(token.attrs["href"]))
    name = _LOOKS[token.tag]
    return replace(
        look,
        bold=look.bold or name == "bold",
        italic=look.italic or name == "italic",
        strike=look.strike or name == "strike",
    )


def _with_addresses(span: Span) -> Iterator[Span]:
    """Link mail addresses and `www.` names; those with a scheme are links already."""
    end = 0
    for match in _UNSCHEMED.finditer(span.text):
        words = _address_in(match[0])
        link = f"mailto:{words}" if "@" in words else f"http://{words}"
        if words.count(".") and is_link(link):
            yield replace(span, text=span.text[end : match.start()])
            yield replace(span, text=words, link=link)
            end = match.start() + len(words)
    yield replace(span, text=span.text[end:])


def _address_in(text: str) -> str:
    """An address without the punctuation that ends its sentence."""
    while text:
        last = text[-1]
        opening = _BRACKETS.get(last)
        if last in _ENDS_SENTENCE or (opening and text.count(opening) < text.count(last)):
            text = text[:-1]
        else:
            break
    return text


def _line_end(state: StateInline, silent: bool) -> bool:
    """A typed line end, with the spaces on both sides kept."""
    if state.src[state.pos] != "\n":
        return False
    if not silent:
        state.push("softbreak", "br", 0)
    state.pos += 1
    return True


def _backslash(state: StateInline, silent: bool) -> bool:
    """Keep a backslash, as in a path or a pattern; the character after it is no mark."""
    following = state.src[state.pos + 1 : state.pos + 2]
    if state.src[state.pos] != "\\" or not following or following == "\n":
        return False
    if not silent:
        state.pending += f"\\{following}"
    state.pos += 2
    return True


def _typed_code(state: StateInline, silent: bool) -> bool:
    """Code between backticks on one line, not within a word (as in `a' and `b')."""
    if state.src[state.pos] != "`":
        return False
    found = _CODE.match(state.src, state.pos, state.posMax)
    before = state.src[state.pos - 1] if state.pos else " "
    behind = state.src[found.end() : found.end() + 1] if found else ""
    if found is None or not found[2].strip() or _in_word(before) or _in_word(behind):
        run = re.compile("`+").match(state.src, state.pos, state.posMax)
        length = len(run[0]) if run else 1
        if not silent:
            state.pending += "`" * length
        state.pos += length
        return True
    if not silent:
        inner = found[2]
        if inner[0] == inner[-1] == " ":
            inner = inner[1:-1]
        state.push("code_inline", "code", 0).content = inner
    state.pos = found.end()
    return True


def _mark(state: StateInline, silent: bool) -> bool:
    """`*`, `_` and `~~` at a word's edge, ready to be paired as markdown-it does."""
    marker = state.src[state.pos]
    if silent or marker not in "*_~":
        return False
    if marker == "_" and (name := _DUNDER.match(state.src, state.pos, state.posMax)):
        state.pending += name[0]
        state.pos += len(name[0])
        return True
    end = state.pos
    while end < state.posMax and state.src[end] == marker:
        end += 1
    count = end - state.pos
    before = state.src[state.pos - 1] if state.pos else " "
    behind = state.src[end] if end < state.posMax else " "
    opens, closes = _may_open(before, behind), _may_close(before, behind)
    if (marker == "~" and count != 2) or count > 3 or not (opens or closes):
        state.pending += marker * count
        state.pos = end
        return True
    step = 2 if marker == "~" else 1
    for _ in range(count // step):
        state.push("text", "", 0).content = marker * step
        length = 0 if marker == "~" else count  # like strikethrough: no rule of three
        at = len(state.tokens) - 1
        state.delimiters.append(Delimiter(ord(marker), length, at, -1, opens, closes))
    state.pos = end
    return True


def _may_open(before: str, behind: str) -> bool:
    if _in_word(before) or behind.isspace() or (before in "'\"" and behind == before):
        return False
    return (
        unicodedata.category(behind)[0] in "LNM"
        or behind in "'\"“‘„«([`*_~@#$€<"
        or _is_sign(behind)
    )


def _may_close(before: str, behind: str) -> bool:
    return not (before.isspace() or before in _OPENS or _in_word(behind))


def _is_sign(char: str) -> bool:
    return unicodedata.category(char) == "So"


def _in_word(char: str) -> bool:
    """Whether a mark beside this character would be within a word; some scripts have no spaces."""
    return bool(char) and char.isalnum() and unicodedata.east_asian_width(char) not in "WF"


def _link(state: StateInline, silent: bool) -> bool:
    """`[words](address)`, or a picture in that form, if the address can be a link."""
    start = state.pos
    is_picture = state.src.startswith("![", start)
    opening = start + is_picture
    if state.src[opening : opening + 1] != "[" or state.linkLevel:
        return False
    end = _label_end(state, opening)
    if end < 0 or not state.src.startswith("(", end + 1):
        return False
    found = parseLinkDestination(state.src, end + 2, state.posMax)
    if not found.ok or not state.src.startswith(")", found.pos) or found.pos >= state.posMax:
        return False
    address = state.src[end + 2 : found.pos]
    if address.startswith("<") and address.endswith(">"):
        address = address[1:-1]
    if not is_link(address):
        return False
    if not silent:
        _push_link(state, address, opening + 1, end)
    state.pos = found.pos + 1
    return True


def _label_end(state: StateInline, opening: int) -> int:
    before = state.pos
    end = parseLinkLabel(state, opening)
    state.pos = before
    return end


def _push_link(state: StateInline, address: str, start: int, end: int) -> None:
    state.push("link_open", "a", 1).attrs = {"href": address}
    if state.src[start:end].strip():
        last = state.posMax
        state.pos, state.posMax = start, end
        state.linkLevel += 1
        state.md.inline.tokenize(state)
        state.linkLevel -= 1
        state.posMax = last
    else:
        state.push("text", "", 0).content = address
    state.push("link_close", "a", -1)


def _address(state: StateInline, silent: bool) -> bool:
    """A bare `https://…`: found at its colon, when its scheme has been read."""
    if state.linkLevel or not state.src.startswith("://", state.pos):
        return False
    scheme = _SCHEME.search(state.src, max(0, state.pos - 6), state.pos)
    rest = _ADDRESS.match(state.src, state.pos, state.posMax)
    if scheme is None or rest is None:
        return False
    address = scheme[0] + _address_in(rest[0])
    if len(address) <= len(scheme[0]) + 3 or not is_link(address):
        return False
    if not silent:
        if not state.pending.endswith(scheme[0]):
            return False
        state.pending = state.pending[: -len(scheme[0])]
        state.push("link_open", "a", 1).attrs = {"href": address}
        state.push("text", "", 0).content = address
        state.push("link_close", "a", -1)
    state.pos = scheme.start() + len(address)
    return True
