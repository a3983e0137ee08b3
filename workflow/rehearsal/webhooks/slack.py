"""What Slack answers: its incoming webhooks and `chat.postMessage`. Pure.

The webhooks' words and statuses are those of Slack's changelog of 2016-05-17 and its page on
incoming webhooks; a Web API method answers 200 whatever it says.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

TEAM = "TREHEARSAL"
WEBHOOK_TOKEN = "told-on-this-machine"  # noqa: S105 - known to all
BOT_TOKEN = "xoxb-rehearsal"  # noqa: S105 - known to all
_MAX_TEXT = 40_000  # Slack cuts off what is longer

# The workspace's channels by the id of their webhook and of their own.
_WEBHOOKS = {"BINCIDENTS": "#incidents", "BSUPPORT": "#support-leads"}
_WEBHOOK_REFUSALS = {
    "BARCHIVED": (410, "channel_is_archived"),
    "BNOCHANNEL": (404, "channel_not_found"),
    "BPROHIBITED": (403, "action_prohibited"),
}
_BOT_CHANNELS = {"CINCIDENTS": "#incidents", "CSUPPORT": "#support-leads"}
_BOT_REFUSALS = {"#old-incidents": "is_archived", "#private": "not_in_channel"}

_WEBHOOK_FIELDS = frozenset(
    {"text", "attachments", "blocks", "thread_ts", "mrkdwn", "unfurl_links", "unfurl_media"}
    | {"link_names", "parse", "response_type", "replace_original", "delete_original", "metadata"}
)
_POST_FIELDS = _WEBHOOK_FIELDS | {"channel", "as_user", "icon_emoji", "icon_url", "username"}


@dataclass(frozen=True)
class Said:
    """A message that Slack takes, and where it is shown."""

    channel: str
    body: dict[str, Any]


class Refusal(Exception):
    """What Slack says instead: a word, and for a webhook its status."""

    def __init__(self, word: str, status: int = 200) -> None:
        super().__init__(word)
        self.word = word
        self.status = status


def webhook(team: str, service: str, token: str, content_type: str, content: bytes) -> Said:
    """The message of a POST to `/services/TEAM/SERVICE/TOKEN`. Raises `Refusal`."""
    channel = _webhook_channel(team, service, token)
    body = _object(content_type, content)
    if body is None or not body.keys() <= _WEBHOOK_FIELDS or not _fits(body):
        raise Refusal("invalid_payload", 400)
    return Said(channel, _checked(body, 400))


def _webhook_channel(team: str, service: str, token: str) -> str:
    if team != TEAM:
        raise Refusal("no_team", 404)
    if service in _WEBHOOK_REFUSALS:
        status, word = _WEBHOOK_REFUSALS[service]
        raise Refusal(word, status)
    if service not in _WEBHOOKS:
        raise Refusal("no_service", 404)
    if token != WEBHOOK_TOKEN:
        raise Refusal("invalid_token", 403)
    return _WEBHOOKS[service]


def post_message(authorization: str, content_type: str, content: bytes) -> Said:
    """The message of a call of `chat.postMessage`. Raises `Refusal`."""
    token = authorization.removeprefix("Bearer ").strip()
    if not token or not authorization.startswith("Bearer "):
        raise Refusal("not_authed")
    if token != BOT_TOKEN:
        raise Refusal("invalid_auth")
    body = _object(content_type, content)
    if body is None:
        raise Refusal("invalid_json")
    if not body.keys() <= _POST_FIELDS or not _fits(body) or "channel" not in body:
        raise Refusal("invalid_arguments")
    return Said(_bot_channel(str(body["channel"])), _checked(body, 200))


def _bot_channel(named: str) -> str:
    channel = _BOT_CHANNELS.get(named, named if named.startswith("#") else f"#{named}")
    if channel in _BOT_REFUSALS:
        raise Refusal(_BOT_REFUSALS[channel])
    if channel not in _BOT_CHANNELS.values():
        raise Refusal("channel_not_found")
    return channel


def _checked(body: dict[str, Any], status: int) -> dict[str, Any]:
    if "blocks" in body or "attachments" in body:
        raise Refusal("invalid_blocks", status)  # not rehearsed
    if not str(body.get("text", "")).strip():
        raise Refusal("no_text", status)
    return {**body, "text": body["text"][:_MAX_TEXT]}


def post_answer(said: Said, number: int, at: float) -> dict[str, Any]:
    """The JSON with which `chat.postMessage` says that a message is there."""
    channel = next(key for key, name in _BOT_CHANNELS.items() if name == said.channel)
    timestamp = f"{int(at)}.{number:06}"
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
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


_FLAGS = ("mrkdwn", "unfurl_links", "unfurl_media", "link_names", "as_user")


def _fits(body: Mapping[str, Any]) -> bool:
    flags = all(isinstance(body[name], bool) for name in _FLAGS if name in body)
    return flags and isinstance(body.get("text", ""), str)
