"""The rehearsal's pages with its docs and mails; docs have the addresses in their links.

Also times, sizes and roles in words for the pages.

Every page tells the browser to allow nothing but its own text and styles. Only the forms on a
draft's page change anything: somebody sends, edits or deletes it, as in Gmail's own window. A form
carries a token that no other site can know, and is accepted only from a page of this server.
"""

from __future__ import annotations

import email.message
import hmac
import re
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from email import message_from_bytes
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.parser import BytesHeaderParser
from email.policy import compat32, default
from functools import lru_cache, wraps
from typing import Any, ParamSpec, Protocol

from flask import (
    Blueprint,
    Response,
    abort,
    make_response,
    redirect,
    render_template,
    request,
    url_for,
)
from flask import url_for as address_of
from werkzeug.wrappers import Response as AnyResponse

from google_rehearsal.docs.methods import Documents, kept_picture, published_file
from google_rehearsal.drive.resource import file_resource
from google_rehearsal.drive.world import DOC_TYPE, DriveFile, load_all, load_file
from google_rehearsal.export.html import StyleSheet, body_html, outline
from google_rehearsal.export.reading import Tab, read_tabs
from google_rehearsal.gmail.mime import part_content, part_text
from google_rehearsal.gmail.world import Message, message_of
from google_rehearsal.store import Store, StoredFile, StoredMail, World
from google_rehearsal.wire.admission import Caller

# --- A mail as it is read -------------------------------------------------------------------------

SHOWN_HEADERS = ("From", "To", "Cc", "Bcc", "Reply-To", "Subject", "Date")

_BLANK_LINE = re.compile(rb"\r?\n\r?\n")
_CHARACTERS_PER_LINE = 48
_LINE_HEIGHT_PX = 26


@dataclass(frozen=True)
class Summary:
    """A mail's line in a list: its recipient and its subject."""

    to: str
    subject: str

    def matches(self, query: str) -> bool:
        """Whether every word of the query is in the address or the subject, in any case."""
        text = f"{self.to} {self.subject}".casefold()
        return all(word in text for word in query.casefold().split())


@dataclass(frozen=True)
class Attachment:
    """An attached file; `size` is in bytes, decoded."""

    name: str
    content_type: str
    size: int


