"""Google's APIs, called through google-api-python-client, over one session; and Docs."""

from __future__ import annotations

import functools
import json
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, NamedTuple

from workflow.google import drive, gmail, public_pictures
from workflow.google import transport as google_transport
from workflow.google.endpoint import Endpoint
from workflow.google.faults import (
    NOT_KNOWN,
    GoogleFault,
    Refused,
    StaleRevision,
    Undecided,
    sort_http_error,
)

if TYPE_CHECKING:
    import requests

    from workflow.google.transport import Transport


# --- The client -----------------------------------------------------------------------------------

Json = dict[str, Any]
Parameter = str | int | bool | Sequence[str] | None


class Media(NamedTuple):
    """A file uploaded with a request's body."""

    content: bytes
    media_type: str


class Api:
    """One API of the Google at `endpoint`, such as `docs` in its version `v1`.

    The client is built at the first call, and googleapiclient is imported only then. Thread-safe,
    as `transport` is.
    """

    def __init__(
        self, name: str, version: str, endpoint: Endpoint, transport: Callable[[], Transport]
    ) -> None:
        self._name = name
        self._version = version
        self._endpoint = endpoint
        self._transport = transport
        self._lock = threading.Lock()
        # googleapiclient builds a collection's methods each time it is named (1.6 ms for Gmail's
        # drafts, measured), so keep each one. () is the client itself.
        self._collections: dict[tuple[str, ...], Any] = {}

    def call(
        self,
        method: str,
        parameters: Mapping[str, Parameter],
        *,
        body: Json | None = None,
        media: Media | None = None,
    ) -> Json:
        """Call a method (`users.drafts.send`) once, and return its answer.

        A parameter that is None is left out. A deletion has no answer; it returns {}. Raises
        GoogleFault, with the method.
        """
        request = self._request(method, parameters, body, media)
        answer = _execute(request)
        # A deletion has no body, which the client returns as an empty text.
        if answer == "":
            return {}
        if not isinstance(answer, dict):
            raise unreadable(request.methodId, f"not an object: {answer!r:.80}")
        return answer

    def download(self, method: str, parameters: Mapping[str, Parameter]) -> bytes:
        """Call a method whose answer is a file once, and return its bytes. Raises GoogleFault."""
        answer = _execute(self._request(method, parameters, None, None))
        return answer if isinstance(answer, bytes) else str(answer).encode()

    def _request(
        self,
        method: str,
        parameters: Mapping[str, Parameter],
        body: Json | None,
        media: Media | None,
    ) -> Any:
        given: dict[str, Any] = {key: each for key, each in parameters.items() if each is not None}
        if body is not None:
            given["body"] = body
        if media is not None:
            given["media_body"] = _library().http.MediaInMemoryUpload(
                media.content, media.media_type
            )
        *collection, name = method.split(".")
        return getattr(self._collection(tuple(collection)), name)(**given)

    def _collection(self, path: tuple[str, ...]) -> Any:
        with self._lock:
            if not self._collections:
                self._collections[()] = self._build()
            if path not in self._collections:
                holder = self._collections[()]
                for name in path:
                    holder = getattr(holder, name)()
                self._collections[path] = holder
            return self._collections[path]

    def _build(self) -> Any:
        document = dict(_description(self._name, self._version))
        if self._endpoint.root_url is not None:
            document["rootUrl"] = self._endpoint.root_url.rstrip("/") + "/"
            document["baseUrl"] = document["rootUrl"] + document["servicePath"]
        return _library().discovery.build_from_document(
            document, http=google_transport.Httplib2Shape(self._transport())
        )


@functools.cache
def _description(name: str, version: str) -> Json:
    """Google's discovery document of a service, without what no call needs. It is not changed."""
    document: Json = json.loads(_library().discovery_cache.get_static_doc(name, version))
    # `client_options.api_endpoint` moves neither uploads nor batches (measured); the addresses
    # in the document move all three. Without `mtlsRootUrl`, no environment variable moves them.
    document.pop("mtlsRootUrl", None)
    # googleapiclient uses the schemas only for its methods' docstrings, which for Docs takes
    # longer than all the rest (0.2 s, measured).
    document["schemas"] = {each: {"id": each, "type": "object"} for each in document["schemas"]}
    return document


def _library() -> Any:
    """Google's client library."""
    # Takes 0.2 s of CPU, so only a command that calls Google imports it.
    from googleapiclient import discovery, discovery_cache, errors, http  # noqa: PLC0415 - 0.1 s; for a call of Google alone

    return SimpleNamespace(
        discovery=discovery, discovery_cache=discovery_cache, errors=errors, http=http
    )


def _execute(request: Any) -> Any:
    """Send a request of googleapiclient once. Raises GoogleFault, with the method."""
    try:
        return request.execute(num_retries=0)
    except GoogleFault as fault:
        fault.method = request.methodId
        raise
    except _library().errors.HttpError as fault:
        raise sort_http_error(
            fault.resp.status,
            fault.resp,
            fault.content,
            request.methodId,
            received_at=datetime.now(UTC),
        ) from fault
    # A success whose body is not JSON, not UTF-8, or deeper than any real answer.
    except (ValueError, RecursionError) as fault:
        raise unreadable(request.methodId, repr(fault)) from fault


