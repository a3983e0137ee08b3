"""The rehearsal's Docs v1: documents in the store, edited by the engine of this package.

documents.batchUpdate carries out all requests of a batch, in order, or none.

Pictures are fetched only from the rehearsal's own Drive, and only files that anyone with the link
may see. Any other address, on the internet too, is answered like an address that Google can't
reach: nothing here makes a call.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from base64 import b64encode
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from google_rehearsal import store
from google_rehearsal.docs import chip_requests, content_requests, style_requests
from google_rehearsal.docs.editing import Edit, FetchPicture
from google_rehearsal.docs.errors import (
    DocsError,
    OneofError,
    RequestError,
)
from google_rehearsal.docs.new_documents import blank_document, copy_document, new_revision
from google_rehearsal.docs.render import render_document
from google_rehearsal.docs.world import (
    DocumentModel,
    FetchedPicture,
    Json,
    copied,
    from_json,
    own,
    to_json,
)
from google_rehearsal.drive.world import (
    DOC_TYPE,
    DriveFile,
    content_of,
    load_file,
    new_file,
    save_file,
    visible,
)
from google_rehearsal.store import Settings, StoredFile
from google_rehearsal.wire.call import Answer, Api, Call
from google_rehearsal.wire.errors import GoogleError, not_found, permission_denied

# --- Pictures -------------------------------------------------------------------------------------

# API reference, InsertInlineImageRequest.uri.
_LARGEST_BYTES = 50_000_000
_MOST_PIXELS = 25_000_000

_PUBLIC_PATH = "/uc"  # as in a file's `webContentLink`
_KEPT_PATH = "/docs-picture/"


def kept_path(key: str) -> str:
    """The path of a document's own copy of a picture on this server."""
    return f"{_KEPT_PATH}{key}"


def published_file(db: sqlite3.Connection, file_id: str) -> StoredFile | None:
    """A file that anyone with the link may see; None for any other."""
    file = load_file(db, file_id)
    if file is None or file.trashed or file.is_workspace:
        return None
    if not any(each["type"] == "anyone" for each in file.permissions):
        return None
    return StoredFile(content_of(db, file_id), file.mime_type)


def kept_picture(db: sqlite3.Connection, key: str) -> StoredFile | None:
    """The copy that a document keeps."""
    row = db.execute("SELECT media_type, content FROM pictures WHERE key = ?", (key,)).fetchone()
    return StoredFile(bytes(row["content"]), row["media_type"]) if row else None


def as_data(db: sqlite3.Connection, key: str) -> str:
    """The copy as a `data:` URL for an export; empty if it is gone."""
    found = kept_picture(db, key)
    if found is None:
        return ""
    return f"data:{found.media_type};base64,{b64encode(found.content).decode()}"


def fetcher(db: sqlite3.Connection, base_url: str) -> Callable[[str], FetchedPicture | None]:
    """A function that fetches a picture and keeps a copy; it returns None if unavailable."""

    def fetch(address: str) -> FetchedPicture | None:
        file_id = _published_id(address, base_url)
        found = published_file(db, file_id) if file_id else None
        return _kept(db, found.content) if found else None

    return fetch


def _published_id(address: str, base_url: str) -> str:
    parts, own = urlsplit(address), urlsplit(base_url)
    if (parts.scheme, parts.netloc, parts.path) != (own.scheme, own.netloc, _PUBLIC_PATH):
        return ""
    return parse_qs(parts.query).get("id", [""])[-1]


def _kept(db: sqlite3.Connection, content: bytes) -> FetchedPicture | None:
    media_type, width, height = _look_at(content)
    if not 0 < width * height <= _MOST_PIXELS or len(content) >= _LARGEST_BYTES:
        return None
    key = hashlib.sha256(content).hexdigest()[:40]
    db.execute(
        "INSERT OR IGNORE INTO pictures (key, media_type, content) VALUES (?, ?, ?)",
        (key, media_type, content),
    )
    return FetchedPicture(key, width, height)


