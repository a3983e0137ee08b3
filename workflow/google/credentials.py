"""A person's credentials, which keep the file they came from up to date."""

from __future__ import annotations

import contextlib
import json
import threading
from datetime import datetime
from pathlib import Path
from typing import Any

import requests
from google.auth.transport.requests import AuthorizedSession, Request
from google.oauth2.credentials import Credentials

from workflow.google.token_file import write_token


class SavedCredentials(Credentials):
    """google-auth's credentials, renewed by one thread at a time and saved when renewed."""

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
        """Renew the access token. A thread that waited for another's renewal takes that one."""
        stale = self.token
        with self._renewing:
            if self.token == stale:
                super().refresh(request)  # type: ignore[no-untyped-call]
                self._save()

    def _save(self) -> None:
        # Gone: somebody has signed out meanwhile, and that must stay so.
        if self._path is None or not self._path.exists():
            return
        # A disk that is full costs one more renewal next time, and no more than that.
        with contextlib.suppress(OSError):
            write_token(self._path, as_token(self, account=self.account, place=self._place))


def authorized_session(credentials: Any, *, trust_environment: bool = True) -> AuthorizedSession:
    """A requests session that sends these credentials and renews them when they run out.

    Without `trust_environment` no proxy of the environment carries a call or a renewal away.
    """
    renewing = requests.Session()
    renewing.trust_env = trust_environment
    session = AuthorizedSession(credentials, auth_request=Request(renewing))  # type: ignore[no-untyped-call]
    session.trust_env = trust_environment
    return session


def as_token(credentials: Credentials, *, account: str, place: str = "") -> dict[str, Any]:
    """What `token_file.write_token` stores: with the scopes granted, not those asked for.

    `place` is the emulator that it is of; empty for Google.
    """
    token: dict[str, Any] = json.loads(credentials.to_json())  # type: ignore[no-untyped-call]
    granted = credentials.granted_scopes or credentials.scopes or []
    kept = {"place": place} if place else {}
    return {**token, "scopes": sorted(granted), "account": account, **kept}
