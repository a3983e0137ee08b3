"""Sitting out a ledger that can't be reached: told once, tried again, and told when it is back."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from typing import TypeVar

from workflow.ledger.faults import LedgerOutOfReach
from workflow.ledger.storage import Ledger

_T = TypeVar("_T")

_FIRST_SECONDS, _LONGEST_SECONDS = 1.0, 30.0
# A ledger that was back for less than this is still in the same trouble.
_SOUND_SECONDS = 60.0


def pause_seconds(tries: int, chance: float) -> float:
    """How long to wait after so many tries in vain: twice as long each time, up to half a minute.

    `chance`, from 0 to 1, takes up to half of it, so that many workers do not come at once.
    """
    longest = min(_FIRST_SECONDS * 2.0 ** min(tries, 10), _LONGEST_SECONDS)
    return longest * (1 - chance / 2)


class LedgerWait:
    """Waits for a ledger. Safe to use from several threads: one waits and speaks for all.

    `say` shows a person a line. Ctrl-C ends the waiting like anything else.
    """

    def __init__(self, ledger: Ledger, say: Callable[[str], None]) -> None:
        self._ledger = ledger
        self._say = say
        self._lock = threading.Lock()
        self._times = 0
        self._tries = 0
        self._back_at = 0.0

    def through(self, job: Callable[[], _T]) -> _T:
        """What a job gives, done anew as often as the ledger is lost in it."""
        while True:
            try:
                return job()
            except LedgerOutOfReach as fault:
                self.until_reached(fault)

    def until_reached(self, fault: LedgerOutOfReach) -> None:
        """Wait until the ledger can be written to. Raises `LedgerUnavailable` where it never will.

        Such is a ledger that was moved, or that does not let us in any more.
        """
        times = self._times
        with self._lock:
            if times != self._times:  # another thread has waited for all meanwhile
                return
            self._say(f"{fault.what}; trying again until it is back.")
            lost_at = time.monotonic()
            if lost_at - self._back_at > _SOUND_SECONDS:
                self._tries = 0
            while True:
                time.sleep(pause_seconds(self._tries, random.random()))  # noqa: S311 - no secret
                self._tries += 1
                if self._is_reached():
                    break
            self._back_at = time.monotonic()
            self._times += 1
            seconds = round(self._back_at - lost_at)
            self._say(f"The ledger is there again after {seconds:,} s. Going on.")

    def _is_reached(self) -> bool:
        # Connections of before are dead, perhaps without having been told: they would be waited
        # for much longer than for a new one.
        self._ledger.close()
        try:
            with self._ledger.share():
                return True
        except LedgerOutOfReach:
            return False
