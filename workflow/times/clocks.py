"""Clocks for leases and waits: elapsed time across sleep, and a clock that never goes back.

A process does not notice a closed lid, Ctrl-Z or a paused virtual machine. Each stops another of
the machine's clocks, so a lease uses the clock on which more time has passed.

A sender waits for an instant: if the wall clock is set back by an hour, it would wait that hour. So
`SteadyClock` never goes back. It does follow the wall clock forward, because a machine that slept
must notice that its lease expired.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import NamedTuple

# Linux's own name; elsewhere the monotonic clock counts sleep (macOS) or is the best there is.
_COUNTS_SLEEP: int | None = getattr(time, "CLOCK_BOOTTIME", None)


def seconds_since_boot() -> float:
    """Monotonic seconds that include sleep, if the system offers that."""
    if _COUNTS_SLEEP is None or sys.platform == "win32":
        return time.monotonic()
    return time.clock_gettime(_COUNTS_SLEEP)


class Reading(NamedTuple):
    """The machine's two clocks at one moment, in seconds."""

    since_boot: float
    wall: float


def read_clocks() -> Reading:
    """Both clocks, now."""
    return Reading(seconds_since_boot(), time.time())


def passed(since: Reading, now: Reading) -> timedelta:
    """How much time may have passed: the larger of the two clocks' answers.

    Only the wall clock continues while a virtual machine is paused; only the other one is right
    after somebody set the wall clock back.
    """
    return timedelta(seconds=max(now.since_boot - since.since_boot, now.wall - since.wall, 0.0))


class Lease:
    """A right that holds for a while after each renewal. Thread-safe."""

    def __init__(self, length: timedelta, read_clocks: Callable[[], Reading] = read_clocks) -> None:
        self.length = length
        self._read = read_clocks
        self._renewed = read_clocks()

    def reading(self) -> Reading:
        """Read the clocks, before the transaction that renews the lease."""
        return self._read()

    def renew(self, since: Reading) -> None:
        """Note a renewal, by a transaction before which the clocks showed `since`."""
        self._renewed = since

    def holds(self) -> bool:
        """Whether nobody else can have taken over."""
        return passed(self._renewed, self._read()) < self.length

    def is_due(self) -> bool:
        """Whether it should be renewed: a quarter of it has passed."""
        return passed(self._renewed, self._read()) >= self.length / 4


class SteadyClock:
    """Give aware datetimes. `wall` is the machine's clock, `monotonic` counts seconds."""

    def __init__(self, wall: Callable[[], datetime], monotonic: Callable[[], float]) -> None:
        self._wall = wall
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._began = wall() - timedelta(seconds=monotonic())

    def __call__(self) -> datetime:
        """The time now."""
        with self._lock:
            counted = timedelta(seconds=self._monotonic())
            # The start of the count by the wall clock: a later one means that it was set forward.
            self._began = max(self._began, self._wall() - counted)
            return self._began + counted
