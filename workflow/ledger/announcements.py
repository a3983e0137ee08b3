"""What colleagues were told: a row for each channel, written before anything leaves."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, insert, select, update
from sqlalchemy.engine import Connection

from workflow.incident import DeliveryState
from workflow.ledger.tables import announcements, incidents

_S = DeliveryState
# A message that a chat refused may be told when the channel is mended; an unknown one may be
# there already, and only a person has it told again, as a new one.
ALLOWED: dict[DeliveryState, frozenset[DeliveryState]] = {
    _S.PLANNED: frozenset({_S.SENDING, _S.FAILED}),
    _S.SENDING: frozenset({_S.SENT, _S.FAILED, _S.UNKNOWN, _S.PLANNED}),
    _S.FAILED: frozenset({_S.PLANNED}),
}
UNDECIDED = (_S.PLANNED, _S.SENDING)


@dataclass(frozen=True)
class Announcement:
    """One message to one channel.

    `channel` is the kind, `target` what people call it. `words` is the line that the timeline
    quotes, `markdown` the message. `said_at` is when it was asked for, `sent_at` when the channel
    took it; `called_at`, by the wall clock, when it was last tried.
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


def add_announcement(connection: Connection, announcement: Announcement) -> None:
    """Write down that a channel is to be told."""
    connection.execute(
        insert(announcements).values(
            id=announcement.id,
            incident_id=announcement.incident_id,
            channel=announcement.channel,
            target=announcement.target,
            text=_packed(announcement.words, announcement.markdown),
            state=announcement.state.value,
            said_at=announcement.said_at,
        )
    )


def lock_incident(connection: Connection, incident_id: str) -> None:
    """Let nobody else plan for this incident until the transaction ends.

    SQLite's one writer is enough; PostgreSQL needs to be told.
    """
    connection.execute(
        select(incidents.c.id).where(incidents.c.id == incident_id).with_for_update()
    )


def move(
    connection: Connection,
    announcement_id: str,
    before: DeliveryState,
    after: DeliveryState,
    **facts: object,
) -> bool:
    """Move an announcement on; False when it is not where it was: somebody was quicker.

    Raises `ValueError` for a move that is not allowed.
    """
    if after not in ALLOWED.get(before, frozenset()):
        raise ValueError(f"an announcement does not go from {before} to {after}")
    found = connection.execute(
        update(announcements)
        .where(announcements.c.id == announcement_id, announcements.c.state == before.value)
        .values(state=after.value, **facts)
    )
    return bool(found.rowcount == 1)


def note_reason(connection: Connection, announcement_id: str, reason: str) -> None:
    """Why a planned announcement can't be told for now."""
    connection.execute(
        update(announcements)
        .where(announcements.c.id == announcement_id, announcements.c.state == _S.PLANNED.value)
        .values(reason=reason)
    )


def announcement_by_id(connection: Connection, announcement_id: str) -> Announcement:
    """One announcement as it stands."""
    query = select(announcements).where(announcements.c.id == announcement_id)
    return _announcement(connection.execute(query).one())


def announcements_of(connection: Connection, incident_id: str) -> list[Announcement]:
    """What colleagues were told of an incident, in the order in which it was said."""
    query = (
        select(announcements)
        .where(announcements.c.incident_id == incident_id)
        .order_by(announcements.c.seq)
    )
    return [_announcement(row) for row in connection.execute(query)]


def latest_with_words(
    connection: Connection, incident_id: str, channel: str, target: str, markdown: str
) -> Announcement | None:
    """The last time that a channel was to be told this very message."""
    told = announcements_of(connection, incident_id)
    same = [
        each
        for each in told
        if (each.channel, each.target, each.markdown) == (channel, target, markdown)
    ]
    return same[-1] if same else None


def undecided(connection: Connection, *, profile: str) -> list[Announcement]:
    """What is still to be told, the oldest first."""
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


# As a commit message: a line that stands for it, an empty one, and all of it.
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
        state=DeliveryState(row.state),
        message_id=row.message_id,
        reason=row.reason,
        called_at=row.called_at,
        sent_at=row.sent_at,
    )
