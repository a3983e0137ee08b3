"""A live drill: the scenario says what happens, and the team types the commands itself."""

from __future__ import annotations

from datetime import UTC, datetime

import typer

from workflow.cli.commands import Asked
from workflow.cli.drill_score import say_score, score_json, score_since
from workflow.cli.opening import rehearsal_folder
from workflow.cli.rehearsing import (
    as_typed,
    program_as_typed,
    scenarios_folder,
    switch,
    time_of_day,
)
from workflow.config import Settings
from workflow.flows.faults import BadInput
from workflow.flows.scenario import Step, load_scenario
from workflow.rehearsal.lifecycle import ensure_running
from workflow.rehearsal.switching import set_faults


def play(asked: Asked, settings: Settings, name: str) -> None:
    """Tell the story step by step, at the team's own pace, and score what the team did.

    Raises `BadInput` when no incident was started.
    """
    speaker = asked.speaker
    scenario = load_scenario(name, scenarios_folder())
    server = ensure_running(rehearsal_folder(settings))
    began_at = datetime.now(UTC)
    speaker.say(f"Live drill: {scenario.title}", "strong")
    speaker.say("Type your commands in another terminal, each beginning with:")
    speaker.answer(f"  {program_as_typed()} --profile rehearsal")
    if scenario.customers:
        speaker.say("Everybody who was hit is in this list:")
        speaker.answer(f"  {scenario.customers}")
    set_faults(server, ())
    try:
        for step in scenario.steps:
            switch(server, step)
            _tell(asked, step)
    finally:
        set_faults(server, ())
    found = score_since(asked, scenario, began_at)
    if found is None:
        raise BadInput(
            "No incident was started during the drill, so there is nothing to score. "
            f"Begin with: {program_as_typed()} --profile rehearsal start TITLE"
        )
    if speaker.as_json:
        speaker.document({"scenario": scenario.name, "score": score_json(found)})
    say_score(asked, found)
    speaker.next_step(f"{program_as_typed()} rehearse serve")


def _tell(asked: Asked, step: Step) -> None:
    if step.say:
        asked.speaker.say()
        asked.speaker.say(f"{time_of_day(step):>8}  {step.say}", "link")
    asked.speaker.say(f"          One way: {as_typed(step.arguments)}", "faint")
    typer.prompt("          Press Enter when it is done", default="", show_default=False, err=True)
