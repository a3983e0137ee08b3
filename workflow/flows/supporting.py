"""Supporting data: a file goes to Drive, and the doc gets a line about it."""

from __future__ import annotations

import mimetypes
from dataclasses import dataclass
from pathlib import Path

from workflow.flows.doc import Brought, bring_to_doc
from workflow.flows.faults import BadInput
from workflow.flows.workspace import Workspace, new_id
from workflow.ledger import changes, files
from workflow.ledger.changes import RecordedChange
from workflow.ledger.files import KeptFile

_LARGEST_BYTES = 20 * 1024 * 1024  # kept in the ledger, which is no place for more


@dataclass(frozen=True)
class Attached:
    """A file that was taken, and how far the doc has come."""

    file: KeptFile
    brought: Brought


def attach(workspace: Workspace, path: Path, caption: str = "") -> Attached:
    """Keep a file as it is now, upload it to the incident's folder and name it in the doc.

    Who may see it follows from the folder; it is never made public. Raises `BadInput` for a file
    that can't be read, is empty or larger than 20 MB.
    """
    incident = workspace.incident()
    media_type = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    file = KeptFile(new_id(10), path.name, media_type, caption.strip(), _read(path))
    change = RecordedChange(f"file-{file.id}", "file", {"file": file.id}, workspace.now())
    with workspace.ledger.write() as connection:
        files.add_file(connection, incident.id, file)
        changes.record_change(connection, incident.id, change)
    brought = bring_to_doc(workspace, incident.id)
    with workspace.ledger.read() as connection:
        return Attached(files.file_by_id(connection, file.id), brought)


def _read(path: Path) -> bytes:
    try:
        size = path.stat().st_size
        if size > _LARGEST_BYTES:
            raise BadInput(
                f"{path} has {size / 1024 / 1024:.0f} MB; 20 MB is the most. Put it into Drive "
                'yourself and link to it: postmortem section supporting-data "…"'
            )
        content = path.read_bytes()
    except OSError as fault:
        raise BadInput(f"{path} can't be read: {fault.strerror}.") from fault
    if not content:
        raise BadInput(f"{path} is empty. Nothing was recorded.")
    return content
