"""The rules of the model: the product's own functions, on the model's small values.

A `Rules` can be changed in one place to check that the model notices (`mutants`).

The model assumes these limits, which the product can't know better:

- A send's answer is lost, and a person deletes the draft before it is looked for: the draft counts
  as sent, because it was requested, not seen since, and is gone.
- A person sends a draft by hand between our check and our deletion: not noticed. An edit between
  our check and our sending is noticed only afterwards, if mails may be read. In the model these
  pairs of calls are one step. The model also has no edit of a draft that is sent right after its
  creation, and therefore isn't checked.
- A send's answer is lost, and a person edits the draft and sends it by hand; the draft's id then
  finds nothing. That text is unknown, and the record shows ours.
- A draft without a row (its creation was lost) may be sent by hand before it is deleted: that mail
  is the person's.
- Gmail does not carry out a call later than the settling time after its bytes were sent.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from bench.chaos.model.state import DEAD, Row
from workflow.google.faults import GoogleFault, NotCalled, Refused, Undecided
from workflow.google.gmail import AcceptedMail, Draft, DraftRead, DraftSeen
from workflow.ledger import deliveries
from workflow.ledger.deliveries import ALLOWED, LEFT_OUT, Delivery, planned_again
from workflow.model import DeliveryState
from workflow.sending import delivery_steps as steps
from workflow.sending.delivery_steps import CONFIRM_AFTER, Answer, Call, Move, NextCall, Taken

# One second, because a missing draft is looked for again after that time.
TICK = CONFIRM_AFTER
SETTLE = 3 * TICK
SETTLE_TICKS = 3
LEASE_TICKS = 2
_NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
_BLANK: dict[str, Any] = {each.name: "" for each in fields(Delivery)} | {
    "id": 1,
    "row": 2,
    "sent_at": None,
}
# Answers by their names; a draft that was made or seen has its own numbers.
_FAULTS: dict[str, GoogleFault] = {
    "lost": Undecided("No answer came in time."),
    "not called": NotCalled("It stood still for too long."),
    "refused": Refused("Gmail refused this.", status=400),
    "404": Refused("Gmail has no such draft.", status=404),
    "not a draft": Refused("Gmail refused this.", status=400, detail="Message not a draft"),
}
_THERE, _LEFT = frozenset({"DRAFT"}), frozenset({"SENT"})
_RESULTS: dict[str, Any] = {
    "sent": AcceptedMail("m", "t"),
    "seen": DraftSeen("m", "t", _THERE),
    "labelled sent": DraftSeen("m", "t", _LEFT),
    "gone": None,
    "deleted": steps.TakenBack.DELETED,
    "edited": DraftRead(DraftSeen("m", "t", _THERE), b""),
}
# The columns of a row that a move may write and the model keeps.
_KEPT = ("asked", "reason", "evidence")


@dataclass(frozen=True)
class Rules:
    """The product's pure functions; each can be replaced by a wrong one."""

    next_call: Callable[..., NextCall] = steps.next_call
    after_answer: Callable[..., Move | None] = steps.after_answer
    take_up: Callable[..., Taken] = steps.take_up
    withdrawn_without_a_call: Callable[[Delivery], Move | None] = steps.withdrawn_without_a_call
    proof_of: Callable[[Delivery, Answer], Move | None] = steps.proof_of
    after_deletion: Callable[[Delivery, str], Move] = steps.after_deletion
    is_free: Callable[..., bool] = deliveries.is_free
    may_move: Callable[..., bool] = deliveries.may_move
    is_proof: Callable[..., bool] = deliveries.is_proof
    is_proof_of_deletion: Callable[..., bool] = deliveries.is_proof_of_deletion
    # As in `Hands.holding`: an answer belongs to its call.
    belongs: Callable[[int, int], bool] = operator.eq
    # A move that isn't in the table is a bug; in a wrong product it is only not made.
    is_strict: bool = True
    # `Callers` check this before a call's bytes are sent.
    checks_its_lease: bool = True
    # `Hands.keep` does this first in a turn, after a sleep past the lease.
    reads_back_after_a_sleep: bool = True
    # `DraftsInMailbox.take_back` does this.
    looks_before_deleting: bool = True


