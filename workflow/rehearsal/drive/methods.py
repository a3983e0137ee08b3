"""The Drive v3 methods on files: create, get, list, copy, update, delete, export; and `about`."""

from __future__ import annotations

import base64
import hashlib
import json
import sqlite3
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from workflow.rehearsal import ids
from workflow.rehearsal.drive import files
from workflow.rehearsal.drive.files import DOC_TYPE, FOLDER_TYPE, DriveFile
from workflow.rehearsal.drive.permissions import permission_handlers
from workflow.rehearsal.drive.query import BadQuery, parse_query
from workflow.rehearsal.drive.resource import EXPORT_TYPES, file_resource, user_resource
from workflow.rehearsal.export import to_html, to_markdown, to_plain_text
from workflow.rehearsal.wire.call import Answer, Api, Call, Media, invalid_parameter
from workflow.rehearsal.wire.errors import GoogleError, not_rehearsed

_FILE_FIELDS = "kind,id,name,mimeType"
_PERMISSION_FIELDS = "kind,id,type,role"
_DEFAULT_FIELDS = {
    "drive.files.create": _FILE_FIELDS,
    "drive.files.get": _FILE_FIELDS,
    "drive.files.copy": _FILE_FIELDS,
    "drive.files.update": _FILE_FIELDS,
    "drive.files.list": f"kind,nextPageToken,incompleteSearch,files({_FILE_FIELDS})",
    "drive.permissions.create": _PERMISSION_FIELDS,
    "drive.permissions.get": _PERMISSION_FIELDS,
    "drive.permissions.update": _PERMISSION_FIELDS,
    "drive.permissions.list": f"kind,nextPageToken,permissions({_PERMISSION_FIELDS})",
}
_ORDERS: dict[str, Callable[[DriveFile], Any]] = {
    "createdTime": lambda file: file.created_at,
    "modifiedTime": lambda file: file.modified_at,
    "modifiedByMeTime": lambda file: file.modified_at,
    "recency": lambda file: file.modified_at,
    "name": lambda file: file.name.casefold(),
    "name_natural": lambda file: file.name.casefold(),
    "folder": lambda file: file.mime_type != FOLDER_TYPE,
    "quotaBytesUsed": lambda file: file.size,
    "starred": lambda file: not file.starred,
}
_UNTITLED = "Untitled"
_EXPORT_LIMIT_BYTES = 10_000_000
_EXPORTS: dict[str, Callable[[dict[str, Any]], str]] = {
    "text/markdown": to_markdown,
    "text/html": to_html,
    "text/plain": to_plain_text,
}


class DocumentStore(Protocol):
    """What Drive needs of the documents behind its Google Docs."""

    def create(self, db: sqlite3.Connection, document_id: str, title: str) -> None:
        """Stores a blank document."""
        ...

    def copy(self, db: sqlite3.Connection, source_id: str, document_id: str, title: str) -> None:
        """Stores a copy."""
        ...

    def rename(self, db: sqlite3.Connection, document_id: str, title: str) -> None:
        """Changes the title."""
        ...

    def render(self, db: sqlite3.Connection, document_id: str, view: str) -> dict[str, Any]:
        """The `Document` resource with its tabs."""
        ...


