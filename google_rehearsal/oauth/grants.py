"""OAuth grants: one-time codes, sign-ins and tokens.

Tokens have Google's prefixes, so that anything that hides a real one also hides these.

The rehearsal's service account has a key that is valid nowhere else. A signed request for a token
(RFC 7523) follows Google's guide "Using OAuth 2.0 for Server to Server Applications", with
domain-wide delegation: the account acts for the person in `sub`. Refusals have the form of RFC
6749, 5.2.
"""

from __future__ import annotations

import base64
import hmac
import json
import secrets
import sqlite3
from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from google_rehearsal.lifecycle import FileLock, make_private, write_private
from google_rehearsal.store import Store
from google_rehearsal.wire.errors import known_scopes


class OAuthError(Exception):
    """A refusal: its code and Google's words for it."""

    def __init__(self, error: str, description: str) -> None:
        super().__init__(f"{error}: {description}")
        self.error = error
        self.description = description

    @property
    def status(self) -> int:
        """The HTTP status: 401 for an unknown client, else 400."""
        return 401 if self.error in {"invalid_client", "unauthorized_client"} else 400

    def as_json(self) -> dict[str, str]:
        """The body."""
        return {"error": self.error, "error_description": self.description}


# Google's words to a service account without an administrator's permission.
NOT_DELEGATED = (
    "Client is unauthorized to retrieve access tokens using this method, or client not authorized "
    "for any of the scopes requested."
)

# Switched on as faults of `oauth2.token`, with Google's reported words.
REHEARSED = {
    "invalid_grant": "Token has been expired or revoked.",
    "invalid_client": "The OAuth client was not found.",
    "deleted_client": "The OAuth client was deleted.",
    "unauthorized_client": "Unauthorized",
    "admin_policy_enforced": "Access to your account data is restricted by policies within "
    "your organization.",
}


# RFC 6749, 4.1.2 recommends ten minutes at the most for a code.
_CODE_SECONDS = 600.0
_SCHEMA = """
CREATE TABLE IF NOT EXISTS oauth_codes (
    code TEXT PRIMARY KEY,
    client TEXT NOT NULL,
    account TEXT NOT NULL,
    scopes TEXT NOT NULL,
    redirect_uri TEXT NOT NULL,
    challenge TEXT NOT NULL,
    renewable INTEGER NOT NULL,
    until REAL NOT NULL
);
CREATE TABLE IF NOT EXISTS oauth_clients (
    client TEXT PRIMARY KEY,
    secret_sha256 TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS oauth_grants (
    id INTEGER PRIMARY KEY,
    client TEXT NOT NULL,
    account TEXT NOT NULL,
    scopes TEXT NOT NULL,
    refresh_token TEXT NOT NULL UNIQUE
);
CREATE TABLE IF NOT EXISTS oauth_tokens (
    access_token TEXT PRIMARY KEY,
    grant_id INTEGER NOT NULL REFERENCES oauth_grants (id) ON DELETE CASCADE,
    until REAL NOT NULL
);
"""


@dataclass(frozen=True)
class Consent:
    """A person's consent. `scopes` are full URLs, `challenge` is of S256.

    `renewable`: with a refresh token, for an app that asks for offline access.
    """

    client: str
    account: str
    scopes: tuple[str, ...]
    redirect_uri: str
    challenge: str
    renewable: bool


@dataclass(frozen=True)
class Tokens:
    """An answer of the token endpoint. `refresh_token` is empty if there is none."""

    access_token: str
    refresh_token: str
    scopes: tuple[str, ...]


@dataclass(frozen=True)
class Holder:
    """The owner of an access token."""

    account: str
    client: str
    scopes: tuple[str, ...]


