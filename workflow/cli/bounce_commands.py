"""The command that looks for what came back: bounces."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from workflow.cli.commands import Asked, command
from workflow.cli.help_page import MAIL

if TYPE_CHECKING:
    from workflow.flows.bounces import NoticeReturns, Returned
    from workflow.incident import Incident

# So many are named in the terminal; --json and the export name all.
_NAMED = 20


@command("bounces", panel=MAIL, epilog="Example: postmortem bounces")
def bounces(asked: Asked) -> None:
    """Read whose mail came back and who answered, mark those customers, and tell the doc.

    Needs a sign-in that may read mail: postmortem auth login --scope read
    """
    from workflow.cli import showing  # noqa: PLC0415
    from workflow.cli.opening import open_workspace  # noqa: PLC0415
    from workflow.flows.bounces import collect  # noqa: PLC0415

    returned = collect(open_workspace(asked))
    speaker = asked.speaker
    if speaker.as_json:
        speaker.document(_document(returned))
    for each in returned.notices:
        _show_notice(asked, each)
    if not returned.notices:
        speaker.say("No notice of this incident was sent, so nothing can have come back.")
    speaker.say(
        f"New in the mailbox of {returned.mailbox}: {returned.new_bounces} bounced, "
        f"{returned.new_replies} {'reply' if returned.new_replies == 1 else 'replies'}"
    )
    for words in returned.unclear:
        speaker.warn(words)
    if returned.other_mailboxes:
        names = ", ".join(returned.other_mailboxes)
        speaker.warn(f"Not looked at: {names}, which sent too. Sign in there and look again.")
    brought = returned.brought
    if brought is not None:
        showing.show_brought(speaker, brought)
        showing.raise_if_waiting(brought)
    if any(each.bounced for each in returned.notices):
        speaker.next_step("postmortem export DIR --format csv lists whom to reach another way")


def _show_notice(asked: Asked, each: NoticeReturns) -> None:
    from workflow.flows.notice_words import returned_words  # noqa: PLC0415

    words = returned_words(len(each.bounced), each.replies)
    head = f"{each.notice.stage.value.capitalize()} notice {each.notice.id}"
    asked.speaker.answer(f"{head}: {', '.join(words) or 'nothing came back'}")
    for bounce in each.bounced[:_NAMED]:
        asked.speaker.warn(f"  row {bounce.row}  {bounce.email}: {bounce.reason}")
    if len(each.bounced) > _NAMED:
        asked.speaker.warn(f"  …and {len(each.bounced) - _NAMED:,} more: postmortem bounces --json")


def _document(returned: Returned) -> dict[str, Any]:
    incident = returned.incident
    return {
        "incident": incident.id,
        "mailbox": returned.mailbox,
        "new": {"bounced": returned.new_bounces, "replies": returned.new_replies},
        "notices": [_notice_json(incident, each) for each in returned.notices],
        "unclear": returned.unclear,
        "other_mailboxes": list(returned.other_mailboxes),
        "synced": returned.brought is not None and returned.brought.synced,
    }


def _notice_json(incident: Incident, each: NoticeReturns) -> dict[str, Any]:
    from workflow.cli import showing  # noqa: PLC0415

    return {
        "notice": each.notice.id,
        "stage": each.notice.stage.value,
        "bounced": [
            {
                "email": bounce.email,
                "row": bounce.row,
                "status": bounce.status or None,
                "reason": bounce.reason,
                "received_at": showing.local_instant(bounce.received_at, incident),
            }
            for bounce in each.bounced
        ],
        "replies": {"people": each.replies.people, "automatic": each.replies.automatic},
    }
