"""A person's sign-in on disk: readable by its owner alone, and never half written.

It can lie in the keyring of the operating system instead; the file then only says so.
"""

from __future__ import annotations

import json
import os
from datetime import datetime
from pathlib import Path
from typing import Any

from workflow.google import key_ring
from workflow.google.faults import SignInNeeded

_HINT = "Run `postmortem auth login`."
_IN_KEYRING = {"kept_in": "keyring"}


def read_token(path: Path) -> dict[str, Any]:
    """The stored sign-in, in the shape of google-auth's authorized-user file.

    Raises SignInNeeded where there is none, where it can't be read, or where others on this
    machine can read it.
    """
    try:
        # A link would let whoever can change its target choose whose account mail goes out of.
        if path.is_symlink():
            raise SignInNeeded(
                f"{path} is a link, and a sign-in is a file of its own. Remove it. {_HINT}"
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
            f" Run `chmod 600 {path}`, or sign in anew: `postmortem auth login`."
        )
    return _parsed(path, key_ring.get(path) if _is_note(text) else text)


def write_token(path: Path, token: dict[str, Any]) -> None:
    """Store a sign-in in place of the one before, in one step, with mode 0600.

    It goes where the one before was: into the keyring where the file says so. A folder that is
    made for it has mode 0700. Raises OSError, or SignInNeeded for a keyring that can't be used.
    """
    if is_in_keyring(path):
        key_ring.put(path, json.dumps(token))
    else:
        _write(path, token)


def move_to_keyring(path: Path) -> None:
    """Keep the sign-in of this file in the keyring from now on.

    Raises SignInNeeded where there is no keyring to be used, before anything is changed.
    """
    try:
        key_ring.put(path, json.dumps(read_token(path)))
    except SignInNeeded:
        if path.exists():
            raise
        key_ring.put(path, "{}")  # nothing to move yet: see that it can be used at all
    _write(path, _IN_KEYRING)


def is_in_keyring(path: Path) -> bool:
    """Whether the file only says that the sign-in is in the keyring."""
    try:
        return _is_note(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError):
        return False


def forget_token(path: Path) -> None:
    """Delete a sign-in wherever it is kept. One that is not there is no fault."""
    if is_in_keyring(path):
        key_ring.delete(path)
    path.unlink(missing_ok=True)


def _is_note(text: str) -> bool:
    try:
        return bool(json.loads(text) == _IN_KEYRING)
    except ValueError:
        return False


def _write(path: Path, token: dict[str, Any]) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.{os.urandom(8).hex()}")
    # The mode is there from the first byte, whatever the umask is.
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
    """Whether the expiry can be read; google-auth takes a token without one to hold for ever."""
    try:
        datetime.fromisoformat(token["expiry"])
    except (KeyError, TypeError, ValueError):
        return False
    return True
