"""The next step of one delivery, and the meaning of each Gmail answer.

Pure: takes a delivery and an event, returns a move of the ledger. This module decides exactly-once,
so each line has its reason.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from workflow.google.faults import GoogleFault, Refused, Undecided
from workflow.google.gmail import AcceptedMail, DraftRead, DraftSeen
from workflow.ledger.deliveries import SENT_AGAIN_KNOWINGLY, WITHDRAWN, Delivery
from workflow.model import DeliveryState, MailTransport

_S = DeliveryState


class Call(StrEnum):
    """A call to Gmail for one delivery."""

    CREATE_DRAFT = "create the draft"
    SEND_DRAFT = "send the draft"
    CHECK_AND_SEND = "look at the draft, and send it unless somebody edited it"
    LOOK = "look for the draft"
    CONFIRM = "look for a draft that was not found"
    WITHDRAW = "delete the draft"
    REPLACE = "delete the draft before there is another"
    SEND_MESSAGE = "send the message"
    RELAY = "hand the message to the relay"

    @property
    def units(self) -> int:
        """The call's cost in Gmail's quota units; a relay counts mails."""
        return _UNITS[self]

    @property
    def sends(self) -> bool:
        """Whether the call sends a mail."""
        return self in {
            Call.SEND_DRAFT,
            Call.CHECK_AND_SEND,
            Call.SEND_MESSAGE,
            Call.RELAY,
        }


# Source: the quota table of the Gmail API's reference.
_GET, _LIST, _DELETE = 5, 5, 10
_UNITS = {
    Call.CREATE_DRAFT: 10,
    Call.SEND_DRAFT: 100,
    Call.CHECK_AND_SEND: _GET + 100,
    Call.LOOK: _GET,
    Call.CONFIRM: _GET + _LIST,
    # The draft is read first: see `GmailCarrier`.
    Call.WITHDRAW: _GET + _DELETE,
    Call.REPLACE: _GET + _DELETE,
    Call.SEND_MESSAGE: 100,
    Call.RELAY: 1,
}


@dataclass(frozen=True)
class Move:
    """A delivery's next state in the ledger, and the columns written with it."""

    after: DeliveryState
    facts: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class NextCall:
    """The call to make, not before `due`, and the moves to commit before it is made."""

    call: Call
    due: datetime
    before: tuple[Move, ...] = ()


@dataclass(frozen=True)
class Answer:
    """The outcome of a call: Gmail's result, or the failure; `began_at` is when it was made."""

    call: Call
    began_at: datetime
    result: Any = None
    fault: GoogleFault | None = None


@dataclass(frozen=True)
class Taken:
    """The moves for a delivery that another process started."""

    moves: tuple[Move, ...] = ()
    orphan_possible: bool = False


class TakenBack(StrEnum):
    """The result of deleting a draft that was not sent before."""

    DELETED = "deleted"


INFERRED = "inferred: the draft is gone"
FOUND_SENT = "found sent in Gmail after the answer was lost"
BY_A_PERSON = "sent by a person in Gmail"
# Somebody may have edited it between our check and our sending: read it afterwards, if possible.
AFTER_A_LOOK = "accepted by Gmail, looked at before"
# An answer that a draft is missing may be wrong: look again after this time.
CONFIRM_AFTER = timedelta(seconds=1)
# Gmail sends a draft within a second or two.
FIRST_LOOK_AFTER = timedelta(seconds=2)
_GONE = "somebody sent or deleted the draft in Gmail before it was to be sent"
_GONE_LATE = (
    "the draft was still there after the answer to its sending was lost, and is gone now: Gmail "
    "sent it late, or somebody sent or deleted it"
)
_GONE_BEFORE = "the draft was gone when it was to be deleted: somebody may have sent it in Gmail"


