"""Which folder a file lies in: exactly one, of the caller's own or shared to be written.

A file that comes into a folder takes over its sharing; a folder that is shared later does not pass
that on to what already lies in it, as the real one would.
"""

from __future__ import annotations

from workflow.rehearsal import ids
from workflow.rehearsal.drive.files import FOLDER_TYPE, DriveFile, find
from workflow.rehearsal.wire.call import Call
from workflow.rehearsal.wire.errors import GoogleError


def put_into_folder(call: Call, file: DriveFile) -> None:
    """Puts a new file into the folder that the body names, if any. Raises Drive's 403 for two."""
    parents = call.body.get("parents", [])
    if len(parents) > 1:
        raise _too_many_parents()
    if parents:
        _settle(file, _folder(call, parents[0]))


def _folder(call: Call, folder_id: str) -> DriveFile:
    folder = find(call.db, call.caller, folder_id)
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
    """Does what `addParents` and `removeParents` ask for."""
    added = [each for each in call.text("addParents").split(",") if each]
    removed = {each for each in call.text("removeParents").split(",") if each}
    if "root" in removed:
        removed.add(ids.root_folder_id(call.caller.account))
    if not added:
        return
    if len(added) > 1 or file.parent not in removed:
        raise _too_many_parents()
    _settle(file, _folder(call, added[0]))


def _settle(file: DriveFile, folder: DriveFile) -> None:
    # Whom the folder is shared with gets the file too; the folder's owner can then write it.
    held = {permission["id"] for permission in file.permissions}
    inherited = [
        permission | {"role": "writer" if permission["role"] == "owner" else permission["role"]}
        for permission in folder.permissions
        if permission["id"] not in held
    ]
    file.parent = folder.id
    file.permissions = [*file.permissions, *inherited]


def _too_many_parents() -> GoogleError:
    return GoogleError(
        403, "Increasing the number of parents is not allowed", reason="cannotAddParent"
    )
