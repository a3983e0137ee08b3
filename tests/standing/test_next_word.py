"""The next update to customers: promised, due, late, and compared in the doc."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.command_line import CustomerList, Postmortem
from tests.google_world import GoogleWorld
from workflow.ledger.notices import WordGiven
from workflow.model import Status
from workflow.standing.closing_checks import Promise, next_word, promise_words, promises
from workflow.times.reading import read_future
from workflow.times.spoken_time import WhenUnclear

Customers = Callable[[int], CustomerList]
NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")


def word(
    minute: float,
    promised: float | None = None,
    *,
    accepted: float | None = None,
    words: str = "",
) -> WordGiven:
    """A notice sent so many minutes after noon that promises the next one for another minute."""

    def at(minutes: float) -> datetime:
        return NOON + timedelta(minutes=minutes)

    return WordGiven(
        f"n{minute}",
        said_at=at(minute),
        planned_at=at(minute),
        accepted_at=at(minute if accepted is None else accepted),
        promised=None if promised is None else at(promised),
        words=words or f"said at {minute}",
    )


@pytest.mark.parametrize(
    ("minute", "state", "minutes", "words"),
    [
        (0, "due", 30, "due in 30 min"),
        (23.5, "due", 7, "due in 7 min"),
        (29.9, "due", 1, "due in 1 min"),
        (30, "late", 0, "due now"),
        (30.9, "late", 0, "due now"),
        (42, "late", 12, "12 min late"),
        (150, "late", 120, "2 h late"),
    ],
)
def test_what_was_promised_is_due_and_then_late(
    minute: float, state: str, minutes: int, words: str
) -> None:
    open_word = next_word([word(0, 30)], NOON + timedelta(minutes=minute))
    assert open_word is not None
    assert (open_word.state, open_word.minutes, open_word.words) == (state, minutes, words)


def test_the_last_notice_alone_says_what_is_due() -> None:
    assert next_word([], NOON) is None
    assert next_word([word(0, 30), word(20)], NOON) is None
    later = next_word([word(0, 30), word(20, 60)], NOON + timedelta(minutes=31))
    assert later is not None
    assert later.words == "due in 29 min"


def test_the_same_words_to_customers_found_later_keep_no_promise() -> None:
    told = [word(0, 120, words="a"), word(60, 150, words="a"), word(70, words="a")]
    assert [each.given_at for each in promises(told)] == [None, None]
    open_word = next_word(told, NOON + timedelta(minutes=80))
    assert open_word is not None
    assert open_word.words == "due in 40 min"

    news = word(130, words="b")
    assert [each.given_at for each in promises([*told, news])] == [news.said_at] * 2
    assert next_word([*told, news], NOON) is None


def test_a_list_that_grows_leaves_the_promise_to_the_first_of_it_open(
    postmortem: Postmortem, google: GoogleWorld, customers: Customers
) -> None:
    doc_id = postmortem.json("start", "Invoices were seen by others")["doc_id"]
    words = ("--set", "what_happened=An invoice was seen.", "--next-update", "2h")
    postmortem("notify", str(customers(2)), *words, "--send", "--confirm", "2")
    postmortem("notify", str(customers(5)), *words, "--send", "--confirm", "3")
    assert google.text(doc_id).count("Next update promised") == 2
    assert " – given at" not in google.text(doc_id)
    said = postmortem("close", "--check", expect=3)
    assert "5 customers were notified but not told it is resolved" in said.err + said.out
    postmortem("status", "resolved")
    postmortem("notify", str(customers(5)), "--send", "--confirm", "5")
    assert google.text(doc_id).count(" – given at") == 2


@pytest.mark.parametrize(
    ("given_at", "kept"),
    [
        (41.5, "given at 1:41 PM CET, 11 min late"),
        (30.5, "given at 1:30 PM CET, on time"),
        (30, "given at 1:30 PM CET, on time"),
        (27, "given at 1:27 PM CET, 3 min early"),
        (26 * 60, "given at 25 Nov 2026, 3:00 PM CET, 1 d 1 h late"),
    ],
)
def test_a_promise_is_held_against_the_word_that_was_given(given_at: float, kept: str) -> None:
    (promise,) = promises([word(0, 30), word(given_at)])
    promised = "Next update promised for 24 Nov 2026, 1:30 PM CET"
    assert promise_words(promise, BERLIN) == f"{promised} – {kept}"
    assert promise_words(Promise("n", promise.due_at), BERLIN) == promised


def test_a_word_counts_from_the_first_mail_that_was_accepted_not_from_the_plan() -> None:
    (promise,) = promises([word(0, 30), word(20, accepted=75)])
    assert promise_words(promise, BERLIN).endswith("given at 2:15 PM CET, 45 min late")


@given(
    st.lists(st.tuples(st.integers(1, 90), st.none() | st.integers(1, 90)), max_size=8),
    st.integers(0, 900),
)
def test_every_promise_is_kept_by_the_next_word_or_open(
    steps: list[tuple[int, int | None]], now: int
) -> None:
    minute, given = 0, []
    for pause, promised in steps:
        minute += pause
        given.append(word(minute, None if promised is None else minute + promised))
    kept = promises(given)
    assert len(kept) == sum(each.promised is not None for each in given)
    assert sum(each.given_at is None for each in kept) <= 1
    open_word = next_word(given, NOON + timedelta(minutes=now))
    assert (open_word is not None) == bool(given and given[-1].promised)
    assert open_word is None or open_word.minutes >= 0


def at(minute: float) -> dict[str, Any]:
    """The story's clock when a command begins, so many minutes after 1 PM in Berlin."""
    told = NOON + timedelta(minutes=minute)
    return {"POSTMORTEM_PROFILE": "rehearsal", "POSTMORTEM_REHEARSAL_NOW": told.isoformat()}


