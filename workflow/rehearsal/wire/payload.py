"""A request's body: JSON, media, or both together as multipart/related."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from email.message import Message
from typing import Any, NoReturn

from workflow.rehearsal.wire.call import Media
from workflow.rehearsal.wire.discovery import Match, Method, schemas
from workflow.rehearsal.wire.errors import GoogleError, invalid_argument, not_rehearsed
from workflow.rehearsal.wire.schema import request_violations, snake

# In these, Google takes a call without a body for one with an empty object.
_BODY_OPTIONAL = re.compile(r"drive\..*|docs\.documents\.create")
_UNSENDABLE = re.compile("[\ud800-\udfff]")


def read_payload(
    match: Match, content_type: str, body: bytes, upload_type: str
) -> tuple[dict[str, Any], Media | None]:
    """The checked JSON of a request and the media beside it. Raises Google's 400s."""
    method = match.method
    if match.upload == "resumable" or upload_type == "resumable":
        raise not_rehearsed("A resumable upload")
    if not match.upload:
        return _json_body(method, content_type, body), None
    if upload_type == "media":
        return {}, Media(body, content_type or "application/octet-stream")
    if upload_type != "multipart":
        raise invalid_argument(f"Invalid upload type: {upload_type or 'none'}.")
    parts = _related(content_type, body)
    if len(parts) != 2:
        raise invalid_argument("Multipart upload must have exactly two parts: metadata and media.")
    metadata, media = parts
    return _json_body(method, metadata.content_type, metadata.content), media


def _json_body(method: Method, content_type: str, body: bytes) -> dict[str, Any]:
    if not method.request:
        if body.strip():
            raise invalid_argument("This method takes no request body.")
        return {}
    if not body.strip():
        if _BODY_OPTIONAL.fullmatch(method.id):
            return {}
        raise invalid_argument("Request body is missing.")
    if content_type.partition(";")[0].strip().lower() != "application/json":
        raise GoogleError(
            400,
            f"Unsupported content with type: {content_type or 'none'}",
            reason="badContent",
            status="INVALID_ARGUMENT",
        )
    value = _loaded(body)
    root = snake(method.request) if method.id in _NAMED_BODIES else ""
    violations = request_violations(schemas(method.service), method.request, value, root)
    if violations:
        raise invalid_argument(
            "\n".join(each.description for each in violations),
            *((each.field, each.description) for each in violations),
        )
    # Drive clears a property that is set to null; elsewhere null is the same as absent.
    checked: dict[str, Any] = value if method.service == "drive" else _without_nulls(value)
    return checked


_NAMED_BODIES = {
    "docs.documents.create",
    "gmail.users.drafts.create",
    "gmail.users.drafts.send",
    "gmail.users.drafts.update",
    "gmail.users.messages.send",
}


def _loaded(body: bytes) -> Any:
    try:
        text = body.decode("utf-8")
        value = json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise _not_json(body) from error
    if "\\u" in text and _UNSENDABLE.search(json.dumps(value, ensure_ascii=False)):
        raise _not_json(body)
    return value


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(name)


def _not_json(body: bytes) -> GoogleError:
    shown = body[:60].decode("utf-8", "replace")
    text = f"Invalid JSON payload received. Unexpected token.\n{shown}\n^"
    return invalid_argument(text, ("", text))


def _without_nulls(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {
            name: _without_nulls(member) for name, member in value.items() if member is not None
        }
    if isinstance(value, list):
        return [_without_nulls(item) for item in value]
    return value


def _related(content_type: str, body: bytes) -> list[Media]:
    header = Message()
    header["Content-Type"] = content_type
    boundary = header.get_param("boundary")
    if header.get_content_maintype() != "multipart" or not isinstance(boundary, str):
        raise invalid_argument("Missing multipart boundary.")
    # A client may end the lines between parts with a bare newline: googleapiclient does.
    delimiter = rb"(?:^|\r?\n)--" + re.escape(boundary.encode("latin-1"))
    pieces = re.split(delimiter, body)
    return [_part(piece) for piece in pieces[1:] if not piece.startswith(b"--")]


def _part(piece: bytes) -> Media:
    found = re.search(rb"\r?\n\r?\n", piece)
    if not found:
        raise invalid_argument("A part of the multipart body has no header.")
    kind = re.search(rb"(?im)^content-type:\s*([^\r\n]+)", piece[: found.start()])
    name = kind[1].decode("latin-1").strip() if kind else "application/octet-stream"
    return Media(piece[found.end() :], name)
