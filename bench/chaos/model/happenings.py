"""The possible next events: a sender's turn, a call's progress, a person, time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeVar

from bench.chaos.model.rules import LEASE_TICKS, SETTLE_TICKS, Product
from bench.chaos.model.state import (
    DEAD,
    NOBODY,
    Asked,
    Box,
    Budget,
    Held,
    Row,
    Sender,
    Stage,
    State,
)
from workflow.ledger.deliveries import ORDER_OF_WORK, SENT_AGAIN_KNOWINGLY
from workflow.model import DeliveryState
from workflow.sending.delivery_steps import Call

_S = DeliveryState
_T = TypeVar("_T")
Next = tuple[str, State]
_SENDS = frozenset({Call.SEND_DRAFT, Call.CHECK_AND_SEND})
_LOOKS = frozenset({Call.LOOK, Call.CONFIRM})
_DELETES = frozenset({Call.WITHDRAW, Call.REPLACE})


def next_states(state: State, product: Product) -> Iterator[Next]:
    """Every possible next state, with its event; time comes last."""
    yield from _senders_turns(state, product)
    yield from _calls_go_on(state, product)
    yield from _people_act(state, product)
    yield from _processes_fail(state)
    yield from _time_passes(state)


# A sender's turn. Each part of it is a transaction that begins with a look at the lease.


def _senders_turns(state: State, product: Product) -> Iterator[Next]:
    for number, sender in enumerate(state.senders, 1):
        if sender.asleep:
            continue
        kept = _kept(state, number) if product.rules.reads_back_after_a_sleep else state
        for customer in range(len(state.rows)):
            for claim, claimed in _claimed(kept, product, number, customer):
                yield from _begins(claimed, product, number, customer, claim)
        for asked in state.asked:
            if asked.sender == number and asked.stage == Stage.ANSWERED:
                yield f"{number} takes in {asked.answer}", _recorded(kept, product, asked)


def _kept(state: State, number: int) -> State:
    """The start of a turn: after an expired lease, the rows are read back and it is renewed.

    Otherwise the sender's view of a row stays, whatever others did to it.
    """
    return _renewed(state, number) if state.senders[number - 1].lease == 0 else state


def _renewed(state: State, number: int) -> State:
    sender = state.senders[number - 1]
    held = tuple(
        _believed(row, before, state.asked) if row.by == number else None
        for row, before in zip(state.rows, sender.held, strict=True)
    )
    rows = tuple(row._replace(until=LEASE_TICKS) if row.by == number else row for row in state.rows)
    renewed = sender._replace(held=held, lease=LEASE_TICKS)
    return state._replace(rows=rows, senders=_put(state.senders, number - 1, renewed))


def _believed(row: Row, before: Held | None, asked: tuple[Asked, ...]) -> Held:
    calling = any(each.id == row.call != 0 for each in asked)
    return Held(_seen(row), calling, fresh=before is not None and before.fresh)


def _seen(row: Row) -> Row:
    """A row without its holder, which a sender knows only by its own lease."""
    return row._replace(by=0, until=0)


def _claimed(state: State, product: Product, number: int, customer: int) -> Iterator[Next]:
    """The state with a row claimed by a sender, if possible, and the event."""
    row = state.rows[customer]
    if state.senders[number - 1].held[customer] is not None:
        yield "", state
    if row.state not in ORDER_OF_WORK:
        return
    taken = product.take_up(_seen(row))._replace(by=number, until=LEASE_TICKS)
    if product.is_free(row, number, 0):
        yield " (claimed)", _with_row(state, number, customer, taken, calling=False)
    elif state.budget.may("clock") and product.is_free(row, number, LEASE_TICKS + 1):
        spent = state._replace(budget=state.budget.spent("clock"))
        yield " (by a clock ahead)", _with_row(spent, number, customer, taken, calling=False)


def _begins(
    state: State, product: Product, number: int, customer: int, claim: str
) -> Iterator[Next]:
    sender = state.senders[number - 1]
    held = sender.held[customer]
    if held is None:
        if claim:
            yield f"{number} decides {customer}{claim}", state
        return
    if held.calling:
        return
    step = product.next_call(held.row, sender.withdraws, held.fresh)
    if isinstance(step, Row):
        yield f"{number} withdraws {customer}", _written(state, product, number, customer, step)
        return
    call, due, before = step
    if due > 0:
        if claim:
            yield f"{number} claims {customer}{claim}", state
        return
    call_id = _unused_call(state)
    before = before._replace(call=call_id)
    after = _written(state, product, number, customer, before, calling=True)
    if after.senders[number - 1].held[customer] is not None:
        asked = Asked(number, customer, call_id, call, before)
        after = after._replace(asked=_sorted((*after.asked, asked)))
        if call in _SENDS:
            after = _with_box(after, customer, asked_in_vain=True)
    yield f"{number} is to {call} of {customer}{claim}", after


def _written(
    state: State, product: Product, number: int, customer: int, row: Row, *, calling: bool = False
) -> State:
    """A row written by its holder; if it isn't as believed, it is given up."""
    held = state.senders[number - 1].held[customer]
    assert held is not None
    there = state.rows[customer]
    if not product.may_move(there, held.row, number):
        return _with_held(state, number, customer, None)
    written = row._replace(by=number, until=there.until)
    return _with_row(state, number, customer, written, calling=calling)


