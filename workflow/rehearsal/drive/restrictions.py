"""Content restrictions: a file locked against edits, by Drive's guide on protecting content.

A lock is no access restriction: a locked file may still be moved, shared and read. Its title and
its content stay as they are until the lock is taken off.
"""

from __future__ import annotations

from typing import Any

from workflow.rehearsal.drive.files import DriveFile
from workflow.rehearsal.wire.call import Call
from workflow.rehearsal.wire.errors import GoogleError, invalid_argument, not_rehearsed

_TYPE = "globalContentRestriction"  # the only one (reference, ContentRestriction.type)
_OUTPUT_ONLY = ("restrictingUser", "restrictionTime", "systemRestricted", "type")


def change_restriction(call: Call, file: DriveFile) -> None:
    """Take the `contentRestrictions` of an update into the file; a new one replaces the old.

    Raises Drive's refusals: for a reason without `readOnly: true` (GAM pull request 1263), for what
    Drive alone may say, and for a lock that only its owner may touch.
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

    The guide names what is refused; the words and the reason of the refusal are not recorded.
    """
    if file.content_restriction:
        raise GoogleError(
            403,
            "The file has a content restriction and its content cannot be modified.",
            reason="insufficientFilePermissions",
        )


def shown_restriction(file: DriveFile) -> dict[str, Any]:
    """`contentRestrictions` without who and when, which the resource words; empty without one."""
    held = file.content_restriction
    if not held:
        return {}
    return {"type": _TYPE, **{name: held[name] for name in held if name not in {"by", "at"}}}


def may_remove(file: DriveFile, account: str) -> bool:
    """Whether there is a lock that this account may take off."""
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
        raise GoogleError(
            403,
            f"The user does not have sufficient permissions for file {file.id}.",
            reason="insufficientFilePermissions",
        )
