"""The relay's password: from a file that only its owner can read, or from the environment."""

from __future__ import annotations

import os
from pathlib import Path

from workflow.google.faults import SignInNeeded
from workflow.mail_relay.settings import PASSWORD_VARIABLE, Smtp


def read_password(smtp: Smtp, home: Path, from_environment: str) -> str:
    """The password of `smtp.user`; a file named in the config counts before the environment.

    A relative file is in `home`. Raises SignInNeeded, which never holds a part of it.
    """
    password = from_environment
    if smtp.password_file:
        password = _read(home / Path(smtp.password_file).expanduser())
    if not password:
        raise SignInNeeded(
            f"There is no password for {smtp.user} at {smtp.name}. Name a password_file under "
            f"[smtp] in the config, or set {PASSWORD_VARIABLE}.",
            reason="noPassword",
        )
    if not (password.isascii() and password.isprintable()):
        raise SignInNeeded(
            f"The password for {smtp.user} at {smtp.name} holds characters that SMTP can't carry.",
            reason="noPassword",
        )
    return password


def _read(path: Path) -> str:
    try:
        mode = path.stat().st_mode
        if os.name == "posix" and mode & 0o077:
            raise SignInNeeded(
                f"The password file {path} can be read by others on this machine."
                f" Run `chmod 600 {path}`."
            )
        return path.read_text(encoding="utf-8").strip("\r\n")
    except (OSError, UnicodeDecodeError) as fault:
        raise SignInNeeded(f"The password file {path} can't be read.", detail=repr(fault)) from None