class Grants:
    """All sign-ins of a rehearsal. `clock` gives epoch seconds."""

    def __init__(self, store: Store, clock: Callable[[], float]) -> None:
        self._store = store
        self._clock = clock
        with store.transaction() as db:
            for statement in filter(str.strip, _SCHEMA.split(";")):
                db.execute(statement)

    def check_client(self, client: str, secret: str) -> None:
        """Raise OAuthError unless it is this client's secret.

        The secret that a client comes with first is its own from then on; there is no console in
        which to make one.
        """
        shown = sha256(secret.encode()).hexdigest()
        with self._store.transaction() as db:
            db.execute("INSERT OR IGNORE INTO oauth_clients VALUES (?, ?)", (client, shown))
            row = db.execute(
                "SELECT secret_sha256 FROM oauth_clients WHERE client = ?", (client,)
            ).fetchone()
        if not hmac.compare_digest(shown, row["secret_sha256"]):
            raise OAuthError("invalid_client", "The provided client secret is invalid.")

    def code_for(self, consent: Consent) -> str:
        """A one-time code for a consent."""
        code = f"4/0rehearsal-{secrets.token_urlsafe(24)}"
        with self._store.transaction() as db:
            db.execute(
                "INSERT INTO oauth_codes VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    code,
                    consent.client,
                    consent.account,
                    " ".join(consent.scopes),
                    consent.redirect_uri,
                    consent.challenge,
                    consent.renewable,
                    self._clock() + _CODE_SECONDS,
                ),
            )
        return code

    def redeem(
        self, code: str, *, client: str, redirect_uri: str, verifier: str, seconds: float
    ) -> Tokens:
        """The tokens for a code, once; the access token lasts `seconds`. Raises OAuthError."""
        with self._store.transaction() as db:
            row = db.execute("SELECT * FROM oauth_codes WHERE code = ?", (code,)).fetchone()
            db.execute("DELETE FROM oauth_codes WHERE code = ?", (code,))
        if row is None or row["until"] < self._clock() or row["client"] != client:
            raise OAuthError("invalid_grant", "Malformed auth code.")
        if row["redirect_uri"] != redirect_uri:
            raise OAuthError("redirect_uri_mismatch", "Bad Request")
        if not hmac.compare_digest(_challenge(verifier), row["challenge"]):
            raise OAuthError("invalid_grant", "Invalid code verifier.")
        refresh_token = f"1//rehearsal-{secrets.token_urlsafe(24)}"
        with self._store.transaction() as db:
            cursor = db.execute(
                "INSERT INTO oauth_grants (client, account, scopes, refresh_token) "
                "VALUES (?, ?, ?, ?)",
                (client, row["account"], row["scopes"], refresh_token),
            )
            access_token = self._new_access_token(db, cursor.lastrowid, seconds)
        scopes = tuple(row["scopes"].split())
        return Tokens(access_token, refresh_token if row["renewable"] else "", scopes)

    def renew(self, refresh_token: str, *, client: str, seconds: float) -> Tokens:
        """A new access token, valid for `seconds`. Raises OAuthError."""
        with self._store.transaction() as db:
            row = db.execute(
                "SELECT * FROM oauth_grants WHERE refresh_token = ?", (refresh_token,)
            ).fetchone()
            if row is None:
                raise OAuthError("invalid_grant", "Token has been expired or revoked.")
            if row["client"] != client:
                raise OAuthError("unauthorized_client", "Unauthorized")
            access_token = self._new_access_token(db, row["id"], seconds)
        return Tokens(access_token, "", tuple(row["scopes"].split()))

    def delegated(
        self, account: str, *, client: str, scopes: tuple[str, ...], seconds: float
    ) -> str:
        """An access token by domain-wide delegation: for an account, and never renewable."""
        with self._store.transaction() as db:
            cursor = db.execute(
                "INSERT INTO oauth_grants (client, account, scopes, refresh_token) "
                "VALUES (?, ?, ?, ?)",
                (client, account, " ".join(scopes), f"none-{secrets.token_urlsafe(24)}"),
            )
            return self._new_access_token(db, cursor.lastrowid, seconds)

    def revoke(self, token: str) -> None:
        """Revoke a sign-in by either of its tokens. Raises OAuthError if there is none."""
        with self._store.transaction() as db:
            row = db.execute(
                "SELECT id FROM oauth_grants WHERE refresh_token = ? OR id = "
                "(SELECT grant_id FROM oauth_tokens WHERE access_token = ?)",
                (token, token),
            ).fetchone()
            if row is None:
                raise OAuthError("invalid_token", "Token expired or revoked")
            db.execute("DELETE FROM oauth_tokens WHERE grant_id = ?", (row["id"],))
            db.execute("DELETE FROM oauth_grants WHERE id = ?", (row["id"],))

    def holder_of(self, access_token: str) -> Holder | None:
        """The owner of an access token; None if it is unknown, expired or revoked."""
        with self._store.transaction() as db:
            row = db.execute(
                "SELECT account, client, scopes FROM oauth_tokens "
                "JOIN oauth_grants ON oauth_grants.id = grant_id "
                "WHERE access_token = ? AND until > ?",
                (access_token, self._clock()),
            ).fetchone()
        if row is None:
            return None
        return Holder(row["account"], row["client"], tuple(row["scopes"].split()))

    def _new_access_token(
        self, db: sqlite3.Connection, grant_id: int | None, seconds: float
    ) -> str:
        token = f"ya29.rehearsal-{secrets.token_urlsafe(24)}"
        db.execute("DELETE FROM oauth_tokens WHERE until < ?", (self._clock(),))
        db.execute(
            "INSERT INTO oauth_tokens VALUES (?, ?, ?)", (token, grant_id, self._clock() + seconds)
        )
        return token


