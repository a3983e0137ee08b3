"""The Gmail v1 methods on drafts, messages, profile and aliases, and what they return.

`q` of `messages.list` is supported in part: terms are joined by "and"; `-` negates a term. Source:
Gmail's help on search operators. Parts that the rehearsal lacks (`OR`, braces, other operators) are
refused with 501: as plain words they would find nothing and hide the gap.

If a person sends a draft in Gmail's window, its id may live on, depending on the setting
`drafts_sent_by_hand`. `drafts.get` then returns a message labelled SENT, `drafts.list` omits it,
`drafts.update` and `drafts.send` answer 400, and `drafts.delete` permanently deletes the sent mail:
reported by several users, not tested on live Google.
"""

from __future__ import annotations

import base64
import html
import re
from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime
from email.message import EmailMessage
from typing import Any

from google_rehearsal import store
from google_rehearsal.gmail import errors, mime
from google_rehearsal.gmail.errors import MailRefused
from google_rehearsal.gmail.mime import (
    FAULTS_OF_PARSING,
    Mail,
    Sender,
    header_text,
    parse,
    part_content,
    part_text,
    readable,
)
from google_rehearsal.gmail.world import Draft, Mailbox, Message, edit_draft, send_mail
from google_rehearsal.wire.call import Answer, Api, Call, page_token, read_page_token
from google_rehearsal.wire.errors import decoded_bytes, invalid_argument, not_found, not_rehearsed

# --- The resource ---------------------------------------------------------------------------------

_SNIPPET_CHARS = 200
# A part without an end reaches to the end: to look for it from every tag would take minutes.
_TAGS = re.compile(r"<(style|script|head)\b.*?(?:</\1>|\Z)|<[^<>]+>", re.DOTALL | re.IGNORECASE)
# Deeper parts are left out: each takes two of the levels that JSON may have (`wire.call`).
_DEEPEST_PARTS = 40


def brief(message: Message) -> dict[str, Any]:
    """The answer of methods that write: ids and labels."""
    return {"id": message.id, "threadId": message.thread_id, "labelIds": list(message.labels)}


def resource(message: Message, form: str, metadata_headers: Collection[str] = ()) -> dict[str, Any]:
    """The message in a format: `minimal`, `full`, `raw` or `metadata`.

    `metadata_headers` limits the headers of `metadata`, in any case; none means all.
    """
    parsed = parse(message.raw)
    answer = brief(message) | {
        "snippet": snippet(parsed),
        "historyId": str(message.serial),
        "internalDate": str(message.at_ms),
        "sizeEstimate": len(message.raw),
    }
    if form == "raw":
        answer["raw"] = base64.urlsafe_b64encode(message.raw).decode()
    if form == "full":
        answer["payload"] = _part(parsed, "")
    if form == "metadata":
        wanted = {name.lower() for name in metadata_headers}
        kept = [
            header for header in _headers(parsed) if not wanted or header["name"].lower() in wanted
        ]
        answer["payload"] = {"mimeType": parsed.get_content_type(), "headers": kept}
    return answer


def snippet(message: EmailMessage) -> str:
    """The first words of the text, escaped for HTML as in Gmail."""
    body = message.get_body(("plain", "html"))
    if body is None:
        return ""
    text = part_text(body)
    if body.get_content_type() == "text/html":
        text = html.unescape(_TAGS.sub(" ", text))
    return html.escape(" ".join(text.split())[:_SNIPPET_CHARS], quote=True)


def _part(part: EmailMessage, part_id: str) -> dict[str, Any]:
    answer: dict[str, Any] = {
        "partId": part_id,
        "mimeType": part.get_content_type(),
        "filename": readable(part.get_filename() or ""),
        "headers": _headers(part),
    }
    below = _below(part) if part_id.count(".") < _DEEPEST_PARTS else []
    if below:
        prefix = f"{part_id}." if part_id else ""
        answer["body"] = {"size": 0}
        answer["parts"] = [_part(each, f"{prefix}{n}") for n, each in enumerate(below)]
    else:
        content = part_content(part)
        data = base64.urlsafe_b64encode(content).decode()
        answer["body"] = {"size": len(content), "data": data}
    return answer


def _below(part: EmailMessage) -> list[EmailMessage]:
    if not part.is_multipart():
        return []
    return [each for each in part.get_payload() if isinstance(each, EmailMessage)]


def _headers(part: EmailMessage) -> list[dict[str, str]]:
    return [
        {"name": name, "value": _shown(part, name, str(value))} for name, value in part.raw_items()
    ]


def _shown(part: EmailMessage, name: str, value: str) -> str:
    """A header's value as Gmail gives it: unfolded, its encoded words decoded."""
    text = readable(_unfolded(value))
    if "=?" not in text:
        return text
    try:
        return readable(str(part.policy.header_fetch_parse(name, value)))
    except FAULTS_OF_PARSING:
        return text


def _unfolded(value: str) -> str:
    return re.sub(r"\r?\n(?=[ \t])", "", value).strip()


Test = Callable[[Message], bool]

_TERM = re.compile(r'(-?)(?:(\w+):)?(?:"([^"]*)"|(\S+))')
_BETWEEN_TERMS = re.compile(r"[(){}|]|^\+|^(?:OR|AND|AROUND)$")
_AGE = re.compile(r"([0-9]{1,9})([hdmy])")
_SECONDS = {"h": 3600, "d": 86_400, "m": 30 * 86_400, "y": 365 * 86_400}
_PLACES = {
    "sent": "SENT",
    "inbox": "INBOX",
    "draft": "DRAFT",
    "drafts": "DRAFT",
    "unread": "UNREAD",
}


