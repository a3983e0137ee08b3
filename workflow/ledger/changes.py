"""The journal of changes for the doc, the runs of commands, and attached files.

Every change is recorded before Google is called. A run stores what it recorded, and whether it told
the person before it ended: so a command that is typed again after a crash is distinguished from one
that is meant twice. An attached file is kept from the moment it is named.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Row, func, insert, or_, select, update
from sqlalchemy.engine import Connection

from workflow import __version__
from workflow.ledger.incidents import DocState, ShareState
from workflow.ledger.tables import changes, files, incidents, runs, shares

_AT_A_TIME = 500
SUMMARY = "summary"
"""The kind of a change that shows a summary of all notices."""

STATEMENT = "statement"
"""The kind of a change that shows the current impact or severity."""

PROPOSAL = "proposal"
"""The kind of a change that shows a proposed plan and the decision about it."""


LINK_ALONE = "link_alone"
"""In the payload of a file that the doc links but doesn't show."""


class ChangeState(StrEnum):
    """The state of a change. `ALLOWED` has the moves."""

    PENDING = "pending"
    DONE = "done"  # the doc shows it, or something newer in its place
    SET_ASIDE = "set aside"  # Docs refused this change alone, probably permanently
    DROPPED = "dropped"  # a person decided to leave it out of the doc; the ledger keeps it


_C = ChangeState
ALLOWED: Mapping[ChangeState, frozenset[ChangeState]] = {
    _C.PENDING: frozenset({_C.DONE, _C.SET_ASIDE, _C.DROPPED}),
    _C.SET_ASIDE: frozenset({_C.PENDING, _C.DONE, _C.DROPPED}),
    _C.DONE: frozenset({_C.PENDING}),  # if another doc has replaced the first
    _C.DROPPED: frozenset(),
}


@dataclass(frozen=True)
class RecordedChange:
    """A recorded change, waiting for the doc or already in it.

    `kind` is entry, reword, strike, field, statement, section, file, notice or summary, or one
    about the doc's file: lock, unlock, unpublish. `payload` holds what that kind needs, `version`
    is that of the program that recorded it.
    """

    id: str
    kind: str
    payload: dict[str, Any]
    said_at: datetime
    version: str = __version__


@dataclass(frozen=True)
class SetAside:
    """A change that the doc lacks for now: why, and what Docs refused.

    `refused_at` names the doc's revision and this program's version; if either has changed, the
    change is worth another try.
    """

    change: RecordedChange
    reason: str
    refused_at: str


def move(
    connection: Connection, change_ids: Iterable[str], to: ChangeState, **facts: object
) -> list[str]:
    """Move changes to a state; the ids of those that moved.

    A change whose state doesn't allow the move stays: another process moved it first. This is the
    only way from one state to another.
    """
    origins = [state.value for state, onward in ALLOWED.items() if to in onward]
    listed = list(change_ids)
    movable = select(changes.c.id).where(changes.c.id.in_(listed), changes.c.state.in_(origins))
    moved = list(connection.execute(movable.with_for_update()).scalars())
    connection.execute(
        update(changes).where(changes.c.id.in_(moved)).values(state=to.value, **facts)
    )
    return moved


def record_change(connection: Connection, incident_id: str, change: RecordedChange) -> None:
    """Record a change. It stays pending until `changes_done` names it."""
    connection.execute(
        insert(changes).values(
            id=change.id,
            incident_id=incident_id,
            kind=change.kind,
            payload=change.payload,
            said_at=change.said_at,
            version=change.version,
        )
    )


def set_payload(connection: Connection, change_id: str, payload: dict[str, Any]) -> None:
    """Replace the payload of a change that still waits."""
    connection.execute(update(changes).where(changes.c.id == change_id).values(payload=payload))


def payload_of(connection: Connection, change_id: str) -> dict[str, Any]:
    """The current payload of a change."""
    query = select(changes.c.payload).where(changes.c.id == change_id)
    found: dict[str, Any] = connection.execute(query).scalar_one()
    return found


def pending_changes(connection: Connection, incident_id: str) -> list[RecordedChange]:
    """Changes that the doc doesn't show yet, in the order they were recorded."""
    query = (
        select(changes)
        .where(changes.c.incident_id == incident_id, changes.c.state == _C.PENDING.value)
        .order_by(changes.c.seq)
    )
    return [_change(row) for row in connection.execute(query)]


def changes_set_aside(connection: Connection, incident_id: str) -> list[SetAside]:
    """Changes that Docs refused and nobody has decided about, in the order they were recorded."""
    query = (
        select(changes)
        .where(changes.c.incident_id == incident_id, changes.c.state == _C.SET_ASIDE.value)
        .order_by(changes.c.seq)
    )
    return [SetAside(_change(row), row.reason, row.refused_at) for row in connection.execute(query)]


