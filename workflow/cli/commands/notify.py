"""`notify`: email the affected customers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from workflow import model
from workflow.announce import announcements
from workflow.cli import lasting_jobs, notice_lines, output, session, terminal
from workflow.cli.app import Asked, command
from workflow.cli.command_table import complete_mail_template, complete_stage
from workflow.cli.notice_lines import agree_despite_comments, exit_code, show_outcome
from workflow.cli.typed import as_typed, variables
from workflow.errors import BAD_INPUT, BadInput, NotSetUp
from workflow.google.faults import GoogleFault
from workflow.incident import facts
from workflow.model import people
from workflow.notice import approval, list_source, outcome, send
from workflow.notice import plan as plans
from workflow.standing import overview

if TYPE_CHECKING:
    from workflow.ledger.plans import Proposal
    from workflow.model import Incident
    from workflow.notice.plan import Plan
    from workflow.workspace import Workspace


@command(
    "notify",
    epilog="Example: postmortem notify customers.csv --stage resolved\n"
    "postmortem notify customers.csv --stage resolved --test you@example.com\n"
    "postmortem notify customers.csv --stage resolved --send",
)
def notify(
    asked: Asked,
    recipients: Annotated[
        str,
        typer.Argument(
            metavar="LIST",
            help="CSV, .xlsx or .ods with an email column, a Google Sheet's address, sql:FILE, "
            "or - for stdin. With --plan it may be left out.",
            show_default=False,
        ),
    ] = "",
    template: Annotated[
        str,
        typer.Option(help="Template to use: name or path.", autocompletion=complete_mail_template),
    ] = "",
    stage: Annotated[
        str,
        typer.Option(
            help="investigating, identified, update, monitoring, resolved, …",
            autocompletion=complete_stage,
        ),
    ] = "",
    subject: Annotated[str, typer.Option(help="Subject line.")] = "",
    values: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Value for the template. Repeatable."),
    ] = None,
    next_update: Annotated[
        str, typer.Option(metavar="WHEN", help="Time of the next update: 30m, 17:30.")
    ] = "",
    sender: Annotated[
        str, typer.Option("--from", metavar="ALIAS", help="Sender address (one of your aliases).")
    ] = "",
    reply_to: Annotated[str, typer.Option(help="Reply-to address.")] = "",
    attach: Annotated[
        list[str] | None,
        typer.Option(metavar="FILE", help="File to attach to every mail. Repeatable."),
    ] = None,
    attach_column: Annotated[
        str,
        typer.Option(metavar="COLUMN", help="Attach each row's own file, named in this column."),
    ] = "",
    column: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=HEADER",
            help="Column to use for email, name or another variable. Repeatable.",
        ),
    ] = None,
    sheet: Annotated[
        str, typer.Option(metavar="NAME", help="Sheet of a workbook or Google Sheet.")
    ] = "",
    encoding: Annotated[
        str, typer.Option(metavar="NAME", help="Encoding of the list, such as cp1250.")
    ] = "",
    skip_bad: Annotated[
        bool, typer.Option("--skip-bad", help="Leave bad rows out instead of stopping.")
    ] = False,
    preview: Annotated[
        bool, typer.Option("--preview", help="Show every mail in the browser. Sends nothing.")
    ] = False,
    test: Annotated[
        str,
        typer.Option(
            metavar="ADDRESS", help="Send only the first recipient's mail, to this address."
        ),
    ] = "",
    row: Annotated[
        int | None, typer.Option(help="With --test: use the recipient in this row.")
    ] = None,
    send: Annotated[bool, typer.Option("--send", help="Send to everybody on the list.")] = False,
    propose: Annotated[
        bool,
        typer.Option("--propose", help="Freeze the plan for a second person to approve."),
    ] = False,
    plan_out: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="With --propose: write the plan there too.", show_default=False
        ),
    ] = None,
    approved: Annotated[
        str,
        typer.Option(
            "--plan", metavar="PLAN", help="With --send: the approved plan, by hash or file."
        ),
    ] = "",
    first: Annotated[
        int | None,
        typer.Option(metavar="N", min=1, help="With --send: send to the first N, then wait."),
    ] = None,
    confirm: Annotated[
        int | None,
        typer.Option(
            metavar="N", help="Skip the question if exactly N people would be written to."
        ),
    ] = None,
    group_by: Annotated[
        str,
        typer.Option(
            metavar="COLUMN", help="Send each contact all rows with the same value in this column."
        ),
    ] = "",
    draft_only: Annotated[
        bool,
        typer.Option(
            "--draft-only", help="With --send: create drafts in Gmail; resume sends them."
        ),
    ] = False,
    approve_by: Annotated[
        str, typer.Option(metavar="NAME", help="Name of the approver; goes into the doc.")
    ] = "",
    transport: Annotated[
        str, typer.Option(metavar="WAY", help="gmail, or smtp-relay for large lists.")
    ] = "",
    not_in_this_ledger: Annotated[
        bool,
        typer.Option(
            "--not-in-this-ledger",
            help="With --send: send although another ledger emailed customers.",
        ),
    ] = False,
    one_step: Annotated[
        bool,
        typer.Option("--one-step", help="Send without drafts (for the scope gmail.send)."),
    ] = False,
    only_new: Annotated[
        bool,
        typer.Option("--only-new", help="Leave out customers who already got this stage."),
    ] = False,
    again: Annotated[
        bool,
        typer.Option(
            "--again", help="With --confirm: send also to customers who already got this stage."
        ),
    ] = False,
    despite: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NOTICE",
            help="Send although this notice is unfinished for the same customers. Repeatable.",
        ),
    ] = None,
) -> None:
    """Email the affected customers. Checks and previews first; sends with --test or --send.

    Each customer gets their own mail, exactly once, even if the send is interrupted.
    """
    workspace = session.open_workspace(asked)
    _refuse_of_plans(propose, bool(send or test or preview), approved, send, plan_out)
    _refuse_contradictions(test, send, preview, only_new, again)
    _refuse_without_send(confirm, first, row, not_in_this_ledger, send=send, test=test)
    if approved and not recipients:
        how = _HowToSend(first or 0, draft_only, confirm, not_in_this_ledger)
        _send_approved(asked, workspace, approved, how)
        return
    if not recipients:
        raise BadInput("Name the list of customers: postmortem notify customers.csv")
    incident = workspace.incident()
    _settle_customer_words(asked, workspace, incident)
    fetched = list_source.fetch_list(workspace, recipients, sheet)
    columns = _columns(column)
    request = plans.NotifyRequest(
        list_name=fetched.name,
        content=fetched.content,
        list_notes=fetched.notes,
        unformatted=fetched.unformatted,
        template=template,
        stage=stage,
        subject=as_typed(subject),
        variables=variables(values),
        next_update=terminal.future_moment(
            asked.speaker, next_update, now=workspace.now(), zone=incident.zone
        )
        if next_update
        else None,
        from_address=sender,
        reply_to=reply_to,
        attach=tuple(attach or ()),
        attach_column=attach_column,
        first=first or 0,
        folder=fetched.folder,
        email_column=columns.pop("email", ""),
        columns=columns,
        encoding=encoding,
        group_by=group_by,
        skip_bad=skip_bad,
        one_step=one_step,
        draft_only=draft_only,
        approved_by=as_typed(approve_by),
        transport=transport,
        only_new=only_new,
        again=again,
        despite=tuple(despite or ()),
    )
    plan = plans.make_plan(workspace, request)
    if test:
        _send_test(asked, workspace, plan, test, row)
    elif send:
        proposal = _approved_as(workspace, approved, plan) if approved else None
        _send(asked, workspace, plan, confirm, not_in_this_ledger, proposal)
    elif propose:
        _propose(asked, workspace, plan, plan_out)
    elif preview:
        _preview_in_browser(asked, workspace, plan)
    else:
        _preview(asked, workspace, plan)


def _settle_customer_words(asked: Asked, workspace: Workspace, incident: Incident) -> None:
    """Before the first notice, ask for the customers' text; the internal text is proposed."""
    if not asked.speaker.is_interactive:
        return
    given = {"title": "", "impact": ""}
    for name, internal in send.words_to_settle(workspace, incident).items():
        asked.speaker.say(f"Customers read this {name}: {internal}")
        question = f"Press Enter to keep it, or type the {name} for customers: "
        given[name] = as_typed(asked.speaker.ask(question, undone="Nothing was sent.")) or internal
    facts.settle(workspace, incident, title=given["title"], impact=given["impact"])


