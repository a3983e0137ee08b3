"""`publish`: what customers read of the notices that were sent to them."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.command_line import CustomerList, Postmortem
from tests.google_world import GoogleWorld

Customers = Callable[[int], CustomerList]
RESOLVED = ("--stage", "resolved", "--send")


@pytest.fixture
def author(postmortem: Postmortem) -> Postmortem:
    """Somebody with an incident in whose doc there are words for customers."""
    postmortem("start", "Wrong amounts")
    postmortem("section", "summary", "Invoices had wrong totals.")
    return postmortem


def told_lines(author: Postmortem) -> list[str]:
    """The lines about mails to customers, with their times, in the version that they would read."""
    lines = author.json("publish")["markdown"].splitlines()
    return [line for line in lines if "We wrote to" in line]


def without_times(lines: list[str]) -> list[str]:
    return [line.partition("** ")[2].strip() for line in lines]


def test_a_notice_sent_again_to_a_list_that_grew_is_one_entry_with_the_total(
    author: Postmortem, customers: Customers
) -> None:
    first_sent = author.json("notify", str(customers(2)), *RESOLVED, "--confirm", "2")["sent_at"]
    (before,) = told_lines(author)
    author("notify", str(customers(5)), *RESOLVED, "--confirm", "3")
    assert first_sent < author.json("show")["notices"][1]["sent_at"]
    (after,) = told_lines(author)
    assert "We wrote to 2 customers (resolved)" in before
    assert after == before.replace("2 customers", "5 customers")


def test_other_words_of_the_same_stage_are_another_entry(
    author: Postmortem, customers: Customers
) -> None:
    listed = str(customers(1))
    author("notify", listed, *RESOLVED, "--confirm", "1")
    author("notify", listed, *RESOLVED, "--confirm", "1", "--subject", "Once more")
    told = without_times(told_lines(author))
    assert told == ["We wrote to 1 customer (resolved)"] * 2


def test_only_those_whose_mail_was_accepted_are_counted(
    author: Postmortem, google: GoogleWorld, customers: Customers
) -> None:
    google.misbehave("400_no_mailbox", "gmail.users.drafts.send", times=1)
    author("notify", str(customers(3)), *RESOLVED, "--confirm", "3", expect=4)
    assert without_times(told_lines(author)) == ["We wrote to 2 customers (resolved)"]
