"""The report of one incident or of all incidents of the ledger, and their action items.

Gathered from the ledger and the docs, and written as one page: reaction times, durations, promises,
and what is open.

Read from the docs as people left them; nothing is stored here. A review meeting is a calendar file.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from pathlib import Path

from sqlalchemy.engine import Connection

from workflow import templates
from workflow.document.blocks import Block, heading_kind
from workflow.document.edits.action_items import read_action
from workflow.document.exports import blocks_to_html
from workflow.document.view import read_document
from workflow.files import write_whole
from workflow.google.faults import GoogleFault, Refused
from workflow.incident import timeline
from workflow.incident.timeline import status_told
from workflow.ledger import (
    announcements,
    bounces,
    changes,
    edited_drafts,
    incidents,
    notices,
)
from workflow.ledger.notices import Notice, WordGiven, accepted_over_time, words_given
from workflow.model import (
    DeliveryState,
    Incident,
    Shortfall,
    TimelineEntry,
    date_text,
    duration_text,
    minutes_between,
    moment_text,
)
from workflow.publication.redaction import read_sections
from workflow.report.facts import (
    AcceptedCount,
    ActionFacts,
    IncidentFacts,
    IncidentRow,
    LedgerFacts,
    NoticeFacts,
    PromiseFacts,
    StatusChange,
    WordToCustomers,
    milestones,
    phases,
)
from workflow.report.page import incident_page, ledger_page
from workflow.standing import other_ledgers
from workflow.standing.closing_checks import minutes_late, promises, told_at
from workflow.standing.notice_words import edited_counts, edited_lines, text_that_left
from workflow.workspace import Workspace

# --- One incident, or all -------------------------------------------------------------------------

ROOT_CAUSE, NEXT_TIME = "root_cause", "next_time"
_MOST_STEPS = 200
_MOST_REASONS = 12
_MOST_NAMED = 500
_ADDRESS = re.compile(r"[^\s<>@,;:\"()]+@[^\s<>@,;:\"()]+")


@dataclass(frozen=True)
class FromDoc:
    """A report's data from the doc; `actions` is None, with a reason in `note`, if unreadable."""

    root_cause: str = ""
    actions: tuple[ActionFacts, ...] | None = None
    note: str = ""
    fault: GoogleFault | None = None


def report_facts(workspace: Workspace) -> IncidentFacts:
    """The data for the incident's report, without names from any list.

    If the doc can't be read, there is still a report: the facts say so.
    """
    incident = workspace.incident()
    from_doc = read_doc(workspace, incident)
    compared = other_ledgers.glance(workspace, incident)
    now = workspace.now()
    with workspace.ledger.read() as connection:
        entries = incidents.timeline(connection, incident.id)
        given = words_given(connection, incident.id)
        sent = notices.notices_of(connection, incident.id)
        stages = {notice.id: notice.stage.value for notice in sent}
        words = [WordToCustomers(told_at(each), stages[each.notice_id]) for each in given]
        told = [
            each.said_at
            for each in announcements.announcements_of(connection, incident.id)
            if each.state is DeliveryState.SENT
        ]
        turns = status_changes(connection, incident)
        said = [entry for entry in entries if _is_a_persons(entry)]
        found = milestones(incident, said, turns, words, min(told, default=None))
        notes = [from_doc.note, _unsynced(connection, incident)]
        notes += [other_ledgers.words(each, incident) for each in compared.found]
        return IncidentFacts(
            incident=incident,
            made_at=now,
            milestones=found,
            phases=tuple(phases(incident, turns, _end(incident, entries, words))),
            entries=tuple(entries),
            notices=tuple(_notices(connection, incident, sent, given)),
            promises=tuple(promise_facts(incident, given, now)),
            customers=notices.count_customers(connection, incident.id),
            root_cause=from_doc.root_cause,
            actions=from_doc.actions,
            notes=tuple(note for note in notes if note),
        )


def with_recipients(workspace: Workspace, facts: IncidentFacts) -> IncidentFacts:
    """The same, with the names of failed and unknown recipients, and of edited emails."""
    with workspace.ledger.read() as connection:
        named = tuple(
            replace(
                each,
                shortfalls=tuple(_named(connection, each.id)),
                edited=tuple(
                    edited_lines(
                        edited_drafts.edited_and_sent(connection, each.id), each.counts.sent
                    )
                ),
            )
            for each in facts.notices
        )
    return replace(facts, notices=named)


def write_report(facts: IncidentFacts, path: Path) -> None:
    """Write the page. Raises `BadInput` if that fails."""
    write_whole(path, incident_page(facts).encode("utf-8", "replace"))


