"""Who calls: the bearer token, the account and OAuth client behind it, and its scopes.

Tokens are made up by the caller: `rehearsal` is the default account with the default scopes;
`rehearsal:ADDRESS`, `rehearsal:ADDRESS:scope,scope` and `rehearsal:ADDRESS:scopes:client` say the
account, the short names of the scopes, and the OAuth client. Beside them count the tokens that a
sign-in through the consent page has given.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from workflow.rehearsal.settings import Settings
from workflow.rehearsal.wire.discovery import Method
from workflow.rehearsal.wire.errors import GoogleError

DEFAULT_SCOPES = ("drive.file", "documents", "gmail.compose")
_SCOPE_BASE = "https://www.googleapis.com/auth/"
_FULL_MAIL = "https://mail.google.com/"
_ADDRESS = re.compile(r"[^@\s:]+@[^@\s:]+")
_REALM = 'Bearer realm="https://accounts.google.com/"'
_NEEDED = (
    "Expected OAuth 2 access token, login cookie or other valid authentication credential. "
    "See https://developers.google.com/identity/sign-in/web/devconsole-project."
)


@dataclass(frozen=True)
class Caller:
    """An account (an e-mail address in lower case) that acts through an OAuth client."""

    account: str
    display_name: str
    client: str
    scopes: frozenset[str]

    def holds(self, *scopes: str) -> bool:
        """Whether the token carries one of these scopes, given by their short names."""
        return any(full_scope(scope) in self.scopes for scope in scopes)


class Holder(Protocol):
    """Who an issued token stands for; `scopes` are whole addresses."""

    @property
    def account(self) -> str:
        """The e-mail address."""

    @property
    def client(self) -> str:
        """The OAuth client's id."""

    @property
    def scopes(self) -> tuple[str, ...]:
        """What was granted."""


def full_scope(name: str) -> str:
    """The address of a scope: `drive.file` → `https://www.googleapis.com/auth/drive.file`."""
    if name == "mail.google.com":
        return _FULL_MAIL
    return name if name.startswith("https://") else _SCOPE_BASE + name


def caller_of(
    authorization: str,
    settings: Settings,
    service: str,
    holder_of: Callable[[str], Holder | None],
) -> Caller:
    """The caller that an Authorization header names; `holder_of` knows the issued tokens.

    Raises `GoogleError` as Google does: 401 for a token that is not one, and for no token 401, or
    403 from Drive (recorded bodies).
    """
    scheme, _, token = authorization.partition(" ")
    if not authorization.strip():
        raise missing_credentials(service)
    holder = holder_of(token.strip()) if scheme.lower() == "bearer" else None
    if holder is not None:
        return _caller(holder.account, holder.client, frozenset(holder.scopes), settings)
    parts = token.strip().split(":")
    if scheme.lower() != "bearer" or parts[0] != "rehearsal" or len(parts) > 4:
        raise invalid_credentials()
    address, scopes, client = (*parts[1:], "", "", "")[:3]
    if address and not _ADDRESS.fullmatch(address):
        raise invalid_credentials()
    account = (address or settings.account).lower()
    names = [name for name in scopes.split(",") if name] or DEFAULT_SCOPES
    granted = frozenset(full_scope(name) for name in names)
    return _caller(account, client or "rehearsal", granted, settings)


def _caller(account: str, client: str, scopes: frozenset[str], settings: Settings) -> Caller:
    own = account == settings.account.lower()
    name = settings.display_name if own else account.partition("@")[0].title()
    return Caller(account=account, display_name=name, client=client, scopes=scopes)


def check_scopes(caller: Caller, method: Method) -> None:
    """Raises the 403 of a token that was not granted what the method needs."""
    if method.scopes and not method.scopes & caller.scopes:
        raise GoogleError(
            403,
            "Request had insufficient authentication scopes.",
            short="Insufficient Permission",
            reason="insufficientPermissions",
            status="PERMISSION_DENIED",
            details=[
                {
                    "@type": "type.googleapis.com/google.rpc.ErrorInfo",
                    "reason": "ACCESS_TOKEN_SCOPE_INSUFFICIENT",
                    "domain": "googleapis.com",
                    "metadata": {
                        "service": f"{method.service}.googleapis.com",
                        "method": method.id,
                    },
                }
            ],
            headers={
                "WWW-Authenticate": f'{_REALM}, error="insufficient_scope", '
                f'scope="{" ".join(sorted(method.scopes))}"'
            },
        )


def invalid_credentials() -> GoogleError:
    """The 401 for a token that is unknown or has expired."""
    return GoogleError(
        401,
        f"Request had invalid authentication credentials. {_NEEDED}",
        short="Invalid Credentials",
        reason="authError",
        location="Authorization",
        location_type="header",
        status="UNAUTHENTICATED",
        headers={"WWW-Authenticate": f'{_REALM}, error="invalid_token"'},
    )


def missing_credentials(service: str) -> GoogleError:
    """What a call without a token gets: 403 from Drive, 401 from Docs and Gmail."""
    if service == "drive":
        return GoogleError(
            403,
            "Method doesn't allow unregistered callers (callers without established identity). "
            "Please use API Key or other form of API consumer identity to call this API.",
            reason="forbidden",
            status="PERMISSION_DENIED",
        )
    return GoogleError(
        401,
        f"Request is missing required authentication credential. {_NEEDED}",
        short="Login Required.",
        reason="required",
        location="Authorization",
        location_type="header",
        status="UNAUTHENTICATED",
        headers={"WWW-Authenticate": _REALM},
    )
