"""Bringing every doc up to date with what was recorded while Google could not be reached."""

from __future__ import annotations

from collections.abc import Sequence

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
        found.append(bring_to_doc(workspace, incident_id))
        if is_cut_short(found):
            break
    return found


def is_cut_short(found: Sequence[Brought]) -> bool:
    """Whether Google was out of reach for the last: whatever else waits would fare no better."""
    out_of_reach = (SignInNeeded, SlowDown, Undecided, Unreachable)
    return bool(found) and isinstance(found[-1].fault, out_of_reach)
