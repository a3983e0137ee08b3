"""The sender's model keeps every promise, and notices a product that doesn't."""

from __future__ import annotations

import pytest

from bench.chaos.model.ledgers import Budget as LedgerBudget
from bench.chaos.model.ledgers import search_ledgers
from bench.chaos.model.mutants import LEDGER_MUTANTS, MUTANTS, LedgerMutant, Mutant
from bench.chaos.model.running import some_budget
from bench.chaos.model.search import run_at_random, search_all
from bench.chaos.model.state import Budget


@pytest.mark.parametrize(
    ("customers", "senders", "mishaps", "at_least"), [(1, 2, 1, 8_000), (2, 2, 0, 10_000)]
)
def test_every_interleaving_of_so_many_mishaps_keeps_every_promise(
    customers: int, senders: int, mishaps: int, at_least: int
) -> None:
    found = search_all(customers, senders, Budget(all=mishaps))
    assert found.wrong == []
    assert found.is_whole
    assert found.states > at_least  # a model with few events proves little


def test_long_runs_of_two_customers_and_two_senders_keep_every_promise() -> None:
    found = run_at_random(200, budget=some_budget)
    assert found.wrong == []
    assert found.led_on == 200


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_wrong_rule_is_noticed(mutant: Mutant) -> None:
    if mutant.by_chance:
        found = run_at_random(
            *(3000,), customers=1, senders=1, budget=lambda _dice: mutant.budget,
            rules=mutant.rules, length=60,
        )  # fmt: skip
    else:
        # One promise can break before the one that the rule is about: which ends are tried is by
        # hash, and that differs from process to process.
        found = search_all(1, 1, mutant.budget, rules=mutant.rules, most_states=30_000, stop_at=30)
    assert any(mutant.breaks in wrong for wrong in found.wrong), found


def test_several_ledgers_of_one_incident_write_to_nobody_twice() -> None:
    found = search_ledgers(1, 2, LedgerBudget(crashes=0, blind=0))
    assert found.wrong == []
    assert found.is_whole
    assert found.states > 1_000
    assert found.led_on > 10


@pytest.mark.parametrize("mutant", LEDGER_MUTANTS, ids=lambda mutant: mutant.name)
def test_a_ledger_that_is_overlooked_is_noticed(mutant: LedgerMutant) -> None:
    found = search_ledgers(1, 2, mutant.budget, rules=mutant.rules, most_states=60_000)
    assert any("mailed twice" in wrong for wrong in found.wrong), found
