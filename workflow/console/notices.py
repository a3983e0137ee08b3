"""A notice's page with every decision that it needs, and plans that wait for approval."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from flask import Blueprint, Response, request
from werkzeug.datastructures import MultiDict

from workflow.bounces import collect
from workflow.console.messages import list_page
from workflow.console.pages import (
    ChangeResult,
    Desk,
    Failed,
    Form,
    ResultLine,
    about,
    attempt,
    desk,
    events,
    fingerprint,
    go_to,
    page,
    send_on,
    send_on_agreed,
    take_back,
)
from workflow.doc.notices import refuse_given_away
from workflow.errors import BadInput
from workflow.google.faults import GoogleFault
from workflow.ledger import bounces, incidents
from workflow.ledger.notices import Notice
from workflow.mail.content import changed_lines
from workflow.model import DeliveryState, DraftDecision
from workflow.notice import approval, draft_review, outcome
from workflow.notice import send as sending
from workflow.notice.draft_review import EditedDraft
from workflow.notice.left_out import let_the_rest_go
from workflow.notice.outcome import steps_for_shortfalls, typed_number
from workflow.standing import other_ledgers
from workflow.standing.overview import counts_text, notice_standing
from workflow.workspace import Workspace

# --- A notice -------------------------------------------------------------------------------------

_DECISION = "decision-"
_DECISIONS = {
    "as-edited": DraftDecision.AS_EDITED,
    "restore": DraftDecision.RESTORE,
    "leave-out": DraftDecision.LEAVE_OUT,
}
Action = Callable[[Workspace, Notice, Form], ChangeResult]


def notice_pages() -> Blueprint:
    """A notice by its id, its live part, and its actions."""
    pages = Blueprint("notices", __name__, url_prefix="/notice/<notice>")

    @pages.get("/")
    def show(notice: str) -> Response:
        return _show(notice)

    @pages.get("/live")
    def live(notice: str) -> Response:
        return _show(notice, template="part_notice")

    @pages.get("/events")
    def changes(notice: str) -> Response:
        with desk().workspace() as workspace:
            incident_id = _notice(workspace, notice).incident_id
        return events(desk(), incident_id, _state_of(desk(), incident_id, notice))

    for name, action in _ACTIONS.items():
        pages.add_url_rule(f"/{name}", name, _changing(name, action), methods=["POST"])

    return pages


def _show(
    reference: str,
    failed: Failed | None = None,
    typed: MultiDict[str, str] | None = None,
    *,
    template: str = "notice",
) -> Response:
    with desk().workspace() as workspace:
        notice = _notice(workspace, reference)
        seen = _state_of(desk(), notice.incident_id, notice.id)(workspace)
        standing = notice_standing(workspace, notice)
        with workspace.ledger.read() as connection:
            incident = incidents.incident_by_id(connection, notice.incident_id)
            replies = [
                each
                for each in bounces.replies_of(connection, incident.id)
                if each.notice_id == notice.id
            ]
        edited = list(draft_review.edited_of(workspace, notice))
    senders = desk().senders
    return page(
        template,
        422 if failed else 200,
        notice=notice,
        seen=seen,
        standing=standing,
        incident=incident,
        edited=edited,
        replies=replies,
        changed_lines=changed_lines,
        decisions=list(_DECISIONS),
        counts_text=counts_text(standing),
        at_work=senders.is_at_work(notice.id),
        last_words=senders.said(notice.id),
        steps=list(steps_for_shortfalls(standing)),
        failed=failed,
        typed=typed or {},
        here="incident",
    )


def _state_of(of: Desk, incident_id: str, notice_id: str) -> Callable[[Workspace], str]:
    """The state behind a notice's page: the ledger, and whether this console is sending."""

    def state(workspace: Workspace) -> str:
        at_work = "sending" if of.senders.is_at_work(notice_id) else ""
        return f"{fingerprint(workspace, incident_id)}{at_work}"

    return state


def _changing(name: str, action: Action) -> Callable[[str], Response]:
    def change(notice: str) -> Response:
        command = "bounces" if name == "bounces" else "resume"
        with desk().workspace("", command) as workspace:
            found = _notice(workspace, notice)
            workspace.incident_reference = found.incident_id
            done = attempt(name, lambda: action(workspace, found, Form()))
        if isinstance(done, Failed):
            return _show(notice, done, request.form)
        return go_to("notices.show", done, notice=found.id)

    return change


