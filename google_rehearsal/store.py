"""The rehearsal's storage: one SQLite file, one transaction per call.

One connection serves all threads, one at a time. All of a call's work happens inside a transaction,
so the answered state is on disk, and a failed call leaves nothing. Ids look like Google's.
`Settings` are the rehearsal's account, limits and behaviour. `World` is what the web pages show:
documents, their sharing, and mail.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import sqlite3
import string
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import datetime
from pathlib import Path
from threading import RLock
from typing import Any, Literal, Protocol, get_args

STORE_FILE = "rehearsal.sqlite3"
# What each version of the store adds to the previous one.
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
    """
CREATE TABLE erased (
    id TEXT PRIMARY KEY, account TEXT NOT NULL, raw BLOB NOT NULL
);
""",
)


class Store:
    """The database in a rehearsal folder."""

    def __init__(self, folder: Path) -> None:
        self._lock = RLock()
        path = folder / STORE_FILE
        # It holds mails and docs: only its owner may read it, and SQLite's files beside it.
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
        self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._db.row_factory = sqlite3.Row
        self._db.execute("PRAGMA journal_mode = WAL")
        # A rehearsal must survive its own process, but not a power cut.
        self._db.execute("PRAGMA synchronous = OFF")
        self._prepare()

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """The connection, exclusively: committed at the end, rolled back if the block raises."""
        with self._lock:
            self._db.execute("BEGIN")
            try:
                yield self._db
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")

    def close(self) -> None:
        """Close the file; nothing may use the store afterwards."""
        with self._lock:
            self._db.close()

    def _prepare(self) -> None:
        version = self._db.execute("PRAGMA user_version").fetchone()[0]
        if version > len(_SCHEMAS):
            raise ValueError(f"The rehearsal's store is of a newer version ({version}).")
        missing = "".join(_SCHEMAS[version:])
        if missing:
            self._db.executescript(f"BEGIN;{missing}PRAGMA user_version = {len(_SCHEMAS)};COMMIT;")


_BASE62 = string.ascii_letters + string.digits
_FILE_ID_CHARS = _BASE62 + "-_"
_BASE36 = string.ascii_lowercase + string.digits


def file_id() -> str:
    """A Drive file's id: 44 characters that begin with 1."""
    return "1" + _random(_FILE_ID_CHARS, 42) + _random(_BASE62, 1)


def element_id() -> str:
    """The part after `kix.` in the ids inside a document: 12 characters."""
    return _random(_BASE36, 12)


def gmail_id() -> str:
    """A message's or thread's id: 16 hex digits, the first of them 1."""
    return "1" + _random("0123456789abcdef", 15)


def draft_id() -> str:
    """A draft's id: `r-` and up to 19 digits."""
    return f"r-{secrets.randbelow(9 * 10**18) + 10**18}"


def message_id_header() -> str:
    """The Message-ID of a mail sent by Gmail, with its angle brackets."""
    return f"<CA{_random(_FILE_ID_CHARS, 48)}@mail.gmail.com>"


def root_folder_id(account: str) -> str:
    """The id of an account's My Drive: the same each time."""
    return "0A" + _digest(account, _BASE62, 17)


def permission_id(kind: str, who: str) -> str:
    """A permission's id: the same for the same user on every file, as in Drive."""
    if kind == "anyone":
        return "anyoneWithLink"
    digits = _digest(f"{kind} {who}", string.digits, 20)
    return digits if kind != "domain" else digits + "k"


def _random(alphabet: str, length: int) -> str:
    return "".join(secrets.choice(alphabet) for _ in range(length))


def _digest(text: str, alphabet: str, length: int) -> str:
    raw = hashlib.sha256(text.lower().encode()).digest()
    return "".join(alphabet[byte % len(alphabet)] for byte in raw[:length])


SETTINGS_FILE = "settings.json"
BoundaryInserts = Literal["outside", "inside"]
SuggestedDeletes = Literal["fail", "work"]
SentByHand = Literal["gone", "orphan"]

_CHOICES = {
    "boundary_inserts": get_args(BoundaryInserts),
    "suggested_deletes": get_args(SuggestedDeletes),
    "drafts_sent_by_hand": get_args(SentByHand),
}


class SettingError(ValueError):
    """A setting that does not exist or is invalid; the text is a sentence about it."""


