"""The scopes of a sign-in: what the work needs, and no more."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import requests

from google_rehearsal.oauth.grants import KEY_FILE, ensure_key
from tests.command_line import CustomerList, Postmortem
from tests.conftest import CONFIG
from tests.google_world import GoogleWorld
from workflow.config import Settings, load_settings
from workflow.google.endpoint import short_name
from workflow.setup.init import google_session_of, mailbox_session_of

Customers = Callable[[int], CustomerList]

SERVICE_ACCOUNT = """
[sign_in]
kind = "service_account"
file = "key.json"
subject = "support@team.example"
"""
USUAL = ["documents", "drive.file", "gmail.compose"]


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A service account's key; creating one takes a while."""
    return ensure_key(tmp_path_factory.mktemp("key")).read_text(encoding="utf-8")


@pytest.fixture
def settings_of(tmp_path: Path, key: str) -> Callable[[str], Settings]:
    """The settings of a config, beside a key of Google's own."""
    home = tmp_path / "home"
    home.mkdir(mode=0o700, exist_ok=True)
    at_google = key.replace("http://127.0.0.1/token", "https://oauth2.googleapis.com/token")
    for name, text in (("key.json", at_google), ("config.toml", "")):
        (home / name).write_text(text, encoding="utf-8")
        (home / name).chmod(0o600)

    def load(config: str) -> Settings:
        (home / "config.toml").write_text(config, encoding="utf-8")
        return load_settings({"POSTMORTEM_HOME": str(home)})

    return load


def asked_by(session: requests.Session) -> list[str]:
    credentials: Any = getattr(session, "credentials")  # noqa: B009 - google-auth's session has it
    return sorted(short_name(each) for each in credentials.scopes)


@pytest.mark.parametrize(
    ("config", "own", "mailbox"),
    [
        (SERVICE_ACCOUNT, USUAL, ["drive.file", "gmail.compose"]),
        (
            f"[sending]\none_step = true\n{SERVICE_ACCOUNT}",
            ["documents", "drive.file", "gmail.send"],
            ["drive.file", "gmail.send"],
        ),
        (
            f'scopes = ["gmail.send"]\n{SERVICE_ACCOUNT}',
            ["documents", "drive.file", "gmail.send"],
            ["drive.file", "gmail.send"],
        ),
        (
            f'scopes = ["read", "drive"]\n{SERVICE_ACCOUNT}',
            ["documents", "drive", "drive.file", "gmail.compose", "gmail.readonly"],
            ["drive.file", "gmail.compose", "gmail.readonly"],
        ),
    ],
    ids=["usual", "one-step", "send-alone", "wishes"],
)
def test_a_service_account_asks_for_what_is_configured_and_in_a_mailbox_for_no_docs(
    settings_of: Callable[[str], Settings], config: str, own: list[str], mailbox: list[str]
) -> None:
    settings = settings_of(config)
    assert asked_by(google_session_of(settings)) == own
    assert asked_by(mailbox_session_of(settings, "ann@team.example", None, None)) == mailbox


def test_mailboxes_that_share_the_sending_are_entered_with_those_scopes_and_send(
    postmortem: Postmortem, google: GoogleWorld, customers: Customers, tmp_path: Path, key: str
) -> None:
    postmortem("start", "Wrong amounts")
    own = key.replace("http://127.0.0.1/token", f"{google.url}/token")
    for path in (tmp_path / "google" / KEY_FILE, postmortem.home / "key.json"):
        path.write_text(own, encoding="utf-8")
        path.chmod(0o600)
    senders = 'senders = ["ann@team.example", "bea@team.example"]\n'
    postmortem.configure(senders + CONFIG + SERVICE_ACCOUNT)
    listed = customers(4)
    said = postmortem("notify", str(listed), "--send", "--confirm", "4")
    assert "accepted by Gmail 4 of 4" in said.out
    granted: set[tuple[str, str]] = set()
    for path in (tmp_path / "google").glob("*.sqlite3"):
        with closing(sqlite3.connect(path)) as world:
            granted |= set(world.execute("SELECT account, scopes FROM oauth_grants"))
    assert {account for account, _ in granted} == {"ann@team.example", "bea@team.example"}
    asked = {tuple(sorted(map(short_name, scopes.split()))) for _, scopes in granted}
    assert asked == {("drive.file", "gmail.compose")}


@pytest.mark.parametrize(
    ("left_out", "refused"),
    [
        ("", {}),
        ("drive.file", {"start": 4, "notify": 4}),  # no doc can be made, no account named
        ("gmail.compose", {"notify": 4}),
        ("documents", {"join": 5}),  # drive.file shows nobody else's doc
    ],
)
def test_without_any_one_of_the_usual_scopes_some_of_the_work_is_refused(
    postmortem: Postmortem,
    google: GoogleWorld,
    customers: Customers,
    tmp_path: Path,
    left_out: str,
    refused: dict[str, int],
) -> None:
    home = tmp_path / "colleague"
    home.mkdir(mode=0o700)
    colleague = Postmortem(home, {"POSTMORTEM_GOOGLE_URL": google.url})
    colleague.configure(f'google_url_token = "rehearsal:ann@team.example"\n{CONFIG}')
    theirs = colleague.json("start", "A colleague's", "--share", google.account)["doc_url"]
    scopes = ",".join(each for each in USUAL if each != left_out)
    token = f"rehearsal:{google.account}:{scopes}"
    postmortem.configure(f'google_url_token = "{token}"\n{CONFIG}')
    work = {
        "start": ("start", "Wrong amounts"),
        "notify": ("notify", str(customers(1)), "--send", "--confirm", "1"),
        "join": ("join", theirs),
    }
    codes = {name: postmortem(*command, expect=None).code for name, command in work.items()}
    assert codes == {"start": 0, "notify": 0, "join": 0} | refused
