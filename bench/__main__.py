"""`python -m bench [NAME…]`: measure, and print a table for each bench.

`python -m bench performance` makes docs/performance.md from one run, and has options of its own.
BENCH_LARGEST is the longest list that `memory` sends to, BENCH_DRY_RUN the one that `dry-run`
checks. `bench.chaos` is run by itself.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from bench import (
    dry_run,
    large_doc,
    memory,
    pace,
    performance,
    postgres_share,
    round_trips,
    start_up,
    throughput,
)
from bench.measuring import Table, machine

_BENCHES: dict[str, Callable[[Path], Table]] = {
    "round-trips": round_trips.run,
    "start-up": start_up.run,
    "throughput": throughput.run,
    "memory": memory.run,
    "pace": pace.run,
    "storm": pace.run_storm,
    "large-doc": large_doc.run,
    "dry-run": dry_run.run,
    "postgres-share": postgres_share.run,
}


def main() -> int:
    """Run the requested benches; 1 if one of them misses its target."""
    if sys.argv[1:2] == ["performance"]:
        return performance.main(sys.argv[2:])
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("name", nargs="*", choices=[*_BENCHES, []], help="all if left out")
    names = parser.parse_args().name or list(_BENCHES)
    print(machine(), flush=True)
    broken = 0
    for name in names:
        with tempfile.TemporaryDirectory(prefix=f"bench-{name}-") as folder:
            table = _BENCHES[name](Path(folder))
        print(f"\n{table}", flush=True)
        broken += not table.kept
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
