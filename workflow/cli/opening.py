"""Opening the workspace of a run: which profile, which ledger, which Google, what time it is."""

from __future__ import annotations

import functools
import getpass
import os
import socket
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from workflow.cli.commands import Asked
from workflow.config import REHEARSAL, Settings, load_settings
from workflow.flows import signing_in
from workflow.flows.steady_clock import SteadyClock
from workflow.flows.workspace import Workspace
from workflow.google import Emulator, Endpoint, Google, connect
from workflow.google.endpoint import origin

if TYPE_CHECKING:
    from workflow.colleagues.telling import Chats
    from workflow.mail_relay.relay import Relay

# In a rehearsal the story's time can be set, so that a day's incident takes a minute.
STORY_TIME = "POSTMORTEM_REHEARSAL_NOW"


def open_workspace(asked: Asked) -> Workspace:
    """The workspace for the profile that was asked for, closed when the command ends.

    Raises `ConfigBad`.
    """
    settings = signing_in.as_granted(load_settings(os.environ, asked.profile))
    steady = SteadyClock(_wall_clock, time.monotonic)
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
        incident_reference=asked.incident or os.environ.get("POSTMORTEM_INCIDENT", ""),
    )
    asked.closing.callback(workspace.close)
    return workspace


def connect_google(settings: Settings) -> Google:
    """The Google of the profile: a server that was named, the rehearsal's, or the real one."""
    config = settings.config
    emulator = emulator_of(settings)
    if emulator is None:
        endpoint, session = Endpoint(), lambda: signing_in.google_session_of(settings)
    else:
        token = config.google_url_token
        endpoint = emulator.endpoint
        session = functools.partial(emulator.session, settings.token_path, token)
    return connect(endpoint, session, config.sending.timeout_seconds)


def _place(settings: Settings) -> str:
    """What this profile's Google is remembered by; nothing is started for it.

    A stand-in on this machine has another port whenever it is started anew.
    """
    url = settings.config.google_url
    if settings.profile == REHEARSAL or (url and Endpoint(url).is_loopback):
        return "a stand-in on this machine"
    return origin(url) if url else "Google"


def _connect_google_as(settings: Settings, mailbox: str) -> Google:
    from workflow.cli.connecting import connect_google_as  # noqa: PLC0415 - seldom needed

    return connect_google_as(settings, mailbox)


def _connect_relay(settings: Settings) -> Relay:
    from workflow.cli.connecting import connect_relay  # noqa: PLC0415 - seldom needed

    return connect_relay(settings)


def open_chats(settings: Settings) -> Chats:
    """The chats of the profile: real ones, or those of the server that stands in for Google."""
    from workflow.colleagues.telling import Chats  # noqa: PLC0415

    emulator = emulator_of(settings)
    return Chats(settings.config_path, stand_in=emulator.root_url if emulator else "")


def emulator_of(settings: Settings) -> Emulator | None:
    """The stand-in for Google that the profile means, started where it is ours; None for Google."""
    url = settings.config.google_url
    if url:
        return Emulator(url, place=origin(url))
    if settings.profile != REHEARSAL:
        return None
    from workflow.rehearsal.lifecycle import ensure_running  # noqa: PLC0415

    # Its port changes with every start, and its sign-ins outlive it.
    return Emulator(ensure_running(rehearsal_folder(settings)).base_url, place=REHEARSAL)


def rehearsal_folder(settings: Settings) -> Path:
    """Where the rehearsal Google keeps its world."""
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
    """The time by the clock of a ledger that is open: those who share one have to agree on it."""
    opened = vars(workspace)  # where `cached_property` keeps what was opened
    return workspace.ledger.clock(here) if "ledger" in opened else here


def _wall_clock() -> datetime:
    return datetime.now(UTC)


def _story_clock(settings: Settings) -> Callable[[], datetime]:
    told = os.environ.get(STORY_TIME, "")
    if settings.profile != REHEARSAL or not told:
        return _wall_clock
    offset = datetime.fromisoformat(told).astimezone(UTC) - _wall_clock()
    return lambda: _wall_clock() + offset
