"""From the ledger to the doc: what a new doc holds, and what each recorded change means for it."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy.engine import Connection

from workflow.config import Config
from workflow.document.blocks import Block, blocks_from_text
from workflow.document.changes import (
    AddEntry,
    Change,
    FillSection,
    PutNotice,
    RewordEntry,
    SetField,
    StrikeEntry,
)
from workflow.document.chips import NativePart
from workflow.document.new_document import NOT_KNOWN, fill_new_document
from workflow.document.parse import blocks_from_markdown
from workflow.document.requests import Request
from workflow.document.sections import SUPPORTING_DATA
from workflow.document.supporting_data import file_blocks
from workflow.document.template import Section, parse_template
from workflow.flows import communications
from workflow.flows.notice_words import notice_facts, notice_heading
from workflow.flows.pictures import inline_picture
from workflow.incident import Incident, Status
from workflow.ledger import changes, files, incidents, notices
from workflow.ledger.changes import RecordedChange


@dataclass(frozen=True)
class Wanted:
    """What the doc is to show next. `ids` are the recorded changes, `facts` each notice's lines."""

    ids: tuple[str, ...]
    changes: tuple[Change, ...]
    sections: tuple[Section, ...]
    facts: dict[str, list[str]]


def filling(
    incident: Incident, template_source: str, config: Config, parts: frozenset[NativePart]
) -> list[Request]:
    """One batch that fills the incident's new doc from its template, with these native parts."""
    template = parse_template(template_source)
    return fill_new_document(template, incident, doc_values(incident, config), parts)


def doc_values(incident: Incident, config: Config) -> dict[str, str]:
    """What the config adds to the values that a doc's template may ask for."""
    return {
        name: value
        for name, value in (("support", config.support), ("organisation", config.organisation))
        if value and name not in incident.variables
    }


def wanted_changes(
    connection: Connection,
    incident: Incident,
    pending: list[RecordedChange],
    parts: frozenset[NativePart],
) -> Wanted:
    """What the pending changes mean for the doc, from the ledger as it is now."""
    source = incidents.doc_record(connection, incident.id).template_source
    facts: dict[str, list[str]] = {}
    found: list[Change] = []
    for change in pending:
        match change.kind:
            case "entry":
                entry = incidents.entry_by_id(connection, change.payload["entry"])
                found.append(AddEntry(entry, incident.zone))
            case "reword" | "strike":
                found.append(_correction(connection, incident, change))
            case "field":
                found.append(_field(connection, incident, change))
            case "section":
                blocks = tuple(blocks_from_text(change.payload["text"]))
                found.append(FillSection(change.id, change.payload["section"], blocks))
            case communications.KIND:
                found.append(communications.wanted_summary(connection, incident))
            case "file":
                found.append(_file(connection, change, parts))
            case _:
                put = _notice(connection, incident, change.payload["notice"])
                facts[put.id] = list(put.facts)
                found.append(put)
    sections = parse_template(source).sections
    return Wanted(tuple(change.id for change in pending), tuple(found), sections, facts)


def _file(
    connection: Connection, change: RecordedChange, parts: frozenset[NativePart]
) -> FillSection:
    file = files.file_by_id(connection, change.payload["file"])
    picture = inline_picture(change)
    blocks = file_blocks(file.name, file.caption, file.url, file.content, parts, picture)
    return FillSection(change.id, SUPPORTING_DATA, tuple(blocks))


def _correction(
    connection: Connection, incident: Incident, change: RecordedChange
) -> RewordEntry | StrikeEntry:
    """The entry as it is now; every wording that it has had tells our words in the doc."""
    entry = incidents.entry_by_id(connection, change.payload["entry"])
    earlier = tuple(
        each.payload["was"]
        for each in changes.changes_of_kind(connection, incident.id, "reword")
        if each.payload["entry"] == entry.id
    )
    kind = RewordEntry if change.kind == "reword" else StrikeEntry
    return kind(change.id, entry, incident.zone, earlier)


def _field(connection: Connection, incident: Incident, change: RecordedChange) -> SetField:
    """The last value wins, wherever this change stands in the journal: fields are not history."""
    name = change.payload["name"]
    recorded = [
        each.payload["value"]
        for each in changes.changes_of_kind(connection, incident.id, "field")
        if each.payload["name"] == name
    ]
    labels = [status.label for status in Status] if name == "status" else []
    return SetField(name, recorded[-1], (NOT_KNOWN, *labels, *recorded))


def _notice(connection: Connection, incident: Incident, notice_id: str) -> PutNotice:
    notice = notices.notice_by_id(connection, notice_id)
    body: list[Block] = blocks_from_markdown(notice.copy_markdown)
    return PutNotice(
        id=notice.id,
        heading=notice_heading(incident, notice),
        facts=tuple(notice_facts(connection, incident, notice)),
        body=tuple(body),
        previous_facts=(tuple(notice.facts_written),) if notice.facts_written else (),
    )
