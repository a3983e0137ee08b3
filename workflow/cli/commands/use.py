"""`use`: switch to another incident."""

from __future__ import annotations

from typing import Annotated

import typer

from workflow import model
from workflow.cli import output, session
from workflow.cli.app import Asked, command
from workflow.cli.command_table import complete_incident
from workflow.workspace import go_back_to


@command("use", epilog='Example: postmortem use "Wrong amounts"')
def use(
    asked: Asked,
    reference: Annotated[
        str,
        typer.Argument(
            metavar="REF",
            help="Its id or the beginning of it, its title, or its doc's address.",
            autocompletion=complete_incident,
        ),
    ],
) -> None:
    """Switch to another incident."""
    asked.incident, asked.names_incident = reference, False
    workspace, speaker = session.open_workspace(asked), asked.speaker
    chosen = workspace.incident()
    go_back_to(workspace, chosen)
    if speaker.as_json:
        speaker.document(
            {
                "incident": chosen.id,
                "title": chosen.title,
                "status": chosen.status.value,
                "started_at": output.local_instant(chosen.started_at, chosen),
                "closed_at": output.local_instant(chosen.closed_at, chosen),
                "doc_url": chosen.doc_url or None,
            }
        )
    speaker.say(f"Current incident: {chosen.title}", "strong")
    state = "closed" if chosen.closed_at else chosen.status.label
    when = model.moment_text(chosen.started_at, chosen.zone)
    speaker.say(f"Incident {chosen.id}, {state.lower()}, began {when}")
    if chosen.doc_url:
        speaker.answer(chosen.doc_url, "link")
