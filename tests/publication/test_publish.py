"""`publish`: the customers' version of a postmortem; nothing is published before the question."""

from __future__ import annotations

import json
import shlex
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.command_line import CustomerList, Postmortem, running
from tests.conftest import CONFIG
from tests.google_world import GoogleWorld

Customers = Callable[[int], CustomerList]
TEAM = """
organisation = "Lagerhaus GmbH"
support = "support@lagerhaus.example, from 8 to 20 h"
owner = "Ann Lee <ann.lee@lagerhaus.example>"
own_domains = ["lagerhaus.example"]
"""


@pytest.fixture
def author(postmortem: Postmortem) -> Postmortem:
    """A person with a finished postmortem."""
    postmortem.configure(TEAM + CONFIG)
    postmortem("start", "Wrong amounts", "--at", "2026-11-23 14:39", "--share", "ben@corp.example")
    for section, words in (
        ("summary", "Invoices had wrong totals. Ann saw it in OPS-47, asked Ben."),
        ("root cause", "A retry on db-3 (10.0.3.4) ran {{ twice }}."),
        ("next time", "Alert on repeats — Carla Diaz — 1 Dec"),
    ):
        postmortem("section", section, words)
    postmortem("log", "Carla restarts the queue", "--by", "carla", "--at", "2026-11-23 14:45")
    postmortem("status", "identified", "bad retry in OPS-47")
    return postmortem


def test_a_preview_shows_what_customers_would_read_and_touches_nothing(
    author: Postmortem, google: GoogleWorld
) -> None:
    google.forget_calls()
    shown = author("publish")
    assert "Invoices had wrong totals. An engineer saw it in an internal reference" in shown.out
    assert "A retry on one of our systems (one of our systems) ran" in shown.out
    assert "Alert on repeats — an engineer — 1 Dec" in shown.out
    assert "We found the cause" in shown.out
    left_out = shown.out[shown.out.index("Left out. Please check:") :]
    for words in ("Ann", "Ben", "Carla Diaz", "OPS-47", "db-3", "10.0.3.4", "restarts the queue"):
        assert words in left_out
        assert words not in shown.out.replace(left_out, "")
    assert "Still empty: Who was affected, What we did" in shown.out
    assert set(google.calls()) == {"docs.documents.get"}
    assert len(google.documents()) == 1


def test_the_document_of_json_lists_what_was_left_out(author: Postmortem) -> None:
    found = author.json("publish")
    assert found["title"] == "Wrong amounts"
    assert {"kind": "ticket", "text": "OPS-47"} in found["left_out"]
    assert {"kind": "person", "text": "Carla Diaz"} in found["left_out"]
    assert found["markdown"].startswith("# Wrong amounts\n")
    assert (found["doc"], found["files"], found["mail"], found["shared"]) == (None, [], None, [])


def test_a_person_keeps_words_takes_others_out_and_picks_entries(author: Postmortem) -> None:
    entries = author.json("show")["timeline"]
    (entry,) = [each["entry"] for each in entries if "queue" in each["text"]]
    found = author.json(
        "publish", "--keep", "OPS-47", "--leave-out", "retry", "--with-entry", entry
    )
    assert "saw it in OPS-47" in found["markdown"]
    assert "A … on one of our systems" in found["markdown"]
    assert "An engineer restarts the queue" in found["markdown"]
    refused = author("publish", "--with-entry", "nothing", expect=3)
    assert "No entry 'nothing'" in refused.err


def test_what_was_only_suggested_or_is_a_hint_does_not_get_out(
    author: Postmortem, google: GoogleWorld
) -> None:
    doc_id = author.json("show")["doc_id"]
    at = _index_of(google, doc_id, "Invoices had")
    google.suggest(doc_id, {"insertText": {"location": {"index": at}, "text": "Perhaps. "}})
    found = author.json("publish")
    assert "Perhaps" not in found["markdown"]
    assert {"kind": "suggestion", "text": "Perhaps."} in found["left_out"]
    assert "without names" not in found["markdown"]


def test_words_that_people_typed_into_the_doc_are_published(
    author: Postmortem, google: GoogleWorld
) -> None:
    doc_id = author.json("show")["doc_id"]
    at = _index_of(google, doc_id, "Invoices had")
    google.edit(doc_id, {"insertText": {"location": {"index": at}, "text": "On Monday: "}})
    assert "On Monday: Invoices had wrong totals" in author.json("publish")["markdown"]


def test_the_doc_is_made_once_and_follows_what_is_written(
    author: Postmortem, google: GoogleWorld
) -> None:
    made = author.json("publish", "--doc")["doc"]
    assert made["outcome"] == "made"
    text = google.text(made["doc_id"])
    assert "What happened" in text
    assert "An engineer saw it" in text
    assert author.json("publish", "--doc")["doc"] == made | {"outcome": "unchanged"}
    author("section", "solution", "We sent right invoices.\n\n- all of them")
    assert author.json("publish", "--doc")["doc"] == made | {"outcome": "updated"}
    assert "We sent right invoices." in google.text(made["doc_id"])
    assert google.text(made["doc_id"]).count("What happened") == 1
    assert len(google.documents()) == 2
    (permission,) = google.permissions(made["doc_id"])
    assert permission["role"] == "owner"