def take_up(
    delivery: Delivery, *, steps: int, now: datetime, by: MailTransport = MailTransport.GMAIL
) -> Taken:
    """The step for a delivery whose holder ended, or slept past its lease.

    If the creation of a draft was never answered, the draft may be in the mailbox: a new one is
    created, and the other deleted at the end. With one step nothing can be asked afterwards: a mail
    that was being sent stays unknown. A call time in the future comes from a clock that was set
    back since: it counts as now.
    """
    if delivery.state is _S.DRAFTING:
        return Taken((Move(_S.PLANNED, {"call_id": ""}),), orphan_possible=True)
    if delivery.state is _S.SENDING and (steps == 1 or not delivery.draft_id):
        whose = "Gmail's answer" if by is MailTransport.GMAIL else "the SMTP relay's reply"
        reason = f"the program was stopped before {whose} came{_named(delivery)}"
        return Taken((_unknown(reason, sent_at=delivery.called_at),))
    if delivery.state is _S.SENDING and delivery.called_at and delivery.called_at > now:
        return Taken((Move(_S.SENDING, {"called_at": now}),))
    return Taken()


def next_call(
    delivery: Delivery,
    *,
    steps: int,
    now: datetime,
    by: MailTransport = MailTransport.GMAIL,
    message_id: str = "",
    withdraw: bool = False,
    fresh: bool = False,
) -> NextCall:
    """The next call for an undecided delivery, to send it or, with `withdraw`, to withdraw it.

    A `fresh` draft was made a moment ago by the same process. Any other is checked before it is
    sent: somebody may have edited it in Gmail. `message_id` is the one that a mail by a relay will
    have: it is known before the call. A planned mail without a draft is not withdrawn by a call:
    see `withdrawn_without_a_call`.
    """
    if delivery.state is _S.SENDING or (delivery.state is _S.DRAFTED and delivery.gone_at):
        return _next_look(delivery, now)
    if delivery.state not in {_S.PLANNED, _S.DRAFTED}:
        raise ValueError(f"there is no step for a delivery that is {delivery.state}")
    if delivery.draft_id and (withdraw or delivery.reason):
        # Remembered, so that nobody sends it from now on: our deletion may be why it is gone then.
        withdrawn = {"reason": delivery.reason or WITHDRAWN}
        return NextCall(Call.WITHDRAW, now, (Move(delivery.state, withdrawn),))
    if delivery.state is _S.DRAFTED:
        call = Call.SEND_DRAFT if fresh else Call.CHECK_AND_SEND
        return NextCall(call, now, (Move(_S.SENDING, _asked_once_more(delivery, now)),))
    return _first_call(delivery, steps, now, by, message_id)


def _first_call(
    delivery: Delivery, steps: int, now: datetime, by: MailTransport, message_id: str
) -> NextCall:
    """The next call for a planned delivery."""
    if delivery.draft_id:
        return NextCall(Call.REPLACE, now, (Move(_S.PLANNED),))
    if steps == 2 and by is MailTransport.GMAIL:
        return NextCall(Call.CREATE_DRAFT, now, (Move(_S.DRAFTING, {"called_at": now}),))
    asked = _asked_once_more(delivery, now)
    if by is MailTransport.SMTP_RELAY:
        return NextCall(Call.RELAY, now, (Move(_S.SENDING, asked | {"message_id": message_id}),))
    return NextCall(Call.SEND_MESSAGE, now, (Move(_S.SENDING, asked),))


def withdrawn_without_a_call(delivery: Delivery) -> Move | None:
    """Withdraw a delivery that has nothing in the mailbox; None for others."""
    if delivery.state is _S.PLANNED and not delivery.draft_id:
        return _failed(delivery, WITHDRAWN)
    return None


def _next_look(delivery: Delivery, now: datetime) -> NextCall:
    """The next look at a draft. Only its id is needed for that.

    Not at once: if a look sees the draft while Gmail is sending it, and it is gone later, nobody
    could tell whether our call sent it.
    """
    before = (Move(delivery.state),)
    if delivery.gone_at is None:
        called_at = min(delivery.called_at or now, now)
        return NextCall(Call.LOOK, max(now, called_at + FIRST_LOOK_AFTER), before)
    # A time in the future comes from a clock that was set back since.
    return NextCall(Call.CONFIRM, max(now, min(delivery.gone_at, now) + CONFIRM_AFTER), before)


