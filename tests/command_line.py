"""The command line as a user's session: run a command, check its output and exit code."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any
from unittest import mock

import typer.main

from tests.advice import advice_in, refusal_of
from tests.ready_processes import start_ready
from workflow.cli.app import app

# As `python -m workflow` starts it.
_THE_PROGRAM = "from workflow.__main__ import main; main()"


@dataclass(frozen=True)
class Result:
    """A command's exit code and output."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one JSON document on stdout."""
        return json.loads(self.out)


@cache
def _command_line() -> Any:
    """All commands, made once for all tests of a process: that is a third of a short run."""
    return typer.main.get_command(app)


@dataclass
class Postmortem:
    """A person with a home folder. Commands run in this process, except with `start_process`."""

    home: Path
    environment: dict[str, str] = field(default_factory=dict)

    def __call__(
        self, *arguments: str, typed: str | bytes = b"", expect: int | None = 0, **settings: str
    ) -> Result:
        """Run a command; `expect` is its exit code (None: any).

        Every command that it advises must be one that can be typed.
        """
        result = self._run(arguments, typed, settings)
        for advice in advice_in(f"{result.out}\n{result.err}"):
            assert not refusal_of(advice), f"{advice}: {refusal_of(advice)}"
        if expect is not None and result.code != expect:
            shown = " ".join(arguments)
            raise AssertionError(
                f"postmortem {shown} ended with {result.code}, not {expect}\n"
                f"--- stdout\n{result.out}\n--- stderr\n{result.err}"
            )
        return result

    def json(self, *arguments: str, expect: int | None = 0, **settings: str) -> Any:
        """Run a command with `--json` and read its document."""
        return self(*arguments, "--json", expect=expect, **settings).json

    def start_process(
        self, *arguments: str, stdin: int = subprocess.DEVNULL, **settings: str
    ) -> subprocess.Popen[str]:
        """Start a real process, to kill, to wait for, or to type at if `stdin` is a pipe."""
        return start_ready(
            _THE_PROGRAM,
            arguments,
            folder=Path.cwd(),
            environment=self._environment(settings),
            stdin=stdin,
        )

    def environment_of_a_run(self, **settings: str) -> dict[str, str]:
        """The environment in which a command of this person runs."""
        return self._environment(settings)

    def configure(self, text: str) -> None:
        """Write the config file."""
        (self.home / "config.toml").write_text(text, encoding="utf-8")

    def _run(
        self, arguments: tuple[str, ...], given: str | bytes, settings: Mapping[str, str]
    ) -> Result:
        out, err = io.StringIO(), io.StringIO()
        code = 0
        content = given.encode() if isinstance(given, str) else given
        stdin = io.TextIOWrapper(io.BytesIO(content), encoding="utf-8")
        environment = self._environment(settings)
        with (
            mock.patch.dict(os.environ, environment, clear=True),
            mock.patch.object(sys, "stdin", stdin),
            redirect_stdout(out),
            redirect_stderr(err),
        ):
            try:
                _command_line()(list(arguments), prog_name="postmortem")
            except SystemExit as ended:
                code = ended.code if isinstance(ended.code, int) else 1
        return Result(code, out.getvalue(), err.getvalue())

    def _environment(self, settings: Mapping[str, str]) -> dict[str, str]:
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        return {**kept, "TZ": "Europe/Berlin", "POSTMORTEM_HOME": str(self.home)} | {
            **self.environment,
            **settings,
        }


@dataclass(frozen=True)
class CustomerList:
    """A list of customers on disk."""

    path: Path
    addresses: tuple[str, ...]

    def __str__(self) -> str:
        return str(self.path)


def write_customers(path: Path, count: int, *, domain: str = "customer.example") -> CustomerList:
    """Write a list of `count` customers, each with a different name."""
    addresses = tuple(f"person{number}@{domain}" for number in range(1, count + 1))
    lines = ["email,name", *(f"{each},Person {at}" for at, each in enumerate(addresses, 1))]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return CustomerList(path, addresses)


def one_each(listed: CustomerList) -> dict[str, int]:
    """What `GoogleWorld.copies_per_recipient` has when each customer got one mail."""
    return dict.fromkeys(listed.addresses, 1)


def words_to_send(listed: CustomerList) -> tuple[str, ...]:
    """The command that sends a notice to all of a list."""
    return ("notify", str(listed), "--send", "--confirm", str(len(listed.addresses)))


@contextmanager
def running(process: subprocess.Popen[str]) -> Iterator[subprocess.Popen[str]]:
    """A process that is ended with the test."""
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate(timeout=20)
