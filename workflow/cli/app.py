"""The command line: the commands, and an exit code for each error.

The help comes from a table; a command's module is imported when it runs. The global options may
stand before or after the command's name, so each command accepts them too. Text that begins as a
list item (`- switch it off`) is text, although it begins with a dash: no option has a space after
its dash.
"""

from __future__ import annotations

import functools
import importlib
import inspect
import io
import re
import shlex
import sys
import traceback
from collections.abc import Callable, Collection, Iterator, MutableMapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command_from_info, get_group_from_info

from workflow import __version__
from workflow.cli import command_table
from workflow.cli.command_table import COMMANDS, PANELS
from workflow.cli.terminal import (
    INTERRUPTED_WORDS,
    AnswerLost,
    NothingDone,
    Speaker,
    as_error,
    fault_json,
    finish_streams,
    interrupted,
    let_go,
    make_streams_safe,
    say_to_stderr,
    tell_script,
)
from workflow.errors import DEFECT, INTERRUPTED, NOT_SET_UP, USAGE
from workflow.google import faults

# The `UsageError` of Typer's own Click, whose module differs between versions.
_UsageFault: Any = typer.BadParameter.__mro__[1]
# `ClickException`, whose module differs between versions of Typer.
_AnyFault: Any = typer.BadParameter.__mro__[2]
_EXAMPLE = "Example: "
_NO_OPTION = "No such option"
_TOO_MANY_WORDS = "Got unexpected extra argument"


class TakesListItems(TyperCommand):
    """A command whose arguments may be list items."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse the text after the command's name."""
        valued = self._options_with_a_value()
        try:
            return super().parse_args(ctx, with_items_as_text(args, valued))
        except _UsageFault as fault:
            said = fault.format_message()
            text = next((each for each in args if each[:1] == "-" and " " in each), "")
            if said.startswith(_NO_OPTION) and text and self._arguments():
                raise _UsageFault(
                    f"{said.rstrip('.')}. If `{text}` is text, write -- before it, after all "
                    "options.",
                    ctx=ctx,
                ) from None
            if not said.startswith(_TOO_MANY_WORDS):
                raise
            if not self._arguments():
                if "--to" not in valued:
                    raise
                raise _UsageFault(
                    f"{said.rstrip('.')}. Name the target with --to.", ctx=ctx
                ) from None
            hint = in_quotes(ctx.command_path, args, valued, self._arguments())
            raise _UsageFault(
                f"Too many arguments. Put the words in quotes: {hint}", ctx=ctx
            ) from None

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        """Write the examples as lines to copy, and the rest as text."""
        del ctx
        for part in (self.epilog or "").split("\n\n"):
            formatter.write_paragraph()
            if not part.startswith(_EXAMPLE):
                formatter.write_text(part)
                continue
            formatter.write(_EXAMPLE.strip() + "\n")
            for example in part.removeprefix(_EXAMPLE).split("\n"):
                formatter.write("\n".join(example_lines(example, formatter.width)) + "\n")

    def _arguments(self) -> int:
        return sum(each.param_type_name == "argument" for each in self.params)

    def _options_with_a_value(self) -> set[str]:
        valued = (
            each
            for each in self.params
            if each.param_type_name == "option"
            and not getattr(each, "is_flag", False)
            and not getattr(each, "count", False)
        )
        return {name for each in valued for name in each.opts}


def with_items_as_text(typed: Sequence[str], with_a_value: Collection[str]) -> list[str]:
    """The typed arguments, after `--` if one of them looks like a list item.

    `with_a_value` are the options that take the next argument as their value.
    """
    options: list[str] = []
    texts: list[str] = []
    has_item = False
    words = iter(typed)
    for word in words:
        if word == "--":
            texts.extend(words)
        elif word in with_a_value:
            options.extend((word, *_next_of(words)))
        elif word[:1] == "-" and len(word) > 1 and not _is_item(word):
            options.append(word)
        else:
            texts.append(word)
            has_item = has_item or _is_item(word)
    return [*options, "--", *texts] if has_item else list(typed)