def _asked_once_more(delivery: Delivery, now: datetime) -> dict[str, Any]:
    return {"asked": delivery.asked + 1, "called_at": now}


def after_answer(delivery: Delivery, answer: Answer, *, settle: timedelta) -> Move | None:
    """The meaning of an answer. None: nothing is decided, look (again) later.

    `settle` is longer than the client's time-out. Only when it has passed since the last call does
    an existing draft mean that it was not sent (until then the call may be under way).
    """
    return _MEANING[answer.call](delivery, answer, settle)


def _after_draft(delivery: Delivery, answer: Answer, _settle: timedelta) -> Move:
    if answer.fault is None:
        made = answer.result
        facts = {"draft_id": made.id, "draft_message_id": made.message_id}
        return Move(_S.DRAFTED, facts | {"thread_id": made.thread_id, "asked": 0, "gone_at": None})
    if isinstance(answer.fault, Refused) and answer.fault.status == 404 and delivery.thread_id:
        return Move(_S.PLANNED, {"thread_id": ""})  # somebody deleted the thread: begin a new one
    if isinstance(answer.fault, Refused):
        return _failed(delivery, answer.fault.sentence)
    return Move(_S.PLANNED)


def _after_send(delivery: Delivery, answer: Answer, _settle: timedelta) -> Move | None:
    if answer.fault is None:
        return _sent(answer)
    if isinstance(answer.fault, Undecided):
        return None
    not_by_this_call = {"asked": max(delivery.asked - 1, 0)}
    if isinstance(answer.fault, Refused) and _says_it_is_gone(answer.fault):
        # Somebody sent or deleted it, an earlier call of ours sent it, or the answer is wrong.
        return Move(_S.DRAFTED, not_by_this_call | {"gone_at": answer.began_at})
    if isinstance(answer.fault, Refused) and delivery.asked > 1:
        return None  # an earlier call may have sent it: its draft tells
    if isinstance(answer.fault, Refused):
        # Certainly not sent. Its draft is deleted first, because a person could send it.
        return Move(_S.DRAFTED, not_by_this_call | {"reason": answer.fault.sentence})
    # A parsed refusal, or bytes that were never sent: certainly not sent by this call.
    return Move(_S.DRAFTED, not_by_this_call)


def _after_check(delivery: Delivery, answer: Answer, settle: timedelta) -> Move | None:
    """The meaning of an answer after a draft was checked, and sent if it was unchanged."""
    if answer.fault is None and isinstance(answer.result, AcceptedMail):
        return Move(_S.SENT, _sent(answer).facts | {"evidence": AFTER_A_LOOK})
    if answer.fault is not None:
        return _after_send(delivery, answer, settle)
    # Not sent by this call. An earlier call is settled, or the draft would not be DRAFTED.
    not_asked = replace(delivery, asked=max(delivery.asked - 1, 0), state=_S.DRAFTED)
    if answer.result is None:
        return Move(_S.DRAFTED, {"asked": not_asked.asked, "gone_at": answer.began_at})
    if isinstance(answer.result, DraftRead):
        return Move(_S.EDITED, {"asked": 0, "gone_at": None})
    return _seen_sent(not_asked, answer)


def _says_it_is_gone(refused: Refused) -> bool:
    """Whether a refusal to send says that the draft doesn't exist (any more).

    404 if a draft is gone; 400 if a person has sent it in Gmail and its id lives on (reported for
    drafts.update, and by one client for drafts.send).
    """
    said = f"{refused.sentence} {refused.detail}".casefold()
    return refused.status == 404 or (refused.status == 400 and "not a draft" in said)


