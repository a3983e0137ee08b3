"""The model as a series of `bench.chaos`: every state after a few faults, and long runs."""

from __future__ import annotations

import random
from dataclasses import dataclass
from pathlib import Path

from bench.chaos.model import ledgers
from bench.chaos.model.search import Found, run_at_random, search_all
from bench.chaos.model.state import Budget

# Customers, senders, and how many faults of any kind: every interleaving of each.
_WHOLE = ((1, 2, 2), (2, 2, 1))
_SMALL = ((1, 2, 1), (2, 2, 0))
# Customers, ledgers, and what may happen to them.
_WHOLE_LEDGERS = (
    (1, 2, ledgers.Budget()),
    (2, 2, ledgers.Budget(blind=0, words=0)),
    (1, 3, ledgers.Budget(crashes=0, blind=0, words=0)),
)
_SMALL_LEDGERS = ((1, 2, ledgers.Budget(crashes=0, blind=0)),)
_RUNS = 20_000


@dataclass(frozen=True)
class Modelled:
    """The results of the model: the full searches, and the random runs."""

    searches: tuple[tuple[str, Found], ...]
    at_random: Found

    @property
    def kept(self) -> bool:
        """Whether every promise was kept."""
        return self.at_random.kept and all(found.kept for _, found in self.searches)

    def __str__(self) -> str:
        lines = [f"{name}: {found}" for name, found in self.searches]
        return "\n    ".join(["", *lines, f"at random: {self.at_random}"])


def run(_folder: Path, runs: int) -> Modelled:
    """Search the model, in full if all runs are requested, and run it randomly this often."""
    is_whole = runs >= _RUNS
    searches = tuple(
        (
            f"{customers} customers, {senders} senders, up to {mishaps} mishaps",
            search_all(customers, senders, Budget(all=mishaps)),
        )
        for customers, senders, mishaps in (_WHOLE if is_whole else _SMALL)
    )
    searches += tuple(
        (
            f"{customers} customers, {number} ledgers, up to {_words(budget)}",
            ledgers.search_ledgers(customers, number, budget),
        )
        for customers, number, budget in (_WHOLE_LEDGERS if is_whole else _SMALL_LEDGERS)
    )
    return Modelled(searches, run_at_random(runs, budget=some_budget))


def some_budget(dice: random.Random) -> Budget:
    """The events of a run: up to two of each kind."""
    return Budget(*(dice.randint(0, 2) for _ in Budget._fields))._replace(all=99)


def _words(budget: ledgers.Budget) -> str:
    """`2 notices, 1 crashes`: the events, and how often."""
    return ", ".join(f"{count} {name}" for name, count in budget._asdict().items() if count)