def _challenge(verifier: str) -> str:
    """RFC 7636, 4.2: S256."""
    return urlsafe_b64encode(sha256(verifier.encode()).digest()).decode().rstrip("=")


GRANT_TYPE = "urn:ietf:params:oauth:grant-type:jwt-bearer"
KEY_FILE = "service-account.json"
_LOCK = "service-account.lock"
# Google's own library writes this, whatever server it asks (google-auth 2.63, service_account).
_AUDIENCE = "https://oauth2.googleapis.com/token"
_EMAIL = "postmortem@rehearsal.iam.gserviceaccount.com"
_LONGEST_SECONDS = 3600
_SKEW_SECONDS = 300


@dataclass(frozen=True)
class Delegation:
    """The person and scopes of a delegated request. `scopes` are full URLs."""

    client: str
    subject: str
    scopes: tuple[str, ...]


def ensure_key(folder: Path) -> Path:
    """The key file in a rehearsal's folder, in Google's form; created if missing."""
    path = folder / KEY_FILE
    if path.exists():
        return path
    make_private(folder)
    with FileLock(folder / _LOCK):
        if not path.exists():
            write_key(path, _new_private_key())
    return path


def write_key(path: Path, private_key: str) -> None:
    """Write a PEM private key as the account's key file, readable by its owner alone."""
    content = {
        "type": "service_account",
        "project_id": "rehearsal",
        "private_key_id": "rehearsal-1",
        "private_key": private_key,
        "client_email": _EMAIL,
        "client_id": "100000000000000000000",
        "token_uri": "http://127.0.0.1/token",
    }
    write_private(path, json.dumps(content, indent=1))


def read_assertion(assertion: str, folder: Path, *, now: float) -> Delegation:
    """The delegation in a signed assertion. `now` is in epoch seconds. Raises OAuthError."""
    try:
        head, claims, signed = _parts(assertion)
    except (ValueError, TypeError, RecursionError):
        raise OAuthError("invalid_grant", "Bad Request") from None
    key = _key(folder)
    if not key or claims.get("iss") != key["client_email"]:
        raise OAuthError("invalid_grant", "Invalid grant: account not found")
    known = head.get("alg") == "RS256" and head.get("kid") in (None, key["private_key_id"])
    if not known or not _is_signed(assertion, signed, str(key["private_key"])):
        raise OAuthError("invalid_grant", "Invalid JWT Signature.")
    if claims.get("aud") != _AUDIENCE:
        raise OAuthError("invalid_grant", "Invalid JWT: Failed audience check.")
    _check_times(claims, now)
    subject, scopes = claims.get("sub"), claims.get("scope")
    if not isinstance(scopes, str) or not scopes.split() or set(scopes.split()) - known_scopes():
        raise OAuthError("invalid_scope", "Invalid OAuth scope or ID token audience provided.")
    if not isinstance(subject, str) or "@" not in subject:
        raise OAuthError("invalid_request", "This rehearsal wants a person's address in sub.")
    return Delegation(str(key["client_email"]), subject.lower(), tuple(scopes.split()))


def _parts(assertion: str) -> tuple[dict[str, Any], dict[str, Any], bytes]:
    first, second, third = assertion.split(".")
    return dict(json.loads(_decoded(first))), dict(json.loads(_decoded(second))), _decoded(third)


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _check_times(claims: Mapping[str, Any], now: float) -> None:
    issued, until = claims.get("iat"), claims.get("exp")
    reasonable = (
        isinstance(issued, int)
        and isinstance(until, int)
        and issued <= now + _SKEW_SECONDS
        and until > now
        and 0 < until - issued <= _LONGEST_SECONDS
    )
    if not reasonable:
        raise OAuthError(
            "invalid_grant",
            "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable "
            "timeframe. Check your iat and exp values in the JWT claim.",
        )


def _key(folder: Path) -> dict[str, Any]:
    try:
        return dict(json.loads((folder / KEY_FILE).read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return {}


def _is_signed(assertion: str, signature: bytes, private_key: str) -> bool:

    own = serialization.load_pem_private_key(private_key.encode("ascii"), password=None)
    assert isinstance(own, rsa.RSAPrivateKey)  # noqa: S101 - what `write_key` is given
    signed = assertion.rpartition(".")[0].encode("ascii")
    try:
        own.public_key().verify(signature, signed, padding.PKCS1v15(), hashes.SHA256())
    except InvalidSignature:
        return False
    return True


def _new_private_key() -> str:

    made = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return made.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode("ascii")
