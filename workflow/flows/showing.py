"""What is known: of an incident, of all of them, of one customer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy.engine import Connection

from workflow.flows.next_word import NextWord, next_word
from workflow.flows.notice_words import doc_says_how_it_stands
from workflow.flows.workspace import Workspace
from workflow.incident import DeliveryCounts, DeliveryState, Incident, Shortfall, TimelineEntry
from workflow.ledger import (
    announcements,
    bounces,
    changes,
    deliveries,
    incidents,
    notices,
    rows_left_out,
)
from workflow.ledger.announcements import Announcement
from workflow.ledger.bounces import NO_REPLIES, Bounce, Replies
from workflow.ledger.notices import Notice
from workflow.ledger.promises import words_given
from workflow.ledger.rows_left_out import RowLeftOut


@dataclass(frozen=True)
class NoticeStanding:
    """A notice, how far it has come, who did not surely get it, and what came back.

    `left_out` are the bad rows of its list, of which a person said that they get none.
    """

    notice: Notice
    counts: DeliveryCounts
    shortfalls: tuple[Shortfall, ...]
    copied_back: bool
    bounced: tuple[Bounce, ...] = ()
    replies: Replies = NO_REPLIES
    left_out: tuple[RowLeftOut, ...] = ()


@dataclass(frozen=True)
class MailTest:
    """A mail that went to one address of ours, to be looked at: it counts as no customer's."""

    notice: Notice
    address: str
    state: DeliveryState


@dataclass(frozen=True)
class Standing:
    """An incident as the ledger has it. `pending` is how many changes the doc does not show yet.

    `next_word` is what was promised to the customers and is still open; nothing once it is closed.
    """

    incident: Incident
    pending: int
    timeline: tuple[TimelineEntry, ...]
    notices: tuple[NoticeStanding, ...]
    announcements: tuple[Announcement, ...] = ()
    next_word: NextWord | None = None
    tests: tuple[MailTest, ...] = ()

    @property
    def untold(self) -> tuple[Announcement, ...]:
        """The channels that surely lack their last message, or perhaps."""
        last = {each.target: each for each in self.announcements}
        return tuple(each for each in last.values() if each.state is not DeliveryState.SENT)


def standing_of(workspace: Workspace) -> Standing:
    """The incident that the person means, with its timeline and notices."""
    incident = workspace.incident()
    with workspace.ledger.read() as connection:
        return Standing(
            incident,
            changes.count_pending(connection, incident.id),
            tuple(incidents.timeline(connection, incident.id)),
            tuple(
                notice_standing(workspace, notice)
                for notice in notices.notices_of(connection, incident.id)
            ),
            tuple(announcements.announcements_of(connection, incident.id)),
            None
            if incident.closed_at
            else next_word(words_given(connection, incident.id), workspace.now()),
            tuple(_tests(connection, incident.id)),
        )


def _tests(connection: Connection, incident_id: str) -> Iterator[MailTest]:
    for notice in notices.notices_of(connection, incident_id, mode="test"):
        for delivery in deliveries.deliveries_of(connection, notice.id):
            yield MailTest(notice, delivery.email, delivery.state)


def notice_standing(workspace: Workspace, notice: Notice) -> NoticeStanding:
    """How far a notice has come."""
    with workspace.ledger.read() as connection:
        incident = incidents.incident_by_id(connection, notice.incident_id)
        return NoticeStanding(
            notice,
            notices.count_deliveries(connection, notice),
            tuple(notices.shortfalls(connection, notice.id)),
            doc_says_how_it_stands(connection, incident, notice),
            tuple(bounces.bounces_of(connection, notice.id)),
            bounces.replies_to(connection, notice.id),
            tuple(rows_left_out.rows_of(connection, notice.id)),
        )


def all_standings(workspace: Workspace) -> list[Incident]:
    """Every incident of the profile, the newest first."""
    with workspace.ledger.read() as connection:
        return incidents.all_incidents(connection, profile=workspace.settings.profile)
