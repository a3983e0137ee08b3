"""`doctor`: check the setup."""

from __future__ import annotations

from typing import Annotated

import typer

from workflow.cli import set_up_lines
from workflow.cli.app import Asked, command


@command(
    "doctor",
    answers=True,
    epilog="Exit code 0: no problems found. Exit code 4: something needs fixing.",
)
def doctor(
    asked: Asked,
    live: Annotated[
        bool,
        typer.Option(
            "--live",
            help="Also test against Google with a scratch doc and an email to yourself, and write "
            "a report.",
        ),
    ] = False,
    doc: Annotated[
        str,
        typer.Option(
            help="With --live: address of a doc that a colleague created with this program.",
            show_default=False,
        ),
    ] = "",
) -> None:
    """Check your setup and show how to fix it."""
    found = set_up_lines.look(asked)
    report = set_up_lines.try_out(asked, found, doc) if live else None
    set_up_lines.conclude(asked, found, report)
