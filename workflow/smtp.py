"""Send mails through an SMTP relay, such as Google's own.

A carrier of mail beside Gmail's API. Failures are the kinds in `workflow.google.faults`, and
nothing here retries a mail.

The password is in a file that only its owner can read, or in the environment.

The end-of-data dot is sent separately. If anything fails before it, the server can't have accepted
the mail (RFC 5321, 4.1.1.4); after it, only a reply tells.

A reply's meaning follows Google's help pages "SMTP relay service error messages" and "Gmail SMTP
errors and codes". For any other server the class of the code decides (RFC 5321, 4.2.1).
"""

from __future__ import annotations

import contextlib
import functools
import os
import re
import smtplib
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

from workflow.google import transport
from workflow.google.endpoint import is_loopback
from workflow.google.faults import (
    NOT_KNOWN,
    GoogleFault,
    Refused,
    SignInNeeded,
    SlowDown,
    Undecided,
    Unreachable,
)

# --- The settings ---------------------------------------------------------------------------------

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


# --- The relay ------------------------------------------------------------------------------------

_SHOWN = 200
# `550 5.7.1 Daily SMTP relay limit exceeded`, `550 5.4.5 Daily user sending quota exceeded`.
_DAILY = re.compile(r"\bdaily\b.*\b(limit|quota)\b|\b5\.4\.5\b", re.IGNORECASE | re.DOTALL)
# `421 4.4.2 Timeout - closing connection`: the connection alone is over (RFC 3463, X.4.2).
_CONNECTION_OVER = re.compile(r"^4\.4\.[12]\b")
# `550 5.7.1 Invalid credentials for relay`, `554 5.7.1 Relay access denied` (Postfix).
_NOT_LET_IN = re.compile(
    r"credentials for relay|relay (access )?denied|relaying (is )?(denied|not)"
    r"|authentication required",
    re.IGNORECASE,
)


class SmtpStep(Enum):
    """The step that the server replies to."""

    SIGN_IN = "sign-in"
    SENDER = "the sender"
    RECIPIENT = "the recipient"
    DATA = "the mail"
    MAIL = "the whole mail"
    RESET = "a new start"


@dataclass(frozen=True)
class ServerReply:
    """A server's reply: its code, and its text on one line. Code -1 is no SMTP reply."""

    code: int
    text: str

    @property
    def is_none(self) -> bool:
        """Whether it can't be read as a deciding reply."""
        return self.code // 100 not in {2, 4, 5}

    @property
    def closes(self) -> bool:
        """Whether the server closes the connection with it."""
        return self.code in {221, 421, -1}

    @property
    def ends_the_connection_alone(self) -> bool:
        """Whether it says that this connection waited too long, and nothing about mails."""
        return self.code == 421 and _CONNECTION_OVER.match(self.text) is not None

    @property
    def words(self) -> str:
        """Its text: short, on one line, without control characters."""
        return " ".join("".join(c if c.isprintable() else " " for c in self.text).split())[:_SHOWN]

    @property
    def shown(self) -> str:
        """The reply for a person: its code and its text."""
        return f"{self.code} {self.words}".strip().rstrip(".")

    def agrees_to(self, part: SmtpStep) -> bool:
        """Whether the server accepted the step."""
        return self.code == 354 if part is SmtpStep.DATA else self.code // 100 == 2


def sort_reply(reply: ServerReply, part: SmtpStep) -> GoogleFault:
    """The failure for a refusing reply. The server has not accepted the mail.

    A reply about all mails stops everything and keeps the plan; a refused mail or recipient stops
    only that one; a temporary refusal is retried later, and one of a single recipient doesn't delay
    the others.
    """
    said = f"The mail relay says: {reply.shown}."
    if reply.code // 100 == 4:
        return _later(reply, part)
    if reply.code // 100 != 5:
        return Unreachable(f"The mail relay's answer could not be read: {reply.shown}.")
    if _DAILY.search(reply.text):
        return SlowDown(f"The mail relay's limit of the day is reached: {reply.shown}.", daily=True)
    if part is SmtpStep.SIGN_IN:
        return SignInNeeded(
            f"{said} Check user and password under [smtp] in the config.", reason="relaySignIn"
        )
    if part is SmtpStep.SENDER or reply.code == 530 or _NOT_LET_IN.search(reply.text):
        return SignInNeeded(
            f"{said} The relay has to let this machine or user send as this sender: check its "
            "settings, and [smtp] in the config.",
            reason="relayDenied",
        )
    return Refused(said, status=reply.code, reason="relayRefused")


def _later(reply: ServerReply, part: SmtpStep) -> GoogleFault:
    """The failure for a temporary refusal: 421 is about the whole service (RFC 5321, 3.8)."""
    if reply.code == 421:
        return SlowDown(
            f"The mail relay takes no mails for now and closed the connection: {reply.shown}."
        )
    later = f"The mail relay asks to try later: {reply.shown}."
    return Unreachable(later) if part is SmtpStep.RECIPIENT else SlowDown(later)