class Drive:
    """The Drive methods; `documents` keeps what is inside a Google Doc."""

    def __init__(self, documents: DocumentStore) -> None:
        self._documents = documents

    def api(self) -> Api:
        """The methods by their ids."""
        own = {
            "drive.about.get": _about,
            "drive.files.create": self._create,
            "drive.files.get": _get,
            "drive.files.list": _list,
            "drive.files.copy": self._copy,
            "drive.files.update": self._update,
            "drive.files.delete": _delete,
            "drive.files.export": self._export,
            "drive.files.generateIds": _generate_ids,
        }
        return Api(own | permission_handlers(), _DEFAULT_FIELDS)

    def _create(self, call: Call) -> Answer:
        kind = call.body.get("mimeType") or _media_type(call)
        file = files.new_file(call, kind, call.body.get("name", _UNTITLED), _parent(call))
        if wanted := call.body.get("id"):
            file.id = _free_id(call, wanted, kind)
        if file.is_workspace and call.media:
            raise not_rehearsed(f"The import of {call.media.content_type}")
        self._fill(call, file)
        if kind == DOC_TYPE:
            self._documents.create(call.db, file.id, file.name)
        if not file.is_workspace:
            files.save_content(call.db, file, call.media.content if call.media else b"")
        return file_resource(file, call.caller, call.base_url)

    def _copy(self, call: Call) -> Answer:
        source = files.find(call.db, call.caller, call.path["fileId"])
        if source.mime_type == FOLDER_TYPE:
            raise GoogleError(
                403, "This file cannot be copied by the user.", reason="cannotCopyFile"
            )
        name = call.body.get("name", f"Copy of {source.name}")
        file = files.new_file(call, source.mime_type, name, _parent(call))
        file.description, file.properties = source.description, dict(source.properties)
        private = source.app_properties.get(call.caller.client, {})
        file.app_properties = {call.caller.client: dict(private)}
        self._fill(call, file)
        if source.mime_type == DOC_TYPE:
            self._documents.copy(call.db, source.id, file.id, file.name)
        if not source.is_workspace:
            files.save_content(call.db, file, files.content_of(call.db, source.id))
        return file_resource(file, call.caller, call.base_url)

    def _update(self, call: Call) -> Answer:
        file = files.find_to_change(call.db, call.caller, call.path["fileId"])
        if "parents" in call.body:
            raise _not_writable("parents", "Use the addParents and removeParents parameters.")
        _move(call, file)
        if call.media and file.is_workspace:
            raise not_rehearsed(f"The import of {call.media.content_type}")
        renamed = "name" in call.body and call.body["name"] != file.name
        file.name = call.body.get("name", file.name)
        if "trashed" in call.body:
            _check_owner(call, file)
        file.touched(call.caller.account, call.now)
        self._fill(call, file)
        if call.media:
            files.save_content(call.db, file, call.media.content)
        if renamed and file.mime_type == DOC_TYPE:
            self._documents.rename(call.db, file.id, file.name)
        return file_resource(file, call.caller, call.base_url)

    def _export(self, call: Call) -> Answer:
        file = files.find(call.db, call.caller, call.path["fileId"])
        kind = call.text("mimeType")
        if not kind:
            raise GoogleError(
                400,
                "Required parameter: mimeType",
                reason="required",
                location="mimeType",
                location_type="parameter",
            )
        if file.mime_type != DOC_TYPE:
            raise GoogleError(
                403, "Export only supports Docs Editors files.", reason="fileNotExportable"
            )
        if kind not in EXPORT_TYPES:
            raise GoogleError(
                400,
                "The requested conversion is not supported.",
                reason="badRequest",
                location="convertTo",
                location_type="parameter",
            )
        document = self._documents.render(call.db, file.id, "PREVIEW_WITHOUT_SUGGESTIONS")
        content = _EXPORTS[kind](document).encode()
        if len(content) > _EXPORT_LIMIT_BYTES:
            raise GoogleError(
                403,
                "This file is too large to be exported.",
                reason="exportSizeLimitExceeded",
            )
        return Media(content, f"{kind}; charset=utf-8")

    def _fill(self, call: Call, file: DriveFile) -> None:
        file.description = call.body.get("description", file.description)
        file.starred = call.body.get("starred", file.starred)
        file.trashed = call.body.get("trashed", file.trashed)
        file.properties = _properties(file.properties, call.body.get("properties"))
        private = file.app_properties.get(call.caller.client, {})
        file.app_properties = file.app_properties | {
            call.caller.client: _properties(private, call.body.get("appProperties"))
        }
        _check_properties(file, call.caller.client)
        files.save(call.db, file)


def _about(call: Call) -> Answer:
    if not call.mask:
        raise GoogleError(
            400,
            "The 'fields' parameter is required for this method.",
            reason="required",
            location="fields",
            location_type="parameter",
        )
    caller = call.caller
    return {
        "kind": "drive#about",
        "user": user_resource(caller.account, caller.display_name, caller.account),
        "storageQuota": {"limit": "16106127360", "usage": "0", "usageInDrive": "0"},
        "importFormats": {},
        "exportFormats": {DOC_TYPE: list(EXPORT_TYPES)},
        "maxUploadSize": "5242880000000",
        "appInstalled": True,
        "canCreateDrives": False,
        "folderColorPalette": [],
    }


def _get(call: Call) -> Answer:
    file = files.find(call.db, call.caller, call.path["fileId"])
    if call.text("alt") != "media":
        return file_resource(file, call.caller, call.base_url)
    if file.is_workspace:
        raise GoogleError(
            403,
            "Only files with binary content can be downloaded. Use Export with Docs Editors files.",
            reason="fileNotDownloadable",
            location="alt",
            location_type="parameter",
        )
    return Media(files.content_of(call.db, file.id), file.mime_type)


