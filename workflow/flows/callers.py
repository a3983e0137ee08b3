"""Threads that make the sender's calls. They know their carrier and nothing of the ledger.

Daemon threads, because a person who presses Ctrl-C is not to wait for a call that hangs: what was
under way is written in the ledger and decided by the next `resume`.
"""

from __future__ import annotations

import queue
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from workflow.flows.delivery_steps import Answer, Call
from workflow.google.faults import GoogleFault, Refused
from workflow.ledger.deliveries import Delivery
from workflow.mail.message import HeaderBad, MessageTooBig

# sqlite3 gives the interpreter's lock away at every row, and a busy thread keeps it for as long as
# this. At Python's own 5 ms many callers made each row cost 3.6 ms of waiting (measured, 64).
_LOCK_SECONDS = 0.0005


class _ShortTurns:
    """The interpreter's short turns, for as long as anybody's callers are at work."""

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
    """A delivery and what came of a call for it; `defect` is an error of this program."""

    delivery: Delivery
    answer: Answer
    defect: BaseException | None = None


class Callers:
    """A number of threads that make calls and hand the answers back in the order they come."""

    def __init__(
        self,
        carry: Callable[[Delivery, Call], object],
        now: Callable[[], datetime],
        *,
        threads: int,
    ) -> None:
        self._carry = carry
        self._now = now
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
        """All answers that are there, after waiting up to `wait_seconds` for the first."""
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
            result = self._carry(delivery, call)
        except GoogleFault as fault:
            return Answered(delivery, Answer(call, began_at, fault=fault))
        except (HeaderBad, MessageTooBig) as bad:  # this one mail can't be written
            refused = Refused(str(bad), status=400, reason="mailBad")
            return Answered(delivery, Answer(call, began_at, fault=refused))
        except BaseException as defect:  # handed to the sender, which raises it
            return Answered(delivery, Answer(call, began_at), defect)
        return Answered(delivery, Answer(call, began_at, result))
