"""Several long jobs side by side, and a person who may end them all."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

_T = TypeVar("_T")

_LOOK_SECONDS = 0.05
# How long jobs that were told to stop are waited for. They are daemons: one that hangs is left.
_GRACE_SECONDS = 2.0


def side_by_side(jobs: Sequence[Callable[[], _T]], stop: threading.Event) -> list[_T]:
    """Do all jobs at once; their results in order.

    One alone is done here, where its traceback belongs. After `stop` only those that end within a
    moment are waited for, and only they are in the answer. What a job raises is raised here.
    """
    if len(jobs) == 1:
        return [jobs[0]()]
    running = [_Running(job) for job in jobs]
    deadline = float("inf")
    while any(each.is_alive for each in running) and time.monotonic() < deadline:
        time.sleep(_LOOK_SECONDS)
        if stop.is_set():
            deadline = min(deadline, time.monotonic() + _GRACE_SECONDS)
    return [result for each in running for result in each.results()]


class _Running(Generic[_T]):
    def __init__(self, job: Callable[[], _T]) -> None:
        self._job = job
        self._results: list[_T] = []
        self._raised: BaseException | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    @property
    def is_alive(self) -> bool:
        return self._thread.is_alive()

    def results(self) -> list[_T]:
        """The result, or none of a job that was left. Raises what the job raised."""
        if self._raised is not None:
            raise self._raised
        return list(self._results)

    def _run(self) -> None:
        try:
            self._results.append(self._job())
        except BaseException as raised:  # handed to the caller's thread, which raises it
            self._raised = raised
