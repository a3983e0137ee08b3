"""The terminal: text on the right stream, with colour; questions, and passphrases.

Text of customers and colleagues is shown as text: a control character in a name never reaches the
terminal as a command.

Also the exit paths outside a command: usage errors, early Ctrl-C, unwritable stdout. Each ends with
a sentence and the contract's exit code, and under `--json` with the one document too.

An ambiguous time is asked about. A repeated command finishes a stopped run, or is asked about. A
text can be written in the person's own editor, and is kept until it is recorded.

A passphrase is typed without being shown, or set in the environment for scripts.
"""

from __future__ import annotations

import errno
import getpass
import json
import os
import re
import secrets
import shlex
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from tempfile import mkstemp
from typing import TYPE_CHECKING, Annotated, Any, TextIO
from zoneinfo import ZoneInfo

import typer

from workflow import files, same_command, workspace
from workflow.errors import INTERRUPTED, BadInput, NotSetUp, PostmortemError, why_refused
from workflow.times import reading, spoken_time

if TYPE_CHECKING:
    from workflow.ledger.changes import Run
    from workflow.times.spoken_time import DateOrder, Moment, WhenOpen
    from workflow.workspace import Workspace


# --- Output ---------------------------------------------------------------------------------------

INTERRUPTED_WORDS = "Interrupted. Everything so far is recorded."


class AnswerLost(NotSetUp):
    """stdout or stderr can't be written. `str()` is the sentence."""

    def __init__(self, fault: OSError) -> None:
        super().__init__(
            f"The answer could not be written: {fault.strerror}.",
            "What was done is recorded: postmortem show",
        )


class DiskFault(NotSetUp):
    """The disk refused a write: the system's own error, wherever it occurred."""

    asks_what_is_kept = True

    def __init__(self, fault: OSError) -> None:
        what = f"{fault.filename} can't be written" if fault.filename else "A file can't be written"
        super().__init__(
            f"{what}: {fault.strerror}.",
            "Free some space there or use another folder, then try again.",
        )


class FileRefused(NotSetUp):
    """The system refused a file: its permissions, or on Windows another program that has it open.

    It is said here for files that no command names, such as the sign-in.
    """

    def __init__(self, fault: OSError) -> None:
        super().__init__(
            f"{fault.filename2 or fault.filename} can't be used: {why_refused(fault)}."
        )


class NothingDone(Exception):
    """Ctrl-C while the command was still being loaded."""


def interrupted(given: Sequence[str], words: str = INTERRUPTED_WORDS) -> int:
    """Say that a run was interrupted before its command began; returns its exit code."""
    say_to_stderr(words)
    tell_script(given, words, INTERRUPTED)
    return INTERRUPTED


def tell_script(given: Sequence[str], sentence: str, code: int) -> None:
    """Write the one JSON document about an error, if `given` requested it."""
    options = given[: given.index("--")] if "--" in given else given
    if "--json" in options:
        with suppress(OSError):
            sys.stdout.write(plain_json(fault_json(sentence, code)) + "\n")
            sys.stdout.flush()


def as_error(fault: Exception) -> PostmortemError | None:
    """The error that stopped a command, for a person; None for a bug of this program."""
    if isinstance(fault, OSError) and fault.errno in _OF_THE_DISK:
        return DiskFault(fault)
    if isinstance(fault, PermissionError) and fault.filename:
        return FileRefused(fault)
    return fault if isinstance(fault, PostmortemError) else None


def fault_json(sentence: str, code: int) -> dict[str, Any]:
    """The `--json` document for an error."""
    return {"error": sentence, "exit_code": code}


