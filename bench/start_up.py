"""How long the program itself takes: its help, an entry from start to end, and what it imports."""

from __future__ import annotations

import re
import statistics
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

from bench.chaos.world import google
from bench.measuring import Cost, Table, Tool, measure, medians

_RUNS = 15
_HELP_AT_MOST = 2.5  # times `import typer`
_LOG_CPU_SECONDS = 0.6
# Who loads a library: ours, or a library that we need. The rest is Python's own.
_LOADED_BY = {
    "workflow": "this program",
    "sqlalchemy": "the ledger",
    "typer": "the command line",
    "googleapiclient": "Google's client",
    "google": "Google's client",
    "google_auth_httplib2": "Google's client",
    "httplib2": "Google's client",
    "pyparsing": "Google's client, by httplib2",
    "uritemplate": "Google's client",
    "cryptography": "Google's client, by google-auth",
    "requests": "the transport",
    "urllib3": "the transport",
    "charset_normalizer": "the transport, by requests",
    "idna": "the transport, by requests",
    "certifi": "the transport, by requests",
}
_IMPORT_RUNS = 5
_IMPORTED = re.compile(r"import time: +(\d+) \|[^|]*\| *([\w.]+)")


def run(folder: Path) -> Table:
    """`--help` within 2.5 times `import typer`; `log` within 0.6 s of processor time."""
    with google(folder / "google") as world:
        tool = Tool(folder / "home", world.server.base_url)
        tool("start", "Wrong amounts")
        jobs: dict[str, Callable[[], Cost]] = {
            "python -c pass": lambda: _python(tool, "-c", "pass"),
            "python -c 'import typer'": lambda: _python(tool, "-c", "import typer"),
            "postmortem --help": lambda: tool("--help"),
            "postmortem log --help": lambda: tool("log", "--help"),
            "postmortem show": lambda: tool("show"),
            "postmortem log": lambda: tool("log", "Seen again"),
        }
        costs = medians(list(jobs.values()), _RUNS)
    rows = list(zip(jobs, costs, strict=True))
    bare = rows[1][1].cpu_seconds
    help_ratio = rows[2][1].cpu_seconds / bare
    return Table(
        f"Start-up, medians of {_RUNS} fresh processes, warm caches",
        ("command", "CPU s", "wall s", "× import typer", "MiB"),
        [
            (
                name,
                f"{cost.cpu_seconds:.3f}",
                f"{cost.wall_seconds:.3f}",
                f"{cost.cpu_seconds / bare:.1f}",
                f"{cost.peak_mib:.0f}",
            )
            for name, cost in rows
        ],
        kept=help_ratio <= _HELP_AT_MOST and rows[-1][1].cpu_seconds < _LOG_CPU_SECONDS,
        note=f"asked: --help at most {_HELP_AT_MOST} × import typer, "
        f"log under {_LOG_CPU_SECONDS} s of CPU",
    )


def imports(folder: Path) -> Table:
    """What an entry imports, by the library, beside the whole command."""
    with google(folder / "google") as world:
        tool = Tool(folder / "home", world.server.base_url)
        tool("start", "Wrong amounts")
        whole = medians([lambda: tool("log", "Seen again")], _RUNS)[0].cpu_seconds
        runs = [Counter(dict(_import_seconds(tool, at))) for at in range(_IMPORT_RUNS)]
    names = {name for run in runs for name in run}
    parts = Counter({name: statistics.median(run[name] for run in runs) for name in names})
    rest = max(0.0, whole - parts.total())
    shown = [(name, f"{seconds:.3f}") for name, seconds in parts.most_common()]
    return Table(
        "What postmortem log imports",
        ("for", "s"),
        [*shown, ("the entry itself, with two calls of Google", f"{rest:.3f}")],
        kept=True,
        note=f"medians of {_IMPORT_RUNS} runs with python -X importtime; together {whole:.3f} s",
    )


def _import_seconds(tool: Tool, at: int) -> Iterator[tuple[str, float]]:
    """The seconds for each of `_LOADED_BY`'s values, and for Python's own modules."""
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "workflow", "log", f"Seen {at} times"],
        env=tool.environment,
        capture_output=True,
        text=True,
        check=True,
    )
    found = Counter[str]()
    for microseconds, name in _IMPORTED.findall(done.stderr):
        found[_LOADED_BY.get(name.partition(".")[0], "Python's own modules")] += int(microseconds)
    yield from ((name, microseconds / 1e6) for name, microseconds in found.items())


def _python(tool: Tool, *arguments: str) -> Cost:
    return measure([sys.executable, *arguments], tool.environment, tool.home / "said.txt")
