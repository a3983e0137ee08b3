"""`files.list`: what is found, in which order, page by page."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable
from typing import Any

from workflow.rehearsal.drive.files import FOLDER_TYPE, DriveFile, load_all, visible
from workflow.rehearsal.drive.query import BadQuery, parse_query
from workflow.rehearsal.drive.resource import file_resource
from workflow.rehearsal.wire.call import Answer, Call, invalid_parameter
from workflow.rehearsal.wire.errors import not_rehearsed

_ORDERS: dict[str, Callable[[DriveFile], Any]] = {
    "createdTime": lambda file: file.created_at,
    "modifiedTime": lambda file: file.modified_at,
    "modifiedByMeTime": lambda file: file.modified_at,
    "recency": lambda file: file.modified_at,
    "name": lambda file: file.name.casefold(),
    "name_natural": lambda file: file.name.casefold(),
    "folder": lambda file: file.mime_type != FOLDER_TYPE,
    "quotaBytesUsed": lambda file: file.size,
    "starred": lambda file: not file.starred,
}
_CORPORA = {"user", "allDrives"}


def list_files(call: Call) -> Answer:
    """Answers the method."""
    if call.text("spaces", "drive") != "drive" or call.text("corpora", "user") not in _CORPORA:
        raise not_rehearsed("A search beyond My Drive")
    q = call.text("q")
    try:
        test = parse_query(q) if q else lambda _file, _caller: True
    except BadQuery as error:
        raise invalid_parameter("q") from error
    found = [
        file for file in load_all(call.db) if visible(file, call.caller) and test(file, call.caller)
    ]
    ordered = _ordered(found, call.text("orderBy"))
    start = _page_start(call)
    size = call.number("pageSize", 100)
    page = ordered[start : start + size]
    answer: dict[str, Any] = {
        "kind": "drive#fileList",
        "incompleteSearch": False,
        "files": [file_resource(file, call.caller, call.base_url) for file in page],
    }
    if start + size < len(ordered):
        answer["nextPageToken"] = _page_token(call, start + size)
    return answer


def _ordered(found: list[DriveFile], order_by: str) -> list[DriveFile]:
    for part in reversed([part.strip() for part in order_by.split(",") if part.strip()]):
        name, _, direction = part.partition(" ")
        if name not in _ORDERS or direction not in {"", "desc"}:
            raise invalid_parameter("orderBy")
        found = sorted(found, key=_ORDERS[name], reverse=direction == "desc")
    return found


def _page_token(call: Call, start: int) -> str:
    return base64.urlsafe_b64encode(json.dumps([start, _search(call)]).encode()).decode()


def _page_start(call: Call) -> int:
    token = call.text("pageToken")
    if not token:
        return 0
    try:
        start, search = json.loads(base64.urlsafe_b64decode(token))
    except (ValueError, TypeError) as error:
        raise invalid_parameter("pageToken") from error
    if search != _search(call):
        raise invalid_parameter("pageToken")
    return int(start)


def _search(call: Call) -> str:
    text = f"{call.caller.account} {call.text('q')} {call.text('orderBy')}"
    return hashlib.sha256(text.encode()).hexdigest()[:12]
