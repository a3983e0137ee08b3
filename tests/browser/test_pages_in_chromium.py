"""The rehearsal's pages in a browser, as a support lead sees them."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Browser, Page, expect

from google_rehearsal.lifecycle import serve_in_thread
from tests.browser.sample_world import POSTMORTEM, SampleWorld, document, notice, paragraph, table
from tests.google_rehearsal.caller import Google, mail
from tests.google_world import GoogleWorld

PHONE, DESK = 390, 1280
PAGES = ["/", f"/document/d/{POSTMORTEM}/edit", "/mail", f"/mail/{1:016x}"]
LONG_TITLE = "Überlang 🧯 שלום " * 200


def scrolls_sideways(page: Page) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth > innerWidth"))


@pytest.mark.parametrize("width", [PHONE, DESK])
def test_no_page_scrolls_sideways(page: Page, site: str, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 844})
    for path in PAGES:
        page.goto(site + path)
        assert not scrolls_sideways(page)
        assert "Everything stays on this machine" in page.inner_text("body")


@pytest.mark.parametrize("width", [PHONE, DESK])
def test_a_title_of_3000_characters_fits(
    page: Page, site: str, world: SampleWorld, width: int
) -> None:
    cells = tuple("y" * 300 for _ in range(9))
    title = paragraph(LONG_TITLE, style="TITLE")
    world.add_doc("1long", document(LONG_TITLE, title, paragraph("x" * 3000), table(cells)))
    mail_id = world.add_mail(notice("a@client.example", subject=LONG_TITLE))
    page.set_viewport_size({"width": width, "height": 844})
    for path in ("/", "/mail", f"/mail/{mail_id}", "/document/d/1long/edit"):
        page.goto(site + path)
        assert not scrolls_sideways(page)
    assert page.inner_text(".paper h1").split() == LONG_TITLE.split()


def test_the_doc_can_be_read_from_top_to_end(page: Page, site: str) -> None:
    page.goto(f"{site}/document/d/{POSTMORTEM}/edit")
    assert page.locator(".paper h2").all_inner_texts() == [
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
    ]
    assert "2:55 PM CET  Identified and corrected the root cause 🧯" in page.inner_text(".paper")
    assert page.get_by_role("cell", name="412").is_visible()
    assert page.locator(".paper .chip.person").first.inner_text() == "Ann Okafor"
    assert page.get_by_role("img", name="To do:").count() == 3


def test_a_hebrew_paragraph_runs_from_right_to_left(page: Page, site: str) -> None:
    page.goto(f"{site}/document/d/{POSTMORTEM}/edit")
    line = page.get_by_text("רשומה בעברית")
    assert line.evaluate("e => getComputedStyle(e).direction") == "rtl"


def test_the_outline_leads_to_its_heading(page: Page, site: str) -> None:
    page.goto(f"{site}/document/d/{POSTMORTEM}/edit")
    page.get_by_role("navigation", name="Outline").get_by_role("link", name="Timeline").click()
    expect(page.locator(".paper h2", has_text="Timeline")).to_be_in_viewport()


@pytest.mark.parametrize("width", [PHONE, DESK])
def test_a_draft_is_edited_and_sent_as_a_person_in_gmail(
    page: Page, tmp_path: Path, width: int
) -> None:
    page.set_viewport_size({"width": width, "height": 844})
    with serve_in_thread(tmp_path / "world") as server:
        google = GoogleWorld(server)
        Google(server).new_draft(mail("ada@customer.example", "All is well."))
        page.goto(f"{server.base_url}/mail")
        page.get_by_text("ada@customer.example").click()
        page.get_by_text("Edit this draft").click()
        page.get_by_label("Text").fill("Nearly all is well.")
        assert not scrolls_sideways(page)
        page.get_by_role("button", name="Save the draft").click()
        page.get_by_role("button", name="Send this draft").click()
        expect(page.get_by_text("Accepted", exact=True)).to_be_visible()
        expect(page.get_by_role("button", name="Send this draft")).to_have_count(0)
        assert [each.get_content().strip() for each in google.sent()] == ["Nearly all is well."]


def test_search_finds_by_address_and_by_subject(page: Page, site: str) -> None:
    page.goto(f"{site}/mail")
    page.get_by_label("Address or subject").fill("CUSTOMER2@client")
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_contain_text("1 of 4 mails")
    expect(page.locator(".mails li")).to_have_count(1)
    page.get_by_label("Address or subject").fill("welcome zoë")
    page.get_by_role("button", name="Search").click()
    expect(page.locator(".mails li")).to_contain_text("Zoë Brandt")
    page.get_by_role("link", name="Show all").click()
    expect(page.get_by_role("status")).to_have_text("4 mails accepted")


def test_a_script_in_a_mail_does_nothing(browser: Browser, site: str, world: SampleWorld) -> None:
    elsewhere = socket.create_server(("127.0.0.1", 0))
    html = (
        "<p id=x style='color:#123456'>Hello</p><script>document.getElementById('x')"
        ".textContent='hacked'; parent.document.title='hacked'</script>"
        f"<img src='http://127.0.0.1:{elsewhere.getsockname()[1]}/pixel.png'"
        " onerror=\"document.body.textContent='hacked'\">"
        "<form action='/mail'><button>Go</button></form>"
    )
    mail_id = world.add_mail(notice("a@client.example", html=html))
    page = browser.new_page()
    page.goto(f"{site}/mail/{mail_id}", wait_until="networkidle")
    frame = page.frame_locator("iframe")
    assert frame.locator("#x").inner_text() == "Hello"
    assert frame.locator("#x").evaluate("e => getComputedStyle(e).color") == "rgb(18, 52, 86)"
    assert "hacked" not in page.title() + frame.locator("body").inner_text()
    page.close()
    elsewhere.settimeout(0)
    with elsewhere, pytest.raises(BlockingIOError):
        elsewhere.accept()


def test_markup_in_titles_names_and_entries_is_shown_as_text(
    page: Page, site: str, world: SampleWorld
) -> None:
    sly = "<script>document.title='hacked'</script>{{ 7*7 }}\"'><img src=x>"
    world.add_doc("1sly", document(sly, paragraph(sly, style="TITLE"), paragraph(sly)))
    world.add_mail(notice("a@client.example", subject=sly))
    for path in ("/", "/document/d/1sly/edit", "/mail"):
        page.goto(site + path)
        assert sly in page.inner_text("main")
    page.locator(".mails a", has_text=sly).first.click()
    expect(page.locator("h1")).to_have_text(sly)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_stands_out_from_its_ground(
    page: Page, site: str, scheme: Literal["light", "dark"]
) -> None:
    page.emulate_media(color_scheme=scheme)
    for path in PAGES:
        page.goto(site + path)
        assert page.evaluate(WEAK_TEXTS) == []


# Every visible text whose contrast with its background is below 4.5 : 1 (WCAG 2.2).
WEAK_TEXTS = """() => {
  const channels = color => color.match(/[\\d.]+/g).map(Number);
  const light = color => channels(color).slice(0, 3).map(c => c / 255)
    .map(c => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
    .reduce((sum, c, at) => sum + c * [0.2126, 0.7152, 0.0722][at], 0);
  const ground = element => {
    for (let at = element; at; at = at.parentElement) {
      const color = getComputedStyle(at).backgroundColor;
      if (channels(color).length === 3 || channels(color)[3] === 1) return color;
    }
    return 'rgb(255, 255, 255)';
  };
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const weak = [];
  while (texts.nextNode()) {
    const element = texts.currentNode.parentElement;
    if (!texts.currentNode.data.trim() || !element.getClientRects().length) continue;
    const pair = [light(getComputedStyle(element).color), light(ground(element))];
    const ratio = (Math.max(...pair) + 0.05) / (Math.min(...pair) + 0.05);
    if (ratio < 4.5) weak.push([texts.currentNode.data, ratio]);
  }
  return weak;
}"""
