"""Rehearsals: the scenarios, and one that runs while its story is read."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from dataclasses import dataclass, field
from typing import Any

from flask import Blueprint, Response

from workflow.console.pages import Desk, desk, events, go_to, page
from workflow.drill import Scenario, all_scenarios
from workflow.errors import BadInput
from workflow.workspace import Workspace

_ENDS_WITHIN_SECONDS = 10.0


@dataclass
class Play:
    """One run of a scenario, as a process of its own like every command."""

    name: str
    process: subprocess.Popen[str]
    lines: list[str] = field(default_factory=list)
    result: dict[str, Any] = field(default_factory=dict)
    code: int | None = None

    @property
    def score(self) -> list[tuple[str, str]]:
        """The figures at the end of the story, with their names."""
        at = self.lines.index("Score") if "Score" in self.lines else len(self.lines)
        found = []
        for line in self.lines[at + 1 :]:
            name, gap, figure = line.strip().partition("  ")
            if not gap:
                break
            found.append((name, figure.strip()))
        return found


def drill_pages() -> Blueprint:
    """The scenarios, and the running one."""
    pages = Blueprint("drills", __name__, url_prefix="/rehearsals")
    plays: dict[str, Play] = {}

    @pages.get("/")
    def listed() -> Response:
        with desk().workspace() as workspace:
            found = _scenarios(workspace)
        return page("rehearsals", scenarios=found, plays=plays, here="rehearsals")

    @pages.get("/<name>/")
    def show(name: str) -> Response:
        return _shown("rehearsal", name, plays)

    @pages.get("/<name>/live")
    def live(name: str) -> Response:
        return _shown("part_rehearsal", name, plays)

    @pages.get("/<name>/events")
    def changes(name: str) -> Response:
        return events(desk(), "", lambda _workspace: _state(plays.get(name)))

    @pages.post("/<name>/play")
    def play(name: str) -> Response:
        with desk().workspace() as workspace:
            scenario = _named(workspace, name)
        running = plays.get(name)
        if running is None or running.code is not None:
            plays[name] = _begin(desk(), scenario)
        return go_to("drills.show", name=name)

    return pages


def _shown(template: str, name: str, plays: dict[str, Play]) -> Response:
    with desk().workspace() as workspace:
        scenario = _named(workspace, name)
    play = plays.get(name)
    return page(template, scenario=scenario, play=play, seen=_state(play), here="rehearsals")


def _state(play: Play | None) -> str:
    """The state behind a rehearsal's page."""
    return f"{len(play.lines)} {play.code}" if play else "not played"


def _scenarios(workspace: Workspace) -> list[Scenario]:
    return all_scenarios(workspace.templates / "rehearsals")


def _named(workspace: Workspace, name: str) -> Scenario:
    found = next((each for each in _scenarios(workspace) if each.name == name), None)
    if found is None:
        raise BadInput(f"There is no rehearsal {name!r}.")
    return found


def _begin(of: Desk, scenario: Scenario) -> Play:
    """Start the story; its text comes on stderr, its figures as one document on stdout."""
    process = subprocess.Popen(  # noqa: S603 - this program itself, with a name of its own list
        [sys.executable, "-m", "workflow", "rehearse", scenario.name, "--json"],
        env=os.environ | {"PYTHONUNBUFFERED": "1", "NO_COLOR": "1"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        errors="replace",
    )
    play = Play(scenario.name, process)
    threading.Thread(target=_follow, args=[play], daemon=True).start()
    threading.Thread(target=_end_with_the_console, args=[of, play], daemon=True).start()
    return play


def _follow(play: Play) -> None:
    assert play.process.stderr is not None  # noqa: S101 - a pipe, as asked for
    assert play.process.stdout is not None  # noqa: S101
    for line in play.process.stderr:
        play.lines.append(line.rstrip("\n"))
    said = play.process.stdout.read()
    play.code = play.process.wait()
    try:
        play.result = json.loads(said)
    except ValueError:
        play.result = {}
    # `play.code` is set before the result is read: live pages look once more.
    play.lines.append("")


def _end_with_the_console(of: Desk, play: Play) -> None:
    of.closing.wait()
    if play.process.poll() is None:
        play.process.terminate()