def notify(
    postmortem: Postmortem, listed: object, stage: str, minute: int, *more: str
) -> dict[str, Any]:
    count = str(listed).rpartition("-")[2].removesuffix(".csv")
    if stage in list(Status):
        postmortem("status", stage, **at(minute))
    words = ("notify", str(listed), "--stage", stage, *more, "--send", "--confirm", count)
    document: dict[str, Any] = postmortem.json(*words, **at(minute))
    return document


def test_show_says_how_long_there_is_and_the_doc_what_became_of_it(
    postmortem: Postmortem, google: GoogleWorld, customers: Customers
) -> None:
    doc_id = postmortem.json("start", "Wrong amounts", **at(0))["doc_id"]
    assert postmortem.json("show", **at(1))["next_update"] is None
    first = notify(postmortem, customers(2), "investigating", 0, "--next-update", "in 30 minutes")
    shown = postmortem("show", **at(24.5)).out  # the promise has some milliseconds more
    assert "Next update due in 6 min (24 Nov 2026, 1:30 PM CET)" in shown
    assert "Next update 12 min late" in postmortem("show", **at(42)).out
    due = postmortem.json("show", **at(42))["next_update"]
    assert (due["state"], due["minutes"]) == ("late", 12)
    assert due["due_at"].startswith("2026-11-24T13:30:0")
    assert "Next update promised for 24 Nov 2026, 1:30 PM CET" in google.text(doc_id)
    assert "given at" not in google.text(doc_id)

    second = notify(postmortem, customers(2), "update", 41, "--next-update", "1:55 PM")
    kept = "Next update promised for 24 Nov 2026, 1:30 PM CET – given at 1:41 PM CET, 11 min late"
    assert google.text(doc_id).count(kept) == 1
    assert google.text(doc_id).count("Next update promised for 24 Nov 2026, 1:30 PM CET") == 1
    assert "Next update due in 14 min" in postmortem("show", **at(41)).out

    notify(postmortem, customers(2), "resolved", 55)
    text = google.text(doc_id)
    assert text.count("1:55 PM CET – given at 1:55 PM CET, on time") == 1
    assert postmortem.json("show", **at(60))["next_update"] is None
    assert first["copied_back"]
    assert second["copied_back"]
    assert "nothing to resume" in postmortem("resume", **at(60)).out
    assert google.text(doc_id) == text


def test_a_promise_kept_while_the_doc_was_out_of_reach_is_written_by_sync_once(
    postmortem: Postmortem, google: GoogleWorld, customers: Customers
) -> None:
    doc_id = postmortem.json("start", "Wrong amounts", **at(0))["doc_id"]
    notify(postmortem, customers(1), "investigating", 0, "--next-update", "30m")
    google.misbehave("403_file", "docs.*")
    words = ("notify", str(customers(1)), "--stage", "update", "--send", "--confirm", "1")
    postmortem(*words, expect=5, **at(20))
    google.behave()
    postmortem("sync", **at(25))
    postmortem("sync", **at(26))
    assert google.text(doc_id).count("given at 1:20 PM CET, 10 min early") == 1


def test_a_notice_that_reached_nobody_keeps_no_promise(
    postmortem: Postmortem, google: GoogleWorld, customers: Customers
) -> None:
    postmortem("start", "Wrong amounts", **at(0))
    notify(postmortem, customers(1), "investigating", 0, "--next-update", "30m")
    google.misbehave("404", "gmail.users.drafts.create")
    words = ("notify", str(customers(1)), "--stage", "update", "--send", "--confirm", "1")
    postmortem(*words, expect=6, **at(20))
    assert "Next update 10 min late" in postmortem("show", **at(40)).out


def test_a_closed_incident_owes_nothing_any_more(
    postmortem: Postmortem, customers: Customers
) -> None:
    postmortem("start", "Wrong amounts", **at(0))
    notify(postmortem, customers(1), "resolved", 0, "--next-update", "2 hours")
    postmortem("close", "--force", "Customers know", expect=None, **at(200))
    postmortem("close", expect=None, **at(200))
    assert postmortem.json("show", **at(300))["next_update"] is None


@pytest.mark.parametrize(
    ("typed", "minutes"),
    [
        ("30m", 30),
        ("in 30 minutes", 30),
        ("1h30m", 90),
        ("1h 30min", 90),
        ("in 1 hour and 30 minutes", 90),
        ("in an hour", 60),
        ("half an hour", 30),
        ("1:45 PM", 45),
        ("tomorrow", None),
        ("5 minutes ago", None),
        ("30", None),
        ("1h30", None),
    ],
)
def test_a_promise_is_typed_as_people_say_it(typed: str, minutes: int | None) -> None:
    if minutes is None:
        with pytest.raises(WhenUnclear):
            read_future(typed, now=NOON, zone=BERLIN)
        return
    assert read_future(typed, now=NOON, zone=BERLIN).at == NOON + timedelta(minutes=minutes)