@dataclass(frozen=True)
class Letter:
    """A whole mail, decoded. `html` and `text` are empty if the mail has no such part."""

    headers: tuple[tuple[str, str], ...]
    text: str
    html: str
    attachments: tuple[Attachment, ...]
    source: str

    @property
    def subject(self) -> str:
        """The decoded subject, empty if there is none."""
        return self.header("Subject")

    def header(self, name: str) -> str:
        """A decoded header, empty if there is none."""
        return dict(self.headers).get(name, "")

    @property
    def height_px(self) -> int:
        """The estimated height of the HTML part on a phone in CSS pixels, within limits.

        Estimated from the plain text: a page without scripts can't measure its frame.
        """
        lines = sum(1 + len(line) // _CHARACTERS_PER_LINE for line in self.text.splitlines())
        return min(max(160 + lines * _LINE_HEIGHT_PX, 240), 960)


@lru_cache(maxsize=4096)
def summarize(raw: bytes) -> Summary:
    """Address and subject of an RFC 5322 message; reads no further than its headers."""
    headers = _headers(raw)
    return Summary(_decoded(headers["To"]), _decoded(headers["Subject"]))


def read_letter(raw: bytes) -> Letter:
    """The decoded message. Never raises: malformed parts are shown as far as they can be read."""
    message = message_from_bytes(raw, policy=default)
    found = _headers(raw)
    headers = ((name, _decoded(found[name])) for name in SHOWN_HEADERS)
    return Letter(
        headers=tuple((name, value) for name, value in headers if value),
        text=_body(message, "plain"),
        html=_body(message, "html"),
        attachments=tuple(_attachments(message)),
        source=raw.decode("utf-8", "replace"),
    )


def _headers(raw: bytes) -> email.message.Message:
    # The old policy accepts what the new one fails on, in a tenth of the time: a search in the list
    # reads every mail of the mailbox.
    head = _BLANK_LINE.split(raw, maxsplit=1)[0]
    return BytesHeaderParser(policy=compat32).parsebytes(head)


def _decoded(value: object) -> str:
    if value is None:
        return ""
    text = str(value)
    with suppress(LookupError, ValueError):
        text = str(make_header(decode_header(text)))
    return " ".join(text.split())


def _body(message: EmailMessage, kind: str) -> str:
    part = message.get_body((kind,))
    return "" if part is None else part_text(part)


def _attachments(message: EmailMessage) -> Iterator[Attachment]:
    for part in message.walk():
        if part.get_content_disposition() == "attachment" or part.get_filename():
            name = _decoded(part.get_filename()) or "attachment"
            yield Attachment(name, part.get_content_type(), len(part_content(part)))


_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_ROLES = {
    "owner": "owner",
    "organizer": "manager",
    "fileOrganizer": "content manager",
    "writer": "editor",
    "commenter": "commenter",
    "reader": "viewer",
}


def moment(at: datetime) -> str:
    """An aware time to the minute, on the clock of this machine: `24 Nov 2026, 14:39 CET`."""
    local = at.astimezone()
    return f"{local.day} {_MONTHS[local.month - 1]} {local.year}, {local:%H:%M} {local.tzname()}"


def parsed_moment(text: str) -> datetime | None:
    """An RFC 3339 time as Drive writes it; None if it is missing or invalid."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def size(size_bytes: int) -> str:
    """A size for people: `512 bytes`, `34 kB`, `2.1 MB`."""
    if size_bytes < 1000:
        return f"{size_bytes} bytes"
    if size_bytes < 1_000_000:
        return f"{size_bytes / 1000:.0f} kB"
    return f"{size_bytes / 1_000_000:.1f} MB"


def grantee(permission: Mapping[str, Any]) -> str:
    """The grantee of a Drive `Permission`: an address, a domain, or anyone with the link."""
    if permission.get("type") == "anyone":
        return "anyone with the link"
    if permission.get("type") == "domain":
        return f"everyone at {permission.get('domain', '')}"
    return str(permission.get("emailAddress") or permission.get("displayName") or "someone")


def role(permission: Mapping[str, Any]) -> str:
    """The role of a Drive `Permission` in Docs' words: `editor`, `viewer`…"""
    return _ROLES.get(str(permission.get("role")), "viewer")


# --- The pages ------------------------------------------------------------------------------------

_PAGE = {
    "default-src": "'none'",
    "style-src": "'self'",
    "img-src": "'self'",
    "frame-src": "'self'",
    "form-action": "'self'",
    "base-uri": "'none'",
    "frame-ancestors": "'none'",
}
_MAIL = {
    "default-src": "'none'",
    "style-src": "'unsafe-inline'",
    "img-src": "data:",
    "form-action": "'none'",
    "base-uri": "'none'",
    "frame-ancestors": "'self'",
    "sandbox": "",
}


def page_policy(nonce: str = "") -> str:
    """The Content-Security-Policy of a page; its one `style` element may carry `nonce`."""
    directives = _PAGE if not nonce else _PAGE | {"style-src": f"'self' 'nonce-{nonce}'"}
    return _written(directives)


def mail_policy() -> str:
    """The content policy of a mail's own HTML: it can't run, send or fetch anything."""
    return _written(_MAIL)


def guarded(response: Response) -> Response:
    """The response with the headers of every page; an existing policy is kept."""
    response.headers.setdefault("Content-Security-Policy", page_policy())
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["Cross-Origin-Opener-Policy"] = "same-origin"
    return response


def _written(directives: dict[str, str]) -> str:
    return "; ".join(f"{name} {value}".strip() for name, value in directives.items())


_SAME_SITE = {"", "same-origin"}


class AtTheMailbox(Protocol):
    """A person's actions on a draft. Each raises `ValueError` with a sentence."""

    def send(self, account: str, message_id: str, leaves: str) -> str:
        """Send the draft with this message; returns the id of the sent mail.

        `leaves` is what its id leads to afterwards: `gone` or `orphan`.
        """
        ...

    def edit(self, account: str, message_id: str, to: str, subject: str, text: str | None) -> str:
        """Save the draft; returns its message's new id. Without `text` the body stays."""
        ...

    def delete(self, account: str, message_id: str) -> None:
        """Delete the draft."""
        ...


class Desk:
    """The forms' addresses, and their token."""

    def __init__(self, people: AtTheMailbox, find: Callable[[str], tuple[StoredMail, Letter]]):
        self._people = people
        self._find = find
        self.word = secrets.token_urlsafe(24)

    def register(self, pages: Blueprint) -> None:
        """Add the addresses that the forms post to."""
        for what, view in (("send", self._send), ("edit", self._edit), ("delete", self._delete)):
            pages.add_url_rule(
                f"/mail/<message_id>/{what}",
                f"{what}_draft",
                self._guarded(view),
                methods=["POST"],
            )

    def _guarded(self, view: Callable[[str], AnyResponse]) -> Callable[[str], AnyResponse]:
        def answer(message_id: str) -> AnyResponse:
            if request.headers.get("Sec-Fetch-Site", "") not in _SAME_SITE:
                abort(403)
            if not hmac.compare_digest(request.form.get("word", ""), self.word):
                return _problem("This page is from before the server started. Load it again.", 403)
            try:
                return view(message_id)
            except KeyError:
                return make_response(render_template("rehearsal/missing.html"), 404)
            except ValueError as impossible:
                return _problem(str(impossible), 400)

        return answer

    def _send(self, message_id: str) -> AnyResponse:
        stored, _ = self._find(message_id)
        leaves = "orphan" if request.form.get("leaves") == "orphan" else "gone"
        sent = self._people.send(stored.account, stored.id, leaves)
        return redirect(address_of("pages.mail", message_id=sent), 303)

    def _edit(self, message_id: str) -> AnyResponse:
        stored, letter = self._find(message_id)
        text = _lines(request.form.get("text", ""))
        new_id = self._people.edit(
            stored.account,
            stored.id,
            request.form.get("to", ""),
            request.form.get("subject", ""),
            None if text == _lines(letter.text) else text,
        )
        return redirect(address_of("pages.mail", message_id=new_id), 303)

    def _delete(self, message_id: str) -> AnyResponse:
        stored, _ = self._find(message_id)
        self._people.delete(stored.account, stored.id)
        return redirect(address_of("pages.mailbox"), 303)


def _lines(text: str) -> str:
    # A browser sends a text area with CRLF, and drops a leading line break.
    return "\n".join(text.splitlines()).strip("\n") + "\n"


def _problem(sentence: str, status: int) -> Response:
    page = render_template("rehearsal/problem.html", sentence=sentence)
    return make_response(page, status)


MAILS_PER_PAGE = 50
# Shown above the sent mails; a long list of drafts would push those out of sight.
DRAFTS_SHOWN = 20

P = ParamSpec("P")


def blueprint(
    world: World, people: AtTheMailbox | None = None, leaves: Callable[[], str] = lambda: "gone"
) -> Blueprint:
    """The pages over `world`, to be registered at the root of the server.

    They are read-only, except for the forms on a draft's page, which act through `people`. `leaves`
    is the default for what a sent draft's id leads to: `gone` or `orphan`.
    """
    pages = Blueprint(
        "pages",
        __name__,
        template_folder="pages/templates",
        static_folder="pages/static",
        static_url_path="/pages",
    )
    desk = Desk(people, lambda found: _found(world, found)) if people else None
    views = _Views(world, desk.word if desk else "", leaves)
    pages.after_request(guarded)
    pages.app_template_filter("moment")(moment)
    pages.app_template_filter("size")(size)
    pages.app_template_filter("grantee")(grantee)
    pages.app_template_filter("role")(role)
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
    if desk is not None:
        desk.register(pages)
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
    """One method for each page; a `KeyError` from the world means that it doesn't exist."""

    def __init__(self, world: World, word: str, leaves: Callable[[], str]) -> None:
        self._world = world
        self._word = word
        self._leaves = leaves

    def index(self) -> Response:
        docs = [
            {
                **file,
                "at": parsed_moment(file.get("createdTime", "")),
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
            body=body_html(tab, sheet, in_steps=True),
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
        stored, letter = _found(self._world, message_id)
        leaves = self._leaves()
        return _page("mail", stored=stored, letter=letter, word=self._word, leaves=leaves)

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


def _found(world: World, message_id: str) -> tuple[StoredMail, Letter]:
    stored = world.mail(message_id)
    return stored, read_letter(stored.raw)


def _file(stored: StoredFile) -> Response:
    response = make_response(stored.content)
    response.headers["Content-Type"] = stored.media_type
    # A browser shows it as a picture or saves it, and never runs it.
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


# --- What the pages show --------------------------------------------------------------------------

_SENT = "WHERE labels LIKE '%\"SENT\"%'"
_IN_A_DRAFT = "WHERE labels LIKE '%\"DRAFT\"%' AND id IN (SELECT message_id FROM drafts)"
_MESSAGES = "SELECT rowid, * FROM messages "
_BY_TIME = " ORDER BY at_ms DESC, rowid DESC"


class StoredWorld:
    """Implements `world.World`; links in its resources are relative to the server."""

    def __init__(self, store: Store, documents: Documents) -> None:
        self._store = store
        self._documents = documents

    def documents(self) -> list[dict[str, Any]]:
        """As the protocol says."""
        with self._store.transaction() as db:
            found = [file for file in load_all(db) if _is_live_doc(file)]
        return [file_resource(file, _owner(file), "") for file in found]

    def document(self, doc_id: str) -> dict[str, Any]:
        """As the protocol says."""
        with self._store.transaction() as db:
            return self._documents.render(db, doc_id)

    def permissions(self, doc_id: str) -> list[dict[str, Any]]:
        """As the protocol says."""
        with self._store.transaction() as db:
            file = load_file(db, doc_id)
        if file is None:
            raise KeyError(doc_id)
        return sorted(file.permissions, key=lambda each: each["role"] != "owner")

    def mailbox(self) -> list[StoredMail]:
        """As the protocol says."""
        return self._mails(_SENT + _BY_TIME)

    def mail(self, message_id: str) -> StoredMail:
        """As the protocol says."""
        found = self._mails("WHERE id = ?", message_id)
        if not found:
            raise KeyError(message_id)
        return found[0]

    def published(self, file_id: str) -> StoredFile:
        """As the protocol says."""
        with self._store.transaction() as db:
            return _there(published_file(db, file_id))

    def picture(self, key: str) -> StoredFile:
        """As the protocol says."""
        with self._store.transaction() as db:
            return _there(kept_picture(db, key))

    def drafts(self) -> list[StoredMail]:
        """As the protocol says."""
        return self._mails(_IN_A_DRAFT + _BY_TIME)

    def _mails(self, condition: str, *values: str) -> list[StoredMail]:
        with self._store.transaction() as db:
            rows = db.execute(_MESSAGES + condition, values)
            return [_stored_mail(message_of(row)) for row in rows]


def _there(found: StoredFile | None) -> StoredFile:
    if found is None:
        raise KeyError
    return found


def _stored_mail(message: Message) -> StoredMail:
    return StoredMail(
        id=message.id,
        thread_id=message.thread_id,
        label_ids=message.labels,
        sent_at=datetime.fromtimestamp(message.at_ms / 1000, UTC),
        raw=message.raw,
        account=message.account,
    )


def _is_live_doc(file: DriveFile) -> bool:
    return file.mime_type == DOC_TYPE and not file.trashed


def _owner(file: DriveFile) -> Caller:
    return Caller(file.owner, "", file.creator_client, frozenset())
