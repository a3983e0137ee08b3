"""`rehearse`: drills at the terminal, scripted and live, their pages and their score.

A scripted rehearsal runs every step as a real command in its own process, and prints it. In a live
drill, the scenario says what happens, and the team types the commands. Both end with a score, for
people and for scripts. The rehearsal's docs and mailbox can be shown in a browser.

If processes can be forked, the libraries are loaded once and not for every command: a rehearsal of
twenty commands then takes seconds. Elsewhere each starts in a new process, with the same effect.
"""

from __future__ import annotations

import importlib
import os
import re
import shlex
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any

import typer

from google_rehearsal.admin import SwitchRefused, let_people_act, set_faults
from google_rehearsal.lifecycle import RunningServer, ensure_running, find_running, whole_paths
from google_rehearsal.lifecycle import serve as serve_here
from google_rehearsal.lifecycle import stop as stop_server
from workflow import config
from workflow.cli.app import Asked, app, command, quoted_word
from workflow.cli.session import (
    STORY_TIME,
    STORY_ZONE,
    open_workspace,
    rehearsal_folder,
    shipped_templates,
)
from workflow.cli.terminal import Speaker
from workflow.config import REHEARSAL, Settings
from workflow.drill import (
    ClosedWorld,
    LeavesTheStory,
    Scenario,
    Score,
    StoryStep,
    all_scenarios,
    known_incidents,
    latest_besides,
    load_scenario,
    score,
)
from workflow.errors import INTERRUPTED, BadInput
from workflow.model import Incident
from workflow.workspace import Workspace, go_back_to, open_incident

# --- Drills at the terminal -----------------------------------------------------------------------


def score_of(asked: Asked, scenario: Scenario, incident_id: str) -> Score:
    """The score of an incident in the rehearsal's ledger. Raises `UnknownIncident`."""
    workspace = _rehearsals_workspace(replace(asked, incident=incident_id))
    return score(workspace, workspace.incident(), scenario.customers)


def incidents_before(asked: Asked) -> frozenset[str]:
    """The ids of the incidents in the rehearsal's ledger."""
    workspace = _rehearsals_workspace(asked)
    try:
        return known_incidents(workspace)
    finally:
        workspace.close()  # a drill takes long and must not keep the ledger open


def score_after(asked: Asked, scenario: Scenario, before: frozenset[str]) -> Score | None:
    """The score of the incident started since `before`; None if there is none.

    Not by the clock: a drill runs at the story's time.
    """
    workspace = _rehearsals_workspace(asked)
    incident = latest_besides(workspace, before)
    return None if incident is None else score(workspace, incident, scenario.customers)


def incident_before(asked: Asked) -> Incident | None:
    """The person's current incident in the rehearsal's ledger, which a drill must not change."""
    workspace = _rehearsals_workspace(asked)
    try:
        return open_incident(workspace)
    finally:
        workspace.close()  # the drill's commands fork, and an open ledger doesn't survive that


def take_up_again(asked: Asked, incident: Incident) -> None:
    """Restore the current incident from before a drill."""
    go_back_to(_rehearsals_workspace(asked), incident)
    asked.speaker.say(f"Your current incident is again: {incident.title}")


def _rehearsals_workspace(asked: Asked) -> Workspace:
    os.environ.pop("POSTMORTEM_DATABASE_URL", None)  # a rehearsal never uses a team's ledger
    return open_workspace(replace(asked, profile=REHEARSAL))


def say_score(asked: Asked, found: Score) -> None:
    """The four figures, a line each."""
    asked.speaker.say()
    asked.speaker.say("Score", "strong")
    for what, figure in found.lines:
        asked.speaker.say(f"  {what:<22}  {figure}")


def score_json(found: Score) -> dict[str, Any]:
    """The figures for scripts; times in whole seconds, null for never."""
    return {
        "seconds_to_doc": _seconds(found.doc_after),
        "seconds_to_first_word": _seconds(found.first_word_after),
        "promises": found.promises,
        "promises_kept": found.promises_kept,
        "customers": found.customers,
        "customers_missed": list(found.missed),
    }


def _seconds(time: timedelta | None) -> int | None:
    return None if time is None else int(time.total_seconds())


def serve_pages(asked: Asked, settings: Settings, port: int) -> None:
    """Show the rehearsal's docs and mailbox until Ctrl-C."""
    folder = rehearsal_folder(settings)
    if port:
        if find_running(folder):
            stop_server(folder)
        serve_here(folder, port, lambda served: asked.speaker.answer(served.first_page, "link"))
        return
    server = ensure_running(folder)
    if asked.speaker.as_json:
        asked.speaker.document({"docs": server.first_page, "mailbox": server.base_url + "/mail"})
        return
    asked.speaker.say("The rehearsal's docs and its mailbox:")
    asked.speaker.answer(f"  {server.first_page}", "link")
    asked.speaker.answer(f"  {server.base_url}/mail", "link")
    if asked.speaker.is_interactive:
        asked.speaker.say(
            "Press Ctrl-C to stop. The pages also close after 15 minutes without a visit."
        )
        threading.Event().wait()


