"""Chips if the API supports them, otherwise text in the same command."""

from __future__ import annotations

from typing import Any

import pytest

from tests.command_line import Postmortem
from tests.conftest import CONFIG
from tests.google_world import GoogleWorld

CHIPS = CONFIG.replace("[sending]", 'native_chips = true\nowner = "lead@team.example"\n[sending]')
START = ("--at", "2026-11-23 14:39")
DRIVE = "https://docs.google.com/spreadsheets/d/1AbCdEfGhIjKlMnOpQrStUvWxYz/edit"
ENTRY = ("log", "Alerted colleagues", "--at", "2026-11-23 14:43")
WITH_PEOPLE = (*ENTRY, "--by", "ann@team.example", "--link", DRIVE)
EACH = ["insertDropdown", "insertPerson", "insertDate", "insertRichLink"]
ONE_EACH = {"docs.documents.get": 1, "docs.documents.batchUpdate": 1}


@pytest.fixture(autouse=True)
def with_chips(postmortem: Postmortem) -> None:
    postmortem.configure(CHIPS)


def chips(google: GoogleWorld, doc_id: str) -> list[dict[str, Any]]:
    (tab,) = google.document(doc_id)["tabs"]
    return [
        element
        for block in tab["documentTab"]["body"]["content"]
        for element in block.get("paragraph", {}).get("elements", ())
        if {"person", "dateElement", "dropdown", "richLink"} & element.keys()
    ]


def kinds(google: GoogleWorld, doc_id: str) -> list[str]:
    known = ("dropdown", "dateElement", "person", "richLink")
    return [name for chip in chips(google, doc_id) for name in known if name in chip]


def test_status_start_and_owner_and_an_entrys_time_link_and_author_are_chips(
    postmortem: Postmortem, google: GoogleWorld
) -> None:
    doc_id = postmortem.json("start", "Wrong amounts", *START)["doc_id"]
    postmortem(*WITH_PEOPLE)
    assert kinds(google, doc_id) == [
        *("dropdown", "dateElement", "person"),
        *("dateElement", "richLink", "person"),
    ]
    dates = [
        one["dateElement"]["dateElementProperties"]
        for one in chips(google, doc_id)
        if "dateElement" in one
    ]
    assert [(one["timestamp"], one["timeZoneId"]) for one in dates] == [
        ("2026-11-23T13:39:00Z", "Europe/Berlin"),
        ("2026-11-23T13:43:00Z", "Europe/Berlin"),
    ]


def test_every_export_shows_the_chips_as_words(postmortem: Postmortem, google: GoogleWorld) -> None:
    doc_id = postmortem.json("start", "Wrong amounts", *START)["doc_id"]
    postmortem(*WITH_PEOPLE)
    postmortem("export", str(postmortem.home / "record"))
    ours = (postmortem.home / "record" / "postmortem.md").read_text(encoding="utf-8")
    for text in (google.text(doc_id), ours):
        assert "2:43 PM CET" in text
        assert "ann@team.example" in text
        assert "Investigating" in text


def test_chips_cost_no_further_call(postmortem: Postmortem, google: GoogleWorld) -> None:
    postmortem("start", "Wrong amounts", *START)
    assert google.calls() == {"drive.files.create": 1, "docs.documents.batchUpdate": 1}
    for command in (WITH_PEOPLE, ("status", "identified")):
        google.forget_calls()
        postmortem(*command)
        assert google.calls() == ONE_EACH


