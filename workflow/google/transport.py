"""The transport: each request is sent once, only to an allowed host, by a person's session.

httplib2, the default of google-api-python-client, repeats a POST by itself if the connection closes
before the answer (measured, even with retries off). For a mail that means two mails. A requests
session doesn't: redirects are off, and no layer below repeats anything. Only a 401 is repeated, by
google-auth after it renewed the token: that request was rejected.

Between the decision to call and the call, the machine may have slept for hours, and another process
may have taken over. So `only_while` checks in the calling thread, directly before the first byte of
each request, whether the call may still be made.

`Httplib2Shape` offers the transport to google-api-python-client. `server_time` reads Google's clock
from an answer's `Date`, without a sign-in.
"""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import httplib2
import requests
from google.auth.exceptions import GoogleAuthError, RefreshError
from google.auth.transport.requests import AuthorizedSession, Request
from google.oauth2.credentials import Credentials
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError, NameResolutionError
from urllib3.util import parse_url

from workflow.google.endpoint import Endpoint, is_loopback, origin, write_token
from workflow.google.faults import (
    NOT_KNOWN,
    GoogleFault,
    NotCalled,
    Undecided,
    Unreachable,
    sort_refresh_error,
)

# --- The transport --------------------------------------------------------------------------------

_may_call: ContextVar[Callable[[], bool] | None] = ContextVar("may_call", default=None)


@contextmanager
def only_while(may_call: Callable[[], bool]) -> Iterator[None]:
    """Inside the block, this thread's requests are sent only while `may_call` is true."""
    token = _may_call.set(may_call)
    try:
        yield
    finally:
        _may_call.reset(token)


def refuse_if_over() -> None:
    """Raise `NotCalled` if this thread must not make its call any more."""
    may_call = _may_call.get()
    if may_call is not None and not may_call():
        raise NotCalled(
            "This program was paused for too long, so another process may have taken over its "
            "work. Nothing was sent."
        )


# As many connections as possible threads; one more would be opened and dropped.
POOL_CONNECTIONS = 128
# The largest expected answer is a mail of 35 MiB, in base64 within JSON.
MOST_BYTES = 100 * 2**20
# The total wait for a dripping answer, in time-outs.
OVERALL_TIMES = 5
_PIECE_BYTES = 1 << 18


class HttpAnswer(NamedTuple):
    """Any answer of the server. Header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    content: bytes


class Transport:
    """Send requests and read their answers. Thread-safe.

    All threads share the one session and its pool of connections. `origins` are the allowed
    `scheme://host:port`; anything else is refused before it is looked up. `timeout_seconds` limits
    the connecting and each wait for bytes; a whole call is cut off after `OVERALL_TIMES` that, and
    an answer after `most_bytes`.
    """

    def __init__(
        self,
        session: requests.Session,
        *,
        origins: frozenset[str],
        timeout_seconds: float,
        most_bytes: int = MOST_BYTES,
    ) -> None:
        adapter = _OneTryAdapter(pool_maxsize=POOL_CONNECTIONS)
        session.mount("https://", adapter)
        session.mount("http://", adapter)
        self._session = session
        self._origins = origins
        self._timeout_seconds = timeout_seconds
        self._most_bytes = most_bytes

    def request(
        self,
        uri: str,
        method: str = "GET",
        body: str | bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> HttpAnswer:
        """Send one request and read its whole answer, whatever its status.

        Raises Unreachable, Undecided or SignInNeeded.
        """
        self._refuse_other_hosts(uri)
        overall_seconds = OVERALL_TIMES * self._timeout_seconds
        with _sorted_faults(origin(uri)), _OVERSEER.cutting_off_after(overall_seconds):
            response = self._session.request(
                method,
                uri,
                data=body.encode() if isinstance(body, str) else body,
                headers=headers,
                timeout=self._timeout_seconds,
                allow_redirects=False,
                auth=_leave_as_it_is,
                stream=True,
            )
            content = _read(response, self._most_bytes)
        names = {name.lower(): value for name, value in response.headers.items()}
        return HttpAnswer(response.status_code, names, content)

    def close(self) -> None:
        """Close every connection."""
        self._session.close()

    def _refuse_other_hosts(self, uri: str) -> None:
        if _place(uri) not in self._origins:
            raise Unreachable(
                f"Refused to call {_without_query(uri)!r}, which is not a "
                "configured host. Nothing was sent.",
                detail=f"not one of {sorted(self._origins)}",
            )


def _place(uri: str) -> str | None:
    """The `scheme://host:port` of an address; None if it can't be trusted.

    Uses the parser that will open the connection: two parsers can disagree about the host in an odd
    address.
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


def _read(response: requests.Response, most_bytes: int) -> bytes:
    """The content of an answer, unpacked. Raises `_TooMuchError` for an endless one."""
    pieces: list[bytes] = []
    size = 0
    for piece in response.iter_content(_PIECE_BYTES):
        pieces.append(piece)
        size += len(piece)
        if size > most_bytes:
            response.close()
            raise _TooMuchError
    return b"".join(pieces)