def _after_look(delivery: Delivery, answer: Answer, settle: timedelta) -> Move | None:
    if isinstance(answer.fault, Refused):  # a refusal stays one, however often the call is repeated
        said = answer.fault.sentence.rstrip(".")
        return _unknown(
            f"Gmail does not say whether it was sent ({said})", sent_at=delivery.called_at
        )
    if answer.fault is not None:
        return None
    seen: DraftSeen | None = answer.result
    if seen is None:
        missed = Move(delivery.state, {"gone_at": answer.began_at})
        return missed if answer.call is Call.LOOK else _gone(delivery)
    return _seen_sent(delivery, answer) if seen.is_sent else _still_there(delivery, answer, settle)


def _still_there(delivery: Delivery, answer: Answer, settle: timedelta) -> Move | None:
    if delivery.state is _S.DRAFTED or _has_settled(delivery, answer.began_at, settle):
        # Our earlier call was not carried out: later conclusions start from this look.
        return Move(_S.DRAFTED, {"asked": 0, "gone_at": None})
    # Our call may still be under way, so don't send again yet. But if the draft is gone from now
    # on, that no longer proves that our call sent it.
    is_news = delivery.asked or delivery.gone_at
    return Move(_S.SENDING, {"asked": 0, "gone_at": None}) if is_news else None


def _has_settled(delivery: Delivery, at: datetime, settle: timedelta) -> bool:
    return delivery.called_at is None or at >= delivery.called_at + settle


def _gone(delivery: Delivery) -> Move:
    """The state for a missing draft: our call sent it, or somebody sent or deleted it."""
    if delivery.asked:
        return Move(_S.SENT, {"evidence": INFERRED, "sent_at": delivery.called_at})
    if delivery.state is _S.SENDING:
        return _unknown(_GONE_LATE, sent_at=delivery.called_at)
    return _unknown(_GONE)


def _seen_sent(delivery: Delivery, answer: Answer) -> Move:
    """A draft whose message has the label SENT: it was sent, by us or by a person."""
    by_us = delivery.state is _S.SENDING or delivery.asked > 0
    facts = {
        "evidence": FOUND_SENT if by_us else BY_A_PERSON,
        "message_id": answer.result.message_id,
        "thread_id": answer.result.thread_id,
        "sent_at": delivery.called_at if by_us else answer.began_at,
        "reason": "",
    }
    return Move(_S.SENT, facts)


def _after_withdrawing(delivery: Delivery, answer: Answer, _settle: timedelta) -> Move | None:
    if answer.fault is not None:
        return None  # retried: until the draft is deleted, it isn't withdrawn
    if answer.result is TakenBack.DELETED:
        if answer.call is Call.REPLACE:
            return Move(_S.PLANNED, _NO_DRAFT)
        return after_deletion(delivery, delivery.reason or WITHDRAWN)
    if answer.result is not None:
        return _seen_sent(delivery, answer)
    if answer.call is Call.REPLACE and delivery.evidence == SENT_AGAIN_KNOWINGLY:
        return Move(_S.PLANNED, _NO_DRAFT)
    return _unknown(_GONE_BEFORE)


_NO_DRAFT: dict[str, Any] = {"draft_id": "", "draft_message_id": "", "gone_at": None}


def after_deletion(delivery: Delivery, reason: str) -> Move:
    """The move after its draft was deleted unsent: failed for `reason`.

    Unknown, if an earlier mail to this customer may have been sent.
    """
    failed = _failed(delivery, reason)
    return Move(failed.after, failed.facts | _NO_DRAFT | {"sent_at": None})


