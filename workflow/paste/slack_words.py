"""The words of Slack's messages: their text, blocks, attachments and files, as Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

_ANGLE = re.compile(r"<([^<>\n]+)>")
_CODE = re.compile(r"(```.*?```|`[^`\n]+`)", re.DOTALL)
_BOLD = re.compile(r"(?<![\w*])\*(?=\S)([^*\n]*[^\s*])\*(?![\w*])")
_STRUCK = re.compile(r"(?<![\w~])~(?=\S)([^~\n]*[^\s~])~(?![\w~])")
_USER = re.compile(r"<@([UWB][A-Z0-9]+)(?:\|[^<>]*)?>")
_ENTITIES = {"&lt;": "<", "&gt;": ">", "&amp;": "&"}


def said_in(message: Mapping[str, Any]) -> str:
    """A message's content in Slack's own marks.

    An app may say everything in blocks or attachments. The preview of a linked page is left out.
    """
    text = str(message.get("text") or "")
    if not text.strip():
        text = "\n".join(_of_blocks(message.get("blocks")))
    attached = [
        "\n".join(_of_attachment(each))
        for each in message.get("attachments") or ()
        if not text.strip() or not _is_preview(each)
    ]
    files = [_file(each) for each in message.get("files") or ()]
    parts = [text, *(each for each in attached if each not in text), *files]
    return "\n".join(part for part in parts if part.strip()).strip()


def _is_preview(attachment: Mapping[str, Any]) -> bool:
    is_page = attachment.get("from_url") or attachment.get("original_url")
    return bool(is_page) and not attachment.get("is_share")


def _of_attachment(attachment: Mapping[str, Any]) -> Iterator[str]:
    before = [str(attachment.get(name) or "") for name in ("pretext", "title", "text")]
    fields = [
        f"{each.get('title') or ''}: {each.get('value') or ''}".strip(": ")
        for each in attachment.get("fields") or ()
    ]
    found = [each for each in (*before, *fields, *_of_blocks(attachment.get("blocks"))) if each]
    yield from found or [str(attachment.get("fallback") or "")]


# Elements that stand in one line, and what opens and closes them.
_INLINE = {"rich_text_section", "rich_text_quote", "context"}


def _of_blocks(blocks: object) -> Iterator[str]:
    """The lines of a message's blocks."""
    for block in blocks if isinstance(blocks, list) else ():
        kind = block.get("type")
        if kind in {"section", "header"}:
            parts = [block.get("text"), *(block.get("fields") or ())]
            yield from (str(part["text"]) for part in parts if part and part.get("text"))
        elif kind in _INLINE:
            words = "".join(_of_element(each) for each in block.get("elements") or ())
            yield words if kind != "rich_text_quote" else f"> {words}"
        elif kind == "rich_text_preformatted":
            words = "".join(_of_element(each) for each in block.get("elements") or ())
            yield f"```{words}```"
        elif kind == "rich_text_list":
            mark = "1." if block.get("style") == "ordered" else "-"
            indent = "  " * int(block.get("indent") or 0)
            yield from (f"{indent}{mark} {words}" for words in _of_blocks(block.get("elements")))
        elif kind == "rich_text":
            yield from _of_blocks(block.get("elements"))
        elif kind == "image":
            yield str(block.get("alt_text") or block.get("image_url") or "")


def _of_element(element: Mapping[str, Any]) -> str:
    kind = element.get("type")
    if kind == "link":
        words = element.get("text")
        return f"<{element.get('url')}|{words}>" if words else f"<{element.get('url')}>"
    if kind in {"user", "channel"}:
        mark = "@" if kind == "user" else "#"
        return f"<{mark}{element.get(f'{kind}_id')}>"
    if kind == "emoji":
        return f":{element.get('name')}:"
    if kind == "broadcast":
        return f"<!{element.get('range')}>"
    text = str(element.get("text") or "")
    style = element.get("style") or {}
    marks = (("code", "`"), ("strike", "~"), ("italic", "_"), ("bold", "*"))
    for name, mark in marks:
        if isinstance(style, dict) and style.get(name) and text.strip() == text and text:
            text = f"{mark}{text}{mark}"
    return text


def _file(file: Mapping[str, Any]) -> str:
    name = str(file.get("title") or file.get("name") or "file")
    address = str(file.get("permalink") or "")
    return f"<{address}|{name}>" if address else name


def users_in(text: str) -> list[str]:
    """The ids of the people mentioned in a message, each once."""
    return list(dict.fromkeys(_USER.findall(text)))


def markdown_of(text: str, names: Mapping[str, str]) -> str:
    """A message's mrkdwn as Markdown. `names` are people's names by their ids."""
    parts = _CODE.split(text)
    return "".join(
        _plain(_linked(part, names)) if at % 2 else _plain(_marked(_linked(part, names)))
        for at, part in enumerate(parts)
    )


def _marked(text: str) -> str:
    return _STRUCK.sub(r"~~\1~~", _BOLD.sub(r"**\1**", text))


def _linked(text: str, names: Mapping[str, str]) -> str:
    return _ANGLE.sub(lambda found: _angle(found[1], names), text)


def _angle(inner: str, names: Mapping[str, str]) -> str:
    target, _, words = inner.partition("|")
    if target.startswith("@"):
        return f"@{names.get(target[1:], words or target[1:])}"
    if target.startswith("#"):
        return f"#{words or target[1:]}"
    if target.startswith("!"):
        # `<!subteam^S1|@team>` and `<!date^1764000000^…|24 Nov>` have text; `<!here>` has none.
        return words or f"@{target[1:].partition('^')[0]}"
    address = target.removeprefix("mailto:") if not words or words in target else target
    return f"[{words}]({target})" if words and words not in target else address


def _plain(text: str) -> str:
    for entity, letter in _ENTITIES.items():
        text = text.replace(entity, letter)
    return text
