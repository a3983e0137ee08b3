"""What colleagues are told: announcements and reminders, with a row for each channel."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Row, insert, select, update
from sqlalchemy.engine import Connection

from workflow.ledger.tables import announcements, incidents, known, reminders
from workflow.model import DeliveryState

# --- Announcements --------------------------------------------------------------------------------

_S = DeliveryState
# If a chat refused a message, it can be sent once the channel is fixed. An unknown message may have
# arrived, so only a person can have it sent again, as a new one. If it is unknown because its
# process was suspended, the answer to its call decides: it was waiting all the time.
ALLOWED: dict[DeliveryState, frozenset[DeliveryState]] = {
    _S.PLANNED: frozenset({_S.SENDING, _S.FAILED}),
    _S.SENDING: frozenset({_S.SENT, _S.FAILED, _S.UNKNOWN, _S.PLANNED}),
    _S.UNKNOWN: frozenset({_S.SENT, _S.FAILED, _S.PLANNED}),
    _S.FAILED: frozenset({_S.PLANNED}),
}
UNDECIDED = (_S.PLANNED, _S.SENDING)


@dataclass(frozen=True)
class Announcement:
    """One message to one channel.

    `channel` is the kind, `target` what people call it. `words` is the line that the timeline
    quotes, `markdown` the message. `said_at` is when it was requested, `sent_at` when the channel
    accepted it. `called_at`, by the wall clock, is when it was last tried, by the process
    `called_by` in the call `call_id`. `given` is the text that the person added; None: the message
    is sent unchanged.
    """

    id: str
    incident_id: str
    channel: str
    target: str
    words: str
    markdown: str
    said_at: datetime
    state: DeliveryState = _S.PLANNED
    message_id: str = ""
    reason: str = ""
    called_at: datetime | None = None
    sent_at: datetime | None = None
    given: str | None = None
    call_id: str = ""
    called_by: str = ""


def add_announcement(connection: Connection, announcement: Announcement) -> None:
    """Record a message that a channel will get."""
    connection.execute(
        insert(announcements).values(
            id=announcement.id,
            incident_id=announcement.incident_id,
            channel=announcement.channel,
            target=announcement.target,
            text=_packed(announcement.words, announcement.markdown),
            state=announcement.state.value,
            said_at=announcement.said_at,
            given=announcement.given,
        )
    )


def lock_incident(connection: Connection, incident_id: str) -> None:
    """Keep others from planning for this incident until the transaction ends.

    SQLite has one writer anyway; PostgreSQL needs a lock.
    """
    connection.execute(
        select(incidents.c.id).where(incidents.c.id == incident_id).with_for_update()
    )


def move(
    connection: Connection,
    announcement_id: str,
    before: DeliveryState,
    after: DeliveryState,
    *,
    answered_call: str | None = None,
    **facts: object,
) -> bool:
    """Move an announcement; False if another process moved it first.

    `answered_call` is the call whose answer moves it: only the last one's may. Raises `ValueError`
    for a move that is not allowed.
    """
    if after not in ALLOWED.get(before, frozenset()):
        raise ValueError(f"an announcement does not go from {before} to {after}")
    where = [announcements.c.id == announcement_id, announcements.c.state == before.value]
    if answered_call is not None:
        where.append(announcements.c.call_id == answered_call)
    found = connection.execute(
        update(announcements).where(*where).values(state=after.value, **facts)
    )
    return bool(found.rowcount == 1)


def rewrite(connection: Connection, announcement_id: str, words: str, markdown: str) -> None:
    """Change the text of an unsent message."""
    connection.execute(
        update(announcements)
        .where(announcements.c.id == announcement_id, announcements.c.state == _S.PLANNED.value)
        .values(text=_packed(words, markdown))
    )


def note_reason(connection: Connection, announcement_id: str, reason: str) -> None:
    """Record why a planned announcement can't be sent now."""
    connection.execute(
        update(announcements)
        .where(announcements.c.id == announcement_id, announcements.c.state == _S.PLANNED.value)
        .values(reason=reason)
    )


