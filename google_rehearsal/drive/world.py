"""The rehearsal's Drive files: access, folders and custom properties.

A file is in exactly one folder, the caller's own or one shared for writing. A file that is put into
a folder gets its sharing; sharing a folder later does not affect the files already in it, unlike in
the real Drive. Custom properties have Drive's limits.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from google_rehearsal import store
from google_rehearsal.drive import errors
from google_rehearsal.wire.admission import Caller
from google_rehearsal.wire.call import Call
from google_rehearsal.wire.errors import GoogleError, not_rehearsed

DOC_TYPE = "application/vnd.google-apps.document"
FOLDER_TYPE = "application/vnd.google-apps.folder"
SHEET_TYPE = "application/vnd.google-apps.spreadsheet"
_WORKSPACE = "application/vnd.google-apps."
# A manager of a shared drive (`organizer`) may do there what an owner may do elsewhere.
RANK = {
    "reader": 1,
    "commenter": 2,
    "writer": 3,
    "fileOrganizer": 4,
    "owner": 5,
    "organizer": 5,
}
_ALL_FILES = ("drive", "drive.readonly", "drive.metadata", "drive.metadata.readonly")


@dataclass
class DriveFile:
    """A file, folder or Google Doc.

    Times in epoch seconds. `parent` is a folder's id. `creator_client` is the OAuth client that
    made it. `app_properties` maps a client to its private properties. `permissions` are Drive
    `Permission` resources. `content_restriction` is the lock against edits, if any: `readOnly`,
    `ownerRestricted`, `reason`, its author `by`, and `at` in epoch seconds. `comments` are Drive
    `Comment` resources, the newest last. `drive_id` is the shared drive that holds it, if any;
    there `owner` is only who made it.
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
    comments: list[dict[str, Any]] = field(default_factory=list)
    drive_id: str = ""

    @property
    def is_workspace(self) -> bool:
        """Whether it is a Google type, which has no bytes."""
        return self.mime_type.startswith(_WORKSPACE)

    def role_of(self, account: str) -> str:
        """The strongest role of an account, or an empty text: `reader`, …, `owner`."""
        roles = [each["role"] for each in self.permissions if _concerns(each, account)]
        return max(roles, key=lambda role: RANK.get(role, 0), default="")

    def allows(self, account: str, role: str) -> bool:
        """Whether the account has at least `role`."""
        return RANK.get(self.role_of(account), 0) >= RANK[role]

    def touched(self, account: str, now: float) -> DriveFile:
        """This file, changed by `account` at `now`."""
        self.modified_at, self.modified_by = now, account
        self.version += 1
        return self


def new_file(call: Call, mime_type: str, name: str) -> DriveFile:
    """A new file of the caller, in their My Drive."""
    caller = call.caller
    return DriveFile(
        id=store.file_id(),
        name=name,
        mime_type=mime_type,
        owner=caller.account,
        creator_client=caller.client,
        created_at=call.now,
        modified_at=call.now,
        modified_by=caller.account,
        parent=store.root_folder_id(caller.account),
        permissions=[new_permission("user", "owner", caller.account, caller.display_name)],
    )