def finish_streams() -> None:
    """Flush the streams, or give up on them: Python would exit with 120 otherwise."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            let_go(stream)


def let_go(stream: TextIO) -> None:
    """Point a failed stream at the null device, so that Python's exit doesn't fail again."""
    with suppress(OSError, ValueError):
        nothing = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nothing, stream.fileno())
        os.close(nothing)


# A disk that is full (or a quota), read-only, or faulty.
_OF_THE_DISK = frozenset(
    getattr(errno, name) for name in ("ENOSPC", "EDQUOT", "EROFS", "EIO") if hasattr(errno, name)
)


def say_to_stderr(sentence: str) -> None:
    """Write a sentence to stderr, if possible."""
    with suppress(OSError):
        sys.stderr.write(printable(sentence) + "\n")
        sys.stderr.flush()


_STYLES = {"good": "32", "warn": "33", "bad": "31", "strong": "1", "faint": "2", "link": "36"}


@dataclass
class Speaker:
    """Speak to a person, or with `as_json` leave stdout to one JSON document.

    `loudness` is -1 for quiet, 0, or 1 and more for `-v`. A stream that can't be written (a full
    disk, a closed reader) never stops the work: `lost` is why stdout was given up.
    `interrupted_words` answer a Ctrl-C while a question waits; "" otherwise.
    `next_after_interrupt` is the command that finishes what a Ctrl-C stopped, if there is one.
    """

    as_json: bool = False
    loudness: int = 0
    out: TextIO = field(default_factory=lambda: sys.stdout)
    err: TextIO = field(default_factory=lambda: sys.stderr)
    has_answered: bool = field(default=False, init=False)
    lost: OSError | None = field(default=None, init=False)
    interrupted_words: str = field(default="", init=False)
    next_after_interrupt: str = field(default="", init=False)

    @property
    def people(self) -> TextIO:
        """The stream for people."""
        return self.err if self.as_json else self.out

    def say(self, text: str = "", style: str = "") -> None:
        """A line for a person, left out under `-q`."""
        if self.loudness >= 0:
            self._line(self.people, text, style)

    def answer(self, text: str, style: str = "") -> None:
        """The requested answer: shown under `-q` too."""
        self._line(self.people, text, style)

    def next_step(self, text: str) -> None:
        """What to type next."""
        self.say(f"Next: {text}", "faint")

    def notice(self, text: str) -> None:
        """A line that a person needs to continue, on stderr, also under `-q`."""
        self._line(self.err, text, "")

    def warn(self, text: str) -> None:
        """A warning for the person, on stderr."""
        self._line(self.err, text, "warn")

    def wrong(self, text: str) -> None:
        """An error, on stderr."""
        self._line(self.err, text, "bad")

    def document(self, value: Any) -> None:
        """The one JSON document. A second one is skipped: scripts read stdout as a whole."""
        if self.has_answered:
            return
        self.has_answered = True
        self._write(self.out, plain_json(value) + "\n")

    @property
    def is_interactive(self) -> bool:
        """Whether a person can be asked."""
        return not self.as_json and sys.stdin.isatty() and self.people.isatty()

    def ask(self, question: str, *, undone: str = "Nothing was done.") -> str:
        """A person's answer to a question; "" if the input ends.

        `undone` says, after a Ctrl-C at the question, what did not happen.
        """
        with self.asking(undone):
            self._write(self.people, self._styled(self.people, printable(question), "strong"))
            return sys.stdin.readline().strip()

    def ask_secret(self, question: str, *, undone: str) -> str:
        """The same for an answer that is not shown. Raises `BadInput` if the input ends."""
        try:
            with self.asking(undone):
                return getpass.getpass(question)
        except EOFError:
            raise BadInput(f"No answer was typed. {undone}") from None

    @contextmanager
    def asking(self, undone: str) -> Iterator[None]:
        """While a question waits: `undone` says, after a Ctrl-C, what did not happen."""
        self.interrupted_words = f"Interrupted at the question. {undone}"
        yield
        self.interrupted_words = ""

    def wait_for_enter(self, question: str) -> bool:
        """Wait until a person presses Enter; False if the input ends."""
        self._write(self.err, self._styled(self.err, printable(question), "strong"))
        return bool(sys.stdin.readline())

    def _line(self, stream: TextIO, text: str, style: str) -> None:
        shown = printable(text)
        if stream.isatty():
            shown = wrapped(shown, shutil.get_terminal_size().columns)
        self._write(stream, self._styled(stream, shown, style) + "\n")

    def _write(self, stream: TextIO, text: str) -> None:
        """Write a whole text now, or give up on a stream that fails."""
        try:
            stream.write(text)
            stream.flush()
        except OSError as fault:
            let_go(stream)
            if stream is self.out:
                self.lost = self.lost or fault

    def _styled(self, stream: TextIO, text: str, style: str) -> str:
        if not style or not has_colour(stream):
            return text
        return f"\x1b[{_STYLES[style]}m{text}\x1b[0m"


def wrapped(text: str, width: int) -> str:
    """Text wrapped at a terminal's width, between words, with its indent kept.

    A long address or command is never broken, because people copy it.
    """
    return "\n".join(part for line in text.split("\n") for part in _in_lines(line, width))


def _in_lines(line: str, width: int) -> list[str]:
    if len(line) <= width or width < _NARROWEST:
        return [line]
    indent = line[: len(line) - len(line.lstrip())]
    below = indent + "  "
    for found in _COMMAND.finditer(line):
        before, command = line[: found.start()].rstrip(), line[found.start() :]
        if len(below) + len(command) <= width or _is_to_copy(before, command):
            return [*_in_lines(before, width), below + command] if before else [line]
    return textwrap.wrap(
        line.strip(),
        width,
        initial_indent=indent,
        subsequent_indent=below,
        break_long_words=False,
        break_on_hyphens=False,
    )


_NARROWEST = 20
# A command with the variables that are set for it, or the line that sets them for all that follow.
_COMMAND = re.compile(r"(?:\b[A-Z_]+=\S+ )*(?<![^\s:])(?:\S*/)?postmortem [a-z-]|\bexport [A-Z_]+=")


def _is_to_copy(before: str, command: str) -> bool:
    """Whether a line ends with a command, and not with a sentence that names one."""
    outside_quotes = re.sub(r"'[^']*'|\"[^\"]*\"", "x", command)
    return (not before or before.endswith(":")) and not re.search(r"[,.;:](\s|$)", outside_quotes)


def has_colour(stream: TextIO) -> bool:
    """Whether a stream shows colour: a terminal without NO_COLOR (https://no-color.org)."""
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return False
    return stream.isatty()


def plain_json(value: Any) -> str:
    """A JSON document without characters that act on a terminal.

    Control characters and direction marks are escaped as in JSON.
    """
    return "".join(
        letter if letter == "\n" or not _is_control(letter) else f"\\u{ord(letter):04x}"
        for letter in json.dumps(value, ensure_ascii=False, indent=2)
    )


def printable(text: str) -> str:
    """Text without control characters and direction marks; line ends stay."""
    return "".join(
        letter if letter in "\n\t" or not _is_control(letter) else "\ufffd" for letter in text
    )


# Embeddings, overrides and isolates (Unicode, UAX 9): they can make one address look like another.
_TURNS = frozenset(map(chr, (*range(0x202A, 0x202F), *range(0x2066, 0x206A))))


def _is_control(letter: str) -> bool:
    code = ord(letter)
    return code < 0x20 or 0x7F <= code < 0xA0 or 0xD800 <= code < 0xE000 or letter in _TURNS


def make_streams_safe() -> None:
    """Print any character: a terminal that can't show one shows a replacement."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="replace")


# --- Questions ------------------------------------------------------------------------------------


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


# --- Passphrases ----------------------------------------------------------------------------------

_VARIABLE = "POSTMORTEM_PASSPHRASE"
_TRIES = 3
_NOT_GIVEN = "Nothing was handed over."


def new_passphrase(speaker: Speaker) -> str:
    """A passphrase for a new file, typed twice; Enter creates and shows one. Raises `BadInput`.

    Without a terminal it is POSTMORTEM_PASSPHRASE.
    """
    given = os.environ.get(_VARIABLE, "")
    if given:
        _refuse_short(given)
        return given
    _refuse_without_terminal(speaker)
    for _ in range(_TRIES):
        typed = speaker.ask_secret("Passphrase (press Enter to create one): ", undone=_NOT_GIVEN)
        if not typed:
            made = "-".join(workspace.new_id(5) for _ in range(5))
            speaker.answer(f"Passphrase: {made}", "strong")
            return made
        if len(typed) < files.SHORTEST_PASSPHRASE:
            speaker.warn(f"At least {files.SHORTEST_PASSPHRASE} characters.")
        elif secrets.compare_digest(
            speaker.ask_secret("Repeat it: ", undone=_NOT_GIVEN).encode(), typed.encode()
        ):
            return typed
        else:
            speaker.warn("The two do not match.")
    raise BadInput(f"No passphrase. {_NOT_GIVEN}")


def known_passphrase(speaker: Speaker) -> str:
    """The passphrase of a file that somebody else wrote. Raises `BadInput`."""
    given = os.environ.get(_VARIABLE, "")
    if given:
        return given
    _refuse_without_terminal(speaker)
    return speaker.ask_secret("Passphrase: ", undone="Nothing was taken over.")


def _refuse_short(given: str) -> None:
    if len(given) < files.SHORTEST_PASSPHRASE:
        raise BadInput(
            f"{_VARIABLE} is too short: at least {files.SHORTEST_PASSPHRASE} characters."
        )


def _refuse_without_terminal(speaker: Speaker) -> None:
    if not speaker.is_interactive:
        raise BadInput(f"Set {_VARIABLE} to the file's passphrase.")
