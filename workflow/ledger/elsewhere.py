"""Other ledgers' notices found in a doc, and what a person accepted.

The ledger has an id and counts how often it began to send, so that the doc can reveal a restored
copy: a backup has the id of its original, and the doc has seen every run of sending. A ledger with
a lower count than the doc has for its id is an older copy.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import case, delete, func, insert, select, update
from sqlalchemy.engine import Connection

from workflow.ledger.faults import MoveRefused
from workflow.ledger.tables import (
    agreed_elsewhere,
    deliveries,
    doc_comparisons,
    incidents,
    ledger_identity,
    ledger_place,
    notices,
    reservations,
)
from workflow.model import DeliveryState


class Why(StrEnum):
    """How the doc's knowledge exceeds the ledger's."""

    UNKNOWN = "unknown"  # another ledger sent a notice
    BACKUP = "backup"  # this ledger sent it, and was restored from an older backup since
    BEHIND = "behind"  # the doc says that more of its mails were accepted
    OLDER = "older"  # the doc has seen a later run of this very ledger
    COPY = "copy"  # this ledger is a copy that was made while it sent the notice
    REPLACED = "replaced"  # another ledger uses another doc, which may list its notices
    GIVEN = "given"  # another ledger took this incident over


@dataclass(frozen=True)
class NoticeElsewhere:
    """A notice that the doc knows better than this ledger does.

    `ledger` is the id of the ledger that sent it, "" if the doc doesn't say. `began_at` is RFC 3339
    or ""; `customers`, `sent` and `undecided` are -1 if the doc doesn't say. `known` is how many
    accepted mails this ledger has of it; `shown` is its heading in the doc.
    """

    id: str
    why: Why
    ledger: str = ""
    stage: str = ""
    began_at: str = ""
    customers: int = -1
    sent: int = -1
    undecided: int = -1
    known: int = 0
    shown: str = ""


@dataclass(frozen=True)
class Compared:
    """The result of the last look at an incident's doc. `problem`: why there was none since."""

    at: datetime | None = None
    found: tuple[NoticeElsewhere, ...] = ()
    problem: str = ""


NOT_COMPARED = Compared()


def last_comparison(connection: Connection, incident_id: str) -> Compared:
    """The result of the last comparison of the doc with the ledger."""
    query = select(doc_comparisons).where(doc_comparisons.c.incident_id == incident_id)
    row = connection.execute(query).first()
    if row is None:
        return Compared()
    return Compared(row.compared_at, tuple(_notice(each) for each in row.found))


def forget_comparison(connection: Connection, incident_id: str) -> None:
    """Forget the comparison: the doc was replaced."""
    mine = doc_comparisons.c.incident_id == incident_id
    connection.execute(delete(doc_comparisons).where(mine))


def incidents_elsewhere(connection: Connection, *, profile: str) -> list[str]:
    """The incidents whose doc has notices that this ledger lacks, the newest first."""
    query = (
        select(incidents.c.id, doc_comparisons.c.found)
        .join(doc_comparisons, doc_comparisons.c.incident_id == incidents.c.id)
        .where(incidents.c.profile == profile)
        .order_by(incidents.c.created_at.desc())
    )
    return [incident_id for incident_id, found in connection.execute(query) if found]


def note_comparison(
    connection: Connection, incident_id: str, found: Iterable[NoticeElsewhere], *, at: datetime
) -> None:
    """Store the result of a look at the doc, in place of the previous one."""
    mine = doc_comparisons.c.incident_id == incident_id
    connection.execute(delete(doc_comparisons).where(mine))
    values = {"incident_id": incident_id, "compared_at": at, "found": [asdict(e) for e in found]}
    connection.execute(insert(doc_comparisons).values(values))


@dataclass(frozen=True)
class OwnNotice:
    """This ledger's view of one of its notices: its stage, and how many mails were accepted.

    `is_all_here`: it began in this file, and not in the original of a copy.
    """

    stage: str
    sent: int
    is_all_here: bool = False


def own_notices(connection: Connection, incident_id: str, mark: str) -> dict[str, OwnNotice]:
    """An incident's notices by id, tests left out; `mark` is that of the ledger's file."""
    is_sent = case((deliveries.c.state == DeliveryState.SENT.value, 1), else_=0)
    query = (
        select(
            notices.c.id,
            notices.c.stage,
            func.coalesce(func.sum(is_sent), 0),
            notices.c.began_in,
        )
        .outerjoin(deliveries, deliveries.c.notice_id == notices.c.id)
        .where(notices.c.incident_id == incident_id, notices.c.mode == "send")
        .group_by(notices.c.id, notices.c.stage, notices.c.began_in)
    )
    return {
        notice_id: OwnNotice(stage, int(sent), began_in == mark)
        for notice_id, stage, sent, began_in in connection.execute(query)
    }


def _notice(kept: dict[str, Any]) -> NoticeElsewhere:
    known = {each.name for each in fields(NoticeElsewhere)}
    values = {name: value for name, value in kept.items() if name in known}
    return NoticeElsewhere(**(values | {"why": Why(kept["why"])}))


def agree(connection: Connection, notice_id: str, keys: Iterable[str]) -> None:
    """Record that a person accepted these other ledgers' notices for a notice.

    `keys` come from `key_of`.
    """
    for key in sorted(set(keys) - agreed_to(connection, notice_id)):
        connection.execute(insert(agreed_elsewhere).values(notice_id=notice_id, other=key))


