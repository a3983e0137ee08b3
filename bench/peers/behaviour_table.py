"""The results of the lists, as a table for each fault."""

from __future__ import annotations

from bench.measuring import Table
from bench.peers.behaviour import Outcome, Tried, Trouble

_OURS = "postmortem"
_TITLES = {
    Trouble.KILLED: "Killed with kill -9 in the middle of the list, then gone on with",
    Trouble.REFUSED: "Turned away four times in a row (429; by SMTP 421), then gone on with",
    Trouble.LOST: "The connection closed after a mail was taken, before the answer",
}


def tables(tried: list[Tried]) -> list[Table]:
    """A table for each fault. Kept if this program doubled and lost nothing."""
    return [_table(trouble, tried) for trouble in Trouble]


def _table(trouble: Trouble, tried: list[Tried]) -> Table:
    rows = [_row(each, each.outcomes.get(trouble)) for each in tried]
    ours = [each.outcomes[trouble] for each in tried if each.name.startswith(_OURS)]
    return Table(
        _TITLES[trouble],
        ("tool", "customers", "mailed twice", "not mailed", "named as unsure", "it said"),
        rows,
        kept=not any(outcome.duplicates or outcome.lost for outcome in ours),
    )


def _row(tried: Tried, outcome: Outcome | None) -> tuple[str, ...]:
    if outcome is None:
        return (tried.name, *["–"] * 4, f"not tried: {tried.why_not}")
    counts = (outcome.customers, outcome.duplicates, outcome.lost, outcome.undecided)
    return (tried.name, *map(str, counts), outcome.said or "–")
