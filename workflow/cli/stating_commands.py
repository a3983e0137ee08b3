"""The commands for what is often wrong at first: impact, severity."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from workflow.cli.commands import Asked, command
from workflow.cli.help_page import DAY
from workflow.cli.incident_commands import given_text, moment, warn_if_closed

if TYPE_CHECKING:
    from workflow.incident import Statement


Since = Annotated[
    str | None,
    typer.Option(
        "--at",
        metavar="WHEN",
        help="When it was known: 14:39, 2:39 PM, 5 minutes ago. Now if left out.",
        show_default=False,
    ),
]


@command(
    "impact",
    panel=DAY,
    epilog='Example: postmortem impact "about 340 customers, all in Germany"',
)
def impact(
    asked: Asked,
    text: Annotated[
        str | None,
        typer.Argument(
            help="Who is hit and how, as is known now. - reads standard input. Without it: what "
            "was said last, and when.",
            show_default=False,
        ),
    ] = None,
    at: Since = None,
) -> None:
    """Say anew who is hit and how: in the doc, in the timeline and in later mails."""
    from workflow.incident import Statement  # noqa: PLC0415

    _state_or_show(asked, Statement.IMPACT, text, at)


@command("severity", panel=DAY, epilog="Example: postmortem severity SEV1")
def severity(
    asked: Asked,
    text: Annotated[
        str | None,
        typer.Argument(
            help="SEV1, high, … in your team's words. - reads standard input. Without it: what "
            "was said last, and when.",
            show_default=False,
        ),
    ] = None,
    at: Since = None,
) -> None:
    """Say anew how bad it is: in the doc, in the timeline and in later mails."""
    from workflow.incident import Statement  # noqa: PLC0415

    _state_or_show(asked, Statement.SEVERITY, text, at)


def _state_or_show(asked: Asked, statement: Statement, text: str | None, at: str | None) -> None:
    if text is not None:
        _state(asked, statement, text, at)
        return
    if at is not None:
        raise typer.BadParameter("it goes with new words.", param_hint="--at")
    _show(asked, statement)


def _show(asked: Asked, statement: Statement) -> None:
    from workflow.cli.opening import open_workspace  # noqa: PLC0415
    from workflow.cli.showing import local_instant  # noqa: PLC0415
    from workflow.flows.stating import what_is_said  # noqa: PLC0415
    from workflow.incident import moment_text  # noqa: PLC0415

    said = what_is_said(open_workspace(asked), statement)
    speaker, incident = asked.speaker, said.incident
    if speaker.as_json:
        speaker.document(
            {
                "incident": incident.id,
                statement.value: said.value or None,
                "said_at": local_instant(said.said_at, incident) if said.value else None,
            }
        )
    elif said.value:
        speaker.answer(said.value)
        speaker.say(f"Said {moment_text(said.said_at, incident.zone)}", "faint")
    else:
        speaker.say(f'Nobody has said it yet: postmortem {statement.value} "…"')


def _state(asked: Asked, statement: Statement, text: str, at: str | None) -> None:
    from workflow.cli import showing  # noqa: PLC0415
    from workflow.cli.opening import open_workspace  # noqa: PLC0415
    from workflow.flows.stating import state  # noqa: PLC0415

    workspace = open_workspace(asked)
    zone = workspace.incident().zone
    stated = state(workspace, statement, given_text(text), at=moment(workspace, at, zone))
    speaker, entry, brought = asked.speaker, stated.entry, stated.brought
    if speaker.as_json:
        speaker.document(
            {
                "incident": brought.incident.id,
                statement.value: stated.value,
                "entry": showing.entry_json(brought.incident, entry) if entry else None,
                "synced": brought.synced,
            }
        )
    if entry is None:
        speaker.say(f"The {statement.value} is that already; the timeline has no new entry.")
    else:
        speaker.say(showing.entry_words(brought.incident, entry))
    warn_if_closed(speaker, brought.incident)
    showing.show_brought(speaker, brought)
    showing.raise_if_waiting(brought)
