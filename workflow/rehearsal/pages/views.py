"""The addresses of the rehearsal's pages; the docs' are the ones that their links carry."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any, ParamSpec

from flask import Blueprint, Response, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from workflow.rehearsal.export.blocks import Tab
from workflow.rehearsal.export.css import StyleSheet
from workflow.rehearsal.export.html import body_html, outline
from workflow.rehearsal.export.reading import read_tabs
from workflow.rehearsal.pages import words
from workflow.rehearsal.pages.guard import guarded, mail_policy, page_policy
from workflow.rehearsal.pages.letters import Summary, read_letter, summarize
from workflow.rehearsal.world import StoredFile, StoredMail, World

MAILS_PER_PAGE = 100
# Above what was sent, which a long list of them would push out of sight.
DRAFTS_SHOWN = 20

P = ParamSpec("P")


def blueprint(world: World) -> Blueprint:
    """The pages over `world`, to be registered at the root of the server.

    They only look: nothing that a browser asks for changes the rehearsal.
    """
    pages = Blueprint(
        "pages",
        __name__,
        template_folder="templates",
        static_folder="static",
        static_url_path="/pages",
    )
    views = _Views(world)
    pages.after_request(guarded)
    pages.app_template_filter("moment")(words.moment)
    pages.app_template_filter("size")(words.size)
    pages.app_template_filter("grantee")(words.grantee)
    pages.app_template_filter("role")(words.role)
    for address, name, view in (
        ("/", "index", views.index),
        ("/document/d/<doc_id>", "doc", views.to_editor),
        ("/document/d/<doc_id>/edit", "editor", views.editor),
        ("/mail", "mailbox", views.mailbox),
        ("/mail/<message_id>", "mail", views.mail),
        ("/mail/<message_id>/html", "mail_html", views.mail_html),
        ("/uc", "published", views.published),
        ("/docs-picture/<key>", "picture", views.picture),
    ):
        pages.add_url_rule(address, name, _or_missing(view))
    return pages


def _or_missing(view: Callable[P, AnyResponse]) -> Callable[P, AnyResponse]:
    @wraps(view)
    def answer(*args: P.args, **kwargs: P.kwargs) -> AnyResponse:
        try:
            return view(*args, **kwargs)
        except KeyError:
            return make_response(render_template("rehearsal/missing.html"), 404)

    return answer


class _Views:
    """One method for each page; `KeyError` from the world means that there is no such thing."""

    def __init__(self, world: World) -> None:
        self._world = world

    def index(self) -> Response:
        docs = [
            {
                **file,
                "at": words.parsed_moment(file.get("createdTime", "")),
                "permissions": self._world.permissions(file["id"]),
            }
            for file in self._world.documents()
        ]
        return _page(
            "index",
            docs=docs,
            sent=len(self._world.mailbox()),
            drafts=len(self._world.drafts()),
        )

    def to_editor(self, doc_id: str) -> AnyResponse:
        return redirect(url_for("pages.editor", doc_id=doc_id))

    def editor(self, doc_id: str) -> Response:
        document = self._world.document(doc_id)
        tabs = read_tabs(document)
        tab = _chosen(tabs, request.args.get("tab", ""))
        sheet = StyleSheet()
        nonce = secrets.token_urlsafe(16)
        response = _page(
            "editor",
            title=document.get("title", ""),
            doc_id=doc_id,
            tabs=tabs,
            tab=tab,
            outline=outline(tab),
            body=body_html(tab, sheet),
            css=sheet.css(),
            nonce=nonce,
            permissions=self._world.permissions(doc_id),
        )
        response.headers["Content-Security-Policy"] = page_policy(nonce)
        return response

    def mailbox(self) -> Response:
        query = request.args.get("q", "").strip()
        every = self._world.mailbox()
        found = every if not query else [m for m in every if summarize(m.raw).matches(query)]
        number = max(request.args.get("page", 1, type=int), 1)
        first = (number - 1) * MAILS_PER_PAGE
        drafts = self._world.drafts() if not query and number == 1 else []
        return _page(
            "mailbox",
            query=query,
            total=len(every),
            found=len(found),
            mails=_listed(found[first : first + MAILS_PER_PAGE]),
            first=first + 1,
            number=number,
            is_last=first + MAILS_PER_PAGE >= len(found),
            drafts=_listed(drafts[:DRAFTS_SHOWN]),
            draft_count=len(drafts),
        )

    def mail(self, message_id: str) -> Response:
        stored = self._world.mail(message_id)
        return _page("mail", stored=stored, letter=read_letter(stored.raw))

    def mail_html(self, message_id: str) -> Response:
        letter = read_letter(self._world.mail(message_id).raw)
        response = make_response(letter.html)
        response.headers["Content-Type"] = "text/html; charset=utf-8"
        response.headers["Content-Security-Policy"] = mail_policy()
        return response

    def published(self) -> Response:
        return _file(self._world.published(request.args.get("id", "")))

    def picture(self, key: str) -> Response:
        return _file(self._world.picture(key))


def _file(stored: StoredFile) -> Response:
    response = make_response(stored.content)
    response.headers["Content-Type"] = stored.media_type
    # Whatever it is, a browser shows a picture, or keeps the file, and runs nothing of it.
    response.headers["Content-Security-Policy"] = mail_policy()
    if not stored.media_type.startswith("image/"):
        response.headers["Content-Disposition"] = "attachment"
    return response


def _page(name: str, **values: Any) -> Response:
    return make_response(render_template(f"rehearsal/{name}.html", **values))


def _chosen(tabs: Sequence[Tab], tab_id: str) -> Tab:
    return next((tab for tab in tabs if tab.id == tab_id), tabs[0])


def _listed(mails: Sequence[StoredMail]) -> list[tuple[StoredMail, Summary]]:
    return [(mail, summarize(mail.raw)) for mail in mails]
