"""Deliveries: one recipient's mail, from the plan to Gmail's answer.

The holder of a delivery moves it with `move_all`, which refuses anything not in `ALLOWED`;
`prove_sent` and `prove_deleted` are for answers that count for any holder.

`is_free`, `may_move`, `is_proof` and `is_proof_of_deletion` are the rules of ownership without a
database: whose a delivery is, and which answer may move it. `claims` and `deliveries` say the same
in SQL; a test compares both, and the model of the sender (`bench.chaos.model`) runs on these.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Row,
    String,
    and_,
    bindparam,
    case,
    cast,
    exists,
    false,
    func,
    not_,
    or_,
    select,
    update,
)
from sqlalchemy.engine import Connection

from workflow.ledger.faults import MoveRefused
from workflow.ledger.forgetting import FORGOTTEN
from workflow.ledger.tables import deliveries, known, notices
from workflow.model import DeliveryState, MailTransport

_S = DeliveryState

# No lease is this long: one that ends later comes from a clock that was set back since.
LONGEST_LEASE = timedelta(minutes=15)
# States in which Gmail's 200 for the row's own draft or call makes it sent, even if another process
# holds the row now. A row that was planned again on request was sent too, so it needs no other
# mail.
PROVABLE = frozenset({_S.PLANNED, _S.DRAFTED, _S.EDITED, _S.SENDING, _S.UNKNOWN, _S.FAILED})
# States in which Gmail's answer that it deleted the row's own draft makes it failed, even if
# another process holds the row now, asks Gmail to send that draft, or has found it gone.
DELETABLE = frozenset({_S.DRAFTED, _S.EDITED, _S.SENDING, _S.UNKNOWN})


def is_free(
    claimed_by: str,
    claimed_until: datetime | None,
    *,
    holder: str,
    gone: Collection[str],
    now: datetime,
) -> bool:
    """Whether `holder` may claim a delivery: it is free, or its holder has lost it.

    A holder never claims its own deliveries: its calls for them may be under way.
    """
    if claimed_by == holder:
        return False
    if not claimed_by or claimed_until is None or claimed_by in gone:
        return True
    return claimed_until < now or claimed_until > now + LONGEST_LEASE


def may_move(
    state: DeliveryState,
    claimed_by: str,
    call_id: str,
    *,
    before: DeliveryState,
    holder: str,
    believed_call: str,
) -> bool:
    """Whether a row still has the state, holder and call that its holder believes."""
    return (state, claimed_by, call_id) == (before, holder, believed_call)


def is_proof(
    state: DeliveryState, call_id: str, draft_id: str, *, answered_call: str, sent_draft: str
) -> bool:
    """Whether a 200 to a sending call shows that this row's mail was sent.

    It does if the row's last call is that very call, or its draft is the one that was sent.
    """
    if state not in PROVABLE:
        return False
    return call_id == answered_call != "" or draft_id == sent_draft != ""


def is_proof_of_deletion(state: DeliveryState, draft_id: str, *, deleted_draft: str) -> bool:
    """Whether a deletion that Gmail has confirmed shows that this row's mail was not sent.

    It does if the row's draft is the deleted one, which was looked at before: a draft that was sent
    is left alone then.
    """
    return state in DELETABLE and draft_id == deleted_draft != ""


ALLOWED: dict[DeliveryState, frozenset[DeliveryState]] = {
    # To itself: a look, or its result, is recorded.
    _S.PLANNED: frozenset({_S.PLANNED, _S.DRAFTING, _S.SENDING, _S.FAILED, _S.UNKNOWN, _S.SENT}),
    _S.DRAFTING: frozenset({_S.DRAFTED, _S.PLANNED, _S.FAILED, _S.UNKNOWN}),
    _S.DRAFTED: frozenset({_S.DRAFTED, _S.EDITED, _S.SENDING, _S.FAILED, _S.UNKNOWN, _S.SENT}),
    _S.EDITED: frozenset({_S.DRAFTED, _S.FAILED, _S.UNKNOWN, _S.SENT}),
    _S.SENDING: frozenset(
        {_S.SENDING, _S.SENT, _S.FAILED, _S.UNKNOWN, _S.DRAFTED, _S.PLANNED, _S.EDITED}
    ),
    _S.FAILED: frozenset({_S.PLANNED, _S.SENT}),
    _S.UNKNOWN: frozenset({_S.PLANNED, _S.SENT, _S.FAILED}),
    _S.SENT: frozenset(),
}
# The reasons of a delivery that a person withdrew: nothing was sent, and its draft is deleted.
WITHDRAWN = "withdrawn before it was sent"
LEFT_OUT = "left out by a person, after the draft was edited in Gmail"
# The evidence of an unknown delivery that is planned again.
SENT_AGAIN_KNOWINGLY = "to be sent again on request, although it may have been sent"

# The furthest along first: a draft that may be being sent is decided before a new one is made.
ORDER_OF_WORK = (_S.SENDING, _S.DRAFTED, _S.DRAFTING, _S.PLANNED)
# States of a mail that is still to send: an edited draft waits for a person, not for a process.
STILL_TO_SEND = (*ORDER_OF_WORK, _S.EDITED)


@dataclass(frozen=True)
class Delivery:
    """One recipient's mail and what is known of it.

    `sender` is its mailbox; "" is the notice's own. `asked` counts how often Gmail was asked to
    send the present draft without a clear answer that it did not; `called_at` is when it was last
    called, `call_id` the id of that call. `draft_message_id` is the draft's message as it was made,
    "" if unknown; an edit in Gmail changes it. `gone_at` is when Gmail first said that the draft
    doesn't exist, with nothing seen of it since. `lang` is the language of the text, "" if unknown;
    `files` are the positions of this customer's own attachments.
    """

    id: int
    notice_id: str
    row: int
    email: str
    name: str
    subject: str
    markdown: str
    state: DeliveryState
    reply_to_message: str
    draft_id: str
    message_id: str
    thread_id: str
    reason: str
    evidence: str
    asked: int
    called_at: datetime | None
    sent_at: datetime | None
    sender: str = ""
    call_id: str = ""
    draft_message_id: str = ""
    gone_at: datetime | None = None
    lang: str = ""
    files: Sequence[int] = ()


def count_in(
    connection: Connection, notice_id: str, states: Sequence[DeliveryState], *, sender: str = ""
) -> int:
    """How many of a sender's deliveries of a notice are in these states and don't wait."""
    query = select(func.count()).where(
        deliveries.c.notice_id == notice_id,
        deliveries.c.sender == sender,
        deliveries.c.waits.is_(False),
        deliveries.c.state.in_([state.value for state in states]),
    )
    return int(connection.execute(query).scalar_one())


def count_withdrawn(connection: Connection, notice_id: str) -> int:
    """The number of a notice's deliveries that were withdrawn before they were sent."""
    query = select(func.count()).where(
        deliveries.c.notice_id == notice_id,
        deliveries.c.state == _S.FAILED.value,
        deliveries.c.reason == WITHDRAWN,
    )
    return int(connection.execute(query).scalar_one())


