"""`watch`: a live view, redrawn each second."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.live import Live

from workflow.announce import reminders
from workflow.cli import lasting_jobs, output, session, terminal
from workflow.cli.app import Asked, command
from workflow.standing import overview

if TYPE_CHECKING:
    from rich.console import Console

    from workflow.workspace import Workspace

_SECONDS = 1.0
_REMIND_SECONDS = 5.0
_WIDE = 80  # if the output's width is unknown


@command("watch", answers=True, epilog="Example: postmortem watch\n\nCtrl-C ends it.")
def watch(
    asked: Asked,
    once: Annotated[bool, typer.Option("--once", help="Show the page once and stop.")] = False,
) -> None:
    """Watch the incident live: status, next update due, deliveries, what is pending."""
    workspace = session.open_workspace(asked)
    if asked.speaker.as_json:
        asked.speaker.document(output.standing_json(overview.look(workspace).standing))
        return
    console = _console(asked)
    if not once and console.is_terminal and not console.is_dumb_terminal:
        _live(workspace, console)
    _show(workspace, console)


def _console(asked: Asked) -> Console:
    stream = asked.speaker.out
    columns = os.environ.get("COLUMNS", "")
    width = None if stream.isatty() else int(columns) if columns.isdecimal() else _WIDE
    return Console(
        file=stream,
        width=width,
        force_terminal=stream.isatty(),
        no_color=not terminal.has_colour(stream),
        highlight=False,
    )


def _live(workspace: Workspace, console: Console) -> None:
    """Redraw until Ctrl-C, which ends the view without an error."""
    try:
        with Live(console=console, screen=True, auto_refresh=False) as live:
            reminded_at = 0.0
            while True:
                if time.monotonic() - reminded_at > _REMIND_SECONDS:
                    reminders.settle(workspace)
                    reminded_at = time.monotonic()
                live.update(
                    lasting_jobs.page(overview.look(workspace), console, console.height),
                    refresh=True,
                )
                time.sleep(_SECONDS)
    except KeyboardInterrupt:
        return


def _show(workspace: Workspace, console: Console) -> None:
    console.print(lasting_jobs.page(overview.look(workspace), console, console.height))
