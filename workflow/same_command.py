"""Recognize a command that is repeated at once: finish it after a crash, don't do it twice.

A run is written down in the transaction that records its work, and marked once the person was told
how it ended. So a run that was killed at any moment can be recognized.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from sqlalchemy.engine import Connection

from workflow.ledger import changes
from workflow.ledger.changes import Run
from workflow.model import Incident
from workflow.workspace import ThisRun, Workspace, new_id

# Long enough to restart a machine after a crash, and shorter than a nightly script's pause.
_STOPPED_WITHIN = timedelta(hours=1)
# A second press of Enter, or a script that is run again.
_MOMENTS = timedelta(minutes=10)


def begin(workspace: Workspace, command: str, words: Sequence[object]) -> None:
    """Note the command of this run, with its words and options as they were typed."""
    text = json.dumps(words, ensure_ascii=True, default=str, sort_keys=True)
    workspace.run = ThisRun(new_id(12), command, sha256(text.encode()).hexdigest())


def earlier_run(workspace: Workspace, incident_id: str = "") -> Run | None:
    """The run that this one repeats: the same words by the same person, moments ago.

    A run that never reported its end is looked for further back. "" means any incident. A status is
    only repeated if no other was set since.
    """
    if workspace.run is None:
        return None
    with workspace.ledger.read() as connection:
        return _earlier_run(connection, workspace, workspace.run, incident_id)


def incident_and_earlier_run(workspace: Workspace) -> tuple[Incident, Run | None]:
    """The person's incident, and the run for it that this one repeats, in one look.

    Raises `UnknownIncident`.
    """
    with workspace.ledger.read() as connection:
        incident = workspace.incident_in(connection)
        this = workspace.run
        earlier = _earlier_run(connection, workspace, this, incident.id) if this else None
    return incident, earlier


def _earlier_run(
    connection: Connection, workspace: Workspace, this: ThisRun, incident_id: str
) -> Run | None:
    found = changes.latest_run(
        connection,
        profile=workspace.settings.profile,
        person=workspace.person,
        command=this.command,
        words_key=this.words_key,
        incident_id=incident_id,
    )
    if found is None or not _is_recent(found, workspace.now()):
        return None
    is_overtaken = found.told_at is not None and not changes.is_last_of_its_command(
        connection, found
    )
    return None if is_overtaken and this.command in _SETS_ONE_VALUE else found


def repeated_words(workspace: Workspace, run: Run) -> str:
    """A sentence that says that the same was recorded before, and when."""
    minutes = int(abs((workspace.now() - run.recorded_at).total_seconds()) // 60)
    ago = {0: "a moment ago", 1: "a minute ago"}.get(minutes, f"{minutes} minutes ago")
    return f"The same {run.command} command was run {ago} and is recorded."


def go_on_with(workspace: Workspace, run: Run) -> None:
    """Continue an earlier run: what this run does, and how it ends, belongs to that run."""
    workspace.run = ThisRun(run.id, run.command, run.words_key)


def record_run(
    connection: Connection, workspace: Workspace, incident_id: str, **made: object
) -> None:
    """Write down that this run recorded `made`, in the same transaction.

    A second call adds to what the run has recorded already.
    """
    this = workspace.run
    if this is None:
        return
    if changes.is_recorded(connection, this.id):
        changes.add_to_run(connection, this.id, dict[str, Any](made))
        return
    changes.add_run(
        connection,
        Run(
            id=this.id,
            profile=workspace.settings.profile,
            person=workspace.person,
            incident_id=incident_id,
            command=this.command,
            words_key=this.words_key,
            made=dict[str, Any](made),
            recorded_at=workspace.now(),
        ),
    )


def note_told(workspace: Workspace) -> None:
    """Note that the person was told how this run ended. Raises `LedgerUnavailable`."""
    if workspace.run is None:
        return
    with workspace.ledger.share() as connection:
        changes.set_run_told(connection, workspace.run.id, workspace.now())
        workspace.at_the_end(connection)


def is_recorded(workspace: Workspace) -> bool:
    """Whether this run's work is in the ledger. Raises `LedgerUnavailable`."""
    if workspace.run is None:
        return False
    with workspace.ledger.read() as connection:
        return changes.is_recorded(connection, workspace.run.id)


def _is_recent(run: Run, now: datetime) -> bool:
    """Whether a run was moments ago. A clock that was set back puts it in the future."""
    within = _STOPPED_WITHIN if run.told_at is None else _MOMENTS
    return abs(now - run.recorded_at) <= within


_SETS_ONE_VALUE = frozenset({"status"})
