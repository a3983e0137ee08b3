"""`resume`: finish an interrupted notice, or send reviewed drafts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from workflow import bounces
from workflow.cli import lasting_jobs, output, session
from workflow.cli.app import Asked, command
from workflow.cli.notice_lines import (
    chosen_by_option,
    get_decisions,
    show_outcome,
    show_withdrawn,
)
from workflow.cli.typed import as_typed
from workflow.errors import BadInput, NotSetUp
from workflow.google import faults
from workflow.model import DeliveryState, DraftDecision, counted, people
from workflow.notice import draft_review, left_out, outcome, send
from workflow.standing import overview

if TYPE_CHECKING:
    from workflow.ledger.notices import Notice
    from workflow.model import DeliveryState, DraftDecision
    from workflow.standing.overview import NoticeStanding
    from workflow.workspace import Workspace


@command("resume", epilog="Example: postmortem resume")
def resume(
    asked: Asked,
    reference: Annotated[
        str, typer.Argument(metavar="[NOTICE]", help="Notice id. Default: the unfinished one.")
    ] = "",
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="Retry mails that Gmail refused.")
    ] = False,
    resend_unknown: Annotated[
        bool,
        typer.Option("--resend-unknown", help="Send unknown mails again. Some people may get two."),
    ] = False,
    discard: Annotated[
        bool, typer.Option("--discard", help="Withdraw mails that are not sent yet.")
    ] = False,
    as_edited: Annotated[
        bool, typer.Option("--as-edited", help="Send drafts as they were edited in Gmail.")
    ] = False,
    restore: Annotated[
        bool, typer.Option("--restore", help="Undo edits in Gmail drafts, then send.")
    ] = False,
    leave_out: Annotated[
        bool, typer.Option("--leave-out", help="Delete edited drafts; those customers get nothing.")
    ] = False,
    approve_by: Annotated[str, typer.Option(metavar="NAME", help="Name of the approver.")] = "",
    confirm: Annotated[
        int | None,
        typer.Option(metavar="N", help="Skip the question if exactly N mails would be sent."),
    ] = None,
    not_in_this_ledger: Annotated[
        bool,
        typer.Option(
            "--not-in-this-ledger", help="Send although another ledger emailed customers."
        ),
    ] = False,
    despite_bounces: Annotated[
        bool,
        typer.Option("--despite-bounces", help="Send the rest although many bounced."),
    ] = False,
    watch: Annotated[
        bool,
        typer.Option("--watch", help="Keep running and help send every unfinished notice."),
    ] = False,
    until_idle: Annotated[
        bool, typer.Option("--until-idle", help="With --watch: stop when every notice is finished.")
    ] = False,
) -> None:
    """Finish an interrupted notice and its copy in the doc. Safe to run any number of times."""
    choice = chosen_by_option(as_edited=as_edited, restore=restore, leave_out=leave_out)
    if choice is not None and discard:
        raise BadInput("--discard withdraws every draft. Leave the other decisions out.")
    workspace = session.open_workspace(asked)
    if watch or until_idle:
        if retry_failed or resend_unknown or discard or confirm is not None or approve_by or choice:
            raise BadInput("--watch works only with --until-idle.")
        _watch(asked, workspace, reference, watch, until_idle)
        return
    states = _states(retry_failed, resend_unknown)
    notice = _notice_meant(workspace, reference, states, discard)
    if notice is None:
        _nothing_to_resume(asked, workspace)
        return
    before = overview.notice_standing(workspace, notice)
    if discard:
        _discard(asked, workspace, notice)
        return
    waiting = before.under_review
    _check_time(asked, workspace, before, states)
    agreed = _settle_ledgers(asked, workspace, notice, before, not_in_this_ledger, states, confirm)
    outcome.refuse_what_changed(workspace, before, states)  # the doc may have a newer status
    # If others are sent again too, one number covers all.
    ask_for_drafts = waiting > 0 and not states
    _decide_about_drafts(asked, workspace, notice, choice, confirm, ask_for_drafts=ask_for_drafts)
    if states:
        if notice.held:
            waiting = overview.notice_standing(workspace, notice).under_review
        _plan_again(asked, workspace, notice, states, confirm, waiting=waiting)
    if notice.held and (waiting or states):
        notice = send.release(workspace, notice, as_typed(approve_by))
    if before.waiting and before.waiting == before.counts.pending and not states:
        notice = _agree_to_the_rest(asked, workspace, notice, before, confirm, despite_bounces)
    send.go_on_despite(workspace, notice, agreed)
    before = overview.notice_standing(workspace, notice)
    asked.speaker.next_after_interrupt = f"postmortem resume {notice.id}"
    with lasting_jobs.watching(asked.speaker, total=before.counts.total) as watcher:
        notified = send.finish(workspace, notice, watcher)
    show_outcome(asked, notified, notice.mode)


def _check_time(
    asked: Asked, workspace: Workspace, before: NoticeStanding, states: list[DeliveryState]
) -> None:
    """Refuse mails that the status contradicts; warn of a promised time that has passed."""
    outcome.refuse_what_changed(workspace, before, states)
    for words in outcome.passed_promise(workspace, before):
        asked.speaker.warn(words)


def _notice_meant(
    workspace: Workspace, reference: str, states: list[DeliveryState], discard: bool
) -> Notice | None:
    """The notice that the person means; names its incident if several are open."""
    found = send.notice_to_write_again(workspace, states) if states and not reference else None
    found = found or send.notice_to_resume(workspace, reference, withdraws=discard)
    if found is not None and not reference:
        workspace.incident_reference = found.incident_id
        workspace.incident()
    return found


def _decide_about_drafts(
    asked: Asked,
    workspace: Workspace,
    notice: Notice,
    choice: DraftDecision | None,
    confirm: int | None,
    *,
    ask_for_drafts: bool,
) -> None:
    """Review waiting drafts, ask about the edited ones, and carry out the decision.

    With `ask_for_drafts` the person also types how many drafts may be sent. A draft that is edited
    while the person decides is asked about as well. Raises `BadInput` if nobody decides.
    """
    agreed = not ask_for_drafts
    settled: set[tuple[int, str]] = set()
    while True:
        try:
            review = draft_review.look(workspace, notice)
        except faults.GoogleFault:
            if notice.held:
                raise
            return  # the sender reports why, and checks each draft itself
        decided = get_decisions(asked, workspace, notice, review, choice)
        if not agreed:
            out = sum(decision is DraftDecision.LEAVE_OUT for _, decision in decided)
            waiting = overview.notice_standing(workspace, notice).under_review
            _agree_to_drafts(asked, waiting, waiting - out, confirm)
            # A question may have taken a while.
            outcome.refuse_what_changed(workspace, overview.notice_standing(workspace, notice))
            agreed = True
        draft_review.decide(workspace, decided)
        draft_review.carry_out(workspace, notice)
        left = list(draft_review.edited_of(workspace, notice))
        if not left:
            return
        settled |= {(each.delivery.id, each.content.message_id) for each, _ in decided}
        if all((each.delivery.id, each.content.message_id) in settled for each in left):
            raise BadInput(
                f"{counted(len(left), 'edited draft')} could not be changed: another command may "
                "be working on them. Nothing more was sent. "
                f"Run postmortem resume {notice.id} again."
            )


def _agree_to_the_rest(
    asked: Asked,
    workspace: Workspace,
    notice: Notice,
    before: NoticeStanding,
    confirm: int | None,
    despite_bounces: bool,
) -> Notice:
    """Ask for the number of waiting customers after `--first`. Raises `BadInput`."""
    waiting = before.waiting
    if not despite_bounces:
        _look_for_bounces(asked, workspace)
    if confirm is None and asked.speaker.is_interactive:
        answer = asked.speaker.ask(
            f"Type {waiting} to send to the other {people(waiting)}: ",
            undone="Nothing more was sent.",
        )
        confirm = outcome.typed_number(answer)
    outcome.refuse_other_rest(before, confirm)
    outcome.refuse_what_changed(workspace, before)  # a question may have taken a while
    return left_out.let_the_rest_go(workspace, notice, despite_bounces=despite_bounces)


def _look_for_bounces(asked: Asked, workspace: Workspace) -> None:
    """Find the first mails' bounces if the sign-in may read mail, else say that nobody looked."""
    try:
        bounces.collect(workspace)
    except (faults.GoogleFault, NotSetUp) as fault:
        asked.speaker.warn(f"Bounces were not checked: {fault}")


