"""`doctor --live`: its trials at Google, its output, and what it leaves behind."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Any

import pytest

from tests.command_line import Postmortem
from tests.consent import Person
from tests.google_world import GoogleWorld


def answers(document: dict[str, Any]) -> dict[str, str]:
    return {each["question"]: each["answer"] for each in document["live"]}


def test_it_tells_what_google_did_and_writes_a_report_without_addresses(
    postmortem: Postmortem, google: GoogleWorld
) -> None:
    document = postmortem.json("doctor", "--live")
    told = answers(document)
    assert told["a draft that was sent is not sent again"].startswith("refused with 404")
    assert told["text put at the middle of a named range belongs to it"].startswith("yes")
    assert told["a write with a revision that is past is refused"].startswith("yes")
    assert told["a dropdown is taken"] == "yes"
    assert [each["question"] for each in document["live"] if each["surprise"]] == []
    report = Path(document["report"])
    assert "a draft that was sent is not sent again" in report.read_text()
    assert "@" not in report.read_text()
    assert stat.S_IMODE(report.stat().st_mode) == 0o600


def test_it_takes_everything_away_but_a_mail_to_oneself(
    postmortem: Postmortem, google: GoogleWorld
) -> None:
    postmortem("doctor", "--live")
    assert google.documents() == []
    assert google.drafts() == []
    assert google.copies_per_recipient() == {"you@rehearsal.example": 1}


def test_what_google_does_otherwise_is_marked_as_a_surprise(
    postmortem: Postmortem, google: GoogleWorld
) -> None:
    google.set(boundary_inserts="inside")
    document = postmortem.json("doctor", "--live")
    surprises = [each["question"] for each in document["live"] if each["surprise"]]
    assert surprises == [
        "text put at the start of a named range belongs to it",
        "text put at the end of a named range belongs to it",
    ]


def test_a_fault_half_way_still_takes_the_scratch_doc_away(
    postmortem: Postmortem, google: GoogleWorld
) -> None:
    google.misbehave("500", "docs.documents.batchUpdate", skip=2)
    document = postmortem.json("doctor", "--live")
    assert "internal error" in answers(document)["a scratch doc"]
    assert google.documents() == []


def test_nothing_is_tried_out_while_something_is_broken(
    postmortem: Postmortem, google: GoogleWorld
) -> None:
    google.misbehave("403_not_enabled", "gmail.users.getProfile")
    result = postmortem("doctor", "--live", expect=4)
    assert "Nothing was tested" in result.err
    assert google.calls().get("drive.files.create") is None


def test_a_colleagues_doc_is_read_by_docs_and_not_by_drive(
    postmortem: Postmortem, google: GoogleWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = postmortem.json("start", "Wrong amounts", "--share", "ben@rehearsal.example")
    monkeypatch.setattr("webbrowser.open", Person("ben@rehearsal.example").open)
    postmortem("auth", "login", DISPLAY=":0")
    told = answers(postmortem.json("doctor", "--live", "--doc", address["doc_url"]))
    assert told["Docs lets this account read a colleague's doc"] == "yes"
    assert "Drive shows this app a colleague's doc" in told
