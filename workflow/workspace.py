"""Everything that a job needs: the ledger, Google, the time, and who is asking."""

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
from workflow.ledger import incidents
from workflow.ledger.databases.audit import Acting
from workflow.ledger.databases.storage import Ledger, open_ledger
from workflow.ledger.faults import UnknownIncident
from workflow.model import Incident

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

    from workflow.chat.channels import Chats
    from workflow.smtp import Relay

# No vowels and no lookalikes: people read ids out over the phone.
_ALPHABET = "23456789bcdfghjkmnpqrstvwxz"


@dataclass(frozen=True)
class ThisRun:
    """One run of a command: its id, and a hash of everything that was asked."""

    id: str
    command: str
    words_key: str


@dataclass
class Workspace:
    """One person at one machine, with one profile.

    `now` gives the time of statements (in a rehearsal: the story's time); `wall` is the clock for
    leases and quotas. Both give aware datetimes. `person` is user@host, `command` the name of the
    command. `connect_as` connects to one of several mailboxes; `place` names the Google server of
    all of them. `run` is this run of a command that records something, None for other commands.
    `on_incident` is told which incident was chosen, and how many, if several are open. `at_the_end`
    reads what the end of a run needs in the last transaction of a job, if it has one.
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
    command: str = ""
    run: ThisRun | None = None
    on_incident: Callable[[Incident, int], None] | None = None
    at_the_end: Callable[[Connection], None] = lambda _connection: None

    @cached_property
    def ledger(self) -> Ledger:
        """The ledger, opened on first use. This person's changes go into its audit trail."""
        ledger = open_ledger(self.settings.database_url)
        ledger.acting = Acting(self.person, self.command, self.now)
        return ledger

    @cached_property
    def google(self) -> Google:
        """Google, connected on first use. Raises `SignInNeeded`."""
        return self.connect()

    @cached_property
    def chats(self) -> Chats:
        """The chats in which colleagues are notified."""
        return self.open_chats()

    def google_as(self, mailbox: str) -> Google:
        """Google as the owner of a mailbox; "" for the signed-in person. Raises `SignInNeeded`."""
        if not mailbox:
            return self.google
        if mailbox not in self._mailboxes:
            self._mailboxes[mailbox] = self.connect_as(mailbox)
        return self._mailboxes[mailbox]

    @cached_property
    def relay(self) -> Relay:
        """The SMTP relay, connected when the first mail is handed over."""
        return self.open_relay()

    @cached_property
    def _mailboxes(self) -> dict[str, Google]:
        return {}

    def close(self) -> None:
        """Close the ledger and every connection."""
        opened = vars(self)  # `cached_property` keeps what was opened here
        for google in opened.get("_mailboxes", {}).values():
            google.close()
        if "relay" in opened:
            self.relay.close()
        if "google" in opened:
            self.google.close()
        if "ledger" in opened:
            self.ledger.close()

    def incident(self) -> Incident:
        """The incident that the person means. Raises `UnknownIncident`.

        If several are open, the first call tells `on_incident` which one it is.
        """
        with self.ledger.read() as connection:
            return self.incident_in(connection)

    def incident_in(self, connection: Connection) -> Incident:
        """The same as `incident`, within a connection that is already open."""
        profile = self.settings.profile
        found = incidents.find_incident(
            connection, self.incident_reference, profile=profile, person=self.person
        )
        tell, self.on_incident = self.on_incident, None
        others = incidents.others_open(connection, found.id, profile=profile) if tell else 0
        if tell and others:
            tell(found, others)
        return found


def open_incident(workspace: Workspace) -> Incident | None:
    """The person's current incident, if it is open."""
    try:
        incident = workspace.incident()
    except UnknownIncident:
        return None
    return incident if incident.closed_at is None else None


def current_id(workspace: Workspace) -> str:
    """The id of the incident that a command without `--incident` is about; "" for none."""
    with workspace.ledger.read() as connection:
        try:
            return incidents.find_incident(
                connection, "", profile=workspace.settings.profile, person=workspace.person
            ).id
        except UnknownIncident:
            return ""


def go_back_to(workspace: Workspace, incident: Incident) -> None:
    """Make an incident the current one again."""
    with workspace.ledger.write() as connection:
        incidents.make_current(
            connection,
            incident.id,
            profile=workspace.settings.profile,
            person=workspace.person,
        )


def new_id(length: int = 8) -> str:
    """A short random id that is easy to type and to read out."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(length))
