"""The command that writes to customers."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from workflow.cli.commands import Asked, command
from workflow.cli.help_page import MAIL
from workflow.cli.incident_commands import as_typed, variables
from workflow.cli.notice_outcome import exit_code, people, show_outcome

if TYPE_CHECKING:
    from workflow.flows.planning import Plan
    from workflow.flows.workspace import Workspace

_LARGEST_LIST_BYTES = 512 * 1024 * 1024


@command(
    "notify",
    panel=MAIL,
    epilog="Example: postmortem notify customers.csv --stage resolved, then the same with --test "
    "you@example.com, then with --send",
)
def notify(
    asked: Asked,
    recipients: Annotated[
        str,
        typer.Argument(
            metavar="LIST",
            help="CSV with an email column, a Google Sheet's address, or - for stdin.",
        ),
    ],
    template: Annotated[str, typer.Option(help="Another template: its name or path.")] = "",
    stage: Annotated[
        str, typer.Option(help="investigating, identified, update, monitoring, resolved, …")
    ] = "",
    subject: Annotated[str, typer.Option(help="Another subject line.")] = "",
    values: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="A value for the template. Repeatable."),
    ] = None,
    next_update: Annotated[
        str, typer.Option(metavar="WHEN", help="When the next word comes: 30m, 17:30.")
    ] = "",
    sender: Annotated[
        str, typer.Option("--from", metavar="ALIAS", help="Send as this address of yours.")
    ] = "",
    reply_to: Annotated[str, typer.Option(help="Where answers go.")] = "",
    attach: Annotated[
        list[str] | None, typer.Option(metavar="FILE", help="A file for every mail. Repeatable.")
    ] = None,
    column: Annotated[
        str, typer.Option(metavar="email=NAME", help="The list's column of addresses.")
    ] = "",
    skip_bad: Annotated[
        bool, typer.Option("--skip-bad", help="Leave bad rows out instead of stopping.")
    ] = False,
    preview: Annotated[
        bool, typer.Option("--preview", help="Look at every mail in the browser. Sends nothing.")
    ] = False,
    test: Annotated[
        str, typer.Option(metavar="ADDRESS", help="Send the first recipient's mail there alone.")
    ] = "",
    row: Annotated[
        int | None, typer.Option(help="With --test: the recipient in this row of the list.")
    ] = None,
    send: Annotated[bool, typer.Option("--send", help="Send to everybody on the list.")] = False,
    confirm: Annotated[
        int | None, typer.Option(metavar="N", help="With --send: how many it may be, unasked.")
    ] = None,
    group_by: Annotated[
        str,
        typer.Option(metavar="COLUMN", help="One mail for each value of this column, with rows."),
    ] = "",
    draft_only: Annotated[
        bool,
        typer.Option("--draft-only", help="With --send: leave drafts in Gmail; resume sends them."),
    ] = False,
    approve_by: Annotated[
        str, typer.Option(metavar="NAME", help="Who agreed to this plan; goes into the doc.")
    ] = "",
    transport: Annotated[
        str, typer.Option(metavar="WAY", help="gmail, or smtp-relay for more than Gmail carries.")
    ] = "",
    one_step: Annotated[
        bool,
        typer.Option("--one-step", help="Send without a draft (for the scope gmail.send alone)."),
    ] = False,
) -> None:
    """Write to the impacted customers: check and preview; with --test or --send, send.

    Each customer gets their own mail, exactly once, whatever happens on the way.
    """
    from workflow.cli.opening import open_workspace  # noqa: PLC0415
    from workflow.flows.faults import BadInput  # noqa: PLC0415
    from workflow.flows.planning import NotifyRequest, make_plan  # noqa: PLC0415
    from workflow.when import future_moment  # noqa: PLC0415

    workspace = open_workspace(asked)
    incident = workspace.incident()
    if test and send:
        raise BadInput("--test and --send are two steps: first the one, then the other.")
    if (confirm is not None and not send) or (row is not None and not test):
        raise BadInput("--confirm goes with --send, and --row with --test.")
    if preview and (test or send):
        raise BadInput("--preview sends nothing, so it goes with neither --test nor --send.")
    request = NotifyRequest(
        list_name="standard input" if recipients == "-" else Path(recipients).name,
        content=_read_list(workspace, recipients),
        template=template,
        stage=stage,
        subject=as_typed(subject),
        variables=variables(values),
        next_update=future_moment(next_update, now=workspace.now(), zone=incident.zone)
        if next_update
        else None,
        from_address=sender,
        reply_to=reply_to,
        attach=tuple(attach or ()),
        email_column=column.partition("=")[2] or column,
        group_by=group_by,
        skip_bad=skip_bad,
        one_step=one_step,
        draft_only=draft_only,
        approved_by=as_typed(approve_by),
        transport=transport,
    )
    plan = make_plan(workspace, request)
    if test:
        _send_test(asked, workspace, plan, test, row)
    elif send:
        _send(asked, workspace, plan, confirm)
    elif preview:
        _preview_in_browser(asked, workspace, plan)
    else:
        _preview(asked, workspace, plan)


def _read_list(workspace: Workspace, name: str) -> bytes:
    from workflow.flows.faults import BadInput  # noqa: PLC0415
    from workflow.flows.sheet import read_sheet, sheet_id  # noqa: PLC0415

    if name == "-":
        return sys.stdin.buffer.read(_LARGEST_LIST_BYTES)
    if sheet_id(name):
        return read_sheet(workspace, name)
    try:
        if Path(name).stat().st_size > _LARGEST_LIST_BYTES:
            raise BadInput(f"{name} is larger than 512 MB: that is no list of customers.")
        return Path(name).read_bytes()
    except OSError as fault:
        raise BadInput(f"The list {name} can't be read: {fault.strerror}.") from fault


def _preview(asked: Asked, workspace: Workspace, plan: Plan) -> None:
    from workflow.cli import preflight_sheet  # noqa: PLC0415
    from workflow.flows.notify import refuse_unsendable  # noqa: PLC0415

    with _plan_beside_refusal(asked, plan, "preview"):
        preflight_sheet.show(asked.speaker, workspace, plan)
        refuse_unsendable(plan)  # so that a script need not send to learn it
    if asked.speaker.as_json:
        asked.speaker.document(preflight_sheet.plan_json(plan))


@contextmanager
def _plan_beside_refusal(asked: Asked, plan: Plan, mode: str) -> Iterator[None]:
    """Where a plan is refused, let a script see the plan beside the sentence that says why."""
    from workflow.cli.ending import fault_json  # noqa: PLC0415
    from workflow.cli.faults import BAD_INPUT  # noqa: PLC0415
    from workflow.cli.preflight_sheet import plan_json  # noqa: PLC0415
    from workflow.flows.faults import BadInput  # noqa: PLC0415

    try:
        yield
    except BadInput as refused:
        if asked.speaker.as_json:
            asked.speaker.document(plan_json(plan, mode) | fault_json(str(refused), BAD_INPUT))
        raise


def _preview_in_browser(asked: Asked, workspace: Workspace, plan: Plan) -> None:
    from workflow.cli import preflight_sheet, preview_page  # noqa: PLC0415

    if asked.speaker.as_json:
        asked.speaker.document(preflight_sheet.plan_json(plan))
    preflight_sheet.show(asked.speaker, workspace, plan, with_mail=False)
    preview_page.serve(asked.speaker, workspace, plan)


def _send_test(
    asked: Asked, workspace: Workspace, plan: Plan, address: str, row: int | None
) -> None:
    from workflow.cli import preflight_sheet  # noqa: PLC0415
    from workflow.cli.progress import watching  # noqa: PLC0415
    from workflow.flows.notify import send_test  # noqa: PLC0415

    with watching(asked.speaker, total=1) as watcher:
        notified = send_test(workspace, plan, address, row, watcher)
    show_outcome(asked, notified, "test")
    if preflight_sheet.has_errors(plan):  # warnings were said by the preview
        preflight_sheet.show_findings(asked.speaker, plan)
    way = "the same command with --send instead of --test"
    asked.speaker.next_step(preflight_sheet.what_to_mend(plan) or way)


def _send(asked: Asked, workspace: Workspace, plan: Plan, confirm: int | None) -> None:
    from workflow.cli import preflight_sheet  # noqa: PLC0415
    from workflow.cli.progress import watching  # noqa: PLC0415
    from workflow.flows import notify as flow  # noqa: PLC0415
    from workflow.incident import MailTransport  # noqa: PLC0415

    with _plan_beside_refusal(asked, plan, "send"):
        flow.refuse_unsendable(plan)
    if not plan.new:
        _already_under_way(asked, workspace, plan)
        return
    if confirm is None:
        preflight_sheet.show(asked.speaker, workspace, plan, with_mail=False)
    else:
        preflight_sheet.show_findings(asked.speaker, plan)
    if plan.from_address and plan.transport is MailTransport.GMAIL:
        said = flow.check_alias(workspace, plan.from_address)
        if said:
            asked.speaker.warn(said)
    _agree(asked, plan, confirm)
    with watching(asked.speaker, total=plan.new) as watcher:
        notified = flow.send(workspace, plan, watcher)
    show_outcome(asked, notified, "send")


def _agree(asked: Asked, plan: Plan, confirm: int | None) -> None:
    """Get a person's agreement to the number of mails, or `--confirm`'s. Raises `BadInput`."""
    from workflow.flows.faults import BadInput  # noqa: PLC0415

    if confirm is None:
        if not asked.speaker.is_interactive:
            raise BadInput(
                f"Nothing was sent: this would write to {plan.new:,}. "
                f"Without a terminal to ask at, say so with --confirm {plan.new}."
            )
        answer = asked.speaker.ask(f"Type {plan.new} to write to {people(plan.new)}: ")
        confirm = int(answer.replace(",", "")) if answer.replace(",", "").isdecimal() else -1
    if confirm != plan.new:
        given = "" if confirm < 0 else f", not {confirm:,}"
        skipped = f" ({plan.skipped:,} have it already)" if plan.skipped else ""
        raise BadInput(f"Nothing was sent: this would write to {plan.new:,}{skipped}{given}.")


def _already_under_way(asked: Asked, workspace: Workspace, plan: Plan) -> None:
    """Everybody on the list has a mail with these words: say how it stands, send nothing."""
    from workflow.cli import preflight_sheet, showing  # noqa: PLC0415
    from workflow.flows.faults import BadInput  # noqa: PLC0415
    from workflow.flows.notify import notice_with_these_words  # noqa: PLC0415

    standing = notice_with_these_words(workspace, plan)
    if standing is None:
        with _plan_beside_refusal(asked, plan, "send"):
            raise BadInput("Nothing was sent: nobody on the list got a mail that is corrected.")
    speaker = asked.speaker
    if speaker.as_json:
        speaker.document(showing.notice_json(standing, "send"))
    preflight_sheet.show_left_out(speaker, plan)
    whether = "is in a notice with these words" if standing.counts.pending else "has these words"
    speaker.say(
        f"Nothing new was sent: everybody on the list {whether} already "
        f"(notice {standing.notice.id}: {showing.counts_text(standing)})."
    )
    if standing.counts.pending or not standing.copied_back:
        speaker.next_step(f"postmortem resume {standing.notice.id} finishes it")
    raise typer.Exit(exit_code(standing.counts.pending, len(standing.shortfalls)))
