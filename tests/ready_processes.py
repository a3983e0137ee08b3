"""Real processes of the program that start at once.

Loading the libraries takes most of a short command's time, and the tests start over a thousand of
them. So one process for each process of tests loads them, and each command is forked from it: a
process of its own, which can be stopped, interrupted and killed as any other. What a command loads
when it starts, and how long that takes, is tested with processes of their own
(`tests/cli/test_start_up.py`).
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import IO, Any, Self, cast

from workflow.cli.commands import rehearse

ROOT = Path(__file__).resolve().parents[1]
_LOADED = ("workflow.__main__", "workflow.cli.app", *rehearse._USED)
_READY = """
import array, gc, importlib, json, os, select, signal, socket, sys, time

control = socket.socket(fileno=int(sys.argv[1]))
for name in sys.argv[2:]:
    importlib.import_module(name)
gc.freeze()
ended, told = os.pipe()
os.set_blocking(ended, False)
os.set_blocking(told, False)
signal.signal(signal.SIGINT, signal.SIG_IGN)
signal.signal(signal.SIGCHLD, lambda *_: None)
signal.set_wakeup_fd(told)
alive = {}
while True:
    ready = select.select([control, ended], [], [])[0]
    if ended in ready:
        os.read(ended, 4096)
        for pid in list(alive):
            gone, status = os.waitpid(pid, os.WNOHANG)
            if gone:
                told_to = alive.pop(pid)
                os.write(told_to, b"%d" % os.waitstatus_to_exitcode(status))
                os.close(told_to)
    if control in ready:
        said, given, _, _ = socket.recv_fds(control, 1 << 20, 4)
        if not said:
            os._exit(0)
        pid = os.fork()
        if not pid:
            break
        alive[pid] = given.pop()
        for each in given:
            os.close(each)
        control.send(b"%d" % pid)

signal.set_wakeup_fd(-1)
signal.signal(signal.SIGCHLD, signal.SIG_DFL)
signal.signal(signal.SIGINT, signal.default_int_handler)
for number in range(3):
    os.dup2(given[number], number)
control.close()
for each in (*given, *alive.values(), ended, told):
    os.close(each)
sys.stdin = sys.__stdin__ = open(0, encoding="utf-8", closefd=False)
sys.stdout = sys.__stdout__ = open(1, "w", encoding="utf-8", closefd=False)
sys.stderr = sys.__stderr__ = open(2, "w", 1, "utf-8", "backslashreplace", closefd=False)
asked = json.loads(said)
os.environ.clear()
os.environ.update(asked["environment"])
time.tzset()
os.chdir(asked["folder"])
sys.argv = ["-c", *asked["words"]]
code = asked["code"]
for name in set(globals()) - {"__name__", "__builtins__", "code"}:
    del globals()[name]
exec(compile(code, "<string>", "exec"))
"""
# What Python itself reads when it starts.
_READ_AT_THE_START = ("PYTHON", "LC_", "LANG")


class _Nursery:
    """The process that has loaded the libraries. One command at a time is asked of it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._control = ours
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-c", _READY, str(theirs.fileno()), *_LOADED],
                cwd=ROOT,
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
            )

    def fork(self, asked: Mapping[str, Any], numbers: Sequence[int]) -> int:
        """The id of a new process. Its streams are the first three; the last tells its end."""
        with self._lock:
            socket.send_fds(self._control, [json.dumps(asked).encode()], numbers)
            return int(self._control.recv(100))


@cache
def _nursery() -> _Nursery:
    return _Nursery()


class ReadyProcess:
    """A forked process, with what the tests use of `subprocess.Popen`."""

    def __init__(
        self,
        code: str,
        words: Sequence[str],
        folder: Path,
        environment: Mapping[str, str],
        *,
        stdin: int,
    ) -> None:
        self.args = ["-c", code, *words]
        self.returncode: int | None = None
        asked = {
            "code": code,
            "words": list(words),
            "folder": str(folder),
            "environment": dict(environment),
        }
        self._said: dict[IO[str], str] = {}
        self._readers: list[threading.Thread] = []
        their_in, our_in = os.pipe() if stdin == subprocess.PIPE else (_nothing(), -1)
        our_out, their_out = os.pipe()
        our_err, their_err = os.pipe()
        self._ended, ends = os.pipe()
        theirs = (their_in, their_out, their_err, ends)
        try:
            self.pid = _nursery().fork(asked, theirs)
        finally:
            for each in theirs:
                os.close(each)
        self.stdin = os.fdopen(our_in, "w", encoding="utf-8") if our_in >= 0 else None
        self.stdout = os.fdopen(our_out, encoding="utf-8")
        self.stderr = os.fdopen(our_err, encoding="utf-8")

    def poll(self) -> int | None:
        """The exit code, negative for a signal; None as long as it lives."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.wait(0)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end. Raises `TimeoutExpired`."""
        if self.returncode is None:
            if not select.select([self._ended], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired(self.args, timeout or 0)
            self.returncode = int(os.read(self._ended, 100))
            os.close(self._ended)
        return self.returncode

    def communicate(
        self,
        input: str | None = None,  # noqa: A002 - its name in `Popen`
        timeout: float | None = None,
    ) -> tuple[str, str]:
        """What it said, after its end. Raises `TimeoutExpired`, and can then be asked again."""
        if self.stdin and not self.stdin.closed:
            with contextlib.suppress(BrokenPipeError):
                self.stdin.write(input or "")
                self.stdin.close()
        if not self._readers:
            for stream in (self.stdout, self.stderr):
                reader = threading.Thread(target=self._read, args=(stream,), daemon=True)
                reader.start()
                self._readers.append(reader)
        deadline = None if timeout is None else time.monotonic() + timeout
        for reader in self._readers:
            reader.join(None if deadline is None else max(0.0, deadline - time.monotonic()))
            if reader.is_alive():
                raise subprocess.TimeoutExpired(self.args, timeout or 0)
        self.wait(None if deadline is None else max(0.0, deadline - time.monotonic()))
        return self._said.get(self.stdout, ""), self._said.get(self.stderr, "")

    def _read(self, stream: IO[str]) -> None:
        if not stream.closed:
            self._said[stream] = stream.read()
            stream.close()

    def send_signal(self, number: int) -> None:
        """Send it a signal, if it lives."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """Kill it with SIGKILL."""
        self.send_signal(signal.SIGKILL)

    def terminate(self) -> None:
        """Ask it to end, with SIGTERM."""
        self.send_signal(signal.SIGTERM)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for stream in (self.stdin, self.stdout, self.stderr):
            if stream:
                stream.close()
        self.wait()


def _nothing() -> int:
    return os.open(os.devnull, os.O_RDONLY)


def start_ready(
    code: str,
    words: Sequence[str],
    *,
    folder: Path,
    environment: Mapping[str, str],
    stdin: int = subprocess.DEVNULL,
) -> subprocess.Popen[str]:
    """Start `python -c CODE WORDS…` in a folder, with both outputs as pipes and text in UTF-8.

    Where processes can't be forked, or the environment says how Python itself starts, it is started
    as usual.
    """
    is_usual = all(
        os.environ.get(name) == value
        for name, value in environment.items()
        if name.startswith(_READ_AT_THE_START)
    )
    if sys.platform == "linux" and is_usual:
        return cast(
            "subprocess.Popen[str]", ReadyProcess(code, words, folder, environment, stdin=stdin)
        )
    return subprocess.Popen(
        [sys.executable, "-c", code, *words],
        cwd=folder,
        env=dict(environment),
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    )
