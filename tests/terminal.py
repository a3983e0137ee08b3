"""A command at a terminal: its own process, which can ask a person."""

from __future__ import annotations

import os
import pty
import subprocess
import sys

from tests.command_line import Postmortem, Result


def at_a_terminal(
    postmortem: Postmortem, *arguments: str, typed: str = "", **settings: str
) -> Result:
    """Run a command whose stdin and stdout are a terminal in which a line is typed."""
    ours, theirs = pty.openpty()
    try:
        os.write(ours, f"{typed}\n".encode())
        ended = subprocess.run(
            [sys.executable, "-m", "workflow", *arguments],
            env=postmortem._environment(settings),
            stdin=theirs,
            stdout=theirs,
            stderr=subprocess.PIPE,
            timeout=30,
            check=False,
        )
        os.set_blocking(ours, False)
        shown = os.read(ours, 65536).decode("utf-8", "replace")
    finally:
        os.close(theirs)
        os.close(ours)
    return Result(ended.returncode, shown, ended.stderr.decode())
