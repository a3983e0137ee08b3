"""The keyring of the operating system, through the package `keyring`, which is an extra."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from workflow.google.faults import SignInNeeded

_SERVICE = "postmortem"


def get(path: Path) -> str:
    """What is kept under a token file's path; "" where there is nothing. Raises SignInNeeded."""
    ring = _ring()
    try:
        return str(ring.get_password(_SERVICE, str(path)) or "")
    except ring.errors.KeyringError as fault:
        raise _unusable(fault) from fault


def put(path: Path, secret: str) -> None:
    """Keep a secret under a token file's path. Raises SignInNeeded."""
    ring = _ring()
    try:
        ring.set_password(_SERVICE, str(path), secret)
    except ring.errors.KeyringError as fault:
        raise _unusable(fault) from fault


def delete(path: Path) -> None:
    """Forget what is kept under a token file's path. Raises SignInNeeded."""
    ring = _ring()
    try:
        ring.delete_password(_SERVICE, str(path))
    except ring.errors.PasswordDeleteError:
        return  # it was not there
    except ring.errors.KeyringError as fault:
        raise _unusable(fault) from fault


def _ring() -> Any:
    try:
        import keyring  # noqa: PLC0415 - an extra, and only where the config asks for it
        import keyring.errors  # noqa: PLC0415
    except ImportError as fault:
        raise SignInNeeded(
            "The config keeps the sign-in in the keyring, and the package for it is not here. Run"
            " `pip install 'postmortem-workflow[keyring]'`, or set sign_in.keep to \"file\"."
        ) from fault
    return keyring


def _unusable(fault: Exception) -> SignInNeeded:
    return SignInNeeded(
        'The keyring of this machine can\'t be used. Unlock it, or set sign_in.keep to "file".',
        detail=type(fault).__name__,
    )
