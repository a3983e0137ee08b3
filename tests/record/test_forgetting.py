"""Forgetting a customer: only a hash is kept, and nobody gets a mail twice."""

from __future__ import annotations

import csv
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from tests.both_ledgers import on_both_ledgers
from tests.command_line import CustomerList, Postmortem
from tests.conftest import CONFIG
from tests.google_world import ACCOUNT, GoogleWorld
from tests.ledger_rows import everything_in
from workflow.model import moment_text

Customers = Callable[[int], CustomerList]
READING = f"rehearsal:{ACCOUNT}:gmail.compose,gmail.readonly,drive.file,documents"
NAME, ADDRESS = "Jördis Blåbær", "j.blabaer@customer.example"
OTHER = "Oda Ek"


def left_of(postmortem: Postmortem, record: Path) -> list[str]:
    """The places that still have the customer's name or address: home, ledger, a new export."""
    postmortem("export", str(record))
    kept = {"the ledger": everything_in(postmortem)}
    for folder in (postmortem.home, record):
        kept |= {str(each): each.read_bytes() for each in folder.rglob("*") if each.is_file()}
        kept |= {f"name {each}": each.name.encode() for each in folder.rglob("*")}
    # JSON escapes letters beyond ASCII.
    needles = [NAME.encode(), NAME.encode("unicode-escape"), ADDRESS.encode(), b"blabaer"]
    return [
        f"{where}: {text[max(0, text.index(one) - 60) :][:120]!r}"
        for where, text in kept.items()
        for one in needles
        if one in text
    ]


@pytest.fixture
def listed(tmp_path: Path) -> Path:
    path = tmp_path / "customers.csv"
    (tmp_path / "other.txt").write_text("Invoice of another", encoding="utf-8")
    (tmp_path / "own.txt").write_text(f"Invoice of {NAME}", encoding="utf-8")
    with path.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["email", "name", "account", "file"])
        rows.writerow([ADDRESS, NAME, f"Account of {NAME}", "own.txt"])
        rows.writerow(["oda@customer.example", OTHER, "17", "other.txt"])
        rows.writerow([f"{ADDRESS},oops", NAME, "18", ""])
    return path


def a_days_record(postmortem: Postmortem, google: GoogleWorld, listed: Path) -> None:
    """An incident that names the customer in every possible place."""
    postmortem.configure(f'google_url_token = "{READING}"\n{CONFIG}')
    google.set(bouncing=[ADDRESS])
    postmortem("start", "Wrong amounts", "--impact", f"{NAME} and others got wrong amounts")
    postmortem("log", f"{NAME} <{ADDRESS}> called, {OTHER} too")
    postmortem("section", "root-cause", f"A wrong price for {NAME}")
    send = ("--skip-bad", "--attach-column", "file", "--send", "--confirm", "2")
    postmortem("notify", str(listed), *send)
    google.answered_by(ADDRESS, f"Please stop. {NAME}")
    postmortem("bounces")
    postmortem("suppress", ADDRESS, "--why", f"{NAME} asked for it")
    postmortem("status", "resolved")
    google.set(bouncing=[])


@on_both_ledgers
def test_after_forget_nothing_is_left_but_a_hash(
    postmortem: Postmortem, google: GoogleWorld, listed: Path, tmp_path: Path
) -> None:
    a_days_record(postmortem, google, listed)
    assert left_of(postmortem, tmp_path / "before") != []
    found = postmortem.json("forget", ADDRESS, "--yes")
    assert (found["mails"], found["files"], found["rows"], found["suppressed"]) == (1, 1, 1, True)
    assert left_of_the_doc_aside(postmortem, google, tmp_path / "after") == []
    assert b"forgotten:" in everything_in(postmortem)
    assert OTHER.encode() in everything_in(postmortem)
    reached = " ".join(found["not_reached"])
    assert "The doc of “Wrong amounts”" in reached
    assert "Gmail" in reached
    assert "Backups" in reached
    (entry,) = [
        each for each in postmortem.json("show")["timeline"] if "(forgotten)" in each["text"]
    ]
    at = moment_text(datetime.fromisoformat(entry["at"]), ZoneInfo("Europe/Berlin"))
    assert f"The doc of “Wrong amounts”, the entry of {at}" in found["not_reached"]
    assert "The doc of “Wrong amounts”, the impact" in found["not_reached"]
    assert "The doc of “Wrong amounts”, the section root_cause" in found["not_reached"]
    assert postmortem.json("show", "--log")["sound"]


