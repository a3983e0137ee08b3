"""Open the workspace of a run: profile, ledger, Google and time.

Also connects further mailboxes and the mail relay.
"""

from __future__ import annotations

import functools
import getpass
import os
import socket
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import available_timezones

from google_rehearsal import lifecycle
from google_rehearsal.oauth import grants
from workflow import same_command
from workflow import smtp as relay
from workflow.announce import reminders
from workflow.chat import channels
from workflow.config import REHEARSAL, ConfigBad, Settings, load_settings
from workflow.google.client import Google, connect
from workflow.google.endpoint import Emulator, Endpoint, is_loopback, origin
from workflow.ledger import faults, incidents
from workflow.record import one_customer
from workflow.setup import init
from workflow.smtp import PASSWORD_VARIABLE, Smtp, read_password
from workflow.standing import closing_checks
from workflow.times.clocks import SteadyClock, seconds_since_boot
from workflow.workspace import Workspace

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

    from workflow.chat.channels import Chats
    from workflow.cli.app import Asked
    from workflow.model import Incident


# After these commands a reminder may have to be planned, sent or withdrawn.
_REMINDING = frozenset(
    {"notify", "resume", "close", "reopen", "snooze", "sync", "watch", "edit", "status"}
)
# In a rehearsal the story's time can be set, so that an incident's day takes a minute.
STORY_TIME = "POSTMORTEM_REHEARSAL_NOW"
# The zone of its incidents, whatever the config says.
STORY_ZONE = "POSTMORTEM_REHEARSAL_ZONE"


def open_workspace(asked: Asked) -> Workspace:
    """The workspace for the requested profile, closed when the command ends.

    Raises `ConfigBad`.
    """
    settings = _in_story(init.as_granted(load_settings(os.environ, asked.profile)))
    steady = SteadyClock(_wall_clock, seconds_since_boot)
    workspace = Workspace(
        settings=settings,
        person=f"{_user()}@{socket.gethostname()}",
        templates=shipped_templates(),
        now=_story_clock(settings),
        wall=lambda: _by_the_ledger(workspace, steady()),
        connect=lambda: connect_google(settings),
        connect_as=lambda mailbox: _connect_google_as(settings, mailbox),
        open_relay=lambda: _connect_relay(settings),
        place=_place(settings),
        open_chats=lambda: open_chats(settings),
        command=asked.command,
        incident_reference=asked.incident or os.environ.get("POSTMORTEM_INCIDENT", ""),
    )
    if asked.names_incident:
        workspace.on_incident = functools.partial(_name_incident, asked)
    asked.closing.callback(workspace.close)
    overdue = _Overdue(workspace)
    workspace.at_the_end = overdue.look
    asked.closing.callback(lambda: _at_the_end(asked, workspace, overdue))
    asked.when_told = lambda: _note_told(workspace)
    asked.kept_words = lambda: _kept_words(workspace)
    return workspace


def _name_incident(asked: Asked, incident: Incident, others: int) -> None:
    """Say which incident a command is about, if several are open."""
    if asked.speaker.loudness >= 0:
        more = "1 other is open" if others == 1 else f"{others} others are open"
        asked.speaker.notice(f"Incident {incident.id}: {incident.title[:60]} ({more})")


class _Overdue:
    """The incidents with an overdue update, looked up once at the end of a run.

    A worker also checks at the end of each notice: a result older than a minute is looked up again.
    """

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._found: list[str] = []
        self._looked_at: datetime | None = None

    def look(self, connection: Connection) -> None:
        """Look them up in a transaction that is already open."""
        profile = self._workspace.settings.profile
        self._looked_at = self._workspace.now()
        self._found = incidents.incidents_overdue(connection, self._looked_at, profile=profile)

    def incidents(self) -> list[str]:
        """Their ids."""
        last = self._looked_at
        if last is None or self._workspace.now() - last > timedelta(minutes=1):
            with self._workspace.ledger.read() as connection:
                self.look(connection)
        return self._found


