"""Closed, full or unread standard streams: a command ends as its work did.

The result is in the doc, in the mailbox and in the next command's output.
"""

from __future__ import annotations

import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.command_line import CustomerList, Postmortem
from tests.google_world import GoogleWorld

NOWHERE = {
    "stdout closed": ">&-",
    "stderr closed": "2>&-",
    "stdin closed": "<&-",
    "all closed": "<&- >&- 2>&-",
    "stdout full": ">/dev/full",
    "stderr full": "2>/dev/full",
    "both full": ">/dev/full 2>&1",
    "nobody reads": "| true",
}


def in_a_shell(postmortem: Postmortem, redirection: str, *arguments: str) -> int:
    """Run a command with its streams redirected by a shell; returns its exit code."""
    if "/dev/full" in redirection and not Path("/dev/full").exists():
        pytest.skip("there is no /dev/full")
    command = shlex.join([sys.executable, "-m", "workflow", *arguments])
    ended = subprocess.run(
        ["bash", "-c", f"{command} {redirection}; exit ${{PIPESTATUS[0]}}"],
        env=postmortem._environment({}),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=60,
        check=False,
    )
    return ended.returncode


@pytest.mark.parametrize("redirection", NOWHERE.values(), ids=NOWHERE)
def test_a_day_goes_on_with_streams_that_take_nothing(
    postmortem: Postmortem,
    google: GoogleWorld,
    customers: Callable[[int], CustomerList],
    redirection: str,
) -> None:
    start = ("start", "Wrong amounts", "--impact", "200 customers")
    assert in_a_shell(postmortem, redirection, *start) == 0
    assert in_a_shell(postmortem, redirection, "log", "Alerted colleagues") == 0
    send = ("notify", str(customers(3)), "--stage", "investigating", "--send", "--confirm", "3")
    assert in_a_shell(postmortem, redirection, *send) == 0

    shown = postmortem.json("show")
    assert "Alerted colleagues" in google.text(shown["doc_id"])
    assert shown["pending_sync"] == 0
    assert set(google.copies_per_recipient().values()) == {1}
    assert len(google.sent()) == 3


@pytest.mark.parametrize("redirection", NOWHERE.values(), ids=NOWHERE)
def test_a_fault_keeps_its_exit_code_where_nobody_can_be_told(
    postmortem: Postmortem, redirection: str
) -> None:
    assert in_a_shell(postmortem, redirection, "log", "Before any incident") == 3
    assert in_a_shell(postmortem, redirection, "log", "--bogus") == 2
    assert in_a_shell(postmortem, redirection, "log", "--bogus", "--json") == 2


@pytest.mark.parametrize(
    ("redirection", "code"), [(">&-", 0), (">/dev/full", 4), ("| true", 130), ("2>&-", 0)]
)
def test_an_answer_is_the_work_of_a_command_that_shows(
    postmortem: Postmortem, redirection: str, code: int
) -> None:
    postmortem("start", "Wrong amounts")
    assert in_a_shell(postmortem, f"<&0 {redirection}", "show") == code


def test_a_closed_stdout_is_never_given_to_the_ledger(postmortem: Postmortem) -> None:
    """The next opened file gets a closed stream's number: nothing may print into it."""
    program = (
        "import os, sys\n"
        "from workflow.__main__ import open_closed_streams\n"
        "open_closed_streams()\n"
        "opened = os.open(sys.argv[1], os.O_CREAT | os.O_RDWR)\n"
        "sys.exit(opened)\n"
    )
    command = shlex.join([sys.executable, "-c", program, str(postmortem.home / "file")])
    for closed in (">&-", "2>&-", "<&-", "<&- >&- 2>&-"):
        ended = subprocess.run(["bash", "-c", f"{command} {closed}"], check=False, timeout=30)
        assert ended.returncode > 2


def test_standard_input_that_can_not_be_read_is_bad_input(postmortem: Postmortem) -> None:
    postmortem("start", "Wrong amounts")
    for arguments in (("log", "-"), ("section", "timeline", "-"), ("notify", "-")):
        assert in_a_shell(postmortem, "0>/dev/null", *arguments) == 3