def example_lines(example: str, width: int) -> list[str]:
    """A command to copy, wrapped at that width; a wrapped line ends in a backslash.

    A quoted word is never broken: a shell would read the rest as another word.
    """
    lines = [""]
    for word in re.findall(r"""(?:"[^"]*"|'[^']*'|\S)+""", example):
        if lines[-1] and 2 + len(lines[-1]) + len(word) + 3 > width:
            lines.append("  " + word)
        else:
            lines[-1] = f"{lines[-1]} {word}".lstrip() if len(lines) == 1 else f"{lines[-1]} {word}"
    return [f"  {line} \\" for line in lines[:-1]] + [f"  {lines[-1]}"]


def in_quotes(
    command: str, typed: Sequence[str], with_a_value: Collection[str], arguments: int
) -> str:
    """The command line that was probably meant: all words from the last argument on in quotes."""
    before: list[str] = []
    text: list[str] = []
    after: list[str] = []
    words = iter(typed)
    count = 0
    for word in words:
        if word[:1] == "-" and len(word) > 1 and word != "--":
            value = _next_of(words) if word in with_a_value else ()
            (after if text else before).extend((word, *value))
        elif word != "--":
            count += 1
            (text if count >= arguments else before).append(word)
    return " ".join(
        [command, *map(quoted_word, before), quoted_word(" ".join(text)), *map(quoted_word, after)]
    )


def quoted_word(word: str) -> str:
    """A word as a person types it: in double quotes if needed, as most texts are."""
    if re.fullmatch(r"[\w@%+=:,./-]+", word):
        return word
    return shlex.quote(word) if re.search(r'["$`\\!]', word) else f'"{word}"'


def _next_of(words: Iterator[str]) -> tuple[str, ...]:
    return tuple(word for word in (next(words, None),) if word is not None)


def _is_item(word: str) -> bool:
    return word[:1] == "-" and word[1:2].isspace()


class _Modules(MutableMapping[str, Any]):
    """The commands by name, each loaded from its module on first use."""

    def __init__(self) -> None:
        self._made: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in COMMANDS:
            raise KeyError(name)
        if name not in self._made:
            self._made[name] = _made(name)
        return self._made[name]

    def __iter__(self) -> Iterator[str]:
        return iter(COMMANDS)

    def __len__(self) -> int:
        return len(COMMANDS)

    def __setitem__(self, name: str, command: Any) -> None:
        raise TypeError(f"{name}: the table of commands is in command_table")

    def __delitem__(self, name: str) -> None:
        raise TypeError(f"{name}: the table of commands is in command_table")


class EndsInWords(TyperGroup):
    """All commands; a run that ends before a command is reached also ends with a sentence."""

    def main(self, args: Sequence[str] | None = None, *more: Any, **options: Any) -> Any:
        """Run the command line, and end the process with its exit code."""
        given = list(sys.argv[1:] if args is None else args)
        options["standalone_mode"] = False
        try:
            code = super().main(given, *more, **options)
        except _AnyFault as fault:
            shown = io.StringIO()
            fault.show(shown)
            say_to_stderr(shown.getvalue().rstrip("\n"))
            tell_script(given, fault.format_message(), USAGE)
            code = USAGE
        except NothingDone:
            code = interrupted(given, "Interrupted. Nothing was done.")
        except typer.Abort:
            code = interrupted(given)
        except OSError as fault:
            let_go(sys.stdout)
            say_to_stderr(str(AnswerLost(fault)))
            code = NOT_SET_UP
        finish_streams()
        sys.exit(code if isinstance(code, int) else 0)

    def make_context(self, *args: Any, **more: Any) -> Any:
        """Parse the command line."""
        try:
            return super().make_context(*args, **more)
        except KeyboardInterrupt:
            raise typer.Abort from None

    def invoke(self, ctx: Any) -> Any:
        """Run the command, which reports an interrupt itself."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            raise typer.Abort from None


class CommandsByName(EndsInWords):
    """The commands of `command_table`, in its order."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        # Rebuild a registered command when needed: only the table says which exist.
        self.commands = _Modules()

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write a list for each panel, from the table alone."""
        for panel in PANELS:
            lines = [(name, line.summary) for name, line in COMMANDS.items() if line.panel == panel]
            with formatter.section(panel):
                formatter.write_dl(lines, col_max=12)


class CommandsInFull(TyperGroup):
    """A group within a command (`auth login`); its help shows whole sentences."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write one list, each command with its whole first sentence."""
        made = [(name, self.get_command(ctx, name)) for name in self.list_commands(ctx)]
        with formatter.section("Commands"):
            formatter.write_dl(
                [(name, one.get_short_help_str(200)) for name, one in made if one is not None],
                col_max=12,
            )


