"""The answers of Slack and Google Chat, and the messages that they keep.

`parts_of` splits a message as a person sees it in the chat: formatting and links.

Slack's incoming webhooks follow its changelog of 2016-05-17 and its page on incoming webhooks. A
Web API method always answers 200. conversations.history, conversations.replies and users.info are
as strict as Slack: the token and its scopes, a channel without the bot, a missing thread, limits,
cursors. Errors are Slack's words (the pages of the methods). Messages are people's, added by a test
or a story, and those posted through the webhook and the bot.

Google Chat's sentences are recorded ones: an empty message and one too long (calert, pull request
9), no token (glpi-webhook, issue 30), a bad key (the same).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import unescape
from typing import Any

from google_rehearsal.store import Store
from google_rehearsal.wire.errors import STATUS_OF, GoogleError

# --- The messages that are kept -------------------------------------------------------------------

_TOLD_SCHEMA = """
CREATE TABLE IF NOT EXISTS told (
    id INTEGER PRIMARY KEY,
    at REAL NOT NULL,
    service TEXT NOT NULL,
    channel TEXT NOT NULL,
    body TEXT NOT NULL
)
"""


@dataclass(frozen=True)
class Told:
    """One message. `service` is slack or google_chat, `at` in epoch seconds, `body` unchanged."""

    id: int
    at: float
    service: str
    channel: str
    body: dict[str, Any]

    @property
    def text(self) -> str:
        """The message's text, in the service's own format."""
        return str(self.body.get("text", ""))

    @property
    def slack_ts(self) -> str:
        """Slack's id of it: the second, and the message's number."""
        return f"{int(self.at)}.{self.id:06}"


class ToldBoard:
    """All messages, over all channels."""

    def __init__(self, store: Store) -> None:
        self._store = store
        with store.transaction() as db:
            db.execute(_TOLD_SCHEMA)

    def add(self, service: str, channel: str, body: dict[str, Any], at: float) -> int:
        """Store a message; returns its number."""
        with self._store.transaction() as db:
            row = db.execute(
                "INSERT INTO told (at, service, channel, body) VALUES (?, ?, ?, ?)",
                (at, service, channel, json.dumps(body)),
            )
            return int(row.lastrowid or 0)

    def all(self) -> list[Told]:
        """Every message, the oldest first."""
        with self._store.transaction() as db:
            rows = db.execute("SELECT * FROM told ORDER BY id").fetchall()
        return [
            Told(row["id"], row["at"], row["service"], row["channel"], json.loads(row["body"]))
            for row in rows
        ]


_PARTS = re.compile(r"<(?P<inner>[^<>\n]+)>|\*(?P<bold>[^*\n]+)\*", re.DOTALL)
# Mentions that notify people: Slack's special mentions and users, Google Chat's users.
_CALLS = re.compile(r"!(?:channel|here|everyone)\b.*|!subteam\^.*|@[UW]\w+.*|users/.*")
_ADDRESS = re.compile(r"(?:https?://|mailto:)\S+")


@dataclass(frozen=True)
class Part:
    """A piece of a message. `kind` is text, bold, link or call; `url` is a link's address."""

    kind: str
    text: str
    url: str = ""


def parts_of(service: str, text: str) -> list[Part]:
    """The pieces of a message in the format of slack or google_chat."""
    decode = unescape if service == "slack" else str
    return list(_parts(text, decode_entities=decode is unescape))


def calls(service: str, text: str) -> list[str]:
    """The mentions in a message that would notify people: `channel`, `users/all`. There should be
    none.
    """
    return [part.text for part in parts_of(service, text) if part.kind == "call"]


def _parts(text: str, *, decode_entities: bool) -> Iterator[Part]:
    at = 0
    for found in _PARTS.finditer(text):
        part = _part(found, decode_entities=decode_entities)
        if part is None:
            continue
        if found.start() > at:
            yield Part("text", _decoded(text[at : found.start()], decode_entities=decode_entities))
        yield part
        at = found.end()
    if at < len(text):
        yield Part("text", _decoded(text[at:], decode_entities=decode_entities))