def _settle_ledgers(
    asked: Asked,
    workspace: Workspace,
    notice: Notice,
    before: NoticeStanding,
    accepted: bool,
    states: list[DeliveryState],
    confirm: int | None,
) -> list[str]:
    """Check whether other ledgers emailed customers; returns what the person accepts.

    If they did, and the person wants to send anyway, the number is asked for. Raises `BadInput`.
    """
    counts = before.counts
    if not counts.pending and not states:
        return []
    found, agreed = output.settle_notice(asked, workspace, notice, accepted=accepted)
    if not found or notice.held or states:  # the number is asked for anyway
        return agreed
    if confirm is None and asked.speaker.is_interactive:
        answer = asked.speaker.ask(
            f"Type {counts.pending} to send to {people(counts.pending)}: ",
            undone="Nothing more was sent.",
        )
        confirm = outcome.typed_number(answer)
    outcome.refuse_other_pending(counts.pending, confirm)
    return agreed


def _watch(
    asked: Asked, workspace: Workspace, reference: str, watch: bool, until_idle: bool
) -> None:
    """Work on all unfinished notices, or on one until it is done."""
    if not watch:
        raise BadInput("--until-idle works only with --watch.")
    notice = send.notice_to_resume(workspace, reference) if reference else None
    lasting_jobs.work(asked, workspace, send.Orders(notice.id if notice else "", until_idle))