def _refuse_of_plans(
    propose: bool, does_more: bool, approved: str, send: bool, plan_out: Path | None
) -> None:
    """Raise `BadInput` for contradictory options about a plan."""
    if propose and does_more:
        raise BadInput("--propose sends nothing. Leave out --send, --test and --preview.")
    if plan_out is not None and not propose:
        raise BadInput("--plan-out works only with --propose.")
    if approved and not send:
        raise BadInput("--plan works only with --send.")


def _refuse_contradictions(
    test: str, send: bool, preview: bool, only_new: bool, again: bool
) -> None:
    """Raise `BadInput` for contradictory options."""
    if test and send:
        raise BadInput("--test and --send are two steps: run --test first, then --send.")
    if only_new and again:
        raise BadInput("--only-new and --again contradict each other. Leave one out.")
    if preview and (test or send):
        raise BadInput("--preview sends nothing. Leave out --test and --send.")


def _refuse_without_send(
    confirm: int | None,
    first: int | None,
    row: int | None,
    not_in_this_ledger: bool,
    *,
    send: bool,
    test: str,
) -> None:
    """Raise `BadInput` for options that need `--send` or `--test`."""
    if confirm is not None and not send:
        raise BadInput("--confirm works only with --send.")
    if row is not None and not test:
        raise BadInput("--row works only with --test.")
    if not_in_this_ledger and not send:
        raise BadInput("--not-in-this-ledger works only with --send.")
    if first is not None and not send:
        raise BadInput("--first works only with --send.")


