"""Find the advice that the program prints, and check it as the command line would.

Advice is every `postmortem …` in an output or in a sentence of the source, and every option that a
sentence names after “with”, “add” or “then”. Each must be a command that can be typed.
"""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import typer
from typer._click import Context, exceptions
from typer._click.core import Command
from typer.core import TyperGroup, TyperOption

from workflow.cli.app import app

HOLE = "x1"
_COMMAND = re.compile(r"\bpostmortem\s+(?=[a-z-])(?!-workflow)")
# The words before a command in a sentence that advises it.
_ADVISES = re.compile(r"(?:\b(?:with|[Tt]hen|Next|Later|Run|first):? )$")
_OPTION = re.compile(r"\b(?:with|add|then) (?=--[a-z])")
# Usage lines describe the command line; they are not commands to type.
_NO_ADVICE = ("Usage:", "Try ")
# The program's traceback, which `-v` shows below an error.
_TRACEBACK = re.compile(r"^Traceback \(most recent call last\):\n(?:[ ].*\n)+", re.MULTILINE)
_TOKEN = re.compile(r"""\s*("[^"\n]*"|'[^'\n]*'|[^\s`]+`?)""")
_ENDS = ".,;:)`'"
# Words after a command that belong to the sentence. An id has no vowels.
_PROSE = re.compile(r"(?![b-df-hj-np-tv-z]{8,})[A-Za-z]+")
_PLACEHOLDER = re.compile(r"[A-Z]{2,}|…|-|<[A-Z]+>?|\S*[\d./@#]\S*|[\"'].*[\"']")


@dataclass(frozen=True)
class Advice:
    """A command, or options to add to the typed one, as words of a command line."""

    words: tuple[str, ...]
    is_options: bool = False

    def __str__(self) -> str:
        return ("" if self.is_options else "postmortem ") + shlex.join(self.words)


def advice_in(text: str) -> list[Advice]:
    """All advice in a text, in order, each once."""
    text = _TRACEBACK.sub("", text).replace("\\\n", " ")  # a shell reads on behind a backslash
    text = "\n".join(line for line in text.splitlines() if not line.startswith(_NO_ADVICE))
    found = [Advice(words) for words in _commands(text)]
    for option in _OPTION.finditer(text):
        words = _words(text[option.end() :], ("notify",))
        found.append(Advice(words, is_options=True))
    return list(dict.fromkeys(found))


def refusal_of(advice: Advice) -> str:
    """Why a command can't be typed, "" if it can. The command is parsed and not run."""
    words = [each for each in advice.words if each not in {"--help", "-h", "--version"}]
    while words and words[0] in {"--profile", "--incident"}:
        words = words[2:]
    return "" if advice.is_options else _refusal(words)


def _refusal(words: list[str]) -> str:
    name: str | None = "postmortem"
    command: Command = _group()
    rest = words
    try:
        while isinstance(command, TyperGroup):
            if not rest and not command.invoke_without_command:
                return f"{name} alone does nothing"
            name, found, rest = command.resolve_command(Context(command, info_name=name), rest)
            assert name is not None
            assert found is not None
            command = found
        # An example may omit its argument if the sentence has named it.
        command.make_context(name, list(rest))
    except exceptions.MissingParameter as missing:
        required = missing.param is not None and missing.param.param_type_name == "option"
        return missing.format_message() if required else ""
    except exceptions.UsageError as wrong:
        said = wrong.format_message()
        # A placeholder's value is known only when the program runs.
        return "" if f"'{HOLE}' is not" in said or f"--{HOLE}" in said else said
    return ""


def sentences_of(source: Path) -> Iterator[str]:
    """Every text of a module that a person may see: without docstrings, placeholders as `HOLE`."""
    tree = ast.parse(source.read_text(encoding="utf-8"))
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    inside: set[int] = set()
    for node in ast.walk(tree):
        if id(node) in docstrings or id(node) in inside:
            continue
        if isinstance(node, ast.JoinedStr):
            inside |= {id(each) for part in ast.walk(node) for each in ast.iter_child_nodes(part)}
            yield "".join(
                str(part.value) if isinstance(part, ast.Constant) else HOLE for part in node.values
            )
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def _commands(text: str) -> Iterator[tuple[str, ...]]:
    for found in _COMMAND.finditer(text):
        rest = text[found.end() :]
        if text[: found.start()].endswith("`"):
            rest = rest.partition("`")[0]
        words = _words(rest, ())
        if any(each in _names() for each in words):
            yield words
        elif _ADVISES.search(text, 0, found.start()) and not rest.startswith(HOLE):
            yield (rest.split()[0].rstrip(_ENDS),)  # a slip: there is no such command


def _words(text: str, given: tuple[str, ...]) -> tuple[str, ...]:
    """The words of a command line at the start of a text, up to where the sentence continues."""
    kept: list[str] = []
    at = 0
    while (found := _TOKEN.match(text, at)) is not None:
        token = found[1]
        if "\n" in found[0] or token.startswith("("):
            break
        is_quoted = len(token) > 1 and token[0] == token[-1] and token[0] in "\"'"
        is_last = not is_quoted and token[-1] in _ENDS
        bare = token if is_quoted else token.rstrip(_ENDS)
        if not bare or not _belongs(bare, (*given, *kept)):
            break
        if not bare.startswith("<"):  # a file for its stdin is the shell's
            kept.append(bare.strip("\"'"))
        at = found.end()
        if is_last:
            break
    return tuple(kept)


def _belongs(word: str, before: tuple[str, ...]) -> bool:
    """Whether a word belongs to the command, and not to the rest of the sentence."""
    if not before:
        return word in _names() or word.startswith("--")
    if word.startswith("-") or before[-1] in {"--profile", "--incident"}:
        return True
    if all(each.startswith("--") or at for at, each in enumerate(before)) and word in _names():
        return True
    if before[-1].startswith("--") and _takes_value(before):
        return True
    if _is_subcommand(before, word) or word in _STATES:
        return True
    return bool(_PLACEHOLDER.fullmatch(word)) or not _PROSE.fullmatch(word)


_STATES = {"investigating", "identified", "monitoring", "resolved"}


def _takes_value(before: tuple[str, ...]) -> bool:
    command = _command(before)
    if command is None:
        return False
    for parameter in command.params:
        if isinstance(parameter, TyperOption) and before[-1] in parameter.opts:
            return not parameter.is_flag and not parameter.count
    return False


def _command(before: tuple[str, ...]) -> Command | None:
    command: Command | None = _group()
    for word in before:
        if isinstance(command, TyperGroup) and not word.startswith("-"):
            command = command.get_command(Context(command), word) or command
    return command


def _is_subcommand(before: tuple[str, ...], word: str) -> bool:
    command = _command(before)
    return isinstance(command, TyperGroup) and word in command.list_commands(Context(command))


@cache
def _group() -> TyperGroup:
    made = typer.main.get_command(app)
    assert isinstance(made, TyperGroup)
    return made


@cache
def _names() -> frozenset[str]:
    return frozenset(_group().list_commands(Context(_group())))
