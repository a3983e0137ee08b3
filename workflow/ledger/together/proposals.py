"""Proposed plans: who proposed, approved or refused, and sent them, and when."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Row, insert, select, update
from sqlalchemy.engine import Connection

from workflow.ledger.tables import incidents, known, proposals
from workflow.model import Stage


class ProposalState(StrEnum):
    """The state of a plan. `ALLOWED` has the moves."""

    PROPOSED = "proposed"
    APPROVED = "approved"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"
    SENT = "sent"


_S = ProposalState
ALLOWED: Mapping[ProposalState, frozenset[ProposalState]] = {
    _S.PROPOSED: frozenset({_S.APPROVED, _S.REFUSED, _S.WITHDRAWN}),
    _S.APPROVED: frozenset({_S.REFUSED, _S.WITHDRAWN, _S.SENT}),
    _S.REFUSED: frozenset(),
    _S.WITHDRAWN: frozenset(),
    _S.SENT: frozenset(),
}
# In these states nothing more is sent, so the customers' data is removed.
_OVER = frozenset({_S.REFUSED, _S.WITHDRAWN, _S.SENT})


@dataclass(frozen=True)
class Proposal:
    """A plan as it was proposed.

    `request` is what was asked for and `content` every mail, both packed; None once it is over.
    `copy_markdown` has the wordings with each column as its name. `facts_written` are its lines in
    the doc.
    """

    id: str
    incident_id: str
    plan_hash: str
    stage: Stage
    subject: str
    recipients: int
    copy_markdown: str
    proposed_by: str
    proposed_at: datetime
    state: ProposalState = _S.PROPOSED
    request: bytes | None = field(default=None, repr=False)
    content: bytes | None = field(default=None, repr=False)
    decided_by: str = ""
    decided_at: datetime | None = None
    reason: str = ""
    notice_id: str = ""
    sent_by: str = ""
    sent_at: datetime | None = None
    facts_written: list[str] = field(default_factory=list)

    @property
    def short(self) -> str:
        """The start of the hash, as people read it out: `ab12cd34`."""
        return self.plan_hash[:8]


def add(connection: Connection, proposal: Proposal) -> None:
    """Record a proposed plan."""
    values = {name: getattr(proposal, name) for name in _COLUMNS}
    words = {"stage": proposal.stage.value, "state": proposal.state.value}
    connection.execute(insert(proposals).values(values | words))


def by_hash(connection: Connection, prefix: str, *, profile: str) -> list[Proposal]:
    """The plans whose hash begins with this, the newest first."""
    query = (
        select(proposals)
        .join(incidents, incidents.c.id == proposals.c.incident_id)
        .where(
            proposals.c.plan_hash.startswith(prefix.lower(), autoescape=True),
            incidents.c.profile == profile,
        )
        .order_by(proposals.c.proposed_at.desc(), proposals.c.id)
    )
    return [_proposal(row) for row in connection.execute(query)]


def by_id(connection: Connection, proposal_id: str) -> Proposal:
    """One plan by its id."""
    query = select(proposals).where(proposals.c.id == proposal_id)
    return _proposal(connection.execute(query).one())


def of_notice(connection: Connection, notice_id: str) -> Proposal | None:
    """The plan of a notice; None if nobody proposed it."""
    query = select(proposals).where(proposals.c.notice_id == notice_id)
    row = connection.execute(query).first()
    return None if row is None else _proposal(row)


def of_incident(connection: Connection, incident_id: str) -> list[Proposal]:
    """The incident's plans, the oldest first."""
    query = select(proposals).where(proposals.c.incident_id == incident_id)
    rows = connection.execute(query.order_by(proposals.c.proposed_at, proposals.c.id))
    return [_proposal(row) for row in rows]


def open_ones(connection: Connection) -> list[Proposal]:
    """Every plan that still holds its mails."""
    query = select(proposals).where(proposals.c.content.is_not(None))
    return [_proposal(row) for row in connection.execute(query)]


def move(connection: Connection, proposal_id: str, to: ProposalState, **facts: object) -> bool:
    """Move a plan; False if its state doesn't allow it: another process moved it first."""
    origins = [state.value for state, onward in ALLOWED.items() if to in onward]
    emptied = {"request": None, "content": None} if to in _OVER else {}
    moved = connection.execute(
        update(proposals)
        .where(proposals.c.id == proposal_id, proposals.c.state.in_(origins))
        .values(state=to.value, **emptied, **facts)
    )
    return bool(moved.rowcount == 1)


def set_facts_written(connection: Connection, proposal_id: str, facts: list[str]) -> None:
    """Store a plan's lines as they are in the doc."""
    connection.execute(
        update(proposals).where(proposals.c.id == proposal_id).values(facts_written=facts)
    )


_COLUMNS = tuple(Proposal.__dataclass_fields__)


def _proposal(row: Row[Any]) -> Proposal:
    values = {name: getattr(row, name) for name in _COLUMNS}
    read = {
        "stage": known(Stage, row.stage, f"The stage of plan {row.id}"),
        "state": known(ProposalState, row.state, f"Plan {row.id}"),
    }
    return Proposal(**(values | read))
