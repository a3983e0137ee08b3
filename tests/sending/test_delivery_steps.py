"""One mail to one customer: the meaning of each answer of Gmail, and never two mails.

Pure: no network, no ledger. Each move is checked against the table of allowed moves.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workflow.google.faults import (
    GoogleFault,
    NotCalled,
    Refused,
    SignInNeeded,
    SlowDown,
    Undecided,
    Unreachable,
)
from workflow.google.gmail import AcceptedMail, Draft, DraftRead, DraftSeen
from workflow.ledger.deliveries import ALLOWED, SENT_AGAIN_KNOWINGLY, WITHDRAWN, Delivery
from workflow.model import DeliveryState as S
from workflow.sending import delivery_steps as steps
from workflow.sending.delivery_steps import (
    AFTER_A_LOOK,
    BY_A_PERSON,
    CONFIRM_AFTER,
    FIRST_LOOK_AFTER,
    FOUND_SENT,
    INFERRED,
    Answer,
    Call,
    Move,
    TakenBack,
)

NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
SETTLE = timedelta(seconds=11)
LATER = NOON + timedelta(minutes=5)

LOST = Undecided("No answer came in time. It is not known.")
NOT_SENT = Unreachable("Could not be reached.")
WAIT = SlowDown("It asks to slow down.")
SIGN_IN = SignInNeeded("Sign in.")
BAD = Refused("Gmail refused this: bad address.", status=400)
GONE = Refused("Gmail has no such draft.", status=404)
NO_MORE = Refused("Gmail refused this.", status=400, detail="Message not a draft")
SLEPT = NotCalled("It stood still for too long.")


def delivery(state: S = S.PLANNED, **values: Any) -> Delivery:
    blank: dict[str, Any] = {each.name: "" for each in fields(Delivery)}
    plain: dict[str, Any] = {"id": 1, "row": 2, "email": "ann@customer.example", "asked": 0}
    blank["gone_at"] = None
    return Delivery(
        **(blank | plain | {"called_at": None, "sent_at": None} | {"state": state} | values)
    )


def drafted(asked: int = 0) -> Delivery:
    return delivery(S.DRAFTED, draft_id="r-1", asked=asked, called_at=NOON)


def sending(asked: int = 1, draft_id: str = "r-1") -> Delivery:
    return delivery(S.SENDING, draft_id=draft_id, asked=asked, called_at=NOON)


def missed(waiting: Delivery) -> Delivery:
    """The same delivery, after Gmail has answered that its draft does not exist."""
    return replace(waiting, gone_at=NOON)


# The next call


@pytest.mark.parametrize(
    ("waiting", "gmail_steps", "call", "before"),
    [
        (delivery(S.PLANNED), 2, Call.CREATE_DRAFT, (S.DRAFTING,)),
        (drafted(), 2, Call.CHECK_AND_SEND, (S.SENDING,)),
        (sending(), 2, Call.LOOK, (S.SENDING,)),
        (missed(sending()), 2, Call.CONFIRM, (S.SENDING,)),
        (missed(drafted()), 2, Call.CONFIRM, (S.DRAFTED,)),
        (replace(drafted(), reason="Gmail refused this."), 2, Call.WITHDRAW, (S.DRAFTED,)),
        (delivery(S.PLANNED, draft_id="r-1"), 2, Call.REPLACE, (S.PLANNED,)),
        (delivery(S.PLANNED), 1, Call.SEND_MESSAGE, (S.SENDING,)),
    ],
)
def test_each_state_has_its_call_and_is_written_down_before_it(
    waiting: Delivery, gmail_steps: int, call: Call, before: tuple[S, ...]
) -> None:
    step = steps.next_call(waiting, steps=gmail_steps, now=LATER)
    assert step.call is call
    assert step.due == LATER
    assert tuple(move.after for move in step.before) == before
    assert all(move.after in ALLOWED[waiting.state] for move in step.before)
    if step.call.sends or step.call is Call.CREATE_DRAFT:
        assert all(move.facts["called_at"] == LATER for move in step.before)


def test_a_draft_that_was_made_a_moment_ago_need_not_be_looked_at() -> None:
    step = steps.next_call(drafted(), steps=2, now=LATER, fresh=True)
    assert step.call is Call.SEND_DRAFT
    # A missing draft is looked for, however new it is.
    assert steps.next_call(missed(drafted()), steps=2, now=LATER, fresh=True).call is Call.CONFIRM


@pytest.mark.parametrize(
    ("waiting", "call"),
    [
        (drafted(), Call.WITHDRAW),
        (delivery(S.PLANNED, draft_id="r-1"), Call.WITHDRAW),
        (sending(), Call.LOOK),
        (missed(sending()), Call.CONFIRM),
    ],
)
def test_what_is_taken_back_is_never_sent(waiting: Delivery, call: Call) -> None:
    step = steps.next_call(waiting, steps=2, now=LATER, withdraw=True)
    assert step.call is call
    assert not step.call.sends


def test_a_draft_is_not_looked_for_while_gmail_is_likely_to_be_just_sending_it() -> None:
    assert steps.next_call(sending(), steps=2, now=NOON).due == NOON + FIRST_LOOK_AFTER
    assert steps.next_call(sending(), steps=2, now=LATER).due == LATER


def test_only_what_is_planned_without_a_draft_is_withdrawn_without_a_call() -> None:
    move = steps.withdrawn_without_a_call(delivery(S.PLANNED))
    assert move is not None
    assert (move.after, move.facts["reason"]) == (S.FAILED, WITHDRAWN)
    for other in (drafted(), sending(), delivery(S.PLANNED, draft_id="r-1"), delivery(S.DRAFTING)):
        assert steps.withdrawn_without_a_call(other) is None


def test_a_draft_that_was_not_found_is_looked_for_again_after_a_pause() -> None:
    waiting = missed(drafted())
    assert steps.next_call(waiting, steps=2, now=NOON).due == NOON + CONFIRM_AFTER
    hour = timedelta(hours=1)  # missed by a clock that was set back since
    later = replace(waiting, gone_at=NOON + hour)
    assert steps.next_call(later, steps=2, now=NOON).due == NOON + CONFIRM_AFTER


@pytest.mark.parametrize("asked", [0, 1, 2])
def test_each_asking_to_send_is_counted_before_it_is_made(asked: int) -> None:
    step = steps.next_call(drafted(asked), steps=2, now=LATER)
    assert step.before[0].facts["asked"] == asked + 1


@pytest.mark.parametrize("state", [S.SENT, S.FAILED, S.UNKNOWN, S.DRAFTING])
def test_nothing_is_called_for_what_is_decided_or_just_being_asked(state: S) -> None:
    with pytest.raises(ValueError, match="there is no step"):
        steps.next_call(delivery(state), steps=2, now=NOON)


# The meaning of each answer: one line per case

SEEN = DraftSeen("m-9", "t-9", frozenset({"DRAFT"}))
LEFT = DraftSeen("m-10", "t-9", frozenset({"SENT"}))
DELETED = TakenBack.DELETED
DRAFT, MAIL = Draft("r-9", "m-9", "t-9"), AcceptedMail("m-10", "t-10")
ACCEPTED = {"message_id": "m-10", "thread_id": "t-10", "evidence": "accepted by Gmail"}


@dataclass(frozen=True)
class Row:
    """A case: the call and its answer, and the state to write. None: look later."""

    name: str
    before: Delivery
    call: Call
    came: Any
    after: S | None
    facts: dict[str, Any] = field(default_factory=dict)


GUESSED = {"evidence": INFERRED}
SOMEBODY = {"reason": "somebody sent or deleted the draft in Gmail before it was to be sent"}
REASON = {"reason": BAD.sentence}
DRAFTING = delivery(S.DRAFTING, called_at=NOON)
AT_ONCE = sending(draft_id="")
REFUSED_ONCE = replace(drafted(), reason=BAD.sentence)
PLANNED_OVER = delivery(S.PLANNED, draft_id="r-1")
BY_WORD = replace(PLANNED_OVER, evidence=SENT_AGAIN_KNOWINGLY)
NOT_FOUND = {"asked": 0, "gone_at": LATER}
MINE, THEIRS = {"evidence": FOUND_SENT}, {"evidence": BY_A_PERSON}
NO_DRAFT = {"draft_id": "", "gone_at": None}
FOUND = {"asked": 0, "gone_at": None}
TABLE = [
    Row("a draft is made", DRAFTING, Call.CREATE_DRAFT, DRAFT, S.DRAFTED, {"draft_id": "r-9"}),
    Row("its message", DRAFTING, Call.CREATE_DRAFT, DRAFT, S.DRAFTED, {"draft_message_id": "m-9"}),
    Row("no asking yet", DRAFTING, Call.CREATE_DRAFT, DRAFT, S.DRAFTED, FOUND),
    Row("a refused draft fails", DRAFTING, Call.CREATE_DRAFT, BAD, S.FAILED, REASON),
    Row("a draft whose answer is lost is made again", DRAFTING, Call.CREATE_DRAFT, LOST, S.PLANNED),
    Row("a draft that never left is made later", DRAFTING, Call.CREATE_DRAFT, NOT_SENT, S.PLANNED),
    Row("a draft that was slept over too", DRAFTING, Call.CREATE_DRAFT, SLEPT, S.PLANNED),
    Row("a draft over quota is made later", DRAFTING, Call.CREATE_DRAFT, WAIT, S.PLANNED),
    Row("a draft without sign-in is made later", DRAFTING, Call.CREATE_DRAFT, SIGN_IN, S.PLANNED),
    Row("accepted is sent", sending(), Call.SEND_DRAFT, MAIL, S.SENT, ACCEPTED),
    Row("a lost answer decides nothing", sending(), Call.SEND_DRAFT, LOST, None),
    Row("refused loses its draft first", sending(), Call.SEND_DRAFT, BAD, S.DRAFTED, REASON),
    Row("and is failed then", REFUSED_ONCE, Call.WITHDRAW, DELETED, S.FAILED, REASON | NO_DRAFT),
    Row("refused after a lost answer: look", sending(2), Call.SEND_DRAFT, BAD, None),
    Row("a 404 is looked into", sending(1), Call.SEND_DRAFT, GONE, S.DRAFTED, NOT_FOUND),
    Row("so is 'not a draft'", sending(1), Call.SEND_DRAFT, NO_MORE, S.DRAFTED, NOT_FOUND),
    Row("it was not this asking", sending(2), Call.SEND_DRAFT, GONE, S.DRAFTED, {"asked": 1}),
    Row("over quota was not asked", sending(1), Call.SEND_DRAFT, WAIT, S.DRAFTED, {"asked": 0}),
    Row("never left was not asked", sending(2), Call.SEND_DRAFT, NOT_SENT, S.DRAFTED, {"asked": 1}),
    Row("slept over was not asked", sending(1), Call.SEND_DRAFT, SLEPT, S.DRAFTED, {"asked": 0}),
    Row("no sign-in was not asked", sending(1), Call.SEND_DRAFT, SIGN_IN, S.DRAFTED, {"asked": 0}),
    Row("one 404 is no proof", sending(), Call.LOOK, None, S.SENDING, {"gone_at": LATER}),
    Row("a second is: it was sent", missed(sending()), Call.CONFIRM, None, S.SENT, GUESSED),
    Row("gone, never asked for", missed(drafted()), Call.CONFIRM, None, S.UNKNOWN, SOMEBODY),
    Row("gone, once asked for", missed(drafted(1)), Call.CONFIRM, None, S.SENT, GUESSED),
    Row("it was there all along", missed(sending()), Call.CONFIRM, SEEN, S.DRAFTED, FOUND),
    Row("unsent too", missed(drafted()), Call.CONFIRM, SEEN, S.DRAFTED, FOUND),
    Row("still there after all", sending(), Call.LOOK, SEEN, S.DRAFTED, FOUND),
    Row("gone after it was seen", missed(sending(0)), Call.CONFIRM, None, S.UNKNOWN),
    Row("labelled SENT, by us", sending(), Call.LOOK, LEFT, S.SENT, MINE),
    Row("labelled SENT, not by us", missed(drafted()), Call.CONFIRM, LEFT, S.SENT, THEIRS),
    Row("a look that is lost decides nothing", sending(), Call.LOOK, LOST, None),
    Row("a look that never left decides nothing", sending(), Call.LOOK, NOT_SENT, None),
    Row("a look that was slept over decides nothing", sending(), Call.LOOK, SLEPT, None),
    Row("a look over quota decides nothing", sending(), Call.LOOK, WAIT, None),
    Row("a look without sign-in decides nothing", sending(), Call.LOOK, SIGN_IN, None),
    Row("a look that Gmail refuses will never decide", sending(), Call.LOOK, BAD, S.UNKNOWN),
    Row("taken back", drafted(), Call.WITHDRAW, DELETED, S.FAILED, {"reason": WITHDRAWN}),
    Row("sent before it was taken back", drafted(), Call.WITHDRAW, LEFT, S.SENT, THEIRS),
    Row("gone before it was taken back", drafted(), Call.WITHDRAW, None, S.UNKNOWN),
    Row("not yet taken back", drafted(), Call.WITHDRAW, LOST, None),
    Row("refused to delete", drafted(), Call.WITHDRAW, BAD, None),
    Row("room for another draft", PLANNED_OVER, Call.REPLACE, DELETED, S.PLANNED, NO_DRAFT),
    Row("no other draft after one that left", BY_WORD, Call.REPLACE, LEFT, S.SENT, THEIRS),
    Row("nor after one that is gone", PLANNED_OVER, Call.REPLACE, None, S.UNKNOWN),
    Row("but on request", BY_WORD, Call.REPLACE, None, S.PLANNED, NO_DRAFT),
    Row("at once: accepted is sent", AT_ONCE, Call.SEND_MESSAGE, MAIL, S.SENT, ACCEPTED),
    Row("at once: a lost answer stays unknown", AT_ONCE, Call.SEND_MESSAGE, LOST, S.UNKNOWN),
    Row("at once: refused is failed", AT_ONCE, Call.SEND_MESSAGE, BAD, S.FAILED),
    Row("at once: over quota waits", AT_ONCE, Call.SEND_MESSAGE, WAIT, S.PLANNED, {"asked": 0}),
    Row("at once: never left waits", AT_ONCE, Call.SEND_MESSAGE, NOT_SENT, S.PLANNED),
    Row("at once: slept over waits", AT_ONCE, Call.SEND_MESSAGE, SLEPT, S.PLANNED, {"asked": 0}),
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
    for at, after in ((just_before, S.SENDING), (NOON + SETTLE, S.DRAFTED)):
        move = steps.after_answer(sending(), answer(Call.LOOK, SEEN, at), settle=SETTLE)
        assert move is not None
        # Either way no request is under way any more, as a later look may assume.
        assert (move.after, move.facts["asked"]) == (after, 0)


def test_after_a_lost_answer_gmail_is_asked_in_a_second_and_then_once_it_is_settled() -> None:
    second = timedelta(seconds=1)
    lost = answer(Call.SEND_DRAFT, LOST, NOON)
    assert steps.look_again_at(sending(), lost, SETTLE) == NOON + second
    there = answer(Call.LOOK, SEEN, NOON + second)
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
    taken = steps.take_up(left, steps=gmail_steps, now=LATER)
    assert [move.after for move in taken.moves] == ([] if after is None else [after])
    assert taken.orphan_possible is (left.state is S.DRAFTING)


def test_a_call_of_a_time_to_come_was_made_by_a_clock_that_was_set_back_and_counts_as_now() -> None:
    ahead = replace(sending(), called_at=NOON + timedelta(hours=3))
    (move,) = steps.take_up(ahead, steps=2, now=NOON).moves
    assert (move.after, move.facts) == (S.SENDING, {"called_at": NOON})
    assert steps.take_up(sending(), steps=2, now=NOON).moves == ()


PROOF = Answer(Call.SEND_DRAFT, NOON, result=MAIL)


def test_only_a_200_to_a_call_that_sends_is_proof_for_any_holder() -> None:
    proven = steps.proof_of(sending(), PROOF)
    assert proven is not None
    assert proven.after is S.SENT
    assert steps.proof_of(sending(), Answer(Call.SEND_DRAFT, NOON, fault=GONE)) is None
    assert steps.proof_of(sending(), Answer(Call.LOOK, NOON, result=LEFT)) is None
    assert steps.proof_of(DRAFTING, Answer(Call.CREATE_DRAFT, NOON, result=DRAFT)) is None


def test_a_deletion_that_gmail_confirms_late_is_proof_that_the_draft_was_not_sent() -> None:
    deleted = Answer(Call.WITHDRAW, NOON, result=TakenBack.DELETED)
    proven = steps.proof_of(drafted(), deleted)
    assert proven is not None
    assert (proven.after, proven.facts["reason"]) == (S.FAILED, WITHDRAWN)
    # Another draft is made after this deletion; and a mail that may have been sent before stays so.
    assert steps.proof_of(drafted(), replace(deleted, call=Call.REPLACE)) is None
    again = replace(drafted(), evidence=SENT_AGAIN_KNOWINGLY)
    assert steps.proof_of(again, deleted) is None
    for came in (None, LEFT):
        assert steps.proof_of(drafted(), Answer(Call.WITHDRAW, NOON, result=came)) is None
    assert steps.proof_of(drafted(), Answer(Call.WITHDRAW, NOON, fault=LOST)) is None


@pytest.mark.parametrize(
    ("came", "may_lie"),
    [(DRAFT, True), (LOST, True), (BAD, True), (NOT_SENT, False), (WAIT, False)],
)
def test_which_answers_may_leave_a_draft_that_no_row_knows(came: Any, may_lie: bool) -> None:
    assert steps.may_have_left_a_draft(answer(Call.CREATE_DRAFT, came)) is may_lie
    assert not steps.may_have_left_a_draft(answer(Call.SEND_DRAFT, came))


EDIT = DraftRead(DraftSeen("m-2", "t", frozenset({"DRAFT"})), b"")


@pytest.mark.parametrize(
    ("asked", "came", "after", "facts"),
    [
        (1, MAIL, S.SENT, {"evidence": AFTER_A_LOOK}),
        (1, None, S.DRAFTED, {"asked": 0, "gone_at": NOON}),
        (1, LEFT, S.SENT, {"evidence": BY_A_PERSON}),
        (2, LEFT, S.SENT, {"evidence": FOUND_SENT}),
        (1, EDIT, S.EDITED, {"asked": 0, "gone_at": None}),
        (1, NOT_SENT, S.DRAFTED, {"asked": 0}),
        (1, GONE, S.DRAFTED, {"asked": 0, "gone_at": NOON}),
        (1, LOST, None, {}),
    ],
)
def test_what_comes_of_looking_at_a_draft_and_sending_it(
    asked: int, came: Any, after: S | None, facts: dict[str, Any]
) -> None:
    said = answer(Call.CHECK_AND_SEND, came, NOON)
    move = steps.after_answer(sending(asked), said, settle=SETTLE)
    assert (move and move.after) == after
    if move is not None:
        assert facts.items() <= move.facts.items()
        proven = steps.proof_of(sending(asked), said)
        assert (proven is not None) == (after is S.SENT)


# Any order of answers, crashes and people at the mailbox


@dataclass
class ModelGmail:
    """A mailbox in which a draft can be sent once, and then disappears.

    `drafts` has the message id of each draft; `left` has those of the sent mails.
    """

    drafts: dict[str, str] = field(default_factory=dict)
    left: list[str] = field(default_factory=list)
    made: int = 0
    late: list[tuple[datetime, Callable[[], None]]] = field(default_factory=list)

    @property
    def mails(self) -> int:
        return len(self.left)

    def work(self, call: Call, draft_id: str, message_id: str) -> Any:
        """Carry out a call; returns the result, or the error."""
        if call is Call.CREATE_DRAFT:
            self.made += 1
            self.drafts[f"r-{self.made}"] = f"m-{self.made}"
            return Draft(f"r-{self.made}", f"m-{self.made}", "t")
        if call in {Call.LOOK, Call.CONFIRM}:
            return SEEN if draft_id in self.drafts else None
        if call is Call.CHECK_AND_SEND:
            there = self.drafts.get(draft_id)
            if there is None or there != message_id:
                return there and DraftRead(DraftSeen(there, "t", frozenset({"DRAFT"})), b"")
        if call is Call.SEND_DRAFT and draft_id not in self.drafts:
            return GONE
        self.left.append(self.drafts.pop(draft_id, ""))
        return MAIL

    def edit(self, draft_id: str) -> None:
        """A person changes a draft."""
        self.made += 1
        self.drafts[draft_id] = f"m-{self.made}"

    def pass_time(self, now: datetime) -> None:
        """Carry out earlier calls that took long."""
        due = [work for at, work in self.late if at <= now]
        self.late = [each for each in self.late if each[0] > now]
        for work in due:
            work()


ANSWERED = ("well", "lost before", "lost after", "late", "slow down", "unreachable", "sign in")
CRASHES = ("dies before the call", "dies after the call")
HAPPENINGS = st.tuples(
    st.sampled_from((*ANSWERED, "well", "well", *CRASHES)),
    st.floats(0, 30),  # seconds until the next thing happens, after what is due
)


@dataclass
class ModelSender:
    """One delivery, held by one process after another. Every move is checked."""

    gmail_steps: int
    gmail: ModelGmail = field(default_factory=ModelGmail)
    delivery: Delivery = field(default_factory=delivery)
    now: datetime = NOON
    due: datetime = NOON

    def happens(self, what: str, seconds: float) -> None:
        self.now = max(self.now + timedelta(seconds=seconds), self.due)
        self.gmail.pass_time(self.now)
        step = steps.next_call(self.delivery, steps=self.gmail_steps, now=self.now)
        self.now = max(self.now, step.due)
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
        draft = self.delivery.draft_id, self.delivery.draft_message_id
        if what == "late":
            done_at = self.now + SETTLE * 0.9
            self.gmail.late.append((done_at, lambda: self.gmail.work(call, *draft) and None))
        if what in {"late", "lost before"}:
            return LOST
        came = self.gmail.work(call, *draft)
        return LOST if what == "lost after" else came

    def _taken_over(self) -> None:
        taken = steps.take_up(self.delivery, steps=self.gmail_steps, now=self.now)
        self._write(*taken.moves)
        self.due = self.now

    def _write(self, *moves: Move) -> None:
        for move in moves:
            assert move.after in ALLOWED[self.delivery.state], (self.delivery.state, move)
            self.delivery = replace(self.delivery, state=move.after, **move.facts)

    def send_as_edited(self) -> None:
        """A person decides to send the draft as it is now."""
        there = self.gmail.drafts.get(self.delivery.draft_id, "")
        self._write(Move(S.DRAFTED, {"draft_message_id": there}))

    @property
    def is_decided(self) -> bool:
        return self.delivery.state in {S.SENT, S.FAILED, S.UNKNOWN}

    def finish(self) -> None:
        """Finish without further faults, as when a person resumes on a good day."""
        for _ in range(10):
            if self.is_decided or self.delivery.state is S.EDITED:
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
    assert sender.gmail.mails == 1
    # The draft was seen after its send was requested, and Gmail sent it late: it can't be told from
    # a draft that a person deleted.
    late = any(what == "late" for what, _ in story)
    assert sender.delivery.state is S.SENT or (late and sender.delivery.state is S.UNKNOWN)


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
    deleted = False
    for (what, seconds), person in story:
        if sender.is_decided:
            break
        draft = sender.delivery.draft_id
        if person != "nobody" and draft in sender.gmail.drafts:
            message_id = sender.gmail.drafts.pop(draft)
            if person == "sends it":
                sender.gmail.left.append(message_id)
            deleted |= person == "deletes it"
        sender.happens(what, seconds)
    sender.finish()
    assert sender.gmail.mails <= 1
    assert sender.delivery.state in {S.SENT, S.UNKNOWN}
    if sender.delivery.state is S.SENT:
        # Deleted, then requested with the answer lost, and never seen since: that looks sent.
        assert sender.gmail.mails == 1 or (deleted and sender.delivery.evidence == INFERRED)


@settings(max_examples=120, deadline=None)
@given(st.lists(st.tuples(HAPPENINGS, st.sampled_from(["", "edits it", "decides"])), max_size=14))
def test_a_person_who_edits_the_draft_is_asked_before_those_words_leave(
    story: list[tuple[tuple[str, float], str]],
) -> None:
    sender = ModelSender(gmail_steps=2)
    agreed = {""}
    for (what, seconds), person in story:
        draft = sender.delivery.draft_id
        # Until a lost call is settled it may still be under way: no edit can be seen in time.
        if person == "edits it" and draft in sender.gmail.drafts and not sender.gmail.late:
            sender.gmail.edit(draft)
        if sender.delivery.state is S.EDITED and person == "decides":
            sender.send_as_edited()
        if sender.is_decided:
            break
        if sender.delivery.state is not S.EDITED:
            sender.happens(what, seconds)
        agreed.add(sender.delivery.draft_message_id)
    sender.finish()
    assert set(sender.gmail.left) <= agreed | {sender.delivery.draft_message_id}
    if sender.delivery.state is S.EDITED:
        assert sender.gmail.mails == 0
    if sender.delivery.state is S.SENT:
        assert sender.gmail.left == [sender.delivery.draft_message_id]
