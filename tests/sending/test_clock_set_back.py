"""A clock that is set back while mails are sent: nothing waits for the old time to return."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from tests.command_line import CustomerList, Postmortem
from tests.google_world import GoogleWorld
from workflow.times.clocks import SteadyClock

NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


class Clocks:
    """A machine's two clocks, moved by the test."""

    def __init__(self) -> None:
        self.wall, self.counted = NOON, 100.0

    def passes(self, seconds: float) -> None:
        self.wall += timedelta(seconds=seconds)
        self.counted += seconds

    def steady(self) -> SteadyClock:
        return SteadyClock(lambda: self.wall, lambda: self.counted)


def test_it_goes_on_where_the_wall_goes_back() -> None:
    clocks = Clocks()
    clock = clocks.steady()
    clocks.passes(10)
    assert clock() == NOON + timedelta(seconds=10)
    clocks.wall -= timedelta(hours=1)
    clocks.passes(5)
    assert clock() == NOON + timedelta(seconds=15)


def test_it_follows_the_wall_forward_as_after_a_sleep() -> None:
    clocks = Clocks()
    clock = clocks.steady()
    clocks.wall += timedelta(hours=8)  # the laptop was closed: nothing was counted
    assert clock() == NOON + timedelta(hours=8)
    clocks.passes(1)
    assert clock() == NOON + timedelta(hours=8, seconds=1)


def test_reading_it_often_does_not_make_it_go_faster() -> None:
    clocks = Clocks()
    clock = clocks.steady()
    for trembling in (0.003, -0.002, 0.001, -0.003) * 250:
        clocks.wall += timedelta(seconds=trembling)
        clocks.passes(0.01)
        assert abs((clock() - clocks.wall).total_seconds()) < 0.02 + abs(
            (clocks.wall - NOON).total_seconds() - (clocks.counted - 100.0)
        )


def test_a_clock_set_back_by_an_hour_in_the_middle_of_a_send_holds_nobody_up(
    postmortem: Postmortem,
    google: GoogleWorld,
    customers: Callable[[int], CustomerList],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    listed = customers(6)
    postmortem("start", "Wrong amounts")
    google.misbehave("close_after", "gmail.users.drafts.send", times=2)  # looked at again later

    readings = 0

    def wall() -> datetime:
        nonlocal readings
        readings += 1
        return datetime.now(UTC) - (timedelta(hours=1) if readings > 40 else timedelta())

    monkeypatch.setattr("workflow.cli.session._wall_clock", wall)
    postmortem("notify", str(listed), "--send", "--confirm", "6")
    assert readings > 40
    assert google.copies_per_recipient() == dict.fromkeys(listed.addresses, 1)
