"""Bring recorded changes into the doc. Every change of the doc goes through here.

Most runs bring one entry. So they look once, do what is there, and look again in the transaction
that records that it is done.

Everything is in the ledger first. Then the doc is created if needed, shared, and brought up to date
in one read and one write. The write carries the revision that was read, so it applies exactly as
computed or not at all. Each change looks for its own named range first, so a lost answer never
makes it twice.

Moving or renaming the doc's file is a change like any other, recorded before Drive is asked. What
Drive refuses is reported and not retried.

Attached files are uploaded to Drive once each. Drive gives out ids in advance and refuses a second
file with the same one (409). So the id is recorded first, and an upload whose answer was lost is
simply repeated.

`remarks` and `waiting_fault` report the doc's state in words.
"""

from __future__ import annotations

import random
import re
import time
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy.engine import Connection
from sqlalchemy.exc import DBAPIError

from workflow.doc import changes as doc_contents
from workflow.doc import create, sharing
from workflow.doc.changes import hand_edits
from workflow.document.blocks import NativePart
from workflow.document.edits.batch import compute_edit
from workflow.document.edits.changes import LeftAlone
from workflow.document.requests import Request
from workflow.document.view import FIELDS, DocView, read_document
from workflow.errors import NotSetUp, PostmortemError, Recorded
from workflow.google.faults import (
    GoogleFault,
    Refused,
    SignInNeeded,
    SlowDown,
    StaleRevision,
    Undecided,
)
from workflow.ledger import changes, elsewhere, incidents, notices, plans
from workflow.ledger.changes import RecordedChange
from workflow.ledger.elsewhere import Compared
from workflow.ledger.incidents import DocRecord, DocState, Share
from workflow.model import Incident
from workflow.standing import doc_standing, other_ledgers
from workflow.standing.doc_standing import Missing
from workflow.workspace import Workspace, new_id

# --- What waits -----------------------------------------------------------------------------------

CHANGES_PER_WRITE = 100


@dataclass(frozen=True)
class Batch:
    """The content of the next write: `pending` as recorded, `wanted` as edits."""

    pending: Sequence[RecordedChange]
    wanted: doc_contents.Wanted
    parts: frozenset[NativePart]


@dataclass(frozen=True)
class PendingWork:
    """Everything that waits, at one moment of the ledger.

    `files` are the ids of files to upload. `batch` is None if no change can be written now.
    `missing` is what Docs refuses permanently, `compared` is the result of the last look at the
    doc. `began_at` is when the incident was recorded here.
    """

    incident: Incident
    doc: DocRecord
    changes: Sequence[RecordedChange]
    files: frozenset[str]
    shares: Sequence[Share]
    batch: Batch | None
    missing: tuple[Missing, ...]
    compared: Compared
    began_at: datetime

    @property
    def is_doc_made(self) -> bool:
        """Whether the doc is there, with all that its template gives it."""
        return self.doc.state is DocState.FILLED

    @property
    def has_pictures(self) -> bool:
        """Whether a picture waits to be published, checked or made private."""
        return any(
            doc_contents.PICTURE in each.payload and not doc_contents.is_settled(each)
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
) -> PendingWork:
    """What waits for an incident's doc now; `limit` is how many changes one write may hold."""
    incident = incidents.incident_by_id(connection, incident_id)
    record = incidents.doc_record(connection, incident_id)
    recorded = changes.pending_changes(connection, incident_id)
    to_upload = frozenset(changes.files_waiting(connection, incident_id))
    parts = doc_contents.allowed_parts(workspace, record)
    pending = [
        one
        for one in recorded
        if one.id not in {f"file-{file_id}" for file_id in to_upload}
        and one.kind in doc_standing.KNOWN_KINDS
        and doc_contents.is_settled(one)
    ][:limit]
    batch = None
    if pending:
        wanted = doc_contents.wanted_changes(connection, incident, pending, parts)
        batch = Batch(pending, wanted, parts)
    return PendingWork(
        incident=incident,
        doc=record,
        changes=recorded,
        files=to_upload,
        shares=incidents.wanted_shares(connection, incident_id),
        batch=batch,
        missing=doc_standing.missing_changes(connection, incident_id),
        compared=elsewhere.last_comparison(connection, incident_id),
        began_at=incidents.said_at(connection, incident_id),
    )


