"""Asking the questions of `init`, and saying what was written."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from workflow.cli.commands import Asked
from workflow.cli.opening import shipped_templates
from workflow.cli.speaking import Speaker
from workflow.config import config_path, machine_zone
from workflow.flows.faults import BadInput
from workflow.flows.setting_up import (
    QUESTIONS,
    Copied,
    Question,
    Value,
    copy_templates,
    present_settings,
    read_answer,
    write_config,
)


def initialise(asked: Asked, given: Mapping[str, str], templates: Path | None) -> None:
    """Ask for what was not given, write the config, copy the templates.

    `given` are the answers of the command line by their key, empty where there is none.
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
    """A person's answer, asked again until it makes sense; empty leaves the setting out."""
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
