"""Files as the rehearsal's Drive keeps them, and who may see and change them."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

from workflow.rehearsal import ids
from workflow.rehearsal.wire.call import Call
from workflow.rehearsal.wire.errors import GoogleError
from workflow.rehearsal.wire.signin import Caller

DOC_TYPE = "application/vnd.google-apps.document"
FOLDER_TYPE = "application/vnd.google-apps.folder"
SHEET_TYPE = "application/vnd.google-apps.spreadsheet"
_WORKSPACE = "application/vnd.google-apps."
RANK = {"reader": 1, "commenter": 2, "writer": 3, "owner": 4}
_ALL_FILES = ("drive", "drive.readonly", "drive.metadata", "drive.metadata.readonly")


@dataclass
class DriveFile:
    """A file, folder or Google Doc.

    Times in epoch seconds. `parent` is a folder's id. `creator_client` is the OAuth client that
    made it. `app_properties` maps a client to its private properties. `permissions` are Drive
    `Permission` resources. `content_restriction` is the lock against edits, if there is one:
    `readOnly`, `ownerRestricted`, `reason`, and `by` whom and `at` which epoch second.
    """

    id: str
    name: str
    mime_type: str
    owner: str
    creator_client: str
    created_at: float
    modified_at: float
    modified_by: str
    parent: str
    description: str = ""
    starred: bool = False
    trashed: bool = False
    version: int = 1
    size: int = 0
    properties: dict[str, str] = field(default_factory=dict)
    app_properties: dict[str, dict[str, str]] = field(default_factory=dict)
    permissions: list[dict[str, Any]] = field(default_factory=list)
    content_restriction: dict[str, Any] = field(default_factory=dict)

    @property
    def is_workspace(self) -> bool:
        """Whether it is one of Google's own types, which have no bytes of their own."""
        return self.mime_type.startswith(_WORKSPACE)

    def role_of(self, account: str) -> str:
        """The strongest role of an account, or an empty text: `reader`, …, `owner`."""
        roles = [each["role"] for each in self.permissions if _concerns(each, account)]
        return max(roles, key=lambda role: RANK.get(role, 0), default="")

    def allows(self, account: str, role: str) -> bool:
        """Whether the account may do what `role` may."""
        return RANK.get(self.role_of(account), 0) >= RANK[role]

    def touched(self, account: str, now: float) -> DriveFile:
        """This file, changed by `account` at `now`."""
        self.modified_at, self.modified_by = now, account
        self.version += 1
        return self


def new_file(call: Call, mime_type: str, name: str) -> DriveFile:
    """A file that the caller makes now, owned by them, in their My Drive."""
    caller = call.caller
    return DriveFile(
        id=ids.file_id(),
        name=name,
        mime_type=mime_type,
        owner=caller.account,
        creator_client=caller.client,
        created_at=call.now,
        modified_at=call.now,
        modified_by=caller.account,
        parent=ids.root_folder_id(caller.account),
        permissions=[new_permission("user", "owner", caller.account, caller.display_name)],
    )


def new_permission(kind: str, role: str, who: str, display_name: str = "") -> dict[str, Any]:
    """A `Permission` resource. `who` is an address, a domain, or empty for `anyone`."""
    permission: dict[str, Any] = {
        "kind": "drive#permission",
        "id": ids.permission_id(kind, who),
        "type": kind,
        "role": role,
    }
    if kind in {"user", "group"}:
        shown = display_name or who.partition("@")[0]
        permission |= {"emailAddress": who, "displayName": shown, "deleted": False}
        if kind == "user":
            permission["pendingOwner"] = False
    if kind == "domain":
        permission |= {"domain": who, "displayName": who}
    if kind in {"domain", "anyone"}:
        permission["allowFileDiscovery"] = False
    return permission


