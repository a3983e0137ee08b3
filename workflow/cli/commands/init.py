"""`init`: write the first config. Missing values are asked for."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from workflow.cli.app import Asked, command
from workflow.cli.session import shipped_templates
from workflow.cli.terminal import Speaker
from workflow.config import config_path, machine_zone
from workflow.errors import BadInput
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


@command(
    "init",
    epilog='Example: postmortem init --organisation "Example Ltd" --time-zone Europe/Berlin '
    "--support support@example.com --templates ~/postmortem-templates",
)
def init(
    asked: Asked,
    organisation: Annotated[
        str, typer.Option(help="Your organisation, as customers know it.")
    ] = "",
    time_zone: Annotated[str, typer.Option(help="Time zone of new incidents.")] = "",
    share: Annotated[
        list[str] | None,
        typer.Option(help="Who gets access to new docs.", show_default=False),
    ] = None,
    sender_name: Annotated[str, typer.Option(help="Sender name beside the address.")] = "",
    support: Annotated[str, typer.Option(help="How customers contact you.")] = "",
    templates: Annotated[
        Path | None,
        typer.Option(
            help="Copy the templates to this folder, so you can edit them.", show_default=False
        ),
    ] = None,
) -> None:
    """Set up the config by answering a few questions. Existing settings stay."""
    given = {
        "organisation": organisation,
        "time_zone": time_zone,
        "share": ",".join(share or ()),
        "sender_name": sender_name,
        "support": support,
    }
    initialise(asked, given, templates)


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