def _part(found: re.Match[str], *, decode_entities: bool) -> Part | None:
    if found["bold"] is not None:
        return Part("bold", _decoded(found["bold"], decode_entities=decode_entities))
    inner = _decoded(found["inner"], decode_entities=decode_entities)
    if _CALLS.fullmatch(inner):
        return Part("call", inner.partition("|")[0].lstrip("!@"))
    address, _, words = inner.partition("|")
    return Part("link", words or address, address) if _ADDRESS.fullmatch(address) else None


def _decoded(text: str, *, decode_entities: bool) -> str:
    return unescape(text) if decode_entities else text


# --- The answers ----------------------------------------------------------------------------------

TEAM = "TREHEARSAL"
WEBHOOK_TOKEN = "told-on-this-machine"  # noqa: S105 - known to all
BOT_TOKEN = "xoxb-rehearsal"  # noqa: S105 - known to all
_BOT_TOKEN = re.compile(f"{BOT_TOKEN}(-[0-9a-f]+)?")  # with the home's secret, see `visitors`
_MAX_TEXT = 40_000  # Slack cuts off the rest

# The workspace's channels, by the id of their webhook and by their own.
_WEBHOOKS = {"BINCIDENTS": "#incidents", "BSUPPORT": "#support-leads"}
_WEBHOOK_REFUSALS = {
    "BARCHIVED": (410, "channel_is_archived"),
    "BNOCHANNEL": (404, "channel_not_found"),
    "BPROHIBITED": (403, "action_prohibited"),
}
CHANNELS = {"CINCIDENTS": "#incidents", "CSUPPORT": "#support-leads"}
_BOT_REFUSALS = {"#old-incidents": "is_archived", "#private": "not_in_channel"}

_WEBHOOK_FIELDS = frozenset(
    {"text", "attachments", "blocks", "thread_ts", "mrkdwn", "unfurl_links", "unfurl_media"}
    | {"link_names", "parse", "response_type", "replace_original", "delete_original", "metadata"}
)
_POST_FIELDS = _WEBHOOK_FIELDS | {"channel", "as_user", "icon_emoji", "icon_url", "username"}


@dataclass(frozen=True)
class Said:
    """A message that Slack accepts, and its channel."""

    channel: str
    body: dict[str, Any]


class SlackRefusal(Exception):
    """Slack's refusal: a word, and for a webhook its status."""

    def __init__(self, word: str, status: int = 200) -> None:
        super().__init__(word)
        self.word = word
        self.status = status


def is_bots(token: str) -> bool:
    """Whether this is the bot's token; `visitors` has checked the secret in it."""
    return _BOT_TOKEN.fullmatch(token) is not None


def slack_webhook(team: str, service: str, token: str, content_type: str, content: bytes) -> Said:
    """The message of a POST to `/services/TEAM/SERVICE/TOKEN`. Raises `SlackRefusal`."""
    channel = _webhook_channel(team, service, token)
    body = _object(content_type, content)
    if body is None or not body.keys() <= _WEBHOOK_FIELDS or not _fits(body):
        raise SlackRefusal("invalid_payload", 400)
    return Said(channel, _checked(body, 400))


def _webhook_channel(team: str, service: str, token: str) -> str:
    if team != TEAM:
        raise SlackRefusal("no_team", 404)
    if service in _WEBHOOK_REFUSALS:
        status, word = _WEBHOOK_REFUSALS[service]
        raise SlackRefusal(word, status)
    if service not in _WEBHOOKS:
        raise SlackRefusal("no_service", 404)
    if token != WEBHOOK_TOKEN:
        raise SlackRefusal("invalid_token", 403)
    return _WEBHOOKS[service]


def slack_post_message(authorization: str, content_type: str, content: bytes) -> Said:
    """The message of a call of `chat.postMessage`. Raises `SlackRefusal`."""
    return checked_post(authorization, content_type, content)


def checked_post(
    authorization: str, content_type: str, content: bytes, more: tuple[str, ...] = ()
) -> Said:
    """The message of a bot's call, which may have `more` fields. Raises `SlackRefusal`."""
    token = authorization.removeprefix("Bearer ").strip()
    if not token or not authorization.startswith("Bearer "):
        raise SlackRefusal("not_authed")
    if not is_bots(token):
        raise SlackRefusal("invalid_auth")
    body = _object(content_type, content)
    if body is None:
        raise SlackRefusal("invalid_json")
    if not body.keys() <= _POST_FIELDS | {*more} or not _fits(body) or "channel" not in body:
        raise SlackRefusal("invalid_arguments")
    return Said(_bot_channel(str(body["channel"])), _checked(body, 200))


