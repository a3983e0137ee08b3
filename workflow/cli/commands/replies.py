"""`replies`: who answered."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Annotated, Any

import typer

from workflow import bounces, model
from workflow.cli import output, session
from workflow.cli.app import Asked, command
from workflow.ledger.forgetting import FORGOTTEN

if TYPE_CHECKING:
    from workflow.ledger.bounces import Reply
    from workflow.model import Incident

_SHOWN = 50


@command("replies", epilog="Example: postmortem replies --open")
def replies(
    asked: Asked,
    only_open: Annotated[
        bool, typer.Option("--open", help="Only people who have no answer yet.")
    ] = False,
) -> None:
    """Show who replied to which notice, what they wrote, and who has no answer yet.

    Needs permission to read mail: postmortem auth login --scope read
    """
    returned = bounces.collect(session.open_workspace(asked))
    speaker, incident = asked.speaker, returned.incident
    found = [each for each in returned.replies if each.waits or not only_open]
    if speaker.as_json:
        speaker.document(
            {
                "incident": incident.id,
                "mailbox": returned.mailbox,
                "replies": [_document(incident, each) for each in found],
                "other_mailboxes": list(returned.other_mailboxes),
            }
        )
    for each in found[-_SHOWN:]:
        _show(asked, incident, each)
    people = [each for each in returned.replies if not each.automatic]
    waiting = sum(each.waits for each in people)
    automatic = len(returned.replies) - len(people)
    speaker.say(
        f"{len(people)} {'reply' if len(people) == 1 else 'replies'}, {waiting} without an answer; "
        f"{automatic} automatic."
    )
    for words in dict.fromkeys(
        _stop_words(each) for each in found if each.answer.asks_to_stop and each.waits
    ):
        speaker.next_step(words)
    if returned.other_mailboxes:
        names = ", ".join(returned.other_mailboxes)
        speaker.warn(
            f"Not checked: {names}, which sent too. Sign in there and run the command again."
        )
    if returned.brought is not None:
        output.show_brought(speaker, returned.brought)
        output.raise_if_waiting(returned.brought)


def gmail_link(reply: Reply) -> str:
    """The thread's address in Gmail; "" if unknown."""
    if not reply.answer.thread_id:
        return ""
    mailbox = reply.answer.mailbox
    return f"https://mail.google.com/mail/?authuser={mailbox}#all/{reply.answer.thread_id}"


def _stop_words(reply: Reply) -> str:
    """What to do about somebody who seems to want no more mails.

    Somebody in Cc, or the customer from another address, may have written it.
    """
    if reply.email == FORGOTTEN:
        return (
            "no more emails, if this reply asks for that: suppress its address, as Gmail shows it"
        )
    who = reply.answer.sender or reply.email
    to = "" if who.casefold() == reply.email.casefold() else f" to {reply.email}"
    return (
        f"no more emails{to}, if {who} asks for that: "
        f'postmortem suppress {shlex.quote(reply.email)} --why "asked for no mails"'
    )


def _show(asked: Asked, incident: Incident, reply: Reply) -> None:
    speaker = asked.speaker
    when = model.moment_text(reply.received_at, incident.zone)
    who = reply.answer.sender or reply.email
    speaker.answer(f"{when:<26}  {who}  {reply.stage}  {reply.state}", "strong")
    for line in reply.answer.excerpt.splitlines():
        speaker.answer(f"    {line}")
    if link := gmail_link(reply):
        speaker.answer(f"    {link}", "faint")


def _document(incident: Incident, reply: Reply) -> dict[str, Any]:
    return {
        "from": reply.answer.sender or None,
        "email": reply.email,
        "row": reply.row,
        "notice": reply.notice_id,
        "stage": reply.stage,
        "received_at": output.local_instant(reply.received_at, incident),
        "state": reply.state,
        "answered_at": output.local_instant(reply.answered_at, incident),
        "text": reply.answer.excerpt or None,
        "asks_to_stop": reply.answer.asks_to_stop,
        "link": gmail_link(reply) or None,
    }