def _made(name: str) -> Any:
    try:
        importlib.import_module(f"workflow.cli.commands.{name}")
    except KeyboardInterrupt:
        raise NothingDone from None
    for made in app.registered_commands:
        if made.name == name:
            return get_command_from_info(made, pretty_exceptions_short=False, rich_markup_mode=None)
    group = next(each for each in app.registered_groups if each.name == name)
    return get_group_from_info(
        group, pretty_exceptions_short=False, suggest_commands=True, rich_markup_mode=None
    )


app = typer.Typer(
    name="postmortem",
    no_args_is_help=True,
    cls=CommandsByName,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

_PANEL = "Everywhere"
Profile = Annotated[
    str | None,
    typer.Option(
        help="google, rehearsal, or one named in the config. [env: POSTMORTEM_PROFILE]",
        rich_help_panel=_PANEL,
        show_default=False,
    ),
]
IncidentRef = Annotated[
    str | None,
    typer.Option(
        "--incident",
        help="Incident: id or its beginning, title, or doc address. Default: the current "
        "incident. [env: POSTMORTEM_INCIDENT]",
        rich_help_panel=_PANEL,
        show_default=False,
        autocompletion=command_table.complete_incident,
    ),
]
AsJson = Annotated[
    bool,
    typer.Option("--json", help="Print one JSON document on stdout.", rich_help_panel=_PANEL),
]
Verbose = Annotated[
    int,
    typer.Option(
        "--verbose",
        "-v",
        count=True,
        help="Show more details.",
        rich_help_panel=_PANEL,
        show_default=False,
    ),
]
Quiet = Annotated[
    int,
    typer.Option(
        "--quiet", "-q", count=True, help="Show less.", rich_help_panel=_PANEL, show_default=False
    ),
]

_GLOBAL: dict[str, tuple[Any, Any]] = {
    "profile": (Profile, None),
    "incident": (IncidentRef, None),
    "as_json": (AsJson, False),
    "verbose": (Verbose, 0),
    "quiet": (Quiet, 0),
}


@dataclass
class Asked:
    """The global options of one run, the command's name, and what to close at its end.

    `when_told` notes that the person was told how the run ended; `kept_words` says whether their
    input is recorded, "" if the run records nothing. `names_incident`: the run says which incident
    it is about if several are open. `given` are the command's own options that were typed.
    """

    profile: str = ""
    incident: str = ""
    command: str = ""
    given: tuple[str, ...] = ()
    speaker: Speaker = field(default_factory=Speaker)
    closing: ExitStack = field(default_factory=ExitStack)
    when_told: Callable[[], None] = field(default=lambda: None)
    kept_words: Callable[[], str] = field(default=lambda: "")
    names_incident: bool = True


def command(
    name: str,
    *,
    epilog: str = "",
    group: typer.Typer = app,
    answers: bool = False,
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Make a function a command, of a `group` such as `auth` if given.

    Its first parameter gets the `Asked`. `answers` marks a command that only shows something: if
    its output can't be written, that is a failure. Any other command ends as its work did.
    """

    def register(function: Callable[..., None]) -> Callable[..., None]:
        own = list(inspect.signature(function, eval_str=True).parameters.values())[1:]

        @functools.wraps(function)
        def run(ctx: typer.Context, **values: Any) -> None:
            asked = _asked(ctx, {key: values.pop(key) for key in _GLOBAL})
            with asked.closing:
                code = _told_to_the_end(asked, lambda: function(asked, **values))
                if answers and code:
                    raise typer.Exit(code)

        keyword = inspect.Parameter.KEYWORD_ONLY
        parameters = [
            inspect.Parameter("ctx", keyword, annotation=typer.Context),
            *(each.replace(kind=keyword) for each in own),
            *(
                inspect.Parameter(key, keyword, default=default, annotation=kind)
                for key, (kind, default) in _GLOBAL.items()
            ),
        ]
        run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        run.__annotations__ = {each.name: each.annotation for each in parameters}
        group.command(name, cls=TakesListItems, epilog=epilog or None)(run)
        return function

    return register


def _show_version(is_asked: bool) -> None:
    if is_asked:
        typer.echo(f"postmortem {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    ctx: typer.Context,
    profile: Profile = None,
    incident: IncidentRef = None,
    as_json: AsJson = False,
    verbose: Verbose = 0,
    quiet: Quiet = 0,
    version: Annotated[
        bool,
        typer.Option("--version", help="Show the version.", callback=_show_version, is_eager=True),
    ] = False,
) -> None:
    """One workflow for a customer-facing incident: a shared doc, a timeline, a mail to every
    affected customer (exactly once), and the record to learn from.
    """
    del version  # shown by its callback
    ctx.obj = {
        "profile": profile,
        "incident": incident,
        "as_json": as_json,
        "verbose": verbose,
        "quiet": quiet,
    }


def _asked(ctx: typer.Context, own: dict[str, Any]) -> Asked:
    before = ctx.find_root().obj or {}
    make_streams_safe()
    speaker = Speaker(
        as_json=own["as_json"] or before.get("as_json", False),
        loudness=own["verbose"] + before.get("verbose", 0) - own["quiet"] - before.get("quiet", 0),
    )
    return Asked(
        command=ctx.info_name or "",
        given=tuple(_given(ctx)),
        profile=own["profile"] or before.get("profile") or "",
        incident=own["incident"] or before.get("incident") or "",
        speaker=speaker,
    )


def _given(ctx: typer.Context) -> Iterator[str]:
    """The options that were typed for this command: `--send`, `--plan`."""
    for parameter in ctx.command.params:
        source = ctx.get_parameter_source(parameter.name or "")
        if source is not None and source.name == "COMMANDLINE" and parameter.name not in _GLOBAL:
            yield from (name for name in parameter.opts[:1] if name.startswith("-"))


def with_exit_code(asked: Asked, job: Callable[[], None]) -> None:
    """Do a job; an error becomes a sentence on stderr and the contract's exit code."""
    try:
        job()
    except (typer.Exit, typer.BadParameter):
        raise
    except KeyboardInterrupt:
        words = asked.speaker.interrupted_words or INTERRUPTED_WORDS
        asked.speaker.wrong(words)
        if asked.speaker.next_after_interrupt:
            asked.speaker.notice(f"Next: {asked.speaker.next_after_interrupt}")
        if asked.speaker.as_json:
            asked.speaker.document(fault_json(words, 130))
        raise typer.Exit(130) from None
    except BrokenPipeError:
        # Nobody reads the output, and the job may be incomplete: not a success.
        raise typer.Exit(130) from None
    except Exception as fault:
        error = as_error(fault)
        if error is None or asked.speaker.loudness > 0:
            _show_traceback(asked, fault)
        sentence, code = (
            (str(error), error.exit_code) if error is not None else (_defect_words(fault), DEFECT)
        )
        if error is not None and error.asks_what_is_kept:
            sentence = f"{sentence} {asked.kept_words()}".rstrip()
        asked.speaker.wrong(sentence)
        if asked.speaker.as_json:
            asked.speaker.document(fault_json(sentence, code))
        raise typer.Exit(code) from None


def _defect_words(fault: Exception) -> str:
    return (
        f"This is a defect in postmortem: {type(fault).__name__}: {fault}. "
        "What was recorded is safe. Please report it with the output of the same command and -v."
    )


def _told_to_the_end(asked: Asked, job: Callable[[], None]) -> int:
    """Do a job, and note that the person was told how it ended; the code of a lost answer.

    A run that was interrupted, or met a bug, has told nobody that it was done.
    """
    try:
        with_exit_code(asked, job)
    except typer.Exit as ended:
        _say_that_answer_is_lost(asked.speaker)
        if ended.exit_code not in {DEFECT, INTERRUPTED}:
            asked.when_told()
        raise
    code = _say_that_answer_is_lost(asked.speaker)
    asked.when_told()
    return code


def _say_that_answer_is_lost(speaker: Speaker) -> int:
    """Report that stdout could not be written; returns the exit code for a lost answer."""
    if speaker.lost is None:
        return 0
    if isinstance(speaker.lost, BrokenPipeError):  # such as `| head`: the reader has seen enough
        return 130
    speaker.wrong(str(AnswerLost(speaker.lost)))
    return 4


def _show_traceback(asked: Asked, fault: Exception) -> None:
    if asked.speaker.loudness <= 0:
        return

    detail = getattr(fault, "detail", "")
    if detail:
        asked.speaker.warn(str(detail))
    asked.speaker.warn(faults.without_tokens("".join(traceback.format_exception(fault))))
