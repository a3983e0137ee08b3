"""Going on with customers' versions whose docs were begun and not finished."""

from __future__ import annotations

from dataclasses import dataclass

from workflow.flows.faults import BadInput
from workflow.flows.workspace import Workspace
from workflow.google.faults import GoogleFault
from workflow.incident import Incident
from workflow.ledger import incidents, publications
from workflow.ledger.publications import Publication


@dataclass(frozen=True)
class FinishedPublication:
    """A customers' version and what became of its doc: made, updated, edited, gone, "" for waiting.

    `said` is what a person should know of it; `fault` is why it waits still.
    """

    incident: Incident
    publication: Publication
    outcome: str = ""
    said: str = ""
    fault: GoogleFault | None = None


def finish_publications(workspace: Workspace) -> list[FinishedPublication]:
    """Finish every customers' version that was begun. Nothing is raised: it stays recorded.

    Stops at the first that Google does not take: it waits, and so do those behind it.
    """
    with workspace.ledger.read() as connection:
        waiting = publications.unfinished_publications(
            connection, profile=workspace.settings.profile
        )
    found: list[FinishedPublication] = []
    for publication in waiting:
        found.append(_finish(workspace, publication))
        if found[-1].fault is not None:
            break
    return found


def _finish(workspace: Workspace, publication: Publication) -> FinishedPublication:
    from workflow.flows.publication_doc import finish_public_doc  # noqa: PLC0415 - seldom any

    with workspace.ledger.read() as connection:
        incident = incidents.incident_by_id(connection, publication.incident_id)
    try:
        doc = finish_public_doc(workspace, publication)
    except BadInput as gone:
        return FinishedPublication(incident, publication, "gone", str(gone))
    except GoogleFault as fault:
        return FinishedPublication(incident, publication, fault=fault)
    return FinishedPublication(incident, doc.publication, doc.outcome.value)
