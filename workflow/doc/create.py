"""Make a doc exactly once, and fill an incident's doc from its template.

Drive has no idempotency key for a Google Doc, so the first process records each call before it
makes it; the others wait for the result. After a lost answer we look for the doc. A call may still
be under way until its time-out, so only finding nothing after that means that nothing was done.

A template is checked with the same functions that fill a doc from it.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Protocol

from workflow import templates
from workflow.config import Config
from workflow.doc import changes
from workflow.document.blocks import NativePart, plain
from workflow.document.edits.new_document import (
    fill_copy,
    fill_new_document,
    incident_values,
    leftovers,
)
from workflow.document.edits.splice import CUSTOMER_FACING_RESPONSE, TIMELINE
from workflow.document.requests import INCIDENT, Request
from workflow.document.template import (
    Field,
    PostmortemTemplate,
    Section,
    bare_title,
    field_of,
    known_key,
    parse_template,
    placeholders,
    placeholders_of,
    section_key,
)
from workflow.document.view import read_document
from workflow.google.client import Json
from workflow.google.drive import INCIDENT_PROPERTY, NewDocument, short_link
from workflow.google.faults import GoogleFault, NotCalled, Refused, StaleRevision, Undecided
from workflow.google.transport import only_while
from workflow.ledger import doc_making, elsewhere, incidents
from workflow.ledger.doc_making import DocRow, Making
from workflow.ledger.incidents import DocRecord, DocState
from workflow.model import Incident, doc_id_in
from workflow.times.clocks import Lease
from workflow.workspace import Workspace

# --- Exactly once ---------------------------------------------------------------------------------


class DocToMake(Protocol):
    """One doc that is made once: the incident's, or a public version's."""

    @property
    def row(self) -> DocRow:
        """Where the ledger keeps how far it has come."""

    @property
    def mark(self) -> str:
        """The value of `INCIDENT_PROPERTY` by which the doc is found in Drive."""

    def look(self) -> Making:
        """Read the row. What the other methods do is for the doc as it was seen last."""

    def folder(self) -> str | None:
        """The id of the folder in Drive where it is created; None: My Drive."""

    def create(self, marks: dict[str, str]) -> NewDocument:
        """Ask Drive for the doc, with `marks` as its properties. Raises `GoogleFault`."""

    def accept(self, refused: Refused) -> bool:
        """Change what Drive refused for; False where there is nothing else to try."""

    def fill(self, *, is_new: bool) -> None:
        """Write into the doc what it is made for, unless it is there, and record it.

        `is_new`: Drive has created it a moment ago. Raises `GoogleFault`.
        """


def make_once(workspace: Workspace, doc: DocToMake) -> None:
    """Continue to make the doc from its current state until it is filled. Raises `GoogleFault`."""
    while (seen := doc.look()).state is not DocState.FILLED:
        if seen.state is DocState.NONE:
            _create(workspace, doc, seen)
        elif seen.state is DocState.CREATING:
            _find_or_create(workspace, doc, seen)
        else:
            doc.fill(is_new=False)


def has_settled(workspace: Workspace, doc: DocToMake, seen: Making) -> bool:
    """Wait until the recorded call can't be under way any more.

    False as soon as somebody else has continued: then there is something new to look at.
    """
    if seen.called_at is None:
        return True
    # A recorded time in the future is from a clock that was set back since: it counts as now.
    waited = max(workspace.wall() - seen.called_at, timedelta())
    until = time.monotonic() + (_settling_time(workspace) - waited).total_seconds()
    while (left := until - time.monotonic()) > 0:
        time.sleep(min(left, 0.2))
        if doc.look() != seen:
            return False
    return True


def calling_time(workspace: Workspace) -> timedelta:
    """How long after it was recorded a call may begin, so that it ends before it has settled."""
    return timedelta(seconds=workspace.settings.config.sending.timeout_seconds)


def _settling_time(workspace: Workspace) -> timedelta:
    """How long after it was recorded a call may still be under way.

    Twice the time-out, which counts from the last byte.
    """
    return timedelta(seconds=2 * workspace.settings.config.sending.timeout_seconds + 1)


def _create(workspace: Workspace, doc: DocToMake, seen: Making) -> None:
    lease = Lease(calling_time(workspace))
    with workspace.ledger.write() as connection:
        if not doc_making.asked_to_create(connection, doc.row, seen, at=workspace.wall()):
            return
    try:
        with only_while(lease.holds):
            made = doc.create({INCIDENT_PROPERTY: doc.mark})
    except NotCalled:
        return  # this program stood still: `make_once` looks at the row again
    except Undecided:
        raise
    except GoogleFault as fault:  # a plain no: the next try need not look for anything
        with workspace.ledger.write() as connection:
            doc_making.not_created(connection, doc.row)
        if isinstance(fault, Refused) and doc.accept(fault):
            return
        raise
    _note_created(workspace, doc, made.id, made.url)
    doc.look()
    doc.fill(is_new=True)


def _find_or_create(workspace: Workspace, doc: DocToMake, seen: Making) -> None:
    if _find(workspace, doc) or not has_settled(workspace, doc, seen):
        return
    if not _find(workspace, doc):
        _create(workspace, doc, seen)


def _find(workspace: Workspace, doc: DocToMake) -> bool:
    found = workspace.google.drive.find_documents(doc.folder(), doc.mark)
    if found:
        oldest = found[-1]
        _note_created(workspace, doc, oldest["id"], short_link(oldest["webViewLink"]))
    return bool(found)


def _note_created(workspace: Workspace, doc: DocToMake, doc_id: str, url: str) -> None:
    with workspace.ledger.write() as connection:
        doc_making.created(connection, doc.row, doc_id=doc_id, doc_url=url)


# --- An incident's doc ----------------------------------------------------------------------------


def filling_of(
    incident: Incident, template_source: str, config: Config, parts: frozenset[NativePart]
) -> list[Request]:
    """One batch that fills the incident's new doc from its template, with these native parts."""
    template = parse_template(template_source)
    return fill_new_document(template, incident, doc_values(incident, config), parts)


