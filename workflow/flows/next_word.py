"""The next word to the customers: what was promised, what is due, and what was kept.

Pure. A promise is kept by the next notice with other words that reached anybody, late or not: the
same words to those who were found later are no news to whoever has them. What the last words
promised is what is open, and the first time of it is due.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import takewhile
from zoneinfo import ZoneInfo

from workflow.incident import clock_text, date_text, duration_text, moment_text
from workflow.ledger.promises import WordGiven

# Writing, checking and sending a notice takes about that long.
NEAR_MINUTES = 10

# Two instants of one command; more between them means two clocks, or that somebody waited.
_ONE_MOMENT = timedelta(seconds=30)
_MINUTE = timedelta(minutes=1)


@dataclass(frozen=True)
class Promise:
    """The next word that a notice promised. `given_at` is None while there has been none."""

    notice_id: str
    due_at: datetime
    given_at: datetime | None = None


@dataclass(frozen=True)
class NextWord:
    """The open promise as it stands. `minutes` until it is due, or since it was; never negative.

    `state` is due or late.
    """

    due_at: datetime
    state: str
    minutes: int

    @property
    def is_near(self) -> bool:
        """Whether it is due in so few minutes that it should be written now."""
        return self.state == "due" and self.minutes <= NEAR_MINUTES

    @property
    def words(self) -> str:
        """`due in 6 min`, `12 min late`."""
        if self.state == "late":
            return f"{_length(self.minutes)} late" if self.minutes else "due now"
        return f"due in {_length(self.minutes)}"


def promises(given: Sequence[WordGiven]) -> list[Promise]:
    """Every promise of the notices, which are in order, with what became of it."""
    kept: list[Promise] = []
    news: WordGiven | None = None
    for word, after in zip(reversed(given), [None, *reversed(given)], strict=False):
        if after is not None and after.words != word.words:
            news = after
        if word.promised is not None:
            at = told_at(news) if news else None
            kept.append(Promise(word.notice_id, word.promised, at))
    return kept[::-1]


def told_at(word: WordGiven) -> datetime:
    """When the word reached the first customer, by the clock of the story.

    Mails are stamped by the wall clock. Where that is not the story's (a rehearsal), or drafts
    waited to be released, the instant at which the notice was said is the better one.
    """
    one_clock = abs(word.said_at - word.planned_at) < _ONE_MOMENT
    return max(word.accepted_at, word.said_at) if one_clock else word.said_at


def next_word(given: Sequence[WordGiven], now: datetime) -> NextWord | None:
    """The promise that is still open, if there is one."""
    last_words = takewhile(lambda word: word.words == given[-1].words, reversed(given))
    due_at = min((word.promised for word in last_words if word.promised), default=None)
    if due_at is None:
        return None
    left = due_at - now
    if left > timedelta(0):
        return NextWord(due_at, "due", -(-left // _MINUTE))
    return NextWord(due_at, "late", -left // _MINUTE)


def promise_words(promise: Promise, zone: ZoneInfo) -> str:
    """A promise as the doc tells it: what was said, and when it was kept."""
    promised = f"Next word promised for {moment_text(promise.due_at, zone)}"
    if promise.given_at is None:
        return promised
    same_day = date_text(promise.given_at, zone) == date_text(promise.due_at, zone)
    say = clock_text if same_day else moment_text
    return f"{promised} – given at {say(promise.given_at, zone)}, {_kept(promise)}"


def _kept(promise: Promise) -> str:
    """How the word came, in the minutes that are shown, so that nobody's sum is another."""
    assert promise.given_at is not None  # noqa: S101 - asked for kept promises alone
    late = (_to_the_minute(promise.given_at) - _to_the_minute(promise.due_at)) // _MINUTE
    if late == 0:
        return "on time"
    return f"{_length(late)} late" if late > 0 else f"{_length(-late)} early"


def _to_the_minute(at: datetime) -> datetime:
    return at.replace(second=0, microsecond=0)


def _length(minutes: int) -> str:
    return duration_text(minutes * 60)
