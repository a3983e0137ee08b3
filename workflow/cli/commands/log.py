"""`log`: add to the timeline, or correct an entry."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from workflow import same_command
from workflow.cli import session, typed
from workflow.cli.app import Asked, command
from workflow.cli.terminal import Again, run_to_keep
from workflow.cli.typed import (
    At,
    DateOrderWord,
    Plain,
    as_typed,
    attached_if_long,
    given_text,
    moment,
    show_logged,
    show_recorded_before,
)
from workflow.incident import timeline

if TYPE_CHECKING:
    from workflow.workspace import Workspace


@command(
    "log",
    epilog='Example: postmortem log "Alerted colleagues in Slack" --at "2:43 PM" --by Ann',
)
def log(
    asked: Asked,
    text: Annotated[
        str | None,
        typer.Argument(
            help="What happened. - reads standard input: where its lines have times of their own "
            "(notes, a table, a chat's history, a log), each becomes an entry."
        ),
    ] = None,
    at: At = None,
    by: Annotated[str, typer.Option(metavar="NAME", help="Person who did or said it.")] = "",
    link: Annotated[str, typer.Option(metavar="URL", help="Link to more details.")] = "",
    slack: Annotated[
        str,
        typer.Option(metavar="LINK", help="Add a Slack message or thread by its link."),
    ] = "",
    before_start: Annotated[
        bool, typer.Option("--before-start", help="Allow a time before the incident started.")
    ] = False,
    dates: Annotated[
        DateOrderWord | None,
        typer.Option(
            help="Order of dates like 3/4/2026. Default: your locale.",
            show_default=False,
        ),
    ] = None,
    yes: Annotated[
        bool, typer.Option("--yes", help="Record pasted entries without asking.")
    ] = False,
    edit: Annotated[
        str,
        typer.Option(metavar="ID", help="Change the text of this entry; the record keeps both."),
    ] = "",
    strike: Annotated[
        str, typer.Option(metavar="ID", help="Strike this entry through; it stays visible.")
    ] = "",
    again: Again = False,
    plain: Plain = False,
) -> None:
    """Add an entry to the timeline, or correct one."""
    if edit or strike:
        _refuse_besides(edit, strike, [at, by, link, slack, before_start, again])
        _correct(asked, edit, strike, text, plain=plain)
        return
    if slack:
        _refuse_with_slack([text, at, link])
        workspace = session.open_workspace(asked)
        _log_slack(asked, workspace, slack, by, before_start=before_start, yes=yes, plain=plain)
        return
    if text is None:
        raise typer.BadParameter('say what happened: postmortem log "…"', param_hint="TEXT")
    workspace = session.open_workspace(asked)
    order = dates.order if dates else None
    said = [at, by, link, before_start, plain]
    if text == "-":
        # Report errors before anybody pastes.
        incident = workspace.incident()
        when = moment(workspace, at, incident.zone, asked.speaker, order)
        if asked.speaker.is_interactive:
            asked.speaker.notice("Paste or type the text, then press Enter and Ctrl-D.")
        words = given_text(text)
        same_command.begin(workspace, "log", [words, True, *said])
        before = same_command.earlier_run(workspace, incident.id)
    else:
        words = given_text(text)
        same_command.begin(workspace, "log", [words, False, *said])
        incident, before = same_command.incident_and_earlier_run(workspace)
        when = moment(workspace, at, incident.zone, asked.speaker, order)
    earliest = None if before_start else incident.started_at
    earlier = run_to_keep(asked.speaker, workspace, before, again=again)
    if earlier is not None:
        show_recorded_before(asked, workspace, earlier)
        return
    if text == "-":
        paste = typed.read(workspace, incident, words, when, order)
        if paste.entries:
            given = typed.Given(as_typed(by), link, earliest, yes, plain)
            typed.show_many_logged(asked, typed.log_paste(asked, workspace, paste, given))
            return
        if when is None:
            typed.agree_to_one_entry(asked.speaker, paste, agreed=yes)
    words = attached_if_long(asked.speaker, workspace, words)
    show_logged(
        asked,
        timeline.log(
            workspace,
            incident,
            words,
            at=when,
            by=as_typed(by),
            link=link,
            earliest=earliest,
            plain=plain,
        ),
    )


def _refuse_with_slack(others: list[object]) -> None:
    if any(others):
        raise typer.BadParameter(
            "text, time and link come from the Slack messages.", param_hint="--slack"
        )


def _log_slack(
    asked: Asked,
    workspace: Workspace,
    slack: str,
    by: str,
    *,
    before_start: bool,
    yes: bool,
    plain: bool,
) -> None:
    earliest = None if before_start else workspace.incident().started_at
    given = typed.Given(as_typed(by), "", earliest, yes, plain)
    typed.show_many_logged(asked, typed.log_slack(asked, workspace, slack, given))


def _refuse_besides(edit: str, strike: str, others: list[object]) -> None:
    if edit and strike:
        raise typer.BadParameter("use either --edit or --strike.", param_hint="--strike")
    if any(others):
        raise typer.BadParameter(
            "a correction changes only the text. To change time, author or link, strike the entry "
            "and log it again.",
            param_hint="--edit" if edit else "--strike",
        )


def _correct(asked: Asked, edit: str, strike: str, text: str | None, *, plain: bool) -> None:
    if (text is None) is bool(edit):
        needs = "needs the new text" if edit else "takes no text: log the correction as a new entry"
        raise typer.BadParameter(f"it {needs}.", param_hint="--edit" if edit else "--strike")
    workspace = session.open_workspace(asked)
    if text is None:
        show_logged(asked, timeline.strike(workspace, strike))
    else:
        show_logged(asked, timeline.reword(workspace, edit, given_text(text), plain=plain))