def announcement_by_id(connection: Connection, announcement_id: str) -> Announcement:
    """One announcement."""
    query = select(announcements).where(announcements.c.id == announcement_id)
    return _announcement(connection.execute(query).one())


def announcements_of(connection: Connection, incident_id: str) -> list[Announcement]:
    """The announcements of an incident, in their order."""
    query = (
        select(announcements)
        .where(announcements.c.incident_id == incident_id)
        .order_by(announcements.c.seq)
    )
    return [_announcement(row) for row in connection.execute(query)]


def latest_with_words(
    connection: Connection, incident_id: str, channel: str, target: str, markdown: str
) -> Announcement | None:
    """The last announcement of exactly this message to a channel."""
    told = announcements_of(connection, incident_id)
    same = [
        each
        for each in told
        if (each.channel, each.target, each.markdown) == (channel, target, markdown)
    ]
    return same[-1] if same else None


def was_told_again(connection: Connection, announcement: Announcement) -> bool:
    """Whether a later message sent the same text to the channel, or will."""
    last = latest_with_words(
        connection,
        announcement.incident_id,
        announcement.channel,
        announcement.target,
        announcement.markdown,
    )
    return last is not None and last.id != announcement.id


def undecided(connection: Connection, *, profile: str) -> list[Announcement]:
    """Undecided announcements, the oldest first."""
    query = (
        select(announcements)
        .join(incidents, incidents.c.id == announcements.c.incident_id)
        .where(
            incidents.c.profile == profile,
            announcements.c.state.in_([state.value for state in UNDECIDED]),
        )
        .order_by(announcements.c.seq)
    )
    return [_announcement(row) for row in connection.execute(query)]


# In the form of a commit message: a subject line, an empty line, and the whole text.
def _packed(words: str, markdown: str) -> str:
    return f"{words}\n\n{markdown}"


def _announcement(row: Row[Any]) -> Announcement:
    words, _, markdown = row.text.partition("\n\n")
    return Announcement(
        id=row.id,
        incident_id=row.incident_id,
        channel=row.channel,
        target=row.target,
        words=words,
        markdown=markdown,
        said_at=row.said_at,
        state=known(DeliveryState, row.state, f"What {row.target} was told"),
        message_id=row.message_id,
        reason=row.reason,
        called_at=row.called_at,
        sent_at=row.sent_at,
        given=row.given,
        call_id=row.call_id,
        called_by=row.called_by,
    )


# --- Reminders ------------------------------------------------------------------------------------


class ReminderState(StrEnum):
    """The state of a reminder. `ALLOWED_FOR_REMINDERS` has the moves.

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


_R = ReminderState
ALLOWED_FOR_REMINDERS: Mapping[ReminderState, frozenset[ReminderState]] = {
    _R.PLANNED: frozenset({_R.SCHEDULING, _R.SENDING, _R.WITHDRAWN, _R.FAILED}),
    # After a lost answer, the chat's list of scheduled messages shows the result of a call.
    _R.SCHEDULING: frozenset({_R.SCHEDULED, _R.PLANNED, _R.FAILED, _R.WITHDRAWN, _R.UNKNOWN}),
    _R.SCHEDULED: frozenset({_R.WITHDRAWING, _R.SENT}),
    _R.WITHDRAWING: frozenset({_R.WITHDRAWN, _R.SENT}),
    _R.SENDING: frozenset({_R.SENT, _R.PLANNED, _R.FAILED, _R.UNKNOWN}),
    _R.WITHDRAWN: frozenset(),
    _R.SENT: frozenset(),
    _R.FAILED: frozenset(),
    _R.UNKNOWN: frozenset(),
}
OPEN = (_R.PLANNED, _R.SCHEDULING, _R.SCHEDULED, _R.WITHDRAWING, _R.SENDING)
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
    state: ReminderState = _R.PLANNED
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


def move_reminder(
    connection: Connection,
    reminder_id: str,
    before: ReminderState,
    after: ReminderState,
    **facts: object,
) -> bool:
    """Move a reminder; False if another process moved it first.

    Raises `ValueError` for a move that is not allowed.
    """
    if after not in ALLOWED_FOR_REMINDERS[before]:
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