def changes_of_kind(connection: Connection, incident_id: str, kind: str) -> list[RecordedChange]:
    """Every change of one kind, in the doc or not, in the order they were recorded."""
    query = (
        select(changes)
        .where(changes.c.incident_id == incident_id, changes.c.kind == kind)
        .order_by(changes.c.seq)
    )
    return [_change(row) for row in connection.execute(query)]


def is_said_once(connection: Connection, incident_id: str, change: RecordedChange) -> bool:
    """Whether no other change of this kind has the same payload."""
    alike = changes_of_kind(connection, incident_id, change.kind)
    return not any(each.payload == change.payload and each.id != change.id for each in alike)


def typed_entries(connection: Connection, incident_id: str) -> frozenset[str]:
    """The ids of the entries whose current text is read as Markdown."""
    query = (
        select(changes.c.payload)
        .where(changes.c.incident_id == incident_id, changes.c.kind.in_(("entry", "reword")))
        .order_by(changes.c.seq)
    )
    last = {one["entry"]: one.get("markdown", False) for one in connection.scalars(query)}
    return frozenset(entry for entry, is_markdown in last.items() if is_markdown)


def count_pending(connection: Connection, incident_id: str) -> int:
    """The number of changes that the doc doesn't show, including those set aside."""
    states = (_C.PENDING.value, _C.SET_ASIDE.value)
    query = select(func.count()).where(
        changes.c.incident_id == incident_id, changes.c.state.in_(states)
    )
    return int(connection.execute(query).scalar_one())


def is_done(connection: Connection, change_id: str) -> bool:
    """Whether the doc shows a change."""
    query = select(changes.c.state).where(changes.c.id == change_id)
    return connection.execute(query).scalar() == _C.DONE.value


def changes_wanted_again(
    connection: Connection, incident_id: str, kinds: Collection[str], *, but: Collection[str] = ()
) -> int:
    """Make all changes pending again for a new doc. Returns how many.

    `kinds` are left alone, and so are the changes whose ids are in `but`: the doc has them.
    """
    query = select(changes.c.id, changes.c.kind).where(
        changes.c.incident_id == incident_id,
        changes.c.state.in_((_C.DONE.value, _C.SET_ASIDE.value)),
    )
    rows = connection.execute(query).all()
    lost = [row.id for row in rows if row.kind not in kinds and row.id not in but]
    for start in range(0, len(lost), _AT_A_TIME):
        move(connection, lost[start : start + _AT_A_TIME], _C.PENDING, done_at=None)
    return len(lost)


def changes_done(connection: Connection, change_ids: Iterable[str], *, at: datetime) -> None:
    """Record that the doc shows these changes."""
    move(connection, change_ids, _C.DONE, done_at=at)


def set_aside(connection: Connection, change_id: str, *, reason: str, refused_at: str) -> None:
    """Set aside a change that Docs refused; see `SetAside`."""
    move(connection, [change_id], _C.SET_ASIDE, reason=reason, refused_at=refused_at)


def retry(connection: Connection, change_id: str) -> bool:
    """Retry a change that was set aside; False if it wasn't."""
    return bool(move(connection, _set_aside_among(connection, change_id), _C.PENDING))


def drop(connection: Connection, change_id: str) -> bool:
    """Drop a change that was set aside; False if it wasn't."""
    return bool(move(connection, _set_aside_among(connection, change_id), _C.DROPPED))


def _set_aside_among(connection: Connection, change_id: str) -> list[str]:
    aside = select(changes.c.id).where(
        changes.c.id == change_id, changes.c.state == _C.SET_ASIDE.value
    )
    return list(connection.execute(aside).scalars())


def _change(row: Row[Any]) -> RecordedChange:
    return RecordedChange(row.id, row.kind, row.payload, row.said_at, row.version)


def incidents_waiting(connection: Connection, *, profile: str) -> list[str]:
    """Incidents whose doc is out of date, not created or not shared yet, the oldest first."""
    open_states = (_C.PENDING.value, _C.SET_ASIDE.value)
    lagging = select(changes.c.incident_id).where(changes.c.state.in_(open_states))
    unshared = select(shares.c.incident_id).where(
        shares.c.state.in_([ShareState.PENDING, ShareState.ASKED, ShareState.LEAVING])
    )
    query = (
        select(incidents.c.id)
        .where(
            incidents.c.profile == profile,
            or_(
                incidents.c.doc_state != DocState.FILLED.value,
                incidents.c.id.in_(lagging),
                incidents.c.id.in_(unshared),
            ),
        )
        .order_by(incidents.c.created_at)
    )
    return list(connection.execute(query).scalars())


