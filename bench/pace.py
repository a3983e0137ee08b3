"""Whether the sender spends its account's units: nearly all of them, and never one too many.

The strict server's quota clock runs `_FASTER` times as fast as the wall. The sender runs in this
process with a clock that runs as fast, so five minutes of its pace take less than two; the calls
themselves are real and no faster, so a call that is held up for a moment counts for `_FASTER` of
them. (At six times a busy machine has been seen to hold one up for longer than the sender allows.)
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from unittest import mock

from bench.chaos.world import Google, google
from bench.measuring import Table, Tool, write_list
from workflow.cli.commands import Asked
from workflow.cli.opening import open_workspace
from workflow.flows.delivering import Watcher
from workflow.flows.notify import send
from workflow.flows.planning import NotifyRequest, make_plan
from workflow.flows.workspace import Workspace
from workflow.incident import DeliveryCounts
from workflow.rehearsal.wire.quota import GMAIL_UNITS

_FASTER = 3.0
_MINUTES = 5
_SPEND_AT_LEAST = 0.95
_BUDGETS = (6_000, 15_000)
_UNITS_OF_A_MAIL = 110


@dataclass(frozen=True)
class Spent:
    """What a sender spent over the five minutes, in units, and how often it was turned away."""

    budget: int
    mails: int
    units: int
    refusals: int

    @property
    def share(self) -> float:
        """Of what five minutes of the budget allow."""
        return self.units / (self.budget * _MINUTES)


def run(folder: Path) -> Table:
    """At least 95 % of the budget over five minutes, with no 429."""
    spent = [_spend(folder / str(budget), budget) for budget in _BUDGETS]
    return Table(
        f"Pace over {_MINUTES} minutes, server's and sender's clocks {_FASTER:.0f} times as fast",
        ("units a minute", "mails", "units", "of the budget", "429"),
        [
            (
                f"{each.budget:,}",
                f"{each.mails:,}",
                f"{each.units:,}",
                f"{each.share:.1%}",
                str(each.refusals),
            )
            for each in spent
        ],
        kept=all(each.share >= _SPEND_AT_LEAST and not each.refusals for each in spent),
        note=f"asked: at least {_SPEND_AT_LEAST:.0%}, and no 429",
    )


def _spend(folder: Path, budget: int) -> Spent:
    recipients = (_MINUTES + 2) * budget // _UNITS_OF_A_MAIL
    limits = {"gmail_units_per_minute": budget, "time_scale": _FASTER, "gmail_concurrency": 25}
    with google(folder / "google", **limits) as world:
        config = f"[sending]\nunits_per_minute = {budget}\ndaily_limit = 1000000\n"
        tool = Tool(folder / "home", world.server.base_url, config)
        tool("start", "Wrong amounts")
        world.switchboard("delete", "requests")
        listed = write_list(folder / "list.csv", recipients)
        workspace = _workspace(tool)
        with closing(workspace.ledger):
            plan = make_plan(workspace, NotifyRequest("list.csv", listed.read_bytes()))
            send(workspace, plan, _five_minutes())
        return _tally(world, budget)


def _five_minutes() -> Watcher:
    """A watcher that ends the sending five minutes of the fast clock after it began."""
    stop = threading.Event()
    timer = threading.Timer(_MINUTES * 60 / _FASTER, stop.set)
    timer.daemon = True

    def report(_counts: DeliveryCounts) -> None:
        if timer.ident is None:
            timer.start()

    return Watcher(report, stop, threading.Event())


def _tally(world: Google, budget: int) -> Spent:
    asked = world.switchboard("get", "requests")
    calls: dict[str, int] = asked["counts"]
    return Spent(
        budget=budget,
        mails=calls.get("gmail.users.drafts.send", 0),
        units=sum(GMAIL_UNITS.get(method, 0) * count for method, count in calls.items()),
        refusals=sum(each["status"] == "429" for each in asked["recent"]),
    )


def _workspace(tool: Tool) -> Workspace:
    with mock.patch.dict(os.environ, tool.environment):
        return replace(open_workspace(Asked()), wall=_fast_clock())


def _fast_clock() -> Callable[[], datetime]:
    began = datetime.now(UTC)
    return lambda: began + timedelta(seconds=(datetime.now(UTC) - began).total_seconds() * _FASTER)
