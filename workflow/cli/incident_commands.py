"""The commands of an incident's day: start, log, status, section."""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from workflow.cli.commands import Asked, command
from workflow.cli.help_page import DAY

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from workflow.cli.speaking import Speaker
    from workflow.flows.announcing import Announced
    from workflow.flows.log import Logged, LoggedMany
    from workflow.flows.workspace import Workspace
    from workflow.incident import Incident
    from workflow.pasted import PastedEntry


At = Annotated[
    str | None,
    typer.Option(
        "--at",
        metavar="WHEN",
        help="When it happened: 14:39, 2:39 PM, 2026-11-24 14:39, 5 minutes ago. Now if left out.",
        show_default=False,
    ),
]


class StatusWord(StrEnum):
    """The states of an incident, as they are typed."""

    INVESTIGATING = "investigating"
    IDENTIFIED = "identified"
    MONITORING = "monitoring"
    RESOLVED = "resolved"


def status_word(typed: str) -> StatusWord:
    """The state that a person types. Raises `BadParameter`, with the one that is near."""
    try:
        return StatusWord(typed)
    except ValueError:
        from difflib import get_close_matches  # noqa: PLC0415 - after a slip alone

        words = list(map(str, StatusWord))
        near = get_close_matches(typed.casefold(), words, n=1)
        meant = f" Did you mean {near[0]}?" if near else ""
        known = ", ".join(words)
        raise typer.BadParameter(f"'{typed}' is not one of {known}.{meant}") from None


@command(
    "start",
    panel=DAY,
    epilog='Example: postmortem start "Wrong amounts on invoices" --impact "about 200 customers" '
    "--at '2:39 PM' --share support@example.com",
)
def start(
    asked: Asked,
    title: Annotated[str, typer.Argument(help="What went wrong, in a few words.")],
    impact: Annotated[str, typer.Option(help="Who is hit and how, as far as is known.")] = "",
    severity: Annotated[str, typer.Option(help="SEV2, high, … in your team's words.")] = "",
    at: At = None,
    share: Annotated[
        list[str] | None,
        typer.Option(
            metavar="WHO[:role]",
            help="A person, group:address or domain; roles reader, commenter, writer. Repeatable.",
        ),
    ] = None,
    template: Annotated[
        str,
        typer.Option(
            metavar="NAME|PATH|URL",
            help="Another template: its name, its path, or the address of a Google Doc, "
            "which is copied.",
        ),
    ] = "",
    values: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="A value for the templates. Repeatable."),
    ] = None,
    announce: Annotated[
        bool, typer.Option("--announce", help="Tell colleagues at once; see announce.")
    ] = False,
) -> None:
    """Create the shared Google Doc from the postmortem template and make it current."""
    from workflow.cli import showing  # noqa: PLC0415
    from workflow.cli.opening import open_workspace  # noqa: PLC0415
    from workflow.flows import start as flow  # noqa: PLC0415

    workspace = open_workspace(asked)
    request = flow.StartRequest(
        title=as_typed(title),
        impact=as_typed(impact),
        severity=as_typed(severity),
        at=moment(workspace, at, workspace.settings.zone),
        shares=tuple(share or ()),
        template=template,
        variables=variables(values),
    )
    if announce:
        _see_channels(workspace)
    _ask_about_twin(asked.speaker, flow.twin_of(workspace, request.title))
    brought = flow.start(workspace, request)
    announced = _announce(workspace, brought.incident) if announce else None
    speaker = asked.speaker
    if speaker.as_json:
        told = _told_json(announced) if announced else {}
        speaker.document(showing.started_json(brought) | told)
    elif brought.incident.doc_url:
        speaker.say(f"Started: {brought.incident.title}", "strong")
        speaker.say(f"Incident {brought.incident.id}")
        speaker.answer(brought.incident.doc_url, "link")
        for each in brought.shared:
            if each.state == "done":
                speaker.say(f"Shared with {each.who} ({each.role})")
    showing.show_brought(speaker, brought)
    if announced:
        _show_announced(asked, announced)
    showing.raise_if_waiting(brought)
    speaker.next_step('postmortem log "what happened"')


def _see_channels(workspace: Workspace) -> None:
    from workflow.flows.announcing import channels_to_tell  # noqa: PLC0415

    channels_to_tell(workspace)


def _announce(workspace: Workspace, incident: Incident) -> Announced:
    from workflow.flows.announcing import announce  # noqa: PLC0415

    workspace.incident_reference = incident.id
    return announce(workspace)


def _told_json(announced: Announced) -> dict[str, object]:
    from workflow.cli.announcing import announced_json  # noqa: PLC0415

    return {"channels": announced_json(announced)["channels"]}


