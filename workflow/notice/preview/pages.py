"""The preview's pages and their server: the sheet, the recipients, each mail's HTML.

The server listens on this machine only, at an address that can't be guessed. The pages hold every
customer's name, and others may use the machine too. So the address carries a secret in its path,
not in a cookie: browsers send the cookies of 127.0.0.1 to anything that listens on any of its
ports.

A sandboxed frame can't be measured, so a mail's height is estimated. Remarks set quoted words
apart, link rows and count levels.
"""

from __future__ import annotations

import math
import re
import secrets
import unicodedata
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from flask import Blueprint, Flask, Response, make_response, render_template, request, url_for
from markupsafe import Markup, escape
from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

from workflow.notice.preview.source import Mail, NoSuchMail, NotReadYet, PreviewSource, Remark

_HOSTS = frozenset({"127.0.0.1", "localhost"})
_PAGE = {
    "default-src": "'none'",
    "style-src": "'self'",
    "script-src": "'self'",
    "img-src": "'self'",
    "frame-src": "'self'",
    "form-action": "'self'",
    "base-uri": "'none'",
    "frame-ancestors": "'none'",
}
_MAIL = {
    "default-src": "'none'",
    "img-src": "data:",
    "style-src": "'unsafe-inline'",
    "form-action": "'none'",
    "base-uri": "'none'",
    "frame-ancestors": "'self'",
    "sandbox": "",
}


def protect(app: Flask, token: str) -> None:
    """Admit only requests with `token` first in their path, and restrict what pages may load."""

    @app.before_request
    def check() -> Response | None:
        if not _is_own_name(request.host):
            return _refusal("This page answers only as 127.0.0.1.")
        given = request.path.split("/")[1]
        if not secrets.compare_digest(given.encode("utf-8", "replace"), token.encode()):
            return _refusal("Open the full address that `notify --preview` printed.")
        return None

    @app.after_request
    def close_in(response: Response) -> Response:
        response.headers.setdefault("Content-Security-Policy", policy_text(_PAGE))
        response.headers["Cache-Control"] = "no-store"
        response.headers["Cross-Origin-Opener-Policy"] = "same-origin"
        response.headers["Cross-Origin-Resource-Policy"] = "same-origin"
        response.headers["Referrer-Policy"] = "no-referrer"
        response.headers["X-Content-Type-Options"] = "nosniff"
        return response


def mail_policy() -> str:
    """The content policy of a mail's own HTML: it can't run, send or fetch anything."""
    return policy_text(_MAIL)


def _is_own_name(host: str) -> bool:
    # A page on the internet may point its own domain at 127.0.0.1, so check the Host header.
    return host.partition(":")[0] in _HOSTS


def _refusal(sentence: str) -> Response:
    return Response(f"{sentence}\n", 403, content_type="text/plain; charset=utf-8")


def policy_text(directives: dict[str, str]) -> str:
    """Directives of a Content-Security-Policy, in the header's form."""
    return "; ".join(f"{name} {value}".strip() for name, value in directives.items())


_LETTER_PX = 7.6  # on average, at the 16 px that mails are written in
_LINE_PX = 25
_GAP_PX = 16
_MARGIN_PX = 40
_AIR_PX = 90
_LOWEST_PX, _HIGHEST_PX = 240, 1600
_PHONE_SCREEN_PX = 780


class Width(StrEnum):
    """The screen widths for showing a mail."""

    DESKTOP = "desktop"
    PHONE = "phone"

    @property
    def px(self) -> int:
        """The width of the mail in CSS pixels."""
        return 375 if self is Width.PHONE else 680

    @property
    def other(self) -> Width:
        """The other one."""
        return Width.DESKTOP if self is Width.PHONE else Width.PHONE


def height_px(text: str, width: Width) -> int:
    """The estimated height in CSS pixels of a mail with this plain text at a width.

    Rather too much than too little. A phone's frame is never higher than its screen.
    """
    room = (width.px - _MARGIN_PX) / _LETTER_PX
    lines = sum(math.ceil(_columns(line) / room) for line in text.splitlines())
    gaps = sum(not line for line in text.splitlines())
    wanted = _AIR_PX + lines * _LINE_PX + gaps * _GAP_PX
    highest = _PHONE_SCREEN_PX if width is Width.PHONE else _HIGHEST_PX
    return min(max(wanted, _LOWEST_PX), highest)


def _columns(line: str) -> int:
    """The line's length in letters; East Asian letters and emoji count as two."""
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in line)


_LEVELS = ("error", "warning")
_QUOTED = re.compile(r"`([^`]+)`")
_NUMBER = re.compile(r"(\d+)")


def level_counts(remarks: Sequence[Remark]) -> list[tuple[str, str]]:
    """The number of remarks of each level: `("error", "1 error")`; worst first."""
    found = [(level, sum(each.level == level for each in remarks)) for level in _LEVELS]
    return [(level, f"{n:,} {level}{'' if n == 1 else 's'}") for level, n in found if n]


def quoted(message: str) -> Markup:
    """The message, with text between backquotes as code."""
    pieces = _QUOTED.split(message)
    return Markup().join(
        Markup("<code>{}</code>").format(piece) if at % 2 else escape(piece)
        for at, piece in enumerate(pieces)
    )


def rows_linked(where: str, rows: Sequence[int]) -> Markup:
    """A place in words, with each of `rows` linked to its mail: `rows 3, 8 and 40 more`."""
    named = {str(row): url_for("preview.mail", row=row) for row in rows}
    link = Markup('<a href="{}">{}</a>')
    return Markup().join(
        link.format(named[piece], piece) if piece in named else escape(piece)
        for piece in _NUMBER.split(where)
    )


