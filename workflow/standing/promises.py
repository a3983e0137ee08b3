"""The next update to customers: promised, due and given.

Pure. A promise is kept by the next notice with other text that reached anybody, late or not: the
same text for customers who were found later is no news to those who have it. The last text's
promise is the open one, and its earliest time counts.

`overdue_sentences` reports overdue updates in every command.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import takewhile
from zoneinfo import ZoneInfo

from workflow.ledger import announcements, incidents
from workflow.ledger.announcements import SNOOZED, ReminderState
from workflow.ledger.notices import WordGiven, words_given
from workflow.model import clock_text, date_text, duration_text, minutes_between, moment_text
from workflow.workspace import Workspace

# Writing, checking and sending a notice takes about this long.
NEAR_MINUTES = 10

# Two instants of one command. A longer gap means two clocks, or that somebody waited.
_ONE_MOMENT = timedelta(seconds=30)
_MINUTE = timedelta(minutes=1)


@dataclass(frozen=True)
class Promise:
    """An update that a notice promised. `given_at` is None until it was given."""

    notice_id: str
    due_at: datetime
    given_at: datetime | None = None

    @property
    def is_kept(self) -> bool:
        """Whether the update came, and not a minute late."""
        return self.given_at is not None and minutes_late(self.due_at, self.given_at) <= 0


@dataclass(frozen=True)
class NextWord:
    """The open promise. `minutes` until it is due, or since it was; never negative.

    `state` is due or late.
    """

    due_at: datetime
    state: str
    minutes: int

    @property
    def is_near(self) -> bool:
        """Whether it is due so soon that it should be written now."""
        return self.state == "due" and self.minutes <= NEAR_MINUTES

    @property
    def words(self) -> str:
        """`due in 6 min`, `12 min late`."""
        if self.state == "late":
            return f"{_length(self.minutes)} late" if self.minutes else "due now"
        return f"due in {_length(self.minutes)}"


def promises(given: Sequence[WordGiven]) -> list[Promise]:
    """Every promise of the notices, which are in order, and when it was kept."""
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
    """When the notice reached the first customer, by the clock of the story.

    Mails are stamped by the wall clock. If that differs from the story's (a rehearsal), or drafts
    waited for release, the notice's own instant is used.
    """
    one_clock = abs(word.said_at - word.planned_at) < _ONE_MOMENT
    return max(word.accepted_at, word.said_at) if one_clock else word.said_at


def minutes_late(due_at: datetime, at: datetime) -> int:
    """How many minutes after it was due, in the minutes that are shown; below 0: before that.

    Everything that decides or reports lateness uses this, so all agree.
    """
    return minutes_between(due_at, at)


def next_word(given: Sequence[WordGiven], now: datetime) -> NextWord | None:
    """The open promise, if there is one."""
    last_words = takewhile(lambda word: word.words == given[-1].words, reversed(given))
    due_at = min((word.promised for word in last_words if word.promised), default=None)
    if due_at is None:
        return None
    left = due_at - now
    if left > timedelta(0):
        return NextWord(due_at, "due", -(-left // _MINUTE))
    return NextWord(due_at, "late", minutes_late(due_at, now))


def promise_words(promise: Promise, zone: ZoneInfo) -> str:
    """The doc's text about a promise: its time, and when it was kept."""
    promised = f"Next update promised for {moment_text(promise.due_at, zone)}"
    if promise.given_at is None:
        return promised
    same_day = date_text(promise.given_at, zone) == date_text(promise.due_at, zone)
    say = clock_text if same_day else moment_text
    return f"{promised} – given at {say(promise.given_at, zone)}, {_kept(promise)}"


def _kept(promise: Promise) -> str:
    assert promise.given_at is not None  # noqa: S101 - asked for kept promises alone
    late = minutes_late(promise.due_at, promise.given_at)
    if late == 0:
        return "on time"
    return f"{_length(late)} late" if late > 0 else f"{_length(-late)} early"


def _length(minutes: int) -> str:
    return duration_text(minutes * 60)


def overdue_sentences(workspace: Workspace, incident_ids: Sequence[str]) -> list[str]:
    """A sentence for each of these incidents whose promised update is late and not snoozed."""
    now = workspace.now()
    found = []
    with workspace.ledger.read() as connection:
        for incident_id in incident_ids:
            incident = incidents.incident_by_id(connection, incident_id)
            word = next_word(words_given(connection, incident_id), now)
            if word is None or word.state != "late":
                continue
            snoozed = [
                each
                for each in announcements.of_incident(connection, incident_id)
                if each.kind == SNOOZED
                and each.due_at > now
                and each.state is not ReminderState.WITHDRAWN
            ]
            if snoozed:
                continue
            due = moment_text(word.due_at, incident.zone)
            found.append(
                f"The update to customers of “{incident.title[:60]}” is {word.words} (promised for "
                f"{due}). Send it: postmortem notify LIST --incident {incident.id}, or remind me "
                f"later: postmortem snooze 15m --incident {incident.id}"
            )
    return found
