"""Which native parts a doc is given, and what becomes of one that Docs refuses.

A project or a tenant may lack a part, and Docs then answers 400. That is decided once for each
doc: the ledger remembers it, and the same command goes on with the part's plain-text form.
"""

from __future__ import annotations

from collections.abc import Sequence

from workflow.document.chips import NativePart, native_part_of, native_parts_in
from workflow.document.requests import Request
from workflow.flows.workspace import Workspace
from workflow.google.faults import Refused
from workflow.ledger import incidents
from workflow.ledger.incidents import DocRecord


def allowed_parts(workspace: Workspace, record: DocRecord) -> frozenset[NativePart]:
    """The native parts that the doc may be given: all, or none, less those that were refused."""
    if not workspace.settings.config.native_chips:
        return frozenset()
    return frozenset(NativePart) - {NativePart(part) for part in record.refused_parts}


def remember_refusal(
    workspace: Workspace, incident_id: str, refused: Refused, requests: Sequence[Request]
) -> bool:
    """Note the native parts that a refusal is about; whether there are any.

    Google names the request that it stopped at; where it names none, any part may be it.
    """
    parts = _parts_refused(refused, requests)
    if parts:
        with workspace.ledger.write() as connection:
            incidents.refuse_parts(connection, incident_id, parts)
    return bool(parts)


def _parts_refused(refused: Refused, requests: Sequence[Request]) -> frozenset[NativePart]:
    if refused.status != 400:
        return frozenset()
    index = refused.request_index
    if index is None or index >= len(requests):
        return native_parts_in(requests)
    part = native_part_of(requests[index])
    return frozenset({part}) if part else frozenset()
