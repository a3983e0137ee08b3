"""Google's faults, by what may be done next, and which of them an answer means.

The kind decides what may be done next, so it is chosen with care: a call is `Undecided` unless
Google's own error says that nothing was done.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from email.utils import parsedate_to_datetime
from typing import Any

from workflow.errors import NOT_SET_UP, RECORDED, PostmortemError

# --- The faults -----------------------------------------------------------------------------------

NOT_KNOWN = "It is unknown whether the request was carried out."

SHARED_WITHOUT_MAIL = "sharedWithoutMail"


class GoogleFault(PostmortemError):
    """A call to Google that did not give the expected answer.

    `sentence` is all that people see. `detail` is for `-v`: Google's own words and the cause, never
    a token. `method` is the discovery id of the call, such as `gmail.users.drafts.send`, or empty.
    """

    exit_code = RECORDED

    def __init__(self, sentence: str, *, detail: str = "", method: str = "") -> None:
        super().__init__(sentence)
        self.detail = without_tokens(detail)
        self.method = method

    def sentence_in(self, zone: tzinfo | None) -> str:
        """The sentence among others, with any instant in it shown in a zone; None is the machine's.

        A claim about the one call, such as "Nothing was sent.", is left out: beside "15 sent" it
        would be wrong.
        """
        del zone  # there is no instant in it
        return _OF_ONE_CALL.sub("", self.sentence)


class Refused(GoogleFault):
    """Google understood the request and refused it; nothing was done. `status` is the HTTP status.

    `reason` is Google's word for it (`notFound`, `invalidArgument`), or the canonical status
    (`NOT_FOUND`) if the API gives no reason, as Docs does. One is ours: `SHARED_WITHOUT_MAIL` means
    that the share was made although Drive answers 400, because only its mail failed.
    """

    def __init__(
        self, sentence: str, *, status: int, reason: str = "", detail: str = "", method: str = ""
    ) -> None:
        super().__init__(sentence, detail=detail, method=method)
        self.status = status
        self.reason = reason

    @property
    def request_index(self) -> int | None:
        """The index of the refused request in a Docs batch, from 0, if Google names it."""
        found = re.search(r"\brequests\[(\d+)\]", self.detail)
        return int(found[1]) if found else None


class StaleRevision(Refused):
    """A write with a revision lock was answered with 400; nothing was applied.

    Google doesn't document its message for a lock that no longer matches, so any 400 to a locked
    write becomes this. Read the doc again: if its revision is not `carried`, compute the edit
    again; if it is the same, the requests themselves are bad.
    """

    def __init__(self, refused: Refused, *, carried: str) -> None:
        super().__init__(
            refused.sentence,
            status=refused.status,
            reason=refused.reason,
            detail=refused.detail,
            method=refused.method,
        )
        self.carried = carried


class SignInNeeded(GoogleFault):
    """A person must fix the sign-in, a permission or the set-up. `reason` is Google's word."""

    exit_code = NOT_SET_UP

    def __init__(
        self, sentence: str, *, reason: str = "", detail: str = "", method: str = ""
    ) -> None:
        super().__init__(sentence, detail=detail, method=method)
        self.reason = reason


class SlowDown(GoogleFault):
    """A quota is used up; nothing was done.

    `until` is the instant (UTC) before which Google wants no further call, if it named one. `daily`
    marks a limit per day, or of unknown length: don't wait for it.
    """

    def __init__(
        self,
        sentence: str,
        *,
        until: datetime | None = None,
        daily: bool = False,
        detail: str = "",
        method: str = "",
    ) -> None:
        super().__init__(sentence, detail=detail, method=method)
        self.until = until
        self.daily = daily

    def sentence_in(self, zone: tzinfo | None) -> str:
        """The sentence with its instant shown in a zone; None is the machine's own."""
        sentence = super().sentence_in(zone)
        if self.until is None:
            return sentence
        told = self.until.astimezone(zone).strftime("%Y-%m-%d %H:%M %Z")
        return sentence.replace(instant_text(self.until), told)


class Unreachable(GoogleFault):
    """Certainly not sent: no connection was made, or we refused the address."""


class NotCalled(Unreachable):
    """Not sent by our own choice: this process slept past its lease before the call."""


class Undecided(GoogleFault):
    """Sent, but without a readable answer. Google may or may not have done it."""


def instant_text(instant: datetime) -> str:
    """An instant in this package's sentences: to the second, in UTC."""
    return f"{instant.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def without_tokens(text: str) -> str:
    """The text with anything that looks like a Google credential removed."""
    return _TOKEN.sub("[credential]", text)


