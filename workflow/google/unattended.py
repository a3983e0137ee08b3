"""Signing in without a browser: a service account that acts for a person, or the machine's own."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path

import google.auth
import requests
from google.auth.exceptions import DefaultCredentialsError
from google.oauth2.service_account import Credentials

from workflow.google.credentials import authorized_session
from workflow.google.faults import SignInNeeded
from workflow.google.scopes import short_name


def service_account_session(key: Path, subject: str, scopes: Sequence[str]) -> requests.Session:
    """A session of a service account that acts as `subject`, by domain-wide delegation.

    `key` is its key file in JSON. Gmail needs a subject: a service account has no mailbox. Raises
    SignInNeeded; what Google says to the first call comes out of that call.
    """
    mend = (
        "Make a key for the service account in the Google Cloud console, under IAM & Admin,"
        " Service accounts, Keys."
    )
    try:
        mode = key.stat().st_mode
        if os.name == "posix" and mode & 0o077:
            raise SignInNeeded(
                f"The service account's key {key} can be read by others on this machine."
                f" Run `chmod 600 {key}`."
            )
        content = dict(json.loads(key.read_text(encoding="utf-8")))
        credentials = Credentials.from_service_account_info(  # type: ignore[no-untyped-call]
            content, scopes=list(scopes), subject=subject
        )
    except FileNotFoundError as fault:
        raise SignInNeeded(f"There is no {key}. {mend}") from fault
    except (OSError, ValueError, TypeError) as fault:
        # The library's words can hold a part of the key.
        raise SignInNeeded(f"{key} is not the key file of a service account. {mend}") from fault
    return authorized_session(credentials)


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
