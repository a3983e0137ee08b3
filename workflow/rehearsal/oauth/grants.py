"""What people have granted: one-time codes, the sign-ins made of them, and their tokens.

Tokens have the prefixes of Google's own, so that whatever blanks out a real one blanks out these.
"""

from __future__ import annotations

import hmac
import secrets
import sqlite3
from base64 import urlsafe_b64encode
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256

from workflow.rehearsal.oauth.refusals import OAuthError
from workflow.rehearsal.store import Store

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
    """What a person agreed to. `scopes` are whole addresses, `challenge` is of S256.

    `renewable`: with a refresh token, which an app gets when it asks for offline access.
    """

    client: str
    account: str
    scopes: tuple[str, ...]
    redirect_uri: str
    challenge: str
    renewable: bool


@dataclass(frozen=True)
class Tokens:
    """An answer of the token endpoint. `refresh_token` is empty where none is given."""

    access_token: str
    refresh_token: str
    scopes: tuple[str, ...]


@dataclass(frozen=True)
class Holder:
    """Who an access token stands for."""

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

    def code_for(self, consent: Consent) -> str:
        """A one-time code for what was agreed to."""
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
        """The tokens for a code, once; the access token holds for `seconds`. Raises OAuthError."""
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
        """A new access token, good for `seconds`. Raises OAuthError."""
        with self._store.transaction() as db:
            row = db.execute(
                "SELECT * FROM oauth_grants WHERE refresh_token = ? AND client = ?",
                (refresh_token, client),
            ).fetchone()
            if row is None:
                raise OAuthError("invalid_grant", "Token has been expired or revoked.")
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
        """Withdraw a sign-in by either of its tokens. Raises OAuthError where there is none."""
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
        """Who an access token stands for; None when it is unknown, has run out or is withdrawn."""
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
