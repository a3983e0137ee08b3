"""Reports of failed mail: their claims, and that nothing in them can do harm."""

from __future__ import annotations

import base64
import quopri
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workflow.mail.content import (
    BounceReport,
    is_automatic,
    is_for_good,
    is_from_daemon,
    is_report,
    read_report,
)

GMAIL = b"""\
From: Mail Delivery Subsystem <mailer-daemon@googlemail.com>
X-Failed-Recipients: gone@customer.example
In-Reply-To: <CAone@mail.gmail.com>
Content-Type: multipart/report; boundary="b"; report-type=delivery-status

--b
Content-Type: text/plain

Address not found
--b
Content-Type: message/delivery-status

Reporting-MTA: dns; googlemail.com
X-Original-Message-ID: <CAone@mail.gmail.com>

Final-Recipient: rfc822; Gone@Customer.example
Action: failed
Status: 5.1.1
Diagnostic-Code: smtp; 550-5.1.1 The email account that you tried to reach does
 not exist. Please try 550-5.1.1 double-checking it. 550 5.1.1 https://x.example
--b
Content-Type: message/rfc822

Message-ID: <CAone@mail.gmail.com>
Subject: News

Hello
--b--
"""


def with_fields(*fields: str) -> bytes:
    head = GMAIL.partition(b"Final-Recipient")[0].decode()
    return (head + "\r\n".join(fields) + "\r\n\r\n--b--\r\n").encode("utf-8", "surrogateescape")


def test_a_report_of_gmail_tells_who_why_and_which_mail() -> None:
    report = read_report(GMAIL)
    [failure] = report.failures
    assert failure.keys == ("gone@customer.example",)
    assert failure.status == "5.1.1"
    assert failure.reason == (
        "The email account that you tried to reach does not exist. "
        "Please try double-checking it. https://x.example"
    )
    assert report.quoted == ("<CAone@mail.gmail.com>",)


@pytest.mark.parametrize("action", ["delayed", "delivered", "relayed", "expanded", "Delayed "])
def test_a_delay_or_a_success_is_no_failure(action: str) -> None:
    raw = with_fields("Final-Recipient: rfc822; a@b.example", f"Action: {action}", "Status: 4.4.1")
    assert read_report(raw).failures == ()


GONE = "Final-Recipient: rfc822; gone@customer.example"


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        (("Action: failed (bad destination)", "Status: 5.1.1 (no such user)"), "5.1.1"),
        (("Action: failed", "Diagnostic-Code: smtp; 550 5.1.1 no such user"), "5.1.1"),
        # A mail that was taken for spam says nothing about the address: the code tells them apart.
        (("Action: failed", "Status: 5.0.0", "Diagnostic-Code: smtp; 550 5.7.1 spam"), "5.7.1"),
        (("Action: failed", "Status: 5.0.0", "Diagnostic-Code: smtp; 450 4.2.1 busy"), "5.0.0"),
        (("Action: failed", "Status: 5.0.0", "Diagnostic-Code: smtp; 554 no mailbox"), "5.0.0"),
        (("Action: failed", "Status: 5.1.1", "Diagnostic-Code: smtp; 550 5.7.1 no"), "5.1.1"),
    ],
)
def test_a_failure_has_the_code_that_says_most(fields: tuple[str, ...], status: str) -> None:
    [failure] = read_report(with_fields(GONE, *fields)).failures
    assert failure.status == status