def doc_values(incident: Incident, config: Config) -> dict[str, str]:
    """The config's values for a doc's template."""
    return {
        name: value
        for name, value in (("support", config.support), ("organisation", config.organisation))
        if value and name not in incident.variables
    }


def make_doc(workspace: Workspace, incident_id: str) -> None:
    """See to it that the incident has its doc, with its sections in it. Raises `GoogleFault`."""
    make_once(workspace, _IncidentDoc(workspace, incident_id))


class _IncidentDoc:
    """The incident's own doc: empty at first, or a copy of the Google Doc that is its template."""

    def __init__(self, workspace: Workspace, incident_id: str) -> None:
        self._workspace = workspace
        self._id = self.mark = incident_id
        self.row = doc_making.incident_doc(incident_id)

    def look(self) -> DocRecord:
        """Read the incident and how far its doc has come."""
        with self._workspace.ledger.read() as connection:
            self._incident = incidents.incident_by_id(connection, self._id)
            self._record = incidents.doc_record(connection, self._id)
        return self._record

    def folder(self) -> str | None:
        """The incident's folder."""
        return self._record.folder or None

    def create(self, marks: dict[str, str]) -> NewDocument:
        """An empty doc, or a copy of the Google Doc that is the template."""
        drive, source = self._workspace.google.drive, self._copied
        title, parent = self._incident.title, self.folder()
        if source:
            return drive.copy_document(
                source, title, parent=parent, app_properties=marks, properties=marks
            )
        return drive.create_document(title, parent=parent, app_properties=marks, properties=marks)

    @property
    def _copied(self) -> str:
        """The id of the Google Doc that is copied; "" where the template is Markdown."""
        return doc_id_in(self._record.template_name)

    def accept(self, refused: Refused) -> bool:
        """Take another folder or the usual template: any doc is better than none."""
        workspace, record = self._workspace, self._record
        with workspace.ledger.write() as connection:
            if record.folder and refused.status in {403, 404}:
                # The config's folder comes next, then My Drive.
                configured = workspace.settings.config.folder
                folder = configured if configured != record.folder else ""
                incidents.update_incident(connection, self._id, folder=folder)
            elif self._copied:
                doc_making.set_template(connection, self._id, "postmortem", record.template_source)
            else:
                return False
        return True

    def fill(self, *, is_new: bool) -> None:
        """Fill it from its template, unless it says itself that it is this incident's."""
        workspace, incident, record = self._workspace, self._incident, self._record
        if is_new and not self._copied:
            # Empty for sure, so there is nothing to read first.
            self._send(_filling(workspace, incident, record), None)
            return
        document = _document(workspace, incident)
        if not _is_filled(document, incident) and record.state is DocState.FILLING:
            if not has_settled(workspace, self, record):
                return
            document = _document(workspace, incident)
        if not _is_filled(document, incident):
            requests = _filling(workspace, incident, record, document)
            revision = document.get("revisionId") or None
            self._send(requests, revision)
            return
        with workspace.ledger.write() as connection:
            doc_making.filled(connection, self.row)

    def _send(self, requests: list[Request], required_revision: str | None) -> None:
        """Ask Docs to fill it, with the call recorded before and its result after."""
        workspace, incident = self._workspace, self._incident
        lease = Lease(calling_time(workspace))
        with workspace.ledger.write() as connection:
            now = workspace.wall()
            if not doc_making.asked_to_fill(connection, self.row, self._record, at=now):
                return
        try:
            with only_while(lease.holds):
                workspace.google.docs.batch_update(
                    incident.doc_id, requests, required_revision=required_revision
                )
        except NotCalled:
            return
        except Undecided:
            raise
        except GoogleFault as fault:  # a clear refusal: nothing was written
            with workspace.ledger.write() as connection:
                doc_making.not_filled(connection, self.row)
            if not _is_about_parts(workspace, incident, fault, requests):
                raise
            # `make_once` continues from here, with text in place of what was refused.
            return
        with workspace.ledger.write() as connection:
            doc_making.filled(connection, self.row)
            # The doc exists. No other ledger can have known it a moment ago.
            elsewhere.note_comparison(connection, incident.id, (), at=workspace.wall())


