"""kill -9 at every state change and at random moments, then `resume`: one mail each, none lost."""

from __future__ import annotations

import random
from pathlib import Path

from bench.chaos.dying import die_at
from bench.chaos.tally import Tally
from bench.chaos.world import Google, Person, google, wait_or_kill, write_list

RECIPIENTS = 50
# Short time-outs, so that "look again after the time-out" doesn't take minutes.
CONFIG = """
[sending]
units_per_minute = 10000000
daily_limit = 10000000
timeout_seconds = 0.4
"""


def run(folder: Path, runs: int) -> Tally:
    """A killed `notify` for each run; half at counted points, half at random moments."""
    tally = Tally()
    dice = random.Random(2)
    with google(folder / "google") as world:
        points = _points(folder / "plan", world)
        for number in range(runs):
            domain = f"run{number}.example"
            person = _person(folder / f"home{number}", world)
            listed = write_list(person.home / "list.csv", RECIPIENTS, domain)
            words = ("notify", str(listed), "--send", "--confirm", str(RECIPIENTS))
            if number % 2:
                wait_or_kill(person.start(*words), dice.uniform(0.0, 1.2))
            else:
                person(
                    *words, within=die_at(1 + (number // 2 * points * 2 // max(runs, 1)) % points)
                )
            _finish(person, words, tally)
            tally.count(RECIPIENTS, world.copies(domain), person.states())
    return tally


def _points(folder: Path, world: Google) -> int:
    """The number of points in a whole notice."""
    person = _person(folder, world)
    listed = write_list(person.home / "list.csv", RECIPIENTS, "plan.example")
    count = person.home / "points"
    person("notify", str(listed), "--send", "--confirm", "50", within=die_at(0, count))
    return int(count.read_text(encoding="ascii"))


def _person(home: Path, world: Google) -> Person:
    person = Person(home, world.server.base_url, CONFIG)
    if person("start", "Chaos") != 0:
        raise RuntimeError(f"no incident: {(home / 'said.txt').read_text(encoding='utf-8')}")
    return person


def _finish(person: Person, words: tuple[str, ...], tally: Tally) -> None:
    """A person's actions after the crash: the same command again, then `resume`."""
    again = person(*words)
    if again not in {0, 5}:
        tally.wrong.append(f"notify again ended with {again}")
    for _ in range(3):
        if person("resume") == 0 and not person.states().keys() - {"sent", "unknown"}:
            return
    tally.wrong.append("resume did not finish")
