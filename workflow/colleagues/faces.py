"""A message's Markdown as the chats write it: Slack's mrkdwn, Google Chat's text format.

In both a word of the message is only a word: `<` begins a link or a mention there (`<!channel>`,
`<users/all>`), so none comes from what somebody typed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from markdown_it.token import Token
from markdown_it.tree import SyntaxTreeNode

# Without width, and where it stands no word begins: `@here` stays six letters that call nobody.
_JOINER = "\u2060"
_CALLS_ALL = re.compile(r"@(?=channel|here|everyone|group|all)", re.IGNORECASE)


@dataclass(frozen=True)
class _Dialect:
    """How a chat keeps text text, and how it writes a link with its words already escaped."""

    escape: Callable[[str], str]
    link: Callable[[str, str], str]


def slack_face(tokens: Sequence[Token]) -> str:
    """The message in Slack's mrkdwn; ends without a newline."""
    return _face(tokens, _SLACK)


def chat_face(tokens: Sequence[Token]) -> str:
    """The message in the text format of Google Chat; ends without a newline."""
    return _face(tokens, _CHAT)


def _slack_text(text: str) -> str:
    # Slack asks for these three as entities, and for no others (its page on formatting text).
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _CALLS_ALL.sub(f"@{_JOINER}", text)


def _chat_text(text: str) -> str:
    # Google Chat reads no entities: what follows a `<` must not look like an address or a user.
    return _CALLS_ALL.sub(f"@{_JOINER}", text.replace("<", f"<{_JOINER}"))


def _link(url: str, words: str) -> str:
    address = url.replace("<", "%3C").replace(">", "%3E").replace("|", "%7C")
    return f"<{address}|{words}>"


def _chat_link(url: str, words: str) -> str:
    return _link(url, words.translate(str.maketrans("<>|", "‹›¦")))


_SLACK = _Dialect(_slack_text, lambda url, words: _link(url.replace("&", "&amp;"), words))
_CHAT = _Dialect(_chat_text, _chat_link)


def _face(tokens: Sequence[Token], dialect: _Dialect) -> str:
    root = SyntaxTreeNode(list(tokens))
    return "\n".join(_stacked(root.children, dialect)).strip("\n")


def _stacked(blocks: Sequence[SyntaxTreeNode], dialect: _Dialect) -> list[str]:
    lines: list[str] = []
    for block in blocks:
        lines += [*([""] if lines else []), *_block_lines(block, dialect)]
    return lines


def _block_lines(block: SyntaxTreeNode, dialect: _Dialect) -> list[str]:
    say = _BLOCKS.get(block.type)
    return say(block, dialect) if say else _stacked(block.children, dialect)


def _paragraph_lines(block: SyntaxTreeNode, dialect: _Dialect) -> list[str]:
    return _inline(block, dialect).split("\n")


def _heading_lines(block: SyntaxTreeNode, dialect: _Dialect) -> list[str]:
    return [f"*{_inline(block, dialect).replace('*', '')}*"]


def _quoted_lines(block: SyntaxTreeNode, dialect: _Dialect) -> list[str]:
    return [f"> {line}".rstrip() for line in _stacked(block.children, dialect)]


def _code_lines(block: SyntaxTreeNode, dialect: _Dialect) -> list[str]:
    return dialect.escape(block.content.rstrip("\n")).split("\n")


def _table_lines(block: SyntaxTreeNode, dialect: _Dialect) -> list[str]:
    rows = [row for part in block.children for row in part.children]
    return [" | ".join(_inline(cell, dialect) for cell in row.children) for row in rows]


def _list_lines(block: SyntaxTreeNode, dialect: _Dialect) -> list[str]:
    lines: list[str] = []
    first = int(block.attrs.get("start", 1))
    for number, item in enumerate(block.children, first):
        mark = f"{number}. " if block.type == "ordered_list" else "• "
        inner = [line for each in item.children for line in _block_lines(each, dialect)]
        lines += [
            (mark if at == 0 else " " * len(mark)) + line for at, line in enumerate(inner or [""])
        ]
    return lines


_BLOCKS: dict[str, Callable[[SyntaxTreeNode, _Dialect], list[str]]] = {
    "paragraph": _paragraph_lines,
    "heading": _heading_lines,
    "bullet_list": _list_lines,
    "ordered_list": _list_lines,
    "blockquote": _quoted_lines,
    "fence": _code_lines,
    "code_block": _code_lines,
    "table": _table_lines,
    "hr": lambda _block, _dialect: ["———"],
}
_MARKS = {"strong": "*", "em": "_", "s": "~"}


def _inline(block: SyntaxTreeNode, dialect: _Dialect) -> str:
    inline = [child for child in block.children if child.type == "inline"]
    return "".join(_written(node, dialect) for holder in inline for node in holder.children)


def _written(node: SyntaxTreeNode, dialect: _Dialect) -> str:
    match node.type:
        case "softbreak":
            return " "
        case "hardbreak":
            return "\n"
        case "link":
            words = _words(node, dialect)
            return dialect.link(str(node.attrs.get("href", "")), words)
        case "image":
            return dialect.escape(node.content)
        case kind if kind in _MARKS:
            words = _words(node, dialect)
            return f"{_MARKS[kind]}{words}{_MARKS[kind]}" if words.strip() else words
        case _:
            return _words(node, dialect) if node.children else dialect.escape(node.content)


def _words(node: SyntaxTreeNode, dialect: _Dialect) -> str:
    return "".join(_written(child, dialect) for child in node.children)
