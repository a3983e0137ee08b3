"""The console in a browser: the whole day by clicks, live pages, dropped files, any width."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from google_rehearsal.lifecycle import serve_in_thread
from tests.browser.test_pages_in_chromium import WEAK_TEXTS
from tests.cli.test_a_day import DAY, ENTRIES, a_day
from tests.command_line import Postmortem, write_customers
from tests.conftest import CONFIG, NO_LIMITS
from tests.console.test_a_day import TITLE, without_chance
from tests.console.test_sending import console as started
from tests.console.visitor import served, until
from tests.google_world import GoogleWorld
from workflow.console.app import ConsoleServer

PHONE, TABLET, DESK = 375, 768, 1440
# Each click waits for Google, which takes a while on a busy machine.
expect.set_options(timeout=20_000)


def opened(page: Page, way_in: Path) -> None:
    """Open the console as `postmortem console` does: by the private file."""
    page.goto(way_in.as_uri())
    expect(page.get_by_role("navigation", name="Console")).to_be_visible(timeout=30_000)
    # The page is there before its script has run.
    page.wait_for_load_state()


def leave(page: Page) -> None:
    """Leave a console that is about to end, in each tab.

    A stream that is just opening would be answered by a thread that no longer has its home.
    """
    for tab in page.context.pages:
        tab.goto("about:blank")


def day_by_clicks(page: Page, customers: Path, count: int) -> str:
    """Go through the example day with mouse and keyboard only; returns the incident's id."""
    page.get_by_label("What went wrong, in a few words").fill(TITLE)
    page.get_by_label("Who is affected, and how").fill("12 customers")
    page.get_by_label("When it began").fill(f"{DAY} 14:39")
    page.get_by_text("More").click()
    page.get_by_label("Title that customers read").fill(TITLE)
    page.get_by_label("Impact that customers read").fill("12 customers")
    page.get_by_role("button", name="Start the incident").click()
    expect(page.locator("h1")).to_have_text(TITLE)
    log = page.get_by_role("region", name="Log what happened")
    for clock, text in ENTRIES:
        log.get_by_label("What happened", exact=True).fill(text)
        log.get_by_label("When").fill(f"{DAY} {clock}")
        log.get_by_role("button", name="Log it").click()
        expect(page.get_by_role("status")).to_contain_text("Logged for 23 Nov 2026")
    status = page.get_by_role("region", name="Status")
    status.get_by_label("Resolved").check()
    status.get_by_label("When").fill(f"{DAY} 18:30")
    status.get_by_role("button", name="Set the status").click()
    expect(page.get_by_role("status")).to_contain_text("Status: Resolved")
    incident = re.findall(r"/incident/(\w+)/", page.url)[0]
    page.get_by_role("link", name="Write to customers").click()
    page.get_by_label("The list of customers").set_input_files(customers)
    page.get_by_role("button", name="Read the list").click()
    page.get_by_label(f"Type {count} to send to {count} customers").fill(str(count))
    page.get_by_role("button", name=f"Send to {count} customers").click()
    # The page gets its progress by itself.
    expect(page.get_by_text("The text that was sent is in the doc.")).to_be_visible(timeout=60_000)
    page.get_by_role("link", name="Back to").click()
    page.get_by_role("link", name="Close…").click()
    page.get_by_label("Closed at").fill(f"{DAY} 18:45")
    page.get_by_role("button", name="Close the incident").click()
    expect(page.get_by_role("status")).to_contain_text("Closed after")
    return str(incident)


def test_the_day_by_clicks_leaves_the_record_of_the_command_lines_day(
    page: Page, tmp_path: Path
) -> None:
    customers = write_customers(tmp_path / "customers.csv", 3)
    for name in ("typed", "clicked"):
        home = tmp_path / name
        home.mkdir(mode=0o700)
        with serve_in_thread(tmp_path / f"google-{name}", NO_LIMITS) as server:
            google = GoogleWorld(server)
            person = Postmortem(home, {"POSTMORTEM_GOOGLE_URL": google.url})
            person.configure(CONFIG)
            if name == "typed":
                a_day(person, customers, title=TITLE, for_customers="the same")
            else:
                with served(person) as console:
                    opened(page, console.way_in)
                    day_by_clicks(page, customers.path, 3)
                    leave(page)
            assert google.copies_per_recipient() == dict.fromkeys(customers.addresses, 1)
            person("export", str(home / "record"))
    records = {name: without_chance(tmp_path / name / "record") for name in ("typed", "clicked")}
    assert records["clicked"] == records["typed"]


