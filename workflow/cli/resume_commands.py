"""The command that finishes what was interrupted, or waits for a second pair of eyes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from workflow.cli.commands import Asked, command
from workflow.cli.help_page import MAIL
from workflow.cli.incident_commands import as_typed
from workflow.cli.notice_outcome import people, show_outcome

if TYPE_CHECKING:
    from workflow.flows.workspace import Workspace
    from workflow.incident import DeliveryState
    from workflow.ledger.notices import Notice


@command("resume", panel=MAIL, epilog="Example: postmortem resume")
def resume(
    asked: Asked,
    reference: Annotated[
        str, typer.Argument(metavar="[NOTICE]", help="The unfinished one if left out.")
    ] = "",
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="Try again where Gmail refused.")
    ] = False,
    resend_unknown: Annotated[
        bool,
        typer.Option("--resend-unknown", help="Send again where nobody can tell. May mail twice."),
    ] = False,
    discard: Annotated[
        bool, typer.Option("--discard", help="Withdraw what has not left yet; nobody gets it.")
    ] = False,
    approve_by: Annotated[
        str, typer.Option(metavar="NAME", help="Who looked at the drafts and agreed.")
    ] = "",
    confirm: Annotated[
        int | None, typer.Option(metavar="N", help="How many to send (again), unasked.")
    ] = None,
    watch: Annotated[
        bool,
        typer.Option("--watch", help="Take part in any notice under way, here and elsewhere."),
    ] = False,
    until_idle: Annotated[
        bool, typer.Option("--until-idle", help="With --watch: end when nothing is under way.")
    ] = False,
) -> None:
    """Finish an interrupted notice and its copy in the doc. Safe to run any number of times."""
    from workflow.cli.opening import open_workspace  # noqa: PLC0415
    from workflow.cli.progress import watching  # noqa: PLC0415
    from workflow.flows import notify as flow  # noqa: PLC0415
    from workflow.flows.faults import BadInput  # noqa: PLC0415
    from workflow.flows.showing import notice_standing  # noqa: PLC0415

    workspace = open_workspace(asked)
    if watch or until_idle:
        if retry_failed or resend_unknown or discard or confirm is not None or approve_by:
            raise BadInput("--watch begins nothing: it goes with --until-idle alone.")
        _watch(asked, workspace, reference, watch, until_idle)
        return
    states = _states(retry_failed, resend_unknown)
    notice = flow.notice_to_write_again(workspace, states) if states and not reference else None
    notice = notice or flow.notice_to_resume(workspace, reference)
    if notice is None:
        _nothing_to_resume(asked)
        return
    before = notice_standing(workspace, notice)
    if discard:
        _discard(asked, workspace, notice)
        return
    if notice.held:
        _agree_to_drafts(asked, before.counts.pending, confirm)
        notice = flow.release(workspace, notice, as_typed(approve_by))
    else:
        _plan_again(asked, workspace, notice, states, confirm)
    before = notice_standing(workspace, notice)
    with watching(asked.speaker, total=before.counts.total) as watcher:
        notified = flow.finish(workspace, notice, watcher)
    show_outcome(asked, notified, "send")


def _watch(
    asked: Asked, workspace: Workspace, reference: str, watch: bool, until_idle: bool
) -> None:
    """Work for whatever is under way, or for one notice until it is done."""
    from workflow.cli.worker_loop import work  # noqa: PLC0415
    from workflow.flows import notify as flow  # noqa: PLC0415
    from workflow.flows.faults import BadInput  # noqa: PLC0415
    from workflow.flows.working import Orders  # noqa: PLC0415

    if not watch:
        raise BadInput("--until-idle goes with --watch.")
    notice = flow.notice_to_resume(workspace, reference) if reference else None
    work(asked, workspace, Orders(notice.id if notice else "", until_idle))


def _states(retry_failed: bool, resend_unknown: bool) -> list[DeliveryState]:
    """Which deliveries a person asks to have written to again."""
    from workflow.incident import DeliveryState  # noqa: PLC0415

    asked_for = ((retry_failed, DeliveryState.FAILED), (resend_unknown, DeliveryState.UNKNOWN))
    return [state for wanted, state in asked_for if wanted]


def _discard(asked: Asked, workspace: Workspace, notice: Notice) -> None:
    """Withdraw drafts that a second pair of eyes found wanting, or mails that have not left."""
    from workflow.cli import showing  # noqa: PLC0415
    from workflow.flows.discarding import discard  # noqa: PLC0415
    from workflow.flows.showing import notice_standing  # noqa: PLC0415

    count = discard(workspace, notice)
    standing = notice_standing(workspace, notice)
    if asked.speaker.as_json:
        asked.speaker.document(showing.notice_json(standing, "send"))
    sent = f"{people(standing.counts.sent)} had it before" if standing.counts.sent else ""
    words = f"Withdrawn: {people(count)} will not get this mail."
    asked.speaker.say(f"{words} {sent or 'Nothing was sent'}.")


def _agree_to_drafts(asked: Asked, count: int, confirm: int | None) -> None:
    """Drafts that wait for a second pair of eyes leave only when somebody says their number."""
    from workflow.flows.faults import BadInput  # noqa: PLC0415

    if confirm is None and asked.speaker.is_interactive:
        answer = asked.speaker.ask(f"Type {count} to send the drafts to {people(count)}: ")
        confirm = int(answer) if answer.isdecimal() else -1
    if confirm != count:
        raise BadInput(
            f"Nothing was sent: {count} drafts wait in Gmail. Send them with --confirm {count}."
        )


def _nothing_to_resume(asked: Asked) -> None:
    asked.speaker.say("There is nothing to resume: no notice is unfinished.")
    if asked.speaker.as_json:
        counts = dict.fromkeys(("sent", "failed", "unknown", "pending", "skipped"), 0)
        asked.speaker.document(
            {
                "incident": None,
                "notice": None,
                "stage": None,
                "subject": None,
                "recipients": 0,
                "counts": counts,
                "failures": [],
                "copied_back": True,
                "mode": "send",
            }
        )


def _plan_again(
    asked: Asked,
    workspace: Workspace,
    notice: Notice,
    states: list[DeliveryState],
    confirm: int | None,
) -> None:
    """Name who would be written to again, ask, and plan them anew."""
    from workflow.cli import showing  # noqa: PLC0415
    from workflow.flows import notify as flow  # noqa: PLC0415
    from workflow.flows.faults import BadInput  # noqa: PLC0415
    from workflow.flows.showing import notice_standing  # noqa: PLC0415
    from workflow.incident import DeliveryState  # noqa: PLC0415

    standing = notice_standing(workspace, notice)
    counts = {
        DeliveryState.FAILED: standing.counts.failed,
        DeliveryState.UNKNOWN: standing.counts.unknown,
    }
    total = sum(counts[state] for state in states)
    if not total:
        return
    showing.show_shortfalls(asked.speaker, standing, most=100)
    if confirm is None and asked.speaker.is_interactive:
        answer = asked.speaker.ask(f"Type {total} to write to them again: ")
        confirm = int(answer) if answer.isdecimal() else -1
    if confirm != total:
        raise BadInput(
            f"Nothing was sent again: it would be {people(total)}. Say so with --confirm {total}."
        )
    for state in states:
        flow.plan_again(workspace, notice, state)
