"""The transport in the shape of httplib2, which is what google-api-python-client speaks to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import httplib2

if TYPE_CHECKING:
    from workflow.google.transport import Answer, Transport


class Httplib2Shape:
    """What `build_from_document(http=…)` takes; every request goes through `transport`."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def request(
        self,
        uri: str,
        method: str = "GET",
        body: str | bytes | None = None,
        headers: Mapping[str, str] | None = None,
        *,
        redirections: int = 0,
        connection_type: object = None,
    ) -> tuple[httplib2.Response, bytes]:
        """Send one request and read its whole answer, whatever its status.

        `redirections` and `connection_type` are httplib2's and have no effect. Raises
        Unreachable, Undecided or SignInNeeded.
        """
        answer = self._transport.request(uri, method, body, _without_length(headers or {}))
        return _response(answer), answer.content

    def close(self) -> None:
        """Close every connection. googleapiclient calls it when a client is closed."""
        self._transport.close()


def _without_length(headers: Mapping[str, str]) -> dict[str, str]:
    """The client's headers without the length, which is the session's to say: in bytes."""
    return {name: value for name, value in headers.items() if name.lower() != "content-length"}


def _response(answer: Answer) -> httplib2.Response:
    # The body is unpacked by now.
    headers = {name: value for name, value in answer.headers.items() if name != "content-encoding"}
    return httplib2.Response({**headers, "status": str(answer.status)})  # type: ignore[no-untyped-call]
