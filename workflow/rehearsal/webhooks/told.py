"""What was said in the chats: kept in the rehearsal's store, in order."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from workflow.rehearsal.store import Store

_SCHEMA = """
CREATE TABLE IF NOT EXISTS told (
    id INTEGER PRIMARY KEY,
    at REAL NOT NULL,
    service TEXT NOT NULL,
    channel TEXT NOT NULL,
    body TEXT NOT NULL
)
"""


@dataclass(frozen=True)
class Told:
    """One message. `service` is slack or google_chat, `at` in epoch seconds, `body` as it came."""

    id: int
    at: float
    service: str
    channel: str
    body: dict[str, Any]

    @property
    def text(self) -> str:
        """The message's text, in the service's own format."""
        return str(self.body.get("text", ""))


class ToldBoard:
    """Everything that was said, over all channels."""

    def __init__(self, store: Store) -> None:
        self._store = store
        with store.transaction() as db:
            db.execute(_SCHEMA)

    def add(self, service: str, channel: str, body: dict[str, Any], at: float) -> int:
        """Keep a message; its number."""
        with self._store.transaction() as db:
            row = db.execute(
                "INSERT INTO told (at, service, channel, body) VALUES (?, ?, ?, ?)",
                (at, service, channel, json.dumps(body)),
            )
            return int(row.lastrowid or 0)

    def all(self) -> list[Told]:
        """Every message, the oldest first."""
        with self._store.transaction() as db:
            rows = db.execute("SELECT * FROM told ORDER BY id").fetchall()
        return [
            Told(row["id"], row["at"], row["service"], row["channel"], json.loads(row["body"]))
            for row in rows
        ]