@pytest.mark.parametrize("kind", [b"delivery-status", b"global-delivery-status"])
@pytest.mark.parametrize("encoding", ["7bit", "8bit", "base64", "quoted-printable"])
def test_a_status_is_read_in_any_encoding(kind: bytes, encoding: str) -> None:
    fields = f"Reporting-MTA: dns; mx\r\n\r\n{GONE}\r\nAction: failed\r\nStatus: 5.1.1\r\n".encode()
    body = {"base64": base64.encodebytes, "quoted-printable": quopri.encodestring}.get(encoding)
    raw = (
        b"From: mailer-daemon@mx.example\r\nContent-Type: multipart/report; boundary=b\r\n\r\n"
        b"--b\r\nContent-Type: message/"
        + kind
        + b"\r\nContent-Transfer-Encoding: "
        + encoding.encode()
    ) + (b"\r\n\r\n" + (body(fields) if body else fields) + b"\r\n--b--\r\n")
    [failure] = read_report(raw).failures
    assert (failure.keys, failure.status) == (("gone@customer.example",), "5.1.1")


def test_an_address_that_was_forwarded_names_both() -> None:
    raw = with_fields(
        "Original-Recipient: rfc822;ann@customer.example",
        "Final-Recipient: RFC822; <ann@inside.example> (Ann)",
        "Action: failed",
        "Status: 5.2.2 (mailbox full)",
    )
    [failure] = read_report(raw).failures
    assert set(failure.keys) == {"ann@customer.example", "ann@inside.example"}
    assert failure.status == "5.2.2"


def test_a_report_of_the_old_kind_is_read_by_its_header() -> None:
    raw = b"From: MAILER-DAEMON@mx.example\nX-Failed-Recipients: a@b.example, nobody\n\nIt failed\n"
    assert [failure.keys for failure in read_report(raw).failures] == [("a@b.example",)]
    assert read_report(raw.replace(b"MAILER-DAEMON@", b"eve@")).failures == ()


QMAIL = b"""\
From: MAILER-DAEMON@mx.customer.example
Subject: failure notice

Hi. This is the qmail-send program at mx.customer.example.
I'm afraid I wasn't able to deliver your message to the following addresses.
This is a permanent error; I've given up. Sorry it didn't work out.

<Gone@customer.example>:
Sorry, no mailbox here by that name. (#5.1.1)

--- Below this line is a copy of the message.

Return-Path: <me@ours.example>
Message-ID: <CAone@mail.gmail.com>
To: <other@customer.example>

<third@customer.example>
"""
SENDMAIL = b"""\
From: Mail Delivery Subsystem <MAILER-DAEMON@mx.customer.example>

   ----- The following addresses had permanent fatal errors -----
<gone@customer.example>
    (reason: 550 5.1.1 <gone@customer.example>... User unknown)

   ----- Transcript of session follows -----
<other@customer.example>
"""


@pytest.mark.parametrize("raw", [QMAIL, SENDMAIL], ids=["qmail", "sendmail"])
def test_a_report_in_words_alone_names_the_address_and_why(raw: bytes) -> None:
    [failure] = read_report(raw).failures
    assert (failure.keys, failure.status) == (("gone@customer.example",), "5.1.1")
    assert "no mailbox here" in failure.reason or "User unknown" in failure.reason
    assert read_report(raw.replace(b"MAILER-DAEMON@", b"eve@")).failures == ()


