"""`actions`: the action items of all incidents."""

from __future__ import annotations

import tempfile
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from workflow import model
from workflow.announce import announcements
from workflow.cli import output, session, terminal
from workflow.cli.app import Asked, command
from workflow.incident import supporting_data
from workflow.report import reports as flow

if TYPE_CHECKING:
    from workflow.report.reports import ActionItem, Actions
    from workflow.workspace import Workspace


@command("actions", epilog="Example: postmortem actions --overdue")
def actions(
    asked: Asked,
    every: Annotated[bool, typer.Option("--all", help="Show what is done too.")] = False,
    overdue: Annotated[bool, typer.Option("--overdue", help="Only what is overdue.")] = False,
    remind: Annotated[
        bool, typer.Option("--remind", help="Tell colleagues in chat what is open, once a day.")
    ] = False,
    review: Annotated[
        str,
        typer.Option(
            metavar="WHEN",
            help="Put a review meeting of this incident into the doc's folder, as .ics.",
        ),
    ] = "",
    minutes: Annotated[int, typer.Option(min=5, help="With --review: how long it takes.")] = 60,
) -> None:
    """List what will be done next time, over all incidents, with owner and date."""
    workspace, speaker = session.open_workspace(asked), asked.speaker
    found = flow.all_actions(workspace)
    shown = found.overdue if overdue else found.items if every else found.still_open
    if speaker.as_json:
        speaker.document(
            {
                "open": len(found.still_open),
                "overdue": len(found.overdue),
                "actions": [_document(each) for each in shown],
                "notes": list(found.notes),
            }
        )
    _show(asked, shown)
    for note in found.notes:
        speaker.warn(note)
    speaker.say(f"{len(found.still_open)} open, {len(found.overdue)} overdue.")
    if remind:
        _remind(asked, workspace, found)
    if review:
        _review(asked, workspace, found, review, minutes)


def _show(asked: Asked, shown: tuple[ActionItem, ...]) -> None:
    title = ""
    for each in sorted(shown, key=lambda one: one.incident.started_at, reverse=True):
        if each.incident.id != title:
            title = each.incident.id
            asked.speaker.answer(f"{each.incident.title} · incident {title}", "strong")
        state = "done" if each.is_done else flow.due_words(each)
        owner = each.owner or "no owner"
        style = "bad" if each.is_overdue else ""
        asked.speaker.answer(f"  {each.text}", style)
        asked.speaker.answer(f"    {owner}, {state}", "faint")


def _remind(asked: Asked, workspace: Workspace, found: Actions) -> None:
    """Remind the colleagues' channels of open actions, one incident at a time."""
    told = []
    for incident_id in dict.fromkeys(each.incident.id for each in found.still_open):
        mine = [each for each in found.still_open if each.incident.id == incident_id]
        day = model.date_text(workspace.now(), mine[0].incident.zone)
        workspace.incident_reference = incident_id
        announced = announcements.announce(workspace, flow.reminder_text(mine, day))
        output.show_announced(asked.speaker, announced)
        told.append(announced)
    output.raise_if_untold(told)


def _review(asked: Asked, workspace: Workspace, found: Actions, review: str, minutes: int) -> None:
    """Write the calendar file of the current incident's review meeting, and link it in the doc."""
    incident = workspace.incident()
    at = terminal.future_moment(asked.speaker, review, now=workspace.now(), zone=incident.zone)
    content = flow.review_meeting(incident, at, timedelta(minutes=minutes), found)
    when = model.moment_text(at, incident.zone)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"review-{incident.id}.ics"
        path.write_bytes(content)
        attached = supporting_data.attach(
            workspace, path, f"Review meeting, {when}", link_alone=True
        )
    asked.speaker.say(f"Review meeting on {when}: {path.name} is in the doc's folder.")
    output.show_brought(asked.speaker, attached.brought)
    output.raise_if_waiting(attached.brought)


def _document(each: ActionItem) -> dict[str, Any]:
    return {
        "incident": each.incident.id,
        "title": each.incident.title,
        "text": each.text,
        "owner": each.owner or None,
        "due": each.due.isoformat() if each.due else None,
        "done": each.is_done,
        "overdue": each.is_overdue,
    }
