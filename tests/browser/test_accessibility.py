"""Accessibility: axe-core finds nothing on any page, at two sizes and in two color schemes.

axe-core checks languages, landmarks, names, labels, the order of headings and contrast
(https://github.com/dequelabs/axe-core, all rules but the experimental ones).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from google_rehearsal.lifecycle import serve_in_thread
from tests.browser.sample_world import (
    POSTMORTEM,
    document,
    heading,
    item,
    paragraph,
    postmortem,
    run,
    table,
)
from tests.browser.test_report_in_chromium import PAGES as REPORTS
from tests.command_line import Postmortem, running, write_customers
from tests.conftest import CONFIG, NO_LIMITS
from tests.console.visitor import served
from tests.docs.test_docs import built_site
from tests.google_world import GoogleWorld
from tests.readme_page import ROOT
from workflow.document.exports import to_html

WIDTHS, SCHEMES = (375, 1280), ("light", "dark")
AXE = Axe().axe_script
# A mail in a frame is checked as a page of its own.
OPTIONS = {"iframes": False, "resultTypes": ["violations"]}
OF_COLOURS = ["color-contrast", "link-in-text-block"]
RUN = """options => axe.run(document, options).then(found => found.violations.map(each => (
    {id: each.id, help: each.help, where: each.nodes.map(node => node.html.slice(0, 120))})))"""

# Things that people do in a doc: skipped heading levels, empty headings, no title.
ODD_DOC = document(
    "Nobody wrote a title",
    paragraph("Deep at once", style="HEADING_4"),
    paragraph("", style="HEADING_1"),
    item("", of="boxes"),
    item("Nested", of="boxes", level=2),
    heading("Links"),
    paragraph(run("a link", link={"url": "https://example.com"}), " in a line of text."),
    table(("a", "b"), ("", "")),
    more_tabs=(("Notes", [paragraph("Raw notes")]),),
)


def colours(sheet: str) -> tuple[dict[str, str], dict[str, str]]:
    """The named colours of a stylesheet, in the light and in the dark."""
    light, dark = re.findall(r":root \{(.*?)\}", (ROOT / sheet).read_text("utf-8"), re.DOTALL)[:2]
    found = [dict(re.findall(r"--([\w-]+): (#\w+)", block)) for block in (light, dark)]
    return found[0], found[1]


def test_console_preview_report_and_rehearsal_have_the_same_colours() -> None:
    """Console and preview share a file; a report stands alone, and so does the rehearsal."""
    ours = colours("workflow/notice/preview/static/preview.css")
    for sheet in ("workflow/report/pages/report.css", "google_rehearsal/pages/static/pages.css"):
        for known, theirs in zip(ours, colours(sheet), strict=True):
            shared = known.keys() & theirs.keys()
            assert len(shared) >= 8
            assert {name: theirs[name] for name in shared} == {name: known[name] for name in shared}
    assert ":root" not in (ROOT / "workflow/console/static/console.css").read_text("utf-8")


@contextmanager
def somebody(folder: Path) -> Iterator[tuple[Postmortem, GoogleWorld]]:
    """A person with a Google of their own."""
    home = folder / "home"
    home.mkdir(mode=0o700)
    with serve_in_thread(folder / "google", NO_LIMITS) as google:
        person = Postmortem(home, {"POSTMORTEM_GOOGLE_URL": google.base_url})
        person.configure(f'organisation = "Harbor Ltd"\nsupport = "help@harbor.example"\n{CONFIG}')
        yield person, GoogleWorld(google)


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The address of each page of a day's incident, by name."""
    folder = tmp_path_factory.mktemp("day")
    listed = write_customers(folder / "customers.csv", 60)
    # The typed text must stay exactly as it is.
    words = "- it *broke*\n- [see](https://help.example/)\n\n| a | b |\n|---|---|\n| 1 | 2 |"
    with somebody(folder) as (person, world):
        google = world.server
        person("start", "Wrong amounts", "--impact", "About 60 customers", "--severity", "SEV2")
        for section in ("summary", "root", "solution", "next"):
            person("section", section, words)
        person("notify", str(listed), "--send", "--confirm", "60")
        person("status", "resolved")
        person("publish", "--doc", "--to", str(folder / "public"))
        person("export", str(folder / "record"))
        person("report", "--to", str(folder / "report.html"))
        person("report", "--all", "--to", str(folder / "all.html"))
        doc_id = person.json("show")["doc_id"]
        pages = {
            "export": (folder / "record" / "postmortem.html").as_uri(),
            "public": (folder / "public" / "public.html").as_uri(),
            "report": (folder / "report.html").as_uri(),
            "report of all": (folder / "all.html").as_uri(),
            "desk": f"{google.base_url}/",
            "mailbox": f"{google.base_url}/mail",
            "colleagues": f"{google.base_url}/colleagues",
            "no such mail": f"{google.base_url}/mail/nothing",
            "doc": f"{google.base_url}/document/d/{doc_id}/edit",
        }
        command = ["notify", str(listed), "--set", "solution=All was put right.", "--preview"]
        with running(person.start_process(*command)) as process:
            assert process.stdout is not None
            said = (re.search(r"http://127\S+", line) for line in process.stdout)
            preview = next(found[0] for found in said if found)
            pages |= {
                "preview": preview,
                "preview on a phone": f"{preview}?width=phone",
                "recipients": f"{preview}recipients",
                "recipients sought": f"{preview}recipients?q=nobody",
                "no such row": f"{preview}mail/900",
            }
            yield pages


