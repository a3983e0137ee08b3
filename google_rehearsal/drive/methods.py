"""The Drive v3 methods on files: create, get, list, copy, update, delete, export; and `about`.

`files.list` searches, sorts and pages.
"""

from __future__ import annotations

import functools
import hashlib
import re
import sqlite3
from collections.abc import Callable
from typing import Any, Protocol

from google_rehearsal import store
from google_rehearsal.docs import methods
from google_rehearsal.drive import errors, world
from google_rehearsal.drive.permissions import (
    change_restriction,
    check_unlocked,
    permission_handlers,
)
from google_rehearsal.drive.resource import (
    CSV_TYPE,
    EXPORT_TYPES,
    WORKBOOK_TYPE,
    BadQuery,
    check_importable,
    exported_csv,
    exported_workbook,
    file_resource,
    parse_query,
    searches_text,
    user_resource,
)
from google_rehearsal.drive.world import (
    DOC_TYPE,
    FOLDER_TYPE,
    SHEET_TYPE,
    DriveFile,
    changed_properties,
    check_properties,
    load_all,
    move,
    put_into_folder,
    visible,
)
from google_rehearsal.export.html import to_html
from google_rehearsal.export.markdown import to_markdown, to_plain_text
from google_rehearsal.wire.call import (
    Answer,
    Api,
    Call,
    Handler,
    Media,
    invalid_parameter,
    page_token,
    read_page_token,
)
from google_rehearsal.wire.errors import GoogleError, not_rehearsed

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
_CORPORA = {"user", "drive", "allDrives"}


