"""Whether memory and the cost per recipient stay constant as a list grows.

Sent to the light Google without latency, so that only this program is measured.
"""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from bench.light_google import light_google
from bench.measuring import Cost, Table, Tool, medians, write_list
from bench.throughput import config

_MOST_MIB = 200
_MOST_DEARER = 0.10
_RUNS = 5
_LARGEST = int(os.environ.get("BENCH_LARGEST", "10000"))
# A shorter preview costs less than start-up varies by.
_PREVIEWS = (10_000, 100_000, 1_000_000)
_SENDS = tuple(each for each in (1_000, 10_000, 100_000) if each <= _LARGEST)


def run(folder: Path) -> Table:
    """Under 200 MB, and a recipient costs the same in any list."""
    rows: list[tuple[str, ...]] = []
    dearest, peak_mib = 0.0, 0.0
    for job, sizes in (("preview", _PREVIEWS), ("send", _SENDS)):
        bare = medians([_Job(folder / f"{job}-1", job, 1)], _RUNS)[0]
        first_ms = 0.0
        for size in sizes:
            cost = _Job(folder / f"{job}-{size}", job, size)()
            each_ms = (cost.cpu_seconds - bare.cpu_seconds) / (size - 1) * 1000
            first_ms = first_ms or each_ms
            dearest = max(dearest, each_ms / first_ms - 1)
            peak_mib = max(peak_mib, cost.peak_mib)
            rows.append(
                (
                    job,
                    f"{size:,}",
                    f"{cost.peak_mib:.0f}",
                    f"{cost.cpu_seconds:.1f}",
                    f"{each_ms:.2f}",
                    f"{each_ms / first_ms:.2f}",
                )
            )
    return Table(
        "Memory and processor time against the length of the list",
        ("job", "recipients", "peak MiB", "CPU s", "CPU ms each", "× the shortest"),
        rows,
        kept=peak_mib < _MOST_MIB and dearest <= _MOST_DEARER,
        note=f"asked: under {_MOST_MIB} MiB, a recipient at most {_MOST_DEARER:.0%} dearer; "
        "BENCH_LARGEST=100000 sends to as many (20 minutes)",
    )


@dataclass(frozen=True)
class _Job:
    """A preview, or a sent notice, in a new home each time."""

    folder: Path
    job: str
    recipients: int

    def __call__(self) -> Cost:
        """Do it; returns its cost. Each customer must have got exactly one mail, or none."""
        home = self.folder / secrets.token_hex(4)
        with light_google() as google:
            tool = Tool(home, google.url, config(128))
            tool("start", "Wrong amounts")
            listed = write_list(home / "list.csv", self.recipients)
            send = ("--send", "--confirm", str(self.recipients)) if self.job == "send" else ()
            cost = tool("notify", str(listed), *send)
            counts = google.counts()
            assert counts["mails"] == (self.recipients if send else 0), counts
            assert not counts["duplicates"], counts
            return cost
