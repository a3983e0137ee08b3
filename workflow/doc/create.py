"""An incident's doc: how it is made and filled, and what its template turns into.

A template is checked with the same functions that fill a doc from it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from workflow import templates
from workflow.config import Config
from workflow.doc import making, pictures
from workflow.document.blocks import plain
from workflow.document.chips import NativePart
from workflow.document.edits.new_document import (
    fill_copy,
    fill_new_document,
    incident_values,
    leftovers,
)
from workflow.document.edits.sections import CUSTOMER_FACING_RESPONSE, TIMELINE
from workflow.document.names import INCIDENT
from workflow.document.requests import Request
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
from workflow.google.drive import NewDocument
from workflow.google.faults import GoogleFault, NotCalled, Refused, StaleRevision, Undecided
from workflow.google.transport import only_while
from workflow.ledger import doc_making, elsewhere, incidents
from workflow.ledger.incidents import DocRecord, DocState
from workflow.model import Incident, doc_id_in
from workflow.times.clocks import Lease
from workflow.workspace import Workspace


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
    making.make_once(workspace, _IncidentDoc(workspace, incident_id))


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
            if not making.has_settled(workspace, self, record):
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
        lease = Lease(making.calling_time(workspace))
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
            elsewhere.note_place(connection, workspace.ledger.mark)


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
    return pictures.remember_refused_chip(workspace, incident.id, fault, requests)


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
        pictures.allowed_parts(workspace, record),
    )


def _copy_filling(
    workspace: Workspace, incident: Incident, record: DocRecord, document: Json
) -> list[Request]:
    """Fill a copy, and store its text as the template: that identifies its sections."""
    source = templates.source_of_doc(document, record.template_source)
    with workspace.ledger.write() as connection:
        doc_making.set_template(connection, incident.id, record.template_name, source)
    values = doc_values(incident, workspace.settings.config)
    parts = pictures.allowed_parts(workspace, record)
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
