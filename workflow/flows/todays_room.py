"""What may still leave today, and from which mailboxes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from workflow.flows.pacing import DAY
from workflow.flows.workspace import Workspace
from workflow.incident import MailTransport
from workflow.ledger import deliveries, notices


@dataclass(frozen=True)
class Today:
    """What all mailboxes of a plan sent in the last 24 hours, and may send in them together."""

    sent: int
    limit: int

    @property
    def left(self) -> int:
        """How many may still leave today."""
        return max(0, self.limit - self.sent)


def senders_of(workspace: Workspace, transport: MailTransport) -> tuple[str, ...]:
    """The mailboxes among which a list is divided, in lower case; none where there is only one."""
    if transport is not MailTransport.GMAIL:
        return ()
    return tuple(each.lower() for each in workspace.settings.config.senders)


def left_today(workspace: Workspace, senders: tuple[str, ...]) -> dict[str, int]:
    """What each of these mailboxes may still send through Gmail today."""
    limit = workspace.settings.config.sending.daily_limit
    since = workspace.wall() - DAY
    with workspace.ledger.read() as connection:
        return {
            sender: max(0, limit - deliveries.count_sent_since(connection, sender, since))
            for sender in senders
        }


def today(
    workspace: Workspace, transport: MailTransport, left: Mapping[str, int], from_address: str
) -> Today:
    """How full the day is. `left` is each mailbox's room; empty for the one that sent last.

    A relay counts by the address that mails leave from.
    """
    config = workspace.settings.config
    if left:
        limit = config.sending.daily_limit * len(left)
        return Today(limit - sum(left.values()), limit)
    relays = transport is MailTransport.SMTP_RELAY
    limit = config.smtp.daily_limit if relays else config.sending.daily_limit
    since = workspace.wall() - DAY
    with workspace.ledger.read() as connection:
        sender = notices.last_sender(connection, profile=workspace.settings.profile)
        if relays and from_address:
            sender = from_address
        if not sender:
            return Today(0, limit)
        sent = deliveries.count_sent_since(connection, sender, since, transport=transport)
        return Today(sent, limit)
