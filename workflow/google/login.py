"""Signing a person in, through their browser.

The flow is Google's for installed apps: the system's browser, a listener on this machine, and a
proof key (RFC 8252, RFC 7636).
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests
from google_auth_oauthlib.flow import Flow
from oauthlib.oauth2 import OAuth2Error  # type: ignore[import-untyped]

from workflow.google.connection import connect
from workflow.google.credentials import as_token, authorized_session
from workflow.google.drive import Account
from workflow.google.emulator import Emulator
from workflow.google.endpoint import Endpoint
from workflow.google.faults import SignInNeeded, Unreachable
from workflow.google.redirect import RedirectListener
from workflow.google.scopes import missing_scopes, short_name
from workflow.google.sign_in import SignIn
from workflow.google.sorting import sort_refresh_error
from workflow.google.token_file import write_token

_ACCOUNT_TIMEOUT_SECONDS = 30.0
_INSECURE = "OAUTHLIB_INSECURE_TRANSPORT"


def account_of(session: requests.Session, endpoint: Endpoint) -> Account:
    """Who a session is signed in as, by the Google at `endpoint`. Raises GoogleFault."""
    return connect(endpoint, lambda: session, _ACCOUNT_TIMEOUT_SECONDS).drive.account()


def login(
    client_secrets: Path | Emulator,
    token_path: Path,
    scopes: Sequence[str],
    *,
    open_browser: Callable[[str], object],
    port: int,
    announce: Callable[[str], None],
    timeout_seconds: float,
    identify: Callable[[requests.Session, Endpoint], Account] = account_of,
) -> SignIn:
    """Sign a person in and store it at `token_path`; gives who it is and what was granted.

    `client_secrets` is the file of an OAuth client of the type Desktop app, or the emulator to
    sign in at, which gets to see no such file. The link is handed to `announce` and then to
    `open_browser`; nothing is printed. `port` 0 takes a free one: a fixed one can be forwarded to
    a machine without a browser. Nothing is stored unless every one of `scopes` was granted.
    Raises SignInNeeded, Unreachable, or what `identify` raises.
    """
    if isinstance(client_secrets, Emulator):
        emulator, config = client_secrets, client_secrets.client_config()
    else:
        emulator, config = None, _client_config(client_secrets)
    with RedirectListener(port) as listener, _plain_http_allowed(emulator):
        flow = Flow.from_client_config(  # type: ignore[no-untyped-call]
            config, scopes=list(scopes), redirect_uri=listener.redirect_uri
        )
        # Without a new consent Google gives no refresh token to an app it has seen before.
        link, state = flow.authorization_url(access_type="offline", prompt="consent")
        announce(f"To sign in to Google, open this link in a browser:\n{link}")
        open_browser(link)
        answer = listener.wait(state, timeout_seconds)
        flow.oauth2session.trust_env = emulator is None
        with flow.oauth2session:
            credentials = _credentials(flow, answer)
    _check_grant(credentials, scopes)
    endpoint = emulator.endpoint if emulator else Endpoint()
    with authorized_session(credentials, trust_environment=emulator is None) as session:
        account = identify(session, endpoint)
    place = emulator.place if emulator else ""
    token = as_token(credentials, account=account.email, place=place)
    write_token(token_path, token)
    return SignIn(account.email, tuple(token["scopes"]))


@contextmanager
def _plain_http_allowed(emulator: Emulator | None) -> Iterator[None]:
    """Let oauthlib speak to an emulator, whose http is for this machine alone (`Endpoint`)."""
    if emulator is None or not emulator.root_url.startswith("http://"):
        yield
        return
    before = os.environ.get(_INSECURE)
    os.environ[_INSECURE] = "1"
    try:
        yield
    finally:
        os.environ.pop(_INSECURE, None)
        if before is not None:
            os.environ[_INSECURE] = before


def _client_config(path: Path) -> dict[str, Any]:
    mend = (
        "Make an OAuth client of the type Desktop app in the Google Cloud console, under APIs &"
        " Services, Credentials, and download it there."
    )
    try:
        config = json.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError as fault:
        raise SignInNeeded(f"There is no {path}. {mend}") from fault
    except (OSError, ValueError) as fault:
        raise SignInNeeded(f"{path} can't be read as JSON. {mend}", detail=repr(fault)) from fault
    client = config.get("installed") if isinstance(config, dict) else None
    needed = ("client_id", "client_secret", "auth_uri", "token_uri")
    if not isinstance(client, dict) or not all(isinstance(client.get(key), str) for key in needed):
        raise SignInNeeded(f"{path} is not the file of an OAuth client for a desktop. {mend}")
    return {"installed": client}


def _credentials(flow: Any, answer: dict[str, str]) -> Any:
    if "code" not in answer:
        error = answer.get("error", "")
        if error == "access_denied":
            raise SignInNeeded(
                "The sign-in was declined in the browser. Nothing was changed.", reason=error
            )
        raise sort_refresh_error(error, "answer of the consent page")
    try:
        flow.fetch_token(code=answer["code"], timeout=_ACCOUNT_TIMEOUT_SECONDS)
    except Warning as changed:
        # oauthlib takes a box that was left unticked for an error; the token is good, and what
        # was granted is looked at next.
        flow.oauth2session.token = vars(changed)["token"]
    except OAuth2Error as fault:
        raise sort_refresh_error(str(fault.error), str(fault.description)) from fault
    except (requests.RequestException, ValueError) as fault:
        raise Unreachable(
            "Google's sign-in server gave no answer that can be read."
            " Run `postmortem auth login` again.",
            detail=type(fault).__name__,
        ) from fault
    return flow.credentials


def _check_grant(credentials: Any, scopes: Sequence[str]) -> None:
    # RFC 6749, 5.1: a server that grants exactly what was asked for need not say so.
    lacking = missing_scopes(credentials.granted_scopes or scopes, scopes)
    if lacking:
        names = ", ".join(short_name(scope) for scope in lacking)
        raise SignInNeeded(
            f"A box was left unticked: {names}. Nothing was stored."
            " Run `postmortem auth login` again and leave every box ticked.",
            reason="insufficientPermissions",
        )
    if not credentials.refresh_token:
        raise SignInNeeded(
            "Google gave a sign-in that ends within the hour. Remove this app at"
            " https://myaccount.google.com/connections, then run `postmortem auth login` again."
        )
