"""A doc that is deleted, in the trash, locked, copied or invisible: named, with the next step."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.command_line import CustomerList, Postmortem
from tests.conftest import CONFIG
from tests.google_world import GoogleWorld
from tests.ledger_rows import run_sql
from tests.terminal import at_a_terminal
from workflow.doc import push

Customers = Callable[[int], CustomerList]
ANN = "ann@team.example"


@pytest.fixture
def doc(postmortem: Postmortem, customers: Customers) -> str:
    """The doc of an incident with an entry, a section and a notice to 2 customers."""
    shared = ("--share", f"{ANN}:writer", "--impact", "x")
    started = postmortem.json("start", "Wrong amounts", *shared)
    postmortem("log", "Seen by support")
    postmortem("section", "root-cause", "A stale price list")
    listed = customers(2)
    postmortem("notify", str(listed), "--send", "--confirm", "2")
    return str(started["doc_id"])


def drive(google: GoogleWorld, verb: str, path: str, body: Any = None, account: str = "") -> Any:
    """A person's action on a file in Drive."""
    who = account or google.account
    answer = requests.request(
        verb,
        f"{google.url}/drive/v3/files/{path}",
        json=body,
        headers={"Authorization": f"Bearer rehearsal:{who}:drive"},
        timeout=10,
    )
    assert answer.ok, answer.text
    return answer.json() if answer.content else None


def everything_once(text: str) -> bool:
    words = ("Seen by support", "A stale price list", "Accepted by Gmail: 2 of 2")
    return [text.count(each) for each in words] == [1, 1, 1]


def test_a_deleted_doc_is_named_and_made_again(
    postmortem: Postmortem, google: GoogleWorld, doc: str, tmp_path: Path
) -> None:
    drive(google, "delete", doc)
    said = postmortem("log", "Said when it was gone", expect=5).err
    assert "The doc was deleted, or it belongs to somebody else" in said
    assert "postmortem doc recreate" in said
    for words in (("sync",), ("close", "--check"), ("doctor",)):
        told = postmortem(*words, expect=None)
        assert "The doc was deleted" in told.err + told.out
    exported = postmortem("export", str(tmp_path / "record"))
    assert "without edits that people made in the doc" in exported.err
    written = (tmp_path / "record" / "postmortem.md").read_text(encoding="utf-8")
    assert everything_once(written)
    assert (tmp_path / "record" / "record.json").is_file()

    made = postmortem.json("doc", "recreate")
    assert made["doc_id"] != doc
    text = google.text(made["doc_id"])
    assert everything_once(text)
    assert text.count("Said when it was gone") == 1
    assert ANN in {each.get("emailAddress") for each in google.permissions(made["doc_id"])}
    postmortem("log", "And on")
    assert google.text(made["doc_id"]).count("And on") == 1
    assert "Everything is in the doc" in postmortem("sync").out


def test_a_doc_that_is_there_is_not_made_again(postmortem: Postmortem, doc: str) -> None:
    assert "The doc is there" in postmortem("doc", "recreate", expect=3).err


def test_a_doc_in_the_trash_is_named_and_taken_out(
    postmortem: Postmortem, google: GoogleWorld, doc: str
) -> None:
    drive(google, "patch", doc, {"trashed": True})
    url = postmortem.json("show")["doc_url"]
    run_sql(postmortem, "UPDATE doc_comparisons SET compared_at = compared_at - 90000")
    said = postmortem("log", "Said in the trash").err
    assert "The doc is in the trash" in said
    assert f"postmortem doc adopt {url}" in said
    assert "The doc is in the trash" in postmortem("sync").err
    assert "The doc is in the trash" in postmortem("close", "--check", expect=None).err
    assert "Taken out of the trash" in postmortem("doc", "adopt", url).out
    assert not google.file(doc)["trashed"]
    assert google.text(doc).count("Said in the trash") == 1


