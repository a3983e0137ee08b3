"""Whether the sender uses its account's units: nearly all of them, and never one too many.

The strict server's quota clock runs `_FASTER` times as fast as the wall. The sender runs in this
process with an equally fast clock, so five minutes of its pace take less than two. The calls
themselves are real and no faster, so a call that is delayed for a moment counts for `_FASTER` of
them. (At six times, a busy machine has delayed one for longer than the sender allows.)
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest import mock

from bench.chaos.world import Google, google
from bench.measuring import Table, Tool, write_list
from google_rehearsal.wire.admission import GMAIL_UNITS
from workflow.cli.app import Asked
from workflow.cli.session import open_workspace
from workflow.model import DeliveryCounts
from workflow.notice.plan import NotifyRequest, make_plan
from workflow.notice.send import send
from workflow.sending.deliver import Watcher
from workflow.workspace import Workspace

_FASTER = 3.0
_MINUTES = 5
_SPEND_AT_LEAST = 0.95
_BUDGETS = (6_000, 15_000)
_UNITS_OF_A_MAIL = 110


@dataclass(frozen=True)
class Spent:
    """A sender's spending over five minutes, in units, and its number of refusals."""

    budget: int
    mails: int
    units: int
    refusals: int

    @property
    def share(self) -> float:
        """As a share of what five minutes of the budget allow."""
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


_STORM_SHARE = 0.15
_STORM_MAILS = 30
_STORMS = 5
_TIMES_THE_IDEAL = 2.0


def run_storm(folder: Path) -> Table:
    """A storm of refusals: at most twice the time that the same calls need without it.

    A refused call is repeated, and if Gmail names an instant, that is waited for: the ideal is the
    calm time for that many more calls, plus each named wait once.
    """
    calm = min(_storm(folder / f"calm{number}", None, number)[0] for number in range(3))
    rows, kept = [], True
    for kind, named_seconds in (("403_rate", 0.0), ("429", 1.0)):
        fault = {"kind": kind, "probability": _STORM_SHARE}
        if named_seconds:
            fault["seconds"] = named_seconds
        runs = [_storm(folder / f"{kind}{number}", fault, number) for number in range(_STORMS)]
        shares = sorted(
            took / (calm / (1 - _STORM_SHARE) + refusals * named_seconds) for took, refusals in runs
        )
        times = sorted(took for took, _ in runs)
        median = shares[len(shares) // 2]
        kept = kept and median <= _TIMES_THE_IDEAL
        said = f"names an instant {named_seconds:.0f} s ahead" if named_seconds else "names none"
        rows.append(
            (
                said,
                f"{calm:.1f}",
                *(f"{each:.1f}" for each in (times[0], times[len(times) // 2], times[-1])),
                f"{median:.1f}",
            )
        )
    return Table(
        f"{_STORM_MAILS} mails while Gmail turns away {_STORM_SHARE:.0%} of the calls",
        ("the refusal", "without any, s", "fastest, s", "median, s", "slowest, s", "of the ideal"),
        rows,
        kept=kept,
        note=f"asked: the median at most {_TIMES_THE_IDEAL:.0f} times the ideal",
    )


def _storm(folder: Path, fault: dict[str, Any] | None, seed: int) -> tuple[float, int]:
    """The seconds that a notice takes, in a new process, and its refused calls."""
    with google(folder / "google", gmail_concurrency=25, latency_seconds=0.2) as world:
        tool = Tool(folder / "home", world.server.base_url)
        tool("start", "Wrong amounts")
        if fault:
            faults = [
                {"match": {"method": f"gmail.users.drafts.{name}"}} | fault
                for name in ("create", "send")
            ]
            world.switchboard("post", "faults", {"faults": faults, "seed": seed})
        listed = write_list(folder / "list.csv", _STORM_MAILS)
        words = ("notify", str(listed), "--send", "--confirm", str(_STORM_MAILS))
        took = tool(*words).wall_seconds
        return took, sum(each["hit"] for each in world.switchboard("get", "faults")["faults"])


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
    """A watcher that ends the sending after five minutes of the fast clock."""
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