def left_of_the_doc_aside(postmortem: Postmortem, google: GoogleWorld, record: Path) -> list[str]:
    """As `left_of`, after somebody has removed the customer from people's text in the doc."""
    (document,) = google.documents()
    for word in (NAME, ADDRESS):
        replace = {"containsText": {"text": word, "matchCase": True}, "replaceText": "a customer"}
        google.edit(document["id"], {"replaceAllText": replace})
    return left_of(postmortem, record)


@on_both_ledgers
def test_who_was_forgotten_is_still_not_written_to_twice(
    postmortem: Postmortem, google: GoogleWorld, listed: Path
) -> None:
    postmortem("start", "Wrong amounts")
    send = ("--skip-bad", "--send", "--confirm")
    postmortem("notify", str(listed), *send, "2")
    before = google.copies_per_recipient()
    postmortem("forget", ADDRESS, "--yes")
    postmortem("forget", ADDRESS.upper(), "--yes")  # again, with another spelling: nothing more
    again = postmortem.json("notify", str(listed), *send, "2")
    assert (again["counts"]["sent"], google.copies_per_recipient()) == (2, before)
    told = postmortem("told", ADDRESS, "--full")
    assert "sent" in told.out
    assert NAME not in told.out


def test_what_comes_back_later_is_counted_and_names_nobody(
    postmortem: Postmortem, google: GoogleWorld, listed: Path
) -> None:
    postmortem.configure(f'google_url_token = "{READING}"\n{CONFIG}')
    google.set(bouncing=[ADDRESS])
    postmortem("start", "Wrong amounts")
    postmortem("notify", str(listed), "--skip-bad", "--send", "--confirm", "2")
    postmortem("forget", ADDRESS, "--yes")
    google.answered_by(ADDRESS, f"Please stop. {NAME}")
    google.answered_by("oda@customer.example", f"Write to {ADDRESS} too")
    found = postmortem.json("bounces")
    assert found["new"] == {"bounced": 1, "replies": 2}
    assert found["unclear"] == []
    [notice] = found["notices"]
    assert [each["status"] for each in notice["bounced"]] == ["5.1.1"]
    answers = {each["from"]: each["text"] for each in postmortem.json("replies")["replies"]}
    assert answers == {"(forgotten)": None, "oda@customer.example": "Write to (forgotten) too"}
    kept = everything_in(postmortem)
    assert (ADDRESS.encode() in kept, NAME.encode() in kept) == (False, False)
    again = postmortem("notify", str(listed), "--skip-bad", "--stage", "update")
    assert f"{ADDRESS} is suppressed" in again.err


