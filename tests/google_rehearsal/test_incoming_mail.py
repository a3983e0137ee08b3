"""Incoming mail: reports of failed mails, and customers' answers."""

from __future__ import annotations

import base64
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any, cast

import pytest

from tests.google_rehearsal.caller import READING, Google, mail

ME = "/gmail/v1/users/me"
READER = f"rehearsal:you@rehearsal.example:{READING}"


def parsed(google: Google, message_id: str) -> EmailMessage:
    raw = base64.urlsafe_b64decode(google.message(message_id, "raw")["raw"])
    message = message_from_bytes(raw, policy=policy.default)
    assert isinstance(message, EmailMessage)
    return message


def found(google: Google, q: str) -> list[dict[str, str]]:
    answer = google.json("GET", f"{ME}/messages", params={"q": q}, token=READER)
    messages: list[dict[str, str]] = answer.get("messages", [])
    return messages


def test_a_report_of_a_mail_that_failed_has_the_three_parts_of_the_standard(google: Google) -> None:
    google.settings(bouncing=["gone@customer.example"])
    sent = google.send(mail(to="gone@customer.example", Subject="Outage"))
    [listed] = found(google, "from:mailer-daemon in:inbox")
    assert listed["threadId"] == sent["threadId"]
    report = parsed(google, listed["id"])
    assert report.get_content_type() == "multipart/report"
    assert report.get_param("report-type") == "delivery-status"
    assert report["From"] == "Mail Delivery Subsystem <mailer-daemon@googlemail.com>"
    assert report["X-Failed-Recipients"] == "gone@customer.example"
    words, status, original = report.iter_parts()
    assert "wasn't delivered to gone@customer.example" in words.get_content()
    of_message, of_recipient = cast("list[EmailMessage]", status.get_payload())
    own_id = google.headers_of(sent["id"])["Message-ID"]
    assert of_message["X-Original-Message-ID"] == own_id
    assert of_recipient["Final-Recipient"] == "rfc822; gone@customer.example"
    assert (of_recipient["Action"], of_recipient["Status"]) == ("failed", "5.1.1")
    assert of_recipient["Diagnostic-Code"].startswith("smtp; 550-5.1.1 ")
    assert original.get_content_type() == "message/rfc822"
    [inner] = cast("list[EmailMessage]", original.get_payload())
    assert inner["Message-ID"] == own_id
    assert not report.defects


def test_a_customers_answer_lies_in_the_thread_of_the_mail(google: Google) -> None:
    sent = google.send(mail(to="ada@customer.example", Subject="Outage"))
    google.admin("POST", "mail", json={"from": "ada@customer.example", "text": "When?"})
    google.admin("POST", "mail", json={"from": "ada@customer.example", "automatic": True})
    note, answer = found(google, "from:ada@customer.example in:inbox")
    assert {note["threadId"], answer["threadId"]} == {sent["threadId"]}
    assert parsed(google, answer["id"])["Subject"] == "Re: Outage"
    assert parsed(google, answer["id"])["Auto-Submitted"] is None
    assert parsed(google, note["id"])["Auto-Submitted"] == "auto-replied"


def test_any_mail_may_come_in_and_joins_a_thread_by_reference_and_subject(google: Google) -> None:
    sent = google.send(mail(Subject="Outage"))
    message_id = google.headers_of(sent["id"])["Message-ID"]
    for subject, joins in (("Re: Outage", True), ("Other", False)):
        raw = f"From: x@y.example\r\nSubject: {subject}\r\nReferences: {message_id}\r\n\r\nHi"
        given = {"raw": base64.b64encode(raw.encode()).decode()}
        came = google.admin("POST", "mail", json=given)
        assert (came["threadId"] == sent["threadId"]) is joins


@pytest.mark.parametrize(
    "raw",
    [b"", b"\x00\xff\r\n\r\n\xff", b"To: a@b..c,,;\r\nFrom: <<>>\r\n\r\nx", b"Subject: =?x?q?=ZZ"],
)
def test_mail_that_is_no_proper_mail_comes_in_too(google: Google, raw: bytes) -> None:
    came = google.admin("POST", "mail", json={"raw": base64.b64encode(raw).decode()})
    given = base64.urlsafe_b64decode(google.message(came["id"], "raw")["raw"])
    assert given == raw


@pytest.mark.parametrize(
    "given", [[], {}, {"raw": "%"}, {"raw": 1}, {"from": "nobody@x.example"}, {"from": 1}]
)
def test_the_switchboard_says_what_is_wrong_with_a_mail(google: Google, given: Any) -> None:
    answer = google.session.post(
        f"{google.server.base_url}/rehearsal/mail",
        json=given,
        headers={"X-Rehearsal-Key": google.server.key},
        timeout=10,
    )
    assert answer.status_code == 400
    assert answer.json()["error"]


@pytest.mark.parametrize(
    "q",
    [
        "a OR b",
        "{from:ada from:bob}",
        "(from:ada)",
        "subject:(a b)",
        "list:announce@x.example",
        "filename:pdf",
        "larger:10M",
        "after:soon",
        "has:drive",
        "+exact",
        "foo:bar",
    ],
)
def test_a_search_that_is_not_rehearsed_is_refused_aloud(google: Google, q: str) -> None:
    error = google.refusal("GET", f"{ME}/messages", params={"q": q}, token=READER)
    assert error["code"] == 501
