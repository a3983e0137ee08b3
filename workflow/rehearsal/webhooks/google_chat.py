"""What a webhook of Google Chat answers. Pure.

The sentences are recorded ones: an empty message and one too long (calert, pull request 9), no
token (glpi-webhook, issue 30), a bad key (the same).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from workflow.rehearsal.wire.errors import STATUS_OF, GoogleError

SPACE = "REHEARSAL"
KEY = "rehearsal-key"
TOKEN = "told-on-this-machine"  # noqa: S105 - known to all
_MAX_TEXT = 4096
_FIELDS = frozenset({"text", "thread", "cardsV2", "cards", "fallbackText", "accessoryWidgets"})


def message(
    space: str, query: Mapping[str, str], content_type: str, content: bytes
) -> dict[str, Any]:
    """The body of a POST to `/v1/spaces/SPACE/messages`, checked. Raises `GoogleError`."""
    if query.get("key") != KEY:
        raise _refused(400, "API key not valid. Please pass a valid API key.")
    if query.get("token") != TOKEN:
        raise _refused(
            403,
            "The API is called without a valid token. Instructions on how to use incoming webhooks "
            "can be found at https://developers.google.com/chat/how-tos/webhooks",
        )
    if space != SPACE:
        raise _refused(404, "Requested entity was not found.")
    body = _object(content_type, content)
    unknown = sorted(body.keys() - _FIELDS)
    if unknown:
        raise _refused(
            400,
            f'Invalid JSON payload received. Unknown name "{unknown[0]}": Cannot find field.',
        )
    if body.keys() - {"text", "thread"}:
        raise _refused(400, "The rehearsal takes text alone; cards are not rehearsed.")
    text = body.get("text", "")
    if not isinstance(text, str):
        raise _refused(400, "Invalid value at 'message.text' (TYPE_STRING)")
    if not text.strip():
        where = f"spaces/{space}"
        raise _refused(
            400,
            f"Message cannot be empty. Discarding empty create message request in {where}.",
        )
    if len(text) > _MAX_TEXT:
        raise _refused(400, f"Message is longer than {_MAX_TEXT} characters")
    return body


def resource(body: Mapping[str, Any], number: int, at_rfc3339: str) -> dict[str, Any]:
    """The Message resource that answers."""
    name = f"spaces/{SPACE}/messages/{number:011}"
    return {
        "name": f"{name}.{number:011}",
        "sender": {"name": "users/100000000000000000000", "displayName": "postmortem"}
        | {"type": "BOT"},
        "text": body["text"],
        "thread": {"name": f"spaces/{SPACE}/threads/{number:011}"},
        "space": {"name": f"spaces/{SPACE}", "type": "ROOM", "displayName": "Incidents"},
        "createTime": at_rfc3339,
        "argumentText": body["text"],
    }


def _object(content_type: str, content: bytes) -> dict[str, Any]:
    if content_type.partition(";")[0].strip().lower() != "application/json":
        raise _refused(400, "Invalid JSON payload received. Unexpected token.")
    try:
        found = json.loads(content.decode("utf-8"))
    except ValueError:
        raise _refused(400, "Invalid JSON payload received. Unexpected token.") from None
    if not isinstance(found, dict):
        raise _refused(400, "Invalid JSON payload received. Unknown name.")
    return found


def _refused(code: int, sentence: str) -> GoogleError:
    return GoogleError(code, sentence, status=STATUS_OF[code])