def senders_of(connection: Connection, notice_id: str) -> list[str]:
    """The mailboxes that send a notice, in order; "" is the notice's own."""
    query = select(deliveries.c.sender).where(deliveries.c.notice_id == notice_id).distinct()
    return sorted(connection.execute(query).scalars())


def senders_with_work(connection: Connection, notice_id: str) -> list[str]:
    """The mailboxes that still have mails of a notice to send, in order."""
    query = select(deliveries.c.sender).where(
        deliveries.c.notice_id == notice_id,
        deliveries.c.waits.is_(False),
        deliveries.c.state.in_([state.value for state in ORDER_OF_WORK]),
    )
    return sorted(connection.execute(query.distinct()).scalars())


@dataclass(frozen=True)
class Transition:
    """A claimed delivery's move from one state to another, and the columns written with it.

    `call_id` is the last call that the caller knows of: after a later one the row stays as it is.
    Raises `MoveRefused` for a move that is not in `ALLOWED`.
    """

    delivery_id: int
    before: DeliveryState
    after: DeliveryState
    facts: dict[str, Any] = field(default_factory=dict)
    call_id: str = ""

    def __post_init__(self) -> None:
        if self.after not in ALLOWED[self.before]:
            raise MoveRefused(f"a delivery does not go from {self.before} to {self.after}")


