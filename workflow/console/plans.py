"""Plans that wait for a second person: approved, refused, and then sent by their number."""

from __future__ import annotations

from collections.abc import Callable

from flask import Blueprint, Response, request

from workflow.console.desk import Line, Said, send_on_agreed
from workflow.console.messages import list_page
from workflow.console.pages import Failed, Form, about, attempt, desk, go_to
from workflow.doc.notices import refuse_given_away
from workflow.errors import BadInput
from workflow.notice import approval
from workflow.notice import send as sending
from workflow.notice.outcome import typed_number
from workflow.standing import other_ledgers
from workflow.workspace import Workspace

PlanAction = Callable[[Workspace, str, Form, list[str]], Said]


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


def _approve(workspace: Workspace, plan: str, _form: Form, _begun: list[str]) -> Said:
    return _decided(approval.decide(workspace, plan, approved=True), "Approved")


def _refuse(workspace: Workspace, plan: str, form: Form, _begun: list[str]) -> Said:
    reason = form.text("reason")
    if not reason:
        raise BadInput("Say why you refuse it, for the person who proposed it.")
    return _decided(approval.decide(workspace, plan, approved=False, reason=reason), "Refused")


def _decided(decided: approval.Decided, word: str) -> Said:
    words = f"{word}: plan {decided.plan_hash[:8]} of {decided.proposed_by}: {decided.subject}"
    brought = about(decided.brought) if decided.brought is not None else ()
    return Said((Line("good", words), *brought))


def _send(workspace: Workspace, reference: str, form: Form, begun: list[str]) -> Said:
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
    desk().senders.start(notice, send_on_agreed, command="notify")
    return Said()


_PLAN_ACTIONS: dict[str, tuple[PlanAction, str]] = {
    "approve": (_approve, "approve"),
    "refuse": (_refuse, "approve"),
    "send": (_send, "notify"),
}
