"""`list`: all incidents."""

from __future__ import annotations

from workflow import model
from workflow.cli import output, session
from workflow.cli.app import Asked, command
from workflow.standing import overview
from workflow.workspace import current_id


@command("list", answers=True)
def list_incidents(asked: Asked) -> None:
    """List all incidents, newest first. * marks the current one."""
    workspace = session.open_workspace(asked)
    found, newer = overview.all_standings(workspace)
    current = current_id(workspace)
    for fault in newer:
        asked.speaker.warn(str(fault))
    if asked.speaker.as_json:
        asked.speaker.document(
            [
                {
                    "incident": each.id,
                    "title": each.title,
                    "status": each.status.value,
                    "started_at": output.local_instant(each.started_at, each),
                    "closed_at": output.local_instant(each.closed_at, each),
                    "doc_url": each.doc_url or None,
                    "current": each.id == current,
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
        when = model.moment_text(each.started_at, each.zone)
        title = each.title if len(each.title) <= 60 else each.title[:59] + "…"
        mark = "*" if each.id == current else " "
        asked.speaker.answer(f"{mark} {each.id}  {state:<13}  {when:<26}  {title}")
    if len(found) > 1:
        asked.speaker.say("* is the current incident. Another one: postmortem use ID", "faint")
