"""Post a message to a chat once: its format, the POST, and the meaning of the answer.

Interpreting an answer is pure. Only the service's own words count as a refusal; anything that may
come from half-done work, or from a machine in between, leaves the message unknown, and an unknown
message is not repeated.

A message's Markdown is converted to Slack's mrkdwn or Google Chat's text format. In both, text must
stay text: `<` begins a link or a mention there (`<!channel>`, `<users/all>`), so typed text must
never produce one.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from urllib.parse import urlsplit

import requests
from markdown_it.token import Token
from markdown_it.tree import SyntaxTreeNode

from workflow.google import transport as google_transport
from workflow.google.endpoint import is_loopback, origin
from workflow.google.faults import GoogleFault, Unreachable


class PostState(StrEnum):
    """The state of a message. Only `NOT_NOW` may be retried automatically."""

    TOLD = "told"
    REFUSED = "refused"  # certainly not sent, and a retry would change nothing
    NOT_NOW = "not now"  # certainly not sent; a retry later may work
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class ChatAnswer:
    """The result of a message. `reason` is for people; `message_id` is the service's own."""

    outcome: PostState
    reason: str = ""
    message_id: str = ""


# The answers of an incoming webhook (Slack's changelog of 2016-05-17, and its page on webhooks).
_SLACK_WORDS = {
    "invalid_payload": "Slack could not read the message",
    "invalid_blocks": "Slack could not read the message",
    "no_text": "the message has no text",
    "invalid_token": "Slack does not know this webhook: make a new one",
    "no_service": "this webhook was switched off or removed: make a new one",
    "no_team": "the webhook's workspace was deleted",
    "team_disabled": "the webhook's workspace is switched off",
    "no_active_hooks": "this webhook was switched off: make a new one",
    "channel_not_found": "the channel is not there, or the app is not in it",
    "channel_is_archived": "the channel is archived",
    "is_archived": "the channel is archived",
    "action_prohibited": "the workspace does not let this app write there",
    "user_not_found": "Slack does not know this recipient",
    "posting_to_general_channel_denied": "the workspace does not let this app write there",
    "not_in_channel": "the bot is not in the channel: invite it",
    "invalid_auth": "Slack does not take the bot's token",
    "not_authed": "Slack does not take the bot's token",
    "account_inactive": "the bot's token belongs to a deleted account",
    "token_revoked": "the bot's token was revoked",
    "token_expired": "the bot's token has run out",
    "missing_scope": "the bot's token does not have the scope chat:write",
    "thread_not_found": "there is no such message, or it was deleted",
    "message_not_found": "there is no such message, or it was deleted",
    "not_allowed_token_type": "this kind of token may not read there",
    "msg_too_long": "the message is too long for Slack",
    "restricted_action": "the workspace does not let this app write there",
}
# Slack's own page: "some aspect of the operation" may have been done by then.
_PERHAPS_DONE = frozenset({"internal_error", "fatal_error", "request_timeout", "rollup_error"})
_LATER = frozenset({"rate_limited", "ratelimited"})
_WORD = re.compile(r"[a-z][a-z_]{2,60}")


def webhook_answer(status: int, body: str, *, retry_after: str = "") -> ChatAnswer:
    """The answer of a Slack incoming webhook: `ok`, or one of its words, as plain text."""
    word = body.strip()
    if status == 200 and word == "ok":
        return ChatAnswer(PostState.TOLD)
    if status == 429:
        return ChatAnswer(PostState.NOT_NOW, _later("Slack", retry_after))
    if 400 <= status < 500 and _WORD.fullmatch(word):
        return ChatAnswer(PostState.REFUSED, _slack_words(word))
    return _strange("Slack", status)


def bot_answer(
    status: int, ok: bool, word: str, *, timestamp: str = "", retry_after: str = ""
) -> ChatAnswer:
    """The answer of Slack's `chat.postMessage`; `timestamp` is the message's id there."""
    if status == 200 and ok:
        return ChatAnswer(PostState.TOLD, message_id=timestamp)
    if status == 429 or word in _LATER:
        return ChatAnswer(PostState.NOT_NOW, _later("Slack", retry_after))
    if status < 500 and _WORD.fullmatch(word) and word not in _PERHAPS_DONE:
        return ChatAnswer(PostState.REFUSED, _slack_words(word))
    return _strange("Slack", status)


