"""`doc recreate`, `doc adopt`: for a lost or replaced doc."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from workflow.cli import output, session
from workflow.cli.app import Asked, CommandsInFull, app, command
from workflow.doc import recovery

if TYPE_CHECKING:
    from workflow.doc.recovery import Recovered

doc = typer.Typer(
    no_args_is_help=True,
    cls=CommandsInFull,
    rich_markup_mode=None,
    help="Recreate a lost doc, or use a copy instead.",
)
app.add_typer(doc, name="doc")

NotInThisLedger = Annotated[
    bool,
    typer.Option(
        "--not-in-this-ledger",
        help="Use another doc although this ledger was restored and may lack mails.",
    ),
]


@command("recreate", group=doc, epilog="Example: postmortem doc recreate")
def recreate(asked: Asked, not_in_this_ledger: NotInThisLedger = False) -> None:
    """Create the doc again from the ledger and share it again. For a deleted doc.

    Edits that people made in the lost doc are not in the ledger and can't be restored.
    """
    recovered = recovery.recreate(session.open_workspace(asked), is_complete=not_in_this_ledger)
    _show(asked, recovered, "Created a new doc from the ledger:")


@command(
    "adopt",
    group=doc,
    epilog="Example: postmortem doc adopt https://docs.google.com/document/d/…/edit",
)
def adopt(
    asked: Asked,
    url: Annotated[str, typer.Argument(metavar="URL", help="Address of the doc to use.")],
    not_in_this_ledger: NotInThisLedger = False,
) -> None:
    """Use a copy or a restored doc as the incident's doc. Missing entries are added.

    If the doc is in your trash, it is restored.
    """
    recovered = recovery.adopt(session.open_workspace(asked), url, is_complete=not_in_this_ledger)
    words = "Taken out of the trash:" if recovered.was_restored else "The incident's doc is now:"
    _show(asked, recovered, words)


def _show(asked: Asked, recovered: Recovered, words: str) -> None:
    speaker, brought = asked.speaker, recovered.brought
    if speaker.as_json:
        started = output.started_json(brought)
        speaker.document({**started, "before": recovered.before or None})
    if brought.incident.doc_url:
        speaker.say(words, "good")
        speaker.answer(brought.incident.doc_url, "link")
    output.show_brought(speaker, brought)
    output.raise_if_waiting(brought)
    if recovered.before and recovered.before != brought.incident.doc_url:
        speaker.say(
            f"It replaces {recovered.before}. Tell colleagues who joined with that address."
        )