# Access tokens, refresh tokens, client secrets and one-time codes by their public prefixes.
_TOKEN = re.compile(r"(?<![\w/])(?:ya29\.|1//|GOCSPX-|4/)[\w.~-]{8,}|(?<=Bearer )[\w.~+/=-]+")
_OF_ONE_CALL = re.compile(r" Nothing was (?:sent|done)[^.]*\.$")


# --- From an answer to its fault ------------------------------------------------------------------


def sort_http_error(
    status: int,
    headers: Mapping[str, str],
    body: bytes,
    method: str,
    *,
    received_at: datetime | None = None,
) -> GoogleFault:
    """The failure for an HTTP answer that is not a success.

    `received_at` is when the answer arrived; a `Retry-After` in seconds counts from it, or from the
    answer's own `Date` if it is not given.
    """
    said = _read(status, body, method)
    if status == 401:
        return _sign_in(said, _SIGN_IN["driveOff" if said.reason == "driveOff" else "authError"])
    # Only Google's own error proves that nothing was done. A 4xx in another form may come from
    # something in between; but a 413 is never passed on, and a 429 never processed, by any service.
    if not 400 <= status < 500 or (said.foreign and status not in {413, 429}):
        return _undecided(said)
    if status == 429 or said.reason in _SLOW_DOWN:
        return _slow_down(said, headers, received_at)
    # Gmail has no permissions on single items: if it forbids something, it forbids it to this
    # account.
    forbidden = _FORBIDDEN if status == 403 and said.service == "Gmail" else ""
    sentence = _SIGN_IN.get(said.reason, forbidden)
    return _sign_in(said, sentence) if sentence else _refused(said)


def sort_refresh_error(error: str, description: str) -> SignInNeeded:
    """The failure for a sign-in that Google's token server will not renew.

    `error` is its code, such as `invalid_grant` (RFC 6749, section 5.2).
    """
    sentence = _REFRESH.get(error, "Google did not renew the sign-in. Run `postmortem auth login`.")
    return SignInNeeded(sentence, reason=error, detail=f"token refresh: {error}: {description}")


@dataclass(frozen=True)
class _Said:
    """A parsed error answer. `foreign`: it is not in Google's error format."""

    status: int
    method: str
    reason: str
    message: str
    foreign: bool

    @property
    def service(self) -> str:
        return _SERVICES.get(self.method.partition(".")[0], "Google")

    @property
    def words(self) -> str:
        """Google's text for people: its `User message` if there is one."""
        inner = re.search(r'User message: "(.*)"', self.message)
        said = (inner[1].replace('\\"', '"') if inner else self.message).strip().rstrip(".")
        return said or self.reason or "no reason was given"

    @property
    def enabling_link(self) -> str:
        """Where the API is enabled: the page that Google names, else the API's own."""
        found = _CONSOLE_LINK.search(self.message)
        name = self.method.partition(".")[0]
        page = f"https://console.cloud.google.com/apis/library/{name}.googleapis.com"
        return found[0] if found else page

    @property
    def detail(self) -> str:
        return f"HTTP {self.status} {self.reason}: {self.message}".replace(" :", ":")


def _read(status: int, body: bytes, method: str) -> _Said:
    error = _error_object(body)
    if error is None:
        start = body[:200].decode("utf-8", "replace")
        return _Said(status, method, reason="", message=start, foreign=True)
    message = _message(error)
    return _Said(status, method, _reason(error, message), message, foreign=False)


def _error_object(body: bytes) -> dict[str, Any] | None:
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):  # not JSON, not UTF-8, or too deep to be Google's
        return None
    error = answer.get("error") if isinstance(answer, dict) else None
    return error if isinstance(error, dict) else None


def _message(error: dict[str, Any]) -> str:
    """The error's text; of several, the one for people."""
    texts = [str(error.get("message", ""))]
    texts += [str(item.get("message", "")) for item in _objects(error.get("errors"))]
    for_people = [text for text in texts if "User message:" in text]
    return (for_people or texts)[0]


def _objects(items: object) -> list[dict[str, Any]]:
    return [item for item in items if isinstance(item, dict)] if isinstance(items, list) else []


def _reason(error: dict[str, Any], message: str) -> str:
    """Google's word for an error: the first that is known here, else the first.

    Drive and Gmail put it into `errors[]`, the newer front ends into `details[]` (ErrorInfo); Docs
    often gives only the canonical status.
    """
    for words, reason in _REASON_BY_WORDS.items():
        if words in message:
            return reason
    listed: list[str] = [
        item["reason"]
        for part in ("errors", "details")
        for item in _objects(error.get(part))
        if isinstance(item.get("reason"), str)
    ]
    given = [*listed, str(error.get("status", ""))]
    known = [reason for reason in given if reason in _KNOWN_REASONS]
    return (known or given)[0]