def parse_search(text: str, now: float) -> Test:
    """The test for a `q`; `now` in epoch seconds. Anything that isn't an operator is a word.

    Raises the 501 for a part of the language that the rehearsal lacks.
    """
    tests = [_term(found, now) for found in _TERM.finditer(text)]
    return lambda message: all(test(message) for test in tests)


def _term(found: re.Match[str], now: float) -> Test:
    minus, operator, quoted, bare = found.groups()
    if bare is not None and _BETWEEN_TERMS.search(bare):
        raise not_rehearsed(f"The search {found[0]!r}")
    test = _positive(operator, quoted if bare is None else bare, now)
    if minus:
        return lambda message: not test(message)
    return test


def _positive(operator: str | None, value: str, now: float) -> Test:
    if operator is None:
        return lambda message: value.casefold() in _words(message)
    make = _OPERATORS.get(operator.lower())
    test = make(operator.lower(), value, now) if make else None
    if test is None:
        raise not_rehearsed(f"The search {operator}:{value}")
    return test


def _header(operator: str, value: str, _now: float) -> Test:
    def test(message: Message) -> bool:
        # "me" is the account itself: Gmail's help on search operators.
        wanted = message.account if value.lower() == "me" else value
        return wanted.casefold() in header_text(parse(message.raw), operator).casefold()

    return test


def _message_id(_operator: str, value: str, _now: float) -> Test:
    wanted = value.strip("<>")
    return lambda message: (
        header_text(parse(message.raw), "Message-ID").strip().strip("<>") == wanted
    )


def _place(_operator: str, value: str, _now: float) -> Test:
    if value.lower() == "anywhere":
        return lambda _message: True
    label = _PLACES.get(value.lower(), value.upper())
    return lambda message: label in message.labels


def _age(operator: str, value: str, now: float) -> Test | None:
    age = _AGE.fullmatch(value.lower())
    if not age:
        return None
    limit = now - int(age[1]) * _SECONDS[age[2]]
    return _beside(limit, "after" if operator == "newer_than" else "before")


def _date(operator: str, value: str, _now: float) -> Test | None:
    at = _instant(value)
    side = "after" if operator in {"after", "newer"} else "before"
    return None if at is None else _beside(at, side)


def _has(_operator: str, value: str, _now: float) -> Test | None:
    if value.lower() != "attachment":
        return None
    return lambda message: next(iter(parse(message.raw).iter_attachments()), None) is not None


def _beside(limit: float, side: str) -> Test:
    if side == "after":
        return lambda message: message.at_ms >= limit * 1000
    return lambda message: message.at_ms < limit * 1000


_OPERATORS: dict[str, Callable[[str, str, float], Test | None]] = {
    **dict.fromkeys(("from", "to", "cc", "subject"), _header),
    "rfc822msgid": _message_id,
    **dict.fromkeys(("in", "label", "is"), _place),
    **dict.fromkeys(("newer_than", "older_than"), _age),
    **dict.fromkeys(("after", "newer", "before", "older"), _date),
    "has": _has,
}


def _instant(text: str) -> float | None:
    if text.isascii() and text.isdigit():
        return float(text)
    try:
        year, month, day = (int(part) for part in re.split("[/-]", text))
        return datetime(year, month, day, tzinfo=UTC).timestamp()
    except ValueError:
        return None


def _words(message: Message) -> str:
    parsed = parse(message.raw)
    headers = " ".join(header_text(parsed, name) for name in ("From", "To", "Cc", "Subject"))
    return f"{headers} {snippet(parsed)}".casefold()


# --- The methods ----------------------------------------------------------------------------------

_MESSAGE_ID = re.compile(r"[0-9a-f]{1,16}")
_DRAFT_ID = re.compile(r"r-?\d{1,20}")
_NO_RAW = "'raw' RFC822 payload message string or uploading message via /upload/* URL required"
_READING = ("gmail.readonly", "gmail.modify", "mail.google.com")
_LABELS = ("INBOX", "SENT", "DRAFT", "UNREAD", "STARRED", "IMPORTANT", "SPAM", "TRASH")
# Nobody makes labels of their own here. The categories are Gmail's too, and no mail has one.
_CATEGORIES = ("PERSONAL", "SOCIAL", "PROMOTIONS", "UPDATES", "FORUMS")
_KNOWN_LABELS = {*_LABELS, "CHAT", *(f"CATEGORY_{name}" for name in _CATEGORIES)}


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
    if unknown := sorted(labels - _KNOWN_LABELS):
        raise invalid_argument(f"Invalid label: {unknown[0]}")
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
    # 0 is a number that is not set, as everywhere in protocol buffers.
    size = min(call.number("maxResults", 100) or 100, 500)
    try:
        start = read_page_token(call.text("pageToken"))
    except ValueError as error:
        raise invalid_argument("Invalid pageToken") from error
    page = found[start : start + size]
    if start + size >= len(found):
        return page, {}
    return page, {"nextPageToken": page_token(start + size)}


def _moment(call: Call) -> datetime:
    return datetime.fromtimestamp(call.now, UTC)


def _now_ms(call: Call) -> int:
    return int(call.now * 1000)