def _look_at(content: bytes) -> tuple[str, int, int]:
    """Media type, width and height from the file's head; zeros for no PNG, JPEG or GIF."""
    if content[:8] == b"\x89PNG\r\n\x1a\n" and content[12:16] == b"IHDR":
        return "image/png", _number(content[16:20]), _number(content[20:24])
    if content[:6] in {b"GIF87a", b"GIF89a"}:
        width, height = (int.from_bytes(content[at : at + 2], "little") for at in (6, 8))
        return "image/gif", width, height
    if content[:3] == b"\xff\xd8\xff":
        return "image/jpeg", *_jpeg_size(content)
    return "", 0, 0


def _jpeg_size(content: bytes) -> tuple[int, int]:
    """Width and height from the frame header (ITU-T T.81, B.2.2), past the segments before it."""
    at = 2
    while at + 9 <= len(content) and content[at] == 0xFF:
        marker = content[at + 1]
        if 0xC0 <= marker <= 0xCF and marker not in {0xC4, 0xC8, 0xCC}:
            return _number(content[at + 7 : at + 9]), _number(content[at + 5 : at + 7])
        # A marker may be padded with further 0xFF; only a segment has a length.
        at += 1 if marker == 0xFF else 2 + _number(content[at + 2 : at + 4])
    return 0, 0


def _number(units: bytes) -> int:
    return int.from_bytes(units, "big")


# --- The methods ----------------------------------------------------------------------------------

_KEPT_IN_MEMORY = 32
INLINE = "SUGGESTIONS_INLINE"
WITHOUT_SUGGESTIONS = "PREVIEW_WITHOUT_SUGGESTIONS"
_DEFAULT_VIEW = "DEFAULT_FOR_CURRENT_ACCESS"
_COMMENTS = "COMMENTS_VIEW_MODE_INCLUDED"
_ALL_DOCUMENTS = ("documents", "documents.readonly", "drive", "drive.readonly")


@dataclass(frozen=True)
class Typist:
    """The editor of a document, inside one transaction, and the time in epoch seconds."""

    db: sqlite3.Connection
    account: str
    settings: Settings
    now: float
    base_url: str = ""


