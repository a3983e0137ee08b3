"""`join`: join an incident that a colleague started."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from workflow.cli import output, session, terminal
from workflow.cli.app import Asked, command
from workflow.doc import recovery
from workflow.incident import handover, lifecycle
from workflow.standing import other_ledgers

if TYPE_CHECKING:
    from workflow.incident.handover import Parcel
    from workflow.workspace import Workspace


@command(
    "join",
    epilog="Example: postmortem join https://docs.google.com/document/d/…/edit",
)
def join(
    asked: Asked,
    url: Annotated[str, typer.Argument(metavar="URL", help="The address of the incident's doc.")],
    file: Annotated[
        Path | None,
        typer.Option(
            "--with",
            metavar="FILE",
            help="Take over the incident with its deliveries, from a file made by postmortem "
            "handover.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Join an incident that a colleague started."""
    workspace = session.open_workspace(asked)
    parcel = _parcel(asked, file) if file is not None else None
    try:
        joined = lifecycle.join(workspace, url, parcel)
    except lifecycle.OtherDoc as other:
        joined = lifecycle.join(workspace, _doc_meant(asked, workspace, url, other), parcel)
    speaker, incident = asked.speaker, joined.incident
    if speaker.as_json:
        speaker.document(
            {
                "incident": incident.id,
                "title": incident.title,
                "status": incident.status.value,
                "doc_id": incident.doc_id,
                "doc_url": incident.doc_url,
                **(
                    {"other_ledgers": output.elsewhere_json(joined.compared, incident)}
                    if joined.compared.found
                    else {}
                ),
            }
        )
    speaker.say(f"Joined: {incident.title}", "strong")
    speaker.say(f"Incident {incident.id}, {incident.status.value}")
    if file is not None:
        speaker.say(
            "Taken over with all its deliveries. Notices are sent from this ledger now.", "good"
        )
    output.show_elsewhere(speaker, joined.compared, incident)
    if joined.compared.found:
        speaker.warn(
            f"This ledger does not know which customers. notify, resume and close stop. "
            f"{other_ledgers.ways(joined.compared.found)}"
        )
    speaker.next_step('postmortem log "what happened"')


def _doc_meant(asked: Asked, workspace: Workspace, url: str, other: lifecycle.OtherDoc) -> str:
    """The address of the doc that a person chooses; the other one's, once it is adopted.

    Raises `OtherDoc` where nobody can be asked, or nobody chooses.
    """
    if not asked.speaker.is_interactive:
        raise other
    incident = other.incident
    asked.speaker.notice("Two docs claim to belong to this incident. Which one should be used?")
    asked.speaker.notice(f"  1  {incident.doc_url}, which this ledger writes to")
    asked.speaker.notice(f"  2  {url}: use it from now on; what it lacks is added")
    answer = asked.speaker.ask("Type 1 or 2: ", undone="Nothing was changed.")
    if answer not in {"1", "2"}:
        raise other
    if answer == "2":
        workspace.incident_reference = incident.id
        output.show_brought(asked.speaker, recovery.adopt(workspace, url).brought)
        return url
    return incident.doc_url


def _parcel(asked: Asked, file: Path) -> Parcel:
    """Open a file that another ledger wrote. Raises `BadInput`."""
    handover.file_content(file)  # before anybody types a passphrase for a useless file
    return handover.read_parcel(file, terminal.known_passphrase(asked.speaker))