def stop_pages(asked: Asked, settings: Settings) -> None:
    """Stop the rehearsal's server; its docs and mails stay."""
    stopped = stop_server(rehearsal_folder(settings))
    asked.speaker.say("Stopped." if stopped else "The rehearsal server was not running.")


# Modules that an incident's commands load when they run.
_USED = (
    *("workflow.cli.session", "workflow.cli.output", "workflow.cli.lasting_jobs"),
    *("workflow.cli.notice_lines", "workflow.incident.lifecycle", "workflow.incident.facts"),
    *("workflow.incident.lifecycle", "workflow.notice.send", "workflow.notice.plan"),
    *("workflow.google.transport", "googleapiclient.discovery", "sqlalchemy.dialects.sqlite"),
)
# macOS's own libraries don't survive a fork.
_CAN_FORK = hasattr(os, "fork") and sys.platform != "darwin"


@dataclass(frozen=True)
class Ended:
    """A command's exit code and output."""

    code: int
    said: str


def run_command(
    arguments: Sequence[str], environment: Mapping[str, str], *, errors: int, folder: Path
) -> Ended:
    """Run a command to its end, in `folder`.

    `errors` is the target of its stderr: `subprocess.STDOUT`, or -1 for this process's terminal.
    """
    if _CAN_FORK:
        return _forked(arguments, environment, errors=errors, folder=folder)
    paths = os.pathsep.join(whole_paths(environment.get("PYTHONPATH", "")))
    done = subprocess.run(  # noqa: S603 - this program itself
        # -P: never run a `workflow` or `json.py` from that folder.
        [sys.executable, "-P", "-m", "workflow", *arguments],
        env={**environment, "PYTHONPATH": paths},
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=None if errors == -1 else errors,
        check=False,
        encoding="utf-8",
        errors="replace",
    )
    return Ended(done.returncode, done.stdout)


def _forked(
    arguments: Sequence[str], environment: Mapping[str, str], *, errors: int, folder: Path
) -> Ended:
    if sys.platform == "win32":
        raise OSError("Nothing is forked on Windows.")
    for name in _USED:
        importlib.import_module(name)
    sys.stdout.flush()
    sys.stderr.flush()
    reading, writing = os.pipe()
    pid = os.fork()
    if not pid:
        os.close(reading)
        _become(arguments, environment, writing, errors=errors, folder=folder)
    os.close(writing)
    with os.fdopen(reading, encoding="utf-8", errors="replace") as pipe:
        said = pipe.read()
    _, status = os.waitpid(pid, 0)
    return Ended(os.waitstatus_to_exitcode(status), said)


def _become(
    arguments: Sequence[str],
    environment: Mapping[str, str],
    output: int,
    *,
    errors: int,
    folder: Path,
) -> None:
    """Become the command, and end with its exit code: none of the parent's code runs after it."""
    code = 1
    try:
        os.dup2(output, 1)
        if errors == subprocess.STDOUT:
            os.dup2(output, 2)
        sys.stdout = os.fdopen(1, "w", encoding="utf-8", errors="replace", closefd=False)
        sys.stderr = os.fdopen(2, "w", encoding="utf-8", errors="replace", closefd=False)
        os.chdir(folder)
        os.environ.clear()
        os.environ.update(environment)
        if sys.platform != "win32":
            time.tzset()
        code = _exit_code(arguments)
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(code)


def _exit_code(arguments: Sequence[str]) -> int:
    try:
        app(list(arguments), prog_name="postmortem")
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else 1
    return 0


def scenarios_folder() -> Path:
    """The folder of the shipped scenarios."""
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
    asked.speaker.next_step("postmortem rehearse NAME; with --live your team types the commands")


