"""Typed arguments, parsed for the commands: text, times, values, and many entries.

`state_or_show` is shared by `impact` and `severity`.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from workflow import files, model
from workflow.cli import output, session
from workflow.cli.app import Asked
from workflow.cli.terminal import REPEATED, fault_json, past_moment
from workflow.errors import BAD_INPUT, BadInput
from workflow.incident import facts, many_entries, supporting_data, timeline
from workflow.model import counted, moment_text
from workflow.paste import reading as paste_reading
from workflow.times import reading as times_reading
from workflow.times import spoken_time

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from workflow.cli.app import Asked
    from workflow.cli.terminal import Speaker
    from workflow.incident.timeline import Logged
    from workflow.ledger.changes import Run
    from workflow.model import Incident, Statement
    from workflow.times.spoken_time import DateOrder
    from workflow.workspace import Workspace


# --- Arguments ------------------------------------------------------------------------------------

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
    show_many_logged(asked, many_entries.logged_by(workspace, earlier), repeated=True)


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


# --- Many entries ---------------------------------------------------------------------------------

_MOST_WORDS = 120


@dataclass(frozen=True)
class Given:
    """Options of `log` that hold for every entry of a paste."""

    by: str = ""
    link: str = ""
    earliest: datetime | None = None
    agreed: bool = False
    plain: bool = False


def read(
    workspace: Workspace,
    incident: Incident,
    text: str,
    first: datetime | None,
    dates: DateOrder | None,
) -> paste_reading.Paste:
    """The understood paste. `first` is the day on which it begins. Raises `PasteUnclear`."""
    habits = times_reading.habits_of(os.environ, dates)
    return paste_reading.read_paste(
        text, now=workspace.now(), zone=incident.zone, first=first, habits=habits
    )


def log_slack(
    asked: Asked, workspace: Workspace, link: str, given: Given
) -> many_entries.LoggedMany:
    """Record a Slack message or thread, each message once. Raises as `read_slack`."""
    read = many_entries.read_slack(workspace, link)
    if read.note:
        asked.speaker.notice(read.note)
    if read.left_out:
        count = "1 message" if read.left_out == 1 else f"{read.left_out} messages"
        asked.speaker.notice(f"Left out {count} of Slack's own, and what announce said.")
    if not read.entries:
        raise BadInput("There is no message to record.")
    return log_paste(asked, workspace, paste_reading.Paste(read.entries), given)


def log_paste(
    asked: Asked, workspace: Workspace, paste: paste_reading.Paste, given: Given
) -> many_entries.LoggedMany:
    """Record the entries of a paste: one at once, several after a look. Raises `BadInput`."""
    incident = workspace.incident()
    _say_what_was_not_read(asked.speaker, paste)
    known = many_entries.known_sources(workspace, paste.entries)
    fresh = [each for each in paste.entries if each.source not in known]
    if len(fresh) > 1:
        # Check first that it can be recorded, before asking a person.
        many_entries.entries_of(workspace, fresh, link=given.link, earliest=given.earliest)
        _agree(asked.speaker, incident, fresh, given.agreed)
    return many_entries.log_many(
        workspace,
        paste.entries,
        by=given.by,
        link=given.link,
        earliest=given.earliest,
        plain=given.plain,
    )


def agree_to_one_entry(speaker: Speaker, paste: paste_reading.Paste, *, agreed: bool) -> None:
    """If several lines name times and none was understood, ask whether it is one entry, of now.

    Raises `BadInput` without agreement.
    """
    if not paste.unread:
        return
    lines = paste_reading.numbers(paste.unread)
    if len(paste.unread) == 1:
        speaker.warn(
            f"The time in line {lines} was not read; the entry is at the time of this command. "
            "Another time: --at"
        )
        return
    words = f"No time was read in lines {lines}, so it would become one entry with the current time"
    if agreed:
        speaker.warn(f"No time was read in lines {lines}; it is one entry.")
        return
    answer = _answer(speaker, f"{words}. Record it? Type yes: ")
    if answer is None or answer.lower() != "yes":
        raise BadInput(
            f"Nothing was recorded. {words}. Start each line with its time (14:39 text), or add "
            "--yes to record one entry."
        )


def show_many_logged(
    asked: Asked, logged: many_entries.LoggedMany, *, repeated: bool = False
) -> None:
    """Show what was recorded, and what the timeline had already. Raises `Recorded` if it waits."""
    speaker, incident = asked.speaker, logged.brought.incident
    if speaker.as_json:
        one = (
            timeline.Logged(logged.entries[0], logged.brought) if len(logged.entries) == 1 else None
        )
        shown = output.logged_json(one) if one else output.logged_many_json(logged)
        speaker.document(shown | (REPEATED if repeated else {}))
    for entry in logged.entries:
        known = "  (in the timeline already)" if entry.id in logged.known else ""
        if entry.id in logged.updated:
            known = "  (updated: the message was edited in Slack)"
        speaker.say(f"{output.entry_words(incident, entry)}{known}")
    for entry, words in logged.kept:
        speaker.warn(
            f"Entry {entry.id} was changed here, and its message was edited in Slack. The entry "
            f"stays. To take Slack's text: postmortem log --edit {entry.id} {shlex.quote(words)}"
        )
    if len(logged.entries) > 1:
        fresh = len(logged.entries) - len(logged.known)
        there = f", {len(logged.known)} in the timeline already" if logged.known else ""
        speaker.say(f"{_entries(fresh)} recorded{there}.", "good")
    warn_if_closed(speaker, incident)
    output.show_brought(speaker, logged.brought)
    output.raise_if_waiting(logged.brought)


def _agree(
    speaker: Speaker, incident: Incident, entries: Sequence[paste_reading.PastedEntry], agreed: bool
) -> None:
    """Show the understood entries, and ask for agreement. Raises `BadInput`."""
    if agreed:
        return
    for entry in entries:
        speaker.answer(_words(incident, entry))
    answer = _answer(speaker, f"Record {counted(len(entries), 'entry', 'entries')}? Type yes: ")
    if answer is not None and answer.lower() == "yes":
        return
    why = "" if answer is not None else " To record them as shown, add --yes."
    sentence = (
        f"Nothing was recorded: {counted(len(entries), 'entry was', 'entries were')} read.{why}"
    )
    if speaker.as_json:
        read = [_json(incident, entry) for entry in entries]
        refused = {"incident": incident.id, "entries": read} | fault_json(sentence, BAD_INPUT)
        speaker.document(refused)
    raise BadInput(sentence)


# The terminal itself, whatever stdin is.
_TERMINAL = "CONIN$" if os.name == "nt" else "/dev/tty"
_NOT_RECORDED = "Nothing was recorded."


def _answer(speaker: Speaker, question: str) -> str | None:
    """A person's answer, even if stdin was the paste; None without a terminal."""
    if speaker.is_interactive:
        return speaker.ask(question, undone=_NOT_RECORDED)
    if speaker.as_json or not speaker.people.isatty():
        return None
    try:
        with Path(_TERMINAL).open(encoding="utf-8") as terminal, speaker.asking(_NOT_RECORDED):
            speaker.people.write(question)
            speaker.people.flush()
            return terminal.readline().strip()
    except OSError:
        return None


def _say_what_was_not_read(speaker: Speaker, paste: paste_reading.Paste) -> None:
    for words in paste.said:
        speaker.notice(words)
    for words in paste.warnings:
        speaker.warn(words)


def _entries(count: int) -> str:
    return "1 entry" if count == 1 else f"{count} entries"


def _words(incident: Incident, entry: paste_reading.PastedEntry) -> str:
    text = " / ".join(line.strip() for line in entry.text.splitlines() if line.strip())
    short = text if len(text) <= _MOST_WORDS else f"{text[: _MOST_WORDS - 1]}…"
    author = f" — {entry.by}" if entry.by else ""
    return f"  {moment_text(entry.at, incident.zone)}  {short}{author}"


def _json(incident: Incident, entry: paste_reading.PastedEntry) -> dict[str, Any]:
    return {
        "entry": None,
        "at": output.local_instant(entry.at, incident),
        "text": entry.text,
        "by": entry.by or None,
        "link": entry.link or None,
    }
