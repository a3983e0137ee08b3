"""Who a file is shared with: `permissions.create`, `get`, `list`, `update`, `delete`."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any

from workflow.rehearsal.drive.files import (
    RANK,
    DriveFile,
    find,
    find_to_change,
    new_permission,
    save,
)
from workflow.rehearsal.wire.call import Answer, Call, Handler
from workflow.rehearsal.wire.errors import GoogleError

_ADDRESS = re.compile(r"[^@\s]+@[^@\s.]+(\.[^@\s.]+)+")
_DOMAIN = re.compile(r"[^@\s.]+(\.[^@\s.]+)+")
_SHARED_DRIVE_ROLES = {"organizer", "fileOrganizer"}
_LONGEST = timedelta(days=366)


def permission_handlers() -> dict[str, Handler]:
    """The methods by their ids."""
    return {
        "drive.permissions.create": _create,
        "drive.permissions.get": _get,
        "drive.permissions.list": _list,
        "drive.permissions.update": _update,
        "drive.permissions.delete": _delete,
    }


def _create(call: Call) -> Answer:
    file = find_to_change(call.db, call.caller, call.path["fileId"])
    kind, role, who = _asked_for(call)
    if role == "owner":
        return _transfer(call, file, kind, who)
    permission = new_permission(kind, role, who)
    if expiry := _expiry(call):
        permission["expirationTime"] = expiry
    others = [each for each in file.permissions if each["id"] != permission["id"]]
    before = next((each for each in file.permissions if each["id"] == permission["id"]), None)
    if before and RANK[before["role"]] >= RANK[role]:
        # Sharing again with somebody who has as much already changes nothing.
        return before
    file.permissions = [*others, permission]
    save(call.db, file)
    return permission


def _get(call: Call) -> Answer:
    file = find(call.db, call.caller, call.path["fileId"])
    return _found(file, call.path["permissionId"])


def _list(call: Call) -> Answer:
    file = find_to_change(call.db, call.caller, call.path["fileId"])
    return {"kind": "drive#permissionList", "permissions": file.permissions}


def _update(call: Call) -> Answer:
    file = find_to_change(call.db, call.caller, call.path["fileId"])
    permission = _found(file, call.path["permissionId"])
    if unwritable := sorted(set(call.body) - {"role", "expirationTime"}):
        raise _bad_request(
            "The resource body includes fields which are not directly writable.",
            "fieldNotWritable",
            403,
            unwritable[0],
        )
    role = call.body.get("role")
    if role not in RANK:
        raise _bad_request("The specified role is invalid or not supported.", "invalid")
    if role == "owner":
        return _transfer(call, file, permission["type"], permission.get("emailAddress", ""))
    if permission["role"] == "owner":
        raise _cannot_change_owner()
    permission["role"] = role
    if expiry := _expiry(call):
        permission["expirationTime"] = expiry
    if call.flag("removeExpiration"):
        permission.pop("expirationTime", None)
    save(call.db, file)
    return permission


def _delete(call: Call) -> Answer:
    file = find_to_change(call.db, call.caller, call.path["fileId"], "reader")
    permission = _found(file, call.path["permissionId"])
    own = permission.get("emailAddress", "").lower() == call.caller.account
    if not own:
        find_to_change(call.db, call.caller, file.id)
    if permission["role"] == "owner":
        raise GoogleError(
            403,
            "The owner of a file cannot be removed.",
            reason="cannotRemoveOwner",
        )
    file.permissions.remove(permission)
    save(call.db, file)
    return None


def _asked_for(call: Call) -> tuple[str, str, str]:
    kind, role = call.body.get("type", ""), call.body.get("role", "")
    if kind not in {"user", "group", "domain", "anyone"}:
        raise _bad_request("The permission type field is required.", "required")
    if not role:
        raise _bad_request("The permission role field is required.", "required")
    if role in _SHARED_DRIVE_ROLES or role not in RANK:
        raise _bad_request("The specified role is invalid or not supported.", "invalid")
    if "sendNotificationEmail" in call.query and kind in {"domain", "anyone"}:
        raise _bad_request(
            "The sendNotificationEmail parameter is only valid if the permission type is user or "
            "group.",
            "invalid",
        )
    return kind, role, _whom(call, kind)


def _whom(call: Call, kind: str) -> str:
    address, domain = call.body.get("emailAddress", ""), call.body.get("domain", "")
    if kind in {"user", "group"}:
        if not _ADDRESS.fullmatch(address):
            raise _sharing_refused(
                f"The specified emailAddress is invalid or not applicable for the given permission "
                f"type: {address}."
            )
        return str(address)
    if kind == "domain" and not _DOMAIN.fullmatch(domain):
        raise _sharing_refused(
            "The specified domain is invalid or not applicable for the given permission type."
        )
    return str(domain) if kind == "domain" else ""


def _transfer(call: Call, file: DriveFile, kind: str, who: str) -> dict[str, Any]:
    if not call.flag("transferOwnership"):
        raise GoogleError(
            403,
            "The transferOwnership parameter must be enabled when the permission role is 'owner'.",
            reason="forbidden",
            location="transferOwnership",
            location_type="parameter",
        )
    if kind != "user" or file.owner != call.caller.account:
        raise _cannot_change_owner()
    if call.text("sendNotificationEmail", "true") == "false":
        raise _bad_request(
            "The sendNotificationEmail parameter cannot be false for ownership transfers.",
            "invalid",
        )
    permission = new_permission(kind, "owner", who)
    others = [each for each in file.permissions if each["id"] != permission["id"]]
    for each in others:
        if each["role"] == "owner":
            each["role"] = "writer"
    file.owner = who.lower()
    file.permissions = [permission, *others]
    save(call.db, file)
    return permission


def _expiry(call: Call) -> str:
    text = call.body.get("expirationTime", "")
    if not text:
        return ""
    ahead = datetime.fromisoformat(text).timestamp() - call.now
    if not 0 < ahead <= _LONGEST.total_seconds():
        raise _bad_request(
            "The expirationTime must be in the future and at most one year away.", "invalid"
        )
    return str(text)


def _found(file: DriveFile, permission_id: str) -> dict[str, Any]:
    for permission in file.permissions:
        if permission["id"] == permission_id:
            return permission
    raise GoogleError(
        404,
        f"Permission not found: {permission_id}.",
        reason="notFound",
        location="permissionId",
        location_type="parameter",
    )


def _bad_request(message: str, reason: str, code: int = 400, location: str = "") -> GoogleError:
    return GoogleError(
        code,
        message,
        reason=reason,
        location=location,
        location_type="parameter" if location else "",
    )


def _sharing_refused(message: str) -> GoogleError:
    return GoogleError(400, message, reason="invalidSharingRequest")


def _cannot_change_owner() -> GoogleError:
    return GoogleError(
        400,
        'Bad Request. User message: "You can\'t change the owner of this item."',
        reason="invalidSharingRequest",
    )
