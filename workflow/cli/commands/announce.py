"""`announce`: tell colleagues in chat."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from workflow import model, same_command
from workflow.announce import announcements
from workflow.cli import output, session
from workflow.cli.app import Asked, command
from workflow.cli.terminal import run_to_finish
from workflow.cli.typed import given_text
from workflow.errors import BadInput

if TYPE_CHECKING:
    from workflow.ledger.announcements import Announcement


@command(
    "announce",
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
        typer.Option("--to", metavar="CHANNEL", help="Only this channel. Repeatable."),
    ] = None,
    again: Annotated[
        str,
        typer.Option(
            metavar="CHANNEL",
            help="Send that channel its last message again, after asking.",
        ),
    ] = "",
    yes: Annotated[bool, typer.Option("--yes", help="With --again: skip the question.")] = False,
) -> None:
    """Tell colleagues in chat: who is affected, how severe, and the doc's link. Once per
    channel."""
    if again and (text or only):
        raise typer.BadParameter(
            "repeats a channel's last message. For new text, leave --again out.",
            param_hint="--again",
        )
    if yes and not again:
        raise typer.BadParameter("works only with --again.", param_hint="--yes")
    workspace = session.open_workspace(asked)
    if again:
        last = announcements.last_told(workspace, again)
        if not yes:
            _agree(asked, last)
        announced = announcements.tell_again(workspace, again)
    else:
        words = "" if text is None else given_text(text)
        same_command.begin(workspace, "announce", [words, only])
        earlier = run_to_finish(asked.speaker, workspace, workspace.incident().id)
        if earlier is None:
            announced = announcements.announce(workspace, words, only=only or ())
        else:
            announced = announcements.announced_by(workspace, earlier)
    if asked.speaker.as_json:
        asked.speaker.document(output.announced_json(announced))
    output.show_announced(asked.speaker, announced)
    output.raise_if_untold([announced])


def _agree(asked: Asked, last: Announcement) -> None:
    """Ask before a channel gets the same message twice. Raises `BadInput` unless yes."""
    known = {
        model.DeliveryState.SENT: f"{last.target} has this message already.",
        model.DeliveryState.UNKNOWN: f"It is unknown whether {last.target} has this message.",
    }
    if last.state not in known:
        return
    if not asked.speaker.is_interactive:
        raise BadInput(f"Nobody was told. {known[last.state]} To send it again, add --yes.")
    answer = asked.speaker.ask(
        f"{known[last.state]} Send it again? [y/N] ", undone="Nothing more was announced."
    )
    if answer.casefold() not in {"y", "yes"}:
        raise BadInput("Nobody was told.")
