"""Sign in without a browser: a service account that acts for a person, or the machine's own."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import google.auth
import requests
from google.auth.exceptions import DefaultCredentialsError
from google.oauth2.service_account import Credentials

from workflow.google.credentials import authorized_session
from workflow.google.endpoint import is_googles_sign_in, origin
from workflow.google.faults import SignInNeeded
from workflow.google.sign_in import short_name

_MEND = (
    "Make a key for the service account in the Google Cloud console, under IAM & Admin,"
    " Service accounts, Keys."
)


def service_account_session(
    key: Path, subject: str, scopes: Sequence[str], *, token_uri: str = ""
) -> requests.Session:
    """A session of a service account that acts as `subject`, by domain-wide delegation.

    `key` is its key file in JSON. Gmail needs a subject: a service account has no mailbox.
    `token_uri` is where tokens are issued, for a server on this machine whose port changes; "" uses
    the key's. Raises SignInNeeded; Google's answer to the first call is raised by that call.
    """
    content = _content(key)
    own = str(content.get("token_uri", ""))
    if not token_uri and own and not is_googles_sign_in(own):
        raise SignInNeeded(
            f"The service account's key {key} signs in at an address that is not Google's. {_MEND}"
        )
    try:
        credentials = Credentials.from_service_account_info(  # type: ignore[no-untyped-call]
            content | ({"token_uri": token_uri} if token_uri else {}),
            scopes=list(scopes),
            subject=subject,
        )
    except (ValueError, TypeError) as fault:
        raise _no_key(key) from fault
    return authorized_session(credentials, trust_environment=not token_uri)


def refuse_key_of_another(key: Path, token_uri: str) -> None:
    """Raise SignInNeeded for a key whose tokens are issued elsewhere than at `token_uri`.

    What google-auth signs with the key names Google as its audience, whatever server it is sent to:
    a receiver could use it there (google-auth 2.63, `_make_authorization_grant_assertion`).
    """
    own = str(_content(key).get("token_uri", ""))
    if own != token_uri:
        raise SignInNeeded(
            f"The service account's key {key} is for {own or 'no server'}, and Google is"
            f" {origin(token_uri)} here. Name a key of that server in sign_in.file."
        )


def _content(key: Path) -> dict[str, Any]:
    try:
        mode = key.stat().st_mode
        if os.name == "posix" and mode & 0o077:
            raise SignInNeeded(
                f"The service account's key {key} can be read by others on this machine."
                f" Run `chmod 600 {key}`."
            )
        return dict(json.loads(key.read_text(encoding="utf-8")))
    except FileNotFoundError as fault:
        raise SignInNeeded(f"There is no {key}. {_MEND}") from fault
    except (OSError, ValueError, TypeError) as fault:
        raise _no_key(key) from fault


def _no_key(key: Path) -> SignInNeeded:
    # The library's own message can hold a part of the key.
    return SignInNeeded(f"{key} is not the key file of a service account. {_MEND}")


def machine_session(scopes: Sequence[str]) -> requests.Session:
    """A session with the Application Default Credentials of this machine. Raises SignInNeeded."""
    names = ",".join(scopes)
    try:
        credentials, _ = google.auth.default(scopes=list(scopes))
    except DefaultCredentialsError as fault:
        raise SignInNeeded(
            "This machine has no Application Default Credentials. Run"
            f" `gcloud auth application-default login --scopes={names}`, or take another"
            ' [sign_in] kind in the config, such as "person".',
            detail=f"wanted: {', '.join(short_name(scope) for scope in scopes)}",
        ) from fault
    return authorized_session(credentials)