def save(db: sqlite3.Connection, file: DriveFile) -> None:
    """Writes a file's metadata; its bytes stay as they are."""
    db.execute(
        "INSERT INTO files (id, owner, created_at, state) VALUES (?, ?, ?, ?)"
        " ON CONFLICT (id) DO UPDATE SET owner = excluded.owner, state = excluded.state",
        (file.id, file.owner, file.created_at, json.dumps(asdict(file))),
    )


def save_content(db: sqlite3.Connection, file: DriveFile, content: bytes) -> None:
    """Writes a file's bytes and its metadata with their size."""
    file.size = len(content)
    save(db, file)
    db.execute("UPDATE files SET content = ? WHERE id = ?", (content, file.id))


def content_of(db: sqlite3.Connection, file_id: str) -> bytes:
    """The bytes of a file that was uploaded."""
    row = db.execute("SELECT content FROM files WHERE id = ?", (file_id,)).fetchone()
    return bytes(row["content"] or b"")


def remove(db: sqlite3.Connection, file_id: str) -> None:
    """Deletes a file for good, with the document that it may be."""
    db.execute("DELETE FROM files WHERE id = ?", (file_id,))
    db.execute("DELETE FROM documents WHERE id = ?", (file_id,))


def load(db: sqlite3.Connection, file_id: str) -> DriveFile | None:
    """A file by id, whoever asks."""
    row = db.execute("SELECT state FROM files WHERE id = ?", (file_id,)).fetchone()
    return DriveFile(**json.loads(row["state"])) if row else None


def load_all(db: sqlite3.Connection) -> Iterator[DriveFile]:
    """All files, the newest first."""
    for row in db.execute("SELECT state FROM files ORDER BY created_at DESC, rowid DESC"):
        yield DriveFile(**json.loads(row["state"]))


def root_folder(account: str) -> DriveFile:
    """An account's My Drive, which is nowhere stored."""
    return DriveFile(
        id=ids.root_folder_id(account),
        name="My Drive",
        mime_type=FOLDER_TYPE,
        owner=account,
        creator_client="",
        created_at=0,
        modified_at=0,
        modified_by=account,
        parent="",
        permissions=[new_permission("user", "owner", account)],
    )


def visible(file: DriveFile, caller: Caller) -> bool:
    """Whether the Drive API shows the file to the caller.

    With `drive.file` alone only what this client made for this very account: a file that somebody
    else shares is a 404 (reports: air-sync issue 79, jupyter-drive issue 19).
    """
    if not file.role_of(caller.account):
        return False
    if caller.holds(*_ALL_FILES):
        return True
    return file.owner == caller.account and file.creator_client == caller.client


def find(db: sqlite3.Connection, caller: Caller, file_id: str) -> DriveFile:
    """The file as the caller may see it; `root` is My Drive. Raises Drive's 404."""
    root = root_folder(caller.account)
    if file_id in {"root", root.id}:
        return root
    file = load(db, file_id)
    if file is None or not visible(file, caller):
        raise file_not_found(file_id)
    return file


def find_to_change(
    db: sqlite3.Connection, caller: Caller, file_id: str, role: str = "writer"
) -> DriveFile:
    """The file, for a caller who holds `role` on it. Raises Drive's 404 or 403."""
    file = find(db, caller, file_id)
    if file.parent == "" or not file.allows(caller.account, role):
        raise GoogleError(
            403,
            f"The user does not have sufficient permissions for file {file_id}.",
            reason="insufficientFilePermissions",
        )
    return file


def file_not_found(file_id: str) -> GoogleError:
    """Drive's 404, which names the file."""
    return GoogleError(
        404,
        f"File not found: {file_id}.",
        reason="notFound",
        location="fileId",
        location_type="parameter",
    )


def _concerns(permission: dict[str, Any], account: str) -> bool:
    kind = permission["type"]
    if kind == "anyone":
        return True
    if kind == "domain":
        return account.endswith("@" + permission["domain"].lower())
    return bool(permission["emailAddress"].lower() == account)
