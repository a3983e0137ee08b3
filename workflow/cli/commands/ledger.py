"""`ledger copy`, `ledger rebuild`."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import Progress

from workflow.cli import output, session
from workflow.cli.app import Asked, CommandsInFull, app, command
from workflow.cli.terminal import Speaker, has_colour
from workflow.model import counted, people
from workflow.setup import ledger_copy

if TYPE_CHECKING:
    from workflow.setup.ledger_copy import LedgerCopied, Purpose

ledger = typer.Typer(
    no_args_is_help=True,
    cls=CommandsInFull,
    rich_markup_mode=None,
    help="Copy the ledger to a shared database, or rebuild it.",
)
app.add_typer(ledger, name="ledger")


@command(
    "copy",
    group=ledger,
    epilog="Example: postmortem ledger copy --to postgresql://db.example/postmortem\n\n"
    "Keep a password in PGPASSWORD or ~/.pgpass, not in the address.",
)
def copy(
    asked: Asked,
    to: Annotated[
        str,
        typer.Option(
            metavar="URL",
            help="Target: postgresql://host/database, or sqlite:///path for a file. It must be "
            "empty.",
            show_default=False,
        ),
    ],
    backup: Annotated[
        bool,
        typer.Option("--backup", help="Keep using this ledger; the copy is a read-only backup."),
    ] = False,
    restore: Annotated[
        bool,
        typer.Option("--restore", help="This ledger is a backup, or its moved copy is lost."),
    ] = False,
) -> None:
    """Copy every row to another database, verify each, and use that one from then on."""
    if backup and restore:
        raise typer.BadParameter("--backup and --restore exclude each other.")
    purpose = (
        ledger_copy.Purpose.BACKUP
        if backup
        else ledger_copy.Purpose.RESTORE
        if restore
        else ledger_copy.Purpose.MOVE
    )
    workspace = session.open_workspace(asked)
    with _progress(asked.speaker) as report:
        copied = ledger_copy.copy_ledger(workspace, to, purpose, report)
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


@command("rebuild", group=ledger, epilog="Example: postmortem ledger rebuild")
def rebuild(asked: Asked) -> None:
    """Find sent mails in the sender's Sent folder that this ledger does not know.

    For a lost or restored ledger. It reads the mailbox, so the sign-in needs the scope read.
    """
    speaker = asked.speaker
    rebuilt = ledger_copy.rebuild(session.open_workspace(asked))
    if speaker.as_json:
        speaker.document(
            {
                "incident": rebuilt.incident.id,
                "mailbox": rebuilt.mailbox,
                "notices": [
                    {
                        "notice": each.id,
                        "stage": each.stage,
                        "found": each.found,
                        "new": each.news,
                        "accepted": None if each.accepted < 0 else each.accepted,
                    }
                    for each in rebuilt.notices
                ],
                "other_ledgers": output.elsewhere_json(rebuilt.compared, rebuilt.incident),
            }
        )
    speaker.say(f"Looked in the Sent folder of {rebuilt.mailbox}.")
    for each in rebuilt.notices:
        of = f" of {each.accepted:,} that were accepted" if each.accepted > 0 else ""
        speaker.say(
            f"  {each.stage} notice {each.id}: "
            f"found the mails to {people(each.found)}{of}, {each.news:,} new here"
        )
    if not rebuilt.notices:
        speaker.say("This ledger has every notice that the doc lists.", "good")
    output.show_elsewhere(speaker, rebuilt.compared, rebuilt.incident)
    if rebuilt.compared.found:
        speaker.next_step("sign in as the sender of the others, then postmortem ledger rebuild")


def _tell(speaker: Speaker, copied: LedgerCopied, purpose: Purpose) -> None:
    for name, rows in copied.rows.items():
        if rows:
            speaker.say(f"  {name:<18} {rows:>10,}")
    speaker.say(
        f"Copied {counted(copied.total, 'row')} to {copied.target} and verified each.", "good"
    )
    if purpose.value == "backup":
        speaker.say(f"It is a read-only backup. {copied.source} stays in use.")
        return
    speaker.say(f"{copied.source} is read-only from now on.")
    speaker.next_step(
        "set POSTMORTEM_DATABASE_URL to the new address for everybody who shares it, then run "
        "postmortem doctor"
    )


@contextlib.contextmanager
def _progress(speaker: Speaker) -> Iterator[Callable[[int, int], None]]:
    """A progress bar on stderr if a person can see it."""
    if speaker.loudness < 0 or not speaker.err.isatty():
        yield lambda _done, _total: None
        return

    console = Console(file=speaker.err, no_color=not has_colour(speaker.err))
    with Progress(console=console, transient=True) as progress:
        task = progress.add_task("Copying", total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)
