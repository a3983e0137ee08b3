"""The JSON documents that scripts rely on: one on stdout, nothing else."""

from __future__ import annotations

from collections.abc import Callable

from tests.command_line import CustomerList, Postmortem
from tests.google_world import GoogleWorld


def test_start_tells_the_doc_and_what_came_of_each_share(postmortem: Postmortem) -> None:
    started = postmortem.json("start", "Wrong amounts", "--share", "ann@team.example:reader")
    assert started["title"] == "Wrong amounts"
    assert started["doc_id"] in started["doc_url"]
    assert started["status"] == "investigating"
    assert started["shared"] == [
        {"who": "ann@team.example", "role": "reader", "ok": True, "error": None}
    ]


def test_log_tells_the_entry_with_its_time_and_zone(postmortem: Postmortem) -> None:
    started = postmortem.json("start", "Wrong amounts", "--at", "2026-11-23 14:00")
    logged = postmortem.json("log", "Seen", "--at", "2026-11-23 14:39", "--by", "Ann")
    assert logged["incident"] == started["incident"]
    assert logged["at"] == "2026-11-23T14:39:00+01:00"
    assert logged["text"] == "Seen"
    assert logged["synced"] is True
    assert logged["entry"]


def test_notify_has_the_same_shape_in_every_mode(
    postmortem: Postmortem, customers: Callable[[int], CustomerList]
) -> None:
    postmortem("start", "Wrong amounts")
    listed = str(customers(2))
    preview = postmortem.json("notify", listed)
    test = postmortem.json("notify", listed, "--test", "me@team.example")
    sent = postmortem.json("notify", listed, "--send", "--confirm", "2")
    keys = {"incident", "notice", "stage", "subject", "recipients", "counts"}
    for document, mode, counted in ((preview, "preview", 0), (test, "test", 1), (sent, "send", 2)):
        assert keys | {"failures", "copied_back", "mode"} <= document.keys()
        assert document["mode"] == mode
        assert document["counts"]["sent"] == counted
        assert document["counts"].keys() == {"sent", "failed", "unknown", "pending", "skipped"}
    assert sent["copied_back"] is True
    assert preview["copied_back"] is False


def test_show_tells_the_whole_incident(
    postmortem: Postmortem, customers: Callable[[int], CustomerList]
) -> None:
    postmortem("start", "Wrong amounts")
    postmortem("log", "Seen")
    postmortem("notify", str(customers(1)), "--send", "--confirm", "1")
    postmortem("close", "--force", "The customer was told by phone")
    shown = postmortem.json("show")
    assert shown["status"] == "resolved"
    assert shown["closed_at"] is not None
    assert shown["pending_sync"] == 0
    assert [entry["text"] for entry in shown["timeline"]] == [
        "Seen",
        "Emailed 1 customer: “Wrong amounts”",
        "Closed the incident. Still open: 1 customer was notified but not told it is resolved. "
        "Reason: The customer was told by phone",
    ]
    assert [notice["counts"]["sent"] for notice in shown["notices"]] == [1]


def test_an_option_may_stand_before_the_command_or_after_it(postmortem: Postmortem) -> None:
    first = postmortem.json("start", "First")["incident"]
    postmortem("start", "Second")
    before = postmortem("--json", "--incident", first, "show").json
    after = postmortem("show", "--incident", first[:4], "--json").json
    assert before["title"] == after["title"] == "First"


def test_an_incident_goes_by_its_docs_address_too(
    postmortem: Postmortem, google: GoogleWorld
) -> None:
    url = postmortem.json("start", "First")["doc_url"]
    postmortem("start", "Second")
    assert postmortem.json("show", "--incident", url)["title"] == "First"


def test_a_fault_is_one_json_document_too(postmortem: Postmortem) -> None:
    result = postmortem("show", "--json", expect=3)
    assert result.json["exit_code"] == 3
    assert "no incident yet" in result.json["error"]
