"""The raw mail: every mail reader reads the headers as they were meant."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from email import message_from_bytes
from email.header import decode_header
from email.parser import BytesParser
from email.policy import default
from email.utils import getaddresses, unquote

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.mail.strategies import any_text
from workflow.mail.escape import NAME_LIMIT, one_line
from workflow.mail.message import (
    MESSAGE_LIMIT_BYTES,
    Attachment,
    HeaderBad,
    MessageTooBig,
    build_message,
)

ALLOWED_HEADERS = {"from", "to", "reply-to", "subject", "date", "mime-version", "content-type"}


def build(
    *,
    to: str = "ann@customer.example",
    to_name: str = "Ann",
    subject: str = "Resolved",
    text: str = "Hello.\n",
    html: str = "<p>Hello.</p>",
    from_address: str = "support@acme.example",
    from_name: str = "Acme Support",
    reply_to: str = "",
    attachments: tuple[Attachment, ...] = (),
    references: tuple[str, ...] = (),
) -> bytes:
    return build_message(
        to=to,
        to_name=to_name,
        subject=subject,
        text=text,
        html=html,
        from_address=from_address,
        from_name=from_name,
        reply_to=reply_to,
        date=datetime(2026, 11, 24, 18, 39, tzinfo=UTC),
        attachments=attachments,
        references=references,
    )


def decoded_by_hand(value: str) -> str:
    """A header decoded as RFC 2047 says, without the parser of Python's modern policy."""
    value = re.sub(r"\r?\n(?=[ \t])", "", value)
    return "".join(
        part if isinstance(part, str) else part.decode(charset or "ascii")
        for part, charset in decode_header(value)
    )


def header_lines(raw: bytes) -> list[bytes]:
    return raw.split(b"\r\n\r\n", 1)[0].split(b"\r\n")


@settings(max_examples=60, deadline=None)
@given(name=any_text, subject=any_text, text=any_text)
@example(name='Ann, "Bob" <eve@evil.example>', subject="a\r\nBcc: eve@evil.example", text=".")
@example(name="Müller, Jörg <x@y.example>; z@y.example", subject="é" * 300, text="\r\n.\r\n")
def test_any_text_in_a_column_reaches_the_headers_as_text_and_one_person(
    name: str, subject: str, text: str
) -> None:
    raw = build(to_name=name, from_name=name, subject=subject, text=text)
    modern = BytesParser(policy=default).parsebytes(raw)
    plain = message_from_bytes(raw)

    assert {field.lower() for field in modern} == ALLOWED_HEADERS - {"reply-to"}
    assert len(plain.items()) == len(modern.items()) == 6

    assert [each.addr_spec for each in modern["To"].addresses] == ["ann@customer.example"]
    assert [each.addr_spec for each in modern["From"].addresses] == ["support@acme.example"]
    # Python 3.11 puts a space between the encoded words of a name, which RFC 2047 section 6.2
    # removes; the second decoder below does as the RFC says.
    shown = modern["To"].addresses[0].display_name
    assert shown.replace(" ", "") == one_line(name, NAME_LIMIT).replace(" ", "")
    assert str(modern["Subject"]) == one_line(subject)

    [(shown, address)] = getaddresses([plain["To"]])
    assert address == "ann@customer.example"
    assert decoded_by_hand(shown) == one_line(name, NAME_LIMIT)
    assert decoded_by_hand(plain["Subject"]) == one_line(subject)


@settings(max_examples=60, deadline=None)
@given(name=any_text, subject=any_text, text=any_text, html=any_text)
def test_a_mail_is_seven_bit_and_folded(name: str, subject: str, text: str, html: str) -> None:
    raw = build(to_name=name, subject=subject, text=text, html=html)
    assert raw.isascii()
    assert b"\n" not in raw.replace(b"\r\n", b"")
    assert b"\r" not in raw.replace(b"\r\n", b"")
    assert max(len(line) for line in raw.split(b"\r\n")) <= 78


@settings(max_examples=60, deadline=None)
@given(text=any_text, html=any_text)
def test_both_parts_read_back_as_written(text: str, html: str) -> None:
    mail = BytesParser(policy=default).parsebytes(build(text=text, html=html))
    assert mail.get_content_type() == "multipart/alternative"
    parts = list(mail.iter_parts())
    assert [part.get_content_type() for part in parts] == ["text/plain", "text/html"]
    for part, meant in zip(parts, (text, html), strict=True):
        content = part.get_payload(decode=True)
        assert isinstance(content, bytes)
        lines = meant.replace("\r\n", "\n").replace("\r", "\n").encode("utf-8", "replace")
        assert content.replace(b"\r\n", b"\n") == lines


