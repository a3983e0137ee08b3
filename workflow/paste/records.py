"""Heads of entries that are records: JSON with Slack's words, and fields before a text.

Slack, Telegram and DiscordChatExporter write a list of messages; programs write one object a line.
A record has a time, as text or in seconds, milliseconds or microseconds since 1970, and a text.
What else a log's record holds is added as `name=value`; a chat's record has an author instead.

`From: Ann`, `Sent: Thursday, 26 November 2026 14:05`, `Subject: Prices`: the time and author of a
block are those of the text below it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from workflow.paste.lines import Line, LineKind, Reader, Shape
from workflow.times.forms import epoch_time
from workflow.times.spoken_time import Spoken

# --- Slack's words --------------------------------------------------------------------------------

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


# --- JSON -----------------------------------------------------------------------------------------

# The exact one first: Telegram's `date` has no zone.
_TIMES = [
    "date_unixtime",
    "@timestamp",
    "timestamp",
    "ts",
    "time",
    "datetime",
    "date",
    "created_at",
    "createdAt",
    "created",
    "sent_at",
    "sentAt",
    "sent",
    "posted_at",
    "occurred_at",
]
_TEXTS = [
    "text",
    "message",
    "msg",
    "content",
    "body",
    "plain_text",
    "description",
    "summary",
    "event",
    "title",
    "log",
]
_AUTHORS = [
    "user_profile",
    "from",
    "author",
    "sender",
    "user",
    "username",
    "by",
    "actor",
    "who",
    "creator",
    "agent",
]
_NAMES = (
    "real_name",
    "display_name",
    "nickname",
    "global_name",
    "displayName",
    "name",
    "full_name",
    "username",
    "email",
)
_NOBODY: Mapping[str, str] = {}
_FILES = ("files", "attachments", "file", "photo", "media")
_LISTS = ("messages", "items", "events", "log_entries", "comments", "timeline", "entries", "data")
# Messages of the chat itself.
_OWN_TYPES = re.compile(
    r"service|system|channel_.*|group_.*|bot_add|bot_remove|pinned_item|tombstone|RecipientAdd|"
    r"RecipientRemove|GuildMemberJoin|UserJoin|ChannelPinnedMessage|ThreadCreated|Call"
)


def record_lines(text: str, reader: Reader) -> list[Line] | None:
    """The records of a JSON text as heads of entries; None if it is anything else."""
    if text.lstrip()[:1] not in {"[", "{"}:
        return None
    try:
        rows = _rows(json.loads(text))
    except (ValueError, RecursionError):
        return None
    names = {str(row.get("user")): _name(row.get("user_profile")) for row in rows}
    names = {user: name for user, name in names.items() if name}
    found, place = [], 0
    for row in rows:
        line = _line(row, reader, names) or Line(LineKind.NOISE, 0, json.dumps(next(iter(row), "")))
        place = max(text.find(line.raw, place), place)
        found.append(_numbered(line, text.count("\n", 0, place) + 1))
        place += 1
    return found if any(line.kind is LineKind.HEAD for line in found) else None


def record_line(words: str, number: int, reader: Reader) -> Line | None:
    """One line of a log in JSON as the head of an entry; None if it is anything else."""
    if words[:1] != "{" or words[-1:] != "}":
        return None
    try:
        row = json.loads(words)
    except (ValueError, RecursionError):
        return None
    line = _line(row, reader) if isinstance(row, dict) else None
    return _numbered(line, number) if line else None


def _numbered(line: Line, number: int) -> Line:
    return Line(line.kind, number, line.raw, line.said, line.by, line.text, Shape.BRACKET)


def _rows(found: Any) -> list[dict[str, Any]]:
    """The records of a parsed text: a list, or the first list of records in an object."""
    if isinstance(found, dict):
        lists = (found[name] for name in _LISTS if isinstance(found.get(name), list))
        found = next(lists, [found])
    return [row for row in found if isinstance(row, dict)] if isinstance(found, list) else []


def _line(
    row: Mapping[str, Any], reader: Reader, names: Mapping[str, str] = _NOBODY
) -> Line | None:
    """A record without its place in the text; noise for a message of the chat itself."""
    when = next((str(row[name]) for name in _TIMES if _is_plain(row.get(name))), "")
    said = epoch_time(when) or (reader.whole(when) if when else None)
    name = next((name for name in _TEXTS if _words(row.get(name))), "")
    is_slack = "ts" in row and row.get("type") == "message"
    text = said_in(row) if is_slack else _words(row[name]) if name else _files(row)
    if said is None or said.clock is None or not text:
        return None
    kinds = (str(row.get(each) or "") for each in ("type", "subtype"))
    is_own = any(_OWN_TYPES.fullmatch(kind) for kind in kinds)
    author_at = next((each for each in _AUTHORS if _name(row.get(each))), "")
    by = _name(row.get(author_at))
    by = names.get(by, by)
    text = markdown_of(text, names) if is_slack else text
    if not by:
        others = {key: value for key, value in row.items() if key not in {*_TIMES, name}}
        text = " ".join([text, *_pairs(others)])
    kind = LineKind.NOISE if is_own else LineKind.HEAD
    return Line(kind, 0, when, said, by, text)


def _is_plain(value: object) -> bool:
    return isinstance(value, str | int | float) and not isinstance(value, bool)


def _words(value: object) -> str:
    """A text, also one of parts as Telegram writes it."""
    if isinstance(value, str):
        return value.strip()
    if not isinstance(value, list):
        return ""
    parts = (part.get("text", "") if isinstance(part, dict) else part for part in value)
    return "".join(part for part in parts if isinstance(part, str)).strip()


def _files(row: Mapping[str, Any]) -> str:
    """The names of what was sent without a text."""
    sent = [row[name] for name in _FILES if row.get(name)]
    sent = sent[0] if sent and isinstance(sent[0], list) else sent
    names = ("name", "fileName", "title", "fallback", "url")
    return ", ".join(
        each if isinstance(each, str) else next((str(each[n]) for n in names if each.get(n)), "")
        for each in sent
        if isinstance(each, str | dict)
    )


def _name(value: object) -> str:
    """A person's name, from a text or from an object that holds it."""
    if isinstance(value, str):
        return value.strip()
    if not isinstance(value, dict):
        return ""
    return next((_name(value[name]) for name in _NAMES if _name(value.get(name))), "")


