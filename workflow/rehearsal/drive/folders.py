"""Which folder a file lies in: exactly one, of the caller's own or shared to be written."""

from __future__ import annotations

from workflow.rehearsal import ids
from workflow.rehearsal.drive.files import FOLDER_TYPE, DriveFile, find
from workflow.rehearsal.wire.call import Call
from workflow.rehearsal.wire.errors import GoogleError


def chosen_parent(call: Call) -> str:
    """The folder that a body names, empty for none. Raises Drive's 403 for two."""
    parents = call.body.get("parents", [])
    if len(parents) > 1:
        raise _too_many_parents()
    if not parents:
        return ""
    return _folder(call, parents[0])


def _folder(call: Call, folder_id: str) -> str:
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
    return folder.id


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
    file.parent = _folder(call, added[0])


def _too_many_parents() -> GoogleError:
    return GoogleError(
        403, "Increasing the number of parents is not allowed", reason="cannotAddParent"
    )
