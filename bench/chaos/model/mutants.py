"""Rules with one error each, to check that the model notices.

Each was once the product's rule, or is what a hurried reader would write.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from bench.chaos.model.ledgers import Budget as LedgerBudget
from bench.chaos.model.ledgers import LedgerRules
from bench.chaos.model.rules import Rules
from bench.chaos.model.state import Budget
from workflow.ledger import deliveries
from workflow.ledger.deliveries import WITHDRAWN, Delivery
from workflow.ledger.elsewhere import LedgerIdentity, NoticeElsewhere, OwnNotice, Why
from workflow.model import DeliveryState
from workflow.sending import delivery_steps as steps
from workflow.sending.delivery_steps import Answer, Call, Move, NextCall, Taken, TakenBack
from workflow.standing import other_ledgers

_S = DeliveryState
_NOTHING = Budget(*(0 for _ in Budget._fields))._replace(all=99)
_LOOKS = frozenset({Call.LOOK, Call.CONFIRM})


@dataclass(frozen=True)
class Mutant:
    """A wrong rule, the events that reveal it, and the promise that it breaks."""

    name: str
    rules: Rules
    budget: Budget
    breaks: str
    # So far from the beginning that long runs find it sooner than a full search.
    by_chance: bool = False


def _keeps_what_was_asked(delivery: Delivery, answer: Answer, *, settle: timedelta) -> Move | None:
    move = steps.after_answer(delivery, answer, settle=settle)
    if move is not None and answer.call in _LOOKS and move.after is _S.DRAFTED:
        return Move(move.after, {**move.facts, "asked": delivery.asked})
    return move


def _believes_one_404(delivery: Delivery, answer: Answer, *, settle: timedelta) -> Move | None:
    if answer.call is Call.LOOK:
        answer = Answer(Call.CONFIRM, answer.began_at, answer.result, answer.fault)
    return steps.after_answer(delivery, answer, settle=settle)


def _fails_at_once(delivery: Delivery, answer: Answer, *, settle: timedelta) -> Move | None:
    move = steps.after_answer(delivery, answer, settle=settle)
    if move is not None and move.facts.get("reason") and move.after is _S.DRAFTED:
        return Move(_S.FAILED, move.facts)
    return move


def _calls_what_is_gone_withdrawn(
    delivery: Delivery, answer: Answer, *, settle: timedelta
) -> Move | None:
    if answer.call is Call.WITHDRAW and answer.fault is None and answer.result is None:
        answer = Answer(answer.call, answer.began_at, TakenBack.DELETED)
    return steps.after_answer(delivery, answer, settle=settle)


def _begins_again(delivery: Delivery, *, steps: int, now: datetime) -> Taken:
    if delivery.state in {_S.DRAFTING, _S.SENDING}:
        return Taken((Move(_S.PLANNED, {"call_id": "", "draft_id": "", "asked": 0}),))
    return Taken()


def _never_looks_before_it_sends(delivery: Delivery, **more: Any) -> NextCall:
    return steps.next_call(delivery, **(more | {"fresh": True}))


def _forgets_what_may_have_been_sent(delivery: Delivery) -> Move | None:
    if delivery.state is _S.PLANNED and not delivery.draft_id:
        return Move(_S.FAILED, {"reason": WITHDRAWN, "evidence": ""})
    return None


def _fails_whatever_was_sent_before(_delivery: Delivery, reason: str) -> Move:
    left = {"draft_id": "", "draft_message_id": "", "gone_at": None}
    return Move(_S.FAILED, {"reason": reason, "evidence": "", **left})


def _takes_its_own(
    claimed_by: str, claimed_until: datetime | None, *, holder: str, **more: Any
) -> bool:
    return deliveries.is_free(claimed_by, claimed_until, holder=f"not {holder}", **more)


def _by_the_delivery_alone(*_there: Any, **_believed: Any) -> bool:
    state, claimed_by, _call = _there
    believed: tuple[Any, Any] = (_believed["before"], _believed["holder"])
    return (state, claimed_by) == believed


MUTANTS = (
    Mutant(
        "a look that finds the draft leaves what was asked before",
        Rules(after_answer=_keeps_what_was_asked),
        _NOTHING._replace(lost=1, person=1),
        "called sent, and no mail exists",
    ),
    Mutant(
        "one 404 counts",
        Rules(after_answer=_believes_one_404),
        _NOTHING._replace(lost=1, false=1),
        "called sent, and no mail exists",
    ),
    Mutant(
        "a refused mail fails while its draft lies there",
        Rules(after_answer=_fails_at_once),
        _NOTHING._replace(refused=1, person=1),
        "called failed, and a mail exists",
    ),
    Mutant(
        "a draft that is gone counts as withdrawn",
        Rules(after_answer=_calls_what_is_gone_withdrawn),
        _NOTHING._replace(person=1, withdrawals=1),
        "called failed, and a mail exists",
    ),
    Mutant(
        "a draft is deleted unseen",
        Rules(looks_before_deleting=False),
        _NOTHING._replace(person=1, withdrawals=1),
        "called failed, and a mail exists",
    ),
    Mutant(
        "a mail that may have been sent is left out for certain",
        Rules(after_deletion=_fails_whatever_was_sent_before),
        _NOTHING._replace(person=2, words=1),
        "called failed, and a mail exists",
    ),
    Mutant(
        "what a dead process was sending is made again",
        Rules(take_up=_begins_again),
        _NOTHING._replace(crashes=1),
        "mailed twice without anybody's word",
    ),
    Mutant(
        "no draft is looked at before it is sent",
        Rules(next_call=_never_looks_before_it_sends),
        _NOTHING._replace(person=1, crashes=1),
        "the record shows other words than those that left",
    ),
    Mutant(
        "what may have been sent is withdrawn as if it surely was not",
        Rules(withdrawn_without_a_call=_forgets_what_may_have_been_sent),
        _NOTHING._replace(person=1, words=1, withdrawals=1),
        "called failed, and a mail exists",
    ),
    Mutant(
        "a process takes up what it holds, and an answer belongs to a delivery",
        Rules(
            is_free=_takes_its_own,
            belongs=lambda _held, _answered: True,
            may_move=_by_the_delivery_alone,
            checks_its_lease=False,
            reads_back_after_a_sleep=False,
            is_strict=False,
        ),
        _NOTHING._replace(sleeps=1),
        "mailed twice without anybody's word",
        by_chance=True,
    ),
)


# The same for several ledgers.


@dataclass(frozen=True)
class LedgerMutant:
    """A wrong rule about other ledgers, and the events that reveal it."""

    name: str
    rules: LedgerRules
    budget: LedgerBudget


def _overlooks(*kinds: Why, is_copy_seen: bool = True) -> LedgerRules:
    """Rules that don't see these kinds of other ledgers' notices in the doc."""

    def lacking(*given: Any, in_place: bool) -> list[NoticeElsewhere]:
        found = other_ledgers.lacking(*given, in_place=in_place or not is_copy_seen)
        return [each for each in found if each.why not in kinds]

    return LedgerRules(lacking=lacking)


def _taken_for_its_own() -> LedgerRules:
    """Rules for which each notice of a copy began in the copy."""

    def lacking(
        mine: LedgerIdentity, known: Mapping[str, OwnNotice], *given: Any, in_place: bool
    ) -> list[NoticeElsewhere]:
        own = {key: replace(each, is_all_here=True) for key, each in known.items()}
        return list(other_ledgers.lacking(mine, own, *given, in_place=in_place))

    return LedgerRules(lacking=lacking)


_ONE_RESTORED = LedgerBudget(blind=0, words=0)
_TWO_BEGIN = LedgerBudget(crashes=0, restores=0, blind=0, words=0)
LEDGER_MUTANTS = (
    LedgerMutant("another ledger's notice is overlooked", _overlooks(Why.UNKNOWN), _TWO_BEGIN),
    LedgerMutant("two write the doc at once", LedgerRules(locks_its_write=False), _TWO_BEGIN),
    LedgerMutant(
        "a notice of before the backup is overlooked", _overlooks(Why.BACKUP), _ONE_RESTORED
    ),
    LedgerMutant("a later run is overlooked", _overlooks(Why.OLDER), _ONE_RESTORED),
    LedgerMutant("a backup of the middle of a run", _overlooks(is_copy_seen=False), _ONE_RESTORED),
    LedgerMutant("a notice counts as begun in the copy", _taken_for_its_own(), _ONE_RESTORED),
)
