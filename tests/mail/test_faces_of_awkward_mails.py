"""Links, struck words, pictures, tables, languages and files of a mail, as each part has them."""

from __future__ import annotations

from email import message_from_bytes, policy
from email.message import EmailMessage

import pytest

from workflow.mail.faces import html_face, parse_body, text_face
from workflow.mail.message import Attachment, build_message
from workflow.mail.template import RenderedMail
from workflow.mail.word_rules import check_words
from workflow.model import Stage

LINKS = [
    "https://files.example/Shared%20Documents/report.pdf?a=1&b=2",
    "https://files.example/a%20b",
    "https://x.example/%E2%82%AC?q=%2Fa%2Fb#c%20d",
    "https://x.example/a%0Ab",
]


@pytest.mark.parametrize("link", LINKS)
def test_a_link_is_as_it_is_in_every_part(link: str) -> None:
    tokens = parse_body(f"[Download]({link}) or <{link}>\n")
    assert text_face(tokens) == f"Download ({link}) or {link}\n"
    page = html_face(tokens, subject="S")
    assert page.count(link.replace("&", "&amp;")) == 3  # two addresses, one of them shown


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("~~100.00 EUR~~ 120.00 EUR", "~~100.00 EUR~~ 120.00 EUR\n"),
        ("~~**100**~~ 120", "~~100~~ 120\n"),
        ("| a |\n|---|\n| ~~1~~ 2 |\n", "a\n~~1~~ 2\n"),
    ],
)
def test_struck_words_are_marked_in_the_text(source: str, said: str) -> None:
    tokens = parse_body(source)
    assert text_face(tokens) == said
    assert "<s>" in html_face(tokens, subject="S")


@pytest.mark.parametrize(
    "source",
    ["https://x.example/button.png", "//x.example/b.png", "img/button.png", "button.svg"],
)
def test_a_picture_that_does_not_go_with_the_mail_is_warned_of(source: str) -> None:
    mail = RenderedMail("S", f"Sorry. Reply to us. Step 1: ![the red button]({source})\n")
    found = {each.code: each for each in check_words(mail, stage=Stage.RESOLVED, doc_url="")}
    assert source in found["lost_picture"].message
    assert found["lost_picture"].level == "warning"


def test_a_picture_of_the_templates_own_is_not() -> None:
    mail = RenderedMail("S", "Sorry. ![the red button](button.png)\n")
    codes = [each.code for each in check_words(mail, stage=Stage.RESOLVED, doc_url="")]
    assert "lost_picture" not in codes


@pytest.mark.parametrize("cell", ["1.234,56", "1 234,50 €", "RE-2026-11-0001", "24.11.2026"])
def test_a_number_in_a_table_stays_on_its_line(cell: str) -> None:
    page = html_face(parse_body(f"| a |\n|--:|\n| {cell} |\n"), subject="S")
    (open_cell,) = page.split("<td")[1:]
    assert "white-space: nowrap" in open_cell or "white-space:nowrap" in open_cell
    assert "text-align:right" in open_cell.replace(": ", ":")
    assert "overflow-x:auto" in page.replace(": ", ":")


def test_words_in_a_table_may_break() -> None:
    page = html_face(parse_body("| a |\n|---|\n| Lagerplatz für Paletten |\n"), subject="S")
    assert "nowrap" not in page


@pytest.mark.parametrize(
    ("lang", "direction"), [("de", "ltr"), ("pt-BR", "ltr"), ("ar", "rtl"), ("he-IL", "rtl")]
)
def test_the_language_and_its_direction_are_on_the_mail(lang: str, direction: str) -> None:
    page = html_face(parse_body("Hello\n"), subject="S", lang=lang)
    assert f'<html lang="{lang}"' in page
    sheet = page.partition('<div class="sheet"')[2].partition(">")[0]
    assert f'lang="{lang}"' in sheet
    assert f'dir="{direction}"' in sheet


def built(*files: Attachment) -> tuple[bytes, EmailMessage]:
    raw = build_message(
        to="ann@one.example",
        to_name="",
        subject="S",
        text="t",
        html="<p>t</p>",
        from_address="me@team.example",
        attachments=files,
    )
    message = message_from_bytes(raw, policy=policy.default)
    assert isinstance(message, EmailMessage)
    return raw, message


PLAIN = b"From: a@b.example\r\nSubject: S\r\n\r\nHello\r\n"


@pytest.mark.parametrize(
    ("name", "content", "kind", "encoding"),
    [
        ("plain.eml", PLAIN, "message/rfc822", "7bit"),
        ("unix.eml", PLAIN.replace(b"\r\n", b"\n"), "message/rfc822", "7bit"),
        ("umlaut.eml", PLAIN + "Grüße".encode(), "application/octet-stream", "base64"),
        ("long.eml", PLAIN + b"x" * 1200, "application/octet-stream", "base64"),
        ("nul.eml", PLAIN + b"\0", "application/octet-stream", "base64"),
        ("page.mht", PLAIN, "message/rfc822", "7bit"),
    ],
)
def test_a_message_within_a_mail_has_an_encoding_that_it_may_have(
    name: str, content: bytes, kind: str, encoding: str
) -> None:
    raw, message = built(Attachment(name, "message/rfc822", content))
    (part,) = message.iter_attachments()
    assert part.get_content_type() == kind
    assert part["Content-Transfer-Encoding"] == encoding
    assert part.get_filename() == name
    assert raw.isascii()
    if kind == "message/rfc822":
        assert part.get_payload(0)["Subject"] == "S"  # type: ignore[index]
    else:
        assert part.get_payload(decode=True) == content


@pytest.mark.parametrize(
    "kind", ["multipart/related", "message/partial", "message/delivery-status"]
)
def test_other_composite_types_go_as_bytes(kind: str) -> None:
    _, message = built(Attachment("x.bin", kind, b"abc"))
    (part,) = message.iter_attachments()
    assert part.get_content_type() == "application/octet-stream"
    assert part.get_payload(decode=True) == b"abc"


@pytest.mark.parametrize("name", ["plain.pdf", "two words (1).pdf", "Invoice_2026-11.pdf"])
def test_a_name_in_ascii_stands_in_both_forms(name: str) -> None:
    raw, message = built(Attachment(name, "application/pdf", b"x"))
    assert f'filename="{name}"'.encode() in raw
    assert b"filename*=utf-8''" in raw or b"filename*0*=utf-8''" in raw
    (part,) = message.iter_attachments()
    assert part.get_filename() == name


def test_a_name_with_other_letters_stands_in_the_form_that_has_them() -> None:
    raw, message = built(Attachment("Rechnung für Jörg.pdf", "application/pdf", b"x"))
    assert b'filename="' not in raw
    (part,) = message.iter_attachments()
    assert part.get_filename() == "Rechnung für Jörg.pdf"
