"""Admission of a call: the user at the other end, tokens, scopes and quotas.

A bearer token names the account, the OAuth client and the scopes. The caller can make one up:
`rehearsal` is the default account with the default scopes; `rehearsal:ADDRESS`,
`rehearsal:ADDRESS:scope,scope` and `rehearsal:ADDRESS:scopes:client` name the account, the short
names of the scopes, and the OAuth client. Tokens issued through the consent page count too.

Quotas are per account and minute, as a sliding window, with Google's 429s. Units are from Google's
quota page for Gmail; Docs counts reads and writes, failed writes too; Drive counts units. Nothing
here survives the server except what the mailbox itself stores.

A drill may use a real list. Every user of the machine can reach loopback, so the server asks the
kernel who connected, and rejects anybody else. Linux says it (sock_diag(7), and slower in
/proc/net/tcp); elsewhere nobody is rejected.
"""

from __future__ import annotations

import os
import re
import socket
import socketserver
import struct
import sys
from collections import defaultdict, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock, Thread
from typing import Any, Protocol

from google_rehearsal.store import Settings
from google_rehearsal.wire.errors import GoogleError, Method

# --- Tokens, scopes and quotas --------------------------------------------------------------------

DEFAULT_SCOPES = ("drive.file", "documents", "gmail.compose")
_SCOPE_BASE = "https://www.googleapis.com/auth/"
_FULL_MAIL = "https://mail.google.com/"
_ADDRESS = re.compile(r"[^@\s:]+@[^@\s:]+")
_REALM = 'Bearer realm="https://accounts.google.com/"'
_NEEDED = (
    "Expected OAuth 2 access token, login cookie or other valid authentication credential. "
    "See https://developers.google.com/identity/sign-in/web/devconsole-project."
)


@dataclass(frozen=True)
class Caller:
    """An account (an email address in lower case) that acts through an OAuth client."""

    account: str
    display_name: str
    client: str
    scopes: frozenset[str]

    def holds(self, *scopes: str) -> bool:
        """Whether the token has one of these scopes, given by their short names."""
        return any(full_scope(scope) in self.scopes for scope in scopes)


class Holder(Protocol):
    """The owner of an issued token; `scopes` are full URLs."""

    @property
    def account(self) -> str:
        """The e-mail address."""

    @property
    def client(self) -> str:
        """The OAuth client's id."""

    @property
    def scopes(self) -> tuple[str, ...]:
        """The granted scopes."""


def full_scope(name: str) -> str:
    """The URL of a scope: `drive.file` → `https://www.googleapis.com/auth/drive.file`."""
    if name == "mail.google.com":
        return _FULL_MAIL
    return name if name.startswith("https://") else _SCOPE_BASE + name


def caller_of(
    authorization: str,
    settings: Settings,
    service: str,
    holder_of: Callable[[str], Holder | None],
) -> Caller:
    """The caller in an Authorization header; `holder_of` knows the issued tokens.

    Raises `GoogleError` as Google does: 401 for an invalid token, and without a token 401, or 403
    from Drive (recorded bodies).
    """
    scheme, _, token = authorization.partition(" ")
    if not authorization.strip():
        raise missing_credentials(service)
    holder = holder_of(token.strip()) if scheme.lower() == "bearer" else None
    if holder is not None:
        return _caller(holder.account, holder.client, frozenset(holder.scopes), settings)
    parts = token.strip().split(":")
    if scheme.lower() != "bearer" or parts[0] != "rehearsal" or len(parts) > 4:
        raise invalid_credentials()
    address, scopes, client = (*parts[1:], "", "", "")[:3]
    if address and not _ADDRESS.fullmatch(address):
        raise invalid_credentials()
    account = (address or settings.account).lower()
    names = [name for name in scopes.split(",") if name] or DEFAULT_SCOPES
    granted = frozenset(full_scope(name) for name in names)
    return _caller(account, client or "rehearsal", granted, settings)


def _caller(account: str, client: str, scopes: frozenset[str], settings: Settings) -> Caller:
    return Caller(account, display_name_of(account, settings), client, scopes)


def display_name_of(account: str, settings: Settings) -> str:
    """The sender's name of an account's mail."""
    own = account == settings.account.lower()
    return settings.display_name if own else account.partition("@")[0].title()


