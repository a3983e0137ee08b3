"""Twenty people edit the doc: the commands write between their edits, and break nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bench.chaos import team
from tests.command_line import Postmortem
from tests.google_world import GoogleWorld
from tests.late_entries import without_late_mark

DAY = "2026-11-23"


@pytest.fixture
def doc_id(postmortem: Postmortem) -> str:
    started = postmortem.json("start", "Wrong amounts", "--at", f"{DAY} 14:39")
    postmortem("log", "Seen by support", "--at", f"{DAY} 14:45")
    return str(started["doc_id"])


def paragraphs(google: GoogleWorld, doc_id: str) -> Iterator[dict[str, Any]]:
    for tab in google.document(doc_id)["tabs"]:
        for block in tab["documentTab"]["body"]["content"]:
            if "paragraph" in block:
                yield block


def words_of(block: dict[str, Any]) -> str:
    elements = block["paragraph"]["elements"]
    return "".join(each.get("textRun", {}).get("content", "") for each in elements)


def line(google: GoogleWorld, doc_id: str, words: str) -> dict[str, Any]:
    return next(block for block in paragraphs(google, doc_id) if words in words_of(block))


def suggestions(google: GoogleWorld, doc_id: str) -> dict[str, str]:
    """Suggested insertions and deletions: each text, and which of the two it is."""
    return {
        each["textRun"]["content"].strip(): kind
        for block in paragraphs(google, doc_id)
        for each in block["paragraph"]["elements"]
        for kind in ("suggestedInsertionIds", "suggestedDeletionIds")
        if each.get("textRun", {}).get(kind)
    }


def the_day_goes_on(postmortem: Postmortem) -> None:
    postmortem("log", "Before it", "--at", f"{DAY} 14:41")
    postmortem("log", "After it", "--at", f"{DAY} 14:50")
    postmortem("status", "identified", "--at", f"{DAY} 14:55")
    postmortem("section", "root-cause", "A stale price list")
    postmortem("close", "--at", f"{DAY} 15:00")


def all_text(google: GoogleWorld, doc_id: str) -> str:
    return "".join(map(words_of, paragraphs(google, doc_id)))


def test_suggestions_stay_pending_and_where_they_were(
    postmortem: Postmortem, google: GoogleWorld, doc_id: str
) -> None:
    entry = line(google, doc_id, "Seen by support")
    heading = line(google, doc_id, "Root cause")
    status = line(google, doc_id, "Status:")
    google.suggest(
        doc_id,
        {"insertText": {"location": {"index": entry["endIndex"] - 1}, "text": " 🧯 and by Bob"}},
        {"insertText": {"location": {"index": entry["startIndex"]}, "text": "Hm, "}},
        {"insertText": {"location": {"index": heading["endIndex"] - 1}, "text": " (draft)"}},
        {"insertText": {"location": {"index": status["endIndex"] - 1}, "text": " or so"}},
    )
    entry = line(google, doc_id, "Seen by support")
    start = entry["startIndex"] + words_of(entry).index("Seen")
    gone = {"startIndex": start, "endIndex": start + len("Seen")}
    google.suggest(doc_id, {"deleteContentRange": {"range": gone}})
    before = suggestions(google, doc_id)
    assert len(before) == 5
    the_day_goes_on(postmortem)
    assert suggestions(google, doc_id) == before
    text = all_text(google, doc_id)
    places = [text.index(words) for words in ("Before it", "Seen by support", "After it")]
    assert places == sorted(places)
    assert text.index("Root cause") < text.index("A stale price list")
    assert "Identified" in text


@pytest.mark.parametrize("boundary", ["outside", "inside"])
def test_a_line_suggested_above_an_entry_stays_above_what_is_logged_in_between(
    postmortem: Postmortem, google: GoogleWorld, doc_id: str, boundary: str
) -> None:
    google.set(boundary_inserts=boundary)
    postmortem("log", "Third", "--at", f"{DAY} 14:50")
    where = {"index": line(google, doc_id, "Third")["startIndex"]}
    google.suggest(doc_id, {"insertText": {"location": where, "text": "Suggested line\n"}})
    postmortem("log", "Second", "--at", f"{DAY} 14:45")
    text = all_text(google, doc_id)
    places = [text.index(words) for words in ("Seen by", "Suggested line", "Second", "Third")]
    assert places == sorted(places)
    # An export shows the doc as it is while nobody has accepted the suggestion.
    lines = google.text(doc_id).split("\n")
    (second,) = [at for at, one in enumerate(lines) if "  Second" in one]
    assert without_late_mark(lines[second + 1]).endswith("  Third")


def test_a_correction_beside_a_suggestion_leaves_it_pending(
    postmortem: Postmortem, google: GoogleWorld, doc_id: str
) -> None:
    entry = line(google, doc_id, "Seen by support")
    where = {"index": entry["endIndex"] - 1}
    google.suggest(doc_id, {"insertText": {"location": where, "text": " maybe"}})
    (found,) = postmortem.json("show")["timeline"]
    postmortem("log", "--edit", found["entry"], "Seen by Ann")
    assert suggestions(google, doc_id) == {"maybe": "suggestedInsertionIds"}
    corrected = words_of(line(google, doc_id, "corrected: Seen by Ann"))
    words = "Seen by support maybe (corrected: Seen by Ann)"
    assert without_late_mark(corrected).strip().endswith(words)


def test_sections_moved_to_another_tab_are_found_there(
    postmortem: Postmortem, google: GoogleWorld, doc_id: str
) -> None:
    google.edit(doc_id, {"addDocumentTab": {"tabProperties": {"title": "Details"}}})
    tab_id = google.document(doc_id)["tabs"][1]["tabProperties"]["tabId"]
    words = "Root cause\nas Bob saw it\n"
    style = {
        "range": {"startIndex": 1, "endIndex": 2, "tabId": tab_id},
        "paragraphStyle": {"namedStyleType": "HEADING_1"},
        "fields": "namedStyleType",
    }
    old = line(google, doc_id, "Root cause")
    gone = {"startIndex": old["startIndex"], "endIndex": old["endIndex"]}
    google.edit(
        doc_id,
        {"insertText": {"location": {"index": 1, "tabId": tab_id}, "text": words}},
        {"updateParagraphStyle": style},
        {"deleteContentRange": {"range": gone}},
    )
    the_day_goes_on(postmortem)
    second = google.document(doc_id)["tabs"][1]["documentTab"]["body"]["content"]
    moved = "".join(words_of(block) for block in second if "paragraph" in block)
    assert moved.split("\n")[:3] == ["Root cause", "as Bob saw it", "A stale price list"]


def test_a_timeline_without_any_of_our_ranges_goes_on(
    postmortem: Postmortem, google: GoogleWorld, doc_id: str
) -> None:
    without_ranges(google, doc_id)
    the_day_goes_on(postmortem)
    text = all_text(google, doc_id)
    for words in ("Before it", "Seen by support", "After it", "A stale price list"):
        assert text.count(words) == 1
    assert "Status: Resolved" in text


def timeline(google: GoogleWorld, doc_id: str) -> list[str]:
    """The texts of the timeline's lines, without their times and when they were added."""
    lines = google.text(doc_id).split("\n")
    found = lines[lines.index("Timeline") + 2 : lines.index("Solution")]
    bare = (each.partition(" (added later")[0] for each in found)
    return [each.rpartition("  ")[2] for each in bare if each]


