"""`status`: set the incident's status."""

from __future__ import annotations

from difflib import get_close_matches
from enum import StrEnum
from typing import Annotated

import typer

from workflow import model, same_command
from workflow.cli import session
from workflow.cli.app import Asked, command
from workflow.cli.terminal import Again, run_to_keep
from workflow.cli.typed import At, as_typed, moment, show_logged, show_recorded_before
from workflow.incident import timeline


class StatusWord(StrEnum):
    """The states of an incident, as they are typed."""

    INVESTIGATING = "investigating"
    IDENTIFIED = "identified"
    MONITORING = "monitoring"
    RESOLVED = "resolved"


def status_word(typed: str) -> StatusWord:
    """The status that a person typed. Raises `BadParameter`, with a similar one."""
    try:
        return StatusWord(typed.casefold())
    except ValueError:
        words = list(map(str, StatusWord))
        near = get_close_matches(typed.casefold(), words, n=1)
        meant = f" Did you mean {near[0]}?" if near else ""
        known = ", ".join(words)
        raise typer.BadParameter(f"'{typed}' is not one of {known}.{meant}") from None


@command("status", epilog='Example: postmortem status identified "A config value was wrong"')
def status(
    asked: Asked,
    state: Annotated[
        StatusWord,
        typer.Argument(
            parser=status_word,
            metavar="|".join(StatusWord),
            autocompletion=lambda: list(map(str, StatusWord)),
            help="New status: investigating, identified, monitoring or resolved.",
        ),
    ],
    note: Annotated[str, typer.Argument(help="Short note.", show_default=False)] = "",
    at: At = None,
    again: Again = False,
) -> None:
    """Set the incident's status in the doc, and log it."""
    workspace = session.open_workspace(asked)
    same_command.begin(workspace, "status", [state.value, note, at])
    incident, before = same_command.incident_and_earlier_run(workspace)
    earlier = run_to_keep(asked.speaker, workspace, before, again=again)
    if earlier is not None:
        show_recorded_before(asked, workspace, earlier)
        return
    logged = timeline.set_status(
        workspace,
        incident,
        model.Status(state.value),
        as_typed(note),
        at=moment(workspace, at, incident.zone, asked.speaker),
    )
    stands = logged.brought.incident.status
    if stands.value != state.value:
        asked.speaker.notice(timeline.still_words(stands))
    show_logged(asked, logged)
