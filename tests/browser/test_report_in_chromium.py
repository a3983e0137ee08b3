"""The report in a browser: at desktop and phone size, in dark mode and printed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import combinations, pairwise
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from tests.browser.test_pages_in_chromium import WEAK_TEXTS
from workflow.model import DeliveryCounts, Incident, Shortfall, Status, TimelineEntry
from workflow.report.facts import (
    AcceptedCount,
    ActionFacts,
    IncidentFacts,
    IncidentRow,
    LedgerFacts,
    NoticeFacts,
    PromiseFacts,
    StatusChange,
    WordToCustomers,
    milestones,
    phases,
)
from workflow.report.page import incident_page, ledger_page

PHONE, DESK, PAPER = 390, 1280, 688  # A4 between the page's margins, in CSS pixels
BEGUN = datetime(2026, 11, 24, 13, 39, tzinfo=UTC)
LONG = "Wolfeschlegelsteinhausenbergerdorff" * 4
SHOUT = "<img src=http://evil.example/p.png onerror=alert(1)> שלום 🧯 "


def an_incident(unit: timedelta) -> IncidentFacts:
    """An incident whose events are a few `unit`s apart."""
    incident = Incident(
        id="abcdefgh",
        title=f"{SHOUT}{LONG}",
        started_at=BEGUN,
        time_zone="Europe/Berlin",
        status=Status.RESOLVED,
        impact=f"About 200 customers. {LONG}",
        severity="SEV2",
        closed_at=BEGUN + 40 * unit,
    )
    entries = tuple(
        TimelineEntry(f"e{number}", BEGUN + number * unit, text, BEGUN, by=by)
        for number, (text, by) in enumerate(
            [("A customer reports it", "Zoë"), (SHOUT, ""), (LONG, LONG), ("Rolled back", "Ann")], 1
        )
    )
    changes = [
        StatusChange(BEGUN + 3 * unit, Status.IDENTIFIED),
        StatusChange(BEGUN + 4 * unit, Status.MONITORING),
        StatusChange(BEGUN + 5 * unit, Status.RESOLVED),
    ]
    stages = ("investigating", "update", "update", "resolved")
    notices = tuple(_notice(number, stage, unit) for number, stage in enumerate(stages, 1))
    words = [WordToCustomers(each.said_at, each.stage) for each in notices]
    return IncidentFacts(
        incident=incident,
        made_at=BEGUN + 41 * unit,
        milestones=milestones(incident, entries, changes, words, BEGUN + unit),
        phases=tuple(phases(incident, changes, BEGUN + 40 * unit)),
        entries=entries,
        notices=notices,
        promises=(
            PromiseFacts(BEGUN + 3 * unit, BEGUN + 3 * unit, "kept", "kept"),
            PromiseFacts(BEGUN + 4 * unit, BEGUN + 9 * unit, "5 min late", "late"),
            PromiseFacts(BEGUN + 50 * unit, None, "not due yet", "open"),
        ),
        customers=10_000,
        root_cause=f"{SHOUT}\n{LONG}",
        actions=(ActionFacts(LONG, False, False, True), ActionFacts("Done", True, True, True)),
        notes=("Two entries are not in the doc yet: postmortem sync",),
    )


def _notice(number: int, stage: str, unit: timedelta) -> NoticeFacts:
    said_at = BEGUN + (number + 1) * unit
    return NoticeFacts(
        number=number,
        id=f"n{number}",
        stage=stage,
        subject=f"{SHOUT}{LONG}",
        sender="support@lagerhaus.example",
        carrier="Gmail",
        said_at=said_at,
        counts=DeliveryCounts(sent=9_990, failed=6, unknown=4),
        body_html=f"<p>Hello ‹name›,</p><p>{LONG}</p><table><tr><td>{LONG}</td></tr></table>",
        bounced=3,
        replies=12,
        automatic_replies=2,
        reasons=(("the address does not exist", 6),),
        shortfalls=(Shortfall(f"{LONG}@customer.example", 7, "does not exist"),),
        steps=tuple(
            AcceptedCount(said_at + each * unit / 50, 2_000 * each) for each in range(1, 5)
        ),
    )


def a_ledger(count: int) -> LedgerFacts:
    rows = tuple(
        IncidentRow(
            id=f"abc{number}",
            title=SHOUT if number % 3 else LONG,
            severity="SEV1" if number % 2 else "",
            status="closed",
            started_at=BEGUN - timedelta(days=20 * number),
            first_word_seconds=600.0 * number if number % 4 else None,
            duration_seconds=7_200.0 if number % 5 else None,
            customers=1_000 * number,
            promises_kept=1,
            promises_due=number % 3,
            cause="Retry storm" if number < 3 else "",
            root_cause="",
            open_actions=(LONG, "Alert on repeats"),
        )
        for number in range(count)
    )
    return LedgerFacts(rows, BEGUN, Incident("a", "b", BEGUN, "Europe/Berlin").zone, ("A note",))


PAGES = {
    "seconds": incident_page(an_incident(timedelta(seconds=1))),
    "minutes": incident_page(an_incident(timedelta(minutes=3))),
    "days": incident_page(an_incident(timedelta(days=2))),
    "nothing known": incident_page(
        replace(
            an_incident(timedelta(hours=1)),
            entries=(),
            notices=(),
            promises=(),
            actions=None,
            phases=(),
        )
    ),
    "many": ledger_page(a_ledger(40)),
    "none": ledger_page(a_ledger(0)),
}


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page that loads nothing, and on which the browser reports no problem."""
    context = browser.new_context(viewport={"width": DESK, "height": 900})
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda request: complaints.append(request.url))
    yield page
    context.close()
    assert [each for each in complaints if not each.startswith("file://")] == []


