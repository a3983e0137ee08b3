"""How often each job calls Google, counted at the strict server."""

from __future__ import annotations

from pathlib import Path

from bench.chaos.world import Google, google
from bench.measuring import Table, Tool, write_list
from google_rehearsal.wire.admission import GMAIL_UNITS

_CONFIG = """
[sending]
units_per_minute = 1000000
daily_limit = 1000000
timeout_seconds = 30
"""


def run(folder: Path) -> Table:
    """`start` at most 2, plus 1 a share; `log` and `status` 2; `notify` 2 a recipient plus 6.

    `notify` also lists the notice in the doc before its first mail, and looks for the notices of
    other ledgers. `close` looks for those before and after its questions, for what the doc lacks,
    and whether it is in the trash.
    """
    with google(folder / "google") as world:
        tool = Tool(folder / "home", world.server.base_url, _CONFIG)
        counted: list[tuple[str, int, int, int]] = []

        def count(job: str, at_most: int, *arguments: str) -> None:
            counted.append((job, *_calls_and_units(world, tool, arguments), at_most))

        count("start", 2, "start", "Wrong amounts")
        shares = [part for each in "abc" for part in ("--share", f"{each}@team.example")]
        count("start, 3 shares", 5, "start", "Wrong amounts", *shares)
        count("log", 2, "log", "A customer reports it")
        count("status", 2, "status", "identified", "A stale price list")
        count("section", 2, "section", "impact", "Invoices were wrong")
        for recipients in (1, 100):
            listed = write_list(folder / f"{recipients}.csv", recipients)
            name = f"{recipients} recipients" if recipients > 1 else "1 recipient"
            words = ("notify", str(listed), "--set", f"what_happened={name}")
            count(f"notify, {name}, preview", 0, *words)
            send = ("--send", "--confirm", str(recipients), "--again")  # one is on both lists
            count(f"notify, {name}", 2 * recipients + 6, *words, *send)
        count("show", 0, "show")
        count("close --force", 6, "close", "--force", "measured")
    return Table(
        "Round trips to Google for each job",
        ("job", "calls", "at most", "Gmail units"),
        [(job, str(calls), str(most), f"{units:,}") for job, calls, units, most in counted],
        kept=all(calls <= most for _, calls, _, most in counted),
        note="Gmail counts units for each user and minute; Docs and Drive count calls.",
    )


def _calls_and_units(world: Google, tool: Tool, arguments: tuple[str, ...]) -> tuple[int, int]:
    """Count a command's calls to all services, and the Gmail units they cost."""
    world.switchboard("delete", "requests")
    tool(*arguments)
    asked = world.switchboard("get", "requests")
    units = sum(GMAIL_UNITS.get(method, 0) * count for method, count in asked["counts"].items())
    return int(asked["total"]), units
