"""An overview of one incident, of all incidents, of one customer.

From the ledger alone: which notices were sent, what is due, and what is open. `trail_of` gives the
audit trail of an incident, as text and as records.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.engine import Connection

from workflow.ledger import (
    announcements,
    bounces,
    changes,
    deliveries,
    edited_drafts,
    elsewhere,
    incidents,
    notices,
    plans,
)
from workflow.ledger.announcements import Announcement
from workflow.ledger.bounces import NO_REPLIES, Bounce, Replies
from workflow.ledger.databases import audit
from workflow.ledger.databases.audit import AuditRow
from workflow.ledger.elsewhere import NOT_COMPARED, Compared, Reserved
from workflow.ledger.faults import NewerRecord
from workflow.ledger.notices import Notice, RowLeftOut, words_given
from workflow.ledger.plans import Proposal
from workflow.model import (
    DeliveryCounts,
    DeliveryState,
    Incident,
    Shortfall,
    TimelineEntry,
    between_text,
    clock_text,
    length_text,
)
from workflow.standing import other_ledgers
from workflow.standing.closing_checks import NextWord, next_word
from workflow.standing.doc_standing import Missing, missing_changes
from workflow.standing.notice_words import doc_says_how_it_stands, returned_words
from workflow.workspace import Workspace


@dataclass(frozen=True)
class EditedMail:
    """A mail that a person changed in Gmail: its draft `waits` for a decision, or it was sent."""

    email: str
    row: int
    waits: bool


@dataclass(frozen=True)
class NoticeStanding:
    """A notice with its counts, its failed and unknown recipients, and its bounces.

    `left_out` are the bad rows of its list that a person left out. `not_in_doc` is why the doc
    could not note the notice before its first mail; "" if it did. `waiting` counts the mails that
    wait for somebody to check the first ones; `approval` is the plan that was proposed and
    approved.
    """

    notice: Notice
    counts: DeliveryCounts
    shortfalls: tuple[Shortfall, ...]
    copied_back: bool
    bounced: tuple[Bounce, ...] = ()
    replies: Replies = NO_REPLIES
    left_out: tuple[RowLeftOut, ...] = ()
    not_in_doc: str = ""
    edited: tuple[EditedMail, ...] = ()
    waiting: int = 0
    approval: Proposal | None = None

    @property
    def under_review(self) -> int:
        """How many drafts wait in Gmail until somebody has them sent."""
        return self.counts.pending - self.waiting if self.notice.held else 0


@dataclass(frozen=True)
class MailTest:
    """A test mail to one of our addresses: it counts for no customer."""

    notice: Notice
    address: str
    state: DeliveryState

    @property
    def waits(self) -> bool:
        """Whether it is still to be sent."""
        decided = {DeliveryState.SENT, DeliveryState.FAILED, DeliveryState.UNKNOWN}
        return self.state not in decided


@dataclass(frozen=True)
class Standing:
    """An incident in the ledger. `pending` counts the changes that the doc doesn't show yet.

    `missing` are those among them that Docs refuses. `next_word` is the open promise of an update
    to customers; None once it is closed.
    """

    incident: Incident
    pending: int
    timeline: tuple[TimelineEntry, ...]
    notices: tuple[NoticeStanding, ...]
    announcements: tuple[Announcement, ...] = ()
    next_word: NextWord | None = None
    tests: tuple[MailTest, ...] = ()
    elsewhere: Compared = NOT_COMPARED
    missing: tuple[Missing, ...] = ()
    proposals: tuple[Proposal, ...] = ()

    @property
    def untold(self) -> tuple[Announcement, ...]:
        """The channels that did not get their last message, or may not have."""
        last = {each.target: each for each in self.announcements}
        return tuple(each for each in last.values() if each.state is not DeliveryState.SENT)


def standing_of(workspace: Workspace) -> Standing:
    """The incident that the person means, with its timeline and notices.

    If Google answers at once, the doc is also checked for other ledgers' notices.
    """
    incident = workspace.incident()
    compared = other_ledgers.glance(workspace, incident)
    with workspace.ledger.read() as connection:
        incident = incidents.incident_by_id(connection, incident.id)  # the doc may know better
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
            compared,
            missing_changes(connection, incident.id),
            tuple(plans.of_incident(connection, incident.id)),
        )


def _tests(connection: Connection, incident_id: str) -> Iterator[MailTest]:
    for notice in notices.notices_of(connection, incident_id, mode="test"):
        for delivery in deliveries.deliveries_of(connection, notice.id):
            yield MailTest(notice, delivery.email, delivery.state)


def notice_standing(workspace: Workspace, notice: Notice) -> NoticeStanding:
    """A notice's current state; it is read again."""
    with workspace.ledger.read() as connection:
        notice = notices.notice_by_id(connection, notice.id)
        incident = incidents.incident_by_id(connection, notice.incident_id)
        return NoticeStanding(
            notice,
            notices.count_deliveries(connection, notice),
            tuple(notices.shortfalls(connection, notice.id)),
            doc_says_how_it_stands(connection, incident, notice),
            tuple(bounces.bounces_of(connection, notice.id)),
            bounces.replies_to(connection, notice.id),
            tuple(notices.rows_left_out_of(connection, notice.id)),
            _not_in_doc(connection, notice.id),
            tuple(_edited(connection, notice.id)),
            deliveries.count_waiting(connection, notice.id),
            plans.of_notice(connection, notice.id),
        )


