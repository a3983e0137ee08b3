"""Pictures in documents: the accepted files, where they are fetched, and the kept copies.

The rehearsal Google fetches only from its own Drive, and only files that anyone with the link may
see. Any other address, on the internet too, is answered like an address that Google can't reach:
nothing here makes a call.
"""

from __future__ import annotations

import hashlib
import sqlite3
from base64 import b64encode
from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

from google_rehearsal.docs.world import FetchedPicture
from google_rehearsal.drive.world import content_of, load_file
from google_rehearsal.store import StoredFile

# API reference, InsertInlineImageRequest.uri.
_LARGEST_BYTES = 50_000_000
_MOST_PIXELS = 25_000_000

_PUBLIC_PATH = "/uc"  # as in a file's `webContentLink`
_KEPT_PATH = "/docs-picture/"


def kept_path(key: str) -> str:
    """The path of a document's own copy of a picture on this server."""
    return f"{_KEPT_PATH}{key}"


def published_file(db: sqlite3.Connection, file_id: str) -> StoredFile | None:
    """A file that anyone with the link may see; None for any other."""
    file = load_file(db, file_id)
    if file is None or file.trashed or file.is_workspace:
        return None
    if not any(each["type"] == "anyone" for each in file.permissions):
        return None
    return StoredFile(content_of(db, file_id), file.mime_type)


def kept_picture(db: sqlite3.Connection, key: str) -> StoredFile | None:
    """The copy that a document keeps."""
    row = db.execute("SELECT media_type, content FROM pictures WHERE key = ?", (key,)).fetchone()
    return StoredFile(bytes(row["content"]), row["media_type"]) if row else None


def as_data(db: sqlite3.Connection, key: str) -> str:
    """The copy as a `data:` URL for an export; empty if it is gone."""
    found = kept_picture(db, key)
    if found is None:
        return ""
    return f"data:{found.media_type};base64,{b64encode(found.content).decode()}"


def fetcher(db: sqlite3.Connection, base_url: str) -> Callable[[str], FetchedPicture | None]:
    """A function that fetches a picture and keeps a copy; it returns None if unavailable."""

    def fetch(address: str) -> FetchedPicture | None:
        file_id = _published_id(address, base_url)
        found = published_file(db, file_id) if file_id else None
        return _kept(db, found.content) if found else None

    return fetch


def _published_id(address: str, base_url: str) -> str:
    parts, own = urlsplit(address), urlsplit(base_url)
    if (parts.scheme, parts.netloc, parts.path) != (own.scheme, own.netloc, _PUBLIC_PATH):
        return ""
    return parse_qs(parts.query).get("id", [""])[-1]


def _kept(db: sqlite3.Connection, content: bytes) -> FetchedPicture | None:
    media_type, width, height = _look_at(content)
    if not 0 < width * height <= _MOST_PIXELS or len(content) >= _LARGEST_BYTES:
        return None
    key = hashlib.sha256(content).hexdigest()[:40]
    db.execute(
        "INSERT OR IGNORE INTO pictures (key, media_type, content) VALUES (?, ?, ?)",
        (key, media_type, content),
    )
    return FetchedPicture(key, width, height)


def _look_at(content: bytes) -> tuple[str, int, int]:
    """Media type, width and height from the file's head; zeros for no PNG, JPEG or GIF."""
    if content[:8] == b"\x89PNG\r\n\x1a\n" and content[12:16] == b"IHDR":
        return "image/png", _number(content[16:20]), _number(content[20:24])
    if content[:6] in {b"GIF87a", b"GIF89a"}:
        width, height = (int.from_bytes(content[at : at + 2], "little") for at in (6, 8))
        return "image/gif", width, height
    if content[:3] == b"\xff\xd8\xff":
        return "image/jpeg", *_jpeg_size(content)
    return "", 0, 0


def _jpeg_size(content: bytes) -> tuple[int, int]:
    """Width and height from the frame header (ITU-T T.81, B.2.2), past the segments before it."""
    at = 2
    while at + 9 <= len(content) and content[at] == 0xFF:
        marker = content[at + 1]
        if 0xC0 <= marker <= 0xCF and marker not in {0xC4, 0xC8, 0xCC}:
            return _number(content[at + 7 : at + 9]), _number(content[at + 5 : at + 7])
        # A marker may be padded with further 0xFF; only a segment has a length.
        at += 1 if marker == 0xFF else 2 + _number(content[at + 2 : at + 4])
    return 0, 0


def _number(units: bytes) -> int:
    return int.from_bytes(units, "big")
