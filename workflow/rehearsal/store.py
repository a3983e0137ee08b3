"""The rehearsal's memory: one SQLite file, one transaction per call.

One connection serves all threads, one at a time: a call's whole work happens inside a transaction,
so that what was answered is what is on disk, and a call that fails leaves nothing.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import RLock

STORE_FILE = "rehearsal.sqlite3"
# What each version of the store adds to the one before.
_SCHEMAS = (
    """
CREATE TABLE files (
    id TEXT PRIMARY KEY,
    owner TEXT NOT NULL,
    created_at REAL NOT NULL,
    state TEXT NOT NULL,
    content BLOB
);
CREATE TABLE documents (
    id TEXT PRIMARY KEY, edition INTEGER NOT NULL, body TEXT NOT NULL
);
CREATE TABLE messages (
    id TEXT PRIMARY KEY,
    account TEXT NOT NULL,
    thread_id TEXT NOT NULL,
    labels TEXT NOT NULL,
    at_ms INTEGER NOT NULL,
    subject TEXT NOT NULL,
    message_id TEXT NOT NULL,
    raw BLOB NOT NULL
);
CREATE INDEX messages_by_time ON messages (account, at_ms);
CREATE INDEX messages_by_thread ON messages (account, thread_id);
CREATE INDEX messages_by_message_id ON messages (account, message_id);
CREATE TABLE drafts (
    id TEXT PRIMARY KEY,
    account TEXT NOT NULL,
    message_id TEXT NOT NULL REFERENCES messages (id)
);
CREATE UNIQUE INDEX drafts_by_message ON drafts (message_id);
""",
    """
CREATE TABLE pictures (
    key TEXT PRIMARY KEY, media_type TEXT NOT NULL, content BLOB NOT NULL
);
""",
)


class Store:
    """The database in a rehearsal folder."""

    def __init__(self, folder: Path) -> None:
        self._lock = RLock()
        path = folder / STORE_FILE
        # Mails and docs are in it: its owner alone may read it, and SQLite's files beside it.
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
        self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._db.row_factory = sqlite3.Row
        self._db.execute("PRAGMA journal_mode = WAL")
        # A rehearsal need not outlive a power cut, only its own process.
        self._db.execute("PRAGMA synchronous = OFF")
        self._prepare()

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """The connection, alone: committed at the end, undone when the block raises."""
        with self._lock:
            self._db.execute("BEGIN")
            try:
                yield self._db
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")

    def close(self) -> None:
        """Closes the file; nothing may use the store afterwards."""
        with self._lock:
            self._db.close()

    def _prepare(self) -> None:
        version = self._db.execute("PRAGMA user_version").fetchone()[0]
        if version > len(_SCHEMAS):
            raise ValueError(f"The rehearsal's store is of a newer version ({version}).")
        missing = "".join(_SCHEMAS[version:])
        if missing:
            self._db.executescript(f"BEGIN;{missing}PRAGMA user_version = {len(_SCHEMAS)};COMMIT;")
