"""How a command is made: its own options, the global ones, and an exit code for each fault.

The global options may stand before the command's name or after it, so each command takes them too.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Annotated, Any

import typer

from workflow.cli.ending import INTERRUPTED_WORDS, Commands, fault_json
from workflow.cli.list_items import TakesListItems
from workflow.cli.speaking import Speaker, make_streams_safe

app = typer.Typer(
    name="postmortem",
    no_args_is_help=True,
    cls=Commands,
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
        help="Incident id, the beginning of it, or the doc's address; "
        "the current one if left out. [env: POSTMORTEM_INCIDENT]",
        rich_help_panel=_PANEL,
        show_default=False,
    ),
]
AsJson = Annotated[
    bool,
    typer.Option("--json", help="One JSON document on stdout.", rich_help_panel=_PANEL),
]
Verbose = Annotated[
    int,
    typer.Option(
        "--verbose", "-v", count=True, help="Say more.", rich_help_panel=_PANEL, show_default=False
    ),
]
Quiet = Annotated[
    int,
    typer.Option(
        "--quiet", "-q", count=True, help="Say less.", rich_help_panel=_PANEL, show_default=False
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
    """The global options of one run, and what is to be closed at its end."""

    profile: str = ""
    incident: str = ""
    speaker: Speaker = field(default_factory=Speaker)
    closing: ExitStack = field(default_factory=ExitStack)


def command(
    name: str, *, panel: str, epilog: str = "", group: typer.Typer = app
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Make a function a command, of a `group` such as `auth` where one is given.

    Its first parameter gets what was `Asked`.
    """

    def register(function: Callable[..., None]) -> Callable[..., None]:
        own = list(inspect.signature(function, eval_str=True).parameters.values())[1:]

        @functools.wraps(function)
        def run(ctx: typer.Context, **values: Any) -> None:
            asked = _asked(ctx, {key: values.pop(key) for key in _GLOBAL})
            with asked.closing:
                with_exit_code(asked, lambda: function(asked, **values))

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
        # Within a group every command is of one kind: a panel would only say so again.
        kind = panel if group is app else None
        group.command(name, cls=TakesListItems, rich_help_panel=kind, epilog=epilog or None)(run)
        return function

    return register


def _show_version(is_asked: bool) -> None:
    if is_asked:
        from workflow import __version__  # noqa: PLC0415

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
    """One workflow for a customer-facing incident: a shared doc, a timeline, the mail to every
    customer who was hit (each exactly once), and the record from which others learn.
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
        profile=own["profile"] or before.get("profile") or "",
        incident=own["incident"] or before.get("incident") or "",
        speaker=speaker,
    )


def with_exit_code(asked: Asked, job: Callable[[], None]) -> None:
    """Do a job; a fault becomes a sentence on stderr and the contract's exit code."""
    from workflow.cli.faults import sentence_and_code  # noqa: PLC0415

    try:
        job()
    except (typer.Exit, typer.BadParameter):
        raise
    except KeyboardInterrupt:
        asked.speaker.wrong(INTERRUPTED_WORDS)
        if asked.speaker.as_json:
            asked.speaker.document(fault_json(INTERRUPTED_WORDS, 130))
        raise typer.Exit(130) from None
    except BrokenPipeError:
        # Nobody reads any more, and the job may have been cut short: not a success.
        raise typer.Exit(130) from None
    except Exception as fault:
        known = sentence_and_code(fault)
        if known is None or asked.speaker.loudness > 0:
            _show_traceback(asked, fault)
        sentence, code = known or (
            f"This is a defect in postmortem: {type(fault).__name__}: {fault}. "
            "What was recorded is safe. Please report it with the output of the same command "
            "and -v.",
            1,
        )
        asked.speaker.wrong(sentence)
        if asked.speaker.as_json:
            asked.speaker.document(fault_json(sentence, code))
        raise typer.Exit(code) from None


def _show_traceback(asked: Asked, fault: Exception) -> None:
    if asked.speaker.loudness <= 0:
        return
    import traceback  # noqa: PLC0415

    from workflow.google.faults import without_tokens  # noqa: PLC0415

    detail = getattr(fault, "detail", "")
    if detail:
        asked.speaker.warn(str(detail))
    asked.speaker.warn(without_tokens("".join(traceback.format_exception(fault))))