def look_while_recording(
    connection: Connection,
    workspace: Workspace,
    incident_id: str,
    *,
    limit: int = CHANGES_PER_WRITE,
) -> PendingWork | None:
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


# --- Into the doc ---------------------------------------------------------------------------------

RENAME, MOVE = "rename", "move"
FILING_KINDS = frozenset({RENAME, MOVE})


def wish_to_rename_or_move(
    connection: Connection,
    workspace: Workspace,
    incident_id: str,
    kind: str,
    value: str,
    *,
    before: str | None = None,
) -> None:
    """Record the wanted name or folder of the doc's file.

    `before` is the incident's folder until now; it stays the folder if Drive refuses the move.
    """
    payload = {"value": value} | ({} if before is None else {"before": before})
    change = RecordedChange(f"{kind}-{new_id(10)}", kind, payload, workspace.now())
    changes.record_change(connection, incident_id, change)


def rename_or_move(workspace: Workspace, incident_id: str, said: list[str]) -> None:
    """Rename and move the file if requested. Raises other kinds of `GoogleFault`."""
    with workspace.ledger.read() as connection:
        pending = changes.pending_changes(connection, incident_id)
        incident = incidents.incident_by_id(connection, incident_id)
    for wish in (each for each in pending if each.kind in FILING_KINDS):
        value = str(wish.payload["value"])
        drive = workspace.google.drive
        try:
            if wish.kind == RENAME:
                drive.rename(incident.doc_id, value)
            else:
                drive.move(incident.doc_id, value)
        except Refused as refused:
            said.append(_REFUSED[wish.kind].format(why=refused.sentence, value=value))
            _keep_folder(workspace, incident_id, wish)
        with workspace.ledger.write() as connection:
            changes.changes_done(connection, [wish.id], at=workspace.now())


def _keep_folder(workspace: Workspace, incident_id: str, wish: RecordedChange) -> None:
    """Go back to the folder before a refused move, or later files would be refused too."""
    before = wish.payload.get("before")
    with workspace.ledger.write() as connection:
        now = incidents.doc_record(connection, incident_id).folder
        if before is not None and now == wish.payload["value"]:
            incidents.update_incident(connection, incident_id, folder=before)


_REFUSED = {
    RENAME: "The doc's name in Drive was not changed: {why}",
    MOVE: "The doc was not moved: {why} This sign-in can't write to the folder {value}. Choose "
    "one it can write to.",
}


_ID_IN_USE = 409


def upload_files(workspace: Workspace, incident_id: str) -> GoogleFault | None:
    """Upload waiting files. Returns the failure that stopped it, which must not stop the text."""
    try:
        with workspace.ledger.read() as connection:
            waiting = changes.files_waiting(connection, incident_id)
        for file_id in waiting:
            _upload(workspace, incident_id, file_id)
    except GoogleFault as fault:
        return fault
    return None


def _upload(workspace: Workspace, incident_id: str, file_id: str) -> None:
    drive = workspace.google.drive
    with workspace.ledger.read() as connection:
        file = changes.file_by_id(connection, file_id)
        folder = incidents.doc_record(connection, incident_id).folder
    drive_id = file.drive_id or drive.new_file_id()
    with workspace.ledger.write() as connection:
        changes.set_drive_id(connection, file_id, drive_id)
    try:
        url = drive.upload(
            drive_id, file.name, file.content, media_type=file.media_type, parent=folder or None
        )
    except Refused as refused:
        if refused.status != _ID_IN_USE:
            raise
        url = drive.link_to(drive_id)
    with workspace.ledger.write() as connection:
        changes.set_url(connection, file_id, url)


