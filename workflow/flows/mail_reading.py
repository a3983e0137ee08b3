"""Reading the sender's mailbox, within the same pace that sending keeps to."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from typing import TypeVar

from workflow.flows.workspace import Workspace
from workflow.google.faults import SlowDown, Undecided, Unreachable
from workflow.google.gmail import Listed, MessageFacts
from workflow.ledger import pace

_T = TypeVar("_T")

# What Gmail counts for a call since May 2026 (quota table of its reference).
_LIST_UNITS, _GET_UNITS = 5, 20
# A wait that a person at a terminal sits out; after a longer one the same command goes on.
_LONGEST_WAIT_SECONDS = 90.0
# Reading changes nothing, so a lost answer is simply asked for again.
_TRIES = 3


class MailReader:
    """A mailbox; "" is the signed-in account's. Every method may raise GoogleFault."""

    def __init__(self, workspace: Workspace, mailbox: str = "") -> None:
        self._workspace = workspace
        self._gmail = workspace.google_as(mailbox).gmail
        # As Google spells it: the pace of whoever sends is kept under the same name.
        self.address = self._gmail.address()

    def search(self, query: str) -> Iterator[list[Listed]]:
        """What a search finds, page by page, the newest first."""
        page = ""
        while True:
            found, page = self._paced(
                _LIST_UNITS, functools.partial(self._gmail.list_messages, query, page)
            )
            yield found
            if not page:
                return

    def facts(self, message_id: str, names: Sequence[str]) -> MessageFacts:
        """When a message came in, its size and these headers."""
        return self._paced(_GET_UNITS, lambda: self._gmail.message_facts(message_id, names))

    def raw(self, message_id: str) -> bytes:
        """A message whole."""
        return self._paced(_GET_UNITS, lambda: self._gmail.message_raw(message_id))

    def _paced(self, units: int, call: Callable[[], _T]) -> _T:
        for last in (*[False] * (_TRIES - 1), True):
            self._wait_for(units)
            try:
                return call()
            except SlowDown as fault:
                if last or fault.daily:
                    raise
                self._pause(fault)
            except (Undecided, Unreachable):
                if last:
                    raise
        raise AssertionError("the last try returns or raises")

    def _wait_for(self, units: int) -> None:
        """Wait until the account's pace has room for a call, and count it."""
        budget = self._workspace.settings.config.sending.units_per_minute
        waited = 0.0
        while True:
            now = self._workspace.wall()
            second = int(now.timestamp())
            with self._workspace.ledger.write() as connection:
                until = pace.paused_until(connection, self.address)
                wait = float(
                    pace.seconds_until_free(
                        connection, self.address, units, second=second, budget=budget
                    )
                )
                if until is not None and until > now:
                    wait = max(wait, (until - now).total_seconds())
                    reason = pace.pause_reason(connection, self.address)
                else:
                    reason = "This account has read and sent all that it may in a minute."
                if wait <= 0:
                    pace.spend_units(connection, self.address, units, second=second)
                    return
            waited += wait
            if waited > _LONGEST_WAIT_SECONDS:
                raise SlowDown(reason, until=now + timedelta(seconds=wait))
            time.sleep(wait)

    def _pause(self, fault: SlowDown) -> None:
        """All processes of the account wait as long as Gmail asked, at the least a second."""
        now = self._workspace.wall()
        until = max(fault.until or now, now + timedelta(seconds=1))
        with self._workspace.ledger.write() as connection:
            pace.pause_sender(connection, self.address, until=until, reason=fault.sentence)
