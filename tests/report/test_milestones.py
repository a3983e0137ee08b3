"""An incident's milestones: from what was logged, with its source, or not known."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from workflow.model import Incident, Status, TimelineEntry
from workflow.report.facts import Milestone, StatusChange, WordToCustomers, milestones, phases

BEGUN = datetime(2026, 11, 24, 13, 39, tzinfo=UTC)
INCIDENT = Incident("abc", "Wrong amounts", BEGUN, "Europe/Berlin")


def minutes(number: float) -> datetime:
    return BEGUN + timedelta(minutes=number)


def said(text: str, at: float) -> TimelineEntry:
    return TimelineEntry(f"e{at}", minutes(at), text, minutes(at))


def turns(*entries: TimelineEntry, **more: object) -> dict[str, Milestone]:
    changes = [StatusChange(minutes(at), status) for at, status in more.get("changes", ())]  # type: ignore[attr-defined]
    words = [WordToCustomers(minutes(at), stage) for at, stage in more.get("words", ())]  # type: ignore[attr-defined]
    incident = more.get("incident", INCIDENT)
    assert isinstance(incident, Incident)
    found = milestones(incident, entries, changes, words, None)
    return {each.key: each for each in found}


def test_what_nobody_said_is_not_known_and_says_why() -> None:
    found = turns()
    assert {key: each.at for key, each in found.items()} == {
        "began": BEGUN,
        "detected": None,
        "first_word": None,
        "fixed": None,
        "response": None,
        "closed": None,
    }
    assert "no entry says who noticed it" in found["detected"].known_from
    assert "no notice was accepted" in found["first_word"].known_from


def test_the_first_entry_that_speaks_of_a_sign_tells_when_it_was_detected() -> None:
    found = turns(said("A deploy went out", 0), said("A customer reports totals", 4))
    assert found["detected"].at == minutes(4)
    assert found["detected"].known_from == "the entry “A customer reports totals”"


def test_a_report_after_the_cause_was_known_is_no_detection() -> None:
    found = turns(said("Ann reports that it is done", 9), changes=[(5, Status.IDENTIFIED)])
    assert found["detected"].at is None


def test_an_entry_that_was_taken_back_tells_nothing() -> None:
    taken_back = replace(said("An alert", 2), struck_at=minutes(3))
    assert turns(taken_back)["detected"].at is None


def test_fixed_is_the_last_repair_that_held() -> None:
    changes = [
        (10, Status.MONITORING),
        (20, Status.IDENTIFIED),
        (30, Status.MONITORING),
        (40, Status.RESOLVED),
    ]
    found = turns(changes=changes)
    assert found["fixed"].at == minutes(30)
    assert found["fixed"].known_from == "the status “Monitoring”"
    assert turns(changes=changes[:2])["fixed"].at is None


def test_customers_hear_first_by_any_notice_and_of_the_end_by_a_resolved_one() -> None:
    found = turns(words=[(12, "identified"), (50, "resolved"), (90, "postmortem")])
    assert found["first_word"].at == minutes(12)
    assert found["response"].at == minutes(50)


def test_phases_leave_no_gap_and_end_where_the_record_ends() -> None:
    changes = [
        StatusChange(minutes(5), Status.IDENTIFIED),
        StatusChange(minutes(9), Status.RESOLVED),
    ]
    found = phases(INCIDENT, changes, minutes(20))
    assert [(each.status, each.start, each.end) for each in found] == [
        (Status.INVESTIGATING, BEGUN, minutes(5)),
        (Status.IDENTIFIED, minutes(5), minutes(9)),
        (Status.RESOLVED, minutes(9), minutes(20)),
    ]
