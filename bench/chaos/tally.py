"""The sums of a series, and series with parallel runs."""

from __future__ import annotations

import functools
import os
import pickle
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from pathlib import Path

# Runs that mostly wait: for a lease to expire, for a process.
WORKERS = 4


@dataclass
class Tally:
    """The result of a series of runs.

    `duplicates` are mails beyond the first to one address, `lost` addresses without a mail that the
    ledger does not name as undecided, `unknown` those that it does; `wrong` is anything else.
    `kills` are killed processes, `cut_off` how often the database was taken from all,
    `begun_again` how often a notice was lost before its plan was written, so that it was typed
    again; `codes` are the exit codes that a series counts.
    """

    runs: int = 0
    mails: int = 0
    duplicates: int = 0
    lost: int = 0
    unknown: int = 0
    unknown_allowed: bool = False
    kills: int = 0
    cut_off: int = 0
    begun_again: int = 0
    codes: Counter[int] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)

    @property
    def kept(self) -> bool:
        """Whether every promise was kept."""
        undecided = self.unknown and not self.unknown_allowed
        return not (self.duplicates or self.lost or undecided or self.wrong)

    def count(self, expected: int, copies: Counter[str], states: Counter[str]) -> None:
        """Add one run: the mailbox's mails against the ledger's states."""
        self.runs += 1
        self.mails += copies.total()
        self.duplicates += sum(each - 1 for each in copies.values())
        self.unknown += states["unknown"]
        self.lost += max(0, expected - len(copies) - states["unknown"])
        if states["sent"] + states["unknown"] != expected:
            self.wrong.append(f"run {self.runs}: the ledger has {dict(states)}")

    def plus(self, other: Tally) -> Tally:
        """The sum of two parts of one series."""
        sums = {
            each.name: getattr(self, each.name) + getattr(other, each.name)
            for each in fields(self)
            if each.name != "unknown_allowed"
        }
        return Tally(**sums, unknown_allowed=self.unknown_allowed)

    def __str__(self) -> str:
        words = (
            f"runs {self.runs}, mails {self.mails}, duplicates {self.duplicates}, "
            f"lost {self.lost}, unknown {self.unknown}"
        )
        if self.kills or self.cut_off:
            words += f", kills {self.kills}, cut off {self.cut_off}"
        if self.begun_again:
            words += f", begun again {self.begun_again}"
        if self.codes:
            words += f", exit codes {dict(sorted(self.codes.items()))}"
        return f"{words}; WRONG: {self.wrong[:5]}" if self.wrong else words


def side_by_side(folder: Path, runs: int, job: Callable[[Path, range, Tally], None]) -> Tally:
    """Do this many runs in several processes; the sum of their results.

    `job` does the runs of one process: it gets a folder, their numbers and a tally.
    """
    workers = min(WORKERS, runs)
    pids = []
    for worker in range(workers):
        place = folder / f"worker{worker}"
        place.mkdir(parents=True)
        pid = os.fork()
        if not pid:
            _work(place, range(worker, runs, workers), job)
        pids.append(pid)
    ended = [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in pids]
    tallies = [
        pickle.loads((folder / f"worker{each}" / "tally").read_bytes())
        for each, code in enumerate(ended)
        if code == 0
    ]
    total = functools.reduce(Tally.plus, tallies, Tally(unknown_allowed=True))
    total.wrong += [f"a worker ended with {code}" for code in ended if code]
    return total


def _work(place: Path, numbers: range, job: Callable[[Path, range, Tally], None]) -> None:
    code = 1
    try:
        tally = Tally(unknown_allowed=True)
        job(place, numbers, tally)
        (place / "tally").write_bytes(pickle.dumps(tally))
        code = 0
    finally:
        os._exit(code)
