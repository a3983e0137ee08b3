"""`console`: everything on a local page."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Annotated

import typer

from workflow.cli import lasting_jobs, output, session
from workflow.cli.app import Asked, command
from workflow.cli.terminal import Speaker
from workflow.console import app as serving
from workflow.console import pages

if TYPE_CHECKING:
    from workflow.console.pages import OpenWorkspace
    from workflow.workspace import Workspace


def opening(asked: Asked) -> OpenWorkspace:
    """How each request comes to its workspace, in the profile that was asked for."""

    @contextmanager
    def opened(incident: str, command: str) -> Iterator[Workspace]:
        """The workspace of one request, closed at its end, with the run marked as told."""
        # Pages show which incident it is and what is late; the terminal would hear it each time.
        unheard = io.StringIO()
        speaker = Speaker(out=unheard, err=unheard)
        one = Asked(asked.profile, incident or asked.incident, command, speaker=speaker)
        with one.closing:
            yield session.open_workspace(one)
            one.when_told()

    return opened


@command("console", epilog="Example: postmortem console; Ctrl-C ends it")
def console(
    asked: Asked,
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port to use; 0 takes a free one.")
    ] = 0,
    no_browser: Annotated[
        bool, typer.Option("--no-browser", help="Print the address instead of opening the browser.")
    ] = False,
) -> None:
    """Open the incident in your browser, on a page that only this machine can see."""
    opened = opening(asked)
    speaker = asked.speaker
    with opened("", asked.command) as workspace:
        workspace.ledger.clock(workspace.wall())  # report a ledger that can't be opened here
    desk = pages.Desk(
        opened, lambda workspace: session.emulator_of(workspace.settings), output.standing_json
    )
    with suppress(KeyboardInterrupt), serving.console_server(desk, port) as server:
        if speaker.as_json:
            speaker.document({"address": server.address, "way_in": str(server.way_in)})
        speaker.say("The console is open on this machine alone:")
        speaker.answer(f"  {server.address}", "link")
        speaker.say("Open it by this file, which only you can read:")
        speaker.answer(f"  {server.way_in.as_uri()}", "link")
        speaker.say("Ctrl-C closes it. What is being sent then stops between two emails.")
        if speaker.is_interactive and not no_browser:
            lasting_jobs.open_file(server.way_in)
        server.serve()
