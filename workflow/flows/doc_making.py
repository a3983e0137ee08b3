"""Making an incident's doc, once, however often and by however many it is tried.

Drive has no idempotency key for a Google Doc, so each call is written down before it is made, by
whoever is first; the others look what comes of it. An answer that was lost is looked for; and
because a call may still be under way for as long as its time-out, only not finding anything after
that means that nothing was done.
"""

from __future__ import annotations

import time
from datetime import timedelta

from workflow.document.doc_template import fill_copy
from workflow.document.names import INCIDENT
from workflow.document.requests import Request
from workflow.document.template import parse_template
from workflow.document.view import read_document
from workflow.flows import doc_filling, native_parts, templates
from workflow.flows.templates import doc_id_in
from workflow.flows.workspace import Workspace
from workflow.google import INCIDENT_PROPERTY, NewDocument
from workflow.google.client import Json
from workflow.google.faults import GoogleFault, Refused, StaleRevision, Undecided
from workflow.incident import Incident
from workflow.ledger import doc_making, incidents
from workflow.ledger.incidents import DocRecord


def make_doc(workspace: Workspace, incident_id: str) -> None:
    """See to it that the incident has its doc, with its sections in it. Raises `GoogleFault`."""
    while True:
        incident, record = _read(workspace, incident_id)
        if record.state == "filled":
            return
        if record.state == "none":
            _create_and_fill(workspace, incident, record)
        elif record.state == "creating":
            _find_or_create(workspace, incident, record)
        else:
            _fill_if_empty(workspace, incident, record)


def _read(workspace: Workspace, incident_id: str) -> tuple[Incident, DocRecord]:
    with workspace.ledger.read() as connection:
        incident = incidents.incident_by_id(connection, incident_id)
        return incident, incidents.doc_record(connection, incident_id)


def _create_and_fill(workspace: Workspace, incident: Incident, record: DocRecord) -> None:
    with workspace.ledger.write() as connection:
        is_ours = doc_making.doc_asked_for(connection, incident.id, record, at=workspace.wall())
    if not is_ours:
        return
    try:
        made = _make(workspace, incident, record)
    except Undecided:
        raise
    except Refused:
        with workspace.ledger.write() as connection:
            doc_making.doc_not_made(connection, incident.id)
        if not doc_id_in(record.template_name):
            raise
        # In an incident a doc in the usual form is worth more than none in one's own.
        _take_usual_template(workspace, incident, record)
        return
    except GoogleFault:  # a plain no: the next try need not look for anything
        with workspace.ledger.write() as connection:
            doc_making.doc_not_made(connection, incident.id)
        raise
    _note_made(workspace, incident, made.id, made.url)
    incident, record = _read(workspace, incident.id)
    if doc_id_in(record.template_name):
        _fill_if_empty(workspace, incident, record)
    else:
        # Made a moment ago: empty for sure, so there is nothing to read first.
        _fill(workspace, incident, record, _filling(workspace, incident, record), None)


def _make(workspace: Workspace, incident: Incident, record: DocRecord) -> NewDocument:
    """An empty doc, or a copy of the Google Doc that is the template."""
    drive, source = workspace.google.drive, doc_id_in(record.template_name)
    marks = {INCIDENT_PROPERTY: incident.id}
    parent = record.folder or None
    if source:
        return drive.copy_document(
            source, incident.title, parent=parent, app_properties=marks, properties=marks
        )
    return drive.create_document(
        incident.title, parent=parent, app_properties=marks, properties=marks
    )


def _take_usual_template(workspace: Workspace, incident: Incident, record: DocRecord) -> None:
    with workspace.ledger.write() as connection:
        doc_making.set_template(connection, incident.id, "postmortem", record.template_source)


def _find_or_create(workspace: Workspace, incident: Incident, record: DocRecord) -> None:
    if _find(workspace, incident, record) or not _has_settled(workspace, incident.id, record):
        return
    if not _find(workspace, incident, record):
        _create_and_fill(workspace, incident, record)


def _find(workspace: Workspace, incident: Incident, record: DocRecord) -> bool:
    found = workspace.google.drive.find_documents(record.folder or None, incident.id)
    if found:
        oldest = found[-1]
        _note_made(workspace, incident, oldest["id"], oldest["webViewLink"])
    return bool(found)


