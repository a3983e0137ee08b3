"""Sessions that carry a credential: the rehearsal's fixed one, or a person's own for Google."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

from workflow.google.emulator import emulator_session, refuse_emulators_token
from workflow.google.endpoint import Endpoint, is_loopback
from workflow.google.faults import SignInNeeded
from workflow.google.scopes import missing_scopes, short_name
from workflow.google.token_file import forget_token, read_token

if TYPE_CHECKING:
    import requests

REVOKE_URL = "https://oauth2.googleapis.com/revoke"


class SignIn(NamedTuple):
    """Who is signed in, and for what. `email` is empty where Google did not tell it."""

    email: str
    scopes: tuple[str, ...]


class LoggedOut(StrEnum):
    """What came of signing out."""

    REVOKED = "revoked"
    """Forgotten here, and Google no longer honours it."""
    FORGOTTEN = "forgotten"
    """Forgotten here; Google did not confirm that it is withdrawn."""
    NOBODY = "nobody"
    """Nobody was signed in."""


def open_session(endpoint: Endpoint, token_path: Path, scopes: Iterable[str]) -> requests.Session:
    """The session for an endpoint: a person's credential goes to the real Google alone.

    Raises SignInNeeded.
    """
    if endpoint.root_url is not None:
        return emulator_session(endpoint.root_url)
    return google_session(token_path, scopes)


def google_session(token_path: Path, scopes: Iterable[str]) -> requests.Session:
    """A session for the real Google, signed in with the stored sign-in.

    The access token is renewed when it runs out, and then saved. Raises SignInNeeded where
    nobody is signed in, or where the sign-in does not cover `scopes` (whole addresses).
    """
    from workflow.google.credentials import (  # noqa: PLC0415 - only for a command that calls
        SavedCredentials,
        authorized_session,
    )

    token = read_token(token_path)
    refuse_emulators_token(token, token_path)
    lacking = missing_scopes(token["scopes"], scopes)
    if lacking:
        names = ", ".join(short_name(scope) for scope in lacking)
        raise SignInNeeded(
            f"The sign-in does not cover {names}."
            " Run `postmortem auth login` and leave every box ticked.",
            reason="insufficientPermissions",
        )
    return authorized_session(SavedCredentials.of(token_path, token))


def sign_in_status(token_path: Path) -> SignIn:
    """Who is signed in, by the file alone: Google is not asked. Raises SignInNeeded."""
    token = read_token(token_path)
    return SignIn(str(token.get("account") or ""), tuple(token["scopes"]))


def access_until(token_path: Path) -> datetime:
    """Until when the stored access token holds (UTC); it is renewed by itself then.

    How long the sign-in itself holds Google does not tell. Raises SignInNeeded.
    """
    expiry = datetime.fromisoformat(read_token(token_path)["expiry"])
    return expiry.astimezone(UTC) if expiry.tzinfo else expiry.replace(tzinfo=UTC)


def logout(token_path: Path, *, revoke_url: str = REVOKE_URL) -> LoggedOut:
    """Forget the stored sign-in, after asking Google to honour it no more.

    It is forgotten even where Google can't be asked.
    """
    try:
        token: dict[str, Any] = read_token(token_path)
    except SignInNeeded:
        was_there = token_path.exists()
        forget_token(token_path)  # damaged, or open to others: no use to anybody
        return LoggedOut.FORGOTTEN if was_there else LoggedOut.NOBODY
    confirmed = _revoke(str(token["refresh_token"]), revoke_url)
    forget_token(token_path)
    return LoggedOut.REVOKED if confirmed else LoggedOut.FORGOTTEN


def _revoke(refresh_token: str, revoke_url: str) -> bool:
    import requests  # noqa: PLC0415 - only for a command that calls Google

    with requests.Session() as session:
        session.trust_env = not is_loopback(urlsplit(revoke_url).hostname or "")
        try:
            answer = session.post(revoke_url, data={"token": refresh_token}, timeout=10)
        except requests.RequestException:
            return False
    return answer.status_code == 200
