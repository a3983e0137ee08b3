"""Which mails a mailbox sends, and which wait: division, first mails, bounces.

A list is divided by what each mailbox may still send today (pure). A customer who had a mail of the
incident stays with the mailbox of that thread. All others are dealt out, so that each mailbox has
its share throughout the list.

A notice can stop after its first mails, or because too many bounced. What is stopped waits in the
ledger: no sender takes it until a person has looked and says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction

from sqlalchemy.engine import Connection

from workflow.errors import BadInput
from workflow.ledger import bounces, deliveries, notices
from workflow.ledger.notices import Notice
from workflow.ledger.plans import PlannedMail
from workflow.model import counted
from workflow.workspace import Workspace


@dataclass(frozen=True)
class MailboxShare:
    """One mailbox's part of a list: `mails`, of which `bound` continue its own threads.

    `left_today` is what it may still send in these 24 hours; the rest waits.
    """

    sender: str
    mails: int
    bound: int
    left_today: int

    @property
    def waiting(self) -> int:
        """How many of them have to wait for another day."""
        return max(0, self.mails - self.left_today)


def shares(
    mails: int, bound: Mapping[str, int], left_today: Mapping[str, int]
) -> list[MailboxShare]:
    """Each mailbox's share of `mails`, in the order of `left_today`, which names them all.

    `bound` counts the mails whose thread a mailbox holds. The others go where there is room today;
    what no mailbox has room for is spread evenly, so that it is done soonest.
    """
    free = mails - sum(bound.values())
    room = {name: max(0, left - bound.get(name, 0)) for name, left in left_today.items()}
    within = min(free, sum(room.values()))
    dealt = _in_proportion(within, room)
    beyond = _in_proportion(free - within, dict.fromkeys(left_today, 1))
    return [
        MailboxShare(
            name, bound.get(name, 0) + dealt[name] + beyond[name], bound.get(name, 0), max(0, left)
        )
        for name, left in left_today.items()
    ]


def _in_proportion(count: int, weights: Mapping[str, int]) -> dict[str, int]:
    """`count` split into whole parts by weight; the largest remainders get the rest."""
    total = sum(weights.values())
    if not total:
        return dict.fromkeys(weights, 0)
    exact = {name: Fraction(count * weight, total) for name, weight in weights.items()}
    parts = {name: int(part) for name, part in exact.items()}
    by_remainder = sorted(exact, key=lambda name: parts[name] - exact[name])
    for name in by_remainder[: count - sum(parts.values())]:
        parts[name] += 1
    return parts


def dealt_out(
    mails: Iterable[PlannedMail], division: Iterable[MailboxShare]
) -> Iterator[PlannedMail]:
    """The mails in their order, each with the mailbox that sends it.

    A mail that has a mailbox keeps it. The others come in turns as large as each share, so that all
    mailboxes are busy from the first to the last row. Without a division nothing changes.
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
    """The sort key for the next turn: the mailbox with the smallest part of its share first.

    No mailbox gets more than its share.
    """
    return given >= wanted, (given + 1) / max(wanted, 1)


def waiting_after(mails: Iterable[PlannedMail], first: int) -> Iterator[PlannedMail]:
    """The mails, with those after the first ones set to wait; 0 lets all be sent."""
    for number, mail in enumerate(mails, 1):
        yield replace(mail, waits=True) if 0 < first < number else mail


def stop_at_bounces(connection: Connection, workspace: Workspace, notice_id: str) -> bool:
    """Stop the rest of a notice if too many mails bounced; True if it stops."""
    notice = notices.notice_by_id(connection, notice_id)
    if not too_many_bounces(connection, workspace, notice):
        return False
    deliveries.let_wait(connection, notice_id)
    return True


def too_many_bounces(connection: Connection, workspace: Workspace, notice: Notice) -> str:
    """A sentence that says why a notice's bounces stop it; "" if they don't.

    Bounces that a person has seen and accepted don't count.
    """
    limit = workspace.settings.config.sending.stop_at_bounces
    came_back = len(bounces.bounces_of(connection, notice.id))
    sent = notices.count_deliveries(connection, notice).sent
    if came_back <= notice.bounces_accepted or not sent or came_back / sent <= limit:
        return ""
    return (
        f"{came_back:,} of {counted(sent, 'mail')} bounced ({came_back / sent:.0%}), more than "
        f"stop_at_bounces ({limit:.0%}). Check the list."
    )


def let_the_rest_go(
    workspace: Workspace, notice: Notice, *, despite_bounces: bool = False
) -> Notice:
    """Let the waiting mails of a notice be sent, after a person agreed.

    Raises `BadInput` if too many of the first mails bounced, unless `despite_bounces`.
    """
    with workspace.ledger.write() as connection:
        why = too_many_bounces(connection, workspace, notice)
        if why and not despite_bounces:
            raise BadInput(
                f"Nothing was sent: {why} To send the rest anyway, add --despite-bounces."
            )
        if why:
            seen = len(bounces.bounces_of(connection, notice.id))
            notices.accept_bounces(connection, notice.id, seen)
        deliveries.let_go_on(connection, notice.id)
        return notices.notice_by_id(connection, notice.id)