def _notice(workspace: Workspace, reference: str) -> Notice:
    found = sending.notice_to_resume(workspace, reference)
    if found is None:
        raise BadInput(f"There is no notice {reference!r}.")
    return found


def _go_on(workspace: Workspace, notice: Notice, form: Form) -> ChangeResult:
    """Send an interrupted notice, or one that waits for the person's number."""
    before = notice_standing(workspace, notice)
    outcome.refuse_what_changed(workspace, before)
    new, agreed = outcome.settle_notice(workspace, notice, accepted=form.has("not_in_this_ledger"))
    number = outcome.typed_number(form.text("number"))
    _decide(workspace, notice, form, number if notice.held else None)
    if notice.held:
        sending.release(workspace, notice, form.text("approved_by"))
    elif before.waiting and before.waiting == before.counts.pending:
        outcome.refuse_other_rest(before, number)
        let_the_rest_go(workspace, notice, despite_bounces=form.has("despite_bounces"))
    elif new:
        outcome.refuse_other_pending(before.counts.pending, number)
    sending.go_on_despite(workspace, notice, agreed)
    desk().senders.start(notice, send_on)
    return ChangeResult()


def _decide(workspace: Workspace, notice: Notice, form: Form, number: int | None) -> None:
    """Check older drafts; carry out decisions about edited ones.

    Raises `BadInput` if one is edited and nobody decided about its current text. `number` is what
    the person typed for drafts under review.
    """
    try:
        review = draft_review.look(workspace, notice)
    except GoogleFault:
        if notice.held:
            raise
        return  # the sender reports why, and checks each draft itself
    decided = [(each, _decision(each, form)) for each in review.edited]
    if number is not None:
        out = sum(decision is DraftDecision.LEAVE_OUT for _, decision in decided)
        waiting = notice_standing(workspace, notice).under_review
        outcome.refuse_other_drafts(waiting, waiting - out, number)
    draft_review.decide(workspace, decided)
    draft_review.carry_out(workspace, notice)


def _decision(edited: EditedDraft, form: Form) -> DraftDecision:
    """The decision about a draft, for exactly the content that was shown."""
    chosen = form.text(f"{_DECISION}{edited.delivery.id}-{edited.content.message_id}")
    if chosen in _DECISIONS:
        return _DECISIONS[chosen]
    if edited.content.decision is not DraftDecision.OPEN:
        return edited.content.decision
    raise BadInput(
        f"Nothing was sent: the draft for {edited.delivery.email} was edited in Gmail. Look at "
        "what it says now, and decide."
    )


def _look_at_drafts(workspace: Workspace, notice: Notice, _form: Form) -> ChangeResult:
    review = draft_review.look(workspace, notice)
    count = len(review.edited)
    words = "1 draft was" if count == 1 else f"{count:,} drafts were"
    lines = [ResultLine("warning", f"{words} edited in Gmail.")] if count else []
    lines += [
        ResultLine(
            "warning",
            f"Row {each.row}  {each.email}: the draft is not in Gmail any more. Somebody sent or "
            "deleted it.",
        )
        for each in review.gone
    ]
    return ChangeResult(tuple(lines) or (ResultLine("good", "No draft was edited."),))


def _again(state: DeliveryState) -> Action:
    def write_again(workspace: Workspace, notice: Notice, form: Form) -> ChangeResult:
        """Write again to customers in this state, after their number was typed."""
        states = [state]
        _, agreed = outcome.settle_notice(
            workspace, notice, accepted=form.has("not_in_this_ledger")
        )
        standing = notice_standing(workspace, notice)
        write_again = outcome.to_write_again(workspace, standing, states)
        if not write_again.count:
            write_again.refuse_nobody()
            raise BadInput("Nothing was sent again: no mail needs it any more.")
        outcome.refuse_what_changed(workspace, standing, states)
        outcome.refuse_other_again(write_again.count, 0, outcome.typed_number(form.text("number")))
        sending.plan_again(workspace, notice, states)
        sending.go_on_despite(workspace, notice, agreed)
        desk().senders.start(notice, send_on)
        return ChangeResult(tuple(ResultLine("warning", words) for words in write_again.warnings))

    return write_again


def _pause(_workspace: Workspace, notice: Notice, _form: Form) -> ChangeResult:
    desk().senders.pause(notice.id)
    words = "Paused. Everything so far is recorded; nothing is sent until somebody goes on."
    return ChangeResult((ResultLine("plain", words),))


