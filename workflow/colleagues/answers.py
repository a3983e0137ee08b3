"""What a chat's answer means for a message: told, refused, not now, or not known.

Pure. Only what a service itself says counts as a refusal; anything that may come from half-done
work, or from a machine in between, leaves it unknown, and an unknown message is not repeated.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Outcome(StrEnum):
    """What is known of a message. Only `NOT_NOW` may be tried again by itself."""

    TOLD = "told"
    REFUSED = "refused"  # surely not told, and trying again would change nothing
    NOT_NOW = "not now"  # surely not told; later it may work
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Answer:
    """What came of a message. `reason` is for people; `message_id` is the service's own."""

    outcome: Outcome
    reason: str = ""
    message_id: str = ""


# The words of an incoming webhook (Slack's changelog of 2016-05-17, and its page on webhooks).
_SLACK_WORDS = {
    "invalid_payload": "Slack could not read the message",
    "invalid_blocks": "Slack could not read the message",
    "no_text": "the message has no text",
    "invalid_token": "Slack does not know this webhook: make a new one",
    "no_service": "this webhook was switched off or removed: make a new one",
    "no_team": "the webhook's workspace is gone",
    "team_disabled": "the webhook's workspace is switched off",
    "no_active_hooks": "this webhook was switched off: make a new one",
    "channel_not_found": "the channel is not there, or the app is not in it",
    "channel_is_archived": "the channel is archived",
    "is_archived": "the channel is archived",
    "action_prohibited": "the workspace does not let this app write there",
    "user_not_found": "Slack does not know whom to write to",
    "posting_to_general_channel_denied": "the workspace does not let this app write there",
    "not_in_channel": "the bot is not in the channel: invite it",
    "invalid_auth": "Slack does not take the bot's token",
    "not_authed": "Slack does not take the bot's token",
    "account_inactive": "the bot's token belongs to an account that is gone",
    "token_revoked": "the bot's token was revoked",
    "token_expired": "the bot's token has run out",
    "missing_scope": "the bot's token lacks the scope chat:write",
    "msg_too_long": "the message is too long for Slack",
    "restricted_action": "the workspace does not let this app write there",
}
# Slack's own page: "some aspect of the operation" may have been done by then.
_PERHAPS_DONE = frozenset({"internal_error", "fatal_error", "request_timeout", "rollup_error"})
_LATER = frozenset({"rate_limited", "ratelimited"})
_WORD = re.compile(r"[a-z][a-z_]{2,60}")


def webhook_answer(status: int, body: str, *, retry_after: str = "") -> Answer:
    """The answer of a Slack incoming webhook: `ok`, or one of its words, as plain text."""
    word = body.strip()
    if status == 200 and word == "ok":
        return Answer(Outcome.TOLD)
    if status == 429:
        return Answer(Outcome.NOT_NOW, _later("Slack", retry_after))
    if 400 <= status < 500 and _WORD.fullmatch(word):
        return Answer(Outcome.REFUSED, _slack_words(word))
    return _strange("Slack", status)


def bot_answer(
    status: int, ok: bool, word: str, *, timestamp: str = "", retry_after: str = ""
) -> Answer:
    """The answer of Slack's `chat.postMessage`; `timestamp` is the message's id there."""
    if status == 200 and ok:
        return Answer(Outcome.TOLD, message_id=timestamp)
    if status == 429 or word in _LATER:
        return Answer(Outcome.NOT_NOW, _later("Slack", retry_after))
    if status < 500 and _WORD.fullmatch(word) and word not in _PERHAPS_DONE:
        return Answer(Outcome.REFUSED, _slack_words(word))
    return _strange("Slack", status)


def chat_answer(status: int, body: str, *, retry_after: str = "") -> Answer:
    """The answer of a Google Chat webhook: a Message resource, or Google's error in JSON."""
    found = _json(body)
    name = found.get("name")
    if status == 200 and isinstance(name, str) and name.startswith("spaces/"):
        return Answer(Outcome.TOLD, message_id=name)
    error = found.get("error")
    if status == 429:
        return Answer(Outcome.NOT_NOW, _later("Google Chat", retry_after))
    if 400 <= status < 500 and isinstance(error, dict):
        return Answer(Outcome.REFUSED, _CHAT_WORDS.get(status, f"Google Chat said no ({status})"))
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
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _slack_words(word: str) -> str:
    return f"{_SLACK_WORDS.get(word, 'Slack said no')} ({word})"


def _later(service: str, retry_after: str) -> str:
    when = f" for {int(retry_after)} seconds" if re.fullmatch(r"\d{1,6}", retry_after) else ""
    return f"{service} takes no more messages{when}"


def _strange(service: str, status: int) -> Answer:
    return Answer(
        Outcome.UNKNOWN, f"{service}'s answer ({status}) does not say whether the message arrived"
    )
