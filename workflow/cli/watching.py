"""The command that watches an incident: a screen that is drawn anew each second."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Annotated

import typer

from workflow.cli.commands import Asked, command
from workflow.cli.help_page import RECORD

if TYPE_CHECKING:
    from rich.console import Console

    from workflow.flows.workspace import Workspace

_SECONDS = 1.0
_WIDE = 80  # where nobody says how wide the output is


@command("watch", panel=RECORD, epilog="Example: postmortem watch; Ctrl-C ends it")
def watch(
    asked: Asked,
    once: Annotated[
        bool, typer.Option("--once", help="Show it once, as in a pipe, and end.")
    ] = False,
) -> None:
    """Watch the incident live: status, next word due, mails, what waits and who was not told."""
    from workflow.cli import showing  # noqa: PLC0415
    from workflow.cli.opening import open_workspace  # noqa: PLC0415
    from workflow.flows.watching import look  # noqa: PLC0415

    workspace = open_workspace(asked)
    if asked.speaker.as_json:
        asked.speaker.document(showing.standing_json(look(workspace).standing))
        return
    console = _console(asked)
    if not once and console.is_terminal and not console.is_dumb_terminal:
        _live(workspace, console)
    _show(workspace, console)


def _console(asked: Asked) -> Console:
    from rich.console import Console  # noqa: PLC0415

    from workflow.cli.speaking import has_colour  # noqa: PLC0415

    stream = asked.speaker.out
    columns = os.environ.get("COLUMNS", "")
    width = None if stream.isatty() else int(columns) if columns.isdecimal() else _WIDE
    return Console(
        file=stream,
        width=width,
        force_terminal=stream.isatty(),
        no_color=not has_colour(stream),
        highlight=False,
    )


def _live(workspace: Workspace, console: Console) -> None:
    """Draw until Ctrl-C, which is how a view is left and no fault."""
    from rich.live import Live  # noqa: PLC0415

    from workflow.cli.watch_page import page  # noqa: PLC0415
    from workflow.flows.watching import look  # noqa: PLC0415

    try:
        with Live(console=console, screen=True, auto_refresh=False) as live:
            while True:
                live.update(page(look(workspace), console, console.height), refresh=True)
                time.sleep(_SECONDS)
    except KeyboardInterrupt:
        return


def _show(workspace: Workspace, console: Console) -> None:
    from workflow.cli.watch_page import page  # noqa: PLC0415
    from workflow.flows.watching import look  # noqa: PLC0415

    console.print(page(look(workspace), console, console.height))