def _looked_at(page: Page, address: str) -> None:
    page.goto(address)
    assert _looked_at_as_it_stands(page) == []


def _looked_at_as_it_stands(page: Page) -> list[str]:
    """What axe-core finds on a page at each width and in each scheme, without loading it again.

    In the other scheme only the rules are asked again that look at colours.
    """
    found = []
    for width, scheme in product(WIDTHS, SCHEMES):
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        options = {} if scheme == SCHEMES[0] else {"runOnly": OF_COLOURS}
        found += [f"{page.url} {width} {scheme}: {each}" for each in _violations(page, **options)]
    return found


def _violations(page: Page, **options: list[str]) -> list[str]:
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE)
    found = page.evaluate(RUN, {**OPTIONS, **options})
    return [f"{each['id']}: {each['help']}: {each['where'][:5]}" for each in found]


@pytest.fixture
def plain_page(browser: Browser) -> Iterator[Page]:
    # axe-core is added as a script, which a page's own security policy would block.
    context = browser.new_context(bypass_csp=True)
    yield context.new_page()
    context.close()


@pytest.mark.parametrize(
    "name",
    [
        *("export", "public", "report", "report of all"),
        *("preview", "preview on a phone", "recipients", "recipients sought", "no such row"),
        *("desk", "mailbox", "colleagues", "no such mail", "doc"),
    ],
)
def test_axe_finds_nothing_on_the_pages_of_a_day(
    plain_page: Page, day: dict[str, str], name: str
) -> None:
    _looked_at(plain_page, day[name])


def test_axe_finds_nothing_in_a_mail_of_the_rehearsal(plain_page: Page, site: str) -> None:
    _looked_at(plain_page, f"{site}/mail/{1:016x}")
    _looked_at(plain_page, f"{site}/document/d/{POSTMORTEM}/edit")


@pytest.mark.parametrize("name", sorted(REPORTS))
def test_axe_finds_nothing_in_any_report(plain_page: Page, tmp_path: Path, name: str) -> None:
    path = tmp_path / "report.html"
    path.write_text(REPORTS[name], encoding="utf-8")
    _looked_at(plain_page, path.as_uri())


@pytest.mark.parametrize("doc", [postmortem(), ODD_DOC], ids=["finished", "odd"])
def test_axe_finds_nothing_in_what_people_made_of_a_doc(
    plain_page: Page, tmp_path: Path, doc: dict[str, Any]
) -> None:
    path = tmp_path / "postmortem.html"
    path.write_text(to_html(doc), encoding="utf-8")
    _looked_at(plain_page, path.as_uri())


def screens_of_the_console(person: Postmortem, google: GoogleWorld, folder: Path) -> dict[str, str]:
    """A day with everything in it that a page of the console can show: paths, by name."""
    listed = write_customers(folder / "customers.csv", 4)
    send = ("notify", str(listed), "--send", "--confirm", "4")
    over = person.json("start", "Over and done")["incident"]
    person(*send)
    person("status", "resolved")
    person("close", "--force", "for the picture")
    incident = person.json("start", "Wrong amounts on invoices", "--severity", "SEV2")["incident"]
    person("impact", "About 200 customers see a total that is too high.")
    person("log", "Sales asks customers to hold their payments", "--by", "Ann")
    struck = person.json("log", "At two oclock")["entry"]
    person("log", "--strike", struck)
    person("share", "support@our.example:commenter")
    google.misbehave("400_invalid_to", "gmail.users.drafts.create", times=1)
    person(*send, "--next-update", "9 minutes", expect=6)
    google.behave()
    held = ("--subject", "Held back", "--draft-only", "--stage", "update")
    person(*send, *held)
    google.person.edits_draft("person1@customer.example", text="Other words altogether.")
    google.misbehave("403_storage_full", "docs.*")
    person("status", "identified", "An old price list was loaded", expect=5)
    google.behave()
    notices = person.json("show", "--incident", incident)["notices"]
    failed, drafts = (each["notice"] for each in notices)
    return {
        "incident": f"incident/{incident}/",
        "closed": f"incident/{over}/",
        "incidents": "incidents",
        "paste": f"incident/{incident}/paste",
        "list": f"incident/{incident}/notify/",
        "failed": f"notice/{failed}/",
        "drafts": f"notice/{drafts}/",
        "close": f"incident/{incident}/close",
        "told": "told?q=person1@customer.example",
        "told nothing": "told?q=who@else.example",
        "reports": "reports",
        "report": f"incident/{incident}/report",
        "rehearsals": "rehearsals/",
        "rehearsal": "rehearsals/outage/",
        "setup": "setup/",
        "doctor": "setup/doctor",
        "sign-in": "sign-in",
        "no such page": "nowhere",
    }


