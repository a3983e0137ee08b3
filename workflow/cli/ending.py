"""How a run ends that never came to its command, or whose answer nobody could take.

Wrong usage, a Ctrl-C while the program still starts, a full disk behind stdout: each ends with a
sentence and the contract's exit code, and under `--json` with the one document too.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, TextIO

import typer

from workflow.cli.help_page import CommandsOfTheDay

USAGE, NOT_SET_UP, INTERRUPTED = 2, 4, 130
INTERRUPTED_WORDS = "Interrupted. Everything so far is recorded."
# `ClickException`, which lies in another module from one version of Typer to the next.
_UsageFault: Any = typer.BadParameter.__mro__[2]


class AnswerLost(OSError):
    """What stdout or stderr goes to takes no more. `str()` is the sentence."""

    def __init__(self, fault: OSError) -> None:
        super().__init__(
            f"The answer could not be written: {fault.strerror}. What was done is recorded: "
            "postmortem show"
        )


class Commands(CommandsOfTheDay):
    """All commands; a run that ends before one of them is reached ends in words as well."""

    def main(self, args: Sequence[str] | None = None, *more: Any, **options: Any) -> Any:
        """Run the command line, and end the process with its exit code."""
        given = list(sys.argv[1:] if args is None else args)
        options["standalone_mode"] = False
        try:
            code = super().main(given, *more, **options)
        except _UsageFault as fault:
            fault.show()
            tell_script(given, fault.format_message(), USAGE)
            code = USAGE
        except typer.Abort:
            code = interrupted(given)
        except OSError as fault:
            let_go(sys.stdout)
            _say(str(fault if isinstance(fault, AnswerLost) else AnswerLost(fault)))
            code = NOT_SET_UP
        sys.exit(code if isinstance(code, int) else 0)

    def make_context(self, *args: Any, **more: Any) -> Any:
        """Read what was typed."""
        try:
            return super().make_context(*args, **more)
        except KeyboardInterrupt:
            raise typer.Abort from None

    def invoke(self, ctx: Any) -> Any:
        """Run the command that was typed. It says by itself that it was interrupted."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            raise typer.Abort from None


def interrupted(given: Sequence[str]) -> int:
    """Say that a run was interrupted before its command began; its exit code."""
    _say(INTERRUPTED_WORDS)
    tell_script(given, INTERRUPTED_WORDS, INTERRUPTED)
    return INTERRUPTED


def tell_script(given: Sequence[str], sentence: str, code: int) -> None:
    """The one JSON document about a fault, where `given` asked for one."""
    options = given[: given.index("--")] if "--" in given else given
    if "--json" in options:
        with suppress(OSError):
            sys.stdout.write(json.dumps(fault_json(sentence, code), ensure_ascii=False) + "\n")
            sys.stdout.flush()


def fault_json(sentence: str, code: int) -> dict[str, Any]:
    """What `--json` answers instead of a result."""
    return {"error": sentence, "exit_code": code}


def let_go(stream: TextIO) -> None:
    """Point a stream that takes no more at nothing, or its rest fails again when Python ends."""
    with suppress(OSError, ValueError):
        nothing = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nothing, stream.fileno())
        os.close(nothing)


def _say(sentence: str) -> None:
    with suppress(OSError):
        sys.stderr.write(sentence + "\n")
        sys.stderr.flush()
