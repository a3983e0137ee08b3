"""The result for a list when a tool is killed, refused, or gets no answer.

Each tool has its own world: the strict rehearsal Google, or for SMTP a sink that fails the same
way. Then its user continues as the tool offers, and the mails in the mailbox are counted. The
worlds run in parallel, because most of the time is spent waiting.
"""

from __future__ import annotations

import os
import random
import re
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path

from bench.chaos.kills import CONFIG
from bench.chaos.world import Google, google, ledger_states, write_list
from bench.peers import tools
from bench.peers.installing import NotInstalled
from bench.peers.places import Maker, Place, others, place
from bench.peers.tools import Leaves, Peer

_LATENCY_SECONDS = 0.05
_SECONDS_A_COMMAND = 180
_REFUSALS, _REFUSED_SECONDS = 4, 3
_COMMANDS = 4
# It starts a process for each row, which takes a second: one run of it shows enough.
_HEAVY = "GAM7"
# Done; or done as far as possible, with something to decide.
_FINISHED = frozenset({0, 6})
_WORDS = 150


class Trouble(StrEnum):
    """The fault in the middle of a list."""

    KILLED = "kill -9"
    REFUSED = "429"
    LOST = "a lost answer"


@dataclass
class Outcome:
    """The sums of a tool's runs with one fault, and its last message.

    `undecided` are recipients that the tool itself names as perhaps sent; `lost` those who got
    nothing and whom it does not name. `commands` is the total number of its commands.
    """

    customers: int = 0
    duplicates: int = 0
    lost: int = 0
    undecided: int = 0
    commands: int = 0
    said: str = ""


@dataclass(frozen=True)
class Tried:
    """A tool and its result for each fault; `why_not` if it could not be tried."""

    name: str
    outcomes: dict[Trouble, Outcome] = field(default_factory=dict)
    why_not: str = ""


@dataclass(frozen=True)
class Size:
    """The amount of testing: customers on each list, runs of each fault.

    `only` names the tools, all if it is empty; `fetch` may install them.
    """

    recipients: int = 20
    runs: int = 5
    fetch: bool = True
    only: frozenset[str] = frozenset()


def try_all(folder: Path, size: Size) -> list[Tried]:
    """Every tool with every fault."""
    every: dict[str, Maker] = {
        "postmortem": lambda home, at: tools.postmortem(home, at.google_url, CONFIG),
        "postmortem --one-step": lambda home, at: tools.postmortem(
            home, at.google_url, CONFIG, "--one-step"
        ),
        **others(fetch=size.fetch),
    }
    makers = {name: make for name, make in every.items() if name in size.only or not size.only}

    def try_one(name: str) -> Tried:
        runs = 1 if name == _HEAVY else size.runs
        home = folder / re.sub(r"\W+", "-", name)
        return _try_one(name, makers[name], home, replace(size, runs=runs))

    with ThreadPoolExecutor(len(makers)) as together:
        return list(together.map(try_one, makers))


def _try_one(name: str, make: Maker, folder: Path, size: Size) -> Tried:
    with (
        google(folder / "google") as mailbox,
        place(folder, mailbox.server.base_url, _LATENCY_SECONDS) as at,
    ):
        try:
            return Tried(
                name,
                {each: _Series(folder, mailbox, at, each).run(make, size) for each in Trouble},
            )
        except NotInstalled as why:
            return Tried(name, why_not=str(why))