def test_people_who_edit_the_doc_keep_their_words(author: Postmortem, google: GoogleWorld) -> None:
    made = author.json("publish", "--doc")["doc"]
    google.edit(made["doc_id"], {"insertText": {"location": {"index": 1}, "text": "Dear all: "}})
    author("section", "solution", "We sent right invoices.")
    said = author("publish", "--doc")
    assert "People edited the Google Doc, so it was not changed" in said.out
    assert "We sent right invoices" not in google.text(made["doc_id"])
    second = author.json("publish", "--doc", "--again")["doc"]
    assert second["outcome"] == "made"
    assert second["doc_id"] != made["doc_id"]
    assert "Dear all: Wrong amounts" in google.text(made["doc_id"])
    assert "We sent right invoices" in google.text(second["doc_id"])


interrupted = pytest.mark.parametrize(
    ("kind", "method"),
    [
        ("close_before", "drive.files.create"),
        ("close_after", "drive.files.create"),
        ("503", "docs.documents.batchUpdate"),
        ("close_after", "docs.documents.batchUpdate"),
    ],
)


@interrupted
def test_a_lost_answer_makes_no_second_doc(
    author: Postmortem, google: GoogleWorld, kind: str, method: str
) -> None:
    author.configure(TEAM + CONFIG.replace("timeout_seconds = 5", "timeout_seconds = 2"))
    google.misbehave(kind, method, times=1)
    said = author("publish", "--doc", expect=None)
    google.behave()
    if said.code:
        assert said.code == 5
        assert "Later: postmortem sync" in said.err
    done = author.json("publish", "--doc")["doc"]
    assert done["outcome"] in {"unchanged", "updated"}
    assert len(google.documents()) == 2
    assert google.text(done["doc_id"]).count("What happened") == 1


def test_killed_while_the_doc_is_made_it_is_finished_later(
    author: Postmortem, google: GoogleWorld
) -> None:
    author.configure(TEAM + CONFIG.replace("timeout_seconds = 5", "timeout_seconds = 2"))
    google.forget_calls()
    google.misbehave("slow", "drive.files.create", seconds=3)
    with running(author.start_process("publish", "--doc")) as process:
        while process.poll() is None and not google.calls().get("drive.files.create"):
            time.sleep(0.02)
        process.kill()
    google.behave()
    done = author.json("publish", "--doc")["doc"]
    assert len(google.documents()) == 2
    assert "What happened" in google.text(done["doc_id"])


@interrupted
def test_sync_finishes_what_was_begun(
    author: Postmortem, google: GoogleWorld, kind: str, method: str
) -> None:
    author.configure(TEAM + CONFIG.replace("timeout_seconds = 5", "timeout_seconds = 2"))
    google.misbehave(kind, method, times=1)
    said = author("publish", "--doc", expect=5)
    assert "Later: postmortem sync" in said.err
    google.behave()
    (finished,) = author.json("sync")["publications"]
    assert google.text(finished["doc_id"]).count("What happened") == 1
    assert finished["outcome"] == "made"
    names = sorted(each["name"] for each in google.documents())
    assert names == ["Wrong amounts", "Wrong amounts: what happened"]
    assert author.json("publish", "--doc")["doc"]["outcome"] == "unchanged"
    assert "Everything is in the doc" in author("sync").out


def test_a_share_whose_answer_was_lost_is_on_record_once(
    author: Postmortem, google: GoogleWorld
) -> None:
    author("publish", "--doc")
    google.misbehave("close_after", "drive.permissions.create", times=1)
    words = ("publish", "--doc", "--share", "anyone", "--yes")
    author(*words, expect=5)
    author(*words)
    author(*words)
    texts = [each["text"] for each in author.json("show")["timeline"]]
    assert texts.count("The public postmortem was shared with anyone with the link (reader)") == 1


def test_sync_finishes_a_version_that_replaces_an_earlier_one(
    author: Postmortem, google: GoogleWorld
) -> None:
    made = author.json("publish", "--doc")["doc"]
    author("section", "solution", "We sent right invoices.")
    google.misbehave("503", "docs.documents.batchUpdate", times=1)
    author("publish", "--doc", expect=5)
    assert "We sent right" not in google.text(made["doc_id"])
    said = author("sync")
    assert "The public postmortem of “Wrong amounts”" in said.out
    assert "We sent right invoices." in google.text(made["doc_id"])


def test_sync_says_again_what_it_can_not_finish(author: Postmortem, google: GoogleWorld) -> None:
    google.misbehave("503", "docs.documents.batchUpdate")
    author("publish", "--doc", expect=5)
    failed = author("sync", expect=5)
    assert "The public postmortem is not in its Google Doc yet." in failed.err
    assert "Everything is in the doc" not in failed.out
    google.behave()
    author("sync")


