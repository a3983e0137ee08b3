"""The action items of all incidents: owner, date, and what is overdue.

Read from the docs as people left them; nothing is stored here. A review meeting is a calendar file.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from workflow.document.edits.action_items import read_action
from workflow.ledger import incidents
from workflow.model import Incident, date_text
from workflow.report.facts import ActionFacts
from workflow.report.reports import Docs
from workflow.workspace import Workspace


@dataclass(frozen=True)
class ActionItem:
    """One action item of an incident. `owner` is "" and `due` None if not named."""

    incident: Incident
    text: str
    owner: str
    due: date | None
    is_done: bool
    is_overdue: bool


@dataclass(frozen=True)
class Actions:
    """All action items, overdue ones first, then by their dates; `notes` say what is missing."""

    items: tuple[ActionItem, ...]
    notes: tuple[str, ...]

    @property
    def still_open(self) -> tuple[ActionItem, ...]:
        """Those that nobody has ticked."""
        return tuple(each for each in self.items if not each.is_done)

    @property
    def overdue(self) -> tuple[ActionItem, ...]:
        """The open ones whose day is over."""
        return tuple(each for each in self.items if each.is_overdue)


def all_actions(workspace: Workspace) -> Actions:
    """The action items of every incident of the profile, read from the docs now."""
    with workspace.ledger.read() as connection:
        listed = incidents.all_incidents(connection, profile=workspace.settings.profile)
    docs = Docs(workspace)
    items: list[ActionItem] = []
    for incident in listed:
        found = docs.of(incident).actions or ()
        items += [action_item(incident, each, workspace.now()) for each in found]
    items.sort(key=lambda each: (not each.is_overdue, each.due or date.max))
    return Actions(tuple(items), tuple(docs.notes()))


def action_item(incident: Incident, action: ActionFacts, now: datetime) -> ActionItem:
    """An action with its owner and day; it is overdue once its day is over."""
    began = incident.started_at.astimezone(incident.zone).date()
    read = read_action(action.text, began)
    today = now.astimezone(incident.zone).date()
    is_overdue = not action.is_done and read.due is not None and read.due < today
    return ActionItem(incident, action.text, read.owner, read.due, action.is_done, is_overdue)


def reminder_text(items: Sequence[ActionItem], day: str) -> str:
    """The reminder about one incident's open actions, as of a day."""
    lines = [f"Open actions on {day}:"]
    for each in items:
        late = " – overdue" if each.is_overdue else ""
        lines.append(f"- {each.text}{late}")
    return "\n".join(lines)


def review_meeting(incident: Incident, at: datetime, length: timedelta, items: Actions) -> bytes:
    """An invitation to review an incident, as a calendar file (RFC 5545).

    The same incident has the same UID, so a later file moves the meeting.
    """
    from icalendar import Calendar, Event  # noqa: PLC0415 - for this alone

    event = Event()
    event.add("uid", f"review-{incident.id}@postmortem-workflow")
    event.add("dtstamp", at)
    event.add("dtstart", at)
    event.add("dtend", at + length)
    event.add("summary", f"Review: {incident.title}")
    mine = [each for each in items.still_open if each.incident.id == incident.id]
    parts = [f"What happened and what we do next time: {incident.doc_url}".rstrip(": ")]
    parts += [f"- {each.text}" for each in mine]
    event.add("description", "\n".join(parts))
    if incident.doc_url:
        event.add("url", incident.doc_url)
    calendar = Calendar()
    calendar.add("prodid", "-//postmortem-workflow//review//EN")
    calendar.add("version", "2.0")
    calendar.add("method", "PUBLISH")
    calendar.add_component(event)
    content: bytes = calendar.to_ical()
    return content


def due_words(item: ActionItem) -> str:
    """`due 1 Dec 2026`, `overdue since 1 Dec 2026`, `no date`."""
    if item.due is None:
        return "no date"
    noon = datetime(item.due.year, item.due.month, item.due.day, 12, tzinfo=item.incident.zone)
    day = date_text(noon, item.incident.zone)
    return f"overdue since {day}" if item.is_overdue else f"due {day}"
