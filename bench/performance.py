"""`python -m bench performance`: one run that makes every table and picture of the page.

Each step measures, and its result replaces the block with its name in docs/performance.md; the text
around the blocks is written by hand. A step that fails leaves its block unchanged and says why, and
the run ends with 1.

BENCH_LARGEST (10000 if unset) is the longest list that is sent; previews go to a million rows.
"""

from __future__ import annotations

import argparse
import sqlite3
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from bench import memory, pace, round_trips, simulate, start_up, throughput
from bench.blocks import as_markdown, with_block
from bench.curves import Chart, Line
from bench.measuring import Table, machine
from bench.peers import behaviour, behaviour_table, speed

DOCUMENT = Path(__file__).parent.parent / "docs" / "performance.md"
_PICTURES = "pictures"


@dataclass(frozen=True)
class Found:
    """A step's result: its tables, and pictures by file name."""

    tables: list[Table]
    pictures: Mapping[str, Chart] = field(default_factory=dict)


@dataclass(frozen=True)
class Scale:
    """The size of a run. The small one only checks whether everything still works.

    `fixed` includes the steps that have only one size.
    """

    speed: speed.Size
    behaviour: behaviour.Size
    simulation: simulate.Size
    fixed: bool = True


WHOLE = Scale(speed.Size(), behaviour.Size(), simulate.Size())
QUICK = Scale(
    speed.Size(mails=3, runs=1, fetch=False, only=frozenset({speed.SHIPPED, "plain loop"})),
    behaviour.Size(recipients=6, runs=1, fetch=False, only=frozenset({"plain loop"})),
    simulate.Size(recipients=400, senders=2, daily_limit=50),
    fixed=False,
)

# Failures of a machine that lacks something or is too busy: the other steps continue.
_FAILURES = (OSError, RuntimeError, AssertionError, ImportError, sqlite3.Error)

Step = Callable[[Path, Scale], Found | None]


def main(arguments: list[str]) -> int:
    """Run the requested steps; 1 if one failed or a target was missed."""
    parser = argparse.ArgumentParser(prog="python -m bench performance", description=__doc__)
    parser.add_argument("step", nargs="*", choices=[*STEPS, []], help="all if left out")
    parser.add_argument("--quick", action="store_true", help="little of each, in seconds")
    parser.add_argument("--document", type=Path, default=DOCUMENT, help="the file to write to")
    asked = parser.parse_args(arguments)
    return make(asked.document, asked.step or list(STEPS), QUICK if asked.quick else WHOLE)


def make(document: Path, names: list[str], scale: Scale) -> int:
    """Run these steps and write their results into a document; 1 if one failed."""
    took: list[tuple[str, float]] = []
    wrong = 0
    for name in names:
        began = time.monotonic()
        try:
            kept = _step(document, name, scale)
        except _FAILURES as fault:
            print(f"{name}: NOT MEASURED: {fault}", flush=True)
            kept = False
        took.append((name, time.monotonic() - began))
        print(f"{name}: {took[-1][1]:.0f} s\n", flush=True)
        wrong += not kept
    if names == list(STEPS):  # for parts, made on several days, neither would be true
        _write(document, "machine", _machine(scale))
        _write(document, "time", as_markdown(_times(took)))
    return 1 if wrong else 0


def _step(document: Path, name: str, scale: Scale) -> bool:
    with tempfile.TemporaryDirectory(prefix=f"bench-{name}-") as folder:
        found = STEPS[name](Path(folder), scale)
    if found is None:
        return True
    for table in found.tables:
        print(f"{table}\n", flush=True)
    for file_name, chart in found.pictures.items():
        (document.parent / _PICTURES).mkdir(exist_ok=True)
        (document.parent / _PICTURES / file_name).write_text(str(chart), encoding="utf-8")
    shown = [f"![{chart.title}]({_PICTURES}/{name})" for name, chart in found.pictures.items()]
    _write(document, name, "\n\n".join([*map(as_markdown, found.tables), *shown]))
    return all(table.kept for table in found.tables)


def _write(document: Path, name: str, content: str) -> None:
    text = with_block(document.read_text(encoding="utf-8"), name, content)
    document.write_text(text, encoding="utf-8")


def _machine(scale: Scale) -> str:
    note = "" if scale is WHOLE else " A quick look: too few runs to compare anything by."
    return f"Measured on {datetime.now(UTC):%Y-%m-%d}: {machine()}.{note}"


def _times(took: list[tuple[str, float]]) -> Table:
    total = sum(seconds for _, seconds in took)
    rows: list[tuple[str, ...]] = [
        (name, f"{seconds:.0f} s") for name, seconds in [*took, ("together", total)]
    ]
    return Table("What this run took", ("step", "time"), rows, kept=True)


def _fixed(bench: Callable[[Path], Found]) -> Step:
    return lambda folder, scale: bench(folder) if scale.fixed else None


def _lengths(folder: Path) -> Found:
    """Processor time and memory against the length of the list."""
    table = memory.run(folder)
    return Found(
        [table],
        {
            "performance-time.svg": Chart(
                "Processor time for each recipient",
                *("recipients", "ms of CPU a recipient"),
                _lines(table, "CPU ms each"),
            ),
            "performance-memory.svg": Chart(
                "Most memory", *("recipients", "MiB"), _lines(table, "peak MiB")
            ),
        },
    )


def _postgres(folder: Path) -> Found:
    """The ledger's cost in PostgreSQL compared with a file."""
    from bench import postgres_share  # noqa: PLC0415 - only here is PostgreSQL needed

    return Found([postgres_share.run(folder)])


def _lines(table: Table, column: str) -> list[Line]:
    """A line for each job of the table, recipients against a column."""
    at, along = table.headers.index(column), table.headers.index("recipients")
    jobs = dict.fromkeys(row[0] for row in table.rows)
    return [
        Line(job, [(_number(row[along]), _number(row[at])) for row in table.rows if row[0] == job])
        for job in jobs
    ]


def _number(cell: str) -> float:
    return float(cell.replace(",", ""))


def _speed(folder: Path, scale: Scale) -> Found:
    found = speed.measure_all(folder, scale.speed)
    return Found([speed.table(found, scale.speed)])


def _behaviour(folder: Path, scale: Scale) -> Found:
    tried = behaviour.try_all(folder, scale.behaviour)
    return Found(behaviour_table.tables(tried))


STEPS: dict[str, Step] = {
    "round-trips": _fixed(lambda folder: Found([round_trips.run(folder)])),
    "start-up": _fixed(
        lambda folder: Found([start_up.run(folder / "runs"), start_up.imports(folder / "imports")])
    ),
    "speed": _speed,
    "in-flight": _fixed(lambda folder: Found([throughput.run_in_flight(folder)])),
    "quota": _fixed(lambda folder: Found([pace.run(folder)])),
    "storm": _fixed(lambda folder: Found([pace.run_storm(folder)])),
    "lengths": _fixed(_lengths),
    "behaviour": _behaviour,
    "postgres": _fixed(_postgres),
    "simulation": lambda folder, scale: Found(simulate.tables(folder, scale.simulation)),
}