def _bot_channel(named: str) -> str:
    channel = CHANNELS.get(named, named if named.startswith("#") else f"#{named}")
    if channel in _BOT_REFUSALS:
        raise SlackRefusal(_BOT_REFUSALS[channel])
    if channel not in CHANNELS.values():
        raise SlackRefusal("channel_not_found")
    return channel


def _checked(body: dict[str, Any], status: int) -> dict[str, Any]:
    if "blocks" in body or "attachments" in body:
        raise SlackRefusal("invalid_blocks", status)  # not rehearsed
    if not str(body.get("text", "")).strip():
        raise SlackRefusal("no_text", status)
    return {**body, "text": body["text"][:_MAX_TEXT]}


def slack_post_answer(said: Said, number: int, at: float) -> dict[str, Any]:
    """The JSON answer of a successful `chat.postMessage`."""
    channel = next(key for key, name in CHANNELS.items() if name == said.channel)
    timestamp = f"{int(at)}.{number:06}"  # as `Told.slack_ts`
    return {
        "ok": True,
        "channel": channel,
        "ts": timestamp,
        "message": {
            "type": "message",
            "subtype": "bot_message",
            "text": said.body["text"],
            "ts": timestamp,
            "bot_id": "BREHEARSAL",
        },
    }


def _object(content_type: str, content: bytes) -> dict[str, Any] | None:
    if content_type.partition(";")[0].strip().lower() != "application/json":
        return None
    try:
        found = json.loads(content.decode("utf-8"))
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


_FLAGS = ("mrkdwn", "unfurl_links", "unfurl_media", "link_names", "as_user")


def _fits(body: Mapping[str, Any]) -> bool:
    flags = all(isinstance(body[name], bool) for name in _FLAGS if name in body)
    return flags and isinstance(body.get("text", ""), str)


# A token that may post but not read.
MUTE_TOKEN = "xoxb-rehearsal-write-only"  # noqa: S105 - known to all
_PRIVATE = "CPRIVATE"  # the bot is not a member
_LARGEST_LIMIT = 999
_USUAL_LIMIT = 100
_TIMESTAMP = re.compile(r"\d{10}\.\d{6}")
_NEEDED = {"users.info": "users:read"}

_SCHEMA = """
CREATE TABLE IF NOT EXISTS chat_messages (
    channel TEXT NOT NULL,
    ts TEXT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (channel, ts)
);
CREATE TABLE IF NOT EXISTS chat_people (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL
)
"""


class MissingScope(SlackRefusal):
    """The token may not do that; Slack names the missing scope."""

    def __init__(self, needed: str) -> None:
        super().__init__("missing_scope")
        self.needed = needed


@dataclass(frozen=True)
class Asked:
    """A call of a reading method: its token and its parameters."""

    authorization: str
    params: Mapping[str, str]

    def check_token(self, method: str) -> None:
        """Refuse a token that may not read. Raises `SlackRefusal`."""
        token = self.authorization.removeprefix("Bearer ").strip()
        if not token or not self.authorization.startswith("Bearer "):
            raise SlackRefusal("not_authed")
        if token == MUTE_TOKEN:
            raise MissingScope(_NEEDED.get(method, "channels:history"))
        if not is_bots(token):
            raise SlackRefusal("invalid_auth")

    def limit(self) -> int:
        """The page size. Raises `SlackRefusal`."""
        words = self.params.get("limit", str(_USUAL_LIMIT))
        if not re.fullmatch("[0-9]{1,4}", words) or not 1 <= int(words) <= _LARGEST_LIMIT:
            raise SlackRefusal("invalid_limit")
        return int(words)

    def place(self) -> str:
        """The `ts` after which the page begins, "" for the first. Raises `SlackRefusal`."""
        cursor = self.params.get("cursor", "")
        try:
            found = base64.b64decode(cursor, validate=True).decode("ascii")
        except (binascii.Error, UnicodeDecodeError):
            raise SlackRefusal("invalid_cursor") from None
        if cursor and not found.startswith("next_ts:"):
            raise SlackRefusal("invalid_cursor")
        return found.removeprefix("next_ts:")


