"""Faults that a drill can switch on: which calls, how often, and how.

A fault happens before the work (the call leaves only its quota usage) or after it (the work is
committed, and only the answer is wrong). Of the 404s, `404` answers any call, `false_404` only one
whose object exists (nothing is done), and `404_after` comes after the work.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from threading import Lock
from typing import Any

from google_rehearsal.wire.admission import invalid_credentials, over_quota, retry_after
from google_rehearsal.wire.errors import GoogleError, internal, invalid_argument

# Done to the connection by the server, instead of a whole answer.
BEFORE_BY_CONNECTION = {"close_before": "close", "hang_before": "hang"}
AFTER_BY_CONNECTION = {
    "close_after": "close",
    "hang": "hang",
    "half_answer": "half",
    "garbage": "garbage",
}
# A call that would succeed is rolled back and answered as if its object did not exist.
FALSE_404 = "false_404"
_DEFAULT_SECONDS = 30.0

# Makes the error for a service (`docs`, `drive`, `gmail`), given when there is room again.
Refusal = Callable[[str, float], GoogleError]


class FaultError(ValueError):
    """An invalid fault; the text is a sentence about it."""


@dataclass(frozen=True)
class Fault:
    """One fault of the table.

    `method` is a method's id, a prefix such as `docs.*`, or `*`; with `words`, only calls whose
    JSON holds them match. The fault skips the first `skip` matching calls, then hits each with
    `probability`, at most `times` times (None: without limit). `seconds` is how long `slow` and
    `hang` take, and how far away the instant of a `429` is.
    """

    method: str
    kind: str
    probability: float = 1.0
    times: int | None = None
    skip: int = 0
    seconds: float = _DEFAULT_SECONDS
    words: str = ""

    def matches(self, method_id: str, body: bytes = b"") -> bool:
        """Whether the fault applies to a call of this method with this body."""
        if self.words and not self._is_said_in(body):
            return False
        if self.method.endswith("*"):
            return method_id.startswith(self.method[:-1])
        return method_id == self.method

    def _is_said_in(self, body: bytes) -> bool:
        escaped = json.dumps(self.words)[1:-1]
        return escaped.encode() in body or self.words.encode() in body


def refusal(fault: Fault, service: str, now: float) -> GoogleError | None:
    """A fault's error instead of the work, None if its kind has none."""
    make = _REFUSALS.get(fault.kind)
    return make(service, now + fault.seconds) if make else None


def read_fault(value: Any) -> Fault:
    """A fault from its JSON. Raises `FaultError`."""
    if not isinstance(value, Mapping):
        raise FaultError(f"A fault is an object, not {value!r}.")
    known = {"match", "kind", "probability", "times", "skip", "seconds"}
    if unknown := sorted(set(value) - known):
        raise FaultError(f"A fault has no {unknown[0]!r}; it has {', '.join(sorted(known))}.")
    match = value.get("match", {"method": "*"})
    method = match.get("method") if isinstance(match, Mapping) else None
    if not isinstance(method, str) or not method:
        raise FaultError('A fault needs a target: {"match": {"method": "docs.*"}}.')
    if value.get("kind") not in list(KINDS):
        raise FaultError(f"kind is one of {', '.join(sorted(KINDS))}; not {value.get('kind')!r}.")
    words = match.get("words", "") if isinstance(match, Mapping) else ""
    if not isinstance(words, str):
        raise FaultError("match.words is a text.")
    return Fault(
        method,
        value["kind"],
        words=words,
        probability=_between("probability", value.get("probability", 1.0), 0, 1),
        times=None if value.get("times") is None else _whole("times", value["times"]),
        skip=_whole("skip", value.get("skip", 0)),
        seconds=_between("seconds", value.get("seconds", _DEFAULT_SECONDS), 0, 86_400),
    )


class FaultTable:
    """The active faults, in order; a call gets the first one that hits it."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._entries: list[_Entry] = []
        self._dice = random.Random()  # noqa: S311 - a drill's dice, not a secret

    def add(self, faults: list[Fault], seed: int | None = None) -> None:
        """Switch on further faults; with a seed, the same calls are hit in each run."""
        with self._lock:
            if seed is not None:
                self._dice = random.Random(seed)  # noqa: S311 - as above
            self._entries += [_Entry(fault) for fault in faults]

    def clear(self) -> None:
        """Switch all faults off."""
        with self._lock:
            self._entries = []

    def take(self, method_id: str, body: bytes = b"") -> Fault | None:
        """The fault that hits this call, counted as used; None if there is none."""
        with self._lock:
            for entry in self._entries:
                if entry.hits(method_id, body, self._dice):
                    return entry.fault
        return None

    def as_json(self) -> list[dict[str, Any]]:
        """The table with each fault's matches and hits."""
        with self._lock:
            return [entry.as_json() for entry in self._entries]


