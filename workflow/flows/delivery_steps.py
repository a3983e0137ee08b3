"""What to do next for one delivery, and what an answer of Gmail means for it.

Pure: a delivery and what happened in, a move of the ledger out. This is where exactly-once is
decided, so each line has its reason.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from workflow.google.faults import GoogleFault, Refused, Undecided
from workflow.incident import DeliveryState, MailTransport
from workflow.ledger.deliveries import Delivery

_S = DeliveryState


class Call(StrEnum):
    """A call to Gmail for one delivery."""

    CREATE_DRAFT = "create the draft"
    SEND_DRAFT = "send the draft"
    LOOK = "look for the draft"
    SEND_MESSAGE = "send the message"
    RELAY = "hand the message to the relay"

    @property
    def units(self) -> int:
        """What Gmail counts for it, in quota units; a relay counts mails."""
        return _UNITS[self]

    @property
    def sends(self) -> bool:
        """Whether a mail leaves by it."""
        return self in {Call.SEND_DRAFT, Call.SEND_MESSAGE, Call.RELAY}


# Source: the quota table of the Gmail API's reference.
_UNITS = {
    Call.CREATE_DRAFT: 10,
    Call.SEND_DRAFT: 100,
    Call.LOOK: 5,
    Call.SEND_MESSAGE: 100,
    Call.RELAY: 1,
}


@dataclass(frozen=True)
class Move:
    """A delivery's next state in the ledger, and what is written with it."""

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
    """What came of a call: a result of Gmail, or the fault; `began_at` is when it was made."""

    call: Call
    began_at: datetime
    result: Any = None
    fault: GoogleFault | None = None


@dataclass(frozen=True)
class Taken:
    """What taking up a delivery that somebody else began tells."""

    moves: tuple[Move, ...] = ()
    orphan_possible: bool = False


INFERRED = "inferred: the draft is gone"


def take_up(delivery: Delivery, *, steps: int, by: MailTransport = MailTransport.GMAIL) -> Taken:
    """What to write when a delivery comes from a process that is gone.

    A draft whose making was never answered may lie in the mailbox: harmless, and a new one is made.
    In one step nothing can be asked afterwards: what was being sent stays unknown.
    """
    if delivery.state is _S.DRAFTING:
        return Taken((Move(_S.PLANNED),), orphan_possible=True)
    if delivery.state is _S.SENDING and (steps == 1 or not delivery.draft_id):
        whose = "Gmail's answer" if by is MailTransport.GMAIL else "the SMTP relay's reply"
        reason = f"the program was stopped before {whose} came{_named(delivery)}"
        return Taken((Move(_S.UNKNOWN, {"reason": reason}),))
    return Taken()


def next_call(
    delivery: Delivery,
    *,
    steps: int,
    now: datetime,
    settle: timedelta,
    by: MailTransport = MailTransport.GMAIL,
    message_id: str = "",
) -> NextCall:
    """The next call for an undecided delivery.

    `settle` is longer than the client's time-out: only after it has passed since the last call does
    a draft that is still there mean that it was not sent (until then the call may be under way).
    `message_id` is the one that a mail by a relay will have: it is known before the call.
    """
    if by is MailTransport.SMTP_RELAY and delivery.state is _S.PLANNED:
        facts = {**_asked_once_more(delivery, now), "message_id": message_id}
        return NextCall(Call.RELAY, now, (Move(_S.SENDING, facts),))
    if delivery.state is _S.PLANNED and steps == 1:
        return NextCall(
            Call.SEND_MESSAGE, now, (Move(_S.SENDING, _asked_once_more(delivery, now)),)
        )
    if delivery.state is _S.PLANNED:
        return NextCall(Call.CREATE_DRAFT, now, (Move(_S.DRAFTING, {"called_at": now}),))
    if delivery.state is _S.DRAFTED:
        return NextCall(Call.SEND_DRAFT, now, (Move(_S.SENDING, _asked_once_more(delivery, now)),))
    if delivery.state is _S.SENDING:
        return NextCall(Call.LOOK, now)
    raise ValueError(f"nothing is to be done for a delivery that is {delivery.state}")


def _asked_once_more(delivery: Delivery, now: datetime) -> dict[str, Any]:
    return {"asked": delivery.asked + 1, "called_at": now}


def after_answer(delivery: Delivery, answer: Answer, *, settle: timedelta) -> Move | None:
    """What an answer means. None: nothing is decided, look (again) later."""
    return _MEANING[answer.call](delivery, answer, settle)


