"""Reminders that an update to customers is due: a row for each channel and each time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Row, insert, select, update
from sqlalchemy.engine import Connection

from workflow.ledger.tables import incidents, known, reminders


class ReminderState(StrEnum):
    """The state of a reminder. `ALLOWED` has the moves.

    A SCHEDULED one is at the chat, which posts it by itself. A PLANNED one is posted by the program
    that runs at its time.
    """

    PLANNED = "planned"
    SCHEDULING = "scheduling"
    SCHEDULED = "scheduled"
    WITHDRAWING = "withdrawing"
    WITHDRAWN = "withdrawn"
    SENDING = "sending"
    SENT = "sent"
    FAILED = "failed"
    UNKNOWN = "unknown"


_S = ReminderState
ALLOWED: Mapping[ReminderState, frozenset[ReminderState]] = {
    _S.PLANNED: frozenset({_S.SCHEDULING, _S.SENDING, _S.WITHDRAWN, _S.FAILED}),
    # After a lost answer, the chat's list of scheduled messages shows the result of a call.
    _S.SCHEDULING: frozenset({_S.SCHEDULED, _S.PLANNED, _S.FAILED, _S.WITHDRAWN, _S.UNKNOWN}),
    _S.SCHEDULED: frozenset({_S.WITHDRAWING, _S.SENT}),
    _S.WITHDRAWING: frozenset({_S.WITHDRAWN, _S.SENT}),
    _S.SENDING: frozenset({_S.SENT, _S.PLANNED, _S.FAILED, _S.UNKNOWN}),
    _S.WITHDRAWN: frozenset(),
    _S.SENT: frozenset(),
    _S.FAILED: frozenset(),
    _S.UNKNOWN: frozenset(),
}
OPEN = (_S.PLANNED, _S.SCHEDULING, _S.SCHEDULED, _S.WITHDRAWING, _S.SENDING)
BEFORE, DUE, SNOOZED = "before", "due", "snoozed"


@dataclass(frozen=True)
class Reminder:
    """One reminder to one channel at one time.

    `kind` is before, due or snoozed; `due_at` is when to post it, by the incident's clock.
    `channel` and `target` are as an announcement's; `message_id` is the chat's id of a scheduled
    one; `called_at`, by the wall clock, is when the chat was last called.
    """

    id: str
    incident_id: str
    notice_id: str
    channel: str
    target: str
    kind: str
    due_at: datetime
    text: str
    state: ReminderState = _S.PLANNED
    message_id: str = ""
    reason: str = ""
    called_at: datetime | None = None


def add(connection: Connection, reminder: Reminder) -> bool:
    """Plan a reminder; False if it is planned already."""
    same = select(reminders.c.id).where(
        reminders.c.notice_id == reminder.notice_id,
        reminders.c.channel == reminder.channel,
        reminders.c.target == reminder.target,
        reminders.c.kind == reminder.kind,
        reminders.c.due_at == reminder.due_at,
    )
    if connection.execute(same).first() is not None:
        return False
    values = {name: getattr(reminder, name) for name in _COLUMNS}
    connection.execute(insert(reminders).values(values | {"state": reminder.state.value}))
    return True


def move(
    connection: Connection,
    reminder_id: str,
    before: ReminderState,
    after: ReminderState,
    **facts: object,
) -> bool:
    """Move a reminder; False if another process moved it first.

    Raises `ValueError` for a move that is not allowed.
    """
    if after not in ALLOWED[before]:
        raise ValueError(f"a reminder does not go from {before} to {after}")
    found = connection.execute(
        update(reminders)
        .where(reminders.c.id == reminder_id, reminders.c.state == before.value)
        .values(state=after.value, **facts)
    )
    return bool(found.rowcount == 1)


def by_id(connection: Connection, reminder_id: str) -> Reminder:
    """One reminder by its id."""
    return _reminder(
        connection.execute(select(reminders).where(reminders.c.id == reminder_id)).one()
    )


def of_incident(connection: Connection, incident_id: str) -> list[Reminder]:
    """An incident's reminders by due time."""
    query = select(reminders).where(reminders.c.incident_id == incident_id)
    rows = connection.execute(query.order_by(reminders.c.due_at, reminders.c.id))
    return [_reminder(row) for row in rows]


def open_ones(
    connection: Connection, *, profile: str, states: Sequence[ReminderState] = OPEN
) -> list[Reminder]:
    """Every reminder of a profile that may still be posted, by due time."""
    query = (
        select(reminders)
        .join(incidents, incidents.c.id == reminders.c.incident_id)
        .where(
            incidents.c.profile == profile,
            reminders.c.state.in_([state.value for state in states]),
        )
        .order_by(reminders.c.due_at, reminders.c.id)
    )
    return [_reminder(row) for row in connection.execute(query)]


_COLUMNS = tuple(Reminder.__dataclass_fields__)


def _reminder(row: Row[Any]) -> Reminder:
    values = {name: getattr(row, name) for name in _COLUMNS}
    return Reminder(**values | {"state": known(ReminderState, row.state, "A reminder")})
