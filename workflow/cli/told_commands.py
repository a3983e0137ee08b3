"""The command for whoever asks what a customer was told: told."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from workflow.cli.commands import Asked, command
from workflow.cli.help_page import RECORD

if TYPE_CHECKING:
    from workflow.ledger.told import Told


@command("told", panel=RECORD, epilog="Example: postmortem told ann@example.com --full")
def told(
    asked: Asked,
    address: Annotated[str, typer.Argument(help="A customer's address, spelled in any way.")],
    full: Annotated[bool, typer.Option("--full", help="Show the text of each mail too.")] = False,
    mails: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="Write each mail as it was sent (.eml).", show_default=False
        ),
    ] = None,
) -> None:
    """What that customer was told and when, over all incidents."""
    from workflow.cli.opening import open_workspace  # noqa: PLC0415
    from workflow.flows import told as flow  # noqa: PLC0415

    workspace, speaker = open_workspace(asked), asked.speaker
    customer = flow.customer_address(address)
    found = flow.told_to(workspace, customer)
    written = flow.write_mails(workspace, found, mails) if mails is not None else []
    if speaker.as_json:
        speaker.document(
            {
                "email": customer.email,
                "notices": [_notice_json(each) for each in found],
                "files": written,
            }
        )
        return
    if not found:
        speaker.say(f"{customer.email} was told nothing.")
    incident = ""
    for each in found:
        if each.incident.id != incident:
            incident = each.incident.id
            speaker.answer(f"{each.incident.title} · incident {incident}", "strong")
        _show(asked, each, full)
    if mails is not None:
        count = "1 mail" if len(written) == 1 else f"{len(written)} mails"
        speaker.say(f"Written to {mails}: {count}")


def _show(asked: Asked, each: Told, full: bool) -> None:
    from workflow.flows.told import mail_text  # noqa: PLC0415
    from workflow.incident import moment_text  # noqa: PLC0415

    when = moment_text(each.notice.said_at, each.incident.zone)
    stage, state = each.notice.stage.value, _state(each)
    asked.speaker.answer(f"{when:<26}  {stage:<13}  {state:<8}  {each.delivery.subject}")
    why = each.bounce.reason if each.bounce else each.delivery.reason
    if why and state != "sent":
        asked.speaker.answer(f"{'':<26}  {why}", "faint")
    if full:
        text = mail_text(each).replace("\n", "\n    ")
        asked.speaker.answer(f"\n    {text}\n")


def _state(each: Told) -> str:
    """What is honestly known of the mail; one that still waits is not yet told."""
    from workflow.incident import DeliveryState  # noqa: PLC0415

    if each.bounce is not None:
        return "bounced"
    decided = {DeliveryState.SENT, DeliveryState.FAILED, DeliveryState.UNKNOWN}
    return each.delivery.state.value if each.delivery.state in decided else "waits"


def _notice_json(each: Told) -> dict[str, Any]:
    from workflow.cli import showing  # noqa: PLC0415
    from workflow.flows.told import mail_text  # noqa: PLC0415

    delivery, bounce = each.delivery, each.bounce
    return {
        "incident": each.incident.id,
        "title": each.incident.title,
        "notice": each.notice.id,
        "stage": each.notice.stage.value,
        "subject": delivery.subject,
        "state": delivery.state.value,
        "said_at": showing.local_instant(each.notice.said_at, each.incident),
        "sent_at": showing.instant(delivery.sent_at),
        "reason": delivery.reason or None,
        "evidence": delivery.evidence or None,
        "bounced": {
            "status": bounce.status or None,
            "reason": bounce.reason,
            "received_at": showing.local_instant(bounce.received_at, each.incident),
        }
        if bounce
        else None,
        "replies": {"people": each.replies.people, "automatic": each.replies.automatic},
        "text": mail_text(each),
    }