def _at_the_end(asked: Asked, workspace: Workspace, overdue: _Overdue) -> None:
    """What every command also does: report overdue updates, forget old customers."""
    if "ledger" not in vars(workspace):  # `cached_property` keeps what was opened here
        return

    with suppress(faults.LedgerUnavailable):
        if asked.command in _REMINDING and workspace.settings.config.announce:
            for problem in reminders.settle(workspace):
                asked.speaker.warn(problem)
        _say_overdue(asked, workspace, overdue)
        if workspace.settings.config.retention_days:
            count = one_customer.forget_after_retention(workspace)
            if count:
                asked.speaker.say(
                    f"Forgot the customers of {count:,} "
                    f"{'email' if count == 1 else 'emails'} of incidents that were closed more "
                    f"than {workspace.settings.config.retention_days} days ago."
                )


def _say_overdue(asked: Asked, workspace: Workspace, overdue: _Overdue) -> None:
    """Report late updates to customers on stderr."""
    late = overdue.incidents()
    if late:
        for sentence in closing_checks.overdue_sentences(workspace, late):
            asked.speaker.warn(sentence)


def _note_told(workspace: Workspace) -> None:
    """Try to write down that the person was told how this run ended."""
    if workspace.run is None:
        return

    with suppress(faults.LedgerUnavailable):
        same_command.note_told(workspace)


def _kept_words(workspace: Workspace) -> str:
    """Whether the person's input is recorded, if this run should record it."""
    if workspace.run is None:
        return ""

    try:
        if same_command.is_recorded(workspace):
            return "Your input is recorded. Later: postmortem sync"
    except faults.LedgerUnavailable:
        return "It is unknown whether your input is recorded. Check with: postmortem show"
    return "Your input was not recorded."


def connect_google(settings: Settings) -> Google:
    """The profile's Google: a configured server, the rehearsal's, or the real one."""
    config = settings.config
    emulator = emulator_of(settings)
    if emulator is None:
        endpoint, session = Endpoint(), lambda: init.google_session_of(settings)
    else:
        token = config.google_url_token
        endpoint = emulator.endpoint
        session = functools.partial(emulator.session, settings.token_path, token)
    return connect(endpoint, session, config.sending.timeout_seconds)


def _place(settings: Settings) -> str:
    """The name that identifies this profile's Google; starts nothing.

    A rehearsal server has a new port each time it starts.
    """
    url = settings.config.google_url
    if settings.profile == REHEARSAL or (url and Endpoint(url).is_loopback):
        return "a rehearsal server on this machine"
    return origin(url) if url else "Google"


def _connect_google_as(settings: Settings, mailbox: str) -> Google:

    return connect_google_as(settings, mailbox)


def _connect_relay(settings: Settings) -> relay.Relay:

    return connect_relay(settings)


def open_chats(settings: Settings) -> Chats:
    """The profile's chats: real ones, or those of the rehearsal server."""
    emulator = emulator_of(settings)
    if emulator is None:
        return channels.Chats(settings.config_path)
    return channels.Chats(
        settings.config_path, stand_in=emulator.root_url, stand_in_secret=emulator.secret
    )


def emulator_of(settings: Settings) -> Emulator | None:
    """The profile's rehearsal server, started if it is ours; None for Google."""
    url = settings.config.google_url
    if url:
        return Emulator(url, place=origin(url))
    if settings.profile != REHEARSAL:
        return None

    # Its port changes with every start, but its sign-ins stay valid.
    server = lifecycle.ensure_running(rehearsal_folder(settings))
    return Emulator(server.base_url, place=REHEARSAL, secret=server.secret)


def rehearsal_folder(settings: Settings) -> Path:
    """The folder of the rehearsal Google's data."""
    return settings.home / REHEARSAL / "google"


