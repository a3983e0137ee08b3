"""What every job needs: the ledger, Google, the time, and who is asking."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from workflow.config import Settings
from workflow.google import Google
from workflow.incident import Incident
from workflow.ledger import incidents
from workflow.ledger.storage import Ledger, open_ledger

if TYPE_CHECKING:
    from workflow.colleagues.telling import Chats
    from workflow.mail_relay.relay import Relay

# No vowels and nothing that looks like something else: ids are read out over the phone.
_ALPHABET = "23456789bcdfghjkmnpqrstvwxz"


@dataclass
class Workspace:
    """One person at one machine, with one profile.

    `now` is when things are said (in a rehearsal: the story's time); `wall` is the clock that
    leases and quotas go by. Both give aware datetimes. `person` is user@host. `connect_as` is for
    one of several mailboxes; `place` names the Google that all of them are at.
    """

    settings: Settings
    person: str
    templates: Path
    now: Callable[[], datetime]
    wall: Callable[[], datetime]
    connect: Callable[[], Google]
    connect_as: Callable[[str], Google]
    open_relay: Callable[[], Relay]
    place: str
    open_chats: Callable[[], Chats]
    incident_reference: str = ""

    @cached_property
    def ledger(self) -> Ledger:
        """The ledger, opened when first needed."""
        return open_ledger(self.settings.database_url)

    @cached_property
    def google(self) -> Google:
        """Google, connected when first needed. Raises `SignInNeeded`."""
        return self.connect()

    @cached_property
    def chats(self) -> Chats:
        """The chats in which colleagues are told."""
        return self.open_chats()

    def google_as(self, mailbox: str) -> Google:
        """Google as the owner of a mailbox; "" is who is signed in. Raises `SignInNeeded`."""
        if not mailbox:
            return self.google
        if mailbox not in self._mailboxes:
            self._mailboxes[mailbox] = self.connect_as(mailbox)
        return self._mailboxes[mailbox]

    @cached_property
    def relay(self) -> Relay:
        """The SMTP relay, connected when a mail is first handed to it."""
        return self.open_relay()

    @cached_property
    def _mailboxes(self) -> dict[str, Google]:
        return {}

    def close(self) -> None:
        """Let go of the ledger and of every connection, where there are any."""
        opened = vars(self)  # where `cached_property` keeps what was opened
        for google in opened.get("_mailboxes", {}).values():
            google.close()
        if "relay" in opened:
            self.relay.close()
        if "google" in opened:
            self.google.close()
        if "ledger" in opened:
            self.ledger.close()

    def incident(self) -> Incident:
        """The incident that the person means. Raises `UnknownIncident`."""
        with self.ledger.read() as connection:
            return incidents.find_incident(
                connection,
                self.incident_reference,
                profile=self.settings.profile,
                person=self.person,
            )


def new_id(length: int = 8) -> str:
    """A short random id that can be typed and read out."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(length))