def read_doc(workspace: Workspace, incident: Incident) -> FromDoc:
    """The current root cause and actions in the doc."""
    if not incident.doc_id:
        return FromDoc(note="The doc is not made yet, so its root cause and actions are missing.")
    try:
        document = workspace.google.docs.get(incident.doc_id, "tabs")
    except GoogleFault as fault:
        why = fault.sentence_in(incident.zone)
        note = f"The doc could not be read, so its root cause and actions are missing. {why}"
        return FromDoc(note=note, fault=fault)
    other_ledgers.note(workspace, incident, read_document(document))
    sections = templates.sections_of(workspace, incident)
    read = read_sections(document, sections, (ROOT_CAUSE, NEXT_TIME))
    cause = "\n".join(block.text for block in read.blocks.get(ROOT_CAUSE, ()))
    return FromDoc(cause, tuple(_actions(read.blocks.get(NEXT_TIME, ()))))


def status_changes(connection: Connection, incident: Incident) -> list[StatusChange]:
    """The incident's statuses over time; withdrawn ones don't count."""
    return [
        StatusChange(each.at, each.status) for each in timeline.statuses_told(connection, incident)
    ]


def promise_facts(
    incident: Incident, given: Sequence[WordGiven], now: datetime
) -> Iterator[PromiseFacts]:
    """Each promised update, and whether it was on time."""
    for promise in promises(given):
        due, came = promise.due_at, promise.given_at
        if came is not None:
            late = duration_text(60.0 * minutes_late(due, came))
            words = "kept" if promise.is_kept else f"{late} late"
            yield PromiseFacts(due, came, words, "kept" if promise.is_kept else "late")
        elif incident.closed_at is not None:
            yield PromiseFacts(due, None, "never given", "late")
        elif (minutes := minutes_late(due, now)) > 0:
            yield PromiseFacts(due, None, f"{duration_text(60.0 * minutes)} late", "late")
        else:
            yield PromiseFacts(due, None, "not due yet", "open")


def _is_a_persons(entry: TimelineEntry) -> bool:
    """Whether a person wrote it, not this program for a status, notice or announcement."""
    return status_told(entry) is None and not entry.id.startswith(("notice", "told"))


def _end(
    incident: Incident, entries: Sequence[TimelineEntry], words: Sequence[WordToCustomers]
) -> datetime:
    """The last known event of an incident."""
    known = [incident.started_at, incident.closed_at, incident.resolved_at]
    known += [entry.at for entry in entries if entry.struck_at is None]
    known += [word.at for word in words]
    return max(at for at in known if at is not None)


def _unsynced(connection: Connection, incident: Incident) -> str:
    count = changes.count_pending(connection, incident.id)
    return f"{count} not in the doc yet: postmortem sync" if count else ""


def _notices(
    connection: Connection, incident: Incident, sent: Sequence[Notice], given: Sequence[WordGiven]
) -> Iterator[NoticeFacts]:
    first_words = {each.notice_id: each for each in given}
    for number, notice in enumerate(sent, 1):
        replies = bounces.replies_to(connection, notice.id)
        promised = notice.next_update
        counts = notices.count_deliveries(connection, notice)
        left = edited_drafts.edited_and_sent(connection, notice.id)
        yield NoticeFacts(
            number=number,
            id=notice.id,
            stage=notice.stage.value,
            subject=notice.subject,
            sender=notice.from_address or notice.sender,
            carrier=notice.transport.label,
            said_at=notice.said_at,
            counts=counts,
            body_html=_letter(text_that_left(connection, notice)),
            bounced=len(bounces.bounces_of(connection, notice.id)),
            replies=replies.people,
            automatic_replies=replies.automatic,
            promise=f"Next update promised for {moment_text(promised, incident.zone)}"
            if promised
            else "",
            reasons=(
                *_reasons(notices.shortfalls(connection, notice.id)),
                *_left_out(connection, notice.id),
            ),
            edited=tuple(edited_counts(left, counts.sent)),
            steps=tuple(_steps(connection, notice, first_words.get(notice.id))),
        )


def _letter(blocks: Iterable[Block]) -> str:
    """A mail's text as HTML; its headings are below those of the report."""
    return "\n".join(blocks_to_html([_lower(block) for block in blocks]))


def _lower(block: Block) -> Block:
    level = block.kind.heading_level
    return replace(block, kind=heading_kind(level + 2)) if level else block


def _steps(
    connection: Connection, notice: Notice, first: WordGiven | None
) -> Iterator[AcceptedCount]:
    """The steps by the story's clock, which in a rehearsal differs from the mails'."""
    if first is None:
        return
    offset = told_at(first) - first.accepted_at
    for at, count in accepted_over_time(connection, notice.id, _MOST_STEPS):
        yield AcceptedCount(at + offset, count)


def _reasons(shortfalls: Sequence[Shortfall]) -> list[tuple[str, int]]:
    """Why mails failed or are unknown, with counts; without any address."""
    counted = Counter(_ADDRESS.sub("the address", short.reason) for short in shortfalls)
    reasons = counted.most_common(_MOST_REASONS)
    rest = sum(counted.values()) - sum(count for _, count in reasons)
    return [*reasons, ("other reasons", rest)] if rest else reasons


