"""Forgotten customers: hashes in place of their keys, and removing their data.

The hashes' key is made with the first of them and stays in the ledger. With the ledger one can
still ask whether a given address is among them, but nobody can read an address out of it. An
incident that was handed over brings the other ledger's key, so a ledger can have several keys.
"""

from __future__ import annotations

import hmac
import re
import secrets
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import (
    JSON,
    Column,
    ColumnElement,
    Table,
    Text,
    and_,
    delete,
    insert,
    or_,
    select,
    update,
)
from sqlalchemy.engine import Connection

from workflow.ledger.tables import (
    attachments,
    bounces,
    deliveries,
    edited_drafts,
    entries,
    forgetting_key,
    forgotten,
    incidents,
    metadata,
    notices,
    replies,
    rows_left_out,
)
from workflow.model import DeliveryState

# --- The hashes -----------------------------------------------------------------------------------

FORGOTTEN = "(forgotten)"
"""The text in place of a name, an address or a text that was removed."""

_PREFIX = "forgotten:"


def settle_hash(
    connection: Connection, recipient_key: str, *, why: str, by: str, at: datetime
) -> str:
    """Record that a customer is forgotten; the hash for their key from now on.

    `why` is asked or retention. A customer who is forgotten again gets the same hash.
    """
    known = stored_keys(connection, [recipient_key])
    if known:
        return known[recipient_key]
    keys = _keys(connection)
    if not keys:
        keys = [secrets.token_hex(32)]
        connection.execute(insert(forgetting_key).values(key=keys[0]))
    hashed = _hash(keys[0], recipient_key)
    connection.execute(
        insert(forgotten).values(recipient_key=hashed, why=why, forgotten_by=by, forgotten_at=at)
    )
    return hashed


def stored_keys(connection: Connection, keys: Sequence[str]) -> dict[str, str]:
    """The hashes of those recipients who were forgotten, by key."""
    hashed = {_hash(key, each): each for key in _keys(connection) for each in keys}
    if not hashed:
        return {}
    query = select(forgotten.c.recipient_key).where(forgotten.c.recipient_key.in_(list(hashed)))
    return {hashed[found]: found for found in connection.execute(query).scalars()}


def stored_key(connection: Connection, key: str) -> str:
    """The key of a recipient in the ledger: their own, or a hash."""
    return stored_keys(connection, [key]).get(key, key)


@dataclass(frozen=True)
class Carried:
    """What another ledger needs to recognize forgotten customers: keys, and their rows."""

    keys: tuple[str, ...]
    forgotten: tuple[dict[str, str], ...]


def carried(connection: Connection, hashes: Collection[str]) -> Carried | None:
    """What to hand over with an incident of these forgotten customers; None if there are none."""
    found = tuple(
        {**row._mapping, "forgotten_at": row.forgotten_at.isoformat()}
        for row in connection.execute(select(forgotten))
        if row.recipient_key in hashes
    )
    return Carried(tuple(_keys(connection)), found) if found else None


def take(connection: Connection, given: Carried) -> None:
    """Add the customers whom another ledger forgot. Safe to repeat."""
    for key in set(given.keys) - set(_keys(connection)):
        bytes.fromhex(key)
        connection.execute(insert(forgetting_key).values(key=key))
    for row in given.forgotten:
        mine = select(forgotten).where(forgotten.c.recipient_key == row["recipient_key"])
        if connection.execute(mine).first() is None:
            at = datetime.fromisoformat(row["forgotten_at"])
            connection.execute(insert(forgotten).values({**row, "forgotten_at": at}))


def is_hash(recipient_key: str) -> bool:
    """Whether a recipient's key is that of a forgotten customer."""
    return recipient_key.startswith(_PREFIX)


def _keys(connection: Connection) -> list[str]:
    query = select(forgetting_key.c.key).order_by(forgetting_key.c.key)
    return list(connection.execute(query).scalars())


def _hash(key: str, recipient_key: str) -> str:
    digest = hmac.new(bytes.fromhex(key), recipient_key.encode("utf-8", "replace"), "sha256")
    return f"{_PREFIX}{digest.hexdigest()}"


# --- The rows -------------------------------------------------------------------------------------

_DECIDED = (DeliveryState.SENT.value, DeliveryState.FAILED.value, DeliveryState.UNKNOWN.value)
_ADDRESS = re.compile(r"[^\s<>()\[\]\"',;:|\\]+@[^\s<>()\[\]\"',;:|\\]+")
_MARKS = ".!?*_`~"
# Customers' rows are emptied one by one; the audit trail holds none of their data.
_NOT_SWEPT = frozenset(
    {"deliveries", "attachments", "edited_drafts", "replies", "audit_log", "forgotten"}
) | {"forgetting_key", "files", "rows_left_out", "suppressions"}


