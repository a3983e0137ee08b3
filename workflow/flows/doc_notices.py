"""A notice as the doc has it: whom it went to and what became of it, and the mail's own text."""

from __future__ import annotations

from sqlalchemy.engine import Connection

from workflow.document.changes import PutNotice
from workflow.document.parse import blocks_from_markdown
from workflow.flows.notice_words import notice_facts, notice_heading
from workflow.incident import Incident
from workflow.ledger import notices


def wanted_notice(connection: Connection, incident: Incident, notice_id: str) -> PutNotice:
    """The copy of a notice, from the ledger as it is now."""
    notice = notices.notice_by_id(connection, notice_id)
    return PutNotice(
        id=notice.id,
        heading=notice_heading(incident, notice),
        facts=tuple(notice_facts(connection, incident, notice)),
        body=tuple(blocks_from_markdown(notice.copy_markdown)),
        previous_facts=(tuple(notice.facts_written),) if notice.facts_written else (),
    )
