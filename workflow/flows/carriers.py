"""What carries a mail out of this program: Gmail's API, or an SMTP relay.

A carrier makes one call for one delivery and gives its result; what went wrong comes out as a
`GoogleFault`. It knows nothing of the ledger, and is called from many threads.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple, Protocol

from workflow.flows.delivery_steps import Call
from workflow.google.faults import Undecided
from workflow.google.gmail import Gmail
from workflow.incident import MailTransport
from workflow.ledger.deliveries import Delivery
from workflow.mail.message import ascii_address

if TYPE_CHECKING:
    from workflow.mail_relay.relay import Relay


class Carrier(Protocol):
    """Makes calls for deliveries."""

    @property
    def transport(self) -> MailTransport:
        """What it carries mails by."""

    def message_id(self, delivery: Delivery) -> str:
        """The Message-ID that a mail will have, where that is known before; else ""."""

    def carry(self, delivery: Delivery, call: Call) -> object:
        """Make a call and give its result. Raises GoogleFault, HeaderBad or MessageTooBig."""


class Relayed(NamedTuple):
    """A mail that a relay has taken, and its reply. A relay knows of no threads."""

    message_id: str
    reply: str
    thread_id: str = ""


class GmailCarrier:
    """One mailbox, through Gmail's API."""

    transport = MailTransport.GMAIL

    def __init__(self, gmail: Gmail, write_mail: Callable[[Delivery], bytes]) -> None:
        self._gmail = gmail
        self._write_mail = write_mail

    def message_id(self, _delivery: Delivery) -> str:
        """Gmail gives each mail its own when it sends it."""
        return ""

    def carry(self, delivery: Delivery, call: Call) -> object:
        """As the protocol says."""
        if call is Call.CREATE_DRAFT:
            mail = self._write_mail(delivery)
            return self._gmail.create_draft(mail, delivery.thread_id or None)
        if call is Call.SEND_DRAFT:
            return self._gmail.send_draft(delivery.draft_id)
        if call is Call.LOOK:
            return self._gmail.draft_exists(delivery.draft_id)
        return self._gmail.send_message(self._write_mail(delivery), delivery.thread_id or None)


class RelayCarrier:
    """An SMTP relay. `return_path` is the address to which a mail that bounces comes back."""

    transport = MailTransport.SMTP_RELAY

    def __init__(
        self,
        relay: Relay,
        return_path: str,
        write_mail: Callable[[Delivery], bytes],
        message_id: Callable[[Delivery], str],
    ) -> None:
        self._relay = relay
        self._return_path = return_path
        self._write_mail = write_mail
        self._message_id = message_id

    def message_id(self, delivery: Delivery) -> str:
        """A relay leaves ours as it is."""
        return self._message_id(delivery)

    def carry(self, delivery: Delivery, _call: Call) -> Relayed:
        """As the protocol says."""
        mail = self._write_mail(delivery)
        sender = ascii_address("From", self._return_path)
        recipient = ascii_address("To", delivery.email)
        message_id = self._message_id(delivery)
        try:
            reply = self._relay.send(sender, recipient, mail)
        except Undecided as lost:
            # What an administrator searches the relay's log for.
            lost.sentence = f"{lost.sentence} Its Message-ID is {message_id}"
            raise
        return Relayed(message_id, reply)
