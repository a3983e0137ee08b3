"""`edit`: correct the title, start, owner, links or folder."""

from __future__ import annotations

from typing import Annotated

import typer

from workflow.cli import output, session
from workflow.cli.app import Asked, command
from workflow.cli.typed import as_typed, moment, warn_if_closed
from workflow.incident import facts


@command(
    "edit",
    epilog='Example: postmortem edit --title "Wrong amounts on invoices" --started 13:20',
)
def edit(
    asked: Asked,
    title: Annotated[str | None, typer.Option(help="New title.", show_default=False)] = None,
    started: Annotated[
        str | None,
        typer.Option(
            metavar="WHEN",
            help="Start of the incident: 14:39, yesterday 14:39.",
            show_default=False,
        ),
    ] = None,
    owner: Annotated[
        str | None, typer.Option(metavar="NAME", help="Incident owner.", show_default=False)
    ] = None,
    links: Annotated[
        str | None, typer.Option(metavar="TEXT", help="Links for the header.", show_default=False)
    ] = None,
    customer_title: Annotated[
        str | None,
        typer.Option(
            metavar="TEXT", help="The title that customers read in mails.", show_default=False
        ),
    ] = None,
    customer_impact: Annotated[
        str | None,
        typer.Option(
            metavar="TEXT", help="The impact that customers read in mails.", show_default=False
        ),
    ] = None,
    folder: Annotated[
        str | None,
        typer.Option(metavar="ID", help="The Drive folder of the doc.", show_default=False),
    ] = None,
) -> None:
    """Correct the title, start time, owner, links or folder. Changes the doc, the timeline,
    later emails and durations."""
    given = (title, started, owner, links, folder, customer_title, customer_impact)
    if all(value is None for value in given):
        raise typer.BadParameter("say what to change: --title, --started, --owner, --links, …")
    workspace, speaker = session.open_workspace(asked), asked.speaker
    zone = workspace.incident().zone
    edited = facts.edit(
        workspace,
        facts.Corrections(
            as_typed(title) if title is not None else None,
            moment(workspace, started, zone, speaker),
            as_typed(owner) if owner is not None else None,
            as_typed(links) if links is not None else None,
            _folder_id(folder) if folder is not None else None,
            as_typed(customer_title) if customer_title is not None else None,
            as_typed(customer_impact) if customer_impact is not None else None,
        ),
    )
    brought = edited.brought
    incident = brought.incident
    if speaker.as_json:
        speaker.document(
            {
                "incident": incident.id,
                "title": incident.title,
                "started_at": output.local_instant(incident.started_at, incident),
                "owner": incident.owner or None,
                "customer_title": incident.customer_title or None,
                "customer_impact": incident.customer_impact or None,
                "links": incident.variables.get("links") or None,
                "entries": [output.entry_json(incident, entry) for entry in edited.entries],
                "synced": brought.synced,
            }
        )
    for entry in edited.entries:
        speaker.say(output.entry_words(incident, entry))
    if not edited.entries and folder is None:
        speaker.say("No change: these values are already set.")
    for words in edited.said:
        speaker.warn(words)
    warn_if_closed(speaker, incident)
    output.show_brought(speaker, brought)
    output.raise_if_waiting(brought)


def _folder_id(given: str) -> str:
    """The id of a folder, also from its address in the browser."""
    return given.strip().rpartition("/folders/")[2].partition("?")[0].strip("/")
