"""Who is not written to now: customers left out of a notice, and mails that wait.

Nobody is written to twice unless the person agrees: neither with the same text, nor with almost the
same text, nor while drafts for the same people wait. This part is pure, but for the names of the
unfinished notices.

`suppress`, `allow` and `listed` keep the addresses that no notice goes to.

A list is divided by what each mailbox may still send today (pure). A customer who had a mail of the
incident stays with the mailbox of that thread. All others are dealt out, so that each mailbox has
its share throughout the list.

A notice can stop after its first mails, or because too many bounced. What is stopped waits in the
ledger: no sender takes it until a person has looked and says so.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from difflib import SequenceMatcher
from enum import StrEnum
from fractions import Fraction
from functools import lru_cache
from zoneinfo import ZoneInfo

from sqlalchemy.engine import Connection

from workflow.errors import BadInput
from workflow.ledger import bounces, customers, deliveries, forgetting, notices, plans
from workflow.ledger.customers import AddedBy, Suppression
from workflow.ledger.notices import Notice
from workflow.ledger.plans import PlannedMail, StageHad, UnfinishedNotice
from workflow.mail.escape import as_text
from workflow.mail.list_columns import typed_address
from workflow.mail.list_recipients import Recipient
from workflow.mail.sandbox import say_moment
from workflow.model import Finding, Stage, counted
from workflow.standing.closing_checks import is_overtaken
from workflow.workspace import Workspace

# --- Customers who are left out -------------------------------------------------------------------

# Two promised times within this span come from the same command typed again: `30m` after `30m`.
SAME_PROMISE = timedelta(minutes=1)
# Two lines are almost the same if they share this much of the shorter one, in pieces of a word's
# length. Short lines must be equal but for punctuation and capitals.
_ALIKE = 0.8
_WORD = 4
_LONG_ENOUGH = 20
_LABEL = re.compile(r"^\*\*[^*]+:\*\*\s*")
_SIGNS = re.compile(r"[\W_]+")
_PROMISED = "‹next update›"


# How far an incident has come by the time a notice of each stage is sent.
_REACHED = {
    Stage.INVESTIGATING: 0,
    Stage.IDENTIFIED: 1,
    Stage.UPDATE: 2,
    Stage.MONITORING: 2,
    Stage.RESOLVED: 3,
}


def stages_before(stage: Stage) -> tuple[Stage, ...]:
    """The stages that come before one; () for the first, and for one without an order."""
    reached = _REACHED.get(stage, 0)
    return tuple(each for each, at in _REACHED.items() if at < reached)


def stages_that_end(stage: Stage) -> tuple[Stage, ...]:
    """The stages after which one means a reopened incident; () for a stage without an order."""
    return (Stage.RESOLVED,) if stage in stages_before(Stage.RESOLVED) else ()


class Repeat(StrEnum):
    """How a new mail relates to the customer's last mail of the same stage."""

    OTHER_WORDS = "other_words"
    ALMOST_SAME = "almost_same"
    UNKNOWN_WORDS = "unknown_words"
    RETYPED = "retyped"
    NEW_PROMISE = "new_promise"
    PROMISED = "promised"


@dataclass(frozen=True)
class NewWords:
    """A planned mail's text, and the next update that it promises."""

    subject: str
    markdown: str
    promised: datetime | None


def repeat_of(
    had: StageHad, new: NewWords, *, now: datetime, zone: ZoneInfo, lang: str = ""
) -> Repeat | None:
    """How a new mail relates to the last one of its stage; None if that isn't sent yet.

    `zone` and `lang` are the customer's, for times in the text. PROMISED means that the earlier
    mail announced this update, and its time has come. RETYPED means that the command of the earlier
    mail was typed again. Of a mail that was found in the Sent folder (`ledger rebuild`), the text
    is not known.
    """
    if had.waits:
        return None
    if not had.markdown:
        return Repeat.UNKNOWN_WORDS
    before = _lines(had.subject, had.markdown, _told(had.promised, zone, lang))
    after = _lines(new.subject, new.markdown, _told(new.promised, zone, lang))
    if _adds_nothing(before, after) and not is_same_promise(had.promised, new.promised, now):
        if had.promised and had.promised <= now:
            return Repeat.PROMISED
        return Repeat.RETYPED if _is_retyped(had, new, now) else Repeat.NEW_PROMISE
    return Repeat.ALMOST_SAME if _nearly_same(before, after) else Repeat.OTHER_WORDS


