"""Signing in without a person: a service account with a subject, or the machine's own."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.google.misbehaving_server import answers, running
from workflow.google import Endpoint, SignInNeeded, connect
from workflow.google.endpoint import DEFAULT_SCOPES
from workflow.google.login import machine_session, service_account_session

SUBJECT = "support@example.com"


@pytest.fixture(scope="module")
def private_key() -> str:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()


def key_file(folder: Path, private_key: str, token_uri: str) -> Path:
    path = folder / "key.json"
    content = {
        "type": "service_account",
        "client_email": "robot@project.iam.gserviceaccount.com",
        "private_key": private_key,
        "private_key_id": "1",
        "token_uri": token_uri,
    }
    path.write_text(json.dumps(content))
    path.chmod(0o600)
    return path


def claims(assertion: str) -> dict[str, Any]:
    middle = assertion.split(".")[1]
    found: dict[str, Any] = json.loads(base64.urlsafe_b64decode(middle + "=" * (-len(middle) % 4)))
    return found


def test_a_service_account_asks_to_act_as_its_subject_for_what_is_needed(
    tmp_path: Path, private_key: str
) -> None:
    granted = {"access_token": "ya29.robot", "expires_in": 3599, "token_type": "Bearer"}
    with running(answers(200, granted)) as server:
        path = key_file(tmp_path, private_key, f"{server.url}/token")
        with service_account_session(path, SUBJECT, DEFAULT_SCOPES) as session:
            session.get(f"{server.url}/anything", timeout=10)
        exchange, call = server.received
    asked = claims(parse_qs(exchange.body.decode())["assertion"][0])
    assert asked["sub"] == SUBJECT
    assert asked["scope"].split() == list(DEFAULT_SCOPES)
    assert call.headers["authorization"] == "Bearer ya29.robot"


def test_a_service_account_that_the_administrator_has_not_let_in_says_where_to(
    tmp_path: Path, private_key: str
) -> None:
    no: dict[str, object] = {"error": "unauthorized_client", "error_description": "Client is not…"}
    with running(answers(401, no)) as server:
        path = key_file(tmp_path, private_key, f"{server.url}/token")
        google = connect(
            Endpoint(server.url),
            lambda: service_account_session(path, SUBJECT, DEFAULT_SCOPES),
            2,
        )
        with pytest.raises(SignInNeeded, match="domain-wide delegation"):
            google.gmail.send_draft("r1")


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b'{"type": "service_account"}', b"\xff"])
def test_a_key_that_is_none_is_named_and_not_shown(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "key.json"
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(SignInNeeded, match="is not the key file of a service account"):
        service_account_session(path, SUBJECT, DEFAULT_SCOPES)


def test_a_key_that_is_not_there_or_open_to_others_is_refused(
    tmp_path: Path, private_key: str
) -> None:
    with pytest.raises(SignInNeeded, match="There is no"):
        service_account_session(tmp_path / "key.json", SUBJECT, DEFAULT_SCOPES)
    path = key_file(tmp_path, private_key, "http://127.0.0.1:1/token")
    path.chmod(0o644)
    with pytest.raises(SignInNeeded, match="chmod 600"):
        service_account_session(path, SUBJECT, DEFAULT_SCOPES)


def test_a_machine_without_credentials_of_its_own_is_told_how_to_get_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path))
    monkeypatch.setenv("NO_GCE_CHECK", "true")
    monkeypatch.delenv("GOOGLE_APPLICATION_CREDENTIALS", raising=False)
    with pytest.raises(SignInNeeded, match="gcloud auth application-default login --scopes=https"):
        machine_session(DEFAULT_SCOPES)


def test_a_machine_uses_the_credentials_that_it_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    granted = {"access_token": "ya29.machine", "expires_in": 3599, "token_type": "Bearer"}
    with running(answers(200, granted)) as server:
        path = tmp_path / "adc.json"
        content = {
            "type": "authorized_user",
            "client_id": "gcloud",
            "client_secret": "GOCSPX-gcloud-gcloud",
            "refresh_token": "1//machine-renewal",
            "token_uri": f"{server.url}/token",
        }
        path.write_text(json.dumps(content))
        monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(path))
        monkeypatch.setattr(
            "google.oauth2.credentials._GOOGLE_OAUTH2_TOKEN_ENDPOINT", f"{server.url}/token"
        )
        with machine_session(DEFAULT_SCOPES) as session:
            session.get(f"{server.url}/anything", timeout=10)
        assert server.received[-1].headers["authorization"] == "Bearer ya29.machine"
