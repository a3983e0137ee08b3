"""Set-up at the terminal: the questions of `init`, a passphrase, and the findings of `doctor`.

The findings appear line by line as they come in. A passphrase is typed without being shown, or set
in the environment for scripts.
"""

from __future__ import annotations

import getpass
import os
import re
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import typer

from workflow import __version__
from workflow.cli.app import Asked
from workflow.cli.session import emulator_of, open_workspace, shipped_templates
from workflow.cli.terminal import Speaker
from workflow.config import ConfigBad, config_path, machine_zone
from workflow.errors import NOT_SET_UP, BadInput
from workflow.files import SHORTEST_PASSPHRASE
from workflow.model import doc_id_in
from workflow.setup.doctor import Level, SetupFinding, broken, examine_google, examine_machine
from workflow.setup.init import (
    QUESTIONS,
    Copied,
    Question,
    Value,
    copy_templates,
    present_settings,
    read_answer,
    write_config,
)
from workflow.setup.live_check import LiveAnswer, ask_live
from workflow.workspace import new_id

_ADDRESS = re.compile(r"[^\s@<>]+@[^\s@<>]+")
_MARKS = {
    Level.OK: ("ok     ", "good"),
    Level.WARNING: ("warning", "warn"),
    Level.BROKEN: ("broken ", "bad"),
}


@dataclass(frozen=True)
class Report:
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


def try_out(asked: Asked, found: list[SetupFinding], doc: str) -> Report | None:
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
    return Report(path, answers)


def conclude(asked: Asked, found: list[SetupFinding], report: Report | None) -> None:
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


def initialise(asked: Asked, given: Mapping[str, str], templates: Path | None) -> None:
    """Ask for missing values, write the config, copy the templates.

    `given` are the command line's answers by key, empty if there is none.
    """
    speaker = asked.speaker
    path = config_path(os.environ)
    present = present_settings(path)
    answers: dict[str, Value] = {}
    for question in QUESTIONS:
        text = given[question.key]
        if text:
            answers[question.key] = read_answer(question, text)
        elif question.key not in present and speaker.is_interactive:
            answers[question.key] = _ask(speaker, question)
    copied = None
    if templates is not None:
        folder = templates.expanduser().absolute()
        copied = copy_templates(shipped_templates(), folder)
        answers["templates"] = str(folder)
    written = write_config(path, answers)
    for key in written.kept:
        if answers[key] != _plain(present[key]):
            speaker.warn(f"{key} stays as it is in {path}; change it there.")
    speaker.say(
        f"{'Added to' if present else 'Wrote'} {path}."
        if written.added or not present
        else f"{path} stays as it is."
    )
    _tell_of_templates(speaker, copied)
    speaker.next_step("postmortem auth login, then postmortem doctor")
    if speaker.as_json:
        speaker.document(
            {
                "config": str(path),
                "added": list(written.added),
                "kept": list(written.kept),
                "templates": None
                if copied is None
                else {
                    "folder": str(copied.folder),
                    "copied": copied.copied,
                    "kept": copied.kept,
                },
            }
        )


def _ask(speaker: Speaker, question: Question) -> Value:
    """A person's answer, asked again until it is valid; empty leaves the setting out."""
    usual = machine_zone().key if question.key == "time_zone" else ""
    while True:
        shown = f" [{usual}]" if usual else " (Enter leaves it out)"
        text = speaker.ask(f"{question.asks}{shown} ") or usual
        try:
            return read_answer(question, text)
        except BadInput as bad:
            speaker.warn(str(bad))


def _tell_of_templates(speaker: Speaker, copied: Copied | None) -> None:
    if copied is None:
        return
    stayed = f"; {copied.kept} that were there stay as they are" if copied.kept else ""
    speaker.say(f"{copied.copied} templates are in {copied.folder}{stayed}.")


def _plain(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value


VARIABLE = "POSTMORTEM_PASSPHRASE"
_TRIES = 3


def new_passphrase(asked: Asked) -> str:
    """A passphrase for a new file, typed twice; Enter creates and shows one. Raises `BadInput`.

    Without a terminal it is POSTMORTEM_PASSPHRASE.
    """
    given = os.environ.get(VARIABLE, "")
    if given:
        _refuse_short(given)
        return given
    _refuse_without_terminal(asked)
    for _ in range(_TRIES):
        typed = getpass.getpass("Passphrase (press Enter to create one): ")
        if not typed:
            made = "-".join(new_id(5) for _ in range(5))
            asked.speaker.answer(f"Passphrase: {made}", "strong")
            return made
        if len(typed) < SHORTEST_PASSPHRASE:
            asked.speaker.warn(f"At least {SHORTEST_PASSPHRASE} characters.")
        elif secrets.compare_digest(getpass.getpass("Repeat it: ").encode(), typed.encode()):
            return typed
        else:
            asked.speaker.warn("The two do not match.")
    raise BadInput("No passphrase. Nothing was handed over.")


def known_passphrase(asked: Asked) -> str:
    """The passphrase of a file that somebody else wrote. Raises `BadInput`."""
    given = os.environ.get(VARIABLE, "")
    if given:
        return given
    _refuse_without_terminal(asked)
    return getpass.getpass("Passphrase: ")


def _refuse_short(given: str) -> None:
    if len(given) < SHORTEST_PASSPHRASE:
        raise BadInput(f"{VARIABLE} is too short: at least {SHORTEST_PASSPHRASE} characters.")


def _refuse_without_terminal(asked: Asked) -> None:
    if not asked.speaker.is_interactive:
        raise BadInput(f"Set {VARIABLE} to the file's passphrase.")
