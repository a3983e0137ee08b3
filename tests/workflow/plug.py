"""Pulling the plug: real processes that die at a chosen point, are stopped, or are let go on."""

from __future__ import annotations

import base64
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import requests

from tests.command_line import Postmortem
from tests.google_world import ACCOUNT, GoogleWorld
from tests.ledger_rows import somebody_writes

ROOT = Path(__file__).resolve().parents[2]
# A point is the moment before or after a commit of the ledger, or before or after a call.
_DYING = """
import sys
from bench.chaos.dying import die_at
point, *words = sys.argv[1:]
die_at(int(point))()
sys.argv[1:] = words
from workflow.__main__ import main
main()
"""

_DYING_IN = """
import importlib, os, signal, sys
module, function, *words = sys.argv[1:]
die = lambda *a, **k: os.kill(os.getpid(), signal.SIGKILL)
setattr(importlib.import_module(module), function, die)
sys.argv[1:] = words
from workflow.__main__ import main
main()
"""


def dies_at(point: int, postmortem: Postmortem, *arguments: str) -> None:
    """Run a command that kills itself with SIGKILL at its `point`th point."""
    _dies(_DYING, postmortem, str(point), *arguments)


def dies_in(module: str, function: str, postmortem: Postmortem, *arguments: str) -> None:
    """Run a command that kills itself with SIGKILL when it comes to a function."""
    _dies(_DYING_IN, postmortem, module, function, *arguments)


def _dies(script: str, postmortem: Postmortem, *arguments: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", script, *arguments],
        cwd=ROOT,
        env=postmortem._environment({}),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == -9, (done.returncode, done.stderr.decode())


def wait_until(what: Callable[[], bool], *, seconds: float = 20) -> None:
    """Wait for something to become true."""
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, "it never came to that"
        time.sleep(0.02)


def stand_still(process: subprocess.Popen[str], postmortem: Postmortem) -> None:
    """Stop a process where it does not hold the ledger's lock, as a laptop's lid does."""
    while True:
        os.kill(process.pid, signal.SIGSTOP)
        if not somebody_writes(postmortem):
            return
        os.kill(process.pid, signal.SIGCONT)
        time.sleep(0.02)


def go_on(process: subprocess.Popen[str]) -> None:
    """Let a process that stands still go on."""
    os.kill(process.pid, signal.SIGCONT)


def make_draft(google: GoogleWorld, to: str, subject: str) -> str:
    """Write a draft as a person does in Gmail; its id."""
    lines = [f"To: {to}"] if to else []
    raw = "\r\n".join([*lines, f"Subject: {subject}", "", "Dear…"]).encode()
    body = {"message": {"raw": base64.urlsafe_b64encode(raw).decode("ascii")}}
    return str(_at_the_mailbox("post", google, "drafts", body)["id"])


def delete_draft(google: GoogleWorld, draft_id: str) -> None:
    """Delete a draft as a person does in Gmail."""
    _at_the_mailbox("delete", google, f"drafts/{draft_id}", None)


def _at_the_mailbox(verb: str, google: GoogleWorld, path: str, body: Any) -> Any:
    answer = requests.request(
        verb,
        f"{google.url}/gmail/v1/users/me/{path}",
        json=body,
        headers={"Authorization": f"Bearer rehearsal:{ACCOUNT}:gmail.modify"},
        timeout=10,
    )
    assert answer.ok, answer.text
    return answer.json() if answer.content else None
