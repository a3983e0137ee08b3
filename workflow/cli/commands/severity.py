"""`severity`: how bad it is."""

from __future__ import annotations

from typing import Annotated

import typer

from workflow import model
from workflow.cli.app import Asked, command
from workflow.cli.typed import Since, state_or_show


@command("severity", epilog="Example: postmortem severity SEV1")
def severity(
    asked: Asked,
    text: Annotated[
        str | None,
        typer.Argument(
            help="SEV1, high, … in your team's words. - reads standard input. Without a value: "
            "show the current one.",
            show_default=False,
        ),
    ] = None,
    at: Since = None,
) -> None:
    """Update the severity. Changes the doc, the timeline and later emails."""
    state_or_show(asked, model.Statement.SEVERITY, text, at)
