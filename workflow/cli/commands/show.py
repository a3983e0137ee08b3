"""`show`: the incident, its timeline and its notices."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Annotated

import typer

from workflow import model
from workflow.cli import output, session
from workflow.cli.app import Asked, command
from workflow.notice import draft_review
from workflow.standing import overview

if TYPE_CHECKING:
    from workflow.workspace import Workspace


@command("show", answers=True, epilog="Example: postmortem show --json")
def show(
    asked: Asked,
    log: Annotated[bool, typer.Option("--log", help="Show who did what, and when.")] = False,
) -> None:
    """Show the incident, its timeline and its notices."""
    asked.names_incident = False  # its answer begins with the title
    workspace = session.open_workspace(asked)
    if log:
        _show_log(asked, workspace)
        return
    standing = overview.standing_of(workspace)
    touched = {
        each.notice.id: draft_review.glance(workspace, each.notice)
        for each in standing.notices
        if each.notice.held and each.counts.pending
    }
    if asked.speaker.as_json:
        document = output.standing_json(standing)
        for notice in document["notices"]:
            found = touched.get(notice["notice"])
            notice["drafts"] = dataclasses.asdict(found) if found else None
        asked.speaker.document(document)
        return
    output.show_standing(asked.speaker, standing)
    for notice_id, found in touched.items():
        if found.words:
            asked.speaker.answer(
                f"Notice {notice_id}: {found.words}. To see them: postmortem resume {notice_id}",
                "warn",
            )


def _show_log(asked: Asked, workspace: Workspace) -> None:
    """Who did what to the incident, the oldest first."""
    trail = overview.trail_of(workspace, workspace.incident())
    zone = trail.incident.zone
    if asked.speaker.as_json:
        asked.speaker.document(
            {
                "incident": trail.incident.id,
                "sound": trail.broken_at is None,
                "log": [overview.step_record(each) for each in trail.steps],
            }
        )
    for each in trail.steps:
        when = model.moment_text(each.at, zone)
        asked.speaker.answer(
            f"{when:<26}  {each.person}  {each.command or '-'}: {overview.step_words(each)}"
        )
    if not trail.steps:
        asked.speaker.say("No change is recorded yet.")
    if trail.broken_at is not None:
        asked.speaker.warn(
            f"The log was changed outside of this program: the row of "
            f"{model.moment_text(trail.broken_at, zone)} does not fit the rows before it."
        )
