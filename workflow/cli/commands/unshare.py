"""`unshare`: stop sharing the doc with a person."""

from __future__ import annotations

from typing import Annotated

import typer

from workflow.cli import session
from workflow.cli.app import Asked, command
from workflow.cli.notice_lines import show_shared
from workflow.doc import sharing


@command("unshare", epilog="Example: postmortem unshare ann@example.com")
def unshare(
    asked: Asked,
    who: Annotated[
        str, typer.Argument(metavar="WHO", help="As in share: address, group:ADDRESS or domain.")
    ],
) -> None:
    """Stop sharing the doc with a person."""
    show_shared(asked, sharing.unshare(session.open_workspace(asked), who))