def new_permission(kind: str, role: str, who: str, display_name: str = "") -> dict[str, Any]:
    """A `Permission` resource. `who` is an address, a domain, or empty for `anyone`."""
    permission: dict[str, Any] = {
        "kind": "drive#permission",
        "id": store.permission_id(kind, who),
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


def save_file(db: sqlite3.Connection, file: DriveFile) -> None:
    """Store a file's metadata; its bytes stay."""
    db.execute(
        "INSERT INTO files (id, owner, created_at, state) VALUES (?, ?, ?, ?)"
        " ON CONFLICT (id) DO UPDATE SET owner = excluded.owner, state = excluded.state",
        (file.id, file.owner, file.created_at, json.dumps(asdict(file))),
    )


def save_content(db: sqlite3.Connection, file: DriveFile, content: bytes) -> None:
    """Store a file's bytes and its metadata with their size."""
    file.size = len(content)
    save_file(db, file)
    db.execute("UPDATE files SET content = ? WHERE id = ?", (content, file.id))


def content_of(db: sqlite3.Connection, file_id: str) -> bytes:
    """The bytes of an uploaded file."""
    row = db.execute("SELECT content FROM files WHERE id = ?", (file_id,)).fetchone()
    return bytes(row["content"] or b"")


def remove_file(db: sqlite3.Connection, file_id: str) -> None:
    """Delete a file permanently, with its document if it is one."""
    db.execute("DELETE FROM files WHERE id = ?", (file_id,))
    db.execute("DELETE FROM documents WHERE id = ?", (file_id,))


def load_file(db: sqlite3.Connection, file_id: str) -> DriveFile | None:
    """A file by id, for any account."""
    row = db.execute("SELECT state FROM files WHERE id = ?", (file_id,)).fetchone()
    return DriveFile(**json.loads(row["state"])) if row else None


def load_all(db: sqlite3.Connection) -> Iterator[DriveFile]:
    """All files, the newest first."""
    for row in db.execute("SELECT state FROM files ORDER BY created_at DESC, rowid DESC"):
        yield DriveFile(**json.loads(row["state"]))


def root_folder(account: str) -> DriveFile:
    """An account's My Drive, which isn't stored."""
    return DriveFile(
        id=store.root_folder_id(account),
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

    With `drive.file` only, it shows what this client made for this account: a file shared by
    somebody else is a 404 (reports: air-sync issue 79, jupyter-drive issue 19).
    """
    if not file.role_of(caller.account):
        return False
    if caller.holds(*_ALL_FILES):
        return True
    return file.owner == caller.account and file.creator_client == caller.client


def find_file(db: sqlite3.Connection, caller: Caller, file_id: str) -> DriveFile:
    """A file that the caller can see; `root` is My Drive. Raises Drive's 404."""
    root = root_folder(caller.account)
    if file_id in {"root", root.id}:
        return root
    file = load_file(db, file_id)
    if file is None or not visible(file, caller):
        raise errors.file_not_found(file_id)
    return file


def find_file_to_change(
    db: sqlite3.Connection, caller: Caller, file_id: str, role: str = "writer"
) -> DriveFile:
    """A file on which the caller has `role`. Raises Drive's 404 or 403."""
    file = find_file(db, caller, file_id)
    is_top = file.parent == "" and (not file.drive_id or role == "owner")
    if is_top or not file.allows(caller.account, role):
        raise errors.not_permitted(file_id)
    return file


def _concerns(permission: dict[str, Any], account: str) -> bool:
    kind = permission["type"]
    if kind == "anyone":
        return True
    if kind == "domain":
        return account.endswith("@" + permission["domain"].lower())
    return bool(permission["emailAddress"].lower() == account)


def put_into_folder(call: Call, file: DriveFile) -> None:
    """Put a new file into the folder in the body, if any. Raises Drive's 403 for two."""
    parents = call.body.get("parents", [])
    if len(parents) > 1:
        raise errors.too_many_parents()
    if parents:
        _settle(file, _folder(call, parents[0]))


def check_reach(call: Call) -> None:
    """Raise the 404 for a file in a shared drive, unless the call says `supportsAllDrives`.

    An app that doesn't say it is not shown such files (reports: plotlinelabs/loma 111, PyDrive2
    220). Methods without the parameter, such as `files.export`, reach them.
    """
    if "supportsAllDrives" in call.method.parameters and "fileId" in call.path:
        _check_reach(call, call.path["fileId"])


def _check_reach(call: Call, file_id: str) -> None:
    file = load_file(call.db, file_id)
    if file is not None and file.drive_id and not call.flag("supportsAllDrives"):
        raise errors.file_not_found(file_id)


def new_shared_drive(call: Call, name: str) -> DriveFile:
    """A shared drive as the folder that it is to the files methods; the caller manages it."""
    drive = new_file(call, FOLDER_TYPE, name)
    drive.id = drive.drive_id = f"0A{store.file_id()[:17]}"
    drive.parent = ""
    caller = call.caller
    drive.permissions = [new_permission("user", "organizer", caller.account, caller.display_name)]
    save_file(call.db, drive)
    return drive


def is_shared_drive_of(file: DriveFile, caller: Caller) -> bool:
    """Whether it is a shared drive, with the caller as a member."""
    return file.id == file.drive_id and bool(file.role_of(caller.account))


def find_shared_drive(db: sqlite3.Connection, caller: Caller, drive_id: str) -> DriveFile:
    """A shared drive that the caller is a member of. Raises Drive's 404."""
    drive = load_file(db, drive_id)
    if drive is None or not is_shared_drive_of(drive, caller):
        raise errors.drive_not_found(drive_id)
    return drive


def _folder(call: Call, folder_id: str) -> DriveFile:
    _check_reach(call, folder_id)
    folder = find_file(call.db, call.caller, folder_id)
    if folder.mime_type != FOLDER_TYPE:
        raise GoogleError(
            403,
            "The specified parent is not a folder.",
            reason="parentNotAFolder",
        )
    if not folder.allows(call.caller.account, "writer"):
        raise GoogleError(
            403,
            "Insufficient permissions for the specified parent.",
            reason="insufficientParentPermissions",
        )
    return folder


def move(call: Call, file: DriveFile) -> None:
    """Apply `addParents` and `removeParents`."""
    added = [each for each in call.text("addParents").split(",") if each]
    removed = {each for each in call.text("removeParents").split(",") if each}
    if "root" in removed:
        removed.add(store.root_folder_id(call.caller.account))
    if not added:
        return
    if len(added) > 1 or file.parent not in removed:
        raise errors.too_many_parents()
    _settle(file, _folder(call, added[0]))


def _settle(file: DriveFile, folder: DriveFile) -> None:
    if file.drive_id and file.drive_id != folder.drive_id:
        raise not_rehearsed("A move out of a shared drive")
    file.drive_id = folder.drive_id
    if folder.drive_id:  # nobody owns a file there: its members have it as they have the drive
        file.parent, file.permissions = folder.id, [dict(each) for each in folder.permissions]
        return
    # Everybody with access to the folder gets the file too; the folder's owner can then write it.
    held = {permission["id"] for permission in file.permissions}
    inherited = [
        permission | {"role": "writer" if permission["role"] == "owner" else permission["role"]}
        for permission in folder.permissions
        if permission["id"] not in held
    ]
    file.parent = folder.id
    file.permissions = [*file.permissions, *inherited]


MAX_BYTES = 124  # of key and value together, in UTF-8: Drive's guide on properties
MAX_OF_A_KIND = 30
MAX_OF_ALL = 100


def changed_properties(before: Mapping[str, str], change: Any) -> dict[str, str]:
    """The properties after a change, which is a JSON object or None."""
    after: dict[str, str | None] = {**before, **(change or {})}
    # "Entries with null values are cleared": the reference on `properties`.
    return {key: value for key, value in after.items() if value is not None}


def check_properties(file: DriveFile, client: str) -> None:
    """Raise the 403 for a file with more properties, or longer ones, than Drive allows."""
    private = file.app_properties.get(client, {})
    for key, value in [*file.properties.items(), *private.items()]:
        if len(f"{key}{value}".encode()) > MAX_BYTES:
            raise errors.property_limit("The property is too long: key and value exceed 124 bytes.")
    public_many = len(file.properties) > MAX_OF_A_KIND
    total = len(file.properties) + sum(len(each) for each in file.app_properties.values())
    if public_many or len(private) > MAX_OF_A_KIND or total > MAX_OF_ALL:
        raise errors.property_limit("The limit on the number of properties has been exceeded.")