def is_same_promise(before: datetime | None, after: datetime | None, now: datetime) -> bool:
    """Whether two promised times are one promise: a minute apart at most, and not yet due."""
    if before is None or after is None:
        return before is after
    return now < before and abs(after - before) <= SAME_PROMISE


def _is_retyped(had: StageHad, new: NewWords, now: datetime) -> bool:
    """Whether a promise is as far ahead as the last one was, and that one is not half over.

    The same command, typed again after a send of some minutes, promises a later time with the same
    words: `30m`. From the middle on, it is the next update, sent early.
    """
    if had.promised is None or new.promised is None:
        return False
    span = had.promised - had.said_at
    return now - had.said_at < span / 2 and abs(new.promised - now - span) <= SAME_PROMISE


def promise_anchor(
    promised: datetime | None, earlier: Iterable[datetime | None], now: datetime
) -> datetime | None:
    """The instant that stands for a promise: that of the first notice with the same one."""
    same = (each for each in earlier if is_same_promise(each, promised, now))
    return next(same, promised) if promised is not None else None


def must_be_asked(repeats: Counter[Repeat], mails: int) -> bool:
    """Whether a plan needs more than its number typed, because it would repeat itself.

    Other text for everybody, or a new promised time, is a normal update. Anything else must be
    asked.
    """
    if repeats[Repeat.ALMOST_SAME] or repeats[Repeat.UNKNOWN_WORDS] or repeats[Repeat.RETYPED]:
        return True
    repeated = repeats[Repeat.OTHER_WORDS] + repeats[Repeat.NEW_PROMISE]
    return bool(repeated) and repeated < mails


def asked_about(repeats: Counter[Repeat]) -> int:
    """The number of customers who had the stage and have no update due."""
    return sum(number for kind, number in repeats.items() if kind is not Repeat.PROMISED)


@dataclass(frozen=True)
class WaitedFor:
    """An unfinished notice that some customers of a new one wait for, and how many.

    `agreed` is the number of mails, to any customer, that a person types before they are sent; 0 if
    nobody is asked. `contradicted_by` is the incident's status, if the mails contradict it.
    """

    notice_id: str
    subject: str
    incident_title: str
    held: bool
    customers: int
    agreed: int = 0
    contradicted_by: str = ""

    @property
    def sentence(self) -> str:
        """`Notice k3… (“Subject”) has drafts waiting for 3 of these customers.`"""
        who = "1 of these customers" if self.customers == 1 else f"{self.customers:,} of them"
        what = "has drafts waiting" if self.held else "is not finished"
        return (
            f"Notice {self.notice_id} (“{self.subject[:60]}”, {self.incident_title[:60]}) {what} "
            f"for {who}."
        )

    @property
    def ways_on(self) -> str:
        """The ways on, each a command or an option."""
        agreed = f" --confirm {self.agreed}" if self.agreed else ""
        finish = f"Finish it with: postmortem resume {self.notice_id}{agreed}."
        if self.contradicted_by:
            finish = f"The incident's status is now “{self.contradicted_by}”."
        return (
            f"{finish} Withdraw it with: postmortem resume {self.notice_id} --discard. Or send to "
            f"them anyway with --despite {self.notice_id}."
        )


def waiting_notices(
    customers: Counter[str], found: Iterable[UnfinishedNotice]
) -> tuple[WaitedFor, ...]:
    """The unfinished notices, each with the number of the new plan's customers in it."""
    return tuple(
        WaitedFor(
            each.notice.id,
            each.notice.subject,
            each.incident_title,
            each.notice.held,
            customers[each.notice.id],
            each.pending - each.waiting if each.notice.held else each.waiting,
            _contradiction(each),
        )
        for each in found
    )


def _contradiction(found: UnfinishedNotice) -> str:
    """The incident's status, if it keeps mails from being sent that a person has to agree to."""
    asks = found.notice.held or found.waiting
    return found.status.value if asks and is_overtaken(found.notice, found.status) else ""


def not_overridden(waiting: Sequence[WaitedFor], despite: Sequence[str]) -> tuple[WaitedFor, ...]:
    """The unfinished notices that the person did not name as overridden."""
    named = tuple(each.strip().lower() for each in despite if each.strip())
    return tuple(
        each for each in waiting if not any(each.notice_id.startswith(name) for name in named)
    )


def _adds_nothing(before: tuple[str, ...], after: tuple[str, ...]) -> bool:
    """Whether a text has no line that the earlier one lacks: who was caught up is so no more."""
    rest = iter(before)
    return all(line in rest for line in after)


def _told(promised: datetime | None, zone: ZoneInfo, lang: str) -> str:
    return say_moment(promised, zone, lang) if promised else ""