def _sign_in(said: _Said, sentence: str) -> SignInNeeded:
    return SignInNeeded(
        sentence.format(
            service=said.service,
            words=said.words,
            link=said.enabling_link,
            login=_LOGIN_FOR.get(said.method, "postmortem auth login"),
        ),
        reason=said.reason,
        detail=said.detail,
        method=said.method,
    )


def _slow_down(said: _Said, headers: Mapping[str, str], received_at: datetime | None) -> SlowDown:
    until = _instant_in(said.message) or _retry_after(headers, received_at)
    latest = (received_at or datetime.now(UTC)) + _LONGEST_WAIT
    until = min(until, latest) if until else None
    daily = said.reason in _DAILY_REASONS or _DAILY_WORDS.search(said.message) is not None
    sentence = _SLOW_DOWN.get(said.reason, "")
    if not sentence:
        sentence = _DAILY_SENTENCE if daily else _PACE_SENTENCE
    if until:
        sentence += f" Try again after {instant_text(until)}."
    return SlowDown(
        sentence.format(service=said.service),
        until=until,
        daily=daily,
        detail=said.detail,
        method=said.method,
    )


def _undecided(said: _Said) -> Undecided:
    if said.status >= 500:
        sentence = f"{said.service} had an internal error ({said.status})"
    else:
        sentence = (
            f"The answer did not come from {said.service} ({said.status}); a proxy or a network "
            f"sign-in page may be in between"
        )
    return Undecided(f"{sentence}. {NOT_KNOWN}", detail=said.detail, method=said.method)


def _refused(said: _Said) -> Refused:
    family = said.method.partition(".")[0]
    sentence = (
        _REFUSED_BY_REASON.get(said.reason)
        or _REFUSED_BY_STATUS.get((family, said.status))
        or _REFUSED_BY_STATUS.get(("", said.status))
        or "{service} refused this ({status}): {words}."
    )
    return Refused(
        sentence.format(service=said.service, status=said.status, words=said.words),
        status=said.status,
        reason=said.reason,
        detail=said.detail,
        method=said.method,
    )


def _instant_in(message: str) -> datetime | None:
    """The instant in the text of Gmail's 429 (seen in the field, undocumented)."""
    found = _RETRY_AFTER_IN_TEXT.search(message)
    try:
        return datetime.fromisoformat(found[1]).astimezone(UTC) if found else None
    except ValueError:
        return None


def _retry_after(headers: Mapping[str, str], received_at: datetime | None) -> datetime | None:
    """The instant of a `Retry-After` header, in seconds or as a date (RFC 9110, 10.2.3)."""
    lowered = {name.lower(): value for name, value in headers.items()}
    value = lowered.get("retry-after", "").strip()
    start = received_at or _http_date(lowered.get("date", ""))
    if value.isascii() and value.isdigit():
        # Python can't make a number of more digits than that.
        wait = timedelta(seconds=int(value.lstrip("0")[:9] or "0"))
        return start.astimezone(UTC) + min(wait, _LONGEST_WAIT) if start else None
    return _http_date(value)


def _http_date(text: str) -> datetime | None:
    # Rarely needed, and a quarter of the cost of importing this package.

    try:
        return parsedate_to_datetime(text).astimezone(UTC)
    except (ValueError, OverflowError, TypeError):  # the year 0, or the last hour of 9999
        return None


_LONGEST_WAIT = timedelta(days=7)

_SERVICES = {"docs": "Google Docs", "drive": "Google Drive", "gmail": "Gmail"}

_RETRY_AFTER_IN_TEXT = re.compile(r"Retry after\s+(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?Z)")

_DAILY_WORDS = re.compile(r"\bdaily\b|\bper day\b|limit for sending email", re.IGNORECASE)

_PACE_SENTENCE = "{service} asks to slow down: too many requests for this account."
_DAILY_SENTENCE = (
    "This account has reached its daily limit for {service}. Try again within 24 hours."
)

_SLOW_DOWN = {
    "rateLimitExceeded": "",
    "userRateLimitExceeded": "",
    "RATE_LIMIT_EXCEEDED": "",
    "RESOURCE_EXHAUSTED": "",
    "quotaExceeded": "",
    "dailyLimitExceeded": _DAILY_SENTENCE,
    "sharingRateLimitExceeded": (
        "Google Drive has reached the sharing quota of this account. Try again in some hours, or "
        "share with one Google Group."
    ),
}
_DAILY_REASONS = {"dailyLimitExceeded", "sharingRateLimitExceeded"}

