"""`python -m bench.chaos`: kill, interrupt and overload the sender, and count the results."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from bench.chaos import docs, faults, kills, people, postgres, stopped, team, together
from bench.chaos.model import running as model


class Series(Protocol):
    """The result of a series; `str()` of it is for people."""

    @property
    def kept(self) -> bool:
        """Whether every promise was kept."""
        ...


def main() -> int:
    """Run the requested series; 1 if any promise was broken."""
    parser = argparse.ArgumentParser(prog="python -m bench.chaos", description=__doc__)
    parser.add_argument("series", nargs="*", choices=[*_RUNNERS, []], help="all if left out")
    parser.add_argument("--share", type=float, default=1.0, help="of each series' runs (0 to 1)")
    chosen = parser.parse_args()
    broken = 0
    for name in chosen.series or _RUNNERS:
        run, runs = _RUNNERS[name]
        began = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="chaos-") as folder:
            tally = run(Path(folder), max(1, round(runs * chosen.share)))
        print(f"{name:<22} {tally}   ({time.monotonic() - began:.0f} s)", flush=True)
        broken += not tally.kept
    return 1 if broken else 0


_RUNNERS: dict[str, tuple[Callable[[Path, int], Series], int]] = {
    "model": (model.run, 20_000),
    "kills": (kills.run, 500),
    "faults-two-step": (faults.run_two_step, 200),
    "faults-one-step": (faults.run_one_step, 50),
    "two-resume": (together.run_two, 20),
    "four-resume": (together.run_four, 20),
    "sleepers": (stopped.run_sleepers, 200),
    "clocks": (stopped.run_clocks, 200),
    "postgres-away": (stopped.run_postgres_away, 200),
    "people": (people.run, 300),
    "doc-entries": (docs.run, 40),
    "team": (team.run, 200),
    "postgres": (postgres.run, 1),
}

if __name__ == "__main__":
    sys.exit(main())
