"""The README can't rot: its story is lived through, and all that it names exists."""

from __future__ import annotations

import json
import re
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import typer

from tests.command_line import Postmortem
from tests.google_world import GoogleWorld
from tests.workflow.readme_page import (
    README,
    ROOT,
    STORY_DAY,
    ShownCommand,
    blocks,
    fits,
    same_each_time,
    shown_commands,
)
from workflow.cli.all_commands import app
from workflow.config import Config, Sending, SignInWay, load_settings

PAGES = [README, ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
TEXT = README.read_text(encoding="utf-8")
# The story's exit codes other than 0, by the heading's time.
ENDS_WITH = {("17:10", "log"): 5}


@pytest.fixture
def reader(postmortem: Postmortem, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Postmortem:
    """Somebody who types what the README says, in a folder with the README's list."""
    monkeypatch.chdir(tmp_path)
    Path("customers.csv").write_text(blocks(TEXT, "csv")[0], encoding="utf-8")
    postmortem.environment["POSTMORTEM_PROFILE"] = "rehearsal"
    return postmortem


def type_in(reader: Postmortem, shown: ShownCommand, second: int) -> tuple[list[str], list[str]]:
    """Type a command at its time in the story; what it says on stdout and stderr."""
    result = reader(
        *shown.words,
        expect=ENDS_WITH.get((shown.at, shown.words[0]), 0),
        POSTMORTEM_REHEARSAL_NOW=f"{STORY_DAY}T{shown.at}:{second:02}+01:00",
        **shown.settings,
    )
    return same_each_time(result.out), same_each_time(result.err)


def test_every_command_of_the_story_says_what_the_readme_shows(
    reader: Postmortem, google: GoogleWorld
) -> None:
    story = list(shown_commands(TEXT))
    assert len(story) > 15
    for second, command in enumerate(story):
        out, err = type_in(reader, command, second)
        shown = same_each_time("\n".join(command.says))
        words = [line for line in shown if line not in err]
        if [line for line in shown if line in err] != err or not fits(words, out):
            said = "\n".join([*out, *err])
            pytest.fail(f"README, {command.at}: postmortem {' '.join(command.words)}\n{said}")

    customers = [line.split(",")[0] for line in blocks(TEXT, "csv")[0].splitlines()[1:]]
    told = google.copies_per_recipient()
    assert [told[address] for address in customers] == [2, 2, 2]
    assert told["you@rehearsal.example"] == 1


def test_the_story_shows_every_command_of_an_incidents_day() -> None:
    typed = {command.words[0] for command in shown_commands(TEXT)}
    day = "start announce log status section notify resume sync close show told export"
    assert typed == set(day.split())


def test_the_readmes_template_writes_the_mail_that_it_seems_to(reader: Postmortem) -> None:
    Path("our-words.md").write_text(blocks(TEXT, "markdown")[0], encoding="utf-8")
    reader("start", "Wrong amounts")
    preview = reader.json(
        "notify", "customers.csv", "--template", "our-words.md", "--next-update", "30m"
    )
    assert preview["stage"] == "update"
    assert preview["subject"] == "Your Lagos Logistics: wrong amounts in November"
    assert "some invoices in Lagos Logistics show a total" in preview["preview"]["text"]
    assert not preview["failures"]


def test_the_readmes_config_is_taken_and_each_setting_stands_in_its_table(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text(blocks(TEXT, "toml")[0], encoding="utf-8")
    config = load_settings({"POSTMORTEM_HOME": str(tmp_path)}).config
    assert config.organisation == "Lagerhaus GmbH"
    assert config.sending.units_per_minute == 15000

    table = TEXT[TEXT.index("| setting |") : TEXT.index("`[profiles.NAME]`")]
    named = set(re.findall(r"`([a-z_.]+)`", "".join(re.findall(r"^\|[^|]+\|", table, re.M))))
    known = {each.name for each in fields(Config)}
    known |= {f"sending.{each.name}" for each in fields(Sending)}
    known |= {f"sign_in.{each.name}" for each in fields(SignInWay)}
    assert named <= known


def test_the_table_of_exit_codes_is_the_programs() -> None:
    table = TEXT[TEXT.index("## Exit codes") : TEXT.index("## Words")]
    assert re.findall(r"^\| (\d+) \|", table, re.M) == [*"0123456", "130"]


def commands() -> dict[str, set[str]]:
    """Every command with its options; a group has those of all its commands."""
    group = typer.main.get_command(app)
    return {name: options_of(each) for name, each in getattr(group, "commands", {}).items()}


def options_of(command: Any) -> set[str]:
    own = {option for each in command.params for option in each.opts if option[0] == "-"}
    return own.union(*(options_of(each) for each in getattr(command, "commands", {}).values()))


def code_of(page: Path) -> list[str]:
    """What a page shows as code: in lines and in blocks; a command broken over lines is one."""
    text = page.read_text(encoding="utf-8")
    fenced = "\n".join(re.findall(r"^```(?:sh|console)\n(.*?)^```$", text, re.M | re.DOTALL))
    outside = re.sub(r"^```.*?^```$", "", text, flags=re.M | re.DOTALL)
    spans = [" ".join(each.split()) for each in re.findall(r"`([^`]+)`", outside)]
    return [*fenced.replace("\\\n", "").split("\n"), *spans]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_and_option_that_a_page_names_exists(page: Path) -> None:
    known = commands()
    every_option = set().union(*known.values(), {"--help", "--version"})
    for code in code_of(page):
        typed = re.search(r"\bpostmortem ((?:--profile \S+ )?)([a-z]+)(.*)", code)
        if typed:
            assert typed[2] in known, code
        ours = typed or code.startswith("-")
        options = re.findall(r"(?<![\w-])--[a-z][\w-]*", code) if ours else []
        allowed = known[typed[2]] | {"--help"} if typed else every_option
        assert set(options) <= allowed, code


def test_the_readme_names_every_command() -> None:
    for name in commands():
        assert re.search(rf"postmortem (--profile \S+ )?{name}\b|`{name}`", TEXT), name


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_and_picture_of_a_page_is_there(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8")):
        assert target.startswith("https://") or (page.parent / target).exists(), target


def test_the_example_of_credentials_has_the_fields_that_the_readme_explains() -> None:
    example = json.loads((ROOT / "credentials.example.json").read_text(encoding="utf-8"))
    table = TEXT[TEXT.index("`credentials.example.json` shows") : TEXT.index("It asks for three")]
    assert [name for name in example["installed"] if f"`{name}`" not in table] == []
