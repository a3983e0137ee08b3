"""The sign-in's refusals: clients, their secrets, and scopes that don't exist."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from html import unescape
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from tests.consent import Person
from tests.google_rehearsal.caller import Google

SCOPE = "https://www.googleapis.com/auth/drive.file"
REDIRECT = "http://127.0.0.1:1/"
VERIFIER = "v" * 43


@dataclass
class App:
    """An OAuth client with its secret, at a rehearsal's sign-in."""

    google: Google
    client: str = "desktop.apps.rehearsal.example"
    secret: str = "GOCSPX-own-own-own"

    def link(self, scope: str = SCOPE) -> str:
        challenge = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).decode()
        asked = {
            "client_id": self.client,
            "redirect_uri": REDIRECT,
            "response_type": "code",
            "scope": scope,
            "access_type": "offline",
            "prompt": "consent",
            "code_challenge": challenge.rstrip("="),
            "code_challenge_method": "S256",
        }
        address = f"{self.google.server.base_url}/o/oauth2/auth"
        return str(requests.Request("GET", address, params=asked).prepare().url)

    def page(self, scope: str) -> requests.Response:
        return requests.get(self.link(scope), timeout=10)

    def token(self, **form: str) -> requests.Response:
        form = {"client_id": self.client, "client_secret": self.secret, **form}
        return self.google.call("POST", "/token", token="", data=form)

    def signed_in(self) -> dict[str, Any]:
        """The answer to a person's consent: an access token, and one to renew it."""
        with pytest.raises(requests.ConnectionError) as nobody_listens:
            Person().visit(self.link())
        redirected = nobody_listens.value.request
        assert redirected is not None
        back = parse_qs(urlsplit(str(redirected.url)).query)
        answer = self.token(
            grant_type="authorization_code",
            code=back["code"][0],
            redirect_uri=REDIRECT,
            code_verifier=VERIFIER,
        )
        assert answer.ok, answer.text
        return dict(answer.json())


def test_a_clients_secret_is_the_one_that_it_came_with_first(google: Google) -> None:
    app = App(google)
    renewal = {"grant_type": "refresh_token", "refresh_token": app.signed_in()["refresh_token"]}
    wrong = App(google, secret="GOCSPX-another").token(**renewal)
    assert (wrong.status_code, wrong.json()) == (
        401,
        {
            "error": "invalid_client",
            "error_description": "The provided client secret is invalid.",
        },
    )
    assert app.token(**renewal).json()["access_token"].startswith("ya29.")


def test_a_client_without_a_secret_is_unknown(google: Google) -> None:
    answer = App(google, secret="").token(grant_type="refresh_token", refresh_token="1//x")
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


def test_another_clients_refresh_token_is_not_for_this_one(google: Google) -> None:
    renewal = App(google).signed_in()["refresh_token"]
    other = App(google, "other.apps.rehearsal.example")
    answer = other.token(grant_type="refresh_token", refresh_token=renewal)
    assert answer.status_code == 401
    assert answer.json() == {"error": "unauthorized_client", "error_description": "Unauthorized"}
    unknown = other.token(grant_type="refresh_token", refresh_token="1//nobody's")
    assert (unknown.status_code, unknown.json()["error"]) == (400, "invalid_grant")


@pytest.mark.parametrize(
    "scope",
    [
        "",
        "https://www.googleapis.com/auth/gmail.everything",
        f"{SCOPE} https://www.googleapis.com/auth/drive.flie",
        "drive.file",  # short names are the rehearsal's tokens' alone
    ],
)
def test_a_scope_that_does_not_exist_is_named_on_googles_page(google: Google, scope: str) -> None:
    page = App(google).page(scope)
    assert page.status_code == 400
    assert "Error 400: invalid_scope" in page.text
    assert all(name in unescape(page.text) for name in scope.split() if name != SCOPE)


@pytest.mark.parametrize(
    "scope", [SCOPE, f"openid email {SCOPE}", "https://mail.google.com/ profile"]
)
def test_a_scope_that_exists_may_be_asked_for(google: Google, scope: str) -> None:
    assert App(google).page(scope).status_code == 200