# Somebody types in the doc while we compute: read and compute again, at most this often.
_ATTEMPTS = 12
# A short wait for a person at a terminal; if it takes longer, `sync` continues.
_LONGEST_WAIT = timedelta(seconds=15)
# Every kind of change: in the doc, or about it.
_KNOWN = doc_standing.KNOWN_KINDS | sharing.LOCK_KINDS | FILING_KINDS | {doc_contents.UNPUBLISH}
# A doc in the trash can be written to, so ask whether it is there, this often.
_LOOK_AGAIN = timedelta(minutes=1)


@dataclass(frozen=True)
class Brought:
    """The doc's state. `fault` is why something is missing; `said` is for the person.

    `missing` is what Docs refuses permanently; `refused_now` are the ids that it refused just now.
    `newer` has a sentence for each kind of change that needs a newer version.
    """

    incident: Incident
    synced: bool
    shared: tuple[Share, ...] = ()
    said: tuple[str, ...] = ()
    fault: GoogleFault | None = None
    missing: tuple[Missing, ...] = ()
    refused_now: frozenset[str] = frozenset()
    newer: tuple[str, ...] = ()


def bring_to_doc(
    workspace: Workspace,
    incident_id: str,
    waiting: PendingWork | None = None,
    *,
    after_mails: bool = False,
) -> Brought:
    """Make the doc show everything that is recorded of an incident.

    `waiting` is the result of `look`, if the recording transaction has looked. With `after_mails`
    ask whether the doc is in the trash once it is older than a minute: it was read just before the
    mails, so the minute since the last look would never be over. A failure at Google is returned in
    `fault`, never raised: the changes stay recorded.
    """
    if waiting is None:
        with workspace.ledger.read() as connection:
            waiting = look(connection, workspace, incident_id)
    before = waiting
    bringing = _Bringing(workspace, waiting)
    bringing.do_what_waits()
    now, fault, said = bringing.waiting, bringing.fault, bringing.said
    if fault is not None:
        fault = sharing.told_of_lock(fault, before.incident, now.incident)
    newer = tuple(doc_standing.newer_changes(now.changes, _KNOWN))
    synced = fault is None and not bringing.refused and not now.has(_KNOWN)
    looked_at = before.compared.at
    is_due = looked_at is not None and workspace.wall() - looked_at > _LOOK_AGAIN
    if after_mails and now.is_doc_made:
        is_due = workspace.now() - now.began_at > _LOOK_AGAIN
    fault = _told_of_doc(workspace, now.incident, fault, said, is_due=is_due)
    refused = frozenset(bringing.refused)
    return Brought(
        now.incident, synced, tuple(now.shares), tuple(said), fault, now.missing, refused, newer
    )


