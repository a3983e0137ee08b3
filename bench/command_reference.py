"""docs/commands.md, made from the command line's own help: `python -m bench.command_reference`.

A test compares the page with the help, so neither can change alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer

from workflow.cli.app import app
from workflow.cli.command_table import COMMANDS, PANELS

PAGE = Path(__file__).resolve().parents[1] / "docs" / "commands.md"
# A bar in a cell of a Markdown table.
BAR = "\\|"
_GLOBAL = ("--profile", "--incident", "--json", "--verbose", "--quiet", "--help")
_HEAD = """\
# Commands

This page is made from `postmortem --help` and its like: `make docs` writes it again.

These options work with every command, before or after its name:

"""


def page() -> str:
    """The whole page as Markdown."""
    top: Any = typer.main.get_command(app)
    parts = [_HEAD + "\n".join(_table([each for each in top.params if _is_global(each)])) + "\n"]
    for panel in PANELS:
        parts.append(f"## {panel}\n")
        for name, line in COMMANDS.items():
            if line.panel == panel:
                parts.extend(_sections(top.commands[name], name))
    return "\n".join(parts)


def _sections(command: Any, name: str) -> Iterator[str]:
    yield "\n".join(_section(command, name))
    for each in getattr(command, "commands", {}).values():
        yield "\n".join(_section(each, f"{name} {each.name}", level=4))


def _section(command: Any, name: str, level: int = 3) -> Iterator[str]:
    yield f"{'#' * level} {name}\n"
    yield _paragraphs(command.help or "") + "\n"
    own = [each for each in command.params if not _is_global(each)]
    if own:
        yield from _table(own)
        yield ""
    if command.epilog:
        yield from _example(command.epilog)


def _paragraphs(text: str) -> str:
    return "\n\n".join(" ".join(each.split()) for each in text.split("\n\n"))


def _example(epilog: str) -> Iterator[str]:
    """An example's commands as a block, then the text below them."""
    first, *below = epilog.split("\n\n")
    if not first.startswith("Example: "):
        yield epilog + "\n"
        return
    first = first.removeprefix("Example: ")
    yield "Example:\n\n```sh\n" + first + "\n```\n"
    for each in below:
        yield " ".join(each.split()) + "\n"


def _is_global(parameter: Any) -> bool:
    return parameter.param_type_name == "option" and any(each in _GLOBAL for each in parameter.opts)


def _table(parameters: list[Any]) -> Iterator[str]:
    yield "| option | meaning |"
    yield "|---|---|"
    for each in parameters:
        if not getattr(each, "hidden", False):
            yield f"| `{_shape(each).replace('|', BAR)}` | {_cell(each)} |"


def _shape(parameter: Any) -> str:
    """The typed form: `TITLE`, `--share WHO`, `--json`, `-v, --verbose`."""
    value = parameter.metavar or parameter.type.name.upper()
    if parameter.param_type_name == "argument":
        return str(parameter.metavar or parameter.name.upper())
    names = ", ".join(sorted(parameter.opts, key=len))
    takes_none = parameter.is_flag or parameter.count
    return names if takes_none else f"{names} {value}"


def _cell(parameter: Any) -> str:
    words = " ".join((parameter.help or "").split()).replace("|", BAR)
    return f"{words} Required." if parameter.required else words


def main() -> None:
    """Write the page."""
    PAGE.write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
