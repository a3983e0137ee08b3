"""`section`: fill a section of the doc."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Annotated

import typer

from workflow import same_command
from workflow.cli import output, session
from workflow.cli.app import Asked, command
from workflow.cli.command_table import complete_section
from workflow.cli.terminal import REPEATED, Again, run_to_keep, written_in_editor
from workflow.cli.typed import Plain, attached_if_long, given_text
from workflow.doc import push
from workflow.incident import facts


@command(
    "section",
    epilog='Example: postmortem section root-cause "A stale price list was loaded"',
)
def section(
    asked: Asked,
    name: Annotated[
        str,
        typer.Argument(help="Section name, or its beginning.", autocompletion=complete_section),
    ],
    text: Annotated[
        str | None,
        typer.Argument(
            help="Text to add; - reads standard input. Without text: opens your editor."
        ),
    ] = None,
    again: Again = False,
    plain: Plain = False,
) -> None:
    """Add text to a section of the doc. Existing text stays.

    Markdown becomes part of the doc: lists, check boxes, tables, links, code, bold and italic.
    """
    workspace, speaker = session.open_workspace(asked), asked.speaker
    incident = workspace.incident()
    found = facts.find_section(workspace, incident, name)
    source: AbstractContextManager[str]
    if text is not None:
        source = nullcontext(given_text(text))
    else:
        folder = workspace.settings.profile_folder / "unfinished"
        source = written_in_editor(found.title, folder, speaker.warn)
    with source as written:
        same_command.begin(workspace, "section", [found.key, written, plain])
        before = same_command.earlier_run(workspace, incident.id)
        earlier = run_to_keep(speaker, workspace, before, again=again)
        if earlier is None:
            words = attached_if_long(speaker, workspace, written)
            brought = facts.fill_section(workspace, found.key, words, plain=plain)
        else:
            brought = push.bring_to_doc(workspace, incident.id)
    if speaker.as_json:
        speaker.document(
            {
                "incident": brought.incident.id,
                "section": found.key,
                "text": written,
                "synced": brought.synced,
                **(REPEATED if earlier else {}),
            }
        )
    speaker.say(f"{'It is in' if earlier else 'Added to'} {found.title}.")
    output.show_brought(speaker, brought)
    output.raise_if_waiting(brought)