@pytest.fixture(params=sorted(PAGES))
def written(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of one of the pages as a file on disk."""
    path = tmp_path / "report.html"
    path.write_text(PAGES[request.param], encoding="utf-8")
    return path.as_uri()


def test_it_fits_each_screen_and_paper_and_can_be_read_in_both_themes(
    page: Page, written: str
) -> None:
    for width, medium, scheme in (
        (DESK, "screen", "light"),
        (PHONE, "screen", "dark"),
        (PHONE, "screen", "light"),
        (PAPER, "print", "dark"),
    ):
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(media=medium, color_scheme=scheme)  # type: ignore[arg-type]
        page.goto(written)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.evaluate(WEAK_TEXTS) == []
        assert page.evaluate(OUTSIDE) == []
        assert _overlaps(page) == []


def test_it_is_built_for_those_who_do_not_see_it(page: Page, written: str) -> None:
    page.goto(written)
    levels = page.eval_on_selector_all(
        "h1, h2, h3, h4, h5, h6", "all => all.map(each => Number(each.tagName[1]))"
    )
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    for picture in page.locator("svg.picture").all():
        named = (picture.get_attribute("aria-labelledby") or "").split()
        assert len(named) == 2
        for name in named:
            assert page.locator(f"#{name}").count() == 1
            assert page.locator(f"#{name}").text_content()
    for table in page.locator("table.cards").all():
        assert table.locator("th[scope=col]").count() > 1
        assert table.locator("tbody th[scope=row]").count() >= 1


def test_it_prints_on_a4(page: Page, written: str, tmp_path: Path) -> None:
    page.goto(written)
    content = page.pdf(prefer_css_page_size=True)
    assert content.startswith(b"%PDF-")
    assert b"/MediaBox [0 0 594.95996 841.91998]" in content or b"/MediaBox [0 0 595" in content


def test_a_report_on_ten_thousand_deliveries_stays_small() -> None:
    assert all(len(page.encode()) < 120_000 for page in PAGES.values())


def _overlaps(page: Page) -> list[tuple[str, str]]:
    """Labels of a picture that overlap."""
    boxes = page.eval_on_selector_all("svg.picture text", BOXES)
    return [
        (one["text"], other["text"])
        for one, other in combinations(boxes, 2)
        if one["picture"] == other["picture"]
        and one["left"] < other["right"] - 1
        and other["left"] < one["right"] - 1
        and one["top"] < other["bottom"] - 3
        and other["top"] < one["bottom"] - 3
    ]


BOXES = """texts => texts.map(text => {
  const box = text.getBoundingClientRect();
  return {text: text.textContent, picture: text.closest('.picture').getAttribute('aria-labelledby'),
    left: box.left, right: box.right, top: box.top, bottom: box.bottom};
})"""

# Texts of a picture that extend beyond its frame.
OUTSIDE = """() => [...document.querySelectorAll('svg.picture text')].filter(text => {
  const box = text.getBoundingClientRect();
  const frame = text.closest('figure').getBoundingClientRect();
  return box.left < frame.left || box.right > frame.right || box.bottom > frame.bottom
    || box.top < frame.top;
}).map(text => text.textContent)"""