class Documents:
    """The Docs methods, and the documents that Drive creates, copies and exports.

    Parsed documents are cached with the store's edition; a rolled back transaction leaves an older
    edition in the store, so the document is read again.
    """

    def __init__(self) -> None:
        self._cache: OrderedDict[str, tuple[int, DocumentModel]] = OrderedDict()

    def api(self) -> Api:
        """The methods by their ids."""
        return Api(
            {
                "docs.documents.create": self._create,
                "docs.documents.get": self._get,
                "docs.documents.batchUpdate": self._batch_update,
            }
        )

    def create(self, db: sqlite3.Connection, document_id: str, title: str) -> None:
        """Store a blank document."""
        self._save(db, document_id, 1, blank_document(document_id, title, store.element_id))

    def copy(self, db: sqlite3.Connection, source_id: str, document_id: str, title: str) -> None:
        """Store a copy of a document under a new id."""
        _, source = self._load(db, source_id)
        self._save(db, document_id, 1, copy_document(source, document_id, title, store.element_id))

    def rename(self, db: sqlite3.Connection, document_id: str, title: str) -> None:
        """Rename a document with its file."""
        edition, model = self._load(db, document_id)
        self._cache.pop(document_id, None)
        model.title = title
        self._save(db, document_id, edition + 1, model)

    def render(
        self,
        db: sqlite3.Connection,
        document_id: str,
        view: str = INLINE,
        picture_address: Callable[[str], str] = kept_path,
    ) -> dict[str, Any]:
        """The `Document` resource with its tabs. Raises `KeyError` if there is none.

        `picture_address` gives the address of a kept picture by its key.
        """
        _, model = self._load(db, document_id)
        return render_document(
            model,
            suggestions_view_mode=view,
            include_tabs_content=True,
            picture_address=picture_address,
        )

    def _create(self, call: Call) -> Answer:
        title = call.body.get("title") or "Untitled document"
        file = new_file(call, DOC_TYPE, title)
        save_file(call.db, file)
        self.create(call.db, file.id, title)
        _, model = self._load(call.db, file.id)
        return render_document(model, suggestions_view_mode=INLINE, include_tabs_content=False)

    def _get(self, call: Call) -> Answer:
        file = _readable(call)
        comments = file.allows(call.caller.account, "commenter")
        view = call.text("suggestionsViewMode", _DEFAULT_VIEW)
        if view == _DEFAULT_VIEW:
            view = INLINE if comments else WITHOUT_SUGGESTIONS
        if view != WITHOUT_SUGGESTIONS and not comments:
            raise permission_denied()
        _, model = self._load(call.db, file.id)
        # A mask that names `tabs` asks for them: the reference on `includeTabsContent`.
        tabs = call.flag("includeTabsContent") or "tabs" in call.mask
        document = render_document(
            model,
            suggestions_view_mode=view,
            include_tabs_content=tabs,
            picture_address=lambda key: call.base_url + kept_path(key),
        )
        if call.text("commentsViewMode", "") == _COMMENTS:
            document["suggestions"] = _suggestion_threads(model, document, call)
        # "Only be populated if the user has edit access": the reference on `revisionId`.
        if not file.allows(call.caller.account, "writer"):
            document.pop("revisionId", None)
        return document

    def _batch_update(self, call: Call) -> Answer:
        file = _readable(call)
        _refuse_unknown(call)
        by = Typist(call.db, call.caller.account, call.settings, call.now, call.base_url)
        return self._edit(by, file, dict(call.body))

    def edited_by(
        self, typist: Typist, document_id: str, request: dict[str, Any], *, suggest: bool
    ) -> None:
        """A person's edit, or suggestion, in the doc's window. Raises `GoogleError`."""
        file = load_file(typist.db, document_id)
        if file is None:
            raise not_found()
        mode = {"writeControl": {"writeMode": "SUGGEST"}} if suggest else {}
        # Failures of Google's API don't occur in its window.
        by = replace(typist, settings=replace(typist.settings, suggested_deletes="work"))
        self._edit(by, file, {"requests": [request], **mode})

    def _edit(self, by: Typist, file: DriveFile, body: dict[str, Any]) -> dict[str, Any]:
        # A locked doc is answered like one that may not be edited (nodejs client, issue 3437).
        if not file.allows(by.account, "writer") or file.content_restriction:
            raise permission_denied()
        edition, model = self._load(by.db, file.id)
        # Not cached while it is being edited: a refused batch leaves no trace.
        self._cache.pop(file.id, None)
        model.boundary_inserts = by.settings.boundary_inserts
        model.suggested_deletes = by.settings.suggested_deletes
        try:
            answer = apply_batch(
                model,
                body,
                new_id=store.element_id,
                fetch=fetcher(by.db, by.base_url),
            )
        except DocsError as error:
            raise GoogleError(error.code, error.message, status=error.status) from error
        for made in answer.get("suggestionResponses", ()):
            model.suggested_by |= dict.fromkeys(made["createdSuggestionIds"], by.account)
        self._save(by.db, file.id, edition + 1, model)
        save_file(by.db, file.touched(by.account, by.now))
        return answer

    def _load(self, db: sqlite3.Connection, document_id: str) -> tuple[int, DocumentModel]:
        row = db.execute("SELECT edition FROM documents WHERE id = ?", (document_id,)).fetchone()
        if row is None:
            raise KeyError(document_id)
        kept = self._cache.get(document_id)
        if kept and kept[0] == row["edition"]:
            self._cache.move_to_end(document_id)
            return kept
        body = db.execute("SELECT body FROM documents WHERE id = ?", (document_id,)).fetchone()[0]
        return self._keep(document_id, row["edition"], from_json(json.loads(body)))

    def _save(
        self, db: sqlite3.Connection, document_id: str, edition: int, model: DocumentModel
    ) -> None:
        db.execute(
            "INSERT INTO documents (id, edition, body) VALUES (?, ?, ?) ON CONFLICT (id)"
            " DO UPDATE SET edition = excluded.edition, body = excluded.body",
            (document_id, edition, json.dumps(to_json(model))),
        )
        self._keep(document_id, edition, model)

    def _keep(
        self, document_id: str, edition: int, model: DocumentModel
    ) -> tuple[int, DocumentModel]:
        self._cache[document_id] = (edition, model)
        self._cache.move_to_end(document_id)
        while len(self._cache) > _KEPT_IN_MEMORY:
            self._cache.popitem(last=False)
        return edition, model


