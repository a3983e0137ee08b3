"""Which incident a person's next commands speak of."""

from __future__ import annotations

from workflow.flows.workspace import Workspace
from workflow.incident import Incident
from workflow.ledger import incidents
from workflow.ledger.faults import UnknownIncident


def open_incident(workspace: Workspace) -> Incident | None:
    """The person's current incident, where there is one that is not closed yet."""
    try:
        incident = workspace.incident()
    except UnknownIncident:
        return None
    return incident if incident.closed_at is None else None


def go_back_to(workspace: Workspace, incident: Incident) -> None:
    """Make an incident the current one again."""
    with workspace.ledger.write() as connection:
        incidents.make_current(
            connection,
            incident.id,
            profile=workspace.settings.profile,
            person=workspace.person,
        )
