"""Update every doc with changes recorded while Google could not be reached."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from workflow.doc.push import Brought, bring_to_doc
from workflow.google.faults import GoogleFault, SignInNeeded, SlowDown, Undecided, Unreachable
from workflow.ledger import changes, incidents
from workflow.ledger.faults import NewerRecord
from workflow.model import Incident
from workflow.standing import doc_standing
from workflow.standing.doc_standing import DocFinding
from workflow.workspace import Workspace

# The number of open incidents' docs to check; older ones hardly matter.
_MOST_DOCS = 5


def sync_all(workspace: Workspace) -> list[Brought]:
    """Bring over everything that waits, oldest incident first.

    Stops at the first incident for which Google can't be reached: the next would fail too.
    """
    with workspace.ledger.read() as connection:
        waiting = changes.incidents_waiting(connection, profile=workspace.settings.profile)
    found: list[Brought] = []
    for incident_id in waiting:
        with suppress(NewerRecord):  # `list` names incidents that need a newer version
            with suppress(GoogleFault):  # the update then fails the same way, and reports it
                doc_standing.try_again(workspace, incident_id)
            found.append(bring_to_doc(workspace, incident_id))
        if is_cut_short(found):
            break
    return found


def lost_docs(workspace: Workspace) -> list[tuple[Incident, DocFinding]]:
    """The open incidents whose doc is lost, in the trash or read-only, the newest first.

    Incidents for which Google can't be asked are skipped.
    """
    profile = workspace.settings.profile
    with workspace.ledger.read() as connection:
        every = incidents.all_incidents(connection, profile=profile)
    found = []
    for incident in [one for one in every if one.closed_at is None][:_MOST_DOCS]:
        with suppress(GoogleFault):
            finding = doc_standing.examine(workspace, incident)
            if finding is not None:
                found.append((incident, finding))
    return found


def is_cut_short(found: Sequence[Brought]) -> bool:
    """Whether Google could not be reached for the last change, so the rest would fail too."""
    out_of_reach = (SignInNeeded, SlowDown, Undecided, Unreachable)
    return bool(found) and isinstance(found[-1].fault, out_of_reach)