def _columns(pairs: list[str] | None) -> dict[str, str]:
    """`NAME=HEADER` pairs by variable; a bare header is the address column."""

    found: dict[str, str] = {}
    for pair in pairs or ():
        name, equals, header = pair.partition("=")
        name, header = (name.strip().lower(), header.strip()) if equals else ("email", pair.strip())
        if not name.isidentifier() or (name == "email" and not header):
            raise BadInput(f'--column {pair}: write it like --column email="Work email".')
        if name in found:
            raise BadInput(f"--column gives {name} twice. Give one column for it.")
        found[name] = header
    return found


def _preview(asked: Asked, workspace: Workspace, plan: Plan) -> None:
    with _plan_beside_refusal(asked, plan, "preview"):
        output.glance_at_ledgers(asked, workspace, plan.incident)
        notice_lines.show(asked.speaker, workspace, plan)
        with suppress(GoogleFault):  # a preview needs no network
            _check_alias(asked, workspace, plan)
        send.refuse_unsendable(plan)  # so that a script needn't send to see the error
    if asked.speaker.as_json:
        asked.speaker.document(notice_lines.plan_json(plan))


def _check_alias(asked: Asked, workspace: Workspace, plan: Plan) -> None:
    """Refuse a sender that Gmail would replace; warn if that can't be known."""
    if plan.from_address and plan.transport is model.MailTransport.GMAIL:
        said = send.check_alias(workspace, plan.from_address)
        if said:
            asked.speaker.warn(said)


@contextmanager
def _plan_beside_refusal(asked: Asked, plan: Plan, mode: str) -> Iterator[None]:
    """For a refused plan, give scripts the plan together with the error."""
    try:
        yield
    except BadInput as refused:
        if asked.speaker.as_json:
            asked.speaker.document(
                notice_lines.plan_json(plan, mode) | terminal.fault_json(str(refused), BAD_INPUT)
            )
        raise


def _preview_in_browser(asked: Asked, workspace: Workspace, plan: Plan) -> None:
    if asked.speaker.as_json:
        asked.speaker.document(notice_lines.plan_json(plan))
    notice_lines.show(asked.speaker, workspace, plan, with_mail=False)
    lasting_jobs.serve_preview(asked.speaker, workspace, plan)


