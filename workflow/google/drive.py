"""Google Drive v3: create, find, copy and share the document of an incident."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple

from workflow.google.client import Api, Json, Media, all_pages, text_in
from workflow.model import address_of_doc

Who = Literal["user", "group", "domain", "anyone"]
Role = Literal["writer", "commenter", "reader"]

DOCUMENT_TYPE = "application/vnd.google-apps.document"

# The key in a document's app properties and properties that names its incident.
INCIDENT_PROPERTY = "incident"

# Include shared drives, which Drive's methods otherwise leave out.
_EVERY_DRIVE = {"supportsAllDrives": True}


class NewDocument(NamedTuple):
    """A document in Drive. `url` opens it in a browser."""

    id: str
    url: str


class Account(NamedTuple):
    """The signed-in account. `name` may be empty."""

    email: str
    name: str


class Folder(NamedTuple):
    """A folder, and whether this account may add files to it."""

    name: str
    writable: bool


class FileStanding(NamedTuple):
    """A file's state for the signed-in account.

    `locked_by` and `locked_why` describe a lock against edits, both "" if there is none.
    """

    name: str
    trashed: bool
    can_edit: bool
    is_locked: bool
    locked_by: str
    locked_why: str


class Comment(NamedTuple):
    """An open comment on a document. `quoted` is the text that it is about, "" if unknown.

    `at` is when it was written, in RFC 3339.
    """

    author: str
    text: str
    quoted: str
    at: str


class Drive:
    """The files that this app may see. Every method may raise GoogleFault.

    Shared drives are always included. Changes to one file's permissions must be made one after the
    other: Drive keeps only the last of several at once (Drive reference, permissions).
    """

    def __init__(self, api: Api) -> None:
        self._api = api

    def create_document(
        self,
        name: str,
        *,
        parent: str | None,
        app_properties: Mapping[str, str],
        properties: Mapping[str, str],
    ) -> NewDocument:
        """Create an empty document in the folder `parent`, or in My Drive.

        `app_properties` are seen by this OAuth client alone, `properties` by every app; key and
        value together at most 124 bytes of UTF-8. Not idempotent: after Undecided, call
        `find_documents` before trying again.
        """
        body = _metadata(name, parent, app_properties, properties)
        answer = self._api.call(
            "files.create",
            {**_EVERY_DRIVE, "fields": "id,webViewLink"},
            body={**body, "mimeType": DOCUMENT_TYPE},
        )
        return _new_document(answer, method="drive.files.create")

    def copy_document(
        self,
        file_id: str,
        name: str,
        *,
        parent: str | None,
        app_properties: Mapping[str, str],
        properties: Mapping[str, str],
    ) -> NewDocument:
        """Copy a document, such as a team's own template; else as `create_document`."""
        body = _metadata(name, parent, app_properties, properties)
        answer = self._api.call(
            "files.copy", {**_EVERY_DRIVE, "fileId": file_id, "fields": "id,webViewLink"}, body=body
        )
        return _new_document(answer, method="drive.files.copy")

    def find_documents(self, parent: str | None, incident: str) -> list[Json]:
        """The documents of an incident in a folder (None: My Drive), newest first.

        Each has `id`, `name`, `webViewLink`, `createdTime`, `appProperties` and `properties`.
        Asked for by folder, which shows a new file at once; a search by name or property may
        lag behind.
        """
        folder = _quoted(parent or "root")
        query = f"{folder} in parents and mimeType = {_quoted(DOCUMENT_TYPE)} and trashed = false"
        files = all_pages(
            self._api,
            "files.list",
            {
                **_EVERY_DRIVE,
                "includeItemsFromAllDrives": True,
                "q": query,
                "orderBy": "createdTime desc",
                "pageSize": 1000,
                "fields": "nextPageToken,files(id,name,webViewLink,createdTime,"
                "appProperties,properties)",
            },
            "files",
        )
        return [file for file in files if _belongs_to(file, incident)]

    def folder(self, folder_id: str) -> Folder:
        """A folder by its id. With drive.file only one that this app made or was given."""
        answer = self._api.call(
            "files.get",
            {**_EVERY_DRIVE, "fileId": folder_id, "fields": "name,capabilities(canAddChildren)"},
        )
        writable = bool(answer.get("capabilities", {}).get("canAddChildren"))
        return Folder(text_in(answer, "name", method="drive.files.get"), writable)

    def standing(self, file_id: str) -> FileStanding:
        """Whether a file is in the trash, locked, or read-only. Refused with 404: not visible."""
        answer = self._api.call(
            "files.get",
            {
                **_EVERY_DRIVE,
                "fileId": file_id,
                "fields": "name,trashed,capabilities(canEdit),"
                "contentRestrictions(readOnly,reason,restrictingUser(displayName,emailAddress))",
            },
        )
        locks = [each for each in answer.get("contentRestrictions", ()) if each.get("readOnly")]
        by = locks[0].get("restrictingUser", {}) if locks else {}
        return FileStanding(
            name=str(answer.get("name", "")),
            trashed=bool(answer.get("trashed")),
            can_edit=bool(answer.get("capabilities", {}).get("canEdit", True)),
            is_locked=bool(locks),
            locked_by=str(by.get("displayName") or by.get("emailAddress") or ""),
            locked_why=str(locks[0].get("reason", "")) if locks else "",
        )

    def open_comments(self, file_id: str) -> list[Comment]:
        """The comments that nobody has resolved, the oldest first."""
        found = all_pages(
            self._api,
            "comments.list",
            {
                "fileId": file_id,
                "pageSize": 100,
                "fields": "nextPageToken,comments(content,resolved,deleted,createdTime,"
                "author(displayName),quotedFileContent(value))",
            },
            "comments",
        )
        comments = [
            Comment(
                author=str(each.get("author", {}).get("displayName", "")),
                text=str(each.get("content", "")),
                quoted=str(each.get("quotedFileContent", {}).get("value", "")),
                at=str(each.get("createdTime", "")),
            )
            for each in found
            if not each.get("resolved") and not each.get("deleted")
        ]
        return sorted(comments, key=lambda each: each.at)

    def restore(self, file_id: str) -> None:
        """Restore an own file from the trash."""
        self._update(file_id, {"trashed": False})

    def rename(self, file_id: str, name: str) -> None:
        """Rename a file; for a document, that is its title."""
        self._update(file_id, {"name": name})

    def move(self, file_id: str, folder_id: str) -> None:
        """Move a file to another folder."""
        parents = self._api.call(
            "files.get", {**_EVERY_DRIVE, "fileId": file_id, "fields": "parents"}
        ).get("parents", [])
        if folder_id not in parents:
            self._api.call(
                "files.update",
                {
                    **_EVERY_DRIVE,
                    "fileId": file_id,
                    "fields": "id",
                    "addParents": folder_id,
                    "removeParents": ",".join(parents) or None,
                },
                body={},
            )

    def _update(self, file_id: str, body: Json) -> None:
        self._api.call(
            "files.update", {**_EVERY_DRIVE, "fileId": file_id, "fields": "id"}, body=body
        )

    def delete(self, file_id: str) -> None:
        """Delete an own file permanently, bypassing the trash. Refused with 404 if it is gone."""
        self._api.call("files.delete", {**_EVERY_DRIVE, "fileId": file_id})

    def export(self, file_id: str, media_type: str) -> bytes:
        """A Google file in another format, such as a spreadsheet's first sheet as `text/csv`.

        With drive.file only files that this app made or was given; at most 10 MB (Drive reference).
        """
        return self._api.download("files.export", {"fileId": file_id, "mimeType": media_type})

    def new_file_id(self) -> str:
        """An id for a future file. Not for Google's own types (guide on creating files)."""
        answer = self._api.call("files.generateIds", {"count": 1, "fields": "ids"})
        ids = answer.get("ids") or [""]
        return text_in({"id": ids[0]}, "id", method="drive.files.generateIds")

    def upload(
        self, file_id: str, name: str, content: bytes, *, media_type: str, parent: str | None
    ) -> str:
        """Upload a file into a folder, or My Drive, with an id from `new_file_id`; its link.

        Repeated after Undecided, it is Refused with status 409 if the first call succeeded.
        """
        body = {"id": file_id, "name": name, **({"parents": [parent]} if parent else {})}
        answer = self._api.call(
            "files.create",
            {**_EVERY_DRIVE, "fields": "id,webViewLink"},
            body=body,
            media=Media(content, media_type),
        )
        return _new_document(answer, method="drive.files.create").url

    def link_to(self, file_id: str) -> str:
        """The link that opens a file in a browser."""
        answer = self._api.call(
            "files.get", {**_EVERY_DRIVE, "fileId": file_id, "fields": "webViewLink"}
        )
        return short_link(text_in(answer, "webViewLink", method="drive.files.get"))

    def public_link(self, file_id: str) -> str:
        """The address to download a file without signing in, once `anyone` may read it."""
        answer = self._api.call(
            "files.get", {**_EVERY_DRIVE, "fileId": file_id, "fields": "webContentLink"}
        )
        return text_in(answer, "webContentLink", method="drive.files.get")

    def unshare(self, file_id: str, permission_id: str) -> None:
        """Remove a permission. Refused with 404 if it is gone already."""
        self._api.call(
            "permissions.delete",
            {**_EVERY_DRIVE, "fileId": file_id, "permissionId": permission_id},
        )

    def set_role(self, file_id: str, permission_id: str, role: Role) -> None:
        """Change somebody's role, also to a lower one."""
        self._api.call(
            "permissions.update",
            {
                **_EVERY_DRIVE,
                "fileId": file_id,
                "permissionId": permission_id,
                "fields": "id",
            },
            body={"role": role},
        )

    def share(
        self, file_id: str, who: Who, address: str, role: Role, *, mail: str | None = None
    ) -> str:
        """Share with a person, group, domain or anyone with the link; returns the permission's id.

        `address` is an email address, a domain, or empty for anyone. `mail` is the text of Google's
        mail: None sends none, an empty text sends Google's default. Refused with the reason
        `SHARED_WITHOUT_MAIL` means that the share was made and its mail failed.
        """
        mailed = who in {"user", "group"}
        named = {"user": "emailAddress", "group": "emailAddress", "domain": "domain"}.get(who)
        body = {"type": who, "role": role, **({named: address} if named else {})}
        answer = self._api.call(
            "permissions.create",
            {
                **_EVERY_DRIVE,
                "fileId": file_id,
                # Drive refuses a mail option if there is nobody to write to.
                "sendNotificationEmail": mail is not None if mailed else None,
                "emailMessage": (mail or None) if mailed else None,
                "fields": "id",
            },
            body=body,
        )
        return text_in(answer, "id", method="drive.permissions.create")

    def lock(self, file_id: str, reason: str) -> None:
        """Lock a file against edits of its content, title and comments, for everybody.

        It can still be read, shared and moved, and any editor may unlock it (Drive guide on
        protecting content).
        """
        self._restrict(file_id, {"readOnly": True, "reason": reason})

    def unlock(self, file_id: str) -> None:
        """Unlock a file. Edits may be refused for some more minutes (seen in the field)."""
        self._restrict(file_id, {"readOnly": False})

    def _restrict(self, file_id: str, restriction: Json) -> None:
        self._api.call(
            "files.update",
            {**_EVERY_DRIVE, "fileId": file_id, "fields": "id"},
            body={"contentRestrictions": [restriction]},
        )

    def permissions(self, file_id: str) -> list[Json]:
        """Who may see a file: `id`, `type`, `role`, `emailAddress`, `domain`, `displayName`."""
        return all_pages(
            self._api,
            "permissions.list",
            {
                **_EVERY_DRIVE,
                "fileId": file_id,
                "pageSize": 100,
                "fields": "nextPageToken,permissions(id,type,role,emailAddress,domain,displayName)",
            },
            "permissions",
        )

    def account(self) -> Account:
        """The signed-in account. Needs no scope beyond drive.file."""
        answer = self._api.call("about.get", {"fields": "user(emailAddress,displayName)"})
        email = text_in(answer, "user", "emailAddress", method="drive.about.get")
        return Account(email, str(answer["user"].get("displayName", "")))


def _metadata(
    name: str,
    parent: str | None,
    app_properties: Mapping[str, str],
    properties: Mapping[str, str],
) -> Json:
    return {
        "name": name,
        "appProperties": dict(app_properties),
        "properties": dict(properties),
        **({"parents": [parent]} if parent else {}),
    }


def _new_document(answer: Json, *, method: str) -> NewDocument:
    doc_id = text_in(answer, "id", method=method)
    # The doc exists even if the answer has no link.
    link = answer.get("webViewLink") or address_of_doc(doc_id)
    return NewDocument(doc_id, short_link(str(link)))


def short_link(link: str) -> str:
    """A link without Drive's `?usp=drivesdk`, which only counts where it came from."""
    return link.removesuffix("?usp=drivesdk")


def _belongs_to(file: Json, incident: str) -> bool:
    # App properties are invisible to another OAuth client, properties are not.
    both = (file.get("appProperties") or {}, file.get("properties") or {})
    return any(held.get(INCIDENT_PROPERTY) == incident for held in both)


def _quoted(text: str) -> str:
    """A text in Drive's query language."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