def test_sync_leaves_people_who_were_quicker_their_words(
    author: Postmortem, google: GoogleWorld
) -> None:
    made = author.json("publish", "--doc")["doc"]
    author("section", "solution", "We sent right invoices.")
    google.misbehave("503", "docs.documents.batchUpdate", times=1)
    author("publish", "--doc", expect=5)
    google.edit(made["doc_id"], {"insertText": {"location": {"index": 1}, "text": "Dear all: "}})
    assert "People edited the Google Doc" in author("sync").err
    assert "Dear all: Wrong amounts" in google.text(made["doc_id"])
    assert "We sent right" not in google.text(made["doc_id"])


def test_a_doc_that_is_gone_is_said_and_made_anew_when_asked(
    author: Postmortem, google: GoogleWorld
) -> None:
    made = author.json("publish", "--doc")["doc"]
    deleted = requests.delete(
        f"{google.url}/drive/v3/files/{made['doc_id']}",
        headers={"Authorization": "Bearer rehearsal"},
        timeout=10,
    )
    assert deleted.ok
    refused = author("publish", "--doc", expect=3)
    assert "was deleted" in refused.err
    assert author.json("publish", "--doc", "--again")["doc"]["outcome"] == "made"


def test_nobody_is_let_in_unasked(author: Postmortem, google: GoogleWorld) -> None:
    refused = author("publish", "--share", "anyone", expect=3)
    assert "There is no Google Doc to share yet" in refused.err
    refused = author("publish", "--doc", "--share", "anyone", expect=3)
    assert "To confirm, add --yes" in refused.err
    assert len(google.documents()) == 1
    made = author.json("publish", "--doc", "--share", "anyone", "--share", "c@x.example", "--yes")
    assert [(each["who"], each["role"], each["ok"]) for each in made["shared"]] == [
        ("anyone", "reader", True),
        ("c@x.example", "reader", True),
    ]
    permissions = google.permissions(made["doc"]["doc_id"])
    assert {each["type"] for each in permissions} == {"user", "anyone"}
    again = author.json("publish", "--share", "anyone", "--yes")
    assert again["shared"][0]["ok"]
    said = author("publish", "--share", "anyone", "--yes").out
    assert f"anyone can read it now (reader).\n  {made['doc']['doc_url']}" in said
    texts = [each["text"] for each in author.json("show")["timeline"]]
    assert texts.count("The public postmortem was shared with anyone with the link (reader)") == 1
    assert author("publish", "--share", "anyone:writer", "--yes", expect=3).code == 3


def test_the_files_hold_the_version_and_a_mail_that_notify_takes(
    author: Postmortem, google: GoogleWorld, customers: Customers, tmp_path: Path
) -> None:
    author("status", "resolved")
    author("notify", str(customers(2)), "--stage", "resolved", "--send", "--confirm", "2")
    folder = tmp_path / "public"
    found = author.json("publish", "--to", str(folder))
    assert found["mail"]["customers"] == 2
    assert "An engineer saw it" in (folder / "public.md").read_text(encoding="utf-8")
    page = (folder / "public.html").read_text(encoding="utf-8")
    assert '<h2 dir="auto">What happened</h2>' in page
    assert len(google.documents()) == 1

    _, *command = shlex.split(found["mail"]["command"])
    preview = author.json(*command)
    assert preview["stage"] == "postmortem"
    assert preview["recipients"] == 2
    assert not preview["failures"]
    assert "Hello Person 1," in preview["preview"]["text"]
    assert "ran {{ twice }}." in preview["preview"]["text"]
    assert len(google.sent()) == 2
    author(*command, "--send", "--confirm", "2")
    mail = google.sent()[-1]
    body = mail.get_body(("plain",))
    assert body is not None
    assert "OPS-47" not in body.get_content()
    assert "We emailed affected customers" in body.get_content()


def test_customers_are_not_named_to_each_other(author: Postmortem, customers: Customers) -> None:
    author("status", "resolved")
    author("notify", str(customers(2)), "--stage", "resolved", "--send", "--confirm", "2")
    author("section", "impact", "Person 2 noticed first.")
    found = author.json("publish")
    assert "A customer noticed first." in found["markdown"]
    assert {"kind": "customer", "text": "Person 2"} in found["left_out"]


def test_a_doc_without_words_is_not_published(postmortem: Postmortem, tmp_path: Path) -> None:
    postmortem("start", "Wrong amounts")
    for arguments in (["--doc"], ["--to", str(tmp_path / "public")]):
        refused = postmortem("publish", *arguments, expect=3)
        assert "nothing to publish yet" in refused.err
    assert not (tmp_path / "public").exists()


def test_options_that_belong_together_are_asked_for(author: Postmortem) -> None:
    assert "--share" in author("publish", "--yes", expect=2).err
    assert "--doc" in author("publish", "--again", expect=2).err


def _index_of(google: GoogleWorld, doc_id: str, words: str) -> int:
    content: list[Any] = google.document(doc_id)["tabs"][0]["documentTab"]["body"]["content"]
    return next(
        int(each["startIndex"])
        for each in content
        if words in json.dumps(each.get("paragraph", {}))
    )