def _suggestion_threads(
    model: DocumentModel, document: dict[str, Any], call: Call
) -> list[dict[str, Any]]:
    """A `SuggestionThread` for each suggestion that is still open."""
    shown = json.dumps(document)
    own = call.settings.account
    return [
        {
            "suggestionId": suggestion,
            "status": "OPEN",
            "headPost": {
                "author": {
                    "displayName": call.settings.display_name if who == own else who,
                    "me": who == call.caller.account,
                }
            },
        }
        for suggestion, who in model.suggested_by.items()
        if f'"{suggestion}"' in shown
    ]


def _refuse_unknown(call: Call) -> None:
    """The 400 for a request type that this project's API does not have: an unknown field."""
    for number, request in enumerate(call.body.get("requests", ())):
        for name in request:
            if name in call.settings.unknown_requests:
                raise GoogleError(
                    400,
                    f'Invalid JSON payload received. Unknown name "{name}" at '
                    f"'requests[{number}]': Cannot find field.",
                    status="INVALID_ARGUMENT",
                )


def _readable(call: Call) -> DriveFile:
    file = load_file(call.db, call.path["documentId"])
    if file is None:
        raise not_found()
    caller = call.caller
    # With `drive.file` only, Docs shows the files that Drive shows; otherwise any permission
    # counts.
    if not caller.holds(*_ALL_DOCUMENTS) and not visible(file, caller):
        raise not_found()
    if not file.role_of(caller.account):
        raise permission_denied()
    if file.mime_type != DOC_TYPE:
        raise GoogleError(
            400, "This operation is not supported for this document", status="FAILED_PRECONDITION"
        )
    return file


Handler = Callable[[Edit, Json], Json]

HANDLERS: Final[dict[str, Handler]] = {
    "insertText": content_requests.insert_text,
    "deleteContentRange": content_requests.delete_content_range,
    "replaceAllText": content_requests.replace_all_text,
    "updateTextStyle": style_requests.update_text_style,
    "updateParagraphStyle": style_requests.update_paragraph_style,
    "createParagraphBullets": style_requests.create_paragraph_bullets,
    "deleteParagraphBullets": style_requests.delete_paragraph_bullets,
    "createNamedRange": content_requests.create_named_range,
    "deleteNamedRange": content_requests.delete_named_range,
    "replaceNamedRangeContent": content_requests.replace_named_range_content,
    "insertPerson": chip_requests.insert_person,
    "insertDate": chip_requests.insert_date,
    "insertRichLink": chip_requests.insert_rich_link,
    "insertInlineImage": chip_requests.insert_inline_image,
    "insertPageBreak": chip_requests.insert_page_break,
    "createDropdownDefinition": chip_requests.create_dropdown_definition,
    "insertDropdown": chip_requests.insert_dropdown,
    "updateDropdownProperties": chip_requests.update_dropdown_properties,
    "updateDropdownDefinitionProperties": (chip_requests.update_dropdown_definition_properties),
    "deleteDropdownDefinition": chip_requests.delete_dropdown_definition,
    "insertTable": content_requests.insert_table,
    "insertTableRow": content_requests.insert_table_row,
    "insertTableColumn": content_requests.insert_table_column,
    "deleteTableRow": content_requests.delete_table_row,
    "deleteTableColumn": content_requests.delete_table_column,
    "updateTableCellStyle": content_requests.update_table_cell_style,
    "addDocumentTab": content_requests.add_document_tab,
    "updateDocumentTabProperties": content_requests.update_document_tab_properties,
    "deleteTab": content_requests.delete_tab,
    "createHeader": content_requests.create_header,
    "createFooter": content_requests.create_footer,
    "deleteHeader": content_requests.delete_header,
    "deleteFooter": content_requests.delete_footer,
}
# Google refuses eight types of requests as suggestions, and no public text names them. These are
# known to work.
_SUGGESTIBLE: Final = {
    "insertText",
    "deleteContentRange",
    "updateTextStyle",
    "updateParagraphStyle",
    "createParagraphBullets",
    "deleteParagraphBullets",
}
_REVISIONS_KEPT: Final = 20