def _not_in_doc(connection: Connection, notice_id: str) -> str:
    reserved = elsewhere.reservation_of(connection, notice_id)
    is_missing = reserved is not None and reserved.state is Reserved.NOT_WRITTEN
    return reserved.reason if reserved is not None and is_missing else ""


def _edited(connection: Connection, notice_id: str) -> Iterator[EditedMail]:
    for delivery, _ in edited_drafts.waiting(connection, notice_id):
        yield EditedMail(delivery.email, delivery.row, waits=True)
    for delivery, _ in edited_drafts.edited_and_sent(connection, notice_id):
        yield EditedMail(delivery.email, delivery.row, waits=False)


def all_standings(workspace: Workspace) -> tuple[list[Incident], list[NewerRecord]]:
    """Every incident of the profile, the newest first; and those that need a newer version."""
    profile = workspace.settings.profile
    with workspace.ledger.read() as connection:
        newer = incidents.newer_incidents(connection, profile=profile)
        return incidents.all_incidents(connection, profile=profile), newer


def counts_text(standing: NoticeStanding) -> str:
    """A notice's counts: `accepted by Gmail 11 of 12, failed 1`."""
    counts = standing.counts
    by = standing.notice.transport.label
    words = [f"accepted by {by} {counts.sent:,} of {counts.total:,}"]
    words += [f"{name} {number:,}" for number, name in counts.rest_and_skipped]
    return ", ".join([*words, *returned_words(len(standing.bounced), standing.replies)])


def untold_words(each: Announcement) -> str:
    """The state of a message that may not have been sent, and what to do."""
    reason, again = each.reason.rstrip("."), f'postmortem announce --again "{each.target}"'
    match each.state:
        case DeliveryState.FAILED:
            return f"not told: {reason}. Fix that, then: {again}"
        case DeliveryState.UNKNOWN:
            return f"unknown: {reason}. Check the channel. If the message is not there: {again}"
        case DeliveryState.SENDING:
            return "still being sent. In a moment: postmortem sync"
        case _:
            return f"not told yet: {reason}. Later: postmortem sync"


@dataclass(frozen=True)
class IncidentLook:
    """One look at an incident, at `at` of its own story."""

    standing: Standing
    at: datetime

    @property
    def lasted(self) -> str:
        """`open for 1 h 12 min`, `resolved after 40 min`, perhaps with `, closed after 4 h`."""
        incident = self.standing.incident
        words = "resolved after" if incident.resolved_at else "closed after"
        lasted = f"{words if incident.ended_at else 'open for'} {length_text(incident, self.at)}"
        closed, resolved = incident.closed_at, incident.resolved_at
        if closed is None or resolved in {None, closed}:
            return lasted
        return f"{lasted}, closed after {between_text(incident.started_at, closed)}"

    @property
    def undecided(self) -> tuple[str, ...]:
        """A line for each failed or unknown customer, the newest notice first."""
        return tuple(
            f"{each.email}: {each.reason}"
            for notice in reversed(self.standing.notices)
            for each in notice.shortfalls
            if each.reason != deliveries.WITHDRAWN
        )

    @property
    def told(self) -> tuple[str, ...]:
        """Each channel of colleagues that was notified, with the last time."""
        zone = self.standing.incident.zone
        last = {
            each.target: clock_text(each.sent_at, zone)
            for each in self.standing.announcements
            if each.sent_at is not None
        }
        return tuple(f"{name} at {at}" for name, at in last.items())