def check_scopes(caller: Caller, method: Method) -> None:
    """Raise the 403 for a token without the scopes that the method needs."""
    if method.scopes and not method.scopes & caller.scopes:
        raise GoogleError(
            403,
            "Request had insufficient authentication scopes.",
            short="Insufficient Permission",
            reason="insufficientPermissions",
            status="PERMISSION_DENIED",
            details=[
                {
                    "@type": "type.googleapis.com/google.rpc.ErrorInfo",
                    "reason": "ACCESS_TOKEN_SCOPE_INSUFFICIENT",
                    "domain": "googleapis.com",
                    "metadata": {
                        "service": f"{method.service}.googleapis.com",
                        "method": method.id,
                    },
                }
            ],
            headers={
                "WWW-Authenticate": f'{_REALM}, error="insufficient_scope", '
                f'scope="{" ".join(sorted(method.scopes))}"'
            },
        )


def invalid_credentials() -> GoogleError:
    """The 401 for a token that is unknown or has expired."""
    return GoogleError(
        401,
        f"Request had invalid authentication credentials. {_NEEDED}",
        short="Invalid Credentials",
        reason="authError",
        location="Authorization",
        location_type="header",
        status="UNAUTHENTICATED",
        headers={"WWW-Authenticate": f'{_REALM}, error="invalid_token"'},
    )


def missing_credentials(service: str) -> GoogleError:
    """The error for a call without a token: 403 from Drive, 401 from Docs and Gmail."""
    if service == "drive":
        return GoogleError(
            403,
            "Method doesn't allow unregistered callers (callers without established identity). "
            "Please use API Key or other form of API consumer identity to call this API.",
            reason="forbidden",
            status="PERMISSION_DENIED",
        )
    return GoogleError(
        401,
        f"Request is missing required authentication credential. {_NEEDED}",
        short="Login Required.",
        reason="required",
        location="Authorization",
        location_type="header",
        status="UNAUTHENTICATED",
        headers={"WWW-Authenticate": _REALM},
    )


GMAIL_UNITS = {
    "gmail.users.drafts.create": 10,
    "gmail.users.drafts.update": 15,
    "gmail.users.drafts.send": 100,
    "gmail.users.drafts.delete": 10,
    "gmail.users.drafts.get": 5,
    "gmail.users.drafts.list": 5,
    "gmail.users.messages.send": 100,
    "gmail.users.messages.get": 20,
    "gmail.users.messages.list": 5,
    "gmail.users.getProfile": 1,
    "gmail.users.settings.sendAs.list": 1,
}
_OTHER_UNITS = 5
MINUTE_SECONDS = 60.0
DAY_SECONDS = 86_400.0


class SlidingWindow:
    """Units spent in a number of past seconds, per key."""

    def __init__(self) -> None:
        self._spent: dict[str, deque[tuple[float, int]]] = defaultdict(deque)
        self._lock = Lock()

    def charge(self, key: str, units: int, *, limit: int, seconds: float, now: float) -> float:
        """Spend `units` and return 0.0, or spend nothing and return when there is room again.

        `now` and the answer are seconds of one clock.
        """
        with self._lock:
            spent = self._spent[key]
            while spent and spent[0][0] + seconds <= now:
                spent.popleft()
            excess = sum(each for _, each in spent) + units - limit
            if excess <= 0:
                spent.append((now, units))
                return 0.0
            return _room_at(spent, excess, now) + seconds


def _room_at(spent: deque[tuple[float, int]], excess: int, now: float) -> float:
    for at, units in spent:
        excess -= units
        if excess <= 0:
            return at
    return now


class Quotas:
    """The limits in the settings, and each account's usage."""

    def __init__(self) -> None:
        self._window = SlidingWindow()
        self._in_flight: dict[str, int] = defaultdict(int)
        self._lock = Lock()

    def charge(self, method: Method, account: str, settings: Settings, now: float) -> None:
        """Count one call at `now`, in epoch seconds. Raises the service's 429."""
        metric, units, limit = _price(method, settings)
        if not limit:
            return
        room_at = self._window.charge(
            f"{metric} {account}",
            units,
            limit=limit,
            seconds=MINUTE_SECONDS / settings.time_scale,
            now=now,
        )
        if room_at:
            raise over_quota(method.service, metric, limit, room_at)

    @contextmanager
    def in_flight(self, method: Method, account: str, settings: Settings) -> Iterator[None]:
        """Hold one of the account's places for concurrent calls. Raises Gmail's 429."""
        limit = settings.gmail_concurrency
        if method.service != "gmail" or not limit:
            yield
            return
        with self._lock:
            if self._in_flight[account] >= limit:
                raise _gmail_429("Too many concurrent requests for user")
            self._in_flight[account] += 1
        try:
            yield
        finally:
            with self._lock:
                self._in_flight[account] -= 1


