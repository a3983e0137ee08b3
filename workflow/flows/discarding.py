"""Withdrawing a notice that was left as drafts, before anybody got it."""

from __future__ import annotations

from datetime import timedelta

from workflow.flows.faults import BadInput
from workflow.flows.holders import holder_name
from workflow.flows.workspace import Workspace
from workflow.google.faults import Refused
from workflow.incident import DeliveryState
from workflow.ledger import deliveries
from workflow.ledger.deliveries import Delivery
from workflow.ledger.notices import Notice

_UNSENT = (DeliveryState.DRAFTED, DeliveryState.DRAFTING, DeliveryState.PLANNED)
_BATCH = 50
_LEASE = timedelta(minutes=2)
_REASON = "withdrawn before it was sent"


def discard(workspace: Workspace, notice: Notice) -> int:
    """Delete the drafts of a held notice; its customers count as not told. Returns how many.

    A draft is deleted before its row says so: stopped half way, the rest is withdrawn by the same
    command again. Raises `BadInput` for a notice that is not held, and `GoogleFault`.
    """
    if not notice.held:
        raise BadInput("Only a notice that was left as drafts (--draft-only) can be withdrawn.")
    holder = holder_name()
    count = 0
    while taken := _claim(workspace, notice, holder):
        for delivery in taken:
            if delivery.draft_id:
                _delete(workspace, delivery)
            with workspace.ledger.write() as connection:
                deliveries.move(
                    connection,
                    delivery.id,
                    delivery.state,
                    DeliveryState.FAILED,
                    holder=holder,
                    reason=_REASON,
                )
            count += 1
    return count


def _claim(workspace: Workspace, notice: Notice, holder: str) -> list[Delivery]:
    now = workspace.wall()
    with workspace.ledger.write() as connection:
        return deliveries.claim(
            connection,
            notice.id,
            holder=holder,
            gone=(),
            limit=_BATCH,
            now=now,
            until=now + _LEASE,
            states=_UNSENT,
        )


def _delete(workspace: Workspace, delivery: Delivery) -> None:
    try:
        workspace.google.gmail.delete_draft(delivery.draft_id)
    except Refused as refused:
        if refused.status != 404:  # gone already: somebody deleted it, or sent it by hand
            raise
