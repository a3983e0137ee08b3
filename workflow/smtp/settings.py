"""The settings of a mail relay: the config's table `[smtp]`, and its password.

The password is in a file that only its owner can read, or in the environment.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from workflow.google.endpoint import is_loopback
from workflow.google.faults import SignInNeeded

SECURITIES = ("starttls", "tls", "none")
PASSWORD_VARIABLE = "POSTMORTEM_SMTP_PASSWORD"  # noqa: S105 - the name of a variable
_MOST = 1_000_000_000
# RFC 6409 and RFC 8314: submission with STARTTLS, and with TLS from the first byte.
_PORTS = {"starttls": 587, "tls": 465, "none": 25}


@dataclass(frozen=True)
class Smtp:
    """An SMTP server that relays mail to anybody; Google's own if nothing is set.

    `port` 0 is the usual one for `security`. Without `user` there is no sign-in: the relay
    identifies the machine by its address. The password is in `password_file`, an absolute path, or
    in the environment, never here. `daily_limit` is in mails per sender: 10,000 for Google's relay
    (its help page on the SMTP relay service). `local_hostname` is the name in EHLO; "" for the
    machine's own.
    """

    host: str = "smtp-relay.gmail.com"
    port: int = 0
    security: str = "starttls"
    user: str = ""
    password_file: str = ""
    local_hostname: str = ""
    daily_limit: int = 10_000
    messages_per_minute: int = 1_000

    @property
    def usual_port(self) -> int:
        """The port to connect to."""
        return self.port or _PORTS[self.security]

    @property
    def name(self) -> str:
        """`smtp-relay.gmail.com:587`."""
        return f"{self.host}:{self.usual_port}"


def fault_in(smtp: Smtp) -> str:
    """The first error in the settings, as a sentence's end; "" if there is none."""
    return next(_faults_in(smtp), "")


def _faults_in(smtp: Smtp) -> Iterator[str]:
    named = smtp.local_hostname
    if smtp.security not in SECURITIES:
        yield f"security {smtp.security!r} is not one of {', '.join(SECURITIES)}."
    if not smtp.host or any(letter.isspace() or letter in "/@:" for letter in smtp.host):
        yield "host is not the name of a server, like smtp-relay.gmail.com."
    if not 0 <= smtp.port <= 65_535:
        yield f"port {smtp.port} is not a port: it is from 1 to 65535."
    if smtp.security == "none" and not is_loopback(smtp.host):
        yield (
            f'security = "none" would send customers\' mails to {smtp.host} for all on the way to '
            'read. Use "starttls" or "tls"; "none" is for a server on this machine.'
        )
    if smtp.password_file and not smtp.user:
        yield "password_file needs user, who signs in with it."
    if not all(letter.isascii() and letter.isprintable() and letter != " " for letter in named):
        yield "local_hostname is a host name, like mail.example.com."
    if not all(1 <= each <= _MOST for each in (smtp.daily_limit, smtp.messages_per_minute)):
        yield f"daily_limit and messages_per_minute are at least 1, at most {_MOST:,}."


def read_password(smtp: Smtp, from_environment: str) -> str:
    """The password of `smtp.user`; a configured file comes before the environment.

    Raises SignInNeeded, which never contains a part of it.
    """
    password = from_environment
    if smtp.password_file:
        password = _read(Path(smtp.password_file))
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