def without_ranges(google: GoogleWorld, doc_id: str) -> None:
    names = google.document(doc_id)["tabs"][0]["documentTab"]["namedRanges"]
    google.edit(doc_id, *({"deleteNamedRange": {"name": name}} for name in names))


def test_entries_are_sorted_among_lines_that_lost_their_ranges(
    postmortem: Postmortem, google: GoogleWorld, doc_id: str
) -> None:
    """Cut and pasted, a line has no range any more."""
    postmortem("log", "Third", "--at", f"{DAY} 14:47")
    without_ranges(google, doc_id)
    for words, at in (("Before it", "14:41"), ("In between", "14:46"), ("After it", "14:50")):
        postmortem("log", words, "--at", f"{DAY} {at}")
    assert timeline(google, doc_id) == [
        *("Before it", "Seen by support", "In between", "Third", "After it")
    ]


def test_a_line_that_a_person_typed_elsewhere_does_not_lead_an_entry_astray(
    postmortem: Postmortem, google: GoogleWorld, doc_id: str
) -> None:
    postmortem("log", "Third", "--at", f"{DAY} 14:47")
    entry = line(google, doc_id, "Seen by support")
    typed = "2:40 PM CET  Bob called\n"
    google.edit(
        doc_id, {"insertText": {"location": {"index": entry["endIndex"] - 1}, "text": "\n" + typed}}
    )
    postmortem("log", "After it", "--at", f"{DAY} 14:50")
    assert timeline(google, doc_id) == ["Seen by support", "Bob called", "Third", "After it"]


def test_a_line_that_was_cut_and_pasted_is_corrected_where_it_is(
    postmortem: Postmortem, google: GoogleWorld, doc_id: str
) -> None:
    postmortem("log", "- one\n- two", "--at", f"{DAY} 14:47")
    first, second = postmortem.json("show")["timeline"]
    without_ranges(google, doc_id)
    said = postmortem("log", "--edit", first["entry"], "Seen by Ann")
    assert "no longer in the doc" not in said.err
    postmortem("log", "--edit", second["entry"], "- one\n- three")
    postmortem("log", "--strike", first["entry"])
    assert timeline(google, doc_id) == ["Seen by Ann", "2:47 PM CET", "* one", "* three"]
    run = line(google, doc_id, "Seen by Ann")["paragraph"]["elements"][0]["textRun"]
    assert run["textStyle"]["strikethrough"]