@dataclass
class _Series:
    """The runs of one tool with one fault."""

    folder: Path
    mailbox: Google
    at: Place
    trouble: Trouble
    outcome: Outcome = field(default_factory=Outcome)
    dice: random.Random = field(default_factory=lambda: random.Random(7))

    def run(self, make: Maker, size: Size) -> Outcome:
        """This many runs, each with its own customers and folder."""
        for number in range(size.runs):
            word = f"{self.trouble.name.lower()}{number}"
            home = self.folder / word
            self._mend(Leaves.MAIL, broken=False)
            peer = make(home, self.at)
            domain = f"{word}.example"
            listed = write_list(home.parent / f"{word}.csv", size.recipients, domain)
            self._one(peer, listed, domain, size.recipients)
        return self.outcome

    def _one(self, peer: Peer, listed: Path, domain: str, recipients: int) -> None:
        half = self.dice.randint(recipients // 4, recipients * 3 // 4)
        self._break(peer.leaves, half)
        commands = 0
        code, said = self._command(peer, peer.first(listed, recipients), domain, half)
        self.outcome.said = _last_words(said) if self.trouble is not Trouble.KILLED else ""
        self._mend(peer.leaves, broken=True)
        commands += 1
        while code not in _FINISHED and commands < _COMMANDS:
            code, said = self._command(peer, peer.again(listed, recipients, said), domain)
            commands += 1
        for _ in range(_COMMANDS if peer.finish else 0):
            code, _said = self._command(peer, peer.finish, domain)
            commands += 1
            if code in _FINISHED:
                break
        self._count(peer, domain, recipients)
        self.outcome.commands += commands

    def _count(self, peer: Peer, domain: str, recipients: int) -> None:
        copies = self._copies(peer.leaves, domain)
        undecided = ledger_states(peer.home)["unknown"] if peer.home else 0
        missing = recipients - len(copies)
        self.outcome.customers += recipients
        self.outcome.duplicates += copies.total() - len(copies)
        self.outcome.undecided += undecided
        self.outcome.lost += max(0, missing - undecided)

    def _command(
        self, peer: Peer, words: Sequence[str], domain: str, kill_at: int | None = None
    ) -> tuple[int, str]:
        """Run a command; killed after this many mails, if that is the fault."""
        path = self.folder / f"{domain}.said"
        with path.open("wb") as output:
            process = subprocess.Popen(
                words,
                env=dict(peer.environment),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
            if kill_at is not None and self.trouble is Trouble.KILLED:
                self._kill_at(process, peer.leaves, domain, kill_at)
            try:
                code = process.wait(_SECONDS_A_COMMAND)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                code = process.wait()
        return code, path.read_text(encoding="utf-8", errors="replace")

    def _kill_at(
        self, process: subprocess.Popen[bytes], leaves: Leaves, domain: str, mails: int
    ) -> None:
        deadline = time.monotonic() + _SECONDS_A_COMMAND
        while process.poll() is None and time.monotonic() < deadline:
            if self._copies(leaves, domain).total() >= mails:
                time.sleep(self.dice.uniform(0, 2 * _LATENCY_SECONDS))
                os.killpg(process.pid, signal.SIGKILL)
                return
            time.sleep(0.01)

    def _copies(self, leaves: Leaves, domain: str) -> Counter[str]:
        if leaves is Leaves.SMTP:
            copies = self.at.sink.copies.items()
            return Counter({each: n for each, n in list(copies) if each.endswith(domain)})
        return self.mailbox.copies(domain, "DRAFT" if leaves is Leaves.DRAFT else "SENT")

    def _break(self, leaves: Leaves, skip: int) -> None:
        if leaves is Leaves.SMTP and self.trouble is not Trouble.KILLED:
            refused = self.trouble is Trouble.REFUSED
            self.at.sink.break_after(
                skip, refuse=_REFUSALS if refused else 0, drop_after=0 if refused else 1
            )
        if leaves is Leaves.SMTP or self.trouble is Trouble.KILLED:
            return
        kind, times = ("429", _REFUSALS) if self.trouble is Trouble.REFUSED else ("close_after", 1)
        fault = {"kind": kind, "times": times, "skip": skip, "seconds": _REFUSED_SECONDS}
        fault["match"] = {"method": leaves.value}
        self.mailbox.switchboard("delete", "faults")
        self.mailbox.switchboard("post", "faults", {"faults": [fault, _SLOW]})

    def _mend(self, leaves: Leaves, *, broken: bool) -> None:
        if leaves is Leaves.SMTP:
            self.at.sink.break_after(0)
        self.mailbox.switchboard("delete", "faults")
        if not broken or leaves is not Leaves.SMTP:
            self.mailbox.switchboard("post", "faults", {"faults": [_SLOW]})


# Each call takes as long as a mail in the sink, so that a fault can happen in the middle.
_SLOW = {"match": {"method": "gmail.*"}, "kind": "slow", "seconds": _LATENCY_SECONDS}


def _last_words(said: str) -> str:
    """A tool's last message, with the line before if both are short; without log lines.

    A traceback's frames are indented; its final message is not.
    """
    lines = [line.strip() for line in said.splitlines() if line[:1].strip()]
    telling = [line for line in lines if not _NOISE.match(line)] or [""]
    words = " / ".join(telling[-2:])
    return _shortened(words) if len(words) <= _WORDS else _shortened(telling[-1])


def _shortened(words: str) -> str:
    words = _PLACES.sub("…", words)
    return words if len(words) <= _WORDS else words[: _WORDS - 1] + "…"


_NOISE = re.compile(r"WARNING: Config|Traceback|\d{4}-\d\d-\d\dT")
# A run's own addresses and folders say nothing to a reader.
_PLACES = re.compile(r"https?://\S+|127\.0\.0\.1:\d+|/\S+/")
