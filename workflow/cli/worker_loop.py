"""A worker at the terminal: what it does, line by line, until its orders are done or Ctrl-C."""

from __future__ import annotations

import contextlib
import functools
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import typer

from workflow.cli import showing
from workflow.cli.commands import Asked
from workflow.cli.faults import DONE, PARTLY
from workflow.cli.notice_outcome import show_outcome
from workflow.cli.progress import watching
from workflow.cli.speaking import Speaker, printable
from workflow.flows.ledger_wait import LedgerWait
from workflow.flows.notify import Notified, as_it_stands
from workflow.flows.sending import Ending
from workflow.flows.showing import NoticeStanding, notice_standing
from workflow.flows.working import LOOK_EVERY, Orders, Waits, Worker

if TYPE_CHECKING:
    from workflow.flows.workspace import Workspace
    from workflow.ledger.notices import Notice


def work(asked: Asked, workspace: Workspace, orders: Orders) -> None:
    """Take part in what is under way. Raises what gives the right exit code.

    A ledger that is lost meanwhile is waited for; one that is not there at the beginning is not.
    """
    line = _LiveLine(asked.speaker)
    ledger = LedgerWait(workspace.ledger, line.warn)
    worker = Worker(workspace, orders)
    outcomes: dict[str, Notified] = {}
    asked.speaker.say("Taking part in what is under way. Ctrl-C ends it; everything is recorded.")
    with contextlib.closing(line):
        while (job := ledger.through(worker.next_job)) is not None:
            if isinstance(job, Waits):
                line.show(job.words)
                time.sleep(LOOK_EVERY.total_seconds())
                continue
            line.close()
            asked.speaker.say(f"Notice {job.id}: {job.subject}")
            part = functools.partial(_take_part, asked.speaker, workspace, worker, job, ledger)
            outcomes[job.id] = ledger.through(part)
        if orders.notice and orders.notice not in outcomes:
            outcomes[orders.notice] = ledger.through(
                functools.partial(as_it_stands, workspace, orders.notice)
            )
        standings = ledger.through(functools.partial(_standings, workspace, outcomes))
    if orders.notice:
        show_outcome(asked, outcomes[orders.notice], "send")
        return
    _close(asked, standings)


def _take_part(
    speaker: Speaker, workspace: Workspace, worker: Worker, notice: Notice, ledger: LedgerWait
) -> Notified:
    total = notice_standing(workspace, notice).counts.total
    with watching(speaker, total=total) as watcher:
        patient = replace(watcher, wait_for_ledger=ledger.until_reached)
        notified = worker.take_part(notice, patient)
    if notified.sent.ending is Ending.STOPPED:
        raise KeyboardInterrupt
    speaker.say(f"  {showing.counts_text(notified.standing)}")
    return notified


def _standings(workspace: Workspace, outcomes: dict[str, Notified]) -> list[NoticeStanding]:
    return [notice_standing(workspace, notified.standing.notice) for notified in outcomes.values()]


def _close(asked: Asked, standings: list[NoticeStanding]) -> None:
    """What came of everything that was taken part in, as it stands now."""
    if asked.speaker.as_json:
        documents = [showing.notice_json(standing, "send") for standing in standings]
        asked.speaker.document({"notices": documents})
    asked.speaker.say("Nothing is under way any more.")
    short = any(standing.shortfalls for standing in standings)
    raise typer.Exit(PARTLY if short else DONE)


class _LiveLine:
    """What a worker waits for: one line that changes; where it can't, a line for each change."""

    def __init__(self, speaker: Speaker) -> None:
        self._speaker = speaker
        self._is_live = speaker.err.isatty() and speaker.loudness >= 0
        self._shown = ""

    def show(self, words: str) -> None:
        """Say what is waited for, with the time at which it was looked at."""
        if self._is_live:
            self._speaker.err.write(
                f"\r\x1b[2K{printable(words)}  (looked at {time.strftime('%X')})"
            )
            self._speaker.err.flush()
        elif words != self._shown:
            self._speaker.say(words)
        self._shown = words

    def warn(self, words: str) -> None:
        """Say what stays to be read, in place of the line or of a bar."""
        self._take_away()
        self._speaker.warn(words)

    def close(self) -> None:
        """Take the line away; the next `show` begins it anew."""
        if self._shown:
            self._take_away()
        self._shown = ""

    def _take_away(self) -> None:
        if self._is_live:
            self._speaker.err.write("\r\x1b[2K")
            self._speaker.err.flush()
