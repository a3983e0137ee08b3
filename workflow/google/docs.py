"""Google Docs v1: read a document, write a batch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from workflow.google.client import Api, Json
from workflow.google.faults import Refused, StaleRevision


class Docs:
    """The documents that the signed-in person can open. Every method may raise GoogleFault."""

    def __init__(self, api: Api) -> None:
        self._api = api

    def get(self, document_id: str, fields: str) -> Json:
        """A document, with its content in `tabs[]`; `fields` is a partial-response mask.

        Suggestions are shown inline: an index computed on any other view is wrong as soon as
        somebody has suggested something (Docs reference, suggestionsViewMode).
        """
        return self._api.call(
            "documents.get",
            {
                "documentId": document_id,
                "includeTabsContent": True,
                "suggestionsViewMode": "SUGGESTIONS_INLINE",
                "fields": fields,
            },
        )

    def suggestions(self, document_id: str) -> list[Json]:
        """The `SuggestionThread` of each suggestion in a document.

        Refused with 400 or 403 where the project or the person may not see comments.
        """
        answer = self._api.call(
            "documents.get",
            {
                "documentId": document_id,
                "includeTabsContent": True,
                "suggestionsViewMode": "SUGGESTIONS_INLINE",
                "commentsViewMode": "COMMENTS_VIEW_MODE_INCLUDED",
                "fields": "suggestions",
            },
        )
        return list(answer.get("suggestions", ()))

    def batch_update(
        self,
        document_id: str,
        requests: Sequence[Json],
        *,
        required_revision: str | None,
    ) -> str:
        """Apply all of `requests`, or none; returns the new revision id.

        With `required_revision` the write applies to that revision only; else StaleRevision is
        raised. The returned revision id is empty if the server named none.
        """
        body: dict[str, Any] = {"requests": list(requests)}
        if required_revision is not None:
            body["writeControl"] = {"requiredRevisionId": required_revision}
        try:
            answer = self._api.call(
                "documents.batchUpdate",
                {"documentId": document_id, "fields": "documentId,writeControl"},
                body=body,
            )
        except Refused as refused:
            if required_revision is None or refused.status != 400:
                raise
            raise StaleRevision(refused, carried=required_revision) from refused
        return str(answer.get("writeControl", {}).get("requiredRevisionId", ""))
