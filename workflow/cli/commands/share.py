"""`share`: share the doc with more people."""

from __future__ import annotations

from typing import Annotated

import typer

from workflow.cli import session
from workflow.cli.app import Asked, command
from workflow.cli.notice_lines import show_shared
from workflow.doc import sharing


@command("share", epilog="Example: postmortem share ann@example.com:commenter")
def share(
    asked: Asked,
    who: Annotated[
        list[str],
        typer.Argument(
            metavar="WHO[:role]…",
            help="Email address, group:ADDRESS or domain, with :reader, :commenter or :writer.",
        ),
    ],
    notify: Annotated[
        bool,
        typer.Option(
            "--notify",
            help="Let Google email an invitation. People without a Google account need it.",
        ),
    ] = False,
) -> None:
    """Share the doc with people, or change their role."""
    show_shared(asked, sharing.share_with(session.open_workspace(asked), who, notify=notify))
