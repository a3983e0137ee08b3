"""The command that tells colleagues."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from workflow.cli.commands import Asked, command
from workflow.cli.help_page import DAY
from workflow.cli.incident_commands import given_text

if TYPE_CHECKING:
    from workflow.ledger.announcements import Announcement


@command(
    "announce",
    panel=DAY,
    epilog='Example: postmortem announce "About 200 customers got wrong amounts since 9 AM"',
)
def announce(
    asked: Asked,
    text: Annotated[
        str | None,
        typer.Argument(
            help="What to add to the impact, status and link; - reads standard input.",
            show_default=False,
        ),
    ] = None,
    only: Annotated[
        list[str] | None,
        typer.Option("--to", metavar="CHANNEL", help="That channel alone. Repeatable."),
    ] = None,
    again: Annotated[
        str,
        typer.Option(
            metavar="CHANNEL",
            help="Tell that channel its last message once more, after asking.",
        ),
    ] = "",
    yes: Annotated[bool, typer.Option("--yes", help="With --again: do not ask.")] = False,
) -> None:
    """Tell colleagues who is hit, how bad it is and where the doc is; each channel once."""
    from workflow.cli import announcing  # noqa: PLC0415
    from workflow.cli.opening import open_workspace  # noqa: PLC0415
    from workflow.flows import announcing as flow  # noqa: PLC0415

    if again and (text or only):
        raise typer.BadParameter(
            "it repeats a channel's last message; for other words leave it out.",
            param_hint="--again",
        )
    if yes and not again:
        raise typer.BadParameter("it goes with --again.", param_hint="--yes")
    workspace = open_workspace(asked)
    if again:
        last = flow.last_told(workspace, again)
        if not yes:
            _agree(asked, last)
        announced = flow.tell_again(workspace, again)
    else:
        words = "" if text is None else given_text(text)
        announced = flow.announce(workspace, words, only=only or ())
    if asked.speaker.as_json:
        asked.speaker.document(announcing.announced_json(announced))
    announcing.show_announced(asked.speaker, announced)
    announcing.raise_if_untold([announced])


def _agree(asked: Asked, last: Announcement) -> None:
    """Ask before a channel reads the same twice. Raises `BadInput` for anything but a yes."""
    from workflow.flows.faults import BadInput  # noqa: PLC0415
    from workflow.incident import DeliveryState  # noqa: PLC0415

    known = {
        DeliveryState.SENT: f"{last.target} has this message already.",
        DeliveryState.UNKNOWN: f"Whether {last.target} has this message is not known.",
    }
    if last.state not in known:
        return
    if not asked.speaker.is_interactive:
        raise BadInput(f"Nobody was told. {known[last.state]} To tell it again, add --yes.")
    answer = asked.speaker.ask(f"{known[last.state]} Tell it again? [y/N] ")
    if answer.casefold() not in {"y", "yes"}:
        raise BadInput("Nobody was told.")
