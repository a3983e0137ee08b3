"""`attach`: put a file into the doc."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from workflow import same_command
from workflow.cli import output, session
from workflow.cli.app import Asked, command
from workflow.cli.terminal import REPEATED, Again, run_to_keep
from workflow.errors import BadInput
from workflow.incident import supporting_data

if TYPE_CHECKING:
    from workflow.workspace import Workspace


@command(
    "attach",
    epilog='Example: postmortem attach errors.csv --caption "Errors per minute"',
)
def attach(
    asked: Asked,
    source: Annotated[
        str,
        typer.Argument(
            metavar="FILE|URL",
            help="A file up to 20 MB, or the https address of a public picture.",
        ),
    ],
    caption: Annotated[str, typer.Option(help="Short caption of the file.")] = "",
    publish: Annotated[
        bool,
        typer.Option(
            "--publish",
            help="Make the picture public until the doc has copied it.",
        ),
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="With --publish: skip the question.")] = False,
    show_content: Annotated[
        bool,
        typer.Option(
            "--show-content", help="Show the file in the doc even if it contains email addresses."
        ),
    ] = False,
    again: Again = False,
) -> None:
    """Upload a file to Drive and link it in the doc. It stays private.

    A small CSV becomes a table, a short log or text is shown as it is. A file with email
    addresses, such as a customer list, is only linked. A picture is shown if its address is
    public, or with --publish.
    """
    is_address = source.lower().startswith(("https://", "http://"))
    if publish and is_address:
        raise typer.BadParameter("a web address is already public.", param_hint="--publish")
    if yes and not publish:
        raise typer.BadParameter("works only with --publish.", param_hint="--yes")
    workspace = session.open_workspace(asked)
    content = "" if is_address else supporting_data.fingerprint(Path(source))
    same_command.begin(workspace, "attach", [source, content, caption, publish, show_content])
    _, before = same_command.incident_and_earlier_run(workspace)
    earlier = run_to_keep(asked.speaker, workspace, before, again=again)
    if earlier is not None:
        attached = supporting_data.attached_by(workspace, earlier)
    elif is_address:
        attached = supporting_data.attach_address(workspace, source, caption)
    elif publish:
        supporting_data.publishable(Path(source))
        if not yes:
            _agree_to_publish(asked, source)
        attached = supporting_data.attach_published(workspace, Path(source), caption)
    else:
        link_alone = not show_content and _is_to_be_linked(asked, workspace, source)
        attached = supporting_data.attach(workspace, Path(source), caption, link_alone=link_alone)
    speaker, file = asked.speaker, attached.file
    if speaker.as_json:
        speaker.document(
            {
                "incident": attached.brought.incident.id,
                "file": file.id,
                "name": file.name,
                "caption": file.caption or None,
                "url": file.url or None,
                "shown": "picture" if attached.is_picture else "link",
                "public": attached.is_public,
                "synced": attached.brought.synced,
                **(REPEATED if earlier else {}),
            }
        )
    speaker.say(f"Attached {file.name}{', shown in the doc' if attached.is_picture else ''}.")
    if publish and attached.is_picture and not attached.is_public:
        speaker.say("The doc has its own copy; the link is private again.")
    if file.url:
        speaker.answer(file.url, "link")
    output.show_brought(speaker, attached.brought)
    output.raise_if_waiting(attached.brought)


def _is_to_be_linked(asked: Asked, workspace: Workspace, source: str) -> bool:
    """Whether to link a file without its content, because of the addresses in it."""
    path, speaker = Path(source), asked.speaker
    count = supporting_data.addresses_in(workspace, path)
    if not count:
        return False
    if speaker.is_interactive:
        speaker.warn(
            f"{supporting_data.holds(path.name, count)}. "
            "Everybody who can open the doc would see them."
        )
        answer = speaker.ask(
            "Type yes to show its content in the doc, or press Enter to add only a link: "
        )
        return answer.lower() != "yes"
    words = supporting_data.holds_words(path.name, count)
    speaker.warn(f"{words} To show its content, add --show-content")
    return True


def _agree_to_publish(asked: Asked, name: str) -> None:
    """Ask for agreement. Raises `BadInput` without it."""

    if not asked.speaker.is_interactive:
        raise BadInput(
            f"--publish lets anyone with the link see {name} without signing in. To confirm, add "
            f"--yes. Nothing was recorded."
        )
    asked.speaker.notice(
        f"Anyone with the link can see {name} without signing in until the doc has its own copy. "
        f"That takes some seconds, or until postmortem sync if Google can't be reached."
    )
    if asked.speaker.ask("Make it public? Type yes: ").lower() != "yes":
        raise BadInput(f"{name} was not made public. Nothing was recorded.")
