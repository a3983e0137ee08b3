"""`log -` and `log --slack`: many entries, shown before they are recorded."""

from __future__ import annotations

import os
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workflow.cli import output, typed
from workflow.cli.asking import REPEATED
from workflow.cli.terminal import fault_json
from workflow.errors import BAD_INPUT, BadInput
from workflow.incident.many_entries import (
    LoggedMany,
    entries_of,
    known_sources,
    log_many,
    read_slack,
)
from workflow.incident.timeline import Logged
from workflow.model import counted, moment_text
from workflow.paste.reading import Paste, PastedEntry, numbers, read_paste
from workflow.times.reading import habits_of

if TYPE_CHECKING:
    from workflow.cli.app import Asked
    from workflow.cli.terminal import Speaker
    from workflow.model import Incident
    from workflow.times.spoken_time import DateOrder
    from workflow.workspace import Workspace

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
) -> Paste:
    """The understood paste. `first` is the day on which it begins. Raises `PasteUnclear`."""
    habits = habits_of(os.environ, dates)
    return read_paste(text, now=workspace.now(), zone=incident.zone, first=first, habits=habits)


def log_slack(asked: Asked, workspace: Workspace, link: str, given: Given) -> LoggedMany:
    """Record a Slack message or thread, each message once. Raises as `read_slack`."""
    read = read_slack(workspace, link)
    if read.note:
        asked.speaker.notice(read.note)
    if read.left_out:
        count = "1 message" if read.left_out == 1 else f"{read.left_out} messages"
        asked.speaker.notice(f"Left out {count} of Slack's own, and what announce said.")
    if not read.entries:
        raise BadInput("There is no message to record.")
    return log_paste(asked, workspace, Paste(read.entries), given)


def log_paste(asked: Asked, workspace: Workspace, paste: Paste, given: Given) -> LoggedMany:
    """Record the entries of a paste: one at once, several after a look. Raises `BadInput`."""
    incident = workspace.incident()
    _say_what_was_not_read(asked.speaker, paste)
    known = known_sources(workspace, paste.entries)
    fresh = [each for each in paste.entries if each.source not in known]
    if len(fresh) > 1:
        # Check first that it can be recorded, before asking a person.
        entries_of(workspace, fresh, link=given.link, earliest=given.earliest)
        _agree(asked.speaker, incident, fresh, given.agreed)
    return log_many(
        workspace,
        paste.entries,
        by=given.by,
        link=given.link,
        earliest=given.earliest,
        plain=given.plain,
    )


def agree_to_one_entry(speaker: Speaker, paste: Paste, *, agreed: bool) -> None:
    """If several lines name times and none was understood, ask whether it is one entry, of now.

    Raises `BadInput` without agreement.
    """
    if not paste.unread:
        return
    lines = numbers(paste.unread)
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


def show_logged(asked: Asked, logged: LoggedMany, *, repeated: bool = False) -> None:
    """Show what was recorded, and what the timeline had already. Raises `Recorded` if it waits."""
    speaker, incident = asked.speaker, logged.brought.incident
    if speaker.as_json:
        one = Logged(logged.entries[0], logged.brought) if len(logged.entries) == 1 else None
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
    typed.warn_if_closed(speaker, incident)
    output.show_brought(speaker, logged.brought)
    output.raise_if_waiting(logged.brought)


def _agree(
    speaker: Speaker, incident: Incident, entries: Sequence[PastedEntry], agreed: bool
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


def _answer(speaker: Speaker, question: str) -> str | None:
    """A person's answer, even if stdin was the paste; None without a terminal."""
    if speaker.is_interactive:
        return speaker.ask(question)
    if speaker.as_json or not speaker.people.isatty():
        return None
    try:
        with Path("/dev/tty").open(encoding="utf-8") as terminal:
            speaker.people.write(question)
            speaker.people.flush()
            return terminal.readline().strip()
    except OSError:
        return None


def _say_what_was_not_read(speaker: Speaker, paste: Paste) -> None:
    for words in paste.said:
        speaker.notice(words)
    for words in paste.warnings:
        speaker.warn(words)


def _entries(count: int) -> str:
    return "1 entry" if count == 1 else f"{count} entries"


def _words(incident: Incident, entry: PastedEntry) -> str:
    text = " / ".join(line.strip() for line in entry.text.splitlines() if line.strip())
    short = text if len(text) <= _MOST_WORDS else f"{text[: _MOST_WORDS - 1]}…"
    author = f" — {entry.by}" if entry.by else ""
    return f"  {moment_text(entry.at, incident.zone)}  {short}{author}"


def _json(incident: Incident, entry: PastedEntry) -> dict[str, Any]:
    return {
        "entry": None,
        "at": output.local_instant(entry.at, incident),
        "text": entry.text,
        "by": entry.by or None,
        "link": entry.link or None,
    }
