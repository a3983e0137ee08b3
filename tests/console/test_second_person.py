"""A plan in two people's consoles: proposed, approved, and then sent by its number."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.command_line import CustomerList, Postmortem
from tests.conftest import CONFIG
from tests.console.visitor import Page, Visitor, served, until
from tests.google_world import GoogleWorld

Customers = Callable[[int], CustomerList]


@pytest.fixture
def ann(postmortem: Postmortem) -> Postmortem:
    """Somebody whose team wants a second person for every notice."""
    postmortem.configure(f"require_approval = true\n{CONFIG}")
    return replace(postmortem, environment={**postmortem.environment, "LOGNAME": "ann"})


@pytest.fixture
def ben(ann: Postmortem) -> Postmortem:
    """A colleague on the same ledger."""
    return replace(ann, environment={**ann.environment, "LOGNAME": "ben"})


def press(visitor: Visitor, page: Page, ending: str, **typed: str) -> Page:
    """Send a form to another address of the same page, as its second button does."""
    form = page.form("/send")
    answer = visitor.session.post(
        f"{visitor.origin}{form.action.rpartition('/')[0]}{ending}",
        data={**form.fields, **typed},
        headers={"Origin": visitor.origin},
        timeout=60,
    )
    return Page(answer)


def test_a_plan_is_proposed_by_one_and_approved_by_another_and_then_sent(
    ann: Postmortem, ben: Postmortem, google: GoogleWorld, customers: Customers
) -> None:
    incident = ann.json("start", "Wrong amounts")["incident"]
    listed = customers(2)
    files = {"list": ("customers.csv", listed.path.read_bytes())}
    with served(ann) as server:
        visitor = Visitor(server)
        page = visitor.submit(visitor.open(f"incident/{incident}/notify/"), "/notify/", files=files)
        refused = visitor.submit(page, "/send", number="2", expect=422)
        assert "needs the approval of a second person" in refused.text
        page = press(visitor, page, "/propose")
        assert "Somebody else has to approve it." in page.text
        assert not any(form.action.endswith("/approve") for form in page.forms)
    google.people({"does": "comment", "text": "Say the date <b>"})
    with served(ben) as server:
        visitor = Visitor(server)
        page = visitor.open(f"incident/{incident}/notify/")
        assert "Open comments in the doc" in page.text
        assert "Say the date &lt;b&gt;" in page.html
        page = visitor.submit(page, "/approve")
        assert "Approved: plan" in page.text
    assert google.sent() == []
    with served(ann) as server:
        visitor = Visitor(server)
        page = visitor.open(f"incident/{incident}/notify/")
        refused = visitor.submit(page, "/send", number="3", expect=422)
        assert "this would send to 2" in refused.text
        page = visitor.submit(page, "/send", number="2")
        until(lambda: "2 of 2 sent" in visitor.open(page.address.partition("?")[0]).text)
    assert google.copies_per_recipient() == dict.fromkeys(listed.addresses, 1)


def test_nobody_approves_their_own_plan(
    ann: Postmortem, google: GoogleWorld, customers: Customers
) -> None:
    incident = ann.json("start", "Wrong amounts")["incident"]
    plan = ann.json("notify", str(customers(1)), "--propose")["plan"]
    with served(ann) as server:
        visitor = Visitor(server)
        page = visitor.open(f"incident/{incident}/notify/")
        answer = visitor.session.post(
            f"{visitor.address}incident/{incident}/plan/{plan}/approve",
            data={"csrf": page.form("/notify/").fields["csrf"]},
            headers={"Origin": visitor.origin},
            timeout=30,
        )
        assert answer.status_code == 422
    ann("notify", "--send", "--plan", plan, expect=3)
    assert google.sent() == []
