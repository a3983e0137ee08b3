"""Senders suspended past their lease, changed clocks, and a database that disappears.

Each run is one notice that is stopped at a random moment while a second process may finish it. The
leases last a few seconds here; in real life minutes.
"""

from __future__ import annotations

import functools
import os
import random
import signal
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from sqlite3 import OperationalError, connect

import psycopg

from bench.chaos.tally import WORKERS, Tally, side_by_side
from bench.chaos.world import Google, Person, google, wait, write_list
from tests.postgres_server import PostgresServer, running_postgres
from workflow.cli import session
from workflow.sending.sender import lease_length

_LISTS = (5, 40)
_TIMEOUT_SECONDS = 0.25
_LEASE_SECONDS = lease_length(_TIMEOUT_SECONDS).total_seconds()
_CONFIG = f"""
[sending]
units_per_minute = 10000000
daily_limit = 10000000
timeout_seconds = {_TIMEOUT_SECONDS}
"""
# So that calls are under way when a process is stopped.
_LATENCY_SECONDS = 0.08
_LONGEST_SECONDS = 90.0
# Done; the ledger is unavailable; Google or the ledger is out of reach; some are undecided.
_HONEST = {0, 4, 5, 6}

Blow = Callable[["_Round"], None]


def run_sleepers(folder: Path, runs: int) -> Tally:
    """SIGSTOP past the lease, then SIGCONT; in most runs a second process continues meanwhile."""
    return side_by_side(folder, runs, functools.partial(_rounds, _sleep))


def run_clocks(folder: Path, runs: int) -> Tally:
    """The wall clock is set by minutes or hours, forward or back, while two processes send."""
    return side_by_side(folder, runs, functools.partial(_rounds, _set_the_clock))


def run_postgres_away(folder: Path, runs: int) -> Tally:
    """PostgreSQL is away for longer than the lease while two processes send."""
    tally = Tally(unknown_allowed=True)
    with (
        # Its crash is only of the process: what it wrote survives although it never synced.
        running_postgres("fsync=off") as server,
        google(folder / "google", latency_seconds=_LATENCY_SECONDS) as world,
    ):
        # One outage hits as many notices at once as there are workers.
        for first in range(0, runs, WORKERS):
            numbers = range(first, min(first + WORKERS, runs))
            rounds = [
                _Round(folder / f"run{number}", world, number, tally, url=server.new_database())
                for number in numbers
            ]
            _outage(rounds, server, random.Random(first))
    return tally


def _rounds(blow: Blow, folder: Path, numbers: range, tally: Tally) -> None:
    with google(folder / "google", latency_seconds=_LATENCY_SECONDS) as world:
        for number in numbers:
            one = _Round(folder / f"run{number}", world, number, tally)
            try:
                one.prepare()
                one.notify()
                one.come_to_a_moment()
                blow(one)
                one.end()
            except Exception as fault:
                tally.wrong.append(f"run {number}: {fault!r}")