def _show_announced(asked: Asked, announced: Announced) -> None:
    from workflow.cli import announcing  # noqa: PLC0415

    announcing.show_announced(asked.speaker, announced)
    announcing.raise_if_untold([announced])


def _ask_about_twin(speaker: Speaker, twin: Incident | None) -> None:
    """Ask whether a second incident of one title is meant, or say so where nobody can be asked."""
    from workflow.flows.faults import BadInput  # noqa: PLC0415

    if twin is None:
        return
    speaker.warn(
        f"“{twin.title[:60]}” was started minutes ago already: incident {twin.id}. "
        f"To go on with that one: postmortem --incident {twin.id} log …"
    )
    if speaker.is_interactive and speaker.ask("Start another? Type yes: ").lower() != "yes":
        raise BadInput("Nothing was started.")


@command(
    "log",
    panel=DAY,
    epilog='Example: postmortem log "Alerted colleagues in Slack" --at "2:43 PM" --by Ann',
)
def log(
    asked: Asked,
    text: Annotated[
        str | None,
        typer.Argument(
            help="What happened. - reads standard input: where its lines have times of their own "
            "(14:39 text, [2:43 PM] Ann: text, a chat's history), each becomes an entry."
        ),
    ] = None,
    at: At = None,
    by: Annotated[str, typer.Option(metavar="NAME", help="Who did or said it.")] = "",
    link: Annotated[str, typer.Option(metavar="URL", help="Where more is to be seen.")] = "",
    before_start: Annotated[
        bool, typer.Option("--before-start", help="It did happen before the incident's start.")
    ] = False,
    edit: Annotated[
        str, typer.Option(metavar="ID", help="Give that entry other words; the record keeps both.")
    ] = "",
    strike: Annotated[
        str, typer.Option(metavar="ID", help="Strike that entry through; it is never removed.")
    ] = "",
) -> None:
    """Append an entry to the timeline, or correct one."""
    from workflow.cli.opening import open_workspace  # noqa: PLC0415
    from workflow.flows import log as flow  # noqa: PLC0415

    if edit or strike:
        _refuse_besides(edit, strike, [at, by, link, before_start])
        _correct(asked, edit, strike, text)
        return
    if text is None:
        raise typer.BadParameter('say what happened: postmortem log "…"', param_hint="TEXT")
    workspace = open_workspace(asked)
    incident = workspace.incident()
    when = moment(workspace, at, incident.zone)
    earliest = None if before_start else incident.started_at
    words = given_text(text)
    pasted = _pasted(workspace, incident, words, when) if text == "-" else []
    if pasted:
        logged = flow.log_pasted(workspace, pasted, by=as_typed(by), link=link, earliest=earliest)
        _show_pasted(asked, logged)
        return
    _show_logged(
        asked,
        flow.log(workspace, words, at=when, by=as_typed(by), link=link, earliest=earliest),
    )


def _refuse_besides(edit: str, strike: str, others: list[object]) -> None:
    if edit and strike:
        raise typer.BadParameter("give either --edit or --strike.", param_hint="--strike")
    if any(others):
        raise typer.BadParameter(
            "a correction changes the words alone. For another time, author or link, strike the "
            "entry and log it anew.",
            param_hint="--edit" if edit else "--strike",
        )


def _correct(asked: Asked, edit: str, strike: str, text: str | None) -> None:
    from workflow.cli.opening import open_workspace  # noqa: PLC0415
    from workflow.flows import correcting  # noqa: PLC0415

    if (text is None) is bool(edit):
        needs = (
            "needs the new words" if edit else "takes no words: log what is right as a new entry"
        )
        raise typer.BadParameter(f"it {needs}.", param_hint="--edit" if edit else "--strike")
    workspace = open_workspace(asked)
    if text is None:
        _show_logged(asked, correcting.strike(workspace, strike))
    else:
        _show_logged(asked, correcting.reword(workspace, edit, given_text(text)))


def _pasted(
    workspace: Workspace, incident: Incident, text: str, first: datetime | None
) -> list[PastedEntry]:
    from workflow.pasted import read_pasted  # noqa: PLC0415

    return read_pasted(text, now=workspace.now(), zone=incident.zone, first=first)


def _show_pasted(asked: Asked, logged: LoggedMany) -> None:
    from workflow.cli import showing  # noqa: PLC0415
    from workflow.flows.log import Logged  # noqa: PLC0415

    if len(logged.entries) == 1:
        _show_logged(asked, Logged(logged.entries[0], logged.brought))
        return
    if asked.speaker.as_json:
        asked.speaker.document(showing.logged_many_json(logged))
    for entry in logged.entries:
        asked.speaker.say(showing.entry_words(logged.brought.incident, entry))
    asked.speaker.say(f"{len(logged.entries)} entries.", "good")
    showing.show_brought(asked.speaker, logged.brought)
    showing.raise_if_waiting(logged.brought)


