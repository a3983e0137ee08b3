"""The chats' addresses, the page with all messages, and Slack's scheduled ones.

chat.scheduleMessage, chat.deleteScheduledMessage and chat.scheduledMessages.list, by Slack's pages:
a time in the past or more than 120 days ahead is refused, at most 30 messages wait for a channel
and five minutes, and a message due within 60 seconds can't be deleted.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from flask import Blueprint, Response, jsonify, make_response, render_template, request, url_for

from google_rehearsal import store
from google_rehearsal.page_views import guarded
from google_rehearsal.store import Store
from google_rehearsal.webhooks import dialects
from google_rehearsal.webhooks.dialects import (
    CHANNELS,
    Asked,
    MissingScope,
    SlackHistory,
    SlackRefusal,
    ToldBoard,
    checked_post,
    is_bots,
    parts_of,
)
from google_rehearsal.wire.errors import STATUS_OF, GoogleError
from google_rehearsal.wire.faults import AFTER_BY_CONNECTION, BEFORE_BY_CONNECTION, Fault
from google_rehearsal.wire.pipeline import Pipeline

# --- Messages that Slack posts later --------------------------------------------------------------

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
        if not isinstance(post_at, int | str) or not _SECOND.fullmatch(str(post_at)):
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
    if not is_bots(authorization.removeprefix("Bearer ").strip()):
        raise SlackRefusal("invalid_auth")


# --- The addresses --------------------------------------------------------------------------------

WEBHOOK, POST_MESSAGE, GOOGLE_CHAT = (
    "slack.webhook",
    "slack.chat.postMessage",
    "chat.spaces.messages.create",
)
# The server acts on these headers (see `app`, which names them too).
_SEVER, _SECONDS = "X-Rehearsal-Sever", "X-Rehearsal-Seconds"


_SECOND = re.compile("[0-9]{1,20}")


def blueprint(pipeline: Pipeline) -> Blueprint:
    """The chats at the services' own paths, and `/colleagues`."""
    pages = Blueprint("webhooks", __name__, template_folder="templates")
    views = _Views(pipeline, ToldBoard(pipeline.store))
    pages.after_request(guarded)
    for address, name, view, verb in (
        ("/services/<team>/<service>/<token>", "webhook", views.webhook, "POST"),
        ("/api/chat.postMessage", "post_message", views.post_message, "POST"),
        ("/api/chat.scheduleMessage", "schedule", views.later, "POST"),
        ("/api/chat.deleteScheduledMessage", "unschedule", views.later, "POST"),
        ("/api/chat.scheduledMessages.list", "scheduled", views.later, "GET POST"),
        ("/api/conversations.history", "history", views.read, "GET POST"),
        ("/api/conversations.replies", "replies", views.read, "GET POST"),
        ("/api/users.info", "user", views.read, "GET POST"),
        ("/archives/<channel>/<message>", "message", views.message, "GET"),
        ("/v1/spaces/<space>/messages", "google_chat", views.google_chat, "POST"),
        ("/colleagues", "colleagues", views.page, "GET"),
    ):
        pages.add_url_rule(address, name, view, methods=[*verb.split()])
    return pages