def _list(call: Call) -> Answer:
    q = call.text("q")
    try:
        test = parse_query(q) if q else lambda _file, _caller: True
    except BadQuery as error:
        raise invalid_parameter("q") from error
    found = [
        file
        for file in files.load_all(call.db)
        if files.visible(file, call.caller) and test(file, call.caller)
    ]
    ordered = _ordered(found, call.text("orderBy"))
    start = _page_start(call)
    size = call.number("pageSize", 100)
    page = ordered[start : start + size]
    answer: dict[str, Any] = {
        "kind": "drive#fileList",
        "incompleteSearch": False,
        "files": [file_resource(file, call.caller, call.base_url) for file in page],
    }
    if start + size < len(ordered):
        answer["nextPageToken"] = _page_token(call, start + size)
    return answer


def _delete(call: Call) -> Answer:
    file = files.find_to_change(call.db, call.caller, call.path["fileId"], "owner")
    files.remove(call.db, file.id)
    return None


def _generate_ids(call: Call) -> Answer:
    if call.text("type", "files") != "files" or call.text("space", "drive") != "drive":
        raise not_rehearsed("generateIds for other spaces and types")
    wanted = [ids.file_id() for _ in range(call.number("count", 10))]
    return {"kind": "drive#generatedIds", "space": "drive", "ids": wanted}


def _media_type(call: Call) -> str:
    return call.media.content_type if call.media else "application/octet-stream"


def _free_id(call: Call, wanted: str, kind: str) -> str:
    if kind.startswith("application/vnd.google-apps.") and kind != FOLDER_TYPE:
        # Generated ids are not for Workspace types: the guide on creating files.
        raise GoogleError(
            400,
            "Generated IDs are not supported for Docs Editors formats.",
            reason="invalid",
            location="file.id",
            location_type="other",
        )
    if files.load(call.db, wanted):
        raise GoogleError(409, "A file already exists with the provided ID.", reason="fileIdInUse")
    return wanted


def _parent(call: Call) -> str:
    parents = call.body.get("parents", [])
    if len(parents) > 1:
        raise _too_many_parents()
    if not parents:
        return ""
    return _folder(call, parents[0])


def _folder(call: Call, folder_id: str) -> str:
    folder = files.find(call.db, call.caller, folder_id)
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


def _move(call: Call, file: DriveFile) -> None:
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


def _not_writable(name: str, advice: str) -> GoogleError:
    return GoogleError(
        403,
        f"The {name} field is not directly writable in update requests. {advice}",
        reason="fieldNotWritable",
    )


def _check_owner(call: Call, file: DriveFile) -> None:
    if not file.allows(call.caller.account, "owner"):
        raise GoogleError(
            403,
            f"The user does not have sufficient permissions for file {file.id}.",
            reason="insufficientFilePermissions",
        )


def _properties(before: Mapping[str, str], change: Any) -> dict[str, str]:
    after: dict[str, str | None] = {**before, **(change or {})}
    # "Entries with null values are cleared": the reference on `properties`.
    return {key: value for key, value in after.items() if value is not None}


def _check_properties(file: DriveFile, client: str) -> None:
    private = file.app_properties.get(client, {})
    for key, value in [*file.properties.items(), *private.items()]:
        if len(f"{key}{value}".encode()) > 124:
            raise _property_limit("The property is too long: key and value exceed 124 bytes.")
    public_many = len(file.properties) > 30
    total = len(file.properties) + sum(len(each) for each in file.app_properties.values())
    if public_many or len(private) > 30 or total > 100:
        raise _property_limit("The limit on the number of properties has been exceeded.")


def _property_limit(message: str) -> GoogleError:
    return GoogleError(403, message, reason="propertyLimitExceeded")


def _ordered(found: list[DriveFile], order_by: str) -> list[DriveFile]:
    for part in reversed([part.strip() for part in order_by.split(",") if part.strip()]):
        name, _, direction = part.partition(" ")
        if name not in _ORDERS or direction not in {"", "desc"}:
            raise invalid_parameter("orderBy")
        found = sorted(found, key=_ORDERS[name], reverse=direction == "desc")
    return found


def _page_token(call: Call, start: int) -> str:
    return base64.urlsafe_b64encode(json.dumps([start, _search(call)]).encode()).decode()


def _page_start(call: Call) -> int:
    token = call.text("pageToken")
    if not token:
        return 0
    try:
        start, search = json.loads(base64.urlsafe_b64decode(token))
    except (ValueError, TypeError) as error:
        raise invalid_parameter("pageToken") from error
    if search != _search(call):
        raise invalid_parameter("pageToken")
    return int(start)


def _search(call: Call) -> str:
    text = f"{call.caller.account} {call.text('q')} {call.text('orderBy')}"
    return hashlib.sha256(text.encode()).hexdigest()[:12]
