"""What the rehearsal Google shows to its web pages: documents, their sharing, and mail."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol


@dataclass(frozen=True)
class StoredMail:
    """One message as it lies in a mailbox.

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
    """The bytes of a file, and what they are."""

    content: bytes
    media_type: str


class World(Protocol):
    """Everything that happened in the rehearsal, over all accounts, to be looked at only."""

    def documents(self) -> list[dict[str, Any]]:
        """Drive `File` resources of the Google Docs that are not in the trash, newest first."""
        ...

    def document(self, doc_id: str) -> dict[str, Any]:
        """The `Document` resource with its `tabs`. Raises `KeyError` when there is none."""
        ...

    def permissions(self, doc_id: str) -> list[dict[str, Any]]:
        """Drive `Permission` resources, the owner first. Raises `KeyError` for no such doc."""
        ...

    def mailbox(self) -> list[StoredMail]:
        """All sent messages of all accounts, newest first."""
        ...

    def mail(self, message_id: str) -> StoredMail:
        """One message, sent or draft. Raises `KeyError` when there is none."""
        ...

    def published(self, file_id: str) -> StoredFile:
        """A file that anyone with the link may see. Raises `KeyError` for any other."""
        ...

    def picture(self, key: str) -> StoredFile:
        """A document's own copy of a picture. Raises `KeyError` when there is none."""
        ...

    def drafts(self) -> list[StoredMail]:
        """The drafts of all accounts, newest first."""
        ...