def _after_draft(delivery: Delivery, answer: Answer, _settle: timedelta) -> Move:
    if answer.fault is None:
        facts = {"draft_id": answer.result.id, "thread_id": answer.result.thread_id}
        return Move(_S.DRAFTED, facts | {"asked": 0})
    if isinstance(answer.fault, Refused) and answer.fault.status == 404 and delivery.thread_id:
        return Move(_S.PLANNED, {"thread_id": ""})  # somebody deleted the thread: begin a new one
    if isinstance(answer.fault, Refused):
        return Move(_S.FAILED, {"reason": answer.fault.sentence})
    return Move(_S.PLANNED)


def _after_send(delivery: Delivery, answer: Answer, _settle: timedelta) -> Move | None:
    if answer.fault is None:
        return _sent(answer)
    if isinstance(answer.fault, Undecided):
        return None
    if isinstance(answer.fault, Refused) and answer.fault.status == 404:
        if delivery.asked > 1:  # an earlier call, whose answer was lost, had sent it
            return Move(_S.SENT, {"evidence": INFERRED, "sent_at": answer.began_at})
        # We never asked before, so it was not this program that used the draft up.
        reason = "somebody deleted or sent the draft in Gmail before it was to be sent"
        return Move(_S.UNKNOWN, {"reason": reason})
    if isinstance(answer.fault, Refused):
        return Move(_S.FAILED, {"reason": answer.fault.sentence})
    # A parsed refusal, or bytes that never left: this time it surely was not sent.
    return Move(_S.DRAFTED, {"asked": delivery.asked - 1})


def _after_look(delivery: Delivery, answer: Answer, settle: timedelta) -> Move | None:
    if isinstance(answer.fault, Refused):  # a plain no stays one, however often it is asked
        reason = f"Gmail does not say whether it was sent ({answer.fault.sentence.rstrip('.')})"
        return Move(_S.UNKNOWN, {"reason": reason, "sent_at": delivery.called_at})
    if answer.fault is not None:
        return None
    if not answer.result:
        return Move(_S.SENT, {"evidence": INFERRED, "sent_at": delivery.called_at})
    if delivery.called_at is None or answer.began_at >= delivery.called_at + settle:
        return Move(_S.DRAFTED)
    return None


def _after_message(delivery: Delivery, answer: Answer, _settle: timedelta) -> Move:
    if answer.fault is None:
        return _sent(answer)
    if isinstance(answer.fault, Refused) and answer.fault.status == 404 and delivery.thread_id:
        return Move(_S.PLANNED, {"thread_id": "", "asked": delivery.asked - 1})
    if isinstance(answer.fault, Undecided):
        reason = f"Gmail's answer was lost ({answer.fault.sentence.rstrip('.')})"
        return Move(_S.UNKNOWN, {"reason": reason, "sent_at": answer.began_at})
    if isinstance(answer.fault, Refused):
        return Move(_S.FAILED, {"reason": answer.fault.sentence})
    return Move(_S.PLANNED, {"asked": delivery.asked - 1})


def _after_relay(delivery: Delivery, answer: Answer, settle: timedelta) -> Move:
    if answer.fault is None:
        move = _sent(answer)
        evidence = f"accepted by the SMTP relay: {answer.result.reply}"
        return Move(move.after, {**move.facts, "evidence": evidence})
    if isinstance(answer.fault, Undecided):
        reason = f"the SMTP relay's reply was lost ({answer.fault.sentence.rstrip('.')})"
        return Move(_S.UNKNOWN, {"reason": reason, "sent_at": answer.began_at})
    return _after_message(delivery, answer, settle)


def _named(delivery: Delivery) -> str:
    """By what an administrator finds a mail by SMTP in the relay's log."""
    return f"; its Message-ID is {delivery.message_id}" if delivery.message_id else ""


def _sent(answer: Answer) -> Move:
    facts = {
        "message_id": answer.result.message_id,
        "thread_id": answer.result.thread_id,
        "evidence": "accepted by Gmail",
        "sent_at": answer.began_at,
    }
    return Move(_S.SENT, facts)


_MEANING = {
    Call.CREATE_DRAFT: _after_draft,
    Call.SEND_DRAFT: _after_send,
    Call.LOOK: _after_look,
    Call.SEND_MESSAGE: _after_message,
    Call.RELAY: _after_relay,
}


def look_again_at(delivery: Delivery, answer: Answer, settle: timedelta) -> datetime:
    """When a draft whose sending is undecided is worth another look."""
    settled = (delivery.called_at or answer.began_at) + settle
    if answer.call is Call.LOOK and answer.fault is None:
        return settled
    # The answer was lost a moment ago: most likely the draft is gone already.
    return answer.began_at + min(settle, timedelta(seconds=1))
