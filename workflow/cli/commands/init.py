"""`init`: write the first config."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from workflow.cli import set_up_lines
from workflow.cli.app import Asked, command


@command(
    "init",
    epilog='Example: postmortem init --organisation "Example Ltd" --time-zone Europe/Berlin '
    "--support support@example.com --templates ~/postmortem-templates",
)
def init(
    asked: Asked,
    organisation: Annotated[
        str, typer.Option(help="Your organisation, as customers know it.")
    ] = "",
    time_zone: Annotated[str, typer.Option(help="Time zone of new incidents.")] = "",
    share: Annotated[
        list[str] | None,
        typer.Option(help="Who gets access to new docs.", show_default=False),
    ] = None,
    sender_name: Annotated[str, typer.Option(help="Sender name beside the address.")] = "",
    support: Annotated[str, typer.Option(help="How customers contact you.")] = "",
    templates: Annotated[
        Path | None,
        typer.Option(
            help="Copy the templates to this folder, so you can edit them.", show_default=False
        ),
    ] = None,
) -> None:
    """Set up the config by answering a few questions. Existing settings stay."""
    given = {
        "organisation": organisation,
        "time_zone": time_zone,
        "share": ",".join(share or ()),
        "sender_name": sender_name,
        "support": support,
    }
    set_up_lines.initialise(asked, given, templates)
