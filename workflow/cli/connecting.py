"""What carries mail beside the account that is signed in: further mailboxes, and a mail relay."""

from __future__ import annotations

import functools
import os
from pathlib import Path

from workflow.cli.opening import connect_google, emulator_of, rehearsal_folder
from workflow.config import REHEARSAL, ConfigBad, Settings
from workflow.flows import signing_in
from workflow.google import Endpoint, Google, connect
from workflow.google.endpoint import is_loopback
from workflow.mail_relay.relay import Relay
from workflow.mail_relay.secret import read_password
from workflow.mail_relay.settings import PASSWORD_VARIABLE, Smtp


def connect_google_as(settings: Settings, mailbox: str) -> Google:
    """The same Google as the owner of one of several mailboxes.

    A sign-in that can't act for others is whoever it is; the caller asks.
    """
    emulator = emulator_of(settings)
    rehearses = emulator is not None and emulator.place == REHEARSAL
    if settings.config.sign_in.kind != "service_account" and not rehearses:
        return connect_google(settings)
    endpoint = emulator.endpoint if emulator else Endpoint()
    session = functools.partial(
        signing_in.mailbox_session_of,
        settings,
        mailbox,
        emulator,
        _rehearsal_key(settings) if rehearses else None,
    )
    return connect(endpoint, session, settings.config.sending.timeout_seconds)


def _rehearsal_key(settings: Settings) -> Path:
    from workflow.rehearsal.oauth.service_account import ensure_key  # noqa: PLC0415

    return ensure_key(rehearsal_folder(settings))


def connect_relay(settings: Settings) -> Relay:
    """The profile's SMTP relay. A rehearsal has its own; beside a stand-in for Google, only one
    on the same machine will do. Raises `ConfigBad`."""
    smtp = settings.config.smtp
    emulator = emulator_of(settings)
    if emulator is not None and emulator.place == REHEARSAL:
        smtp = _rehearsals_relay(settings)
    elif emulator is not None and not _may_be_used_beside(settings, smtp):
        raise ConfigBad(
            f"Google is {emulator.root_url} here, a stand-in, and [smtp] host {smtp.host} is "
            "another machine: customers would get these mails. Name a relay on this machine."
        )
    return Relay(
        smtp,
        functools.partial(
            read_password, smtp, settings.home, os.environ.get(PASSWORD_VARIABLE, "")
        ),
        timeout_seconds=settings.config.sending.timeout_seconds,
    )


def _may_be_used_beside(settings: Settings, smtp: Smtp) -> bool:
    return is_loopback(smtp.host) or smtp.host in settings.config.google_url_hosts


def _rehearsals_relay(settings: Settings) -> Smtp:
    from workflow.rehearsal.lifecycle import ensure_running  # noqa: PLC0415

    server = ensure_running(rehearsal_folder(settings))
    return Smtp(
        "127.0.0.1",
        server.smtp_port,
        "none",
        local_hostname="localhost",
        daily_limit=settings.config.smtp.daily_limit,
        messages_per_minute=settings.config.smtp.messages_per_minute,
    )