@pytest.fixture
def console(page: Page, postmortem: Postmortem) -> Iterator[ConsoleServer]:
    """A console with an incident in it."""
    postmortem("start", "Wrong amounts", "--impact", "12 customers", "--severity", "SEV2")
    with served(postmortem) as server:
        yield server
        leave(page)


def test_an_outage_with_google_away_is_told_and_finished_by_clicks(
    page: Page, console: ConsoleServer, postmortem: Postmortem, google: GoogleWorld, tmp_path: Path
) -> None:
    """Google fails in the middle of the day: nothing is lost, and each customer has one mail."""
    customers = write_customers(tmp_path / "customers.csv", 4)
    opened(page, console.way_in)
    google.misbehave("503", "docs.*")
    log = page.get_by_role("region", name="Log what happened")
    log.get_by_label("What happened", exact=True).fill("The checkout is down")
    log.get_by_role("button", name="Log it").click()
    expect(page.get_by_role("status")).to_contain_text("Recorded, but not in the doc yet.")
    google.behave()
    # A sender that meets only errors gives up sooner with a short time-out.
    postmortem.configure(CONFIG.replace("timeout_seconds = 5", "timeout_seconds = 1"))
    page.get_by_role("button", name="Sync now").click()
    expect(page.get_by_role("status")).to_contain_text("everything is in the doc.")
    google.misbehave("503", "gmail.users.drafts.send", skip=2)
    page.get_by_role("link", name="Write to customers").click()
    page.get_by_label("The list of customers").set_input_files(customers.path)
    page.get_by_role("button", name="Read the list").click()
    page.get_by_label("Next update").fill("30m")
    expect(page.get_by_role("button", name="Send to 4 customers")).to_be_visible()
    with page.expect_navigation():
        page.get_by_role("button", name="Check again").click()
    expect(page.get_by_text("It promises")).to_be_visible()
    page.get_by_label("Type 4 to send to 4 customers").fill("4")
    page.get_by_role("button", name="Send to 4 customers").click()
    go_on = page.get_by_role("button", name=re.compile("Go on sending|Send again|Try again"))
    expect(go_on.first).to_be_visible(timeout=60_000)
    google.behave()
    while go_on.count():
        if (number := page.get_by_label(re.compile(r"^Type \d+ to (send them|try)"))).count():
            asked = number.first.evaluate("e => e.labels[0].textContent.match(/\\d+/)[0]")
            number.first.fill(str(asked))
        go_on.first.click()
        expect(page.get_by_text("sending now")).to_have_count(0, timeout=60_000)
    expect(page.get_by_text("4 of 4 sent")).to_be_visible()
    assert google.copies_per_recipient() == dict.fromkeys(customers.addresses, 1)


def test_the_page_follows_what_is_said_at_the_terminal_and_the_clock_ticks(
    page: Page, console: ConsoleServer, postmortem: Postmortem, tmp_path: Path
) -> None:
    customers = write_customers(tmp_path / "customers.csv", 1)
    opened(page, console.way_in)
    page.wait_for_timeout(1500)  # so that the stream has had its first look
    postmortem("log", "Said at the terminal")
    expect(page.locator(".timeline")).to_contain_text("Said at the terminal")
    postmortem(
        "notify", str(customers), "--send", "--confirm", "1", "--next-update", "in 9 minutes"
    )
    clock = page.locator(".clock")
    expect(clock).to_have_text(re.compile(r"due in 8 min \d+ s"))
    expect(page.locator(".due.near", has=clock)).to_be_visible()
    before = clock.inner_text()
    expect(clock).not_to_have_text(before)
    # Said again until it is seen: the live part may be replaced in between.
    page.wait_for_function(
        "() => { const clock = document.querySelector('.clock');"
        " clock.dataset.due = '2026-01-01T00:00:00Z';"
        " return clock.closest('.due').classList.contains('late'); }"
    )


def test_a_change_while_an_older_state_is_on_its_way_is_shown_too(
    page: Page, console: ConsoleServer, postmortem: Postmortem
) -> None:
    opened(page, console.way_in)
    page.wait_for_timeout(1500)  # so that the stream has had its first look
    delayed: list[Route] = []

    def delay(route: Route) -> None:
        older = route.fetch()
        if not delayed:
            delayed.append(route)
            postmortem("log", "Said meanwhile")
            time.sleep(2)  # longer than the stream takes to say so
        route.fulfill(response=older)

    page.route("**/live", delay)
    postmortem("log", "Said first")
    expect(page.locator(".timeline")).to_contain_text("Said meanwhile")