def move_all(
    connection: Connection, transitions: Sequence[Transition], *, holder: str
) -> frozenset[int]:
    """Move each of these deliveries, which are all different.

    Returns the ids of those whose state or holder differs from what the caller believed: they stay
    as they are. Decided deliveries release their claims.
    """
    alike: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for transition in transitions:
        values = _values(transition)
        bound = {
            "moved": transition.delivery_id,
            "from_state": transition.before.value,
            "by_holder": holder,
            "after_call": transition.call_id,
        }
        alike.setdefault(tuple(values), []).append(values | bound)
    return frozenset().union(*(_move_alike(connection, rows) for rows in alike.values()))


def _values(transition: Transition) -> dict[str, Any]:
    values = {"state": transition.after.value, **transition.facts}
    decided = transition.after not in ORDER_OF_WORK
    return values | ({"claimed_by": "", "claimed_until": None} if decided else {})


# Built once: building a statement costs more than running it.
_MOVE = update(deliveries).where(
    deliveries.c.id == bindparam("moved"),
    deliveries.c.state == bindparam("from_state"),
    deliveries.c.claimed_by == bindparam("by_holder"),
    deliveries.c.call_id == bindparam("after_call"),
)


def _move_alike(connection: Connection, rows: list[dict[str, Any]]) -> frozenset[int]:
    """Move rows that set the same columns, together; the ids of those refused.

    If fewer rows moved (a lease expired while the machine slept), the count doesn't say which: then
    all are rolled back, and each is tried alone.
    """
    if len(rows) == 1:
        found = connection.execute(_MOVE, rows[0])
        return frozenset() if found.rowcount == 1 else frozenset({rows[0]["moved"]})
    with connection.begin_nested() as together:
        if connection.execute(_MOVE, rows).rowcount == len(rows):
            return frozenset()
        together.rollback()
    return frozenset().union(*(_move_alike(connection, [row]) for row in rows))


def prove_sent(
    connection: Connection,
    delivery_id: int,
    *,
    answered_call: str,
    sent_draft: str,
    facts: dict[str, Any],
) -> bool:
    """Record a mail as sent after Gmail's 200, even if another process holds its delivery now.

    `is_proof` says when; else the row stays as it is, and the result is False.
    """
    names = ((deliveries.c.call_id, answered_call), (deliveries.c.draft_id, sent_draft))
    named = [column == name for column, name in names if name]
    words = deliveries.c.content_key
    found = connection.execute(
        update(deliveries)
        .where(
            deliveries.c.id == delivery_id,
            deliveries.c.state.in_([state.value for state in PROVABLE]),
            or_(false(), *named),
        )
        .values(
            facts
            | {
                "content_key": case((_is_written_to_again(), _key_of_its_own()), else_=words),
                "state": _S.SENT.value,
                "reason": "",
                "call_id": "",
                "claimed_by": "",
                "claimed_until": None,
            }
        )
    )
    return bool(found.rowcount == 1)


def prove_deleted(
    connection: Connection, delivery_id: int, *, deleted_draft: str, facts: dict[str, Any]
) -> bool:
    """Record a mail as failed after its draft was deleted, even if another process holds it now.

    `is_proof_of_deletion` says when; else the row stays as it is, and the result is False. The last
    call is remembered: its late answer may still show that the mail was sent.
    """
    found = connection.execute(
        update(deliveries)
        .where(
            deliveries.c.id == delivery_id,
            deliveries.c.state.in_([state.value for state in DELETABLE]),
            deliveries.c.draft_id == deleted_draft,
            deliveries.c.draft_id != "",
        )
        .values(facts | {"state": _S.FAILED.value, "claimed_by": "", "claimed_until": None})
    )
    return bool(found.rowcount == 1)


