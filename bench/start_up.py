"""How long the program itself takes: its help, and an entry from start to end."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from bench.chaos.world import google
from bench.measuring import Cost, Table, Tool, measure, medians

_RUNS = 15
_HELP_AT_MOST = 2.5  # times `import typer`
_LOG_CPU_SECONDS = 0.6


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


def _python(tool: Tool, *arguments: str) -> Cost:
    return measure([sys.executable, *arguments], tool.environment, tool.home / "said.txt")
