"""The road to Google: every request is written once, to one of the hosts it may go to.

httplib2, by which google-api-python-client goes where it is given nothing else, sends a POST again
by itself when the connection closes before the answer (measured, even with no retries asked for),
which for a mail means two mails. A requests session does not: redirects are off, and no layer below
repeats anything. A 401 alone is repeated, by google-auth after it renewed the token: that request
was turned away.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

import requests
from google.auth.exceptions import GoogleAuthError, RefreshError
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError, NameResolutionError
from urllib3.util import parse_url

from workflow.google.endpoint import is_loopback, origin
from workflow.google.faults import NOT_KNOWN, GoogleFault, Undecided, Unreachable
from workflow.google.sorting import sort_refresh_error

# As many connections as there may be threads in flight; one more would be opened and dropped.
POOL_CONNECTIONS = 128


class Answer(NamedTuple):
    """What came back, whatever it says: the names of `headers` are in lower case."""

    status: int
    headers: Mapping[str, str]
    content: bytes


class Transport:
    """What sends requests and reads their answers. Safe for many threads.

    All threads share the one session and its pool of connections. `origins` are the
    `scheme://host:port` that may be reached; anything else is refused before it is looked up.
    `timeout_seconds` bounds the connecting and each wait for bytes, not the whole call.
    """

    def __init__(
        self, session: requests.Session, *, origins: frozenset[str], timeout_seconds: float
    ) -> None:
        adapter = _OneTryAdapter(pool_maxsize=POOL_CONNECTIONS)
        session.mount("https://", adapter)
        session.mount("http://", adapter)
        self._session = session
        self._origins = origins
        self._timeout_seconds = timeout_seconds

    def request(
        self,
        uri: str,
        method: str = "GET",
        body: str | bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Send one request and read its whole answer, whatever its status.

        Raises Unreachable, Undecided or SignInNeeded.
        """
        self._refuse_other_hosts(uri)
        with _sorted_faults(origin(uri)):
            response = self._session.request(
                method,
                uri,
                data=body.encode() if isinstance(body, str) else body,
                headers=headers,
                timeout=self._timeout_seconds,
                allow_redirects=False,
                auth=_leave_as_it_is,
            )
        _refuse_half_answer(method, response)
        names = {name.lower(): value for name, value in response.headers.items()}
        return Answer(response.status_code, names, response.content)

    def close(self) -> None:
        """Close every connection."""
        self._session.close()

    def _refuse_other_hosts(self, uri: str) -> None:
        if _place(uri) not in self._origins:
            raise Unreachable(
                f"This program was about to call {_without_query(uri)!r}, where it has no"
                " business. Nothing left this machine.",
                detail=f"not one of {sorted(self._origins)}",
            )


def _place(uri: str) -> str | None:
    """The `scheme://host:port` of an address; None where there is none to be trusted.

    Read with the parser that will open the connection: two parsers can disagree on which part
    of an odd address is the host.
    """
    try:
        parts = parse_url(uri)
        host = (parts.host or "").strip("[]")
        if parts.auth or not (parts.scheme == "https" or is_loopback(host)):
            return None
        return origin(f"{parts.scheme}://{parts.netloc}")
    except (HTTPError, ValueError):
        return None


def _without_query(uri: str) -> str:
    return uri.partition("?")[0]


class _NeverConnectedError(Exception):
    """No connection was made, so not a byte of the request was written."""


class _OneTryAdapter(HTTPAdapter):
    """requests' adapter, told apart by one thing: whether a connection was ever made.

    The exceptions of the layers below do not say it: a time-out or a TLS error looks the same
    before the request is written and after.
    """

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = _POOLS

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        manager = super().proxy_manager_for(proxy, **kwargs)
        manager.pool_classes_by_scheme = _POOLS
        return manager

    def cert_verify(self, *args: Any, **kwargs: Any) -> None:
        with _before_the_first_byte():  # a CA bundle that is not there
            super().cert_verify(*args, **kwargs)  # type: ignore[no-untyped-call]


@contextmanager
def _before_the_first_byte() -> Iterator[None]:
    try:
        yield
    except (OSError, HTTPError) as fault:
        raise _NeverConnectedError from fault


class _PlainConnection(HTTPConnection):
    def connect(self) -> None:
        with _before_the_first_byte():
            super().connect()


class _TlsConnection(HTTPSConnection):
    def connect(self) -> None:
        with _before_the_first_byte():
            super().connect()


class _PlainPool(HTTPConnectionPool):
    ConnectionCls = _PlainConnection


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _TlsConnection


_POOLS = {"http": _PlainPool, "https": _TlsPool}


@contextmanager
def _sorted_faults(place: str) -> Iterator[None]:
    """Turn what the layers below raise into a fault."""
    try:
        yield
    except _NeverConnectedError as fault:
        raise _unreachable(place, fault.__cause__) from fault
    except requests.exceptions.InvalidProxyURL as fault:
        raise _unreachable(place, fault) from fault
    except requests.exceptions.Timeout as fault:
        raise Undecided(
            f"No answer came from {place} in time. {NOT_KNOWN}", detail=repr(fault)
        ) from fault
    except requests.exceptions.RequestException as fault:
        raise Undecided(
            f"The connection to {place} broke before its answer was read. {NOT_KNOWN}",
            detail=repr(fault),
        ) from fault
    except GoogleAuthError as fault:
        raise sort_sign_in_error(fault) from fault
    except ValueError as fault:  # requests looks at where a redirect leads, though told to stay
        raise Undecided(
            f"The answer of {place} could not be read. {NOT_KNOWN}", detail=repr(fault)
        ) from fault


def _unreachable(place: str, cause: BaseException | None) -> Unreachable:
    if isinstance(cause, NameResolutionError):
        sentence = f"The name in {place} could not be looked up. Is this machine online?"
    elif "certificate" in str(cause).lower():
        sentence = (
            f"{place} showed a certificate that this machine does not trust."
            " Where a proxy opens TLS, set REQUESTS_CA_BUNDLE to its certificates."
        )
    else:
        sentence = f"{place} could not be reached. Is this machine online?"
    return Unreachable(f"{sentence} Nothing left this machine.", detail=repr(cause))


def sort_sign_in_error(fault: GoogleAuthError) -> GoogleFault:
    """A token that could not be renewed: because Google says no, or because it was not reached.

    The request itself was not sent, or was turned away with 401.
    """
    if not isinstance(fault, RefreshError) or fault.retryable:
        return Unreachable(
            "Google's sign-in server could not be reached. Nothing was done.", detail=repr(fault)
        )
    answer = fault.args[1] if len(fault.args) > 1 else None
    answer = answer if isinstance(answer, Mapping) else {}
    words = str(answer.get("error_description", fault.args[0] if fault.args else ""))
    return sort_refresh_error(str(answer.get("error", "")), words)


def _leave_as_it_is(prepared: requests.PreparedRequest) -> requests.PreparedRequest:
    """Keep requests from putting a password of ~/.netrc in place of the token."""
    return prepared


def _refuse_half_answer(method: str, response: requests.Response) -> None:
    promised = response.headers.get("content-length", "")
    if method == "HEAD" or not promised.isdigit():
        return
    got = response.raw.tell()
    if got < int(promised):
        raise Undecided(
            f"The answer of {origin(response.url)} broke off half way. {NOT_KNOWN}",
            detail=f"{got} of {promised} bytes, HTTP {response.status_code}",
        )
