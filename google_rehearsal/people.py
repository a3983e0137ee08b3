"""People in the rehearsal who act at the mailbox or in a doc during a drill.

At the mailbox they send, edit or delete drafts in Gmail's window: no API call and no quota. As far
as known, a draft then looks as on live Gmail. An edit gives the draft's message a new id, and the
draft keeps its own (github.com/taylorwilsdon/google_workspace_mcp, PR 943). The setting
`drafts_sent_by_hand` decides what remains of a sent draft.

An act is an object in the form of the control API and of a scenario, `{"does": "edit_draft", …}`:

- `send_draft`, `delete_draft`: `draft` is a draft's id, or its recipient. `leaves` is
  what a sent draft's id leads to: `gone` or `orphan`, else the setting `drafts_sent_by_hand`.
- `edit_draft`: `draft`, and what changes: `to`, `cc`, `bcc`, `subject`, `text` (the whole body),
  `replace` (a pair: a text and its new words), `attach` (`{"name", "content"}`, in base64), `raw`
  (a whole message in base64). Nothing of these: the draft is saved again as it is.
- `type`: `text`, `after` a text of the doc, or at its end. `delete_text`: the first such `text`.
- `strike`: a line through the first such `text`.
- `suggest`, `suggest_deletion`, `suggest_strike`: the same as suggestions.
- `comment`: `text`, and `on` the words that it is about. `resolve`: the comment that says `text`.

`who` is the account that does it, the settings' own if left out; another account has a mailbox of
its own, and edits a doc that was shared with it. `doc` is a doc's id or title, the newest if left
out.
"""

from __future__ import annotations

import base64
import binascii
import html
import mimetypes
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email import policy
from email.message import EmailMessage, MIMEPart
from typing import Any, cast

from google_rehearsal import store
from google_rehearsal.docs.methods import Documents, Typist
from google_rehearsal.drive.world import DOC_TYPE, load_all, load_file, save_file
from google_rehearsal.gmail import mime
from google_rehearsal.gmail.errors import MailRefused
from google_rehearsal.gmail.world import Draft, Mailbox, Message, edit_draft, send_mail
from google_rehearsal.store import Settings
from google_rehearsal.wire.admission import display_name_of
from google_rehearsal.wire.errors import GoogleError
from google_rehearsal.wire.pipeline import Pipeline

# --- At the mailbox -------------------------------------------------------------------------------


class NotPossible(ValueError):
    """Something that a person can't do at this mailbox; the text is a sentence about it."""


@dataclass(frozen=True)
class DraftEdit:
    """A person's changes to a draft; None leaves a part unchanged.

    `text` replaces the whole body, as plain text and as HTML. `replace` is a text and its
    replacement, wherever the body shows it. `attach` holds names and contents. `raw` is a whole
    message, in place of everything. An empty edit saves the draft again.
    """

    to: str | None = None
    cc: str | None = None
    bcc: str | None = None
    subject: str | None = None
    text: str | None = None
    replace: tuple[str, str] | None = None
    attach: tuple[tuple[str, bytes], ...] = ()
    raw: bytes | None = None


@dataclass(frozen=True)
class PersonAtMailbox:
    """A person in Gmail's window, inside one transaction. `now` is in epoch seconds."""

    db: sqlite3.Connection
    account: str
    settings: Settings
    now: float

    def sends_draft(self, which: str, leaves: str = "") -> Message:
        """Send a draft; returns the sent mail. Raises `NotPossible`.

        `leaves` says what remains of the draft's id: `gone`, `orphan`, or by the settings.
        """
        leaves = leaves or self.settings.drafts_sent_by_hand
        if leaves not in {"gone", "orphan"}:
            raise NotPossible(f"A sent draft leaves 'gone' or 'orphan', not {leaves!r}.")
        mailbox, draft = self._found(which)
        try:
            mail = mime.read(draft.message.raw)
            sent = send_mail(mailbox, mail, draft.message.thread_id, self.settings, self.now)
        except (GoogleError, MailRefused) as refused:
            raise NotPossible(f"Gmail does not send this draft: {refused}.") from refused
        if leaves == "orphan":
            mailbox.leave_orphan(draft, sent)
        else:
            mailbox.remove_draft(draft)
        return sent

    def edits_draft(self, which: str, edit: DraftEdit) -> Draft:
        """Edit a draft; returns it with its new message. Raises `NotPossible`."""
        mailbox, draft = self._found(which)
        sender = mime.Sender(
            self.account,
            display_name_of(self.account, self.settings),
            tuple(self.settings.aliases.get(self.account, ())),
        )
        try:
            mail = mime.prepared(
                edited(draft.message.raw, edit),
                sender,
                message_id=store.message_id_header(),
                now=datetime.fromtimestamp(self.now, UTC),
            )
        except MailRefused as refused:
            raise NotPossible(f"Gmail does not keep this draft: {refused}.") from refused
        return edit_draft(mailbox, draft, mail, self.now)

    def deletes_draft(self, which: str) -> None:
        """Delete a draft permanently. Raises `NotPossible`."""
        mailbox, draft = self._found(which)
        mailbox.remove_draft(draft)

    def _found(self, which: str) -> tuple[Mailbox, Draft]:
        """The one draft with this id, message id or recipient."""
        mailbox = Mailbox(self.db, self.account)
        wanted = which.strip().lower()
        found = [
            draft
            for draft in mailbox.drafts()
            if wanted in {draft.id, draft.message.id} or wanted in _recipients(draft.message.raw)
        ]
        if len(found) != 1:
            count = "no draft" if not found else f"{len(found)} drafts"
            raise NotPossible(f"{self.account} has {count} with the id or recipient {which!r}.")
        return mailbox, found[0]


