"""Running a rehearsal: every step a real command in its own process, printed as it runs."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import typer

from workflow.cli.commands import Asked
from workflow.cli.drill_score import (
    incident_before,
    say_score,
    score_json,
    score_of,
    take_up_again,
)
from workflow.cli.opening import STORY_TIME, rehearsal_folder, shipped_templates
from workflow.cli.processes import run_command
from workflow.cli.speaking import Speaker
from workflow.config import Settings
from workflow.flows.faults import BadInput
from workflow.flows.scenario import Scenario, Step, all_scenarios, load_scenario
from workflow.rehearsal.lifecycle import RunningServer, ensure_running
from workflow.rehearsal.switching import SwitchRefused, set_faults


def scenarios_folder() -> Path:
    """Where the shipped scenarios are."""
    return shipped_templates() / "rehearsals"


def show_scenarios(asked: Asked) -> None:
    """The shipped scenarios, a line each."""
    found = all_scenarios(scenarios_folder())
    if asked.speaker.as_json:
        asked.speaker.document(
            [{"name": each.name, "title": each.title, "about": each.about} for each in found]
        )
        return
    for each in found:
        asked.speaker.answer(f"{each.name:<18}  {each.about}")
    asked.speaker.next_step("postmortem rehearse NAME; with --live your team plays it itself")


def run(asked: Asked, settings: Settings, name: str) -> None:
    """Run a scenario from its first sign to its closed loop, and say what to look at."""
    speaker = asked.speaker
    scenario = load_scenario(name, scenarios_folder())
    server = ensure_running(rehearsal_folder(settings))
    speaker.say(f"Rehearsal: {scenario.title}", "strong")
    speaker.say("Everything stays on this machine: the Google of a rehearsal is a local one.")
    before = incident_before(asked)
    incident = _tell(asked, settings, scenario, server)
    record = settings.profile_folder / "records" / incident
    _command(speaker, settings, scenario, ["export", str(record)], incident, scenario.steps[-1])
    found = score_of(asked, scenario, incident)
    if speaker.as_json:
        speaker.document(
            {
                "incident": incident,
                "record": str(record),
                "docs": server.base_url + "/",
                "mailbox": server.base_url + "/mail",
                "score": score_json(found),
            }
        )
    say_score(asked, found)
    speaker.say()
    speaker.say("The rehearsal is over. Look at what it left:", "good")
    speaker.answer(f"  the doc and the mailbox   {server.base_url}/")
    speaker.answer(f"  the mails, one by one     {server.base_url}/mail")
    speaker.answer(f"  the record on disk        {record}")
    program = program_as_typed()
    speaker.say(
        f"The pages close after 15 quiet minutes; this reopens them: {program} rehearse serve"
    )
    if before is not None:
        take_up_again(asked, before)
    speaker.next_step(f'{program} --profile rehearsal start "Your own drill"')


def switch(server: RunningServer, step: Step) -> None:
    """Switch the step's faults on in the rehearsal Google. Raises `BadInput`."""
    if step.faults is None:
        return
    try:
        set_faults(server, step.faults)
    except SwitchRefused as refused:
        raise BadInput(f"The scenario's step at {step.at:%H:%M}: {refused}") from refused


def _tell(asked: Asked, settings: Settings, scenario: Scenario, server: RunningServer) -> str:
    """Run every step; the incident's id. No fault outlives the story."""
    incident = ""
    set_faults(server, ())
    try:
        for step in scenario.steps:
            switch(server, step)
            incident = _run_step(asked.speaker, settings, scenario, step, incident) or incident
    finally:
        set_faults(server, ())
    return incident


def _run_step(
    speaker: Speaker, settings: Settings, scenario: Scenario, step: Step, incident: str
) -> str:
    """Run one step; the id of the incident that it started, or ""."""
    if step.say:
        speaker.say()
        speaker.say(step.say, "link")
    output = _command(
        speaker, settings, scenario, list(step.arguments), incident, step, expect=step.expect
    )
    if step.arguments[0] != "start":
        return ""
    found = re.search(r"^Incident (\S+)$", output, re.MULTILINE)
    return found[1] if found else ""


def _command(
    speaker: Speaker,
    settings: Settings,
    scenario: Scenario,
    arguments: list[str],
    incident: str,
    step: Step,
    *,
    expect: int = 0,
) -> str:
    speaker.say(f"{time_of_day(step):>8}  $ {as_typed(arguments)}", "strong")
    environment = os.environ | {
        "POSTMORTEM_HOME": str(settings.home),
        "POSTMORTEM_PROFILE": "rehearsal",
        STORY_TIME: step.at.isoformat(),
        "TZ": scenario.time_zone,
    }
    if incident:
        environment["POSTMORTEM_INCIDENT"] = incident
    for name in ("POSTMORTEM_GOOGLE_URL", "POSTMORTEM_DATABASE_URL"):
        environment.pop(name, None)  # a rehearsal touches no other Google, and no team's ledger
    # A bar is drawn on the terminal; anything else stays where the step said it.
    bar = "--send" in arguments and speaker.err.isatty()
    done = run_command(arguments, environment, errors=-1 if bar else subprocess.STDOUT)
    for line in done.said.splitlines():
        speaker.say(f"          {line}")
    if done.code != expect:
        meant = f", not {expect}" if expect else ""
        speaker.wrong(
            f"This step ended with exit code {done.code}{meant}; the rehearsal stops here."
        )
        raise typer.Exit(done.code or 3)
    return done.said


def program_as_typed() -> str:
    """How this program is typed here: with its folder, and its path where it is on none."""
    beside = Path(sys.executable).parent / "postmortem"
    typed = "postmortem" if shutil.which("postmortem") or not beside.exists() else str(beside)
    home = os.environ.get("POSTMORTEM_HOME", "")
    return f"POSTMORTEM_HOME={shlex.quote(home)} {typed}" if home else typed


def as_typed(arguments: list[str] | tuple[str, ...]) -> str:
    """A command as a person types it, with long words cut."""
    return f"postmortem {shlex.join([_short(word) for word in arguments])}"


def time_of_day(step: Step) -> str:
    """When a step happens: `2:39 PM`."""
    return f"{step.at:%I:%M %p}".lstrip("0")


def _short(word: str) -> str:
    """A command line's word as it is shown: a list by its name, a long text cut."""
    if word.endswith(".csv") and "/" in word:
        word = Path(word).name
    return word if len(word) <= 60 else word[:57] + "…"