def _price(method: Method, settings: Settings) -> tuple[str, int, int]:
    if method.service == "gmail":
        return "gmail", GMAIL_UNITS.get(method.id, _OTHER_UNITS), settings.gmail_units_per_minute
    if method.service == "drive":
        return "drive", 100 if method.verb == "GET" else 50, settings.drive_units_per_minute
    if method.verb == "GET":
        return "Read", 1, settings.docs_reads_per_minute
    return "Write", 1, settings.docs_writes_per_minute


def over_quota(service: str, metric: str, limit: int, room_at: float) -> GoogleError:
    """The error over the minute's quota. `room_at` in epoch seconds; only Gmail gives it."""
    if service == "gmail":
        return retry_after(room_at)
    if service == "drive":
        return GoogleError(
            403, "User rate limit exceeded.", reason="userRateLimitExceeded", domain="usageLimits"
        )
    return _docs_429(metric, limit)


def retry_after(room_at: float, why: str = "") -> GoogleError:
    """Gmail's 429, with its instant in the text. `why` is a remark such as `Mail sending`.

    Two spaces before `Retry`, milliseconds and `Z`: GAMADV-XTD3 issue 337; the remark in brackets
    after the instant: google-api-ruby-client issue 20544.
    """
    instant = datetime.fromtimestamp(room_at, UTC).isoformat(timespec="milliseconds")
    remark = f" ({why})" if why else ""
    return _gmail_429(
        f"User-rate limit exceeded.  Retry after {instant.replace('+00:00', 'Z')}{remark}"
    )


def _gmail_429(message: str) -> GoogleError:
    return GoogleError(429, message, reason="rateLimitExceeded", status="RESOURCE_EXHAUSTED")


def _docs_429(metric: str, limit: int) -> GoogleError:
    """Docs' 429. For writes the words are of several reports, for reads by analogy."""
    kind = metric.lower()
    group = f"Quota group for {kind} operations"
    return GoogleError(
        429,
        f"Quota exceeded for quota metric '{group}' and limit '{group} per minute per user' of "
        "service 'docs.googleapis.com' for consumer 'project_number:000000000000'.",
        reason="rateLimitExceeded",
        status="RESOURCE_EXHAUSTED",
        details=[
            {
                "@type": "type.googleapis.com/google.rpc.ErrorInfo",
                "reason": "RATE_LIMIT_EXCEEDED",
                "domain": "googleapis.com",
                "metadata": {
                    "quota_location": "global",
                    "quota_metric": f"docs.googleapis.com/{kind}_requests",
                    "quota_limit_value": str(limit),
                    "consumer": "projects/000000000000",
                    "service": "docs.googleapis.com",
                    "quota_limit": f"{metric}RequestsPerMinutePerUser",
                },
            },
            {
                "@type": "type.googleapis.com/google.rpc.Help",
                "links": [
                    {
                        "description": "Request a higher quota limit.",
                        "url": "https://cloud.google.com/docs/quota#requesting_higher_quota",
                    }
                ],
            },
        ],
    )


# --- Who is connected -----------------------------------------------------------------------------

_TABLE = Path("/proc/net/tcp")
# The columns after the two addresses: state, queues, timer, retransmissions, and then the user.
_USER_COLUMN = 4
_INODE_COLUMN = 6
# A socket that its process has closed has no inode, and the kernel says that it is user 0's.
_NOBODY = -1
# linux/netlink.h, linux/sock_diag.h and linux/inet_diag.h
_NETLINK_SOCK_DIAG = 4
_SOCK_DIAG_BY_FAMILY = 20
_NLM_F_REQUEST = 1
_NLMSG_ERROR = 2
_HEADER = struct.Struct("=LHHLL")
_REQUEST = struct.Struct("=BBBBL" + "4s16s16s" + "LLL")
_ANY_COOKIE = 0xFFFFFFFF
_USER_OFFSET = _HEADER.size + 4 + 48 + 3 * 4

