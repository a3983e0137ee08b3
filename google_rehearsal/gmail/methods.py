"""The Gmail v1 methods on drafts, messages, the profile and the addresses to send from.

If a person sends a draft in Gmail's window, its id may live on, depending on the setting
`drafts_sent_by_hand`. `drafts.get` then returns a message labelled SENT, `drafts.list` omits it,
`drafts.update` and `drafts.send` answer 400, and `drafts.delete` permanently deletes the sent mail:
reported by several users, not tested on live Google.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from google_rehearsal import store
from google_rehearsal.gmail import errors, mime
from google_rehearsal.gmail.errors import MailRefused
from google_rehearsal.gmail.mime import Mail, Sender
from google_rehearsal.gmail.resource import brief, parse_search, resource
from google_rehearsal.gmail.world import Draft, Mailbox, Message, edit_draft, send_mail
from google_rehearsal.wire.call import Answer, Api, Call
from google_rehearsal.wire.errors import invalid_argument, not_found
from google_rehearsal.wire.schema import decoded_bytes

_MESSAGE_ID = re.compile(r"[0-9a-f]{1,16}")
_DRAFT_ID = re.compile(r"r-?\d{1,20}")
_NO_RAW = "'raw' RFC822 payload message string or uploading message via /upload/* URL required"
_READING = ("gmail.readonly", "gmail.modify", "mail.google.com")
_LABELS = ("INBOX", "SENT", "DRAFT", "UNREAD", "STARRED", "IMPORTANT", "SPAM", "TRASH")


def gmail_api() -> Api:
    """The methods by their ids."""
    return Api(
        {
            "gmail.users.getProfile": _profile,
            "gmail.users.labels.list": _labels,
            "gmail.users.settings.sendAs.list": _send_as,
            "gmail.users.drafts.create": _create_draft,
            "gmail.users.drafts.get": _get_draft,
            "gmail.users.drafts.list": _list_drafts,
            "gmail.users.drafts.update": _update_draft,
            "gmail.users.drafts.send": _send_draft,
            "gmail.users.drafts.delete": _delete_draft,
            "gmail.users.messages.send": _send,
            "gmail.users.messages.get": _get,
            "gmail.users.messages.list": _list,
        }
    )


def _create_draft(call: Call) -> Answer:
    mailbox = _mailbox(call)
    if "message" not in call.body and not call.media:
        raise invalid_argument("Missing draft message")
    mail, thread = _given(call, mailbox, call.body.get("message", {}))
    message = mailbox.add(mail, ["DRAFT"], _now_ms(call), thread)
    return _draft_answer(mailbox.add_draft(message))


def _update_draft(call: Call) -> Answer:
    mailbox = _mailbox(call)
    draft = _unsent(_draft(mailbox, call.path["id"]))
    if "message" not in call.body and not call.media:
        raise invalid_argument("Missing draft message")
    return _draft_answer(_edited(call, mailbox, draft))


def _get_draft(call: Call) -> Answer:
    draft = _draft(_mailbox(call), call.path["id"])
    return {"id": draft.id, "message": resource(draft.message, call.text("format", "full"))}


def _list_drafts(call: Call) -> Answer:
    test = parse_search(call.text("q"), call.now)
    found = [draft for draft in _mailbox(call).drafts() if test(draft.message)]
    page, answer = _page(call, found)
    briefs = [
        {"id": draft.id, "message": {"id": draft.message.id, "threadId": draft.message.thread_id}}
        for draft in page
    ]
    return ({"drafts": briefs} if briefs else {}) | answer


def _send_draft(call: Call) -> Answer:
    mailbox = _mailbox(call)
    draft = _unsent(_draft(mailbox, call.body.get("id", "")))
    if "message" in call.body or call.media:
        draft = _edited(call, mailbox, draft)
    message = _sent(call, mailbox, mime.read(draft.message.raw), draft.message.thread_id)
    mailbox.remove_draft(draft)
    return brief(message)


def _delete_draft(call: Call) -> Answer:
    mailbox = _mailbox(call)
    mailbox.remove_draft(_draft(mailbox, call.path["id"]))
    return None


def _send(call: Call) -> Answer:
    mailbox = _mailbox(call)
    mail, thread = _given(call, mailbox, call.body)
    return brief(_sent(call, mailbox, mail, thread))


def _get(call: Call) -> Answer:
    form = call.text("format", "full")
    if not call.caller.holds(*_READING) and form in {"full", "raw"}:
        raise errors.forbidden(f"Metadata scope doesn't allow format {form.upper()}")
    message_id = call.path["id"]
    if not _MESSAGE_ID.fullmatch(message_id):
        raise invalid_argument("Invalid id value")
    message = _mailbox(call).message(message_id)
    if message is None:
        raise not_found()
    return resource(message, form, call.query.get("metadataHeaders", ()))


def _list(call: Call) -> Answer:
    if "q" in call.query and not call.caller.holds(*_READING):
        raise errors.forbidden("Metadata scope does not support 'q' parameter")
    test = parse_search(call.text("q"), call.now)
    labels = set(call.query.get("labelIds", ()))
    found = [
        message
        for message in _mailbox(call).messages()
        if labels <= set(message.labels) and test(message)
    ]
    page, answer = _page(call, found)
    briefs = [{"id": message.id, "threadId": message.thread_id} for message in page]
    return ({"messages": briefs} if briefs else {}) | answer | {"resultSizeEstimate": len(found)}


def _profile(call: Call) -> Answer:
    messages, threads = _mailbox(call).counts()
    return {
        "emailAddress": call.caller.account,
        "messagesTotal": messages,
        "threadsTotal": threads,
        "historyId": str(messages + 1),
    }


def _labels(call: Call) -> Answer:
    _mailbox(call)
    return {"labels": [{"id": name, "name": name, "type": "system"} for name in _LABELS]}


def _send_as(call: Call) -> Answer:
    _mailbox(call)
    sender = _sender(call)
    own = {
        "sendAsEmail": sender.account,
        "displayName": sender.display_name,
        "replyToAddress": "",
        "signature": "",
        "isPrimary": True,
        "isDefault": True,
    }
    others = [
        {
            "sendAsEmail": alias,
            "displayName": sender.display_name,
            "replyToAddress": "",
            "signature": "",
            "isDefault": False,
            "treatAsAlias": True,
            "verificationStatus": "accepted",
        }
        for alias in sender.aliases
    ]
    return {"sendAs": [own, *others]}


def _mailbox(call: Call) -> Mailbox:
    account = call.caller.account
    if call.path["userId"].lower() not in {"me", account}:
        raise errors.forbidden(f"Delegation denied for {account}")
    return Mailbox(call.db, account)


def _sender(call: Call) -> Sender:
    caller = call.caller
    return Sender(
        caller.account, caller.display_name, tuple(call.settings.aliases.get(caller.account, ()))
    )


def _given(call: Call, mailbox: Mailbox, body: Mapping[str, Any]) -> tuple[Mail, str]:
    raw = call.media.content if call.media else decoded_bytes(body.get("raw", ""))
    if not raw:
        raise invalid_argument(_NO_RAW)
    if len(raw) > mime.MAX_BYTES:
        raise errors.too_large(mime.MAX_BYTES)
    try:
        mail = mime.prepared(
            raw, _sender(call), message_id=store.message_id_header(), now=_moment(call)
        )
    except MailRefused as error:
        raise invalid_argument(str(error)) from error
    return mail, _thread(mailbox, mail, body.get("threadId", ""))


def _thread(mailbox: Mailbox, mail: Mail, wanted: str) -> str:
    if wanted and not _MESSAGE_ID.fullmatch(wanted):
        raise invalid_argument("Invalid thread_id value")
    if wanted and not mailbox.thread_exists(wanted):
        raise not_found()
    # A message joins a thread only if its id, its references and its subject all match: the
    # reference on `Message.threadId`. Without the id, the other two are enough.
    return mailbox.thread_for(mail)


def _edited(call: Call, mailbox: Mailbox, draft: Draft) -> Draft:
    mail, thread = _given(call, mailbox, call.body.get("message", {}))
    return edit_draft(mailbox, draft, mail, call.now, thread)


def _sent(call: Call, mailbox: Mailbox, mail: Mail, thread: str) -> Message:
    return send_mail(mailbox, mail, thread, call.settings, call.now)


def _draft(mailbox: Mailbox, draft_id: str) -> Draft:
    if not draft_id:
        raise invalid_argument("Missing draft id")
    if not _DRAFT_ID.fullmatch(draft_id):
        raise invalid_argument("Invalid draft id")
    draft = mailbox.draft(draft_id)
    if draft is None:
        raise not_found()
    return draft


def _unsent(draft: Draft) -> Draft:
    """The draft. Raises the 400 for an id whose draft was sent."""
    if draft.was_sent:
        raise invalid_argument("Message not a draft")
    return draft


def _draft_answer(draft: Draft) -> dict[str, Any]:
    return {"id": draft.id, "message": brief(draft.message)}


def _page(call: Call, found: list[Any]) -> tuple[list[Any], dict[str, Any]]:
    size = min(call.number("maxResults", 100), 500)
    try:
        start = int(json.loads(base64.urlsafe_b64decode(call.text("pageToken") or "MA==")))
    except (ValueError, TypeError) as error:
        raise invalid_argument("Invalid pageToken") from error
    page = found[start : start + size]
    if start + size >= len(found):
        return page, {}
    token = base64.urlsafe_b64encode(json.dumps(start + size).encode()).decode()
    return page, {"nextPageToken": token}


def _moment(call: Call) -> datetime:
    return datetime.fromtimestamp(call.now, UTC)


def _now_ms(call: Call) -> int:
    return int(call.now * 1000)
