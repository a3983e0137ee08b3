"""What waits for an incident's doc, in one look at the ledger.

Most runs bring one entry. So they look once, do what is there, and look again in the transaction
that records that it is done.
"""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass

from sqlalchemy.engine import Connection
from sqlalchemy.exc import DBAPIError

from workflow.doc import changes as doc_contents
from workflow.doc import pictures, sharing
from workflow.document.chips import NativePart
from workflow.ledger import changes, elsewhere, incidents
from workflow.ledger.changes import RecordedChange
from workflow.ledger.elsewhere import Compared
from workflow.ledger.incidents import DocRecord, DocState, Share
from workflow.model import Incident
from workflow.standing import doc_standing
from workflow.standing.doc_standing import Missing
from workflow.workspace import Workspace

CHANGES_PER_WRITE = 100


@dataclass(frozen=True)
class Batch:
    """The content of the next write: `pending` as recorded, `wanted` as edits."""

    pending: Sequence[RecordedChange]
    wanted: doc_contents.Wanted
    parts: frozenset[NativePart]


@dataclass(frozen=True)
class Waiting:
    """Everything that waits, at one moment of the ledger.

    `files` are the ids of files to upload. `batch` is None if no change can be written now.
    `missing` is what Docs refuses permanently, `compared` is the result of the last look at the
    doc.
    """

    incident: Incident
    doc: DocRecord
    changes: Sequence[RecordedChange]
    files: frozenset[str]
    shares: Sequence[Share]
    batch: Batch | None
    missing: tuple[Missing, ...]
    compared: Compared

    @property
    def is_doc_made(self) -> bool:
        """Whether the doc is there, with all that its template gives it."""
        return self.doc.state is DocState.FILLED

    @property
    def has_pictures(self) -> bool:
        """Whether a picture waits to be published, checked or made private."""
        return any(
            pictures.PICTURE in each.payload and not pictures.is_settled(each)
            for each in self.changes
        )

    @property
    def has_shares(self) -> bool:
        """Whether a share waits to be granted or removed."""
        return any(sharing.is_waiting(share) for share in self.shares)

    def has(self, kinds: Set[str]) -> bool:
        """Whether a change of one of these kinds waits."""
        return any(change.kind in kinds for change in self.changes)


def look(
    connection: Connection,
    workspace: Workspace,
    incident_id: str,
    *,
    limit: int = CHANGES_PER_WRITE,
) -> Waiting:
    """What waits for an incident's doc now; `limit` is how many changes one write may hold."""
    incident = incidents.incident_by_id(connection, incident_id)
    record = incidents.doc_record(connection, incident_id)
    recorded = changes.pending_changes(connection, incident_id)
    to_upload = frozenset(changes.files_waiting(connection, incident_id))
    parts = pictures.allowed_parts(workspace, record)
    pending = [
        one
        for one in recorded
        if one.id not in {f"file-{file_id}" for file_id in to_upload}
        and one.kind in doc_standing.KNOWN_KINDS
        and pictures.is_settled(one)
    ][:limit]
    batch = None
    if pending:
        wanted = doc_contents.wanted_changes(connection, incident, pending, parts)
        batch = Batch(pending, wanted, parts)
    return Waiting(
        incident=incident,
        doc=record,
        changes=recorded,
        files=to_upload,
        shares=incidents.wanted_shares(connection, incident_id),
        batch=batch,
        missing=doc_standing.missing_changes(connection, incident_id),
        compared=elsewhere.last_comparison(connection, incident_id),
    )


def look_while_recording(
    connection: Connection,
    workspace: Workspace,
    incident_id: str,
    *,
    limit: int = CHANGES_PER_WRITE,
) -> Waiting | None:
    """The same as `look`, in the transaction that records something.

    None if it can't be read: that must not undo the recording, and `bring_to_doc` looks again.
    """
    try:
        return look(connection, workspace, incident_id, limit=limit)
    except DBAPIError:
        # PostgreSQL takes nothing more of a transaction in which a statement failed, nor commits
        # it: what was said is not recorded, and that has to be told.
        if connection.dialect.name != "sqlite":
            raise
        return None
    except Exception:
        return None