# Servers close a connection after some mails or some silence; a new one costs little.
_MAILS_PER_CONNECTION = 100
_IDLE_SECONDS = 20.0
_MOST_DIGITS = 20  # of a SIZE (RFC 1870, 4)
_END_OF_DATA = b".\r\n"
# A server may check the whole mail before it replies: ten minutes instead of one (RFC 5321,
# 4.5.3.2.6).
_LAST_REPLY_TIMES = 10


@dataclass
class _Connection:
    """One open connection, of one thread. `used_at` is on the monotonic clock."""

    server: smtplib.SMTP
    used_at: float
    mails: int = 0
    largest_bytes: int = field(default=0)


class Relay:
    """The server that `settings` names. Thread-safe: each thread has its own connection.

    `password` reads the secret when a connection signs in; it goes only to the host in `settings`,
    and only once the connection is encrypted (or on this machine).
    """

    def __init__(
        self,
        settings: Smtp,
        password: Callable[[], str],
        *,
        timeout_seconds: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings
        self._password = password
        self._timeout_seconds = timeout_seconds
        self._clock = clock
        self._mine = threading.local()
        self._lock = threading.Lock()
        self._open: set[smtplib.SMTP] = set()

    @property
    def name(self) -> str:
        """`smtp-relay.gmail.com:587`."""
        return self._settings.name

    def check(self) -> None:
        """Connect and sign in, and send nothing. Raises GoogleFault."""
        self._connection()

    def send(self, sender: str, recipient: str, mail: bytes) -> str:
        """Hand over one mail, once. Returns the text of the server's reply.

        `mail` is RFC 5322 with CRLF line ends. Raises `Undecided` if the reply to the whole mail
        was lost; any other GoogleFault means that the server did not accept it.
        """
        connection = self._ready(sender, len(mail))
        try:
            self._say(connection, f"RCPT TO:<{recipient}>", SmtpStep.RECIPIENT)
            self._say(connection, "DATA", SmtpStep.DATA)
            self._send_bytes(connection, _dotted(mail))
        except Refused:
            self._reset(connection)
            raise
        reply = self._after_the_dot(connection)
        connection.mails += 1
        connection.used_at = self._clock()
        return reply.words

    def close(self) -> None:
        """Close every connection."""
        with self._lock:
            servers, self._open = self._open, set()
        for server in servers:
            server.close()

    # A connection that can take a mail

    def _ready(self, sender: str, size: int) -> _Connection:
        """A connection after MAIL FROM. One that broke, or was idle too long, is replaced once."""
        connection, fresh = self._connection()
        if connection.largest_bytes and size > connection.largest_bytes:
            raise Refused(
                f"The mail has {size:,} bytes; {self.name} takes {connection.largest_bytes:,}.",
                status=552,
                reason="tooLarge",
            )
        try:
            announced = f" SIZE={size}" if connection.largest_bytes else ""
            reply = self._ask(connection, f"MAIL FROM:<{sender}>{announced}")
        except Unreachable:
            if fresh:
                raise
            return self._ready(sender, size)
        if not fresh and (reply.is_none or reply.ends_the_connection_alone):
            self._part(connection)
            return self._ready(sender, size)
        self._require(connection, reply, SmtpStep.SENDER)
        return connection

    def _connection(self) -> tuple[_Connection, bool]:
        """This thread's connection, and whether it is new."""
        found: _Connection | None = getattr(self._mine, "connection", None)
        if found is not None and self._is_spent(found):
            self._part(found)
            found = None
        if found is not None:
            return found, False
        self._mine.connection = made = self._connect()
        return made, True

    def _is_spent(self, connection: _Connection) -> bool:
        idle = self._clock() - connection.used_at
        return connection.mails >= _MAILS_PER_CONNECTION or idle > _IDLE_SECONDS

    def _connect(self) -> _Connection:
        settings = self._settings
        try:
            server = self._let_in()
        except smtplib.SMTPResponseException as fault:
            raise sort_reply(_reply(fault.smtp_code, fault.smtp_error), SmtpStep.SIGN_IN) from fault
        except ssl.SSLCertVerificationError as fault:
            raise SignInNeeded(
                f"{self.name} does not prove that it is {settings.host} "
                f"({fault.verify_message}). Nothing was sent to it.",
                reason="certificate",
            ) from fault
        except (OSError, smtplib.SMTPException) as fault:
            raise Unreachable(f"{self.name} could not be reached.", detail=repr(fault)) from fault
        size = server.esmtp_features.get("size", "")
        largest = int(size) if size.isdecimal() and len(size) <= _MOST_DIGITS else 0
        return _Connection(server, self._clock(), largest_bytes=largest)

    def _let_in(self) -> smtplib.SMTP:
        """A server that has accepted our sign-in; otherwise it is closed."""
        server = _opened(self._settings, self._timeout_seconds)
        try:
            self._greet(server)
            self._sign_in(server)
        except BaseException:
            server.close()
            raise
        with self._lock:
            self._open.add(server)
        return server

    def _greet(self, server: smtplib.SMTP) -> None:
        server.ehlo_or_helo_if_needed()
        if self._settings.security == "starttls":
            try:
                server.starttls(context=ssl.create_default_context())
            except smtplib.SMTPNotSupportedError as fault:
                raise SignInNeeded(
                    f"{self.name} offers no STARTTLS, so the mails would go to it in the clear. "
                    'Name another port, or security = "tls", under [smtp] in the config.',
                    reason="notOffered",
                ) from fault
            server.ehlo_or_helo_if_needed()
        if server.sock is not None:
            # Otherwise the lone dot waits for the acknowledgement of the previous packet.
            server.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def _sign_in(self, server: smtplib.SMTP) -> None:
        if not self._settings.user:
            return
        try:
            server.login(self._settings.user, self._password())
        except (smtplib.SMTPResponseException, smtplib.SMTPServerDisconnected):
            raise
        except smtplib.SMTPException as fault:  # it offers none, or none that we know
            raise SignInNeeded(
                f"{self.name} offers no sign-in with a password. Take user out of [smtp] in the "
                "config, or name another port.",
                reason="notOffered",
            ) from fault

    # Words and replies

    def _say(self, connection: _Connection, words: str, part: SmtpStep) -> None:
        """Send a command before the mail itself, and require acceptance."""
        self._require(connection, self._ask(connection, words), part)

    def _ask(self, connection: _Connection, words: str) -> ServerReply:
        try:
            return _reply(*connection.server.docmd(words))
        except (OSError, smtplib.SMTPException) as fault:
            raise self._broken(connection, fault) from fault

    def _require(self, connection: _Connection, reply: ServerReply, part: SmtpStep) -> None:
        """Raise the failure for a reply that refuses, and close a connection that is of no use."""
        if reply.agrees_to(part):
            return
        sorted_out = sort_reply(reply, part)
        if not isinstance(sorted_out, Refused) or reply.closes:
            self._part(connection)
        raise sorted_out

    def _send_bytes(self, connection: _Connection, content: bytes) -> None:
        try:
            connection.server.send(content)
        except (OSError, smtplib.SMTPException) as fault:
            raise self._broken(connection, fault) from fault

    def _after_the_dot(self, connection: _Connection) -> ServerReply:
        """End the mail. From here on only the reply says whether it was accepted."""
        server = connection.server
        try:
            transport.refuse_if_over()
        except GoogleFault:  # without its last dot, the server drops the mail
            self._part(connection)
            raise
        try:
            self._wait_up_to(server, _LAST_REPLY_TIMES * self._timeout_seconds)
            server.send(_END_OF_DATA)
            reply = _reply(*server.getreply())
            self._wait_up_to(server, self._timeout_seconds)
        except (OSError, smtplib.SMTPException) as fault:
            self._part(connection)
            raise Undecided(
                f"{self.name} gave no answer after the whole mail. {NOT_KNOWN}", detail=repr(fault)
            ) from fault
        if reply.is_none:
            self._part(connection)
            raise Undecided(
                f"{self.name}'s answer could not be read. {NOT_KNOWN}", detail=reply.text
            )
        if not reply.agrees_to(SmtpStep.MAIL):
            if reply.closes:
                self._part(connection)
            raise sort_reply(reply, SmtpStep.MAIL)
        return reply

    def _wait_up_to(self, server: smtplib.SMTP, seconds: float) -> None:
        if server.sock is not None:
            server.sock.settimeout(seconds)

    def _reset(self, connection: _Connection) -> None:
        """Reset after a refused mail, so that the connection can take the next."""
        if getattr(self._mine, "connection", None) is connection:
            with contextlib.suppress(GoogleFault):
                self._say(connection, "RSET", SmtpStep.RESET)

    def _broken(self, connection: _Connection, fault: Exception) -> Unreachable:
        self._part(connection)
        return Unreachable(f"{self.name} closed the connection.", detail=repr(fault))

    def _part(self, connection: _Connection) -> None:
        connection.server.close()
        with self._lock:
            self._open.discard(connection.server)
        if getattr(self._mine, "connection", None) is connection:
            self._mine.connection = None


def _opened(settings: Smtp, timeout_seconds: float) -> smtplib.SMTP:
    named = settings.local_hostname or _own_name()
    where = (settings.host, settings.usual_port)
    if settings.security == "tls":
        context = ssl.create_default_context()
        return smtplib.SMTP_SSL(
            *where, local_hostname=named, timeout=timeout_seconds, context=context
        )
    return smtplib.SMTP(*where, local_hostname=named, timeout=timeout_seconds)


@functools.cache
def _own_name() -> str:
    """This machine's name; read once, because it may need a network look-up."""
    name = socket.getfqdn()
    return name if "." in name else "[127.0.0.1]"


def _reply(code: int, text: bytes | str) -> ServerReply:
    return ServerReply(code, text if isinstance(text, str) else text.decode("utf-8", "replace"))


def _dotted(mail: bytes) -> bytes:
    """The mail in DATA's form, without the last dot (RFC 5321, 4.5.2)."""
    dotted = mail.replace(b"\r\n.", b"\r\n..")
    dotted = b"." + dotted if dotted.startswith(b".") else dotted
    return dotted if dotted.endswith(b"\r\n") else dotted + b"\r\n"