def _send_test(
    asked: Asked, workspace: Workspace, plan: Plan, address: str, row: int | None
) -> None:
    with lasting_jobs.watching(asked.speaker, total=1) as watcher:
        notified = send.send_test(workspace, plan, address, row, watcher)
    show_outcome(asked, notified, "test")
    if outcome.has_errors(plan):  # the preview has shown the warnings
        notice_lines.show_findings(asked.speaker, plan)
    way = "the same command with --send instead of --test"
    blocked = outcome.blocking_notices(plan)
    asked.speaker.next_step(outcome.what_to_mend(plan) or blocked or way)


def _send(
    asked: Asked,
    workspace: Workspace,
    plan: Plan,
    confirm: int | None,
    not_in_this_ledger: bool,
    proposal: Proposal | None = None,
) -> None:
    with _plan_beside_refusal(asked, plan, "send"):
        send.refuse_unsendable(plan)
        send.refuse_while_others_wait(plan)
    if not plan.new:
        _already_under_way(asked, workspace, plan)
        return
    with _plan_beside_refusal(asked, plan, "send"):
        agreed = output.settle_ledgers(asked, workspace, plan.incident, accepted=not_in_this_ledger)
    if proposal is None:
        with _plan_beside_refusal(asked, plan, "send"):
            approval.refuse_without_approval(workspace, plan)
    else:
        comments = approval.comments_on(workspace, proposal.plan_hash)
        agree_despite_comments(asked.speaker, comments, does="Send", undone="Nothing was sent.")
    if proposal is not None and confirm is None:
        confirm = plan.new  # the approved plan's id already identifies plan and number
    if confirm is None:
        notice_lines.show(asked.speaker, workspace, plan, with_mail=False)
    else:
        notice_lines.show_findings(asked.speaker, plan)
    _check_alias(asked, workspace, plan)
    if proposal is None or confirm != plan.new:
        _agree(asked, plan, confirm)
    asked.speaker.next_after_interrupt = "postmortem resume"
    with lasting_jobs.watching(asked.speaker, total=plan.new) as watcher:
        notified = send.send(workspace, plan, watcher, agreed, proposal)
    show_outcome(asked, notified, "send")


@dataclass(frozen=True)
class _HowToSend:
    """What the sender of an approved plan decides: when its mails leave, and nothing in them."""

    first: int
    draft_only: bool
    confirm: int | None
    not_in_this_ledger: bool


# The options of `_HowToSend`, and those that lead to it.
_BESIDE_A_PLAN = frozenset(
    {"--send", "--plan", "--first", "--draft-only", "--confirm", "--not-in-this-ledger"}
)


def _send_approved(asked: Asked, workspace: Workspace, reference: str, how: _HowToSend) -> None:
    """Send exactly the plan that a second person has approved.

    Raises `BadInput` for options that would change what was approved.
    """
    if others := [name for name in asked.given if name not in _BESIDE_A_PLAN]:
        raise BadInput(
            f"Nothing was sent: {', '.join(others)} would change what was approved. Leave it out, "
            "or propose another plan."
        )
    wanted = workspace.incident().id if workspace.incident_reference else ""
    proposal, plan = approval.approved_plan(workspace, reference)
    if wanted not in {"", plan.incident.id}:
        raise BadInput(
            f"Nothing was sent: plan {proposal.short} is of another incident, "
            f"“{plan.incident.title}”. Leave --incident out."
        )
    if how.draft_only:
        plans.refuse_drafts_by(plan.transport)
    draft_only = how.draft_only or plan.request.draft_only
    request = replace(plan.request, first=how.first, draft_only=draft_only)
    plan = replace(plan, request=request)
    _send(asked, workspace, plan, how.confirm, how.not_in_this_ledger, proposal)


def _approved_as(workspace: Workspace, reference: str, plan: Plan) -> Proposal:
    """The approved plan, if this plan is equal to it."""
    proposal = approval.approved_proposal(workspace, reference)
    approval.refuse_other(proposal, plan)
    return proposal


