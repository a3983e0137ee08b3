"""`rehearse`: play an incident on the rehearsal Google."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from workflow import config
from workflow.cli import drills
from workflow.cli.app import Asked, command


@command(
    "rehearse",
    epilog="Example: postmortem rehearse\npostmortem rehearse list\n"
    "postmortem rehearse outage --live\npostmortem rehearse serve",
)
def rehearse(
    asked: Asked,
    scenario: Annotated[
        str,
        typer.Argument(
            help="Name or path of a scenario; or list, serve (show docs and mailbox), stop."
        ),
    ] = "mixed-up-message",
    port: Annotated[int, typer.Option(help="With serve: port to use; 0 takes a free one.")] = 0,
    live: Annotated[
        bool, typer.Option("--live", help="Your team types the commands and gets a score.")
    ] = False,
) -> None:
    """Rehearse a whole incident on a local Google. Nobody real is contacted."""
    settings = config.load_settings(os.environ, "rehearsal")
    if scenario == "serve":
        drills.serve_pages(asked, settings, port)
    elif scenario == "stop":
        drills.stop_pages(asked, settings)
    elif scenario == "list":
        drills.show_scenarios(asked)
    elif live:
        drills.play_live(asked, settings, scenario)
    else:
        drills.run_script(asked, settings, scenario)
