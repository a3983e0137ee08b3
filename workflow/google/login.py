"""Sign in: a person through the browser, or a machine without one.

The flow is Google's for installed apps: the system's browser, a listener on this machine for the
consent page's answer, and a proof key (RFC 8252, RFC 7636).
"""

from __future__ import annotations

import hmac
import json
import os
import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit

import google.auth
import requests
from google.auth.exceptions import DefaultCredentialsError
from google.oauth2.service_account import Credentials
from google_auth_oauthlib.flow import Flow
from oauthlib.oauth2 import OAuth2Error  # type: ignore[import-untyped]

from workflow.google.client import connect
from workflow.google.drive import Account
from workflow.google.endpoint import (
    Emulator,
    Endpoint,
    SignIn,
    is_googles_sign_in,
    missing_scopes,
    origin,
    short_name,
    write_token,
)
from workflow.google.faults import SignInNeeded, Unreachable, sort_refresh_error
from workflow.google.transport import as_token, authorized_session, follow_no_redirect

# --- In the browser -------------------------------------------------------------------------------

_PAGE = """<!doctype html><html lang="en"><meta charset="utf-8">
<meta name="viewport" content="width=device-width"><title>postmortem</title>
<style>body{font:1.1rem/1.5 system-ui;margin:15vh auto;max-width:28rem;padding:0 1rem;
color-scheme:light dark}</style>
<p>That's all here. Close this window and go back to the terminal.</p></html>"""


class RedirectListener:
    """Listen on 127.0.0.1 until the right answer comes; reject all others.

    A browser may ask for a favicon, a port scan may connect: neither may consume the answer, or
    delay the real one. `port` 0 takes a free one. Raises SignInNeeded for a port in use.
    """

    def __init__(self, port: int) -> None:
        answers: queue.Queue[dict[str, str]] = queue.Queue()

        class Handler(BaseHTTPRequestHandler):
            timeout = 10

            def do_GET(self) -> None:
                query = dict(parse_qsl(urlsplit(self.path).query))
                if "state" not in query:
                    self.send_error(404)
                    return
                page = _PAGE.encode()
                self.send_response(200)
                self.send_header("Content-Type", "text/html; charset=utf-8")
                self.send_header("Content-Length", str(len(page)))
                self.send_header("Cache-Control", "no-store")
                self.end_headers()
                self.wfile.write(page)
                answers.put(query)

            def log_message(self, *_: object) -> None:
                """Log nothing: the line would hold the one-time code."""

        try:
            self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        except OSError as fault:
            raise SignInNeeded(
                f"Port {port} is used by another program. Choose another one.",
                detail=repr(fault),
            ) from fault
        self._answers = answers

    @property
    def redirect_uri(self) -> str:
        """The address to which Google sends the browser. A desktop client may name any port."""
        return f"http://127.0.0.1:{self._server.server_port}/"

    def wait(self, state: str, timeout_seconds: float) -> dict[str, str]:
        """The answer that carries `state`: a `code`, or an `error`. Raises SignInNeeded."""
        deadline = time.monotonic() + timeout_seconds
        while True:
            try:
                answer = self._answers.get(timeout=max(0, deadline - time.monotonic()))
            except queue.Empty as fault:
                raise SignInNeeded(
                    "Nobody finished the sign-in in the browser in time."
                    " Run `postmortem auth login` again."
                ) from fault
            if hmac.compare_digest(answer["state"].encode(), state.encode()):
                return answer

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()


_ACCOUNT_TIMEOUT_SECONDS = 30.0
_INSECURE = "OAUTHLIB_INSECURE_TRANSPORT"


def account_of(session: requests.Session, endpoint: Endpoint) -> Account:
    """The account of a session, from the Google at `endpoint`. Raises GoogleFault."""
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
    account: str = "",
    agree_to: Callable[[str], None] = lambda _account: None,
) -> SignIn:
    """Sign a person in and store it at `token_path`; returns the account and the granted scopes.

    `client_secrets` is the file of an OAuth client of the type Desktop app, or the emulator to sign
    in at, which never sees such a file. The link is passed to `announce` and then to
    `open_browser`; nothing is printed. `port` 0 takes a free one: a fixed one can be forwarded to a
    machine without a browser. Nothing is stored unless every one of `scopes` was granted. `account`
    is the expected address, "" for any; for another one `agree_to` is called with it before
    anything is stored, and its errors are raised. Raises SignInNeeded, Unreachable, or what
    `identify` raises.
    """
    if isinstance(client_secrets, Emulator):
        emulator, config = client_secrets, client_secrets.client_config()
    else:
        emulator, config = None, _client_config(client_secrets)
    with RedirectListener(port) as listener, _plain_http_allowed(emulator):
        flow = Flow.from_client_config(  # type: ignore[no-untyped-call]
            config, scopes=list(scopes), redirect_uri=listener.redirect_uri
        )
        # Without a new consent, Google gives no refresh token to an app it has seen before.
        hint = {"login_hint": account} if account else {}
        link, state = flow.authorization_url(access_type="offline", prompt="consent", **hint)
        announce(f"To sign in to Google, open this link in a browser:\n{link}")
        open_browser(link)
        answer = listener.wait(state, timeout_seconds)
        flow.oauth2session.trust_env = emulator is None
        follow_no_redirect(flow.oauth2session)
        with flow.oauth2session:
            credentials = _credentials(flow, answer)
    _check_grant(credentials, scopes)
    endpoint = emulator.endpoint if emulator else Endpoint()
    with authorized_session(credentials, trust_environment=emulator is None) as session:
        found = identify(session, endpoint)
    if account and found.email.casefold() != account.casefold():
        agree_to(found.email)
    place = emulator.place if emulator else ""
    token = as_token(credentials, account=found.email, place=place)
    write_token(token_path, token)
    return SignIn(found.email, tuple(token["scopes"]))


