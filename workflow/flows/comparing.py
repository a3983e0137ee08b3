"""A plan beside what was sent before: how the words changed, who is missing, what is left."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from datetime import datetime

from workflow.flows.list_reading import Count
from workflow.flows.workspace import Workspace
from workflow.incident import Incident, Stage
from workflow.ledger import notices
from workflow.mail.faces import parse_body, text_face
from workflow.mail.template import RenderedMail


@dataclass(frozen=True)
class Earlier:
    """The last notice of the incident, held against the new one.

    `changed` are lines that came (`+ `) and went (`- `); `not_on_list` is how many customers were
    told something before and are not on this list.
    """

    stage: Stage
    said_at: datetime
    changed: tuple[str, ...]
    not_on_list: int


def compare_with_last(
    workspace: Workspace, incident: Incident, copy: RenderedMail, count: Count
) -> Earlier | None:
    """The last notice against the new words and list; None for the first notice."""
    with workspace.ledger.read() as connection:
        sent = notices.notices_of(connection, incident.id)
        customers = notices.count_customers(connection, incident.id)
    if not sent:
        return None
    last = sent[-1]
    before = _lines(RenderedMail(last.subject, last.copy_markdown))
    lines = difflib.ndiff(before, _lines(copy))
    changed = tuple(line for line in lines if line[:2] in {"+ ", "- "} and line[2:].strip())
    on_list = count.follow_ups + count.has_it
    return Earlier(last.stage, last.said_at, changed, max(0, customers - on_list))


def _lines(mail: RenderedMail) -> list[str]:
    return [f"Subject: {mail.subject}", *text_face(parse_body(mail.markdown)).splitlines()]
