"""`told`: show what a customer was sent."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from workflow import model
from workflow.cli import output, session
from workflow.cli.app import Asked, command
from workflow.record import one_customer as flow
from workflow.standing import notice_words, other_ledgers

if TYPE_CHECKING:
    from workflow.ledger.customers import CustomerMail, CustomerMatch

_MATCHES_SHOWN = 50


@command("told", answers=True, epilog="Example: postmortem told ann@example.com --full")
def told(
    asked: Asked,
    whom: Annotated[
        str,
        typer.Argument(
            metavar="WHOM", help="A customer's address, name, company or domain, or a part of it."
        ),
    ],
    full: Annotated[bool, typer.Option("--full", help="Also show the text of each mail.")] = False,
    mails: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="Write each mail as sent (.eml) to this folder.", show_default=False
        ),
    ] = None,
) -> None:
    """Show what a customer was sent and when, in all incidents."""
    workspace, speaker = session.open_workspace(asked), asked.speaker
    matches = flow.customers_like(workspace, whom)
    if len(matches) != 1:
        _show_matches(asked, whom, matches)
        return
    (customer,) = matches
    found = flow.told_to(workspace, customer)
    written = flow.write_mails(workspace, found, mails) if mails is not None else []
    compared = other_ledgers.glance_at_all(workspace)
    if speaker.as_json:
        others = [
            {"incident": incident.id, **output.elsewhere_json(each, incident)}
            for incident, each in compared
            if each.found or each.problem
        ]
        speaker.document(
            {
                "email": customer.email,
                "notices": [_notice_json(each) for each in found],
                "files": written,
                **({"other_ledgers": others} if others else {}),
            }
        )
        return
    if not found:
        speaker.say(f"{customer.email} was sent nothing.")
    for incident, each in compared:
        output.show_elsewhere(speaker, each, incident)
        if each.found:
            speaker.warn(
                f"It is unknown whether {customer.email} was among them: see ({incident.title}, "
                f"{incident.doc_url})."
            )
    shown = ""
    for told in found:
        if told.incident.id != shown:
            shown = told.incident.id
            speaker.answer(f"{told.incident.title} · incident {shown}", "strong")
        _show(asked, told, full)
    if mails is not None:
        count = "1 mail" if len(written) == 1 else f"{len(written)} mails"
        speaker.say(f"Written to {mails}: {count}")


def _show_matches(asked: Asked, whom: str, matches: list[CustomerMatch]) -> None:
    """The matching customers, to choose from; or that there is none."""
    speaker = asked.speaker
    if speaker.as_json:
        listed = [{"email": each.email, "name": each.name, "mails": each.mails} for each in matches]
        speaker.document({"query": whom, "matches": listed})
        return
    if not matches:
        speaker.say(f"Nobody like “{whom}” was notified.")
        return
    for each in matches[:_MATCHES_SHOWN]:
        mails = "1 email" if each.mails == 1 else f"{each.mails:,} emails"
        speaker.answer(f"{each.email}  {each.name}  {mails}")
    if len(matches) > _MATCHES_SHOWN:
        speaker.say(f"…and {len(matches) - _MATCHES_SHOWN:,} more: add --json for all")
    speaker.next_step(f"postmortem told {matches[0].email}")


def _show(asked: Asked, each: CustomerMail, full: bool) -> None:
    said = flow.words(each)

    when = model.moment_text(each.notice.said_at, each.incident.zone)
    stage, state = each.notice.stage.value, flow.state_of(each)
    asked.speaker.answer(f"{when:<26}  {stage:<13}  {state:<8}  {said.subject}")
    why = each.bounce.reason if each.bounce else each.delivery.reason
    if why and state != "sent":
        asked.speaker.answer(f"{'':<26}  {why}", "faint")
    if said.kind == "edited":
        asked.speaker.answer(f"{'':<26}  edited in Gmail before it was sent", "faint")
    if each.approval is not None:
        asked.speaker.answer(
            f"{'':<26}  {notice_words.approval_words(each.approval, each.incident)}", "faint"
        )
    if full:
        text = said.shown.replace("\n", "\n    ")
        asked.speaker.answer(f"\n    {text}\n")


def _notice_json(each: CustomerMail) -> dict[str, Any]:
    said = flow.words(each)
    delivery, bounce = each.delivery, each.bounce
    return {
        "incident": each.incident.id,
        "title": each.incident.title,
        "notice": each.notice.id,
        "stage": each.notice.stage.value,
        "subject": said.subject,
        "state": delivery.state.value,
        "said_at": output.local_instant(each.notice.said_at, each.incident),
        "sent_at": output.instant(delivery.sent_at),
        "reason": delivery.reason or None,
        "evidence": delivery.evidence or None,
        "bounced": {
            "status": bounce.status or None,
            "reason": bounce.reason,
            "received_at": output.local_instant(bounce.received_at, each.incident),
        }
        if bounce
        else None,
        "replies": {"people": each.replies.people, "automatic": each.replies.automatic},
        "approval": output.approval_json(each.approval),
        "text": said.text,
        "words": said.kind,
    }
