"""Sessions with a credential, and the scopes of a sign-in.

The rehearsal has a fixed credential; Google needs a person's own. The scopes are those that this
program requests, and which of them include others.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from workflow.google import credentials as google_credentials
from workflow.google.endpoint import (
    Endpoint,
    emulator_session,
    is_googles_sign_in,
    refuse_emulators_token,
)
from workflow.google.faults import SignInNeeded
from workflow.google.token_file import forget_token, read_token

if TYPE_CHECKING:
    import requests


PREFIX = "https://www.googleapis.com/auth/"

DRIVE_FILE = PREFIX + "drive.file"
DOCUMENTS = PREFIX + "documents"
COMPOSE = PREFIX + "gmail.compose"
SEND = PREFIX + "gmail.send"
READ = PREFIX + "gmail.readonly"

DEFAULT_SCOPES = (DRIVE_FILE, DOCUMENTS, COMPOSE)

# Scopes that include others (discovery documents, the methods' scopes).
_WIDER = {
    DRIVE_FILE: {PREFIX + "drive"},
    DOCUMENTS: {PREFIX + "drive"},
    COMPOSE: {PREFIX + "gmail.modify", "https://mail.google.com/"},
    SEND: {COMPOSE, PREFIX + "gmail.modify", "https://mail.google.com/"},
    READ: {PREFIX + "gmail.modify", "https://mail.google.com/"},
}

# Optional scopes, by the word that a person types.
WISHES = ("gmail.send", "read", "drive")


def scopes_for(wishes: Iterable[str]) -> tuple[str, ...]:
    """The scopes (full URLs) to request: the usual three, and the wishes.

    `gmail.send` replaces gmail.compose, for an administrator who grants no more: each mail is then
    sent in one step. `read` adds gmail.readonly: bounces, replies, aliases. `drive` adds all of
    Drive, for a folder that this program did not create. Raises ValueError, with a sentence, for
    any other word.
    """
    scopes = list(DEFAULT_SCOPES)
    for wish in wishes:
        name = wish.strip().removeprefix(PREFIX)
        if name == "gmail.send":
            scopes[scopes.index(COMPOSE) if COMPOSE in scopes else scopes.index(SEND)] = SEND
        elif name in {"read", "gmail.readonly"}:
            scopes.append(READ)
        elif name == "drive":
            scopes.append(PREFIX + "drive")
        elif PREFIX + name not in DEFAULT_SCOPES:
            raise ValueError(f"{wish!r} is not a known scope. Known: {', '.join(WISHES)}.")
    return tuple(dict.fromkeys(scopes))


def missing_scopes(granted: Iterable[str], wanted: Iterable[str]) -> list[str]:
    """The scopes of `wanted` that are neither in `granted` nor part of a wider one."""
    held = set(granted)
    return [
        scope
        for scope in wanted
        if scope not in held and held.isdisjoint(_WIDER.get(scope, frozenset()))
    ]


def sends_in_one_step(granted: Iterable[str]) -> bool:
    """Whether a sign-in may send but not make drafts: gmail.send without gmail.compose."""
    held = list(granted)
    return bool(missing_scopes(held, [COMPOSE])) and not missing_scopes(held, [SEND])


def short_name(scope: str) -> str:
    """A scope's short name: `gmail.compose`."""
    return scope.removeprefix(PREFIX)


REVOKE_URL = "https://oauth2.googleapis.com/revoke"


class SignIn(NamedTuple):
    """The signed-in account, and its scopes. `email` is empty if Google did not say."""

    email: str
    scopes: tuple[str, ...]


class LoggedOut(StrEnum):
    """The result of signing out."""

    REVOKED = "revoked"
    """Deleted here, and Google revoked the sign-in."""
    FORGOTTEN = "forgotten"
    """Deleted here; Google did not confirm the revocation."""
    NOBODY = "nobody"
    """Nobody was signed in."""


def open_session(endpoint: Endpoint, token_path: Path, scopes: Iterable[str]) -> requests.Session:
    """The session for an endpoint. Only the real Google gets a person's credential.

    Raises SignInNeeded.
    """
    if endpoint.root_url is not None:
        return emulator_session(endpoint.root_url)
    return google_session(token_path, scopes)


def google_session(token_path: Path, scopes: Iterable[str]) -> requests.Session:
    """A session for the real Google, with the stored sign-in.

    The access token is renewed when it expires, and then saved. Raises SignInNeeded if nobody is
    signed in, or the sign-in does not cover `scopes` (full URLs).
    """
    token = read_token(token_path)
    refuse_emulators_token(token, token_path)
    if not is_googles_sign_in(token["token_uri"]):
        raise SignInNeeded(
            f"The sign-in in {token_path} would be renewed at an address that is not Google's."
            " Somebody changed it. Run `postmortem auth login`."
        )
    lacking = missing_scopes(token["scopes"], scopes)
    if lacking:
        names = ", ".join(short_name(scope) for scope in lacking)
        raise SignInNeeded(
            f"The sign-in does not cover {names}."
            " Run `postmortem auth login` and leave every box ticked.",
            reason="insufficientPermissions",
        )
    return google_credentials.authorized_session(
        google_credentials.SavedCredentials.of(token_path, token)
    )


def sign_in_status(token_path: Path) -> SignIn:
    """The signed-in account, from the file alone: Google isn't asked. Raises SignInNeeded."""
    token = read_token(token_path)
    return SignIn(str(token.get("account") or ""), tuple(token["scopes"]))


def access_until(token_path: Path) -> datetime:
    """When the stored access token expires (UTC); it is then renewed automatically.

    Google doesn't say how long the sign-in itself is valid. Raises SignInNeeded.
    """
    expiry = datetime.fromisoformat(read_token(token_path)["expiry"])
    return expiry.astimezone(UTC) if expiry.tzinfo else expiry.replace(tzinfo=UTC)


def logout(token_path: Path, *, revoke_url: str = REVOKE_URL) -> LoggedOut:
    """Delete the stored sign-in, after asking Google to revoke it.

    It is deleted even if Google can't be asked.
    """
    try:
        token: dict[str, Any] = read_token(token_path)
    except SignInNeeded:
        was_there = token_path.exists()
        forget_token(token_path)  # damaged, or open to others: useless
        return LoggedOut.FORGOTTEN if was_there else LoggedOut.NOBODY
    confirmed = google_credentials.revoke(str(token["refresh_token"]), revoke_url)
    forget_token(token_path)
    return LoggedOut.REVOKED if confirmed else LoggedOut.FORGOTTEN
