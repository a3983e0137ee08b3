"""The report of one incident: gathered from the ledger and the doc, written as one page."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy.engine import Connection

from workflow.document.blocks import Block, heading_kind
from workflow.document.gaps import read_action
from workflow.document.html import blocks_to_html
from workflow.document.parse import blocks_from_markdown
from workflow.flows import templates
from workflow.flows.file_writing import write_whole
from workflow.flows.log import status_told
from workflow.flows.next_word import promises, told_at
from workflow.flows.workspace import Workspace
from workflow.google.faults import GoogleFault
from workflow.incident import (
    DeliveryState,
    Incident,
    Shortfall,
    TimelineEntry,
    duration_text,
    moment_text,
)
from workflow.ledger import announcements, bounces, changes, incidents, notices, rows_left_out
from workflow.ledger.notices import Notice
from workflow.ledger.promises import WordGiven, words_given
from workflow.ledger.reports import accepted_over_time
from workflow.publication.sections import read_sections
from workflow.report.facts import (
    ActionFacts,
    IncidentFacts,
    NoticeFacts,
    PromiseFacts,
    Step,
)
from workflow.report.milestones import StatusChange, WordToCustomers, milestones, phases
from workflow.report.page import incident_page

ROOT_CAUSE, NEXT_TIME = "root_cause", "next_time"
_MOST_STEPS = 200
_MOST_REASONS = 12
_MOST_NAMED = 500
_ADDRESS = re.compile(r"[^\s<>@,;:\"()]+@[^\s<>@,;:\"()]+")
_ONE_MINUTE = timedelta(minutes=1)


@dataclass(frozen=True)
class FromDoc:
    """What a report takes from the doc; `actions` is None, with a sentence why, if it can't."""

    root_cause: str = ""
    actions: tuple[ActionFacts, ...] | None = None
    note: str = ""
    fault: GoogleFault | None = None


def report_facts(workspace: Workspace) -> IncidentFacts:
    """All that the report of the incident tells, without the name of anybody on a list.

    A doc that can't be read is no reason for no report: the facts say so.
    """
    incident = workspace.incident()
    from_doc = read_doc(workspace, incident)
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
        turns = status_changes(entries)
        said = [entry for entry in entries if _is_a_persons(entry)]
        found = milestones(incident, said, turns, words, min(told, default=None))
        notes = [from_doc.note, _unsynced(connection, incident)]
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
    """The same, naming those who were not surely told."""
    with workspace.ledger.read() as connection:
        named = tuple(
            replace(each, shortfalls=tuple(_named(connection, each.id))) for each in facts.notices
        )
    return replace(facts, notices=named)


def write_report(facts: IncidentFacts, path: Path) -> None:
    """Write the page. Raises `BadInput` where that can't be done."""
    write_whole(path, incident_page(facts).encode("utf-8", "replace"))


def read_doc(workspace: Workspace, incident: Incident) -> FromDoc:
    """The root cause and the actions as they stand in the doc now."""
    if not incident.doc_id:
        return FromDoc(note="The doc is not made yet, so its root cause and actions are missing.")
    try:
        document = workspace.google.docs.get(incident.doc_id, "tabs")
    except GoogleFault as fault:
        why = fault.sentence_in(incident.zone)
        note = f"The doc could not be read, so its root cause and actions are missing. {why}"
        return FromDoc(note=note, fault=fault)
    sections = templates.sections_of(workspace, incident)
    read = read_sections(document, sections, (ROOT_CAUSE, NEXT_TIME))
    cause = "\n".join(block.text for block in read.blocks.get(ROOT_CAUSE, ()))
    return FromDoc(cause, tuple(_actions(read.blocks.get(NEXT_TIME, ()))))


def status_changes(entries: Iterable[TimelineEntry]) -> list[StatusChange]:
    """How the incident stood, as the timeline tells it; what was taken back does not count."""
    told = ((entry, status_told(entry)) for entry in entries if entry.struck_at is None)
    return [StatusChange(entry.at, status[0]) for entry, status in told if status is not None]