class Product:
    """The rules in the model's terms, with remembered answers: the same question comes often."""

    def __init__(self, rules: Rules) -> None:
        self.rules = rules
        self.next_call = lru_cache(None)(self._next_call)
        self.after_answer = lru_cache(None)(self._after_answer)
        self.take_up = lru_cache(None)(self._take_up)
        self.proves = lru_cache(None)(self._proves)

    def _next_call(self, row: Row, withdraws: bool, fresh: bool) -> tuple[Call, int, Row] | Row:
        """The next call, the ticks until it is due, and the row as written before it is made.

        Only a row: a withdrawal without a call.
        """
        delivery = _delivery(row)
        if withdraws and (move := self.rules.withdrawn_without_a_call(delivery)) is not None:
            return self._moved(row, move)
        step = self.rules.next_call(delivery, steps=2, now=_NOW, withdraw=withdraws, fresh=fresh)
        before = row
        for move in step.before:
            before = self._moved(before, move)
        return step.call, -(-(step.due - _NOW) // TICK), before

    def _after_answer(self, row: Row, call: Call, age: int, answer: str | tuple[int, int]) -> Row:
        """The row after an answer to a call that was issued `age` ticks ago."""
        move = self.rules.after_answer(_delivery(row), _answer(call, age, answer), settle=SETTLE)
        return (row if move is None else self._moved(row, move))._replace(call=0)

    def _take_up(self, row: Row) -> Row:
        for move in self.rules.take_up(_delivery(row), steps=2, now=_NOW).moves:
            row = self._moved(row, move)
        return row

    def _proves(self, row: Row, asked: Row, call: Call, answer: str | tuple[int, int]) -> Row:
        """The row after a late answer: sent or withdrawn, if that proves it; else unchanged."""
        proven = self.rules.proof_of(_delivery(asked), _answer(call, 0, answer))
        if proven is None:
            return row
        if proven.after is not DeliveryState.SENT:
            is_proof = self.rules.is_proof_of_deletion(
                row.state, _name(row.draft), deleted_draft=_name(asked.draft)
            )
            return self._moved(row, proven) if is_proof else row
        is_proof = self.rules.is_proof(
            *(row.state, _name(row.call), _name(row.draft)),
            answered_call=_name(asked.call),
            sent_draft=_name(asked.draft),
        )
        return self._moved(row, proven)._replace(call=0, reason="") if is_proof else row

    def is_free(self, row: Row, holder: int, ahead: int) -> bool:
        """Whether a holder may claim a row, with a clock this many ticks ahead of the others'."""
        return self.rules.is_free(
            _name(row.by),
            _NOW + row.until * TICK,
            holder=_name(holder),
            gone=[_name(DEAD)],
            now=_NOW + ahead * TICK,
        )

    def may_move(self, row: Row, believed: Row, holder: int) -> bool:
        """Whether a row is as its holder believes."""
        return self.rules.may_move(
            *(row.state, _name(row.by), _name(row.call)),
            before=believed.state,
            holder=_name(holder),
            believed_call=_name(believed.call),
        )

    def left_out(self, row: Row) -> Row:
        """A row whose edited draft a person had deleted."""
        return self._moved(row, self.rules.after_deletion(_delivery(row), LEFT_OUT))

    def planned_again(self, row: Row) -> Row:
        """A row that a person sends again."""
        facts = planned_again(row.state)
        state = DeliveryState(facts.pop("state"))
        return self._moved(row, Move(state, facts))

    def _moved(self, row: Row, move: Move) -> Row:
        if move.after not in ALLOWED[row.state]:
            if self.rules.is_strict:
                raise AssertionError(f"the product moves a row from {row.state} to {move.after}")
            return row
        return _written(row, move)


def _name(number: int) -> str:
    return str(number) if number else ""


def _delivery(row: Row) -> Delivery:
    return Delivery(
        **_BLANK
        | {
            "state": row.state,
            "draft_id": _name(row.draft),
            "draft_message_id": _name(row.message),
            "asked": row.asked,
            "called_at": _instant(row.called),
            "gone_at": _instant(row.gone),
            "call_id": _name(row.call),
            "reason": row.reason,
            "evidence": row.evidence,
        }
    )


def _instant(ticks: int | None) -> datetime | None:
    return None if ticks is None else _NOW + ticks * TICK


def _ticks(instant: datetime | None) -> int | None:
    return None if instant is None else (instant - _NOW) // TICK


def _answer(call: Call, age: int, answer: str | tuple[int, int]) -> Answer:
    began_at = _NOW - age * TICK
    if isinstance(answer, tuple):  # a draft that was made, and its content
        return Answer(call, began_at, Draft(_name(answer[0]), _name(answer[1]), "t"))
    if answer in _FAULTS:
        return Answer(call, began_at, fault=_FAULTS[answer])
    return Answer(call, began_at, _RESULTS[answer])


def _written(row: Row, move: Move) -> Row:
    facts = move.facts
    changed: dict[str, Any] = {key: facts[key] for key in _KEPT if key in facts}
    if "draft_id" in facts:
        changed["draft"] = int(facts["draft_id"] or 0)
    if "draft_message_id" in facts:
        changed["message"] = int(facts["draft_message_id"] or 0)
    if "called_at" in facts:
        changed["called"] = _ticks(facts["called_at"])
    if "gone_at" in facts:
        changed["gone"] = _ticks(facts["gone_at"])
    if facts.get("call_id") == "":
        changed["call"] = 0
    return row._replace(state=move.after, **changed)
