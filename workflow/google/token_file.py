"""A person's sign-in on disk: readable by its owner alone, and never half written.

It can be in the keyring of the operating system instead (through the optional package `keyring`);
the file then only says so.
"""

from __future__ import annotations

import json
import os
from datetime import datetime
from pathlib import Path
from typing import Any

from workflow.google.faults import SignInNeeded

_SERVICE = "postmortem"


def from_keyring(path: Path) -> str:
    """The secret stored under a token file's path; "" if there is none. Raises SignInNeeded."""
    ring = _ring()
    try:
        return str(ring.get_password(_SERVICE, str(path)) or "")
    except ring.errors.KeyringError as fault:
        raise _unusable(fault) from fault


def into_keyring(path: Path, secret: str) -> None:
    """Store a secret under a token file's path. Raises SignInNeeded."""
    ring = _ring()
    try:
        ring.set_password(_SERVICE, str(path), secret)
    except ring.errors.KeyringError as fault:
        raise _unusable(fault) from fault


def out_of_keyring(path: Path) -> None:
    """Delete the secret under a token file's path. Raises SignInNeeded."""
    ring = _ring()
    try:
        ring.delete_password(_SERVICE, str(path))
    except ring.errors.PasswordDeleteError:
        return  # it did not exist
    except ring.errors.KeyringError as fault:
        raise _unusable(fault) from fault


def _ring() -> Any:
    try:
        import keyring.errors  # noqa: PLC0415 - an extra; most have no keyring
    except ImportError as fault:
        raise SignInNeeded(
            "The config keeps the sign-in in the keyring, but the package for it isn't installed."
            " Run `pip install 'postmortem-workflow[keyring]'`, or set sign_in.keep to \"file\"."
        ) from fault
    return keyring


def _unusable(fault: Exception) -> SignInNeeded:
    return SignInNeeded(
        'The keyring of this machine can\'t be used. Unlock it, or set sign_in.keep to "file".',
        detail=type(fault).__name__,
    )


_HINT = "Run `postmortem auth login`."
_IN_KEYRING = {"kept_in": "keyring"}


def read_token(path: Path) -> dict[str, Any]:
    """The stored sign-in, in the form of google-auth's authorized-user file.

    Raises SignInNeeded if there is none, it can't be read, or others on this machine can read it.
    """
    try:
        # Anybody who can change a link's target could choose the sending account.
        if path.is_symlink():
            raise SignInNeeded(
                f"{path} is a symbolic link, which is not allowed for a sign-in. Remove it. {_HINT}"
            )
        mode = path.stat().st_mode
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as fault:
        raise SignInNeeded(f"Nobody is signed in to Google. {_HINT}") from fault
    except (OSError, UnicodeDecodeError) as fault:
        raise SignInNeeded(f"The sign-in in {path} can't be read. {_HINT}") from fault
    if os.name == "posix" and mode & 0o077:
        raise SignInNeeded(
            f"The sign-in in {path} can be read by others on this machine."
            f" Run `chmod 600 {path}`, or sign in again: `postmortem auth login`."
        )
    return _parsed(path, from_keyring(path) if _is_note(text) else text)


def write_token(path: Path, token: dict[str, Any]) -> None:
    """Replace the stored sign-in in one step, with mode 0600.

    It goes to the same place as before: into the keyring if the file says so. A new folder has mode
    0700. Raises OSError, or SignInNeeded for a keyring that can't be used.
    """
    if is_in_keyring(path):
        into_keyring(path, json.dumps(token))
    else:
        _write(path, token)


def move_to_keyring(path: Path) -> None:
    """Move the sign-in of this file into the keyring.

    Raises SignInNeeded if there is no usable keyring, before anything is changed.
    """
    try:
        into_keyring(path, json.dumps(read_token(path)))
    except SignInNeeded:
        if path.exists():
            raise
        into_keyring(path, "{}")  # nothing to move yet: check that it can be used
    _write(path, _IN_KEYRING)


def is_in_keyring(path: Path) -> bool:
    """Whether the file only says that the sign-in is in the keyring."""
    try:
        return _is_note(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError):
        return False


def forget_token(path: Path) -> None:
    """Delete a sign-in from wherever it is stored. A missing one is no error."""
    if is_in_keyring(path):
        out_of_keyring(path)
    path.unlink(missing_ok=True)


def _is_note(text: str) -> bool:
    try:
        return bool(json.loads(text) == _IN_KEYRING)
    except ValueError:
        return False


def _write(path: Path, token: dict[str, Any]) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.{os.urandom(8).hex()}")
    # The mode is set before the first byte, whatever the umask is.
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(token, file, indent=2)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
    except BaseException:
        fresh.unlink(missing_ok=True)
        raise


def _parsed(path: Path, text: str) -> dict[str, Any]:
    try:
        token = json.loads(text)
    except ValueError:
        token = None
    needed = ("refresh_token", "client_id", "client_secret", "token_uri")
    whole = isinstance(token, dict) and all(isinstance(token.get(key), str) for key in needed)
    if not whole or not isinstance(token.get("scopes"), list) or not _dated(token):
        raise SignInNeeded(f"The sign-in in {path} is damaged. {_HINT}")
    return dict(token)


def _dated(token: dict[str, Any]) -> bool:
    """Whether the expiry can be read; google-auth treats a token without one as valid for ever."""
    try:
        datetime.fromisoformat(token["expiry"])
    except (KeyError, TypeError, ValueError):
        return False
    return True
