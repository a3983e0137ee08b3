"""A change that Google Docs refuses for good delays nothing else, and is never forgotten.

The rehearsal Google refuses every batch that contains certain words.
"""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.both_ledgers import on_both_ledgers
from tests.command_line import Postmortem, write_customers
from tests.google_world import GoogleWorld
from tests.ledger_rows import run_sql
from workflow import __version__

BATCH = "docs.documents.batchUpdate"
BAD = "refuse me"


@pytest.fixture(autouse=True)
def waits_are_not_sat_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workflow.doc.push.time", SimpleNamespace(sleep=lambda _seconds: None))


@pytest.fixture
def doc_id(postmortem: Postmortem) -> str:
    return str(postmortem.json("start", "Wrong amounts", "--impact", "200 customers")["doc_id"])


@pytest.fixture
def refuses(google: GoogleWorld, doc_id: str) -> None:
    """Let Docs refuse every batch that contains the bad words."""
    google.misbehave("400", BATCH, words=BAD)


@pytest.mark.usefixtures("little_patience")
@on_both_ledgers
def test_everything_else_goes_into_the_doc(
    postmortem: Postmortem, google: GoogleWorld, doc_id: str
) -> None:
    google.misbehave("503", BATCH)
    lines = [f"Line {number}." for number in range(7)]
    for line in (*lines[:4], f"Please {BAD} now", *lines[4:]):
        postmortem("log", line, expect=5)
    postmortem("section", "root-cause", f"A cause: {BAD}", expect=5)
    postmortem("impact", "40 customers", expect=5)
    google.behave()
    google.misbehave("400", BATCH, words=BAD)
    result = postmortem("sync", expect=5)
    text = google.text(doc_id)
    assert [line for line in lines if text.count(line) != 1] == []
    assert "40 customers" in text
    assert BAD not in text
    assert f"the entry “Please {BAD} now”" in result.err
    assert f"the text for root cause “A cause: {BAD}”" in result.err


def test_the_command_that_said_it_tells_and_later_ones_are_not_held_up(
    postmortem: Postmortem, google: GoogleWorld, doc_id: str, refuses: None
) -> None:
    refused = postmortem("log", f"Please {BAD}", expect=5)
    assert "Recorded. The rest is in the doc." in refused.err
    assert "postmortem sync --drop entry-" in refused.err
    for words in ("Line 1.", "Line 2."):
        later = postmortem("log", words)
        assert f"Not in the doc: the entry “Please {BAD}”" in later.err
        assert words in google.text(doc_id)
    assert postmortem.json("log", "Line 3.")["synced"] is True


def test_show_doctor_and_close_know_of_it(
    postmortem: Postmortem, doc_id: str, refuses: None
) -> None:
    postmortem("log", f"Please {BAD}", expect=5)
    shown = postmortem.json("show")
    (missing,) = shown["refused_by_docs"]
    assert missing["words"] == f"the entry “Please {BAD}”"
    assert shown["pending_sync"] == 1
    assert f"Please {BAD}" in [entry["text"] for entry in shown["timeline"]]
    assert f"Not in the doc: the entry “Please {BAD}”" in postmortem("show").out
    assert f"Google Docs refuses the entry “Please {BAD}”" in postmortem("doctor", expect=None).out
    open_end = postmortem("close", expect=3)
    assert f"postmortem sync --drop {missing['change']}" in open_end.err
    postmortem("sync", "--drop", missing["change"])
    postmortem("close")
    shown = postmortem.json("show")
    assert (shown["refused_by_docs"], shown["pending_sync"]) == ([], 0)
    assert f"Please {BAD}" in [entry["text"] for entry in shown["timeline"]]


def test_a_correction_ends_it(
    postmortem: Postmortem, google: GoogleWorld, doc_id: str, refuses: None
) -> None:
    entry = postmortem.json("log", f"Please {BAD}", expect=5)["entry"]
    postmortem("log", "--edit", entry, "Please take me")
    assert google.text(doc_id).count("Please take me") == 1
    assert postmortem.json("show")["refused_by_docs"] == []
    struck = postmortem.json("log", f"Again {BAD}", expect=5)["entry"]
    postmortem("log", "--strike", struck)
    assert postmortem.json("show")["refused_by_docs"] == []
    assert postmortem.json("show")["pending_sync"] == 0


