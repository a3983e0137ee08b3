"""Whether each of several mailboxes can send, and whether the mail relay lets us in."""

from __future__ import annotations

from collections.abc import Iterator

from workflow.config import ConfigBad
from workflow.flows.checkup import Finding, broken, ok
from workflow.flows.delivering import mailbox_of
from workflow.flows.todays_room import left_today, senders_of
from workflow.flows.workspace import Workspace
from workflow.google.faults import GoogleFault
from workflow.incident import MailTransport
from workflow.ledger.faults import LedgerUnavailable
from workflow.mail_relay.settings import Smtp


def examine_senders(workspace: Workspace) -> Iterator[Finding]:
    """One finding for each configured sender; none where the account that signs in sends alone."""
    senders = senders_of(workspace, MailTransport.GMAIL)
    left = _left_today(workspace, senders)
    for sender in senders:
        try:
            mailbox_of(workspace, sender)
        except GoogleFault as fault:
            yield broken("senders", f"{sender}: {fault.sentence}")
        else:
            room = f", {left[sender]:,} left today" if sender in left else ""
            yield ok("senders", f"{sender} can send{room}")


def _left_today(workspace: Workspace, senders: tuple[str, ...]) -> dict[str, int]:
    """What each may still send; nothing where the ledger, which counts it, can't be read."""
    try:
        return left_today(workspace, senders) if senders else {}
    except LedgerUnavailable:  # a finding of its own
        return {}


def examine_relay(workspace: Workspace) -> Iterator[Finding]:
    """Whether the relay that the config names lets us in; nothing is sent."""
    if workspace.settings.config.smtp == Smtp():
        return
    try:
        relay = workspace.relay
        relay.check()
    except ConfigBad as bad:
        yield broken("mail relay", str(bad))
    except GoogleFault as fault:
        yield broken("mail relay", fault.sentence, "See to [smtp] in the config.")
    else:
        yield ok("mail relay", f"{relay.name} lets us in")
