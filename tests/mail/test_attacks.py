"""A hostile row of a list as raw mail: one recipient, the template's headers, text only."""

from __future__ import annotations

import csv
import io
from email.parser import BytesParser
from email.policy import default

import pytest
from hypothesis import given, settings

from tests.mail.letters import EVERYTHING, shipped
from tests.mail.strategies import any_text
from workflow.mail.faces import html_face, link_addresses, parse_body, text_face
from workflow.mail.list_recipients import read_recipients
from workflow.mail.message import build_message

RENDERER = shipped("resolved", EVERYTHING)
HEADERS = {"from", "to", "subject", "mime-version", "content-type"}


def mail_for(name: str) -> bytes:
    """The raw mail to the one customer of a list who is called `name`."""
    page = io.StringIO()
    csv.writer(page, quoting=csv.QUOTE_ALL).writerows(
        [("email", "name"), ("ann@one.example", name)]
    )
    [ann] = read_recipients(page.getvalue().encode("utf-8", "replace")).recipients
    rendered = RENDERER.render(ann.columns)
    tokens = parse_body(rendered.markdown)
    assert link_addresses(tokens) == ()
    return build_message(
        to=ann.email,
        to_name=ann.columns["name"],
        subject=rendered.subject,
        text=text_face(tokens),
        html=html_face(tokens, subject=rendered.subject),
        from_address="support@acme.example",
        from_name="Acme",
    )


@pytest.mark.parametrize(
    "name",
    [
        "Ann\r\nBcc: eve@evil.example",
        "Ann\nSubject: You won\n\n<script>alert(1)</script>",
        'Ann" <eve@evil.example>, "X',
        "=?utf-8?q?Ann=0D=0ABcc:_eve@evil.example?=",
        "[Reset your password](https://evil.example)",
        "<img src=https://evil.example/p.png>",
        "<https://evil.example>",
        "![x](https://evil.example/p.png)",
        "Ann\n\n[1]: https://evil.example\n\n[1]",
        "{{ ''.__class__ }}{% include '/etc/passwd' %}",
        "&#60;script&#62;",
        "\u202eelpmaxe.live",
        "A" * 5_000,
    ],
)
def test_a_hostile_name_is_only_a_name(name: str) -> None:
    mail = BytesParser(policy=default).parsebytes(mail_for(name))
    assert {header.lower() for header in mail} == HEADERS
    assert [each.addr_spec for each in mail["To"].addresses] == ["ann@one.example"]
    [_, html] = mail.iter_parts()
    page = html.get_content()
    assert not any(tag in page for tag in ("<script", "<img", "<a ", "<iframe"))


@settings(max_examples=50, deadline=None)
@given(name=any_text)
def test_any_name_makes_a_mail_to_one_person(name: str) -> None:
    mail = BytesParser(policy=default).parsebytes(mail_for(name.replace("\0", "")))
    assert {header.lower() for header in mail} == HEADERS
    assert [each.addr_spec for each in mail["To"].addresses] == ["ann@one.example"]
    assert mail["Subject"] == "Messages to customers were not delivered – resolved"
    assert [part.get_content_type() for part in mail.iter_parts()] == ["text/plain", "text/html"]
