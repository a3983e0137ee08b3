"""The README and the guide as a reader uses them: commands, their times, their output."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
README = ROOT / "README.md"
GUIDE = ROOT / "docs" / "incident-guide.md"
# The day of the guide's story.
STORY_DAY = "2026-11-24"

_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_CLOCK = re.compile(r"^#+ (\d{1,2}):(\d\d) ([AP])M\b", re.MULTILINE)


@dataclass(frozen=True)
class ShownCommand:
    """A command of a `console` block.

    `at` is the time in the heading above it, 24 hours, "" without one; `settings` are the
    environment variables before it; `says` are the lines below it, in which a line `…` stands for
    any others.
    """

    at: str
    words: tuple[str, ...]
    settings: dict[str, str]
    says: tuple[str, ...]


def blocks(text: str, language: str) -> list[str]:
    """The contents of all fenced blocks in a language."""
    return [found[2] for found in _BLOCK.finditer(text) if found[1] == language]


def shown_commands(text: str) -> Iterator[ShownCommand]:
    """Every `$ postmortem …` of a page's console blocks, in order."""
    for block in _BLOCK.finditer(text):
        if block[1] == "console":
            yield from _commands(block[2], _clock_above(text, block.start()))


def _commands(block: str, at: str) -> Iterator[ShownCommand]:
    for shown in re.split(r"^\$ ", block.replace("\\\n", ""), flags=re.MULTILINE)[1:]:
        line, _, answer = shown.partition("\n")
        words = shlex.split(line)
        named = words.index("postmortem")
        settings = dict(word.split("=", 1) for word in words[:named])
        lines = tuple(each.rstrip() for each in answer.rstrip("\n").split("\n"))
        yield ShownCommand(at, tuple(words[named + 1 :]), settings, lines if answer else ())


def _clock_above(text: str, place: int) -> str:
    found = list(_CLOCK.finditer(text, 0, place))
    if not found:
        return ""
    hour, minute, half = found[-1].groups()
    return f"{int(hour) % 12 + (12 if half == 'P' else 0):02}:{minute}"


def same_each_time(text: str) -> list[str]:
    """Lines of output without the parts that change with each run: ids, ports, paths."""
    for pattern, stand_in in (
        (r"http://127\.0\.0\.1:\d+", "http://127.0.0.1"),
        (r"/document/d/[\w-]+/", "/document/d/ID/"),
        (r"\b(Incident|incident|Notice|notice|resume) [2-9b-z]{8}\b", r"\1 ID"),
        (r"  \[[2-9b-z]{8,}\]$", "  [ID]"),
        (r"^\d{4}-\d\d-\d\d \d\d:\d\d  ", "WHEN  "),  # `told` uses the machine's zone
    ):
        text = re.sub(pattern, stand_in, text, flags=re.MULTILINE)
    return [line.rstrip() for line in text.rstrip("\n").split("\n")] if text.strip() else []


def fits(shown: list[str], said: list[str]) -> bool:
    """Whether the shown output is the real one; a line `…` matches any number of lines."""
    pattern = "".join(
        r"(?:.*\n)*" if line.strip() == "…" else re.escape(line) + r"\n" for line in shown
    )
    return re.fullmatch(pattern, "".join(f"{line}\n" for line in said)) is not None
