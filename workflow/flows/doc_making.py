"""Making an incident's doc, once, however often and by however many it is tried.

Drive has no idempotency key for a Google Doc, so each call is written down before it is made, by
whoever is first; the others look what comes of it. An answer that was lost is looked for; and
because a call may still be under way for as long as its time-out, only not finding anything after
that means that nothing was done.
"""

from __future__ import annotations

import time
from datetime import timedelta

from workflow.document.names import SECTION
from workflow.document.requests import Request
from workflow.document.view import FIELDS, DocView, read_document
from workflow.flows import doc_contents, native_parts
from workflow.flows.workspace import Workspace
from workflow.google import INCIDENT_PROPERTY
from workflow.google.faults import GoogleFault, Refused, StaleRevision, Undecided
from workflow.incident import Incident
from workflow.ledger import incidents
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
        is_ours = incidents.doc_asked_for(connection, incident.id, record, at=workspace.wall())
    if not is_ours:
        return
    marks = {INCIDENT_PROPERTY: incident.id}
    try:
        made = workspace.google.drive.create_document(
            incident.title,
            parent=record.folder or None,
            app_properties=marks,
            properties=marks,
        )
    except Undecided:
        raise
    except GoogleFault:  # a plain no: the next try need not look for anything
        with workspace.ledger.write() as connection:
            incidents.doc_not_made(connection, incident.id)
        raise
    _note_made(workspace, incident, made.id, made.url)
    # Made a moment ago: empty for sure, so there is nothing to read first.
    incident, record = _read(workspace, incident.id)
    _fill(workspace, incident, record, required_revision=None)


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
        incidents.doc_made(connection, incident.id, doc_id=doc_id, doc_url=url)


def _fill_if_empty(workspace: Workspace, incident: Incident, record: DocRecord) -> None:
    view = _view(workspace, incident)
    if not view.own.get(SECTION) and record.state == "filling":
        if not _has_settled(workspace, incident.id, record):
            return
        view = _view(workspace, incident)
    if not view.own.get(SECTION):
        _fill(workspace, incident, record, required_revision=view.revision_id or None)
        return
    with workspace.ledger.write() as connection:
        incidents.doc_filled(connection, incident.id)


def _view(workspace: Workspace, incident: Incident) -> DocView:
    return read_document(workspace.google.docs.get(incident.doc_id, FIELDS))


def _fill(
    workspace: Workspace, incident: Incident, record: DocRecord, *, required_revision: str | None
) -> None:
    requests = _filling(workspace, incident, record)
    with workspace.ledger.write() as connection:
        if not incidents.doc_fill_asked_for(connection, incident.id, record, at=workspace.wall()):
            return
    try:
        workspace.google.docs.batch_update(
            incident.doc_id, requests, required_revision=required_revision
        )
    except Undecided:
        raise
    except GoogleFault as fault:  # a plain no, as above
        with workspace.ledger.write() as connection:
            incidents.doc_not_filled(connection, incident.id)
        if not _is_about_parts(workspace, incident, fault, requests):
            raise
        # `make_doc` goes on from here, with text in the place of what was refused.
        return
    with workspace.ledger.write() as connection:
        incidents.doc_filled(connection, incident.id)


def _is_about_parts(
    workspace: Workspace, incident: Incident, fault: GoogleFault, requests: list[Request]
) -> bool:
    """Whether a native part was refused, and not the batch because the doc had moved on."""
    if not isinstance(fault, Refused):
        return False
    if isinstance(fault, StaleRevision) and fault.request_index is None:
        return False
    return native_parts.remember_refusal(workspace, incident.id, fault, requests)


def _filling(workspace: Workspace, incident: Incident, record: DocRecord) -> list[Request]:
    return doc_contents.filling(
        incident,
        record.template_source,
        workspace.settings.config,
        native_parts.allowed_parts(workspace, record),
    )


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
