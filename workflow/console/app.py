"""The console's pages, their guard, their server, and errors in words.

The server runs on this machine, and gives its key to the person's own browser.
"""

from __future__ import annotations

import os
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from html import escape
from pathlib import Path
from zoneinfo import ZoneInfo

from flask import (
    Blueprint,
    Flask,
    Response,
    make_response,
    render_template,
    request,
    send_from_directory,
)
from werkzeug.serving import make_server

from workflow.console import closing, drills, incident, messages, notices, setup
from workflow.console.desk import Desk
from workflow.console.guard import Keys, let_in, protect
from workflow.console.pages import remind
from workflow.errors import BadInput, PostmortemError
from workflow.google.faults import without_tokens
from workflow.ledger.faults import UnknownIncident
from workflow.model import clock_text, date_text, moment_text
from workflow.notice import preview
from workflow.notice.preview.pages import LOOPBACK, POLL_SECONDS, PageServer, Quiet, quoted

_LOOK = Path(preview.__file__).parent / "static"
# A list of 100,000 customers has some 10 MB; a larger upload is no list and no picture for a doc.
_LARGEST_BYTES = 64 * 1024 * 1024


def create_app(desk: Desk, keys: Keys) -> Flask:
    """The console of one run."""
    app = Flask(__name__, template_folder="templates", static_folder="static")
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.jinja_env.filters |= {
        "quoted": quoted,
        "moment": moment_text,
        "clock": clock_text,
        "date": date_text,
        "machine_time": _machine_time,
    }
    app.jinja_env.globals["csrf_token"] = keys.csrf
    app.config.update(DESK=desk, MAX_CONTENT_LENGTH=_LARGEST_BYTES, MAX_FORM_MEMORY_SIZE=None)
    protect(app, keys)
    app.add_url_rule("/look/<name>", "look", _look)
    app.register_blueprint(_doorway(keys))
    for pages in (
        incident.list_pages,
        incident.incident_pages,
        messages.message_pages,
        notices.plan_pages,
        notices.notice_pages,
        closing.closing_pages,
        closing.record_pages,
        drills.drill_pages,
        setup.setup_pages,
    ):
        app.register_blueprint(pages())
    app.register_error_handler(PostmortemError, _problem)
    app.register_error_handler(404, lambda _: _shown("There is no such page here.", 404))
    app.register_error_handler(413, lambda _: _shown("That file is larger than 64 MB.", 413))
    app.register_error_handler(500, _defect)
    return app


def _doorway(keys: Keys) -> Blueprint:
    """The sign-in: the key is posted, from the private file or by hand, and becomes a cookie."""
    door = Blueprint("doorway", __name__)

    @door.get("/sign-in")
    def sign_in() -> Response:
        return make_response(render_template("console/sign_in.html", wrong=False))

    @door.post("/enter")
    def enter() -> Response:
        # A redirect would belong to the page that posted the key, and browsers send no strict
        # cookie with another page's request. So a page of our own sends the browser on.
        response = make_response(render_template("console/entered.html"))
        if let_in(response, keys, request.form.get("key", "")):
            return response
        return make_response(render_template("console/sign_in.html", wrong=True), 403)

    return door


def _look(name: str) -> Response:
    """A style or picture of the preview, which the console shares."""
    return send_from_directory(_LOOK, name)


def _problem(error: Exception) -> Response:
    if isinstance(error, UnknownIncident):
        return _shown(str(error), 404)
    return _shown(str(error), 422 if isinstance(error, BadInput) else 503)


def _defect(error: Exception) -> Response:
    fault = getattr(error, "original_exception", None) or error
    words = without_tokens(f"{type(fault).__name__}: {fault}")
    return _shown(
        f"This is a defect in postmortem: {words}. What was recorded is safe. Please report it.",
        500,
    )


def _shown(sentence: str, status: int) -> Response:
    if (request.endpoint or "").endswith(".live"):
        return Response(status=204)  # the page stays, and the next change is checked again
    if request.headers.get("HX-Request"):
        return make_response(render_template("console/part_problem.html", sentence=sentence))
    return make_response(render_template("console/problem.html", sentence=sentence), status)


def _machine_time(at: datetime, zone: ZoneInfo) -> str:
    return at.astimezone(zone).isoformat(timespec="seconds")


# Other users can see a browser's command line in the list of processes. So the browser gets this
# file's address, only this person can read the file, and it posts the key.
_WAY_IN = """<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="referrer" content="no-referrer">
<title>postmortem console</title>
<form method="post" action="{address}enter">
<input type="hidden" name="key" value="{key}">
<p><button>Open the console</button></p>
</form>
<script>document.forms[0].submit()</script></html>
"""


@dataclass(frozen=True)
class ConsoleServer(PageServer):
    """The console's server. `way_in` is the private file that opens its pages."""

    way_in: Path


@contextmanager
def console_server(desk: Desk, port: int = 0) -> Iterator[ConsoleServer]:
    """The console on a loopback port, 0 for any free one; closed at the end.

    A send in progress is then stopped between two mails, with everything recorded.
    """
    keys = Keys()
    server = make_server(
        LOOPBACK, port, create_app(desk, keys), threaded=True, request_handler=Quiet
    )
    address = f"http://{LOOPBACK}:{server.port}/"
    with tempfile.TemporaryDirectory(prefix="postmortem-console-") as folder:
        way_in = Path(folder) / "console.html"
        written = os.open(way_in, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        with os.fdopen(written, "w", encoding="utf-8") as file:
            file.write(_WAY_IN.format(address=escape(address), key=escape(keys.entry)))
        reminding = threading.Thread(target=remind, args=[desk], daemon=True, name="reminders")
        reminding.start()
        try:
            yield ConsoleServer(address, server, way_in)
        finally:
            desk.close()
            server.server_close()
            reminding.join(POLL_SECONDS)
