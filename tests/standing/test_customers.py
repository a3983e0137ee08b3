"""Whether a customer knows that it is resolved, and which of their mails are undecided."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from workflow.ledger.customers import Customer, Word
from workflow.model import DeliveryState, Stage

START = datetime(2026, 11, 23, 14, 39, tzinfo=UTC)
SENT, FAILED, UNKNOWN = DeliveryState.SENT, DeliveryState.FAILED, DeliveryState.UNKNOWN


def told(*words: str) -> Customer:
    """A customer with these mails an hour apart, such as `resolved` and `update bounced`."""
    listed = []
    for hour, word in enumerate(words):
        stage, _, fate = word.partition(" ")
        bounced = fate == "bounced"
        state = SENT if bounced or not fate else DeliveryState(fate)
        at = START + timedelta(hours=hour)
        listed.append(Word(f"n{hour}", Stage(stage), at, state, bounced))
    return Customer("ann@x.example", "ann@x.example", "Ann", tuple(listed))


@pytest.mark.parametrize(
    ("words", "knows"),
    [
        (["resolved"], True),
        (["postmortem"], True),
        (["monitoring"], False),
        (["identified", "resolved", "correction"], True),
        (["identified", "correction"], False),
        (["resolved", "update"], False),
        (["update", "resolved", "postmortem"], True),
        (["update", "resolved failed"], False),
        (["update", "resolved unknown"], False),
        (["update", "resolved bounced"], False),
        (["update", "resolved", "postmortem bounced"], True),
        ([], False),
    ],
)
def test_the_last_word_that_stands_tells(words: list[str], knows: bool) -> None:
    assert told(*words).knows_the_end() is knows


@pytest.mark.parametrize(
    ("words", "undecided"),
    [
        (["resolved failed"], [FAILED]),
        (["update unknown", "resolved"], []),
        (["update", "resolved unknown"], [UNKNOWN]),
        (["update failed", "resolved bounced"], [FAILED]),
        (["update failed", "update planned", "resolved unknown"], [FAILED, UNKNOWN]),
    ],
)
def test_a_later_word_that_stands_settles_what_failed_before(
    words: list[str], undecided: list[DeliveryState]
) -> None:
    assert [word.state for word in told(*words).undecided()] == undecided