def _with_row(state: State, number: int, customer: int, row: Row, *, calling: bool) -> State:
    """A row held by a sender; a decided or edited one is released."""
    row = _plain(row)
    before = state.senders[number - 1].held[customer]
    fresh = before is not None and before.fresh and row.state in ORDER_OF_WORK
    held = Held(_seen(row), calling, fresh) if row.by else None
    state = state._replace(rows=_put(state.rows, customer, row))
    return _with_held(state, number, customer, held)


def _recorded(state: State, product: Product, asked: Asked) -> State:
    """An answer recorded: by its call if that is the last one, else for what it proves."""
    number, customer = asked.sender, asked.customer
    state = state._replace(asked=tuple(each for each in state.asked if each != asked))
    held = state.senders[number - 1].held[customer]
    if held is not None and product.rules.belongs(held.row.call, asked.id):
        row = product.after_answer(held.row, asked.call, asked.age, asked.answer)
        if product.may_move(state.rows[customer], held.row, number):
            if asked.call in _SENDS and asked.answer not in {"lost", "sent"}:
                in_vain = _is_asked_to_send(state, customer)
                state = _with_box(state, customer, asked_in_vain=in_vain)
            made = asked.call is Call.CREATE_DRAFT and isinstance(asked.answer, tuple)
            state = _written(state, product, number, customer, row)
            is_new = made and asked.age == 0
            return _with_fresh(state, number, customer) if is_new else state
        state = _with_held(state, number, customer, None)
    there = state.rows[customer]
    proven = product.proves(there, asked.row, asked.call, asked.answer)
    if proven == there:
        return state
    return state._replace(rows=_put(state.rows, customer, _plain(proven)))


def _with_fresh(state: State, number: int, customer: int) -> State:
    held = state.senders[number - 1].held[customer]
    return state if held is None else _with_held(state, number, customer, held._replace(fresh=True))


# A call's progress: the thread's last check, the wire, Gmail, and the way back


def _calls_go_on(state: State, product: Product) -> Iterator[Next]:
    for at, asked in enumerate(state.asked):
        name = f"the call of {asked.sender} to {asked.call} of {asked.customer}"
        sender = None if asked.sender == NOBODY else state.senders[asked.sender - 1]
        if asked.stage == Stage.ISSUED:
            if sender is not None and not sender.asleep:
                holds = sender.lease > 0 or not product.rules.checks_its_lease
                yield from _leaves(state, at, asked, holds, name)
        elif asked.stage == Stage.WIRE:
            yield from _is_carried_out(state, product, at, asked, name)


def _leaves(state: State, at: int, asked: Asked, holds: bool, name: str) -> Iterator[Next]:
    leaves = asked._replace(stage=Stage.WIRE)
    if holds:
        yield f"{name} leaves", _with_asked(state, at, leaves)
        return
    answered = asked._replace(stage=Stage.ANSWERED, answer="not called")
    yield f"{name} is not made", _with_asked(state, at, answered)
    if state.budget.may("late"):
        yield f"{name} leaves too late", _with_asked(state, at, leaves, state.budget.spent("late"))


