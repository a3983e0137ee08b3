"""One Markdown source, its faces: the plain text and the HTML of a mail, from the same tokens.

The doc's copy is made elsewhere from the same Markdown, so the three can't disagree.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from urllib.parse import urlsplit

from markdown_it import MarkdownIt
from markdown_it.common.normalize_url import normalizeLinkText
from markdown_it.token import Token
from markdown_it.tree import SyntaxTreeNode

from workflow.mail.letterhead import letter

__all__ = [
    "html_face",
    "link_addresses",
    "parse_body",
    "picture_names",
    "refused_links",
    "text_face",
]

# Where a customer's click may lead. `javascript:`, `data:`, `file:` and relative addresses lead
# nowhere good from a mail: such a link becomes its words.
LINK_SCHEMES = frozenset({"http", "https", "mailto", "tel"})


# A file's bare name: nothing that leads out of the template's folder or to another machine.
_PICTURE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}\.(?:png|jpe?g|gif)", re.IGNORECASE)


def _make_parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": False, "linkify": False, "typographer": False})
    parser.enable(["table", "strikethrough"])
    # Every link is parsed as one, so that a refused one leaves its words and not its source.
    parser.validateLink = lambda url: True  # type: ignore[method-assign]
    return parser


_PARSER = _make_parser()


def parse_body(markdown: str) -> list[Token]:
    """The tokens of a mail's Markdown: CommonMark with tables and strikethrough, no raw HTML.

    Links other than http, https, mailto and tel are reduced to their words, and pictures to their
    descriptions unless they are a file's bare name, to go with the mail: a mail loads nothing.
    """
    return [_safe(token) for token in _PARSER.parse(markdown)]


def refused_links(markdown: str) -> tuple[str, ...]:
    """The addresses of links that `parse_body` reduces to their words."""
    urls = link_addresses(_PARSER.parse(markdown))
    return tuple(url for url in urls if not _leads_somewhere(url))


def link_addresses(tokens: Sequence[Token]) -> tuple[str, ...]:
    """Where the links among `tokens` lead, in order."""
    inline = (child for token in tokens for child in token.children or [])
    return tuple(str(child.attrGet("href") or "") for child in inline if child.type == "link_open")


def _safe(token: Token) -> Token:
    if token.children is None or not any(child.type in _LEAD_AWAY for child in token.children):
        return token
    return replace(token, children=list(_safe_inline(token.children)))


_LEAD_AWAY = frozenset({"link_open", "image"})


def _safe_inline(children: Sequence[Token]) -> Iterator[Token]:
    kept: list[bool] = []
    for child in children:
        if child.type == "link_open":
            kept.append(_leads_somewhere(str(child.attrGet("href") or "")))
        if child.type in {"link_open", "link_close"}:
            keep = kept[-1] if child.type == "link_open" else kept.pop()
            if keep:
                yield child
        elif child.type == "image" and not _is_own_picture(child):
            yield Token("text", "", 0, content=_words(child.children or []))
        else:
            yield child


def picture_names(tokens: Sequence[Token]) -> tuple[str, ...]:
    """The files of the pictures among `tokens`, each once, in order."""
    inline = (child for token in tokens for child in token.children or [])
    names = (str(child.attrGet("src")) for child in inline if child.type == "image")
    return tuple(dict.fromkeys(names))


def _is_own_picture(token: Token) -> bool:
    return _PICTURE.fullmatch(str(token.attrGet("src") or "")) is not None


def _leads_somewhere(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    if parts.scheme in {"http", "https"}:
        return bool(parts.hostname)
    return parts.scheme in LINK_SCHEMES and bool(parts.path)


def _words(children: Sequence[Token]) -> str:
    """The letters of inline tokens, without any mark."""
    return "".join(
        _words(child.children) if child.children else child.content or _space(child)
        for child in children
    )


def _space(token: Token) -> str:
    return " " if token.type in {"softbreak", "hardbreak"} else ""


def text_face(tokens: Sequence[Token]) -> str:
    """The mail as plain text: a paragraph is one line, a link is `words (address)`.

    Long lines are left to the reader's program to wrap. Ends in one newline.
    """
    root = SyntaxTreeNode(list(tokens))
    return "\n".join(_stacked(root.children)).strip("\n") + "\n"


def _stacked(blocks: Sequence[SyntaxTreeNode]) -> list[str]:
    """Blocks one under the other with an empty line between."""
    lines: list[str] = []
    for block in blocks:
        lines += [*([""] if lines else []), *_block_lines(block)]
    return lines


def _block_lines(block: SyntaxTreeNode) -> list[str]:
    say = _BLOCKS.get(block.type)
    return say(block) if say else _stacked(block.children)


def _paragraph_lines(block: SyntaxTreeNode) -> list[str]:
    return _inline_text(block).split("\n")


def _quoted_lines(block: SyntaxTreeNode) -> list[str]:
    return [f"> {line}".rstrip() for line in _stacked(block.children)]


def _code_lines(block: SyntaxTreeNode) -> list[str]:
    return [f"    {line}" for line in block.content.rstrip("\n").split("\n")]


def _table_lines(block: SyntaxTreeNode) -> list[str]:
    rows = [row for part in block.children for row in part.children]
    return [" | ".join(_inline_text(cell) for cell in row.children) for row in rows]


def _rule_lines(_: SyntaxTreeNode) -> list[str]:
    return ["* * *"]


def _list_lines(block: SyntaxTreeNode) -> list[str]:
    lines: list[str] = []
    first = int(block.attrs.get("start", 1))
    for number, item in enumerate(block.children, first):
        mark = f"{number}. " if block.type == "ordered_list" else "- "
        inner = _item_lines(item)
        if lines and _is_loose(item):
            lines.append("")
        lines += [
            ((mark if at == 0 else " " * len(mark)) + line).rstrip(" ")
            for at, line in enumerate(inner or [""])
        ]
    return lines


_BLOCKS: dict[str, Callable[[SyntaxTreeNode], list[str]]] = {
    "paragraph": _paragraph_lines,
    "heading": _paragraph_lines,
    "bullet_list": _list_lines,
    "ordered_list": _list_lines,
    "blockquote": _quoted_lines,
    "fence": _code_lines,
    "code_block": _code_lines,
    "table": _table_lines,
    "hr": _rule_lines,
}


def _item_lines(item: SyntaxTreeNode) -> list[str]:
    if _is_loose(item):
        return _stacked(item.children)
    return [line for block in item.children for line in _block_lines(block)]


def _is_loose(item: SyntaxTreeNode) -> bool:
    """A list whose author left empty lines between its items."""
    return any(block.type == "paragraph" and not block.hidden for block in item.children)


def _inline_text(block: SyntaxTreeNode) -> str:
    inline = [child for child in block.children if child.type == "inline"]
    return "".join(_text_of(node) for holder in inline for node in holder.children)


def _text_of(node: SyntaxTreeNode) -> str:
    match node.type:
        case "softbreak":
            return " "
        case "hardbreak":
            return "\n"
        case "link":
            words = "".join(_text_of(child) for child in node.children)
            return _link_text(words, str(node.attrs.get("href", "")))
        case _ if node.children:
            return "".join(_text_of(child) for child in node.children)
        case _:
            return node.content


def _link_text(words: str, url: str) -> str:
    """`words (address)`, or the words alone where they are the address already."""
    shown = normalizeLinkText(url.removeprefix("mailto:").removeprefix("tel:"))
    bare = words.strip().removeprefix("https://").removeprefix("http://").rstrip("/")
    same = shown.removeprefix("https://").removeprefix("http://").rstrip("/")
    if not bare or bare == same:
        return words if bare else shown
    return f"{words} ({shown})"


def html_face(
    tokens: Sequence[Token],
    *,
    subject: str,
    lang: str = "",
    pictures: Mapping[str, str] = MappingProxyType({}),
) -> str:
    """The mail as a whole HTML document with its styles inlined; it loads nothing from anywhere.

    `lang` is a language tag such as `en`, or "" when not known. Directions follow the text, block
    by block. `pictures` has an address (`cid:…`, `data:…`) for each picture's file; a picture
    without one is its description.
    """
    drawn = [_with_pictures(_directed(token), pictures) for token in tokens]
    body = _PARSER.renderer.render(drawn, _PARSER.options, {})
    return letter(body, title=subject, lang=lang)


def _with_pictures(token: Token, pictures: Mapping[str, str]) -> Token:
    if not any(child.type == "image" for child in token.children or ()):
        return token
    children = [_picture(child, pictures) for child in token.children or ()]
    return replace(token, children=children)


def _picture(token: Token, pictures: Mapping[str, str]) -> Token:
    if token.type != "image":
        return token
    address = pictures.get(str(token.attrGet("src")))
    if address is None:
        return Token("text", "", 0, content=_words(token.children or []))
    return replace(token, attrs={**token.attrs, "src": address, "style": "max-width:100%"})


# On the outermost blocks alone: `dir="auto"` takes no notice of elements inside that have their
# own, so a list of Arabic items would have its bullets on the left.
_DIRECTED = frozenset(
    {"paragraph_open", "heading_open", "bullet_list_open", "ordered_list_open", "blockquote_open"}
    | {"table_open"}
)


def _directed(token: Token) -> Token:
    if token.level or token.type not in _DIRECTED:
        return token
    return replace(token, attrs={**token.attrs, "dir": "auto"})
