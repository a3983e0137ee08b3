"""`impact`: who is affected, and how."""

from __future__ import annotations

from typing import Annotated

import typer

from workflow import model
from workflow.cli.app import Asked, command
from workflow.cli.typed import Since, state_or_show


@command(
    "impact",
    epilog='Example: postmortem impact "about 340 customers, all in Germany"',
)
def impact(
    asked: Asked,
    text: Annotated[
        str | None,
        typer.Argument(
            help="Who is affected and how. - reads standard input. Without text: show the current "
            "value.",
            show_default=False,
        ),
    ] = None,
    at: Since = None,
) -> None:
    """Update who is affected. Changes the doc, the timeline and later emails."""
    state_or_show(asked, model.Statement.IMPACT, text, at)