def _withdraw(workspace: Workspace, notice: Notice, form: Form) -> ChangeResult:
    pending = notice_standing(workspace, notice).counts.pending
    if outcome.typed_number(form.text("number")) != pending:
        raise BadInput(
            f"Nothing was withdrawn: {pending} would be. Type {pending} to withdraw them."
        )
    draft_review.give_back(workspace, notice)
    desk().senders.start(notice, take_back)
    return ChangeResult()


def _bounces(workspace: Workspace, _notice: Notice, _form: Form) -> ChangeResult:
    returned = collect(workspace)
    replies = "1 reply" if returned.new_replies == 1 else f"{returned.new_replies} replies"
    words = f"New in the mailbox of {returned.mailbox}: {returned.new_bounces} bounced, {replies}"
    warnings = [*returned.unclear, *returned.waiting]
    lines = [ResultLine("good", words), *(ResultLine("warning", each) for each in warnings)]
    return ChangeResult(
        (*lines, *(about(returned.brought) if returned.brought is not None else ()))
    )


_ACTIONS: dict[str, Action] = {
    "go-on": _go_on,
    "pause": _pause,
    "drafts": _look_at_drafts,
    "retry-failed": _again(DeliveryState.FAILED),
    "resend-unknown": _again(DeliveryState.UNKNOWN),
    "withdraw": _withdraw,
    "bounces": _bounces,
}


# --- A plan that waits ----------------------------------------------------------------------------

PlanAction = Callable[[Workspace, str, Form, list[str]], ChangeResult]


def plan_pages() -> Blueprint:
    """The actions on a plan, by its hash."""
    pages = Blueprint("plans", __name__, url_prefix="/incident/<ref>/plan/<plan>")
    for name, (action, command) in _PLAN_ACTIONS.items():
        view = _changing_plan(name, action, command)
        pages.add_url_rule(f"/{name}", name, view, methods=["POST"])
    return pages


def _changing_plan(name: str, action: PlanAction, command: str) -> Callable[[str, str], Response]:
    def change(ref: str, plan: str) -> Response:
        begun: list[str] = []
        with desk().workspace(ref, command) as workspace:
            done = attempt(f"{name}-{plan}", lambda: action(workspace, plan, Form(), begun))
        if begun:
            return go_to("notices.show", notice=begun[0])
        if isinstance(done, Failed):
            return list_page(ref, done, request.form)
        return go_to("messages.who", done, ref=ref)

    return change


def _approve(workspace: Workspace, plan: str, _form: Form, _begun: list[str]) -> ChangeResult:
    return _decided(approval.decide(workspace, plan, approved=True))


def _refuse(workspace: Workspace, plan: str, form: Form, _begun: list[str]) -> ChangeResult:
    reason = form.text("reason")
    if not reason:
        raise BadInput("Say why you refuse it, for the person who proposed it.")
    return _decided(approval.decide(workspace, plan, approved=False, reason=reason))


def _decided(decided: approval.Decided) -> ChangeResult:
    word = decided.state.value.capitalize()
    words = f"{word}: plan {decided.plan_hash[:8]} of {decided.proposed_by}: {decided.subject}"
    brought = about(decided.brought) if decided.brought is not None else ()
    return ChangeResult((ResultLine("good", words), *brought))


def _send(workspace: Workspace, reference: str, form: Form, begun: list[str]) -> ChangeResult:
    """Send exactly the approved plan, after its number was typed."""
    proposal, plan = approval.approved_plan(workspace, reference)
    sending.refuse_unsendable(plan)
    sending.refuse_while_others_wait(plan)
    refuse_given_away(workspace, plan.incident)
    _, agreed = other_ledgers.settle(
        workspace, plan.incident, accepted=form.has("not_in_this_ledger")
    )
    sending.refuse_other_number(plan, typed_number(form.text("number")))
    notice = sending.agree(workspace, plan, agreed, proposal)
    begun.append(notice.id)
    desk().senders.start(notice, partial(send_on_agreed, proposal=proposal), command="notify")
    return ChangeResult()


_PLAN_ACTIONS: dict[str, tuple[PlanAction, str]] = {
    "approve": (_approve, "approve"),
    "refuse": (_refuse, "approve"),
    "send": (_send, "notify"),
}
