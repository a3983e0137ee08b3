"""Pages beside the incidents: the set-up of this machine, and rehearsals on it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import tomlkit
from flask import Blueprint, Response, request
from tomlkit.exceptions import TOMLKitError
from werkzeug.datastructures import MultiDict

from workflow.config import ConfigBad, load_settings
from workflow.console.pages import (
    ChangeResult,
    Desk,
    Failed,
    Form,
    ResultLine,
    attempt,
    desk,
    events,
    go_to,
    page,
)
from workflow.drill import Scenario, all_scenarios
from workflow.errors import BadInput
from workflow.files import write_whole
from workflow.setup.doctor import Level, SetupFinding, examine_google, examine_machine
from workflow.workspace import Workspace

# --- Setup ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class SettingField:
    """A setting on the page. `kind` is a text, a list of texts, or a check box."""

    name: str
    label: str
    hint: str
    kind: Literal["text", "list", "tick"] = "text"


SETTINGS = (
    SettingField("organisation", "Your organisation", "Customers read it in every email."),
    SettingField("support", "Support address", "Where customers get help: an address or a page."),
    SettingField("sender_name", "Sender's name", "The name beside the address that sends."),
    SettingField("reply_to", "Reply-to address", "Empty: replies go to the address that sends."),
    SettingField(
        "owner", "Owner of new incidents", "Who leads them, unless somebody else is named."
    ),
    SettingField("time_zone", "Time zone", "Like Europe/Berlin. Empty: this machine's."),
    SettingField("share", "Share new docs with", "Addresses or domains, one in each line.", "list"),
    SettingField("share_notify", "Let Google write to people a doc is shared with", "", "tick"),
    SettingField("folder", "Drive folder", "The id of the folder for new docs. Empty: My Drive."),
    SettingField("templates", "Folder of your templates", "Empty: only the shipped ones."),
    SettingField(
        "own_domains",
        "Your own domains",
        "One in each line. No customers are there.",
        "list",
    ),
)


def setup_pages() -> Blueprint:
    """The setup page with both parts."""
    pages = Blueprint("setup", __name__, url_prefix="/setup")

    @pages.get("/")
    def show() -> Response:
        return _settings()

    @pages.get("/doctor")
    def doctor() -> Response:
        with desk().workspace() as workspace:
            found = _examined(workspace)
        bad = sum(each.level is Level.BROKEN for each in found)
        return page("doctor", found=found, bad=bad, here="setup")

    @pages.post("/settings")
    def change() -> Response:
        form = Form()
        with desk().workspace() as workspace:
            done = attempt("settings", lambda: _save(workspace, form))
        if isinstance(done, Failed):
            return _settings(done, request.form)
        return go_to("setup.show", done)

    return pages


def _settings(failed: Failed | None = None, typed: MultiDict[str, str] | None = None) -> Response:
    with desk().workspace() as workspace:
        settings = workspace.settings
    return page(
        "settings",
        422 if failed else 200,
        settings=settings,
        offered=SETTINGS,
        failed=failed,
        typed=typed or {},
        here="setup",
    )


def _examined(workspace: Workspace) -> list[SetupFinding]:
    """All checks of `doctor`."""
    google = examine_google(workspace, desk().emulator(workspace))
    return [*examine_machine(workspace), *google]


def _save(workspace: Workspace, form: Form) -> ChangeResult:
    """Write changed settings into the config file; everything else in it stays."""
    path = workspace.settings.config_path
    before = path.read_text(encoding="utf-8") if path.exists() else ""
    after = changed(before, _typed(workspace, form))
    if after == before:
        return ChangeResult((ResultLine("plain", "Nothing was changed."),))
    _refuse_bad(path, after, workspace.settings.profile)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_whole(path, after.encode())
    return ChangeResult((ResultLine("good", f"Saved to {path}."),))


def _typed(workspace: Workspace, form: Form) -> dict[str, str | list[str] | bool]:
    """The changed settings; an untouched setting isn't written."""
    config, found = workspace.settings.config, {}
    for setting in SETTINGS:
        value: str | list[str] | bool = form.text(setting.name)
        present = getattr(config, setting.name)
        if setting.kind == "list":
            value, present = form.text(setting.name).split(), list(present)
        elif setting.kind == "tick":
            value = form.has(setting.name)
        if value != present:
            found[setting.name] = value
    return found


def changed(text: str, values: dict[str, str | list[str] | bool]) -> str:
    """A TOML text with new top-level values, its comments and order kept.

    Raises `ConfigBad` for invalid TOML.
    """
    try:
        document = tomlkit.parse(text)
    except (TOMLKitError, RecursionError) as fault:
        raise ConfigBad(f"The config file can't be read: {fault}.") from fault
    for name, value in values.items():
        document[name] = value
    return tomlkit.dumps(document)


def _refuse_bad(path: Path, text: str, profile: str) -> None:
    """Raise `ConfigBad` for a config with which the program could not start."""
    trial = path.with_name(f".{path.name}.checked")
    write_whole(trial, text.encode())
    try:
        load_settings({**os.environ, "POSTMORTEM_CONFIG": str(trial)}, profile)
    except ConfigBad as bad:
        raise ConfigBad(str(bad).replace(str(trial), str(path))) from None
    finally:
        trial.unlink(missing_ok=True)


# --- Rehearsals -----------------------------------------------------------------------------------

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
        # -P: never run a `workflow` or `json.py` from the folder that a person is in.
        [sys.executable, "-P", "-m", "workflow", "rehearse", scenario.name, "--json"],
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