@dataclass(frozen=True)
class CustomerNames:
    """What identifies a customer in a text: full `names`, and whether an address is theirs."""

    names: frozenset[str]
    is_theirs: Callable[[str], bool]

    def taken_out(self, text: str) -> str:
        """The text without the customer's names and addresses."""
        if "@" in text:
            text = _ADDRESS.sub(self._address, text)
        for name in self.names:
            if name.casefold() in text.casefold():
                whole = rf"(?<!\w){re.escape(name)}(?!\w)"
                text = re.sub(whole, FORGOTTEN, text, flags=re.IGNORECASE)
        return text

    def taken_out_of(self, value: Any) -> Any:
        """The same for every text in a JSON value."""
        if isinstance(value, str):
            return self.taken_out(value)
        if isinstance(value, list):
            return [self.taken_out_of(each) for each in value]
        if isinstance(value, dict):
            return {self.taken_out(key): self.taken_out_of(each) for key, each in value.items()}
        return value

    def _address(self, found: re.Match[str]) -> str:
        typed = found[0]
        bare = typed.strip(_MARKS)
        is_theirs = bool(bare) and self.is_theirs(bare)
        return typed.replace(bare, FORGOTTEN) if is_theirs else typed


@dataclass
class Emptied:
    """The counts of what was removed: mails, own files, rows of lists, and texts.

    `notices` are those whose lines in the doc named a customer, by incident; `summaries` are the
    incidents whose summary did. `entries` are the timeline entries, and `facts` the sections and
    facts, each with its incident, in which people named a customer: the doc still shows them.
    """

    mails: int = 0
    files: int = 0
    rows: int = 0
    texts: int = 0
    notices: set[str] = field(default_factory=set)
    summaries: set[str] = field(default_factory=set)
    entries: set[tuple[str, str]] = field(default_factory=set)
    facts: set[tuple[str, str]] = field(default_factory=set)


def without_forgotten(connection: Connection, text: str, key_of: Callable[[str], str]) -> str:
    """A text without the addresses of customers who were forgotten before.

    `key_of` gives the key of an address, the same for every spelling of it.
    """
    typed = {found.strip(_MARKS) for found in _ADDRESS.findall(text)}
    keys = {each: key_of(each) for each in typed}
    known = stored_keys(connection, sorted(set(keys.values()))) if keys else {}
    if not known:
        return text
    return CustomerNames(frozenset(), lambda each: keys.get(each, each) in known).taken_out(text)


def pending_notices(connection: Connection, key: str) -> list[str]:
    """The notices with an undecided mail to this recipient."""
    query = (
        select(deliveries.c.notice_id)
        .distinct()
        .where(deliveries.c.recipient_key == key, deliveries.c.state.not_in(_DECIDED))
    )
    return sorted(connection.execute(query).scalars())


def names_and_addresses(connection: Connection, key: str) -> tuple[set[str], set[str]]:
    """The names and spellings of the address that the ledger has for a recipient."""
    query = select(deliveries.c.name, deliveries.c.email).where(
        deliveries.c.recipient_key == key, deliveries.c.email != FORGOTTEN
    )
    rows = connection.execute(query).all()
    return {row.name for row in rows if row.name}, {row.email for row in rows if row.email}


def incidents_of(connection: Connection, keys: Sequence[str]) -> list[str]:
    """The incidents with a mail to these recipients, sent or planned."""
    query = (
        select(notices.c.incident_id)
        .distinct()
        .join(deliveries, deliveries.c.notice_id == notices.c.id)
        .where(deliveries.c.recipient_key.in_(list(keys)))
    )
    return sorted(connection.execute(query).scalars())


def empty_mails(
    connection: Connection, key: str, hashed: str, words: CustomerNames, *, incident_id: str = ""
) -> Emptied:
    """Remove a recipient's data from their mails: those of one incident, or all of them.

    Each mail's result stays, with the hash in place of the recipient.
    """
    mine = (deliveries.c.recipient_key == key) & (deliveries.c.email != FORGOTTEN)
    if incident_id:
        of_it = select(notices.c.id).where(notices.c.incident_id == incident_id)
        mine &= deliveries.c.notice_id.in_(of_it)
    columns = (deliveries.c.id, deliveries.c.notice_id, deliveries.c.files, deliveries.c.reason)
    rows = connection.execute(select(*columns, deliveries.c.evidence).where(mine)).all()
    found = Emptied(mails=len(rows))
    for row in rows:
        connection.execute(
            update(deliveries)
            .where(deliveries.c.id == row.id)
            .values(
                recipient_key=hashed,
                email=FORGOTTEN,
                name="",
                subject=FORGOTTEN,
                markdown=FORGOTTEN,
                cells=[],
                files=[],
                reason=words.taken_out(row.reason),
                evidence=words.taken_out(row.evidence),
            )
        )
        found.files += _drop_own_files(connection, row.notice_id, row.files)
        _empty_what_came_back(connection, row.id, words)
    return found


