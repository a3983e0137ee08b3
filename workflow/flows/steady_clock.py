"""A clock that never goes back within a process, however somebody sets the machine's.

What a sender waits for is an instant: a wall clock that is set back by an hour would make it wait
that hour. Forward it follows the wall, for a machine that slept has to see that its lease ran out.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime, timedelta


class SteadyClock:
    """Gives aware datetimes. `wall` is the machine's clock, `monotonic` counts seconds."""

    def __init__(self, wall: Callable[[], datetime], monotonic: Callable[[], float]) -> None:
        self._wall = wall
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._began = wall() - timedelta(seconds=monotonic())

    def __call__(self) -> datetime:
        """The time now."""
        with self._lock:
            counted = timedelta(seconds=self._monotonic())
            # When the count would have begun by the wall: later means that it was set forward.
            self._began = max(self._began, self._wall() - counted)
            return self._began + counted