def edited(raw: bytes, edit: DraftEdit) -> bytes:
    """A draft's message after a person's edit. Raises `NotPossible`."""
    if edit.raw is not None:
        return edit.raw
    message = mime.parse(raw)
    for name, value in (
        ("To", edit.to),
        ("Cc", edit.cc),
        ("Bcc", edit.bcc),
        ("Subject", edit.subject),
    ):
        if value is not None:
            del message[name]
            if value:
                _set_header(message, name, value)
    if edit.text is not None:
        _set_text(message, edit.text)
    if edit.replace is not None:
        _replace(message, *edit.replace)
    for name, content in edit.attach:
        kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
        main, _, sub = kind.partition("/")
        message.add_attachment(content, maintype=main, subtype=sub, filename=name)
    return message.as_bytes(policy=policy.SMTP)


def _set_header(message: EmailMessage, name: str, value: str) -> None:
    try:
        message[name] = value
    except ValueError as bad:
        raise NotPossible(f"{name} can't be {value!r}: {bad}.") from bad


def _set_text(message: EmailMessage, text: str) -> None:
    plain, rich = message.get_body(("plain",)), message.get_body(("html",))
    shown = html.escape(text).replace("\n", "<br>")
    if plain is not None:
        plain.set_content(text)
    if rich is not None:
        rich.set_content(f'<div dir="ltr">{shown}</div>', subtype="html")
    if plain is None and rich is None:
        message.set_content(text)


def _replace(message: EmailMessage, old: str, new: str) -> None:
    changed = 0
    for part in _texts(message):
        is_html = part.get_content_type() == "text/html"
        before, after = (html.escape(old), html.escape(new)) if is_html else (old, new)
        content = str(part.get_content())
        if old and before in content:
            subtype = part.get_content_subtype()
            part.set_content(content.replace(before, after), subtype=subtype)
            changed += 1
    if not changed:
        raise NotPossible(f"The draft does not say {old!r}.")


def _texts(message: EmailMessage) -> Iterable[MIMEPart]:
    for part in message.walk():
        body = cast(MIMEPart, part)
        if body.get_content_maintype() == "text" and not body.is_attachment():
            yield body


def _recipients(raw: bytes) -> set[str]:
    try:
        return {address.lower() for address in mime.read(raw).recipients}
    except MailRefused:
        return set()


# --- In a drill -----------------------------------------------------------------------------------


def place_of(document: Mapping[str, Any], text: str) -> tuple[int, int] | None:
    """Start and end, in UTF-16 units, of a text's first occurrence in the first tab.

    The text must be within one paragraph; None if there is none.
    """
    wanted = text.encode("utf-16-le")
    body = document["tabs"][0]["documentTab"]["body"]["content"]
    for paragraph in _paragraphs(body):
        elements = paragraph["elements"]
        units = b"".join(_units(each) for each in elements)
        at = units.find(wanted)
        while at >= 0 and at % 2:  # between the two bytes of a unit
            at = units.find(wanted, at + 1)
        if at >= 0:
            start = int(elements[0]["startIndex"]) + at // 2
            return start, start + len(wanted) // 2
    return None


