"""How fast each tool mails, with equally slow servers."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bench.light_google import RunningLightGoogle, light_google
from bench.measuring import CommandFailed, Cost, Table, measure, medians, write_list
from bench.peers import tools
from bench.peers.installing import NotInstalled
from bench.peers.places import Maker, Place, others, place
from bench.peers.tools import Leaves, Peer
from bench.throughput import config

_LATENCY_SECONDS = 0.3
SHIPPED = "postmortem, 5 calls at a time (as shipped)"
HEADERS = (
    *("tool", "one mail", "mails a second", "times the plain loop", "CPU a mail", "most memory"),
    "mails measured",
)


@dataclass(frozen=True)
class Size:
    """The amount of measuring: mails of a tool that makes one call at a time, and runs of each.

    `only` names the tools, all if it is empty; `fetch` may install them.
    """

    mails: int = 16
    runs: int = 5
    fetch: bool = True
    only: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Measured:
    """A tool's medians for one mail and for many; `why_not` if it could not be measured."""

    name: str
    mails: int = 0
    one: Cost | None = None
    many: Cost | None = None
    why_not: str = ""

    @property
    def mails_a_second(self) -> float:
        """Mails a second, from the time that each further mail adds: without start-up."""
        return (self.mails - 1) / self._further(lambda cost: cost.wall_seconds)

    @property
    def cpu_ms_a_mail(self) -> float:
        """Processor time that each further mail adds, in milliseconds."""
        return self._further(lambda cost: cost.cpu_seconds) / (self.mails - 1) * 1000

    def _further(self, part: Callable[[Cost], float]) -> float:
        assert self.one is not None
        assert self.many is not None
        return max(part(self.many) - part(self.one), 1e-9)

    def cells(self, loop: float) -> tuple[str, ...]:
        """The table's row; `loop` is the plain loop's mails a second."""
        if self.one is None or self.many is None:
            return (self.name, *["–"] * (len(HEADERS) - 2), f"not measured: {self.why_not}")
        return (
            self.name,
            f"{self.one.wall_seconds:.2f} s",
            f"{self.mails_a_second:.1f}",
            f"{self.mails_a_second / loop:.1f}",
            f"{self.cpu_ms_a_mail:.1f} ms",
            f"{self.many.peak_mib:.0f} MiB",
            f"{self.mails:,}",
        )


def measure_all(folder: Path, size: Size) -> list[Measured]:
    """Every tool, in turns, so that other load on the machine affects all alike."""
    with (
        light_google(_LATENCY_SECONDS) as google,
        place(folder / "place", google.url, _LATENCY_SECONDS) as at,
    ):
        ready: list[tuple[str, _Job]] = []
        missing: list[Measured] = []
        for name, (maker, mails) in _makers(size).items():
            job = _Job(folder / re.sub(r"\W+", "-", name), at, google, maker, mails)
            try:
                job.one()
            except NotInstalled as why:
                missing.append(Measured(name, why_not=str(why)))
            except CommandFailed as fault:
                if name.startswith("postmortem"):
                    raise
                print(fault, flush=True)
                missing.append(Measured(name, why_not="it ended with an error"))
            else:
                ready.append((name, job))
        costs = medians([run for _, job in ready for run in (job.one, job.many)], size.runs)
    ones, manys = costs[::2], costs[1::2]
    found = [
        Measured(name, job.mails, one, many)
        for (name, job), one, many in zip(ready, ones, manys, strict=True)
    ]
    return found + missing


@dataclass(frozen=True)
class _Job:
    """A tool that mails a new list from a new folder each time."""

    folder: Path
    at: Place
    google: RunningLightGoogle
    maker: Maker
    mails: int

    def make(self) -> Peer:
        """The tool in a new folder. Raises `NotInstalled`."""
        self.folder.mkdir(parents=True, exist_ok=True)
        return self.maker(self.folder / secrets.token_hex(4), self.at)

    def one(self) -> Cost:
        """The cost of a single mail."""
        return self._mail(1)

    def many(self) -> Cost:
        """The cost of many mails."""
        return self._mail(self.mails)

    def _mail(self, count: int) -> Cost:
        peer = self.make()
        listed = write_list(self.folder / f"{count}.csv", count)
        before = self._arrived(peer)
        said = self.folder / "said.txt"
        cost = measure(peer.first(listed, count), peer.environment, said)
        arrived = self._arrived(peer) - before
        if cost.code or arrived != count:
            words = said.read_text(encoding="utf-8", errors="replace")[-300:]
            raise CommandFailed(
                f"{peer.name}: {arrived} of {count} mails, code {cost.code}: {words}"
            )
        return cost

    def _arrived(self, peer: Peer) -> int:
        if peer.leaves is Leaves.SMTP:
            return self.at.sink.copies.total()
        calls = self.google.counts()["calls"]
        return int(calls.get(f"POST {peer.leaves.path}", 0))


def table(found: list[Measured], size: Size) -> Table:
    """The tools compared."""
    loop = next(each.mails_a_second for each in found if each.name == "plain loop")
    return Table(
        f"Mails a second, {_LATENCY_SECONDS * 1000:.0f} ms a call, no quota, "
        f"medians of {size.runs} runs",
        HEADERS,
        [each.cells(loop) for each in found],
        kept=True,
    )


# If many calls run at a time, the first wave is not counted: enough waves make its weight small.
_WAVES = 80


def _makers(size: Size) -> dict[str, tuple[Maker, int]]:
    """Each tool with its number of mails: more if many calls run at a time."""
    ours: dict[str, tuple[Maker, int]] = {
        SHIPPED: (_ours(config(5)), 2 * size.mails),
        "postmortem, 64 calls at a time": (_ours(config(64)), _WAVES * size.mails),
        "postmortem --one-step, 64 calls at a time": (
            _ours(config(64), "--one-step"),
            _WAVES * size.mails,
        ),
    }
    theirs = others(fetch=size.fetch)
    del theirs["plain loop, num_retries=3"]  # without a fault it is the plain loop
    every = ours | {name: (make, size.mails) for name, make in theirs.items()}
    return {name: each for name, each in every.items() if name in size.only or not size.only}


def _ours(settings: str, *options: str) -> Maker:
    return lambda home, at: tools.postmortem(home, at.google_url, settings, *options)
