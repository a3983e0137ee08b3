"""Bringing attached files to Drive, each once.

Drive gives out ids beforehand, and refuses a second file with the same one (409). So the id is
written down first, and an upload whose answer was lost is simply made again.
"""

from __future__ import annotations

from workflow.flows.workspace import Workspace
from workflow.google.faults import GoogleFault, Refused
from workflow.ledger import files, incidents

_ID_IN_USE = 409


def upload_files(workspace: Workspace, incident_id: str) -> GoogleFault | None:
    """Upload what waits; the fault that stopped it, which must not stop the doc's text."""
    try:
        with workspace.ledger.read() as connection:
            waiting = files.files_waiting(connection, incident_id)
        for file_id in waiting:
            _upload(workspace, incident_id, file_id)
    except GoogleFault as fault:
        return fault
    return None


def _upload(workspace: Workspace, incident_id: str, file_id: str) -> None:
    drive = workspace.google.drive
    with workspace.ledger.read() as connection:
        file = files.file_by_id(connection, file_id)
        folder = incidents.doc_record(connection, incident_id).folder
    drive_id = file.drive_id or drive.new_file_id()
    with workspace.ledger.write() as connection:
        files.set_drive_id(connection, file_id, drive_id)
    try:
        url = drive.upload(
            drive_id, file.name, file.content, media_type=file.media_type, parent=folder or None
        )
    except Refused as refused:
        if refused.status != _ID_IN_USE:
            raise
        url = drive.link_to(drive_id)
    with workspace.ledger.write() as connection:
        files.set_url(connection, file_id, url)
