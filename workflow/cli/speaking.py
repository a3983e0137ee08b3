"""What a person sees in the terminal: words on the right stream, colour where it helps.

Text of customers and colleagues is shown as text: a control character in a name never reaches the
terminal as a command.
"""

from __future__ import annotations

import json
import os
import sys
from dataclasses import dataclass, field
from typing import Any, TextIO

from workflow.cli.ending import AnswerLost, let_go

_STYLES = {"good": "32", "warn": "33", "bad": "31", "strong": "1", "faint": "2", "link": "36"}


@dataclass
class Speaker:
    """Speaks to a person, or with `as_json` leaves stdout to one JSON document.

    `loudness` is -1 for quiet, 0, or 1 and more for `-v`.
    """

    as_json: bool = False
    loudness: int = 0
    out: TextIO = field(default_factory=lambda: sys.stdout)
    err: TextIO = field(default_factory=lambda: sys.stderr)
    has_answered: bool = field(default=False, init=False)

    @property
    def people(self) -> TextIO:
        """Where words for people go."""
        return self.err if self.as_json else self.out

    def say(self, text: str = "", style: str = "") -> None:
        """A line for a person, left out under `-q`."""
        if self.loudness >= 0:
            self._line(self.people, text, style)

    def answer(self, text: str, style: str = "") -> None:
        """What was asked for: shown under `-q` too."""
        self._line(self.people, text, style)

    def next_step(self, text: str) -> None:
        """What to type next."""
        self.say(f"Next: {text}", "faint")

    def notice(self, text: str) -> None:
        """What a person needs to go on, on stderr and under `-q` too."""
        self._line(self.err, text, "")

    def warn(self, text: str) -> None:
        """Something that a person should know of, on stderr."""
        self._line(self.err, text, "warn")

    def wrong(self, text: str) -> None:
        """What went wrong, on stderr."""
        self._line(self.err, text, "bad")

    def document(self, value: Any) -> None:
        """The one JSON document. A second one is left out: scripts read stdout as a whole."""
        if self.has_answered:
            return
        self.has_answered = True
        _write(self.out, json.dumps(value, ensure_ascii=False, indent=2) + "\n")

    @property
    def is_interactive(self) -> bool:
        """Whether a person can be asked."""
        return not self.as_json and sys.stdin.isatty() and self.people.isatty()

    def ask(self, question: str) -> str:
        """A person's answer to a question; "" where the input ends."""
        _write(self.people, self._styled(self.people, question, "strong"))
        return sys.stdin.readline().strip()

    def _line(self, stream: TextIO, text: str, style: str) -> None:
        _write(stream, self._styled(stream, printable(text), style) + "\n")

    def _styled(self, stream: TextIO, text: str, style: str) -> str:
        if not style or not has_colour(stream):
            return text
        return f"\x1b[{_STYLES[style]}m{text}\x1b[0m"


def _write(stream: TextIO, text: str) -> None:
    """Write all of a text now. Raises `AnswerLost`, and `BrokenPipeError` where nobody reads."""
    try:
        stream.write(text)
        stream.flush()
    except BrokenPipeError:
        let_go(stream)
        raise
    except OSError as fault:
        let_go(stream)
        raise AnswerLost(fault) from fault


def has_colour(stream: TextIO) -> bool:
    """Whether a stream shows colour: a terminal, and nobody said no (https://no-color.org)."""
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return False
    return stream.isatty()


def printable(text: str) -> str:
    """Text without control characters and what turns the writing's direction; line ends stay."""
    return "".join(
        letter if letter in "\n\t" or not _is_control(letter) else "\ufffd" for letter in text
    )


# Embeddings, overrides and isolates (Unicode, UAX 9): with one, an address can look like another.
_TURNS = frozenset(map(chr, (*range(0x202A, 0x202F), *range(0x2066, 0x206A))))


def _is_control(letter: str) -> bool:
    code = ord(letter)
    return code < 0x20 or 0x7F <= code < 0xA0 or 0xD800 <= code < 0xE000 or letter in _TURNS


def make_streams_safe() -> None:
    """Let no character stop a message: where a terminal can't show one, it shows a stand-in."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="replace")
