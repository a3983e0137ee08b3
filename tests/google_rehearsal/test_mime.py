"""Any message in Gmail: it is accepted or refused, and the body stays."""

from __future__ import annotations

import json
from datetime import UTC, datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from google_rehearsal.gmail.errors import MailRefused
from google_rehearsal.gmail.methods import resource
from google_rehearsal.gmail.mime import Sender, parse, prepared, read, sendable
from google_rehearsal.gmail.world import Message

SENDER = Sender("you@rehearsal.example", "You")
NOW = datetime(2026, 11, 24, 14, 39, tzinfo=UTC)
HEADER = st.sampled_from(["To", "Cc", "Bcc", "From", "Subject", "Date", "Message-ID", "X-Odd"])
VALUE = st.binary(max_size=30).map(lambda value: value.replace(b"\n", b" ").replace(b"\r", b" "))
ADDRESS = st.from_regex(r"[a-z]{1,8}@[a-z]{1,8}\.example", fullmatch=True)


def stored_message(raw: bytes) -> Message:
    return Message(1, "1a", "you@rehearsal.example", "1a", ("SENT",), 0, "", raw)


def kept(raw: bytes) -> bytes:
    return prepared(raw, SENDER, message_id="<CAx@mail.gmail.com>", now=NOW).raw


@given(st.binary(max_size=200))
@settings(max_examples=150, deadline=None)
def test_any_bytes_are_taken_or_refused(raw: bytes) -> None:
    try:
        stored = kept(raw)
    except MailRefused:
        return
    assert read(stored).message_id == "<CAx@mail.gmail.com>"
    shown = resource(stored_message(stored), "full")
    assert json.loads(json.dumps(shown, ensure_ascii=False).encode()) == shown


@given(st.lists(st.tuples(HEADER, VALUE), max_size=6), st.binary(max_size=60))
@settings(max_examples=200, deadline=None)
def test_a_message_that_is_taken_keeps_its_body_to_the_byte(
    headers: list[tuple[str, bytes]], body: bytes
) -> None:
    block = b"".join(name.encode() + b": " + value + b"\r\n" for name, value in headers)
    raw = b"X-First: 1\r\n" + block + b"\r\n" + body
    try:
        stored = kept(raw)
    except MailRefused:
        return
    assert stored.endswith(b"\r\n\r\n" + body)
    again = parse(stored)
    assert len(again.get_all("Message-ID", [])) == 1
    assert len(again.get_all("From", [])) == 1
    assert json.dumps(resource(stored_message(stored), "full"), ensure_ascii=False).encode()
    read(stored).subject.encode()


def test_a_line_break_in_a_name_makes_no_header() -> None:
    raw = b"From: =?utf-8?q?Eve=0D=0ABcc=3A_x=40y.example?= <e@e.example>\r\n\r\n"
    assert parse(kept(raw))["Bcc"] is None


@given(st.lists(ADDRESS, min_size=1, max_size=5), st.lists(ADDRESS, max_size=3))
@settings(max_examples=80, deadline=None)
def test_hidden_recipients_get_the_mail_and_are_named_nowhere(
    to: list[str], bcc: list[str]
) -> None:
    copies = f"Bcc: {', '.join(bcc)}\r\n" if bcc else ""
    raw = f"To: {', '.join(to)}\r\n{copies}\r\nx"
    mail = prepared(raw.encode(), SENDER, message_id="<CAx@mail.gmail.com>", now=NOW)
    assert mail.recipients == (*to, *bcc)
    outgoing = sendable(mail, "<CAy@mail.gmail.com>")
    assert outgoing.recipients == (*to, *bcc)
    assert parse(outgoing.raw)["Bcc"] is None
    assert all(address.encode() not in outgoing.raw for address in set(bcc) - set(to))
