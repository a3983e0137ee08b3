"""One mail to one customer: what each answer of Gmail means, and that no order of them mails twice.

Pure: no network, no ledger. The table of allowed moves is held against every move that is made.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workflow.flows import delivery_steps as steps
from workflow.flows.delivery_steps import INFERRED, Answer, Call, Move
from workflow.google.faults import (
    GoogleFault,
    Refused,
    SignInNeeded,
    SlowDown,
    Undecided,
    Unreachable,
)
from workflow.google.gmail import Draft, Sent
from workflow.incident import DeliveryState as S
from workflow.ledger.deliveries import ALLOWED, Delivery

NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
SETTLE = timedelta(seconds=11)
LATER = NOON + timedelta(minutes=5)

LOST = Undecided("No answer came in time. It is not known.")
NOT_SENT = Unreachable("Could not be reached.")
WAIT = SlowDown("It asks to slow down.")
SIGN_IN = SignInNeeded("Sign in.")
BAD = Refused("Gmail refused this: bad address.", status=400)
GONE = Refused("Gmail has no such draft.", status=404)


def delivery(state: S = S.PLANNED, **values: Any) -> Delivery:
    blank: dict[str, Any] = {each.name: "" for each in fields(Delivery)}
    plain: dict[str, Any] = {"id": 1, "row": 2, "email": "ann@customer.example", "asked": 0}
    return Delivery(
        **(blank | plain | {"called_at": None, "sent_at": None} | {"state": state} | values)
    )


def drafted(asked: int = 0) -> Delivery:
    return delivery(S.DRAFTED, draft_id="r-1", asked=asked, called_at=NOON)


def sending(asked: int = 1, draft_id: str = "r-1") -> Delivery:
    return delivery(S.SENDING, draft_id=draft_id, asked=asked, called_at=NOON)


# What is to be done next


@pytest.mark.parametrize(
    ("waiting", "gmail_steps", "call", "before"),
    [
        (delivery(S.PLANNED), 2, Call.CREATE_DRAFT, (S.DRAFTING,)),
        (drafted(), 2, Call.SEND_DRAFT, (S.SENDING,)),
        (sending(), 2, Call.LOOK, ()),
        (delivery(S.PLANNED), 1, Call.SEND_MESSAGE, (S.SENDING,)),
    ],
)
def test_each_state_has_its_call_and_is_written_down_before_it(
    waiting: Delivery, gmail_steps: int, call: Call, before: tuple[S, ...]
) -> None:
    step = steps.next_call(waiting, steps=gmail_steps, now=LATER, settle=SETTLE)
    assert step.call is call
    assert step.due == LATER
    assert tuple(move.after for move in step.before) == before
    assert all(move.facts["called_at"] == LATER for move in step.before)


@pytest.mark.parametrize("asked", [0, 1, 2])
def test_each_asking_to_send_is_counted_before_it_is_made(asked: int) -> None:
    step = steps.next_call(drafted(asked), steps=2, now=LATER, settle=SETTLE)
    assert step.before[0].facts["asked"] == asked + 1


@pytest.mark.parametrize("state", [S.SENT, S.FAILED, S.UNKNOWN, S.DRAFTING])
def test_nothing_is_called_for_what_is_decided_or_just_being_asked(state: S) -> None:
    with pytest.raises(ValueError, match="nothing is to be done"):
        steps.next_call(delivery(state), steps=2, now=NOON, settle=SETTLE)


# What an answer means: one line of the table each

DRAFT, MAIL = Draft("r-9", "m-9", "t-9"), Sent("m-10", "t-10")
ACCEPTED = {"message_id": "m-10", "thread_id": "t-10", "evidence": "accepted by Gmail"}


@dataclass(frozen=True)
class Row:
    """A line: what was called for what, what came back, and what is written. None: look later."""

    name: str
    before: Delivery
    call: Call
    came: Any
    after: S | None
    facts: dict[str, Any] = field(default_factory=dict)


GUESSED = {"evidence": INFERRED}
REASON = {"reason": BAD.sentence}
DRAFTING = delivery(S.DRAFTING, called_at=NOON)
AT_ONCE = sending(draft_id="")
TABLE = [
    Row("a draft is made", DRAFTING, Call.CREATE_DRAFT, DRAFT, S.DRAFTED, {"draft_id": "r-9"}),
    Row("no asking yet", DRAFTING, Call.CREATE_DRAFT, DRAFT, S.DRAFTED, {"asked": 0}),
    Row("a refused draft fails", DRAFTING, Call.CREATE_DRAFT, BAD, S.FAILED, REASON),
    Row("a draft whose answer is lost is made anew", DRAFTING, Call.CREATE_DRAFT, LOST, S.PLANNED),
    Row("a draft that never left is made later", DRAFTING, Call.CREATE_DRAFT, NOT_SENT, S.PLANNED),
    Row("a draft over quota is made later", DRAFTING, Call.CREATE_DRAFT, WAIT, S.PLANNED),
    Row("a draft without sign-in is made later", DRAFTING, Call.CREATE_DRAFT, SIGN_IN, S.PLANNED),
    Row("accepted is sent", sending(), Call.SEND_DRAFT, MAIL, S.SENT, ACCEPTED),
    Row("a lost answer decides nothing", sending(), Call.SEND_DRAFT, LOST, None),
    Row("refused is failed", sending(), Call.SEND_DRAFT, BAD, S.FAILED, REASON),
    Row("gone at the first asking is not ours", sending(1), Call.SEND_DRAFT, GONE, S.UNKNOWN),
    Row(
        "gone at a later asking was sent by the first",
        sending(2), Call.SEND_DRAFT, GONE, S.SENT, GUESSED,
    ),
    Row("over quota was not asked", sending(1), Call.SEND_DRAFT, WAIT, S.DRAFTED, {"asked": 0}),
    Row("never left was not asked", sending(2), Call.SEND_DRAFT, NOT_SENT, S.DRAFTED, {"asked": 1}),
    Row("no sign-in was not asked", sending(1), Call.SEND_DRAFT, SIGN_IN, S.DRAFTED, {"asked": 0}),
    Row("a draft that is gone was sent", sending(), Call.LOOK, False, S.SENT, GUESSED),
    Row("a draft still there after all was not", sending(), Call.LOOK, True, S.DRAFTED),
    Row("a look that is lost decides nothing", sending(), Call.LOOK, LOST, None),
    Row("a look that never left decides nothing", sending(), Call.LOOK, NOT_SENT, None),
    Row("a look over quota decides nothing", sending(), Call.LOOK, WAIT, None),
    Row("a look without sign-in decides nothing", sending(), Call.LOOK, SIGN_IN, None),
    Row("a look that Gmail refuses will never decide", sending(), Call.LOOK, BAD, S.UNKNOWN),
    Row("at once: accepted is sent", AT_ONCE, Call.SEND_MESSAGE, MAIL, S.SENT, ACCEPTED),
    Row("at once: a lost answer stays unknown", AT_ONCE, Call.SEND_MESSAGE, LOST, S.UNKNOWN),
    Row("at once: refused is failed", AT_ONCE, Call.SEND_MESSAGE, BAD, S.FAILED),
    Row("at once: over quota waits", AT_ONCE, Call.SEND_MESSAGE, WAIT, S.PLANNED, {"asked": 0}),
    Row("at once: never left waits", AT_ONCE, Call.SEND_MESSAGE, NOT_SENT, S.PLANNED),
    Row("at once: no sign-in waits", AT_ONCE, Call.SEND_MESSAGE, SIGN_IN, S.PLANNED),
]  # fmt: skip


def answer(call: Call, came: Any, at: datetime = LATER) -> Answer:
    if isinstance(came, GoogleFault):
        return Answer(call, at, fault=came)
    return Answer(call, at, result=came)


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.name)
def test_an_answer_means(row: Row) -> None:
    move = steps.after_answer(row.before, answer(row.call, row.came), settle=SETTLE)
    assert (move and move.after) == row.after
    if move is not None:
        assert row.facts.items() <= move.facts.items()
        assert move.after in ALLOWED[row.before.state]
        assert move.after not in {S.FAILED, S.UNKNOWN} or move.facts["reason"]


def test_a_draft_that_is_still_there_is_not_sent_again_before_the_first_call_must_be_over() -> None:
    just_before = NOON + SETTLE - timedelta(milliseconds=1)
    for at, after in ((just_before, None), (NOON + SETTLE, S.DRAFTED)):
        move = steps.after_answer(sending(), answer(Call.LOOK, True, at), settle=SETTLE)
        assert (move and move.after) == after


def test_after_a_lost_answer_gmail_is_asked_in_a_second_and_then_once_it_is_settled() -> None:
    second = timedelta(seconds=1)
    lost = answer(Call.SEND_DRAFT, LOST, NOON)
    assert steps.look_again_at(sending(), lost, SETTLE) == NOON + second
    there = answer(Call.LOOK, True, NOON + second)
    assert steps.look_again_at(sending(), there, SETTLE) == NOON + SETTLE


@pytest.mark.parametrize(
    ("left", "gmail_steps", "after"),
    [
        (delivery(S.PLANNED), 2, None),
        (delivery(S.DRAFTING), 2, S.PLANNED),
        (drafted(), 2, None),
        (sending(), 2, None),
        (AT_ONCE, 1, S.UNKNOWN),
    ],
)
def test_what_a_process_that_is_gone_has_left_behind(
    left: Delivery, gmail_steps: int, after: S | None
) -> None:
    taken = steps.take_up(left, steps=gmail_steps)
    assert [move.after for move in taken.moves] == ([] if after is None else [after])
    assert taken.orphan_possible is (left.state is S.DRAFTING)


# Any order of answers, crashes and people at the mailbox


@dataclass
class ModelGmail:
    """A mailbox in which a draft can be sent once, and then is gone."""

    drafts: set[str] = field(default_factory=set)
    mails: int = 0
    made: int = 0
    late: list[tuple[datetime, Callable[[], None]]] = field(default_factory=list)

    def work(self, call: Call, draft_id: str) -> Any:
        """Do what is asked; the result, or the refusal."""
        if call is Call.CREATE_DRAFT:
            self.made += 1
            self.drafts.add(f"r-{self.made}")
            return Draft(f"r-{self.made}", "m", "t")
        if call is Call.LOOK:
            return draft_id in self.drafts
        if call is Call.SEND_DRAFT and draft_id not in self.drafts:
            return GONE
        self.drafts.discard(draft_id)
        self.mails += 1
        return MAIL

    def pass_time(self, now: datetime) -> None:
        """Do what was asked for earlier and took long."""
        due = [work for at, work in self.late if at <= now]
        self.late = [each for each in self.late if each[0] > now]
        for work in due:
            work()


ANSWERED = ("well", "lost before", "lost after", "late", "slow down", "unreachable", "sign in")
CRASHES = ("dies before the call", "dies after the call")
HAPPENINGS = st.tuples(
    st.sampled_from((*ANSWERED, "well", "well", *CRASHES)),
    st.floats(0, 30),  # seconds until the next thing happens, beyond what is due
)


@dataclass
class ModelSender:
    """One delivery in the hands of one process after another. Every move is checked."""

    gmail_steps: int
    gmail: ModelGmail = field(default_factory=ModelGmail)
    delivery: Delivery = field(default_factory=delivery)
    now: datetime = NOON
    due: datetime = NOON

    def happens(self, what: str, seconds: float) -> None:
        self.now = max(self.now + timedelta(seconds=seconds), self.due)
        self.gmail.pass_time(self.now)
        step = steps.next_call(self.delivery, steps=self.gmail_steps, now=self.now, settle=SETTLE)
        self._write(*step.before)
        if what == "dies before the call":
            self._taken_over()
            return
        came = self._call(step.call, what)
        if what == "dies after the call":
            self._taken_over()
            return
        said = answer(step.call, came, self.now)
        move = steps.after_answer(self.delivery, said, settle=SETTLE)
        if move is None:
            self.due = max(self.due, steps.look_again_at(self.delivery, said, SETTLE))
        else:
            self._write(move)

    def _call(self, call: Call, what: str) -> Any:
        refusals = {"slow down": WAIT, "unreachable": NOT_SENT, "sign in": SIGN_IN}
        if what in refusals:
            return refusals[what]
        draft_id = self.delivery.draft_id
        if what == "late":
            done_at = self.now + SETTLE * 0.9
            self.gmail.late.append((done_at, lambda: self.gmail.work(call, draft_id) and None))
        if what in {"late", "lost before"}:
            return LOST
        came = self.gmail.work(call, draft_id)
        return LOST if what == "lost after" else came

    def _taken_over(self) -> None:
        taken = steps.take_up(self.delivery, steps=self.gmail_steps)
        self._write(*taken.moves)
        self.due = self.now

    def _write(self, *moves: Move) -> None:
        for move in moves:
            assert move.after in ALLOWED[self.delivery.state], (self.delivery.state, move)
            self.delivery = replace(self.delivery, state=move.after, **move.facts)

    @property
    def is_decided(self) -> bool:
        return self.delivery.state in {S.SENT, S.FAILED, S.UNKNOWN}

    def finish(self) -> None:
        """All goes well from now on, as when a person resumes on a good day."""
        for _ in range(10):
            if self.is_decided:
                break
            self.happens("well", 1)
        self.gmail.pass_time(self.now + timedelta(days=1))


@settings(max_examples=120, deadline=None)
@given(st.lists(HAPPENINGS, max_size=14))
def test_in_two_steps_any_order_of_answers_and_crashes_ends_in_exactly_one_mail(
    story: list[tuple[str, float]],
) -> None:
    sender = ModelSender(gmail_steps=2)
    for what, seconds in story:
        if not sender.is_decided:
            sender.happens(what, seconds)
    sender.finish()
    assert sender.delivery.state is S.SENT
    assert sender.gmail.mails == 1


@settings(max_examples=120, deadline=None)
@given(st.lists(HAPPENINGS, max_size=14))
def test_in_one_step_no_order_mails_twice_and_what_is_called_sent_or_failed_is_true(
    story: list[tuple[str, float]],
) -> None:
    sender = ModelSender(gmail_steps=1)
    for what, seconds in story:
        if not sender.is_decided:
            sender.happens(what, seconds)
    sender.finish()
    assert sender.gmail.mails <= 1
    assert sender.delivery.state in {S.SENT, S.UNKNOWN}
    if sender.delivery.state is S.SENT:
        assert sender.gmail.mails == 1


@settings(max_examples=120, deadline=None)
@given(
    st.lists(
        st.tuples(HAPPENINGS, st.sampled_from(["nobody", "nobody", "deletes it", "sends it"])),
        max_size=14,
    )
)
def test_a_person_who_deletes_or_sends_the_draft_by_hand_never_makes_it_two(
    story: list[tuple[tuple[str, float], str]],
) -> None:
    sender = ModelSender(gmail_steps=2)
    for (what, seconds), person in story:
        if sender.is_decided:
            break
        draft = sender.delivery.draft_id
        if person != "nobody" and draft in sender.gmail.drafts:
            sender.gmail.drafts.discard(draft)
            sender.gmail.mails += person == "sends it"
        sender.happens(what, seconds)
    sender.finish()
    assert sender.gmail.mails <= 1
    assert sender.delivery.state in {S.SENT, S.UNKNOWN}
