"""An incident at a glance, from the ledger alone: what is told, what is due, what is open."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from workflow.flows.showing import NoticeStanding, Standing, standing_of
from workflow.flows.workspace import Workspace
from workflow.incident import clock_text, duration_text


@dataclass(frozen=True)
class Look:
    """One look at an incident, at `at` of its own story."""

    standing: Standing
    at: datetime

    @property
    def lasted(self) -> str:
        """`open for 1 h 12 min`, `resolved after 40 min`, `closed after 4 h 6 min`."""
        incident = self.standing.incident
        ended = incident.closed_at or incident.resolved_at
        words = "closed after" if incident.closed_at else "resolved after"
        length = duration_text(max(((ended or self.at) - incident.started_at).total_seconds(), 0))
        return f"{words if ended else 'open for'} {length}"

    @property
    def undecided(self) -> tuple[str, ...]:
        """Each customer who was not surely told, a line each, the newest notice first."""
        return tuple(
            f"{each.email}: {each.reason}"
            for notice in reversed(self.standing.notices)
            for each in notice.shortfalls
        )

    @property
    def told(self) -> tuple[str, ...]:
        """Each channel of colleagues that was told, with the last time."""
        zone = self.standing.incident.zone
        last = {
            each.target: clock_text(each.sent_at, zone)
            for each in self.standing.announcements
            if each.sent_at is not None
        }
        return tuple(f"{name} at {at}" for name, at in last.items())


def look(workspace: Workspace) -> Look:
    """How the incident that the person means stands now. Raises `UnknownIncident`."""
    return Look(standing_of(workspace), workspace.now())


def delivery_bar(standing: NoticeStanding, width: int) -> tuple[int, int, int]:
    """How many of `width` cells are for mails accepted, not surely told, and still to send.

    A mail that failed is seen however many there are: it has a cell at least.
    """
    counts = standing.counts
    total = max(counts.total, 1)
    short = counts.failed + counts.unknown
    for_short = max(round(short * width / total), 1 if short else 0)
    for_pending = max(round(counts.pending * width / total), 1 if counts.pending else 0)
    for_pending = min(for_pending, width - for_short)
    return width - for_short - for_pending, for_short, for_pending
