"""Questions at the terminal: an ambiguous time, a repeated command, a text.

An ambiguous time is asked about. A repeated command finishes a stopped run, or is asked about. A
text can be written in the person's own editor, and is kept until it is recorded.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from tempfile import mkstemp
from typing import TYPE_CHECKING, Annotated
from zoneinfo import ZoneInfo

import typer

from workflow import same_command
from workflow.errors import BadInput
from workflow.times import reading, spoken_time

if TYPE_CHECKING:
    from workflow.cli.terminal import Speaker
    from workflow.ledger.changes import Run
    from workflow.times.spoken_time import DateOrder, Moment, WhenOpen
    from workflow.workspace import Workspace


def past_moment(
    speaker: Speaker | None,
    text: str,
    *,
    now: datetime,
    zone: ZoneInfo,
    dates: DateOrder | None = None,
) -> datetime:
    """The time of a past event. Raises `WhenUnclear`, also if nobody can be asked."""
    # Takes 0.1 s of CPU, and most entries are logged without a time.

    habits = reading.habits_of(os.environ, dates)
    return _settled(
        speaker, lambda: reading.read_past(text, now=now, zone=zone, habits=habits), now=now
    )


def future_moment(speaker: Speaker, text: str, *, now: datetime, zone: ZoneInfo) -> datetime:
    """The time of a promise. Raises `WhenUnclear`, also if nobody can be asked."""
    habits = reading.habits_of(os.environ)
    return _settled(speaker, lambda: reading.read_future(text, now=now, zone=zone, habits=habits))


def _settled(
    speaker: Speaker | None, read: Callable[[], Moment], *, now: datetime | None = None
) -> datetime:
    try:
        moment = read()
    except spoken_time.WhenOpen as unsettled:
        if speaker is None or not speaker.is_interactive:
            raise
        return _chosen(speaker, unsettled, now)
    if speaker is not None:
        for note in moment.notes:
            speaker.notice(note)
    return moment.at


def _chosen(speaker: Speaker, unsettled: WhenOpen, now: datetime | None) -> datetime:
    """The option that a person chooses by number; raises the question for any other answer.

    Times after `now` are not offered.
    """
    options = [each for each in unsettled.options if now is None or each.at <= now]
    if not options:
        raise unsettled
    speaker.notice(unsettled.question)
    for number, option in enumerate(options, 1):
        speaker.notice(f"  {number}  {option.words}")
    answer = speaker.ask(f"Type 1 to {len(options)}: ")
    if not answer.isdecimal() or not 1 <= int(answer) <= len(options):
        raise unsettled
    return options[int(answer) - 1].at


Again = Annotated[
    bool,
    typer.Option(
        "--again",
        help="Record it again although the same command was just run.",
        show_default=False,
    ),
]
REPEATED = {"recorded_before": True}
"""The extra JSON member if nothing new was recorded."""


def run_to_finish(speaker: Speaker, workspace: Workspace, incident_id: str = "") -> Run | None:
    """The earlier run that was stopped before it reported its end; this run finishes it.

    Call `same_command.begin` first. "" is any incident.
    """
    return _finishing(speaker, workspace, same_command.earlier_run(workspace, incident_id))


def _finishing(speaker: Speaker, workspace: Workspace, earlier: Run | None) -> Run | None:
    if earlier is None or earlier.told_at is not None:
        return None
    same_command.go_on_with(workspace, earlier)
    speaker.notice("The same command was interrupted before. This run finishes it.")
    return earlier


def run_to_keep(
    speaker: Speaker, workspace: Workspace, earlier: Run | None, *, again: bool
) -> Run | None:
    """The `earlier` run if this one must not repeat it; None: record this one.

    A stopped run is finished. A finished one is asked about; if nobody can be asked, nothing is
    recorded twice.
    """
    if again:
        return None
    stopped = _finishing(speaker, workspace, earlier)
    if stopped is not None:
        return stopped
    if earlier is None:
        return None
    said = same_command.repeated_words(workspace, earlier)
    if not speaker.is_interactive:
        speaker.notice(f"{said} Nothing was added. To record it again, add --again")
    elif speaker.ask(f"{said} Record it again? [y/N] ").casefold() in {"y", "yes"}:
        return None
    else:
        speaker.notice("Nothing was added.")
    same_command.go_on_with(workspace, earlier)
    return earlier


@contextmanager
def written_in_editor(title: str, folder: Path, say: Callable[[str], None]) -> Iterator[str]:
    """The text for `title`, from a person's editor; its file in `folder` is deleted afterwards.

    If the editor or the job fails, the file stays, and `say` names it. Raises `BadInput` if there
    is no editor, or it failed.
    """

    if not sys.stdin.isatty():
        raise BadInput(
            "There is no text, and no terminal to open an editor in. Give the text in quotes, or - "
            "to read it from standard input."
        )
    editor = _editor()
    if not editor:
        raise BadInput(
            "No editor was found: set EDITOR to yours, give the text in quotes, or - to read it "
            "from standard input."
        )
    note = f"# {title}: write above this line, save and close. Lines after it are left out.\n"
    path = _new_file(folder, f"\n\n{note}")
    try:
        _open(editor, path)
        yield _text_of(path, note)
    except BaseException:
        if path.exists() and _text_of(path, note):
            say(f"Your text is saved in {path}. To use it: postmortem section NAME - <FILE")
        else:
            path.unlink(missing_ok=True)
        raise
    path.unlink(missing_ok=True)


def _editor() -> str:
    """The person's own editor, else one that the platform has; "" for none."""
    own = os.environ.get("VISUAL") or os.environ.get("EDITOR")
    if own:
        return own
    usual = ("notepad",) if sys.platform == "win32" else ("sensible-editor", "nano", "vim", "vi")
    return next((name for name in usual if shutil.which(name)), "")


def _open(editor: str, path: Path) -> None:

    # The person's own command, which may have arguments: `code --wait`. No shell reads it, so
    # nothing in a folder's name is a command.
    try:
        command = _words_of(editor)
        ended = subprocess.run([*command, str(path)], check=False).returncode  # noqa: S603
    except (OSError, ValueError) as fault:
        why = fault.strerror if isinstance(fault, OSError) else str(fault)
        raise BadInput(
            f"The editor {editor!r} could not be started: {why}. Nothing was recorded. "
            "Set VISUAL or EDITOR to a program, such as nano."
        ) from fault
    if ended:
        raise BadInput(f"The editor ended with {ended}. Nothing was recorded.")


def _words_of(editor: str) -> list[str]:
    """An editor's program and arguments. Raises ValueError for none, or an open quote."""
    if Path(editor).is_file():  # a path with spaces in it, as on Windows
        return [editor]
    is_posix = os.name == "posix"
    words = [word if is_posix else word.strip('"') for word in shlex.split(editor, posix=is_posix)]
    if not words:
        raise ValueError("it names no program")
    return words


def _new_file(folder: Path, text: str) -> Path:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle, name = mkstemp(prefix="section-", suffix=".txt", dir=folder, text=True)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
    return Path(name)


def _text_of(path: Path, note: str) -> str:
    return path.read_text(encoding="utf-8", errors="replace").partition(note.strip())[0].strip()