def promise_facts(
    incident: Incident, given: Sequence[WordGiven], now: datetime
) -> Iterator[PromiseFacts]:
    """Each promise of a next word, and whether it was kept; a minute late is not late."""
    for promise in promises(given):
        due, came = promise.due_at, promise.given_at
        if came is not None:
            late = (came - due) // _ONE_MINUTE
            words = f"{duration_text(late * 60.0)} late" if late > 0 else "kept"
            yield PromiseFacts(due, came, words, "late" if late > 0 else "kept")
        elif incident.closed_at is not None:
            yield PromiseFacts(due, None, "never given", "late")
        elif now - due >= _ONE_MINUTE:
            length = duration_text((now - due).total_seconds())
            yield PromiseFacts(due, None, f"{length} late", "late")
        else:
            yield PromiseFacts(due, None, "not due yet", "open")


def _is_a_persons(entry: TimelineEntry) -> bool:
    """Whether somebody said it, and not this program of a status, a notice or an announcement."""
    return status_told(entry) is None and not entry.id.startswith(("notice", "told"))


def _end(
    incident: Incident, entries: Sequence[TimelineEntry], words: Sequence[WordToCustomers]
) -> datetime:
    """The last thing that is known of an incident."""
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
        yield NoticeFacts(
            number=number,
            id=notice.id,
            stage=notice.stage.value,
            subject=notice.subject,
            sender=notice.from_address or notice.sender,
            carrier=notice.transport.label,
            said_at=notice.said_at,
            counts=notices.count_deliveries(connection, notice),
            body_html=_letter(notice.copy_markdown),
            bounced=len(bounces.bounces_of(connection, notice.id)),
            replies=replies.people,
            automatic_replies=replies.automatic,
            promise=f"Next word promised for {moment_text(promised, incident.zone)}"
            if promised
            else "",
            reasons=(
                *_reasons(notices.shortfalls(connection, notice.id)),
                *_left_out(connection, notice.id),
            ),
            steps=tuple(_steps(connection, notice, first_words.get(notice.id))),
        )


def _letter(markdown: str) -> str:
    """A mail's words as HTML; its headings stand below those of the report."""
    blocks = [_lower(block) for block in blocks_from_markdown(markdown)]
    return "\n".join(blocks_to_html(blocks))


def _lower(block: Block) -> Block:
    level = block.kind.heading_level
    return replace(block, kind=heading_kind(level + 2)) if level else block


def _steps(connection: Connection, notice: Notice, first: WordGiven | None) -> Iterator[Step]:
    """By the story's clock, which in a rehearsal is another than the mails' own."""
    if first is None:
        return
    offset = told_at(first) - first.accepted_at
    for at, count in accepted_over_time(connection, notice.id, _MOST_STEPS):
        yield Step(at + offset, count)


def _reasons(shortfalls: Sequence[Shortfall]) -> list[tuple[str, int]]:
    """Why mails failed or are unknown, with how often; nobody's address is in it."""
    counted = Counter(_ADDRESS.sub("the address", short.reason) for short in shortfalls)
    reasons = counted.most_common(_MOST_REASONS)
    rest = sum(counted.values()) - sum(count for _, count in reasons)
    return [*reasons, ("other reasons", rest)] if rest else reasons


def _left_out(connection: Connection, notice_id: str) -> Iterator[tuple[str, int]]:
    """How many bad rows were left out; why each is bad may quote it, so only names come with it."""
    if count := len(rows_left_out.rows_of(connection, notice_id)):
        yield "left out of the list as bad rows", count


def _named(connection: Connection, notice_id: str) -> Iterator[Shortfall]:
    yield from notices.shortfalls(connection, notice_id)[:_MOST_NAMED]
    for each in bounces.bounces_of(connection, notice_id)[:_MOST_NAMED]:
        yield Shortfall(each.email, each.row, f"came back: {each.reason}")
    for row in rows_left_out.rows_of(connection, notice_id)[:_MOST_NAMED]:
        yield Shortfall(row.value, row.row, f"left out: {row.reason}")


def _actions(blocks: Iterable[Block]) -> Iterator[ActionFacts]:
    for block in blocks:
        text = block.text.strip()
        if text and not text.endswith(":") and not block.kind.heading_level:
            read = read_action(text)
            yield ActionFacts(text, block.checked, read.has_owner, read.has_date)