def closed_before(connection: Connection, before: datetime, *, profile: str) -> list[str]:
    """The incidents closed before then for which the ledger still names a customer.

    One with an undecided mail waits until it is decided.
    """
    named = (
        select(notices.c.incident_id)
        .join(deliveries, deliveries.c.notice_id == notices.c.id)
        .where(deliveries.c.email != FORGOTTEN)
    )
    under_way = (
        select(notices.c.incident_id)
        .join(deliveries, deliveries.c.notice_id == notices.c.id)
        .where(deliveries.c.state.not_in(_DECIDED))
    )
    query = select(incidents.c.id).where(
        incidents.c.profile == profile,
        incidents.c.closed_at.is_not(None),
        incidents.c.closed_at < before,
        incidents.c.id.in_(named),
        incidents.c.id.not_in(under_way),
    )
    return list(connection.execute(query).scalars())


def recipients_of(connection: Connection, incident_id: str) -> list[tuple[str, str, str]]:
    """Key, address and name of everybody whom the mails of an incident still name."""
    query = (
        select(deliveries.c.recipient_key, deliveries.c.email, deliveries.c.name)
        .join(notices, notices.c.id == deliveries.c.notice_id)
        .where(notices.c.incident_id == incident_id, deliveries.c.email != FORGOTTEN)
    )
    found = {key: (key, email, name) for key, email, name in connection.execute(query)}
    return list(found.values())


def rename(connection: Connection, key: str, hashed: str) -> None:
    """Replace a recipient's key by the hash in other incidents' mails."""
    connection.execute(
        update(deliveries).where(deliveries.c.recipient_key == key).values(recipient_key=hashed)
    )


def empty_rows_left_out(
    connection: Connection,
    words: CustomerNames,
    notice_ids: Iterable[str] | None = None,
    *,
    all_of_them: bool = False,
) -> int:
    """Empty the left-out rows of a list that name a customer; how many they are.

    `all_of_them`: for every name.
    """
    query = select(rows_left_out)
    if notice_ids is not None:
        query = query.where(rows_left_out.c.notice_id.in_(list(notice_ids)))
    count = 0
    for row in connection.execute(query).all():
        written = [row.value, row.reason, *map(str, row.cells)]
        if not all_of_them and all(words.taken_out(each) == each for each in written):
            continue
        count += 1
        connection.execute(
            update(rows_left_out)
            .where(rows_left_out.c.notice_id == row.notice_id, rows_left_out.c.row == row.row)
            .values(value=FORGOTTEN, cells=[], reason=words.taken_out(row.reason))
        )
    return count


def sweep(
    connection: Connection, words: CustomerNames, found: Emptied, *, incident_id: str = ""
) -> None:
    """Remove a customer from everything else that people wrote; count the texts in `found`.

    With `incident_id`, only that incident's texts are searched.
    """
    for table in metadata.sorted_tables:
        if table.name in _NOT_SWEPT:
            continue
        of_it = table.c.id if table is incidents else table.c.get("incident_id")
        if not incident_id:
            _sweep_table(connection, table, words, found)
        elif of_it is not None:
            _sweep_table(connection, table, words, found, of_it == incident_id)
    _sweep_mails_to_others(connection, words, found, incident_id)
    _sweep_replies_to_others(connection, words, found, incident_id)


def _sweep_replies_to_others(
    connection: Connection, words: CustomerNames, found: Emptied, incident_id: str
) -> None:
    """Remove a customer from the replies to other customers' mails.

    Somebody in Cc answers in the thread of a mail that was not to them.
    """
    query = (
        select(replies.c.message_id, replies.c.sender, replies.c.excerpt)
        .join(deliveries, deliveries.c.id == replies.c.delivery_id)
        .join(notices, notices.c.id == deliveries.c.notice_id)
    )
    if incident_id:
        query = query.where(notices.c.incident_id == incident_id)
    for row in connection.execute(query).all():
        is_theirs = bool(row.sender) and words.is_theirs(row.sender)
        sender, excerpt = (
            (FORGOTTEN, "") if is_theirs else (row.sender, words.taken_out(row.excerpt))
        )
        if (sender, excerpt) != (row.sender, row.excerpt):
            found.texts += 1
            connection.execute(
                update(replies)
                .where(replies.c.message_id == row.message_id)
                .values(sender=sender, excerpt=excerpt)
            )