def _document(workspace: Workspace, incident: Incident) -> Json:
    """The doc with its styles: a copy of somebody's template has more in it than we write."""
    return workspace.google.docs.get(incident.doc_id, "revisionId,tabs")


def _is_filled(document: Json, incident: Incident) -> bool:
    """Whether the doc has the mark of this incident."""
    return incident.id in read_document(document).own.get(INCIDENT, {})


def _is_about_parts(
    workspace: Workspace, incident: Incident, fault: GoogleFault, requests: list[Request]
) -> bool:
    """Whether Docs refused a native part, and not the batch because the doc had changed."""
    if not isinstance(fault, Refused):
        return False
    if isinstance(fault, StaleRevision) and fault.request_index is None:
        return False
    return changes.remember_refused_chip(workspace, incident.id, fault, requests)


def _filling(
    workspace: Workspace, incident: Incident, record: DocRecord, document: Json | None = None
) -> list[Request]:
    """The requests that fill the doc: from the template's text, or within a copied template."""
    if document is not None and doc_id_in(record.template_name):
        return _copy_filling(workspace, incident, record, document)
    return filling_of(
        incident,
        record.template_source,
        workspace.settings.config,
        changes.allowed_parts(workspace, record),
    )


def _copy_filling(
    workspace: Workspace, incident: Incident, record: DocRecord, document: Json
) -> list[Request]:
    """Fill a copy, and store its text as the template: that identifies its sections."""
    source = templates.source_of_doc(document, record.template_source)
    with workspace.ledger.write() as connection:
        doc_making.set_template(connection, incident.id, record.template_name, source)
    values = doc_values(incident, workspace.settings.config)
    parts = changes.allowed_parts(workspace, record)
    return fill_copy(document, incident, values, parse_template(source).sections, parts)


