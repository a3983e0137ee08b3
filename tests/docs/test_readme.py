"""README and incident guide: their commands are run, and their output is compared."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.command_line import Postmortem
from tests.google_world import GoogleWorld
from tests.readme_page import (
    GUIDE,
    README,
    STORY_DAY,
    ShownCommand,
    blocks,
    fits,
    same_each_time,
    shown_commands,
)

# The story's exit codes other than 0, by the heading's time.
ENDS_WITH = {("17:10", "log"): 5}


@pytest.fixture
def reader(postmortem: Postmortem, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Postmortem:
    """A person who types a page's commands in an empty folder."""
    monkeypatch.chdir(tmp_path)
    postmortem.environment["POSTMORTEM_PROFILE"] = "rehearsal"
    return postmortem


def type_in(reader: Postmortem, shown: ShownCommand, second: int) -> tuple[list[str], list[str]]:
    """Type a command at its time in the story; returns its stdout and stderr."""
    at = f"{STORY_DAY}T{shown.at}:{second:02}+01:00" if shown.at else ""
    now = {"POSTMORTEM_REHEARSAL_NOW": at} if at else {}
    expect = ENDS_WITH.get((shown.at, shown.words[0]), 0)
    result = reader(*shown.words, expect=expect, **now, **shown.settings)
    return same_each_time(result.out), same_each_time(result.err)


def live_through(page: Path, reader: Postmortem) -> list[str]:
    """Type and compare every command of a page; returns the addresses of the page's list."""
    text = page.read_text(encoding="utf-8")
    rows = blocks(text, "csv")[0]
    Path("customers.csv").write_text(rows, encoding="utf-8")
    for second, command in enumerate(shown_commands(text)):
        out, err = type_in(reader, command, second)
        shown = same_each_time("\n".join(command.says))
        words = [line for line in shown if line not in err]
        shows_warnings = [line for line in shown if line in err] == err or "…" in shown
        if not (shows_warnings and fits(words, out)):
            said = "\n".join([*out, *err])
            pytest.fail(f"{page.name} {command.at}: {' '.join(command.words)}\n{said}")
    return [line.split(",")[0] for line in rows.splitlines()[1:]]


def test_the_guides_story_says_what_the_page_shows(reader: Postmortem, google: GoogleWorld) -> None:
    customers = live_through(GUIDE, reader)
    told = google.copies_per_recipient()
    assert [told[address] for address in customers] == [2, 2, 2]
    assert told["you@rehearsal.example"] == 1


def test_the_readmes_incident_works_as_it_is_typed(
    reader: Postmortem, google: GoogleWorld, tmp_path: Path
) -> None:
    customers = live_through(README, reader)
    told = google.copies_per_recipient()
    assert [told[address] for address in customers] == [2, 2]
    assert (tmp_path / "record" / "record.json").exists()


def test_the_guide_shows_every_command_of_an_incidents_day() -> None:
    text = GUIDE.read_text(encoding="utf-8")
    typed = {command.words[0] for command in shown_commands(text)}
    day = "start announce log status section notify resume sync close show told export"
    assert typed == set(day.split())


def test_the_readme_is_read_on_two_screens() -> None:
    assert len(README.read_text(encoding="utf-8").splitlines()) <= 115