def _is_carried_out(
    state: State, product: Product, at: int, asked: Asked, name: str
) -> Iterator[Next]:
    answer, box = _done(state, product, asked)
    done = state._replace(boxes=_put(state.boxes, asked.customer, box))
    if asked.sender == NOBODY:
        yield f"{name} is carried out", _with_asked(done, at, None)
        yield f"{name} is not carried out", _with_asked(state, at, None)
        return
    answered = asked._replace(stage=Stage.ANSWERED, answer=answer)
    yield f"{name} is answered with {answer}", _with_asked(done, at, answered)
    budget = state.budget
    if budget.may("lost"):
        yield from _is_lost(state, done, at, asked, answer == "sent", name)
    wrong = _false_answer(asked, answer)
    if budget.may("false") and wrong:
        spent = budget.spent("false")
        falsely = asked._replace(stage=Stage.ANSWERED, answer=wrong)
        yield f"{name} is answered falsely with {wrong}", _with_asked(state, at, falsely, spent)
    if budget.may("refused") and (asked.call in _SENDS or asked.call is Call.CREATE_DRAFT):
        spent = budget.spent("refused")
        refused = asked._replace(stage=Stage.ANSWERED, answer="refused")
        yield f"{name} is refused", _with_asked(state, at, refused, spent)


def _is_lost(
    state: State, done: State, at: int, asked: Asked, sends: bool, name: str
) -> Iterator[Next]:
    """No answer comes: Gmail does nothing, has done it (`done`), or does it later."""
    spent = state.budget.spent("lost")
    if asked.call is Call.CHECK_AND_SEND:
        # Two requests. If the first one's answer is lost, the second one is not made.
        unlooked = asked._replace(stage=Stage.ANSWERED, answer="not called")
        yield f"{name} loses its look", _with_asked(state, at, unlooked, spent)
        if not sends:
            return
    lost = asked._replace(stage=Stage.ANSWERED, answer="lost")
    yield f"{name} is lost", _with_asked(state, at, lost, spent)
    yield f"{name} is lost on its way back", _with_asked(done, at, lost, spent)
    late = state._replace(asked=_sorted((*state.asked, asked._replace(sender=NOBODY))))
    yield f"{name} is carried out late", _with_asked(late, late.asked.index(asked), lost, spent)


def _false_answer(asked: Asked, answer: str | tuple[int, int]) -> str:
    """A 404 for an existing draft; a CONFIRM still sees it in the list."""
    if asked.call in _SENDS and answer in {"sent", "edited"}:
        return "404" if asked.call is Call.SEND_DRAFT else "gone"
    return "gone" if asked.call is Call.LOOK and answer == "seen" else ""


def _done(state: State, product: Product, asked: Asked) -> tuple[str | tuple[int, int], Box]:
    """Gmail's action for a call, and its answer."""
    box, draft = state.boxes[asked.customer], asked.row.draft
    if asked.call is Call.CREATE_DRAFT:
        made = (_unused_draft(state, asked.customer), 0)
        return made, box._replace(drafts=box.drafts | {made})
    content = next((content for name, content in box.drafts if name == draft), None)
    if asked.call in _SENDS:
        return _sent(box, state.rows[asked.customer], asked, content)
    if content is None:
        answer = "labelled sent" if draft in box.left else "gone"
        if asked.call in _DELETES and answer != "gone" and not product.rules.looks_before_deleting:
            return "deleted", box._replace(left=box.left - {draft})
        return answer, box
    if asked.call in _DELETES:
        return "deleted", box._replace(drafts=box.drafts - {(draft, content)})
    return "seen", box._replace(asked_in_vain=_is_asked_to_send(state, asked.customer))