def unfold(page: Page) -> None:
    """Open everything that is folded away."""
    page.evaluate("document.querySelectorAll('details').forEach(e => { e.open = true })")


def forms_of_the_console(page: Page, address: str, screens: dict[str, str]) -> Iterator[None]:
    """Bring the page to each screen that only a pressed button leads to."""
    page.goto(address + screens["incident"])
    log = page.get_by_role("region", name="Log what happened")
    log.get_by_label("What happened", exact=True).fill("x")
    log.get_by_label("When").fill("soonish")
    log.get_by_role("button", name="Log it").click()
    expect(page.get_by_role("alert")).to_be_visible()
    yield
    page.goto(address + screens["paste"])
    page.get_by_label("The text").fill("2026-11-24 14:39 It began\n2026-11-24 14:50 Ann looks\n")
    page.get_by_label("Allow times before").check()
    page.get_by_role("button", name="Read it").click()
    expect(page.get_by_text("2 entries read")).to_be_visible()
    yield
    page.goto(address + screens["close"])
    page.get_by_role("button", name="Close the incident").click()
    expect(page.get_by_role("alert")).to_be_visible()
    yield
    page.goto(address + screens["list"])
    rows = "email,name\nann@customer.example,Ann\nnot an address,Bea\n"
    page.get_by_label("The list of customers").set_input_files(
        {"name": "customers.csv", "mimeType": "text/csv", "buffer": rows.encode()}
    )
    page.get_by_role("button", name="Read the list").click()
    page.get_by_label("Subject").fill("At 3 PM")
    page.get_by_role("button", name="Check again").click()
    expect(page.get_by_text("3 PM has no time zone")).to_be_visible()
    yield


def test_axe_finds_nothing_in_the_console(plain_page: Page, tmp_path: Path) -> None:
    page, found = plain_page, []
    with somebody(tmp_path) as (person, google):
        screens = screens_of_the_console(person, google, tmp_path)
        with served(person) as server:
            page.goto(f"{server.address}{screens.pop('sign-in')}")
            found += _looked_at_as_it_stands(page)
            page.goto(server.way_in.as_uri())
            expect(page.get_by_role("navigation", name="Console")).to_be_visible()
            for path in screens.values():
                page.goto(server.address + path)
                unfold(page)
                found += _looked_at_as_it_stands(page)
            for _ in forms_of_the_console(page, server.address, screens):
                unfold(page)
                found += _looked_at_as_it_stands(page)
    assert found == []


def test_axe_finds_nothing_in_the_docs_site(browser: Browser, tmp_path: Path) -> None:
    """Pages of each make: the first one, prose with pictures, and tables."""
    site, found = built_site(tmp_path), []
    for scheme in SCHEMES:  # which the theme looks at when a page is loaded
        context = browser.new_context(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]
        page = context.new_page()
        for width, name in product(WIDTHS, ("index", "console", "exit-codes")):
            page.set_viewport_size({"width": width, "height": 900})
            page.goto((site / f"{name}.html").as_uri())
            found += [f"{name} {width} {scheme}: {each}" for each in _violations(page)]
        context.close()
    assert found == []


def test_the_preview_opens_at_a_phones_width_on_a_phone(
    browser: Browser, day: dict[str, str]
) -> None:
    context = browser.new_context(
        viewport={"width": 390, "height": 844},
        user_agent="Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Mobile/15E148",
    )
    page = context.new_page()
    page.goto(day["preview"])
    assert page.locator("iframe").get_attribute("width") == "375"
    page.get_by_role("link", name="Desktop").click()
    assert page.locator("iframe").get_attribute("width") == "680"
    context.close()
