"""`handover`: move the incident to a colleague's ledger."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from workflow.cli import session, terminal
from workflow.cli.app import Asked, command
from workflow.incident import handover as flow
from workflow.model import people


@command(
    "handover",
    epilog="Example: postmortem handover invoices.handover\n\n"
    "Your colleague then types: postmortem join URL --with invoices.handover",
)
def handover(
    asked: Asked,
    file: Annotated[
        Path | None,
        typer.Argument(metavar="FILE", help="File to write the incident to.", show_default=False),
    ] = None,
    cancel: Annotated[
        bool,
        typer.Option("--cancel", help="Cancel a handover whose file nobody has used."),
    ] = False,
) -> None:
    """Move the incident and its deliveries to a colleague's ledger.

    The file is encrypted with a passphrase. Scripts set it in POSTMORTEM_PASSPHRASE.
    """
    if cancel == (file is not None):
        raise typer.BadParameter("give a FILE, or --cancel.")
    workspace, speaker = session.open_workspace(asked), asked.speaker
    if file is None:
        incident = flow.cancel(workspace)
        if speaker.as_json:
            speaker.document({"incident": incident.id, "cancelled": True})
        speaker.say(f"Cancelled. This ledger sends notices for {incident.title} again.", "good")
        return
    flow.refuse_to_give(workspace, workspace.incident(), file)
    given = flow.hand_over(workspace, file, terminal.new_passphrase(asked.speaker))
    if speaker.as_json:
        speaker.document(
            {
                "incident": given.incident.id,
                "file": str(file),
                "notices": given.notices,
                "customers": given.customers,
                "doc_url": given.incident.doc_url,
            }
        )
    notices = "1 notice" if given.notices == 1 else f"{given.notices} notices"
    speaker.say(f"Written to {file}: {notices}, {people(given.customers)} notified.", "good")
    speaker.say(
        "This ledger sends no more notices for the incident. Give your colleague the passphrase "
        "separately."
    )
    speaker.next_step(
        f"on the other machine: postmortem join {given.incident.doc_url} --with {file.name}"
    )
