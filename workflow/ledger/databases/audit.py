"""The audit trail: who changed what, and when; rows are only added, each chained to the last.

A transaction that a person caused ends with one row here. It names tables, ids and columns, never a
customer: forgetting a customer doesn't change the chain. The steps of each delivery are left out:
they are in its own row, with its holder.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from sqlalchemy import Delete, Insert, Table, Update, insert, select
from sqlalchemy.engine import Connection

from workflow.ledger.tables import audit_log, notices

# The execution option that carries a connection's recorder.
OPTION = "ledger_changes"

# Bookkeeping of machines that no person decides: leases, quotas, what was read where.
_MACHINERY = frozenset(
    {
        *("audit_log", "units_spent", "sender_pauses", "runs", "ledger_identity", "ledger_place"),
        *("doc_comparisons", "reservations", "forgetting_key", "reminders"),
    }
)
# Columns that follow from a person's action or from Google's answers.
_FOLLOWING = {
    "notices": frozenset(
        {"facts_written", "sender", "sender_name", "recipients", "skipped"}
        | {"orphans_possible", "orphans_until"}
    ),
    "incidents": frozenset({"doc_state", "doc_called_at", "refused_parts"}),
    "proposals": frozenset({"facts_written"}),
    "announcements": frozenset({"state", "reason", "called_at", "call_id", "message_id", "sent_at"})
    | {"draft_id", "text"},
}
# Tables in which only new rows are a person's action.
_ONLY_NEW = frozenset({"changes", "deliveries", "attachments", "rows_left_out", "replies"})


@dataclass(frozen=True)
class Acting:
    """Who changes the ledger, and by which command. `now` gives the time of statements."""

    person: str
    command: str
    now: Callable[[], datetime]


@dataclass(frozen=True)
class AuditRow:
    """One row of the trail.

    `changes` are dicts: `table`, `did` (added, changed, removed), `rows`, and if known `ids` and
    `columns`. `number` counts from 1; `is_sound` says whether its hash matches its content and the
    row before it.
    """

    number: int
    at: datetime
    person: str
    command: str
    incident_id: str
    changes: tuple[Mapping[str, Any], ...]
    hash: str
    is_sound: bool


@dataclass
class Recorder:
    """What one transaction has changed so far, by table and kind of change."""

    incident_id: str = ""
    found: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)

    def take(self, statement: Insert | Update | Delete, rows: list[Mapping[str, Any]]) -> None:
        """Count a statement with its values; skip bookkeeping."""
        table = statement.table
        if not isinstance(table, Table) or table.name in _MACHINERY:
            return
        did = "added" if isinstance(statement, Insert) else "changed"
        did = "removed" if isinstance(statement, Delete) else did
        if table.name in _ONLY_NEW and did != "added":
            return
        columns = {name for row in rows for name in row if name in table.columns}
        if did == "changed" and columns <= _FOLLOWING.get(table.name, frozenset()):
            return
        entry = self.found.setdefault((table.name, did), {"rows": 0, "ids": [], "columns": set()})
        entry["rows"] += max(1, len(rows))
        for row in rows[:1]:
            known = row.get("id", row.get("id_1"))
            if isinstance(known, str) and known not in entry["ids"] and len(entry["ids"]) < 20:
                entry["ids"].append(known)
            self.incident_id = self.incident_id or _incident_of(table, row, known)
        if did == "changed":
            entry["columns"] |= columns

    def changes(self) -> list[dict[str, Any]]:
        """The changes, in the order they were made."""
        return [
            {
                "table": table,
                "did": did,
                "rows": entry["rows"],
                **({"ids": entry["ids"]} if entry["ids"] else {}),
                **({"columns": sorted(entry["columns"])} if entry["columns"] else {}),
            }
            for (table, did), entry in self.found.items()
        ]


def _incident_of(table: Table, row: Mapping[str, Any], known: object) -> str:
    found = known if table.name == "incidents" else row.get("incident_id")
    return found if isinstance(found, str) else ""


def note(
    connection: Connection,
    statement: object,
    _multi: object,
    _params: object,
    options: Mapping[str, Any],
    result: Any,
) -> None:
    """Pass each statement's changes to the connection's recorder, if it has one.

    The signature is that of SQLAlchemy's `after_execute`.
    """
    recorder = connection.get_execution_options().get(OPTION)
    if isinstance(recorder, Recorder) and isinstance(statement, Insert | Update | Delete):
        recorder.take(statement, list(result.context.compiled_parameters))


def append(connection: Connection, acting: Acting, recorder: Recorder) -> None:
    """Record a transaction's changes, as its last row; nothing if it changed nothing.

    Only in a transaction that keeps all other writers out: the chain has one end.
    """
    changes = recorder.changes()
    if not changes:
        return
    last = select(audit_log.c.hash).order_by(audit_log.c.seq.desc()).limit(1)
    previous = str(connection.execute(last).scalar() or "")
    row = {
        "at": acting.now().astimezone(UTC).replace(microsecond=0),
        "person": acting.person,
        "command": acting.command,
        "incident_id": recorder.incident_id or _incident_of_notices(connection, changes),
        "changes": changes,
        "previous": previous,
    }
    connection.execute(insert(audit_log).values(**row, hash=_hash(row)))


def _incident_of_notices(connection: Connection, changes: list[dict[str, Any]]) -> str:
    """The incident of the first changed notice, "" if none changed."""
    of_notices = [change for change in changes if change["table"] == "notices"]
    ids = [each for change in of_notices for each in change.get("ids", ())]
    if not ids:
        return ""
    found = select(notices.c.incident_id).where(notices.c.id == ids[0])
    return str(connection.execute(found).scalar() or "")


def steps(connection: Connection, incident_ids: Iterable[str] = ()) -> Iterator[AuditRow]:
    """The trail from its beginning; for these incidents, or for all if none is named.

    Rows that belong to no incident (suppressed addresses) are included for each.
    """
    previous = ""
    wanted = set(incident_ids)
    rows = connection.execute(select(audit_log).order_by(audit_log.c.seq))
    for number, row in enumerate(rows, 1):
        values = {name: getattr(row, name) for name in _HASHED}
        is_sound = row.previous == previous and row.hash == _hash(values)
        previous = row.hash
        if not wanted or row.incident_id in wanted or not row.incident_id:
            yield AuditRow(
                number,
                row.at,
                row.person,
                row.command,
                row.incident_id,
                tuple(row.changes),
                row.hash,
                is_sound,
            )


_HASHED = ("at", "person", "command", "incident_id", "changes", "previous")


def _hash(row: Mapping[str, Any]) -> str:
    written = json.dumps({**row, "at": row["at"].isoformat()}, ensure_ascii=True, sort_keys=True)
    return sha256(written.encode("ascii")).hexdigest()
