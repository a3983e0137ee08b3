"""Signing in at Google and out again, and what a sign-in allows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from workflow.config import ConfigBad, Settings
from workflow.flows.faults import BadInput, NotSetUp
from workflow.google import (
    Emulator,
    LoggedOut,
    SignIn,
    SignInNeeded,
    google_session,
    logout,
    sign_in_status,
)
from workflow.google.scopes import (
    COMPOSE,
    SEND,
    missing_scopes,
    scopes_for,
    sends_in_one_step,
    short_name,
)
from workflow.google.sign_in import access_until
from workflow.google.token_file import forget_token, is_in_keyring, move_to_keyring

if TYPE_CHECKING:
    import requests

_WAYS = {"service_account": "a service account", "adc": "the machine's own credentials"}


@dataclass(frozen=True)
class LoginRequest:
    """What a person asks for when signing in. `client` None: the configured file.

    `port` 0 takes a free one. `wishes` are scopes beside the usual ones, by their short names.
    """

    client: Path | None
    port: int
    wishes: tuple[str, ...]
    timeout_seconds: float


@dataclass(frozen=True)
class Standing:
    """Who is signed in. `missing` are the short names of scopes that the config asks for."""

    account: str
    scopes: tuple[str, ...]
    missing: tuple[str, ...]
    access_until: datetime
    token_path: Path


def configured_scopes(settings: Settings) -> tuple[str, ...]:
    """The scopes (whole addresses) that the config asks for. Raises `ConfigBad`."""
    try:
        return scopes_for(settings.config.scopes)
    except ValueError as bad:
        raise ConfigBad(f"{settings.config_path}: scopes: {bad}") from bad


def as_granted(settings: Settings) -> Settings:
    """The settings, with mail sent in one step where no draft may be made.

    Looks at the config and at the stored sign-in; Google is not asked.
    """
    one_step = COMPOSE not in configured_scopes(settings) or _granted_send_alone(settings)
    if not one_step or settings.config.sending.one_step:
        return settings
    sending = replace(settings.config.sending, one_step=True)
    return replace(settings, config=replace(settings.config, sending=sending))


def google_session_of(settings: Settings) -> requests.Session:
    """A session for the real Google, in the way that the config names. Raises SignInNeeded."""
    way = settings.config.sign_in
    scopes = configured_scopes(settings)
    if settings.config.sending.one_step:
        scopes = tuple(SEND if scope == COMPOSE else scope for scope in scopes)
    if way.kind == "person":
        return google_session(settings.token_path, scopes)
    # A key or the machine's credentials bring in a quarter more of google-auth.
    from workflow.google.unattended import (  # noqa: PLC0415
        machine_session,
        service_account_session,
    )

    if way.kind == "service_account":
        key = settings.home / Path(way.file).expanduser()
        return service_account_session(key, way.subject, scopes)
    return machine_session(scopes)


def mailbox_session_of(
    settings: Settings, mailbox: str, emulator: Emulator | None, key: Path | None
) -> requests.Session:
    """A session of the service account as the owner of one mailbox. Raises SignInNeeded.

    `key` is the file of a rehearsal's own account; None: the configured one. A stand-in for Google
    is shown a key of its own alone.
    """
    from workflow.google.unattended import (  # noqa: PLC0415
        refuse_key_of_another,
        service_account_session,
    )

    scopes = configured_scopes(settings)
    if settings.config.sending.one_step:
        scopes = tuple(SEND if scope == COMPOSE else scope for scope in scopes)
    if key is not None and emulator is not None:
        return service_account_session(key, mailbox, scopes, token_uri=emulator.token_uri)
    file = settings.home / Path(settings.config.sign_in.file).expanduser()
    if emulator is not None:
        refuse_key_of_another(file, emulator.token_uri)
    return service_account_session(file, mailbox, scopes)


def sign_in(
    settings: Settings,
    emulator: Emulator | None,
    request: LoginRequest,
    *,
    announce: Callable[[str], None],
    open_browser: Callable[[str], object],
) -> SignIn:
    """Sign a person in, in the browser, and remember it.

    Raises `BadInput`, `NotSetUp`, `ConfigBad` or a `GoogleFault`.
    """
    _refuse_other_ways(settings)
    from workflow.google.login import login  # noqa: PLC0415 - brings in oauthlib

    try:
        asked = scopes_for((*settings.config.scopes, *request.wishes))
    except ValueError as bad:
        raise BadInput(f"--scope: {bad}") from bad
    in_keyring = settings.config.sign_in.keep == "keyring"
    if in_keyring and not is_in_keyring(settings.token_path):
        move_to_keyring(settings.token_path)
    elif not in_keyring and is_in_keyring(settings.token_path):
        forget_token(settings.token_path)
    return login(
        emulator or request.client or settings.client_path,
        settings.token_path,
        asked,
        open_browser=open_browser,
        port=request.port,
        announce=announce,
        timeout_seconds=request.timeout_seconds,
    )


def standing_of(settings: Settings) -> Standing:
    """Who is signed in, by the file alone. Raises `NotSetUp` or SignInNeeded."""
    _refuse_other_ways(settings)
    held = sign_in_status(settings.token_path)
    wanted = configured_scopes(as_granted(settings))
    if sends_in_one_step(held.scopes):
        wanted = tuple(SEND if scope == COMPOSE else scope for scope in wanted)
    return Standing(
        account=held.email,
        scopes=tuple(short_name(scope) for scope in held.scopes),
        missing=tuple(short_name(scope) for scope in missing_scopes(held.scopes, wanted)),
        access_until=access_until(settings.token_path),
        token_path=settings.token_path,
    )


def sign_out(settings: Settings, emulator: Emulator | None) -> LoggedOut:
    """Forget the sign-in, and have it withdrawn where it was given."""
    if emulator is None:
        return logout(settings.token_path)
    return logout(settings.token_path, revoke_url=emulator.revoke_uri)


def _granted_send_alone(settings: Settings) -> bool:
    try:
        return sends_in_one_step(sign_in_status(settings.token_path).scopes)
    except SignInNeeded:  # said when Google is called, and not before
        return False


def _refuse_other_ways(settings: Settings) -> None:
    way = _WAYS.get(settings.config.sign_in.kind)
    if way:
        raise NotSetUp(
            f"The config signs in with {way}, so nobody signs in by hand. See that it works with "
            "`postmortem doctor`."
        )
