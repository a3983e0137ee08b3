"""Moving the ledger to another database: from a laptop's file to the team's PostgreSQL, or back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy.engine import Connection

from workflow.flows.faults import BadInput
from workflow.flows.holders import is_gone
from workflow.flows.workspace import Workspace
from workflow.ledger import claims, copying, moves
from workflow.ledger.faults import LedgerAddressBad, LedgerUnavailable
from workflow.ledger.storage import Ledger, open_ledger


class Purpose(StrEnum):
    """What a copy is for, and so which of the two goes on being written to.

    Two ledgers that both know whom to write to would both write: only one of them stays open. A
    copy made by RESTORE is open although it comes from one that is not, for where that one went is
    lost.
    """

    MOVE = "move"
    BACKUP = "backup"
    RESTORE = "restore"


@dataclass(frozen=True)
class LedgerCopied:
    """From where to where, and how many rows each table has, each of them proved."""

    source: str
    target: str
    rows: dict[str, int]

    @property
    def total(self) -> int:
        """All rows together."""
        return sum(self.rows.values())


def copy_ledger(
    workspace: Workspace,
    to: str,
    purpose: Purpose,
    report: Callable[[int, int], None],
) -> LedgerCopied:
    """Copy every row to the empty ledger at the URL `to`; nobody writes meanwhile.

    `report` gets how many rows are there and how many there will be. Raises `BadInput` while a
    notice is being sent, when `to` names no ledger or one with something in it, and
    `LedgerUnavailable`.
    """
    source = workspace.ledger
    _refuse_purpose(source, purpose)
    with source.read() as connection:
        _refuse_while_sending(connection, workspace)
    target = _open_target(to)
    try:
        with target.read() as connection:
            _refuse_what_is_there(connection, target)
        with source.read() if purpose is Purpose.RESTORE else source.write() as reading:
            _refuse_while_sending(reading, workspace)
            with target.write() as writing:
                _refuse_what_is_there(writing, target)
                rows = _copy(reading, writing, report)
                if purpose is Purpose.BACKUP:
                    moves.note_moved(writing, source.place, at=workspace.wall())
            # Last, so that whatever goes wrong there is one ledger that can be written to.
            if purpose is Purpose.MOVE:
                moves.note_moved(reading, target.place, at=workspace.wall())
    finally:
        target.close()
    return LedgerCopied(source.place, target.place, rows)


def _refuse_purpose(source: Ledger, purpose: Purpose) -> None:
    if source.moved is not None and purpose is not Purpose.RESTORE:
        raise BadInput(
            f"The rows of {source.place} are in {source.moved.place} since "
            f"{source.moved.at:%Y-%m-%d}. Copy from there; only if that one is lost, copy this "
            "one with --restore."
        )
    if source.moved is None and purpose is Purpose.RESTORE:
        raise BadInput(
            f"{source.place} is in use: --restore is for a backup, or for a ledger that was moved "
            "to a place that is lost. Nothing was copied."
        )


def _open_target(to: str) -> Ledger:
    try:
        return open_ledger(to)
    except LedgerAddressBad as bad:
        raise BadInput(
            "--to names no ledger. Write sqlite:////home/ann/ledger.sqlite3 for a file, or "
            "postgresql://db.example/postmortem for a database. Nothing was copied."
        ) from bad
    except LedgerUnavailable as fault:
        # The same faults as those of the ledger that is in use, of the address given here.
        raise LedgerUnavailable(str(fault).replace("POSTMORTEM_DATABASE_URL", "--to")) from fault


def _copy(
    source: Connection, target: Connection, report: Callable[[int, int], None]
) -> dict[str, int]:
    total = sum(copying.count_rows(source).values())
    done = 0

    def written(more: int) -> None:
        nonlocal done
        done += more
        report(done, total)

    return {name: each.rows for name, each in copying.copy_rows(source, target, written).items()}


def _refuse_what_is_there(connection: Connection, ledger: Ledger) -> None:
    there = {name: count for name, count in copying.count_rows(connection).items() if count}
    if there:
        held = ", ".join(f"{name} {count:,}" for name, count in there.items())
        raise BadInput(
            f"{ledger.place} is a ledger with rows of its own ({held}). Nothing was copied: give "
            "a database or file with nothing in it."
        )


def _refuse_while_sending(connection: Connection, workspace: Workspace) -> None:
    holders = claims.holders_at_work(connection, now=workspace.wall())
    alive = [holder for holder in holders if not is_gone(holder)]
    if alive:
        where = ", ".join(sorted({holder.rpartition("/")[0] for holder in alive}))
        raise BadInput(
            f"A notice is being sent just now ({where}). Nothing was copied: let it end, or stop "
            "it with Ctrl-C there, and copy then."
        )
