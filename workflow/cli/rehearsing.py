"""Running a rehearsal: every step a real command in its own process, printed as it runs."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import typer

from workflow.cli.commands import Asked
from workflow.cli.opening import STORY_TIME, rehearsal_folder, shipped_templates
from workflow.cli.processes import run_command
from workflow.cli.speaking import Speaker
from workflow.config import Settings
from workflow.flows.scenario import Scenario, Step, load_scenario
from workflow.rehearsal.lifecycle import ensure_running
from workflow.rehearsal.lifecycle import stop as stop_server


def run(asked: Asked, settings: Settings, name: str) -> None:
    """Run a scenario from its first sign to its closed loop, and say what to look at."""
    speaker = asked.speaker
    scenario = load_scenario(name, shipped_templates() / "rehearsals")
    server = ensure_running(rehearsal_folder(settings))
    speaker.say(f"Rehearsal: {scenario.title}", "strong")
    speaker.say("Everything stays on this machine: the Google of a rehearsal is a local one.")
    incident = ""
    for step in scenario.steps:
        incident = _run_step(speaker, settings, scenario, step, incident) or incident
    record = settings.profile_folder / "records" / incident
    _command(speaker, settings, scenario, ["export", str(record)], incident, scenario.steps[-1])
    if speaker.as_json:
        speaker.document(
            {
                "incident": incident,
                "record": str(record),
                "docs": server.base_url + "/",
                "mailbox": server.base_url + "/mail",
            }
        )
    speaker.say()
    speaker.say("The rehearsal is over. Look at what it left:", "good")
    speaker.answer(f"  the doc and the mailbox   {server.base_url}/")
    speaker.answer(f"  the mails, one by one     {server.base_url}/mail")
    speaker.answer(f"  the record on disk        {record}")
    program = _program()
    speaker.say(
        f"The pages close after 15 quiet minutes; this reopens them: {program} rehearse serve"
    )
    speaker.next_step(f'{program} --profile rehearsal start "Your own drill"')


def _run_step(
    speaker: Speaker, settings: Settings, scenario: Scenario, step: Step, incident: str
) -> str:
    """Run one step; the id of the incident that it started, or ""."""
    if step.say:
        speaker.say()
        speaker.say(step.say, "link")
    output = _command(speaker, settings, scenario, list(step.arguments), incident, step)
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
) -> str:
    shown = [_short(word) for word in arguments]
    time_of_day = f"{step.at:%I:%M %p}".lstrip("0")
    speaker.say(f"{time_of_day:>8}  $ postmortem {shlex.join(shown)}", "strong")
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
    if done.code:
        speaker.wrong(f"This step ended with exit code {done.code}; the rehearsal stops here.")
        raise typer.Exit(done.code)
    return done.said


def _program() -> str:
    """How this program is typed here: with its folder, and its path where it is on none."""
    beside = Path(sys.executable).parent / "postmortem"
    typed = "postmortem" if shutil.which("postmortem") or not beside.exists() else str(beside)
    home = os.environ.get("POSTMORTEM_HOME", "")
    return f"POSTMORTEM_HOME={shlex.quote(home)} {typed}" if home else typed


def _short(word: str) -> str:
    """A command line's word as it is shown: a list by its name, a long text cut."""
    if word.endswith(".csv") and "/" in word:
        word = Path(word).name
    return word if len(word) <= 60 else word[:57] + "…"


def serve(asked: Asked, settings: Settings, port: int) -> None:
    """Show the rehearsal's docs and mailbox until Ctrl-C."""
    folder = rehearsal_folder(settings)
    if port:
        from workflow.rehearsal.lifecycle import find_running  # noqa: PLC0415
        from workflow.rehearsal.lifecycle import serve as serve_here  # noqa: PLC0415

        if find_running(folder):
            stop_server(folder)
        asked.speaker.answer(f"http://127.0.0.1:{port}/", "link")
        serve_here(folder, port)
        return
    server = ensure_running(folder)
    if asked.speaker.as_json:
        asked.speaker.document(
            {"docs": server.base_url + "/", "mailbox": server.base_url + "/mail"}
        )
        return
    asked.speaker.say("The rehearsal's docs and its mailbox:")
    asked.speaker.answer(f"  {server.base_url}/", "link")
    asked.speaker.answer(f"  {server.base_url}/mail", "link")
    if asked.speaker.is_interactive:
        asked.speaker.say("Ctrl-C ends this; the pages close after 15 quiet minutes.")
        threading.Event().wait()


def stop(asked: Asked, settings: Settings) -> None:
    """Stop the rehearsal's server; its docs and mails stay."""
    stopped = stop_server(rehearsal_folder(settings))
    asked.speaker.say("Stopped." if stopped else "It was not running.")
