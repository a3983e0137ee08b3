"""Google out of reach: input is kept, and arrives once, in order, when Google is back."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import Any

import pytest
from google.auth.exceptions import TransportError
from requests import PreparedRequest, Response

from tests.cli.test_a_day import assert_in_order
from tests.command_line import CustomerList, Postmortem, Result, running
from tests.google_world import GoogleWorld
from tests.plug import dies_at
from workflow.google.transport import _NeverConnectedError, _OneTryAdapter

Customers = Callable[[int], CustomerList]

CONFIG = """
time_zone = "Europe/Berlin"
share = ["ann@team.example"]
[sending]
units_per_minute = 10000000
timeout_seconds = 3
"""
DAY = "2026-11-23"
CREATE = "drive.files.create"
FILL = "docs.documents.batchUpdate"


@pytest.fixture(autouse=True)
def short_time_outs(postmortem: Postmortem) -> None:
    postmortem.configure(CONFIG)


@pytest.fixture
def offline() -> dict[str, str]:
    """An environment in which nothing answers at Google's address."""
    return {"POSTMORTEM_GOOGLE_URL": "http://127.0.0.1:9"}


def assert_recorded(result: Result) -> None:
    """One clear line at the end: it is kept, and what happens next; `close` counts what waits."""
    *waiting, line = result.err.strip().splitlines()
    assert [each for each in waiting if "not in the doc yet: postmortem sync" not in each] == []
    assert line.startswith("Recorded, but not in the doc yet. ")
    assert line.endswith("Later: postmortem sync")


def live_offline(postmortem: Postmortem, offline: dict[str, str], *, started: bool = False) -> None:
    """An incident's day without Google, each command recorded."""
    if not started:
        words = ("start", "Wrong amounts", "--at", f"{DAY} 14:39")
        assert_recorded(postmortem(*words, expect=5, **offline))
    day: tuple[tuple[str, ...], ...] = (
        ("log", "Seen", "--at", f"{DAY} 14:43"),
        ("status", "identified", "A price list", "--at", f"{DAY} 14:55"),
        ("section", "root-cause", "A stale price list was loaded."),
        ("log", "Said late", "--at", f"{DAY} 14:41"),
        ("close", "--at", f"{DAY} 18:45"),
    )
    for said in day:
        assert_recorded(postmortem(*said, expect=5, **offline))


def assert_doc_shows_the_day(google: GoogleWorld) -> None:
    """One doc, shared, with everything of the day in it once and in order."""
    (doc,) = google.documents()
    text = google.text(doc["id"])
    lines = ["Said late", "Seen", "Status: Identified – A price list", "Closed the incident"]
    assert_in_order(text[text.index("\nTimeline\n") :], lines)
    for line in (*lines, "A stale price list was loaded."):
        assert text.count(line) == 1
    assert "Status: Resolved" in text
    assert "Duration: 4 h 6 min" in text
    shared = [each.get("emailAddress") for each in google.permissions(doc["id"])]
    assert shared.count("ann@team.example") == 1


def test_a_whole_day_offline_comes_over_with_one_sync(
    postmortem: Postmortem, google: GoogleWorld, offline: dict[str, str]
) -> None:
    live_offline(postmortem, offline)
    assert postmortem.json("show")["pending_sync"] == 8
    assert google.calls() == {}
    postmortem("sync")
    assert postmortem.json("show")["pending_sync"] == 0
    assert_doc_shows_the_day(google)
    assert "Everything is in the doc" in postmortem("sync").out


def test_any_later_command_brings_over_what_waits(
    postmortem: Postmortem, google: GoogleWorld, offline: dict[str, str]
) -> None:
    live_offline(postmortem, offline)
    postmortem("log", "And one more", "--at", f"{DAY} 19:00")
    assert postmortem.json("show")["pending_sync"] == 0
    assert_doc_shows_the_day(google)


def test_an_incident_that_has_its_doc_goes_on_offline_too(
    postmortem: Postmortem, google: GoogleWorld, offline: dict[str, str]
) -> None:
    postmortem("start", "Wrong amounts", "--at", f"{DAY} 14:39")
    live_offline(postmortem, offline, started=True)
    google.misbehave("503", FILL, times=1)
    postmortem("sync")
    assert_doc_shows_the_day(google)


def test_json_says_that_it_waits(postmortem: Postmortem, offline: dict[str, str]) -> None:
    started = postmortem.json("start", "Wrong amounts", expect=5, **offline)
    assert (started["doc_url"], started["synced"]) == (None, False)
    logged = postmortem.json("log", "Seen", expect=5, **offline)
    assert (logged["text"], logged["synced"]) == ("Seen", False)


def test_several_incidents_come_over_and_the_one_that_google_refuses_stops_no_other(
    postmortem: Postmortem, google: GoogleWorld, offline: dict[str, str]
) -> None:
    for title in ("First", "Second"):
        postmortem("start", title, expect=5, **offline)
    postmortem("sync")
    assert [each["name"] for each in google.documents()] == ["Second", "First"]


def test_notify_offline_keeps_the_plan_and_resume_sends_it(
    postmortem: Postmortem, google: GoogleWorld, customers: Customers, offline: dict[str, str]
) -> None:
    listed = customers(3)
    postmortem("start", "Wrong amounts")
    words = ("notify", str(listed), "--send", "--confirm", "3")
    stopped = postmortem(*words, expect=5, **offline)
    assert "0 sent, 3 still to send. To continue" in stopped.err
    assert "postmortem resume" in stopped.err
    assert stopped.err.endswith(postmortem("resume", expect=5, **offline).err)
    assert postmortem.json("resume")["copied_back"]
    assert google.copies_per_recipient() == dict.fromkeys(listed.addresses, 1)


