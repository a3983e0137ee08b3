"""The commands that look and keep: show, list, told, sync, export."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from workflow.cli.commands import Asked, command
from workflow.cli.help_page import RECORD


@command("show", panel=RECORD, epilog="Example: postmortem show --json")
def show(asked: Asked) -> None:
    """The incident, its timeline, and its notices with their counts."""
    from workflow.cli import showing  # noqa: PLC0415
    from workflow.cli.opening import open_workspace  # noqa: PLC0415
    from workflow.flows.showing import standing_of  # noqa: PLC0415

    standing = standing_of(open_workspace(asked))
    if asked.speaker.as_json:
        asked.speaker.document(showing.standing_json(standing))
    else:
        showing.show_standing(asked.speaker, standing)


@command("list", panel=RECORD)
def list_incidents(asked: Asked) -> None:
    """All incidents, the newest first."""
    from workflow.cli import showing  # noqa: PLC0415
    from workflow.cli.opening import open_workspace  # noqa: PLC0415
    from workflow.flows.showing import all_standings  # noqa: PLC0415
    from workflow.incident import moment_text  # noqa: PLC0415

    found = all_standings(open_workspace(asked))
    if asked.speaker.as_json:
        asked.speaker.document(
            [
                {
                    "incident": each.id,
                    "title": each.title,
                    "status": each.status.value,
                    "started_at": showing.local_instant(each.started_at, each),
                    "closed_at": showing.local_instant(each.closed_at, each),
                    "doc_url": each.doc_url or None,
                }
                for each in found
            ]
        )
        return
    if not found:
        asked.speaker.say("No incident yet.")
        asked.speaker.next_step('postmortem start "What went wrong"')
    for each in found:
        state = "closed" if each.closed_at else each.status.value
        when = moment_text(each.started_at, each.zone)
        title = each.title if len(each.title) <= 60 else each.title[:59] + "…"
        asked.speaker.answer(f"{each.id}  {state:<13}  {when:<26}  {title}")


@command("sync", panel=RECORD)
def sync(asked: Asked) -> None:
    """Push to Google whatever was recorded while Google could not be reached."""
    from workflow.cli import announcing, publication_outcome, showing  # noqa: PLC0415
    from workflow.cli.opening import open_workspace  # noqa: PLC0415
    from workflow.flows.announcing import finish_waiting  # noqa: PLC0415
    from workflow.flows.publication_finishing import finish_publications  # noqa: PLC0415
    from workflow.flows.sync import is_cut_short, sync_all  # noqa: PLC0415

    workspace = open_workspace(asked)
    announced = finish_waiting(workspace)
    brought = sync_all(workspace)
    published = [] if is_cut_short(brought) else finish_publications(workspace)
    speaker = asked.speaker
    if speaker.as_json:
        speaker.document(
            {
                "incidents": [
                    {
                        "incident": each.incident.id,
                        "doc_url": each.incident.doc_url or None,
                        "synced": each.synced,
                    }
                    for each in brought
                ],
                "announcements": [
                    showing.announcement_json(one.incident, each)
                    for one in announced
                    for each in one.told
                ],
                "publications": publication_outcome.finished_json(published),
            }
        )
    for one in announced:
        announcing.show_announced(speaker, one)
    if not brought and not announced and not published:
        speaker.say("Nothing waits: every doc shows everything.")
    for each in brought:
        if each.synced:
            speaker.say(f"{each.incident.title}: the doc shows everything now.", "good")
        showing.show_brought(speaker, each)
    publication_outcome.show_finished(speaker, published)
    for each in brought:
        showing.raise_if_waiting(each)
    publication_outcome.raise_if_unfinished(published)
    announcing.raise_if_untold(announced)


class ExportFormat(StrEnum):
    """What `export` can write."""

    MD = "md"
    HTML = "html"
    JSON = "json"
    EML = "eml"
    CSV = "csv"


@command("export", panel=RECORD, epilog="Example: postmortem export ./record")
def export(
    asked: Asked,
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Made if it is not there.")],
    format_: Annotated[
        ExportFormat | None,
        typer.Option("--format", help="One of them; all and an index if left out."),
    ] = None,
) -> None:
    """The whole record on disk: the doc, the ledger's view of it, every mail as sent."""
    from workflow.cli.opening import open_workspace  # noqa: PLC0415
    from workflow.cli.showing import standing_json  # noqa: PLC0415
    from workflow.flows.export import export as flow  # noqa: PLC0415

    workspace = open_workspace(asked)
    every = [*(each.value for each in ExportFormat), "index"]
    chosen = [format_.value] if format_ else every
    written = flow(workspace, folder, chosen, standing_json)
    if asked.speaker.as_json:
        asked.speaker.document({"folder": str(folder), "files": written.names})
    asked.speaker.say(f"Written to {folder}: {written.words}")
