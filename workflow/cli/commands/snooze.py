"""`snooze`: delay a reminder."""

from __future__ import annotations

from typing import Annotated

import typer

from workflow import model
from workflow.announce import reminders
from workflow.cli import session, terminal
from workflow.cli.app import Asked, command


@command("snooze", epilog="Example: postmortem snooze 15m")
def snooze(
    asked: Asked,
    until: Annotated[
        str, typer.Argument(metavar="WHEN", help="When to remind again: 15m, 17:30.")
    ] = "15m",
) -> None:
    """Remind colleagues of the overdue update again later, and not before."""
    workspace, speaker = session.open_workspace(asked), asked.speaker
    zone = workspace.incident().zone
    at = terminal.future_moment(speaker, until, now=workspace.now(), zone=zone)
    incident, due_at = reminders.snooze(workspace, at)
    if speaker.as_json:
        speaker.document(
            {"incident": incident.id, "remind_at": due_at.astimezone(zone).isoformat()}
        )
    speaker.say(
        f"Next reminder: {model.moment_text(due_at, zone)}. The promised time stays as it was."
    )
