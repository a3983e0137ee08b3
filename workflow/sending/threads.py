"""Threads for the sender's calls. They use a carrier, never the ledger.

They are daemon threads: a person who presses Ctrl-C shouldn't wait for a call that hangs. Calls
under way are written in the ledger, and the next `resume` decides them.

`side_by_side` runs several long jobs at once, which a person may end together.
"""

from __future__ import annotations

import queue
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

from workflow.google.faults import GoogleFault, Refused
from workflow.google.transport import only_while
from workflow.ledger.deliveries import Delivery
from workflow.mail.message import HeaderBad, MessageTooBig
from workflow.sending.delivery_steps import Answer, Call

# sqlite3 releases the interpreter's lock at every row, and a busy thread keeps it for this long. At
# Python's default 5 ms, many callers made each row cost 3.6 ms of waiting (measured, 64 threads).
_LOCK_SECONDS = 0.0005


class _ShortTurns:
    """Short interpreter turns while any callers are at work."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._users = 0
        self._before = 0.0

    def begin(self) -> None:
        with self._lock:
            self._users += 1
            if self._users == 1:
                self._before = sys.getswitchinterval()
                sys.setswitchinterval(_LOCK_SECONDS)

    def end(self) -> None:
        with self._lock:
            self._users -= 1
            if not self._users:
                sys.setswitchinterval(self._before)


_short_turns = _ShortTurns()


@dataclass(frozen=True)
class Answered:
    """A delivery and the result of a call for it; `defect` is an error of this program."""

    delivery: Delivery
    answer: Answer
    defect: BaseException | None = None


class Callers:
    """Threads that make calls and return the answers in the order they arrive.

    `may_call` is asked in the calling thread right before each request; if it says no, the answer
    is `NotCalled`.
    """

    def __init__(
        self,
        carry: Callable[[Delivery, Call], object],
        now: Callable[[], datetime],
        *,
        threads: int,
        may_call: Callable[[], bool],
    ) -> None:
        self._carry = carry
        self._now = now
        self._may_call = may_call
        self._asked: queue.SimpleQueue[tuple[Delivery, Call] | None] = queue.SimpleQueue()
        self._answered: queue.SimpleQueue[Answered] = queue.SimpleQueue()
        _short_turns.begin()
        self._threads = [threading.Thread(target=self._work, daemon=True) for _ in range(threads)]
        for thread in self._threads:
            thread.start()

    def ask(self, delivery: Delivery, call: Call) -> None:
        """Make a call as soon as a thread is free."""
        self._asked.put((delivery, call))

    def answers(self, wait_seconds: float) -> list[Answered]:
        """All answers so far, after waiting up to `wait_seconds` for the first."""
        found: list[Answered] = []
        try:
            found.append(self._answered.get(timeout=max(wait_seconds, 0)))
            while True:
                found.append(self._answered.get_nowait())
        except queue.Empty:
            return found

    def dismiss(self) -> None:
        """Let the threads end once they are idle."""
        for _ in self._threads:
            self._asked.put(None)
        _short_turns.end()

    def _work(self) -> None:
        while (task := self._asked.get()) is not None:
            self._answered.put(self._call(*task))

    def _call(self, delivery: Delivery, call: Call) -> Answered:
        began_at = self._now()
        try:
            with only_while(self._may_call):
                result = self._carry(delivery, call)
        except GoogleFault as fault:
            return Answered(delivery, Answer(call, began_at, fault=fault))
        except (HeaderBad, MessageTooBig) as bad:  # only this mail can't be written
            refused = Refused(str(bad), status=400, reason="mailBad")
            return Answered(delivery, Answer(call, began_at, fault=refused))
        except BaseException as defect:  # handed to the sender, which raises it
            return Answered(delivery, Answer(call, began_at), defect)
        return Answered(delivery, Answer(call, began_at, result))


_T = TypeVar("_T")

_LOOK_SECONDS = 0.05
# How long to wait for jobs that were told to stop. They are daemons: one that hangs is left.
_GRACE_SECONDS = 2.0


def side_by_side(jobs: Sequence[Callable[[], _T]], stop: threading.Event) -> list[_T]:
    """Do all jobs at once; their results in order.

    A single job runs in this thread, so its traceback shows. After `stop`, only jobs that end
    within a moment are waited for and included. What a job raises is raised here.
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
        """The job's result; None if the job was abandoned. Raises what the job raised."""
        if self._raised is not None:
            raise self._raised
        return list(self._results)

    def _run(self) -> None:
        try:
            self._results.append(self._job())
        except BaseException as raised:  # handed to the caller's thread, which raises it
            self._raised = raised
