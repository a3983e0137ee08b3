"""Internal text stays internal: customers read text written for them or approved as such."""

from __future__ import annotations

import email.header
from collections.abc import Callable

import pytest

from tests.command_line import CustomerList, Postmortem
from tests.google_world import GoogleWorld
from tests.terminal import at_a_terminal

Customers = Callable[[int], CustomerList]
TITLE, IMPACT = "DB migration 77 broke totals", "Ann's import hit 200 tenants"
THEIRS, THEIR_IMPACT = "Wrong amounts on your invoice", "Your total may be too high."


def _send(postmortem: Postmortem, listed: CustomerList, *more: str) -> None:
    count = str(len(listed.addresses))
    postmortem("notify", str(listed), "--send", "--confirm", count, *more)


def _mail(google: GoogleWorld) -> str:
    message = google.sent()[-1]
    body = message.get_body(("plain",))
    assert body is not None
    subject = str(email.header.make_header(email.header.decode_header(message["Subject"])))
    return f"{subject}\n{' '.join(body.get_content().split())}"


@pytest.mark.parametrize("way", ["start", "edit"])
def test_customers_read_the_words_that_are_for_them(
    postmortem: Postmortem, google: GoogleWorld, customers: Customers, way: str
) -> None:
    words = ["--customer-title", THEIRS, "--customer-impact", THEIR_IMPACT]
    doc = postmortem.json("start", TITLE, "--impact", IMPACT, *(words if way == "start" else []))
    if way == "edit":
        postmortem("edit", *words)
    sheet = postmortem("notify", str(customers(1)))
    assert f"Title     {THEIRS}" in sheet.out
    assert f"Impact    {THEIR_IMPACT}" in sheet.out
    assert "colleagues" not in sheet.err
    _send(postmortem, customers(1))
    mail = _mail(google)
    assert THEIRS in mail
    assert THEIR_IMPACT in mail
    assert "migration" not in mail
    assert "tenants" not in mail
    assert TITLE in google.text(doc["doc_id"])
    shown = postmortem.json("show")
    assert (shown["title"], shown["customer_title"]) == (TITLE, THEIRS)
    assert (shown["impact"], shown["customer_impact"]) == (IMPACT, THEIR_IMPACT)


def test_a_script_gets_the_internal_words_and_a_warning_that_shows_them(
    postmortem: Postmortem, google: GoogleWorld, customers: Customers
) -> None:
    postmortem("start", TITLE, "--impact", IMPACT)
    found = postmortem.json("notify", str(customers(1)))["findings"]
    said = {each["code"]: each["message"] for each in found}
    assert f"“{TITLE}”" in said["internal_title"]
    assert f"“{IMPACT}”" in said["internal_impact"]
    assert "postmortem edit --customer-title" in said["internal_title"]
    _send(postmortem, customers(1))
    assert TITLE in _mail(google)


def test_words_that_no_mail_shows_are_not_warned_about(
    postmortem: Postmortem, customers: Customers
) -> None:
    postmortem("start", TITLE, "--impact", IMPACT)
    found = postmortem.json(
        *("notify", str(customers(1)), "--subject", "Your invoice"),
        *("--set", "what_happened=Totals are wrong", "--set", "who_is_hit=You may be"),
    )["findings"]
    assert not [each for each in found if each["code"].startswith("internal_")]


def test_a_person_is_asked_once(
    postmortem: Postmortem, google: GoogleWorld, customers: Customers
) -> None:
    postmortem("start", TITLE, "--impact", IMPACT)
    asked = at_a_terminal(postmortem, "notify", str(customers(1)), typed=f"{THEIRS}\n")
    assert f"Customers read this title: {TITLE}" in asked.out
    assert f"Customers read this impact: {IMPACT}" in asked.out
    shown = postmortem.json("show")
    assert shown["customer_title"] == THEIRS
    assert shown["customer_impact"] == IMPACT  # Enter keeps it
    again = at_a_terminal(postmortem, "notify", str(customers(1)))
    assert "Customers read" not in again.out
    _send(postmortem, customers(1))
    assert THEIRS in _mail(google)


def test_a_new_impact_for_colleagues_reaches_customers_only_where_it_was_theirs(
    postmortem: Postmortem,
) -> None:
    postmortem("start", TITLE, "--impact", IMPACT, "--customer-impact", IMPACT)
    postmortem("impact", "Ann's import hit 340 tenants")
    assert postmortem.json("show")["customer_impact"] is None
    postmortem("edit", "--customer-impact", THEIR_IMPACT)
    said = postmortem("impact", "Ann's import hit 350 tenants").err
    assert f"Customers still read the impact “{THEIR_IMPACT}”" in said
    assert f"“{THEIR_IMPACT}” To change that: postmortem edit --customer-impact" in said
    assert postmortem.json("show")["customer_impact"] == THEIR_IMPACT


def test_a_new_title_for_colleagues_leaves_that_of_customers(postmortem: Postmortem) -> None:
    postmortem("start", TITLE, "--customer-title", THEIRS)
    said = postmortem("edit", "--title", "Migration 78 broke totals").err
    assert f"Customers still read the title “{THEIRS}”. To change that: " in said
    assert postmortem.json("edit", "--customer-title", "")["customer_title"] is None


def test_a_title_for_customers_fits_a_subject(postmortem: Postmortem) -> None:
    postmortem("start", TITLE)
    said = postmortem("edit", "--customer-title", "x" * 400, expect=3).err
    assert "300 characters" in said
    postmortem("edit", "--customer-title", " Wrong\n totals ")
    assert postmortem.json("show")["customer_title"] == "Wrong totals"
