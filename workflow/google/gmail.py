"""Gmail v1: drafts, sending, and reading the mailbox."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from workflow.google.client import Api, Json, Media, all_pages, text_in, unreadable
from workflow.google.faults import Refused

_LARGEST_INLINE_BYTES = 1024 * 1024
# The signed-in person's mailbox.
_ME = {"userId": "me"}


class Draft(NamedTuple):
    """A draft in the mailbox. `id` stays; `message_id` changes with every edit."""

    id: str
    message_id: str
    thread_id: str


class DraftSeen(NamedTuple):
    """What Gmail shows of a draft id: its message, that message's thread and its labels.

    After a person has sent a draft in Gmail, its id may live on, with a message labelled SENT
    (reported by several clients). Don't delete it then: that would erase the sent mail.
    """

    message_id: str
    thread_id: str
    label_ids: frozenset[str]

    @property
    def is_sent(self) -> bool:
        """Whether its message was sent, so it is no longer a draft."""
        return "SENT" in self.label_ids


class DraftRead(NamedTuple):
    """A draft's current state: what Gmail shows of it, and its RFC 5322 bytes."""

    seen: DraftSeen
    raw: bytes


class AcceptedMail(NamedTuple):
    """A mail that Gmail has accepted. `message_id` is not the draft's: sending makes a new one."""

    message_id: str
    thread_id: str


class Listed(NamedTuple):
    """A message as a list returns it."""

    id: str
    thread_id: str


class MessageFacts(NamedTuple):
    """The requested headers of a message, without its body. Their names are in lower case.

    `received_at` is when Gmail received it, `size` is in bytes. Of a repeated header the last is
    kept.
    """

    received_at: datetime
    size: int
    headers: dict[str, str]


