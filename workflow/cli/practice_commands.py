"""The command to practise with: rehearse."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from workflow.cli.commands import Asked, command
from workflow.cli.help_page import PRACTICE


@command(
    "rehearse",
    panel=PRACTICE,
    epilog="Example: postmortem rehearse; postmortem rehearse list; postmortem rehearse outage "
    "--live; then postmortem rehearse serve",
)
def rehearse(
    asked: Asked,
    scenario: Annotated[
        str,
        typer.Argument(
            help="A scenario's name or path; list names them, serve shows the docs and the "
            "mailbox, stop ends their server."
        ),
    ] = "mixed-up-message",
    port: Annotated[int, typer.Option(help="With serve: a fixed port; 0 for any.")] = 0,
    live: Annotated[
        bool, typer.Option("--live", help="The team types the commands itself, and is scored.")
    ] = False,
) -> None:
    """Run a whole scripted incident against the rehearsal Google: nothing leaves the machine."""
    from workflow.cli import drilling, rehearsal_pages, rehearsing  # noqa: PLC0415
    from workflow.config import load_settings  # noqa: PLC0415

    settings = load_settings(os.environ, "rehearsal")
    if scenario == "serve":
        rehearsal_pages.serve(asked, settings, port)
    elif scenario == "stop":
        rehearsal_pages.stop(asked, settings)
    elif scenario == "list":
        rehearsing.show_scenarios(asked)
    elif live:
        drilling.play(asked, settings, scenario)
    else:
        rehearsing.run(asked, settings, scenario)
