"""Gmail's `Message` resource in its four formats."""

from __future__ import annotations

import base64
import html
import re
from collections.abc import Collection
from email.message import EmailMessage, MIMEPart
from typing import Any

from workflow.rehearsal.gmail.mailbox import Message
from workflow.rehearsal.gmail.mime import parse, readable

_SNIPPET_CHARS = 200
_TAGS = re.compile(r"<(style|script|head)\b.*?</\1>|<[^>]+>", re.DOTALL | re.IGNORECASE)


def brief(message: Message) -> dict[str, Any]:
    """What the methods that write answer: ids and labels."""
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
    """The first words of the text, escaped for HTML as Gmail gives them."""
    body = message.get_body(("plain", "html"))
    if body is None:
        return ""
    text = _text(body)
    if body.get_content_type() == "text/html":
        text = html.unescape(_TAGS.sub(" ", text))
    return html.escape(" ".join(text.split())[:_SNIPPET_CHARS], quote=True)


def _text(part: MIMEPart) -> str:
    content = _decoded(part)
    try:
        return content.decode(part.get_content_charset("utf-8"), "replace")
    except (LookupError, ValueError):
        return content.decode("utf-8", "replace")


def _part(part: EmailMessage, part_id: str) -> dict[str, Any]:
    answer: dict[str, Any] = {
        "partId": part_id,
        "mimeType": part.get_content_type(),
        "filename": readable(part.get_filename() or ""),
        "headers": _headers(part),
    }
    below = _below(part)
    if below:
        prefix = f"{part_id}." if part_id else ""
        answer["body"] = {"size": 0}
        answer["parts"] = [_part(each, f"{prefix}{n}") for n, each in enumerate(below)]
    else:
        content = _decoded(part)
        data = base64.urlsafe_b64encode(content).decode()
        answer["body"] = {"size": len(content), "data": data}
    return answer


def _below(part: EmailMessage) -> list[EmailMessage]:
    payload = part.get_payload()
    if not isinstance(payload, list):
        return []
    return [each for each in payload if isinstance(each, EmailMessage)]


def _headers(part: EmailMessage) -> list[dict[str, str]]:
    return [
        {"name": name, "value": readable(_unfolded(str(value)))} for name, value in part.raw_items()
    ]


def _unfolded(value: str) -> str:
    return re.sub(r"\r?\n(?=[ \t])", "", value).strip()


def _decoded(part: MIMEPart) -> bytes:
    content = part.get_payload(decode=True)
    return content if isinstance(content, bytes) else b""
