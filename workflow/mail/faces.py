"""The plain text and the HTML of a mail, from the same Markdown tokens.

The doc's copy is made from the same Markdown, so the three can't disagree.

A signature in a template is `-- ` on its own line, as mail programs write it. Markdown would read
two dashes below a line as a heading: here the line above stays as it is, and the lines of the
signature stay lines. A wide table scrolls within the mail, and no number is broken. The HTML adapts
to dark mode.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache
from html import escape
from types import MappingProxyType
from typing import Any
from urllib.parse import urlsplit

import css_inline
from markdown_it import MarkdownIt
from markdown_it.common.normalize_url import normalizeLinkText
from markdown_it.rules_block.table import escapedSplit
from markdown_it.token import Token
from markdown_it.tree import SyntaxTreeNode

from workflow.mail.escape import EMPTY_LINE

_MARK = re.compile(r"^--[ \t\u00a0]*$")
_STATEMENT = re.compile(r"^\s*\{[%#].*[%#]\}\s*$")
# Text parts end the mark with a space, which identifies it to mail programs (RFC 3676 section 4.3).
_AS_TEXT = r"\--&#32;"
_BREAK = "\\"


def with_signature(body: str) -> str:
    """A template's body with its signature as text, on the same number of lines."""
    lines = body.split("\n")
    at = next((at for at, line in enumerate(lines) if _MARK.fullmatch(line)), None)
    if at is None or _in_fence(lines[:at]):
        return body
    inside = _is_inside_a_block(lines[:at])
    if at and not inside and lines[at - 1].strip() and not _STATEMENT.fullmatch(lines[at - 1]):
        lines[at - 1] = lines[at - 1].rstrip() + _BREAK
    lines[at] = EMPTY_LINE + _AS_TEXT if inside else _AS_TEXT
    below = at
    while below + 1 < len(lines) and lines[below + 1].strip():
        below += 1
    for number in range(at, below):
        if not _STATEMENT.fullmatch(lines[number]):
            lines[number] = lines[number].rstrip() + _BREAK
    return "\n".join(lines)


# A statement or a note at the end of a line with words. Jinja2 would drop the line's end.
_AT_THE_END = re.compile(r"(?<![-+])(?=[%#]\}[ \t]*$)")
_WITHIN = re.compile(r"\{[%#].*?[%#]\}")


def with_line_ends(body: str) -> str:
    """A template's body in which only a line of statements alone leaves no line in the mail."""
    return "\n".join(
        _AT_THE_END.sub("+", line) if _WITHIN.sub("", line).strip() else line
        for line in body.split("\n")
    )


# A line of a list, a quotation or a table: the next line would be one more of it.
_BLOCK_LINE = re.compile(r"\s*(?:(?:[-*+]|\d{1,9}[.)])\s|>|\|)|\s{2}|.*\|")


def _is_inside_a_block(above: list[str]) -> bool:
    """Whether the line after these would continue a list, a quotation or a table."""
    near = itertools.takewhile(str.strip, reversed(above))
    return any(_BLOCK_LINE.match(line) for line in near if not _STATEMENT.fullmatch(line))


def _in_fence(lines: list[str]) -> bool:
    """Whether a code block is open, in which two dashes are code."""
    return sum(line.lstrip().startswith(("```", "~~~")) for line in lines) % 2 == 1


# An amount, a date, an invoice number: short text with digits.
_DIGIT = re.compile(r"\d")
_LONGEST_NUMBER = 30
_SHORT = 10
_CELLS = frozenset({"td_open", "th_open"})


def laid_out(tokens: Sequence[Token]) -> Iterator[Token]:
    """The tokens with each table in a scrolling box, and its numbers kept on one line."""
    for at, token in enumerate(tokens):
        if token.type == "table_open":
            yield Token("html_block", "", 0, content=_BOX)
        style = _style(tokens[at + 1].content.strip()) if token.type in _CELLS else ""
        yield _styled(token, style) if style else token
        if token.type == "table_close":
            yield Token("html_block", "", 0, content="</div>\n")


_BOX = '<div class="wide" style="overflow-x:auto;max-width:100%">\n'


def _style(words: str) -> str:
    """A cell's style: a number stays on one line, and a column of words isn't too narrow."""
    if len(words) <= _LONGEST_NUMBER and _DIGIT.search(words):
        return "white-space:nowrap"
    return "min-width:5em" if len(words) > _SHORT else ""


def _styled(token: Token, style: str) -> Token:
    present = str(token.attrGet("style") or "")
    return replace(token, attrs={**token.attrs, "style": f"{present};{style}".lstrip(";")})


