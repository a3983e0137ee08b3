"""Drive's `File` resource, made from a stored file."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import urlencode

from workflow.rehearsal import ids
from workflow.rehearsal.drive.files import DOC_TYPE, FOLDER_TYPE, DriveFile
from workflow.rehearsal.drive.restrictions import may_remove, shown_restriction
from workflow.rehearsal.wire.signin import Caller

EXPORT_TYPES = ("text/markdown", "text/html", "text/plain")


def instant(epoch_seconds: float) -> str:
    """RFC 3339 in UTC with milliseconds, as Drive writes times."""
    moment = datetime.fromtimestamp(epoch_seconds, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def user_resource(account: str, display_name: str, me: str) -> dict[str, Any]:
    """Drive's `User`."""
    return {
        "kind": "drive#user",
        "displayName": display_name or account.partition("@")[0],
        "me": account == me,
        "permissionId": ids.permission_id("user", account),
        "emailAddress": account,
    }


def file_resource(file: DriveFile, caller: Caller, base_url: str) -> dict[str, Any]:
    """The whole resource as this caller sees it; `base_url` begins the links."""
    me = caller.account
    writes = file.allows(me, "writer")
    resource: dict[str, Any] = {
        "kind": "drive#file",
        "id": file.id,
        "name": file.name,
        "mimeType": file.mime_type,
        "starred": file.starred,
        "trashed": file.trashed,
        "explicitlyTrashed": file.trashed,
        "version": str(file.version),
        "webViewLink": _link(file, base_url),
        "hasThumbnail": False,
        "thumbnailVersion": "0",
        "viewedByMe": True,
        "createdTime": instant(file.created_at),
        "modifiedTime": instant(file.modified_at),
        "modifiedByMe": file.modified_by == me,
        "owners": [user_resource(file.owner, _display_name(file, file.owner), me)],
        "lastModifyingUser": user_resource(
            file.modified_by, _display_name(file, file.modified_by), me
        ),
        "ownedByMe": file.owner == me,
        "shared": len(file.permissions) > 1,
        "spaces": ["drive"],
        "quotaBytesUsed": str(file.size),
        "isAppAuthorized": file.creator_client == caller.client,
        "writersCanShare": True,
        "viewersCanCopyContent": True,
        "copyRequiresWriterPermission": False,
        "capabilities": _capabilities(file, me),
    }
    if file.parent and file.owner == me:
        resource["parents"] = [file.parent]
    if writes:
        resource["permissions"] = file.permissions
        resource["permissionIds"] = [each["id"] for each in file.permissions]
    if shown := shown_restriction(file):
        held = file.content_restriction
        by = user_resource(held["by"], _display_name(file, held["by"]), me)
        times = {"restrictingUser": by, "restrictionTime": instant(held["at"])}
        resource["contentRestrictions"] = [shown | times]
    resource |= _texts(file, caller)
    resource |= _content_facts(file, base_url)
    return resource


def _texts(file: DriveFile, caller: Caller) -> dict[str, Any]:
    private = file.app_properties.get(caller.client, {})
    texts = {
        "description": file.description,
        "properties": file.properties,
        "appProperties": private,
    }
    return {name: value for name, value in texts.items() if value}


def _content_facts(file: DriveFile, base_url: str) -> dict[str, Any]:
    if file.mime_type == DOC_TYPE:
        export = f"{base_url}/drive/v3/files/{file.id}/export?"
        links = {kind: export + urlencode({"mimeType": kind}) for kind in EXPORT_TYPES}
        return {"exportLinks": links}
    if file.is_workspace:
        return {}
    suffix = PurePosixPath(file.name).suffix.lstrip(".")
    return {
        "size": str(file.size),
        "originalFilename": file.name,
        "fileExtension": suffix,
        "fullFileExtension": suffix,
        "headRevisionId": hashlib.sha256(f"{file.id} {file.version}".encode()).hexdigest()[:28],
        # `uc?id=…&export=download` at drive.google.com: had by a browser, without a token.
        "webContentLink": f"{base_url}/uc?{urlencode({'id': file.id, 'export': 'download'})}",
    }


def _capabilities(file: DriveFile, me: str) -> dict[str, bool]:
    writes, owns = file.allows(me, "writer"), file.allows(me, "owner")
    folder = file.mime_type == FOLDER_TYPE
    unlocked = not file.content_restriction
    return {
        "canEdit": writes,
        "canComment": file.allows(me, "commenter") and unlocked,
        "canCopy": not folder,
        "canDelete": owns,
        "canDownload": not folder,
        "canRename": writes and unlocked,
        "canShare": writes,
        "canTrash": owns,
        "canUntrash": owns,
        "canAddChildren": folder and writes,
        "canListChildren": folder,
        "canModifyContent": writes and unlocked,
        "canModifyEditorContentRestriction": writes,
        "canModifyOwnerContentRestriction": owns,
        "canRemoveContentRestriction": may_remove(file, me),
        "canReadRevisions": writes,
    }


def _display_name(file: DriveFile, account: str) -> str:
    return next(
        (
            str(each["displayName"])
            for each in file.permissions
            if each.get("emailAddress", "").lower() == account
        ),
        "",
    )


def _link(file: DriveFile, base_url: str) -> str:
    if file.mime_type == DOC_TYPE:
        return f"{base_url}/document/d/{file.id}/edit"
    if file.mime_type == FOLDER_TYPE:
        return f"{base_url}/drive/folders/{file.id}"
    return f"{base_url}/file/d/{file.id}/view"