def list_files(call: Call) -> Answer:
    """Answer `files.list`."""
    corpora = call.text("corpora", "user")
    if call.text("spaces", "drive") != "drive" or corpora not in _CORPORA:
        raise not_rehearsed("A search in other spaces or corpora")
    everywhere = _reaches_shared_drives(call)
    drive_id = _drive_to_search(call)
    q = call.text("q")
    try:
        test = parse_query(q) if q else lambda _file, _caller: True
    except BadQuery as error:
        raise invalid_parameter("q") from error
    if call.text("orderBy") and searches_text(q):
        raise errors.cannot_sort()
    found = [
        file
        for file in load_all(call.db)
        if visible(file, call.caller)
        and (everywhere or not file.drive_id)
        and (not drive_id or file.drive_id == drive_id)
        and file.id != file.drive_id
        and test(file, call.caller)
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


def _reaches_shared_drives(call: Call) -> bool:
    """Whether a list has the files of shared drives. Raises Drive's 403 for half a request."""
    included, supported = call.flag("includeItemsFromAllDrives"), call.flag("supportsAllDrives")
    if call.text("corpora", "user") != "user" and not included:
        # The words are recorded (pygsheets 437), the reason is not.
        raise errors.bad_request(
            "The includeItemsFromAllDrives parameter must be set to true when driveId is specified "
            "or corpora contains drive or allDrives.",
            "teamDriveIncludeItemsRequired",
            403,
            "includeItemsFromAllDrives",
        )
    return included and supported


def _drive_to_search(call: Call) -> str:
    """The shared drive that a list is limited to, "" for none. Raises Drive's 403 and 404."""
    drive_id = call.text("driveId")
    if bool(drive_id) != (call.text("corpora", "user") == "drive"):
        # Words and reason are recorded (google-api-php-client 1825), the code is not.
        raise errors.bad_request(
            "The driveId parameter must be specified if and only if corpora is set to drive.",
            "teamDriveIdRequiresTeamDriveCorpora",
            403,
            "driveId",
        )
    return world.find_shared_drive(call.db, call.caller, drive_id).id if drive_id else ""


def _ordered(found: list[DriveFile], order_by: str) -> list[DriveFile]:
    for part in reversed([part.strip() for part in order_by.split(",") if part.strip()]):
        name, _, direction = part.partition(" ")
        if name not in _ORDERS or direction not in {"", "desc"}:
            raise invalid_parameter("orderBy")
        found = sorted(found, key=_ORDERS[name], reverse=direction == "desc")
    return found


def _page_token(call: Call, start: int) -> str:
    return page_token(start, _search(call))


def _page_start(call: Call) -> int:
    try:
        return read_page_token(call.text("pageToken"), _search(call))
    except ValueError as error:
        raise invalid_parameter("pageToken") from error


def _search(call: Call) -> str:
    text = f"{call.caller.account} {call.text('q')} {call.text('orderBy')}"
    return hashlib.sha256(text.encode()).hexdigest()[:12]


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
_SHEET_EXPORTS: dict[str, Callable[[bytes], bytes]] = {
    CSV_TYPE: exported_csv,
    WORKBOOK_TYPE: exported_workbook,
}


class DocumentStore(Protocol):
    """What Drive needs of the documents behind its Google Docs."""

    def create(self, db: sqlite3.Connection, document_id: str, title: str) -> None:
        """Store a blank document."""
        ...

    def copy(self, db: sqlite3.Connection, source_id: str, document_id: str, title: str) -> None:
        """Store a copy."""
        ...

    def rename(self, db: sqlite3.Connection, document_id: str, title: str) -> None:
        """Change the title."""
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
    """The Drive methods; `documents` holds the content of Google Docs."""

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
            "drive.comments.list": _list_comments,
            "drive.drives.create": _create_drive,
            "drive.drives.get": _get_drive,
            "drive.drives.list": _list_drives,
        }
        handlers = own | permission_handlers()
        return Api({name: _within_reach(each) for name, each in handlers.items()}, _DEFAULT_FIELDS)

    def _create(self, call: Call) -> Answer:
        kind = call.body.get("mimeType") or _media_type(call)
        file = world.new_file(call, kind, call.body.get("name", _UNTITLED))
        _refuse_restriction(call)
        put_into_folder(call, file)
        if wanted := call.body.get("id"):
            file.id = _free_id(call, wanted, kind)
        is_sheet = kind == SHEET_TYPE
        imported = is_sheet and _media_type(call) in {CSV_TYPE, WORKBOOK_TYPE}
        if file.is_workspace and call.media and not imported:
            raise not_rehearsed(f"The import of {call.media.content_type}")
        if imported and call.media:
            check_importable(call.media.content)
        self._fill(call, file)
        if kind == DOC_TYPE:
            self._documents.create(call.db, file.id, file.name)
        if is_sheet or not file.is_workspace:
            world.save_content(call.db, file, call.media.content if call.media else b"")
        return file_resource(file, call.caller, call.base_url)

    def _copy(self, call: Call) -> Answer:
        source = world.find_file(call.db, call.caller, call.path["fileId"])
        if source.mime_type == FOLDER_TYPE:
            raise GoogleError(
                403, "This file cannot be copied by the user.", reason="cannotCopyFile"
            )
        _refuse_restriction(call)
        name = call.body.get("name", f"Copy of {source.name}")
        file = world.new_file(call, source.mime_type, name)
        put_into_folder(call, file)
        if wanted := call.body.get("id"):
            file.id = _free_id(call, wanted, source.mime_type)
        file.description, file.properties = source.description, dict(source.properties)
        private = source.app_properties.get(call.caller.client, {})
        file.app_properties = {call.caller.client: dict(private)}
        self._fill(call, file)
        if source.mime_type == DOC_TYPE:
            self._documents.copy(call.db, source.id, file.id, file.name)
        if source.mime_type == SHEET_TYPE or not source.is_workspace:
            world.save_content(call.db, file, world.content_of(call.db, source.id))
        return file_resource(file, call.caller, call.base_url)

    def _update(self, call: Call) -> Answer:
        file = world.find_file_to_change(call.db, call.caller, call.path["fileId"])
        if "parents" in call.body:
            raise errors.not_writable("parents", "Use the addParents and removeParents parameters.")
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
            world.save_content(call.db, file, call.media.content)
        if renamed and file.mime_type == DOC_TYPE:
            self._documents.rename(call.db, file.id, file.name)
        return file_resource(file, call.caller, call.base_url)

    def _export(self, call: Call) -> Answer:
        file = world.find_file(call.db, call.caller, call.path["fileId"])
        kind = call.text("mimeType")
        if not kind:
            raise errors.required("mimeType", "Required parameter: mimeType")
        if file.mime_type == SHEET_TYPE and kind in _SHEET_EXPORTS:
            return Media(_SHEET_EXPORTS[kind](world.content_of(call.db, file.id)), kind)
        if file.mime_type != DOC_TYPE:
            raise GoogleError(
                403, "Export only supports Docs Editors files.", reason="fileNotExportable"
            )
        if kind not in EXPORT_TYPES:
            message = "The requested conversion is not supported."
            raise errors.bad_request(message, "badRequest", location="convertTo")
        embedded = functools.partial(methods.as_data, call.db)
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
        file.description = call.body.get("description", file.description) or ""
        file.starred = call.body.get("starred", file.starred)
        file.trashed = call.body.get("trashed", file.trashed)
        file.properties = changed_properties(file.properties, call.body.get("properties"))
        private = file.app_properties.get(call.caller.client, {})
        file.app_properties = file.app_properties | {
            call.caller.client: changed_properties(private, call.body.get("appProperties"))
        }
        check_properties(file, call.caller.client)
        world.save_file(call.db, file)


