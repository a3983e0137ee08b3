"""`suppress`: never send notices to an address."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from workflow.cli import session
from workflow.cli.app import Asked, command
from workflow.cli.typed import as_typed
from workflow.errors import BadInput
from workflow.notice import left_out

if TYPE_CHECKING:
    from workflow.ledger.customers import Suppression


@command(
    "suppress",
    epilog='Example: postmortem suppress ann@example.com --why "asked for no mails"',
)
def suppress(
    asked: Asked,
    address: Annotated[
        str, typer.Argument(help="Address to leave out. Without one: list all.")
    ] = "",
    why: Annotated[str, typer.Option(metavar="TEXT", help="Reason, shown on the sheet.")] = "",
    remove: Annotated[bool, typer.Option("--remove", help="Allow this address again.")] = False,
) -> None:
    """Never send notices to an address. Addresses that bounced permanently are added
    automatically."""
    if (remove or why) and not address:
        raise BadInput("Name the address: postmortem suppress ann@example.com --why TEXT.")
    workspace, speaker = session.open_workspace(asked), asked.speaker
    if remove:
        email = left_out.allow(workspace, address)
        speaker.say(f"Notices are sent to {email} again.")
    elif address:
        entry = left_out.suppress(workspace, address, as_typed(why))
        speaker.say(f"Notices are no longer sent to {entry.email}: {entry.reason}")
        for words in left_out.waiting_words(workspace, entry):
            speaker.warn(words)
    found = left_out.listed(workspace)
    if speaker.as_json:
        speaker.document({"suppressed": [_document(each) for each in found]})
    if not address:
        for each in found:
            speaker.answer(f"{each.email}  {each.added_at:%Y-%m-%d}  {each.reason}")
        if not found:
            speaker.say("No address is suppressed.")


def _document(entry: Suppression) -> dict[str, Any]:
    return {
        "email": entry.email,
        "kind": entry.kind.value,
        "reason": entry.reason,
        "added_at": entry.added_at.isoformat(),
    }
