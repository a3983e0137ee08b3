"""Mails to one customer, over all incidents."""

from __future__ import annotations

from collections.abc import Callable
from email import message_from_bytes, policy
from pathlib import Path

import pytest

from tests.command_line import CustomerList, Postmortem
from tests.google_world import GoogleWorld

Customers = Callable[[int], CustomerList]
ANN = "person1@customer.example"


def send(postmortem: Postmortem, listed: object, count: int, *options: str) -> None:
    postmortem("notify", str(listed), *options, "--send", "--confirm", str(count))


@pytest.fixture
def two_incidents(postmortem: Postmortem, customers: Customers) -> Postmortem:
    """Two incidents with notices to the first customer, and a test mail that doesn't count."""
    postmortem("start", "Wrong amounts")
    postmortem("notify", str(customers(2)), "--test", ANN)
    postmortem("status", "resolved")
    send(postmortem, customers(2), 2, "--stage", "resolved")
    postmortem("close")
    postmortem("start", "Late invoices")
    send(postmortem, customers(1), 1, "--stage", "investigating")
    return postmortem


def test_an_address_is_found_however_it_is_spelled(two_incidents: Postmortem) -> None:
    for spelling in (
        "Person1@CUSTOMER.example",
        " Ann <person1@customer.example> ",
        f"mailto:{ANN}",
    ):
        document = two_incidents.json("told", spelling)
        assert document["email"].lower() == ANN
        titles = [each["title"] for each in document["notices"]]
        assert titles == ["Wrong amounts", "Late invoices"]


def test_a_domain_is_found_in_both_its_forms(postmortem: Postmortem, tmp_path: Path) -> None:
    listed = tmp_path / "list.csv"
    listed.write_text("email\nada@bücher.example\n", encoding="utf-8")
    postmortem("start", "Wrong amounts")
    send(postmortem, listed, 1)
    for spelling in ("ada@bücher.example", "ada@xn--bcher-kva.example", "ADA@BU\u0308CHER.example"):
        assert len(postmortem.json("told", spelling)["notices"]) == 1


def test_the_json_has_one_shape_with_the_text_as_it_was_sent(
    two_incidents: Postmortem, google: GoogleWorld
) -> None:
    first, second = two_incidents.json("told", ANN)["notices"]
    assert (
        first.keys()
        == second.keys()
        == {
            *("incident", "title", "notice", "stage", "subject", "state", "said_at", "sent_at"),
            *("reason", "evidence", "bounced", "replies", "text", "words", "approval"),
        }
    )
    assert (first["stage"], first["state"], first["bounced"]) == ("resolved", "sent", None)
    [mail] = [
        each
        for each in google.sent()
        if each["Subject"] == first["subject"] and each["To"].addresses[0].addr_spec == ANN
    ]
    body = mail.get_body(("plain",))
    assert body is not None
    assert body.get_content().split() == first["text"].split()


def test_the_mails_can_be_read_and_written_to_disk(
    two_incidents: Postmortem, tmp_path: Path
) -> None:
    full = two_incidents("told", ANN, "--full").out
    assert "Hello Person 1" in full
    assert "Late invoices · incident " in full
    folder = tmp_path / "mails"
    names = two_incidents.json("told", ANN, "--mails", str(folder))["files"]
    assert sorted(path.name for path in folder.iterdir()) == sorted(names)
    assert len(names) == 2
    mail = message_from_bytes((folder / names[0]).read_bytes(), policy=policy.default)
    assert mail["To"].addresses[0].addr_spec == ANN


def test_a_mail_that_is_unknown_failed_or_waits_is_not_called_told(
    postmortem: Postmortem, google: GoogleWorld, customers: Customers
) -> None:
    postmortem("start", "Wrong amounts")
    google.misbehave("404", "gmail.users.drafts.create", times=1)
    postmortem("status", "identified")
    words = ("--stage", "identified", "--send", "--confirm", "1")
    postmortem("notify", str(customers(1)), *words, expect=6)
    google.behave()
    postmortem("status", "resolved")
    held = ("--stage", "resolved", "--draft-only", "--send", "--confirm", "1")
    postmortem("notify", str(customers(1)), *held)
    out = postmortem("told", ANN).out
    assert "  failed    " in out
    assert "  waits     " in out
    assert [each["state"] for each in postmortem.json("told", ANN)["notices"]] == [
        "failed",
        "drafted",
    ]


def test_an_address_without_notices_is_said_so(two_incidents: Postmortem) -> None:
    assert "was sent nothing" in two_incidents("told", "eve@other.example").out
    assert two_incidents.json("told", "eve@other.example") == {
        "email": "eve@other.example",
        "notices": [],
        "files": [],
    }
    # Text that is not an address is searched in names and companies.
    assert "Nobody like “no address”" in two_incidents("told", "no address").out
