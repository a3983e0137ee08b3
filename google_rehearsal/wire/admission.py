"""Admission of a call: tokens, scopes and quotas.

A bearer token names the account, the OAuth client and the scopes. The caller can make one up:
`rehearsal` is the default account with the default scopes; `rehearsal:ADDRESS`,
`rehearsal:ADDRESS:scope,scope` and `rehearsal:ADDRESS:scopes:client` name the account, the short
names of the scopes, and the OAuth client. `rehearsal-SECRET` for `rehearsal` also shows the home's
secret (see `visitors`). Tokens issued through the consent page count too.

Quotas are per account and minute, as a sliding window, with Google's 429s. Units are from Google's
quota page for Gmail; Docs counts reads and writes, failed writes too; Drive counts units. Nothing
here survives the server except what the mailbox itself stores.
"""

from __future__ import annotations

import re
from collections import defaultdict, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from threading import Lock
from typing import Protocol

from google_rehearsal.store import Settings
from google_rehearsal.wire.errors import GoogleError, Method

# --- Tokens, scopes and quotas --------------------------------------------------------------------

DEFAULT_SCOPES = ("drive.file", "documents", "gmail.compose")
_SCOPE_BASE = "https://www.googleapis.com/auth/"
_FULL_MAIL = "https://mail.google.com/"
_ADDRESS = re.compile(r"[^@\s:]+@[^@\s:]+")
_MADE_UP = re.compile("rehearsal(-[0-9a-f]+)?")
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
    if scheme.lower() != "bearer" or not _MADE_UP.fullmatch(parts[0]) or len(parts) > 4:
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