def _sweep_mails_to_others(
    connection: Connection, words: CustomerNames, found: Emptied, incident_id: str
) -> None:
    """Remove a full name from other customers' mails; a customer of the same name keeps theirs."""
    for name in words.names:
        wanted: ColumnElement[bool] = or_(
            deliveries.c.markdown.icontains(name, autoescape=True),
            deliveries.c.subject.icontains(name, autoescape=True),
        )
        if incident_id:
            of_it = select(notices.c.id).where(notices.c.incident_id == incident_id)
            wanted = and_(wanted, deliveries.c.notice_id.in_(of_it))
        columns = (deliveries.c.id, deliveries.c.name, deliveries.c.subject, deliveries.c.markdown)
        for row in connection.execute(select(*columns).where(wanted)).all():
            if row.name.casefold() == name.casefold():
                continue
            new = {"subject": words.taken_out(row.subject)}
            new["markdown"] = words.taken_out(row.markdown)
            if new != {"subject": row.subject, "markdown": row.markdown}:
                found.texts += 1
                connection.execute(update(deliveries).where(deliveries.c.id == row.id).values(new))


def _sweep_table(
    connection: Connection,
    table: Table,
    words: CustomerNames,
    found: Emptied,
    which: ColumnElement[bool] | None = None,
) -> None:
    texts = [each for each in table.columns if isinstance(each.type, Text | JSON)]
    key = list(table.primary_key.columns)
    if not texts or not key:
        return
    wanted = [*key, *texts, *_beside(table)]
    query = select(*wanted) if which is None else select(*wanted).where(which)
    for row in connection.execute(query).all():
        values = row._mapping
        changed = {
            column.name: new
            for column in texts
            if (new := words.taken_out_of(values[column.name])) != values[column.name]
        }
        if not changed:
            continue
        found.texts += len(changed)
        _note_doc_lines(table, dict(values), changed, found)
        same = [column == values[column.name] for column in key]
        connection.execute(update(table).where(*same).values(changed))


def _beside(table: Table) -> list[Column[Any]]:
    """The columns that say which text of the doc a row is, without the key's."""
    names = {"incident_id", "kind", "id"} - {each.name for each in table.primary_key.columns}
    return [table.c[name] for name in sorted(names) if name in table.c]


def _note_doc_lines(
    table: Table, row: Mapping[str, Any], changed: Mapping[str, Any], found: Emptied
) -> None:
    if table is notices and "facts_written" in changed:
        found.notices.add(row["id"])
    if table.name == "changes" and "lines" in (row.get("payload") or {}):
        found.summaries.add(row["incident_id"])
    if table is entries:
        found.entries.add((row["incident_id"], row["id"]))
    if table.name == "changes" and row.get("kind") == "section":
        found.facts.add((row["incident_id"], f"section {row['payload']['section']}"))
    if table is incidents:
        found.facts |= {(row["id"], name) for name in changed.keys() & {"title", "impact"}}


def _drop_own_files(connection: Connection, notice_id: str, positions: Sequence[int]) -> int:
    """Delete the files that only one mail had; how many they were."""
    if not positions:
        return 0
    others = select(deliveries.c.files).where(deliveries.c.notice_id == notice_id)
    used = {each for files in connection.execute(others).scalars() for each in files}
    gone = [each for each in positions if each not in used]
    connection.execute(
        delete(attachments).where(
            attachments.c.notice_id == notice_id,
            attachments.c.position.in_(gone),
            attachments.c.is_shared.is_(False),
        )
    )
    return len(gone)


def _empty_what_came_back(connection: Connection, delivery_id: int, words: CustomerNames) -> None:
    connection.execute(
        update(edited_drafts).where(edited_drafts.c.delivery_id == delivery_id).values(raw=None)
    )
    connection.execute(
        update(replies).where(replies.c.delivery_id == delivery_id).values(sender="", excerpt="")
    )
    for row in connection.execute(
        select(bounces).where(bounces.c.delivery_id == delivery_id)
    ).all():
        connection.execute(
            update(bounces)
            .where(bounces.c.message_id == row.message_id)
            .values(reason=words.taken_out(row.reason))
        )