def test_a_file_is_attached_by_dropping_it(
    page: Page, console: ConsoleServer, postmortem: Postmortem, google: GoogleWorld
) -> None:
    opened(page, console.way_in)
    page.get_by_text("Attach a file").click()
    drop = page.locator("[data-drop]").first
    given = page.evaluate_handle(
        "() => { const d = new DataTransfer();"
        " d.items.add(new File(['As found.'], 'notes.txt', {type: 'text/plain'})); return d; }"
    )
    drop.dispatch_event("drop", {"dataTransfer": given})
    page.get_by_role("button", name="Attach", exact=True).click()
    expect(page.get_by_role("status")).to_contain_text("Attached notes.txt")
    assert "As found." in google.text(postmortem.json("show")["doc_id"])


def test_the_mail_beside_the_words_follows_what_is_typed(
    page: Page, console: ConsoleServer, tmp_path: Path
) -> None:
    customers = write_customers(tmp_path / "customers.csv", 2)
    opened(page, console.way_in)
    page.get_by_role("link", name="Write to customers").click()
    page.get_by_label("The list of customers").set_input_files(customers.path)
    page.get_by_role("button", name="Read the list").click()
    preview = page.frame_locator("iframe.mails")
    mail = preview.frame_locator("iframe").locator("body")
    expect(mail).to_contain_text("Hello Person 1,")
    page.get_by_label("What happened").fill("Invoices of today show no discount.")
    page.keyboard.press("Tab")
    expect(mail).to_contain_text("Invoices of today show no discount.")
    preview.get_by_role("link", name="Next").click()
    expect(mail).to_contain_text("Hello Person 2,")
    preview.get_by_role("link", name="Phone").click()
    expect(preview.locator("iframe")).to_have_attribute("width", "375")
    page.get_by_label("Subject").fill("At 3 PM")
    page.keyboard.press("Tab")
    expect(page.locator(".findings")).to_contain_text("3 PM has no time zone")


def test_a_form_that_is_pressed_twice_is_sent_once(
    page: Page, console: ConsoleServer, postmortem: Postmortem, google: GoogleWorld
) -> None:
    opened(page, console.way_in)
    google.set(latency_seconds=0.2)
    log = page.get_by_role("region", name="Log what happened")
    log.get_by_label("What happened", exact=True).fill("Once")
    log.get_by_role("button", name="Log it").dblclick()
    expect(page.get_by_role("status")).to_contain_text("Logged for")
    texts = [entry["text"] for entry in postmortem.json("show")["timeline"]]
    assert texts.count("Once") == 1


def test_back_and_a_closed_tab_change_nothing_about_what_is_sent(
    page: Page, console: ConsoleServer, google: GoogleWorld, tmp_path: Path
) -> None:
    customers = write_customers(tmp_path / "customers.csv", 5)
    opened(page, console.way_in)
    page.get_by_role("link", name="Write to customers").click()
    page.get_by_label("The list of customers").set_input_files(customers.path)
    page.get_by_role("button", name="Read the list").click()
    google.set(latency_seconds=0.5)
    page.get_by_label("Type 5 to send to 5 customers").fill("5")
    page.get_by_role("button", name="Send to 5 customers").click()
    expect(page.get_by_text("sending now")).to_be_visible()
    page.go_back()
    if (again := page.get_by_role("button", name="Show how it stands")).count():
        again.click()
    else:  # the notice was sent, and its page is gone
        expect(page.get_by_text("This notice was sent or thrown away.")).to_be_visible()
    page.close()
    until(lambda: len(google.sent()) == 5)
    assert google.copies_per_recipient() == dict.fromkeys(customers.addresses, 1)


def test_a_page_says_that_its_console_was_killed(
    page: Page, postmortem: Postmortem, google: GoogleWorld
) -> None:
    postmortem("start", "Wrong amounts")
    with started(postmortem) as console:
        opened(page, console.way_in)
        expect(page.get_by_role("alert")).to_have_count(0)
        console.process.kill()
        expect(page.get_by_role("alert")).to_contain_text("The console does not answer")