EXIM = """\
From: Mail Delivery System <Mailer-Daemon@mx.customer.example>
X-Failed-Recipients: gone@customer.example
Subject: Mail delivery failed: returning message to sender

A message that you sent could not be delivered to one or more of its
recipients. This is a permanent error. The following address(es) failed:

  gone@customer.example
    host mx.customer.example [5.1.1.7]
    SMTP error from remote mail server after RCPT TO:<gone@customer.example>:
    550 5.1.1 <gone@customer.example>: User unknown

------ This is a copy of the message, including all the headers. ------

To: other@customer.example
"""
DOMINO = """\
From: Postmaster <postmaster@customer.example>
Return-Path: <>
Subject: DELIVERY FAILURE: User gone (gone@customer.example) not listed in Domino Directory
Content-Type: multipart/mixed; boundary=b

--b
Content-Type: text/plain

Your message
  Subject: News
was not delivered to:

  gone@customer.example

because:

  User gone (gone@customer.example) not listed in Domino Directory (#5.1.1)

--b
Content-Type: message/rfc822

Message-ID: <CAone@mail.gmail.com>

other@customer.example
--b--
"""
EXCHANGE = """\
From: Microsoft Outlook <MicrosoftExchange329e71ec88ae4615bbc36ab6ce41109e@customer.example>
Subject: Unzustellbar: News
Content-Type: text/html

<p>Ihre Nachricht an gone@customer.example wurde nicht zugestellt.</p>
<p>Remote Server returned '550 5.1.1 RESOLVER.ADR.RecipientNotFound'</p>
"""
GMX = """\
From: GMX Mailer Daemon <mailer-daemon@gmx.de>
Subject: Mail delivery failed: returning message to sender

This is a permanent error. The following address
failed:

"gone@customer.example":
SMTP error from remote server for TEXT command, host: mx reason: 550 5.1.1 unknown

--- The header of the original message is following. ---

To: other@customer.example
"""
MAIL_RU = """\
From: mailer-daemon@corp.mail.ru
Subject: =?utf-8?b?0J/QuNGB0YzQvNC+INC90LUg0LTQvtGB0YLQsNCy0LvQtdC90L4=?=
Content-Type: text/plain; charset=utf-8

К сожалению, Ваше письмо не может быть доставлено одному или нескольким получателям:

gone@customer.example
user not found 5.1.1
"""


@pytest.mark.parametrize("raw", [EXIM, DOMINO, EXCHANGE, GMX, MAIL_RU])
def test_a_server_that_writes_words_names_the_address_and_its_reason(raw: str) -> None:
    report = read_report(raw.encode())
    [failure] = report.failures
    assert (failure.keys, failure.status) == (("gone@customer.example",), "5.1.1")
    assert failure.reason not in {"", "the mail bounced", "because:"}
    assert not report.is_unclear


def test_words_of_several_addresses_have_the_reason_of_each() -> None:
    more = (
        "550 5.1.1 <gone@customer.example>: User unknown\n\n  ann@two.example\n    quota exceeded"
    )
    found = read_report(
        EXIM.replace("550 5.1.1 <gone@customer.example>: User unknown", more).encode()
    )
    assert [(each.keys[0], each.status) for each in found.failures] == [
        ("gone@customer.example", "5.1.1"),
        ("ann@two.example", ""),
    ]


def test_the_address_of_a_network_is_no_status() -> None:
    found = read_report(EXIM.replace("550 5.1.1", "550").encode())
    assert [each.status for each in found.failures] == [""]


def test_a_report_that_names_no_address_is_unclear() -> None:
    raw = b"From: mailer-daemon@mx.example\nSubject: Undeliverable\n\nNot sent to Gone (unknown)"
    assert read_report(raw) == BounceReport((), (), is_unclear=True)
    fields = with_fields("Final-Recipient: x400; /O=TEAM/CN=GONE", "Action: failed")
    assert read_report(fields.replace(b"X-Failed-Recipients", b"X-Old")).is_unclear


@pytest.mark.parametrize(
    ("headers", "from_daemon"),
    [
        ({"from": "postmaster@one.example", "subject": "Undeliverable: News"}, False),
        ({"from": "noreply@one.example", "subject": "Undeliverable: News"}, False),
        ({"from": "noreply@one.example", "subject": "Unzustellbar: X", "return-path": "<>"}, True),
        ({"from": "a@one.example", "subject": "Re: Mail failure", "return-path": "<>"}, False),
        (
            {"from": "a@b.example", "subject": "Out of office: mail failed", "return-path": "<>"},
            False,
        ),
        ({"from": "a@b.example", "subject": "News", "auto-submitted": "auto-replied"}, False),
    ],
)
def test_a_person_is_no_mail_server(headers: dict[str, str], from_daemon: bool) -> None:
    assert is_from_daemon(headers) is from_daemon


