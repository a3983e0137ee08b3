"""A rehearsal Google in its own process, and people whose commands run in forked ones.

Forking pays for the imports once, so that hundreds of runs take minutes; a child is still a process
that `kill -9` can end anywhere.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import sqlite3
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

import requests

from google_rehearsal.lifecycle import RunningServer, ensure_running, stop
from google_rehearsal.store import SETTINGS_FILE
from workflow.cli.app import app

# Modules that commands import when they run; imported here once instead of in every child.
for _name in (
    *("requests", "sqlalchemy.dialects.sqlite", "css_inline"),
    *("workflow.cli.output", "workflow.cli.session", "workflow.cli.lasting_jobs"),
    *("workflow.cli.notice_lines", "workflow.notice.send", "workflow.notice.plan"),
    *("workflow.incident.lifecycle", "workflow.incident.facts", "workflow.doc.recovery"),
    *("workflow.google.transport", "workflow.google.endpoint", "email_validator"),
):
    importlib.import_module(_name)

NO_LIMITS: dict[str, Any] = {
    "gmail_units_per_minute": 0,
    "gmail_concurrency": 0,
    "docs_reads_per_minute": 0,
    "docs_writes_per_minute": 0,
    "daily_sends": 0,
}


@contextmanager
def google(folder: Path, **settings: Any) -> Iterator[Google]:
    """A rehearsal Google in its own process, without limits unless set in `settings`."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    (folder / SETTINGS_FILE).write_text(json.dumps(NO_LIMITS | settings), encoding="utf-8")
    try:
        yield Google(ensure_running(folder), folder)
    finally:
        stop(folder)


@dataclass(frozen=True)
class Google:
    """The server, and its store."""

    server: RunningServer
    folder: Path

    def copies(self, domain: str, label: str = "SENT") -> Counter[str]:
        """How many mails with a label (`SENT`, `DRAFT`) each address of a domain has."""
        found: Counter[str] = Counter()
        with closing(sqlite3.connect(self.folder / "rehearsal.sqlite3", timeout=30)) as store:
            rows = store.execute(
                "SELECT raw FROM messages WHERE instr(labels, ?) > 0 AND instr(raw, ?) > 0",
                (label, domain.encode()),
            )
            for (raw,) in rows:
                to = message_from_bytes(raw, policy=policy.default)["To"]
                found.update(each.addr_spec for each in to.addresses)
        return found

    def switchboard(self, verb: str, path: str, body: Any = None) -> Any:
        """Faults, settings and counts."""
        answer = requests.request(
            verb,
            f"{self.server.base_url}/rehearsal/{path}",
            json=body,
            headers={"X-Rehearsal-Key": self.server.key},
            timeout=60,
        )
        answer.raise_for_status()
        return answer.json()


@dataclass
class Person:
    """A person with a home folder, whose commands run in new processes."""

    home: Path
    url: str
    config: str = ""
    environment: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.home.mkdir(mode=0o700, parents=True, exist_ok=True)
        (self.home / "config.toml").write_text(self.config, encoding="utf-8")

    def start(self, *arguments: str, within: Callable[[], None] | None = None) -> int:
        """Start a command; its process id. `within` runs in the new process before it."""
        sys.stdout.flush()
        sys.stderr.flush()
        pid = os.fork()
        if pid:
            return pid
        code = 1
        try:
            code = self._child(arguments, within)
        finally:
            os._exit(code)

    def __call__(self, *arguments: str, within: Callable[[], None] | None = None) -> int:
        """Run a command to its end: its exit code, or minus the signal that ended it."""
        return wait(self.start(*arguments, within=within))

    def _child(self, arguments: tuple[str, ...], within: Callable[[], None] | None) -> int:
        os.setsid()
        signal.signal(signal.SIGINT, signal.default_int_handler)
        os.environ.update(self.environment)
        os.environ |= {
            "POSTMORTEM_HOME": str(self.home),
            "POSTMORTEM_GOOGLE_URL": self.url,
            "TZ": "Europe/Berlin",
        }
        self._speak_to(self.home / "said.txt")
        if within is not None:
            within()
        try:
            app(list(arguments), prog_name="postmortem")
        except SystemExit as ended:
            return ended.code if isinstance(ended.code, int) else 1
        return 0

    def _speak_to(self, path: Path) -> None:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(descriptor, 1)
        os.dup2(descriptor, 2)
        sys.stdin = os.fdopen(0, encoding="utf-8", closefd=False)
        sys.stdout = os.fdopen(1, "w", encoding="utf-8", closefd=False)
        sys.stderr = os.fdopen(2, "w", encoding="utf-8", closefd=False)

    def states(self) -> Counter[str]:
        """How many deliveries the ledger has in each state."""
        return ledger_states(self.home)


def ledger_states(home: Path) -> Counter[str]:
    """How many deliveries the ledger in a home folder has in each state."""
    with closing(sqlite3.connect(home / "ledger.sqlite3", timeout=30)) as ledger:
        rows = ledger.execute("SELECT state, count(*) FROM deliveries GROUP BY state")
        return Counter(dict(rows.fetchall()))


def wait(pid: int) -> int:
    """Wait for a process: its exit code, or minus the signal that ended it."""
    _, status = os.waitpid(pid, 0)
    return os.waitstatus_to_exitcode(status)


def wait_or_kill(pid: int, seconds: float) -> int:
    """Let a process run this long, then `kill -9` it."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found, status = os.waitpid(pid, os.WNOHANG)
        if found:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.001)
    os.kill(pid, signal.SIGKILL)
    return wait(pid)


def write_list(path: Path, count: int, domain: str) -> Path:
    """A list of customers, all in one domain."""
    rows = [f"person{number}@{domain},Person {number}" for number in range(1, count + 1)]
    path.write_text("\n".join(["email,name", *rows]) + "\n", encoding="utf-8")
    return path
