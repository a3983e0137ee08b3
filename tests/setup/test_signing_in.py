"""Signing in from the command line: the whole flow, against the rehearsal Google."""

from __future__ import annotations

import json
import os
import pty
import re
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.command_line import Postmortem
from tests.consent import Person
from tests.google_world import GoogleWorld
from tests.terminal import at_a_terminal

ROOT = Path(__file__).parents[2]
LINK = re.compile(r"http://127\.0\.0\.1:\d+/o/oauth2/auth\?\S+")
SECRETS = re.compile(r"ya29\.|1//|4/0|no-secret")


@pytest.fixture
def at_browser(monkeypatch: pytest.MonkeyPatch) -> Person:
    """The person at the browser that the command opens."""
    person = Person()
    monkeypatch.setattr("webbrowser.open", person.open)
    return person


def sign_in(postmortem: Postmortem, *more: str, expect: int = 0, **settings: str) -> Any:
    return postmortem("auth", "login", *more, expect=expect, DISPLAY=":0", **settings)


def token_file(postmortem: Postmortem) -> Path:
    return postmortem.home / "stand-in-token.json"


def test_a_person_signs_in_and_works_as_that_account(
    postmortem: Postmortem, google: GoogleWorld, at_browser: Person
) -> None:
    at_browser.account = "lead@rehearsal.example"
    result = sign_in(postmortem)
    assert "Signed in as lead@rehearsal.example" in result.out
    doc_id = postmortem.json("start", "Wrong amounts")["doc_id"]
    # The rehearsal's account without a sign-in is not its owner, and can't see it.
    answer = requests.get(
        f"{google.url}/drive/v3/files/{doc_id}",
        headers={"Authorization": "Bearer rehearsal"},
        timeout=10,
    )
    assert answer.status_code == 404


def test_the_link_is_on_stderr_and_stdout_holds_one_document(
    postmortem: Postmortem, at_browser: Person
) -> None:
    result = sign_in(postmortem, "--json")
    assert LINK.search(result.err)
    assert result.json == {
        "account": "you@rehearsal.example",
        "scopes": ["documents", "drive.file", "gmail.compose"],
        "token_file": str(token_file(postmortem)),
    }


def test_the_global_options_may_stand_before_the_group_too(
    postmortem: Postmortem, at_browser: Person
) -> None:
    sign_in(postmortem)
    before = postmortem("--json", "auth", "status")
    assert before.json == postmortem("auth", "status", "--json").json


def test_the_token_is_kept_for_its_owner_alone_and_never_shown(
    postmortem: Postmortem, at_browser: Person
) -> None:
    results = [sign_in(postmortem, "-v")]
    path = token_file(postmortem)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    token = json.loads(path.read_text())
    results += [postmortem("auth", "status", "-v"), postmortem("auth", "status", "--json")]
    results += [postmortem("auth", "logout", "-v")]
    for result in results:
        shown = result.out + result.err
        assert not SECRETS.search(shown.replace("/o/oauth2", ""))
        assert token["refresh_token"] not in shown


def test_the_status_says_who_for_what_and_till_when(
    postmortem: Postmortem, at_browser: Person
) -> None:
    sign_in(postmortem)
    shown = postmortem("auth", "status").out
    assert "Signed in as you@rehearsal.example" in shown
    assert "gmail.compose" in shown
    assert "renewed by itself" in shown
    assert str(token_file(postmortem)) in shown
    found = postmortem.json("auth", "status")
    assert found["missing"] == []
    assert found["access_until"].endswith("+00:00")


def test_with_nobody_signed_in_the_status_says_how_to_come_in(postmortem: Postmortem) -> None:
    result = postmortem("auth", "status", expect=4)
    assert result.err.count("\n") == 1
    assert "Nobody is signed in" in result.err
    assert "postmortem auth login" in result.err


def test_a_scope_that_the_config_wants_and_nobody_granted_is_named(
    postmortem: Postmortem, at_browser: Person
) -> None:
    sign_in(postmortem)
    postmortem.configure('scopes = ["read"]')
    result = postmortem("auth", "status")
    assert "gmail.readonly" in result.err
    assert postmortem.json("auth", "status")["missing"] == ["gmail.readonly"]


def test_signing_out_withdraws_the_sign_in(
    postmortem: Postmortem, google: GoogleWorld, at_browser: Person
) -> None:
    sign_in(postmortem)
    access_token = json.loads(token_file(postmortem).read_text())["token"]
    assert "revoked the sign-in" in postmortem("auth", "logout").out
    assert not token_file(postmortem).exists()
    answer = requests.get(
        f"{google.url}/gmail/v1/users/me/profile",
        headers={"Authorization": f"Bearer {access_token}"},
        timeout=10,
    )
    assert answer.status_code == 401
    assert postmortem.json("auth", "logout") == {"signed_out": "nobody"}