def apply_batch(
    doc: DocumentModel,
    body: Json,
    *,
    new_id: Callable[[], str],
    fetch: FetchPicture = lambda _address: None,
) -> Json:
    """Apply a `BatchUpdateDocumentRequest` to a document and return the response resource.

    The document changes only if every request could be applied; `DocsError` leaves it unchanged.
    The revision changes only with the content. `new_id` gives a fresh random token at each call.
    `fetch` returns the picture at an address, None if unavailable. The body must fit its schema.
    """
    control = body.get("writeControl", {})
    _check_control(doc, control)
    requests: list[Json] = own(body.get("requests", []))
    if not requests:
        raise DocsError(400, "Must specify at least one request.")
    draft = copied(doc)
    suggesting = control.get("writeMode") == "SUGGEST"
    edits = [
        Edit(draft, new_id, f"suggest.{new_id()[-12:]}" if suggesting else "", fetch)
        for _ in requests
    ]
    replies = [
        _apply(edit, i, each) for i, (edit, each) in enumerate(zip(edits, requests, strict=True))
    ]
    if draft != doc:
        _adopt(doc, draft, new_revision(new_id))
    response: Json = {
        "documentId": doc.id,
        "replies": replies,
        "writeControl": {"requiredRevisionId": doc.revision},
    }
    if suggesting:
        response["suggestionResponses"] = [
            {"createdSuggestionIds": [edit.suggestion]} for edit in edits
        ]
    return response


def _check_control(doc: DocumentModel, control: Json) -> None:
    if "requiredRevisionId" in control and "targetRevisionId" in control:
        raise DocsError(
            400,
            "Invalid value at 'write_control' (oneof), oneof field 'control' is already set. "
            "Cannot set 'targetRevisionId'",
        )
    required, target = control.get("requiredRevisionId"), control.get("targetRevisionId")
    if required and required != doc.revision:
        raise DocsError(
            400,
            f"The required revision ID '{required}' does not match the latest revision.",
            "FAILED_PRECONDITION",
        )
    if target and target not in doc.recent_revisions:
        raise DocsError(
            400, f"The target revision ID '{target}' is too far behind the latest revision."
        )


def _apply(edit: Edit, position: int, request: Json) -> Json:
    where = f"requests[{position}]"
    if not request:
        raise DocsError(400, f"Invalid {where}: No request set.")
    name, *others = request
    if others:
        raise DocsError(
            400,
            f"Invalid value at '{where}' (oneof), oneof field 'request' is already set. "
            f"Cannot set '{others[0]}'",
        )
    if name not in HANDLERS:
        raise DocsError(
            501, f"{where}: {name} is not part of the rehearsal Google.", "UNIMPLEMENTED"
        )
    if edit.suggestion and name not in _SUGGESTIBLE:
        raise DocsError(
            400, f"Invalid {where}.{name}: Request does not support application as suggestion."
        )
    return _handled(edit, where, name, request[name])


def _handled(edit: Edit, where: str, name: str, request: Json) -> Json:
    try:
        return HANDLERS[name](edit, request)
    except RequestError as fault:
        raise DocsError(400, f"Invalid {where}.{name}: {fault}") from fault
    except OneofError as fault:
        path = "".join(f"_{c.lower()}" if c.isupper() else c for c in name)
        raise DocsError(400, f"Invalid value at '{where}.{path}' (oneof), {fault}") from fault


def _adopt(doc: DocumentModel, draft: DocumentModel, revision: str) -> None:
    """Replace the document by the draft, under a new revision."""
    recent = [*doc.recent_revisions, revision][-_REVISIONS_KEPT:]
    latest = replace(draft, revision=revision, recent_revisions=recent)
    for each in fields(DocumentModel):
        setattr(doc, each.name, getattr(latest, each.name))
