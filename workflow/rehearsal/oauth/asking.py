"""What an app asks a person for, read from the address of the consent page."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit

from workflow.rehearsal.wire.signin import full_scope

_LOOPBACK = {"127.0.0.1", "localhost", "::1"}
_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")

# What Google says of a scope on its own page, in our words.
SCOPE_WORDS = {
    "drive.file": "See, edit, create and delete only the Drive files that you use with this app",
    "drive": "See, edit, create and delete all of your Drive files",
    "documents": "See, edit, create and delete all your Google Docs documents",
    "gmail.compose": "Manage drafts and send emails",
    "gmail.send": "Send email on your behalf",
    "gmail.readonly": "View your email messages and settings",
    "gmail.modify": "Read, compose and send emails",
}


class BadAsking(ValueError):
    """A question that Google answers with a page instead of going back to the app."""


@dataclass(frozen=True)
class Asking:
    """An app's question. `scopes` are whole addresses."""

    client: str
    scopes: tuple[str, ...]
    redirect_uri: str
    state: str
    challenge: str
    offline: bool
    consent_anew: bool
    hint: str

    def back_with(self, **answer: str) -> str:
        """The address that takes the browser back to the app."""
        joint = "&" if "?" in self.redirect_uri else "?"
        return self.redirect_uri + joint + urlencode({"state": self.state, **answer})

    @property
    def origin(self) -> str:
        """Where the app listens."""
        parts = urlsplit(self.redirect_uri)
        return f"{parts.scheme}://{parts.netloc}"


def read_asking(query: Mapping[str, str]) -> Asking:
    """The question that a consent page's address holds. Raises BadAsking."""
    redirect = urlsplit(query.get("redirect_uri", ""))
    if redirect.scheme != "http" or redirect.hostname not in _LOOPBACK:
        # A desktop client may go back to this machine alone (RFC 8252, 7.3).
        raise BadAsking("Error 400: redirect_uri_mismatch")
    if query.get("response_type") != "code":
        raise BadAsking("Error 400: unsupported_response_type")
    if not query.get("client_id"):
        raise BadAsking("Error 401: invalid_client")
    scopes = tuple(dict.fromkeys(full_scope(name) for name in query.get("scope", "").split()))
    if not scopes:
        raise BadAsking("Error 400: invalid_scope")
    challenge = query.get("code_challenge", "")
    if query.get("code_challenge_method") != "S256" or not _CHALLENGE.fullmatch(challenge):
        raise BadAsking("Error 400: invalid_request. This rehearsal insists on PKCE with S256.")
    return Asking(
        client=query["client_id"],
        scopes=scopes,
        redirect_uri=query["redirect_uri"],
        state=query.get("state", ""),
        challenge=challenge,
        offline=query.get("access_type") == "offline",
        consent_anew="consent" in query.get("prompt", "").split(),
        hint=query.get("login_hint", ""),
    )
