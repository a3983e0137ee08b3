"""Running this program's own commands, each in a process of its own.

Where a process can be forked, the libraries are loaded once and not for every command: a rehearsal
of twenty commands then takes seconds. Elsewhere each is started anew; what they do is the same.
"""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

# What the commands of an incident's day load when they run.
_USED = (
    *("workflow.cli.opening", "workflow.cli.showing", "workflow.cli.progress"),
    *("workflow.cli.preflight_sheet", "workflow.flows.start", "workflow.flows.section"),
    *("workflow.flows.close", "workflow.flows.notify", "workflow.flows.planning"),
    *("workflow.google.transport", "googleapiclient.discovery", "sqlalchemy.dialects.sqlite"),
)
# macOS's own libraries do not survive a fork.
_CAN_FORK = hasattr(os, "fork") and sys.platform != "darwin"


@dataclass(frozen=True)
class Ended:
    """How a command ended, and what it said."""

    code: int
    said: str


def run_command(arguments: Sequence[str], environment: Mapping[str, str], *, errors: int) -> Ended:
    """Run a command to its end. `errors` is where its stderr goes: `subprocess.STDOUT`, or -1 for
    the terminal that this process has."""
    if _CAN_FORK:
        return _forked(arguments, environment, errors=errors)
    done = subprocess.run(  # noqa: S603 - this program itself
        [sys.executable, "-m", "workflow", *arguments],
        env=dict(environment),
        stdout=subprocess.PIPE,
        stderr=None if errors == -1 else errors,
        check=False,
        encoding="utf-8",
        errors="replace",
    )
    return Ended(done.returncode, done.stdout)


def _forked(arguments: Sequence[str], environment: Mapping[str, str], *, errors: int) -> Ended:
    for name in _USED:
        importlib.import_module(name)
    sys.stdout.flush()
    sys.stderr.flush()
    reading, writing = os.pipe()
    pid = os.fork()
    if not pid:
        os.close(reading)
        _become(arguments, environment, writing, errors=errors)
    os.close(writing)
    with os.fdopen(reading, encoding="utf-8", errors="replace") as pipe:
        said = pipe.read()
    _, status = os.waitpid(pid, 0)
    return Ended(os.waitstatus_to_exitcode(status), said)


def _become(
    arguments: Sequence[str], environment: Mapping[str, str], output: int, *, errors: int
) -> None:
    """Be the command, and end with its exit code: nothing of the parent's runs after it."""
    code = 1
    try:
        os.dup2(output, 1)
        if errors == subprocess.STDOUT:
            os.dup2(output, 2)
        sys.stdout = os.fdopen(1, "w", encoding="utf-8", errors="replace", closefd=False)
        sys.stderr = os.fdopen(2, "w", encoding="utf-8", errors="replace", closefd=False)
        os.environ.clear()
        os.environ.update(environment)
        time.tzset()
        code = _exit_code(arguments)
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(code)


def _exit_code(arguments: Sequence[str]) -> int:
    from workflow.cli.all_commands import app  # noqa: PLC0415 - it imports this module's user

    try:
        app(list(arguments), prog_name="postmortem")
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else 1
    return 0
