"""documents.batchUpdate: all requests of a batch, one after the other, or none of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from typing import Final

from . import (
    bullet_requests,
    chip_requests,
    dropdown_requests,
    image_requests,
    named_range_requests,
    segment_requests,
    style_requests,
    tab_requests,
    table_requests,
    text_requests,
)
from .documents import new_revision
from .editing import Edit, FetchPicture
from .errors import DocsError, OneofError, RequestError, UnsupportedRequestError
from .model import DocumentModel, Json, copied, own

Handler = Callable[[Edit, Json], Json]

HANDLERS: Final[dict[str, Handler]] = {
    "insertText": text_requests.insert_text,
    "deleteContentRange": text_requests.delete_content_range,
    "replaceAllText": text_requests.replace_all_text,
    "updateTextStyle": style_requests.update_text_style,
    "updateParagraphStyle": style_requests.update_paragraph_style,
    "createParagraphBullets": bullet_requests.create_paragraph_bullets,
    "deleteParagraphBullets": bullet_requests.delete_paragraph_bullets,
    "createNamedRange": named_range_requests.create_named_range,
    "deleteNamedRange": named_range_requests.delete_named_range,
    "replaceNamedRangeContent": named_range_requests.replace_named_range_content,
    "insertPerson": chip_requests.insert_person,
    "insertDate": chip_requests.insert_date,
    "insertRichLink": chip_requests.insert_rich_link,
    "insertInlineImage": image_requests.insert_inline_image,
    "insertPageBreak": chip_requests.insert_page_break,
    "createDropdownDefinition": dropdown_requests.create_dropdown_definition,
    "insertDropdown": dropdown_requests.insert_dropdown,
    "updateDropdownProperties": dropdown_requests.update_dropdown_properties,
    "updateDropdownDefinitionProperties": (dropdown_requests.update_dropdown_definition_properties),
    "deleteDropdownDefinition": dropdown_requests.delete_dropdown_definition,
    "insertTable": table_requests.insert_table,
    "insertTableRow": table_requests.insert_table_row,
    "insertTableColumn": table_requests.insert_table_column,
    "deleteTableRow": table_requests.delete_table_row,
    "deleteTableColumn": table_requests.delete_table_column,
    "updateTableCellStyle": table_requests.update_table_cell_style,
    "addDocumentTab": tab_requests.add_document_tab,
    "updateDocumentTabProperties": tab_requests.update_document_tab_properties,
    "deleteTab": tab_requests.delete_tab,
    "createHeader": segment_requests.create_header,
    "createFooter": segment_requests.create_footer,
    "deleteHeader": segment_requests.delete_header,
    "deleteFooter": segment_requests.delete_footer,
}
_SUGGESTIBLE: Final = {"insertText", "deleteContentRange"}
_REVISIONS_KEPT: Final = 20


def apply_batch(
    doc: DocumentModel,
    body: Json,
    *,
    new_id: Callable[[], str],
    fetch: FetchPicture = lambda _address: None,
) -> Json:
    """Apply a `BatchUpdateDocumentRequest` body to a document and give the response resource.

    The document changes only when every request of the batch could be applied; `DocsError` leaves
    it as it was. The revision changes only when the content did. `new_id` gives a fresh random
    token at each call. `fetch` gets the picture behind an address, None where it can't be had. The
    body is taken to fit its schema.
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
    except UnsupportedRequestError as fault:
        raise DocsError(501, f"{where}.{name}: {fault}", "UNIMPLEMENTED") from fault


def _adopt(doc: DocumentModel, draft: DocumentModel, revision: str) -> None:
    """Make the document what the draft is, under a new revision."""
    recent = [*doc.recent_revisions, revision][-_REVISIONS_KEPT:]
    latest = replace(draft, revision=revision, recent_revisions=recent)
    for each in fields(DocumentModel):
        setattr(doc, each.name, getattr(latest, each.name))
