"""The copy in the doc: the sent text, the number of mails, and failed or unknown ones by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.command_line import CustomerList, Postmortem
from tests.google_world import GoogleWorld
from tests.plug import dies_in

Customers = Callable[[int], CustomerList]

CONFIG = """
[sending]
units_per_minute = 10000000
timeout_seconds = 1.5
"""
SEND = "gmail.users.drafts.send"
AT_ONCE = "gmail.users.messages.send"


@pytest.fixture
def doc_id(postmortem: Postmortem) -> str:
    """The doc of a new incident."""
    started = postmortem.json("start", "Wrong amounts")
    postmortem.configure(CONFIG)
    return str(started["doc_id"])


def test_who_did_not_surely_get_it_is_named_in_the_doc_and_by_show(
    postmortem: Postmortem, google: GoogleWorld, customers: Customers, doc_id: str
) -> None:
    google.misbehave("close_before", AT_ONCE, times=1)
    words = ("notify", str(customers(3)), "--send", "--confirm", "3", "--one-step")
    (unknown,) = postmortem.json(*words, expect=6)["failures"]
    doc = google.text(doc_id)
    assert "Accepted by Gmail: 2 of 3, 1 unknown" in doc
    assert "Emailed 2 of 3 customers; 1 unknown: “" in doc
    assert f"Failed or unknown: {unknown['email']} – unknown: Gmail's answer was lost" in doc
    shown = postmortem("show")
    assert "accepted by Gmail 2 of 3, unknown 1" in shown.out
    assert f"row {unknown['row']}  {unknown['email']}: unknown" in shown.out
    assert postmortem.json("show")["notices"][0]["failures"] == [unknown]


def test_a_notice_that_is_resumed_later_has_its_copy_brought_up_to_date_and_not_doubled(
    postmortem: Postmortem, google: GoogleWorld, customers: Customers, doc_id: str
) -> None:
    google.misbehave("token_expired", SEND, skip=2)
    postmortem("notify", str(customers(5)), "--send", "--confirm", "5", expect=4)
    assert "Accepted by Gmail: 2 of 5, 3 still to send" in google.text(doc_id)
    assert "Emailed 2 of 5 customers; 3 still to send: “" in google.text(doc_id)
    google.behave()
    assert postmortem.json("resume")["copied_back"]
    doc = google.text(doc_id)
    assert doc.count("Accepted by Gmail: ") == 1
    assert "Accepted by Gmail: 5 of 5" in doc
    assert doc.count("Subject: ") == 1
    assert doc.count("Emailed ") == doc.count("Emailed 5 customers: “") == 1
    assert "Customers affected: 5 notified by email" in doc


def test_the_timeline_says_how_many_emails_were_accepted_and_no_more(
    postmortem: Postmortem, google: GoogleWorld, customers: Customers, doc_id: str
) -> None:
    subject = "Wrong amounts"
    listed = str(customers(3))
    google.misbehave("400", "gmail.users.drafts.create")
    refused = postmortem("notify", listed, "--send", "--confirm", "3", expect=6)
    assert "is in the doc" not in refused.out
    assert f"Emailed 0 of 3 customers; 3 failed: “{subject}”" in google.text(doc_id)
    google.behave()
    google.misbehave("400", "gmail.users.drafts.create", times=1)
    postmortem("resume", "--retry-failed", "--confirm", "3", expect=6)
    assert f"Emailed 2 of 3 customers; 1 failed: “{subject}”" in google.text(doc_id)
    done = postmortem("resume", "--retry-failed", "--confirm", "1")
    assert "The text that was sent is in the doc." in done.out
    text = google.text(doc_id)
    assert text.count(f": “{subject}”") == text.count(f"Emailed 3 customers: “{subject}”") == 1
    assert google.copies_per_recipient() == dict.fromkeys(customers(3).addresses, 1)


@pytest.mark.parametrize("kind", ["close_after", "half_answer", "error_after", "garbage", "hang"])
def test_a_copy_whose_answer_was_lost_is_there_once(
    postmortem: Postmortem, google: GoogleWorld, customers: Customers, doc_id: str, kind: str
) -> None:
    google.misbehave(kind, "docs.documents.batchUpdate", times=1, seconds=2)
    sent = postmortem.json("notify", str(customers(1)), "--send", "--confirm", "1")
    assert sent["copied_back"]
    doc = google.text(doc_id)
    assert doc.count("Accepted by Gmail: 1 of 1") == 1
    assert doc.count("Emailed 1 customer:") == 1


def test_when_docs_is_out_of_order_the_mail_leaves_and_resume_brings_the_copy(
    postmortem: Postmortem, google: GoogleWorld, customers: Customers, doc_id: str
) -> None:
    google.misbehave("token_expired", "docs.*")
    sent = postmortem.json("notify", str(customers(2)), "--send", "--confirm", "2", expect=4)
    assert (sent["counts"]["sent"], sent["copied_back"]) == (2, False)
    google.behave()
    resumed = postmortem.json("resume")
    assert (resumed["notice"], resumed["copied_back"]) == (sent["notice"], True)
    assert google.text(doc_id).count("Accepted by Gmail: 2 of 2") == 1
    assert set(google.copies_per_recipient().values()) == {1}


def test_a_process_that_died_before_it_wrote_the_copy_leaves_it_to_resume(
    postmortem: Postmortem, google: GoogleWorld, customers: Customers, doc_id: str
) -> None:
    listed = str(customers(2))
    dies_in(
        "workflow.notice.draft_review",
        "_record",
        postmortem,
        *("notify", listed, "--send", "--confirm", "2"),
    )
    assert "Accepted by Gmail" not in google.text(doc_id)
    assert not postmortem.json("show")["notices"][0]["copied_back"]
    assert postmortem.json("resume")["copied_back"]
    assert google.text(doc_id).count("Accepted by Gmail: 2 of 2") == 1
    assert "There is nothing to resume" in postmortem("resume").out


def words_of(element: dict[str, Any]) -> str:
    parts = element.get("paragraph", {}).get("elements", ())
    return "".join(part.get("textRun", {}).get("content", "") for part in parts)


@pytest.mark.parametrize("words", [("sync",), ("close", "--force", "It is over")], ids=str)
def test_what_a_process_could_not_record_is_recorded_by_sync_and_before_closing(
    postmortem: Postmortem, google: GoogleWorld, customers: Customers, words: tuple[str, ...]
) -> None:
    doc_id = postmortem.json("start", "Wrong amounts")["doc_id"]
    listed = str(customers(2))
    dies_in(
        "workflow.notice.send",
        "copy_back",
        postmortem,
        *("notify", listed, "--send", "--confirm", "2"),
    )
    postmortem(*words)
    text = google.text(doc_id)
    assert text.count("Emailed 2 customers") == 1
    assert text.count("Accepted by Gmail: 2 of 2") == 1
    assert "Everything is in the doc" in postmortem("sync").out


def test_what_people_wrote_round_the_copy_stays(
    postmortem: Postmortem, google: GoogleWorld, customers: Customers, doc_id: str
) -> None:
    google.misbehave("token_expired", SEND, skip=1)
    postmortem("notify", str(customers(2)), "--send", "--confirm", "2", expect=4)
    google.behave()
    text = google.text(doc_id)
    content = google.document(doc_id)["tabs"][0]["documentTab"]["body"]["content"]
    (subject,) = (each for each in content if "Subject: " in words_of(each))
    place = {"index": subject["endIndex"] - 1}
    google.edit(doc_id, {"insertText": {"text": " [agreed with Bea]", "location": place}})
    postmortem("resume")
    after = google.text(doc_id)
    assert "[agreed with Bea]" in after
    assert "Accepted by Gmail: 2 of 2" in after
    assert text.count("\n") <= after.count("\n")
