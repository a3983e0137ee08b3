"""The rehearsal Google as a WSGI app: Google's paths, the drill's switchboard, the web pages."""

from __future__ import annotations

import secrets
from pathlib import Path

from flask import Flask, Response, request
from werkzeug.exceptions import InternalServerError

from workflow.rehearsal import admin, oauth, pages, webhooks
from workflow.rehearsal.documents import Documents
from workflow.rehearsal.drive.methods import Drive
from workflow.rehearsal.gmail.methods import gmail_api
from workflow.rehearsal.private_folder import make_private
from workflow.rehearsal.settings import Settings, read_settings
from workflow.rehearsal.store import Store
from workflow.rehearsal.viewer import StoredWorld
from workflow.rehearsal.wire.errors import GoogleError, internal, not_rehearsed
from workflow.rehearsal.wire.pipeline import Pipeline, WireAnswer, WireRequest, as_json

# The server that holds the socket acts on these and does not send them.
SEVER_HEADER = "X-Rehearsal-Sever"
SECONDS_HEADER = "X-Rehearsal-Seconds"
_EXTENSION = "rehearsal"
_VERBS = ["GET", "POST", "PUT", "PATCH", "DELETE"]
_HOSTS = {"127.0.0.1", "localhost", "[::1]"}
_MAX_BODY_BYTES = 64 * 1024 * 1024


def create_app(folder: Path, settings: Settings | None = None, *, key: str = "") -> Flask:
    """The app over the store in `folder`, which is made when it is not there.

    Without `settings` the folder's `settings.json` counts. `key` opens the switchboard; a random
    one is made where none is given. Raises `ValueError` for settings that make no sense.
    """
    make_private(folder)
    store = Store(folder)
    documents = Documents()
    pipeline = Pipeline(
        store,
        {"docs": documents.api(), "drive": Drive(documents).api(), "gmail": gmail_api()},
        settings or read_settings(folder),
    )
    grants = oauth.Grants(store, pipeline.clock)
    pipeline.holder_of = grants.holder_of
    app = Flask("workflow.rehearsal", static_folder=None)
    app.url_map.merge_slashes = False
    app.config["MAX_CONTENT_LENGTH"] = _MAX_BODY_BYTES
    app.extensions[_EXTENSION] = pipeline
    app.before_request(_check_host)
    app.register_blueprint(admin.blueprint(pipeline, key or secrets.token_urlsafe(24)))
    app.register_blueprint(pages.blueprint(StoredWorld(store, documents)))
    app.register_blueprint(oauth.blueprint(pipeline, grants, folder))
    app.register_blueprint(webhooks.blueprint(pipeline))
    _serve_google(app, pipeline)
    return app


def pipeline_of(app: Flask) -> Pipeline:
    """The pipeline behind an app that `create_app` made."""
    pipeline = app.extensions[_EXTENSION]
    assert isinstance(pipeline, Pipeline)  # noqa: S101 - set above, and only there
    return pipeline


def _serve_google(app: Flask, pipeline: Pipeline) -> None:
    @app.route("/batch", methods=_VERBS, defaults={"rest": ""})
    @app.route("/batch/<path:rest>", methods=_VERBS)
    def batch(rest: str) -> Response:
        return _response(_refusal(not_rehearsed(f"The batch endpoint /batch/{rest}")))

    @app.route("/<path:rest>", methods=_VERBS)
    def google(rest: str) -> Response:
        return _response(pipeline.answer(_wire_request(rest)))

    @app.errorhandler(InternalServerError)
    def defect(error: InternalServerError) -> Response:
        cause = error.original_exception
        sentence = f"Defect of the rehearsal Google: {type(cause).__name__} at {request.path}"
        pipeline.log.add_defect(sentence)
        return _response(_refusal(internal(sentence)))


def _wire_request(rest: str) -> WireRequest:
    return WireRequest(
        verb=request.method,
        path=f"/{rest}",
        query=request.args.to_dict(flat=False),
        body=request.get_data(),
        content_type=request.headers.get("Content-Type", ""),
        authorization=request.headers.get("Authorization", ""),
        verb_override=request.headers.get("X-HTTP-Method-Override", ""),
        base_url=request.host_url.rstrip("/"),
        target=request.full_path.removesuffix("?"),
    )


def _check_host() -> Response | None:
    # A page on the internet may point its own name at 127.0.0.1; its name gives it away.
    host = request.host
    name = host if host.endswith("]") else host.rpartition(":")[0] or host
    if name in _HOSTS:
        return None
    return _response(as_json({"error": "This server answers only as 127.0.0.1."}, 403))


def _refusal(error: GoogleError) -> WireAnswer:
    return as_json(error.body("gmail"), error.code)


def _response(answer: WireAnswer) -> Response:
    response = Response(answer.body, answer.status, dict(answer.headers))
    if answer.sever:
        response.headers[SEVER_HEADER] = answer.sever
        response.headers[SECONDS_HEADER] = str(answer.hang_seconds)
    return response
