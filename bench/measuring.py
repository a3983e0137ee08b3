"""Commands in new processes and their cost; results as tables that name the machine."""

from __future__ import annotations

import contextlib
import os
import platform
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_LOOK_SECONDS = 0.05
_MIB = 2**20


@dataclass(frozen=True)
class Cost:
    """A process's cost: wall and processor seconds, and peak memory."""

    code: int
    wall_seconds: float
    cpu_seconds: float
    peak_mib: float


@dataclass(frozen=True)
class Table:
    """A bench's result. `kept`: all its targets were met."""

    title: str
    headers: tuple[str, ...]
    rows: list[tuple[str, ...]]
    kept: bool
    note: str = ""

    def __str__(self) -> str:
        lines = [self.headers, *self.rows]
        widths = [max(len(line[at]) for line in lines) for at in range(len(self.headers))]
        shown = [
            "  ".join(
                cell.ljust(width) if at == 0 else cell.rjust(width)
                for at, (cell, width) in enumerate(zip(line, widths, strict=True))
            )
            for line in lines
        ]
        rule = "  ".join("-" * width for width in widths)
        verdict = "kept" if self.kept else "NOT KEPT"
        words = [self.title, shown[0], rule, *shown[1:], *filter(None, [self.note]), verdict]
        return "\n".join(words)


class CommandFailed(RuntimeError):
    """A measured command did not end with 0: its cost means nothing."""


@dataclass
class Tool:
    """`postmortem` with a home folder and a Google, each command in a new process."""

    home: Path
    google_url: str
    config: str = ""

    def __post_init__(self) -> None:
        self.home.mkdir(mode=0o700, parents=True, exist_ok=True)
        (self.home / "config.toml").write_text(self.config, encoding="utf-8")

    def __call__(self, *arguments: str) -> Cost:
        """Run a command to its end. Raises `CommandFailed`."""
        said = self.home / "said.txt"
        cost = measure([sys.executable, "-m", "workflow", *arguments], self.environment, said)
        if cost.code:
            words = said.read_text(encoding="utf-8")[-500:]
            raise CommandFailed(f"{' '.join(arguments)} ended with {cost.code}: {words}")
        return cost

    @property
    def environment(self) -> dict[str, str]:
        """The commands' environment."""
        return {
            **{name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ},
            "POSTMORTEM_HOME": str(self.home),
            "POSTMORTEM_GOOGLE_URL": self.google_url,
            "TZ": "Europe/Berlin",
        }


def measure(command: Sequence[str], environment: Mapping[str, str], said: Path) -> Cost:
    """Run a command with both its outputs in the file `said`; its cost."""
    began = time.perf_counter()
    with said.open("wb") as output:
        process = subprocess.Popen(
            command, env=dict(environment), stdin=subprocess.DEVNULL, stdout=output, stderr=output
        )
        peak_mib = 0.0
        while True:
            pid, status, used = os.wait4(process.pid, os.WNOHANG)
            if pid:
                break
            peak_mib = _peak_mib(process.pid) or peak_mib
            time.sleep(_LOOK_SECONDS if time.perf_counter() - began > 1 else 0.002)
    process.returncode = os.waitstatus_to_exitcode(status)
    return Cost(
        process.returncode,
        time.perf_counter() - began,
        used.ru_utime + used.ru_stime,
        # Linux reports the new program's own peak; elsewhere it is the larger of it and its
        # parent's.
        peak_mib or used.ru_maxrss * (1 if sys.platform == "darwin" else 1024) / _MIB,
    )


def _peak_mib(pid: int) -> float:
    with contextlib.suppress(OSError):
        found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
        if found:
            return int(found[1]) * 1024 / _MIB
    return 0.0


def medians(jobs: Sequence[Callable[[], Cost]], times: int) -> list[Cost]:
    """The median of each job's costs over this many runs, after one that warms the caches.

    The jobs take turns: other load on the machine affects all of them alike.
    """
    rounds = [[job() for job in jobs] for _ in range(times + 1)][1:]
    return [_median(costs) for costs in zip(*rounds, strict=True)]


def _median(costs: Sequence[Cost]) -> Cost:
    return Cost(
        max(cost.code for cost in costs),
        statistics.median(cost.wall_seconds for cost in costs),
        statistics.median(cost.cpu_seconds for cost in costs),
        statistics.median(cost.peak_mib for cost in costs),
    )


def write_list(path: Path, count: int) -> Path:
    """A list of this many customers, written row by row."""
    with path.open("w", encoding="utf-8") as file:
        file.write("email,name\n")
        for number in range(1, count + 1):
            file.write(f"person{number}@customer.example,Person {number}\n")
    return path


def machine() -> str:
    """The machine and its Python, in one line; with its load, if known."""
    load = ""
    with contextlib.suppress(OSError):
        load = f", load {os.getloadavg()[0]:.1f}"
    return (
        f"{_processor()}, {os.cpu_count()} cores, {platform.system()} {platform.release()}, "
        f"Python {platform.python_version()}{load}"
    )


def _processor() -> str:
    with contextlib.suppress(OSError):
        found = re.search(r"model name\s*: (.+)", Path("/proc/cpuinfo").read_text())
        if found:
            return found[1]
    return platform.processor() or platform.machine()