def test_who_answers_from_cc_can_be_forgotten(
    postmortem: Postmortem, google: GoogleWorld, listed: Path
) -> None:
    postmortem.configure(f'google_url_token = "{READING}"\n{CONFIG}')
    postmortem("start", "Wrong amounts")
    postmortem("notify", str(listed), "--skip-bad", "--send", "--confirm", "2")
    google.answered_by("oda@customer.example", "Jim@customer.example asks too")
    last = next(mail for mail in google.sent() if "oda@" in str(mail["To"]))
    quoting = str(last["Message-ID"])
    google.receive(
        f"From: Jim <jim@customer.example>\r\nTo: {ACCOUNT}\r\nSubject: Re: {last['Subject']}\r\n"
        f"Message-ID: <j@x.example>\r\nIn-Reply-To: {quoting}\r\nReferences: {quoting}\r\n\r\n"
        "And my invoice? Please stop sending these mails.\r\n".encode()
    )
    said = postmortem("replies")
    stop = "no more emails to oda@customer.example, if jim@customer.example asks for that"
    assert stop in said.out + said.err
    postmortem("forget", "jim@customer.example", "--yes")
    kept = everything_in(postmortem).lower()
    assert (b"jim@customer.example" in kept, b"and my invoice" in kept) == (False, False)
    [jim, oda] = sorted(postmortem.json("replies")["replies"], key=lambda each: each["from"] or "")
    assert (jim["from"], jim["state"]) == ("(forgotten)", "not answered")
    assert (oda["from"], oda["text"]) == ("oda@customer.example", "(forgotten) asks too")


def test_who_is_written_to_again_can_be_forgotten_again(
    postmortem: Postmortem, listed: Path
) -> None:
    send = ("--skip-bad", "--send", "--confirm", "2")
    for title in ("Wrong amounts", "Late invoices"):
        postmortem("start", title)
        postmortem("notify", str(listed), *send)
        assert ADDRESS.encode() in everything_in(postmortem)
        assert postmortem.json("forget", ADDRESS, "--yes")["mails"] == 1
        assert ADDRESS.encode() not in everything_in(postmortem)


def test_a_file_in_the_programs_folder_that_names_them_is_told(
    postmortem: Postmortem, listed: Path
) -> None:
    postmortem("start", "Wrong amounts")
    (postmortem.home / "notes.txt").write_text(f"Call {ADDRESS}", encoding="utf-8")
    found = postmortem.json("forget", ADDRESS, "--yes")
    assert f"This file: {postmortem.home / 'notes.txt'}" in found["not_reached"]


def test_the_doc_names_nobody_any_more_where_this_program_wrote_it(
    postmortem: Postmortem, google: GoogleWorld, listed: Path
) -> None:
    a_days_record(postmortem, google, listed)
    (document,) = google.documents()
    assert f"Bounced: {ADDRESS}" in google.text(document["id"])
    postmortem("forget", ADDRESS, "--yes")
    text = google.text(document["id"])
    assert f"Bounced: {ADDRESS}" not in text
    assert "Bounced: (forgotten)" in text


def test_a_suppressed_customer_who_is_forgotten_stays_suppressed(
    postmortem: Postmortem, google: GoogleWorld, listed: Path
) -> None:
    postmortem("start", "Wrong amounts")
    postmortem("suppress", ADDRESS, "--why", "asked for no mails")
    postmortem("forget", ADDRESS, "--yes")
    postmortem("notify", str(listed), "--skip-bad", "--send", "--confirm", "1")
    assert google.copies_per_recipient() == {"oda@customer.example": 1}
    postmortem("suppress", ADDRESS, "--remove")
    assert postmortem.json("suppress")["suppressed"] == []


def test_a_mail_that_is_still_to_be_sent_comes_first(
    postmortem: Postmortem, google: GoogleWorld, listed: Path
) -> None:
    postmortem("start", "Wrong amounts")
    postmortem("notify", str(listed), "--skip-bad", "--draft-only", "--send", "--confirm", "2")
    assert "still to be decided" in postmortem("forget", ADDRESS, "--yes", expect=3).err
    postmortem("resume", "--discard")
    postmortem("forget", ADDRESS, "--yes")
    assert google.copies_per_recipient() == {}
    assert postmortem("forget", "no address", "--yes", expect=3)
    assert "--yes" in postmortem("forget", ADDRESS, expect=3).err


def test_a_plan_that_would_write_to_them_is_withdrawn(postmortem: Postmortem, listed: Path) -> None:
    postmortem("start", "Wrong amounts")
    plan = postmortem.json("notify", str(listed), "--skip-bad", "--propose")["plan"]
    found = postmortem.json("forget", ADDRESS, "--yes")
    assert found["plans_withdrawn"] == [plan[:8]]
    refused = postmortem("notify", "--send", "--plan", plan[:8], expect=3)
    assert "withdrawn" in refused.err
    assert ADDRESS.encode() not in everything_in(postmortem)


