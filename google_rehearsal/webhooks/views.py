"""The chats' addresses, and the page with all messages."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from flask import Blueprint, Response, jsonify, make_response, render_template, request, url_for

from google_rehearsal.pages.views import guarded
from google_rehearsal.webhooks import dialects
from google_rehearsal.webhooks.dialects import (
    Asked,
    MissingScope,
    SlackHistory,
    SlackRefusal,
    ToldBoard,
    parts_of,
)
from google_rehearsal.webhooks.slack_later import SlackLater
from google_rehearsal.wire.errors import STATUS_OF, GoogleError
from google_rehearsal.wire.faults import AFTER_BY_CONNECTION, BEFORE_BY_CONNECTION, Fault
from google_rehearsal.wire.pipeline import Pipeline

WEBHOOK, POST_MESSAGE, GOOGLE_CHAT = (
    "slack.webhook",
    "slack.chat.postMessage",
    "chat.spaces.messages.create",
)
# The server acts on these headers (see `app`, which names them too).
_SEVER, _SECONDS = "X-Rehearsal-Sever", "X-Rehearsal-Seconds"


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
                    asked = request.get_json(silent=True) or request.values.to_dict()
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