def _note_made(workspace: Workspace, incident: Incident, doc_id: str, url: str) -> None:
    with workspace.ledger.write() as connection:
        doc_making.doc_made(connection, incident.id, doc_id=doc_id, doc_url=url)


def _fill_if_empty(workspace: Workspace, incident: Incident, record: DocRecord) -> None:
    document = _document(workspace, incident)
    if not _is_filled(document, incident) and record.state == "filling":
        if not _has_settled(workspace, incident.id, record):
            return
        document = _document(workspace, incident)
    if not _is_filled(document, incident):
        requests = _filling(workspace, incident, record, document)
        _fill(workspace, incident, record, requests, document.get("revisionId") or None)
        return
    with workspace.ledger.write() as connection:
        doc_making.doc_filled(connection, incident.id)


def _document(workspace: Workspace, incident: Incident) -> Json:
    """The doc with its looks: a copy of somebody's template has more in it than we write."""
    return workspace.google.docs.get(incident.doc_id, "revisionId,tabs")


def _is_filled(document: Json, incident: Incident) -> bool:
    """Whether the doc says itself that it is this incident's."""
    return incident.id in read_document(document).own.get(INCIDENT, {})


def _fill(
    workspace: Workspace,
    incident: Incident,
    record: DocRecord,
    requests: list[Request],
    required_revision: str | None,
) -> None:
    with workspace.ledger.write() as connection:
        if not doc_making.doc_fill_asked_for(connection, incident.id, record, at=workspace.wall()):
            return
    try:
        workspace.google.docs.batch_update(
            incident.doc_id, requests, required_revision=required_revision
        )
    except Undecided:
        raise
    except GoogleFault as fault:  # a plain no, as above
        with workspace.ledger.write() as connection:
            doc_making.doc_not_filled(connection, incident.id)
        if not _is_about_parts(workspace, incident, fault, requests):
            raise
        # `make_doc` goes on from here, with text in the place of what was refused.
        return
    with workspace.ledger.write() as connection:
        doc_making.doc_filled(connection, incident.id)


def _is_about_parts(
    workspace: Workspace, incident: Incident, fault: GoogleFault, requests: list[Request]
) -> bool:
    """Whether a native part was refused, and not the batch because the doc had moved on."""
    if not isinstance(fault, Refused):
        return False
    if isinstance(fault, StaleRevision) and fault.request_index is None:
        return False
    return native_parts.remember_refusal(workspace, incident.id, fault, requests)


def _filling(
    workspace: Workspace, incident: Incident, record: DocRecord, document: Json | None = None
) -> list[Request]:
    """What fills the doc: from the template's text, or within the copy of one that was read."""
    if document is not None and doc_id_in(record.template_name):
        return _copy_filling(workspace, incident, record, document)
    return doc_filling.filling(
        incident,
        record.template_source,
        workspace.settings.config,
        native_parts.allowed_parts(workspace, record),
    )


def _copy_filling(
    workspace: Workspace, incident: Incident, record: DocRecord, document: Json
) -> list[Request]:
    """Fill a copy, and keep in the ledger what it was: by that its sections are known."""
    source = templates.source_of_doc(document, record.template_source)
    with workspace.ledger.write() as connection:
        doc_making.set_template(connection, incident.id, record.template_name, source)
    values = doc_filling.doc_values(incident, workspace.settings.config)
    parts = native_parts.allowed_parts(workspace, record)
    return fill_copy(document, incident, values, parse_template(source).sections, parts)


def _has_settled(workspace: Workspace, incident_id: str, record: DocRecord) -> bool:
    """Wait until the recorded call can't be under way any more.

    False as soon as somebody else has gone on with the doc: then there is something new to look at.
    """
    if record.called_at is None:
        return True
    settled = record.called_at + settling_time(workspace)
    while (left := (settled - workspace.wall()).total_seconds()) > 0:
        time.sleep(min(left, 0.2))
        if _read(workspace, incident_id)[1] != record:
            return False
    return True


def settling_time(workspace: Workspace) -> timedelta:
    """How long after a call it may still be under way: twice the time-out, which counts from the
    last byte."""
    return timedelta(seconds=2 * workspace.settings.config.sending.timeout_seconds + 1)
