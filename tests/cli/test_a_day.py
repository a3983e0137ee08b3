"""The example day, from 2:39 PM to 6:45 PM, through the command line."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from tests.command_line import CustomerList, Postmortem
from tests.google_world import ACCOUNT, GoogleWorld

Customers = Callable[[int], CustomerList]

DAY = "2026-11-23"
ENTRIES = (
    ("2:39 PM", "Recognized somethin' wasn't right"),
    (
        "2:43 PM",
        "Alerted customer-facing colleagues of the known issue and the estimated impact via Slack",
    ),
    ("2:48 PM", "Started troubleshooting"),
    (
        "2:55 PM",
        "Identified and corrected the root cause (with the help of an awesome chat support agent "
        "for one of the services we use)",
    ),
    (
        "3:03 PM",
        "Collaborated via Slack with two people in my job family to determine an approprite "
        "customer-facing response",
    ),
    (
        "6:14 PM",
        "Shared internal documentation in a Google Doc outlining the status, cause, solution, "
        "and impact",
    ),
    ("6:39 PM", "Delivered the customer-facing response via email to impacted customers, and"),
    (
        "6:45 PM",
        "Updated the shared internal documentation to close the loop, including a copy of the "
        "customer-facing response",
    ),
)
SECTIONS = (
    "Summary",
    "Impact",
    "Root cause",
    "Timeline",
    "Solution",
    "Customer-facing response",
    "What we learned",
    "What we will do next time",
    "Supporting data",
    "How to contact support",
)


def a_day(postmortem: Postmortem, customers: CustomerList, **words: str) -> str:
    """Go through the day; returns the doc's id."""
    title = words.get("title", "A message went to the wrong customers")
    impact = "12 customers"
    start: tuple[str, ...] = ("start", title, "--at", f"{DAY} 14:39", "--impact", impact)
    if "for_customers" in words:  # what customers read, which a script is not asked for
        start += ("--customer-title", title, "--customer-impact", impact)
    started = postmortem.json(*start)
    for clock, text in ENTRIES:
        postmortem("log", words.get("before", "") + text, "--at", f"{DAY} {clock}")
    postmortem("status", "resolved", "--at", f"{DAY} 18:30")
    count = len(customers.addresses)
    if count:
        postmortem("notify", str(customers), "--send", "--confirm", str(count))
    postmortem("close", "--at", f"{DAY} 18:45")
    return str(started["doc_id"])


def assert_in_order(text: str, parts: list[str]) -> None:
    at = 0
    for part in parts:
        found = text.find(part, at)
        assert found >= 0, (
            f"{part!r} is missing, or out of order, after {text[max(0, at - 80) : at]!r}"
        )
        at = found + len(part)


@pytest.mark.parametrize("count", [0, 1, 12, 500])
def test_the_doc_holds_all_eight_entries_in_order_and_each_customer_has_one_mail(
    postmortem: Postmortem, google: GoogleWorld, customers: Customers, count: int
) -> None:
    listed = customers(count)
    doc = google.text(a_day(postmortem, listed))

    timeline = doc[doc.index("\nTimeline\n") : doc.index("\nSolution\n")]
    assert_in_order(timeline, [f"{clock} CET" for clock, _ in ENTRIES])
    assert_in_order(timeline, [text for _, text in ENTRIES])
    assert_in_order(doc, [f"\n{title}\n" for title in SECTIONS])
    assert google.copies_per_recipient() == dict.fromkeys(listed.addresses, 1)
    if count:
        assert f"Accepted by Gmail: {count} of {count}" in doc
        assert "Subject: A message went to the wrong customers – resolved" in doc
    assert "Status: Resolved" in doc
    assert "Duration: 3 h 51 min" in doc  # until it was resolved at 6:30 PM


def test_nobody_sees_anothers_address(
    postmortem: Postmortem, google: GoogleWorld, customers: Customers
) -> None:
    listed = customers(5)
    a_day(postmortem, listed)
    for mail in google.sent():
        whole = mail.as_string()
        seen = {each for each in listed.addresses if re.search(rf"\b{re.escape(each)}\b", whole)}
        assert len(seen) == 1
        assert mail["From"].addresses[0].addr_spec == ACCOUNT


def test_the_text_that_was_sent_stands_in_the_doc(
    postmortem: Postmortem, google: GoogleWorld, customers: Customers
) -> None:
    doc = google.text(a_day(postmortem, customers(2)))
    response = doc[doc.index("\nCustomer-facing response\n") : doc.index("\nWhat we learned\n")]
    body = google.sent()[0].get_body(("plain",))
    assert body is not None
    for line in body.get_content().splitlines():
        assert re.sub(r"Person \d", "‹name›", line).strip() in response


AWKWARD = "🧯👩‍🚒 été Ω\u0301 مرحبا בעולם {{ name }} {% raw %} <b>bold</b> *x* [y](z) \\u0041"


def test_any_script_and_any_marks_come_out_as_they_went_in(
    postmortem: Postmortem, google: GoogleWorld, customers: Customers
) -> None:
    listed = customers(1)
    listed.path.write_text(f'email,name\nperson1@customer.example,"{AWKWARD}"\n', encoding="utf-8")
    doc = google.text(a_day(postmortem, listed, title=AWKWARD, before=AWKWARD + " "))

    assert doc.startswith(AWKWARD)
    assert "*x*" in AWKWARD  # which is Markdown, and so italic in an entry; the rest is not
    for _, text in ENTRIES:
        assert f"{AWKWARD.replace('*x*', 'x')} {text}" in doc
    mail = google.sent()[0]
    body = mail.get_body(("plain",))
    assert body is not None
    assert AWKWARD in body.get_content()
    assert AWKWARD in str(mail["Subject"])
    # Python's parser puts a space between the encoded words of a name, against RFC 2047, 6.2.
    seen = mail["To"].addresses[0].display_name
    assert seen.replace(" ", "") == AWKWARD.replace(" ", "")


def test_a_title_of_three_thousand_characters_is_a_title(
    postmortem: Postmortem, google: GoogleWorld, customers: Customers
) -> None:
    title = "long " * 600
    doc_id = a_day(postmortem, customers(1), title=title)
    assert google.text(doc_id).startswith(title.strip())
    assert len(str(google.sent()[0]["Subject"])) <= 200
