"""Sessions that carry a credential: the rehearsal's fixed one, or a person's own for Google."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workflow.google.endpoint import Endpoint

if TYPE_CHECKING:
    import requests

DEFAULT_SCOPES = (
    "https://www.googleapis.com/auth/drive.file",
    "https://www.googleapis.com/auth/documents",
    "https://www.googleapis.com/auth/gmail.compose",
)


def emulator_session(root_url: str, token: str = "rehearsal") -> requests.Session:  # noqa: S107
    """A session for a Google-compatible server, with a fixed bearer token that is no secret.

    It follows no setting of the environment: a proxy would carry the calls off this machine.
    Raises ValueError for an address that `Endpoint` refuses.
    """
    import requests  # noqa: PLC0415

    Endpoint(root_url)
    session = requests.Session()
    session.trust_env = False
    session.headers["Authorization"] = f"Bearer {token}"
    return session