def test_a_team_of_four_tools_and_a_person_lose_and_double_nothing(tmp_path: Path) -> None:
    tally = team.run(tmp_path, 4)
    assert tally.kept, str(tally)
    assert (tally.said, tally.rounds) == (16, 4)
    assert tally.typed > 0


def test_text_that_a_colleague_suggests_to_take_out_stays_and_the_colleague_is_named(
    postmortem: Postmortem, google: GoogleWorld
) -> None:
    ann = "ann@team.example"
    doc_id = postmortem.json("start", "Prices", "--share", f"{ann}:writer")["doc_id"]
    hint = "What made it possible, told without names."
    start = line(google, doc_id, hint)["startIndex"]
    gone = {"startIndex": start, "endIndex": start + 4}
    google.of(ann).suggest(doc_id, {"deleteContentRange": {"range": gone}})
    before = suggestions(google, doc_id)
    result = postmortem("section", "root-cause", "- a stale **price list**")
    said = result.out + result.err
    assert f"{ann} suggests a change to “{hint}" in said
    assert "Accept or reject the suggestion" in said
    assert suggestions(google, doc_id) == before
    text = google.text(doc_id)
    assert text.index(hint) < text.index("a stale price list")


def test_the_deletion_fails_as_googles_does_unless_it_is_switched_off(
    postmortem: Postmortem, google: GoogleWorld
) -> None:
    doc_id = postmortem.json("start", "Prices")["doc_id"]
    start = line(google, doc_id, "What made it possible")["startIndex"]
    gone = {"deleteContentRange": {"range": {"startIndex": start, "endIndex": start + 4}}}
    google.suggest(doc_id, gone)
    with pytest.raises(AssertionError, match='"code": 500'):
        google.edit(doc_id, gone)
    google.set(suggested_deletes="work")
    google.edit(doc_id, gone)
    assert "What made" not in google.text(doc_id)


def cut_and_paste(google: GoogleWorld, doc_id: str, words: str) -> None:
    """Cut the line with these words and paste it at the doc's end; it loses its named range."""
    block = line(google, doc_id, words)
    text = words_of(block).rstrip("\n")
    cut = {"startIndex": block["startIndex"], "endIndex": block["endIndex"]}
    google.edit(
        doc_id,
        {"deleteContentRange": {"range": cut}},
        {"insertText": {"endOfSegmentLocation": {}, "text": f"\n{text}"}},
    )


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (("log", "Alerted colleagues", "--by", "Ann"), "Alerted colleagues"),
        (("log", "Look", "--link", "https://wiki.example/run"), "Look (wiki.example)"),
        (("status", "identified", "A stale list"), "Status: Identified – A stale list"),
    ],
)
@pytest.mark.usefixtures("little_patience")
def test_a_line_that_was_cut_and_pasted_before_a_sync_is_not_written_twice(
    postmortem: Postmortem, google: GoogleWorld, doc_id: str, command: tuple[str, ...], words: str
) -> None:
    google.misbehave("close_after", "docs.documents.batchUpdate", times=1)
    google.misbehave("503", "docs.documents.get", skip=1)
    postmortem(*command, expect=5)
    google.behave()
    assert google.text(doc_id).count(words) == 1
    cut_and_paste(google, doc_id, words)
    postmortem("sync")
    assert google.text(doc_id).count(words) == 1
    assert postmortem.json("show")["pending_sync"] == 0
    entry = postmortem.json("show")["timeline"][-1]["entry"]
    postmortem("log", "--strike", entry)  # its range exists again: it can be corrected
    assert "no longer in the doc" not in postmortem("log", "More").err


@pytest.mark.usefixtures("little_patience")
def test_a_text_that_was_cut_and_pasted_in_its_section_is_not_written_twice(
    postmortem: Postmortem, google: GoogleWorld, doc_id: str
) -> None:
    google.misbehave("close_after", "docs.documents.batchUpdate", times=1)
    google.misbehave("503", "docs.documents.get", skip=1)
    postmortem("section", "root-cause", "A stale list was loaded.", expect=5)
    google.behave()
    block = line(google, doc_id, "A stale list was loaded.")
    at, cut = (
        block["startIndex"],
        {"startIndex": block["startIndex"], "endIndex": block["endIndex"]},
    )
    google.edit(
        doc_id,
        {"insertText": {"location": {"index": at}, "text": "A stale list was loaded.\n"}},
        {"deleteContentRange": {"range": {key: value + 25 for key, value in cut.items()}}},
    )
    postmortem("sync")
    assert google.text(doc_id).count("A stale list was loaded.") == 1


def test_the_same_words_said_twice_stand_there_twice(
    postmortem: Postmortem, google: GoogleWorld, doc_id: str
) -> None:
    postmortem("log", "Another call", "--at", f"{DAY} 14:46")
    cut_and_paste(google, doc_id, "Another call")
    postmortem("log", "Another call", "--at", f"{DAY} 14:46", "--again")
    assert google.text(doc_id).count("Another call") == 2