def _sent(box: Box, row: Row, asked: Asked, content: int | None) -> tuple[str, Box]:
    draft = asked.row.draft
    looks = asked.call is Call.CHECK_AND_SEND
    if content is None and draft in box.left:
        return ("labelled sent" if looks else "not a draft"), box
    if content is None:
        return ("gone" if looks else "404"), box
    if looks and content not in {0, asked.row.message}:
        return "edited", box
    return "sent", box._replace(
        drafts=box.drafts - {(draft, content)},
        ours=(*box.ours, content),
        doubled=box.doubled or box.mails_of(row) >= box.allowed,
    )


def _is_asked_to_send(state: State, customer: int) -> bool:
    """Whether a sending call is still under way."""
    return any(
        each.customer == customer and each.call in _SENDS and each.stage < Stage.ANSWERED
        for each in state.asked
    )


# People


def _people_act(state: State, product: Product) -> Iterator[Next]:
    budget = state.budget
    for customer, (row, box) in enumerate(zip(state.rows, state.boxes, strict=True)):
        if budget.may("person"):
            spent = state._replace(budget=budget.spent("person"))
            for draft, content in box.drafts:
                yield from _in_gmail(spent, customer, draft, content)
        if budget.may("words") and row.state in {_S.UNKNOWN, _S.FAILED}:
            spent = state._replace(budget=budget.spent("words"))
            yield f"a person has {customer} sent again", sent_again(spent, product, customer)
        if row.state is _S.EDITED:
            yield from _decides(state, product, customer)
    if budget.may("withdrawals"):
        # One process withdraws; another may go on sending.
        for at, each in enumerate(state.senders):
            senders = _put(state.senders, at, each._replace(withdraws=True))
            spent = state._replace(senders=senders, budget=budget.spent("withdrawals"))
            yield f"a person withdraws with {at + 1}", spent


def _in_gmail(state: State, customer: int, draft: int, content: int) -> Iterator[Next]:
    row, box = state.rows[customer], state.boxes[customer]
    is_known = row.draft == draft
    without = box._replace(drafts=box.drafts - {(draft, content)})
    sent = without._replace(by_hand=(*box.by_hand, (draft, is_known)))
    yield f"a person sends {draft} of {customer}", _put_box(state, customer, sent)
    orphan = sent._replace(left=box.left | {draft})
    yield f"a person sends {draft} of {customer}: its id stays", _put_box(state, customer, orphan)
    deleted = without._replace(deleted=box.deleted | {draft})
    yield f"a person deletes {draft} of {customer}", _put_box(state, customer, deleted)
    if not _is_new(state, customer, draft):
        edited = without._replace(drafts=without.drafts | {(draft, content + 1)})
        yield f"a person edits {draft} of {customer}", _put_box(state, customer, edited)


def _is_new(state: State, customer: int, draft: int) -> bool:
    """Whether a draft was made a moment ago, and so is not checked before it is sent."""
    in_hands = (sender.held[customer] for sender in state.senders)
    if any(held is not None and held.fresh and held.row.draft == draft for held in in_hands):
        return True
    return any(
        each.customer == customer
        and (
            (each.age == 0 and isinstance(each.answer, tuple) and each.answer[0] == draft)
            or (each.call is Call.SEND_DRAFT and each.row.draft == draft)
        )
        for each in state.asked
    )


def _decides(state: State, product: Product, customer: int) -> Iterator[Next]:
    """A person sees a draft's current text, and decides about it."""
    row, box = state.rows[customer], state.boxes[customer]
    content = next((content for draft, content in box.drafts if draft == row.draft), None)
    plain = row._replace(state=_S.DRAFTED, by=0, until=0, call=0)
    if content is None:
        gone = _plain(plain._replace(gone=0))
        yield f"the draft of {customer} is gone", _put_row(state, customer, gone)
        return
    as_edited = _plain(plain._replace(message=content))
    yield f"a person sends {customer} as edited", _put_row(state, customer, as_edited)
    drafts = box.drafts - {(row.draft, content)} | {(row.draft, 0)}
    restored = _put_box(state, customer, box._replace(drafts=drafts))
    ours = _plain(plain._replace(message=0))
    yield f"a person restores {customer}", _put_row(restored, customer, ours)
    without = _put_box(state, customer, box._replace(drafts=box.drafts - {(row.draft, content)}))
    left_out = _plain(product.left_out(row)._replace(by=0, until=0, call=0))
    yield f"a person leaves {customer} out", _put_row(without, customer, left_out)