def test_a_notice_says_that_the_doc_it_was_copied_into_is_in_the_trash(
    postmortem: Postmortem,
    google: GoogleWorld,
    doc: str,
    customers: Customers,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(push, "_LOOK_AGAIN", timedelta(0))
    words = ("notify", str(customers(2)), "--stage", "update", "--send", "--confirm", "2")
    drive(google, "patch", doc, {"trashed": True})
    assert postmortem(*words, "--draft-only").err.count("The doc is in the trash") == 1
    assert "The doc is in the trash" in postmortem("resume", "--confirm", "2").err
    assert Counter(google.copies_per_recipient().values()) == {2: 2}
    postmortem("doc", "adopt", postmortem.json("show")["doc_url"])
    more = ("notify", str(customers(3)), "--only-new", "--stage", "update", "--send")
    assert "in the trash" not in postmortem(*more, "--confirm", "1").err


def test_a_doc_in_the_trash_may_be_made_again(
    postmortem: Postmortem, google: GoogleWorld, doc: str
) -> None:
    drive(google, "patch", doc, {"trashed": True})
    made = postmortem.json("doc", "recreate")
    assert made["doc_id"] != doc
    assert everything_once(google.text(made["doc_id"]))


def test_a_doc_that_a_person_locked_is_named_with_who_and_why(
    postmortem: Postmortem, google: GoogleWorld, doc: str
) -> None:
    lock = {"contentRestrictions": [{"readOnly": True, "reason": "Legal hold"}]}
    drive(google, "patch", doc, lock, account=ANN)
    said = postmortem("log", "Said when locked", expect=5).err
    assert "The doc was locked by" in said
    assert "(Legal hold)" in said
    assert said.count("postmortem sync") == 1
    assert "was locked by" in postmortem("sync", expect=5).err
    assert "The doc is there" in postmortem("doc", "recreate", expect=3).err
    drive(google, "patch", doc, {"contentRestrictions": [{"readOnly": False}]}, account=ANN)
    postmortem("sync")
    assert google.text(doc).count("Said when locked") == 1


def test_a_copy_takes_the_place_of_the_doc_and_gets_what_it_lacks(
    postmortem: Postmortem, google: GoogleWorld, doc: str
) -> None:
    copy = drive(google, "post", f"{doc}/copy", {"name": "Wrong amounts (copy)"})["id"]
    google.edit(copy, {"insertText": {"location": {"index": 1}, "text": "Typed by a person. "}})
    postmortem("log", "Said after the copy")
    url = f"https://docs.google.com/document/d/{copy}/edit"
    drive(google, "delete", doc)
    asked = postmortem("join", url, expect=3).err
    assert "Two docs claim to belong to this incident" in asked
    assert f"postmortem doc adopt {url}" in asked
    assert postmortem.json("show")["doc_id"] == doc
    adopted = postmortem.json("doc", "adopt", url)
    assert adopted["doc_id"] == copy
    text = google.text(copy)
    assert everything_once(text)
    assert text.count("Said after the copy") == 1
    assert text.count("Typed by a person.") == 1


def test_a_copy_is_adopted_after_a_close_without_any_notice(
    postmortem: Postmortem, google: GoogleWorld
) -> None:
    doc = postmortem.json("start", "Nobody was affected")["doc_id"]
    postmortem("close", "--force", "a false alarm")
    copy = drive(google, "post", f"{doc}/copy", {"name": "Nobody was affected (copy)"})["id"]
    postmortem("doc", "adopt", f"https://docs.google.com/document/d/{copy}/edit")
    postmortem("log", "Said after the adoption", "--yes")
    assert google.text(copy).count("Said after the adoption") == 1
    assert "Communications summary" not in google.text(copy)
    assert postmortem.json("show")["pending_sync"] == 0


@pytest.mark.parametrize("answer", ["1", "2", ""])
def test_join_asks_at_a_terminal_which_of_two_docs_is_meant(
    postmortem: Postmortem, google: GoogleWorld, doc: str, answer: str
) -> None:
    copy = drive(google, "post", f"{doc}/copy", {"name": "Wrong amounts (copy)"})["id"]
    url = f"https://docs.google.com/document/d/{copy}/edit"
    asked = at_a_terminal(postmortem, "join", url, typed=answer)
    assert "Which one should be used?" in asked.err
    assert asked.code == (0 if answer else 3)
    assert postmortem.json("show")["doc_id"] == (copy if answer == "2" else doc)


def test_a_copy_without_our_marks_gets_nothing_twice(
    postmortem: Postmortem, google: GoogleWorld, doc: str
) -> None:
    copy = drive(google, "post", f"{doc}/copy", {"name": "Pasted"})["id"]
    names = google.document(copy)["tabs"][0]["documentTab"].get("namedRanges", {})
    google.edit(copy, *({"deleteNamedRange": {"name": name}} for name in names))
    postmortem("log", "Said after the copy")
    url = f"https://docs.google.com/document/d/{copy}/edit"
    postmortem("doc", "adopt", url)
    text = google.text(copy)
    assert everything_once(text)
    assert text.count("Said after the copy") == 1
    postmortem("log", "And on")
    assert google.text(copy).count("And on") == 1


def test_what_can_not_be_adopted_is_refused(
    postmortem: Postmortem, google: GoogleWorld, doc: str
) -> None:
    other = postmortem.json("start", "Another")["doc_url"]
    first = postmortem.json("list")[1]["incident"]
    refused = postmortem("doc", "adopt", other, "--incident", first, expect=3)
    assert "is of another incident" in refused.err
    assert "not the address of a Google Doc" in postmortem("doc", "adopt", "x", expect=3).err
    assert google.text(doc)


def test_a_colleagues_ledger_makes_no_doc_that_lacks_the_rest(
    postmortem: Postmortem, google: GoogleWorld, doc: str, tmp_path: Path
) -> None:
    colleague = Postmortem(tmp_path / "colleague", {"POSTMORTEM_GOOGLE_URL": google.url})
    colleague.home.mkdir()
    colleague.configure(f'google_url_token = "rehearsal:{ANN}"\n' + CONFIG)
    colleague("join", f"https://docs.google.com/document/d/{doc}/edit")
    drive(google, "delete", doc)
    refused = colleague("doc", "recreate", expect=3).err
    assert "Another ledger wrote to 2 customers" in refused


@pytest.mark.parametrize("fixed", [True, False], ids=["corrected", "as it was"])
def test_a_folder_that_can_not_be_seen_holds_up_no_doc(
    postmortem: Postmortem, google: GoogleWorld, fixed: bool
) -> None:
    postmortem.configure('folder = "1NotToBeSeen"\n' + CONFIG)
    if not fixed:
        started = postmortem("start", "Wrong amounts")
        assert "The folder 1NotToBeSeen can't be written" in started.err
        assert "postmortem edit --folder" in started.err
        assert len(google.documents()) == 1
        return
    google.misbehave("503", "drive.files.create")
    postmortem("start", "Wrong amounts", expect=5)
    google.behave()
    folder = google.make_folder("Incidents")
    soon_settled = CONFIG.replace("timeout_seconds = 5", "timeout_seconds = 2")
    postmortem.configure(f'folder = "{folder}"\n' + soon_settled)
    postmortem("sync")
    (made,) = google.documents()
    assert made["parents"] == [folder]