_LACKS_SCOPE = (
    "This sign-in does not allow what {service} was asked to do."
    " Run `{login}` and leave every box ticked."
)
_NOT_ENABLED = (
    "The {service} API is not enabled in your Google Cloud project."
    " Enable it, wait some minutes, and try again: {link}"
)
# The calls that need an optional scope, and the command that requests it.
_READING = "postmortem auth login --scope read"
_LOGIN_FOR = {
    "gmail.users.messages.get": _READING,
    "gmail.users.messages.list": _READING,
    "gmail.users.threads.get": _READING,
    "gmail.users.settings.sendAs.list": _READING,
}
_CONSOLE_LINK = re.compile(r"https://console\.(?:developers|cloud)\.google\.com/[\w./?=&%-]+")
_SIGN_IN = {
    "authError": "Google does not accept the sign-in. Run `postmortem auth login`.",
    "driveOff": (
        "The administrators of your domain have switched {service} off for this account. Ask them"
        " to switch it on; signing in again does not help."
    ),
    "insufficientPermissions": _LACKS_SCOPE,
    "ACCESS_TOKEN_SCOPE_INSUFFICIENT": _LACKS_SCOPE,
    "accessNotConfigured": _NOT_ENABLED,
    "SERVICE_DISABLED": _NOT_ENABLED,
    "domainPolicy": (
        "The administrators of your domain have not allowed this app to use {service}."
        " Ask them to allow it in the Admin console."
    ),
    "noMailbox": (
        "This Google account has no Gmail mailbox. Sign in with an account that has one:"
        " `postmortem auth login`."
    ),
}
_FORBIDDEN = "{service} does not let this account do that: {words}."
_REASON_BY_WORDS = {
    "unregistered callers": "authError",
    "Active session is invalid": "driveOff",
    "successfully shared but": SHARED_WITHOUT_MAIL,
    "insufficient authentication scopes": "insufficientPermissions",
    "Mail service not enabled": "noMailbox",
}

_REFUSED_BY_REASON = {
    "insufficientFilePermissions": (
        "This account may not change that file. Ask its owner or a manager of its shared drive."
    ),
    "appNotAuthorizedToFile": (
        "This app was not given that file: with the scope drive.file it sees only what it made."
    ),
    "storageQuotaExceeded": (
        "The Google Drive of this account is full. Make room, or sign in with another account."
    ),
    "activeItemCreationLimitExceeded": (
        "This account can't create more items in Google Drive. Delete some permanently."
    ),
    "publishOutNotPermitted": (
        "The administrators of your domain do not allow sharing with anyone who has the link."
    ),
    "shareOutNotPermitted": (
        "The administrators of your domain do not allow sharing with people outside of it."
    ),
    "shareOutNotPermittedToUser": (
        "The administrators of your domain do not allow sharing with this person."
    ),
    "shareInNotPermitted": (
        "The administrators of that person's domain do not allow files of other domains."
    ),
    "shareOutWarning": (
        "Your domain asks a person to confirm sharing outside of it: share the doc in the browser."
    ),
    "invalidSharingRequest": "Google Drive did not share the doc: {words}.",
    SHARED_WITHOUT_MAIL: "The doc was shared, but Google could not send the invitation.",
}
_REFUSED_BY_STATUS = {
    ("docs", 403): (
        "This account may not edit that doc. Ask its owner to share it with the role of an editor."
    ),
    ("docs", 404): (
        "That doc can't be found: it was deleted, or it is not shared with this account."
    ),
    ("drive", 404): (
        "That file can't be found: it was deleted, or this account or this app may not see it."
    ),
    ("gmail", 404): "Gmail has no such draft or message: it was sent or deleted.",
    ("", 413): "This is larger than {service} takes. Make the attachments or the text smaller.",
}
_KNOWN_REASONS = {*_SLOW_DOWN, *_SIGN_IN, *_REFUSED_BY_REASON}

_REFRESH = {
    "invalid_grant": (
        "The Google sign-in has run out or was withdrawn: after 7 days where the app is still in"
        " testing, after a change of password, or after 6 months unused."
        " Run `postmortem auth login`."
    ),
    "invalid_client": (
        "Google does not know this OAuth client, or its secret has changed. Download "
        "credentials.json again from the Cloud console, then run `postmortem auth login`."
    ),
    "unauthorized_client": (
        "Google refused this client. For a service account, add its id and these scopes under "
        "domain-wide delegation in the Admin console. Otherwise download credentials.json again "
        "from the Cloud console and run `postmortem auth login`."
    ),
    "admin_policy_enforced": (
        "The administrators of your domain do not allow this app. Ask them to trust it in the"
        " Admin console."
    ),
}
_REFRESH["deleted_client"] = _REFRESH["invalid_client"]
_REFRESH["org_internal"] = _REFRESH["admin_policy_enforced"]
_REFRESH["access_denied"] = _REFRESH["admin_policy_enforced"]
