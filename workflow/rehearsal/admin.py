"""The drill's switchboard under `/rehearsal/`: health, faults, requests, settings, incoming mail.

Only `health` answers without the header `X-Rehearsal-Key`. It proves that the server belongs to a
folder without giving the folder's key away: it signs the caller's challenge with it.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import os
import sqlite3
from typing import Any

from flask import Blueprint, Response, jsonify, request

from workflow import __version__
from workflow.rehearsal.gmail.arrivals import Reply, arrive, reply
from workflow.rehearsal.gmail.mailbox import Message
from workflow.rehearsal.proof import KEY_HEADER, SERVICE, proof
from workflow.rehearsal.smtp.letters import RelayedMail
from workflow.rehearsal.webhooks.told import ToldBoard
from workflow.rehearsal.wire.faults import read_fault
from workflow.rehearsal.wire.pipeline import Pipeline


class SwitchboardError(ValueError):
    """A body that the switchboard cannot read; the text is a sentence about it."""


def blueprint(pipeline: Pipeline, key: str) -> Blueprint:
    """The switchboard of one server, opened by `key`."""
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
        """`{"from", "text", "automatic"}`: a customer answers; or `{"raw"}`: any mail, in base64.

        `account` is whose mailbox it comes into, the settings' own if left out.
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
    board = ToldBoard(pipeline.store)

    @pages.get("/told")
    def list_told() -> Response:
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
