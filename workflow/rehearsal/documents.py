"""The rehearsal's Docs v1: documents in the store, edited by the engine in `rehearsal.docs`."""

from __future__ import annotations

import json
import sqlite3
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from workflow.rehearsal import ids, pictures
from workflow.rehearsal.docs import (
    DocsError,
    DocumentModel,
    apply_batch,
    blank_document,
    copy_document,
    from_json,
    render_document,
    to_json,
)
from workflow.rehearsal.drive.files import (
    DOC_TYPE,
    DriveFile,
    load,
    new_file,
    save,
    visible,
)
from workflow.rehearsal.wire.call import Answer, Api, Call
from workflow.rehearsal.wire.errors import GoogleError, not_found, permission_denied

_KEPT_IN_MEMORY = 32
INLINE = "SUGGESTIONS_INLINE"
WITHOUT_SUGGESTIONS = "PREVIEW_WITHOUT_SUGGESTIONS"
_DEFAULT_VIEW = "DEFAULT_FOR_CURRENT_ACCESS"
_ALL_DOCUMENTS = ("documents", "documents.readonly", "drive", "drive.readonly")


class Documents:
    """The Docs methods, and the documents that Drive creates, copies and exports.

    Parsed documents are kept in memory with the edition that the store had; a transaction that is
    undone leaves an older edition in the store, and so the document is read again.
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
        """Stores a blank document."""
        self._save(db, document_id, 1, blank_document(document_id, title, ids.element_id))

    def copy(self, db: sqlite3.Connection, source_id: str, document_id: str, title: str) -> None:
        """Stores a copy of a document under a new id."""
        _, source = self._load(db, source_id)
        self._save(db, document_id, 1, copy_document(source, document_id, title, ids.element_id))

    def rename(self, db: sqlite3.Connection, document_id: str, title: str) -> None:
        """Gives a document the new name of its file."""
        edition, model = self._load(db, document_id)
        self._cache.pop(document_id, None)
        model.title = title
        self._save(db, document_id, edition + 1, model)

    def render(
        self,
        db: sqlite3.Connection,
        document_id: str,
        view: str = INLINE,
        picture_address: Callable[[str], str] = pictures.kept_path,
    ) -> dict[str, Any]:
        """The `Document` resource with its tabs. Raises `KeyError` when there is none.

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
        save(call.db, file)
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
            picture_address=lambda key: call.base_url + pictures.kept_path(key),
        )
        # "Only be populated if the user has edit access": the reference on `revisionId`.
        if not file.allows(call.caller.account, "writer"):
            document.pop("revisionId", None)
        return document

    def _batch_update(self, call: Call) -> Answer:
        file = _readable(call)
        # A locked doc is answered like one that may not be edited (nodejs client, issue 3437).
        if not file.allows(call.caller.account, "writer") or file.content_restriction:
            raise permission_denied()
        _refuse_unknown(call)
        edition, model = self._load(call.db, file.id)
        # Out of the cache while it is being edited: a batch that is refused leaves no trace.
        self._cache.pop(file.id, None)
        model.boundary_inserts = call.settings.boundary_inserts
        try:
            answer = apply_batch(
                model,
                dict(call.body),
                new_id=ids.element_id,
                fetch=pictures.fetcher(call.db, call.base_url),
            )
        except DocsError as error:
            raise GoogleError(error.code, error.message, status=error.status) from error
        self._save(call.db, file.id, edition + 1, model)
        save(call.db, file.touched(call.caller.account, call.now))
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


def _refuse_unknown(call: Call) -> None:
    """A project that is not enrolled for a request is told that there is no such field."""
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
    file = load(call.db, call.path["documentId"])
    if file is None:
        raise not_found()
    caller = call.caller
    # With `drive.file` alone Docs knows only what Drive shows; else whoever has a permission.
    if not caller.holds(*_ALL_DOCUMENTS) and not visible(file, caller):
        raise not_found()
    if not file.role_of(caller.account):
        raise permission_denied()
    if file.mime_type != DOC_TYPE:
        raise GoogleError(
            400, "This operation is not supported for this document", status="FAILED_PRECONDITION"
        )
    return file