class _TooMuchError(Exception):
    """An answer is larger than any expected one."""


class _Overseer:
    """Cut off calls that take too long, whatever they wait for.

    A socket's own time-out restarts with each byte. One thread watches all calls; it ends when none
    is left.
    """

    def __init__(self) -> None:
        self._mine = threading.local()
        self._changed = threading.Condition()
        self._watched: dict[int, tuple[float, socket.socket]] = {}
        self._is_watching = False

    @contextmanager
    def cutting_off_after(self, seconds: float) -> Iterator[None]:
        """Cut off this thread's calls in the block after this many seconds."""
        self._mine.deadline = time.monotonic() + seconds
        try:
            yield
        finally:
            self._mine.deadline = None
            with self._changed:
                self._watched.pop(threading.get_ident(), None)

    def watch(self, connection: HTTPConnection) -> None:
        """Watch the connection that this thread is about to use."""
        deadline = getattr(self._mine, "deadline", None)
        if deadline is None or connection.sock is None:
            return
        with self._changed:
            self._watched[threading.get_ident()] = (deadline, connection.sock)
            if not self._is_watching:
                self._is_watching = True
                threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        with self._changed:
            while self._watched:
                now = time.monotonic()
                for thread, (deadline, sock) in list(self._watched.items()):
                    if deadline <= now:
                        del self._watched[thread]
                        with suppress(OSError):
                            # Bypass TLS, so that the blocked reader wakes up with an error.
                            socket.socket.shutdown(sock, socket.SHUT_RDWR)
                self._changed.wait(_LOOK_SECONDS)
            self._is_watching = False


_LOOK_SECONDS = 0.5
_OVERSEER = _Overseer()


class _NeverConnectedError(Exception):
    """No connection was made, so no byte of the request was written."""


class _OneTryAdapter(HTTPAdapter):
    """requests' adapter, but it says whether a connection was ever made.

    The exceptions of the layers below don't: a time-out or a TLS error looks the same before and
    after the request is written.
    """

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = _POOLS

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        manager = super().proxy_manager_for(proxy, **kwargs)
        manager.pool_classes_by_scheme = _POOLS
        return manager

    def cert_verify(self, *args: Any, **kwargs: Any) -> None:
        with _before_the_first_byte():  # a missing CA bundle
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

    def send(self, data: Any) -> None:
        _refuse_late_bytes(self)
        super().send(data)


class _TlsConnection(HTTPSConnection):
    def connect(self) -> None:
        with _before_the_first_byte():
            super().connect()

    def send(self, data: Any) -> None:
        _refuse_late_bytes(self)
        super().send(data)


def _refuse_late_bytes(connection: HTTPConnection) -> None:
    """Check whether the call may still be made, once there is a connection.

    This late because earlier steps take time: renewing a token, looking a name up. An incomplete
    request is never carried out.
    """
    if connection.sock is None:
        connection.connect()
    _OVERSEER.watch(connection)
    refuse_if_over()


class _PlainPool(HTTPConnectionPool):
    ConnectionCls = _PlainConnection


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _TlsConnection


_POOLS = {"http": _PlainPool, "https": _TlsPool}


@contextmanager
def _sorted_faults(place: str) -> Iterator[None]:
    """Convert exceptions of the layers below into a failure."""
    try:
        yield
    except _NeverConnectedError as fault:
        raise _unreachable(place, fault.__cause__) from fault
    except requests.exceptions.InvalidProxyURL as fault:
        raise _unreachable(place, fault) from fault
    except _TooMuchError as fault:
        raise Undecided(
            f"The answer of {place} is larger than any that it gives. {NOT_KNOWN}"
        ) from fault
    except requests.exceptions.Timeout as fault:
        raise Undecided(
            f"No answer came from {place} in time. {NOT_KNOWN}", detail=repr(fault)
        ) from fault
    except requests.exceptions.RequestException as fault:
        raise Undecided(
            f"The connection to {place} was lost before the answer came. {NOT_KNOWN}",
            detail=repr(fault),
        ) from fault
    except GoogleAuthError as fault:
        raise sort_sign_in_error(fault) from fault
    except ValueError as fault:  # requests reads a redirect's target even if told not to follow it
        raise Undecided(
            f"The answer of {place} could not be read. {NOT_KNOWN}", detail=repr(fault)
        ) from fault


def _unreachable(place: str, cause: BaseException | None) -> Unreachable:
    if isinstance(cause, NameResolutionError):
        sentence = f"{place} could not be found. Is this machine online?"
    elif "certificate" in str(cause).lower():
        sentence = (
            f"This machine does not trust the certificate of {place}. If a proxy inspects TLS, "
            f"set REQUESTS_CA_BUNDLE to its certificates."
        )
    else:
        sentence = f"{place} could not be reached. Is this machine online?"
    return Unreachable(f"{sentence} Nothing was sent.", detail=repr(cause))


