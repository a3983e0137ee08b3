"""Google's failures, in five kinds; see the tree in `workflow.errors`.

The kind decides what may be done next, so it is chosen with care: a call is `Undecided` unless
Google's own error says that nothing was done.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, tzinfo

from workflow.errors import NOT_SET_UP, RECORDED, PostmortemError

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
