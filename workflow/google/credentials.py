"""A person's credentials, saved to their file whenever they are renewed."""

from __future__ import annotations

import contextlib
import json
import threading
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests
from google.auth.transport.requests import AuthorizedSession, Request
from google.oauth2.credentials import Credentials

from workflow.google.endpoint import is_loopback
from workflow.google.token_file import write_token


class SavedCredentials(Credentials):
    """google-auth's credentials, renewed by one thread at a time and then saved."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[no-untyped-call]
        self._renewing = threading.Lock()
        self._path: Path | None = None
        self._place = ""

    @classmethod
    def of(cls, path: Path, token: dict[str, Any]) -> SavedCredentials:
        """The credentials that `token_file.read_token` read from `path`."""
        credentials = cls(
            token=token.get("token"),
            refresh_token=token["refresh_token"],
            token_uri=token["token_uri"],
            client_id=token["client_id"],
            client_secret=token["client_secret"],
            scopes=token["scopes"],
            account=token.get("account") or "",
            # google-auth compares with a naive UTC clock.
            expiry=datetime.fromisoformat(token["expiry"]).replace(tzinfo=None),
        )
        credentials._path = path
        credentials._place = token.get("place", "")
        return credentials

    def refresh(self, request: Any) -> None:
        """Renew the access token. A thread that waited for another's renewal uses that one."""
        stale = self.token
        with self._renewing:
            if self.token == stale:
                super().refresh(request)  # type: ignore[no-untyped-call]
                self._save()

    def _save(self) -> None:
        # Somebody has signed out meanwhile: don't sign in again.
        if self._path is None or not self._path.exists():
            return
        # If the disk is full, the only cost is another renewal next time.
        with contextlib.suppress(OSError):
            write_token(self._path, as_token(self, account=self.account, place=self._place))


def authorized_session(credentials: Any, *, trust_environment: bool = True) -> AuthorizedSession:
    """A requests session that sends these credentials and renews them when they expire.

    Without `trust_environment`, no proxy from the environment gets a call or a renewal.
    """
    renewing = requests.Session()
    renewing.trust_env = trust_environment
    follow_no_redirect(renewing)
    session = AuthorizedSession(credentials, auth_request=Request(renewing))  # type: ignore[no-untyped-call]
    session.trust_env = trust_environment
    return session


def follow_no_redirect(session: requests.Session) -> None:
    """Make a session follow no redirect: its calls hold a secret of the sign-in.

    A redirect is raised as requests' TooManyRedirects.
    """
    session.max_redirects = 0


def as_token(credentials: Credentials, *, account: str, place: str = "") -> dict[str, Any]:
    """The token to store: with the granted scopes, not the requested ones.

    `place` is the emulator that issued it; empty for Google.
    """
    token: dict[str, Any] = json.loads(credentials.to_json())  # type: ignore[no-untyped-call]
    granted = credentials.granted_scopes or credentials.scopes or []
    kept = {"place": place} if place else {}
    return {**token, "scopes": sorted(granted), "account": account, **kept}


def fixed_token_session(token: str) -> requests.Session:
    """A session with a token that never changes; it ignores the environment's proxies."""
    session = requests.Session()
    session.trust_env = False
    session.headers["Authorization"] = f"Bearer {token}"
    return session


def revoke(refresh_token: str, revoke_url: str) -> bool:
    """Ask Google to revoke a sign-in; False if it did not confirm."""
    with requests.Session() as session:
        session.trust_env = not is_loopback(urlsplit(revoke_url).hostname or "")
        try:
            answer = session.post(
                revoke_url, data={"token": refresh_token}, timeout=10, allow_redirects=False
            )
        except requests.RequestException:
            return False
    return answer.status_code == 200