@pytest.mark.parametrize(
    ("status", "reason", "for_good"),
    [
        ("5.1.1", "User unknown", True),
        ("5.1.1", "Message rejected due to spam content", False),
        ("5.0.0", "554 no mailbox", True),
        ("5.0.0", "Recipient address rejected: user unknown", True),
        ("5.0.0", "Transaction failed: reject due to policy restrictions", False),
        ("5.0.0", "the mail bounced", False),
        ("5.2.1", "The email account that you tried to reach is disabled.", True),
        ("5.2.1", "The user you are trying to contact is receiving mail at a rate that", False),
        ("5.2.2", "no such user", False),
    ],
)
def test_only_an_address_that_is_gone_is_suppressed(
    status: str, reason: str, for_good: bool
) -> None:
    assert is_for_good(status, reason) is for_good


def test_a_report_in_words_alone_quotes_the_mail_by_its_copy() -> None:
    assert read_report(QMAIL).quoted == ("<CAone@mail.gmail.com>",)


@pytest.mark.parametrize(
    "words",
    [
        b"----- The following addresses had transient non-fatal errors -----",
        b"Warning: message still undelivered after 4 hours",
        b"Your message is delayed. It will be retried.",
        b"A message that you sent has not yet been delivered to",
        b"Ihre Nachricht konnte vor\xc3\xbcbergehend nicht zugestellt werden:",
    ],
)
def test_a_delay_in_words_alone_is_no_failure(words: bytes) -> None:
    raw = SENDMAIL.replace(b"----- The following addresses had permanent fatal errors -----", words)
    assert read_report(raw).failures == ()


def test_a_message_id_that_could_be_a_search_is_none() -> None:
    raw = GMAIL.replace(b"<CAone@mail.gmail.com>", b"<x OR from:boss>")
    assert read_report(raw).quoted == ()


def test_a_report_of_ten_thousand_addresses_is_cut() -> None:
    groups = [
        f"Final-Recipient: rfc822; a{number}@b.example\r\nAction: failed\r\n"
        for number in range(1000)
    ]
    assert len(read_report(with_fields(*groups)).failures) == 100


_REPORT = b"Content-Type: multipart/report; report-type=delivery-status; boundary=b"


@pytest.mark.parametrize(
    "raw",
    [
        _REPORT + b";" * 3_600_000 + b"\n\nx",
        _REPORT + b';a="' * 900_000 + b"\n\nx",
        _REPORT + b"\n\n--b\nContent-Disposition: x" + b";\n a=1" * 500_000 + b"\n\n--b--",
        b"Subject: " + b"\r\n x" * 900_000 + b"\r\n\r\nx",
        b"Subject: " + b"\r x" * 900_000 + b"\r\rx",
    ],
    ids=["semicolons", "quotes", "folded parameters", "folded", "carriage returns"],
)
def test_a_long_report_takes_no_longer_than_its_length(raw: bytes) -> None:
    began_at = time.process_time()
    assert read_report(raw) == BounceReport((), ())
    assert time.process_time() - began_at < 10  # hours, if a header is read piece by piece


@given(st.binary(max_size=400), st.integers(0, len(GMAIL)), st.integers(0, 40))
def test_no_bytes_can_stop_the_reading(junk: bytes, at: int, cut: int) -> None:
    for raw in (junk, GMAIL[:at] + junk + GMAIL[at + cut :]):
        for failure in read_report(raw).failures:
            assert all(key == key.casefold() and "@" in key for key in failure.keys)
            assert len(failure.reason) <= 200
            assert failure.reason.isprintable()


@pytest.mark.parametrize(
    "word", ["=?utf-8?b?a?=", "=?no-such?b?YWFh?=", "=?punycode?q?=ff=fe?=", "=?utf-16?q?a?="]
)
def test_a_word_that_is_encoded_wrongly_is_shown_as_it_is(word: str) -> None:
    claim = ("Final-Recipient: rfc822; a@b.example", "Action: failed")
    raw = with_fields(*claim, f"Diagnostic-Code: {word}")
    assert [failure.keys for failure in read_report(raw).failures] == [("a@b.example",)]