@dataclass
class _Bringing:
    """One run over everything that waits; after each step that did something, read the rest again.

    `said` is for the person; `refused` are the ids of changes that Docs refused.
    """

    workspace: Workspace
    waiting: PendingWork
    said: list[str] = field(default_factory=list)
    refused: set[str] = field(default_factory=set)
    fault: GoogleFault | None = None

    def do_what_waits(self) -> None:
        """Do each step that has work; the failure that stopped them is in `fault`."""
        try:
            self._steps()
        except GoogleFault as met:
            self.fault = met
            self._look()

    def _steps(self) -> None:
        if not self.waiting.is_doc_made:
            self._make_doc()
        self._settle_lock(sharing.UNLOCK)
        if self.waiting.files:
            self.fault = upload_files(self.workspace, self._id)
            self._look()
        if self.waiting.has_pictures:
            stopped = doc_contents.settle_pictures(self.workspace, self._id, self.said)
            self.fault = stopped or self.fault
            self._look()
        self._write_batches()
        if self.waiting.has(FILING_KINDS):
            rename_or_move(self.workspace, self._id, self.said)
            self._look()
        if self.waiting.has_shares:
            sharing.share_doc(self.workspace, self._id)
            self._look()
        if self.fault is None:
            self._settle_lock(sharing.LOCK)
        if self.waiting.has({doc_contents.UNPUBLISH}):
            stopped = doc_contents.make_private(self.workspace, self._id, self.said)
            self.fault = stopped or self.fault
            self._look()

    @property
    def _id(self) -> str:
        return self.waiting.incident.id

    def _look(self, limit: int = CHANGES_PER_WRITE) -> None:
        with self.workspace.ledger.read() as connection:
            self.waiting = look(connection, self.workspace, self._id, limit=limit)

    def _settle_lock(self, kind: str) -> None:
        if self.waiting.has({kind}):
            sharing.lock_or_unlock(self.workspace, self._id, kind, self.said)
            self._look()

    def _make_doc(self) -> None:
        wished = self.waiting.doc.folder
        create.make_doc(self.workspace, self._id)
        self._look()
        folder = self.waiting.doc.folder
        if folder != wished:
            where = f"the folder {folder}" if folder else "My Drive"
            self.said.append(
                f"The folder {wished} can't be written by this sign-in, so the doc was made in "
                f"{where}. To move it: postmortem edit --folder ID"
            )

    def _write_batches(self) -> None:
        """Write waiting changes; set aside those that Docs refuses."""
        limit = CHANGES_PER_WRITE
        waits = _waits()
        while (batch := self.waiting.batch) is not None:
            try:
                self._write(batch, limit)
                continue
            except _RequestsRefused as refused:
                limit = self._after_refusal(refused, batch, limit)
            except (StaleRevision, Undecided, SlowDown) as fault:
                _wait_for_another_try(self.workspace, fault, waits)
            self._look(limit)

    def _after_refusal(self, refused: _RequestsRefused, batch: Batch, limit: int) -> int:
        """How many changes the next write may hold, to narrow down the refused one."""
        if _does_without(self.workspace, self._id, refused, self.said):
            return limit
        if len(batch.pending) > 1:
            return max(1, min(limit, len(batch.pending)) // 2)
        alone = batch.pending[0]
        doc_standing.set_aside(self.workspace, alone, refused.fault, refused.revision)
        self.refused.add(alone.id)
        return CHANGES_PER_WRITE

    def _write(self, batch: Batch, limit: int) -> None:
        """Write one batch to the doc, and look again in the transaction that records it."""
        incident, wanted = self.waiting.incident, batch.wanted
        view = read_document(self.workspace.google.docs.get(incident.doc_id, FIELDS))
        hand = hand_edits(view, incident, batch.pending)
        self.said += [each for each in hand if each not in self.said]
        edit = compute_edit(view, wanted.changes, wanted.sections, batch.parts)
        if edit.requests:
            try:
                _update(self.workspace, incident, view, edit.requests)
            except (GoogleFault, _RequestsRefused):
                seen = other_ledgers.note(self.workspace, incident, view)
                self.said += other_ledgers.news(seen, incident)
                raise
        self.said += edit.notices_to_user
        if edit.left_alone:
            self.said += _left_alone_words(self.workspace, incident.doc_id, edit.left_alone)
        with self.workspace.ledger.write() as connection:
            seen = other_ledgers.note_within(connection, self.workspace, incident, view)
            changes.changes_done(connection, wanted.ids, at=self.workspace.now())
            doc_standing.end_what_was_said_anew(
                connection, incident.id, batch.pending, self.workspace
            )
            if wanted.facts:
                _note_facts(connection, wanted.facts)
            next_look = look_while_recording(connection, self.workspace, incident.id, limit=limit)
        self.said += other_ledgers.news(seen, incident)
        if next_look is None:
            self._look(limit)
        else:
            self.waiting = next_look


def _told_of_doc(
    workspace: Workspace,
    incident: Incident,
    fault: GoogleFault | None,
    said: list[str],
    *,
    is_due: bool,
) -> GoogleFault | None:
    """Explain a doc that is lost or read-only; every few minutes check for the trash."""
    if fault is not None:
        return doc_standing.named(workspace, incident, fault)
    if is_due:
        said += doc_standing.trash_words(workspace, incident)
    return None


class _RequestsRefused(Exception):
    """Docs refused the requests themselves, and not because the doc had changed."""

    def __init__(self, fault: Refused, requests: list[Request], revision: str) -> None:
        super().__init__(fault.sentence)
        self.fault = fault
        self.requests = requests
        self.revision = revision


def _does_without(
    workspace: Workspace, incident_id: str, refused: _RequestsRefused, said: list[str]
) -> bool:
    """Whether the doc can do without the refused part: a chip, a picture."""
    fault, requests = refused.fault, refused.requests
    if doc_contents.remember_refused_chip(workspace, incident_id, fault, requests):
        return True
    if not doc_contents.remember_refusal(workspace, incident_id, fault, requests, said):
        return False
    # A picture that can't be made private yet waits alone, and blocks nothing else.
    doc_contents.settle_pictures(workspace, incident_id, said)
    return True


def _update(
    workspace: Workspace, incident: Incident, view: DocView, requests: list[Request]
) -> None:
    docs = workspace.google.docs
    try:
        docs.batch_update(incident.doc_id, requests, required_revision=view.revision_id or None)
    except StaleRevision as stale:
        now = docs.get(incident.doc_id, "revisionId").get("revisionId", "")
        if now == stale.carried:
            raise _RequestsRefused(stale, requests, now) from stale
        raise


def _left_alone_words(
    workspace: Workspace, doc_id: str, left_alone: Sequence[LeftAlone]
) -> list[str]:
    return sharing.left_alone_words(workspace, doc_id, left_alone)


def _note_facts(connection: Connection, written: Mapping[str, list[str]]) -> None:
    proposed = f"{changes.PROPOSAL}-"
    for name, facts in written.items():
        if name.startswith(proposed):
            plans.set_facts_written(connection, name.removeprefix(proposed), facts)
        else:
            notices.set_facts_written(connection, name, facts)


def _waits() -> Iterator[float]:
    """Seconds to wait before each further try; randomness keeps two colleagues apart."""
    for attempt in range(_ATTEMPTS):
        yield min(0.05 * 2**attempt, 2.0) * random.uniform(0.5, 1.0)  # noqa: S311 - not a secret


def _wait_for_another_try(workspace: Workspace, fault: GoogleFault, waits: Iterator[float]) -> None:
    """Wait as long as it makes sense, or give up for now by raising the failure."""
    seconds = next(waits, None)
    if seconds is None:
        raise fault
    if isinstance(fault, SlowDown):
        asked = (fault.until - workspace.wall()) if fault.until else timedelta(seconds=5)
        if fault.daily or asked > _LONGEST_WAIT:
            raise fault
        seconds = max(seconds, asked.total_seconds())
    time.sleep(seconds)


def remarks(brought: Brought) -> Iterator[str]:
    """Warnings about the doc: headings added again, people it could not be shared with."""
    yield from brought.said
    for each in brought.missing:
        if each.id not in brought.refused_now:
            yield each.sentence
    yield from brought.newer
    for share in brought.shared:
        if share.state == "refused":
            yield f"Not shared with {share.who}: {share.error}"


# A fault that says itself what to type: nothing may stand behind that.
_ENDS_WITH_COMMAND = re.compile(r"\bpostmortem [\w -]+$")


def waiting_fault(brought: Brought) -> PostmortemError | None:
    """The error for a doc that isn't complete yet, with the way on; None if it is complete."""
    if brought.synced:
        return None
    if brought.fault is None and brought.refused_now:
        refused = [each.sentence for each in brought.missing if each.id in brought.refused_now]
        return Recorded(f"Recorded. The rest is in the doc. {' '.join(refused)}")
    zone = brought.incident.zone
    why = brought.fault.sentence_in(zone) if brought.fault else "Part of it is not in the doc yet."
    words = f"Recorded, but not in the doc yet. {why}"
    if isinstance(brought.fault, SignInNeeded):
        return NotSetUp(f"{words} Then: postmortem sync")
    if _ENDS_WITH_COMMAND.search(words):
        return Recorded(words)
    return Recorded(f"{words} Later: postmortem sync")


def is_all_there(brought: Brought) -> bool:
    """Whether the doc shows everything that is recorded."""
    return brought.synced and not brought.missing and not brought.newer
