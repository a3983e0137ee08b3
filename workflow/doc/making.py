"""Make a doc exactly once, for any number of tries and processes.

Drive has no idempotency key for a Google Doc, so the first process records each call before it
makes it; the others wait for the result. After a lost answer we look for the doc. A call may still
be under way until its time-out, so only finding nothing after that means that nothing was done.
"""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Protocol

from workflow.google.drive import INCIDENT_PROPERTY, NewDocument, short_link
from workflow.google.faults import GoogleFault, NotCalled, Refused, Undecided
from workflow.google.transport import only_while
from workflow.ledger import doc_making
from workflow.ledger.doc_making import DocRow, Making
from workflow.ledger.incidents import DocState
from workflow.times.clocks import Lease
from workflow.workspace import Workspace


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
