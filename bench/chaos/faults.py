"""A Google that answers wrongly: one call in five, in every known way."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bench.chaos.kills import CONFIG, RECIPIENTS
from bench.chaos.tally import Tally
from bench.chaos.world import Person, google, write_list

_KINDS = (
    "close_before",
    "close_after",
    "hang",
    "hang_before",
    "half_answer",
    "error_after",
    "garbage",
    "redirect_307",
    "500",
    "503",
)
_SHARE = 0.2


def run_two_step(folder: Path, runs: int) -> Tally:
    """Draft, then send: nothing may be sent twice, lost or left unknown."""
    return _run(folder, runs, Tally(), ())


def run_one_step(folder: Path, runs: int) -> Tally:
    """Send at once: nothing is sent twice, and mails are unknown only if their answer was lost."""
    return _run(folder, runs, Tally(unknown_allowed=True), ("--one-step",))


def _run(folder: Path, runs: int, tally: Tally, options: tuple[str, ...]) -> Tally:
    with google(folder / "google") as world:
        for number in range(runs):
            domain = f"run{number}.example"
            person = Person(folder / f"home{number}", world.server.base_url, CONFIG)
            person("start", "Chaos")
            listed = write_list(person.home / "list.csv", RECIPIENTS, domain)
            world.switchboard("post", "faults", {"faults": a_bad_day(), "seed": number})
            person("notify", str(listed), "--send", "--confirm", str(RECIPIENTS), *options)
            for _ in range(4):
                person("resume")
            world.switchboard("delete", "faults")
            person("resume")
            person("sync")
            tally.count(RECIPIENTS, world.copies(domain), person.states())
    return tally


def a_bad_day(share: float = _SHARE) -> list[dict[str, Any]]:
    """Faults that hit this share of all calls, each kind alike: the first that hits one counts."""
    left = 1.0
    faults = []
    for kind in _KINDS:
        each = share / len(_KINDS)
        probability = each / left
        left -= each
        faults.append(
            {
                "match": {"method": "gmail.*"},
                "kind": kind,
                "probability": probability,
                "seconds": 0.8,
            }
        )
    return faults
