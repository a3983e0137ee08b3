"""One of Google's APIs, called through its discovery document."""

from __future__ import annotations

import functools
import json
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol

from workflow.google.endpoint import Endpoint
from workflow.google.faults import NOT_KNOWN, GoogleFault, Undecided
from workflow.google.sorting import sort_http_error

if TYPE_CHECKING:
    from workflow.google.transport import Transport

Json = dict[str, Any]


class Page(Protocol):
    """Makes the request for one page of a list."""

    def __call__(self, client: Any, token: str | None) -> Any:
        """The request for the page that `token` names; None is the first."""


class Api:
    """One API of the Google at `endpoint`, such as `docs` in its version `v1`.

    The client is built at the first call, and googleapiclient is imported only then. Safe for
    many threads, as `transport` is.
    """

    def __init__(
        self, name: str, version: str, endpoint: Endpoint, transport: Callable[[], Transport]
    ) -> None:
        self._name = name
        self._version = version
        self._endpoint = endpoint
        self._transport = transport
        self._lock = threading.Lock()
        self._client: Any = None

    def call(self, request: Callable[[Any], Any]) -> Json:
        """Make one request, once, and give its answer. Raises GoogleFault, with the method.

        `request` is given the client and makes the request of it:
        `lambda docs: docs.documents().get(documentId=…)`.
        """
        return self._execute(request(self._built()))

    def media(self, request: Callable[[Any], Any]) -> bytes:
        """Make one request whose answer is a file, and give its bytes. Raises GoogleFault."""
        answer = self._raw(request(self._built()))
        return answer if isinstance(answer, bytes) else str(answer).encode()

    def _execute(self, request: Any) -> Json:
        answer = self._raw(request)
        # A deletion answers with no body at all, which the client gives as an empty text.
        if answer == "":
            return {}
        if not isinstance(answer, dict):
            raise unreadable(request.methodId, f"not an object: {answer!r:.80}")
        return answer

    def _raw(self, request: Any) -> Any:
        from googleapiclient.errors import HttpError  # noqa: PLC0415 - loaded by the client

        try:
            return request.execute(num_retries=0)
        except GoogleFault as fault:
            fault.method = request.methodId
            raise
        except HttpError as fault:
            raise sort_http_error(
                fault.resp.status,
                fault.resp,
                fault.content,
                request.methodId,
                received_at=datetime.now(UTC),
            ) from fault
        except ValueError as fault:  # a success whose body is not JSON, or not UTF-8
            raise unreadable(request.methodId, repr(fault)) from fault

    def _built(self) -> Any:
        with self._lock:
            if self._client is None:
                self._client = _build(self._name, self._version, self._endpoint, self._transport())
            return self._client


def all_pages(api: Api, name: str, page: Page) -> list[Json]:
    """Every item of a list that comes in pages, in order. `page` makes one page's request."""
    items: list[Json] = []
    token: str | None = None
    while True:
        answer = api.call(functools.partial(page, token=token))
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


def _build(name: str, version: str, endpoint: Endpoint, transport: Transport) -> Any:
    # 0.1 s of imports that only a command which calls Google should pay for.
    from googleapiclient.discovery import build_from_document  # noqa: PLC0415
    from googleapiclient.discovery_cache import get_static_doc  # noqa: PLC0415

    document = json.loads(get_static_doc(name, version))  # type: ignore[no-untyped-call]
    # `client_options.api_endpoint` moves neither uploads nor batches (measured); the addresses
    # in the document move all three. Without `mtlsRootUrl` no environment variable moves them.
    document.pop("mtlsRootUrl", None)
    # googleapiclient makes nothing of the schemas but the text of its methods' docstrings, which
    # for Docs takes longer than all the rest (0.2 s, measured).
    document["schemas"] = {name: {"id": name, "type": "object"} for name in document["schemas"]}
    if endpoint.root_url is not None:
        document["rootUrl"] = endpoint.root_url.rstrip("/") + "/"
        document["baseUrl"] = document["rootUrl"] + document["servicePath"]
    return build_from_document(document, http=transport)
