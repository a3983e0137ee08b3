"""What can go wrong with Google, in five kinds; each carries the sentence that a person sees.

    GoogleFault
    ├── Refused        our request is at fault: this one thing stops
    │   └── StaleRevision   …or the doc moved on under a locked write
    ├── SignInNeeded   sign-in, permission or set-up: everything stops, the plan is kept
    ├── SlowDown       a quota is used up: wait, or come back later
    ├── Unreachable    provably not sent
    └── Undecided      sent, and no answer that can be read: it may have been done

The kind says what may be done next, so it is chosen with care: a request is `Undecided` unless
Google's own error says that nothing was done.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, tzinfo

NOT_KNOWN = "Whether it did what was asked is not known yet."

SHARED_WITHOUT_MAIL = "sharedWithoutMail"


class GoogleFault(Exception):
    """A call to Google that did not come back with what was asked for.

    `sentence` is for people. `detail` is for `-v`: Google's own words and the cause, never a
    token. `method` is the discovery id of the call, such as `gmail.users.drafts.send`, or empty.
    """

    def __init__(self, sentence: str, *, detail: str = "", method: str = "") -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.detail = without_tokens(detail)
        self.method = method

    def sentence_in(self, zone: tzinfo | None) -> str:
        """The sentence with any instant in it told in a zone; None is the machine's own."""
        del zone  # there is no instant in it
        return self.sentence


class Refused(GoogleFault):
    """Google understood and said no; nothing was done. `status` is the HTTP status.

    `reason` is Google's word for it (`notFound`, `invalidArgument`), or the canonical status
    (`NOT_FOUND`) where the API gives no reason, as Docs does. One is ours: a share that was made
    although Drive answers 400, because only its mail failed, is `SHARED_WITHOUT_MAIL`.
    """

    def __init__(
        self, sentence: str, *, status: int, reason: str = "", detail: str = "", method: str = ""
    ) -> None:
        super().__init__(sentence, detail=detail, method=method)
        self.status = status
        self.reason = reason

    @property
    def request_index(self) -> int | None:
        """Which request of a Docs batch was refused, counted from 0, where Google says so."""
        found = re.search(r"\brequests\[(\d+)\]", self.detail)
        return int(found[1]) if found else None


class StaleRevision(Refused):
    """A write that carried a revision lock came back with 400; nothing was applied.

    Google's words for a lock that no longer matches are not documented, so any 400 to a locked
    write is this. Read the doc again: where its revision is not `carried`, compute the edit
    anew; where it is still the same, the requests themselves are bad.
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
    """Sign-in, permission or set-up has to be mended by a person. `reason` is Google's word."""

    def __init__(
        self, sentence: str, *, reason: str = "", detail: str = "", method: str = ""
    ) -> None:
        super().__init__(sentence, detail=detail, method=method)
        self.reason = reason


class SlowDown(GoogleFault):
    """A quota is used up; nothing was done.

    `until` is the instant (UTC) before which Google wants no further try, where it named one.
    `daily` tells a limit of a day, or of a length that nobody publishes: not one to wait for.
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
        """The sentence with its instant told in a zone; None is the machine's own."""
        if self.until is None:
            return self.sentence
        told = self.until.astimezone(zone).strftime("%Y-%m-%d %H:%M %Z")
        return self.sentence.replace(instant_text(self.until), told)


class Unreachable(GoogleFault):
    """Provably not sent: no connection was made, or the address was refused by ourselves."""


class Undecided(GoogleFault):
    """Sent, and no answer that can be read. Google may or may not have done it."""


def instant_text(instant: datetime) -> str:
    """An instant as a sentence of this package tells it: to the second, in UTC."""
    return f"{instant.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def without_tokens(text: str) -> str:
    """The same text with anything that looks like a Google credential blanked out."""
    return _TOKEN.sub("[credential]", text)


# Access tokens, refresh tokens, client secrets and one-time codes by their public prefixes.
_TOKEN = re.compile(r"(?<![\w/])(?:ya29\.|1//|GOCSPX-|4/)[\w.~-]{8,}|(?<=Bearer )[\w.~+/=-]+")
