"""The sign-in in the operating system's keyring, where the config asks for it."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from tests.command_line import Postmortem
from tests.consent import Person
from tests.google_world import GoogleWorld

KEEP = '[sign_in]\nkeep = "keyring"\n'


class Ring(ModuleType):
    """A keyring with the interface of the package `keyring`."""

    def __init__(self) -> None:
        super().__init__("keyring")
        self.kept: dict[tuple[str, str], str] = {}
        self.locked = False
        self.errors = ModuleType("keyring.errors")
        error = type("KeyringError", (Exception,), {})
        vars(self.errors)["KeyringError"] = error
        vars(self.errors)["PasswordDeleteError"] = type("PasswordDeleteError", (error,), {})

    def get_password(self, service: str, name: str) -> str | None:
        self._open()
        return self.kept.get((service, name))

    def set_password(self, service: str, name: str, secret: str) -> None:
        self._open()
        self.kept[service, name] = secret

    def delete_password(self, service: str, name: str) -> None:
        self._open()
        if self.kept.pop((service, name), None) is None:
            raise vars(self.errors)["PasswordDeleteError"]

    def _open(self) -> None:
        if self.locked:
            raise vars(self.errors)["KeyringError"]


@pytest.fixture
def ring(monkeypatch: pytest.MonkeyPatch) -> Iterator[Ring]:
    ring = Ring()
    monkeypatch.setitem(sys.modules, "keyring", ring)
    monkeypatch.setitem(sys.modules, "keyring.errors", ring.errors)
    monkeypatch.setattr("webbrowser.open", Person().open)
    return ring


def token_file(postmortem: Postmortem) -> Path:
    return postmortem.home / "stand-in-token.json"


def test_the_sign_in_is_in_the_keyring_and_the_file_only_says_so(
    postmortem: Postmortem, google: GoogleWorld, ring: Ring
) -> None:
    postmortem.configure(KEEP)
    google.set(token_seconds=60)
    postmortem("auth", "login", DISPLAY=":0")
    assert json.loads(token_file(postmortem).read_text()) == {"kept_in": "keyring"}
    first = dict(ring.kept)
    assert postmortem.json("auth", "status")["account"] == "you@rehearsal.example"
    postmortem("start", "Wrong amounts")
    assert ring.kept.keys() == first.keys()
    assert ring.kept != first  # renewed, and kept in the same place
    assert json.loads(token_file(postmortem).read_text()) == {"kept_in": "keyring"}
    postmortem("auth", "logout")
    assert ring.kept == {}
    assert not token_file(postmortem).exists()


def test_a_sign_in_moves_when_the_config_changes_and_someone_signs_in_anew(
    postmortem: Postmortem, ring: Ring
) -> None:
    postmortem("auth", "login", DISPLAY=":0")
    assert "refresh_token" in token_file(postmortem).read_text()
    postmortem.configure(KEEP)
    postmortem("auth", "login", DISPLAY=":0")
    assert "refresh_token" not in token_file(postmortem).read_text()
    postmortem.configure("")
    postmortem("auth", "login", DISPLAY=":0")
    assert "refresh_token" in token_file(postmortem).read_text()
    assert ring.kept == {}


def test_a_keyring_that_is_locked_says_so(postmortem: Postmortem, ring: Ring) -> None:
    postmortem.configure(KEEP)
    ring.locked = True
    result = postmortem("auth", "login", DISPLAY=":0", expect=4)
    assert "can't be used" in result.err
    assert not token_file(postmortem).exists()


def test_without_the_package_the_way_to_it_is_named(
    postmortem: Postmortem, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "keyring", None)
    postmortem.configure(KEEP)
    result = postmortem("auth", "login", "--no-browser", expect=4)
    assert "postmortem-workflow[keyring]" in result.err