def shipped_templates() -> Path:
    """The templates that come with this program: inside the package, or beside it in a checkout."""
    package = Path(__file__).resolve().parent.parent
    inside = package / "templates"
    return inside if inside.is_dir() else package.parent / "templates"


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid()) if hasattr(os, "getuid") else "somebody"


def _by_the_ledger(workspace: Workspace, here: datetime) -> datetime:
    """The open ledger's time: processes that share a ledger must agree on it."""
    opened = vars(workspace)  # `cached_property` keeps what was opened here
    return workspace.ledger.clock(here) if "ledger" in opened else here


def _wall_clock() -> datetime:
    return datetime.now(UTC)


def _in_story(settings: Settings) -> Settings:
    """The settings of a rehearsal whose story has its own time zone."""
    zone = os.environ.get(STORY_ZONE, "")
    if settings.profile != REHEARSAL or zone not in available_timezones():
        return settings
    return replace(settings, config=replace(settings.config, time_zone=zone))


def _story_clock(settings: Settings) -> Callable[[], datetime]:
    told = os.environ.get(STORY_TIME, "")
    if not told:
        return _wall_clock
    if settings.profile != REHEARSAL:  # a drill's command, pasted where its profile isn't set
        raise ConfigBad(
            f"{STORY_TIME} is set, so this is a command of a drill, and the profile is "
            f"{settings.profile}. Nothing was done. Add --profile {REHEARSAL}."
        )
    try:
        offset = datetime.fromisoformat(told).astimezone(UTC) - _wall_clock()
    except (ValueError, OverflowError):
        raise ConfigBad(
            f"{STORY_TIME} is {told!r}. It is a time with its zone: 2026-11-24T14:30:00+01:00."
        ) from None
    return lambda: _wall_clock() + offset


def connect_google_as(settings: Settings, mailbox: str) -> Google:
    """The same Google as the owner of one of several mailboxes.

    A sign-in that can't act for others has one account; the caller checks it.
    """
    emulator = emulator_of(settings)
    rehearses = emulator is not None and emulator.place == REHEARSAL
    if settings.config.sign_in.kind != "service_account" and not rehearses:
        return connect_google(settings)
    endpoint = emulator.endpoint if emulator else Endpoint()
    session = functools.partial(
        init.mailbox_session_of,
        settings,
        mailbox,
        emulator,
        _rehearsal_key(settings) if rehearses else None,
    )
    return connect(endpoint, session, settings.config.sending.timeout_seconds)


def _rehearsal_key(settings: Settings) -> Path:
    return grants.ensure_key(rehearsal_folder(settings))


def connect_relay(settings: Settings) -> relay.Relay:
    """The profile's SMTP relay.

    A rehearsal has its own; with a rehearsal server, only one on the same machine is allowed.
    Raises `ConfigBad`.
    """
    smtp = settings.config.smtp
    emulator = emulator_of(settings)
    if emulator is not None and emulator.place == REHEARSAL:
        smtp = _rehearsals_relay(settings)
    elif emulator is not None and not _may_be_used_beside(settings, smtp):
        raise ConfigBad(
            f"Google is {emulator.root_url} here, a rehearsal server, and [smtp] host {smtp.host} "
            "is "
            "another machine: customers would get these mails. Name a relay on this machine."
        )
    return relay.Relay(
        smtp,
        functools.partial(read_password, smtp, os.environ.get(PASSWORD_VARIABLE, "")),
        timeout_seconds=settings.config.sending.timeout_seconds,
    )


def _may_be_used_beside(settings: Settings, smtp: Smtp) -> bool:
    return is_loopback(smtp.host) or smtp.host in settings.config.google_url_hosts


def _rehearsals_relay(settings: Settings) -> Smtp:
    server = lifecycle.ensure_running(rehearsal_folder(settings))
    return Smtp(
        "127.0.0.1",
        server.smtp_port,
        "none",
        local_hostname="localhost",
        daily_limit=settings.config.smtp.daily_limit,
        messages_per_minute=settings.config.smtp.messages_per_minute,
    )
