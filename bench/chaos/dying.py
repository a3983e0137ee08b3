"""Kill the process at a chosen point: before or after a commit of the ledger, or a call.

The points are counted as a command reaches them. At the chosen one the process kills itself with
SIGKILL, which no handler sees and which flushes nothing.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy.engine import Connection

from workflow.google.transport import Transport
from workflow.ledger.databases.storage import Ledger


def die_at(point: int, tally: Path | None = None) -> Callable[[], None]:
    """What to run in a new process so that it dies at the `point`th point.

    With `tally`, the number of passed points is written there (to plan a series).
    """

    def arm() -> None:
        lock = threading.Lock()
        passed = 0

        def come_to_a_point() -> None:
            nonlocal passed
            with lock:
                passed += 1
                if tally is not None:
                    tally.write_text(str(passed), encoding="ascii")
                if passed == point:
                    os.kill(os.getpid(), signal.SIGKILL)

        _around_commits(come_to_a_point)
        _around_calls(come_to_a_point)

    return arm


def _around_commits(come_to_a_point: Callable[[], None]) -> None:
    for kind in ("write", "share"):
        setattr(Ledger, kind, _dying_around(getattr(Ledger, kind), come_to_a_point))


def _dying_around(
    transaction: Callable[[Ledger], AbstractContextManager[Connection]],
    come_to_a_point: Callable[[], None],
) -> Callable[[Ledger], AbstractContextManager[Connection]]:
    @contextmanager
    def dying(self: Ledger) -> Iterator[Connection]:
        with transaction(self) as connection:
            yield connection
            come_to_a_point()
        come_to_a_point()

    return dying


def _around_calls(come_to_a_point: Callable[[], None]) -> None:
    request = Transport.request

    def dying(self: Transport, *arguments: Any, **more: Any) -> Any:
        come_to_a_point()
        answer = request(self, *arguments, **more)
        come_to_a_point()
        return answer

    Transport.request = dying  # type: ignore[method-assign]
