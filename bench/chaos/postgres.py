"""Four senders on one PostgreSQL, 2,000 customers: killed, interrupted and misled at random."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import psycopg

from bench.chaos.faults import a_bad_day
from bench.chaos.kills import CONFIG
from bench.chaos.tally import Tally
from bench.chaos.world import Google, Person, google, wait, write_list
from tests.postgres_server import PostgresServer, running_postgres

RECIPIENTS = 2000
_SENDERS = 4
# The share of calls with a wrong answer.
_SHARE = 0.05
# The time between faults, in seconds; one in five hits the database's connections.
_PAUSE = (0.2, 1.2)
_LONGEST_SECONDS = 900.0
# Done; not set up (the database was away); Google out of reach; some undecided.
_HONEST = {0, 4, 5, 6, -signal.SIGKILL}


def run(folder: Path, runs: int) -> Tally:
    """A notice for each run, sent by four until everybody is decided."""
    tally = Tally()
    with running_postgres() as server, google(folder / "google") as world:
        for number in range(runs):
            storm = _Storm(folder / f"run{number}", world, server, random.Random(number), tally)
            storm.blow(f"run{number}.example")
    return tally


@dataclass
class _Storm:
    """One notice, its four senders, and the faults."""

    folder: Path
    world: Google
    server: PostgresServer
    dice: random.Random
    tally: Tally
    url: str = ""
    people: list[Person] = field(default_factory=list)
    running: dict[int, int] = field(default_factory=dict)

    def blow(self, domain: str) -> None:
        self.url = self.server.new_database()
        environment = {"POSTMORTEM_DATABASE_URL": self.url}
        self.people = [
            Person(self.folder / f"home{at}", self.world.server.base_url, CONFIG, environment)
            for at in range(_SENDERS)
        ]
        listed = write_list(self.folder / "list.csv", RECIPIENTS, domain)
        self.people[0]("start", "Chaos")
        trouble = {"faults": a_bad_day(_SHARE), "seed": self.dice.randrange(1000)}
        self.world.switchboard("post", "faults", trouble)
        words = ("notify", str(listed), "--send", "--confirm", str(RECIPIENTS))
        self.running[0] = self.people[0].start(*words)
        deadline = time.monotonic() + _LONGEST_SECONDS
        self._wait_for(lambda: self._states().total() == RECIPIENTS, deadline)
        while self._undecided() and time.monotonic() < deadline:
            self._keep_four_at_work()
            time.sleep(self.dice.uniform(*_PAUSE))
            self._strike()
        self._end_well()
        self.tally.count(RECIPIENTS, self.world.copies(domain), self._states())

    def _keep_four_at_work(self) -> None:
        for at, person in enumerate(self.people):
            pid = self.running.get(at)
            if pid is not None:
                ended, status = os.waitpid(pid, os.WNOHANG)
                if not ended:
                    continue
                self._note(at, os.waitstatus_to_exitcode(status))
            self.running[at] = person.start("resume")

    def _strike(self) -> None:
        if self.dice.random() < 0.2:
            self.server.cut_off(self.url)
            self.tally.cut_off += 1
        else:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.running[self.dice.randrange(_SENDERS)], signal.SIGKILL)
                self.tally.kills += 1

    def _end_well(self) -> None:
        """People's actions after the faults."""
        self.world.switchboard("delete", "faults")
        for at, pid in self.running.items():
            self._note(at, wait(pid))
        for command in ("resume", "sync"):
            if (code := self.people[0](command)) != 0:
                self.tally.wrong.append(f"{command} at the end came to {code}")

    def _note(self, at: int, code: int) -> None:
        if code not in _HONEST:
            self.tally.wrong.append(f"sender {at} ended with {code}")

    def _undecided(self) -> bool:
        return bool(self._states().keys() - {"sent", "unknown", "failed"})

    def _states(self) -> Counter[str]:
        with psycopg.connect(self.url, connect_timeout=10) as ledger:
            rows = ledger.execute("SELECT state, count(*) FROM deliveries GROUP BY state")
            return Counter(dict(rows.fetchall()))

    @staticmethod
    def _wait_for(what: Callable[[], bool], deadline: float) -> None:
        while not what():
            if time.monotonic() > deadline:
                raise TimeoutError("the plan was never written")
            time.sleep(0.1)
