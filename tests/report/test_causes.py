"""Recurring causes are named carefully: the same name, or perhaps the same words."""

from __future__ import annotations

from datetime import UTC, datetime

from workflow.report.facts import IncidentRow, shared_causes


def row(name: str, *, cause: str = "", root_cause: str = "") -> IncidentRow:
    return IncidentRow(
        id=name,
        title=name,
        severity="",
        status="closed",
        started_at=datetime(2026, 11, 24, tzinfo=UTC),
        first_word_seconds=None,
        duration_seconds=None,
        customers=0,
        promises_kept=0,
        promises_due=0,
        cause=cause,
        root_cause=root_cause,
        open_actions=(),
    )


def test_the_same_cause_is_the_same_in_any_case() -> None:
    (found,) = shared_causes(
        [row("a", cause="Retry storm"), row("b", cause="retry  STORM"), row("c")]
    )
    assert [each.id for each in found.rows] == ["a", "b"]
    assert found.basis.startswith("the same cause was given")


def test_root_causes_in_much_the_same_words_are_perhaps_one() -> None:
    (found,) = shared_causes(
        [
            row("a", root_cause="A retry of the billing job ran twice and doubled the discount."),
            row("b", root_cause="The certificate of the shop had expired."),
            row("c", root_cause="The retry of our billing job doubled every discount again."),
        ]
    )
    assert [each.id for each in found.rows] == ["a", "c"]
    assert found.words == "billing, discount, doubled, retry"
    assert found.basis.startswith("perhaps")


def test_words_that_every_incident_has_make_no_cause() -> None:
    text = "The problem was caused by an error that customers had when something failed."
    assert shared_causes([row("a", root_cause=text), row("b", root_cause=text)]) == []
