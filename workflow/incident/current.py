"""The current incident of a person."""

from __future__ import annotations

from workflow.ledger import incidents
from workflow.ledger.faults import UnknownIncident
from workflow.model import Incident
from workflow.workspace import Workspace


def open_incident(workspace: Workspace) -> Incident | None:
    """The person's current incident, if it is open."""
    try:
        incident = workspace.incident()
    except UnknownIncident:
        return None
    return incident if incident.closed_at is None else None


def current_id(workspace: Workspace) -> str:
    """The id of the incident that a command without `--incident` is about; "" for none."""
    with workspace.ledger.read() as connection:
        try:
            return incidents.find_incident(
                connection, "", profile=workspace.settings.profile, person=workspace.person
            ).id
        except UnknownIncident:
            return ""


def go_back_to(workspace: Workspace, incident: Incident) -> None:
    """Make an incident the current one again."""
    with workspace.ledger.write() as connection:
        incidents.make_current(
            connection,
            incident.id,
            profile=workspace.settings.profile,
            person=workspace.person,
        )