class Gmail:
    """The mailbox of the signed-in person. Every method may raise GoogleFault.

    A message is given as RFC 5322 bytes. Gmail replaces its Message-ID (seen in the field), so a
    message can't be found again by that.
    """

    def __init__(self, api: Api) -> None:
        self._api = api

    def address(self) -> str:
        """The mailbox's own address. Needs gmail.compose or a scope that reads mail."""
        answer = self._api.call("users.getProfile", {**_ME, "fields": "emailAddress"})
        return text_in(answer, "emailAddress", method="gmail.users.getProfile")

    def send_as(self) -> list[str]:
        """The addresses that this account may send from. Needs a scope that reads settings."""
        answer = self._api.call(
            "users.settings.sendAs.list",
            {**_ME, "fields": "sendAs(sendAsEmail,verificationStatus,isPrimary)"},
        )
        return [
            str(each["sendAsEmail"])
            for each in answer.get("sendAs", ())
            if each.get("isPrimary") or each.get("verificationStatus", "accepted") == "accepted"
        ]

    def message_id_header(self, message_id: str) -> str:
        """The Message-ID that Gmail gave a sent message, "" for none. Needs a scope that reads
        mail.
        """
        answer = self._api.call(
            "users.messages.get",
            {**_ME, "id": message_id, "format": "metadata", "metadataHeaders": ["Message-ID"]},
        )
        headers = answer.get("payload", {}).get("headers", ())
        found = (each["value"] for each in headers if each["name"].lower() == "message-id")
        return str(next(found, ""))

    def list_messages(self, query: str, page: str = "") -> tuple[list[Listed], str]:
        """One page, up to 500, of the messages that a search finds, the newest first.

        `query` is in Gmail's search language. The returned text requests the next page; it is empty
        after the last. Needs a scope that reads mail.
        """
        answer = self._api.call(
            "users.messages.list",
            {**_ME, "q": query, "maxResults": 500, "pageToken": page or None},
        )
        found = [
            Listed(str(each.get("id", "")), str(each.get("threadId", "")))
            for each in answer.get("messages", ())
        ]
        return found, str(answer.get("nextPageToken") or "")

    def message_facts(self, message_id: str, names: Sequence[str]) -> MessageFacts:
        """When a message arrived, its size, and these headers. Needs a scope that reads mail."""
        answer = self._api.call(
            "users.messages.get",
            {**_ME, "id": message_id, "format": "metadata", "metadataHeaders": list(names)},
        )
        try:
            received_at = datetime.fromtimestamp(int(answer["internalDate"]) / 1000, UTC)
        except (KeyError, ValueError, OverflowError) as fault:
            raise unreadable("gmail.users.messages.get", repr(fault)) from fault
        return MessageFacts(received_at, int(answer.get("sizeEstimate", 0)), _headers(answer))

    def message_raw(self, message_id: str) -> bytes:
        """A whole message as RFC 5322 bytes. Needs a scope that reads mail."""
        method = "gmail.users.messages.get"
        answer = self._api.call("users.messages.get", {**_ME, "id": message_id, "format": "raw"})
        try:
            return base64.urlsafe_b64decode(text_in(answer, "raw", method=method))
        except binascii.Error as fault:
            raise unreadable(method, repr(fault)) from fault

    def create_draft(self, raw: bytes, thread_id: str | None = None) -> Draft:
        """Store a message as a draft, in the thread `thread_id` if given."""
        message, media = _parts(raw, thread_id)
        answer = self._api.call("users.drafts.create", _ME, body={"message": message}, media=media)
        return _draft(answer, method="gmail.users.drafts.create")

    def send_draft(self, draft_id: str) -> AcceptedMail:
        """Send a draft. It is gone afterwards: a second try is Refused with 404.

        After a lost answer, that and `look_at_draft` show what happened.
        """
        answer = self._api.call("users.drafts.send", _ME, body={"id": draft_id})
        return _sent(answer, method="gmail.users.drafts.send")

    def look_at_draft(self, draft_id: str) -> DraftSeen | None:
        """What Gmail shows of a draft; None if it is gone: sent, or deleted.

        After a time-out, wait as long again and ask once more: a send may still be under way.
        """
        try:
            answer = self._api.call(
                "users.drafts.get", {**_ME, "id": draft_id, "format": "minimal"}
            )
        except Refused as refused:
            if refused.status != 404:
                raise
            return None
        return _seen(answer)

    def read_draft(self, draft_id: str) -> DraftRead | None:
        """A whole draft, with its current message id; None if it is gone."""
        method = "gmail.users.drafts.get"
        try:
            answer = self._api.call("users.drafts.get", {**_ME, "id": draft_id, "format": "raw"})
        except Refused as refused:
            if refused.status != 404:
                raise
            return None
        try:
            raw = base64.urlsafe_b64decode(text_in(answer, "message", "raw", method=method))
        except binascii.Error as fault:
            raise unreadable(method, repr(fault)) from fault
        return DraftRead(_seen(answer), raw)

    def update_draft(self, draft_id: str, raw: bytes, thread_id: str | None = None) -> Draft:
        """Replace the message of a draft, which keeps its id.

        Refused with 404 if it is gone, and with 400 if a person has sent it in Gmail.
        """
        message, media = _parts(raw, thread_id)
        answer = self._api.call(
            "users.drafts.update", {**_ME, "id": draft_id}, body={"message": message}, media=media
        )
        return _draft(answer, method="gmail.users.drafts.update")

    def get_draft_raw(self, draft_id: str) -> bytes:
        """The draft's current message, as RFC 5322 bytes."""
        answer = self._api.call("users.drafts.get", {**_ME, "id": draft_id, "format": "raw"})
        method = "gmail.users.drafts.get"
        try:
            return base64.urlsafe_b64decode(text_in(answer, "message", "raw", method=method))
        except binascii.Error as fault:
            raise unreadable(method, repr(fault)) from fault

    def draft_headers(self, draft_id: str) -> dict[str, str]:
        """A draft's headers by their names in lower case, and nothing of its body."""
        answer = self._api.call("users.drafts.get", {**_ME, "id": draft_id, "format": "metadata"})
        return _headers(answer.get("message") or {})

    def list_drafts(self, query: str = "") -> list[Draft]:
        """Every draft of the mailbox, this program's and the person's own.

        With `query`, in Gmail's search language, only those that it finds.
        """
        asked = {**_ME, "maxResults": 500, "q": query or None}
        drafts = all_pages(self._api, "users.drafts.list", asked, "drafts")
        return [_draft(draft, method="gmail.users.drafts.list") for draft in drafts]

    def delete_draft(self, draft_id: str) -> None:
        """Delete a draft permanently. Refused with 404 if it doesn't exist."""
        self._api.call("users.drafts.delete", {**_ME, "id": draft_id})

    def send_message(self, raw: bytes, thread_id: str | None = None) -> AcceptedMail:
        """Send a message in one step. After Undecided, it is unknown whether it was sent."""
        message, media = _parts(raw, thread_id)
        answer = self._api.call("users.messages.send", _ME, body=message, media=media)
        return _sent(answer, method="gmail.users.messages.send")


def _parts(raw: bytes, thread_id: str | None) -> tuple[Json, Media | None]:
    """The resource for a message; a large message is uploaded beside it.

    A message with attachments is uploaded beside the resource: inside it, base64 would make it a
    third larger, and the size that Gmail accepts there is not documented. The client can only
    upload ASCII (measured), which MIME for transport is.
    """
    thread = {"threadId": thread_id} if thread_id else {}
    if len(raw) <= _LARGEST_INLINE_BYTES or not raw.isascii():
        return {"raw": base64.urlsafe_b64encode(raw).decode("ascii"), **thread}, None
    return thread, Media(raw, "message/rfc822")


def _draft(answer: Json, *, method: str) -> Draft:
    # Everything depends on the draft's own id; the rest is optional.
    message = answer.get("message") or {}
    return Draft(
        text_in(answer, "id", method=method),
        str(message.get("id", "")),
        str(message.get("threadId", "")),
    )


def _headers(message: Json) -> dict[str, str]:
    """A message's headers by their names in lower case; of one that stands twice, the last."""
    headers = (message.get("payload") or {}).get("headers", ())
    return {str(each["name"]).lower(): str(each["value"]) for each in headers}


def _seen(answer: Json) -> DraftSeen:
    message = answer.get("message") or {}
    return DraftSeen(
        str(message.get("id", "")),
        str(message.get("threadId", "")),
        frozenset(map(str, message.get("labelIds", ()))),
    )


def _sent(answer: Json, *, method: str) -> AcceptedMail:
    return AcceptedMail(text_in(answer, "id", method=method), str(answer.get("threadId", "")))
