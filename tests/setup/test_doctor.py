"""`doctor`: each part of the setup in a line of its own, with its fix."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.both_ledgers import in_a_file
from tests.command_line import Postmortem
from tests.consent import Person
from tests.google_world import GoogleWorld

WHOLE = """
time_zone = "Europe/Berlin"
organisation = "Example Ltd"
support = "support@example.com"
share = ["team@example.com", "example.com:reader"]
"""


def findings(postmortem: Postmortem, expect: int = 0) -> dict[str, list[dict[str, Any]]]:
    """The findings by check."""
    found: dict[str, list[dict[str, Any]]] = {}
    for each in postmortem.json("doctor", expect=expect)["findings"]:
        found.setdefault(each["check"], []).append(each)
    return found


def levels(postmortem: Postmortem, check: str, expect: int = 0) -> list[str]:
    return [each["level"] for each in findings(postmortem, expect)[check]]


def test_a_whole_set_up_has_nothing_broken_and_no_warning(postmortem: Postmortem) -> None:
    postmortem.configure(WHOLE)
    result = postmortem("doctor")
    assert "Nothing is broken" in result.out
    assert "warning" not in result.out
    document = postmortem.json("doctor")
    assert document["broken"] == 0
    checks = {each["check"] for each in document["findings"]}
    assert checks == {
        *("config", "templates", "ledger", "sharing", "clock", "sign-in", "Drive API"),
        *("Docs API", "Gmail API", "folder", "sender", "limits"),
    }


def test_without_a_config_the_way_to_one_is_named(postmortem: Postmortem) -> None:
    (postmortem.home / "config.toml").unlink()
    found = findings(postmortem)["config"][0]
    assert found["level"] == "warning"
    assert "postmortem init" in found["mend"]


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ("time_zone = ", "not TOML"),
        ('time_zone = "Berlin"', "not a zone's name"),
        ("organization = 1", "Did you mean 'organisation'"),
        ('scopes = ["everything"]', "not a known scope"),
    ],
)
def test_a_config_that_cannot_be_read_is_the_one_broken_line(
    postmortem: Postmortem, config: str, words: str
) -> None:
    postmortem.configure(config)
    result = postmortem("doctor", expect=4)
    assert words in result.out
    found = findings(postmortem, expect=4)
    assert list(found) == ["config"]


def test_a_team_template_that_is_wrong_is_named_with_its_file(
    postmortem: Postmortem, tmp_path: Path
) -> None:
    own = tmp_path / "templates"
    (own / "email").mkdir(parents=True)
    (own / "email" / "update.md").write_text("---\nsubject: Hi\n---\nDear {{ name\n")
    (own / "postmortem.md").write_text("no heading at all\n")
    postmortem.configure(WHOLE + f'templates = "{own}"\n')
    broken = findings(postmortem, expect=4)["templates"]
    assert [each["level"] for each in broken] == ["broken", "broken"]
    assert {Path(each["says"].split(":")[0]).name for each in broken} == {
        "update.md",
        "postmortem.md",
    }


def test_a_templates_folder_that_is_gone_is_broken(postmortem: Postmortem) -> None:
    postmortem.configure(WHOLE + 'templates = "/nowhere/at/all"\n')
    assert "broken" in levels(postmortem, "templates", expect=4)


@in_a_file
def test_a_ledger_of_something_else_is_broken(postmortem: Postmortem) -> None:
    (postmortem.home / "ledger.sqlite3").write_text("not a database, only a text of some length")
    assert levels(postmortem, "ledger", expect=4) == ["broken"]


def test_a_share_target_that_is_none_is_broken(postmortem: Postmortem) -> None:
    postmortem.configure('share = ["ann@example.com", "nobody", "b@example.com:owner"]\n')
    assert levels(postmortem, "sharing", expect=4) == ["broken", "broken"]


@pytest.mark.parametrize(
    ("method", "check"),
    [
        ("drive.about.get", "Drive API"),
        ("docs.documents.get", "Docs API"),
        ("gmail.users.getProfile", "Gmail API"),
    ],
)
def test_an_api_that_is_not_switched_on_comes_with_the_link_that_does_it(
    postmortem: Postmortem, google: GoogleWorld, method: str, check: str
) -> None:
    google.misbehave("403_not_enabled", method)
    found = findings(postmortem, expect=4)
    assert [each["level"] for each in found[check]] == ["broken"]
    service = method.partition(".")[0]
    assert f"https://console.developers.google.com/apis/api/{service}." in found[check][0]["says"]
    others = {"Drive API", "Docs API", "Gmail API"} - {check}
    assert all(found[other][0]["level"] == "ok" for other in others)


def test_google_out_of_reach_is_broken_and_not_a_traceback(postmortem: Postmortem) -> None:
    result = postmortem("doctor", expect=4, POSTMORTEM_GOOGLE_URL="http://127.0.0.1:1")
    assert "could not be reached" in result.out
    assert "Traceback" not in result.err


def test_nobody_signed_in_is_broken_and_google_is_not_asked(postmortem: Postmortem) -> None:
    result = postmortem("doctor", expect=4, POSTMORTEM_GOOGLE_URL="")
    assert "Nobody is signed in" in result.out
    assert "Drive API" not in result.out


def test_a_sign_in_is_shown_with_its_scopes_and_a_missing_one_is_broken(
    postmortem: Postmortem, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("webbrowser.open", Person().open)
    postmortem("auth", "login", DISPLAY=":0")
    found = findings(postmortem)
    assert "you@rehearsal.example" in found["sign-in"][0]["says"]
    assert found["scopes"][0]["level"] == "ok"
    postmortem.configure(WHOLE + 'scopes = ["read"]\n')
    found = findings(postmortem, expect=4)
    assert "gmail.readonly" in found["scopes"][0]["says"]
    assert "auth login" in found["scopes"][0]["mend"]


def test_a_sign_in_that_others_can_read_is_broken(
    postmortem: Postmortem, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("webbrowser.open", Person().open)
    postmortem("auth", "login", DISPLAY=":0")
    (postmortem.home / "stand-in-token.json").chmod(0o644)
    result = postmortem("doctor", expect=4)
    assert "chmod 600" in result.out + result.err


@in_a_file
def test_a_ledger_that_others_can_open_is_a_warning_with_its_mend(postmortem: Postmortem) -> None:
    assert levels(postmortem, "ledger") == ["ok"]
    (ledger,) = postmortem.home.rglob("ledger.sqlite3")
    for mode in (0o644, 0o660):
        ledger.chmod(mode)
        [found] = findings(postmortem)["ledger"]
        assert found["level"] == "warning"
        assert "may open" in found["says"]
        assert found["mend"] == f"Run `chmod 600 {ledger}`."
    ledger.chmod(0o600)
    assert levels(postmortem, "ledger") == ["ok"]


def test_a_folder_is_looked_at(postmortem: Postmortem, google: GoogleWorld) -> None:
    postmortem.configure(WHOLE + 'folder = "no-such-folder"\n')
    assert levels(postmortem, "folder", expect=4) == ["broken"]
    postmortem.configure(WHOLE + f'folder = "{google.make_folder("Incidents")}"\n')
    assert findings(postmortem)["folder"][0]["says"] == "Incidents, can be written"


def test_more_mails_a_day_than_google_takes_is_a_warning(postmortem: Postmortem) -> None:
    postmortem.configure(WHOLE + "[sending]\ndaily_limit = 5000\n")
    assert levels(postmortem, "limits") == ["warning", "ok"]


def test_a_clock_that_is_wrong_is_seen(
    postmortem: Postmortem, monkeypatch: pytest.MonkeyPatch
) -> None:
    for minutes, level in ((2, "warning"), (60, "broken")):
        wrong = timedelta(minutes=minutes)
        monkeypatch.setattr(
            "workflow.cli.session._wall_clock", lambda wrong=wrong: datetime.now(UTC) + wrong
        )
        found = findings(postmortem, expect=0 if level == "warning" else 4)
        assert found["clock"][0]["level"] == level
        assert "NTP" in found["clock"][0]["mend"]


def test_nothing_is_left_behind_at_google(postmortem: Postmortem, google: GoogleWorld) -> None:
    postmortem("doctor")
    assert google.documents() == []
    assert google.drafts() == []
    assert json.dumps(google.copies_per_recipient()) == "{}"
