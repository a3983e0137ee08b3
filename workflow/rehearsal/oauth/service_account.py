"""The rehearsal's service account: a key that is good nowhere else, and what it may be used for.

A signed request for a token (RFC 7523), as Google's guide "Using OAuth 2.0 for Server to Server
Applications" describes it, with domain-wide delegation: the account acts for the person in `sub`.
"""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workflow.rehearsal.filelock import FileLock
from workflow.rehearsal.oauth.refusals import OAuthError
from workflow.rehearsal.private_folder import make_private

GRANT_TYPE = "urn:ietf:params:oauth:grant-type:jwt-bearer"
KEY_FILE = "service-account.json"
_LOCK = "service-account.lock"
# What Google's own library writes, whichever server it asks (google-auth 2.63, service_account).
_AUDIENCE = "https://oauth2.googleapis.com/token"
_EMAIL = "postmortem@rehearsal.iam.gserviceaccount.com"
_LONGEST_SECONDS = 3600
_SKEW_SECONDS = 300


@dataclass(frozen=True)
class Delegation:
    """For whom the account asks, and for what. `scopes` are whole addresses."""

    client: str
    subject: str
    scopes: tuple[str, ...]


def ensure_key(folder: Path) -> Path:
    """The key file in a rehearsal's folder, in the shape of Google's; made when it is not there."""
    path = folder / KEY_FILE
    if path.exists():
        return path
    make_private(folder)
    with FileLock(folder / _LOCK):
        if not path.exists():
            write_key(path, _new_private_key())
    return path


def write_key(path: Path, private_key: str) -> None:
    """Make a private key in PEM the account's key file, readable by its owner alone."""
    content = {
        "type": "service_account",
        "project_id": "rehearsal",
        "private_key_id": "rehearsal-1",
        "private_key": private_key,
        "client_email": _EMAIL,
        "client_id": "100000000000000000000",
        "token_uri": "http://127.0.0.1/token",
    }
    fresh = path.with_suffix(f".{os.getpid()}")
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        json.dump(content, file, indent=1)
    fresh.replace(path)


def read_assertion(assertion: str, folder: Path, *, now: float) -> Delegation:
    """Who asks for whom, by a signed assertion. `now` is in epoch seconds. Raises OAuthError."""
    try:
        head, claims, signed = _parts(assertion)
    except (ValueError, TypeError):
        raise OAuthError("invalid_grant", "Bad Request") from None
    key = _key(folder)
    if not key or claims.get("iss") != key["client_email"]:
        raise OAuthError("invalid_grant", "Invalid grant: account not found")
    known = head.get("alg") == "RS256" and head.get("kid") in {None, key["private_key_id"]}
    if not known or not _is_signed(assertion, signed, str(key["private_key"])):
        raise OAuthError("invalid_grant", "Invalid JWT Signature.")
    if claims.get("aud") != _AUDIENCE:
        raise OAuthError("invalid_grant", "Invalid JWT: Failed audience check.")
    _check_times(claims, now)
    subject, scopes = claims.get("sub"), claims.get("scope")
    if not isinstance(scopes, str) or not scopes.split():
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
    from cryptography.exceptions import InvalidSignature  # noqa: PLC0415 - for this grant alone
    from cryptography.hazmat.primitives import hashes, serialization  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric import padding, rsa  # noqa: PLC0415

    own = serialization.load_pem_private_key(private_key.encode("ascii"), password=None)
    assert isinstance(own, rsa.RSAPrivateKey)  # noqa: S101 - what `write_key` is given
    signed = assertion.rpartition(".")[0].encode("ascii")
    try:
        own.public_key().verify(signature, signed, padding.PKCS1v15(), hashes.SHA256())
    except InvalidSignature:
        return False
    return True


def _new_private_key() -> str:
    from cryptography.hazmat.primitives import serialization  # noqa: PLC0415 - 0.1 s, seldom
    from cryptography.hazmat.primitives.asymmetric import rsa  # noqa: PLC0415

    made = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return made.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode("ascii")