# Inlined into the elements, because many mail programs drop style sheets.
_SHEET = """
body { margin: 0; padding: 0; background: #ffffff; color: #1f2328; }
.sheet { max-width: 37em; margin: 0 auto; padding: 28px 20px 36px; font-family: -apple-system,
  BlinkMacSystemFont, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif; font-size: 16px;
  line-height: 1.55; color: #1f2328; overflow-wrap: anywhere; }
p { margin: 0 0 16px; }
h1 { margin: 0 0 16px; font-size: 22px; line-height: 1.3; font-weight: 600; }
h2, h3, h4, h5, h6 { margin: 26px 0 8px; font-size: 17px; line-height: 1.35; font-weight: 600; }
ul, ol { margin: 0 0 16px; padding-inline-start: 24px; }
li { margin: 0 0 6px; }
a { color: #0b57d0; text-decoration: underline; }
blockquote { margin: 0 0 16px; padding: 2px 0 2px 14px; border-inline-start: 3px solid #d0d7de;
  color: #57606a; }
blockquote > p:last-child { margin: 0; }
li > ul, li > ol { margin: 6px 0 0; }
hr { margin: 24px 0; border: 0; border-top: 1px solid #d0d7de; }
table { margin: 0 0 16px; border-collapse: collapse; }
th, td { padding: 6px 14px 6px 0; border-bottom: 1px solid #d0d7de; text-align: start;
  vertical-align: top; }
td { overflow-wrap: anywhere; }
th { overflow-wrap: normal; font-weight: 600; }
code, pre { font-family: ui-monospace, Menlo, Consolas, monospace; font-size: 14px; }
pre { margin: 0 0 16px; padding: 12px; background: #f6f8fa; white-space: pre-wrap; }
"""

# Media queries can't be inlined. `!important`, to override the inlined styles.
_DARK = """
:root { color-scheme: light dark; supported-color-schemes: light dark; }
@media (prefers-color-scheme: dark) {
body, .sheet { background: #121417 !important; color: #e6e8eb !important; }
a { color: #8ab4f8 !important; }
blockquote { color: #aab1b9 !important; border-color: #444c56 !important; }
hr, th, td { border-color: #444c56 !important; }
pre { background: #1c2026 !important; }
}
"""

_SHELL = """<!doctype html>
<html{lang} dir="auto">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="supported-color-schemes" content="light dark">
<title>{title}</title>
<style>{dark}</style>
</head>
<body>
<div class="sheet"{language}>
{body}</div>
</body>
</html>
"""


@cache
def _inliner() -> css_inline.CSSInliner:
    return css_inline.CSSInliner(
        extra_css=_SHEET,
        inline_style_tags=False,
        keep_style_tags=True,
        load_remote_stylesheets=False,
    )


def letter(body: str, *, title: str, lang: str = "") -> str:
    """A whole HTML document around `body`, which is HTML; `title` is text."""
    language = f' lang="{escape(lang)}"' if lang else ""
    # Repeated on the inner element: Gmail drops the elements around it.
    sheet = f'{language} dir="{_direction(lang)}"' if lang else ""
    return _inliner().inline(
        _SHELL.format(lang=language, language=sheet, title=escape(title), dark=_DARK, body=body)
    )


# Right-to-left languages; Azeri, Kurdish and Panjabi only in that script.
_RIGHT_TO_LEFT = frozenset(
    ["ar", "arc", "ckb", "dv", "fa", "he", "ks", "ps", "sd", "ug", "ur", "yi"]
)


def _direction(lang: str) -> str:
    tag = lang.lower().split("-")
    return "rtl" if tag[0] in _RIGHT_TO_LEFT or {"arab", "hebr"} & set(tag[1:]) else "ltr"


# The schemes that a customer may click. `javascript:`, `data:`, `file:` and relative addresses lead
# nowhere good from a mail: such a link becomes its text.
LINK_SCHEMES = frozenset({"http", "https", "mailto", "tel"})


# A bare file name: nothing outside the template's folder or on another machine.
_PICTURE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}\.(?:png|jpe?g|gif)", re.IGNORECASE)


def _make_parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": False, "linkify": False, "typographer": False})
    parser.enable(["table", "strikethrough"])
    # Parse every link as one, so that a refused one leaves its text and not its source.
    parser.validateLink = lambda url: True  # type: ignore[method-assign]
    # Show an address unchanged: decoded, `%20` would be a space, where programs end a link.
    parser.normalizeLinkText = lambda link: link  # type: ignore[method-assign]
    return parser


_PARSER = _make_parser()


def parse_body(markdown: str) -> list[Token]:
    """The tokens of a mail's Markdown: CommonMark with tables and strikethrough, no raw HTML.

    Links other than http, https, mailto and tel are reduced to their text. Pictures are reduced to
    their descriptions, except a bare file name, which is attached: a mail loads nothing.
    """
    return [_safe(token) for token in _PARSER.parse(markdown)]


def refused_links(markdown: str) -> tuple[str, ...]:
    """The addresses of links that `parse_body` reduces to their text."""
    urls = link_addresses(_PARSER.parse(markdown))
    return tuple(url for url in urls if not _leads_somewhere(url))


