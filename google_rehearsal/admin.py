"""The rehearsal's control API under `/rehearsal/`: faults, requests, mail, people.

Only `health` answers without the header `X-Rehearsal-Key`. It proves that the server belongs to a
folder without revealing the folder's key: it signs the caller's challenge with it.

`set_faults` and `let_people_act` control a running rehearsal Google from another process.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import hmac
import http.client
import json
import os
import sqlite3
from collections.abc import Sequence
from typing import Any

from flask import Blueprint, Response, jsonify, request

from google_rehearsal import __version__
from google_rehearsal.docs.methods import Documents
from google_rehearsal.gmail.world import Message, Reply, arrive, erased, reply
from google_rehearsal.lifecycle import KEY_HEADER, SERVICE, RunningServer, proof
from google_rehearsal.people import act
from google_rehearsal.smtp import RelayedMail
from google_rehearsal.webhooks.dialects import SlackHistory, ToldBoard
from google_rehearsal.webhooks.views import SlackLater, chat_clock
from google_rehearsal.wire.faults import read_fault
from google_rehearsal.wire.pipeline import Pipeline


class SwitchboardError(ValueError):
    """A body that the control API can't read; the text is a sentence about it."""


def blueprint(pipeline: Pipeline, documents: Documents, key: str) -> Blueprint:
    """The control API of one server, opened by `key`."""
    pages = Blueprint("switchboard", __name__, url_prefix="/rehearsal")

    @pages.before_request
    def check_key() -> Response | None:
        given = request.headers.get(KEY_HEADER, "")
        if request.endpoint == "switchboard.health" or hmac.compare_digest(given, key):
            return None
        return _problem(403, f"The switchboard needs the header {KEY_HEADER}.")

    @pages.errorhandler(ValueError)
    def say_what_is_wrong(error: ValueError) -> Response:
        return _problem(400, str(error))

    @pages.get("/health")
    def health() -> Response:
        if pipeline.closing.is_set():
            return _problem(503, "The server is stopping.")
        challenge = request.args.get("challenge", "")
        return jsonify(
            service=SERVICE, pid=os.getpid(), version=__version__, proof=proof(key, challenge)
        )

    _serve_faults(pages, pipeline)
    _serve_requests(pages, pipeline)
    _serve_settings(pages, pipeline)
    _serve_told(pages, pipeline)
    _serve_incoming_mail(pages, pipeline)
    _serve_people(pages, pipeline, documents)
    return pages


def _serve_faults(pages: Blueprint, pipeline: Pipeline) -> None:
    @pages.get("/faults")
    def list_faults() -> Response:
        return jsonify(faults=pipeline.faults.as_json())

    @pages.post("/faults")
    def add_faults() -> Response:
        value = _json()
        listed, seed = (value, None) if isinstance(value, list) else _opened(value)
        pipeline.faults.add([read_fault(each) for each in listed], seed)
        return jsonify(faults=pipeline.faults.as_json())

    @pages.delete("/faults")
    def clear_faults() -> Response:
        pipeline.faults.clear()
        return jsonify(faults=[])


def _serve_requests(pages: Blueprint, pipeline: Pipeline) -> None:
    @pages.get("/requests")
    def list_requests() -> Response:
        return jsonify(pipeline.log.as_json())

    @pages.get("/relayed")
    def list_relayed() -> Response:
        return jsonify(relayed=RelayedMail(pipeline.store).as_json())

    @pages.delete("/requests")
    def forget_requests() -> Response:
        pipeline.log.clear()
        return jsonify(pipeline.log.as_json())


def _serve_settings(pages: Blueprint, pipeline: Pipeline) -> None:
    @pages.get("/settings")
    def show_settings() -> Response:
        return jsonify(pipeline.settings.as_json())

    @pages.patch("/settings")
    def change_settings() -> Response:
        value = _json()
        if not isinstance(value, dict):
            raise SwitchboardError("The settings are an object.")
        pipeline.settings = pipeline.settings.changed(value)
        return jsonify(pipeline.settings.as_json())


def _serve_incoming_mail(pages: Blueprint, pipeline: Pipeline) -> None:
    @pages.post("/mail")
    def receive() -> Response:
        """Receive a mail: `{"from", "text", "automatic"}` for a customer's reply, or `{"raw"}` in
        base64.

        `account` is the receiving mailbox, by default the settings' own.
        """
        value = _json()
        if not isinstance(value, dict):
            raise SwitchboardError("The mail is an object.")
        account = str(value.get("account", pipeline.settings.account)).lower()
        now = pipeline.clock()
        with pipeline.store.transaction() as db:
            if "raw" in value:
                message = arrive(db, account, _bytes(value["raw"]), now)
            else:
                message = _replied(db, account, value, now)
        return jsonify(id=message.id, threadId=message.thread_id)