def _after_message(delivery: Delivery, answer: Answer, _settle: timedelta) -> Move:
    if answer.fault is None:
        return _sent(answer)
    not_by_this_call = {"asked": max(delivery.asked - 1, 0)}
    if isinstance(answer.fault, Refused) and answer.fault.status == 404 and delivery.thread_id:
        return Move(_S.PLANNED, not_by_this_call | {"thread_id": ""})
    if isinstance(answer.fault, Undecided):
        said = answer.fault.sentence.rstrip(".")
        return _unknown(f"Gmail's answer was lost ({said})", sent_at=answer.began_at)
    if isinstance(answer.fault, Refused):
        return _failed(delivery, answer.fault.sentence)
    return Move(_S.PLANNED, not_by_this_call)


def _after_relay(delivery: Delivery, answer: Answer, settle: timedelta) -> Move:
    if answer.fault is None:
        move = _sent(answer)
        evidence = f"accepted by the SMTP relay: {answer.result.reply}"
        return Move(move.after, {**move.facts, "evidence": evidence})
    if isinstance(answer.fault, Undecided):
        said = answer.fault.sentence.rstrip(".")
        return _unknown(f"the SMTP relay's reply was lost ({said})", sent_at=answer.began_at)
    return _after_message(delivery, answer, settle)


def _named(delivery: Delivery) -> str:
    """What identifies an SMTP mail in the relay's log."""
    return f"; its Message-ID is {delivery.message_id}" if delivery.message_id else ""


def _sent(answer: Answer) -> Move:
    facts = {
        "message_id": answer.result.message_id,
        "thread_id": answer.result.thread_id,
        "evidence": "accepted by Gmail",
        "sent_at": answer.began_at,
    }
    return Move(_S.SENT, facts)


def _failed(delivery: Delivery, reason: str) -> Move:
    """Failed: this call sent nothing. A mail that may have been sent before stays unknown."""
    if delivery.evidence == SENT_AGAIN_KNOWINGLY:
        said = reason.rstrip(".")
        return _unknown(f"not sent again ({said}); whether it was sent before is not known")
    return Move(_S.FAILED, {"reason": reason, "evidence": ""})


def _unknown(reason: str, *, sent_at: datetime | None = None) -> Move:
    """Unknown. `sent_at` is when it may have been sent: the daily limit counts it."""
    return Move(_S.UNKNOWN, {"reason": reason, "evidence": "", "sent_at": sent_at})


_MEANING: dict[Call, Callable[[Delivery, Answer, timedelta], Move | None]] = {
    Call.CREATE_DRAFT: _after_draft,
    Call.SEND_DRAFT: _after_send,
    Call.CHECK_AND_SEND: _after_check,
    Call.LOOK: _after_look,
    Call.CONFIRM: _after_look,
    Call.WITHDRAW: _after_withdrawing,
    Call.REPLACE: _after_withdrawing,
    Call.SEND_MESSAGE: _after_message,
    Call.RELAY: _after_relay,
}


def proof_of(delivery: Delivery, answer: Answer) -> Move | None:
    """The move that a late answer proves although its row has moved on: sent, or withdrawn.

    None if it proves nothing.
    """
    proves = _S.SENT if answer.call.sends else _S.FAILED if answer.call is Call.WITHDRAW else None
    if answer.fault is not None or proves is None:
        return None
    move = _MEANING[answer.call](delivery, answer, timedelta())
    return move if move is not None and move.after is proves else None


def look_again_at(delivery: Delivery, answer: Answer, settle: timedelta) -> datetime:
    """When to look again at a draft whose sending is undecided."""
    settled = (delivery.called_at or answer.began_at) + settle
    if answer.call in {Call.LOOK, Call.CONFIRM} and answer.fault is None:
        return settled
    # The answer was lost a moment ago: most likely the draft is gone already.
    return answer.began_at + min(settle, timedelta(seconds=1))


def may_have_left_a_draft(answer: Answer) -> bool:
    """Whether a call may have made a draft without a row, if its answer doesn't count.

    A refused call too: Gmail has been seen to answer 400 and keep the draft anyway (guessed).
    """
    if answer.call is not Call.CREATE_DRAFT:
        return False
    return answer.fault is None or isinstance(answer.fault, (Undecided, Refused))