@dataclass
class _Entry:
    fault: Fault
    met: int = 0
    hit: int = 0

    def hits(self, method_id: str, body: bytes, dice: random.Random) -> bool:
        if not self.fault.matches(method_id, body):
            return False
        self.met += 1
        spared = self.met <= self.fault.skip
        spent = self.fault.times is not None and self.hit >= self.fault.times
        if spared or spent or dice.random() >= self.fault.probability:
            return False
        self.hit += 1
        return True

    def as_json(self) -> dict[str, Any]:
        values = asdict(self.fault)
        match = {"method": values.pop("method")}
        if words := values.pop("words"):
            match["words"] = words
        return {"match": match, **values, "met": self.met, "hit": self.hit}


def _rate_403(service: str, room_at: float) -> GoogleError:
    if service == "docs":
        return over_quota(service, "Write", 60, room_at)
    if service == "drive":
        return GoogleError(
            403, "Rate Limit Exceeded", reason="rateLimitExceeded", domain="usageLimits"
        )
    return GoogleError(
        403,
        "Quota exceeded for quota metric 'Queries' and limit 'Queries per minute per user' of "
        "service 'gmail.googleapis.com' for consumer 'project_number:000000000000'.",
        reason="rateLimitExceeded",
        domain="usageLimits",
    )


def _too_many(service: str, room_at: float) -> GoogleError:
    if service == "drive":
        return GoogleError(
            429, "Rate Limit Exceeded", reason="rateLimitExceeded", domain="usageLimits"
        )
    return over_quota(service, "Write", 60, room_at)


def _usage(code: int, reason: str, message: str) -> Refusal:
    return lambda _service, _room_at: GoogleError(
        code, message, reason=reason, domain="usageLimits"
    )


_PROJECT = "270000000000"
_TITLES = {"docs": "Google Docs", "drive": "Google Drive", "gmail": "Gmail"}


def _not_enabled(service: str, _room_at: float) -> GoogleError:
    """An API that is not enabled for the project (recorded from Drive)."""
    page = f"https://console.developers.google.com/apis/api/{service}.googleapis.com/overview"
    return GoogleError(
        403,
        f"{_TITLES[service]} API has not been used in project {_PROJECT} before or it is disabled. "
        f"Enable it by visiting {page}?project={_PROJECT} then retry. If you enabled this API "
        "recently, wait a few minutes for the action to propagate to our systems and retry.",
        reason="accessNotConfigured",
        domain="usageLimits",
        status="PERMISSION_DENIED",
        details=[
            {
                "@type": "type.googleapis.com/google.rpc.ErrorInfo",
                "reason": "SERVICE_DISABLED",
                "domain": "googleapis.com",
                "metadata": {
                    "service": f"{service}.googleapis.com",
                    "consumer": f"projects/{_PROJECT}",
                    "activationUrl": f"{page}?project={_PROJECT}",
                },
            }
        ],
    )


def _no_scope(_service: str, _room_at: float) -> GoogleError:
    return GoogleError(
        403,
        "Request had insufficient authentication scopes.",
        short="Insufficient Permission",
        reason="insufficientPermissions",
        status="PERMISSION_DENIED",
    )


def _not_found(service: str, _room_at: float) -> GoogleError:
    if service == "drive":
        return GoogleError(404, "File not found: .", reason="notFound", location="fileId")
    return GoogleError(
        404, "Requested entity was not found.", reason="notFound", status="NOT_FOUND"
    )


def _internal(service: str, _room_at: float) -> GoogleError:
    if service == "drive":  # recorded: Drive's guide on errors
        return GoogleError(500, "Backend Error", reason="backendError")
    return internal()


def _refused_file(reason: str, message: str, code: int = 403) -> Refusal:
    return lambda _service, _room_at: GoogleError(code, message, reason=reason)