def sent_again(state: State, product: Product, customer: int) -> State:
    """A person sends a failed or unknown mail again; an unknown one allows a second mail."""
    row, box = state.rows[customer], state.boxes[customer]
    again = _plain(product.planned_again(row))
    if row.state is _S.UNKNOWN:
        state = _put_box(state, customer, box._replace(allowed=box.allowed + 1))
    return _put_row(state, customer, again)


# Processes and time


def _processes_fail(state: State) -> Iterator[Next]:
    budget = state.budget
    for number, sender in enumerate(state.senders, 1):
        at_work = any(sender.held) or any(each.sender == number for each in state.asked)
        if at_work and budget.may("crashes"):
            spent = budget.spent("crashes")
            yield f"{number} dies", _crashed(state, number)._replace(budget=spent)
        if sender.asleep:
            awake = sender._replace(asleep=False)
            yield f"{number} wakes", _put_sender(state, number, awake)
        elif at_work and budget.may("sleeps"):
            spent = budget.spent("sleeps")
            asleep = sender._replace(asleep=True)
            yield f"{number} sleeps", _put_sender(state, number, asleep)._replace(budget=spent)


def _crashed(state: State, number: int) -> State:
    rows = tuple(row._replace(by=DEAD) if row.by == number else row for row in state.rows)
    asked = [
        each._replace(sender=NOBODY) if each.sender == number else each
        for each in state.asked
        if each.sender != number or each.stage == Stage.WIRE
    ]
    withdraws = state.senders[number - 1].withdraws
    again = Sender(LEASE_TICKS, (None,) * len(rows), withdraws=withdraws)
    state = state._replace(rows=rows, asked=_sorted(asked))
    return _put_sender(state, number, again)


def _time_passes(state: State) -> Iterator[Next]:
    # Gmail carries out or drops a call within the settling time; a client waits less.
    if any(each.stage == Stage.WIRE and _is_due(each, state) for each in state.asked):
        return
    asked = tuple(
        each._replace(
            age=min(each.age + 1, SETTLE_TICKS + 1),
            on_wire=each.on_wire + (each.stage == Stage.WIRE),
        )
        for each in state.asked
    )
    senders = tuple(
        each._replace(
            lease=max(each.lease - 1, 0),
            held=tuple(held and _older_held(held) for held in each.held),
        )
        for each in state.senders
    )
    rows = tuple(_plain(_older(row)) for row in state.rows)
    later = state._replace(rows=rows, senders=senders, asked=asked)
    for number, sender in enumerate(senders, 1):
        if not sender.asleep and sender.lease > 0:  # after a long sleep, in its next turn
            later = _renewed(later, number)
    yield "a tick", later


def _is_due(asked: Asked, state: State) -> bool:
    waits = asked.sender != NOBODY and not state.senders[asked.sender - 1].asleep
    return asked.on_wire >= (1 if waits else SETTLE_TICKS - 1)


def _older_held(held: Held) -> Held:
    return Held(_plain(_older(held.row)), held.calling)


def _older(row: Row) -> Row:
    return row._replace(
        called=None if row.called is None else row.called - 1,
        gone=None if row.gone is None else row.gone - 1,
        until=row.until - 1,
    )


# Reduce states that differ only in names to one


def of_its_kind(state: State) -> State:
    """The same state with customers and senders in a canonical order."""
    return _by_sender(_by_customer(state))


def _by_customer(state: State) -> State:
    marks = [
        hash((row, box, tuple(sender.held[at] for sender in state.senders), _of(state, at)))
        for at, (row, box) in enumerate(zip(state.rows, state.boxes, strict=True))
    ]
    order = sorted(range(len(marks)), key=marks.__getitem__)
    if order == list(range(len(marks))):
        return state
    place = {old: new for new, old in enumerate(order)}
    senders = tuple(
        each._replace(held=tuple(each.held[old] for old in order)) for each in state.senders
    )
    return state._replace(
        rows=tuple(state.rows[old] for old in order),
        boxes=tuple(state.boxes[old] for old in order),
        senders=senders,
        asked=_sorted([e._replace(customer=place[e.customer]) for e in state.asked]),
    )


