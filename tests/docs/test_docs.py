"""The pages under docs/ agree with the program: commands, settings, exit codes, errors, links."""

from __future__ import annotations

import ast
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import pytest
import typer

from bench import command_reference
from tests.command_line import Postmortem
from tests.readme_page import README, ROOT, blocks
from workflow.cli.app import app
from workflow.config import Config, load_settings

DOCS = ROOT / "docs"
PAGES = [README, ROOT / "CONTRIBUTING.md", *sorted(DOCS.rglob("*.md"))]


def text_of(name: str) -> str:
    """The text of a page in docs/."""
    return (DOCS / name).read_text(encoding="utf-8")


def test_the_command_reference_is_what_help_says() -> None:
    assert text_of("commands.md") == command_reference.page(), "run: make docs"


def settings_of(kind: Any, prefix: str = "") -> Iterator[str]:
    """Every setting of the config by name, those of a table as `table.name`."""
    defaults = kind()
    for each in fields(kind):
        if is_dataclass(getattr(defaults, each.name)):
            yield from settings_of(type(getattr(defaults, each.name)), f"{each.name}.")
        else:
            yield prefix + each.name


def test_the_configuration_page_has_every_setting_and_no_other() -> None:
    tables = re.findall(r"^\|([^|]+)\|[^|]*\|[^|]*\|$", text_of("configuration.md"), re.M)
    named = [name for cell in tables for name in re.findall(r"`([a-z_.]+)`", cell)]
    announce = ["announce"]  # a list of tables, which contain a table
    assert sorted([*named, *announce]) == sorted(settings_of(Config))


def test_the_configuration_pages_example_is_taken(tmp_path: Path) -> None:
    for example in blocks(text_of("configuration.md"), "toml"):
        (tmp_path / "slack-webhook").write_text("https://hooks.slack.com/services/T/B/x\n")
        (tmp_path / "config.toml").write_text(example, encoding="utf-8")
        load_settings({"POSTMORTEM_HOME": str(tmp_path)})
    (tmp_path / "config.toml").write_text(blocks(text_of("configuration.md"), "toml")[0])
    config = load_settings({"POSTMORTEM_HOME": str(tmp_path)}).config
    assert config.organisation == "Lagerhaus GmbH"
    assert config.sending.units_per_minute == 15000


def test_the_template_pages_mail_is_what_it_seems_to_be(
    postmortem: Postmortem, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("our-words.md").write_text(blocks(text_of("templates.md"), "markdown")[0], "utf-8")
    Path("list.csv").write_text("email,name,account\nann@x.example,Ann,Lagos Logistics\n")
    postmortem("start", "Wrong amounts")
    mail = postmortem.json(
        "notify", "list.csv", "--template", "our-words.md", "--next-update", "30m"
    )
    assert mail["stage"] == "update"
    assert mail["subject"] == "Your Lagos Logistics: wrong amounts in November"
    assert "some invoices in Lagos Logistics show a total" in mail["preview"]["text"]
    assert not mail["failures"]


def test_the_page_of_exit_codes_has_each() -> None:
    codes = re.findall(r"^\| (\d+) \|", text_of("exit-codes.md"), re.M)
    assert codes == [*"0123456", "130"]


def test_the_example_of_credentials_has_the_fields_that_the_page_explains() -> None:
    example = json.loads((ROOT / "credentials.example.json").read_text(encoding="utf-8"))
    page = text_of("configuration.md")
    assert [name for name in example["installed"] if f"`{name}`" not in page] == []


def sentences_of_the_program() -> str:
    """All text of the program, one string a line, with a `…` for each value."""
    lines: list[str] = []
    for path in (ROOT / "workflow").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.JoinedStr):
                parts = [
                    each.value if isinstance(each, ast.Constant) else "…" for each in node.values
                ]
                lines.append("".join(map(str, parts)))
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                lines.append(re.sub(r"\{\w*\}", "…", node.value))
    return "\n".join(lines)


def test_every_error_of_the_troubleshooting_page_is_one_that_the_program_says() -> None:
    said = sentences_of_the_program()
    shown = re.findall(r"^\| (\*.+?\*) \|", text_of("troubleshooting.md"), re.M)
    errors = [each for cell in shown for each in re.findall(r"\*(.+?)\*", cell)]
    assert len(errors) > 45
    unknown = [each for each in errors if not re.search(re.escape(each).replace("…", ".*?"), said)]
    assert unknown == []


def commands() -> dict[str, set[str]]:
    """Every command with its options; a group has those of all its commands."""
    group = typer.main.get_command(app)
    return {name: options_of(each) for name, each in getattr(group, "commands", {}).items()}


def options_of(command: Any) -> set[str]:
    """A command's options, and those of its subcommands."""
    own = {option for each in command.params for option in each.opts if option[0] == "-"}
    return own.union(*(options_of(each) for each in getattr(command, "commands", {}).values()))


def code_of(page: Path) -> list[str]:
    """The code on a page, in lines and in blocks; a command broken over lines is one."""
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


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_and_picture_of_a_page_is_there(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
        assert target.startswith("https://") or (page.parent / target).exists(), target
        inside = (page.parent / target).resolve()
        if DOCS in page.parents and not target.startswith("https://"):
            assert DOCS in inside.parents, f"{target} is not on the site"


def built_site(folder: Path) -> Path:
    """The site of the docs, built in a folder; a broken link or anchor fails."""
    shutil.copytree(DOCS, folder / "docs")
    shutil.copy(ROOT / "zensical.toml", folder)
    zensical = [sys.executable, "-m", "zensical", "build", "--strict"]
    built = subprocess.run(zensical, cwd=folder, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stdout + built.stderr
    return folder / "build" / "site"


def test_the_site_is_built_without_a_broken_link_or_a_foreign_host(tmp_path: Path) -> None:
    pages = list(built_site(tmp_path).rglob("*.html"))
    assert len(pages) > len(list(DOCS.glob("*.md")))
    for page in pages:
        loaded = r'<(?:script|link|img)[^>]+(?:src|href)="https?://'
        assert not re.search(loaded, page.read_text(encoding="utf-8")), page.name