@dataclass(frozen=True)
class Run:
    """One run of a command that recorded something.

    `words_key` is a hash of everything that was typed. `made` holds the ids of what was recorded.
    `told_at` is when the run had told the person how it ended; None: it never did.
    """

    id: str
    profile: str
    person: str
    incident_id: str
    command: str
    words_key: str
    made: dict[str, Any]
    recorded_at: datetime
    told_at: datetime | None = None


def add_run(connection: Connection, run: Run) -> None:
    """Store a run, in the transaction that records its work."""
    connection.execute(
        insert(runs).values(
            id=run.id,
            profile=run.profile,
            person=run.person,
            incident_id=run.incident_id,
            command=run.command,
            words_key=run.words_key,
            made=run.made,
            recorded_at=run.recorded_at,
        )
    )


def add_to_run(connection: Connection, run_id: str, made: dict[str, Any]) -> None:
    """Add to what a run has recorded."""
    known = connection.execute(select(runs.c.made).where(runs.c.id == run_id)).scalar_one()
    connection.execute(update(runs).where(runs.c.id == run_id).values(made={**known, **made}))


def set_run_told(connection: Connection, run_id: str, at: datetime) -> None:
    """Note that the person was told how the run ended. No effect if the run recorded nothing."""
    connection.execute(
        update(runs).where(runs.c.id == run_id, runs.c.told_at.is_(None)).values(told_at=at)
    )


def is_recorded(connection: Connection, run_id: str) -> bool:
    """Whether a run has recorded its work."""
    return connection.execute(select(runs.c.id).where(runs.c.id == run_id)).first() is not None


def latest_run(
    connection: Connection,
    *,
    profile: str,
    person: str,
    command: str,
    words_key: str,
    incident_id: str = "",
) -> Run | None:
    """The last run of exactly this command by this person; "" is any open incident."""
    query = select(runs).where(
        runs.c.words_key == words_key,
        runs.c.profile == profile,
        runs.c.person == person,
        runs.c.command == command,
    )
    if incident_id:
        query = query.where(runs.c.incident_id == incident_id)
    else:
        query = query.join(incidents, incidents.c.id == runs.c.incident_id).where(
            incidents.c.closed_at.is_(None)
        )
    row = connection.execute(query.order_by(runs.c.recorded_at.desc()).limit(1)).first()
    return None if row is None else _run(row)


def is_last_of_its_command(connection: Connection, run: Run) -> bool:
    """Whether nobody has run this command for this incident since."""
    later = select(runs.c.id).where(
        runs.c.incident_id == run.incident_id,
        runs.c.command == run.command,
        runs.c.recorded_at > run.recorded_at,
    )
    return connection.execute(later.limit(1)).first() is None


def _run(row: Row[Any]) -> Run:
    return Run(
        id=row.id,
        profile=row.profile,
        person=row.person,
        incident_id=row.incident_id,
        command=row.command,
        words_key=row.words_key,
        made=row.made,
        recorded_at=row.recorded_at,
        told_at=row.told_at,
    )


@dataclass(frozen=True)
class KeptFile:
    """A file as it was when it was attached.

    `drive_id` is the id that it has or will have in Drive, empty until Drive gave one; `url` is
    empty until it is uploaded.
    """

    id: str
    name: str
    media_type: str
    caption: str
    content: bytes
    drive_id: str = ""
    url: str = ""


def add_file(connection: Connection, incident_id: str, file: KeptFile) -> None:
    """Store a file."""
    connection.execute(
        insert(files).values(
            id=file.id,
            incident_id=incident_id,
            name=file.name,
            media_type=file.media_type,
            caption=file.caption,
            content=file.content,
            drive_id=file.drive_id,
            url=file.url,
        )
    )


def file_by_id(connection: Connection, file_id: str) -> KeptFile:
    """One file with its content."""
    row = connection.execute(select(files).where(files.c.id == file_id)).one()
    return KeptFile(
        row.id, row.name, row.media_type, row.caption, row.content, row.drive_id, row.url
    )


def files_waiting(connection: Connection, incident_id: str) -> list[str]:
    """The ids of the files that aren't in Drive yet."""
    query = select(files.c.id).where(files.c.incident_id == incident_id, files.c.url == "")
    return list(connection.execute(query).scalars())


def set_drive_id(connection: Connection, file_id: str, drive_id: str) -> None:
    """Set the file's future id in Drive: uploading twice then creates one file."""
    connection.execute(update(files).where(files.c.id == file_id).values(drive_id=drive_id))


def set_url(connection: Connection, file_id: str, url: str) -> None:
    """Record that the file is in Drive."""
    connection.execute(update(files).where(files.c.id == file_id).values(url=url))