@dataclass(frozen=True)
class Settings:
    """All settings, each with Google's own value as its default; 0 removes a limit.

    `gmail_units_per_minute`: units per user; 6,000 for Cloud projects made since 2026-05-01, 15,000
    before. `daily_sends`: messages per account in rolling 24 hours. `gmail_concurrency`: calls of
    one account at one time. `time_scale`: how many times faster than the wall the clock of the
    quotas runs. `latency_seconds`: the least duration of every call. `chat_ahead_seconds`: how far
    Slack's clock is ahead, so that scheduled messages come sooner. `idle_seconds`: a server without
    a request for this long stops by itself. `boundary_inserts`: whether text that is inserted
    exactly at a named range's edge belongs to the range (undocumented by Google).
    `suggested_deletes`: whether a deletion over text that carries a suggestion fails, with the
    error 500 that Google gives (report hermes 181), or works. `aliases`: for an account, the
    further addresses that it may send from. `token_seconds`: how long an access token of the
    sign-in is valid; with 0 it has expired when issued. `mailboxes`: the accounts that a service
    account may act for; none named means any. `delegated_scopes`: the scopes that an administrator
    allows it, by short names. `without_google_account`: addresses, or domains as `@example.org`,
    that Drive shares with only where it may send its invitation. `bouncing`: addresses, or domains
    as `@example.org`, whose mail bounces. `drafts_sent_by_hand`: what a draft's id leads to after a
    person sent the draft in Gmail: nothing (`gone`, a 404), or the sent mail (`orphan`); both are
    reported of live Gmail. `unknown_requests`: requests of a Docs batch, such as `insertDate`, that
    this project's API does not have yet.
    """

    account: str = "you@rehearsal.example"
    display_name: str = "You"
    aliases: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    mailboxes: tuple[str, ...] = ()
    delegated_scopes: tuple[str, ...] = ("drive.file", "documents", "gmail.compose")
    bouncing: tuple[str, ...] = ()
    without_google_account: tuple[str, ...] = ()
    unknown_requests: tuple[str, ...] = ()
    gmail_units_per_minute: int = 15_000
    gmail_concurrency: int = 25
    docs_reads_per_minute: int = 300
    docs_writes_per_minute: int = 60
    drive_units_per_minute: int = 325_000
    daily_sends: int = 2_000
    time_scale: float = 1.0
    latency_seconds: float = 0.0
    chat_ahead_seconds: float = 0.0
    idle_seconds: float = 900.0
    token_seconds: int = 3_599
    boundary_inserts: BoundaryInserts = "outside"
    suggested_deletes: SuggestedDeletes = "fail"
    drafts_sent_by_hand: SentByHand = "gone"

    def changed(self, values: Mapping[str, Any]) -> Settings:
        """These settings with some of them replaced, as JSON gives them.

        Raises `SettingError` for an unknown name or an invalid value.
        """
        known = {each.name: getattr(self, each.name) for each in fields(self)}
        return replace(
            self, **{name: _fitting(name, value, known) for name, value in values.items()}
        )

    def as_json(self) -> dict[str, Any]:
        """All settings as plain JSON values."""
        return asdict(self)


def read_settings(folder: Path) -> Settings:
    """The settings of a rehearsal folder: `settings.json` if it exists, else the defaults."""
    path = folder / SETTINGS_FILE
    if not path.exists():
        return Settings()
    values = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(values, dict):
        raise SettingError(f"{path}: the settings must be a JSON object.")
    return Settings().changed(values)


def _fitting(name: str, value: Any, known: Mapping[str, Any]) -> Any:
    if name not in known:
        raise SettingError(f"There is no setting {name!r}; there are {', '.join(sorted(known))}.")
    if name == "aliases":
        return _aliases(value)
    if name in {
        "bouncing",
        "without_google_account",
        "unknown_requests",
        "mailboxes",
        "delegated_scopes",
    }:
        return _texts(name, value)
    if name in _CHOICES and value not in _CHOICES[name]:
        first, second = _CHOICES[name]
        raise SettingError(f"{name} is either '{first}' or '{second}'.")
    if isinstance(known[name], str):
        return _text(name, value)
    return _amount(name, value, known[name])


def _text(name: str, value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise SettingError(f"{name} must be a text, not {value!r}.")
    return value


def _texts(name: str, value: Any) -> tuple[str, ...]:
    if not isinstance(value, list | tuple):
        raise SettingError(f"{name} must be a list of texts, not {value!r}.")
    return tuple(_text(name, each) for each in value)


def _aliases(value: Any) -> dict[str, tuple[str, ...]]:
    if not isinstance(value, Mapping):
        raise SettingError("aliases must map an account to a list of addresses.")
    return {_text("aliases", account): _texts("aliases", each) for account, each in value.items()}


_LARGEST_AMOUNT = 1_000_000_000


def _amount(name: str, value: Any, default: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
        raise SettingError(f"{name} must be a number of 0 or more, not {value!r}.")
    if isinstance(default, int) and not isinstance(value, int):
        raise SettingError(f"{name} must be a whole number, not {value!r}.")
    if value > _LARGEST_AMOUNT:
        raise SettingError(f"{name} must be at most {_LARGEST_AMOUNT:,}.")
    if name == "time_scale" and value == 0:
        raise SettingError("time_scale must be more than 0.")
    return value


@dataclass(frozen=True)
class StoredMail:
    """One message as stored in a mailbox.

    `id` and `thread_id` are 16 hex digits; `sent_at` is in UTC (for a draft: when it was last
    saved); `raw` is the whole RFC 5322 message; `account` is the address whose mailbox holds it.
    """

    id: str
    thread_id: str
    label_ids: tuple[str, ...]
    sent_at: datetime
    raw: bytes
    account: str


@dataclass(frozen=True)
class StoredFile:
    """The bytes of a file, and their media type."""

    content: bytes
    media_type: str


class World(Protocol):
    """Everything in the rehearsal, over all accounts, read-only."""

    def documents(self) -> list[dict[str, Any]]:
        """Drive `File` resources of the Google Docs that are not in the trash, newest first."""
        ...

    def document(self, doc_id: str) -> dict[str, Any]:
        """The `Document` resource with its `tabs`. Raises `KeyError` if there is none."""
        ...

    def permissions(self, doc_id: str) -> list[dict[str, Any]]:
        """Drive `Permission` resources, the owner first. Raises `KeyError` for no such doc."""
        ...

    def mailbox(self) -> list[StoredMail]:
        """All sent messages of all accounts, newest first."""
        ...

    def mail(self, message_id: str) -> StoredMail:
        """One message, sent or draft. Raises `KeyError` if there is none."""
        ...

    def published(self, file_id: str) -> StoredFile:
        """A file that anyone with the link may see. Raises `KeyError` for any other."""
        ...

    def picture(self, key: str) -> StoredFile:
        """A document's own copy of a picture. Raises `KeyError` if there is none."""
        ...

    def drafts(self) -> list[StoredMail]:
        """The drafts of all accounts, newest first."""
        ...
