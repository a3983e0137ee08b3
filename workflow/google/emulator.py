"""A Google-compatible server, and what may be shown to it: nothing that is a secret anywhere else.

It has the sign-in's addresses at Google's paths: `/o/oauth2/auth`, `/token`, `/revoke`. Whoever
signs in there gets a token of that server, kept apart from the real one; without a sign-in a fixed
word serves as the token.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workflow.google.endpoint import Endpoint
from workflow.google.faults import SignInNeeded
from workflow.google.token_file import read_token

if TYPE_CHECKING:
    import requests

# The OAuth client that is shown to an emulator: the real one's secret is not for it.
CLIENT_ID = "postmortem.apps.rehearsal.example"
_CLIENT_SECRET = "no-secret"  # noqa: S105 - the same for everybody


@dataclass(frozen=True)
class Emulator:
    """The server at `root_url`; `place` is what its sign-in is remembered by.

    A server that moves from port to port keeps its place. Raises ValueError for an address that
    `Endpoint` refuses.
    """

    root_url: str
    place: str

    def __post_init__(self) -> None:
        Endpoint(self.root_url)

    @property
    def endpoint(self) -> Endpoint:
        """Where its Docs, Drive and Gmail are."""
        return Endpoint(self.root_url)

    @property
    def token_uri(self) -> str:
        """Where tokens are given and renewed."""
        return f"{self.root_url.rstrip('/')}/token"

    @property
    def revoke_uri(self) -> str:
        """Where tokens are withdrawn."""
        return f"{self.root_url.rstrip('/')}/revoke"

    def client_config(self) -> dict[str, Any]:
        """An OAuth client in the shape of a credentials file, good for this server alone."""
        return {
            "installed": {
                "client_id": CLIENT_ID,
                "client_secret": _CLIENT_SECRET,
                "auth_uri": f"{self.root_url.rstrip('/')}/o/oauth2/auth",
                "token_uri": self.token_uri,
            }
        }

    def session(self, token_path: Path, fixed_token: str) -> requests.Session:
        """A session with the sign-in at `token_path` where it is of this place, else `fixed_token`.

        Raises SignInNeeded for a sign-in that is there and can't be used.
        """
        token = self.stored(token_path)
        if token is None:
            return emulator_session(self.root_url, fixed_token)
        from workflow.google.credentials import (  # noqa: PLC0415 - only for a command that calls
            SavedCredentials,
            authorized_session,
        )

        credentials = SavedCredentials.of(token_path, {**token, "token_uri": self.token_uri})
        return authorized_session(credentials, trust_environment=False)

    def stored(self, token_path: Path) -> dict[str, Any] | None:
        """The sign-in at `token_path` where it was made at this place. Raises SignInNeeded."""
        if not token_path.exists():
            return None
        token = read_token(token_path)
        return token if token.get("place") == self.place else None


def emulator_session(root_url: str, token: str = "rehearsal") -> requests.Session:  # noqa: S107
    """A session for a Google-compatible server, with a fixed bearer token that is no secret.

    It follows no setting of the environment: a proxy would carry the calls off this machine.
    Raises ValueError for an address that `Endpoint` refuses.
    """
    import requests  # noqa: PLC0415 - only for a command that calls Google

    Endpoint(root_url)
    session = requests.Session()
    session.trust_env = False
    session.headers["Authorization"] = f"Bearer {token}"
    return session


def refuse_emulators_token(token: dict[str, Any], path: Path) -> None:
    """Raise SignInNeeded where a stored sign-in belongs to an emulator, and Google is meant."""
    if token.get("place"):
        raise SignInNeeded(
            f"The sign-in in {path} is of {token['place']}, not of Google."
            " Run `postmortem auth login`."
        )