def test_a_person_who_declines_is_told_that_nothing_changed(
    postmortem: Postmortem, at_browser: Person
) -> None:
    at_browser.decision = "deny"
    assert "declined" in sign_in(postmortem, expect=4).err
    assert not token_file(postmortem).exists()


def test_a_box_left_unticked_is_named(postmortem: Postmortem, at_browser: Person) -> None:
    at_browser.unticks = ["gmail.compose"]
    result = sign_in(postmortem, expect=4)
    assert "A box was left unticked: gmail.compose" in result.err
    assert not token_file(postmortem).exists()


def test_nobody_at_the_browser_is_not_waited_for_for_ever(postmortem: Postmortem) -> None:
    result = postmortem("auth", "login", "--no-browser", "--timeout", "1", expect=4)
    assert "in time" in result.err


def test_a_scope_that_there_is_none_of_is_refused(postmortem: Postmortem) -> None:
    result = postmortem("auth", "login", "--no-browser", "--scope", "gmail.everything", expect=3)
    assert "gmail.send, read, drive" in result.err


def test_reading_is_added_and_does_not_take_anything_away(
    postmortem: Postmortem, at_browser: Person
) -> None:
    scopes = sign_in(postmortem, "--scope", "read", "--json").json["scopes"]
    assert scopes == ["documents", "drive.file", "gmail.compose", "gmail.readonly"]


@pytest.mark.parametrize("in_the_config", [True, False])
def test_an_administrator_who_grants_sending_alone_gets_mail_in_one_step(
    postmortem: Postmortem,
    google: GoogleWorld,
    at_browser: Person,
    in_the_config: bool,
    tmp_path: Path,
) -> None:
    if in_the_config:
        with (postmortem.home / "config.toml").open("r+") as config:
            before = config.read()
            config.seek(0)
            config.write('scopes = ["gmail.send"]\n' + before)
        sign_in(postmortem)
    else:
        sign_in(postmortem, "--scope", "gmail.send")
    postmortem("start", "Wrong amounts", "--impact", "Invoices show wrong amounts")
    people = tmp_path / "people.csv"
    people.write_text("email,name\nann@customer.example,Ann\n")
    google.forget_calls()
    sent = postmortem.json("notify", str(people), "--send", "--confirm", "1", expect=None)
    assert sent["counts"]["sent"] == 1, sent
    calls = google.calls()
    assert calls.get("gmail.users.messages.send") == 1
    assert "gmail.users.drafts.create" not in calls


def test_an_access_token_that_ran_out_is_renewed_without_a_word(
    postmortem: Postmortem, google: GoogleWorld, at_browser: Person
) -> None:
    google.set(token_seconds=1)
    sign_in(postmortem)
    before = json.loads(token_file(postmortem).read_text())
    google.forget_calls()
    postmortem("start", "Wrong amounts")
    after = json.loads(token_file(postmortem).read_text())
    assert google.calls()["oauth2.token"] >= 1
    assert after["token"] != before["token"]
    assert after["refresh_token"] == before["refresh_token"]
    assert after["place"] == before["place"]


def test_the_sign_in_of_a_stand_in_is_of_no_use_elsewhere(
    postmortem: Postmortem, at_browser: Person
) -> None:
    sign_in(postmortem)
    path = token_file(postmortem)
    real = postmortem.home / "token.json"
    real.write_text(path.read_text())
    real.chmod(0o600)
    # Meant for the real Google, with no rehearsal named: refused before any call.
    result = postmortem("start", "x", expect=None, POSTMORTEM_GOOGLE_URL="")
    assert "not to Google" in result.err


def test_the_consent_link_is_in_no_list_of_processes(
    postmortem: Postmortem, at_browser: Person
) -> None:
    sign_in(postmortem)
    assert len(at_browser.files) == len(at_browser.links) == 1
    assert at_browser.modes == [0o700]
    assert not at_browser.files[0].parent.exists()