_REFUSALS: dict[str, Refusal] = {
    "429": _too_many,
    "500": _internal,
    "503": lambda _service, _room_at: GoogleError(
        503, "The service is currently unavailable.", reason="backendError", status="UNAVAILABLE"
    ),
    "403_rate": _rate_403,
    "403_daily_limit": _usage(403, "dailyLimitExceeded", "Daily Limit Exceeded"),
    "403_sharing_rate": _usage(
        403,
        "sharingRateLimitExceeded",
        'Rate limit exceeded. User message: "Sorry, you have exceeded your sharing quota."',
    ),
    "403_domain_policy": lambda _service, _room_at: GoogleError(
        403, "The domain administrators have disabled Drive apps.", reason="domainPolicy"
    ),
    # A sharing that a policy forbids, often without any text for the person.
    **{
        kind: _refused_file(reason, 'Bad Request. User message: ""')
        for kind, reason in {
            "403_share_out": "shareOutNotPermitted",
            "403_share_out_user": "shareOutNotPermittedToUser",
            "403_share_in": "shareInNotPermitted",
            "403_share_warning": "shareOutWarning",
            "403_share_unknown": "shareLevelNotPermitted",
        }.items()
    },
    # An administrator has switched Drive off for this person (GAM, gogcli #675).
    "401_drive_off": lambda _service, _room_at: GoogleError(
        401, "Active session is invalid. Error code: 4", reason="authError"
    ),
    "403_not_enabled": _not_enabled,
    "403_no_scope": _no_scope,
    "403_file": _refused_file(
        "insufficientFilePermissions",
        "The user does not have sufficient permissions for this file.",
    ),
    "403_storage_full": _refused_file(
        "storageQuotaExceeded", "The user's Drive storage quota has been exceeded."
    ),
    "403_publish_out": _refused_file(
        "publishOutNotPermitted", 'Bad Request. User message: ""', 400
    ),
    # A mail whose content Gmail refuses: an error for one recipient.
    "400_invalid_to": lambda _service, _room_at: invalid_argument("Invalid To header"),
    "400": lambda _service, _room_at: GoogleError(
        400,
        "Request contains an invalid argument.",
        reason="badRequest",
        status="INVALID_ARGUMENT",
    ),
    "400_no_mailbox": lambda _service, _room_at: GoogleError(
        400, "Mail service not enabled", reason="failedPrecondition", status="FAILED_PRECONDITION"
    ),
    "404": _not_found,
    "daily_sends": lambda _service, room_at: retry_after(room_at, "Mail sending"),
    "token_expired": lambda _service, _room_at: invalid_credentials(),
}

AFTER_REFUSALS: dict[str, Callable[[], GoogleError]] = {
    "error_after": internal,
    "404_after": lambda: _not_found("gmail", 0),
    "share_mail_failed": lambda: GoogleError(
        400,
        "Bad Request",
        short='Bad Request. User message: "Sorry, the items were successfully shared but emails '
        'could not be sent."',
        reason="invalidSharingRequest",
    ),
}

# Errors of the sign-in server, whose only method here is `oauth2.token`.
SIGN_IN_REFUSALS = frozenset(
    {
        "invalid_grant",
        "invalid_client",
        "deleted_client",
        "unauthorized_client",
        "admin_policy_enforced",
    }
)

# Replies of the mail relay, at its methods `smtp.*`. The words are those of Google's help pages
# "Gmail SMTP errors and codes" and "SMTP relay service error messages".
SMTP_REPLIES = {
    "421": "421 4.7.0 Try again later, closing connection",
    "421_idle": "421 4.4.2 Timeout - closing connection",
    "450": "450 4.2.1 Peak SMTP relay limit exceeded for customer",
    "535": "535 5.7.8 Username and Password not accepted",
    "550": "550 5.1.1 The email account that you tried to reach does not exist",
    "550_daily": "550 5.7.1 Daily SMTP relay limit exceeded for user",
    "550_not_let_in": "550 5.7.1 Invalid credentials for relay",
    "554": "554 5.7.0 This message violates our email policy",
}

KINDS = frozenset(
    {
        "slow",
        "redirect_307",
        FALSE_404,
        *SMTP_REPLIES,
        *SIGN_IN_REFUSALS,
        *_REFUSALS,
        *AFTER_REFUSALS,
        *BEFORE_BY_CONNECTION,
    }
    | set(AFTER_BY_CONNECTION)
)


def _whole(name: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise FaultError(f"{name} is a whole number of 0 or more, not {value!r}.")
    return value


def _between(name: str, value: Any, low: float, high: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise FaultError(f"{name} is a number from {low} to {high}, not {value!r}.")
    return float(value)
