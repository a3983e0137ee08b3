"""`doctor`: check the setup. The findings appear line by line as they come in."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from workflow import __version__
from workflow.cli.app import Asked, command
from workflow.cli.session import emulator_of, open_workspace
from workflow.cli.terminal import Speaker
from workflow.config import ConfigBad
from workflow.errors import NOT_SET_UP
from workflow.model import doc_id_in
from workflow.setup.doctor import Level, SetupFinding, broken, examine_google, examine_machine
from workflow.setup.live_check import LiveAnswer, ask_live

_ADDRESS = re.compile(r"[^\s@<>]+@[^\s@<>]+")
_MARKS = {
    Level.OK: ("ok     ", "good"),
    Level.WARNING: ("warning", "warn"),
    Level.BROKEN: ("broken ", "bad"),
}


@command(
    "doctor",
    answers=True,
    epilog="Exit code 0: no problems found. Exit code 4: something needs fixing.",
)
def doctor(
    asked: Asked,
    live: Annotated[
        bool,
        typer.Option(
            "--live",
            help="Also test against Google with a scratch doc and an email to yourself, and write "
            "a report.",
        ),
    ] = False,
    doc: Annotated[
        str,
        typer.Option(
            help="With --live: address of a doc that a colleague created with this program.",
            show_default=False,
        ),
    ] = "",
) -> None:
    """Check your setup and show how to fix it."""
    found = look(asked)
    report = try_out(asked, found, doc) if live else None
    conclude(asked, found, report)


@dataclass(frozen=True)
class LiveTestReport:
    """The tests that were run at Google, and the report's file."""

    path: Path
    answers: list[LiveAnswer]


def look(asked: Asked) -> list[SetupFinding]:
    """Run all checks, and show each finding."""
    found: list[SetupFinding] = []
    for finding in _findings(asked):
        found.append(finding)
        _show(asked.speaker, finding)
    return found


def try_out(asked: Asked, found: list[SetupFinding], doc: str) -> LiveTestReport | None:
    """Run the tests at Google and write the report; None if something is broken already."""
    if any(finding.level is Level.BROKEN for finding in found):
        asked.speaker.warn("Nothing was tested. Fix the problems above first.")
        return None
    workspace = open_workspace(asked)
    answers: list[LiveAnswer] = []
    asked.speaker.say()
    for answer in ask_live(workspace, doc_id_in(doc) or doc):
        answers.append(answer)
        style = "warn" if answer.surprise else ""
        asked.speaker.say(f"{answer.question}: {answer.answer}", style)
    now = workspace.wall()
    path = workspace.settings.profile_folder / f"doctor-{now:%Y%m%d-%H%M%S}.md"
    path.write_text(_report(now, found, answers), encoding="utf-8")
    path.chmod(0o600)
    asked.speaker.answer(f"The report: {path}")
    return LiveTestReport(path, answers)


def conclude(asked: Asked, found: list[SetupFinding], report: LiveTestReport | None) -> None:
    """Show the findings, and exit with 4 if something is broken."""
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


def _report(now: datetime, found: list[SetupFinding], answers: list[LiveAnswer]) -> str:
    """The report in Markdown, without addresses: it is meant for strangers."""
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


def _findings(asked: Asked) -> Iterator[SetupFinding]:
    try:
        workspace = open_workspace(asked)
    except ConfigBad as bad:
        yield broken("config", str(bad))
        return
    yield from examine_machine(workspace)
    yield from examine_google(workspace, emulator_of(workspace.settings))


def _show(speaker: Speaker, finding: SetupFinding) -> None:
    mark, style = _MARKS[finding.level]
    line = f"{mark}  {finding.check:<10} {finding.says}"
    if finding.level is Level.OK:
        speaker.say(line)
    else:
        speaker.answer(line, style)
    if finding.fix:
        speaker.answer(f"{'':9}{'':<10} {finding.fix}")


def _as_json(finding: SetupFinding) -> dict[str, str | None]:
    return {
        "check": finding.check,
        "level": finding.level.value,
        "says": finding.says,
        "mend": finding.fix or None,
    }