def look(workspace: Workspace) -> IncidentLook:
    """The current state of the named incident. Raises `UnknownIncident`."""
    return IncidentLook(standing_of(workspace), workspace.now())


def delivery_bar(standing: NoticeStanding, width: int) -> tuple[int, int, int]:
    """How many of `width` cells show accepted, failed or unknown, and unsent mails.

    Failed mails get at least one cell, so that they are always visible.
    """
    counts = standing.counts
    total = max(counts.total, 1)
    short = counts.failed + counts.unknown
    for_short = max(round(short * width / total), 1 if short else 0)
    for_pending = max(round(counts.pending * width / total), 1 if counts.pending else 0)
    for_pending = min(for_pending, width - for_short)
    return width - for_short - for_pending, for_short, for_pending


# The names of a table's rows: for one, and for many.
_NAMES = {
    "incidents": ("the incident", "incidents"),
    "current_incidents": ("the current incident", "current incidents"),
    "entries": ("timeline entry", "timeline entries"),
    "shares": ("share of the doc", "shares of the doc"),
    "changes": ("change for the doc", "changes for the doc"),
    "notices": ("notice", "notices"),
    "deliveries": ("email", "emails"),
    "attachments": ("attachment", "attachments"),
    "files": ("file", "files"),
    "edited_drafts": ("decision about an edited draft", "decisions about edited drafts"),
    "rows_left_out": ("row left out", "rows left out"),
    "announcements": ("message to colleagues", "messages to colleagues"),
    "bounces": ("bounce", "bounces"),
    "replies": ("reply", "replies"),
    "publications": ("public version", "public versions"),
    "suppressions": ("suppressed address", "suppressed addresses"),
    "proposals": ("proposed plan", "proposed plans"),
    "agreed_elsewhere": ("agreement about another ledger", "agreements about other ledgers"),
    "transfers": ("handover", "handovers"),
    "forgotten": ("forgotten customer", "forgotten customers"),
    "moved_to": ("new place of the ledger", "new places of the ledger"),
}


@dataclass(frozen=True)
class Trail:
    """The steps of an incident, the oldest first; `broken_at` is when a row was tampered with."""

    incident: Incident
    steps: tuple[AuditRow, ...]
    broken_at: datetime | None


def trail_of(workspace: Workspace, incident: Incident) -> Trail:
    """Who did what to an incident. The whole chain is checked, other incidents' rows too."""
    with workspace.ledger.read() as connection:
        every = list(audit.steps(connection))
    broken = next((each.at for each in every if not each.is_sound), None)
    mine = tuple(each for each in every if each.incident_id in {incident.id, ""})
    return Trail(incident, mine, broken)


def step_words(step: AuditRow) -> str:
    """What a step did: `added 1 timeline entry, 1 change for the doc; changed the incident`."""
    return "; ".join(_change_words(each) for each in step.changes)


def step_record(step: AuditRow) -> dict[str, Any]:
    """A step as programs read it."""
    return {
        "number": step.number,
        "at": step.at.isoformat().replace("+00:00", "Z"),
        "person": step.person,
        "command": step.command,
        "incident": step.incident_id or None,
        "changes": [dict(each) for each in step.changes],
        "words": step_words(step),
        "hash": step.hash,
        "sound": step.is_sound,
    }


def _change_words(change: Mapping[str, Any]) -> str:
    table, rows = change["table"], int(change.get("rows", 1))
    one, many = _NAMES.get(table, (f"row of {table}", f"rows of {table}"))
    ids = ", ".join(change.get("ids", ()))
    is_the_one = rows == 1 and one.startswith("the ")
    what = one if is_the_one else f"{rows:,} {one if rows == 1 else many}"
    named = f" ({ids})" if ids and rows <= 3 and table in {"notices", "proposals", "files"} else ""
    return f"{change['did']} {what}{named}"