def _states(retry_failed: bool, resend_unknown: bool) -> list[DeliveryState]:
    """The states of deliveries that the person wants to send again."""
    asked_for = ((retry_failed, DeliveryState.FAILED), (resend_unknown, DeliveryState.UNKNOWN))
    return [state for wanted, state in asked_for if wanted]


def _discard(asked: Asked, workspace: Workspace, notice: Notice) -> None:
    """Withdraw rejected drafts, or unsent mails."""
    draft_review.give_back(workspace, notice)
    pending = overview.notice_standing(workspace, notice).counts.pending
    asked.speaker.next_after_interrupt = f"postmortem resume {notice.id} --discard"
    with lasting_jobs.watching(asked.speaker, total=pending) as watcher:
        withdrawn = draft_review.withdraw(workspace, notice, watcher)
    show_withdrawn(asked, withdrawn, overview.notice_standing(workspace, notice))


def _agree_to_drafts(asked: Asked, waiting: int, count: int, confirm: int | None) -> None:
    """Send reviewed drafts only after a person types their number.

    `count` of those `waiting` would be sent, and the others left out: either number is accepted.
    """

    if not count:
        return
    if confirm is None and asked.speaker.is_interactive:
        answer = asked.speaker.ask(
            f"Type {count} to send the drafts to {people(count)}: ", undone="Nothing more was sent."
        )
        confirm = outcome.typed_number(answer)
    outcome.refuse_other_drafts(waiting, count, confirm)


def _nothing_to_resume(asked: Asked, workspace: Workspace) -> None:
    for notice in send.with_extra_drafts(workspace):
        with lasting_jobs.watching(asked.speaker, total=notice.recipients) as watcher:
            cleared = send.clear_extra_drafts(workspace, notice, watcher)
        for warning in outcome.extra_drafts(cleared.standing, cleared.left):
            asked.speaker.warn(warning)
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
    *,
    waiting: int,
) -> None:
    """Name the customers to write to again, ask, and plan their mails again.

    `waiting` drafts of the same notice are included in the number.
    """
    standing = overview.notice_standing(workspace, notice)
    write_again = outcome.to_write_again(workspace, standing, states)
    for warning in write_again.warnings:
        asked.speaker.warn(warning)
    again = write_again.count
    total = again + waiting
    if not total:
        write_again.refuse_nobody()
        return
    output.show_shortfalls(asked.speaker.warn, standing, most=100)
    drafts = f" and {counted(waiting, 'draft')}" if waiting else ""
    if confirm is None and asked.speaker.is_interactive:
        answer = asked.speaker.ask(
            f"Type {total} to send to them again{drafts}: ", undone="Nothing more was sent."
        )
        confirm = outcome.typed_number(answer)
    outcome.refuse_other_again(again, waiting, confirm)
    outcome.refuse_what_changed(workspace, standing, states)  # a question may have taken a while
    send.plan_again(workspace, notice, states)
