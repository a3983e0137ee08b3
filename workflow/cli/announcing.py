"""What came of telling colleagues, as JSON and in words, with its exit code."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import typer

from workflow.cli import showing
from workflow.cli.faults import PARTLY
from workflow.cli.speaking import Speaker
from workflow.flows.announcing import Announced
from workflow.flows.faults import NotSetUp, Recorded
from workflow.incident import DeliveryState
from workflow.ledger.announcements import UNDECIDED, Announcement
from workflow.mail.faces import parse_body, text_face


def announced_json(announced: Announced) -> dict[str, Any]:
    """The shape of `announce --json`."""
    incident = announced.incident
    return {
        "incident": incident.id,
        "text": text_face(parse_body(announced.told[0].markdown)),
        "channels": [showing.announcement_json(incident, each) for each in announced.told],
        "synced": announced.brought.synced,
    }


def show_announced(speaker: Speaker, announced: Announced) -> None:
    """Each channel in a line, and once what was said."""
    for each in announced.told:
        if each.id in announced.had_it and each.state is DeliveryState.SENT:
            speaker.say(f"{each.target} has this message already: it is not told twice.")
        elif each.state is DeliveryState.SENT:
            inferred = f" ({each.reason})" if each.reason else ""
            speaker.say(f"Told colleagues {where(each)}{inferred}", "good")
        else:
            speaker.warn(f"{each.target}: {showing.untold_words(each)}")
    if any(each.id not in announced.had_it for each in announced.told):
        speaker.say("")
        for line in text_face(parse_body(announced.told[0].markdown)).splitlines():
            speaker.say(f"  {line}".rstrip(), "faint")


def where(each: Announcement) -> str:
    """Where a channel's readers are: `in #incidents`, `at team@example.com`."""
    return f"at {each.target}" if each.channel == "mail" else f"in {each.target}"


def raise_if_untold(announced: Sequence[Announced]) -> None:
    """Raise what gives the exit code: 4 and 5 for what waits, 6 for what failed or is not known."""
    told = [each for one in announced for each in one.told]
    waiting = [each for each in told if each.state in UNDECIDED]
    sign_in = next((one.sign_in for one in announced if one.sign_in), "")
    names = ", ".join(dict.fromkeys(each.target for each in waiting))
    if sign_in:
        raise NotSetUp(f"Recorded, but {names} was not told yet. {sign_in} Then: postmortem sync")
    if waiting:
        raise Recorded(f"Recorded, but {names} was not surely told yet. Later: postmortem sync")
    for one in announced:
        showing.raise_if_waiting(one.brought)
    if any(each.state in {DeliveryState.FAILED, DeliveryState.UNKNOWN} for each in told):
        raise typer.Exit(PARTLY)