def test_the_status_is_chosen_in_the_dropdown_also_after_a_person_chose_another(
    postmortem: Postmortem, google: GoogleWorld
) -> None:
    doc_id = postmortem.json("start", "Wrong amounts", *START)["doc_id"]
    for status in ("identified", "monitoring", "resolved"):
        postmortem("status", status)
        (chosen,) = [one["dropdown"] for one in chips(google, doc_id) if "dropdown" in one]
        assert chosen["dropdownProperties"]["displayValue"] == status.capitalize()
        by_hand = {"selectedOptionId": "dropdownItem.investigating"}
        google.edit(
            doc_id,
            {
                "updateDropdownProperties": {
                    "dropdownId": chosen["dropdownId"],
                    "dropdownProperties": by_hand,
                    "fields": "selectedOptionId",
                }
            },
        )
    postmortem("close")
    assert "Status: Resolved" in google.text(doc_id)


def test_a_status_typed_over_the_dropdown_stays_beside_ours(
    postmortem: Postmortem, google: GoogleWorld
) -> None:
    doc_id = postmortem.json("start", "Wrong amounts", *START)["doc_id"]
    (dropdown,) = [one for one in chips(google, doc_id) if "dropdown" in one]
    at = dropdown["startIndex"]
    gone = {"startIndex": at, "endIndex": at + 1}
    google.edit(
        doc_id,
        {"insertText": {"location": {"index": at + 1}, "text": "under control"}},
        {"deleteContentRange": {"range": gone}},
    )
    postmortem("status", "identified")
    assert "Status: Identified · under control" in google.text(doc_id)


@pytest.mark.parametrize("refused", [*EACH, "all"])
def test_what_docs_refuses_is_text_in_the_same_command_and_asked_for_once(
    postmortem: Postmortem, google: GoogleWorld, refused: str
) -> None:
    lacking = EACH if refused == "all" else [refused]
    google.set(unknown_requests=lacking)
    doc_id = postmortem.json("start", "Wrong amounts", *START)["doc_id"]
    postmortem(*WITH_PEOPLE)
    names = ["dropdown", "person", "dateElement", "richLink"]
    missing = {name for name, request in zip(names, EACH, strict=True) if request in lacking}
    assert not missing & set(kinds(google, doc_id))
    assert set(names) - missing == set(kinds(google, doc_id))
    text = google.text(doc_id)
    for words in ("Status: Investigating", "lead@team.example", "2:43 PM CET", "ann@team.example"):
        assert words in text
    assert "docs.google.com" in text

    google.forget_calls()
    postmortem("log", "Next", "--by", "bob@team.example", "--link", DRIVE)
    postmortem("status", "identified")
    assert google.calls() == dict.fromkeys(ONE_EACH, 2)
    assert "Status: Identified" in google.text(doc_id)


def test_another_doc_is_asked_anew(postmortem: Postmortem, google: GoogleWorld) -> None:
    google.set(unknown_requests=["insertDate"])
    postmortem("start", "First", *START)
    google.set(unknown_requests=[])
    doc_id = postmortem.json("start", "Second", *START)["doc_id"]
    assert "dateElement" in kinds(google, doc_id)


def test_entries_with_chips_sort_and_are_corrected_like_others(
    postmortem: Postmortem, google: GoogleWorld
) -> None:
    doc_id = postmortem.json("start", "Wrong amounts", *START)["doc_id"]
    entry = postmortem.json(*WITH_PEOPLE)["entry"]
    postmortem("log", "Later", "--at", "2026-11-23 15:00")
    postmortem("log", "Between", "--at", "2026-11-23 14:50")
    postmortem("log", "--edit", entry, "Alerted everybody")
    postmortem("log", "--strike", entry)
    text = google.text(doc_id)
    places = [text.index(words) for words in ("Alerted everybody", "Between", "Later")]
    assert places == sorted(places)
    assert "Alerted colleagues" not in text
    assert kinds(google, doc_id).count("dateElement") == 4


def test_text_is_what_one_gets_without_asking_for_chips(
    postmortem: Postmortem, google: GoogleWorld
) -> None:
    postmortem.configure(CONFIG)
    doc_id = postmortem.json("start", "Wrong amounts", *START)["doc_id"]
    postmortem(*WITH_PEOPLE)
    assert chips(google, doc_id) == []
