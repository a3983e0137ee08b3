"""`log --edit` and `log --strike`: a mistake is corrected visibly, and nothing is lost."""

from __future__ import annotations

import pytest

from tests.command_line import Postmortem
from tests.google_world import GoogleWorld
from tests.late_entries import without_late_mark
from tests.ledger_rows import run_sql

START = "2026-11-23 14:39"


@pytest.fixture
def doc_id(postmortem: Postmortem) -> str:
    return str(postmortem.json("start", "Wrong amounts", "--at", START)["doc_id"])


def log(postmortem: Postmortem, text: str, *more: str) -> str:
    return str(postmortem.json("log", text, "--at", "2026-11-23 14:43", *more)["entry"])


def line_of(google: GoogleWorld, doc_id: str, words: str) -> str:
    return next(line for line in google.text(doc_id).splitlines() if words in line)


def struck(google: GoogleWorld, doc_id: str) -> str:
    """All struck-out text."""
    (tab,) = google.document(doc_id)["tabs"]
    runs = (
        element["textRun"]
        for block in tab["documentTab"]["body"]["content"]
        for element in block.get("paragraph", {}).get("elements", ())
        if "textRun" in element
    )
    text = "".join(run["content"] for run in runs if run["textStyle"].get("strikethrough"))
    return text.removesuffix("\n")


def test_an_entry_gets_other_words_in_its_place(
    postmortem: Postmortem, google: GoogleWorld, doc_id: str
) -> None:
    entry = log(postmortem, "Alerted Bob", "--by", "Ann", "--link", "https://chat.example/1")
    answer = postmortem.json("log", "--edit", entry[:4], "Alerted Rob 🧯")
    assert (answer["entry"], answer["text"], answer["synced"]) == (entry, "Alerted Rob 🧯", True)
    line = without_late_mark(line_of(google, doc_id, "Alerted"))
    assert line == "2:43 PM CET  Alerted Rob 🧯 (chat.example) — Ann"
    assert [each["text"] for each in postmortem.json("show")["timeline"]] == ["Alerted Rob 🧯"]


def test_the_journal_keeps_every_wording(postmortem: Postmortem, doc_id: str) -> None:
    entry = log(postmortem, "first")
    postmortem("log", "--edit", entry, "second")
    postmortem("log", "--edit", entry, "third")
    words = "SELECT CAST(payload AS TEXT) FROM changes WHERE kind = 'reword' ORDER BY seq"
    kept = run_sql(postmortem, words)
    assert ['"was": "first"' in kept[0][0], '"was": "second"' in kept[1][0]] == [True, True]


def test_what_a_person_made_of_the_entry_stays_and_the_correction_stands_beside(
    postmortem: Postmortem, google: GoogleWorld, doc_id: str
) -> None:
    entry = log(postmortem, "Alerted Bob")
    change = {"containsText": {"text": "Alerted Bob"}, "replaceText": "Alerted Bob and his team"}
    google.edit(doc_id, {"replaceAllText": change})
    said = postmortem("log", "--edit", entry, "Alerted Rob").err
    assert "edited by hand" in said
    line = without_late_mark(line_of(google, doc_id, "Alerted"))
    assert line == "2:43 PM CET  Alerted Bob and his team (corrected: Alerted Rob)"


def test_a_struck_entry_stays_with_a_line_through_it(
    postmortem: Postmortem, google: GoogleWorld, doc_id: str
) -> None:
    log(postmortem, "stays as it is")
    entry = log(postmortem, "was another incident", "--by", "Ann")
    for _ in range(2):
        assert "(struck) was another incident" in postmortem("log", "--strike", entry).out
    words = without_late_mark(struck(google, doc_id))
    assert words == "2:43 PM CET  was another incident — Ann"
    timeline = postmortem.json("show")["timeline"]
    assert ["struck_at" in each for each in timeline] == [False, True]
    assert postmortem("log", "--edit", entry, "x", expect=3).err.startswith("Entry")


@pytest.mark.usefixtures("little_patience")
def test_corrections_said_offline_reach_the_doc_later_and_once(
    postmortem: Postmortem, google: GoogleWorld, doc_id: str
) -> None:
    before = log(postmortem, "Seen")
    google.misbehave("close_before", "docs.*")
    late = postmortem.json("log", "Said", "--at", "2026-11-23 14:50", expect=5)["entry"]
    postmortem("log", "--edit", before, "Seen by support", expect=5)
    postmortem("log", "--strike", before, expect=5)
    postmortem("log", "--edit", late, "Said offline", expect=5)
    google.behave()
    postmortem("sync")
    postmortem("sync")
    assert without_late_mark(struck(google, doc_id)) == "2:43 PM CET  Seen by support"
    assert google.text(doc_id).count("Seen") == google.text(doc_id).count("Said") == 1
    assert line_of(google, doc_id, "Said").startswith("2:50 PM CET  Said offline")


def test_a_lost_answer_does_not_correct_twice(
    postmortem: Postmortem, google: GoogleWorld, doc_id: str
) -> None:
    entry = log(postmortem, "Alerted Bob")
    change = {"containsText": {"text": "Bob"}, "replaceText": "Bobby"}
    google.edit(doc_id, {"replaceAllText": change})
    google.misbehave("close_after", "docs.documents.batchUpdate", times=1)
    postmortem("log", "--edit", entry, "Alerted Rob", expect=None)
    google.behave()
    postmortem("sync")
    assert google.text(doc_id).count("Alerted Rob") == 1


def test_an_entry_that_a_person_removed_is_not_put_back(
    postmortem: Postmortem, google: GoogleWorld, doc_id: str
) -> None:
    entry = log(postmortem, "Alerted Bob")
    text = google.document(doc_id)["tabs"][0]["documentTab"]["body"]["content"]
    line = next(one for one in text if "Alerted" in str(one))
    gone = {"startIndex": line["startIndex"], "endIndex": line["endIndex"]}
    google.edit(doc_id, {"deleteContentRange": {"range": gone}})
    assert "no longer in the doc" in postmortem("log", "--edit", entry, "Alerted Rob").err
    assert "Alerted" not in google.text(doc_id)


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["--edit", "nothere", "x"], 3, "No entry 'nothere'"),
        (["--strike", "nothere"], 3, "No entry 'nothere'"),
        (["--edit", "a"], 2, "needs the new text"),
        (["--strike", "a", "x"], 2, "takes no text"),
        (["--strike", "a", "--edit", "b", "x"], 2, "either --edit or --strike"),
        (["--edit", "a", "x", "--by", "Ann"], 2, "changes only the text"),
        ([], 2, "say what happened"),
    ],
)
def test_what_is_no_correction_is_refused_with_what_to_do(
    postmortem: Postmortem, doc_id: str, arguments: list[str], code: int, words: str
) -> None:
    said = postmortem("log", *arguments, expect=code).err
    assert words in " ".join(said.replace("│", " ").split())
