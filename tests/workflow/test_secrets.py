"""No secret is to be seen anywhere but in the file that keeps it; nor is a hostile home trusted."""

from __future__ import annotations

import json
import stat
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
import requests

from tests.both_ledgers import in_a_file
from tests.command_line import Postmortem, Result, write_customers
from tests.consent import Person
from tests.google_world import GoogleWorld
from tests.ledger_rows import everything_in

TOKEN = "stand-in-token.json"


def secrets_in(token_path: Path) -> list[str]:
    """What must not be seen. Also by its beginning, for a text may be cut."""
    token = json.loads(token_path.read_text())
    found = [token["token"], token["refresh_token"]]
    return [*found, *(secret[:24] for secret in found)]


def files_below(*folders: Path) -> Iterator[Path]:
    for folder in folders:
        yield from (path for path in folder.rglob("*") if path.is_file())


def test_after_a_full_run_no_secret_is_in_any_output_log_ledger_or_export(
    postmortem: Postmortem,
    google: GoogleWorld,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("webbrowser.open", Person().open)
    monkeypatch.setattr("workflow.flows.doc.time", SimpleNamespace(sleep=lambda _seconds: None))
    google.set(token_seconds=60)  # renewed before each command
    results: list[Result] = []
    secrets: set[str] = set()

    def run(*arguments: str) -> None:
        results.append(postmortem(*arguments, "-vv", expect=None, DISPLAY=":0"))
        secrets.update(secrets_in(postmortem.home / TOKEN))

    customers = str(write_customers(tmp_path / "people.csv", 2))
    record = tmp_path / "record"
    for command in (
        ("auth", "login"),
        ("auth", "status"),
        ("doctor", "--live"),
        ("start", "Wrong amounts", "--impact", "Invoices show wrong amounts"),
        ("log", "Found the cause"),
        ("notify", customers, "--json"),
        ("notify", customers, "--send", "--confirm", "2"),
        ("show", "--json"),
    ):
        run(*command)
    for kind in ("500", "403_no_scope", "token_expired", "403_not_enabled", "garbage"):
        google.misbehave(kind, "docs.documents.*", times=1)
        run("log", f"Entry under {kind}")
    google.behave()
    google.misbehave("invalid_grant", "oauth2.token")
    run("log", "Entry without a sign-in")
    google.behave()
    run("sync")
    for form in ("md", "html", "json", "eml"):
        run("export", str(record / form), "--format", form)

    assert len(secrets) > 4
    shown = "".join(result.out + result.err for result in results)
    assert "Traceback" in shown  # -v was at work
    for secret in secrets:
        assert secret not in shown
    kept = [path for path in files_below(postmortem.home, record) if path.name != TOKEN]
    assert "config.toml" in {path.name for path in kept}
    for path in kept:
        content = path.read_bytes()
        assert not any(secret.encode() in content for secret in secrets), path
    ledger = everything_in(postmortem)
    assert b"Found the cause" in ledger
    assert not any(secret.encode() in ledger for secret in secrets)


@in_a_file
def test_everything_that_is_kept_is_for_its_owner_alone(
    postmortem: Postmortem, google: GoogleWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("webbrowser.open", Person().open)
    postmortem("auth", "login", DISPLAY=":0")
    postmortem("start", "Wrong amounts")
    for name in (TOKEN, "ledger.sqlite3"):
        assert stat.S_IMODE((postmortem.home / name).stat().st_mode) == 0o600


@pytest.mark.parametrize("command", [("list",), ("auth", "status"), ("start", "x")])
def test_a_home_that_everybody_may_write_to_is_not_trusted(
    postmortem: Postmortem, google: GoogleWorld, command: tuple[str, ...]
) -> None:
    postmortem.home.chmod(0o777)
    result = postmortem(*command, expect=4)
    assert "chmod 700" in result.err
    assert google.documents() == []
    assert not (postmortem.home / "ledger.sqlite3").exists()


def test_a_sign_in_that_is_a_link_is_not_used(postmortem: Postmortem, tmp_path: Path) -> None:
    planted = tmp_path / "planted.json"
    planted.write_text("{}")
    planted.chmod(0o600)
    (postmortem.home / "token.json").symlink_to(planted)
    result = postmortem("auth", "status", expect=4, POSTMORTEM_GOOGLE_URL="")
    assert "is a link" in result.err


def test_a_stand_in_on_another_machine_needs_the_configs_word(postmortem: Postmortem) -> None:
    result = postmortem("list", expect=4, POSTMORTEM_GOOGLE_URL="https://evil.example")
    assert "not this machine" in result.err


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example:80"])
def test_a_page_that_points_its_name_at_this_machine_gets_no_consent_page(
    google: GoogleWorld, host: str
) -> None:
    answer = requests.get(f"{google.url}/o/oauth2/auth", headers={"Host": host}, timeout=5)
    assert answer.status_code == 403
