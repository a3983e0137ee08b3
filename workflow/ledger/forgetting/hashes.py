"""Forgotten customers: a keyed hash replaces their address, so that "once" still holds.

The key is made with the first of them and stays in the ledger. With the ledger one can still ask
whether a given address is among them, but nobody can read an address out of it. An incident that
was handed over brings the other ledger's key, so a ledger can have several keys.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import insert, select
from sqlalchemy.engine import Connection

from workflow.ledger.tables import forgetting_key, forgotten

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