def _propose(asked: Asked, workspace: Workspace, plan: Plan, plan_out: Path | None) -> None:
    """Freeze the plan, show it in the doc, and tell colleagues that it waits for approval."""
    with _plan_beside_refusal(asked, plan, "propose"):
        send.refuse_unsendable(plan)
        send.refuse_while_others_wait(plan)
        send.refuse_silent_repeat(plan)
        _check_alias(asked, workspace, plan)
        proposal = approval.propose(workspace, plan, plan_out)
    notice_lines.show(asked.speaker, workspace, plan, with_mail=False)
    if asked.speaker.as_json:
        found = {"plan": proposal.plan_hash, "plan_state": proposal.state.value}
        file = {"plan_file": str(plan_out)} if plan_out else {}
        asked.speaker.document(notice_lines.plan_json(plan, "propose") | found | file)
    asked.speaker.say(f"Proposed as plan {proposal.short}. Nothing was sent.", "good")
    brought = approval.bring(workspace, proposal)
    output.show_brought(asked.speaker, brought)
    _tell_colleagues(asked, workspace, plan, proposal)
    who = f"somebody else reads it ({brought.incident.doc_url or 'the doc'})"
    asked.speaker.next_step(f"{who} and runs: postmortem approve {plan_out or proposal.short}")
    output.raise_if_waiting(brought)


def _tell_colleagues(asked: Asked, workspace: Workspace, plan: Plan, proposal: Proposal) -> None:
    """Tell the colleagues' channels, if any, that a plan waits for approval."""
    if not workspace.settings.config.announce:
        return
    words = (
        f"Please read the response that {proposal.proposed_by} proposes to {people(plan.new)}. "
        f"To approve it: postmortem approve {proposal.short}"
    )
    try:
        announced = announcements.announce(workspace, words)
    except (BadInput, NotSetUp) as fault:
        asked.speaker.warn(f"Colleagues were not told: {fault}")
        return
    output.show_announced(asked.speaker, announced)


def _agree(asked: Asked, plan: Plan, confirm: int | None) -> None:
    """Get a person's agreement to the number of mails, or `--confirm`'s. Raises `BadInput`.

    A number that a person types below the sheet agrees to everything on it. One on the command line
    may have been typed before the list grew, so it doesn't agree to writing to somebody again.
    """
    if confirm is not None or not asked.speaker.is_interactive:
        send.refuse_silent_repeat(plan)
    if confirm is None:
        if not asked.speaker.is_interactive:
            raise BadInput(
                f"Nothing was sent: this would send to {plan.new:,}. To confirm, add --confirm "
                f"{plan.new}."
            )
        answer = asked.speaker.ask(f"{send.question(plan)}: ", undone="Nothing was sent.")
        confirm = outcome.typed_number(answer)
    send.refuse_other_number(plan, confirm)


def _already_under_way(asked: Asked, workspace: Workspace, plan: Plan) -> None:
    """Everybody on the list already has this text: show the state, send nothing."""
    standing = send.notice_with_these_words(workspace, plan)
    if plan.request.only_new and plan.count.had_stage:
        asked.speaker.say(
            f"Nothing new was sent: everybody on the list already got the “{plan.stage}” notice."
        )
        if asked.speaker.as_json:
            asked.speaker.document(notice_lines.plan_json(plan, "send"))
        return
    if standing is None:
        with _plan_beside_refusal(asked, plan, "send"):
            raise BadInput("Nothing was sent: nobody on the list got the mail that this corrects.")
    speaker = asked.speaker
    if speaker.as_json:
        speaker.document(output.notice_json(standing, "send"))
    notice_lines.show_left_out(speaker, plan)
    whether = (
        "is already in a notice with this text"
        if standing.counts.pending
        else "already has this text"
    )
    code = exit_code(standing.counts.pending, len(standing.shortfalls))
    # An exit code other than 0 is explained with --quiet, too.
    tell = speaker.warn if code and speaker.loudness < 0 else speaker.say
    tell(
        f"Nothing new was sent: everybody on the list {whether} (notice {standing.notice.id}: "
        f"{overview.counts_text(standing)})."
    )
    if standing.counts.pending or not standing.copied_back:
        speaker.next_step(f"postmortem resume {standing.notice.id} finishes it")
    raise typer.Exit(code)
