"""`notify --preview` in a browser, with a real command that serves it."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Browser, Page, expect

from google_rehearsal.lifecycle import serve_in_thread
from tests.browser.test_pages_in_chromium import WEAK_TEXTS
from tests.command_line import Postmortem, running
from tests.conftest import NO_LIMITS

PHONE, DESK = 390, 1280
SAID = (
    "Invoices sent after 3 PM show amounts without your discount. "
    "It will be fixed by tomorrow, see https://status.local/page."
)
SUBJECT = "{{ name }}: Überlang 🧯 " + "שלום עולם " * 18
PEOPLE = (
    "zoe@harbor.example,Zoë Brandt",
    "not an address,Nobody",
    "ali@shop.example,علي حسن",
    "party@fun.example,🎉 Ann-Marie 👩‍👩‍👧 O'Neill",
    "sly@client.example,<script>document.title='hacked'</script>{{ 7*7 }}",
    f"long@client.example,{'Wolfeschlegelsteinhausenbergerdorff' * 6}",
    *(f"person{at}@customer.example,Person {at}" for at in range(1, 121)),
)


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address that a running `notify --preview` printed."""
    folder = tmp_path_factory.mktemp("preview")
    listed = folder / "customers.csv"
    listed.write_text("\n".join(("email,name", *PEOPLE, "")), encoding="utf-8")
    with serve_in_thread(folder / "google", NO_LIMITS) as google:
        person = Postmortem(_made(folder / "home"), {"POSTMORTEM_GOOGLE_URL": google.base_url})
        person("start", "Wrong amounts", "--impact", "Invoices of [today](https://help.example/)")
        words = ["--subject", SUBJECT, "--set", f"what_happened={SAID}", "--next-update", "2h"]
        command = ["notify", str(listed), "--skip-bad", "--preview", *words]
        with running(person.start_process(*command)) as process:
            assert process.stdout is not None
            said = (re.search(r"http://127\S+", line) for line in process.stdout)
            yield next(found[0] for found in said if found)


def _made(folder: Path) -> Path:
    folder.mkdir(mode=0o700)
    return folder


def test_search_leads_to_a_customers_mail_and_back(page: Page, address: str) -> None:
    page.goto(address)
    page.get_by_label("Address or name").fill("PERSON 77")
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_have_text("1 recipient")
    page.get_by_role("link", name="person77@customer.example").click()
    expect(page.locator(".to")).to_contain_text("Person 77")
    expect(page.frame_locator("iframe").locator("body")).to_contain_text("Hello Person 77,")
    expect(page.locator(".text")).to_contain_text("Hello Person 77,")
    page.get_by_role("link", name="Back to").click()
    expect(page.locator(".people li")).to_have_count(1)


def test_next_and_previous_go_through_the_list(page: Page, address: str) -> None:
    page.goto(address)
    expect(page.locator(".position")).to_have_text("1 of 125")
    page.get_by_role("link", name="Next").click()
    expect(page.locator(".to")).to_contain_text("ali@shop.example")
    page.get_by_role("link", name="Next").click()
    expect(page.locator(".to")).to_contain_text("party@fun.example")
    page.get_by_role("link", name="Previous").click()
    expect(page.locator(".position")).to_have_text("2 of 125")


def test_the_keyboard_does_it_too(page: Page, address: str) -> None:
    page.goto(address)
    _turn(page, "ArrowRight")
    expect(page.locator(".position")).to_have_text("2 of 125")
    _turn(page, "w")
    expect(page.locator("iframe")).to_have_attribute("width", "375")
    _turn(page, "ArrowLeft")
    expect(page.locator(".position")).to_have_text("1 of 125")
    expect(page.locator("iframe")).to_have_attribute("width", "375")
    page.keyboard.press("/")
    page.keyboard.type("ann-marie w")
    expect(page.get_by_label("Address or name")).to_have_value("ann-marie w")
    expect(page.locator(".position")).to_have_text("1 of 125")


def _turn(page: Page, key: str) -> None:
    with page.expect_navigation():
        page.keyboard.press(key)


def test_the_mail_is_shown_at_a_desks_and_at_a_phones_width(page: Page, address: str) -> None:
    page.goto(address)
    inside = page.frame_locator("iframe").locator("html")
    for name, width in (("Phone", 375), ("Desktop", 680)):
        page.get_by_role("navigation", name="Width").get_by_role("link", name=name).click()
        expect(page.locator("iframe")).to_have_attribute("width", str(width))
        assert inside.evaluate("() => innerWidth") == width
        assert inside.evaluate("html => html.scrollWidth") <= width


def test_findings_stand_in_the_sheet_and_under_their_line(page: Page, address: str) -> None:
    page.goto(address)
    sheet = page.locator(".sheet")
    expect(sheet).to_contain_text("3 PM has no time zone")
    expect(sheet).to_contain_text("an email address must have an @-sign")
    line = page.locator(".line.marked", has_text="Invoices sent after 3 PM")
    expect(line).to_be_visible()
    expect(page.locator(".line.marked + .note").first).to_be_visible()
    expect(page.locator("#subject.marked + .note")).to_contain_text("a phone shows about 40")
    page.get_by_role("link", name="Next").click()
    expect(page.get_by_text("an email address must have an @-sign")).to_be_hidden()
    page.locator(".sheet summary").click()
    expect(page.get_by_text("an email address must have an @-sign")).to_be_visible()


def test_a_name_that_is_a_script_is_a_name(page: Page, address: str) -> None:
    page.goto(f"{address}mail/6")
    assert "hacked" not in page.title()
    expect(page.locator(".to")).to_contain_text("<script>document.title='hacked'</script>{{ 7*7 }}")
    expect(page.frame_locator("iframe").locator("body")).to_contain_text("<script>")


def test_an_arabic_name_runs_from_right_to_left(page: Page, address: str) -> None:
    page.goto(f"{address}mail/4")
    name = page.locator(".who b")
    assert name.evaluate("e => getComputedStyle(e).direction") == "rtl"


def test_a_click_on_a_link_in_the_mail_leads_nowhere(browser: Browser, address: str) -> None:
    page = browser.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{address}mail/2")
    frame = page.frame_locator("iframe")
    frame.locator("body").evaluate(
        "body => body.insertAdjacentHTML('beforeend', '<a href=\"http://127.0.0.1:9/\">Go</a>')"
    )
    frame.get_by_role("link", name="Go").click()
    page.wait_for_timeout(300)
    expect(frame.locator("body")).to_contain_text("Hello Zoë Brandt")
    assert len(page.context.pages) == 1
    assert {socket.gethostbyname(url.split("/")[2].split(":")[0]) for url in asked} == {"127.0.0.1"}
    assert not any(":9/" in url for url in asked)
    page.close()


@pytest.mark.parametrize("width", [PHONE, DESK])
def test_no_page_scrolls_sideways(page: Page, address: str, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 844})
    for path in ("", "mail/7", "mail/5?width=phone", "recipients"):
        page.goto(address + path)
        assert not page.evaluate("document.documentElement.scrollWidth > innerWidth"), path


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_stands_out_from_its_ground(
    page: Page, address: str, scheme: Literal["light", "dark"]
) -> None:
    page.emulate_media(color_scheme=scheme)
    for path in ("", "recipients?q=zo", "recipients?q=nobody"):
        page.goto(address + path)
        assert page.evaluate(WEAK_TEXTS) == [], path
