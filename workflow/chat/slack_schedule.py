"""Messages that Slack posts later: chat.scheduleMessage and its two companions.

Slack schedules up to 120 days ahead. It can't delete a message that was posted or will be within 60
seconds, and answers `invalid_scheduled_message_id` for those (page of chat.deleteScheduledMessage).
After a lost answer, the list of scheduled messages shows the result.
"""

from __future__ import annotations

import socket
from dataclasses import dataclass
from http.client import HTTPException
from typing import Any
from urllib.error import URLError
from urllib.parse import urlsplit

from workflow.chat.posting import ChatAnswer, Outcome, bot_answer, lost
from workflow.chat.slack import SlackReader, make_client
from workflow.google.faults import NotCalled
from workflow.google.transport import refuse_if_over

_TOO_LATE = "invalid_scheduled_message_id"
_PAGE = 100


@dataclass(frozen=True)
class Scheduled:
    """A scheduled message. `post_at` is in whole seconds since 1970."""

    id: str
    channel_id: str
    post_at: int
    text: str

    @property
    def name(self) -> str:
        """Its name for deleting, as the ledger stores it: `C012:Q345`."""
        return f"{self.channel_id}:{self.id}"


@dataclass(frozen=True)
class SlackSchedule:
    """A bot's scheduled messages. No call that writes is retried."""

    token: str
    api_url: str
    timeout_seconds: float

    def add(self, channel: str, text: str, post_at: int) -> ChatAnswer:
        """Schedule a text for a channel; the answer's `message_id` is a `Scheduled.name`."""
        answer, found = self._call(
            "chat.scheduleMessage", channel=channel, text=text, post_at=post_at
        )
        if answer.outcome is not Outcome.TOLD:
            return answer
        name = f"{found.get('channel', '')}:{found.get('scheduled_message_id', '')}"
        return ChatAnswer(Outcome.TOLD, message_id=name)

    def remove(self, name: str) -> ChatAnswer:
        """Delete a scheduled message; REFUSED if it was posted, is about to be, or is gone."""
        channel, _, message_id = name.partition(":")
        answer, _ = self._call(
            "chat.deleteScheduledMessage", channel=channel, scheduled_message_id=message_id
        )
        return answer

    def listed(self) -> list[Scheduled]:
        """Everything that is scheduled. Raises `SlackAway` or `SlackRefused`."""
        reader = SlackReader(self.token, self.api_url, self.timeout_seconds)
        found: list[Scheduled] = []
        cursor = ""
        while True:
            more = {"cursor": cursor} if cursor else {}
            answer = reader.call("chat.scheduledMessages.list", limit=_PAGE, **more)
            found += [
                Scheduled(
                    str(each.get("id", "")),
                    str(each.get("channel_id", "")),
                    int(each.get("post_at", 0)),
                    str(each.get("text", "")),
                )
                for each in answer.get("scheduled_messages", [])
            ]
            cursor = str((answer.get("response_metadata") or {}).get("next_cursor") or "")
            if not cursor:
                return found

    def _call(self, method: str, **params: Any) -> tuple[ChatAnswer, dict[str, Any]]:
        from slack_sdk.errors import SlackClientError  # noqa: PLC0415 - an extra

        host = urlsplit(self.api_url).hostname or ""
        client = make_client(self.token, self.api_url, self.timeout_seconds)
        try:
            refuse_if_over()
            response = client.api_call(method, json=params)
        except SlackClientError as said:
            return _refusal(getattr(said, "response", None), host), {}
        except NotCalled:
            return lost(host, reached=False), {}
        except URLError as fault:
            refused = isinstance(fault.reason, ConnectionRefusedError | socket.gaierror)
            return lost(host, reached=not refused), {}
        except (OSError, HTTPException, UnicodeError):
            return lost(host, reached=True), {}
        data = response.data if isinstance(response.data, dict) else {}
        return bot_answer(int(response.status_code), bool(data.get("ok")), ""), data


def _refusal(answer: Any, host: str) -> ChatAnswer:
    """The meaning of a slack_sdk error with this answer from Slack, or with none."""
    if answer is None:
        return lost(host, reached=True)
    word = str(answer.get("error") or "")
    if word == _TOO_LATE:
        return ChatAnswer(Outcome.REFUSED, "it was said already, or will be within a minute")
    return bot_answer(int(answer.status_code), False, word)
