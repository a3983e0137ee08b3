"""The score at the end of a drill, for people and for scripts."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from workflow.cli.commands import Asked
from workflow.cli.opening import open_workspace
from workflow.config import REHEARSAL
from workflow.flows.current_incident import go_back_to, open_incident
from workflow.flows.scenario import Scenario
from workflow.flows.scoring import Score, latest_since, score
from workflow.flows.workspace import Workspace
from workflow.incident import Incident


def score_of(asked: Asked, scenario: Scenario, incident_id: str) -> Score:
    """The score of an incident of the rehearsal's ledger. Raises `UnknownIncident`."""
    workspace = _rehearsals_workspace(replace(asked, incident=incident_id))
    return score(workspace, workspace.incident(), scenario.customers)


def score_since(asked: Asked, scenario: Scenario, began_at: datetime) -> Score | None:
    """The score of the incident that was started since; None when there is none."""
    workspace = _rehearsals_workspace(asked)
    incident = latest_since(workspace, began_at)
    return None if incident is None else score(workspace, incident, scenario.customers)


def incident_before(asked: Asked) -> Incident | None:
    """What the person has open in the rehearsal's ledger; a drill is not to take its place."""
    workspace = _rehearsals_workspace(asked)
    try:
        return open_incident(workspace)
    finally:
        workspace.close()  # the drill's commands fork, and no open ledger survives that


def take_up_again(asked: Asked, incident: Incident) -> None:
    """Make what the person had open before a drill the current incident again."""
    go_back_to(_rehearsals_workspace(asked), incident)
    asked.speaker.say(f"Your next command speaks of your own incident again: {incident.title}")


def _rehearsals_workspace(asked: Asked) -> Workspace:
    os.environ.pop("POSTMORTEM_DATABASE_URL", None)  # a rehearsal touches no team's ledger
    return open_workspace(replace(asked, profile=REHEARSAL))


def say_score(asked: Asked, found: Score) -> None:
    """The four figures, a line each."""
    asked.speaker.say()
    asked.speaker.say("Score", "strong")
    for what, figure in found.lines:
        asked.speaker.say(f"  {what:<20}  {figure}")


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
