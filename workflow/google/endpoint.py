"""Google's address (the real one or a server here), a sign-in on disk, the session of both.

A person's sign-in is a file, or in the keyring of the operating system (through the optional
package `keyring`); the file then only says so.

A Google-compatible server never gets a secret that is valid anywhere else. It has the sign-in's
addresses at Google's paths: `/o/oauth2/auth`, `/token`, `/revoke`. A sign-in there gives a token of
that server, stored apart from the real one; without a sign-in, the token is a fixed word.

The rehearsal has a fixed credential; Google needs a person's own. The scopes are those that this
program requests, and which of them include others.
"""

from __future__ import annotations

import ipaddress
import json
import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from ipaddress import IPv4Address, IPv6Address, IPv6Network
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

from workflow.google import transport
from workflow.google.faults import SignInNeeded

if TYPE_CHECKING:
    import requests


# --- The sign-in on disk --------------------------------------------------------------------------

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
    except (ValueError, RecursionError):
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
    except (ValueError, RecursionError):
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


# --- The address ----------------------------------------------------------------------------------

REAL_ORIGINS = frozenset(
    {
        "https://docs.googleapis.com",
        "https://www.googleapis.com",
        "https://gmail.googleapis.com",
    }
)
# Google's addresses to issue, renew and revoke sign-ins (its discovery document, and the files from
# its console).
SIGN_IN_ORIGINS = frozenset(
    {
        "https://accounts.google.com",
        "https://oauth2.googleapis.com",
        "https://www.googleapis.com",
    }
)
# How networks without IPv4 reach an IPv4 address (RFC 6052, 2.1), and the allocated part of IPv6
# (RFC 3587, 3): Python counts more as global.
_NAT64 = IPv6Network("64:ff9b::/96")
_GLOBAL_UNICAST = IPv6Network("2000::/3")


@dataclass(frozen=True)
class Endpoint:
    """The Google that calls go to.

    `root_url` is None for the real one, else the base address of a Google-compatible server for
    Docs, Drive and Gmail: `http://127.0.0.1:8765`. Plain http is only for this machine. Raises
    ValueError, with a sentence, for any other address.
    """

    root_url: str | None = None

    def __post_init__(self) -> None:
        if self.root_url is not None:
            _check(self.root_url)

    @property
    def origins(self) -> frozenset[str]:
        """Every `scheme://host:port` that calls to this Google may reach."""
        return REAL_ORIGINS if self.root_url is None else frozenset({origin(self.root_url)})

    @property
    def is_loopback(self) -> bool:
        """Whether this is a server on this machine."""
        return self.root_url is not None and is_loopback(urlsplit(self.root_url).hostname or "")


def origin(url: str) -> str:
    """The `scheme://host:port` of an address, in lower case, without the scheme's default port."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    host = f"[{host}]" if ":" in host else host
    port = parts.port
    usual = {"http": 80, "https": 443}.get(parts.scheme)
    return f"{parts.scheme}://{host}" + (f":{port}" if port not in {None, usual} else "")


def is_googles_sign_in(url: str) -> bool:
    """Whether this address may get a Google credential: over TLS, and Google's own."""
    try:
        return "@" not in url and origin(url) in SIGN_IN_ORIGINS
    except ValueError:
        return False


