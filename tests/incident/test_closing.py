"""Closing: its errors, its warnings, the summary, the lock, and reopening."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.command_line import CustomerList, Postmortem
from tests.google_world import GoogleWorld
from tests.plug import early_in_the_minute

Customers = Callable[[int], CustomerList]
DAY = "2026-11-23"
# The text that a correction needs.
RIGHT = ("--set", "wrong_text=It began at 9.", "--set", "what_happened=It began at 8.")


def send(postmortem: Postmortem, listed: object, count: int, *options: str) -> str:
    words = ("notify", str(listed), *options, "--send", "--confirm", str(count), *RIGHT)
    return str(postmortem.json(*words)["notice"])


def write(path: Path, *addresses: str) -> Path:
    path.write_text("\n".join(["email", *addresses]) + "\n", encoding="utf-8")
    return path


def kinds(document: dict[str, Any]) -> list[str]:
    return [check["kind"] for check in document["checks"]]


def test_an_incident_without_mails_closes_simply(postmortem: Postmortem) -> None:
    postmortem("start", "Wrong amounts", "--at", f"{DAY} 14:39")
    closed = postmortem.json("close", "--at", f"{DAY} 18:45")
    assert closed["status"] == "resolved"
    assert closed["duration"] == "4 h 6 min"
    assert closed["time_to_first_notice"] is None
    assert closed["reason"] is None
    assert closed["locked"] is False
    assert postmortem.json("show")["timeline"][-1]["text"] == "Closed the incident"


def test_what_the_close_itself_brought_to_the_doc_is_not_open(
    postmortem: Postmortem, google: GoogleWorld
) -> None:
    doc_id = postmortem.json("start", "Wrong amounts")["doc_id"]
    postmortem("log", "Seen while offline", expect=5, POSTMORTEM_GOOGLE_URL="http://127.0.0.1:9")
    assert "not_in_doc" in kinds(postmortem.json("close", "--check"))
    closed = postmortem("close")
    assert "Seen while offline" in google.text(doc_id)
    assert "not in the doc yet" not in closed.err
    postmortem("reopen")
    postmortem("log", "Seen again", expect=5, POSTMORTEM_GOOGLE_URL="http://127.0.0.1:9")
    assert "not_in_doc" not in kinds(postmortem.json("close"))


def test_one_whose_customers_all_know_the_end_closes_and_says_so(
    postmortem: Postmortem, google: GoogleWorld, customers: Customers
) -> None:
    early_in_the_minute()
    doc_id = postmortem.json("start", "Wrong amounts", "--at", "20 minutes ago")["doc_id"]
    listed = customers(3)
    postmortem("status", "identified")
    send(postmortem, listed, 3, "--stage", "identified", "--next-update", "in 30 minutes")
    postmortem("status", "resolved")
    send(postmortem, listed, 3, "--stage", "resolved")
    result = postmortem("close")
    assert (
        "First notice to customers after 20 min; 3 customers notified, 3 told it is resolved"
        in result.out
    )
    summary = google.text(doc_id).partition("Communications summary")[2]
    assert "20 min after the start" in summary
    assert "Notified: 3 customers; told it is resolved: 3" in summary
    assert summary.count("3 of 3 accepted by Gmail, 0 failed, 0 unknown") == 2
    assert "Next update promised for" in summary
    assert "30 min early" in summary


def test_customers_who_were_not_told_of_the_end_stop_it_and_become_a_list(
    postmortem: Postmortem, google: GoogleWorld, customers: Customers, tmp_path: Path
) -> None:
    doc_id = postmortem.json("start", "Wrong amounts")["doc_id"]
    send(postmortem, customers(3), 3, "--stage", "investigating")
    postmortem("status", "resolved")
    send(postmortem, customers(1), 1, "--stage", "resolved")
    before = google.text(doc_id)
    refused = postmortem.json("close", expect=3)
    assert kinds(refused)[0] == "not_told"
    assert refused["exit_code"] == 3
    assert refused["customers"] == {"told": 3, "told_of_the_end": 1, "bounced": 0}
    assert google.text(doc_id) == before
    assert postmortem.json("show")["closed_at"] is None

    end = tmp_path / "end.csv"
    assert postmortem.json("close", "--not-told", str(end))["customers"] == 2
    assert "person1@" not in end.read_text(encoding="utf-8-sig")
    taken = postmortem("close", "--not-told", str(end), expect=3)
    assert "exists already" in taken.err
    send(postmortem, end, 2, "--stage", "resolved")
    none = tmp_path / "none.csv"
    assert postmortem.json("close", "--not-told", str(none)) == {"file": None, "customers": 0}
    assert not none.exists()
    assert postmortem.json("close")["customers"]["told_of_the_end"] == 3


def test_a_failed_mail_to_a_suppressed_customer_does_not_stop_it(
    postmortem: Postmortem, google: GoogleWorld, customers: Customers
) -> None:
    postmortem("start", "Wrong amounts")
    postmortem("status", "resolved")
    listed = customers(2)
    google.misbehave("404", "gmail.users.drafts.create", times=1)
    words = ("notify", str(listed), "--stage", "resolved", "--send", "--confirm", "2", *RIGHT)
    postmortem(*words, expect=6)
    (missed,) = set(listed.addresses) - set(google.copies_per_recipient())
    assert "failed for 1 customer" in postmortem("close", expect=3).err
    postmortem("suppress", missed, "--why", "asked for no mails")
    assert "failed for" not in postmortem("close").err


def test_customers_who_get_no_mail_any_more_do_not_stop_it(
    postmortem: Postmortem, customers: Customers, tmp_path: Path
) -> None:
    postmortem("start", "Wrong amounts")
    send(postmortem, customers(4), 4)
    postmortem("suppress", customers(4).addresses[2], "--why", "asked for no mails")
    postmortem("forget", customers(4).addresses[3], "--yes")
    postmortem("status", "resolved")
    send(postmortem, write(tmp_path / "first.csv", customers(4).addresses[0]), 1)
    stopped = postmortem("close", expect=3).err
    assert "1 customer was notified but not told it is resolved: postmortem close" in stopped
    rest = tmp_path / "rest.csv"
    postmortem("close", "--not-told", str(rest))
    send(postmortem, rest, 1, "--stage", "resolved")

    closed = postmortem("close")
    assert "4 customers notified, 2 told it is resolved" in closed.out
    assert (
        "2 customers were notified but not told it is resolved, and are suppressed or forgotten"
    ) in closed.err


def test_a_correction_is_not_the_end_for_who_was_never_told_of_it(
    postmortem: Postmortem, customers: Customers
) -> None:
    postmortem("start", "Wrong amounts")
    postmortem("status", "identified")
    send(postmortem, customers(1), 1, "--stage", "identified")
    postmortem("status", "resolved")
    send(postmortem, customers(1), 1, "--stage", "correction")
    assert kinds(postmortem.json("close", expect=3))[0] == "not_told"
    send(postmortem, customers(1), 1, "--stage", "resolved")
    send(postmortem, customers(1), 1, "--stage", "correction", "--set", "what_happened=So it was.")
    postmortem("close")


def test_mails_that_failed_are_unknown_or_wait_stop_it_with_the_command_for_each(
    postmortem: Postmortem, google: GoogleWorld, customers: Customers
) -> None:
    postmortem("start", "Wrong amounts")
    postmortem("status", "resolved")
    words = ("notify", str(customers(2)), "--stage", "resolved", "--send", "--confirm", "2")
    google.misbehave("404", "gmail.users.drafts.create", times=1)
    failed = postmortem.json(*words, expect=6)["notice"]
    google.behave()
    refused = postmortem("close", expect=3)
    assert "The resolved notice failed for 1 customer: " in refused.err
    assert f"postmortem resume {failed} --retry-failed" in refused.err
    postmortem("resume", failed, "--retry-failed", "--confirm", "1")
    held = ("notify", str(customers(1)), "--stage", "postmortem", "--draft-only")
    waiting = postmortem.json(*held, "--send", "--confirm", "1")["notice"]
    refused = postmortem("close", expect=3)
    assert f"still has 1 to send: postmortem resume {waiting}" in refused.err
    postmortem("resume", waiting, "--confirm", "1")
    postmortem("close")


def test_a_failed_mail_is_settled_by_a_later_one_to_the_same_customer(
    postmortem: Postmortem, google: GoogleWorld, customers: Customers
) -> None:
    postmortem("start", "Wrong amounts")
    google.misbehave("404", "gmail.users.drafts.create", times=1)
    postmortem("status", "identified")
    words = ("notify", str(customers(1)), "--stage", "identified", "--send", "--confirm", "1")
    postmortem(*words, expect=6)
    google.behave()
    postmortem("status", "resolved")
    send(postmortem, customers(1), 1, "--stage", "resolved")
    postmortem("close")


def test_it_is_closed_all_the_same_for_a_reason_that_the_record_keeps(
    postmortem: Postmortem, google: GoogleWorld, customers: Customers
) -> None:
    doc_id = postmortem.json("start", "Wrong amounts")["doc_id"]
    send(postmortem, customers(2), 2, "--stage", "investigating")
    assert postmortem("close", "--force", " ", expect=2).code == 2
    closed = postmortem.json("close", "--force", "They  were\ntold by phone")
    assert closed["reason"] == "They were told by phone"
    entry = postmortem.json("show")["timeline"][-1]["text"]
    assert entry == (
        "Closed the incident. Still open: 2 customers were notified but not told it is resolved. "
        "Reason: They were told by phone"
    )
    assert "Closed with something left open: They were told by phone" in google.text(doc_id)


def test_what_the_doc_lacks_is_said_and_stops_nothing(
    postmortem: Postmortem, google: GoogleWorld
) -> None:
    doc_id = postmortem.json("start", "Wrong amounts")["doc_id"]
    postmortem("section", "summary", "Amounts were wrong. TODO: how many?")
    postmortem("section", "next_time", "Two people check\nName the list — Sam — 30 Nov")
    closed = postmortem.json("close")
    texts = {check["kind"]: check["text"] for check in closed["checks"]}
    assert not any(check["stops"] for check in closed["checks"])
    assert texts["placeholders"] == "Placeholders are left in the doc: TODO"
    assert "Root cause" in texts["sections"]
    assert "Summary" not in texts["sections"]
    assert texts["actions"].endswith("“Two people check” lacks an owner and a date")
    assert "Name the list" not in texts["actions"]
    assert "Closed the incident" in google.text(doc_id)


def test_with_google_out_of_reach_it_says_what_could_not_be_checked_and_closes(
    postmortem: Postmortem, google: GoogleWorld
) -> None:
    doc_id = postmortem.json("start", "Wrong amounts")["doc_id"]
    away = {"POSTMORTEM_GOOGLE_URL": "http://127.0.0.1:9"}
    result = postmortem("close", expect=5, **away)
    assert "so its sections and actions were not checked" in result.out
    assert postmortem.json("show")["closed_at"] is not None
    postmortem("sync")
    assert "Closed the incident" in google.text(doc_id)


def test_a_check_changes_nothing(postmortem: Postmortem, customers: Customers) -> None:
    postmortem("start", "Wrong amounts")
    assert "sections" in kinds(postmortem.json("close", "--check"))
    postmortem("status", "monitoring")
    send(postmortem, customers(1), 1, "--stage", "monitoring")
    assert "not_told" in kinds(postmortem.json("close", "--check", expect=3))
    assert postmortem.json("show")["closed_at"] is None


def test_the_summary_is_one_block_however_often_the_loop_is_closed(
    postmortem: Postmortem, google: GoogleWorld, customers: Customers
) -> None:
    doc_id = postmortem.json("start", "Wrong amounts")["doc_id"]
    postmortem("status", "resolved")
    send(postmortem, customers(2), 2, "--stage", "resolved")
    postmortem("close")
    postmortem("reopen", "It came back")
    assert "Reopened: It came back" in google.text(doc_id)
    postmortem("status", "monitoring")
    send(postmortem, customers(3), 3, "--stage", "update")
    postmortem("status", "resolved")
    send(postmortem, customers(3), 3, "--stage", "resolved", "--subject", "Over, this time")
    postmortem("close")
    text = google.text(doc_id)
    assert text.count("Communications summary") == 1
    assert text.count("Notified: 3 customers; told it is resolved: 3") == 1
    assert "Told: 2 customers" not in text
    ranges = [
        name
        for tab in google.document(doc_id)["tabs"]
        for name in tab["documentTab"]["namedRanges"]
        if name.startswith("postmortem/communications/")
    ]
    assert len(ranges) == 1


def test_a_mail_after_the_close_brings_the_summary_up_to_date(
    postmortem: Postmortem, google: GoogleWorld, customers: Customers
) -> None:
    doc_id = postmortem.json("start", "Wrong amounts")["doc_id"]
    postmortem("status", "resolved")
    send(postmortem, customers(2), 2, "--stage", "resolved")
    postmortem("close")
    send(postmortem, customers(2), 2, "--stage", "postmortem")
    summary = google.text(doc_id).partition("Communications summary")[2]
    assert "Postmortem, " in summary
    assert summary.count("Resolved, ") == 1


class TestTheLock:
    def test_the_doc_is_locked_once_it_shows_everything(
        self, postmortem: Postmortem, google: GoogleWorld, customers: Customers
    ) -> None:
        doc_id = postmortem.json("start", "Wrong amounts")["doc_id"]
        postmortem("status", "resolved")
        send(postmortem, customers(1), 1, "--stage", "resolved")
        assert postmortem.json("close", "--lock")["locked"] is True
        [lock] = google.file(doc_id)["contentRestrictions"]
        assert lock["readOnly"] is True
        assert "postmortem reopen" in lock["reason"]
        assert "Communications summary" in google.text(doc_id)
        again = postmortem("close", "--lock", expect=3)
        assert "its doc is locked" in again.err

    def test_an_entry_for_a_locked_doc_is_kept_and_comes_in_when_it_is_opened(
        self, postmortem: Postmortem, google: GoogleWorld
    ) -> None:
        doc_id = postmortem.json("start", "Wrong amounts")["doc_id"]
        postmortem("status", "monitoring")
        postmortem("close", "--lock")
        late = postmortem("log", "A late word", expect=5)
        assert "The doc was locked at" in late.err
        assert "postmortem reopen" in late.err
        opened = postmortem.json("reopen")
        assert (opened["status"], opened["locked"]) == ("monitoring", False)
        assert opened["synced"] is True
        assert "contentRestrictions" not in google.file(doc_id)
        text = google.text(doc_id)
        assert "A late word" in text
        assert "Reopened" in text
        assert "nothing to reopen" in postmortem("reopen", expect=3).err

    def test_an_incident_that_is_closed_is_locked_later(
        self, postmortem: Postmortem, google: GoogleWorld
    ) -> None:
        doc_id = postmortem.json("start", "Wrong amounts")["doc_id"]
        postmortem("close")
        assert postmortem.json("close", "--lock")["locked"] is True
        assert google.text(doc_id).count("Closed the incident") == 1

    def test_where_drive_refuses_it_is_closed_and_the_refusal_is_said_plainly(
        self, postmortem: Postmortem, google: GoogleWorld
    ) -> None:
        postmortem("start", "Wrong amounts")
        google.misbehave("403_file", "drive.files.update")
        result = postmortem("close", "--lock", expect=4)
        assert "The doc is not locked: " in result.err
        shown = postmortem.json("show")
        assert shown["closed_at"] is not None
        assert shown["pending_sync"] == 0
        google.behave()
        assert postmortem.json("close", "--lock")["locked"] is True

    def test_a_lock_whose_answer_was_lost_is_known_to_the_next_command(
        self, postmortem: Postmortem, google: GoogleWorld
    ) -> None:
        doc_id = postmortem.json("start", "Wrong amounts")["doc_id"]
        google.misbehave("close_after", "drive.files.update")
        postmortem("close", "--lock", expect=5)
        google.behave()
        assert "The doc was locked at" in postmortem("log", "A late word", expect=5).err
        assert postmortem.json("reopen")["synced"] is True
        assert "A late word" in google.text(doc_id)

    def test_a_lock_that_google_could_not_be_asked_for_comes_with_the_next_sync(
        self, postmortem: Postmortem, google: GoogleWorld
    ) -> None:
        doc_id = postmortem.json("start", "Wrong amounts")["doc_id"]
        google.misbehave("503", "drive.files.update")
        postmortem("close", "--lock", expect=5)
        google.behave()
        postmortem("sync")
        assert google.file(doc_id)["contentRestrictions"][0]["readOnly"] is True
