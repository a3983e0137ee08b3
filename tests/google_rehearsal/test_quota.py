"""Quotas: the limits of a minute and a day, and the errors beyond them."""

from __future__ import annotations

import re
import threading
import time
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from google_rehearsal.wire.admission import SlidingWindow
from tests.google_rehearsal.caller import Google, encoded, mail, recorded

DRAFTS = "/gmail/v1/users/me/drafts"
RETRY = re.compile(
    r"User-rate limit exceeded\.  Retry after (\d{4}-\S+\.\d{3}Z)( \(Mail sending\))?"
)
AN_INSTANT = "2023-03-07T18:03:15.961Z"


def retry_instant(message: str) -> datetime:
    found = RETRY.fullmatch(message)
    assert found, message
    return datetime.fromisoformat(found[1])


def test_gmail_spends_units_by_method_and_then_says_when_to_come_back(google: Google) -> None:
    google.settings(gmail_units_per_minute=220)
    for _ in range(2):
        google.send_draft(google.new_draft())
    error = google.refusal("POST", DRAFTS, json={"message": {"raw": encoded(mail())}})
    wait = retry_instant(error["message"]) - datetime.now(UTC)
    assert timedelta(seconds=50) < wait < timedelta(seconds=61)
    told = error["message"].split()[-1]
    wanted = recorded("gmail_429_user_rate_limit_retry_after")
    assert error["code"] == 429
    for shown in (wanted, wanted["errors"][0]):
        shown["message"] = shown["message"].replace(AN_INSTANT, told)
    assert error == wanted


def test_another_account_has_its_own_minute(google: Google) -> None:
    google.settings(gmail_units_per_minute=10)
    google.new_draft()
    google.new_draft(token="rehearsal:eve@rehearsal.example")
    body = {"message": {"raw": encoded(mail())}}
    assert google.refusal("POST", DRAFTS, json=body)["code"] == 429


def test_the_instant_that_is_told_is_the_one_when_it_works_again(google: Google) -> None:
    google.settings(gmail_units_per_minute=10, time_scale=12)
    google.new_draft()
    error = google.refusal("POST", DRAFTS, json={"message": {"raw": encoded(mail())}})
    wait = (retry_instant(error["message"]) - datetime.now(UTC)).total_seconds()
    assert wait <= 5
    time.sleep(max(wait, 0) + 0.01)
    google.new_draft()


def test_zero_takes_a_limit_away(google: Google) -> None:
    google.settings(gmail_units_per_minute=0, docs_reads_per_minute=0, daily_sends=0)
    doc_id = google.new_doc()
    google.settings(docs_writes_per_minute=0)
    for _ in range(65):
        assert google.write(doc_id, "x").ok


def test_docs_counts_reads_and_writes_apart_and_failed_writes_too(google: Google) -> None:
    google.settings(docs_writes_per_minute=3, docs_reads_per_minute=1)
    doc_id = google.new_doc()
    path = f"/v1/documents/{doc_id}:batchUpdate"
    assert google.write(doc_id, "x").ok
    bodies: list[dict[str, object]] = [{"requests": [{}]}, {"nonsense": 1}]
    for body in bodies:
        assert google.refusal("POST", path, json=body)["code"] == 400
    error = google.write(doc_id, "x").json()["error"]
    wanted = recorded("sheets_429_write_requests")
    # Several reports of Docs agree on its own name for the quota.
    group = "Quota group for write operations"
    assert error["message"] == (
        wanted["message"]
        .replace("Write requests", group)
        .replace("sheets.", "docs.")
        .replace(":x'", ":000000000000'")
    )
    assert (error["code"], error["status"]) == (429, "RESOURCE_EXHAUSTED")
    info, recorded_info = error["details"][0], wanted["details"][0]
    assert set(info) == set(recorded_info)
    assert info["metadata"]["quota_limit"] == "WriteRequestsPerMinutePerUser"
    assert info["metadata"]["quota_limit_value"] == "3"
    assert google.call("GET", f"/v1/documents/{doc_id}").ok
    error = google.refusal("GET", f"/v1/documents/{doc_id}")
    assert "'Quota group for read operations per minute per user'" in error["message"]


