"""The command that forgets a customer: forget."""

from __future__ import annotations

from typing import Annotated

import typer

from workflow import errors
from workflow.cli import output, session
from workflow.cli.app import Asked, command
from workflow.mail.list_columns import typed_address
from workflow.model import counted
from workflow.notice import send
from workflow.record import one_customer


@command("forget", epilog="Example: postmortem forget ann@example.com")
def forget(
    asked: Asked,
    address: Annotated[str, typer.Argument(help="The customer's address.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Remove a customer's name, emails and files from the ledger. Cannot be undone.

    A keyed hash of the address stays, so that nobody is written to twice.
    """
    workspace, speaker = session.open_workspace(asked), asked.speaker
    typed_address(address)  # a slip is named before the question
    if not yes:
        if not speaker.is_interactive:
            raise errors.BadInput(
                "Nothing was changed. Forgetting can't be undone. To confirm, add --yes."
            )
        answer = speaker.ask(f"Forget {address}? This can't be undone. [y/N] ")
        if answer.casefold() not in {"y", "yes"}:
            raise errors.BadInput("Nothing was changed.")
    send.clear_all_extra_drafts(workspace)  # afterwards nobody would know them
    done = one_customer.forget(workspace, address)
    emptied = done.emptied
    if speaker.as_json:
        speaker.document(
            {
                "email": done.email,
                "mails": emptied.mails,
                "files": emptied.files,
                "rows": emptied.rows,
                "texts": emptied.texts,
                "plans_withdrawn": list(done.plans),
                "suppressed": done.is_suppressed,
                "not_reached": list(done.unreached),
            }
        )
    parts = [
        counted(emptied.mails, "email", "emails"),
        counted(emptied.files, "attachment", "attachments"),
        counted(emptied.rows, "row of a list", "rows of lists"),
        counted(emptied.texts, "text that named them", "texts that named them"),
    ]
    speaker.say(f"Forgotten: {done.email}. Removed from the ledger: {', '.join(parts)}.")
    if done.is_suppressed:
        speaker.say("No notice goes to this address, as before.")
    for plan in done.plans:
        speaker.warn(f"Plan {plan} was withdrawn: it would have written to them.")
    speaker.say("Not reached; look there yourself:")
    for words in done.unreached:
        speaker.say(f"  - {words}")
    for brought in done.brought:
        output.show_brought(speaker, brought)
    for brought in done.brought:
        output.raise_if_waiting(brought)
