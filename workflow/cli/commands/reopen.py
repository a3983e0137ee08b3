"""`reopen`: open a closed incident again."""

from __future__ import annotations

from typing import Annotated

import typer

from workflow import same_command
from workflow.cli import output, session
from workflow.cli.app import Asked, command
from workflow.cli.terminal import run_to_finish
from workflow.cli.typed import as_typed
from workflow.incident import lifecycle


@command("reopen", epilog='Example: postmortem reopen "It has come back for 3 of them"')
def reopen(
    asked: Asked,
    reason: Annotated[str, typer.Argument(help="Reason.", show_default=False)] = "",
) -> None:
    """Reopen a closed incident and unlock its doc."""
    workspace = session.open_workspace(asked)
    same_command.begin(workspace, "reopen", [reason])
    earlier = run_to_finish(asked.speaker, workspace, workspace.incident().id)
    if earlier is None:
        logged = lifecycle.reopen(workspace, as_typed(reason))
    else:
        logged = lifecycle.reopened_by(workspace, earlier)
    speaker, incident = asked.speaker, logged.brought.incident
    if speaker.as_json:
        speaker.document(output.logged_json(logged) | {"locked": incident.locked_at is not None})
    speaker.say(f"Reopened ({incident.status.value}): {incident.title}", "good")
    speaker.say(output.entry_words(incident, logged.entry))
    output.show_brought(speaker, logged.brought)
    output.raise_if_waiting(logged.brought)