def _of(state: State, customer: int) -> tuple[Asked, ...]:
    return tuple(e._replace(customer=0) for e in state.asked if e.customer == customer)


def _by_sender(state: State) -> State:
    marks = [
        hash(
            (
                sender,
                tuple(row.by == number for row in state.rows),
                tuple(e._replace(sender=0) for e in state.asked if e.sender == number),
            )
        )
        for number, sender in enumerate(state.senders, 1)
    ]
    order = sorted(range(len(marks)), key=marks.__getitem__)
    if order == list(range(len(marks))):
        return state
    name = {old + 1: new + 1 for new, old in enumerate(order)} | {0: 0, DEAD: DEAD}
    return state._replace(
        rows=tuple(row._replace(by=name[row.by]) for row in state.rows),
        senders=tuple(state.senders[old] for old in order),
        asked=_sorted([e._replace(sender=name[e.sender]) for e in state.asked]),
    )


# Canonical values


def _plain(row: Row) -> Row:
    """The same row without values that no longer matter."""
    in_work = row.state in ORDER_OF_WORK
    called = row.called if row.state is _S.SENDING else None
    gone = row.gone if row.state in {_S.SENDING, _S.DRAFTED} else None
    again = row.evidence == SENT_AGAIN_KNOWINGLY
    keeps_evidence = row.state is _S.SENT or (in_work and again)
    by = row.by if in_work else 0
    return row._replace(
        asked=row.asked if in_work else 0,
        called=None if called is None else max(called, -SETTLE_TICKS),
        gone=None if gone is None else max(gone, -1),
        reason=row.reason if row.state is _S.DRAFTED or (in_work and row.draft) else "",
        evidence=row.evidence if keeps_evidence else "",
        by=by,
        until=max(row.until, -1) if by > 0 else 0,
    )


def _unused_call(state: State) -> int:
    used = {row.call for row in state.rows} | {each.id for each in state.asked}
    used |= {each.row.call for each in state.asked}
    return next(number for number in range(1, 99) if number not in used)


def _unused_draft(state: State, customer: int) -> int:
    box = state.boxes[customer]
    used = {draft for draft, _ in box.drafts} | box.left | box.deleted
    used |= {state.rows[customer].draft} | {draft for draft, _ in box.by_hand}
    used |= {each.row.draft for each in state.asked if each.customer == customer}
    used |= {each.answer[0] for each in state.asked if isinstance(each.answer, tuple)}
    return next(number for number in range(1, 99) if number not in used)


def _sorted(asked: list[Asked] | tuple[Asked, ...]) -> tuple[Asked, ...]:
    return tuple(sorted(asked, key=_order))


def _order(asked: Asked) -> tuple[int, int, int]:
    return asked.id, asked.sender, asked.stage


def _with_asked(state: State, at: int, asked: Asked | None, budget: Budget | None = None) -> State:
    calls = [each for number, each in enumerate(state.asked) if number != at]
    calls += [] if asked is None else [asked]
    return state._replace(asked=_sorted(calls), budget=budget or state.budget)


def _with_box(state: State, customer: int, *, asked_in_vain: bool) -> State:
    box = state.boxes[customer]._replace(asked_in_vain=asked_in_vain)
    return _put_box(state, customer, box)


def _with_held(state: State, number: int, customer: int, held: Held | None) -> State:
    sender = state.senders[number - 1]
    return _put_sender(state, number, sender._replace(held=_put(sender.held, customer, held)))


def _put_box(state: State, customer: int, box: Box) -> State:
    return state._replace(boxes=_put(state.boxes, customer, box))


def _put_row(state: State, customer: int, row: Row) -> State:
    return state._replace(rows=_put(state.rows, customer, row))


def _put_sender(state: State, number: int, sender: Sender) -> State:
    return state._replace(senders=_put(state.senders, number - 1, sender))


def _put(values: tuple[_T, ...], at: int, value: _T) -> tuple[_T, ...]:
    return (*values[:at], value, *values[at + 1 :])
