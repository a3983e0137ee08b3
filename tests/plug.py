"""Crashes and pauses: real processes that are killed, stopped or resumed at a chosen point."""

from __future__ import annotations

import base64
import json
import os
import re
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests

from tests.command_line import Postmortem, running
from tests.google_world import ACCOUNT, GoogleWorld
from tests.ledger_rows import somebody_writes
from tests.ready_processes import start_ready

ROOT = Path(__file__).resolve().parents[1]
_TIME_OUT = re.compile(r"^timeout_seconds = [0-9.]+$", re.MULTILINE)
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

_SLEEPING_IN = """
import functools, importlib, json, os, pathlib, signal, sys
mark, when, module, names, settings, *words = sys.argv[1:]
for place, name, value in json.loads(settings):
    setattr(importlib.import_module(place), name, value)
*owners, name = names.split(".")
owner = functools.reduce(getattr, owners, importlib.import_module(module))
work = getattr(owner, name)

def sleeping(*given, **more):
    answer = work(*given, **more) if when == "after" else None
    if not os.path.exists(mark):
        pathlib.Path(mark).touch()
        os.kill(os.getpid(), signal.SIGSTOP)
    return answer if when == "after" else work(*given, **more)

setattr(owner, name, sleeping)
sys.argv[1:] = words
from workflow.__main__ import main
main()
"""


def dies_at(point: int, postmortem: Postmortem, *arguments: str) -> None:
    """Run a command that kills itself with SIGKILL at its `point`th point."""
    _dies(_DYING, postmortem, str(point), *arguments)


def died_at(point: int, postmortem: Postmortem, *arguments: str) -> bool:
    """Run a command that kills itself with SIGKILL at its `point`th point; False if it has fewer.

    A command with fewer points must succeed.
    """
    code, said = _ran(_DYING, postmortem, str(point), *arguments)
    assert code in {-9, 0}, said
    return code == -9


def dies_in(module: str, function: str, postmortem: Postmortem, *arguments: str) -> None:
    """Run a command that kills itself with SIGKILL when it reaches a function."""
    _dies(_DYING_IN, postmortem, module, function, *arguments)


@contextmanager
def sleeping_in(
    where: tuple[str, str],
    postmortem: Postmortem,
    *arguments: str,
    when: str = "before",
    settings: Sequence[tuple[str, str, float]] = (),
    again: Sequence[str] = (),
) -> Iterator[subprocess.Popen[str]]:
    """A command that stops right "before" or "after" a function, the first time.

    `where` is a module and a name in it, `settings` are numbers of modules to set before. `go_on`
    within the block resumes it. `again` is as for `comes_to`.
    """
    with tempfile.TemporaryDirectory() as folder:
        mark = Path(folder) / "asleep"

        def start(*arguments: str) -> subprocess.Popen[str]:
            words = [str(mark), when, *where, json.dumps(settings), *arguments]
            return start_ready(
                _SLEEPING_IN, words, folder=ROOT, environment=postmortem._environment({})
            )

        with comes_to(mark.exists, start, *arguments, again=again) as process:
            yield process


@contextmanager
def comes_to(
    point: Callable[[], bool],
    start: Callable[..., subprocess.Popen[str]],
    *arguments: str,
    again: Sequence[str] = (),
) -> Iterator[subprocess.Popen[str]]:
    """A process of a command that has come to a point.

    With short time-outs on a busy machine, its calls may fail before. It ends then, and its user
    types the command `again`.
    """
    words: Sequence[str] = arguments
    for _ in range(5):
        with running(start(*words)) as process:
            wait_until(lambda: point() or process.poll() is not None)
            if point():
                yield process
                return
        assert again, process.communicate()
        words = again
    raise AssertionError("it never came to that")


def _dies(script: str, postmortem: Postmortem, *arguments: str) -> None:
    code, said = _ran(script, postmortem, *arguments)
    assert code == -9, (code, said)


def _ran(script: str, postmortem: Postmortem, *arguments: str) -> tuple[int, str]:
    """The exit code and the stderr of a command in a separate process.

    Its calls have ten seconds: on a busy machine it would give up before it is killed.
    """
    config = postmortem.home / "config.toml"
    before = config.read_text(encoding="utf-8")
    config.write_text(_TIME_OUT.sub("timeout_seconds = 10", before), encoding="utf-8")
    try:
        process = start_ready(
            script, arguments, folder=ROOT, environment=postmortem._environment({})
        )
        with running(process):
            _, said = process.communicate(timeout=60)
    finally:
        config.write_text(before, encoding="utf-8")
    return process.returncode, said


def wait_until(what: Callable[[], bool], *, seconds: float = 60) -> None:
    """Wait for something to become true."""
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, "it never came to that"
        time.sleep(0.02)


def early_in_the_minute() -> None:
    """Wait for a time after which a test can end in the same minute: spans are whole minutes."""
    second = time.time() % 60
    if second > 40:
        time.sleep(60 - second)


def stand_still(process: subprocess.Popen[str], postmortem: Postmortem) -> None:
    """Stop a process while it does not hold the ledger's lock, as closing a laptop does."""
    while True:
        os.kill(process.pid, signal.SIGSTOP)
        if not somebody_writes(postmortem):
            return
        os.kill(process.pid, signal.SIGCONT)
        time.sleep(0.02)


def calls_end(google: GoogleWorld) -> None:
    """Wait until the calls that were under way when a process was stopped have ended at Google."""
    before: dict[str, int] | None = None
    while (now := google.calls()) != before:
        before = now
        time.sleep(0.5)


def go_on(process: subprocess.Popen[str]) -> None:
    """Resume a stopped process."""
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


def edit_draft(google: GoogleWorld, draft_id: str, old: str, new: str) -> None:
    """Change words of a draft as a person does in Gmail."""
    changed = google.raw_draft(draft_id).replace(old.encode(), new.encode())
    body = {"message": {"raw": base64.urlsafe_b64encode(changed).decode("ascii")}}
    _at_the_mailbox("put", google, f"drafts/{draft_id}", body)


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
