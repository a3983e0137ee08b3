"""Search the model: completely up to a depth, or in long random runs."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Hashable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from bench.chaos.model.happenings import next_states, of_its_kind
from bench.chaos.model.promises import broken_promises, leads_on
from bench.chaos.model.rules import LEASE_TICKS, Product, Rules
from bench.chaos.model.state import Budget, State, beginning

S = TypeVar("S", bound=Hashable)

# Check whether a state can finish for one in this many: that takes a separate run.
_LEADS_ON_EVERY = 97


@dataclass
class Found:
    """The result of a search. `wrong` are broken promises, each with the events before it."""

    states: int = 0
    depth: int = 0
    steps: int = 0
    led_on: int = 0
    runs: int = 0
    seconds: float = 0.0
    is_whole: bool = True
    wrong: list[str] = field(default_factory=list)

    @property
    def kept(self) -> bool:
        """Whether every promise was kept."""
        return not self.wrong

    def __str__(self) -> str:
        runs = f"runs {self.runs:,}, " if self.runs else ""
        words = (
            f"{runs}states {self.states:,}, steps {self.steps:,}, depth {self.depth}"
            f"{' (all that there are)' if self.is_whole and not self.runs else ''}, "
            f"ends tried {self.led_on:,}"
        )
        return f"{words}; WRONG: {self.wrong[:2]}" if self.wrong else words


@dataclass(frozen=True)
class Game(Generic[S]):
    """The rules of a search: the next states of each, and the conditions on all.

    `of_its_kind` picks one of several equivalent states.
    """

    next_states: Callable[[S], Iterable[tuple[str, S]]]
    broken_promises: Callable[[S], list[str]]
    leads_on: Callable[[S], str]
    of_its_kind: Callable[[S], S] = lambda state: state


def search_all(
    customers: int,
    senders: int,
    budget: Budget,
    *,
    rules: Rules | None = None,
    depth: int = 1000,
    most_states: int = 10**9,
    stop_at: int = 1,
) -> Found:
    """Every state of the senders within `depth` steps, each once."""
    product = Product(rules or Rules())
    game = Game[State](
        lambda state: next_states(state, product),
        broken_promises,
        lambda state: leads_on(state, product),
        of_its_kind,
    )
    first = beginning(customers, senders, budget, lease=LEASE_TICKS)
    return search(game, first, depth=depth, most_states=most_states, stop_at=stop_at)


def search(
    game: Game[S],
    first: S,
    *,
    depth: int = 1000,
    most_states: int = 10**9,
    stop_at: int = 1,
    leads_on_every: int = _LEADS_ON_EVERY,
) -> Found:
    """Every state within `depth` steps of the first one, each once."""
    found, began = Found(), time.monotonic()
    # For every state, by its hash, how it was first reached: to show the events before a wrong one.
    # Two of ten million states share a hash with a chance of one in a million.
    came_from: dict[int, tuple[int, str] | None] = {hash(first): None}
    border = [first]
    while border and found.depth < depth and len(found.wrong) < stop_at:
        found.depth += 1
        following: list[S] = []
        for state in border:
            here = hash(state)
            for name, following_state in game.next_states(state):
                found.steps += 1
                after = game.of_its_kind(following_state)
                there = hash(after)
                if there in came_from:
                    continue
                came_from[there] = (here, name)
                following.append(after)
                wrong = game.broken_promises(after)
                if there % leads_on_every == 0:
                    found.led_on += 1
                    wrong += [why for why in [game.leads_on(after)] if why]
                if wrong:
                    story = "; ".join(reversed(list(_names(there, came_from))))
                    found.wrong += [f"{each}: {story}" for each in wrong]
        border = following
        if len(came_from) > most_states:
            break
    found.states, found.is_whole = len(came_from), not border
    found.seconds = time.monotonic() - began
    return found


def run_at_random(
    runs: int,
    *,
    customers: int = 2,
    senders: int = 2,
    budget: Callable[[random.Random], Budget],
    rules: Rules | None = None,
    seed: int = 1,
    length: int = 150,
) -> Found:
    """Long runs of random events."""
    product, found, began = Product(rules or Rules()), Found(is_whole=False), time.monotonic()
    dice = random.Random(seed)
    seen: set[State] = set()
    for _ in range(runs):
        state = beginning(customers, senders, budget(dice), lease=LEASE_TICKS)
        story: list[str] = []
        for _ in range(length):
            following = list(next_states(state, product))
            if not following:
                break
            name, state = dice.choice(following)
            story.append(name)
            found.steps += 1
            if state in seen:
                continue
            seen.add(state)
            for wrong in broken_promises(state):
                found.wrong.append(f"{wrong}: {'; '.join(story)}")
        found.runs += 1
        found.depth = max(found.depth, len(story))
        if product.rules.is_strict:  # wrong rules may never finish
            found.led_on += 1
            found.wrong += [
                f"{why}: {'; '.join(story)}" for why in [leads_on(state, product)] if why
            ]
        if found.wrong:
            break
    found.states, found.seconds = len(seen), time.monotonic() - began
    return found


def _names(at: int, came_from: dict[int, tuple[int, str] | None]) -> Iterator[str]:
    while (before := came_from[at]) is not None:
        at, name = before
        yield name
