"""`bounces`: find bounces and replies."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from workflow import bounces as reports
from workflow.cli import output, session
from workflow.cli.app import Asked, command
from workflow.mail import content
from workflow.standing import notice_words

if TYPE_CHECKING:
    from workflow.bounces import NoticeReturns, Returned
    from workflow.model import Incident

# The terminal names this many; --json and the export name all.
_NAMED = 20


@command("bounces", epilog="Example: postmortem bounces")
def bounces(asked: Asked) -> None:
    """Find bounces and replies, and record them in the doc.

    Needs permission to read mail: postmortem auth login --scope read
    """
    returned = reports.collect(session.open_workspace(asked))
    speaker = asked.speaker
    if speaker.as_json:
        speaker.document(_document(returned))
    for each in returned.notices:
        _show_notice(asked, each)
    if not returned.notices:
        speaker.say("No notice of this incident was sent, so there are no bounces.")
    speaker.say(
        f"New in the mailbox of {returned.mailbox}: {returned.new_bounces} bounced, "
        f"{returned.new_replies} {'reply' if returned.new_replies == 1 else 'replies'}"
    )
    for words in (*returned.unclear, *returned.waiting):
        speaker.warn(words)
    if returned.other_mailboxes:
        names = ", ".join(returned.other_mailboxes)
        speaker.warn(
            f"Not checked: {names}, which sent too. Sign in there and run the command again."
        )
    brought = returned.brought
    if brought is not None:
        output.show_brought(speaker, brought)
        output.raise_if_waiting(brought)
    if any(each.bounced for each in returned.notices):
        speaker.next_step("postmortem export DIR --format csv lists customers to reach another way")


def _show_notice(asked: Asked, each: NoticeReturns) -> None:
    words = notice_words.returned_words(len(each.bounced), each.replies)
    head = f"{each.notice.stage.value.capitalize()} notice {each.notice.id}"
    asked.speaker.answer(f"{head}: {', '.join(words) or 'no bounces'}")
    for bounce in each.bounced[:_NAMED]:
        why = content.bounce_words(bounce.status)
        asked.speaker.warn(f"  row {bounce.row}  {bounce.email}: {why} ({bounce.reason})")
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
        "waiting": returned.waiting,
        "other_mailboxes": list(returned.other_mailboxes),
        "synced": returned.brought is not None and returned.brought.synced,
    }


def _notice_json(incident: Incident, each: NoticeReturns) -> dict[str, Any]:
    return {
        "notice": each.notice.id,
        "stage": each.notice.stage.value,
        "bounced": [
            {
                "email": bounce.email,
                "row": bounce.row,
                "status": bounce.status or None,
                "reason": bounce.reason,
                "words": content.bounce_words(bounce.status),
                "received_at": output.local_instant(bounce.received_at, incident),
            }
            for bounce in each.bounced
        ],
        "replies": {"people": each.replies.people, "automatic": each.replies.automatic},
    }
