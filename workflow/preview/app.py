"""The preview's pages: the sheet with a mail under it, the recipients, a mail's own HTML."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Flask, Response, make_response, render_template, request

from workflow.preview.frame import Width, height_px
from workflow.preview.guard import mail_policy, protect
from workflow.preview.marking import level_counts, quoted, rows_linked
from workflow.preview.source import Mail, NoSuchMail, NotReadYet, PreviewSource, Remark

RECIPIENTS_PER_PAGE = 50
_LONGEST_QUERY = 200
# A click on a link would lead away from the mail, inside its frame. A new window is what the
# sandbox refuses, so with this a click does nothing.
_LINKS_LEAD_NOWHERE = '<head><base target="_blank">'


def create_app(source: PreviewSource, token: str) -> Flask:
    """The pages over `source`, under `/<token>/`. They only look: nothing here sends anything."""
    app = Flask("workflow.preview", static_folder=None)
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
        shown = {"width": _width(), "query": _query()} | values
        return make_response(render_template(f"preview/{name}.html", source=self._source, **shown))


def _width() -> Width:
    return Width.PHONE if request.args.get("width") == Width.PHONE else Width.DESKTOP


def _query() -> str:
    return " ".join(request.args.get("q", "").split())[:_LONGEST_QUERY]