def test_the_doc_says_that_such_a_plan_was_withdrawn(
    postmortem: Postmortem, google: GoogleWorld, listed: Path
) -> None:
    started = postmortem.json("start", "Wrong amounts")
    plan = postmortem.json("notify", str(listed), "--skip-bad", "--propose")["plan"][:8]
    postmortem("approve", plan, LOGNAME="ben")
    postmortem("forget", ADDRESS, "--yes")
    text = google.text(started["doc_id"])
    assert f"; withdrawn (plan {plan})" in text
    assert "A customer in it was forgotten." in text

    postmortem("notify", str(listed), "--skip-bad", "--propose")
    postmortem("forget", "oda@customer.example", "--yes")
    assert "To approve: postmortem approve" not in google.text(started["doc_id"])


@on_both_ledgers
def test_customers_of_old_incidents_are_forgotten_by_itself(
    postmortem: Postmortem, google: GoogleWorld, listed: Path
) -> None:
    send = ("--skip-bad", "--send", "--confirm", "2")
    old = postmortem.json("start", "Wrong amounts", "--at", "40 days ago")["incident"]
    postmortem("status", "resolved")
    postmortem("notify", str(listed), "--stage", "resolved", *send)
    postmortem("close", "--force", "done", "--at", "35 days ago")
    postmortem("start", "Late invoices")
    postmortem("notify", str(listed), *send)
    postmortem.configure(f"retention_days = 30\n{CONFIG}")
    postmortem("list")
    assert "(forgotten)" in postmortem("told", ADDRESS, "--full").out
    again = postmortem("notify", str(listed), *send)
    assert "Nothing new was sent" in again.out
    assert google.copies_per_recipient()[ADDRESS] == 2
    shown = postmortem.json("show", "--incident", old)
    assert shown["notices"][0]["counts"]["sent"] == 2
    # The newer incident still has its customers.
    assert ADDRESS.encode() in everything_in(postmortem)


def test_a_forgotten_mail_is_not_read_again_from_gmail(
    postmortem: Postmortem, google: GoogleWorld, listed: Path
) -> None:
    postmortem("start", "Wrong amounts")
    drafts = ("--skip-bad", "--send", "--draft-only", "--confirm", "2")
    postmortem("notify", str(listed), *drafts)
    postmortem("resume", "--confirm", "2")
    (notice,) = postmortem.json("show")["notices"]
    postmortem("forget", ADDRESS, "--yes")
    # From now on the sign-in may read the mails that were sent.
    postmortem.configure(f'google_url_token = "{READING}"\n{CONFIG}')
    done = postmortem.json("resume", notice["notice"])
    assert done["counts"]["sent"] == 2
    assert ADDRESS.encode() not in everything_in(postmortem)
    assert "(forgotten)" in postmortem("told", ADDRESS, "--full").out


def test_an_edited_mail_of_a_forgotten_customer_is_not_called_sent_by_hand(
    postmortem: Postmortem, google: GoogleWorld, listed: Path
) -> None:
    postmortem("start", "Wrong amounts")
    drafts = ("--skip-bad", "--send", "--draft-only", "--confirm", "2")
    postmortem("notify", str(listed), *drafts)
    google.person.edits_draft(ADDRESS, replace=(NAME, f"Dear {NAME}"))
    postmortem("resume", "--as-edited", "--confirm", "2")
    postmortem("forget", ADDRESS, "--yes")
    (document,) = google.documents()
    text = google.text(document["id"])
    assert "1 of 2 was edited before sending" in text
    assert "text unknown" not in text
    assert NAME not in text
    full = postmortem("told", ADDRESS, "--full").out
    assert "(forgotten)" in full
    assert "a person sent this mail" not in full