class SlackHistory:
    """The messages of the workspace's channels and their authors."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._board = ToldBoard(store)
        with store.transaction() as db:
            for statement in _SCHEMA.split(";"):
                db.execute(statement)

    def say(self, channel: str, name: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Post a person's message. Raises `ValueError` for an unknown channel or a bad `ts`."""
        if channel not in CHANNELS or not _TIMESTAMP.fullmatch(str(body.get("ts", ""))):
            raise ValueError("A message needs a channel's id and a ts like 1764000000.123456.")
        user = f"U{hashlib.sha256(name.encode()).hexdigest()[:9].upper()}"
        message = {"type": "message", "user": user, "team": TEAM, **body}
        with self._store.transaction() as db:
            db.execute("INSERT OR REPLACE INTO chat_people VALUES (?, ?)", (user, name))
            db.execute(
                "INSERT OR REPLACE INTO chat_messages VALUES (?, ?, ?)",
                (channel, body["ts"], json.dumps(message)),
            )
        return message

    def history(self, asked: Asked) -> dict[str, Any]:
        """conversations.history: a channel's messages, the newest first; no replies."""
        messages = self._of_channel(asked, "conversations.history")
        latest = asked.params.get("latest", "")
        oldest = asked.params.get("oldest", "")
        inclusive = asked.params.get("inclusive", "").lower() in {"1", "true"}
        for bound in (latest, oldest):
            if bound and not re.fullmatch(r"\d{1,10}(\.\d{1,6})?", bound):
                raise SlackRefusal("invalid_ts_latest" if bound == latest else "invalid_ts_oldest")
        found = [
            each
            for each in messages
            if each.get("thread_ts", each["ts"]) == each["ts"]
            and (not latest or each["ts"] < latest or (inclusive and each["ts"] == latest))
            and (not oldest or each["ts"] > oldest or (inclusive and each["ts"] == oldest))
        ]
        return _page(asked, [_with_replies(each, messages) for each in reversed(found)])

    def replies(self, asked: Asked) -> dict[str, Any]:
        """conversations.replies: a thread, its first message on every page."""
        messages = self._of_channel(asked, "conversations.replies")
        ts = asked.params.get("ts", "")
        first = next((each for each in messages if each["ts"] == ts), None)
        if first is None:
            raise SlackRefusal("thread_not_found")
        root = first.get("thread_ts", ts)
        if root != ts:  # a reply alone is no thread
            return _page(asked, [first])
        others = [each for each in messages if each.get("thread_ts") == ts and each["ts"] != ts]
        page = _page(asked, others)
        return {**page, "messages": [_with_replies(first, messages), *page["messages"]]}

    def user(self, asked: Asked) -> dict[str, Any]:
        """users.info: a person by id."""
        asked.check_token("users.info")
        with self._store.transaction() as db:
            row = db.execute(
                "SELECT id, name FROM chat_people WHERE id = ?", (asked.params.get("user", ""),)
            ).fetchone()
        if row is None:
            raise SlackRefusal("user_not_found")
        profile = {"real_name": row["name"], "display_name": ""}
        return {"ok": True, "user": {"id": row["id"], "team_id": TEAM, "profile": profile}}

    def _of_channel(self, asked: Asked, method: str) -> list[dict[str, Any]]:
        """Every message of a channel, the oldest first. Raises `SlackRefusal`."""
        asked.check_token(method)
        channel = asked.params.get("channel", "")
        if channel == _PRIVATE:
            raise SlackRefusal("not_in_channel")
        if channel not in CHANNELS:
            raise SlackRefusal("channel_not_found")
        with self._store.transaction() as db:
            rows = db.execute("SELECT body FROM chat_messages WHERE channel = ?", (channel,))
            found = [json.loads(row["body"]) for row in rows.fetchall()]
        found += [
            {
                "type": "message",
                "subtype": "bot_message",
                "bot_id": "BREHEARSAL",
                "username": "postmortem",
                "text": each.text,
                "ts": each.slack_ts,
                **({"thread_ts": each.body["thread_ts"]} if "thread_ts" in each.body else {}),
            }
            for each in self._board.all()
            if each.service == "slack" and each.channel == CHANNELS[channel]
        ]
        return sorted(found, key=lambda each: str(each["ts"]))