class _Views:
    def __init__(self, pipeline: Pipeline, board: ToldBoard) -> None:
        self._pipeline = pipeline
        self._board = board
        self._history = SlackHistory(pipeline.store)
        self._later = SlackLater(pipeline.store)

    def webhook(self, team: str, service: str, token: str) -> Response:
        """Slack's incoming webhook: `ok`, or an error word."""

        def work() -> Response:
            try:
                said = dialects.slack_webhook(team, service, token, *_content())
            except dialects.SlackRefusal as refusal:
                return _plain(refusal.word, refusal.status)
            self._board.add("slack", said.channel, said.body, self._pipeline.clock())
            return _plain("ok", 200)

        return self._answered(WEBHOOK, work, _webhook_fault)

    def post_message(self) -> Response:
        """Slack's Web API: 200, and `ok` true or false."""

        def work() -> Response:
            try:
                said = dialects.slack_post_message(
                    request.headers.get("Authorization", ""), *_content()
                )
            except dialects.SlackRefusal as refusal:
                return jsonify(ok=False, error=refusal.word)
            at = self._pipeline.clock()
            number = self._board.add("slack", said.channel, said.body, at)
            return jsonify(dialects.slack_post_answer(said, number, at))

        return self._answered(POST_MESSAGE, work, _post_fault)

    def later(self) -> Response:
        """Slack's methods about scheduled messages: 200, and `ok` true or false."""
        method = request.path.removeprefix("/api/")
        token = request.headers.get("Authorization", "")
        now = chat_clock(self._pipeline)
        self._later.say_what_is_due(now)

        def work() -> Response:
            try:
                if method == "chat.scheduleMessage":
                    return jsonify(self._later.add(token, *_content(), now))
                if method == "chat.deleteScheduledMessage":
                    asked = request.get_json(silent=True)
                    if not isinstance(asked, dict):
                        asked = request.values.to_dict()
                    return jsonify(self._later.remove(token, asked, now))
                return jsonify(self._later.listed(token))
            except dialects.SlackRefusal as refusal:
                return jsonify(ok=False, error=refusal.word)

        return self._answered(f"slack.{method}", work, _post_fault)

    def read(self) -> Response:
        """Slack's reading methods: 200, and `ok` true or false."""
        method = request.path.removeprefix("/api/")
        answers = {
            "conversations.history": self._history.history,
            "conversations.replies": self._history.replies,
            "users.info": self._history.user,
        }

        def work() -> Response:
            asked = Asked(request.headers.get("Authorization", ""), request.values.to_dict())
            try:
                return jsonify(answers[method](asked))
            except MissingScope as refusal:
                return jsonify(
                    ok=False, error=refusal.word, needed=refusal.needed, provided="chat:write"
                )
            except SlackRefusal as refusal:
                return jsonify(ok=False, error=refusal.word)

        return self._answered(f"slack.{method}", work, _post_fault)

    def message(self, channel: str, message: str) -> Response:
        """The target of a link to a message: the page with all of them."""
        del channel, message
        response = make_response("", 302)
        response.headers["Location"] = url_for("webhooks.colleagues")
        return response

    def google_chat(self, space: str) -> Response:
        """Google Chat's webhook: a Message resource, or Google's error."""

        def work() -> Response:
            try:
                body = dialects.chat_message(space, request.args.to_dict(), *_content())
            except GoogleError as error:
                return _google_error(error)
            at = self._pipeline.clock()
            number = self._board.add("google_chat", "Incidents", body, at)
            stamp = datetime.fromtimestamp(at, UTC).isoformat().replace("+00:00", "Z")
            return jsonify(dialects.chat_resource(body, number, stamp))

        return self._answered(GOOGLE_CHAT, work, _google_fault)

    def page(self) -> Response:
        """All messages, the newest first."""
        told = [
            {
                "channel": each.channel,
                "service": "Slack" if each.service == "slack" else "Google Chat",
                "at": datetime.fromtimestamp(each.at, UTC),
                "parts": parts_of(each.service, each.text),
            }
            for each in reversed(self._board.all())
        ]
        return make_response(render_template("rehearsal_webhooks/colleagues.html", told=told))

    def _answered(
        self,
        method: str,
        work: Callable[[], Response],
        refusal: Callable[[Fault], Response | None],
    ) -> Response:
        response = self._with_fault(method, work, refusal)
        sever = response.headers.get(_SEVER, "")
        self._pipeline.log.add(method, sever or str(response.status_code), "")
        return response

    def _with_fault(
        self,
        method: str,
        work: Callable[[], Response],
        refusal: Callable[[Fault], Response | None],
    ) -> Response:
        fault = self._pipeline.faults.take(method)
        if fault is None:
            return work()
        if fault.kind in BEFORE_BY_CONNECTION:
            return _severed(_plain("", 200), BEFORE_BY_CONNECTION[fault.kind], fault)
        if fault.kind in AFTER_BY_CONNECTION:
            return _severed(work(), AFTER_BY_CONNECTION[fault.kind], fault)
        if fault.kind == "slow":
            self._pipeline.closing.wait(fault.seconds)
        if fault.kind == "error_after":
            work()
            return _plain("rollup_error", 500)
        return _redirected(fault) or refusal(fault) or work()


def chat_clock(pipeline: Pipeline) -> float:
    """The time at Slack, in epoch seconds."""
    return pipeline.clock() + pipeline.settings.chat_ahead_seconds


def _content() -> tuple[str, bytes]:
    return request.headers.get("Content-Type", ""), request.get_data()


def _plain(word: str, status: int) -> Response:
    return Response(word, status, {"Content-Type": "text/html"})  # as Slack does


def _redirected(fault: Fault) -> Response | None:
    if fault.kind != "redirect_307":
        return None
    response = _plain("", 307)
    response.headers["Location"] = request.full_path.removesuffix("?")
    return response


def _severed(response: Response, how: str, fault: Fault) -> Response:
    response.headers[_SEVER] = how
    response.headers[_SECONDS] = str(fault.seconds if how == "hang" else 0.0)
    return response


def _webhook_fault(fault: Fault) -> Response | None:
    if fault.kind == "429":
        response = _plain("rate_limited", 429)
        response.headers["Retry-After"] = str(int(fault.seconds))
        return response
    if fault.kind in {"500", "503"}:
        return _plain("rollup_error", int(fault.kind))
    return _plain("no_service", 404) if fault.kind == "404" else None


def _post_fault(fault: Fault) -> Response | None:
    if fault.kind == "429":
        response = jsonify(ok=False, error="ratelimited")
        response.status_code = 429
        response.headers["Retry-After"] = str(int(fault.seconds))
        return response
    if fault.kind in {"500", "503"}:
        response = jsonify(ok=False, error="internal_error")
        response.status_code = int(fault.kind)
        return response
    return jsonify(ok=False, error="token_revoked") if fault.kind == "token_expired" else None


def _google_fault(fault: Fault) -> Response | None:
    code = {"429": 429, "500": 500, "503": 503, "404": 404}.get(fault.kind)
    if code is None:
        return None
    words = "Resource has been exhausted (e.g. check quota)." if code == 429 else "Internal error."
    return _google_error(GoogleError(code, words, status=STATUS_OF[code]))


def _google_error(error: GoogleError) -> Response:
    # Without the `errors` list that only the older APIs have.
    response = jsonify(error.body("docs"))
    response.status_code = error.code
    return response
