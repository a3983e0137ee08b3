"""The command that a run is for, so that no other is made: that took 0.05 s, measured."""

from __future__ import annotations

import importlib
import re
from collections.abc import Sequence

import typer

from workflow.cli.commands import app

_TAKE_A_VALUE = ("--profile", "--incident")
_FLAG = re.compile(r"--json|--verbose|--quiet|-[vq]+|--profile=.*|--incident=.*", re.DOTALL)
_MODULES = {
    "announce_commands": ("announce",),
    "bounce_commands": ("bounces",),
    "close_commands": ("close", "reopen"),
    "doc_commands": ("attach", "join", "template"),
    "incident_commands": ("start", "log", "status", "section"),
    "ledger_commands": ("ledger",),
    "notice_commands": ("notify",),
    "practice_commands": ("rehearse",),
    "publish_commands": ("publish",),
    "record_commands": ("show", "list", "sync", "export"),
    "report_commands": ("report",),
    "resume_commands": ("resume",),
    "setup_commands": ("auth", "doctor", "init"),
    "stating_commands": ("impact", "severity"),
    "told_commands": ("told",),
    "watching": ("watch",),
}
MODULE_OF = {name: module for module, names in _MODULES.items() for name in names}
"""In which module of this package each command, or group of them, is."""


def app_for(given: Sequence[str]) -> typer.Typer:
    """The command line with at least the command that `given`, what was typed, is for.

    It has all of them where that is not plain: for help, for completion, for a wrong word.
    """
    module = MODULE_OF.get(command_in(given), "all_commands")
    importlib.import_module(f"workflow.cli.{module}")
    return app


def command_in(given: Sequence[str]) -> str:
    """The first word that is no global option; "" where another option comes before it."""
    words = iter(given)
    for word in words:
        if word in _TAKE_A_VALUE:
            next(words, "")
        elif not _FLAG.fullmatch(word):
            return "" if word.startswith("-") else word
    return ""