def is_loopback(host: str) -> bool:
    """Whether a host name or address is this machine and no other."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def is_public(address: IPv4Address | IPv6Address) -> bool:
    """Whether an address is on the open internet, where everybody can reach it."""
    if isinstance(address, IPv6Address) and address in _NAT64:
        address = IPv4Address(int(address) & 0xFFFFFFFF)
    elif isinstance(address, IPv6Address):
        address = address.ipv4_mapped or address.sixtofour or address
    if isinstance(address, IPv6Address) and address not in _GLOBAL_UNICAST:
        return False
    return address.is_global and not address.is_multicast


def _check(root_url: str) -> None:
    if "@" in root_url:
        # Don't show it: the part before may be a password.
        raise ValueError(
            "The address holds a name or a password, which is not allowed here. Write it as"
            " http://127.0.0.1:8765."
        )
    try:
        parts = urlsplit(root_url)
        readable = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError:  # an unclosed bracket, a port that isn't a number or is too large
        readable = False
    if not readable or not root_url.isprintable() or " " in root_url:
        raise ValueError(
            f"{root_url!r} is not the address of a server. Write it as http://127.0.0.1:8765."
        )
    if parts.query or parts.fragment:
        raise ValueError(f"{root_url!r} holds more than scheme, host, port and path.")
    if parts.scheme == "http" and not is_loopback(parts.hostname or ""):
        raise ValueError(
            f"{root_url!r} is plain http to another machine, which others could read. Use https, "
            "or a server on this machine."
        )


# The OAuth client for an emulator, which must not get the real one's secret.
CLIENT_ID = "postmortem.apps.rehearsal.example"
_CLIENT_SECRET = "no-secret"  # noqa: S105 - the same for everybody


@dataclass(frozen=True)
class Emulator:
    """The server at `root_url`; `place` identifies its stored sign-in.

    A server that changes its port keeps its place. `secret` is a rehearsal's own, "" elsewhere: it
    goes out with the rehearsal's public word. Raises ValueError for an address that `Endpoint`
    refuses.
    """

    root_url: str
    place: str
    secret: str = field(default="", repr=False)

    def __post_init__(self) -> None:
        Endpoint(self.root_url)

    @property
    def endpoint(self) -> Endpoint:
        """The address of its Docs, Drive and Gmail."""
        return Endpoint(self.root_url)

    @property
    def token_uri(self) -> str:
        """The address that issues and renews tokens."""
        return f"{self.root_url.rstrip('/')}/token"

    @property
    def revoke_uri(self) -> str:
        """The address that revokes tokens."""
        return f"{self.root_url.rstrip('/')}/revoke"

    def client_config(self) -> dict[str, Any]:
        """An OAuth client in the form of a credentials file, valid only for this server."""
        return {
            "installed": {
                "client_id": CLIENT_ID,
                "client_secret": _CLIENT_SECRET,
                "auth_uri": f"{self.root_url.rstrip('/')}/o/oauth2/auth",
                "token_uri": self.token_uri,
            }
        }

    def session(self, token_path: Path, fixed_token: str) -> requests.Session:
        """A session with the sign-in at `token_path` if it is of this place, else `fixed_token`.

        Raises SignInNeeded for a sign-in that can't be used.
        """
        token = self.stored(token_path)
        if token is None:
            word, colon, account = fixed_token.partition(":")
            shown = f"{word}-{self.secret}" if self.secret and word == "rehearsal" else word
            return emulator_session(self.root_url, f"{shown}{colon}{account}")

        credentials = transport.SavedCredentials.of(
            token_path, {**token, "token_uri": self.token_uri}
        )
        return transport.authorized_session(credentials, trust_environment=False)

    def stored(self, token_path: Path) -> dict[str, Any] | None:
        """The sign-in at `token_path` if it was made at this place. Raises SignInNeeded."""
        if not token_path.exists():
            return None
        token = read_token(token_path)
        return token if token.get("place") == self.place else None


def emulator_session(root_url: str, token: str = "rehearsal") -> requests.Session:  # noqa: S107
    """A session for a Google-compatible server, with a fixed bearer token, valid there alone.

    It ignores the environment's settings: a proxy would carry the calls off this machine. Raises
    ValueError for an address that `Endpoint` refuses.
    """
    Endpoint(root_url)
    return transport.fixed_token_session(token)


def refuse_emulators_token(token: dict[str, Any], path: Path) -> None:
    """Raise SignInNeeded for an emulator's stored sign-in, if Google is meant."""
    if token.get("place"):
        raise SignInNeeded(
            f"The sign-in in {path} belongs to {token['place']}, not to Google. Run `postmortem "
            "auth login`."
        )


# --- The session ----------------------------------------------------------------------------------

PREFIX = "https://www.googleapis.com/auth/"

DRIVE_FILE = PREFIX + "drive.file"
DOCUMENTS = PREFIX + "documents"
COMPOSE = PREFIX + "gmail.compose"
SEND = PREFIX + "gmail.send"
READ = PREFIX + "gmail.readonly"

DEFAULT_SCOPES = (DRIVE_FILE, DOCUMENTS, COMPOSE)

# Scopes that include others (discovery documents, the methods' scopes).
_WIDER = {
    DRIVE_FILE: {PREFIX + "drive"},
    DOCUMENTS: {PREFIX + "drive"},
    COMPOSE: {PREFIX + "gmail.modify", "https://mail.google.com/"},
    SEND: {COMPOSE, PREFIX + "gmail.modify", "https://mail.google.com/"},
    READ: {PREFIX + "gmail.modify", "https://mail.google.com/"},
}

# Optional scopes, by the word that a person types.
WISHES = ("gmail.send", "read", "drive")