def sort_sign_in_error(fault: GoogleAuthError) -> GoogleFault:
    """The failure for a token that was not renewed: Google refused, or wasn't reached.

    The request itself was not sent, or was rejected with 401.
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
    """Keep requests from replacing the token by a password from ~/.netrc."""
    return prepared


class Httplib2Shape:
    """The interface that `build_from_document(http=…)` needs; requests go through `transport`."""

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

        `redirections` and `connection_type` are httplib2's and have no effect. Raises Unreachable,
        Undecided or SignInNeeded.
        """
        answer = self._transport.request(uri, method, body, _without_length(headers or {}))
        return _response(answer), answer.content

    def close(self) -> None:
        """Close every connection. googleapiclient calls it when a client is closed."""
        self._transport.close()


def _without_length(headers: Mapping[str, str]) -> dict[str, str]:
    """The client's headers without the length, which the session sets: in bytes."""
    return {name: value for name, value in headers.items() if name.lower() != "content-length"}


def _response(answer: HttpAnswer) -> httplib2.Response:
    # The body is unpacked by now.
    headers = {name: value for name, value in answer.headers.items() if name != "content-encoding"}
    return httplib2.Response({**headers, "status": str(answer.status)})  # type: ignore[no-untyped-call]


_ANYWHERE = "https://www.googleapis.com/"


def server_time(endpoint: Endpoint, timeout_seconds: float) -> datetime:
    """The server's clock (UTC, whole seconds). Raises Unreachable, or Undecided without `Date`."""
    with requests.Session() as session:
        session.trust_env = endpoint.root_url is None
        transport = Transport(session, origins=endpoint.origins, timeout_seconds=timeout_seconds)
        answer = transport.request(endpoint.root_url or _ANYWHERE)
    try:
        return parsedate_to_datetime(answer.headers.get("date", "")).astimezone(UTC)
    except ValueError as fault:
        raise Undecided("The answer did not tell the time.") from fault


# --- The session below it -------------------------------------------------------------------------


class SavedCredentials(Credentials):
    """google-auth's credentials, renewed by one thread at a time and then saved."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[no-untyped-call]
        self._renewing = threading.Lock()
        self._path: Path | None = None
        self._place = ""

    @classmethod
    def of(cls, path: Path, token: dict[str, Any]) -> SavedCredentials:
        """The credentials that `endpoint.read_token` read from `path`."""
        credentials = cls(
            token=token.get("token"),
            refresh_token=token["refresh_token"],
            token_uri=token["token_uri"],
            client_id=token["client_id"],
            client_secret=token["client_secret"],
            scopes=token["scopes"],
            account=token.get("account") or "",
            # google-auth compares with a naive UTC clock.
            expiry=datetime.fromisoformat(token["expiry"]).replace(tzinfo=None),
        )
        credentials._path = path
        credentials._place = token.get("place", "")
        return credentials

    def refresh(self, request: Any) -> None:
        """Renew the access token. A thread that waited for another's renewal uses that one."""
        stale = self.token
        with self._renewing:
            if self.token == stale:
                super().refresh(request)  # type: ignore[no-untyped-call]
                self._save()

    def _save(self) -> None:
        # Somebody has signed out meanwhile: don't sign in again.
        if self._path is None or not self._path.exists():
            return
        # If the disk is full, the only cost is another renewal next time.
        with contextlib.suppress(OSError):
            write_token(self._path, as_token(self, account=self.account, place=self._place))


def authorized_session(credentials: Any, *, trust_environment: bool = True) -> AuthorizedSession:
    """A requests session that sends these credentials and renews them when they expire.

    Without `trust_environment`, no proxy from the environment gets a call or a renewal.
    """
    renewing = requests.Session()
    renewing.trust_env = trust_environment
    follow_no_redirect(renewing)
    session = AuthorizedSession(credentials, auth_request=Request(renewing))  # type: ignore[no-untyped-call]
    session.trust_env = trust_environment
    return session


def follow_no_redirect(session: requests.Session) -> None:
    """Make a session follow no redirect: its calls hold a secret of the sign-in.

    A redirect is raised as requests' TooManyRedirects.
    """
    session.max_redirects = 0


def as_token(credentials: Credentials, *, account: str, place: str = "") -> dict[str, Any]:
    """The token to store: with the granted scopes, not the requested ones.

    `place` is the emulator that issued it; empty for Google.
    """
    token: dict[str, Any] = json.loads(credentials.to_json())  # type: ignore[no-untyped-call]
    granted = credentials.granted_scopes or credentials.scopes or []
    kept = {"place": place} if place else {}
    return {**token, "scopes": sorted(granted), "account": account, **kept}


def fixed_token_session(token: str) -> requests.Session:
    """A session with a token that never changes; it ignores the environment's proxies."""
    session = requests.Session()
    session.trust_env = False
    session.headers["Authorization"] = f"Bearer {token}"
    return session


def revoke(refresh_token: str, revoke_url: str) -> bool:
    """Ask Google to revoke a sign-in; False if it did not confirm."""
    with requests.Session() as session:
        session.trust_env = not is_loopback(urlsplit(revoke_url).hostname or "")
        try:
            answer = session.post(
                revoke_url, data={"token": refresh_token}, timeout=10, allow_redirects=False
            )
        except requests.RequestException:
            return False
    return answer.status_code == 200