def _paragraphs(content: list[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    for element in content:
        if "paragraph" in element:
            yield element["paragraph"]
        for row in element.get("table", {}).get("tableRows", ()):
            for cell in row["tableCells"]:
                yield from _paragraphs(cell["content"])


def _units(element: Mapping[str, Any]) -> bytes:
    content = element.get("textRun", {}).get("content")
    length = int(element["endIndex"]) - int(element.get("startIndex", 0))
    return (content if content is not None else "\ufffc" * length).encode("utf-16-le")


_AT_THE_MAILBOX = frozenset({"send_draft", "edit_draft", "delete_draft"})
_EDITS = ("to", "cc", "bcc", "subject", "text", "replace", "attach", "raw")
_FIELDS: Mapping[str, tuple[str, ...]] = {
    "send_draft": ("draft", "leaves"),
    "delete_draft": ("draft",),
    "edit_draft": ("draft", *_EDITS),
    "type": ("doc", "text", "after"),
    "delete_text": ("doc", "text"),
    "suggest": ("doc", "text", "after"),
    "suggest_deletion": ("doc", "text"),
    "suggest_strike": ("doc", "text"),
    "strike": ("doc", "text"),
    "comment": ("doc", "text", "on"),
    "resolve": ("doc", "text"),
}


def act(
    db: sqlite3.Connection, documents: Documents, settings: Settings, now: float, given: Any
) -> dict[str, Any]:
    """Carry out an act; returns the ids that it touched. Raises `NotPossible`."""
    value = _checked(given)
    does, who = value["does"], str(value.get("who", settings.account)).lower()
    if does in _AT_THE_MAILBOX:
        return _at_the_mailbox(PersonAtMailbox(db, who, settings, now), does, value)
    if does in {"comment", "resolve"}:
        return _beside_the_doc(db, who, now, does, value)
    return _in_the_doc(documents, Typist(db, who, settings, now), does, value)


class People:
    """The people at the mailbox, for the forms of the pages (`pages.desk.AtTheMailbox`)."""

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline

    def send(self, account: str, message_id: str, leaves: str) -> str:
        """As the protocol says."""
        with self._person(account) as person:
            return person.sends_draft(message_id, leaves).id

    def edit(self, account: str, message_id: str, to: str, subject: str, text: str | None) -> str:
        """As the protocol says."""
        with self._person(account) as person:
            edit = DraftEdit(to=to, subject=subject, text=text)
            return person.edits_draft(message_id, edit).message.id

    def delete(self, account: str, message_id: str) -> None:
        """As the protocol says."""
        with self._person(account) as person:
            person.deletes_draft(message_id)

    @contextmanager
    def _person(self, account: str) -> Iterator[PersonAtMailbox]:
        pipeline = self._pipeline
        with pipeline.store.transaction() as db:
            yield PersonAtMailbox(db, account, pipeline.settings, pipeline.clock())


def _checked(given: Any) -> Mapping[str, Any]:
    if not isinstance(given, Mapping) or given.get("does") not in list(_FIELDS):
        raise NotPossible(f'An act says what it "does": {", ".join(_FIELDS)}; not {given!r}.')
    known = {"does", "who", *_FIELDS[given["does"]]}
    if unknown := sorted(set(given) - known):
        raise NotPossible(f"{given['does']} has no {unknown[0]!r}; it has {', '.join(known)}.")
    if given["does"] in _AT_THE_MAILBOX and not isinstance(given.get("draft"), str):
        raise NotPossible(f'{given["does"]} needs "draft", an id or an address.')
    if given["does"] not in _AT_THE_MAILBOX and not given.get("text"):
        raise NotPossible(f'{given["does"]} needs "text".')
    for name in set(given) - {"replace", "attach"}:
        if not isinstance(given[name], str):
            raise NotPossible(f"{name} is a text, not {given[name]!r}.")
    return given


def _at_the_mailbox(person: PersonAtMailbox, does: str, value: Mapping[str, Any]) -> dict[str, Any]:
    which = value["draft"]
    if does == "send_draft":
        sent = person.sends_draft(which, value.get("leaves", ""))
        return {"id": sent.id, "threadId": sent.thread_id}
    if does == "delete_draft":
        person.deletes_draft(which)
        return {}
    draft = person.edits_draft(which, _edit(value))
    return {"draft": draft.id, "id": draft.message.id, "threadId": draft.message.thread_id}


def _edit(value: Mapping[str, Any]) -> DraftEdit:
    replace = value.get("replace")
    if replace is not None and not (
        isinstance(replace, list)
        and len(replace) == 2
        and all(isinstance(each, str) for each in replace)
    ):
        raise NotPossible(f"replace is a pair of texts, old and new; not {replace!r}.")
    return DraftEdit(
        to=value.get("to"),
        cc=value.get("cc"),
        bcc=value.get("bcc"),
        subject=value.get("subject"),
        text=value.get("text"),
        replace=(replace[0], replace[1]) if replace else None,
        attach=tuple(_attachment(each) for each in value.get("attach", ())),
        raw=None if value.get("raw") is None else _bytes("raw", value["raw"]),
    )


def _attachment(given: Any) -> tuple[str, bytes]:
    if not isinstance(given, Mapping) or not isinstance(given.get("name"), str):
        raise NotPossible('attach is a list of {"name", "content"}.')
    return given["name"], _bytes("content", given.get("content", ""))


def _bytes(name: str, text: Any) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, TypeError, ValueError) as bad:
        raise NotPossible(f"{name} is in base64.") from bad


def _in_the_doc(
    documents: Documents, typist: Typist, does: str, value: Mapping[str, Any]
) -> dict[str, Any]:
    doc_id = _doc(typist.db, value.get("doc", ""))
    document = documents.render(typist.db, doc_id)
    try:
        request = _REQUESTS[does](document, value)
        documents.edited_by(typist, doc_id, request, suggest=does.startswith("suggest"))
    except GoogleError as refused:
        raise NotPossible(f"{typist.account} can't edit this doc: {refused}.") from refused
    return {"doc": doc_id}


def _beside_the_doc(
    db: sqlite3.Connection, who: str, now: float, does: str, value: Mapping[str, Any]
) -> dict[str, Any]:
    """Comment on a doc, or resolve a comment."""
    file = load_file(db, _doc(db, value.get("doc", "")))
    if file is None or not file.allows(who, "commenter"):
        raise NotPossible(f"{who} can't comment on this doc.")
    if does == "comment":
        at = datetime.fromtimestamp(now, UTC).isoformat(timespec="milliseconds")
        comment = {
            "kind": "drive#comment",
            "id": f"AAAA{len(file.comments) + 1:06}",
            "createdTime": at.replace("+00:00", "Z"),
            # Drive gives no address of a comment's author.
            "author": {"kind": "drive#user", "displayName": who.partition("@")[0], "me": False},
            "content": value["text"],
            "deleted": False,
            "replies": [],
        }
        if value.get("on"):
            quoted = {"mimeType": "text/html", "value": value["on"]}
            comment["quotedFileContent"] = quoted
        file.comments.append(comment)
    else:
        mine = [each for each in file.comments if each["content"] == value["text"]]
        if not mine:
            raise NotPossible(f"The doc has no comment that says {value['text']!r}.")
        mine[0]["resolved"] = True
    save_file(db, file)
    return {"doc": file.id}


def _insertion(document: Mapping[str, Any], value: Mapping[str, Any]) -> dict[str, Any]:
    text, after = value["text"], value.get("after", "")
    if not after:
        return {"insertText": {"endOfSegmentLocation": {}, "text": text}}
    _, end = _place(document, after)
    return {"insertText": {"location": {"index": end}, "text": text}}


def _deletion(document: Mapping[str, Any], value: Mapping[str, Any]) -> dict[str, Any]:
    start, end = _place(document, value["text"])
    return {"deleteContentRange": {"range": {"startIndex": start, "endIndex": end}}}


def _line_through(document: Mapping[str, Any], value: Mapping[str, Any]) -> dict[str, Any]:
    start, end = _place(document, value["text"])
    where = {"startIndex": start, "endIndex": end}
    style = {"strikethrough": True}
    return {"updateTextStyle": {"range": where, "textStyle": style, "fields": "strikethrough"}}


_REQUESTS: Mapping[str, Callable[[Mapping[str, Any], Mapping[str, Any]], dict[str, Any]]] = {
    "type": _insertion,
    "suggest": _insertion,
    "delete_text": _deletion,
    "suggest_deletion": _deletion,
    "strike": _line_through,
    "suggest_strike": _line_through,
}


def _place(document: Mapping[str, Any], text: str) -> tuple[int, int]:
    found = place_of(document, text)
    if found is None:
        raise NotPossible(f"The doc has no paragraph that says {text!r}.")
    return found


def _doc(db: sqlite3.Connection, wanted: str) -> str:
    docs = [each for each in load_all(db) if each.mime_type == DOC_TYPE and not each.trashed]
    fitting = [each for each in docs if not wanted or wanted in {each.id, each.name}]
    if not fitting:
        raise NotPossible(f"There is no doc {wanted!r}." if wanted else "There is no doc yet.")
    return fitting[0].id
