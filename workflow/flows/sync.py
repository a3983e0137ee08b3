"""Bringing every doc up to date with what was recorded while Google could not be reached."""

from __future__ import annotations

from workflow.flows.doc import Brought, bring_to_doc
from workflow.flows.workspace import Workspace
from workflow.google.faults import SignInNeeded, SlowDown, Undecided, Unreachable
from workflow.ledger import changes


def sync_all(workspace: Workspace) -> list[Brought]:
    """Bring over everything that waits, of the incident that waited longest first.

    Stops at the first incident that Google can't be reached for: the next would fare no better.
    """
    with workspace.ledger.read() as connection:
        waiting = changes.incidents_waiting(connection, profile=workspace.settings.profile)
    found: list[Brought] = []
    for incident_id in waiting:
        brought = bring_to_doc(workspace, incident_id)
        found.append(brought)
        if isinstance(brought.fault, (SignInNeeded, SlowDown, Undecided, Unreachable)):
            break
    return found
