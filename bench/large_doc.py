"""`log` into a doc of 2,000 entries and 500,000 characters, beside one with ten entries."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import requests

from bench.chaos.world import Google, google
from bench.measuring import Table, Tool
from workflow.document.view import FIELDS

_SMALL, _LARGE, _LETTERS_EACH = 10, 2_000, 240
_MOST_CALLS, _MOST_TIMES = 2, 3.0
_RUNS = 5
_CONFIG = 'time_zone = "UTC"\n[sending]\ntimeout_seconds = 120\n'


@dataclass(frozen=True)
class _Found:
    """The cost of one `log`: calls, its own processor time, bytes read with and without a mask."""

    calls: int
    own_seconds: float
    masked_bytes: int
    whole_bytes: int
    characters: int


def run(folder: Path) -> Table:
    """At most two calls, and own time within three times that of the small doc."""
    with google(folder / "google") as world:
        small = _measure(folder / "small", world, _SMALL)
        large = _measure(folder / "large", world, _LARGE)
    times = large.own_seconds / small.own_seconds
    return Table(
        "log into a large doc",
        ("entries", "characters", "calls", "own time", "bytes read", "without `fields`"),
        [_row(_SMALL, small), _row(_LARGE, large)],
        kept=large.calls <= _MOST_CALLS and times <= _MOST_TIMES,
        note=f"own time in the large doc: {times:.1f} times that in the small one",
    )


def _row(entries: int, found: _Found) -> tuple[str, ...]:
    return (
        f"{entries:,}",
        f"{found.characters:,}",
        str(found.calls),
        f"{found.own_seconds:.2f} s",
        f"{found.masked_bytes:,}",
        f"{found.whole_bytes:,}",
    )


def _measure(home: Path, world: Google, entries: int) -> _Found:
    tool = Tool(home, world.server.base_url, _CONFIG)
    began = datetime.now(UTC) - timedelta(hours=40)
    tool("start", f"Doc of {entries}", "--at", began.isoformat())
    lines = (
        f"{(began + timedelta(minutes=1 + at)).isoformat(timespec='seconds')} {at} "
        + "x" * _LETTERS_EACH
        for at in range(entries)
    )
    subprocess.run(
        [sys.executable, "-m", "workflow", "log", "-"],
        input="\n".join(lines).encode(),
        env=tool.environment,
        stdout=subprocess.DEVNULL,
        check=True,
    )
    spent: list[float] = []
    calls = 0
    for number in range(_RUNS):
        world.switchboard("delete", "requests")
        spent.append(tool("log", f"one more {number}", "--at", "20 hours ago").cpu_seconds)
        calls = max(calls, int(world.switchboard("get", "requests")["total"]))
    whole = _get(world, f"Doc of {entries}", "*")
    characters = whole.count(b"x" * _LETTERS_EACH) * (_LETTERS_EACH + len("12:00 AM UTC  1234 "))
    masked = _get(world, f"Doc of {entries}", FIELDS)
    return _Found(calls, min(spent), len(masked), len(whole), characters)


def _get(world: Google, title: str, fields: str) -> bytes:
    """A doc as the server returns it for a mask."""
    session = requests.Session()
    session.headers["Authorization"] = "Bearer rehearsal:you@rehearsal.example:drive,documents"
    base = world.server.base_url
    listed = session.get(f"{base}/drive/v3/files", timeout=60).json()["files"]
    (doc_id,) = [one["id"] for one in listed if one["name"] == title]
    query = {"includeTabsContent": "true", "fields": fields}
    return session.get(f"{base}/v1/documents/{doc_id}", params=query, timeout=60).content
