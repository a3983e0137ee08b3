"""Dividing a list among several mailboxes, by what each may still send today. Pure.

Whoever was written to about the incident before stays with the mailbox that holds their thread; all
others are dealt out, so that each mailbox has its share all along the list.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction

from workflow.ledger.plans import PlannedMail


@dataclass(frozen=True)
class Share:
    """What one mailbox sends of a list: `mails`, of which `bound` go on in threads that it holds.

    `left_today` is what it may still send in these 24 hours; what is beyond that waits.
    """

    sender: str
    mails: int
    bound: int
    left_today: int

    @property
    def waiting(self) -> int:
        """How many of them have to wait for another day."""
        return max(0, self.mails - self.left_today)


def shares(mails: int, bound: Mapping[str, int], left_today: Mapping[str, int]) -> list[Share]:
    """Each mailbox's share of `mails`, in the order of `left_today`, which names them all.

    `bound` are those whose thread a mailbox holds. The rest goes where there is room today; what
    no mailbox has room for is spread evenly, so that it is done soonest.
    """
    free = mails - sum(bound.values())
    room = {name: max(0, left - bound.get(name, 0)) for name, left in left_today.items()}
    within = min(free, sum(room.values()))
    dealt = _in_proportion(within, room)
    beyond = _in_proportion(free - within, dict.fromkeys(left_today, 1))
    return [
        Share(
            name, bound.get(name, 0) + dealt[name] + beyond[name], bound.get(name, 0), max(0, left)
        )
        for name, left in left_today.items()
    ]


def _in_proportion(count: int, weights: Mapping[str, int]) -> dict[str, int]:
    """`count` split into whole parts by weight; the largest remainders get what is left over."""
    total = sum(weights.values())
    if not total:
        return dict.fromkeys(weights, 0)
    exact = {name: Fraction(count * weight, total) for name, weight in weights.items()}
    parts = {name: int(part) for name, part in exact.items()}
    by_remainder = sorted(exact, key=lambda name: parts[name] - exact[name])
    for name in by_remainder[: count - sum(parts.values())]:
        parts[name] += 1
    return parts


def dealt_out(mails: Iterable[PlannedMail], division: Iterable[Share]) -> Iterator[PlannedMail]:
    """The mails in their order, each with the mailbox that sends it.

    A mail that has one already keeps it. The others come in turns as large as each share, so that
    all mailboxes are at work from the first to the last row. Without a division nothing changes.
    """
    wanted = {share.sender: share.mails - share.bound for share in division}
    given = dict.fromkeys(wanted, 0)
    for mail in mails:
        if mail.sender or not wanted:
            yield mail
            continue
        sender = min(wanted, key=lambda name: _turn(given[name], wanted[name]))
        given[sender] += 1
        yield replace(mail, sender=sender)


def _turn(given: int, wanted: int) -> tuple[bool, float]:
    """Whose turn comes first: who has had the smallest part of their share. Nobody's runs over."""
    return given >= wanted, (given + 1) / max(wanted, 1)