def chat_answer(status: int, body: str, *, retry_after: str = "") -> ChatAnswer:
    """The answer of a Google Chat webhook: a Message resource, or Google's error in JSON."""
    found = _json(body)
    name = found.get("name")
    if status == 200 and isinstance(name, str) and name.startswith("spaces/"):
        return ChatAnswer(PostState.TOLD, message_id=name)
    error = found.get("error")
    if status == 429:
        return ChatAnswer(PostState.NOT_NOW, _later("Google Chat", retry_after))
    if 400 <= status < 500 and isinstance(error, dict):
        return ChatAnswer(
            PostState.REFUSED, _CHAT_WORDS.get(status, f"Google Chat said no ({status})")
        )
    return _strange("Google Chat", status)


# Google's own message is left out: it may repeat the address, whose query is the secret.
_CHAT_WORDS = {
    400: "Google Chat could not take the message, or does not know the webhook's key",
    401: "Google Chat does not know this webhook: make a new one",
    403: "Google Chat does not let this webhook write there",
    404: "the space is not there any more",
}


def _json(body: str) -> dict[str, Any]:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _slack_words(word: str) -> str:
    return f"{_SLACK_WORDS.get(word, 'Slack said no')} ({word})"


def reason_of(word: str, needed: str = "") -> str:
    """The meaning of Slack's refusal to read. `needed` is the missing scope."""
    if word == "missing_scope":
        return f"the bot's token does not have the scope {needed or 'channels:history'} ({word})"
    return _slack_words(word)


def _later(service: str, retry_after: str) -> str:
    when = f" for {int(retry_after)} seconds" if re.fullmatch(r"\d{1,6}", retry_after) else ""
    return f"{service} takes no more messages{when}"


def _strange(service: str, status: int) -> ChatAnswer:
    return ChatAnswer(
        PostState.UNKNOWN, f"{service}'s answer ({status}) does not say whether the message arrived"
    )


def post(url: str, payload: dict[str, object], timeout_seconds: float) -> tuple[int, str, str]:
    """Send a message; the answer's status, text, and Retry-After ("" for none).

    Redirects are not followed and nothing is repeated. Raises `NotPosted`, whose text does not hold
    the address: its path is the secret.
    """
    session = requests.Session()
    # A proxy is for other machines; it can't reach a server on this one.
    session.trust_env = not is_loopback(urlsplit(url).hostname or "")
    transport = google_transport.Transport(
        session,
        origins=frozenset({origin(url)}),
        timeout_seconds=timeout_seconds,
    )
    fault: GoogleFault | None = None
    try:
        answer = transport.request(
            url,
            "POST",
            json.dumps(payload, ensure_ascii=False),
            {"Content-Type": "application/json; charset=utf-8"},
        )
    except GoogleFault as met:
        fault = met
    finally:
        transport.close()
    if fault is not None:  # raised outside, so that no traceback includes the address
        raise NotPosted(lost(urlsplit(url).hostname or "", reached=not _never_left(fault)))
    text = answer.content.decode("utf-8", "replace")
    return answer.status, text, answer.headers.get("retry-after", "")


class NotPosted(Exception):
    """No answer came; `answer` says what that means for the message."""

    def __init__(self, answer: ChatAnswer) -> None:
        super().__init__(answer.reason)
        self.answer = answer


def _never_left(fault: GoogleFault) -> bool:
    return isinstance(fault, Unreachable)


def lost(host: str, *, reached: bool) -> ChatAnswer:
    """The failure for a missing answer: with a connection the request may have been done."""
    if reached:
        return ChatAnswer(PostState.UNKNOWN, f"no answer came from {host}")
    return ChatAnswer(PostState.NOT_NOW, f"{host} could not be reached")


# A zero-width joiner, after which no word begins: `@here` stays plain text and notifies nobody.
_JOINER = "\u2060"
_CALLS_ALL = re.compile(r"@(?=channel|here|everyone|group|all)", re.IGNORECASE)


@dataclass(frozen=True)
class _Dialect:
    """How a chat keeps text as text, and writes a link whose text is already escaped."""

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
    # Google Chat reads no entities: text after a `<` must not look like an address or a user.
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
