"""Bounces and replies: bounced customers are marked and named, replies are counted."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.command_line import CustomerList, Postmortem
from tests.conftest import CONFIG
from tests.google_world import ACCOUNT, GoogleWorld

Customers = Callable[[int], CustomerList]
READING = f"rehearsal:{ACCOUNT}:gmail.compose,gmail.readonly,drive.file,documents"
GONE = "person2@customer.example"
LIST, GET = "gmail.users.messages.list", "gmail.users.messages.get"


@pytest.fixture
def reader(postmortem: Postmortem) -> Postmortem:
    """A person whose sign-in may read mail."""
    postmortem.configure(f'google_url_token = "{READING}"\n{CONFIG}')
    return postmortem


def send(person: Postmortem, listed: object, count: int, *options: str) -> str:
    words = ("notify", str(listed), *options, "--send", "--confirm", str(count))
    return str(person.json(*words)["notice"])


def message_id_of(google: GoogleWorld, address: str) -> str:
    """The Message-ID of the last mail to an address."""
    mails = [mail for mail in google.sent() if mail["To"].addresses[0].addr_spec == address]
    return str(mails[-1]["Message-ID"])


def a_report(of: str, *, to: str, quoting: str, subject: str = "Undeliverable") -> bytes:
    """A report in a new thread, from somebody who calls himself postmaster."""
    return (
        f"From: Postmaster <postmaster@{of.partition('@')[2]}>\r\nTo: {to}\r\n"
        f"Subject: {subject}\r\nMessage-ID: <r1@{of.partition('@')[2]}>\r\n"
        'Content-Type: multipart/report; boundary="b"; report-type=delivery-status\r\n\r\n'
        "--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx\r\n\r\n"
        f"Final-Recipient: rfc822; {of}\r\nAction: failed\r\nStatus: 5.2.2\r\n"
        "Diagnostic-Code: smtp; 552 5.2.2 Mailbox full\r\n\r\n"
        f"--b\r\nContent-Type: text/rfc822-headers\r\n\r\nMessage-ID: {quoting}\r\n\r\n--b--\r\n"
    ).encode()


def the_notice(document: dict[str, Any]) -> dict[str, Any]:
    [notice] = document["notices"]
    found: dict[str, Any] = notice
    return found


def test_without_a_scope_that_reads_it_says_how_to_get_one(
    postmortem: Postmortem, customers: Customers
) -> None:
    postmortem("start", "Wrong amounts")
    send(postmortem, customers(1), 1)
    assert "postmortem auth login --scope read" in postmortem("bounces", expect=4).err


def test_a_customer_whose_mail_bounced_is_marked_and_named_everywhere(
    reader: Postmortem, google: GoogleWorld, customers: Customers, tmp_path: Path
) -> None:
    google.set(bouncing=[GONE])
    doc_id = reader.json("start", "Wrong amounts")["doc_id"]
    reader("status", "resolved")
    send(reader, customers(3), 3, "--stage", "resolved")
    found = reader.json("bounces")
    [bounced] = the_notice(found)["bounced"]
    assert (bounced["email"], bounced["row"], bounced["status"]) == (GONE, 3, "5.1.1")
    assert "does not exist" in bounced["reason"]
    assert found["new"] == {"bounced": 1, "replies": 0}
    text = google.text(doc_id)
    assert "Bounces and replies: 1 bounced" in text
    assert f"Bounced: {GONE} – 5.1.1 The email account" in text
    shown = reader("show")
    assert "accepted by Gmail 3 of 3, 1 bounced" in shown.out
    assert f"row 3  {GONE} bounced: 5.1.1" in shown.out
    [notice] = reader.json("show")["notices"]
    assert [each["email"] for each in notice["bounced"]] == [GONE]
    [told] = reader.json("told", GONE)["notices"]
    assert (told["state"], told["bounced"]["status"]) == ("sent", "5.1.1")
    assert "  bounced   " in reader("told", GONE).out
    closed = reader("close")
    assert "The mail to 1 customer bounced" in closed.err
    assert "2 customers notified, 2 told it is resolved" in closed.out
    reader("export", str(tmp_path), "--format", "csv")
    listed = (tmp_path / "not-told.csv").read_text(encoding="utf-8-sig").splitlines()
    assert [line.split(",")[0] for line in listed[1:]] == [GONE]
    assert "1 bounced" in google.text(doc_id).partition("Communications summary")[2]


def test_the_sheet_of_the_next_notice_says_in_words_why_a_customer_is_left_out(
    reader: Postmortem, google: GoogleWorld, customers: Customers
) -> None:
    google.set(bouncing=[GONE])
    reader("start", "Wrong amounts")
    send(reader, customers(3), 3)
    said = reader("bounces")
    assert f"{GONE}: the address does not exist (5.1.1" in said.out + said.err
    sheet = reader("notify", str(customers(3)), "--stage", "update")
    assert f"{GONE} is suppressed (bounced: the address does not exist" in sheet.err


def test_looking_again_changes_nothing_and_reads_nothing_twice(
    reader: Postmortem, google: GoogleWorld, customers: Customers
) -> None:
    google.set(bouncing=[GONE])
    doc_id = reader.json("start", "Wrong amounts")["doc_id"]
    send(reader, customers(3), 3)
    google.answered_by("person1@customer.example")
    first = reader.json("bounces")
    text = google.text(doc_id)
    google.forget_calls()
    second = reader.json("bounces")
    assert second["new"] == {"bounced": 0, "replies": 0}
    assert second["notices"] == first["notices"]
    assert GET not in google.calls()
    assert google.calls().get("docs.documents.batchUpdate", 0) == 0
    assert google.text(doc_id) == text


def test_replies_are_counted_for_the_notice_that_they_answer(
    reader: Postmortem, google: GoogleWorld, customers: Customers
) -> None:
    doc_id = reader.json("start", "Wrong amounts")["doc_id"]
    reader("status", "identified")
    send(reader, customers(2), 2, "--stage", "identified")
    google.answered_by("person1@customer.example")
    google.answered_by("person2@customer.example", automatic=True)
    reader("status", "resolved")
    send(reader, customers(2), 2, "--stage", "resolved")
    google.answered_by("person1@customer.example", "Thank you")
    google.answered_by("person1@customer.example", "One more question")
    first, second = reader.json("bounces")["notices"]
    assert first["replies"] == {"people": 1, "automatic": 1}
    assert second["replies"] == {"people": 2, "automatic": 0}
    text = google.text(doc_id)
    assert "Bounces and replies: 1 reply, 1 automatic reply" in text
    assert "Bounces and replies: 2 replies" in text


def test_a_report_in_a_thread_of_its_own_counts_by_the_mail_that_it_quotes(
    reader: Postmortem, google: GoogleWorld, customers: Customers
) -> None:
    reader("start", "Wrong amounts")
    send(reader, customers(2), 2)
    quoting = message_id_of(google, GONE)
    google.receive(a_report(GONE, to=ACCOUNT, quoting=quoting))
    [bounced] = the_notice(reader.json("bounces"))["bounced"]
    assert (bounced["email"], bounced["status"]) == (GONE, "5.2.2")
    assert bounced["reason"] == "5.2.2 Mailbox full"


def test_a_report_of_exchange_in_a_thread_of_its_own_is_found(
    reader: Postmortem, google: GoogleWorld, customers: Customers
) -> None:
    reader("start", "Wrong amounts")
    send(reader, customers(2), 2)
    raw = a_report(GONE, to=ACCOUNT, quoting=message_id_of(google, GONE))
    sender = b"MicrosoftExchange329e71ec88ae4615bbc36ab6ce41109e@"
    google.receive(raw.replace(b"<postmaster@", b"<" + sender))
    [bounced] = the_notice(reader.json("bounces"))["bounced"]
    assert (bounced["email"], bounced["status"]) == (GONE, "5.2.2")


@pytest.mark.parametrize("in_thread", [True, False])
def test_a_report_in_words_alone_marks_its_customer_and_is_no_reply(
    reader: Postmortem, google: GoogleWorld, customers: Customers, in_thread: bool
) -> None:
    reader("start", "Wrong amounts")
    send(reader, customers(2), 2)
    quoting = message_id_of(google, GONE)
    more = f"In-Reply-To: {quoting}\r\nReferences: {quoting}\r\n" if in_thread else ""
    google.receive(
        (
            f"From: MAILER-DAEMON@mx.customer.example\r\nTo: {ACCOUNT}\r\n{more}"
            "Subject: failure notice\r\nMessage-ID: <r2@mx.customer.example>\r\n\r\n"
            "Hi. This is the qmail-send program at mx.customer.example.\r\n\r\n"
            f"<{GONE}>:\r\nSorry, no mailbox here by that name. (#5.1.1)\r\n\r\n"
            f"--- Below this line is a copy of the message.\r\n\r\nMessage-ID: {quoting}\r\n"
        ).encode()
    )
    found = reader.json("bounces")
    [bounced] = the_notice(found)["bounced"]
    assert (bounced["email"], bounced["status"]) == (GONE, "5.1.1")
    assert found["new"] == {"bounced": 1, "replies": 0}


def test_a_report_that_cannot_be_read_is_said_and_marks_nobody(
    reader: Postmortem, google: GoogleWorld, customers: Customers
) -> None:
    reader("start", "Wrong amounts")
    send(reader, customers(2), 2)
    quoting = message_id_of(google, GONE)
    google.receive(
        (
            f"From: mailer-daemon@customer.example\r\nTo: {ACCOUNT}\r\nReturn-Path: <>\r\n"
            f"In-Reply-To: {quoting}\r\nReferences: {quoting}\r\n"
            "Subject: Undeliverable: News\r\nMessage-ID: <r3@mx.customer.example>\r\n\r\n"
            "The message was undeliverable to the following:\r\n  Person 2 (user not found)\r\n"
        ).encode()
    )
    found = reader.json("bounces")
    assert the_notice(found)["bounced"] == []
    assert found["new"] == {"bounced": 0, "replies": 0}
    [words] = found["unclear"]
    assert GONE in words
    assert "look at it in Gmail" in words


def test_a_complaint_is_said_and_marks_nobody(
    reader: Postmortem, google: GoogleWorld, customers: Customers
) -> None:
    reader("start", "Wrong amounts")
    send(reader, customers(2), 2)
    quoting = message_id_of(google, GONE)
    subject = next(mail["Subject"] for mail in google.sent() if mail["Message-ID"] == quoting)
    google.receive(
        (
            f"From: Feedback <arf@customer.example>\r\nTo: {ACCOUNT}\r\nSubject: Re: {subject}\r\n"
            "Content-Type: multipart/report; report-type=feedback-report; boundary=b\r\n"
            f"In-Reply-To: {quoting}\r\nReferences: {quoting}\r\n"
            "Message-ID: <r4@customer.example>\r\n\r\n"
            "--b\r\nContent-Type: message/feedback-report\r\n\r\nFeedback-Type: abuse\r\n--b--\r\n"
        ).encode()
    )
    found = reader.json("bounces")
    assert the_notice(found)["bounced"] == []
    assert found["new"] == {"bounced": 0, "replies": 1}
    [words] = found["unclear"]
    assert f"{GONE} says that somebody took the mail for spam" in words


def test_no_report_marks_a_customer_of_whose_mail_it_knows_nothing(
    reader: Postmortem, google: GoogleWorld, customers: Customers
) -> None:
    reader("start", "Wrong amounts")
    send(reader, customers(2), 2)
    google.receive(a_report(GONE, to=ACCOUNT, quoting="<made-up@evil.example>"))
    google.receive(a_report(GONE, to=ACCOUNT, quoting="<x OR in:sent>"))
    # The first customer knows their own mail, and claims that the second one's bounced.
    own = message_id_of(google, "person1@customer.example")
    google.receive(a_report(GONE, to=ACCOUNT, quoting=own))
    found = reader.json("bounces")
    assert the_notice(found)["bounced"] == []
    assert found["new"]["bounced"] == 0
    [words] = found["unclear"]
    assert "Nobody was marked" in words


def test_a_report_that_somebody_passes_on_is_none(
    reader: Postmortem, google: GoogleWorld, customers: Customers
) -> None:
    reader("start", "Wrong amounts")
    send(reader, customers(2), 2)
    quoting = message_id_of(google, GONE)
    passed_on = a_report(GONE, to=ACCOUNT, quoting=quoting).replace(
        b"multipart/report", b"multipart/mixed"
    )
    google.receive(passed_on)
    found = reader.json("bounces")
    assert the_notice(found)["bounced"] == []
    assert found["new"]["bounced"] == 0


@pytest.mark.parametrize(
    "raw",
    [
        b"From: mailer-daemon@x.example\r\nX-Failed-Recipients: \xff, person2@customer.example",
        b"From: mailer-daemon@x.example\r\nContent-Type: multipart/report; boundary=\r\n\r\n--",
        b"From: postmaster@x.example\r\nContent-Type: multipart/report; boundary=b\r\n\r\n--b\r\n"
        b"Content-Type: message/delivery-status\r\n\r\nFinal-Recipient: \x00;;\r\nAction: failed",
        b"From: =?utf-8?q?mailer-daemon=40?= <mailer-daemon@x.example>\r\nX-Failed-Recipients:\r\n",
    ],
)
def test_an_odd_mail_stops_nothing(
    reader: Postmortem, google: GoogleWorld, customers: Customers, raw: bytes
) -> None:
    google.set(bouncing=["person1@customer.example"])
    reader("start", "Wrong amounts")
    send(reader, customers(2), 2)
    google.receive(raw)
    [bounced] = the_notice(reader.json("bounces"))["bounced"]
    assert bounced["email"] == "person1@customer.example"


def test_a_look_that_was_cut_short_is_finished_by_the_next(
    reader: Postmortem, google: GoogleWorld, customers: Customers
) -> None:
    google.set(bouncing=["@customer.example"])
    reader("start", "Wrong amounts")
    send(reader, customers(4), 4)
    google.misbehave("403_daily_limit", GET, skip=4)
    reader("bounces", expect=5)
    kept = reader.json("show")["notices"][0]["bounced"]
    assert 0 < len(kept) < 4
    google.behave()
    assert len(the_notice(reader.json("bounces"))["bounced"]) == 4


def test_a_lost_answer_and_a_busy_moment_are_sat_out(
    reader: Postmortem, google: GoogleWorld, customers: Customers
) -> None:
    google.set(bouncing=[GONE])
    reader("start", "Wrong amounts")
    send(reader, customers(2), 2)
    google.misbehave("503", GET, times=1)
    google.misbehave("close_after", LIST, times=1)
    assert len(the_notice(reader.json("bounces"))["bounced"]) == 1


def test_an_incident_without_mails_has_nothing_that_could_come_back(reader: Postmortem) -> None:
    reader("start", "Wrong amounts")
    assert "there are no bounces" in reader("bounces").out


def test_a_customer_whose_word_of_the_end_bounced_does_not_know_the_end(
    reader: Postmortem, google: GoogleWorld, customers: Customers
) -> None:
    reader("start", "Wrong amounts")
    reader("status", "identified")
    send(reader, customers(2), 2, "--stage", "identified")
    google.set(bouncing=[GONE])
    reader("status", "resolved")
    send(reader, customers(2), 2, "--stage", "resolved")
    reader("bounces")
    assert "1 customer was notified but not told it is resolved" in reader("close", expect=3).err