RECIPIENTS_PER_PAGE = 50
_LONGEST_QUERY = 200
# A click on a link would open its page inside the mail's frame. The sandbox refuses new windows, so
# with this target a click does nothing.
_LINKS_LEAD_NOWHERE = '<head><base target="_blank">'


def create_app(source: PreviewSource, token: str) -> Flask:
    """The pages over `source`, under `/<token>/`. They only show: nothing here sends anything."""
    app = Flask("workflow.notice.preview", static_folder=None)
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.jinja_env.filters |= {
        "level_counts": level_counts,
        "quoted": quoted,
        "rows_linked": rows_linked,
    }
    protect(app, token)
    pages = Blueprint(
        "preview",
        __name__,
        template_folder="templates",
        static_folder="static",
        static_url_path="/static",
        url_prefix=f"/{token}",
    )
    views = _Views(source)
    pages.add_url_rule("/", "index", views.index)
    pages.add_url_rule("/recipients", "recipients", views.recipients)
    pages.add_url_rule("/mail/<int:row>", "mail", views.mail)
    pages.add_url_rule("/mail/<int:row>/html", "mail_html", views.mail_html)
    app.register_blueprint(pages)
    app.register_error_handler(NoSuchMail, views.no_such_mail)
    app.register_error_handler(NotReadYet, views.not_read_yet)
    return app


class _Views:
    """One method for each page."""

    def __init__(self, source: PreviewSource) -> None:
        self._source = source

    def index(self) -> Response:
        first = self._source.recipients("", after_row=0, limit=1).recipients
        if not first:
            return self._page("empty", is_start=True)
        return self._mail_page(self._source.mail(first[0].row), is_start=True)

    def mail(self, row: int) -> Response:
        return self._mail_page(self._source.mail(row), is_start=False)

    def mail_html(self, row: int) -> Response:
        html = self._source.mail(row).html.replace("<head>", _LINKS_LEAD_NOWHERE, 1)
        response = make_response(html)
        response.headers["Content-Type"] = "text/html; charset=utf-8"
        response.headers["Content-Security-Policy"] = mail_policy()
        return response

    def recipients(self) -> Response:
        query = _query()
        after = max(request.args.get("after", 0, type=int), 0)
        found = self._source.recipients(query, after_row=after, limit=RECIPIENTS_PER_PAGE)
        return self._page("recipients", query=query, after=after, found=found)

    def no_such_mail(self, _: NoSuchMail) -> Response:
        response = self._page("missing")
        response.status_code = 404
        return response

    def not_read_yet(self, _: NotReadYet) -> Response:
        return self._page("reading")

    def _mail_page(self, mail: Mail, *, is_start: bool) -> Response:
        width = _width()
        by_line: dict[int, list[Remark]] = {}
        for remark in mail.remarks:
            by_line.setdefault(remark.line, []).append(remark)
        return self._page(
            "mail",
            is_start=is_start,
            mail=mail,
            lines=list(enumerate(mail.text.rstrip("\n").split("\n"), 1)),
            by_line=by_line,
            width=width,
            height_px=height_px(mail.text, width),
        )

    def _page(self, name: str, **values: Any) -> Response:
        shown = {"width": _width(), "query": _query(), "asked_width": _asked_width} | values
        return make_response(render_template(f"preview/{name}.html", source=self._source, **shown))


def _width() -> Width:
    """The requested width, else that of the viewer's screen."""
    asked = request.args.get("width", "")
    return Width(asked) if asked in set(Width) else _own_width()


def _own_width() -> Width:
    """The browser's own width: Chromium sends a header, others are known by name."""
    is_phone = request.headers.get("Sec-CH-UA-Mobile") == "?1" or "Mobi" in str(request.user_agent)
    return Width.PHONE if is_phone else Width.DESKTOP


def _asked_width(width: Width) -> str | None:
    """The width for a link; None if the page opens at it anyway."""
    return None if width is _own_width() else width.value


def _query() -> str:
    return " ".join(request.args.get("q", "").split())[:_LONGEST_QUERY]


LOOPBACK = "127.0.0.1"
# The socket's own queue is enough for one browser. This is how soon a stop is noticed.
POLL_SECONDS = 0.1


class Quiet(WSGIRequestHandler):
    """A handler that writes nothing to the terminal, which belongs to the person."""

    def log(self, type: str, message: str, *args: object) -> None:  # noqa: A002 - werkzeug's name
        """Log nothing: the lines would put the secret address into the terminal's history."""


@dataclass(frozen=True)
class PageServer:
    """A server that already listens; its pages answer once `serve` runs. `address` is its URL."""

    address: str
    _server: BaseWSGIServer

    def serve(self) -> None:
        """Answer until Ctrl-C or `stop`."""
        self._server.serve_forever(POLL_SECONDS)

    def stop(self) -> None:
        """End `serve`, which runs in another thread."""
        self._server.shutdown()


@contextmanager
def preview_server(source: PreviewSource) -> Iterator[PageServer]:
    """Listen on a free loopback port with these pages, and close at the end."""
    token = secrets.token_urlsafe(32)
    server = make_server(
        LOOPBACK, 0, create_app(source, token), threaded=True, request_handler=Quiet
    )
    try:
        yield PageServer(f"http://{LOOPBACK}:{server.port}/{token}/", server)
    finally:
        server.server_close()
