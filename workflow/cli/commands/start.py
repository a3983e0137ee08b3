"""`start`: create the incident and its shared doc."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from workflow import model, same_command
from workflow.announce import announcements
from workflow.cli import output, session
from workflow.cli.app import Asked, command
from workflow.cli.command_table import complete_doc_template
from workflow.cli.terminal import REPEATED, Again, run_to_finish, run_to_keep
from workflow.cli.typed import At, as_typed, moment, variables
from workflow.errors import BadInput
from workflow.incident import lifecycle as flow

if TYPE_CHECKING:
    from workflow.announce.announcements import Announced
    from workflow.cli.terminal import Speaker
    from workflow.ledger.changes import Run
    from workflow.model import Incident
    from workflow.workspace import Workspace

_ANOTHER, _NONE_STARTED = "Start another? Type yes: ", "Nothing was started."


@command(
    "start",
    epilog='Example: postmortem start "Wrong amounts on invoices" --impact "about 200 customers" '
    "--at '2:39 PM' --share support@example.com",
)
def start(
    asked: Asked,
    title: Annotated[
        str, typer.Argument(help="Title: what went wrong, in a few words for colleagues.")
    ],
    impact: Annotated[str, typer.Option(help="Who is affected and how, for colleagues.")] = "",
    customer_title: Annotated[
        str,
        typer.Option(metavar="TEXT", help="The title that customers read in mails."),
    ] = "",
    customer_impact: Annotated[
        str,
        typer.Option(metavar="TEXT", help="The impact that customers read in mails."),
    ] = "",
    severity: Annotated[str, typer.Option(help="SEV2, high, … in your team's words.")] = "",
    at: At = None,
    share: Annotated[
        list[str] | None,
        typer.Option(
            metavar="WHO[:role]",
            help="Email address, group:ADDRESS or domain, with :reader, :commenter or :writer. "
            "Repeatable.",
        ),
    ] = None,
    template: Annotated[
        str,
        typer.Option(
            metavar="NAME|PATH|URL",
            help="Template: name, path, or address of a Google Doc to copy.",
            autocompletion=complete_doc_template,
        ),
    ] = "",
    values: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Value for the templates. Repeatable."),
    ] = None,
    announce: Annotated[
        bool, typer.Option("--announce", help="Also tell colleagues in chat (see announce).")
    ] = False,
    again: Again = False,
) -> None:
    """Create the shared Google Doc from a template and make it the current incident.

    Colleagues read the title and --impact. Customers read --customer-title and --customer-impact:
    before the first mail, notify asks for those that are missing.
    """
    workspace = session.open_workspace(asked)
    request = flow.StartRequest(
        title=as_typed(title),
        impact=as_typed(impact),
        customer_title=as_typed(customer_title),
        customer_impact=as_typed(customer_impact),
        severity=as_typed(severity),
        at=moment(workspace, at, workspace.settings.zone, asked.speaker),
        shares=tuple(share or ()),
        template=template,
        variables=variables(values),
    )
    if announce:
        _see_channels(workspace)
    same_command.begin(
        workspace,
        "start",
        [
            *(title, impact, severity, at, share, template, values, announce),
            *((customer_title, customer_impact) if customer_title or customer_impact else ()),
        ],
    )
    speaker = asked.speaker
    earlier = _start_to_keep(speaker, workspace, again=again)
    if earlier is not None:
        brought = flow.started_by(workspace, earlier)
    else:
        if not again:
            _ask_about_twin(speaker, flow.twin_of(workspace, request.title))
        brought = flow.start(workspace, request)
    announced = _announce(workspace, brought.incident, earlier) if announce else None
    if speaker.as_json:
        told = _told_json(announced) if announced else {}
        repeated = REPEATED if earlier else {}
        speaker.document(output.started_json(brought) | told | repeated)
    else:
        speaker.say(f"Started: {brought.incident.title}", "strong")
        speaker.say(f"Incident {brought.incident.id}")
        speaker.say(f"Began {_began_words(brought.incident)}")
        if brought.incident.doc_url:
            speaker.answer(brought.incident.doc_url, "link")
        for each in brought.shared:
            if each.state == "done":
                speaker.say(f"Shared with {each.who} ({each.role})")
    output.show_brought(speaker, brought)
    if announced:
        _show_announced(asked, announced)
    output.raise_if_waiting(brought)
    speaker.next_step('postmortem log "what happened"')


def _began_words(incident: Incident) -> str:
    """When it began, with the time zone that was understood."""
    return f"{model.moment_text(incident.started_at, incident.zone)} ({incident.time_zone})"


def _see_channels(workspace: Workspace) -> None:
    announcements.channels_to_tell(workspace)


def _start_to_keep(speaker: Speaker, workspace: Workspace, *, again: bool) -> Run | None:
    """The start that this one repeats. `_ask_about_twin` asks about a finished one."""
    if speaker.is_interactive and not again:
        return run_to_finish(speaker, workspace)
    return run_to_keep(speaker, workspace, same_command.earlier_run(workspace), again=again)


def _announce(workspace: Workspace, incident: Incident, earlier: Run | None) -> Announced:
    if earlier is not None and "announcements" in earlier.made:
        return announcements.announced_by(workspace, earlier)
    workspace.incident_reference = incident.id
    return announcements.announce(workspace)


def _told_json(announced: Announced) -> dict[str, object]:
    return {"channels": output.announced_json(announced)["channels"]}


def _show_announced(asked: Asked, announced: Announced) -> None:
    output.show_announced(asked.speaker, announced)
    output.raise_if_untold([announced])


def _ask_about_twin(speaker: Speaker, twin: Incident | None) -> None:
    """Ask about a second incident with the same title, or refuse if nobody can be asked."""

    if twin is None:
        return
    speaker.warn(
        f"“{twin.title[:60]}” was already started minutes ago: incident {twin.id}. To continue "
        f"with it: postmortem --incident {twin.id} log …"
    )
    if speaker.is_interactive and speaker.ask(_ANOTHER, undone=_NONE_STARTED).lower() != "yes":
        raise BadInput(_NONE_STARTED)
