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

    def batch_update(
        self,
        document_id: str,
        requests: Sequence[Json],
        *,
        required_revision: str | None,
    ) -> str:
        """Apply all of `requests`, or none of them; give the revision id that comes of it.

        With `required_revision` the write is applied to that revision alone: StaleRevision says
        that it was not. The revision id given back is empty where the server named none.
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
