"""Compare a plan with earlier notices: changed text, missing customers."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from datetime import datetime

from workflow.ledger import notices
from workflow.mail.faces import parse_body, text_face
from workflow.mail.template import RenderedMail
from workflow.model import Incident, Stage
from workflow.notice.recipients import Count
from workflow.workspace import Workspace


@dataclass(frozen=True)
class Earlier:
    """The last notice of the incident, compared with the new one.

    `changed` are added (`+ `) and removed (`- `) lines. `not_on_list` counts customers who were
    notified before and are not on this list.
    """

    stage: Stage
    said_at: datetime
    changed: tuple[str, ...]
    not_on_list: int


def compare_with_last(
    workspace: Workspace, incident: Incident, copy: RenderedMail, count: Count
) -> Earlier | None:
    """Compare the last notice with the new text and list; None for the first notice."""
    with workspace.ledger.read() as connection:
        sent = notices.notices_of(connection, incident.id)
        customers = notices.count_customers(connection, incident.id)
    if not sent:
        return None
    last = sent[-1]
    before = _lines(RenderedMail(last.subject, last.copy_markdown))
    lines = difflib.ndiff(before, _lines(copy))
    changed = tuple(line for line in lines if line[:2] in {"+ ", "- "} and line[2:].strip())
    suppressed = sum(each.was_told for each in count.do_not_mail)
    on_list = count.follow_ups + count.has_it + suppressed
    return Earlier(last.stage, last.said_at, changed, max(0, customers - on_list))


def _lines(mail: RenderedMail) -> list[str]:
    return [f"Subject: {mail.subject}", *text_face(parse_body(mail.markdown)).splitlines()]
