"""Exits outside a command, and commands whose output nobody could read."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.command_line import Postmortem

FULL = Path("/dev/full")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--json"], "Missing command."),
        (["nonsense", "--json"], "nonsense"),
        (["start", "--json"], "title"),
        (["log", "Seen", "--json", "--bogus"], "--bogus"),
        (["status", "--json", "gone"], "gone"),
        (["log", "--json", "--edit", "a", "--strike", "b"], "either --edit or --strike"),
    ],
)
def test_wrong_usage_is_one_json_document_too(
    postmortem: Postmortem, arguments: list[str], words: str
) -> None:
    result = postmortem(*arguments, expect=2)
    assert result.json["exit_code"] == 2
    assert words in result.json["error"]
    assert "Usage:" in result.err


def test_what_stands_behind_two_dashes_is_no_option(postmortem: Postmortem) -> None:
    assert postmortem("--bogus", "log", "--", "--json", expect=2).out == ""


def test_wrong_usage_without_json_says_nothing_on_stdout(postmortem: Postmortem) -> None:
    result = postmortem("log", "--bogus", expect=2)
    assert result.out == ""
    assert "No such option: --bogus" in result.err


def test_the_version_is_told_without_a_command(postmortem: Postmortem) -> None:
    assert postmortem("--version").out.startswith("postmortem ")


WHILE_IT_READS = """
class Stdin:
    buffer = property(lambda self: self)
    def read(self):
        os.kill(os.getpid(), signal.SIGINT)
sys.stdin = Stdin()
"""
WHILE_IT_LOADS = """
class Late:
    def find_spec(self, name, *rest):
        if name == "workflow.cli.commands.section":
            os.kill(os.getpid(), signal.SIGINT)
sys.meta_path.insert(0, Late())
"""


@pytest.mark.parametrize(
    ("when", "words"),
    [
        (WHILE_IT_READS, "Interrupted. Everything so far is recorded."),
        (WHILE_IT_LOADS, "Interrupted. Nothing was done."),
    ],
    ids=["reading", "loading"],
)
def test_an_interruption_is_one_json_document_too(
    postmortem: Postmortem, when: str, words: str
) -> None:
    postmortem("start", "Wrong amounts")
    arguments = ["postmortem", "section", "timeline", "-", "--json"]
    program = f"import os, signal, sys{when}sys.argv = {arguments}\n"
    result = subprocess.run(
        [sys.executable, "-c", f"{program}from workflow.__main__ import main\nmain()"],
        env=postmortem._environment({}),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert json.loads(result.stdout) == {"error": words, "exit_code": 130}
    assert result.stderr.strip() == words


@pytest.mark.skipif(not FULL.exists(), reason="there is no /dev/full")
@pytest.mark.parametrize("arguments", [["list"], ["list", "--json"], ["--help"], ["--version"]])
def test_an_answer_that_can_not_be_written_is_said_and_is_no_defect(
    postmortem: Postmortem, arguments: list[str]
) -> None:
    with FULL.open("w", encoding="utf-8") as full:
        result = subprocess.run(
            [sys.executable, "-m", "workflow", *arguments],
            env=postmortem._environment({}),
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=30,
            check=False,
        )
    assert result.returncode == 4
    assert result.stderr.splitlines() == [
        "The answer could not be written: No space left on device. What was done is recorded: "
        "postmortem show"
    ]


def test_a_reader_that_goes_away_is_no_success_and_no_traceback(postmortem: Postmortem) -> None:
    postmortem("start", "Wrong amounts")
    reading, writing = os.pipe()
    os.close(reading)
    process = subprocess.run(
        [sys.executable, "-m", "workflow", "show", "--json"],
        env=postmortem._environment({}),
        stdout=writing,
        stderr=subprocess.PIPE,
        text=True,
        timeout=30,
        check=False,
    )
    os.close(writing)
    assert process.returncode == 130
    assert process.stderr == ""
