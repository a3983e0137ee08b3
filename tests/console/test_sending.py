"""Whatever happens to the console, each customer gets one mail, as the mailbox shows."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.announce.test_reminders import HOOK, minutes_pass, promise, reminded, set_up
from tests.command_line import CustomerList, Postmortem, running, write_customers
from tests.console.visitor import Page, Visitor, served, until
from tests.google_world import GoogleWorld

SEND = "gmail.users.drafts.send"


@dataclass(frozen=True)
class Started:
    """A console in its own process, as described by its JSON."""

    address: str
    way_in: Path
    process: subprocess.Popen[str]


@contextmanager
def console(person: Postmortem) -> Iterator[Started]:
    """`postmortem console` as a person starts it; killed at the end if it still runs."""
    with running(person.start_process("console", "--json", "--no-browser")) as process:
        assert process.stdout is not None
        said = ""
        for line in process.stdout:
            said += line
            if line.startswith("}"):
                break
        where = json.loads(said)
        yield Started(where["address"], Path(where["way_in"]), process)


@pytest.fixture
def listed(tmp_path: Path) -> CustomerList:
    return write_customers(tmp_path / "customers.csv", 12)


@pytest.fixture
def incident(postmortem: Postmortem) -> str:
    return str(postmortem.json("start", "Wrong amounts")["incident"])


def written(visitor: Visitor, incident: str, listed: CustomerList) -> Page:
    """The page with everything filled in but the number."""
    page = visitor.open(f"incident/{incident}/notify/")
    content = listed.path.read_bytes()
    return visitor.submit(page, "/notify/", files={"list": (listed.path.name, content)})


def is_sent(visitor: Visitor, page: Page, count: int) -> bool:
    return f"{count} of {count} sent" in visitor.open(page.address.partition("?")[0]).text


def test_the_server_is_killed_in_mid_send_and_nothing_is_twice_and_nothing_lost(
    postmortem: Postmortem, google: GoogleWorld, incident: str, listed: CustomerList
) -> None:
    google.set(latency_seconds=0.3)
    with console(postmortem) as first:
        visitor = Visitor(first)
        visitor.submit(written(visitor, incident, listed), "/send", number="12")
        until(lambda: google.calls().get(SEND, 0) >= 3)
        first.process.kill()
        first.process.wait()
    sent_before = len(google.sent())
    assert 0 < sent_before < 12
    google.set(latency_seconds=0)
    with console(postmortem) as second:
        visitor = Visitor(second)
        notice = postmortem.json("show")["notices"][0]["notice"]
        page = visitor.open(f"notice/{notice}/")
        assert "still to send" in page.text
        page = visitor.submit(page, "/go-on")
        until(lambda: "The text that was sent is in the doc." in visitor.open(page.address).text)
    assert google.copies_per_recipient() == dict.fromkeys(listed.addresses, 1)
    assert postmortem.json("show")["notices"][0]["copied_back"]
    assert google.drafts() == []


def test_the_terminal_of_the_console_hears_nothing_of_each_request(
    postmortem: Postmortem, incident: str
) -> None:
    postmortem("start", "Another one that is open")
    with console(postmortem) as started:
        Visitor(started).open(f"incident/{incident}/")
        started.process.terminate()
        _, said = started.process.communicate(timeout=60)
    assert "Wrong amounts" not in said


def test_reminders_are_said_while_the_console_runs_without_a_page(
    postmortem: Postmortem, google: GoogleWorld, customers: Callable[[int], CustomerList]
) -> None:
    set_up(postmortem, google, HOOK)
    postmortem("start", "Wrong amounts")
    promise(postmortem, customers)
    minutes_pass(postmortem, google, 31)
    with served(postmortem):
        until(lambda: reminded(google) == ["now"])


def test_two_tabs_press_send_at_the_same_time(
    visitor: Visitor, google: GoogleWorld, incident: str, listed: CustomerList
) -> None:
    google.set(latency_seconds=0.05)
    one = written(visitor, incident, listed)
    two = written(visitor, incident, listed)
    with ThreadPoolExecutor() as tabs:
        pressed = [tabs.submit(_press, visitor, page) for page in (one, one, two)]
        answers = [each.result() for each in pressed]
    assert any("/notice/" in each.address for each in answers)
    shown = next(each for each in answers if "/notice/" in each.address)
    until(lambda: is_sent(visitor, shown, 12))
    assert google.copies_per_recipient() == dict.fromkeys(listed.addresses, 1)


def _press(visitor: Visitor, page: Page) -> Page:
    form = page.form("/send")
    answer = visitor.session.post(
        f"{visitor.origin}{form.action}",
        data={**form.fields, "number": "12"},
        headers={"Origin": visitor.origin},
        timeout=60,
    )
    assert answer.status_code in {200, 404, 422}, answer.text[:1000]
    return Page(answer)


def test_the_console_and_the_command_line_send_side_by_side(
    visitor: Visitor,
    postmortem: Postmortem,
    google: GoogleWorld,
    incident: str,
    listed: CustomerList,
) -> None:
    google.set(latency_seconds=0.05)
    page = visitor.submit(written(visitor, incident, listed), "/send", number="12")
    until(lambda: google.calls().get(SEND, 0) >= 1)
    with running(postmortem.start_process("resume")) as beside:
        beside.wait(timeout=60)
    until(lambda: is_sent(visitor, page, 12))
    assert google.copies_per_recipient() == dict.fromkeys(listed.addresses, 1)


def test_pause_stops_between_two_mails_and_go_on_finishes(
    visitor: Visitor, google: GoogleWorld, incident: str, listed: CustomerList
) -> None:
    google.set(latency_seconds=0.4)
    page = visitor.submit(written(visitor, incident, listed), "/send", number="12")
    until(lambda: google.calls().get(SEND, 0) >= 2)
    page = visitor.submit(visitor.open(page.address), "/pause")
    assert "Paused." in page.text
    until(lambda: "sending now" not in visitor.open(page.address).text)
    paused_at = len(google.sent())
    assert paused_at < 12
    google.set(latency_seconds=0)
    page = visitor.submit(visitor.open(page.address), "/go-on")
    until(lambda: is_sent(visitor, page, 12))
    assert google.copies_per_recipient() == dict.fromkeys(listed.addresses, 1)


@pytest.mark.parametrize("number", ["", "11", "120", "twelve", "-12"])
def test_another_number_than_the_plans_sends_nothing(
    visitor: Visitor, google: GoogleWorld, incident: str, listed: CustomerList, number: str
) -> None:
    page = visitor.submit(written(visitor, incident, listed), "/send", number=number, expect=422)
    assert "Nothing was sent: this would send to 12" in page.text
    assert google.sent() == []
    assert google.drafts() == []


def test_what_was_not_looked_at_is_not_sent(
    visitor: Visitor,
    postmortem: Postmortem,
    google: GoogleWorld,
    incident: str,
    listed: CustomerList,
) -> None:
    page = written(visitor, incident, listed)
    visitor.submit(page, "/check", subject="Other words")
    refused = visitor.submit(page, "/send", number="12", expect=422)
    assert "has changed since you looked" in refused.text
    assert google.sent() == []
    # A colleague's notice in between is such a change as well.
    again = visitor.open(page.address)
    postmortem("notify", str(listed), "--subject", "Other words", "--send", "--confirm", "12")
    shown = visitor.submit(again, "/send", number="12")
    assert "Nothing new was sent" in shown.text
    assert google.copies_per_recipient() == dict.fromkeys(listed.addresses, 1)


def test_a_test_goes_to_its_address_alone(
    visitor: Visitor,
    postmortem: Postmortem,
    google: GoogleWorld,
    incident: str,
    listed: CustomerList,
) -> None:
    page = written(visitor, incident, listed)
    page = visitor.submit(page, "/test", address="me@our.example", row="3")
    assert "Test: accepted by Gmail 1 of 1" in page.text
    assert google.copies_per_recipient() == {"me@our.example": 1}
    body = google.sent()[0].get_body(("plain",))
    assert body is not None
    assert "Person 2" in body.get_content()  # the customer in row 3, below the header
    assert postmortem.json("show")["notices"] == []


def test_gmail_fails_for_some_and_the_page_leads_on(
    visitor: Visitor,
    postmortem: Postmortem,
    google: GoogleWorld,
    incident: str,
    listed: CustomerList,
) -> None:
    google.misbehave("400_invalid_to", "gmail.users.drafts.create", times=1)
    page = visitor.submit(written(visitor, incident, listed), "/send", number="12")
    until(lambda: "1 failed" in visitor.open(page.address).text)
    page = visitor.open(page.address)
    (failed,) = postmortem.json("show")["notices"][0]["failures"]
    assert all(str(part) in page.text for part in failed.values())
    refused = visitor.submit(page, "/retry-failed", number="2", expect=422)
    assert "Nothing was sent again: this would send to 1 customer." in refused.text
    page = visitor.submit(page, "/retry-failed", number="1")
    until(lambda: is_sent(visitor, page, 12))
    assert google.copies_per_recipient() == dict.fromkeys(listed.addresses, 1)


def test_drafts_under_review_are_shown_as_differences_and_decided_about(
    visitor: Visitor, google: GoogleWorld, incident: str, listed: CustomerList
) -> None:
    page = written(visitor, incident, listed)
    page = visitor.submit(page, "/check", draft_only="yes")
    page = visitor.submit(page, "/send", number="12")
    until(lambda: len(google.drafts()) == 12)
    until(lambda: "sending now" not in visitor.open(page.address).text)
    page = visitor.open(page.address)
    google.person.edits_draft("person1@customer.example", text="Other words altogether.")
    google.person.edits_draft("person2@customer.example", text="To be left out.")
    google.person.edits_draft("person3@customer.example", text="To be put back.")
    page = visitor.submit(page, "/go-on", number="12", expect=422)
    assert "was edited in Gmail. Look at what it says now, and decide." in page.text
    assert "Other words altogether." in page.text
    assert google.sent() == []
    wanted = {"person1": "as-edited", "person2": "leave-out", "person3": "restore"}
    choices: dict[str, Any] = dict(_choices(page, wanted))
    page = visitor.submit(page, "/go-on", number="11", **choices)
    until(lambda: len(google.sent()) == 11)
    until(lambda: "sending now" not in visitor.open(page.address).text)
    bodies = {}
    for mail in google.sent():
        body = mail.get_body(("plain",))
        assert body is not None
        bodies[mail["To"].addresses[0].username] = body.get_content()
    assert "person2" not in bodies
    assert "Other words altogether." in bodies["person1"]
    assert "To be put back." not in bodies["person3"]


def _choices(page: Page, wanted: dict[str, str]) -> Iterator[tuple[str, str]]:
    """The name of each decision's field, by the customer in its box."""
    for box in page.html.split("<fieldset")[1:]:
        for name, decision in wanted.items():
            if f"{name}@" in box:
                yield (
                    box.split('name="decision-')[1].split('"')[0].join(("decision-", "")),
                    decision,
                )