def lost_pictures(markdown: str) -> tuple[str, ...]:
    """The addresses of pictures that `parse_body` reduces to their description."""
    inline = (child for token in _PARSER.parse(markdown) for child in token.children or [])
    pictures = [child for child in inline if child.type == "image"]
    return tuple(str(each.attrGet("src") or "") for each in pictures if not _is_own_picture(each))


def lost_cells(markdown: str) -> tuple[tuple[int, int], ...]:
    """The tables' rows with more cells than their header, as both numbers.

    Every reader of such tables leaves the last ones out (GitHub Flavored Markdown, 4.10).
    """
    if "|" not in markdown:
        return ()
    lines = markdown.split("\n")
    found: list[tuple[int, int]] = []
    columns = 0
    for token in _PARSER.parse(markdown):
        if token.type == "thead_open":
            columns = 0
        elif token.type == "th_open":
            columns += 1
        elif token.type == "tr_open" and token.map and columns:
            cells = escapedSplit(lines[token.map[0]].strip(" >\t").removeprefix("|"))
            count = len(cells) - (not cells[-1].strip())
            found += [(count, columns)] if count > columns else []
    return tuple(found)


def lost_lines(markdown: str) -> tuple[str, ...]:
    """The labels of lines such as `[Note]: done`, read as the address of a link that is not there.

    Of two lines for one label the second is lost too.
    """
    if "]:" not in markdown:
        return ()
    seen: dict[str, Any] = {}
    inline = (child for token in _PARSER.parse(markdown, seen) for child in token.children or [])
    used = {str(child.attrGet("href") or child.attrGet("src") or "") for child in inline}
    given = [each for each in seen.get("references", {}).values() if each["href"] not in used]
    lines = markdown.split("\n")
    lost = [lines[each["map"][0]] for each in (*given, *seen.get("duplicate_refs", ()))]
    return tuple(line.partition("[")[2].partition("]:")[0] for line in lost)


def link_addresses(tokens: Sequence[Token]) -> tuple[str, ...]:
    """The addresses of the links among `tokens`, in order."""
    inline = (child for token in tokens for child in token.children or [])
    return tuple(str(child.attrGet("href") or "") for child in inline if child.type == "link_open")


def _safe(token: Token) -> Token:
    if token.children is None or not any(child.type in _LEAD_AWAY for child in token.children):
        return token
    return replace(token, children=list(_with_words(list(_safe_inline(token.children)))))


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


def _with_words(children: Sequence[Token]) -> Iterator[Token]:
    """The tokens with its address in each link that shows nothing, as a value may be empty."""
    for at, token in enumerate(children):
        yield token
        if token.type == "link_open":
            inside = itertools.takewhile(lambda each: each.type != "link_close", children[at + 1 :])
            if not any(each.type == "image" or each.content.strip() for each in inside):
                yield Token("text", "", 0, content=_shown_address(str(token.attrGet("href"))))


def _shown_address(url: str) -> str:
    return url.removeprefix("mailto:").removeprefix("tel:")


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
    """The text of inline tokens, without any mark."""
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
    """Blocks with an empty line between them."""
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
    """Whether the author left empty lines between the list's items."""
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
        case "s":
            # Without marks, two amounts side by side would both look valid.
            return f"~~{''.join(_text_of(child) for child in node.children)}~~"
        case "link":
            words = "".join(_text_of(child) for child in node.children)
            return _link_text(words, str(node.attrs.get("href", "")))
        case _ if node.children:
            return "".join(_text_of(child) for child in node.children)
        case _:
            return node.content


def _link_text(words: str, url: str) -> str:
    """`words (address)`, or the words alone if they are the address."""
    if words == url:
        return words
    shown = _shown_address(url)
    bare = words.strip().removeprefix("https://").removeprefix("http://").rstrip("/")
    same = shown.removeprefix("https://").removeprefix("http://").rstrip("/")
    if not bare or bare == same:
        return words if bare else shown
    if bare == normalizeLinkText(same):  # typed with letters that the address encodes
        return shown
    return f"{words} ({shown})"


def html_face(
    tokens: Sequence[Token],
    *,
    subject: str,
    lang: str = "",
    pictures: Mapping[str, str] = MappingProxyType({}),
) -> str:
    """The mail as a whole HTML document with its styles inlined; it loads nothing.

    `lang` is a language tag such as `en`, or "" if unknown. The text direction follows the text,
    block by block; for the whole mail, its language. `pictures` has an address (`cid:…`, `data:…`)
    for each picture's file; a picture without one becomes its description.
    """
    drawn = [_with_pictures(_directed(token), pictures) for token in laid_out(tokens)]
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


# Only on the outermost blocks: `dir="auto"` ignores inner elements with their own, so a list of
# Arabic items would have its bullets on the left.
_DIRECTED = frozenset(
    {"paragraph_open", "heading_open", "bullet_list_open", "ordered_list_open", "blockquote_open"}
    | {"table_open"}
)


def _directed(token: Token) -> Token:
    if token.level or token.type not in _DIRECTED:
        return token
    return replace(token, attrs={**token.attrs, "dir": "auto"})