def _pairs(row: Mapping[str, Any]) -> Iterable[str]:
    for name, value in row.items():
        if value not in (None, "", [], {}):
            plain = str(value) if _is_plain(value) else json.dumps(value, ensure_ascii=False)
            yield f"{name}={plain}" if " " not in plain else f"{name}={json.dumps(plain)}"


# --- Blocks of fields -----------------------------------------------------------------------------

_TIME_FIELDS = frozenset(
    ("sent", "date", "commitdate", "authordate", "gesendet", "datum", "envoyé", "enviado", "fecha")
) | frozenset(("inviato", "data", "verzonden", "skickat"))
_AUTHOR_FIELDS = frozenset(("from", "author", "von", "de", "da", "van", "från"))
_SUBJECTS = frozenset(("subject", "betreff", "objet", "asunto", "oggetto", "assunto", "onderwerp"))
_OTHERS = frozenset(
    ("to", "cc", "bcc", "an", "à", "para", "a", "aan", "till", "type", "received", "reply-to")
) | frozenset(("commit", "merge", "committer", "importance", "wichtigkeit", "message-id"))
_FIELD = re.compile(r"[>\s*]*(?P<name>[A-Za-zÀ-ÿ-]{1,12})\*?\s?:\*?\s+(?P<value>\S.*?)\s*")
_COMMIT = re.compile(r"commit [0-9a-f]{7,40}\b.*")
_ADDRESS = re.compile(r"\s*[<(\[](?:mailto:)?[^<>()\[\]]*[>)\]]\s*$")


@dataclass
class _Block:
    """The fields of a block, and where it ends."""

    end: int
    when: str = ""
    by: str = ""
    words: str = ""
    said: Spoken | None = None