@dataclass
class _Round:
    """One notice, its senders, and its result."""

    folder: Path
    world: Google
    number: int
    tally: Tally
    url: str = ""
    dice: random.Random = field(init=False)
    person: Person = field(init=False)
    running: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.dice = random.Random(self.number)
        environment = {"POSTMORTEM_DATABASE_URL": self.url} if self.url else {}
        self.person = Person(self.folder, self.world.server.base_url, _CONFIG, environment)

    @property
    def size(self) -> int:
        """The length of the list."""
        return _LISTS[self.number % len(_LISTS)]

    @property
    def clock(self) -> Path:
        """The file with this round's offset of the wall clock, in seconds."""
        return self.folder / "clock"

    def prepare(self) -> None:
        """Start the incident, and write the list."""
        if (code := self.person("start", "Chaos", within=self.with_its_clock)) != 0:
            raise RuntimeError(f"start ended with {code}")
        write_list(self.folder / "list.csv", self.size, self._domain)

    def notify(self) -> None:
        """Begin to send the notice."""
        self.start(*self._notify_words)

    @property
    def _notify_words(self) -> tuple[str, ...]:
        listed = str(self.folder / "list.csv")
        return "notify", listed, "--send", "--confirm", str(self.size)

    def come_to_a_moment(self) -> None:
        """Wait for a random moment of the sending."""
        deadline = time.monotonic() + _LONGEST_SECONDS
        while self._states().total() < self.size:
            if time.monotonic() > deadline:
                raise TimeoutError("the plan was never written")
            time.sleep(0.02)
        # Up to about the time that it takes to send them all.
        time.sleep(self.dice.uniform(0, 0.3 + 0.03 * self.size))

    def start(self, *words: str) -> int:
        """Start a command in a new process; with -v, so that a defect shows its traceback."""
        pid = self.person.start(*words, "-v", within=self.with_its_clock)
        self.running.append(pid)
        return pid

    def with_its_clock(self) -> None:
        """In the command's process: a wall clock that the round can set.

        Not by libfaketime: 0.9.10 either sets the monotonic clock back too, which no machine does,
        or breaks `clock_nanosleep`, which Python uses to sleep.
        """
        now, real = time.time, datetime

        def off() -> float:
            try:
                return float(self.clock.read_text(encoding="ascii") or 0)
            except FileNotFoundError:
                return 0.0

        time.time = lambda: now() + off()
        session._wall_clock = lambda: real.now(UTC) + timedelta(seconds=off())

    def end(self) -> None:
        """Wait for all, do what a person does afterwards, and count."""
        codes = [self._expect(_waited(pid)) for pid in self.running]
        if not self._states():
            self._begin_again(codes[0])
        for _ in range(4):
            self._expect(self.person("resume", within=self.with_its_clock))
            if not self._states().keys() - {"sent", "unknown"}:
                break
        else:
            self.tally.wrong.append(f"run {self.number}: {dict(self._states())} after four resumes")
        self.tally.count(self.size, self.world.copies(self._domain), self._states())

    def _begin_again(self, code: int) -> None:
        """`notify` once more, where the database went away before the plan was in it: there is
        nothing to resume. The first one must have said so, and nobody may have a mail."""
        if code == 0:
            self.tally.wrong.append(f"run {self.number}: done, and the ledger has no plan")
        if early := self.world.copies(self._domain):
            self.tally.wrong.append(f"run {self.number}: {early.total()} mails without a plan")
        self.tally.begun_again += 1
        self._expect(self.person(*self._notify_words, within=self.with_its_clock))

    def _expect(self, code: int) -> int:
        self.tally.codes[code] += 1
        if code not in _HONEST:
            said = (self.folder / "said.txt").read_text(encoding="utf-8")[-4000:]
            self.tally.wrong.append(f"run {self.number} ended with {code}: {said}")
        return code

    @property
    def _domain(self) -> str:
        return f"run{self.number}.example"

    def _states(self) -> Counter[str]:
        query = "SELECT state, count(*) FROM deliveries GROUP BY state"
        if self.url:
            with psycopg.connect(self.url, connect_timeout=10) as ledger:
                return Counter(dict(ledger.execute(query).fetchall()))
        with closing(connect(self.folder / "ledger.sqlite3", timeout=30)) as file:
            try:
                return Counter(dict(file.execute(query)))
            except OperationalError:  # its tables are being created
                return Counter()


def _sleep(one: _Round) -> None:
    (sleeper,) = one.running
    _signal(sleeper, signal.SIGSTOP)
    if one.dice.random() < 0.75:
        one.start("resume")
    time.sleep(one.dice.uniform(0.7, 1.6) * _LEASE_SECONDS)
    _signal(sleeper, signal.SIGCONT)


def _set_the_clock(one: _Round) -> None:
    if one.dice.random() < 0.5:
        one.start("resume")
    for _ in range(one.dice.randint(1, 3)):
        seconds = one.dice.choice((2, 60, 600, 3600, 86_400)) * one.dice.choice((1, -1))
        one.clock.write_text(str(seconds), encoding="ascii")
        time.sleep(one.dice.uniform(0, 0.8))
    if one.dice.random() < 0.5:
        one.start("resume")


def _outage(rounds: Sequence[_Round], server: PostgresServer, dice: random.Random) -> None:
    for one in rounds:
        one.prepare()
    for one in rounds:
        one.notify()
    dice.choice(rounds).come_to_a_moment()
    for one in rounds:
        if dice.random() < 0.5:
            one.start("resume")
    server.stop(dice.choice((signal.SIGINT, signal.SIGQUIT)))
    time.sleep(dice.uniform(1.05, 1.8) * _LEASE_SECONDS)
    server.start_again()
    for one in rounds:
        one.end()


def _signal(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return


def _waited(pid: int) -> int:
    """The exit code of a process; one that never ends is a broken promise too."""
    deadline = time.monotonic() + _LONGEST_SECONDS
    while time.monotonic() < deadline:
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.05)
    os.kill(pid, signal.SIGKILL)
    return wait(pid)