@dataclass(frozen=True)
class TemplateReport:
    """The result of checking a template: sections, header lines, placeholders filled and left.

    `missing` are the keys of sections that the commands write to and the template lacks: they are
    added to the doc's end when first needed. `found` says for each key where its section was found;
    `known` are all placeholders that are filled.
    """

    name: str
    sections: tuple[Section, ...]
    fields: tuple[Field, ...]
    filled: tuple[str, ...]
    left_over: tuple[str, ...]
    missing: tuple[str, ...]
    found: dict[str, str]
    known: tuple[str, ...]


@dataclass(frozen=True)
class TemplateFile:
    """A template by name: `kind` is doc, mail or colleagues, `path` its file."""

    name: str
    kind: str
    path: Path


def check_template(workspace: Workspace, reference: str) -> TemplateReport:
    """Check the postmortem template by name, path or a Google Doc's address.

    Raises `BadInput`, `MailTemplateBad`, and `GoogleFault` for a Google Doc that can't be read.
    """
    source = templates.load_doc_template(workspace, reference).source
    doc_id = doc_id_in(reference)
    if doc_id:
        document = workspace.google.docs.get(doc_id, "revisionId,tabs")
        source = templates.source_of_doc(document, source)
    template = parse_template(source)
    incident = _sample(workspace)
    values = doc_values(incident, workspace.settings.config)
    left_over = leftovers(template, incident, values)
    keys = {section.key for section in template.sections}
    return TemplateReport(
        reference or "postmortem",
        template.sections,
        tuple(_fields(template)),
        tuple(name for name in placeholders(template) if name not in left_over),
        left_over,
        tuple(key for key in (TIMELINE, CUSTOMER_FACING_RESPONSE) if key not in keys),
        {
            name: _where_found(section, name)
            for section in template.sections
            for name in (section.key, *section.also)
        },
        tuple(incident_values(incident) | values),
    )


def _where_found(section: Section, key: str) -> str:
    """How a section was recognized as the one with this key."""
    title = section.title
    if section.in_cell:
        return f"{{{{ {key} }}}} in the cell {section.in_cell} “{title}”"
    blocks = (plain(title), *section.standing)
    if key in (section_key(title), bare_title(title).replace(" ", "_")):
        words = f"heading “{title}”"
    elif any(key in placeholders_of(block) for block in blocks):
        words = f"{{{{ {key} }}}} under “{title}”"
    elif key == known_key(title):
        words = f"heading “{title}”, by its meaning"
    else:
        words = f"heading “{title}”, by the front matter"
    if key == TIMELINE and any(block.rows for block in section.standing):
        words += "; entries become rows of its table"
    return words


def list_templates(workspace: Workspace) -> list[TemplateFile]:
    """All templates that a command takes by name; the team's own before the shipped ones."""
    found: dict[tuple[str, str], TemplateFile] = {}
    for root in templates.template_folders(workspace):
        for kind, folder in (("doc", root), ("mail", root / "email")):
            for path in sorted(folder.glob("*.md")):
                beside = templates.WRITTEN_LIKE_MAILS if kind == "doc" else {}
                kind_of = beside.get(path.stem, kind)
                found.setdefault((kind_of, path.stem), TemplateFile(path.stem, kind_of, path))
    return sorted(found.values(), key=lambda one: (one.kind, one.name))


def _fields(template: PostmortemTemplate) -> Iterator[Field]:
    for line in template.opening:
        field = field_of(line)
        if field is not None:
            yield field


def _sample(workspace: Workspace) -> Incident:
    """An incident without any optional value, as `start` without options makes it."""
    return Incident("sample", "Sample", workspace.now(), workspace.settings.zone.key)