def _within_reach(handler: Handler) -> Handler:
    def checked(call: Call) -> Answer:
        world.check_reach(call)
        return handler(call)

    return checked


def _create_drive(call: Call) -> Answer:
    if not call.text("requestId"):
        raise errors.required("requestId", "Required parameter: requestId")
    return _drive_resource(world.new_shared_drive(call, call.body.get("name", "")))


def _get_drive(call: Call) -> Answer:
    return _drive_resource(world.find_shared_drive(call.db, call.caller, call.path["driveId"]))


def _list_drives(call: Call) -> Answer:
    """The shared drives that the caller is a member of."""
    if call.text("q") or call.flag("useDomainAdminAccess"):
        raise not_rehearsed("A search for shared drives")
    found = sorted(
        (each for each in load_all(call.db) if world.is_shared_drive_of(each, call.caller)),
        key=lambda each: each.name.casefold(),
    )
    start, size = _page_start(call), call.number("pageSize", 10)
    drives = [_drive_resource(each) for each in found[start : start + size]]
    answer: dict[str, Any] = {"kind": "drive#driveList", "drives": drives}
    if start + size < len(found):
        answer["nextPageToken"] = _page_token(call, start + size)
    return answer


def _drive_resource(drive: DriveFile) -> dict[str, Any]:
    return {"kind": "drive#drive", "id": drive.id, "name": drive.name}


def _need_fields(call: Call) -> None:
    if not call.mask:
        raise errors.required("fields", "The 'fields' parameter is required for this method.")


def _about(call: Call) -> Answer:
    _need_fields(call)
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
    file = world.find_file(call.db, call.caller, call.path["fileId"])
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
    return Media(world.content_of(call.db, file.id), file.mime_type)


def _delete(call: Call) -> Answer:
    file = world.find_file_to_change(call.db, call.caller, call.path["fileId"], "owner")
    world.remove_file(call.db, file.id)
    return None


def _generate_ids(call: Call) -> Answer:
    if call.text("type", "files") != "files" or call.text("space", "drive") != "drive":
        raise not_rehearsed("generateIds for other spaces and types")
    wanted = [store.file_id() for _ in range(call.number("count", 10))]
    return {"kind": "drive#generatedIds", "space": "drive", "ids": wanted}


def _list_comments(call: Call) -> Answer:
    """The newest comment first. The reference requires `fields`."""
    _need_fields(call)
    if call.text("startModifiedTime") or call.text("includeDeleted", "false") == "true":
        raise not_rehearsed("A search among comments")
    file = world.find_file(call.db, call.caller, call.path["fileId"])
    newest = file.comments[::-1]
    start, size = _page_start(call), min(call.number("pageSize", 20), 100)
    answer: dict[str, Any] = {
        "kind": "drive#commentList",
        "comments": newest[start : start + size],
    }
    if start + size < len(newest):
        answer["nextPageToken"] = _page_token(call, start + size)
    return answer


def _media_type(call: Call) -> str:
    return call.media.content_type if call.media else "application/octet-stream"


# Google knows which ids it gave; here any of their form will do.
_GENERATED = re.compile(r"1[\w-]{27,}", re.ASCII)


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
    if not _GENERATED.fullmatch(wanted):
        raise GoogleError(
            400,
            "The provided file ID is not usable.",
            reason="invalid",
            location="file.id",
            location_type="other",
        )
    if world.load_file(call.db, wanted):
        raise GoogleError(409, "A file already exists with the provided ID.", reason="fileIdInUse")
    return wanted


def _refuse_restriction(call: Call) -> None:
    if "contentRestrictions" in call.body:
        raise not_rehearsed("A content restriction on a file that is only being made")


def _check_owner(call: Call, file: DriveFile) -> None:
    if not file.allows(call.caller.account, "owner"):
        raise errors.not_permitted(file.id)
