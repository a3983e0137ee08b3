"""Every command, as the help, the completion and a slip of the keyboard need them."""

from __future__ import annotations

import importlib

from workflow.cli.chosen_command import MODULE_OF
from workflow.cli.commands import app

__all__ = ["app"]

for _module in dict.fromkeys(MODULE_OF.values()):
    importlib.import_module(f"workflow.cli.{_module}")
