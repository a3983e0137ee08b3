"""Typed arguments, parsed for the commands: text, times, values.

`state_or_show` is shared by `impact` and `severity`.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from workflow import files, model
from workflow.cli import output, pasting, session
from workflow.cli.app import Asked
from workflow.cli.asking import REPEATED, past_moment
from workflow.errors import BadInput
from workflow.incident import facts, many_entries, supporting_data
from workflow.times import spoken_time

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from workflow.cli.terminal import Speaker
    from workflow.incident.timeline import Logged
    from workflow.ledger.changes import Run
    from workflow.model import Incident, Statement
    from workflow.times.spoken_time import DateOrder
    from workflow.workspace import Workspace


At = Annotated[
    str | None,
    typer.Option(
        "--at",
        metavar="WHEN",
        help="Time of the event: 14:39, 2:39 PM, 14:39 UTC, yesterday 14:39, 5 minutes ago. "
        "Default: now.",
        show_default=False,
    ),
]


_MOST_LINES = 40  # longer text goes into a file beside the doc


_LONGEST_TITLE = 100


Plain = Annotated[
    bool,
    typer.Option(
        "--plain", help="Keep the text exactly as typed: no lists, links or code formatting."
    ),
]


class DateOrderWord(StrEnum):
    """The order of day and month in a numeric date, as typed."""

    DAY_FIRST = "day-first"
    MONTH_FIRST = "month-first"

    @property
    def order(self) -> DateOrder:
        """The same for the reading of dates."""
        return spoken_time.DateOrder(self.value)


def show_recorded_before(asked: Asked, workspace: Workspace, earlier: Run) -> None:
    """What the same command recorded when it was run before."""
    pasting.show_logged(asked, many_entries.logged_by(workspace, earlier), repeated=True)


def show_logged(asked: Asked, logged: Logged, *, repeated: bool = False) -> None:
    """Show the entry that was written, and whether it is in the doc."""
    speaker = asked.speaker
    if speaker.as_json:
        speaker.document(output.logged_json(logged) | (REPEATED if repeated else {}))
    incident, entry = logged.brought.incident, logged.entry
    speaker.say(output.entry_words(incident, entry))
    warn_if_closed(speaker, incident)
    output.show_brought(speaker, logged.brought)
    output.raise_if_waiting(logged.brought)


def warn_if_closed(speaker: Speaker, incident: Incident) -> None:
    """Warn if the incident is closed: perhaps another one is meant."""
    if incident.closed_at is not None:
        speaker.warn(
            f"This was added to “{incident.title[:60]}”, which is closed. For another incident, "
            f"add --incident ID or run postmortem start"
        )


def moment(
    workspace: Workspace,
    text: str | None,
    zone: ZoneInfo,
    speaker: Speaker | None = None,
    dates: DateOrder | None = None,
) -> datetime | None:
    """The past time that a person typed, or None for now; `speaker` asks about ambiguous ones."""
    if text is None:
        return None

    return past_moment(speaker, text, now=workspace.now(), zone=zone, dates=dates)


def as_typed(text: str) -> str:
    """The typed text, with invalid bytes shown as U+FFFD."""
    return text.encode("utf-8", "replace").decode("utf-8")


def given_text(text: str) -> str:
    """The argument itself, or standard input for `-`."""
    if text != "-":
        return as_typed(text)

    return files.decoded(files.read_stdin())


def attached_if_long(speaker: Speaker, workspace: Workspace, text: str) -> str:
    """The text, or a line that names the file in which a long one was attached.

    Only a person at a terminal is asked.
    """
    lines = len(text.rstrip().splitlines())
    if lines <= _MOST_LINES or not speaker.is_interactive:
        return text

    question = f"This text has {lines} lines. Attach it as a file and link it instead? Type yes: "
    if speaker.ask(question).lower() not in ("yes", "y"):
        return text
    name = supporting_data.record_text(workspace, text)
    first = next(line.strip() for line in text.splitlines() if line.strip())
    return f"{first[:_LONGEST_TITLE]} ({lines} lines, attached as {name})"


def variables(pairs: list[str] | None) -> dict[str, str]:
    """`KEY=VALUE` pairs. Raises `BadInput`."""

    found: dict[str, str] = {}
    for pair in pairs or ():
        key, equals, value = pair.partition("=")
        name = key.strip().replace("-", "_")
        if not equals or not name.isidentifier():
            raise BadInput(f'--set {pair}: write it like --set cause="a stale price list".')
        found[name] = as_typed(value)
    return found


Since = Annotated[
    str | None,
    typer.Option(
        "--at",
        metavar="WHEN",
        help="Time of the change: 14:39, 2:39 PM, 5 minutes ago. Default: now.",
        show_default=False,
    ),
]


def state_or_show(asked: Asked, statement: Statement, text: str | None, at: str | None) -> None:
    """Update the value if there is a text, else show it."""
    if text is not None:
        _state(asked, statement, text, at)
        return
    if at is not None:
        raise typer.BadParameter("works only with a new value.", param_hint="--at")
    _show(asked, statement)


def _show(asked: Asked, statement: Statement) -> None:
    said = facts.what_is_said(session.open_workspace(asked), statement)
    speaker, incident = asked.speaker, said.incident
    if speaker.as_json:
        speaker.document(
            {
                "incident": incident.id,
                statement.value: said.value or None,
                "said_at": output.local_instant(said.said_at, incident) if said.value else None,
            }
        )
    elif said.value:
        speaker.answer(said.value)
        speaker.say(f"Set {model.moment_text(said.said_at, incident.zone)}", "faint")
    else:
        speaker.say(f'No {statement.value} set yet. To set it: postmortem {statement.value} "…"')


def _state(asked: Asked, statement: Statement, text: str, at: str | None) -> None:
    workspace = session.open_workspace(asked)
    zone = workspace.incident().zone
    when = moment(workspace, at, zone, asked.speaker)
    stated = facts.state(workspace, statement, given_text(text), at=when)
    speaker, entry, brought = asked.speaker, stated.entry, stated.brought
    if speaker.as_json:
        speaker.document(
            {
                "incident": brought.incident.id,
                statement.value: stated.value,
                "entry": output.entry_json(brought.incident, entry) if entry else None,
                "synced": brought.synced,
            }
        )
    if entry is None:
        speaker.say(f"No change: this {statement.value} is already set.")
    else:
        speaker.say(output.entry_words(brought.incident, entry))
    if stated.still_read:
        speaker.warn(stated.still_read)
    warn_if_closed(speaker, brought.incident)
    output.show_brought(speaker, brought)
    output.raise_if_waiting(brought)
