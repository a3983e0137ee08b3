"""`approve`: the second person's decision."""

from __future__ import annotations

from typing import Annotated

import typer

from workflow.cli import output, session
from workflow.cli.app import Asked, command
from workflow.cli.notice_lines import agree_despite_comments, comments_json
from workflow.cli.typed import as_typed
from workflow.model import people
from workflow.notice import approval


@command("approve", epilog="Example: postmortem approve ab12cd34")
def approve(
    asked: Asked,
    plan: Annotated[
        str, typer.Argument(metavar="PLAN", help="The plan's hash, or its file (--plan-out).")
    ],
    refuse: Annotated[
        str,
        typer.Option(metavar="WHY", help="Refuse the plan, or withdraw your own, and say why."),
    ] = "",
) -> None:
    """Approve a plan that somebody else proposed, or refuse it."""
    reason = as_typed(refuse)
    workspace, speaker = session.open_workspace(asked), asked.speaker
    comments = approval.comments_on(workspace, plan)
    if not reason:
        agree_despite_comments(speaker, comments, does="Approve", undone="Nothing was approved.")
    decided = approval.decide(workspace, plan, approved=not reason, reason=reason)
    short = decided.plan_hash[:8]
    did = decided.state.value.capitalize()
    if speaker.as_json:
        speaker.document(
            {
                "plan": decided.plan_hash,
                "state": did.lower(),
                "stage": decided.stage,
                "subject": decided.subject,
                "recipients": decided.recipients,
                "proposed_by": decided.proposed_by,
                "by": workspace.person,
                "reason": reason or None,
                "key": decided.key or None,
                "open_comments": comments_json(comments),
            }
        )
    speaker.say(
        f"{did}: plan {short} of {decided.proposed_by}, {decided.stage} to "
        f"{people(decided.recipients)}: {decided.subject}",
        "warn" if reason else "good",
    )
    if not reason:
        named = short if decided.brought is not None else plan
        speaker.next_step(
            f"{decided.proposed_by} sends it with: postmortem notify --send --plan {named}"
        )
    if decided.key:
        speaker.say(f"Signed with the key of this machine: {decided.key}")
    if decided.brought is not None:
        output.show_brought(speaker, decided.brought)
        output.raise_if_waiting(decided.brought)
