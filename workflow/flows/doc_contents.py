"""From the ledger to the doc: what each recorded change means for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.engine import Connection

from workflow.document.blocks import blocks_from_text
from workflow.document.changes import (
    AddEntry,
    Change,
    FillSection,
    RewordEntry,
    SetField,
    StrikeEntry,
)
from workflow.document.chips import NativePart
from workflow.document.header_line import NOT_KNOWN
from workflow.document.sections import SUPPORTING_DATA
from workflow.document.template import Section, TemplateSections
from workflow.flows.pictures import inline_picture
from workflow.incident import Incident, Status
from workflow.ledger import changes, files, incidents
from workflow.ledger.changes import RecordedChange


@dataclass(frozen=True)
class Wanted:
    """What the doc is to show next. `ids` are the recorded changes, `facts` each notice's lines."""

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
    """What the pending changes mean for the doc, from the ledger as it is now.

    A timeline entry waits for nothing here that it does not need: most runs bring only that.
    """
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
            case changes.STATEMENT:
                from workflow.flows.doc_statements import wanted_statement  # noqa: PLC0415

                found.append(wanted_statement(connection, incident, change, source))
            case "section":
                blocks = tuple(blocks_from_text(change.payload["text"]))
                found.append(FillSection(change.id, change.payload["section"], blocks))
            case changes.SUMMARY:
                from workflow.flows.communications import wanted_summary  # noqa: PLC0415

                found.append(wanted_summary(connection, incident))
            case "file":
                found.append(_file(connection, change, parts))
            case _:
                from workflow.flows.doc_notices import wanted_notice  # noqa: PLC0415

                put = wanted_notice(connection, incident, change.payload["notice"])
                facts[put.id] = list(put.facts)
                found.append(put)
    ids = tuple(change.id for change in pending)
    return Wanted(ids, tuple(found), TemplateSections(source), facts)


def _file(
    connection: Connection, change: RecordedChange, parts: frozenset[NativePart]
) -> FillSection:
    from workflow.document.supporting_data import file_blocks  # noqa: PLC0415

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
