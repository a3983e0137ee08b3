"""`--test`: one customer's mail to our own address, also as a draft, and at any time."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.command_line import CustomerList, Postmortem
from tests.google_world import GoogleWorld

Customers = Callable[[int], CustomerList]
ME = "me@team.example"


@pytest.fixture(autouse=True)
def an_incident(postmortem: Postmortem) -> None:
    postmortem("start", "Wrong amounts", "--impact", "Invoices show wrong amounts.")


def test_a_test_that_waits_as_a_draft_can_be_finished(
    postmortem: Postmortem, google: GoogleWorld, customers: Customers
) -> None:
    found = postmortem.json("notify", str(customers(2)), "--test", ME, "--draft-only")
    assert found["mode"] == "test"
    assert google.sent() == []
    assert len(google.drafts()) == 1
    shown = postmortem("show")
    assert f"still to send: postmortem resume {found['notice']}" in shown.out
    done = postmortem.json("resume", found["notice"], "--confirm", "1")
    assert (done["mode"], done["counts"]["sent"]) == ("test", 1)
    assert google.copies_per_recipient() == {ME: 1}
    assert google.drafts() == []
    assert postmortem.json("show")["notices"] == []
    assert "resume" not in postmortem("show").out


def test_a_test_is_found_by_resume_where_nothing_else_waits(
    postmortem: Postmortem, google: GoogleWorld, customers: Customers
) -> None:
    postmortem("notify", str(customers(2)), "--test", ME, "--draft-only")
    postmortem("resume", "--confirm", "1")
    assert google.copies_per_recipient() == {ME: 1}


def test_a_test_that_waits_as_a_draft_can_be_withdrawn(
    postmortem: Postmortem, google: GoogleWorld, customers: Customers
) -> None:
    found = postmortem.json("notify", str(customers(2)), "--test", ME, "--draft-only")
    postmortem("resume", found["notice"], "--discard")
    assert google.drafts() == []
    assert google.sent() == []


def test_a_test_is_sent_as_often_as_it_is_asked_for_and_is_no_customers_mail(
    postmortem: Postmortem, google: GoogleWorld, customers: Customers
) -> None:
    listed = customers(2)
    second = listed.addresses[1]
    for _ in range(2):
        assert postmortem.json("notify", str(listed), "--test", second)["counts"]["sent"] == 1
    assert google.copies_per_recipient() == {second: 2}
    postmortem("notify", str(listed), "--send", "--confirm", "2")
    assert google.copies_per_recipient() == {listed.addresses[0]: 1, second: 3}


@pytest.mark.parametrize(("row", "name"), [((), "Person 1"), (("--row", "3"), "Person 2")])
def test_a_test_works_after_everybody_has_the_words(
    postmortem: Postmortem,
    google: GoogleWorld,
    customers: Customers,
    row: tuple[str, ...],
    name: str,
) -> None:
    listed = str(customers(2))
    postmortem("notify", listed, "--send", "--confirm", "2")
    before = google.copies_per_recipient()
    postmortem("notify", listed, "--test", ME, *row)
    assert google.copies_per_recipient() == before | {ME: 1}
    (test,) = [mail for mail in google.sent() if mail["To"].addresses[0].addr_spec == ME]
    plain = test.get_body(("plain",))
    assert plain is not None
    assert name in plain.get_content()