def test_a_newer_value_ends_it(
    postmortem: Postmortem, google: GoogleWorld, doc_id: str, refuses: None
) -> None:
    postmortem("impact", f"All customers, {BAD}", expect=5)
    assert len(postmortem.json("show")["refused_by_docs"]) == 2  # the value, and its entry
    postmortem("impact", "40 customers")
    assert "Impact: 40 customers" in google.text(doc_id)
    left = [each["words"] for each in postmortem.json("show")["refused_by_docs"]]
    assert left == [f"the entry “Impact: All customers, {BAD}”"]


def test_sync_tries_it_again_once_the_doc_has_changed_and_not_before(
    postmortem: Postmortem, google: GoogleWorld, doc_id: str, refuses: None
) -> None:
    postmortem("log", f"Please {BAD}", expect=5)
    google.forget_calls()
    postmortem("sync", expect=5)
    assert google.calls().get(BATCH, 0) == 0
    google.behave()
    postmortem("sync", expect=5)  # no visible change
    google.edit(doc_id, {"insertText": {"endOfSegmentLocation": {}, "text": "Somebody was here."}})
    postmortem("sync")
    assert google.text(doc_id).count(f"Please {BAD}") == 1
    assert postmortem.json("show")["refused_by_docs"] == []


@pytest.mark.parametrize("reference", ["entry-nothing", "", "field"])
def test_what_is_not_set_aside_is_not_dropped(
    postmortem: Postmortem, doc_id: str, reference: str
) -> None:
    if reference:
        result = postmortem("sync", "--drop", reference, expect=3)
        assert "Nothing was changed" in result.err
    postmortem("log", "A line")
    entry = postmortem.json("show")["timeline"][0]["entry"]
    postmortem("sync", "--drop", f"entry-{entry}", expect=3)


@on_both_ledgers
def test_a_change_of_a_newer_version_is_named_and_stops_nothing(
    postmortem: Postmortem, google: GoogleWorld, doc_id: str
) -> None:
    incident = postmortem.json("show")["incident"]
    run_sql(
        postmortem,
        "INSERT INTO changes (id, incident_id, kind, payload, said_at, version) VALUES "
        f"('chart-1', '{incident}', 'chart', '{{}}', 1795453200000, '9.8.7')",
    )
    result = postmortem("log", "A line")
    assert "A line" in google.text(doc_id)
    assert "recorded by postmortem 9.8.7" in result.err
    assert f"this is {__version__}, which does not know “chart”" in result.err
    postmortem("sync", expect=5)
    assert "9.8.7" in postmortem("sync", expect=5).err
    kept = run_sql(postmortem, "SELECT state FROM changes WHERE id = 'chart-1'")
    assert kept == [("pending",)]


@on_both_ledgers
def test_an_incident_in_a_state_of_a_newer_version_is_named_and_stops_no_other(
    postmortem: Postmortem, google: GoogleWorld, doc_id: str
) -> None:
    first = postmortem.json("show")["incident"]
    run_sql(
        postmortem,
        "INSERT INTO changes (id, incident_id, kind, payload, said_at, version) VALUES "
        f"('chart-1', '{first}', 'chart', '{{}}', 1795453200000, '9.8.7')",
    )
    run_sql(postmortem, f"UPDATE incidents SET status = 'postponed' WHERE id = '{first}'")
    other = postmortem.json("start", "Another")
    postmortem("log", "A line")
    assert "A line" in google.text(other["doc_id"])
    listed = postmortem("list")
    assert other["incident"] in listed.out
    for said in (listed, postmortem("--incident", first, "log", "More", expect=4)):
        assert f"incident {first} (“Wrong amounts”) has “postponed”" in said.err
        assert f"postmortem 9.8.7 wrote. This is postmortem {__version__}" in said.err
    postmortem("sync")


def test_a_notice_of_a_newer_version_does_not_stop_the_timeline(
    postmortem: Postmortem, google: GoogleWorld, doc_id: str, tmp_path: Path
) -> None:
    listed = write_customers(tmp_path / "list.csv", 1)
    postmortem("notify", str(listed), "--stage", "investigating", "--send", "--confirm", "1")
    run_sql(postmortem, "UPDATE notices SET stage = 'apology'")
    postmortem("log", "A line")
    assert "A line" in google.text(doc_id)
    shown = postmortem("show", expect=4)
    assert "has “apology”, which a newer postmortem wrote" in shown.err
