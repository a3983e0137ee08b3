"""An incident's current status: by each status's time, not by when it was typed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.command_line import Postmortem
from tests.google_world import GoogleWorld
from tests.terminal import at_a_terminal
from workflow.incident.timeline import StatusAt, latest
from workflow.model import Status

DAY = "2026-11-23"
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


@pytest.fixture
def doc_id(postmortem: Postmortem) -> str:
    return str(postmortem.json("start", "Wrong amounts", "--at", f"{DAY} 14:00")["doc_id"])


def header(google: GoogleWorld, doc_id: str) -> str:
    return next(each for each in google.text(doc_id).splitlines() if each.startswith("Status:"))


def test_a_status_that_is_added_for_an_earlier_time_changes_nothing_now(
    postmortem: Postmortem, google: GoogleWorld, doc_id: str
) -> None:
    postmortem("status", "monitoring", "--at", f"{DAY} 15:00")
    late = postmortem("status", "identified", "--at", f"{DAY} 14:30")
    assert "The incident is still monitoring" in late.err
    assert postmortem.json("show")["status"] == "monitoring"
    assert header(google, doc_id) == "Status: Monitoring"
    assert "Status: Identified" in google.text(doc_id)
    postmortem("status", "resolved", "--at", f"{DAY} 16:00")
    assert header(google, doc_id) == "Status: Resolved"


def test_of_one_minute_the_last_said_holds(
    postmortem: Postmortem, google: GoogleWorld, doc_id: str
) -> None:
    for state in ("identified", "monitoring"):
        postmortem("status", state, "--at", f"{DAY} 15:00")
    assert header(google, doc_id) == "Status: Monitoring"


def test_a_closed_incident_stays_resolved(
    postmortem: Postmortem, google: GoogleWorld, doc_id: str
) -> None:
    postmortem("close", "--at", f"{DAY} 18:00")
    postmortem("status", "monitoring", "--at", f"{DAY} 15:00")
    assert header(google, doc_id) == "Status: Resolved"
    postmortem("reopen")
    assert postmortem.json("show")["status"] == "investigating"


def test_a_status_that_was_taken_back_holds_no_more(
    postmortem: Postmortem, google: GoogleWorld, doc_id: str
) -> None:
    postmortem("status", "identified", "--at", f"{DAY} 14:30")
    slip = postmortem.json("status", "resolved", "--at", f"{DAY} 15:00")["entry"]
    postmortem("log", "--strike", slip)
    assert postmortem.json("show")["status"] == "identified"
    assert header(google, doc_id) == "Status: Identified"


def test_colleagues_hear_the_status_that_holds(
    postmortem: Postmortem, google: GoogleWorld, doc_id: str
) -> None:
    postmortem.environment["HOOK"] = (
        f"{google.url}/services/TREHEARSAL/BINCIDENTS/told-on-this-machine"
    )
    config = (postmortem.home / "config.toml").read_text(encoding="utf-8")
    channel = '[[announce]]\nkind = "slack_webhook"\nname = "#incidents"\nurl_env = "HOOK"\n'
    postmortem.configure(f"{config}\n{channel}")
    postmortem("status", "monitoring", "--at", f"{DAY} 15:00")
    postmortem("status", "identified", "--at", f"{DAY} 14:30")
    postmortem("announce")
    assert "onitoring" in str(google.told()[-1])


TOLD = st.builds(
    StatusAt,
    st.sampled_from(Status),
    st.integers(0, 300).map(lambda seconds: NOON + timedelta(seconds=seconds)),
    st.integers(0, 300).map(lambda minutes: NOON + timedelta(hours=1, minutes=minutes)),
)


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.lists(TOLD, unique_by=lambda one: one.said_at, min_size=1, max_size=6))
def test_no_order_of_typing_changes_what_holds(told: list[StatusAt]) -> None:
    now = latest(told)
    assert now is not None
    assert latest(told[::-1]) == latest(told[1:] + told[:1]) == now
    last_minute = max(one.at.replace(second=0) for one in told)
    assert now.at.replace(second=0) == last_minute
    assert now.since <= now.at
    earlier = StatusAt(Status.RESOLVED, NOON - timedelta(hours=1), NOON + timedelta(days=9))
    after = latest([*told, earlier])
    assert after is not None
    assert (after.status, after.at) == (now.status, now.at)


@pytest.mark.parametrize("answer", ["no", "n", "", "No thanks", "nope, not yet", "yes", "yes\n"])
def test_only_a_yes_with_a_reason_closes_with_something_left_open(
    postmortem: Postmortem, google: GoogleWorld, doc_id: str, answer: str
) -> None:
    google.misbehave("400", "docs.documents.batchUpdate", words="refuse me")
    postmortem("log", "refuse me", expect=5)
    asked = at_a_terminal(postmortem, "close", typed=f"{answer}\n")
    assert asked.code == 3
    assert "Not closed. Nothing was changed" in asked.err
    assert postmortem.json("show")["closed_at"] is None


def test_a_yes_and_a_reason_close(postmortem: Postmortem, google: GoogleWorld, doc_id: str) -> None:
    google.misbehave("400", "docs.documents.batchUpdate", words="refuse me")
    postmortem("log", "refuse me", expect=5)
    asked = at_a_terminal(postmortem, "close", typed="yes\nThey were called")
    assert asked.code == 0, asked.err
    assert "They were called" in google.text(doc_id)
