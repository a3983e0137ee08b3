"""Withdrawing what of a notice has not left: drafts that wait, or mails still to be made."""

from __future__ import annotations

from datetime import timedelta

from workflow.flows.delivering import gmail_of
from workflow.flows.faults import BadInput
from workflow.flows.holders import holder_name
from workflow.flows.workspace import Workspace
from workflow.google.faults import Refused
from workflow.google.gmail import Gmail
from workflow.incident import DeliveryState
from workflow.ledger import claims, deliveries
from workflow.ledger.deliveries import Delivery
from workflow.ledger.notices import Notice

_UNSENT = (DeliveryState.DRAFTED, DeliveryState.DRAFTING, DeliveryState.PLANNED)
_BATCH = 50
_LEASE = timedelta(minutes=2)
_REASON = "withdrawn before it was sent"


def discard(workspace: Workspace, notice: Notice) -> int:
    """Withdraw a notice's unsent mails; their customers count as not told. Returns how many.

    A draft is deleted before its row says so: stopped half way, the rest is withdrawn by the same
    command again. Raises `BadInput` where nothing is left to withdraw, and `GoogleFault`.
    """
    with workspace.ledger.read() as connection:
        mailboxes = deliveries.senders_with_work(connection, notice.id)
    if not mailboxes:
        raise BadInput(
            f"Notice {notice.id} has no mail that can be withdrawn: none of it is still to be sent."
        )
    return sum(_discard_from(workspace, notice, mailbox) for mailbox in mailboxes)


def _discard_from(workspace: Workspace, notice: Notice, mailbox: str) -> int:
    """Delete one mailbox's drafts; "" is the notice's own. In another no draft would be found."""
    holder = holder_name()
    count = 0
    while taken := _claim(workspace, notice, mailbox, holder):
        for delivery in taken:
            if delivery.draft_id:  # without one Google need not be asked, or be there at all
                _delete(gmail_of(workspace, notice, mailbox), delivery)
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


def _claim(workspace: Workspace, notice: Notice, mailbox: str, holder: str) -> list[Delivery]:
    now = workspace.wall()
    with workspace.ledger.write() as connection:
        return claims.claim(
            connection,
            notice.id,
            sender=mailbox,
            holder=holder,
            gone=(),
            limit=_BATCH,
            now=now,
            until=now + _LEASE,
            states=_UNSENT,
        )


def _delete(gmail: Gmail, delivery: Delivery) -> None:
    try:
        gmail.delete_draft(delivery.draft_id)
    except Refused as refused:
        if refused.status != 404:  # gone already: somebody deleted it, or sent it by hand
            raise
