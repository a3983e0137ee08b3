"""`export`: the whole record on disk."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from workflow.cli import output, session
from workflow.cli.app import Asked, command
from workflow.errors import Recorded
from workflow.record import export as exporting


class ExportFormat(StrEnum):
    """What `export` can write."""

    MD = "md"
    HTML = "html"
    JSON = "json"
    EML = "eml"
    CSV = "csv"


@command("export", epilog="Example: postmortem export ./record")
def export(
    asked: Asked,
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder. Created if missing.")],
    format_: Annotated[
        ExportFormat | None,
        typer.Option("--format", help="Only this format. Default: all formats and an index."),
    ] = None,
) -> None:
    """Export the whole record: the doc, the data, every mail as sent."""
    workspace = session.open_workspace(asked)
    every = [*(each.value for each in ExportFormat), "index"]
    chosen = [format_.value] if format_ else every
    written = exporting.export(workspace, folder, chosen, output.standing_json)
    if asked.speaker.as_json:
        asked.speaker.document(
            {
                "folder": str(folder),
                "files": written.names,
                **({"missing": written.missing} if written.missing else {}),
            }
        )
    asked.speaker.say(f"Written to {folder}: {written.words}")
    if written.missing:
        asked.speaker.warn(written.missing)
    if written.fault is not None:
        raise Recorded(
            "Everything from the ledger is written. To include the doc, run it again later."
        )