def _is_written_to_again() -> ColumnElement[bool]:
    """A condition: another row sent the same text to the same customer."""
    other = deliveries.alias("other_delivery")
    return exists().where(
        other.c.id != deliveries.c.id,
        other.c.content_key == deliveries.c.content_key,
        other.c.recipient_key == deliveries.c.recipient_key,
        other.c.state != _S.FAILED.value,
    )


def _key_of_its_own() -> ColumnElement[str]:
    """A unique content key: two mails were sent, and the record must show both."""
    return deliveries.c.content_key + "+" + cast(deliveries.c.id, String)


def withdraw_planned(connection: Connection, notice_id: str, *, free: ColumnElement[bool]) -> int:
    """Withdraw deliveries without a holder or draft, which need no call. Returns how many."""
    found = connection.execute(
        update(deliveries)
        .where(
            deliveries.c.notice_id == notice_id,
            deliveries.c.state == _S.PLANNED.value,
            deliveries.c.draft_id == "",
            # A mail that may have been sent must not become one that was certainly not sent.
            deliveries.c.evidence != SENT_AGAIN_KNOWINGLY,
            free,
        )
        .values(
            state=_S.FAILED.value,
            reason=WITHDRAWN,
            call_id="",
            claimed_by="",
            claimed_until=None,
        )
    )
    return int(found.rowcount)


def readdress(connection: Connection, delivery_id: int, *, email: str, recipient_key: str) -> None:
    """Record the real recipient of a mail that a person readdressed in Gmail.

    From then on it is a separate mail: neither its customer nor its recipient counts as having the
    notice's text.
    """
    connection.execute(
        update(deliveries)
        .where(deliveries.c.id == delivery_id, deliveries.c.state == _S.SENT.value)
        .values(
            email=email,
            recipient_key=recipient_key,
            name="",
            content_key=f"edited-{delivery_id}",
        )
    )


def planned_again(state: DeliveryState) -> dict[str, Any]:
    """The columns to write when a person has a delivery in this state sent again."""
    return {
        "state": _S.PLANNED.value,
        "message_id": "",
        "reason": "",
        "evidence": SENT_AGAIN_KNOWINGLY if state is _S.UNKNOWN else "",
        "asked": 0,
        "called_at": None,
        "gone_at": None,
        "sent_at": None,
    }


def plan_again(
    connection: Connection,
    notice_id: str,
    state: DeliveryState,
    *,
    unless: ColumnElement[bool] | None = None,
) -> int:
    """Plan failed deliveries again, or unknown ones that a person decided to send again.

    `unless` is a condition for deliveries that stay as they are. Returns how many were planned. The
    caller has asked the person first. An existing draft is remembered: it is checked and deleted
    before another is made. So is the last call, whose late answer may still show that the mail was
    sent.
    """
    if _S.PLANNED not in ALLOWED[state]:
        raise MoveRefused(f"a delivery does not go from {state} to planned")
    again = (
        update(deliveries)
        .where(
            deliveries.c.notice_id == notice_id,
            deliveries.c.state == state.value,
            deliveries.c.email != FORGOTTEN,
        )
        .values(planned_again(state))
    )
    found = connection.execute(again if unless is None else again.where(not_(unless)))
    return int(found.rowcount)


def deliveries_of(
    connection: Connection, notice_id: str, state: DeliveryState | None = None
) -> Iterator[Delivery]:
    """A notice's deliveries by row of the list, streamed."""
    query = select(deliveries).where(deliveries.c.notice_id == notice_id)
    if state is not None:
        query = query.where(deliveries.c.state == state.value)
    # For this statement only: on PostgreSQL, a streaming connection can run nothing but queries.
    rows = connection.execute(
        query.order_by(deliveries.c.row), execution_options={"yield_per": 500}
    )
    return (delivery_of(row) for row in rows)


