"""Setup: the findings of `doctor` with their fixes, and the settings of the config file."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import tomlkit
from flask import Blueprint, Response, request
from tomlkit.exceptions import TOMLKitError
from werkzeug.datastructures import MultiDict

from workflow.config import ConfigBad, load_settings
from workflow.console.pages import Failed, Form, Line, Said, attempt, desk, go_to, page
from workflow.files import write_whole
from workflow.setup.doctor import Level, SetupFinding, examine_google, examine_machine
from workflow.workspace import Workspace


@dataclass(frozen=True)
class Setting:
    """A setting on the page. `kind` is a text, a list of texts, or a check box."""

    name: str
    label: str
    hint: str
    kind: Literal["text", "list", "tick"] = "text"


SETTINGS = (
    Setting("organisation", "Your organisation", "Customers read it in every email."),
    Setting("support", "Support address", "Where customers get help: an address or a page."),
    Setting("sender_name", "Sender's name", "The name beside the address that sends."),
    Setting("reply_to", "Reply-to address", "Empty: replies go to the address that sends."),
    Setting("owner", "Owner of new incidents", "Who leads them, unless somebody else is named."),
    Setting("time_zone", "Time zone", "Like Europe/Berlin. Empty: this machine's."),
    Setting("share", "Share new docs with", "Addresses or domains, one in each line.", "list"),
    Setting("share_notify", "Let Google write to people a doc is shared with", "", "tick"),
    Setting("folder", "Drive folder", "The id of the folder for new docs. Empty: My Drive."),
    Setting("templates", "Folder of your templates", "Empty: only the shipped ones."),
    Setting(
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


def _save(workspace: Workspace, form: Form) -> Said:
    """Write changed settings into the config file; everything else in it stays."""
    path = workspace.settings.config_path
    before = path.read_text(encoding="utf-8") if path.exists() else ""
    after = changed(before, _typed(workspace, form))
    if after == before:
        return Said((Line("plain", "Nothing was changed."),))
    _refuse_bad(path, after, workspace.settings.profile)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_whole(path, after.encode())
    return Said((Line("good", f"Saved to {path}."),))


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
    except TOMLKitError as fault:
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
