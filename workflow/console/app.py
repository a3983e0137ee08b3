"""The console's pages, who may open them, their server, and errors in words.

The page shows every customer's address and can send mail, on a machine that other people and every
web page in the browser can reach as well. So:

- it listens on loopback, and answers only to its own name and port (the Host header reveals a web
  page that points its own name at 127.0.0.1);
- the key is in a file that only this person can read, is posted once, and becomes a cookie that
  scripts can't read and other sites' requests don't carry; no address holds a secret;
- a change is accepted only from one of its own pages: the Origin is checked, and each form carries
  a token;
- pages run no inline script or style, load nothing from elsewhere, and can't be framed;
- browsers send a cookie of 127.0.0.1 to all its ports. On Linux the kernel says whose connection
  it is, so a cookie stolen by another account of this machine opens nothing.

The server runs on this machine, and gives its key to the person's own browser.
"""

from __future__ import annotations

import os
import secrets
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from html import escape
from ipaddress import ip_address
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

from workflow.console import closing, incident, messages, notices, setup
from workflow.console.pages import Desk, remind
from workflow.errors import BadInput, PostmortemError
from workflow.google.faults import without_tokens
from workflow.ledger.faults import UnknownIncident
from workflow.model import clock_text, date_text, moment_text
from workflow.notice import preview
from workflow.notice.preview.pages import (
    LOOPBACK,
    POLL_SECONDS,
    PageServer,
    Quiet,
    policy_text,
    quoted,
)

# --- Who may open a page --------------------------------------------------------------------------

COOKIE = "postmortem_console"
CSRF_FIELD = "csrf"
_HOSTS = frozenset({"127.0.0.1", "localhost"})
_SAFE_METHODS = frozenset({"GET", "HEAD"})
_OPEN_TO_ALL = frozenset({"doorway.sign_in", "doorway.enter", "static", "look"})
_CONNECTIONS = Path("/proc/net/tcp")
_PAGE = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self'",
    "connect-src": "'self'",
    "frame-src": "'self'",
    "form-action": "'self'",
    "base-uri": "'none'",
    "frame-ancestors": "'none'",
}


@dataclass(frozen=True)
class Keys:
    """One run's secrets: `entry` for the sign-in, `session` for the cookie, `csrf` for forms."""

    entry: str = field(default_factory=lambda: secrets.token_urlsafe(32))
    session: str = field(default_factory=lambda: secrets.token_urlsafe(32))
    csrf: str = field(default_factory=lambda: secrets.token_urlsafe(32))


class RequestRefused(Exception):
    """A request that no page of the console makes. `str()` is the sentence."""


def protect(app: Flask, keys: Keys) -> None:
    """Admit only this person's own browser, and restrict the pages."""

    @app.before_request
    def check() -> Response | None:
        try:
            _refuse_strangers()
            if request.method not in _SAFE_METHODS:
                _refuse_other_pages(may_be_a_file=request.endpoint == "doorway.enter")
        except RequestRefused as refused:
            return _plain(f"{refused}\n", 403)
        if request.endpoint in _OPEN_TO_ALL:
            return None
        if not _is_same(request.cookies.get(COOKIE, ""), keys.session):
            return _to_the_door()
        if request.method not in _SAFE_METHODS and not _is_same(
            request.form.get(CSRF_FIELD, ""), keys.csrf
        ):
            words = "This page is from an earlier run of the console. Load it again, then try again"
            return _plain(f"{words}. Nothing was changed.\n", 403)
        return None

    @app.after_request
    def close_in(response: Response) -> Response:
        response.headers.setdefault("Content-Security-Policy", policy_text(_PAGE))
        response.headers["Cache-Control"] = "no-store"
        response.headers["Cross-Origin-Opener-Policy"] = "same-origin"
        response.headers["Cross-Origin-Resource-Policy"] = "same-origin"
        # Not no-referrer: with that, browsers post forms as Origin: null (Fetch, section 3.2).
        response.headers["Referrer-Policy"] = "same-origin"
        response.headers["X-Content-Type-Options"] = "nosniff"
        return response


def let_in(response: Response, keys: Keys, given: str) -> bool:
    """Set the browser's cookie if the key is right; returns whether it is."""
    if not _is_same(given.strip(), keys.entry):
        return False
    response.set_cookie(COOKIE, keys.session, httponly=True, samesite="Strict", path="/")
    return True


def page_policy(**changed: str) -> str:
    """The policy of a page; `changed` replaces directives, with `_` for `-`."""
    return policy_text(_PAGE | {name.replace("_", "-"): value for name, value in changed.items()})


def _refuse_strangers() -> None:
    name, _, port = request.host.partition(":")
    if name not in _HOSTS or port != str(request.environ.get("SERVER_PORT", "")):
        raise RequestRefused("This page answers only as 127.0.0.1.")
    # The browser says where a request comes from. Another page may only use the sign-in: the file
    # with the key is one.
    site = request.headers.get("Sec-Fetch-Site", "none")
    if site not in {"none", "same-origin"} and request.endpoint not in _OPEN_TO_ALL:
        raise RequestRefused(
            "Another page asked for this. Type the address into the browser instead."
        )
    if not _is_own_connection():
        raise RequestRefused("This console belongs to another account of this machine.")


def _refuse_other_pages(*, may_be_a_file: bool) -> None:
    origin = request.headers.get("Origin", "")
    if origin == f"http://{request.host}" or (may_be_a_file and origin == "null"):
        return
    raise RequestRefused("Another page tried to change something here. Nothing was changed.")


def _is_own_connection() -> bool:
    """Whether the connection is this person's, or root's; True if unknown."""
    if not hasattr(os, "getuid") or not _CONNECTIONS.exists():
        return True
    far = _as_the_kernel_writes_it(
        request.remote_addr or "", str(request.environ.get("REMOTE_PORT", ""))
    )
    near = _as_the_kernel_writes_it("127.0.0.1", str(request.environ.get("SERVER_PORT", "")))
    for line in _CONNECTIONS.read_text(encoding="ascii").splitlines()[1:]:
        fields = line.split()
        # Both ends: the far one may have other connections, of others or closed already.
        if fields[1:3] == [far, near]:
            return fields[9] != "0" and int(fields[7]) in {0, os.getuid()}
    return True  # such as through a tunnel, whose end is in another network namespace


def _as_the_kernel_writes_it(host: str, port: str) -> str:
    """`127.0.0.1`, `8080` as `0100007F:1F90`; "" if it isn't an IPv4 address."""
    try:
        packed = ip_address(host).packed
    except ValueError:
        return ""
    return f"{packed[::-1].hex().upper()}:{int(port or 0):04X}"


def _to_the_door() -> Response:
    """Send pages to the sign-in; parts of pages only get a message."""
    if request.headers.get("HX-Request") or request.path.endswith("/events"):
        return _plain("The console was started again. Load this page again.\n", 403)
    response = Response(status=303)
    response.headers["Location"] = "/sign-in"
    return response


def _plain(words: str, status: int) -> Response:
    return Response(words, status, content_type="text/plain; charset=utf-8")


def _is_same(given: str, meant: str) -> bool:
    return secrets.compare_digest(given.encode("utf-8", "replace"), meant.encode())


# --- The app --------------------------------------------------------------------------------------

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
        setup.drill_pages,
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
