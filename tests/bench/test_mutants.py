"""Each mutant of SECURITY.md can be made, and has a test that exists."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.mutants.__main__ import place_of
from bench.mutants.security import MUTANTS, Mutant

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_each_opens_a_door_in_one_place_and_names_the_tests_that_hold_it(mutant: Mutant) -> None:
    place_of(mutant)
    assert mutant.tests
    for test in mutant.tests:
        file, _, name = test.partition("::")
        assert not name or f"def {name}(" in (ROOT / file).read_text(encoding="utf-8"), test


def test_every_row_of_the_page_has_mutants() -> None:
    page = (ROOT / "SECURITY.md").read_text(encoding="utf-8").lower()
    rows = {mutant.name.partition(": ")[0] for mutant in MUTANTS}
    headings = {line[4:].partition(" (")[0] for line in page.splitlines() if line[:4] == "### "}
    titles = {heading.partition(":")[0].strip() for heading in headings}
    assert {row.lower() for row in rows} == titles - {"a dependency"}


def test_words_that_stand_nowhere_are_said_to() -> None:
    with pytest.raises(ValueError, match="nowhere"):
        place_of(Mutant("x: y", "no such " + "words", "", ()))
