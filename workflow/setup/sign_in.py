"""Sign in to Google, sign out, and the permissions of a sign-in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from workflow.config import ConfigBad, Settings
from workflow.errors import BadInput, NotSetUp
from workflow.google import login
from workflow.google import login as browser_login
from workflow.google.endpoint import (
    COMPOSE,
    DRIVE_FILE,
    READ,
    SEND,
    Emulator,
    LoggedOut,
    SignIn,
    access_until,
    google_session,
    logout,
    missing_scopes,
    scopes_for,
    sends_in_one_step,
    short_name,
    sign_in_status,
)
from workflow.google.faults import SignInNeeded
from workflow.google.token_file import forget_token, is_in_keyring, move_to_keyring

if TYPE_CHECKING:
    import requests


# For a first run: what is missing, and both ways on.
NOT_SET_UP_YET = (
    "Google is not set up yet: there is no sign-in and no credentials.json. To try the command "
    "without an account, add --profile rehearsal to it. To set Google up, run: postmortem init, "
    "then follow docs/google-setup.md."
)
_WAYS = {"service_account": "a service account", "adc": "the machine's own credentials"}


@dataclass(frozen=True)
class LoginRequest:
    """A person's sign-in options. `client` None: the configured file.

    `port` 0 takes a free one. `wishes` are optional scopes, by their short names. `account` is the
    address to sign in as, "" for the one in the config or the last sign-in.
    """

    client: Path | None
    port: int
    wishes: tuple[str, ...]
    timeout_seconds: float
    account: str = ""


@dataclass(frozen=True)
class SignInStanding:
    """The signed-in account. `missing` are short names of scopes that the config requires."""

    account: str
    scopes: tuple[str, ...]
    missing: tuple[str, ...]
    access_until: datetime
    token_path: Path


def configured_scopes(settings: Settings) -> tuple[str, ...]:
    """The scopes (full URLs) in the config. Raises `ConfigBad`."""
    try:
        return scopes_for(settings.config.scopes)
    except ValueError as bad:
        raise ConfigBad(f"{settings.config_path}: scopes: {bad}") from bad


def _session_scopes(settings: Settings) -> tuple[str, ...]:
    """The scopes (full URLs) of a session: sending in one step needs no drafts."""
    scopes = configured_scopes(settings)
    if settings.config.sending.one_step:
        return tuple(SEND if scope == COMPOSE else scope for scope in scopes)
    return scopes


# `drive.file` is for the account's name and address (about.get). Of Drive's scopes it shows least.
_OF_A_MAILBOX = frozenset({DRIVE_FILE, COMPOSE, SEND, READ})


def as_granted(settings: Settings) -> Settings:
    """The settings, with mail sent in one step if drafts aren't permitted.

    Reads the config and the stored sign-in; Google isn't asked.
    """
    one_step = COMPOSE not in configured_scopes(settings) or _granted_send_alone(settings)
    if not one_step or settings.config.sending.one_step:
        return settings
    sending = replace(settings.config.sending, one_step=True)
    return replace(settings, config=replace(settings.config, sending=sending))


def google_session_of(settings: Settings) -> requests.Session:
    """A session for the real Google, signed in as configured. Raises SignInNeeded."""
    way = settings.config.sign_in
    scopes = _session_scopes(settings)
    if way.kind == "person":
        if not settings.token_path.exists() and not settings.client_path.exists():
            raise SignInNeeded(NOT_SET_UP_YET)
        return google_session(settings.token_path, scopes)
    # A key or the machine's credentials load a quarter more of google-auth.

    if way.kind == "service_account":
        key = Path(way.file)
        return login.service_account_session(key, way.subject, scopes)
    return login.machine_session(scopes)


def mailbox_session_of(
    settings: Settings, mailbox: str, emulator: Emulator | None, key: Path | None
) -> requests.Session:
    """A service account's session as the owner of one mailbox. Raises SignInNeeded.

    `key` is the file of a rehearsal's own account; None: the configured one. Another server only
    ever gets a key of its own. The session sends mail and reads the account's name, so it gets no
    scope for the owner's docs.
    """
    scopes = tuple(scope for scope in _session_scopes(settings) if scope in _OF_A_MAILBOX)
    if key is not None and emulator is not None:
        return login.service_account_session(key, mailbox, scopes, token_uri=emulator.token_uri)
    file = Path(settings.config.sign_in.file)
    if emulator is None:
        return login.service_account_session(file, mailbox, scopes)
    login.refuse_key_of_another(file, emulator.token_uri)
    return login.service_account_session(file, mailbox, scopes, token_uri=emulator.token_uri)


def sign_in(
    settings: Settings,
    emulator: Emulator | None,
    request: LoginRequest,
    *,
    announce: Callable[[str], None],
    open_browser: Callable[[str], object],
    agree_to: Callable[[str, str], None],
) -> SignIn:
    """Sign a person in, in the browser, and store it.

    `agree_to` is called with the signed-in and the expected account if they differ; nothing is
    stored if it raises. Raises `BadInput`, `NotSetUp`, `ConfigBad` or a `GoogleFault`.
    """
    _refuse_other_ways(settings)

    try:
        asked = scopes_for((*settings.config.scopes, *request.wishes))
    except ValueError as bad:
        raise BadInput(f"--scope: {bad}") from bad
    expected = request.account or settings.config.sign_in.subject or _account_before(settings)
    in_keyring = settings.config.sign_in.keep == "keyring"
    if in_keyring and not is_in_keyring(settings.token_path):
        move_to_keyring(settings.token_path)
    elif not in_keyring and is_in_keyring(settings.token_path):
        forget_token(settings.token_path)
    return browser_login.login(
        emulator or request.client or settings.client_path,
        settings.token_path,
        asked,
        open_browser=open_browser,
        port=request.port,
        announce=announce,
        timeout_seconds=request.timeout_seconds,
        account=expected,
        agree_to=lambda found: agree_to(found, expected),
    )


def _account_before(settings: Settings) -> str:
    """The stored sign-in's account; "" if none can be read."""
    try:
        return sign_in_status(settings.token_path).email
    except SignInNeeded:
        return ""


def standing_of(settings: Settings) -> SignInStanding:
    """The signed-in account, from the file alone. Raises `NotSetUp` or SignInNeeded."""
    _refuse_other_ways(settings)
    held = sign_in_status(settings.token_path)
    wanted = configured_scopes(as_granted(settings))
    if sends_in_one_step(held.scopes):
        wanted = tuple(SEND if scope == COMPOSE else scope for scope in wanted)
    return SignInStanding(
        account=held.email,
        scopes=tuple(short_name(scope) for scope in held.scopes),
        missing=tuple(short_name(scope) for scope in missing_scopes(held.scopes, wanted)),
        access_until=access_until(settings.token_path),
        token_path=settings.token_path,
    )


def sign_out(settings: Settings, emulator: Emulator | None) -> LoggedOut:
    """Delete the sign-in, and revoke it at Google."""
    if emulator is None:
        return logout(settings.token_path)
    return logout(settings.token_path, revoke_url=emulator.revoke_uri)


def _granted_send_alone(settings: Settings) -> bool:
    try:
        return sends_in_one_step(sign_in_status(settings.token_path).scopes)
    except SignInNeeded:  # reported when Google is called, not before
        return False


def _refuse_other_ways(settings: Settings) -> None:
    way = _WAYS.get(settings.config.sign_in.kind)
    if way:
        raise NotSetUp(
            f"The config signs in with {way}, so nobody signs in by hand. See that it works with "
            "`postmortem doctor`."
        )