def agreed_to(connection: Connection, notice_id: str) -> set[str]:
    """The other ledgers' notices that a person accepted, as `key_of` names them."""
    query = select(agreed_elsewhere.c.other).where(agreed_elsewhere.c.notice_id == notice_id)
    return set(connection.execute(query).scalars())


def key_of(other: NoticeElsewhere) -> str:
    """The key of an accepted notice, with its count of sent mails: more needs a new answer."""
    return f"{other.why}/{other.id}/{other.sent}"


class Reserved(StrEnum):
    """Whether the doc says that a notice is being sent."""

    ASKED = "asked"
    WRITTEN = "written"
    NOT_WRITTEN = "not_written"


ALLOWED: dict[Reserved | None, frozenset[Reserved]] = {
    None: frozenset({Reserved.ASKED, Reserved.NOT_WRITTEN}),
    Reserved.ASKED: frozenset(Reserved),
    # Two processes that send the same notice both write its note: the slower one comes second.
    Reserved.WRITTEN: frozenset(Reserved),
    Reserved.NOT_WRITTEN: frozenset(Reserved),
}


@dataclass(frozen=True)
class Reservation:
    """The state of a notice's note in the doc; `reason` is why it could not be written."""

    state: Reserved
    ledger: str
    run: int
    reason: str = ""


def reservation_of(connection: Connection, notice_id: str) -> Reservation | None:
    """The state of a notice's note in the doc, if one was ever requested."""
    query = select(reservations).where(reservations.c.notice_id == notice_id)
    row = connection.execute(query).first()
    if row is None:
        return None
    return Reservation(Reserved(row.state), row.ledger, row.run, row.reason)


def set_reservation(connection: Connection, notice_id: str, now: Reservation) -> None:
    """Move a notice's note to another state. Raises `MoveRefused` for a move not in `ALLOWED`.

    An earlier run's result changes nothing once a later run has its note in the doc.
    """
    before = reservation_of(connection, notice_id)
    if before is not None and before.state is Reserved.WRITTEN and before.run > now.run:
        return
    if now.state not in ALLOWED[before.state if before else None]:
        raise MoveRefused(f"a reservation does not go from {before} to {now.state}")
    connection.execute(delete(reservations).where(reservations.c.notice_id == notice_id))
    connection.execute(insert(reservations).values(notice_id=notice_id, **asdict(now)))


# As in incidents' ids: no vowels and no lookalikes.
_ALPHABET = "23456789bcdfghjkmnpqrstvwxz"
_LENGTH = 8


@dataclass(frozen=True)
class LedgerIdentity:
    """A ledger's id, and how many runs of sending it has begun. "" and 0: none yet."""

    id: str = ""
    run: int = 0


def identity(connection: Connection) -> LedgerIdentity:
    """This ledger's identity; without an id until it needs one."""
    row = connection.execute(select(ledger_identity)).first()
    return LedgerIdentity() if row is None else LedgerIdentity(row.id, row.run)


def settle_identity(connection: Connection, *, at: datetime) -> LedgerIdentity:
    """Give the ledger its id if it has none: with its first incident."""
    known = identity(connection)
    if not known.id:
        made = "".join(secrets.choice(_ALPHABET) for _ in range(_LENGTH))
        connection.execute(insert(ledger_identity).values(id=made, run=0, made_at=at))
        known = LedgerIdentity(made, 0)
    return known


def begin_run(connection: Connection, *, at: datetime, after: int = 0) -> LedgerIdentity:
    """Count one more run of sending, above `after` too."""
    known = settle_identity(connection, at=at)
    run = run_after(known.run, after)
    connection.execute(update(ledger_identity).values(run=run))
    return LedgerIdentity(known.id, run)


def run_after(known: int, seen: int) -> int:
    """The number of a new run: above those that the ledger knows and those that the doc saw."""
    return max(known, seen) + 1


def catch_up(connection: Connection, run: int) -> None:
    """Continue counting from a run that the doc has seen, once its mails are known here."""
    connection.execute(update(ledger_identity).where(ledger_identity.c.run < run).values(run=run))


def is_in_its_place(connection: Connection, incident_id: str, mark: str) -> bool:
    """Whether the ledger's file is still the one that was last known to be complete.

    A file that was restored from a backup or copied has another `mark`. Each incident's own doc
    says so, for that incident alone.
    """
    known = _place(connection, incident_id)
    return known is None or known == mark


def note_place(
    connection: Connection, incident_id: str, mark: str, *, is_complete: bool = True
) -> None:
    """Remember the file, once an incident's doc has confirmed it, or is first compared with it."""
    known = _place(connection, incident_id)
    if known is None:
        connection.execute(insert(ledger_place).values(incident_id=incident_id, mark=mark))
    elif is_complete and known != mark:
        mine = ledger_place.c.incident_id == incident_id
        connection.execute(update(ledger_place).where(mine).values(mark=mark))


def _place(connection: Connection, incident_id: str) -> str | None:
    mine = ledger_place.c.incident_id == incident_id
    return connection.execute(select(ledger_place.c.mark).where(mine)).scalar()
