"""Showing what `doctor` finds, line by line as it is found."""

from __future__ import annotations

from collections.abc import Iterator

import typer

from workflow.cli.commands import Asked
from workflow.cli.faults import NOT_SET_UP
from workflow.cli.opening import emulator_of, open_workspace
from workflow.cli.speaking import Speaker
from workflow.config import ConfigBad
from workflow.flows.checkup import Finding, Level, broken, examine_machine
from workflow.flows.checkup_google import examine_google

_MARKS = {
    Level.OK: ("ok     ", "good"),
    Level.WARNING: ("warning", "warn"),
    Level.BROKEN: ("broken ", "bad"),
}


def check(asked: Asked) -> None:
    """Examine everything, show it, and end with 4 where something is broken."""
    found: list[Finding] = []
    for finding in _findings(asked):
        found.append(finding)
        _show(asked.speaker, finding)
    bad = sum(finding.level is Level.BROKEN for finding in found)
    if asked.speaker.as_json:
        asked.speaker.document({"broken": bad, "findings": [_as_json(each) for each in found]})
    if bad:
        asked.speaker.wrong(f"{bad} {'thing is' if bad == 1 else 'things are'} broken.")
        raise typer.Exit(NOT_SET_UP)
    asked.speaker.say("Nothing is broken.", "good")


def _findings(asked: Asked) -> Iterator[Finding]:
    try:
        workspace = open_workspace(asked)
    except ConfigBad as bad:
        yield broken("config", str(bad))
        return
    yield from examine_machine(workspace)
    yield from examine_google(workspace, emulator_of(workspace.settings))


def _show(speaker: Speaker, finding: Finding) -> None:
    mark, style = _MARKS[finding.level]
    line = f"{mark}  {finding.check:<10} {finding.says}"
    if finding.level is Level.OK:
        speaker.say(line)
    else:
        speaker.answer(line, style)
    if finding.mend:
        speaker.answer(f"{'':9}{'':<10} {finding.mend}")


def _as_json(finding: Finding) -> dict[str, str | None]:
    return {
        "check": finding.check,
        "level": finding.level.value,
        "says": finding.says,
        "mend": finding.mend or None,
    }