@pytest.mark.parametrize(
    "address",
    [
        "",
        "ann",
        "ann@customer.example, eve@evil.example",
        "ann@customer.example eve@evil.example",
        "ann@customer.example\r\nBcc: eve@evil.example",
        "ann@customer.example\nBcc: eve@evil.example",
        "ann@customer.example\0",
        "Ann <ann@customer.example>",
        "ann@customer.example;eve@evil.example",
        "(x)ann@customer.example",
        '"a b"@customer.example',
        "group: ann@customer.example;",
        "ann@[127.0.0.1]",
        "jörg@customer.example",
        "ann@customer.example\u2028",
        f"{'a' * 65}@customer.example",
    ],
)
def test_what_is_not_exactly_one_address_is_refused(address: str) -> None:
    with pytest.raises(HeaderBad, match=r"^To: "):
        build(to=address)
    with pytest.raises(HeaderBad, match=r"^From: "):
        build(from_address=address)


def test_an_international_domain_is_written_in_ascii() -> None:
    mail = BytesParser(policy=default).parsebytes(build(to="ann@bücher.example"))
    assert mail["To"].addresses[0].addr_spec == "ann@xn--bcher-kva.example"


def test_reply_to_may_carry_a_name() -> None:
    mail = BytesParser(policy=default).parsebytes(build(reply_to="Café Öl, <help@acme.example>"))
    assert mail["Reply-To"].addresses[0].addr_spec == "help@acme.example"
    assert mail["Reply-To"].addresses[0].display_name == "Café Öl,"


def test_the_same_mail_is_the_same_bytes() -> None:
    assert build(to_name="Zoë") == build(to_name="Zoë")


def test_a_follow_up_joins_its_thread() -> None:
    ids = tuple(f"<{number:040}@mail.example>" for number in range(5))
    mail = BytesParser(policy=default).parsebytes(build(references=ids))
    assert mail["In-Reply-To"] == ids[-1]
    assert mail["References"].split() == list(ids)


def test_a_message_id_with_a_line_break_is_refused() -> None:
    with pytest.raises(HeaderBad, match="isn't a Message-ID"):
        build(references=("<a@b.example>\r\nBcc: <eve@evil.example>",))


@settings(max_examples=30, deadline=None)
@given(filename=any_text, content=st.binary(max_size=300))
def test_an_attachment_keeps_its_name_and_bytes_and_adds_no_header(
    filename: str, content: bytes
) -> None:
    raw = build(attachments=(Attachment(filename, "application/pdf", content),))
    mail = BytesParser(policy=default).parsebytes(raw)
    assert mail.get_content_type() == "multipart/mixed"
    body, attached = mail.iter_parts()
    assert body.get_content_type() == "multipart/alternative"
    assert {name.lower() for name in attached} == {
        "content-type",
        "content-transfer-encoding",
        "content-disposition",
    }
    assert attached.get_payload(decode=True) == content
    name = one_line(re.split(r"[/\\]", filename)[-1], 150) or "attachment"
    # Python removes angle brackets around a whole name, as it would around an address.
    assert attached.get_filename() == unquote(name)
    assert max(len(line) for line in raw.split(b"\r\n")) <= 78


def test_a_media_type_with_a_line_break_is_refused() -> None:
    with pytest.raises(HeaderBad, match="isn't a media type"):
        build(attachments=(Attachment("a", "text/plain\r\nBcc: eve@evil.example", b""),))


def test_a_mail_over_gmails_limit_is_refused_before_it_is_sent() -> None:
    big = Attachment("logs.zip", "application/zip", bytes(MESSAGE_LIMIT_BYTES * 3 // 4))
    with pytest.raises(MessageTooBig, match="Gmail takes 35"):
        build(attachments=(big,))


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a\r\nb", "a b"),
        (" a \t b ", "a b"),
        ("a\u2028b\x85c", "a b c"),
        ("\u202eabc\u2066", "abc"),
        ("a\ud800b", "a\ufffdb"),
        ("x" * 300, "x" * 199 + "…"),
        ("word " * 100, ("word " * 40).rstrip() + "…"),
        ("e\u0301" * 150, "e\u0301" * 99 + "…"),
        ("👩\u200d👧" * 100, "👩\u200d👧" * 66 + "…"),
    ],
)
def test_text_for_a_header_is_one_short_line(text: str, line: str) -> None:
    assert one_line(text) == line
    assert len(one_line(text)) <= 200