def letter_lines(lines: list[str], reader: Reader) -> dict[int, Line]:
    """Each block as the head of an entry, if the paste begins with one; by line."""
    first = next((at for at, line in enumerate(lines) if line.strip() and not is_rule(line)), 0)
    found: dict[int, Line] = {}
    at = first
    while at < len(lines):
        block = _block(lines, at, reader) or _quoted(lines, at, reader)
        if block is None and at == first:
            return {}
        if block is None or block.said is None:
            at += 1
            continue
        found |= {at - 1: Line(LineKind.NOISE, at, lines[at - 1])} if is_rule(lines[at - 1]) else {}
        found[at] = Line(
            LineKind.HEAD, at + 1, block.when, block.said, block.by, block.words, Shape.BRACKET
        )
        for inside in range(at + 1, block.end):
            # What was read from is not left out.
            field = _FIELD.fullmatch(lines[inside])
            is_read = field is None or field["name"].casefold() not in _OTHERS
            found[inside] = Line(LineKind.NOISE, inside + 1, "" if is_read else lines[inside])
        at = block.end
    return found


# What mail programs write above a quoted mail, in seven languages.
_QUOTED = re.compile(r"[>\s]*(?:On|Am|Le|El|Il|Em|Op|Den) (?P<when>.+?\d.*)", re.IGNORECASE)
_SHORT_DAY = re.compile(r"^[^\W\d_]{2}\.?,\s+")
_WROTE = re.compile(
    r",?\s*(?:schrieb |schreef |skrev |a écrit |escribió |ha scritto |escreveu )?"
    r"(?P<by>[^<>,:]{2,60}?),?\s*(?:<[^<>]*>|\([^()]*\))?,?"
    r"\s*(?:wrote|a écrit|escribió|ha scritto|escreveu|het volgende geschreven|skrev)?\s?:\s*"
)


# `-----Original Message-----`, `---------- Forwarded message ---------`.
_ABOVE_A_MAIL = re.compile(r"[>\s]*(?:-{2,}\s?[^-].{3,40}?\s?-{2,}|Begin forwarded message:)\s*")


def is_rule(line: str) -> bool:
    """Whether a line only separates a mail from the one above it."""
    return _ABOVE_A_MAIL.fullmatch(line) is not None


def _quoted(lines: list[str], at: int, reader: Reader) -> _Block | None:
    """`On Thu, Nov 26, 2026 at 2:05 PM Ann Lee <ann@customer.example> wrote:`, or in two lines."""
    block = _quoted_in(lines[at], at + 1, reader)
    if block is None and at + 1 < len(lines):
        both = f"{lines[at].rstrip()} {lines[at + 1].lstrip('> ')}"
        block = _quoted_in(both, at + 2, reader)
    return block


def _quoted_in(line: str, end: int, reader: Reader) -> _Block | None:
    found = _QUOTED.fullmatch(line)
    when = _SHORT_DAY.sub("", found["when"]) if found else ""
    read = reader.first(when)
    wrote = _WROTE.fullmatch(when, read[1]) if read else None
    if read is None or wrote is None or not read[0].has_day:
        return None
    return _Block(end, when, wrote["by"].strip("\"' "), "", read[0])


def _block(lines: list[str], start: int, reader: Reader) -> _Block | None:
    """The block that begins at a line; None unless it has a time and an author."""
    block = _Block(start)
    for at in range(start, len(lines)):
        field = _FIELD.fullmatch(lines[at])
        name = field["name"].casefold() if field else ""
        value = field["value"] if field else ""
        if name in _TIME_FIELDS:
            block.when, block.said = value, reader.whole(value)
        elif name in _AUTHOR_FIELDS:
            block.by = _ADDRESS.sub("", value).strip(" \"'") or value
        elif name in _SUBJECTS:
            block.words = value
        elif at == start and _COMMIT.fullmatch(lines[at]):
            block.words = lines[at]
        elif name not in _OTHERS:
            break
        block.end = at + 1
    is_whole = block.by and block.said is not None and block.said.clock is not None
    return block if is_whole and block.said is not None and block.said.has_day else None