def _with_replies(message: dict[str, Any], messages: Sequence[dict[str, Any]]) -> dict[str, Any]:
    ts = message["ts"]
    count = sum(each.get("thread_ts") == ts and each["ts"] != ts for each in messages)
    return {**message, "thread_ts": ts, "reply_count": count} if count else message


def _page(asked: Asked, messages: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The requested number of messages, from the cursor on."""
    limit, place = asked.limit(), asked.place()
    stamps = [str(each["ts"]) for each in messages]
    if place and place not in stamps:
        raise SlackRefusal("invalid_cursor")
    start = stamps.index(place) if place else 0
    end = start + limit
    has_more = end < len(messages)
    following = base64.b64encode(f"next_ts:{stamps[end]}".encode()).decode() if has_more else ""
    return {
        "ok": True,
        "messages": list(messages[start:end]),
        "has_more": has_more,
        "response_metadata": {"next_cursor": following},
    }


SPACE = "REHEARSAL"
KEY = "rehearsal-key"
TOKEN = "told-on-this-machine"  # noqa: S105 - known to all
_MAX_CHAT_TEXT = 4096
_FIELDS = frozenset({"text", "thread", "cardsV2", "cards", "fallbackText", "accessoryWidgets"})


def chat_message(
    space: str, query: Mapping[str, str], content_type: str, content: bytes
) -> dict[str, Any]:
    """The body of a POST to `/v1/spaces/SPACE/messages`, checked. Raises `GoogleError`."""
    if query.get("key") != KEY:
        raise _refused(400, "API key not valid. Please pass a valid API key.")
    if query.get("token") != TOKEN:
        raise _refused(
            403,
            "The API is called without a valid token. Instructions on how to use incoming webhooks "
            "can be found at https://developers.google.com/chat/how-tos/webhooks",
        )
    if space != SPACE:
        raise _refused(404, "Requested entity was not found.")
    body = _chat_object(content_type, content)
    unknown = sorted(body.keys() - _FIELDS)
    if unknown:
        raise _refused(
            400,
            f'Invalid JSON payload received. Unknown name "{unknown[0]}": Cannot find field.',
        )
    if body.keys() - {"text", "thread"}:
        raise _refused(400, "The rehearsal takes text alone; cards are not rehearsed.")
    text = body.get("text", "")
    if not isinstance(text, str):
        raise _refused(400, "Invalid value at 'message.text' (TYPE_STRING)")
    if not text.strip():
        where = f"spaces/{space}"
        raise _refused(
            400,
            f"Message cannot be empty. Discarding empty create message request in {where}.",
        )
    if len(text) > _MAX_CHAT_TEXT:
        raise _refused(400, f"Message is longer than {_MAX_CHAT_TEXT} characters")
    return body


def chat_resource(body: Mapping[str, Any], number: int, at_rfc3339: str) -> dict[str, Any]:
    """The Message resource that answers."""
    name = f"spaces/{SPACE}/messages/{number:011}"
    return {
        "name": f"{name}.{number:011}",
        "sender": {"name": "users/100000000000000000000", "displayName": "postmortem"}
        | {"type": "BOT"},
        "text": body["text"],
        "thread": {"name": f"spaces/{SPACE}/threads/{number:011}"},
        "space": {"name": f"spaces/{SPACE}", "type": "ROOM", "displayName": "Incidents"},
        "createTime": at_rfc3339,
        "argumentText": body["text"],
    }


def _chat_object(content_type: str, content: bytes) -> dict[str, Any]:
    if content_type.partition(";")[0].strip().lower() != "application/json":
        raise _refused(400, "Invalid JSON payload received. Unexpected token.")
    try:
        found = json.loads(content.decode("utf-8"))
    except (ValueError, RecursionError):
        raise _refused(400, "Invalid JSON payload received. Unexpected token.") from None
    if not isinstance(found, dict):
        raise _refused(400, "Invalid JSON payload received. Unknown name.")
    return found


def _refused(code: int, sentence: str) -> GoogleError:
    return GoogleError(code, sentence, status=STATUS_OF[code])
