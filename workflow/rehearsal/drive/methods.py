"""The Drive v3 methods on files: create, get, list, copy, update, delete, export; and `about`."""

from __future__ import annotations

import functools
import sqlite3
from collections.abc import Callable
from typing import Any, Protocol

from workflow.rehearsal import ids, pictures
from workflow.rehearsal.drive import files
from workflow.rehearsal.drive.files import DOC_TYPE, FOLDER_TYPE, SHEET_TYPE, DriveFile
from workflow.rehearsal.drive.folders import move, put_into_folder
from workflow.rehearsal.drive.listing import list_files
from workflow.rehearsal.drive.permissions import permission_handlers
from workflow.rehearsal.drive.properties import changed_properties, check_properties
from workflow.rehearsal.drive.resource import EXPORT_TYPES, file_resource, user_resource
from workflow.rehearsal.drive.restrictions import change_restriction, check_unlocked
from workflow.rehearsal.export import to_html, to_markdown, to_plain_text
from workflow.rehearsal.wire.call import Answer, Api, Call, Media
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

    def render(
        self,
        db: sqlite3.Connection,
        document_id: str,
        view: str,
        picture_address: Callable[[str], str],
    ) -> dict[str, Any]:
        """The `Document` resource with its tabs, each picture at the address of its key."""
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
            "drive.files.list": list_files,
            "drive.files.copy": self._copy,
            "drive.files.update": self._update,
            "drive.files.delete": _delete,
            "drive.files.export": self._export,
            "drive.files.generateIds": _generate_ids,
        }
        return Api(own | permission_handlers(), _DEFAULT_FIELDS)

    def _create(self, call: Call) -> Answer:
        kind = call.body.get("mimeType") or _media_type(call)
        file = files.new_file(call, kind, call.body.get("name", _UNTITLED))
        _refuse_restriction(call)
        put_into_folder(call, file)
        if wanted := call.body.get("id"):
            file.id = _free_id(call, wanted, kind)
        is_sheet = kind == SHEET_TYPE
        if file.is_workspace and call.media and not (is_sheet and _media_type(call) == "text/csv"):
            raise not_rehearsed(f"The import of {call.media.content_type}")
        self._fill(call, file)
        if kind == DOC_TYPE:
            self._documents.create(call.db, file.id, file.name)
        if is_sheet or not file.is_workspace:
            files.save_content(call.db, file, call.media.content if call.media else b"")
        return file_resource(file, call.caller, call.base_url)

    def _copy(self, call: Call) -> Answer:
        source = files.find(call.db, call.caller, call.path["fileId"])
        if source.mime_type == FOLDER_TYPE:
            raise GoogleError(
                403, "This file cannot be copied by the user.", reason="cannotCopyFile"
            )
        _refuse_restriction(call)
        name = call.body.get("name", f"Copy of {source.name}")
        file = files.new_file(call, source.mime_type, name)
        put_into_folder(call, file)
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
        move(call, file)
        if call.media and file.is_workspace:
            raise not_rehearsed(f"The import of {call.media.content_type}")
        renamed = "name" in call.body and call.body["name"] != file.name
        if renamed or call.media:
            check_unlocked(file)
        change_restriction(call, file)
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
        if file.mime_type == SHEET_TYPE and kind == "text/csv":
            return Media(files.content_of(call.db, file.id), "text/csv")
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
        embedded = functools.partial(pictures.as_data, call.db)
        document = self._documents.render(call.db, file.id, "PREVIEW_WITHOUT_SUGGESTIONS", embedded)
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
        file.properties = changed_properties(file.properties, call.body.get("properties"))
        private = file.app_properties.get(call.caller.client, {})
        file.app_properties = file.app_properties | {
            call.caller.client: changed_properties(private, call.body.get("appProperties"))
        }
        check_properties(file, call.caller.client)
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


def _refuse_restriction(call: Call) -> None:
    if "contentRestrictions" in call.body:
        raise not_rehearsed("A content restriction on a file that is only being made")


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
