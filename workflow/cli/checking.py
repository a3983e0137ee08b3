"""Showing what `doctor` finds, line by line as it is found."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import typer

from workflow import __version__
from workflow.cli.commands import Asked
from workflow.cli.faults import NOT_SET_UP
from workflow.cli.opening import emulator_of, open_workspace
from workflow.cli.speaking import Speaker
from workflow.config import ConfigBad
from workflow.flows.checkup import Finding, Level, broken, examine_machine
from workflow.flows.checkup_google import examine_google
from workflow.flows.live_check import Answer, ask_live

_ADDRESS = re.compile(r"[^\s@<>]+@[^\s@<>]+")
_MARKS = {
    Level.OK: ("ok     ", "good"),
    Level.WARNING: ("warning", "warn"),
    Level.BROKEN: ("broken ", "bad"),
}


@dataclass(frozen=True)
class Report:
    """What was tried out at Google, and the file that tells it."""

    path: Path
    answers: list[Answer]


def look(asked: Asked) -> list[Finding]:
    """Examine everything, and show it line by line."""
    found: list[Finding] = []
    for finding in _findings(asked):
        found.append(finding)
        _show(asked.speaker, finding)
    return found


def try_out(asked: Asked, found: list[Finding], doc: str) -> Report | None:
    """Try things out at Google and write the report; None where something is broken already."""
    if any(finding.level is Level.BROKEN for finding in found):
        asked.speaker.warn("Nothing was tried out: mend what is broken first.")
        return None
    workspace = open_workspace(asked)
    answers: list[Answer] = []
    asked.speaker.say()
    for answer in ask_live(workspace, _doc_id(doc)):
        answers.append(answer)
        style = "warn" if answer.surprise else ""
        asked.speaker.say(f"{answer.question}: {answer.answer}", style)
    now = workspace.wall()
    path = workspace.settings.profile_folder / f"doctor-{now:%Y%m%d-%H%M%S}.md"
    path.write_text(_report(now, found, answers), encoding="utf-8")
    path.chmod(0o600)
    asked.speaker.answer(f"The report: {path}")
    return Report(path, answers)


def conclude(asked: Asked, found: list[Finding], report: Report | None) -> None:
    """Say how it stands, and end with 4 where something is broken."""
    bad = sum(finding.level is Level.BROKEN for finding in found)
    if asked.speaker.as_json:
        document: dict[str, Any] = {"broken": bad, "findings": [_as_json(each) for each in found]}
        if report is not None:
            document["report"] = str(report.path)
            document["live"] = [asdict(answer) for answer in report.answers]
        asked.speaker.document(document)
    if bad:
        asked.speaker.wrong(f"{bad} {'thing is' if bad == 1 else 'things are'} broken.")
        raise typer.Exit(NOT_SET_UP)
    asked.speaker.say("Nothing is broken.", "good")


def _doc_id(text: str) -> str:
    """The id in a doc's address, or the text itself."""
    found = re.search(r"/document/d/([\w-]+)", text)
    return found[1] if found else text


def _report(now: datetime, found: list[Finding], answers: list[Answer]) -> str:
    """The report in Markdown. Addresses are left out: it is meant to be sent to strangers."""
    lines = [
        f"# postmortem {__version__}, doctor --live, {now:%Y-%m-%d %H:%M} UTC",
        "",
        *(f"- {each.level.value}: {each.check}" for each in found),
        "",
        "| asked | answered | a surprise |",
        "|---|---|---|",
        *(
            f"| {each.question} | {_cell(each.answer)} | {'yes' if each.surprise else ''} |"
            for each in answers
        ),
    ]
    return "\n".join(lines) + "\n"


def _cell(text: str) -> str:
    return _ADDRESS.sub("[address]", text).replace("|", "\\|").replace("\n", " ")


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
