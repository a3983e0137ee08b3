"""Several processes finish the same notice at the same time."""

from __future__ import annotations

from pathlib import Path

from bench.chaos.dying import die_at
from bench.chaos.kills import CONFIG, RECIPIENTS
from bench.chaos.tally import Tally
from bench.chaos.world import Person, google, wait, write_list


def run_two(folder: Path, runs: int) -> Tally:
    """Two at once."""
    return _run(folder, runs, 2)


def run_four(folder: Path, runs: int) -> Tally:
    """Four at once."""
    return _run(folder, runs, 4)


def _run(folder: Path, runs: int, processes: int) -> Tally:
    tally = Tally()
    with google(folder / "google") as world:
        for number in range(runs):
            domain = f"run{number}.example"
            person = Person(folder / f"home{number}", world.server.base_url, CONFIG)
            person("start", "Chaos")
            listed = write_list(person.home / "list.csv", RECIPIENTS, domain)
            words = ("notify", str(listed), "--send", "--confirm", str(RECIPIENTS))
            person(*words, within=die_at(20 + number))
            crowd = [person.start("resume") for _ in range(processes)]
            for pid in crowd:
                code = wait(pid)
                if code != 0:
                    tally.wrong.append(f"a resume ended with {code}")
            tally.count(RECIPIENTS, world.copies(domain), person.states())
    return tally