Address = tuple[str, int]


class OwnConnections(socketserver.TCPServer):
    """A server on loopback for this user alone, which closes what is open when it stops."""

    allow_reuse_address = sys.platform != "win32"

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self._lock = Lock()
        self._connections: set[socket.socket] = set()

    @property
    def port(self) -> int:
        """The port that it listens on."""
        return int(self.server_address[1])

    def stop(self) -> None:
        """Stop listening and close every connection."""
        ending = Thread(target=self.shutdown)
        ending.start()
        with suppress(OSError):  # it wakes the loop, which sees only at its next turn that it ends
            socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
        ending.join()
        self.server_close()
        with self._lock:
            for connection in self._connections:
                shut(connection)

    def verify_request(self, request: Any, client_address: Any) -> bool:
        """Reject other users of this machine."""
        del client_address
        return not is_of_somebody_else(request)

    def opened(self, connection: socket.socket) -> None:
        """Remember a connection, to close it at the end."""
        with self._lock:
            self._connections.add(connection)

    def closed(self, connection: socket.socket) -> None:
        """Forget a connection."""
        with self._lock:
            self._connections.discard(connection)


def shut(connection: socket.socket) -> None:
    """End a connection; the client may have been faster."""
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)


def is_of_somebody_else(connection: socket.socket) -> bool:
    """Whether another user of this machine opened a connection. The administrator is allowed."""
    if sys.platform != "linux" or connection.family != socket.AF_INET:
        return False
    try:
        theirs, ours = connection.getpeername(), connection.getsockname()
    except OSError:  # it was closed
        return True
    found = _user_by_netlink(theirs, ours)
    if found is None:
        found = _user_by_table(theirs, ours)
    return found is not None and found not in {0, os.getuid()}


def _user_by_netlink(theirs: Address, ours: Address) -> int | None:
    """The user id of the socket at `theirs`, asking for just this one.

    None if the kernel does not answer such questions, or knows no such socket.
    """
    if sys.platform != "linux":
        return None
    ports = struct.pack(">HH", theirs[1], ours[1])
    places = [socket.inet_aton(host).ljust(16, b"\0") for host in (theirs[0], ours[0])]
    question = _REQUEST.pack(
        *(socket.AF_INET, socket.IPPROTO_TCP, 0, 0, 0xFFFFFFFF),
        *(ports, *places, 0, _ANY_COOKIE, _ANY_COOKIE),
    )
    size = _HEADER.size + len(question)
    header = _HEADER.pack(size, _SOCK_DIAG_BY_FAMILY, _NLM_F_REQUEST, 1, 0)
    try:
        with socket.socket(socket.AF_NETLINK, socket.SOCK_DGRAM, _NETLINK_SOCK_DIAG) as kernel:
            kernel.settimeout(1)
            kernel.send(header + question)
            answer = kernel.recv(4096)
    except OSError:
        return None
    if len(answer) < _USER_OFFSET + 8 or _HEADER.unpack_from(answer)[1] != _SOCK_DIAG_BY_FAMILY:
        return None
    user, inode = struct.unpack_from("=LL", answer, _USER_OFFSET)
    return int(user) if inode else _NOBODY


def _user_by_table(theirs: Address, ours: Address) -> int | None:
    """The same from the table of all sockets; `_NOBODY` if it is gone already."""
    try:
        table = _TABLE.read_bytes()
    except OSError:
        return None
    if b" " + _as_listed(ours) + b" " not in table:  # the table lacks even our own end
        return None
    _, found, rest = table.partition(b" " + _as_listed(theirs) + b" " + _as_listed(ours) + b" ")
    columns = rest.split(None, _INODE_COLUMN + 1)
    is_open = found and columns[_INODE_COLUMN] != b"0"
    return int(columns[_USER_COLUMN]) if is_open else _NOBODY


def _as_listed(address: Address) -> bytes:
    """`0100007F:1F90`: the address as a number of this machine's byte order, and the port."""
    host, port = address
    number = int.from_bytes(socket.inet_aton(host), sys.byteorder)
    return f"{number:08X}:{port:04X}".encode()
