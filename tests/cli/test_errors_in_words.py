"""Each refusal by Google, through the command line: exit code, sentence and fix.

Nothing is lost: `sync` or `resume` sends it later.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.command_line import CustomerList, Postmortem
from tests.consent import Person
from tests.google_world import GoogleWorld

Customers = Callable[[int], CustomerList]


@dataclass(frozen=True)
class No:
    """A fault to switch on, and the exit of a command that meets it."""

    kind: str
    code: int
    words: tuple[str, ...]


READING = "docs.documents.get"
LOGGING = [
    No("token_expired", 4, ("does not accept the sign-in", "postmortem auth login")),
    No("403_no_scope", 4, ("does not allow what Google Docs", "postmortem auth login")),
    No(
        "403_not_enabled",
        4,
        ("The Google Docs API is not enabled", "/apis/api/docs.googleapis.com/overview"),
    ),
    No("404", 5, ("That doc can't be found", "deleted", "not shared with this account")),
    No("403_rate", 5, ("Google Docs asks to slow down",)),
    No("429", 5, ("Google Docs asks to slow down",)),
    No("500", 5, ("Google Docs had an internal error (500)",)),
    No("503", 5, ("Google Docs had an internal error (503)",)),
    No("close_before", 5, ("was lost before the answer came",)),
    No("garbage", 5, ("was lost before the answer came",)),
    No("half_answer", 5, ("was lost before the answer came",)),
]


@pytest.fixture(autouse=True)
def waits_are_not_sat_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workflow.doc.push.time", SimpleNamespace(sleep=lambda _seconds: None))


def one_line(text: str) -> bool:
    return len(text.strip().splitlines()) <= 2 and "Traceback" not in text


@pytest.mark.parametrize("no", LOGGING, ids=lambda no: no.kind)
def test_an_entry_is_kept_and_synced_later(
    postmortem: Postmortem, google: GoogleWorld, no: No
) -> None:
    doc_id = postmortem.json("start", "Wrong amounts")["doc_id"]
    google.misbehave(no.kind, READING, seconds=120)
    result = postmortem("log", "Found the cause", expect=no.code)
    for words in (*no.words, "Recorded", "postmortem sync"):
        assert words in result.err
    assert one_line(result.err)
    google.behave()
    postmortem("sync")
    assert google.text(doc_id).count("Found the cause") == 1


STARTING = [
    No("403_storage_full", 5, ("The Google Drive of this account is full",)),
    No("403_domain_policy", 4, ("administrators of your domain", "Admin console")),
    No("403_daily_limit", 5, ("within 24 hours",)),
    No(
        "403_not_enabled",
        4,
        ("The Google Drive API is not enabled", "/apis/api/drive.googleapis.com/overview"),
    ),
    No("403_no_scope", 4, ("does not allow what Google Drive", "leave every box ticked")),
]


@pytest.mark.parametrize("no", STARTING, ids=lambda no: no.kind)
def test_an_incident_is_kept_and_its_doc_made_once_later(
    postmortem: Postmortem, google: GoogleWorld, no: No
) -> None:
    google.misbehave(no.kind, "drive.files.create")
    result = postmortem("start", "Wrong amounts", expect=no.code)
    for words in (*no.words, "postmortem sync"):
        assert words in result.err
    assert google.documents() == []
    postmortem("log", "Found the cause", expect=None)
    google.behave()
    postmortem("sync")
    docs = google.documents()
    assert [each["name"] for each in docs] == ["Wrong amounts"]
    assert google.text(docs[0]["id"]).count("Found the cause") == 1


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("403_publish_out", "do not allow sharing with anyone"),
        ("403_file", "may not change that file"),
        ("403_domain_policy", "administrators of your domain"),
        ("403_share_out", "people outside of it"),
        ("403_share_out_user", "with this person"),
        ("403_share_in", "of that person's domain"),
        ("403_share_warning", "share the doc in the browser"),
        ("403_share_unknown", "(403): shareLevelNotPermitted."),
    ],
)
def test_who_a_doc_is_not_shared_with_is_named_and_the_rest_is_done(
    postmortem: Postmortem, google: GoogleWorld, kind: str, words: str
) -> None:
    google.misbehave(kind, "drive.permissions.create", times=1)
    shares = ("--share", "ann@example.com", "--share", "ben@example.com")
    result = postmortem("start", "Wrong amounts", *shares, expect=None)
    assert "Not shared with ann@example.com" in result.err
    assert words in result.err
    allowed = {each.get("emailAddress") for each in google.permissions(google.documents()[0]["id"])}
    assert allowed >= {"ben@example.com"}
    assert "ann@example.com" not in allowed


def test_where_drive_is_switched_off_nobody_is_sent_to_sign_in_again(
    postmortem: Postmortem, google: GoogleWorld
) -> None:
    google.misbehave("401_drive_off", "drive.*")
    result = postmortem("start", "Wrong amounts", expect=4)
    assert "signing in again does not help" in result.err
    assert "auth login" not in result.err
    google.behave()
    assert google.documents() == []
    postmortem("sync")
    assert len(google.documents()) == 1


def test_a_sharing_quota_that_is_used_up_waits_for_sync(
    postmortem: Postmortem, google: GoogleWorld
) -> None:
    google.misbehave("403_sharing_rate", "drive.permissions.create")
    result = postmortem("start", "Wrong amounts", "--share", "ann@example.com", expect=5)
    assert "share with one Google Group" in result.err
    google.behave()
    postmortem("sync")
    doc_id = google.documents()[0]["id"]
    assert "ann@example.com" in str(google.permissions(doc_id))


SENDING = [
    No("token_expired", 4, ("does not accept the sign-in",)),
    No("403_no_scope", 4, ("does not allow what Gmail", "postmortem auth login")),
    No("403_not_enabled", 4, ("The Gmail API is not enabled",)),
    No("400_no_mailbox", 4, ("has no Gmail mailbox",)),
    No("403_daily_limit", 5, ("within 24 hours",)),
]


@pytest.mark.parametrize("no", SENDING, ids=lambda no: no.kind)
def test_a_notice_stops_with_its_plan_kept_and_resume_sends_the_rest_once(
    postmortem: Postmortem, google: GoogleWorld, customers: Customers, no: No
) -> None:
    listed = customers(3)
    postmortem("start", "Wrong amounts", "--impact", "Invoices show wrong amounts")
    google.misbehave(no.kind, "gmail.users.drafts.create", skip=1)
    result = postmortem("notify", str(listed), "--send", "--confirm", "3", expect=no.code)
    for words in (*no.words, "To continue", "postmortem resume"):
        assert words in result.err
    google.behave()
    postmortem("resume")
    assert google.copies_per_recipient() == dict.fromkeys(listed.addresses, 1)


def test_the_instant_of_a_429_is_told_in_the_incidents_zone(
    postmortem: Postmortem, google: GoogleWorld, customers: Customers
) -> None:
    listed = customers(1)
    postmortem("start", "Wrong amounts", "--impact", "Invoices show wrong amounts")
    google.misbehave("daily_sends", "gmail.users.drafts.create", seconds=7200)
    # The machine's zone differs from the incident's.
    result = postmortem(
        "notify", str(listed), "--send", "--confirm", "1", expect=5, TZ="Asia/Tokyo"
    )
    assert "Try again after" in result.err
    assert "CET" in result.err or "CEST" in result.err
    assert "UTC" not in result.err


# google-auth renews a token that is valid for less than four minutes.
TO_BE_RENEWED = 60
WITHDRAWN = [
    (
        "invalid_grant",
        ("7 days", "in testing", "change of password", "6 months", "withdrawn", "auth login"),
    ),
    ("invalid_client", ("Download credentials.json again",)),
    ("deleted_client", ("Download credentials.json again",)),
    ("admin_policy_enforced", ("administrators of your domain", "Admin console")),
]


@pytest.mark.parametrize(("kind", "words"), WITHDRAWN)
def test_a_sign_in_that_is_not_renewed_says_why_and_loses_nothing(
    postmortem: Postmortem,
    google: GoogleWorld,
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
    words: tuple[str, ...],
) -> None:
    monkeypatch.setattr("webbrowser.open", Person().open)
    google.set(token_seconds=TO_BE_RENEWED)
    postmortem("auth", "login", DISPLAY=":0")
    doc_id = postmortem.json("start", "Wrong amounts")["doc_id"]
    google.misbehave(kind, "oauth2.token")
    result = postmortem("log", "Found the cause", expect=4)
    for each in (*words, "postmortem sync"):
        assert each in result.err
    assert one_line(result.err)
    google.behave()
    postmortem("sync")
    assert google.text(doc_id).count("Found the cause") == 1


def test_a_sign_in_server_out_of_order_is_not_a_lapsed_sign_in(
    postmortem: Postmortem, google: GoogleWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("webbrowser.open", Person().open)
    google.set(token_seconds=TO_BE_RENEWED)
    postmortem("auth", "login", DISPLAY=":0")
    postmortem("start", "Wrong amounts")
    google.misbehave("503", "oauth2.token")
    result = postmortem("log", "Found the cause", expect=5)
    assert "sign-in server could not be reached" in result.err


def test_google_out_of_reach_is_no_reason_to_say_it_twice(postmortem: Postmortem) -> None:
    result = postmortem(
        "start", "Wrong amounts", expect=5, POSTMORTEM_GOOGLE_URL="http://127.0.0.1:1"
    )
    assert "could not be reached" in result.err
    assert "postmortem sync" in result.err
    assert one_line(result.err)


@pytest.mark.parametrize(
    "words", [("rehearse", "serve", "--port", "99999"), ("console", "--port", "70000")], ids=str
)
def test_a_port_that_no_machine_has_is_refused(
    postmortem: Postmortem, words: tuple[str, ...]
) -> None:
    assert "65535" in postmortem(*words, expect=2).err


def test_the_way_on_from_a_locked_doc_can_be_typed_as_it_stands(postmortem: Postmortem) -> None:
    postmortem("start", "Wrong amounts")
    postmortem("close", "--force", "over", "--lock")
    said = postmortem("log", "Said later", expect=5).err.strip()
    assert said.endswith("To unlock it: postmortem reopen")


def test_without_a_sign_in_the_way_to_try_it_works_as_it_is_typed(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    person = Postmortem(tmp_path)
    said = person("start", "Wrong amounts", expect=4).err
    assert "To try it without an account, start an incident with --profile rehearsal. Then" in said
    try:
        assert "Try" in person("start", "Try", "--profile", "rehearsal").out
    finally:
        person("rehearse", "stop")
