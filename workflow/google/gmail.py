"""Gmail v1: drafts, sending them, and what came into the mailbox."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from workflow.google.client import Api, Json, Media, all_pages, text_in, unreadable
from workflow.google.faults import Refused

_LARGEST_INLINE_BYTES = 1024 * 1024
# Whose mailbox: the signed-in person's.
_ME = {"userId": "me"}


class Draft(NamedTuple):
    """A draft in the mailbox. `id` stays; `message_id` changes with every edit."""

    id: str
    message_id: str
    thread_id: str


class Sent(NamedTuple):
    """A mail that Gmail has accepted. `message_id` is not the draft's: sending makes a new one."""

    message_id: str
    thread_id: str


class Listed(NamedTuple):
    """A message as a list names it."""

    id: str
    thread_id: str


class MessageFacts(NamedTuple):
    """What is asked of a message without its body. `headers` by their names in lower case.

    `received_at` is when Gmail took it in, `size` in bytes. Of a header that stands there several
    times the last is kept.
    """

    received_at: datetime
    size: int
    headers: dict[str, str]


class Gmail:
    """The mailbox of the signed-in person. Every method may raise GoogleFault.

    A message is given as the bytes of RFC 5322. Gmail puts a Message-ID of its own in place of
    the one given (seen in the field), so no message can be found again by that.
    """

    def __init__(self, api: Api) -> None:
        self._api = api

    def address(self) -> str:
        """The mailbox's own address. Needs gmail.compose or a scope that reads."""
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
        """The Message-ID that Gmail gave a sent message, "" for none. Needs a scope that reads."""
        answer = self._api.call(
            "users.messages.get",
            {**_ME, "id": message_id, "format": "metadata", "metadataHeaders": ["Message-ID"]},
        )
        headers = answer.get("payload", {}).get("headers", ())
        found = (each["value"] for each in headers if each["name"].lower() == "message-id")
        return str(next(found, ""))

    def list_messages(self, query: str, page: str = "") -> tuple[list[Listed], str]:
        """One page, up to 500, of the messages that a search finds, the newest first.

        `query` is in Gmail's search language. The text given back asks for the next page; it is
        empty behind the last. Needs a scope that reads.
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
        """When a message came in, its size, and these headers. Needs a scope that reads."""
        answer = self._api.call(
            "users.messages.get",
            {**_ME, "id": message_id, "format": "metadata", "metadataHeaders": list(names)},
        )
        headers = answer.get("payload", {}).get("headers", ())
        try:
            received_at = datetime.fromtimestamp(int(answer["internalDate"]) / 1000, UTC)
        except (KeyError, ValueError, OverflowError) as fault:
            raise unreadable("gmail.users.messages.get", repr(fault)) from fault
        named = {str(each["name"]).lower(): str(each["value"]) for each in headers}
        return MessageFacts(received_at, int(answer.get("sizeEstimate", 0)), named)

    def message_raw(self, message_id: str) -> bytes:
        """A message whole, in the bytes of RFC 5322. Needs a scope that reads."""
        method = "gmail.users.messages.get"
        answer = self._api.call("users.messages.get", {**_ME, "id": message_id, "format": "raw"})
        try:
            return base64.urlsafe_b64decode(text_in(answer, "raw", method=method))
        except binascii.Error as fault:
            raise unreadable(method, repr(fault)) from fault

    def create_draft(self, raw: bytes, thread_id: str | None = None) -> Draft:
        """Store a message as a draft, in the thread of `thread_id` where it is given."""
        message, media = _parts(raw, thread_id)
        answer = self._api.call("users.drafts.create", _ME, body={"message": message}, media=media)
        return _draft(answer, method="gmail.users.drafts.create")

    def send_draft(self, draft_id: str) -> Sent:
        """Send a draft, which is gone from then on: a second try is Refused with 404.

        That, and `draft_exists`, is how a lost answer is found out about.
        """
        answer = self._api.call("users.drafts.send", _ME, body={"id": draft_id})
        return _sent(answer, method="gmail.users.drafts.send")

    def draft_exists(self, draft_id: str) -> bool:
        """Whether the draft is still there. False when it was sent or deleted.

        After a time-out wait as long again and ask once more: a send may still be under way.
        """
        try:
            self._api.call("users.drafts.get", {**_ME, "id": draft_id, "format": "minimal"})
        except Refused as refused:
            if refused.status != 404:
                raise
            return False
        return True

    def get_draft_raw(self, draft_id: str) -> bytes:
        """The draft's message as Gmail holds it, in the bytes of RFC 5322."""
        answer = self._api.call("users.drafts.get", {**_ME, "id": draft_id, "format": "raw"})
        method = "gmail.users.drafts.get"
        try:
            return base64.urlsafe_b64decode(text_in(answer, "message", "raw", method=method))
        except binascii.Error as fault:
            raise unreadable(method, repr(fault)) from fault

    def list_drafts(self) -> list[Draft]:
        """Every draft of the mailbox, this program's and the person's own."""
        drafts = all_pages(self._api, "users.drafts.list", {**_ME, "maxResults": 500}, "drafts")
        return [_draft(draft, method="gmail.users.drafts.list") for draft in drafts]

    def delete_draft(self, draft_id: str) -> None:
        """Delete a draft for good. Refused with 404 when it is not there."""
        self._api.call("users.drafts.delete", {**_ME, "id": draft_id})

    def send_message(self, raw: bytes, thread_id: str | None = None) -> Sent:
        """Send a message in one step. After Undecided nothing can tell whether it went out."""
        message, media = _parts(raw, thread_id)
        answer = self._api.call("users.messages.send", _ME, body=message, media=media)
        return _sent(answer, method="gmail.users.messages.send")


def _parts(raw: bytes, thread_id: str | None) -> tuple[Json, Media | None]:
    """The resource for a message, and the message beside it where it is too large to be in it.

    A message of attachments goes up beside the resource: within it base64 would make it a third
    larger, and the size that Gmail takes there is not documented. The client can only upload
    ASCII (measured), which MIME made for transport is.
    """
    thread = {"threadId": thread_id} if thread_id else {}
    if len(raw) <= _LARGEST_INLINE_BYTES or not raw.isascii():
        return {"raw": base64.urlsafe_b64encode(raw).decode("ascii"), **thread}, None
    return thread, Media(raw, "message/rfc822")


def _draft(answer: Json, *, method: str) -> Draft:
    # The draft's own id is what everything hangs on; the rest is good to know.
    message = answer.get("message") or {}
    return Draft(
        text_in(answer, "id", method=method),
        str(message.get("id", "")),
        str(message.get("threadId", "")),
    )


def _sent(answer: Json, *, method: str) -> Sent:
    return Sent(text_in(answer, "id", method=method), str(answer.get("threadId", "")))