def _left_out(connection: Connection, notice_id: str) -> Iterator[tuple[str, int]]:
    """How many rows were left out, and why. A reason may quote a row, so none is repeated."""
    rows = notices.rows_left_out_of(connection, notice_id)
    bad = sum(row.is_bad for row in rows)
    suppressed = sum(row.reason.startswith(notices.SUPPRESSED) for row in rows)
    for words, count in (
        ("left out of the list as bad rows", bad),
        ("left out of the list because their addresses are suppressed", suppressed),
        ("went to another address, which somebody typed in Gmail", len(rows) - bad - suppressed),
    ):
        if count:
            yield words, count


def _named(connection: Connection, notice_id: str) -> Iterator[Shortfall]:
    yield from notices.shortfalls(connection, notice_id)[:_MOST_NAMED]
    for each in bounces.bounces_of(connection, notice_id)[:_MOST_NAMED]:
        yield Shortfall(each.email, each.row, f"bounced: {each.reason}")
    for row in notices.rows_left_out_of(connection, notice_id)[:_MOST_NAMED]:
        yield Shortfall(row.value, row.row, f"left out: {row.reason}")


def _actions(blocks: Iterable[Block]) -> Iterator[ActionFacts]:
    for block in blocks:
        text = block.text.strip()
        if text and not text.endswith(":") and not block.kind.heading_level:
            read = read_action(text)
            yield ActionFacts(text, block.checked, read.has_owner, read.has_date)


def ledger_facts(workspace: Workspace) -> LedgerFacts:
    """Figures of every incident of the profile, the newest first.

    Root causes and actions are read from the docs while Google answers; for the rest only recorded
    text is known, and the facts say for how many.
    """
    with workspace.ledger.read() as connection:
        listed = incidents.all_incidents(connection, profile=workspace.settings.profile)
    docs = DocReader(workspace)
    rows = [_row(workspace, incident, docs.of(incident)) for incident in listed]
    rows.sort(key=lambda row: row.started_at, reverse=True)
    return LedgerFacts(tuple(rows), workspace.now(), workspace.settings.zone, tuple(docs.notes()))


def write_ledger_report(facts: LedgerFacts, path: Path) -> None:
    """Write the page. Raises `BadInput` if that fails."""
    write_whole(path, ledger_page(facts).encode("utf-8", "replace"))


class DocReader:
    """Read docs until Google can't be asked; a missing doc stops nothing."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._unread = 0
        self._why = ""
        self._is_over = False

    def of(self, incident: Incident) -> FromDoc:
        """The data in an incident's doc."""
        found = FromDoc() if self._is_over else read_doc(self._workspace, incident)
        if found.fault is not None:
            self._why = self._why or found.fault.sentence_in(incident.zone)
            self._is_over = not isinstance(found.fault, Refused)
        self._unread += found.actions is None
        return found

    def notes(self) -> Iterator[str]:
        """How many docs were not read, and why."""
        if self._unread:
            docs = "1 doc was" if self._unread == 1 else f"{self._unread:,} docs were"
            yield (
                f"{docs} not read. Their root causes and actions come from the ledger, and open "
                f"actions may be missing. {self._why}".strip()
            )


def _row(workspace: Workspace, incident: Incident, from_doc: FromDoc) -> IncidentRow:
    begun = incident.started_at
    ended = incident.ended_at
    with workspace.ledger.read() as connection:
        given = words_given(connection, incident.id)
        promised = list(promise_facts(incident, given, workspace.now()))
        customers = notices.count_customers(connection, incident.id)
        said_cause = _section(connection, incident, ROOT_CAUSE)
        said_actions = _section(connection, incident, NEXT_TIME)
    first = min((told_at(each) for each in given), default=None)
    if from_doc.actions is not None:
        actions: list[str] = [each.text for each in from_doc.actions if not each.is_done]
    else:
        actions = [line.strip() for line in said_actions.splitlines() if line.strip()]
    return IncidentRow(
        id=incident.id,
        title=incident.title,
        severity=incident.severity,
        status="closed" if incident.closed_at else incident.status.value,
        started_at=begun,
        first_word_seconds=60.0 * minutes_between(begun, first) if first else None,
        duration_seconds=60.0 * minutes_between(begun, ended) if ended else None,
        customers=customers,
        promises_kept=sum(each.state == "kept" for each in promised),
        promises_due=sum(each.state != "open" for each in promised),
        cause=incident.variables.get("cause", ""),
        root_cause=from_doc.root_cause or said_cause,
        open_actions=tuple(actions),
        overdue_actions=_overdue(incident, actions, workspace.now()),
    )


def _overdue(incident: Incident, open_actions: Iterable[str], now: datetime) -> int:
    """How many of an incident's open actions have a day that is over."""
    began = incident.started_at.astimezone(incident.zone).date()
    today = now.astimezone(incident.zone).date()
    days = [read_action(each, began).due for each in open_actions]
    return sum(day is not None and day < today for day in days)


def _section(connection: Connection, incident: Incident, key: str) -> str:
    """The text recorded for a section."""
    filled = changes.changes_of_kind(connection, incident.id, "section")
    return "\n".join(each.payload["text"] for each in filled if each.payload["section"] == key)


# --- Action items ---------------------------------------------------------------------------------


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
    docs = DocReader(workspace)
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
