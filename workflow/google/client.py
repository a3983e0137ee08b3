"""One of Google's APIs, called as its discovery document describes it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from workflow.google.discovery import Json, Media, Method, Parameter, find_method, root_url
from workflow.google.endpoint import Endpoint
from workflow.google.faults import NOT_KNOWN, GoogleFault, Undecided
from workflow.google.sorting import sort_http_error

if TYPE_CHECKING:
    from workflow.google.transport import Transport

__all__ = ["Api", "Json", "all_pages", "text_in", "unreadable"]


class Api:
    """One API of the Google at `endpoint`, such as `docs` in its version `v1`.

    The description is read and the transport opened at the first call. Safe for many threads, as
    `transport` is.
    """

    def __init__(
        self, name: str, version: str, endpoint: Endpoint, transport: Callable[[], Transport]
    ) -> None:
        self._name = name
        self._version = version
        self._endpoint = endpoint
        self._transport = transport

    def call(
        self,
        method: str,
        parameters: Mapping[str, Parameter],
        *,
        body: Json | None = None,
        media: Media | None = None,
    ) -> Json:
        """Call a method (`users.drafts.send`), once, and give its answer.

        A parameter that is None is left out. A deletion answers with nothing, which is {} here.
        Raises GoogleFault, with the method.
        """
        called = find_method(self._name, self._version, method)
        content = self._content(called, parameters, body=body, media=media)
        if not called.answers:
            return {}
        try:
            answer = json.loads(content.decode())
        except ValueError as fault:  # a success whose body is not JSON, or not UTF-8
            raise unreadable(called.id, repr(fault)) from fault
        if not isinstance(answer, dict):
            raise unreadable(called.id, f"not an object: {answer!r:.80}")
        return answer

    def download(self, method: str, parameters: Mapping[str, Parameter]) -> bytes:
        """Call a method whose answer is a file, once, and give its bytes. Raises GoogleFault."""
        return self._content(find_method(self._name, self._version, method), parameters)

    def _content(
        self,
        method: Method,
        parameters: Mapping[str, Parameter],
        *,
        body: Json | None = None,
        media: Media | None = None,
    ) -> bytes:
        root = self._endpoint.root_url or root_url(self._name, self._version)
        request = method.request(root, parameters, body=body, media=media)
        try:
            answer = self._transport().request(
                request.url, request.verb, request.body, request.headers
            )
        except GoogleFault as fault:
            fault.method = method.id
            raise
        if not 200 <= answer.status < 300:
            raise sort_http_error(
                answer.status,
                answer.headers,
                answer.content,
                method.id,
                received_at=datetime.now(UTC),
            )
        return answer.content


def all_pages(api: Api, method: str, parameters: Mapping[str, Parameter], name: str) -> list[Json]:
    """Every item of a list that comes in pages, in order; `name` is what the answers hold it by."""
    items: list[Json] = []
    token: str | None = None
    while True:
        answer = api.call(method, {**parameters, "pageToken": token})
        items += answer.get(name, [])
        token = answer.get("nextPageToken")
        if not token:
            return items


def text_in(answer: Json, *path: str, method: str) -> str:
    """The text at `path` in an answer. Raises Undecided where it is missing.

    An answer without what it promises proves nothing of what was done.
    """
    found: Any = answer
    for name in path:
        found = found.get(name) if isinstance(found, dict) else None
    if not isinstance(found, str) or not found:
        raise unreadable(method, f"no {'.'.join(path)} in the answer")
    return found


def unreadable(method: str, detail: str) -> Undecided:
    """The fault for a success that can't be read."""
    return Undecided(
        f"Google's answer could not be read. {NOT_KNOWN}", detail=detail, method=method
    )