def all_pages(api: Api, method: str, parameters: Mapping[str, Parameter], name: str) -> list[Json]:
    """Every item of a paged list, in order; `name` is its key in the answers."""
    items: list[Json] = []
    token: str | None = None
    while True:
        answer = api.call(method, {**parameters, "pageToken": token})
        items += answer.get(name, [])
        token = answer.get("nextPageToken")
        if not token:
            return items


def text_in(answer: Json, *path: str, method: str) -> str:
    """The text at `path` in an answer. Raises Undecided if it is missing.

    An incomplete answer doesn't prove what was done.
    """
    found: Any = answer
    for name in path:
        found = found.get(name) if isinstance(found, dict) else None
    if not isinstance(found, str) or not found:
        raise unreadable(method, f"no {'.'.join(path)} in the answer")
    return found


def unreadable(method: str, detail: str) -> Undecided:
    """The failure for a success that can't be read."""
    return Undecided(
        f"Google's answer could not be read. {NOT_KNOWN}", detail=detail, method=method
    )


# --- Google Docs ----------------------------------------------------------------------------------


class Docs:
    """The documents that the signed-in person can open. Every method may raise GoogleFault."""

    def __init__(self, api: Api) -> None:
        self._api = api

    def get(self, document_id: str, fields: str) -> Json:
        """A document, with its content in `tabs[]`; `fields` is a partial-response mask.

        Suggestions are shown inline: an index computed on any other view is wrong as soon as
        somebody has suggested something (Docs reference, suggestionsViewMode).
        """
        return self._api.call(
            "documents.get",
            {
                "documentId": document_id,
                "includeTabsContent": True,
                "suggestionsViewMode": "SUGGESTIONS_INLINE",
                "fields": fields,
            },
        )

    def suggestions(self, document_id: str) -> list[Json]:
        """The `SuggestionThread` of each suggestion in a document.

        Refused with 400 or 403 where the project or the person may not see comments.
        """
        answer = self._api.call(
            "documents.get",
            {
                "documentId": document_id,
                "includeTabsContent": True,
                "suggestionsViewMode": "SUGGESTIONS_INLINE",
                "commentsViewMode": "COMMENTS_VIEW_MODE_INCLUDED",
                "fields": "suggestions",
            },
        )
        return list(answer.get("suggestions", ()))

    def batch_update(
        self,
        document_id: str,
        requests: Sequence[Json],
        *,
        required_revision: str | None,
    ) -> str:
        """Apply all of `requests`, or none; returns the new revision id.

        With `required_revision` the write applies to that revision only; else StaleRevision is
        raised. The returned revision id is empty if the server named none.
        """
        body: dict[str, Any] = {"requests": list(requests)}
        if required_revision is not None:
            body["writeControl"] = {"requiredRevisionId": required_revision}
        try:
            answer = self._api.call(
                "documents.batchUpdate",
                {"documentId": document_id, "fields": "documentId,writeControl"},
                body=body,
            )
        except Refused as refused:
            if required_revision is None or refused.status != 400:
                raise
            raise StaleRevision(refused, carried=required_revision) from refused
        return str(answer.get("writeControl", {}).get("requiredRevisionId", ""))


# --- All three ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Google:
    """The three APIs, over one session and pool of connections. Thread-safe.

    `pictures` are public ones, fetched without that session.
    """

    docs: Docs
    drive: drive.Drive
    gmail: gmail.Gmail
    pictures: public_pictures.PublicPictures
    close: Callable[[], None]
    """Close every connection. Calls under way in other threads become Undecided."""


def connect(
    endpoint: Endpoint,
    session_factory: Callable[[], requests.Session],
    timeout_seconds: float,
) -> Google:
    """Google at `endpoint`, reached through the session that `session_factory` makes.

    Nothing is imported, signed in or connected until the first call to a gateway; each API's client
    is built on first use. `session_factory` is called once, and its errors are raised by that first
    call. `timeout_seconds` limits each wait.
    """
    opened: list[Transport] = []

    def open_transport() -> Transport:
        transport = _transport(endpoint, session_factory, timeout_seconds)
        opened.append(transport)
        return transport

    def close() -> None:
        for each in opened:
            each.close()

    transport = _made_once(open_transport)
    return Google(
        docs=Docs(Api("docs", "v1", endpoint, transport)),
        drive=drive.Drive(Api("drive", "v3", endpoint, transport)),
        gmail=gmail.Gmail(Api("gmail", "v1", endpoint, transport)),
        pictures=public_pictures.PublicPictures(endpoint, timeout_seconds),
        close=close,
    )


def _transport(
    endpoint: Endpoint,
    session_factory: Callable[[], requests.Session],
    timeout_seconds: float,
) -> Transport:
    # Imports requests and httplib2, which offline commands don't need.

    return google_transport.Transport(
        session_factory(), origins=endpoint.origins, timeout_seconds=timeout_seconds
    )


def _made_once(make: Callable[[], Transport]) -> Callable[[], Transport]:
    """`make`, called at most once even by many threads; repeated only if it raised."""
    lock = threading.Lock()
    cached = functools.cache(make)

    def made() -> Transport:
        with lock:
            return cached()

    return made