def run_script(asked: Asked, settings: Settings, name: str) -> None:
    """Run a scenario from its first sign to the closed incident, and say what to look at."""
    speaker = asked.speaker
    scenario = load_scenario(name, scenarios_folder())
    server = ensure_running(rehearsal_folder(settings))
    speaker.say(f"Rehearsal: {scenario.title}", "strong")
    speaker.say("Everything stays on this machine: this Google is a local rehearsal server.")
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
                "docs": server.first_page,
                "mailbox": server.base_url + "/mail",
                "score": score_json(found),
            }
        )
    say_score(asked, found)
    speaker.say()
    speaker.say("The rehearsal is over. What it created:", "good")
    speaker.answer(f"  the doc and the mailbox   {server.first_page}")
    speaker.answer(f"  the mails, one by one     {server.base_url}/mail")
    speaker.answer(f"  the record on disk        {record}")
    program = program_as_typed()
    speaker.say(
        f"The pages close after 15 minutes without a visit. To reopen them: {program} rehearse "
        "serve"
    )
    if before is not None:
        take_up_again(asked, before)
    speaker.next_step(f'{program} --profile rehearsal start "Your own drill"')


def switch(server: RunningServer, step: StoryStep) -> None:
    """Switch on the step's faults in the rehearsal Google, and let its people act.

    Raises `BadInput`.
    """
    try:
        if step.faults is not None:
            set_faults(server, step.faults)
        if step.people:
            let_people_act(server, step.people)
    except SwitchRefused as refused:
        raise BadInput(f"The scenario's step at {step.at:%H:%M}: {refused}") from refused


def _tell(asked: Asked, settings: Settings, scenario: Scenario, server: RunningServer) -> str:
    """Run every step; returns the incident's id. All faults end with the story."""
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
    speaker: Speaker, settings: Settings, scenario: Scenario, step: StoryStep, incident: str
) -> str:
    """Run one step; returns the id of the incident that it started, or ""."""
    if step.say:
        speaker.say()
        speaker.say(step.say, "link")
    for person in step.people:
        speaker.say(f"{time_of_day(step):>8}  {in_words(person)}", "strong")
    if not step.arguments:
        return ""
    output = _command(
        speaker, settings, scenario, list(step.arguments), incident, step, expect=step.expect
    )
    if step.arguments[0] != "start":
        return ""
    # The output also shows the step's own words, and an incident's id becomes a folder's name.
    found = re.search(r"^Incident ([a-z0-9]+)$", output, re.MULTILINE)
    return found[1] if found else ""


def _command(
    speaker: Speaker,
    settings: Settings,
    scenario: Scenario,
    arguments: list[str],
    incident: str,
    step: StoryStep,
    *,
    expect: int = 0,
) -> str:
    speaker.say(f"{time_of_day(step):>8}  $ {as_typed(arguments)}", "strong")
    environment = os.environ | {
        "POSTMORTEM_HOME": str(settings.home),
        "POSTMORTEM_PROFILE": "rehearsal",
        STORY_TIME: step.at.isoformat(),
        STORY_ZONE: scenario.time_zone,
        "TZ": scenario.time_zone,
    }
    if incident:
        environment["POSTMORTEM_INCIDENT"] = incident
    for name in ("POSTMORTEM_GOOGLE_URL", "POSTMORTEM_DATABASE_URL"):
        environment.pop(name, None)  # a rehearsal uses no other Google, and no team's ledger
    # A bar is drawn on the terminal; other output stays in the step's order.
    bar = "--send" in arguments and speaker.err.isatty()
    output = settings.profile_folder / "records" / incident
    output.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        held = ClosedWorld(scenario.folder, output).held(arguments)
    except LeavesTheStory as leaves:
        raise BadInput(f"The scenario's step at {step.at:%H:%M}: {leaves}.") from leaves
    errors = -1 if bar else subprocess.STDOUT
    done = run_command(held, environment, errors=errors, folder=output)
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
    """How to type this program here: by name if it is on PATH, else with its path."""
    beside = Path(sys.executable).parent / "postmortem"
    typed = "postmortem" if shutil.which("postmortem") or not beside.exists() else str(beside)
    home = os.environ.get("POSTMORTEM_HOME", "")
    return f"POSTMORTEM_HOME={shlex.quote(home)} {typed}" if home else typed


def as_typed(arguments: list[str] | tuple[str, ...]) -> str:
    """A command as a person types it, with long words shortened."""
    return " ".join(("postmortem", *(quoted_word(_short(word)) for word in arguments)))


def time_of_day(step: StoryStep) -> str:
    """The time of a step: `2:39 PM`."""
    return f"{step.at:%I:%M %p}".lstrip("0")


_ACTS_IN_WORDS = {
    "send_draft": "sends the draft to {draft} in Gmail",
    "edit_draft": "edits the draft to {draft} in Gmail",
    "delete_draft": "deletes the draft to {draft} in Gmail",
    "type": "types in the doc: {text}",
    "delete_text": "deletes from the doc: {text}",
    "suggest": "suggests in the doc: {text}",
    "suggest_deletion": "suggests to delete from the doc: {text}",
    "suggest_strike": "suggests to strike in the doc: {text}",
}


