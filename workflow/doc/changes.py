"""From the ledger to the doc: the edit for each recorded change.

The impact or the severity is computed from all its recorded updates. Edits that people made in the
doc by hand, and that the ledger doesn't have, are reported with a command to adopt them.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy.engine import Connection

from workflow.doc import notices
from workflow.doc.pictures import inline_picture
from workflow.document.blocks import Block, NativePart, blocks_from_text
from workflow.document.edits.action_items import file_blocks, with_chips
from workflow.document.edits.changes import (
    AddEntry,
    Change,
    FillSection,
    PutNotice,
    PutProposal,
    Restate,
    RewordEntry,
    SetField,
    StrikeEntry,
)
from workflow.document.edits.header import NOT_KNOWN, field_shown, title_shown
from workflow.document.edits.sections import SUPPORTING_DATA
from workflow.document.names import incident_name
from workflow.document.requests import NON_TEXT, clean_text
from workflow.document.template import Section, TemplateSections, parse_template
from workflow.document.typed import blocks_from_typed
from workflow.document.view import DocView
from workflow.ledger import changes, incidents
from workflow.ledger.changes import STATEMENT, RecordedChange
from workflow.model import Incident, Statement, Status
from workflow.standing import notice_words


@dataclass(frozen=True)
class Wanted:
    """The next edit of the doc. `ids` are the recorded changes, `facts` each notice's lines."""

    ids: tuple[str, ...]
    changes: tuple[Change, ...]
    sections: Sequence[Section]
    facts: dict[str, list[str]]


def wanted_changes(
    connection: Connection,
    incident: Incident,
    pending: list[RecordedChange],
    parts: frozenset[NativePart],
) -> Wanted:
    """The edit for the pending changes, from the ledger as it is now.

    Reads nothing that a timeline entry doesn't need: most runs bring only that.
    """
    source = incidents.doc_record(connection, incident.id).template_source
    facts: dict[str, list[str]] = {}
    found: list[Change] = []
    for change in pending:
        match change.kind:
            case "entry":
                entry = incidents.entry_by_id(connection, change.payload["entry"])
                markdown = bool(change.payload.get("markdown"))
                only = incidents.is_only_one(connection, incident.id, entry)
                found.append(AddEntry(entry, incident.zone, markdown, only))
            case "reword" | "strike":
                found.append(_correction(connection, incident, change))
            case "field":
                found.append(_field(connection, incident, change))
            case changes.STATEMENT:
                found.append(wanted_statement(connection, incident, change, source, pending))
            case "section":
                blocks = tuple(_section_blocks(incident, change, parts))
                only = changes.is_said_once(connection, incident.id, change)
                found.append(FillSection(change.id, change.payload["section"], blocks, only))
            case changes.SUMMARY:
                found.append(notice_words.wanted_summary(connection, incident))
            case "file":
                found.append(_file(connection, change, parts))
            case "notice" | changes.PROPOSAL:
                key, put = _notice_or_proposal(connection, incident, change)
                facts[key] = list(put.facts)
                found.append(put)
    ids = tuple(change.id for change in pending)
    return Wanted(ids, tuple(found), TemplateSections(source), facts)


def _notice_or_proposal(
    connection: Connection, incident: Incident, change: RecordedChange
) -> tuple[str, PutNotice | PutProposal]:
    """A notice or a plan for the doc, and the key of its facts in `Wanted`."""
    if change.kind == changes.PROPOSAL:
        proposed = notices.wanted_proposal(connection, incident, change.payload["plan"])
        return f"{changes.PROPOSAL}-{proposed.id}", proposed
    put = notices.wanted_notice(connection, incident, change.payload["notice"])
    return put.id, put


def _section_blocks(
    incident: Incident, change: RecordedChange, parts: frozenset[NativePart]
) -> list[Block]:
    """A section's text; unformatted with `--plain`, or if an old version recorded it."""
    text = change.payload["text"]
    if not change.payload.get("markdown"):
        return blocks_from_text(text)
    return [with_chips(block, incident.zone, parts) for block in blocks_from_typed(text)]


