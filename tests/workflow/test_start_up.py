"""What a command loads: who asks for help does not wait for Google's libraries."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from typer.main import get_group

from tests.command_line import Postmortem
from workflow.cli.all_commands import app
from workflow.cli.chosen_command import command_in

_GOOGLE = {"googleapiclient", "google.auth", "google_auth_oauthlib", "httplib2", "requests"}
_LEDGER = {"sqlalchemy", "alembic"}
_SERVER = {"flask", "werkzeug"}
# What later versions of Typer check a command's options with.
_VALIDATING = {"pydantic", "pydantic_core"}
# Migrations, a sign-in in a browser, colours, chats; a template's Markdown, the record of mails.
_NOT_FOR_AN_ENTRY = {
    *("alembic", "google_auth_oauthlib", "mako", "pygments", "rich", "slack_sdk", "markdown_it"),
    *("workflow.document.new_document", "workflow.flows.doc_making", "workflow.pasted"),
    *("workflow.ledger.notices", "workflow.ledger.deliveries", "workflow.ledger.bounces"),
    *("workflow.ledger.plans", "workflow.ledger.claims", "workflow.ledger.doc_making"),
}
# What writes into the doc, and reads the template for that.
_DOC = {"markdown_it", "workflow.document.edits", "workflow.flows.doc"}
_MAIL = {"css_inline", "email_validator", "jinja2"}

# Runs a command as `python -m workflow` does, and then says what it has loaded.
_SCRIPT = """
import json, sys
from workflow.__main__ import main
report = sys.argv.pop(1)
try:
    main()
except SystemExit as ended:
    assert not ended.code, ended.code
with open(report, "w", encoding="utf-8") as file:
    json.dump(sorted(sys.modules), file)
"""


def loaded_by(person: Postmortem, *arguments: str) -> set[str]:
    """The modules that a command has loaded by its end, in a process of its own."""
    report = person.home / "loaded.json"
    subprocess.run(
        [sys.executable, "-c", _SCRIPT, str(report), *arguments],
        env={"PATH": os.environ["PATH"], "POSTMORTEM_HOME": str(person.home)} | person.environment,
        stdout=subprocess.DEVNULL,
        check=True,
        timeout=60,
    )
    return set(json.loads(report.read_text(encoding="utf-8")))


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
    for words in ("A customer reports it", "So does another"):  # the first takes the hint's place
        loaded = loaded_by(postmortem, "log", words)
        assert "googleapiclient" in loaded
        assert not loaded & (_SERVER | _MAIL | _NOT_FOR_AN_ENTRY | _VALIDATING)


@pytest.mark.parametrize("command", sorted(get_group(app).commands))
def test_every_command_is_there_where_no_other_is_loaded(
    postmortem: Postmortem, command: str
) -> None:
    loaded = loaded_by(postmortem, command, "--help")
    assert "workflow.cli.all_commands" not in loaded


@pytest.mark.parametrize(
    ("typed", "command"),
    [
        (["log", "show"], "log"),
        (["--json", "-vv", "--quiet", "log"], "log"),
        (["--profile", "log", "show"], "show"),
        (["--incident=log", "show"], "show"),
        (["--profile"], ""),
        (["--version", "log"], ""),
        (["--", "log"], ""),
        ([], ""),
    ],
)
def test_the_command_is_told_from_the_options_before_it(typed: list[str], command: str) -> None:
    assert command_in(typed) == command


@pytest.mark.parametrize("command", ["show", "list"])
def test_what_is_only_looked_up_loads_neither_google_nor_what_writes_docs(
    postmortem: Postmortem, command: str
) -> None:
    postmortem("start", "Wrong amounts")
    assert not loaded_by(postmortem, command) & (_GOOGLE | _SERVER | _DOC | {"alembic"})


def test_what_a_customer_was_told_is_looked_up_without_google(postmortem: Postmortem) -> None:
    postmortem("start", "Wrong amounts")
    loaded = loaded_by(postmortem, "told", "person1@customer.example")
    assert not loaded & (_GOOGLE | _SERVER | {"alembic", "workflow.flows.doc"})
