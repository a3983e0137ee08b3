"""People at the mailbox, who send, edit or delete drafts in Gmail's window.

No API call and no quota; as far as known, a draft then looks as on live Gmail. An edit gives the
draft's message a new id, and the draft keeps its own
(github.com/taylorwilsdon/google_workspace_mcp, PR 943). The setting `drafts_sent_by_hand` decides
what remains of a sent draft.
"""

from __future__ import annotations

import html
import mimetypes
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from email import policy
from email.message import EmailMessage, MIMEPart
from typing import cast

from google_rehearsal import store
from google_rehearsal.gmail import mime
from google_rehearsal.gmail.errors import MailRefused
from google_rehearsal.gmail.world import Draft, Mailbox, Message, edit_draft, send_mail
from google_rehearsal.store import Settings
from google_rehearsal.wire.admission import display_name_of
from google_rehearsal.wire.errors import GoogleError


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