def rows_as_they_stood(connection: Connection, notice_id: str) -> dict[int, list[str]]:
    """The cells of each row of the notice's list, by its number; without unrecorded ones."""
    query = select(deliveries.c.row, deliveries.c.cells).where(deliveries.c.notice_id == notice_id)
    return {row: cells for row, cells in connection.execute(query) if cells}


def count_waiting(connection: Connection, notice_id: str) -> int:
    """How many mails of a notice wait until somebody has checked the first ones."""
    query = select(func.count()).where(
        deliveries.c.notice_id == notice_id,
        deliveries.c.waits.is_(True),
        deliveries.c.state.in_([state.value for state in ORDER_OF_WORK]),
    )
    return int(connection.execute(query).scalar_one())


def let_wait(connection: Connection, notice_id: str) -> None:
    """Make mails without any progress wait until somebody says that they may be sent."""
    connection.execute(
        update(deliveries)
        .where(
            deliveries.c.notice_id == notice_id,
            deliveries.c.state == _S.PLANNED.value,
            deliveries.c.claimed_by == "",
        )
        .values(waits=True)
    )


def let_go_on(connection: Connection, notice_id: str) -> None:
    """Let the mails be sent that waited for somebody to check the first ones."""
    connection.execute(
        update(deliveries)
        .where(deliveries.c.notice_id == notice_id, deliveries.c.waits.is_(True))
        .values(waits=False)
    )


def known_draft_ids(connection: Connection) -> set[str]:
    """The draft ids in all rows of the ledger, of any notice and in any mailbox."""
    query = select(deliveries.c.draft_id).where(deliveries.c.draft_id != "")
    return set(connection.execute(query).scalars())


def deliveries_to(connection: Connection, recipient_key: str) -> list[Delivery]:
    """All deliveries to a recipient, of any notice in the ledger."""
    query = select(deliveries).where(deliveries.c.recipient_key == recipient_key)
    return [delivery_of(row) for row in connection.execute(query)]


def count_sent_since(
    connection: Connection,
    sender: str,
    since: datetime,
    *,
    transport: MailTransport = MailTransport.GMAIL,
) -> int:
    """How many mails this sender may have sent by a transport since then, tests included."""
    query = (
        select(func.count())
        .select_from(deliveries.join(notices, notices.c.id == deliveries.c.notice_id))
        .where(deliveries.c.sent_at > since, _left_from(sender, transport))
    )
    return int(connection.execute(query).scalar_one())


def oldest_sent_since(
    connection: Connection,
    sender: str,
    since: datetime,
    *,
    transport: MailTransport = MailTransport.GMAIL,
) -> datetime | None:
    """When this sender sent the first of its mails by a transport since then."""
    query = (
        select(deliveries.c.sent_at)
        .select_from(deliveries.join(notices, notices.c.id == deliveries.c.notice_id))
        .where(deliveries.c.sent_at > since, _left_from(sender, transport))
        .order_by(deliveries.c.sent_at)
    )
    oldest: datetime | None = connection.execute(query).scalar()
    return oldest


def _left_from(sender: str, transport: MailTransport) -> ColumnElement[bool]:
    """The mails that a mailbox's limit counts: its own, by this transport."""
    own = and_(deliveries.c.sender == "", notices.c.sender == sender)
    return and_(notices.c.transport == transport.value, or_(own, deliveries.c.sender == sender))


def delivery_of(row: Row[Any]) -> Delivery:
    """A row of the deliveries table as a plain value."""
    values = {name: getattr(row, name) for name in _COLUMNS}
    return Delivery(**(values | {"state": known(DeliveryState, row.state, "A delivery")}))


_COLUMNS = tuple(Delivery.__dataclass_fields__)