def in_words(act: dict[str, Any]) -> str:
    """A person's act beside the commands, as a line of the story."""
    values = {"draft": "", "text": ""} | {name: str(value) for name, value in act.items()}
    does = _ACTS_IN_WORDS.get(values["does"], values["does"]).format_map(values)
    return f"{values.get('who', 'Somebody')} {does}"


def _short(word: str) -> str:
    """A word of a command line for display: a list by its name, a long text shortened."""
    if word.endswith(".csv") and "/" in word:
        word = Path(word).name
    return word if len(word) <= 60 else word[:57] + "…"


def play_live(asked: Asked, settings: Settings, name: str) -> None:
    """Tell the story step by step, at the team's own pace, and score the team's work.

    Raises `BadInput` if no incident was started.
    """
    speaker = asked.speaker
    scenario = load_scenario(name, scenarios_folder())
    server = ensure_running(rehearsal_folder(settings))
    before = incidents_before(asked)
    speaker.say(f"Drill: {scenario.title}", "strong")
    speaker.say("Type your commands in another terminal. First paste this there:")
    speaker.answer(f"  {_setting(settings, scenario)}")
    if scenario.customers:
        speaker.say("All affected customers are in this list:")
        speaker.answer(f"  {scenario.customers}")
    set_faults(server, ())
    is_interrupted = is_cut_short = False
    try:
        for step in scenario.steps:
            switch(server, step)
            if not _tell_next(asked, step):
                is_cut_short = True
                break
    except KeyboardInterrupt:
        is_interrupted = is_cut_short = True
    finally:
        set_faults(server, ())
    if is_cut_short:
        speaker.notice("\nThe drill ends here. What you did in it stays in the rehearsal.")
    found = score_after(asked, scenario, before)
    if found is None:
        raise BadInput(
            "No incident was started during the drill, so there is nothing to score. "
            'Start one in the other terminal: postmortem start "What went wrong"'
        )
    if speaker.as_json:
        speaker.document({"scenario": scenario.name, "score": score_json(found)})
    say_score(asked, found)
    speaker.next_step(f"{program_as_typed()} rehearse serve")
    if is_interrupted:
        raise typer.Exit(INTERRUPTED)


def _setting(settings: Settings, scenario: Scenario) -> str:
    """The other terminal's settings: the rehearsal's home and profile, and the story's zone."""
    given = {"POSTMORTEM_PROFILE": "rehearsal", STORY_ZONE: scenario.time_zone}
    if os.environ.get("POSTMORTEM_HOME"):
        given["POSTMORTEM_HOME"] = str(settings.home)
    return "export " + " ".join(f"{name}={shlex.quote(value)}" for name, value in given.items())


def _tell_next(asked: Asked, step: StoryStep) -> bool:
    """Tell a step, and wait until the team has done it; False if the input ends."""
    if step.say:
        asked.speaker.say()
        asked.speaker.say(f"{time_of_day(step):>8}  {step.say}", "link")
    for person in step.people:
        asked.speaker.say(f"{time_of_day(step):>8}  {in_words(person)}", "strong")
    if not step.arguments:
        return True
    asked.speaker.say("          Example:", "faint")
    asked.speaker.say(f"  {_to_paste(step)}", "faint")
    return asked.speaker.wait_for_enter("          Press Enter when it is done: ")


def _to_paste(step: StoryStep) -> str:
    """A step's whole command, at the story's time, so that it works in the morning too."""
    typed = " ".join(map(quoted_word, step.arguments))
    return f"{STORY_TIME}={step.at.isoformat()} postmortem {typed}"


# --- The command ----------------------------------------------------------------------------------


@command(
    "rehearse",
    epilog="Example: postmortem rehearse\npostmortem rehearse list\n"
    "postmortem rehearse outage --live\npostmortem rehearse serve",
)
def rehearse(
    asked: Asked,
    scenario: Annotated[
        str,
        typer.Argument(
            help="Name or path of a scenario; or list, serve (show docs and mailbox), stop."
        ),
    ] = "mixed-up-message",
    port: Annotated[
        int,
        typer.Option(min=0, max=65535, help="With serve: port to use; 0 takes a free one."),
    ] = 0,
    live: Annotated[
        bool, typer.Option("--live", help="Your team types the commands and gets a score.")
    ] = False,
) -> None:
    """Rehearse a whole incident on a local Google. Nobody real is contacted."""
    settings = config.load_settings(os.environ, "rehearsal")
    if scenario == "serve":
        serve_pages(asked, settings, port)
    elif scenario == "stop":
        stop_pages(asked, settings)
    elif scenario == "list":
        show_scenarios(asked)
    elif live:
        play_live(asked, settings, scenario)
    else:
        run_script(asked, settings, scenario)