def test_tabs_that_nobody_looks_at_take_no_connection(
    page: Page, console: ConsoleServer, postmortem: Postmortem
) -> None:
    """Browsers keep six connections to a server at most, and each open stream is one."""
    opened(page, console.way_in)
    address = page.url
    hide = (
        "value => { Object.defineProperty(document, 'hidden', {value, configurable: true});"
        " document.dispatchEvent(new Event('visibilitychange')); }"
    )
    page.evaluate(hide, True)
    for _ in range(6):
        tab = page.context.new_page()
        tab.goto(address)
        tab.evaluate(hide, True)
    postmortem("log", "Said while nobody looked")
    tab = page.context.new_page()
    tab.goto(address, timeout=15_000)
    expect(tab.locator(".timeline")).to_contain_text("Said while nobody looked")
    page.evaluate(hide, False)
    expect(page.locator(".timeline")).to_contain_text("Said while nobody looked")


def test_a_rehearsal_is_played_and_its_score_is_shown(page: Page, console: ConsoleServer) -> None:
    opened(page, console.way_in)
    page.get_by_role("link", name="Rehearsals").click()
    page.get_by_role("link", name="The checkout is down").click()
    page.get_by_role("button", name="Play it").click()
    expect(page.get_by_role("heading", name="Score")).to_be_visible(timeout=120_000)
    score = page.locator("#play .figures")
    expect(score).to_contain_text("time to first notice")
    expect(score).to_contain_text("promises kept")
    expect(page.locator("#play .story")).to_contain_text("postmortem notify")
    expect(page.get_by_role("button", name="Play it again")).to_be_enabled()
    expect(page.get_by_role("link", name="The mailbox")).to_be_visible()
    page.get_by_role("link", name="Reports").click()
    expect(page.get_by_role("link", name="Wrong amounts")).to_be_visible()


def test_the_whole_page_is_reached_by_the_keyboard(page: Page, console: ConsoleServer) -> None:
    opened(page, console.way_in)
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    text = page.get_by_label("What happened", exact=True)
    for _ in range(12):
        page.keyboard.press("Tab")
        if text.evaluate("e => e === document.activeElement"):
            break
    page.keyboard.type("Typed without a mouse")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator(".timeline")).to_contain_text("Typed without a mouse")


def test_every_page_can_be_read_without_javascript(
    browser: Browser, console: ConsoleServer, postmortem: Postmortem
) -> None:
    postmortem("log", "To be read")
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(console.way_in.as_uri())
    page.get_by_role("button", name="Open the console").click()
    page.wait_for_url(re.compile("/incident/"))
    expect(page.locator(".timeline")).to_contain_text("To be read")
    page.get_by_label("What happened", exact=True).fill("And written")
    page.get_by_role("button", name="Log it").click()
    expect(page.locator(".timeline")).to_contain_text("And written")
    context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_fit_every_width_and_stand_out_in_both_schemes(
    page: Page,
    console: ConsoleServer,
    postmortem: Postmortem,
    tmp_path: Path,
    scheme: Literal["light", "dark"],
) -> None:
    customers = write_customers(tmp_path / "customers.csv", 2)
    postmortem("log", "Überlang🧯שלום" * 40)
    postmortem("notify", str(customers), "--send", "--confirm", "2", "--next-update", "5m")
    shown = postmortem.json("show")
    incident, notice = shown["incident"], shown["notices"][0]["notice"]
    opened(page, console.way_in)
    page.emulate_media(color_scheme=scheme)
    page.goto(f"{console.address}incident/{incident}/notify/")
    page.get_by_label("The list of customers").set_input_files(customers.path)
    page.get_by_role("button", name="Read the list").click()
    expect(page.get_by_text("Notices of this incident")).to_have_count(0)
    paths = (
        *("", "incidents", f"incident/{incident}/paste", f"incident/{incident}/notify/"),
        *(f"notice/{notice}/", f"incident/{incident}/close", "told?q=person1@customer.example"),
        *("reports", f"incident/{incident}/report", "rehearsals/", "rehearsals/outage/"),
        *("setup/", "setup/doctor", "sign-in", page.url),
    )
    for path in paths:
        page.goto(path if path.startswith("http") else console.address + path)
        for width in (PHONE, TABLET, DESK):
            page.set_viewport_size({"width": width, "height": 900})
            assert not page.evaluate("document.documentElement.scrollWidth > innerWidth"), path
        assert page.evaluate(WEAK_TEXTS) == [], path
