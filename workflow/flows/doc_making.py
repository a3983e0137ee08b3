"""Making an incident's doc, once, however often it is tried.

Drive has no idempotency key for a Google Doc, so each call is written down before it is made. An
answer that was lost is looked for; and because a call may still be under way for as long as its
time-out, only not finding anything after that means that nothing was done.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TypeVar

from workflow.document.names import SECTION
from workflow.document.view import FIELDS, DocView, read_document
from workflow.flows import doc_contents
from workflow.flows.workspace import Workspace
from workflow.google import INCIDENT_PROPERTY
from workflow.google.faults import GoogleFault, Undecided
from workflow.incident import Incident
from workflow.ledger import incidents
from workflow.ledger.incidents import DocRecord

_Found = TypeVar("_Found")


def make_doc(workspace: Workspace, incident_id: str) -> None:
    """See to it that the incident has its doc, with its sections in it. Raises `GoogleFault`."""
    with workspace.ledger.read() as connection:
        incident = incidents.incident_by_id(connection, incident_id)
        record = incidents.doc_record(connection, incident_id)
    if record.state == "none":
        incident = _create(workspace, incident, record)
        _fill_new(workspace, incident, record)
    elif record.state == "creating":
        incident = _find_or_create(workspace, incident, record)
        _fill_if_empty(workspace, incident, record)
    elif record.state != "filled":
        _fill_if_empty(workspace, incident, record)


def _create(workspace: Workspace, incident: Incident, record: DocRecord) -> Incident:
    with workspace.ledger.write() as connection:
        incidents.doc_asked_for(connection, incident.id, at=workspace.wall())
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
    return _note_made(workspace, incident, made.id, made.url)


def _find_or_create(workspace: Workspace, incident: Incident, record: DocRecord) -> Incident:
    def find() -> Incident | None:
        found = workspace.google.drive.find_documents(record.folder or None, incident.id)
        if not found:
            return None
        oldest = found[-1]
        return _note_made(workspace, incident, oldest["id"], oldest["webViewLink"])

    found = _look_until_settled(workspace, record.called_at, find)
    return found or _create(workspace, incident, record)


def _note_made(workspace: Workspace, incident: Incident, doc_id: str, url: str) -> Incident:
    with workspace.ledger.write() as connection:
        incidents.doc_made(connection, incident.id, doc_id=doc_id, doc_url=url)
        return incidents.incident_by_id(connection, incident.id)


def _fill_new(workspace: Workspace, incident: Incident, record: DocRecord) -> None:
    """Fill a doc that was made a moment ago: empty for sure, so there is nothing to read first."""
    with workspace.ledger.write() as connection:
        incidents.doc_fill_asked_for(connection, incident.id, at=workspace.wall())
    requests = doc_contents.filling(incident, record.template_source, workspace.settings.config)
    workspace.google.docs.batch_update(incident.doc_id, requests, required_revision=None)
    with workspace.ledger.write() as connection:
        incidents.doc_filled(connection, incident.id)


def _fill_if_empty(workspace: Workspace, incident: Incident, record: DocRecord) -> None:
    docs = workspace.google.docs

    def filled() -> DocView | None:
        view = read_document(docs.get(incident.doc_id, FIELDS))
        return view if view.own.get(SECTION) else None

    asked_at = record.called_at if record.state == "filling" else None
    if _look_until_settled(workspace, asked_at, filled) is None:
        view = read_document(docs.get(incident.doc_id, FIELDS))
        requests = doc_contents.filling(incident, record.template_source, workspace.settings.config)
        docs.batch_update(incident.doc_id, requests, required_revision=view.revision_id or None)
    with workspace.ledger.write() as connection:
        incidents.doc_filled(connection, incident.id)


def _look_until_settled(
    workspace: Workspace, called_at: datetime | None, look: Callable[[], _Found | None]
) -> _Found | None:
    """What `look` finds now, or once no earlier call can be under way any more."""
    found = look()
    if found is not None or called_at is None:
        return found
    settled = called_at + settling_time(workspace)
    while (left := (settled - workspace.wall()).total_seconds()) > 0:
        time.sleep(min(left, 0.2))
    return look()


def settling_time(workspace: Workspace) -> timedelta:
    """How long after a call it may still be under way: twice the time-out, which counts from the
    last byte."""
    return timedelta(seconds=2 * workspace.settings.config.sending.timeout_seconds + 1)