def _lines(subject: str, markdown: str, promised: str) -> tuple[str, ...]:
    """The text in lines. Any time of the next update is replaced by the same mark."""
    if promised:
        markdown = markdown.replace(as_text(promised), _PROMISED)
        subject = subject.replace(promised, _PROMISED)
    return (subject, *(line for line in map(str.strip, markdown.split("\n")) if line))


def _nearly_same(before: Sequence[str], after: Sequence[str]) -> bool:
    """Whether every new line is an old one with small changes, or no line is new."""
    gone = [line for line in before if line not in after]
    come = [line for line in after if line not in before]
    return all(any(_alike(line, other) for other in gone) for line in come)


@lru_cache(maxsize=4096)
def _alike(one: str, other: str) -> bool:
    one, other = _LABEL.sub("", one), _LABEL.sub("", other)
    if _SIGNS.sub("", one.casefold()) == _SIGNS.sub("", other.casefold()):
        return True
    if min(len(one), len(other)) < _LONG_ENOUGH:
        return False
    blocks = SequenceMatcher(None, one, other, autojunk=False).get_matching_blocks()
    shared = sum(block.size for block in blocks if block.size >= _WORD)
    return shared >= _ALIKE * min(len(one), len(other))


_SHOWN = 5


@dataclass(frozen=True)
class DoNotMail:
    """A customer of the list who gets no mail, and the reason.

    `was_told`: an earlier notice of the incident was sent to them.
    """

    recipient: Recipient
    suppression: Suppression
    was_told: bool = False

    @property
    def reason(self) -> str:
        """The reason, as a sentence."""
        return f"{notices.SUPPRESSED}{self.suppression.reason.rstrip('.')}."


def suppress(workspace: Workspace, typed: str, reason: str) -> Suppression:
    """Add an address that no notice may go to. Raises `BadInput`."""
    address = typed_address(typed)
    if not reason.strip():
        raise BadInput('Give a reason: --why "asked for no mails".')
    with workspace.ledger.write() as connection:
        key = forgetting.stored_key(connection, address.key)
        entry = Suppression(key, address.email, AddedBy.SAID, reason.strip(), workspace.now())
        customers.suppress(connection, workspace.settings.profile, entry)
    return entry


def waiting_for(workspace: Workspace, entry: Suppression) -> tuple[str, ...]:
    """The notices with an unsent mail to a suppressed address: those were agreed to before."""
    profile = workspace.settings.profile
    with workspace.ledger.read() as connection:
        found = plans.waiting_in(connection, [entry.recipient_key], profile=profile)
    return found.get(entry.recipient_key, ())


def waiting_words(workspace: Workspace, entry: Suppression) -> Iterator[str]:
    """A sentence for each notice with an unsent mail to a suppressed address, with the way on."""
    for notice in waiting_for(workspace, entry):
        yield f"Notice {notice} still has an email to {entry.email}. {withdrawal_words(notice)}"


def withdrawal_words(notice_id: str) -> str:
    """How to leave a suppressed address out of a notice that was not sent to all yet."""
    return (
        f"To withdraw its unsent emails: postmortem resume {notice_id} --discard. Then run the "
        "same notify again."
    )


def allow(workspace: Workspace, typed: str) -> str:
    """Allow mail to an address again, and return it. Raises `BadInput` if it isn't suppressed."""
    address = typed_address(typed)
    with workspace.ledger.write() as connection:
        key = forgetting.stored_key(connection, address.key)
        if not customers.unsuppress(connection, workspace.settings.profile, key):
            raise BadInput(f"{address.email} is not suppressed.")
    return address.email


def listed(workspace: Workspace) -> list[Suppression]:
    """All suppressed addresses."""
    with workspace.ledger.read() as connection:
        return customers.all_suppressed(connection, workspace.settings.profile)


def do_not_mail_finding(people: Sequence[DoNotMail]) -> Iterator[Finding]:
    """Warn about the list's suppressed customers before the notice is sent."""
    if not people:
        return
    shown = people[:_SHOWN]
    rows = ", ".join(str(each.recipient.row) for each in shown)
    words = "; ".join(
        f"{each.recipient.email} is suppressed ({each.suppression.reason})" for each in shown
    )
    more = f"; and {len(people) - _SHOWN} more" if len(people) > _SHOWN else ""
    where = f"row {rows}" if len(people) == 1 else f"rows {rows}"
    yield Finding("warning", "do_not_mail", where, f"{words}{more}.")


# --- Mails that wait ------------------------------------------------------------------------------


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
