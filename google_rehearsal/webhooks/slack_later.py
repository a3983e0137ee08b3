"""Slack's answers about scheduled messages, and posting them at their time.

chat.scheduleMessage, chat.deleteScheduledMessage and chat.scheduledMessages.list, by Slack's pages:
a time in the past or more than 120 days ahead is refused, at most 30 messages wait for a channel
and five minutes, and a message due within 60 seconds can't be deleted.
"""

from __future__ import annotations

import json
from typing import Any

from google_rehearsal import store
from google_rehearsal.store import Store
from google_rehearsal.webhooks.dialects import (
    BOT_TOKEN,
    CHANNELS,
    SlackRefusal,
    ToldBoard,
    checked_post,
)

_LONGEST_SECONDS = 120 * 86_400
_TOO_LATE_SECONDS = 60
_MOST_AT_A_TIME = 30
_SPAN_SECONDS = 300
_SCHEMA = """
CREATE TABLE IF NOT EXISTS chat_later (
    id TEXT PRIMARY KEY,
    channel TEXT NOT NULL,
    post_at INTEGER NOT NULL,
    body TEXT NOT NULL
)
"""


class SlackLater:
    """The scheduled messages."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._board = ToldBoard(store)
        with store.transaction() as db:
            db.execute(_SCHEMA)

    def add(
        self, authorization: str, content_type: str, content: bytes, now: float
    ) -> dict[str, Any]:
        """Schedule a message. Raises `SlackRefusal`."""
        said = checked_post(authorization, content_type, content, more=("post_at",))
        post_at = said.body.pop("post_at", None)
        if not isinstance(post_at, int | str) or not str(post_at).isdecimal():
            raise SlackRefusal("invalid_time")
        at = int(post_at)
        if at <= now:
            raise SlackRefusal("time_in_past")
        if at > now + _LONGEST_SECONDS:
            raise SlackRefusal("time_too_far")
        channel = next(key for key, name in CHANNELS.items() if name == said.channel)
        name = f"Q{store.element_id()[:10].upper()}"
        with self._store.transaction() as db:
            near = db.execute(
                "SELECT count(*) FROM chat_later WHERE channel = ? AND abs(post_at - ?) < ?",
                (channel, at, _SPAN_SECONDS),
            ).fetchone()
            if near[0] >= _MOST_AT_A_TIME:
                raise SlackRefusal("restricted_too_many")
            db.execute(
                "INSERT INTO chat_later VALUES (?, ?, ?, ?)",
                (name, channel, at, json.dumps(said.body)),
            )
        return {
            "ok": True,
            "channel": channel,
            "scheduled_message_id": name,
            "post_at": at,
            "message": {"text": said.body["text"], "type": "delayed_message"},
        }

    def remove(self, authorization: str, asked: dict[str, Any], now: float) -> dict[str, Any]:
        """Delete a scheduled message. Raises `SlackRefusal`."""
        _check_token(authorization)
        with self._store.transaction() as db:
            row = db.execute(
                "SELECT * FROM chat_later WHERE id = ?", (str(asked.get("scheduled_message_id")),)
            ).fetchone()
            if row is None or row["post_at"] <= now + _TOO_LATE_SECONDS:
                raise SlackRefusal("invalid_scheduled_message_id")
            if row["channel"] != asked.get("channel"):
                raise SlackRefusal("channel_not_found")
            db.execute("DELETE FROM chat_later WHERE id = ?", (row["id"],))
        return {"ok": True}

    def listed(self, authorization: str) -> dict[str, Any]:
        """All scheduled messages. Raises `SlackRefusal`."""
        _check_token(authorization)
        with self._store.transaction() as db:
            rows = db.execute("SELECT * FROM chat_later ORDER BY post_at, id").fetchall()
        return {
            "ok": True,
            "scheduled_messages": [
                {
                    "id": row["id"],
                    "channel_id": row["channel"],
                    "post_at": row["post_at"],
                    "text": json.loads(row["body"])["text"],
                }
                for row in rows
            ],
            "response_metadata": {"next_cursor": ""},
        }

    def say_what_is_due(self, now: float) -> None:
        """Post the due messages, in order."""
        with self._store.transaction() as db:
            rows = db.execute(
                "SELECT * FROM chat_later WHERE post_at <= ? ORDER BY post_at, id", (now,)
            ).fetchall()
            db.execute("DELETE FROM chat_later WHERE post_at <= ?", (now,))
        for row in rows:
            body = json.loads(row["body"])
            self._board.add("slack", CHANNELS[row["channel"]], body, float(row["post_at"]))


def _check_token(authorization: str) -> None:
    if not authorization.startswith("Bearer "):
        raise SlackRefusal("not_authed")
    if authorization.removeprefix("Bearer ").strip() != BOT_TOKEN:
        raise SlackRefusal("invalid_auth")
