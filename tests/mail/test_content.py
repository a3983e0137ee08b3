"""A mail's text, and the differences between two mails, whatever Gmail changed in their bytes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from email import policy
from email.message import EmailMessage

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from workflow.mail.content import (
    Difference,
    changed_lines,
    differences,
    goes_to,
    new_lines,
    read_content,
)

_WORD = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Zl", "Zp")), min_size=1
)
_LINE = _WORD.map(lambda text: " ".join(text.split())).filter(bool)
_NAME = st.from_regex(r"[a-z]{1,8}", fullmatch=True)
_ADDRESS = _NAME.map(lambda name: f"{name}@customer.example")


@dataclass(frozen=True)
class Letter:
    """A mail as its reader sees it."""

    to: str
    subject: str
    text: str
    html: str
    files: tuple[tuple[str, bytes], ...]

    def message(self, cte: str, *, crlf: bool) -> bytes:
        """Its bytes, in one of the encodings that a mail program may choose."""
        message = EmailMessage(policy=policy.SMTP if crlf else policy.default)
        message["To"], message["Subject"] = self.to, self.subject
        message.set_content(self.text, cte=cte)
        message.add_alternative(f"<p>{self.html}</p>", subtype="html", cte=cte)
        for name, content in self.files:
            message.add_attachment(
                content, maintype="application", subtype="octet-stream", filename=f"{name}.bin"
            )
        return message.as_bytes()


_LETTERS = st.builds(
    Letter,
    to=_ADDRESS,
    subject=_LINE,
    text=st.lists(_LINE, min_size=1, max_size=4).map("\n".join),
    html=_NAME,
    files=st.lists(st.tuples(_NAME, st.binary(min_size=1, max_size=20)), max_size=2).map(tuple),
)
_ENCODINGS = st.sampled_from(["base64", "quoted-printable"])


@given(_LETTERS, _ENCODINGS, _ENCODINGS, st.booleans(), st.booleans())
def test_the_same_mail_is_the_same_however_it_is_encoded(
    letter: Letter, one: str, other: str, crlf: bool, other_crlf: bool
) -> None:
    first = read_content(letter.message(one, crlf=crlf))
    second = read_content(letter.message(other, crlf=other_crlf))
    assert differences(first, second) == []


@given(_LETTERS, _LETTERS, st.sets(st.sampled_from(["to", "subject", "text", "html", "files"])))
def test_whatever_is_changed_is_named(ours: Letter, other: Letter, changed: set[str]) -> None:
    theirs = replace(ours, **{name: getattr(other, name) for name in changed})
    really = {name for name in changed if getattr(ours, name) != getattr(theirs, name)}
    if "files" in really:
        assume(sorted(ours.files) != sorted(theirs.files))
    found = {
        each.what
        for each in differences(
            read_content(ours.message("base64", crlf=True)),
            read_content(theirs.message("quoted-printable", crlf=False)),
        )
    }
    names = {"to": "To", "subject": "Subject", "text": "Text", "files": "Attachments"}
    assert {names[each] for each in really if each in names} <= found
    assert bool(found) == bool(really)


@given(st.binary())
def test_any_bytes_are_read_as_far_as_they_can_be(raw: bytes) -> None:
    assert differences(read_content(raw), read_content(raw)) == []


def letter(**changes: str) -> bytes:
    message = EmailMessage()
    values = {"From": "a@team.example", "To": "Ann <ann@x.example>", "Subject": "News"}
    for name, value in (values | changes).items():
        message[name] = value
    message.set_content("All is well.\n")
    return message.as_bytes()


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"Cc": "boss@x.example"}, ["Cc"]),
        ({"Bcc": "boss@x.example"}, ["Bcc"]),
        ({"To": "ann@x.example, bo@x.example"}, ["To"]),
        ({"To": "Ann Other <ANN@x.example>"}, []),
        ({"Reply-To": "help@x.example"}, ["Reply-To"]),
        ({"From": "b@team.example"}, ["From"]),
        ({"From": "alias@team.example"}, []),
        ({"Message-ID": "<other@x>", "Date": "Mon, 1 Jan 2024 00:00:00 +0000"}, []),
    ],
)
def test_headers_that_a_person_edits_count_and_gmails_own_do_not(
    changes: dict[str, str], what: list[str]
) -> None:
    found = differences(
        read_content(letter()),
        read_content(letter(**changes)),
        may_be_from=frozenset({"alias@team.example"}),
    )
    assert [each.what for each in found] == what


def two_parts(text: str, html: str) -> bytes:
    message = EmailMessage()
    message["To"], message["Subject"] = "ann@x.example", "News"
    message.set_content(text)
    message.add_alternative(html, subtype="html")
    return message.as_bytes()


def test_words_that_stand_in_the_html_alone_are_shown_too() -> None:
    ours = read_content(two_parts("It costs 10.", "<p>It costs 10.</p>"))
    theirs = read_content(two_parts("It costs 10.", "<p>It costs <b>99</b>.</p>"))
    (found,) = differences(ours, theirs)
    assert (found.what, new_lines(found)) == ("HTML", ["It costs 99."])


def test_the_same_words_in_another_dress_are_said_to_be_formatting() -> None:
    ours = read_content(two_parts("Hello", "<p>Hello</p>"))
    theirs = read_content(two_parts("Hello", '<div dir="ltr"><b>Hello</b></div>'))
    assert [each.what for each in differences(ours, theirs)] == ["Formatting"]


def test_a_difference_reads_as_lines() -> None:
    change = Difference("Text", "one\ntwo\nthree", "one\n2\nthree\nfour")
    assert changed_lines(change) == ["  one", "- two", "+ 2", "  three", "+ four"]
    assert new_lines(change) == ["2", "four"]


def test_an_address_is_the_same_in_both_forms_of_its_domain() -> None:
    content = read_content(letter(To="ann@xn--bcher-kva.example"))
    assert goes_to(content, "ann@bücher.example")
    assert not goes_to(content, "bo@bücher.example")