@contextmanager
def _plain_http_allowed(emulator: Emulator | None) -> Iterator[None]:
    """Let oauthlib use http for an emulator on this machine (`Endpoint` allows no other)."""
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
    fix = (
        "Create an OAuth client of the type Desktop app in the Google Cloud console (APIs & "
        "Services, Credentials), download its file and save it there. See docs/google-setup.md."
    )
    try:
        config = json.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError as fault:
        raise SignInNeeded(f"There is no {path}. {fix}") from fault
    except (OSError, ValueError, RecursionError) as fault:
        raise SignInNeeded(f"{path} can't be read as JSON. {fix}", detail=repr(fault)) from fault
    client = config.get("installed") if isinstance(config, dict) else None
    needed = ("client_id", "client_secret", "auth_uri", "token_uri")
    if not isinstance(client, dict) or not all(isinstance(client.get(key), str) for key in needed):
        raise SignInNeeded(f"{path} is not the file of an OAuth client for a desktop. {fix}")
    for key in ("auth_uri", "token_uri"):
        if not is_googles_sign_in(client[key]):
            raise SignInNeeded(
                f"{path} is not a file of Google's: its {key} leads to {_host(client[key])}, which"
                f" would get the sign-in. {fix}"
            )
    return {"installed": client}


def _host(url: str) -> str:
    try:
        return origin(url)
    except ValueError:
        return "an address that can't be read"


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
        # oauthlib treats an unticked box as an error; the token is good, and the granted scopes are
        # checked next.
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
    # RFC 6749, 5.1: a server that grants exactly what was requested need not say so.
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


# --- Without a browser ----------------------------------------------------------------------------

_MEND = (
    "Make a key for the service account in the Google Cloud console, under IAM & Admin,"
    " Service accounts, Keys."
)


def service_account_session(
    key: Path, subject: str, scopes: Sequence[str], *, token_uri: str = ""
) -> requests.Session:
    """A session of a service account that acts as `subject`, by domain-wide delegation.

    `key` is its key file in JSON. Gmail needs a subject: a service account has no mailbox.
    `token_uri` is where tokens are issued, for a server on this machine whose port changes; "" uses
    the key's. Raises SignInNeeded; Google's answer to the first call is raised by that call.
    """
    content = _content(key)
    own = str(content.get("token_uri", ""))
    if not token_uri and own and not is_googles_sign_in(own):
        raise SignInNeeded(
            f"The service account's key {key} signs in at an address that is not Google's. {_MEND}"
        )
    try:
        credentials = Credentials.from_service_account_info(  # type: ignore[no-untyped-call]
            content | ({"token_uri": token_uri} if token_uri else {}),
            scopes=list(scopes),
            subject=subject,
        )
    except (ValueError, TypeError) as fault:
        raise _no_key(key) from fault
    return authorized_session(credentials, trust_environment=not token_uri)


def refuse_key_of_another(key: Path, token_uri: str) -> None:
    """Raise SignInNeeded for a key whose tokens are issued elsewhere than at `token_uri`.

    What google-auth signs with the key names Google as its audience, whatever server it is sent to:
    a receiver could use it there (google-auth 2.63, `_make_authorization_grant_assertion`).
    """
    own = str(_content(key).get("token_uri", ""))
    if own != token_uri:
        raise SignInNeeded(
            f"The service account's key {key} is for {own or 'no server'}, and Google is"
            f" {origin(token_uri)} here. Name a key of that server in sign_in.file."
        )


def _content(key: Path) -> dict[str, Any]:
    try:
        mode = key.stat().st_mode
        if os.name == "posix" and mode & 0o077:
            raise SignInNeeded(
                f"The service account's key {key} can be read by others on this machine."
                f" Run `chmod 600 {key}`."
            )
        return dict(json.loads(key.read_text(encoding="utf-8")))
    except FileNotFoundError as fault:
        raise SignInNeeded(f"There is no {key}. {_MEND}") from fault
    except (OSError, ValueError, TypeError, RecursionError) as fault:
        raise _no_key(key) from fault


def _no_key(key: Path) -> SignInNeeded:
    # The library's own message can hold a part of the key.
    return SignInNeeded(f"{key} is not the key file of a service account. {_MEND}")


def machine_session(scopes: Sequence[str]) -> requests.Session:
    """A session with the Application Default Credentials of this machine. Raises SignInNeeded."""
    names = ",".join(scopes)
    try:
        credentials, _ = google.auth.default(scopes=list(scopes))
    except DefaultCredentialsError as fault:
        raise SignInNeeded(
            "This machine has no Application Default Credentials. Run"
            f" `gcloud auth application-default login --scopes={names}`, or take another"
            ' [sign_in] kind in the config, such as "person".',
            detail=f"wanted: {', '.join(short_name(scope) for scope in scopes)}",
        ) from fault
    return authorized_session(credentials)
