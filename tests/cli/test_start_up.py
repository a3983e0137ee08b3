"""Modules that a command loads: help does not wait for Google's libraries."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest
from typer import Context
from typer.main import get_group

from tests.command_line import Postmortem
from workflow.cli.app import app
from workflow.cli.command_table import COMMANDS

_GOOGLE = {"googleapiclient", "google.auth", "google_auth_oauthlib", "httplib2", "requests"}
_LEDGER = {"sqlalchemy", "alembic"}
_SERVER = {"flask", "werkzeug"}
# Later versions of Typer check a command's options with these.
_VALIDATING = {"pydantic", "pydantic_core"}
# Migrations, a sign-in in a browser, colours, chats; a template's Markdown, the record of mails.
_NOT_FOR_AN_ENTRY = {
    *("alembic", "google_auth_oauthlib", "mako", "pygments", "rich", "slack_sdk", "markdown_it"),
    *("workflow.document.edits.new_document", "workflow.doc.create", "workflow.paste.reading"),
    *("workflow.ledger.notices", "workflow.ledger.deliveries", "workflow.ledger.bounces"),
    *("workflow.ledger.plans", "workflow.ledger.claims", "workflow.ledger.doc_making"),
    *("sqlalchemy.dialects.postgresql", "smtplib", "google_rehearsal.smtp"),
}
# The modules that write the doc, and that read the template for it.
_DOC = {"markdown_it", "workflow.document.edits.batch", "workflow.doc.push"}
_MAIL = {"css_inline", "email_validator", "jinja2"}

# Runs a command as `python -m workflow` does, and then prints the modules it has loaded.
_SCRIPT = """
import json, sys
from workflow.__main__ import main
from workflow.late_loading import UnloadedModule
report = sys.argv.pop(1)
try:
    main()
except SystemExit as ended:
    assert not ended.code, ended.code
with open(report, "w", encoding="utf-8") as file:
    loaded = [name for name, one in sys.modules.items() if type(one) is not UnloadedModule]
    json.dump(sorted(loaded), file)
"""


def loaded_by(person: Postmortem, *arguments: str) -> set[str]:
    """The modules that a command has loaded by its end, in a separate process."""
    report = person.home / "loaded.json"
    subprocess.run(
        [sys.executable, "-c", _SCRIPT, str(report), *arguments],
        env={"PATH": os.environ["PATH"], "POSTMORTEM_HOME": str(person.home)} | person.environment,
        stdout=subprocess.DEVNULL,
        check=True,
        timeout=60,
    )
    return set(json.loads(report.read_text(encoding="utf-8")))


_TOP = Path(__file__).parents[2]


def _modules() -> dict[str, ast.Module]:
    """Every module of the product and of the rehearsal, by its name."""
    found = {}
    for package in ("workflow", "google_rehearsal"):
        for path in (_TOP / package).rglob("*.py"):
            name = ".".join(path.relative_to(_TOP).with_suffix("").parts)
            found[name.removesuffix(".__init__")] = ast.parse(path.read_text(encoding="utf-8"))
    return found


def _imports(body: list[ast.stmt]) -> Iterator[ast.ImportFrom]:
    """The names that a module imports when it is loaded."""
    for statement in body:
        if isinstance(statement, ast.ImportFrom):
            yield statement
        elif isinstance(statement, ast.If) and "TYPE_CHECKING" not in ast.unparse(statement.test):
            yield from _imports(statement.body)


def test_any_module_can_be_the_first_to_be_loaded() -> None:
    """No two modules need each other's names while they are loaded."""
    modules = _modules()
    needs: dict[str, set[str]] = {name: set() for name in modules}
    for name, tree in modules.items():
        for statement in _imports(tree.body):
            other = statement.module or ""
            named = {f"{other}.{alias.name}" for alias in statement.names}
            if other in modules and other != name and not named <= modules.keys():
                needs[name].add(other)
    assert len(list(TopologicalSorter(needs).static_order())) == len(modules)


def test_few_imports_stand_inside_functions_and_each_says_why() -> None:
    found = [
        f"{path.relative_to(_TOP)}: {line.strip()}"
        for package in ("workflow", "google_rehearsal")
        for path in (_TOP / package).rglob("*.py")
        for line in path.read_text(encoding="utf-8").splitlines()
        if "PLC0415" in line
    ]
    assert len(found) <= 15
    assert [each for each in found if "PLC0415 - " not in each] == []


@pytest.mark.parametrize("arguments", [["--help"], ["log", "--help"], ["notify", "--help"]])
def test_help_loads_neither_google_nor_the_ledger_nor_the_rehearsal_server(
    postmortem: Postmortem, arguments: list[str]
) -> None:
    loaded = loaded_by(postmortem, *arguments)
    assert not loaded & (_GOOGLE | _LEDGER | _SERVER | _MAIL | _VALIDATING)


def test_an_entry_loads_no_server_no_migrations_no_template_and_nothing_of_the_mails(
    postmortem: Postmortem,
) -> None:
    postmortem("start", "Wrong amounts")
    for words in ("A customer reports it", "So does another"):  # the first replaces the hint
        loaded = loaded_by(postmortem, "log", words)
        assert "googleapiclient" in loaded
        assert not loaded & (_SERVER | _MAIL | _NOT_FOR_AN_ENTRY | _VALIDATING)


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_every_command_is_there_where_no_other_is_loaded(
    postmortem: Postmortem, command: str
) -> None:
    assert command_modules(loaded_by(postmortem, command, "--help")) == {command}


@pytest.mark.parametrize(
    ("typed", "commands"),
    [
        (["log", "show", "--help"], {"log"}),
        (["--json", "-vv", "--quiet", "log", "--help"], {"log"}),
        (["--profile", "log", "show", "--help"], {"show"}),
        (["--incident=log", "show", "--help"], {"show"}),
        (["--version", "log"], set()),
        (["--help"], set()),
    ],
)
def test_only_the_module_of_the_command_that_was_typed_is_loaded(
    postmortem: Postmortem, typed: list[str], commands: set[str]
) -> None:
    assert command_modules(loaded_by(postmortem, *typed)) == commands


def test_the_table_of_commands_says_what_each_command_says_of_itself() -> None:
    commands = get_group(app)
    for name, line in COMMANDS.items():
        command = commands.get_command(Context(commands), name)
        assert command is not None
        said = " ".join((command.help or "").split())
        assert said.startswith(line.summary.rstrip(".")), name


def command_modules(loaded: set[str]) -> set[str]:
    """The commands whose modules are among `loaded`."""
    package = "workflow.cli.commands."
    return {name.removeprefix(package) for name in loaded if name.startswith(package)}


@pytest.mark.parametrize("command", ["show", "list"])
def test_what_is_only_looked_up_loads_neither_google_nor_what_writes_docs(
    postmortem: Postmortem, command: str
) -> None:
    postmortem("start", "Wrong amounts")
    unneeded = {"alembic", "email_validator", "smtplib", "sqlalchemy.dialects.postgresql"}
    assert not loaded_by(postmortem, command) & (_GOOGLE | _SERVER | _DOC | unneeded)


def test_what_a_customer_was_told_is_looked_up_without_google(postmortem: Postmortem) -> None:
    postmortem("start", "Wrong amounts")
    loaded = loaded_by(postmortem, "told", "person1@customer.example")
    assert not loaded & (_GOOGLE | _SERVER | {"alembic", "workflow.doc.push"})