def _file(
    connection: Connection, change: RecordedChange, parts: frozenset[NativePart]
) -> FillSection:
    file = changes.file_by_id(connection, change.payload["file"])
    picture = inline_picture(change)
    content = b"" if change.payload.get(changes.LINK_ALONE) else file.content
    blocks = file_blocks(file.name, file.caption, file.url, content, parts, picture)
    return FillSection(change.id, SUPPORTING_DATA, tuple(blocks))


def _correction(
    connection: Connection, incident: Incident, change: RecordedChange
) -> RewordEntry | StrikeEntry:
    """The entry as it is now, with every earlier wording to recognize our text in the doc."""
    entry = incidents.entry_by_id(connection, change.payload["entry"])
    rewords = [
        each.payload
        for each in changes.changes_of_kind(connection, incident.id, "reword")
        if each.payload["entry"] == entry.id
    ]
    earlier = tuple(each["was"] for each in rewords)
    if change.kind == "strike":
        return StrikeEntry(change.id, entry, incident.zone, earlier)
    markdown = bool(rewords[-1].get("markdown"))
    return RewordEntry(change.id, entry, incident.zone, earlier, markdown)


def _field(connection: Connection, incident: Incident, change: RecordedChange) -> SetField:
    """The field's last value, whatever the order in the journal: fields have no history."""
    name = change.payload["name"]
    recorded = [
        each.payload["value"]
        for each in changes.changes_of_kind(connection, incident.id, "field")
        if each.payload["name"] == name
    ]
    if name == "status":  # the last status announced, not the last one recorded
        labels = [status.label for status in Status]
        return SetField(name, incident.status.label, (NOT_KNOWN, *labels))
    return SetField(name, recorded[-1], (NOT_KNOWN, *recorded))


def wanted_statement(
    connection: Connection,
    incident: Incident,
    change: RecordedChange,
    template_source: str,
    pending: Sequence[RecordedChange],
) -> Restate:
    """The statement's last value, wherever this change is in the journal.

    Earlier values help to recognize our text in the doc. `template_source` is the Markdown of the
    doc's template. `pending` are all changes that the doc lacks, in their order.
    """
    statement = Statement(change.payload["statement"])
    recorded = statements_of(connection, incident.id, statement)
    earlier = [value for each in recorded for value in (each.payload["was"], each.payload["value"])]
    last = recorded[-1].payload["value"]
    template = parse_template(template_source)
    # The title is also in the doc's identity line, and so is the start.
    is_identity = statement in {Statement.TITLE, Statement.STARTED}
    identity = incident_name(incident) if is_identity else ""
    waiting = {one.id for one in pending}
    is_first = not next(each.payload["was"] for each in recorded if each.id in waiting)
    return Restate(statement, last, tuple(dict.fromkeys(earlier)), template, identity, is_first)


def statements_of(
    connection: Connection, incident_id: str, statement: Statement
) -> list[RecordedChange]:
    """Every update of a statement, in the order they were made."""
    return [
        each
        for each in changes.changes_of_kind(connection, incident_id, changes.STATEMENT)
        if each.payload["statement"] == statement.value
    ]


def hand_edits(view: DocView, incident: Incident, pending: Iterable[RecordedChange]) -> list[str]:
    """A sentence for a title or owner edited by hand, with the command to adopt the edit.

    Nothing is adopted automatically. A `pending` change is about to be written and isn't reported.
    """
    waiting = {one.payload.get("statement") for one in pending if one.kind == STATEMENT}
    found = []
    title = title_shown(view)
    held = incident.variables.get("title", incident.title)
    if title and clean_text(held).strip() not in title and Statement.TITLE.value not in waiting:
        found.append(_offer("title", title, held))
    owner = field_shown(view, "owner")
    held = incident.variables.get("owner", incident.owner)
    is_text = owner and NON_TEXT not in owner  # a person chip is left to people
    if is_text and owner != clean_text(held).strip() and Statement.OWNER.value not in waiting:
        found.append(_offer("owner", owner, held))
    return found


def _offer(what: str, shown: str, held: str) -> str:
    return (
        f"The {what} in the doc is “{shown}”, and here it is “{held or 'nobody'}”. To use the "
        f"doc's value: postmortem edit --{what} {shlex.quote(shown)}"
    )
