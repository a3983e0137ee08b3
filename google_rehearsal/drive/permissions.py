"""A file's permissions, and its content restriction.

`permissions.create`, `get`, `list`, `update`, `delete`. A content restriction locks a file against
edits, by Drive's guide on protecting content. It does not restrict access: a locked file may still
be moved, shared and read. Its title and content stay as they are until it is unlocked.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any

from google_rehearsal.drive import errors
from google_rehearsal.drive.world import (
    RANK,
    DriveFile,
    find_file,
    find_file_to_change,
    new_permission,
    save_file,
)
from google_rehearsal.wire.call import Answer, Call, Handler
from google_rehearsal.wire.errors import GoogleError, invalid_argument, not_rehearsed

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
    file = find_file_to_change(call.db, call.caller, call.path["fileId"])
    kind, role, who = _asked_for(call, file)
    if role == "owner":
        return _transfer(call, file, kind, who)
    _refuse_without_account(call, kind, who)
    permission = new_permission(kind, role, who)
    if expiry := _expiry(call, kind):
        permission["expirationTime"] = expiry
    others = [each for each in file.permissions if each["id"] != permission["id"]]
    before = next((each for each in file.permissions if each["id"] == permission["id"]), None)
    if before and RANK[before["role"]] >= RANK[role]:
        # Sharing again with somebody who already has as much access changes nothing.
        return before
    file.permissions = [*others, permission]
    save_file(call.db, file)
    return permission


def _get(call: Call) -> Answer:
    file = find_file(call.db, call.caller, call.path["fileId"])
    return _found(file, call.path["permissionId"])


def _list(call: Call) -> Answer:
    file = find_file_to_change(call.db, call.caller, call.path["fileId"])
    return {"kind": "drive#permissionList", "permissions": file.permissions}


def _update(call: Call) -> Answer:
    file = find_file_to_change(call.db, call.caller, call.path["fileId"])
    permission = _found(file, call.path["permissionId"])
    if unwritable := sorted(set(call.body) - {"role", "expirationTime"}):
        raise errors.bad_request(
            "The resource body includes fields which are not directly writable.",
            "fieldNotWritable",
            403,
            unwritable[0],
        )
    role = call.body.get("role")
    if not _may_be_given(file, str(role)):
        raise errors.bad_request("The specified role is invalid or not supported.", "invalid")
    if role == "owner":
        return _transfer(call, file, permission["type"], permission.get("emailAddress", ""))
    if permission["role"] == "owner":
        raise errors.cannot_change_owner()
    permission["role"] = role
    if expiry := _expiry(call, permission["type"]):
        permission["expirationTime"] = expiry
    if call.flag("removeExpiration"):
        permission.pop("expirationTime", None)
    save_file(call.db, file)
    return permission


def _delete(call: Call) -> Answer:
    file = find_file_to_change(call.db, call.caller, call.path["fileId"], "reader")
    permission = _found(file, call.path["permissionId"])
    own = permission.get("emailAddress", "").lower() == call.caller.account
    if not own:
        find_file_to_change(call.db, call.caller, file.id)
    if permission["role"] == "owner":
        raise GoogleError(
            403,
            "The owner of a file cannot be removed.",
            reason="cannotRemoveOwner",
        )
    file.permissions.remove(permission)
    save_file(call.db, file)
    return None


def _may_be_given(file: DriveFile, role: str) -> bool:
    """Whether a file, or a shared drive itself, has this role to give."""
    if role in _SHARED_DRIVE_ROLES:
        return file.id == file.drive_id
    return role in RANK and not (file.drive_id and role == "owner")


def _asked_for(call: Call, file: DriveFile) -> tuple[str, str, str]:
    kind, role = call.body.get("type", ""), call.body.get("role", "")
    if kind not in {"user", "group", "domain", "anyone"}:
        raise errors.bad_request("The permission type field is required.", "required")
    if not role:
        raise errors.bad_request("The permission role field is required.", "required")
    if not _may_be_given(file, role):
        raise errors.bad_request("The specified role is invalid or not supported.", "invalid")
    if "sendNotificationEmail" in call.query and kind in {"domain", "anyone"}:
        raise errors.bad_request(
            "The sendNotificationEmail parameter is only valid if the permission type is user or "
            "group.",
            "invalid",
        )
    return kind, role, _whom(call, kind)


def _refuse_without_account(call: Call, kind: str, who: str) -> None:
    """Raise the 400 for somebody without a Google account who gets no invitation.

    The words are from reports (four of them alike, one from a live run).
    """
    known = {each.lower() for each in call.settings.without_google_account}
    domain = f"@{who.lower().rpartition('@')[2]}"
    silent = call.text("sendNotificationEmail", "true") == "false"
    if kind == "user" and silent and known & {who.lower(), domain}:
        raise errors.sharing_refused(
            'Bad Request. User message: "You are trying to invite '
            f"{who}. Since there is no Google account associated with this email address, you must "
            'check the \\"Notify people\\" box to invite this recipient."'
        )


def _whom(call: Call, kind: str) -> str:
    address, domain = call.body.get("emailAddress", ""), call.body.get("domain", "")
    if kind in {"user", "group"}:
        if not _ADDRESS.fullmatch(address):
            raise errors.sharing_refused(
                f"The specified emailAddress is invalid or not applicable for the given permission "
                f"type: {address}."
            )
        return str(address)
    if kind == "domain" and not _DOMAIN.fullmatch(domain):
        raise errors.sharing_refused(
            "The specified domain is invalid or not applicable for the given permission type."
        )
    return str(domain) if kind == "domain" else ""


def _transfer(call: Call, file: DriveFile, kind: str, who: str) -> dict[str, Any]:
    if not call.flag("transferOwnership"):
        raise errors.bad_request(
            "The transferOwnership parameter must be enabled when the permission role is 'owner'.",
            "forbidden",
            403,
            "transferOwnership",
        )
    if kind != "user" or file.owner != call.caller.account:
        raise errors.cannot_change_owner()
    if call.text("sendNotificationEmail", "true") == "false":
        raise errors.bad_request(
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
    save_file(call.db, file)
    return permission


def _expiry(call: Call, kind: str) -> str:
    text = call.body.get("expirationTime", "")
    if not text:
        return ""
    if kind not in {"user", "group"}:  # the reference on `expirationTime`; the words are ours
        raise errors.bad_request(
            "An expirationTime can only be set on user and group permissions.", "invalid"
        )
    ahead = datetime.fromisoformat(text).timestamp() - call.now
    if not 0 < ahead <= _LONGEST.total_seconds():
        raise errors.bad_request(
            "The expirationTime must be in the future and at most one year away.", "invalid"
        )
    return str(text)


def _found(file: DriveFile, permission_id: str) -> dict[str, Any]:
    for permission in file.permissions:
        if permission["id"] == permission_id:
            return permission
    raise errors.permission_not_found(permission_id)


_TYPE = "globalContentRestriction"  # the only one (reference, ContentRestriction.type)
_OUTPUT_ONLY = ("restrictingUser", "restrictionTime", "systemRestricted", "type")


def change_restriction(call: Call, file: DriveFile) -> None:
    """Apply an update's `contentRestrictions` to the file; a new one replaces the old.

    Raises Drive's refusals: for a reason without `readOnly: true` (GAM pull request 1263), for
    read-only fields, and for a lock that only its owner may change.
    """
    given = call.body.get("contentRestrictions")
    if given is None:
        return
    if len(given) != 1:
        raise not_rehearsed("Any other number of content restrictions than one")
    wanted = given[0]
    _check(wanted)
    _check_owner(call, file, wanted)
    if not wanted.get("readOnly", False):
        file.content_restriction = {}
        return
    file.content_restriction = {
        "readOnly": True,
        "ownerRestricted": wanted.get("ownerRestricted", False),
        "by": call.caller.account,
        "at": call.now,
        **({"reason": wanted["reason"]} if wanted.get("reason") else {}),
    }


def check_unlocked(file: DriveFile) -> None:
    """Raise the 403 for a change of a locked file's title or content.

    The guide says what is refused; the words and the reason of the refusal are not recorded.
    """
    if file.content_restriction:
        raise GoogleError(
            403,
            "The file has a content restriction and its content cannot be modified.",
            reason="insufficientFilePermissions",
        )


def shown_restriction(file: DriveFile) -> dict[str, Any]:
    """`contentRestrictions` without author and time, which the resource adds; empty for none."""
    held = file.content_restriction
    if not held:
        return {}
    return {"type": _TYPE, **{name: held[name] for name in held if name not in {"by", "at"}}}


def may_remove(file: DriveFile, account: str) -> bool:
    """Whether there is a lock that this account may remove."""
    held = file.content_restriction
    return bool(held) and file.allows(account, "owner" if held["ownerRestricted"] else "writer")


def _check(wanted: dict[str, Any]) -> None:
    for name in _OUTPUT_ONLY:
        if name in wanted:
            raise GoogleError(
                403,
                f"The resource body includes fields which are not directly writable: "
                f"contentRestrictions.{name}.",
                reason="fieldNotWritable",
            )
    if wanted.get("reason") and not wanted.get("readOnly", False):
        raise invalid_argument("A content restriction's reason can only be set with readOnly=true.")


def _check_owner(call: Call, file: DriveFile, wanted: dict[str, Any]) -> None:
    held = file.content_restriction.get("ownerRestricted", False)
    if (held or wanted.get("ownerRestricted", False)) and not file.allows(
        call.caller.account, "owner"
    ):
        raise errors.not_permitted(file.id)