def scopes_for(wishes: Iterable[str]) -> tuple[str, ...]:
    """The scopes (full URLs) to request: the usual three, and the wishes.

    `gmail.send` replaces gmail.compose, for an administrator who grants no more: each mail is then
    sent in one step. `read` adds gmail.readonly: bounces, replies, aliases. `drive` adds all of
    Drive, for a folder that this program did not create. Raises ValueError, with a sentence, for
    any other word.
    """
    scopes = list(DEFAULT_SCOPES)
    for wish in wishes:
        name = wish.strip().removeprefix(PREFIX)
        if name == "gmail.send":
            scopes[scopes.index(COMPOSE) if COMPOSE in scopes else scopes.index(SEND)] = SEND
        elif name in {"read", "gmail.readonly"}:
            scopes.append(READ)
        elif name == "drive":
            scopes.append(PREFIX + "drive")
        elif PREFIX + name not in DEFAULT_SCOPES:
            raise ValueError(f"{wish!r} is not a known scope. Known: {', '.join(WISHES)}.")
    return tuple(dict.fromkeys(scopes))


def missing_scopes(granted: Iterable[str], wanted: Iterable[str]) -> list[str]:
    """The scopes of `wanted` that are neither in `granted` nor part of a wider one."""
    held = set(granted)
    return [
        scope
        for scope in wanted
        if scope not in held and held.isdisjoint(_WIDER.get(scope, frozenset()))
    ]


def sends_in_one_step(granted: Iterable[str]) -> bool:
    """Whether a sign-in may send but not make drafts: gmail.send without gmail.compose."""
    held = list(granted)
    return bool(missing_scopes(held, [COMPOSE])) and not missing_scopes(held, [SEND])


def short_name(scope: str) -> str:
    """A scope's short name: `gmail.compose`."""
    return scope.removeprefix(PREFIX)


REVOKE_URL = "https://oauth2.googleapis.com/revoke"


class SignIn(NamedTuple):
    """The signed-in account, and its scopes. `email` is empty if Google did not say."""

    email: str
    scopes: tuple[str, ...]


class LoggedOut(StrEnum):
    """The result of signing out."""

    REVOKED = "revoked"
    """Deleted here, and Google revoked the sign-in."""
    FORGOTTEN = "forgotten"
    """Deleted here; Google did not confirm the revocation."""
    NOBODY = "nobody"
    """Nobody was signed in."""


def open_session(endpoint: Endpoint, token_path: Path, scopes: Iterable[str]) -> requests.Session:
    """The session for an endpoint. Only the real Google gets a person's credential.

    Raises SignInNeeded.
    """
    if endpoint.root_url is not None:
        return emulator_session(endpoint.root_url)
    return google_session(token_path, scopes)


def google_session(token_path: Path, scopes: Iterable[str]) -> requests.Session:
    """A session for the real Google, with the stored sign-in.

    The access token is renewed when it expires, and then saved. Raises SignInNeeded if nobody is
    signed in, or the sign-in does not cover `scopes` (full URLs).
    """
    token = read_token(token_path)
    refuse_emulators_token(token, token_path)
    if not is_googles_sign_in(token["token_uri"]):
        raise SignInNeeded(
            f"The sign-in in {token_path} would be renewed at an address that is not Google's."
            " Somebody changed it. Run `postmortem auth login`."
        )
    lacking = missing_scopes(token["scopes"], scopes)
    if lacking:
        names = ", ".join(short_name(scope) for scope in lacking)
        raise SignInNeeded(
            f"The sign-in does not cover {names}."
            " Run `postmortem auth login` and leave every box ticked.",
            reason="insufficientPermissions",
        )
    return transport.authorized_session(transport.SavedCredentials.of(token_path, token))


def sign_in_status(token_path: Path) -> SignIn:
    """The signed-in account, from the file alone: Google isn't asked. Raises SignInNeeded."""
    token = read_token(token_path)
    return SignIn(str(token.get("account") or ""), tuple(token["scopes"]))


def access_until(token_path: Path) -> datetime:
    """When the stored access token expires (UTC); it is then renewed automatically.

    Google doesn't say how long the sign-in itself is valid. Raises SignInNeeded.
    """
    expiry = datetime.fromisoformat(read_token(token_path)["expiry"])
    return expiry.astimezone(UTC) if expiry.tzinfo else expiry.replace(tzinfo=UTC)


def logout(token_path: Path, *, revoke_url: str = REVOKE_URL) -> LoggedOut:
    """Delete the stored sign-in, after asking Google to revoke it.

    It is deleted even if Google can't be asked.
    """
    try:
        token: dict[str, Any] = read_token(token_path)
    except SignInNeeded:
        was_there = token_path.exists()
        forget_token(token_path)  # damaged, or open to others: useless
        return LoggedOut.FORGOTTEN if was_there else LoggedOut.NOBODY
    confirmed = transport.revoke(str(token["refresh_token"]), revoke_url)
    forget_token(token_path)
    return LoggedOut.REVOKED if confirmed else LoggedOut.FORGOTTEN
