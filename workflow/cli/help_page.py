"""The page of `--help`: commands by what a person wants to do, each with its whole first sentence.

Plain text, so that a person in a hurry does not wait for a library that draws frames.
"""

from __future__ import annotations

from typing import Any

from typer.core import TyperGroup

# The order of the day; a panel that is not named here comes after these.
DAY, MAIL, DOC, RECORD, PRACTICE, SET_UP = PANELS = (
    "An incident's day",
    "Writing to customers",
    "The doc",
    "The record",
    "Practice",
    "Set-up",
)
# Within a panel: a command that is not named here comes after these.
_COMMANDS = (
    *("start", "log", "status", "impact", "severity", "section", "announce", "close", "reopen"),
    *("notify", "resume", "bounces"),
    *("join", "attach", "template"),
    *("show", "watch", "list", "told", "sync", "export", "report", "publish"),
    *("init", "auth", "doctor", "ledger"),
)
_WIDE = 200


class CommandsByPanel(TyperGroup):
    """A group whose help shows its commands in their panels."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write a list for each panel."""
        panels: dict[str, list[tuple[str, str]]] = {}
        for name in self.list_commands(ctx):
            command = self.get_command(ctx, name)
            if command is None or command.hidden:
                continue
            panel = getattr(command, "rich_help_panel", None)
            title = panel if isinstance(panel, str) else "Commands"
            panels.setdefault(title, []).append((name, command.get_short_help_str(_WIDE)))
        for title in sorted(panels, key=lambda title: _place(title, PANELS)):
            with formatter.section(title):
                formatter.write_dl(panels[title], col_max=12)


class CommandsOfTheDay(CommandsByPanel):
    """All commands, each panel's in the order in which an incident's day needs them."""

    def list_commands(self, ctx: Any) -> list[str]:
        """The commands' names, as the help shows them."""
        return sorted(super().list_commands(ctx), key=lambda name: _place(name, _COMMANDS))


def _place(name: str, order: tuple[str, ...]) -> int:
    return order.index(name) if name in order else len(order)
