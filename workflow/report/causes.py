"""Causes that come again, by nothing but the words that people wrote. Pure and modest.

Two incidents are said to share a cause when both were given the same `cause`, and perhaps to
share one when the words of their root causes are largely the same.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from workflow.report.facts import IncidentRow

_ALIKE = 0.4
_FEWEST_SHARED = 3
_SHORTEST_WORD = 4
_SAID_ANYWHERE = frozenset(
    """about after again also been before being because could does doing done down from have into
    just made more most much only other over same should since some such than that their them then
    there these they this those through under until very were what when where which while will with
    without would your caused cause root incident problem error wrong failed failure customer
    customers""".split()  # noqa: SIM905 - a list of words is read as words
)


@dataclass(frozen=True)
class SharedCause:
    """Incidents with a cause in common. `basis` says by what that is known."""

    words: str
    basis: str
    rows: tuple[IncidentRow, ...]


def shared_causes(rows: Sequence[IncidentRow]) -> list[SharedCause]:
    """Causes of two incidents or more, those of the most incidents first."""
    by_name: dict[str, list[IncidentRow]] = {}
    for row in rows:
        if row.cause.strip():
            by_name.setdefault(_folded(row.cause), []).append(row)
    found = [
        SharedCause(same[0].cause.strip(), "the same cause was given (--set cause=…)", tuple(same))
        for same in by_name.values()
        if len(same) > 1
    ]
    named = {row.id for cause in found for row in cause.rows}
    found += _alike([row for row in rows if row.id not in named])
    return sorted(found, key=lambda cause: -len(cause.rows))


def _alike(rows: Sequence[IncidentRow]) -> list[SharedCause]:
    """Groups round the first incident of each; an incident is in one group at most."""
    left = [(row, _telling(f"{row.root_cause} {row.cause}")) for row in rows]
    found: list[SharedCause] = []
    while left:
        (first, words), *others = left
        near = [(row, theirs) for row, theirs in others if _are_alike(words, theirs)]
        left = [one for one in others if one not in near]
        if near:
            shared = frozenset.intersection(words, *(theirs for _, theirs in near))
            shown = ", ".join(sorted(shared or (words & near[0][1])))
            basis = "perhaps: their root causes are told in much the same words"
            found.append(SharedCause(shown, basis, (first, *(row for row, _ in near))))
    return found


def _are_alike(one: frozenset[str], other: frozenset[str]) -> bool:
    shared = len(one & other)
    return shared >= _FEWEST_SHARED and shared / min(len(one), len(other)) >= _ALIKE


def _telling(text: str) -> frozenset[str]:
    words = re.findall(r"[^\W\d_]+", _folded(text))
    return frozenset(
        word for word in words if len(word) >= _SHORTEST_WORD and word not in _SAID_ANYWHERE
    )


def _folded(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())