@command(
    "status", panel=DAY, epilog='Example: postmortem status identified "A config value was wrong"'
)
def status(
    asked: Asked,
    state: Annotated[
        StatusWord,
        typer.Argument(
            parser=status_word,
            metavar="STATE",
            autocompletion=lambda: list(map(str, StatusWord)),
            help="How it stands now: investigating, identified, monitoring or resolved.",
        ),
    ],
    note: Annotated[str, typer.Argument(help="A few words on it.", show_default=False)] = "",
    at: At = None,
) -> None:
    """Set the incident's status in the doc, and log it."""
    from workflow.cli.opening import open_workspace  # noqa: PLC0415
    from workflow.flows import log as flow  # noqa: PLC0415
    from workflow.incident import Status  # noqa: PLC0415

    workspace = open_workspace(asked)
    incident = workspace.incident()
    logged = flow.set_status(
        workspace,
        Status(state.value),
        as_typed(note),
        at=moment(workspace, at, incident.zone),
    )
    _show_logged(asked, logged)


def _show_logged(asked: Asked, logged: Logged) -> None:
    from workflow.cli import showing  # noqa: PLC0415

    speaker = asked.speaker
    if speaker.as_json:
        speaker.document(showing.logged_json(logged))
    incident, entry = logged.brought.incident, logged.entry
    speaker.say(showing.entry_words(incident, entry))
    warn_if_closed(speaker, incident)
    showing.show_brought(speaker, logged.brought)
    showing.raise_if_waiting(logged.brought)


@command(
    "section",
    panel=DAY,
    epilog='Example: postmortem section root-cause "A stale price list was loaded"',
)
def section(
    asked: Asked,
    name: Annotated[str, typer.Argument(help="Its name, or the beginning of it.")],
    text: Annotated[
        str | None,
        typer.Argument(help="Its text; - reads standard input; none opens $EDITOR."),
    ] = None,
) -> None:
    """Fill a section of the doc, after whatever stands there already."""
    from workflow.cli import showing  # noqa: PLC0415
    from workflow.cli.editor import written_in_editor  # noqa: PLC0415
    from workflow.cli.opening import open_workspace  # noqa: PLC0415
    from workflow.flows import section as flow  # noqa: PLC0415

    workspace, speaker = open_workspace(asked), asked.speaker
    found = flow.find_section(workspace, workspace.incident(), name)
    source: AbstractContextManager[str]
    if text is not None:
        source = nullcontext(given_text(text))
    else:
        folder = workspace.settings.profile_folder / "unfinished"
        source = written_in_editor(found.title, folder, speaker.warn)
    with source as written:
        brought = flow.fill_section(workspace, found.key, written)
    if speaker.as_json:
        speaker.document(
            {
                "incident": brought.incident.id,
                "section": found.key,
                "text": written,
                "synced": brought.synced,
            }
        )
    speaker.say(f"Added to {found.title}.")
    showing.show_brought(speaker, brought)
    showing.raise_if_waiting(brought)


def warn_if_closed(speaker: Speaker, incident: Incident) -> None:
    """Say it where something was said of an incident that is closed: perhaps another is meant."""
    if incident.closed_at is not None:
        speaker.warn(
            f"This went to “{incident.title[:60]}”, which is closed. "
            "Another incident: --incident ID, or postmortem start"
        )


def moment(workspace: Workspace, text: str | None, zone: ZoneInfo) -> datetime | None:
    """The past moment that a person typed, or None for now."""
    from workflow.when import past_moment  # noqa: PLC0415

    return None if text is None else past_moment(text, now=workspace.now(), zone=zone)


def as_typed(text: str) -> str:
    """What was typed, with bytes that are no text shown as U+FFFD."""
    return text.encode("utf-8", "replace").decode("utf-8")


def given_text(text: str) -> str:
    """The argument itself, or standard input for `-`."""
    if text != "-":
        return as_typed(text)
    return sys.stdin.buffer.read().decode("utf-8-sig", "replace")


def variables(pairs: list[str] | None) -> dict[str, str]:
    """`KEY=VALUE` pairs. Raises `BadInput`."""
    from workflow.flows.faults import BadInput  # noqa: PLC0415

    found: dict[str, str] = {}
    for pair in pairs or ():
        key, equals, value = pair.partition("=")
        name = key.strip().replace("-", "_")
        if not equals or not name.isidentifier():
            raise BadInput(f'--set {pair}: write it like --set cause="a stale price list".')
        found[name] = as_typed(value)
    return found