def test_another_account_than_before_is_not_stored_unless_a_person_says_so(
    postmortem: Postmortem, at_browser: Person, tmp_path: Path
) -> None:
    at_browser.account = "lead@rehearsal.example"
    sign_in(postmortem)
    before = token_file(postmortem).read_bytes()
    at_browser.account = "mallory@rehearsal.example"
    refused = sign_in(postmortem, expect=3)
    said = "You signed in as mallory@rehearsal.example, not as lead@rehearsal.example"
    assert said in refused.err
    assert token_file(postmortem).read_bytes() == before
    browser = tmp_path / "browser.py"
    browser.write_text(
        f"import sys\nsys.path.insert(0, {str(ROOT)!r})\n"
        "from tests.consent import Person\n"
        "Person('mallory@rehearsal.example').visit(sys.argv[1])\n",
        encoding="utf-8",
    )
    at_browsers = {"DISPLAY": ":0", "BROWSER": f"{sys.executable} {browser} %s"}
    typed = at_a_terminal(postmortem, "auth", "login", typed="no", **at_browsers)
    assert typed.code == 3
    assert said in typed.out
    assert token_file(postmortem).read_bytes() == before
    typed = at_a_terminal(postmortem, "auth", "login", typed="yes", **at_browsers)
    assert typed.code == 0, typed.err
    assert "Signed in as mallory@rehearsal.example" in postmortem("auth", "status").out


def test_the_account_that_is_named_is_the_only_one_that_is_stored(
    postmortem: Postmortem, at_browser: Person
) -> None:
    named = ("--account", "Lead@rehearsal.example")
    refused = sign_in(postmortem, *named, expect=3)
    assert "not as Lead@rehearsal.example" in refused.err
    assert not token_file(postmortem).exists()
    at_browser.account = "lead@rehearsal.example"
    sign_in(postmortem, *named)
    assert "login_hint=Lead" in at_browser.links[-1]


def test_the_config_names_the_account_that_is_expected(
    postmortem: Postmortem, at_browser: Person
) -> None:
    postmortem.configure('[sign_in]\nsubject = "lead@rehearsal.example"\n')
    assert "not as lead@rehearsal.example" in sign_in(postmortem, expect=3).err


def test_a_real_sign_in_never_goes_to_a_stand_in(
    postmortem: Postmortem, google: GoogleWorld
) -> None:
    real = postmortem.home / "token.json"
    token = {
        "token": "ya29.real-access-token",
        "refresh_token": "1//real-renewal-token",
        "token_uri": f"{google.url}/token",
        "client_id": "real",
        "client_secret": "GOCSPX-real-real-real",
        "scopes": ["https://www.googleapis.com/auth/documents"],
        "account": "lead@example.com",
        "expiry": "2020-01-01T00:00:00Z",
    }
    real.write_text(json.dumps(token))
    real.chmod(0o600)
    token_file(postmortem).write_text(json.dumps(token))
    token_file(postmortem).chmod(0o600)
    google.forget_calls()
    postmortem("start", "Wrong amounts")
    assert "oauth2.token" not in google.calls()
    assert json.loads(real.read_text()) == token


def test_without_a_client_file_the_way_to_one_is_named(postmortem: Postmortem) -> None:
    result = postmortem("auth", "login", "--no-browser", expect=4, POSTMORTEM_GOOGLE_URL="")
    assert f"There is no {postmortem.home / 'credentials.json'}" in result.err
    assert "Desktop app" in result.err
    named = ("--credentials", "/nowhere/client.json")
    result = postmortem("auth", "login", *named, expect=4, POSTMORTEM_GOOGLE_URL="")
    assert "There is no /nowhere/client.json" in result.err


def test_a_config_that_signs_in_by_itself_says_that_nobody_needs_to(
    postmortem: Postmortem,
) -> None:
    postmortem.configure(
        '[sign_in]\nkind = "service_account"\nfile = "key.json"\nsubject = "lead@example.com"\n'
    )
    assert "a service account" in postmortem("auth", "login", expect=4).err
    postmortem.configure('[sign_in]\nkind = "service_account"\nfile = "key.json"\n')
    assert "sign_in.subject" in postmortem("auth", "status", expect=4).err
    postmortem.configure('[sign_in]\nkind = "magic"\n')
    assert "person, service_account and adc" in postmortem("auth", "status", expect=4).err


def test_over_a_terminal_without_a_browser_the_link_is_enough(
    postmortem: Postmortem,
) -> None:
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "workflow", "auth", "login", "--no-browser"],
        env={**os.environ, "POSTMORTEM_HOME": str(postmortem.home), **postmortem.environment},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        close_fds=True,
    )
    os.close(theirs)
    seen = ""
    try:
        while not (found := re.search(LINK.pattern + r"\r?\n", seen)):
            seen += os.read(ours, 4096).decode()
        Person().visit(found[0].strip())
        while "Next:" not in seen:
            seen += os.read(ours, 4096).decode()
        assert process.wait(timeout=20) == 0
    finally:
        process.kill()
        process.wait()
        os.close(ours)
    assert "Signed in as you@rehearsal.example" in seen