def test_drive_answers_with_a_403(google: Google) -> None:
    google.settings(drive_units_per_minute=50)
    google.new_doc()
    error = google.refusal("GET", "/drive/v3/files")
    assert error == recorded("drive_403_user_rate_limit")


def test_a_days_mails_are_counted_over_restarts_of_the_minute(google: Google) -> None:
    google.settings(daily_sends=3)
    draft_id = google.new_draft()
    for _ in range(3):
        google.send(mail())
    error = google.refusal("POST", f"{DRAFTS}/send", json={"id": draft_id})
    assert error["message"].endswith(" (Mail sending)")
    ahead = retry_instant(error["message"]) - datetime.now(UTC)
    assert timedelta(hours=23, minutes=59) < ahead < timedelta(hours=24)
    assert google.json("GET", f"{DRAFTS}/{draft_id}")["id"] == draft_id


def test_the_day_passes_with_the_quotas_clock(google: Google) -> None:
    google.settings(daily_sends=1, time_scale=86_400 * 2)
    google.send(mail())
    time.sleep(0.6)
    google.send(mail())


def test_too_many_calls_at_one_time_are_refused(google: Google) -> None:
    google.settings(gmail_concurrency=2, latency_seconds=2.5)
    answers: list[int] = []

    def create() -> None:
        caller = Google(google.server)
        body = {"message": {"raw": encoded(mail())}}
        answer = caller.call("POST", DRAFTS, json=body)
        answers.append(answer.status_code)
        if not answer.ok:
            error = answer.json()["error"]
            assert error["message"] == "Too many concurrent requests for user"
            assert error["errors"][0]["reason"] == "rateLimitExceeded"

    threads = [threading.Thread(target=create) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [200, 200, 429, 429]


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"colour": 1}, "There is no setting 'colour'"),
        ({"daily_sends": -1}, "daily_sends must be a number of 0 or more"),
        ({"daily_sends": 1.5}, "daily_sends must be a whole number"),
        ({"daily_sends": True}, "daily_sends must be a number"),
        ({"time_scale": 0}, "time_scale must be more than 0"),
        ({"account": ""}, "account must be a text"),
        ({"boundary_inserts": "both"}, "boundary_inserts is either"),
        ({"aliases": ["a@b.example"]}, "aliases must map"),
        ({"bouncing": "a@b.example"}, "bouncing must be a list"),
    ],
)
def test_a_setting_that_makes_no_sense_is_refused(
    google: Google, values: dict[str, object], sentence: str
) -> None:
    before = google.admin("GET", "settings")
    answer = google.call(
        "PATCH", "/rehearsal/settings", json=values, headers={"X-Rehearsal-Key": google.server.key}
    )
    assert answer.status_code == 400
    assert answer.json()["error"].startswith(sentence)
    assert google.admin("GET", "settings") == before


@given(st.lists(st.tuples(st.floats(0, 3), st.integers(1, 6)), max_size=40))
@settings(max_examples=150, deadline=None)
def test_no_window_ever_holds_more_than_the_limit(steps: list[tuple[float, int]]) -> None:
    window, now = SlidingWindow(), 0.0
    spent: list[tuple[float, int]] = []
    for pause, units in steps:
        now += pause
        room_at = window.charge("a", units, limit=10, seconds=5, now=now)
        if not room_at:
            spent.append((now, units))
        recent = sum(each for at, each in spent if at + 5 > now)
        assert recent <= 10
        if room_at:
            # The named time is true: the units fit then.
            assert room_at > now
            left = sum(each for at, each in spent if at + 5 > room_at)
            assert left + units <= 10
