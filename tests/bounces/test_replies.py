"""Replies: who replied to which notice, the text, and who has no answer yet."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from email.message import EmailMessage
from typing import Any

import pytest
import requests

from tests.command_line import CustomerList, Postmortem
from tests.conftest import CONFIG
from tests.console.visitor import Visitor, served
from tests.google_world import ACCOUNT, GoogleWorld

Customers = Callable[[int], CustomerList]
READING = f"rehearsal:{ACCOUNT}:gmail.compose,gmail.readonly,drive.file,documents"
SIGNED_IN = {"Authorization": f"Bearer rehearsal:{ACCOUNT}:gmail.modify"}
ANN, BEN, CEM = (f"person{number}@customer.example" for number in (1, 2, 3))


@pytest.fixture
def reader(postmortem: Postmortem) -> Postmortem:
    postmortem.configure(f'google_url_token = "{READING}"\n{CONFIG}')
    return postmortem


def by_address(found: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {each["from"]: each for each in found["replies"]}


def answer_by_hand(google: GoogleWorld, address: str) -> None:
    """A colleague answers a customer in the thread, in Gmail."""
    last = next(mail for mail in google.sent() if address in str(mail["To"]))
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = ACCOUNT, address, f"Re: {last['Subject']}"
    mail["In-Reply-To"] = mail["References"] = str(last["Message-ID"])
    mail.set_content("These three: 17, 18 and 19.")
    thread = thread_of(google, address)
    answer = requests.post(
        f"{google.url}/gmail/v1/users/me/messages/send",
        json={"raw": base64.urlsafe_b64encode(mail.as_bytes()).decode(), "threadId": thread},
        headers=SIGNED_IN,
        timeout=10,
    )
    assert answer.ok, answer.text


def thread_of(google: GoogleWorld, address: str) -> str:
    """The thread of our mails to a customer."""
    found = requests.get(
        f"{google.url}/gmail/v1/users/me/messages",
        params={"q": f"in:sent to:{address}"},
        headers=SIGNED_IN,
        timeout=10,
    )
    return str(found.json()["messages"][0]["threadId"])


def test_the_console_shows_who_answered_what_and_who_waits(
    reader: Postmortem, google: GoogleWorld, customers: Customers
) -> None:
    reader("start", "Wrong amounts")
    notice = reader.json("notify", str(customers(3)), "--send", "--confirm", "3")["notice"]
    google.answered_by(ANN, "Which invoices?\n<b>All</b>?")
    google.answered_by(BEN, "I am away until Monday.", automatic=True)
    with served(reader) as server:
        visitor = Visitor(server)
        page = visitor.open(f"notice/{notice}/")
        page = visitor.submit(page, "/bounces")
        shown = visitor.open(f"notice/{notice}/")
        assert "Which invoices?" in shown.text
        assert "<b>All</b>" not in shown.html
        assert re.search(rf"{re.escape(ANN)} , .*: not answered", shown.text)
        assert re.search(rf"{re.escape(BEN)} , .*: automatic", shown.text)


def test_each_reply_has_its_words_its_place_and_whether_it_was_answered(
    reader: Postmortem, google: GoogleWorld, customers: Customers
) -> None:
    doc_id = reader.json("start", "Wrong amounts")["doc_id"]
    reader("notify", str(customers(3)), "--send", "--confirm", "3")
    google.answered_by(ANN, "Which invoices?\n\nOn Tue, You <you@rehearsal.example> wrote:\n> Hi")
    google.answered_by(BEN, "I am away until Monday.", automatic=True)
    google.answered_by(CEM, "Please stop sending me these mails.")
    found = by_address(reader.json("replies"))
    assert {who: each["state"] for who, each in found.items()} == {
        ANN: "not answered",
        BEN: "automatic",
        CEM: "not answered",
    }
    assert (found[ANN]["text"], found[ANN]["stage"]) == ("Which invoices?", "investigating")
    assert found[ANN]["link"].startswith(f"https://mail.google.com/mail/?authuser={ACCOUNT}#all/")
    said = reader("replies")
    assert f"postmortem suppress {CEM}" in said.err + said.out
    assert f"postmortem suppress {ANN}" not in said.err + said.out
    text = google.text(doc_id)
    assert "2 replies, 1 automatic reply" in text
    assert ANN not in text
    checked = reader("close", "--check", expect=None)
    assert "2 customers replied and have no answer" in checked.out + checked.err
    assert ANN in checked.out + checked.err


def test_an_answer_by_hand_counts_and_the_next_notice_does_not(
    reader: Postmortem, google: GoogleWorld, customers: Customers
) -> None:
    reader("start", "Wrong amounts")
    listed = customers(2)
    reader("notify", str(listed), "--send", "--confirm", "2")
    for who in (ANN, BEN):
        google.answered_by(who, "Which invoices?")
    reader("notify", str(listed), "--stage", "update", "--send", "--confirm", "2")
    assert {each["state"] for each in reader.json("replies")["replies"]} == {"not answered"}
    answer_by_hand(google, ANN)
    found = by_address(reader.json("replies"))
    assert (found[ANN]["state"], found[BEN]["state"]) == ("answered", "not answered")
    assert [each["from"] for each in reader.json("replies", "--open")["replies"]] == [BEN]


def test_the_doc_names_who_replied_where_the_config_wants_it(
    reader: Postmortem, google: GoogleWorld, customers: Customers
) -> None:
    reader.configure(f'google_url_token = "{READING}"\nnames_in_doc = true\n{CONFIG}')
    doc_id = reader.json("start", "Wrong amounts")["doc_id"]
    reader("notify", str(customers(2)), "--send", "--confirm", "2")
    google.answered_by(ANN, "Which invoices?")
    reader("replies")
    assert f"Replied: {ANN}" in google.text(doc_id)


def test_without_a_scope_that_reads_it_says_how_to_get_one(
    postmortem: Postmortem, customers: Customers
) -> None:
    postmortem("start", "Wrong amounts")
    postmortem("notify", str(customers(1)), "--send", "--confirm", "1")
    assert "postmortem auth login --scope read" in postmortem("replies", expect=4).err