def _serve_people(pages: Blueprint, pipeline: Pipeline, documents: Documents) -> None:
    @pages.post("/people")
    def act_as_people() -> Response:
        """Carry out a list of acts, as `google_rehearsal.people` reads them: all or none."""
        acts = _json()
        if not isinstance(acts, list):
            raise SwitchboardError("The body is a list of acts.")
        with pipeline.store.transaction() as db:
            done = [act(db, documents, pipeline.settings, pipeline.clock(), each) for each in acts]
        return jsonify(done=done)

    @pages.get("/erased")
    def list_erased() -> Response:
        """Sent mails that were permanently deleted through the id of their draft."""
        with pipeline.store.transaction() as db:
            found = [(who, base64.b64encode(raw).decode()) for who, raw in erased(db)]
        return jsonify(erased=[{"account": who, "raw": raw} for who, raw in found])


def _replied(db: sqlite3.Connection, account: str, value: dict[str, Any], now: float) -> Message:
    sender, text = value.get("from"), value.get("text", "Thank you.")
    if not isinstance(sender, str) or not isinstance(text, str):
        raise SwitchboardError('A reply has "from", an address, and "text".')
    try:
        return reply(db, account, Reply(sender, text, value.get("automatic") is True), now)
    except LookupError as nothing:
        raise SwitchboardError(str(nothing)) from nothing


def _bytes(text: Any) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, TypeError, ValueError) as bad:
        raise SwitchboardError("raw is the message in base64.") from bad


def _serve_told(pages: Blueprint, pipeline: Pipeline) -> None:
    board, history = ToldBoard(pipeline.store), SlackHistory(pipeline.store)
    later = SlackLater(pipeline.store)

    @pages.post("/chat")
    def say_in_slack() -> Response:
        """Post a person's Slack message: `{"channel": "CINCIDENTS", "name": "Ann", "ts": …, "text":
        …}`.

        Other members of a Slack message (`thread_ts`, `subtype`, `files`) are kept.
        """
        body = _json()
        if not isinstance(body, dict):
            raise SwitchboardError("The body is one message.")
        channel, name = str(body.pop("channel", "")), str(body.pop("name", ""))
        said = history.say(channel, name, body)
        address = f"{request.host_url}archives/{channel}/p{said['ts'].replace('.', '')}"
        return jsonify(user=said["user"], permalink=address)

    @pages.get("/told")
    def list_told() -> Response:
        later.say_what_is_due(chat_clock(pipeline))
        return jsonify(
            told=[
                {"service": each.service, "channel": each.channel, "body": each.body}
                for each in board.all()
            ]
        )


def _json() -> Any:
    value = request.get_json(force=True, silent=True)
    if value is None:
        raise SwitchboardError("The body must be JSON.")
    return value


def _opened(value: Any) -> tuple[list[Any], int | None]:
    if not isinstance(value, dict) or not isinstance(value.get("faults"), list):
        raise SwitchboardError('The body is a list of faults, or {"faults": […], "seed": 1}.')
    seed = value.get("seed")
    if seed is not None and not isinstance(seed, int):
        raise SwitchboardError("seed is a whole number.")
    return value["faults"], seed


def _problem(status: int, sentence: str) -> Response:
    response = jsonify(error=sentence)
    response.status_code = status
    return response


_SECONDS = 10.0


class SwitchRefused(ValueError):
    """The control API refuses a fault or an act; the text says why."""


def set_faults(server: RunningServer, faults: Sequence[dict[str, Any]]) -> None:
    """Switch on these faults and switch off all others. Raises `SwitchRefused`, and `OSError`."""
    _call(server, "DELETE", "faults")
    if faults:
        _call(server, "POST", "faults", json.dumps(list(faults)))


def let_people_act(server: RunningServer, acts: Sequence[dict[str, Any]]) -> None:
    """Let people act, as `google_rehearsal.people` describes. Raises `SwitchRefused`, `OSError`."""
    _call(server, "POST", "people", json.dumps(list(acts)))


def _call(server: RunningServer, method: str, path: str, body: str = "") -> None:
    headers = {KEY_HEADER: server.key, "Content-Type": "application/json"}
    host = server.base_url.removeprefix("http://")
    with contextlib.closing(http.client.HTTPConnection(host, timeout=_SECONDS)) as connection:
        connection.request(method, f"/rehearsal/{path}", body or None, headers)
        answer = connection.getresponse()
        said = answer.read()
    if answer.status != http.client.OK:
        raise SwitchRefused(str(json.loads(said).get("error", said.decode())))