@pytest.mark.parametrize(
    ("away", "said"),
    [
        ("documents", "accepted by Gmail 15 of 15"),
        ("drafts", "6 sent, 9 still to send"),
        ("sign-in", "6 sent, 9 still to send"),
    ],
)
def test_that_nothing_was_sent_is_not_said_of_a_notice_that_left_in_part(
    postmortem: Postmortem,
    google: GoogleWorld,
    customers: Customers,
    monkeypatch: pytest.MonkeyPatch,
    away: str,
    said: str,
) -> None:
    """A part of Google can't be reached any more after six mails were sent."""
    send, left = _OneTryAdapter.send, count(1)
    gone: list[bool] = []

    def sending(adapter: _OneTryAdapter, request: PreparedRequest, **more: Any) -> Response:
        if gone and away == "sign-in":
            raise TransportError("no route to host")  # type: ignore[no-untyped-call]
        if gone and f"/{away}" in str(request.url):
            raise _NeverConnectedError from OSError("no route to host")
        answer = send(adapter, request, **more)
        if str(request.url).endswith("/drafts/send") or "/drafts/send?" in str(request.url):
            gone.extend([True] * (next(left) == 6))
        return answer

    listed = customers(15)
    postmortem("start", "Wrong amounts")
    postmortem.configure(CONFIG + "in_flight = 1\n")
    monkeypatch.setattr(_OneTryAdapter, "send", sending)
    done = postmortem("notify", str(listed), "--send", "--confirm", "15", expect=5)
    shown = done.out + done.err
    assert said in shown
    assert "could not be reached" in shown
    assert "Nothing" not in shown
    assert len(google.sent()) == (15 if away == "documents" else 6)


# The doc is created once


LOSSES = ("close_after", "half_answer", "error_after", "garbage", "hang", "close_before", "503")


@pytest.mark.parametrize("method", [CREATE, FILL])
@pytest.mark.parametrize("kind", LOSSES)
def test_a_start_whose_answer_was_lost_makes_one_doc(
    postmortem: Postmortem, google: GoogleWorld, method: str, kind: str
) -> None:
    google.misbehave(kind, method, times=1, seconds=4)
    started = postmortem.json("start", "Wrong amounts", "--at", f"{DAY} 14:39", expect=5)
    assert started["synced"] is False
    postmortem("log", "Seen")
    (doc,) = google.documents()
    text = google.text(doc["id"])
    assert text.count("Seen") == text.count("\nTimeline\n") == text.count("\nRoot cause\n") == 1
    assert postmortem.json("show")["pending_sync"] == 0


@pytest.mark.parametrize("method", [CREATE, FILL])
def test_a_start_that_google_does_long_after_it_was_given_up_makes_one_doc(
    postmortem: Postmortem, google: GoogleWorld, method: str
) -> None:
    google.misbehave("slow", method, times=1, seconds=4.5)
    postmortem("start", "Wrong amounts", expect=5)
    postmortem("log", "Seen")
    (doc,) = google.documents()
    text = google.text(doc["id"])
    assert text.count("Seen") == text.count("\nTimeline\n") == 1


@pytest.mark.parametrize("point", [3, 6, 7, 8, 10])
def test_a_start_that_was_killed_is_finished_by_sync_with_one_doc(
    postmortem: Postmortem, google: GoogleWorld, point: int
) -> None:
    dies_at(point, postmortem, "start", "Wrong amounts")
    postmortem("sync")
    (doc,) = google.documents()
    assert google.text(doc["id"]).count("\nTimeline\n") == 1
    assert "Everything is in the doc" in postmortem("sync").out


def test_two_commands_at_once_after_an_offline_start_make_one_doc(
    postmortem: Postmortem, google: GoogleWorld, offline: dict[str, str]
) -> None:
    postmortem("start", "Wrong amounts", expect=5, **offline)
    postmortem.configure(CONFIG.replace("timeout_seconds = 3", "timeout_seconds = 10"))
    google.set(latency_seconds=0.4)
    with (
        running(postmortem.start_process("log", "Ann rang")) as one,
        running(postmortem.start_process("log", "Bea rang")) as two,
        running(postmortem.start_process("sync")) as three,
    ):
        codes = [process.wait(timeout=60) for process in (one, two, three)]
    assert codes == [0, 0, 0]
    google.set(latency_seconds=0.0)
    (doc,) = google.documents()
    text = google.text(doc["id"])
    assert text.count("\nTimeline\n") == text.count("Ann rang") == 1
    assert text.count("Bea rang") == 1


def test_a_share_whose_answer_was_lost_is_made_once(
    postmortem: Postmortem, google: GoogleWorld
) -> None:
    google.misbehave("close_after", "drive.permissions.create", times=1)
    started = postmortem.json("start", "Wrong amounts", expect=5)
    assert started["shared"] == [
        {"who": "ann@team.example", "role": "writer", "ok": False, "error": None}
    ]
    postmortem("sync")
    (doc,) = google.documents()
    shared = [each.get("emailAddress") for each in google.permissions(doc["id"])]
    assert shared.count("ann@team.example") == 1
