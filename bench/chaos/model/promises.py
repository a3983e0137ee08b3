"""Conditions for every state, including that each can still finish."""

from __future__ import annotations

from bench.chaos.model.happenings import next_states, sent_again
from bench.chaos.model.rules import Product
from bench.chaos.model.state import Box, Budget, Row, Sender, State
from workflow.model import DeliveryState
from workflow.sending.delivery_steps import BY_A_PERSON, FOUND_SENT, INFERRED

_S = DeliveryState
DECIDED = frozenset({_S.SENT, _S.FAILED, _S.UNKNOWN})
# Evidence of mails whose text is read afterwards, because a person may have written it.
_READ_AFTERWARDS = frozenset({BY_A_PERSON, FOUND_SENT})
# More than enough steps to finish two customers.
_LONGEST = 200
_TICK_EVERY = 8
_NOTHING_MORE = Budget(*(0 for _ in Budget._fields))


def broken_promises(state: State) -> list[str]:
    """The broken promises of a state."""
    return [
        f"customer {customer}: {wrong}"
        for customer, (row, box) in enumerate(zip(state.rows, state.boxes, strict=True))
        for wrong in _broken(row, box)
    ]


def _broken(row: Row, box: Box) -> list[str]:
    mails = box.mails_of(row)
    wrong = []
    if box.doubled:
        wrong.append("mailed twice without anybody's word")
    if row.state is _S.SENT and not mails and not _looks_sent(row, box):
        wrong.append("called sent, and no mail exists")
    if row.state is _S.FAILED and mails:
        wrong.append("called failed, and a mail exists")
    if row.state is _S.SENT and not _words_are_known(row, box):
        wrong.append("the record shows other words than those that left")
    return wrong


def _looks_sent(row: Row, box: Box) -> bool:
    """The one mistake that can't be avoided: see `rules`."""
    return row.evidence == INFERRED and row.draft in box.deleted and box.asked_in_vain


def _words_are_known(row: Row, box: Box) -> bool:
    if row.evidence in _READ_AFTERWARDS or not box.ours:
        return True  # by hand: they are read, or recorded as unknown
    return row.message in box.ours


def leads_on(state: State, product: Product) -> str:
    """Why a state never finishes if all goes well from now on; "" if it does.

    `resume` decides every mail, and `--retry-failed` or `--resend-unknown` send the rest.
    """
    ended = _finished(_calm(state), product)
    if ended is None:
        return "resume never comes to an end"
    for customer, row in enumerate(ended.rows):
        if row.state in {_S.FAILED, _S.UNKNOWN}:
            again = _finished(sent_again(ended, product, customer), product)
            if again is None or again.rows[customer].state is not _S.SENT:
                return f"customer {customer} can't be sent to again"
            if broken := broken_promises(again):
                return f"after it was sent again: {broken[0]}"
    return ""


def _calm(state: State) -> State:
    """The same with everybody awake, no more faults, and nobody who withdraws."""
    awake = tuple(
        Sender(each.lease, each.held, asleep=False, withdraws=False) for each in state.senders
    )
    return state._replace(senders=awake, budget=_NOTHING_MORE)


def _finished(state: State, product: Product) -> State | None:
    """The final state if all possible work is done, and time passes now and then."""
    for step in range(_LONGEST):
        if all(row.state in DECIDED for row in state.rows) and not state.asked:
            return state
        following = [
            after
            for name, after in next_states(state, product)
            if not name.endswith("is not carried out") and after != state
        ]
        if not following:
            return None
        state = following[-1 if step % _TICK_EVERY == 0 else 0]  # time comes last
    return None