@pytest.mark.parametrize("kind", ["multipart/report; boundary=b{}", "message/rfc822"])
def test_parts_within_parts_without_end_claim_nothing(kind: str) -> None:
    parts = (f"Content-Type: {kind.format(n)}\r\n\r\n--b{n}\r\n" for n in range(3_000))
    assert read_report("".join(parts).encode()).failures == ()


def test_a_boundary_in_odd_pieces_claims_nothing() -> None:
    head = b"Content-Type: multipart/report; boundary*0=b; boundary*=utf-8''b\r\n\r\n"
    assert read_report(head + b"--b\r\n\r\n").failures == ()


@pytest.mark.parametrize("field", ["Diagnostic-Code", "Final-Recipient", "Status", "Action"])
@pytest.mark.parametrize("piece", ["=?utf-8?q?a?= ", "(", '"', "a.", "<a", "5.1.1 "])
def test_a_field_without_end_is_read_at_once(field: str, piece: str) -> None:
    raw = with_fields("Original-Recipient: a@b.example", f"{field}: {piece * 100_000}")
    began = time.process_time()
    read_report(raw)
    assert time.process_time() - began < 5


@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=60))
def test_no_words_of_the_other_side_can_do_harm(words: str) -> None:
    line = words.replace("\r", " ").replace("\n", " ")
    raw = with_fields(
        "Final-Recipient: rfc822; a@b.example", "Action: failed", f"Diagnostic-Code: smtp; {line}"
    )
    for failure in read_report(raw).failures:
        assert failure.reason.isprintable()


@pytest.mark.parametrize(
    ("headers", "automatic"),
    [
        ({}, False),
        ({"auto-submitted": "no"}, False),
        ({"auto-submitted": "auto-replied; owner-email=a@b.example"}, True),
        ({"auto-submitted": "Auto-Generated"}, True),
        ({"precedence": "auto_reply"}, True),
        ({"precedence": "first-class"}, False),
        ({"x-autoreply": "yes"}, True),
        ({"precedence": "auto-reply"}, True),
        ({"return-path": "<>"}, True),
        ({"return-path": "<ann@one.example>"}, False),
        ({"from": "Mail System <MAILER-DAEMON@mx.example>"}, True),
        ({"from": "Ann <postmaster@one.example>"}, False),
        ({"subject": "Automatische Antwort: Your invoices"}, True),
        ({"subject": "Re: Out of Office Re: Your invoices"}, True),
        ({"subject": "[Auto] Vacation reply: Your invoices"}, True),
        ({"subject": "Autosvar: Your invoices"}, True),
        ({"subject": "Automaattinen vastaus: Your invoices"}, True),
        ({"subject": "Odpowiedź automatyczna: Your invoices"}, True),
        ({"subject": "自動応答: Your invoices"}, True),
        ({"subject": "Re: Your invoices"}, False),
        ({"subject": "Re: Our office is out of invoices"}, False),
        ({"content-type": "multipart/report; report-type=disposition-notification"}, True),
    ],
)
def test_a_machines_answer_is_told_from_a_persons(headers: dict[str, str], automatic: bool) -> None:
    assert is_automatic(headers) is automatic


@pytest.mark.parametrize(
    ("headers", "report"),
    [
        ({"content-type": "multipart/report; report-type=delivery-status"}, True),
        ({"content-type": "multipart/report; report-type=disposition-notification"}, False),
        ({"from": "mailer-daemon@googlemail.com", "x-failed-recipients": "a@b.example"}, True),
        ({"from": "eve@x.example", "x-failed-recipients": "a@b.example"}, False),
        ({"from": "mailer-daemon@googlemail.com"}, False),
    ],
)
def test_a_report_is_known_by_its_headers(headers: dict[str, str], report: bool) -> None:
    assert is_report(headers) is report
