"""`publish`: the notices in the customers' version."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.command_line import CustomerList, Postmortem
from tests.google_world import GoogleWorld

Customers = Callable[[int], CustomerList]
RESOLVED = ("--stage", "resolved", "--send")


@pytest.fixture
def author(postmortem: Postmortem) -> Postmortem:
    """A person with an incident whose doc has text for customers."""
    postmortem("start", "Wrong amounts")
    postmortem("section", "summary", "Invoices had wrong totals.")
    postmortem("status", "resolved")
    return postmortem


def told_lines(author: Postmortem) -> list[str]:
    """The lines about mails to customers, with their times, in the customers' version."""
    lines = author.json("publish")["markdown"].splitlines()
    return [line for line in lines if "We emailed" in line]


def without_times(lines: list[str]) -> list[str]:
    return [line.partition("** ")[2].strip() for line in lines]


def test_a_notice_sent_again_to_a_list_that_grew_is_one_entry(
    author: Postmortem, customers: Customers
) -> None:
    first_sent = author.json("notify", str(customers(2)), *RESOLVED, "--confirm", "2")["sent_at"]
    before = told_lines(author)
    author("notify", str(customers(5)), *RESOLVED, "--confirm", "3")
    assert first_sent < author.json("show")["notices"][1]["sent_at"]
    assert without_times(before) == ["We emailed affected customers"]
    assert told_lines(author) == before


def test_other_words_of_the_same_stage_are_another_entry(
    author: Postmortem, customers: Customers
) -> None:
    listed = str(customers(1))
    author("notify", listed, *RESOLVED, "--confirm", "1")
    author("notify", listed, *RESOLVED, "--confirm", "1", "--subject", "Once more")
    told = without_times(told_lines(author))
    assert told == ["We emailed affected customers", "We emailed affected customers again"]


def test_customers_read_no_counts_and_no_names_of_stages(
    author: Postmortem, google: GoogleWorld, customers: Customers
) -> None:
    google.misbehave("400_no_mailbox", "gmail.users.drafts.send", skip=2, times=1)
    author("notify", str(customers(3)), *RESOLVED, "--confirm", "3", expect=None)
    page = author.json("publish")["markdown"]
    assert "We emailed affected customers" in page
    assert "The problem was fixed" in page
    for internal in ("3 customers", "2 customers", "resolved", "Resolved", "Investigating"):
        assert internal not in page
