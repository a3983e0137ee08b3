"""Quotas per account and minute, as a sliding window, and the 429s that they answer.

Units from Google's quota page for Gmail; Docs counts reads and writes, failed writes too; Drive
counts units. Nothing here survives the server but what the mailbox itself remembers.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from threading import Lock

from workflow.rehearsal.settings import Settings
from workflow.rehearsal.wire.discovery import Method
from workflow.rehearsal.wire.errors import GoogleError

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
    """Units spent in the last so many seconds, per key."""

    def __init__(self) -> None:
        self._spent: dict[str, deque[tuple[float, int]]] = defaultdict(deque)
        self._lock = Lock()

    def charge(self, key: str, units: int, *, limit: int, seconds: float, now: float) -> float:
        """Spends `units` and returns 0.0, or spends nothing and returns when there is room again.

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
    """The limits of the settings, and what each account has used of them."""

    def __init__(self) -> None:
        self._window = SlidingWindow()
        self._in_flight: dict[str, int] = defaultdict(int)
        self._lock = Lock()

    def charge(self, method: Method, account: str, settings: Settings, now: float) -> None:
        """Counts one call at `now`, in epoch seconds. Raises the 429 of the service."""
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
        """Holds one of the account's places for calls at the same time. Raises Gmail's 429."""
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
    """What a call over the minute's quota gets. `room_at` in epoch seconds; only Gmail tells it."""
    if service == "gmail":
        return retry_after(room_at)
    if service == "drive":
        return GoogleError(
            403, "User rate limit exceeded.", reason="userRateLimitExceeded", domain="usageLimits"
        )
    return _docs_429(metric, limit)


def retry_after(room_at: float, why: str = "") -> GoogleError:
    """Gmail's 429, which carries its instant in the text. `why` is a remark such as `Mail sending`.

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
    kind = metric.lower()
    return GoogleError(
        429,
        f"Quota exceeded for quota metric '{metric} requests' and limit '{metric} requests per "
        "minute per user' of service 'docs.googleapis.com' for consumer "
        "'project_number:000000000000'.",
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
