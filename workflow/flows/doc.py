"""Bringing what is recorded into the incident's doc: the one road by which the doc changes.

Whatever a person says is in the ledger first. Then the doc is made if it is not there, shared, and
brought up to date in one read and one write. The write carries the revision that was read, so it
lands on exactly what was computed or not at all; and each change looks for its own named range
first, so a lost answer never makes it twice.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy.engine import Connection

from workflow.document.chips import NativePart
from workflow.document.edits import compute_edit
from workflow.document.requests import Request
from workflow.document.view import FIELDS, read_document
from workflow.flows import (
    doc_contents,
    locking,
    native_parts,
    pictures,
    sharing,
    uploading,
)
from workflow.flows.workspace import Workspace
from workflow.google.faults import (
    GoogleFault,
    Refused,
    SlowDown,
    StaleRevision,
    Undecided,
)
from workflow.incident import Incident
from workflow.ledger import changes, files, incidents
from workflow.ledger.incidents import Share

# Somebody types in the doc while we compute: read again and compute anew, this often.
_ATTEMPTS = 12
# A wait that a person at a terminal does not mind; after a longer one `sync` goes on.
_LONGEST_WAIT = timedelta(seconds=15)
_CHANGES_PER_WRITE = 100


@dataclass(frozen=True)
class Brought:
    """How far the doc has come. `fault` is why not all of it is there; `said` is for the person."""

    incident: Incident
    synced: bool
    shared: tuple[Share, ...] = ()
    said: tuple[str, ...] = ()
    fault: GoogleFault | None = None


def bring_to_doc(workspace: Workspace, incident_id: str) -> Brought:
    """Make the doc show everything that is recorded of an incident.

    What Google says no to is in the answer's `fault`, never raised: it stays recorded.
    """
    said: list[str] = []
    fault: GoogleFault | None = None
    with workspace.ledger.read() as connection:
        before = incidents.incident_by_id(connection, incident_id)
        record = incidents.doc_record(connection, incident_id)
    try:
        if record.state != "filled":
            _make_doc(workspace, incident_id)
        locking.carry_out(workspace, incident_id, locking.UNLOCK, said)
        fault = uploading.upload_files(workspace, incident_id)
        fault = pictures.settle_pictures(workspace, incident_id, said) or fault
        _write_pending(workspace, incident_id, said)
        sharing.share_doc(workspace, incident_id)
        if fault is None:
            locking.carry_out(workspace, incident_id, locking.LOCK, said)
        fault = pictures.make_private(workspace, incident_id, said) or fault
    except GoogleFault as met:
        fault = met
    with workspace.ledger.read() as connection:
        incident = incidents.incident_by_id(connection, incident_id)
        pending = changes.count_pending(connection, incident_id)
        shared = tuple(incidents.wanted_shares(connection, incident_id))
    if fault is not None:
        fault = locking.told_of_lock(fault, before, incident)
    return Brought(incident, fault is None and pending == 0, shared, tuple(said), fault)


def _make_doc(workspace: Workspace, incident_id: str) -> None:
    from workflow.flows.doc_making import make_doc  # noqa: PLC0415 - once in an incident's life

    make_doc(workspace, incident_id)


def _write_pending(workspace: Workspace, incident_id: str, said: list[str]) -> None:
    limit = _CHANGES_PER_WRITE
    waits = _waits()
    while True:
        with workspace.ledger.read() as connection:
            incident = incidents.incident_by_id(connection, incident_id)
            waiting = {
                f"file-{file_id}" for file_id in files.files_waiting(connection, incident_id)
            }
            recorded = changes.pending_changes(connection, incident_id)
            ready = [
                one
                for one in recorded
                if one.id not in waiting
                and one.kind not in locking.KINDS
                and pictures.is_settled(one)
            ]
            pending = ready[:limit]
            if not pending:
                return
            record = incidents.doc_record(connection, incident_id)
            parts = native_parts.allowed_parts(workspace, record)
            wanted = doc_contents.wanted_changes(connection, incident, pending, parts)
        try:
            _write(workspace, incident, wanted, parts, said)
        except _RequestsRefused as refused:
            if _does_without(workspace, incident_id, refused, said):
                continue
            if limit == 1:
                raise refused.fault from refused
            limit = max(1, min(limit, len(pending)) // 2)  # find the one that is refused
        except (StaleRevision, Undecided, SlowDown) as fault:
            _wait_for_another_try(workspace, fault, waits)


class _RequestsRefused(Exception):
    """Docs refused the requests themselves, and not because the doc had moved on."""

    def __init__(self, fault: Refused, requests: list[Request]) -> None:
        super().__init__(fault.sentence)
        self.fault = fault
        self.requests = requests


def _does_without(
    workspace: Workspace, incident_id: str, refused: _RequestsRefused, said: list[str]
) -> bool:
    """Whether the doc can go on without what was refused: a native part, a picture."""
    fault, requests = refused.fault, refused.requests
    if native_parts.remember_refusal(workspace, incident_id, fault, requests):
        return True
    if not pictures.remember_refusal(workspace, incident_id, fault, requests, said):
        return False
    # A picture that can't be taken back yet waits by itself, and holds up nothing else.
    pictures.settle_pictures(workspace, incident_id, said)
    return True


def _write(
    workspace: Workspace,
    incident: Incident,
    wanted: doc_contents.Wanted,
    parts: frozenset[NativePart],
    said: list[str],
) -> None:
    docs = workspace.google.docs
    view = read_document(docs.get(incident.doc_id, FIELDS))
    edit = compute_edit(view, wanted.changes, wanted.sections, parts)
    if edit.requests:
        try:
            docs.batch_update(
                incident.doc_id, edit.requests, required_revision=view.revision_id or None
            )
        except StaleRevision as stale:
            now = docs.get(incident.doc_id, "revisionId").get("revisionId", "")
            if now == stale.carried:
                raise _RequestsRefused(stale, edit.requests) from stale
            raise
    said += edit.notices_to_user
    with workspace.ledger.write() as connection:
        changes.changes_done(connection, list(wanted.ids), at=workspace.now())
        if wanted.facts:
            _note_facts(connection, wanted.facts)


def _note_facts(connection: Connection, written: Mapping[str, list[str]]) -> None:
    from workflow.ledger.notices import set_facts_written  # noqa: PLC0415 - a notice's alone

    for notice_id, facts in written.items():
        set_facts_written(connection, notice_id, facts)


def _waits() -> Iterator[float]:
    """Seconds to wait before each further try; chance keeps two colleagues apart."""
    for attempt in range(_ATTEMPTS):
        yield min(0.05 * 2**attempt, 2.0) * random.uniform(0.5, 1.0)  # noqa: S311 - not a secret


def _wait_for_another_try(workspace: Workspace, fault: GoogleFault, waits: Iterator[float]) -> None:
    """Wait as long as it makes sense, or give up for now by raising the fault."""
    seconds = next(waits, None)
    if seconds is None:
        raise fault
    if isinstance(fault, SlowDown):
        asked = (fault.until - workspace.wall()) if fault.until else timedelta(seconds=5)
        if fault.daily or asked > _LONGEST_WAIT:
            raise fault
        seconds = max(seconds, asked.total_seconds())
    time.sleep(seconds)
