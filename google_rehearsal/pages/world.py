"""The data of the rehearsal's web pages, read from the store for all accounts."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from google_rehearsal.docs.methods import Documents, kept_picture, published_file
from google_rehearsal.drive.resource import file_resource
from google_rehearsal.drive.world import DOC_TYPE, DriveFile, load_all, load_file
from google_rehearsal.gmail.world import Message, message_of
from google_rehearsal.store import Store, StoredFile, StoredMail
from google_rehearsal.wire.admission import Caller

_SENT = "WHERE labels LIKE '%\"SENT\"%'"
_IN_A_DRAFT = "WHERE labels LIKE '%\"DRAFT\"%' AND id IN (SELECT message_id FROM drafts)"
_MESSAGES = "SELECT rowid, * FROM messages "
_BY_TIME = " ORDER BY at_ms DESC, rowid DESC"


class StoredWorld:
    """Implements `world.World`; links in its resources are relative to the server."""

    def __init__(self, store: Store, documents: Documents) -> None:
        self._store = store
        self._documents = documents

    def documents(self) -> list[dict[str, Any]]:
        """As the protocol says."""
        with self._store.transaction() as db:
            found = [file for file in load_all(db) if _is_live_doc(file)]
        return [file_resource(file, _owner(file), "") for file in found]

    def document(self, doc_id: str) -> dict[str, Any]:
        """As the protocol says."""
        with self._store.transaction() as db:
            return self._documents.render(db, doc_id)

    def permissions(self, doc_id: str) -> list[dict[str, Any]]:
        """As the protocol says."""
        with self._store.transaction() as db:
            file = load_file(db, doc_id)
        if file is None:
            raise KeyError(doc_id)
        return sorted(file.permissions, key=lambda each: each["role"] != "owner")

    def mailbox(self) -> list[StoredMail]:
        """As the protocol says."""
        return self._mails(_SENT + _BY_TIME)

    def mail(self, message_id: str) -> StoredMail:
        """As the protocol says."""
        found = self._mails("WHERE id = ?", message_id)
        if not found:
            raise KeyError(message_id)
        return found[0]

    def published(self, file_id: str) -> StoredFile:
        """As the protocol says."""
        with self._store.transaction() as db:
            return _there(published_file(db, file_id))

    def picture(self, key: str) -> StoredFile:
        """As the protocol says."""
        with self._store.transaction() as db:
            return _there(kept_picture(db, key))

    def drafts(self) -> list[StoredMail]:
        """As the protocol says."""
        return self._mails(_IN_A_DRAFT + _BY_TIME)

    def _mails(self, condition: str, *values: str) -> list[StoredMail]:
        with self._store.transaction() as db:
            rows = db.execute(_MESSAGES + condition, values)
            return [_stored_mail(message_of(row)) for row in rows]


def _there(found: StoredFile | None) -> StoredFile:
    if found is None:
        raise KeyError
    return found


def _stored_mail(message: Message) -> StoredMail:
    return StoredMail(
        id=message.id,
        thread_id=message.thread_id,
        label_ids=message.labels,
        sent_at=datetime.fromtimestamp(message.at_ms / 1000, UTC),
        raw=message.raw,
        account=message.account,
    )


def _is_live_doc(file: DriveFile) -> bool:
    return file.mime_type == DOC_TYPE and not file.trashed


def _owner(file: DriveFile) -> Caller:
    return Caller(file.owner, "", file.creator_client, frozenset())
