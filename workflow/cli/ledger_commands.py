"""The commands about the ledger itself: copy."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from workflow.cli.commands import Asked, app, command
from workflow.cli.help_page import SET_UP, CommandsByPanel
from workflow.cli.speaking import Speaker, has_colour

if TYPE_CHECKING:
    from workflow.flows.moving_ledger import LedgerCopied, Purpose

ledger = typer.Typer(
    no_args_is_help=True,
    cls=CommandsByPanel,
    rich_markup_mode=None,
    help="Move the ledger to a database that a team shares, or keep a copy of it.",
)
app.add_typer(ledger, name="ledger", rich_help_panel=SET_UP)


@command(
    "copy",
    panel=SET_UP,
    group=ledger,
    epilog="Example: postmortem ledger copy --to postgresql://db.example/postmortem\n\n"
    "A password is better kept in PGPASSWORD or ~/.pgpass than in the address.",
)
def copy(
    asked: Asked,
    to: Annotated[
        str,
        typer.Option(
            metavar="URL",
            help="Where to: postgresql://host/database, or sqlite:///path for a file. Nothing may "
            "be in it yet.",
            show_default=False,
        ),
    ],
    backup: Annotated[
        bool,
        typer.Option("--backup", help="Go on with this ledger; the copy is only to be read."),
    ] = False,
    restore: Annotated[
        bool,
        typer.Option(
            "--restore", help="This ledger is a backup, or was moved to a place that is lost."
        ),
    ] = False,
) -> None:
    """Copy every row to another database, check each, and from then on write only there."""
    from workflow.cli.opening import open_workspace  # noqa: PLC0415
    from workflow.flows.moving_ledger import Purpose, copy_ledger  # noqa: PLC0415

    if backup and restore:
        raise typer.BadParameter("--backup and --restore exclude each other.")
    purpose = Purpose.BACKUP if backup else Purpose.RESTORE if restore else Purpose.MOVE
    workspace = open_workspace(asked)
    with _progress(asked.speaker) as report:
        copied = copy_ledger(workspace, to, purpose, report)
    _tell(asked.speaker, copied, purpose)
    if asked.speaker.as_json:
        asked.speaker.document(
            {
                "from": copied.source,
                "to": copied.target,
                "purpose": purpose.value,
                "rows": copied.total,
                "tables": copied.rows,
                "verified": True,
            }
        )


def _tell(speaker: Speaker, copied: LedgerCopied, purpose: Purpose) -> None:
    for name, rows in copied.rows.items():
        if rows:
            speaker.say(f"  {name:<18} {rows:>10,}")
    speaker.say(f"Copied {copied.total:,} rows to {copied.target} and read each back.", "good")
    if purpose.value == "backup":
        speaker.say(f"It is a backup, only to be read. {copied.source} stays in use.")
        return
    speaker.say(f"{copied.source} is only read from now on.")
    speaker.next_step(
        "set POSTMORTEM_DATABASE_URL to the new address, for everybody who is to share it; "
        "then postmortem doctor"
    )


@contextlib.contextmanager
def _progress(speaker: Speaker) -> Iterator[Callable[[int, int], None]]:
    """A bar on stderr where a person is there to see it."""
    if speaker.loudness < 0 or not speaker.err.isatty():
        yield lambda _done, _total: None
        return
    from rich.console import Console  # noqa: PLC0415
    from rich.progress import Progress  # noqa: PLC0415

    console = Console(file=speaker.err, no_color=not has_colour(speaker.err))
    with Progress(console=console, transient=True) as progress:
        task = progress.add_task("Copying", total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)
